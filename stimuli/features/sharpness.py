"""Sharpness: how much a blur would take away."""

from __future__ import annotations

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Sampled

BLUR = 9  # pixels, as in the paper
_STRIP = 90  # rows at a time, so that what lies between two steps stays in the processor's cache


class Sharpness(Sampled):
    """Crete's measure turned round: a sharp picture changes much when blurred, a blurred one hardly.

    The blur is a running mean, so that its differences are those of the pixels that enter and leave it, divided by 9,
    and everything is exact in whole numbers.
    """

    defines = (
        Definition(
            "sharpness",
            "share",
            "share of the differences between neighboring pixels that a blur over 9 pixels removes (1 − Crete's blur; "
            "the blurrier direction counts), on Y' at 720 lines, whatever the file's size; five frames a second",
            "Crete et al. 2007, Proc SPIE 6492:64920I",
            "OpenCV",
        ),
    )

    def look(self, frame: Frame) -> tuple[float]:
        """The share; NaN for a picture of one gray."""
        luma = frame.standard
        half = BLUR // 2
        across = _removed(
            cv2.absdiff(luma[:, half + 1 : -half], luma[:, half : -half - 1]),
            cv2.absdiff(luma[:, BLUR:], luma[:, :-BLUR]),
        )
        down = _removed(
            cv2.absdiff(luma[half + 1 : -half], luma[half : -half - 1]),
            cv2.absdiff(luma[BLUR:], luma[:-BLUR]),
        )
        return (min(across, down),)


def _removed(differences: np.ndarray, entering_leaving: np.ndarray) -> float:
    """Share of the differences that is gone after the blur."""
    total = cv2.norm(differences, cv2.NORM_L1)
    if not total:
        return np.nan
    removed = 0.0
    for top in range(0, len(differences), _STRIP):
        strip = np.s_[top : top + _STRIP]
        before = differences[strip].astype(np.uint16) * np.uint16(BLUR)
        left = cv2.subtract(before, entering_leaving[strip], dtype=cv2.CV_16U)  # not below 0
        removed += cv2.norm(left, cv2.NORM_L1)
    return removed / BLUR / total
