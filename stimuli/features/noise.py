"""Noise: grain, sensor and coding noise, told from texture."""

from __future__ import annotations

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Sampled

_SECOND_DIFFERENCE = np.array([1.0, -2.0, 1.0])
_GAIN = 6.0  # of the mask, for independent noise
_MEDIAN_TO_SD = 0.674489750196082  # of a normal distribution's absolute value


class Noise(Sampled):
    """Immerkær's mask, at zero on slopes and on edges along the axes; its median, so that texture counts little."""

    defines = (
        Definition(
            "noise",
            "levels",
            "SD of the noise in levels of Y' (of 255) at 720 lines: median absolute response to Immerkær's mask, as "
            "for normal noise; clipped pixels left out; five frames a second",
            "Immerkær 1996, Comput Vis Image Underst 64:300",
            "OpenCV",
        ),
    )

    def look(self, frame: Frame) -> tuple[float]:
        """The SD; NaN for a picture that is all black or white."""
        luma = frame.standard
        response = cv2.sepFilter2D(luma, cv2.CV_16S, _SECOND_DIFFERENCE, _SECOND_DIFFERENCE)
        inside = np.s_[1:-1:2, 1:-1]  # every second row tells as much
        unclipped = cv2.inRange(luma[inside], 1, 254)
        counts = cv2.calcHist(
            [cv2.convertScaleAbs(response[inside])], [0], unclipped, [256], [0, 256]
        ).ravel()
        return (median_of_counts(counts) / (_MEDIAN_TO_SD * _GAIN),)


def median_of_counts(counts: np.ndarray) -> float:
    """Median of absolute whole numbers from how often 0, 1, 2, … occur, as of the values before rounding."""
    total = counts.sum()
    if not total:
        return np.nan
    cumulative = np.cumsum(counts)
    at = int(np.searchsorted(cumulative, total / 2))
    below = cumulative[at] - counts[at]
    share = float((total / 2 - below) / counts[at])
    return share / 2 if at == 0 else at - 0.5 + share
