"""Spatial and temporal information, as video quality research has them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Found
from stimuli.probing import Probe

_SOURCE = "ITU-T P.910 (2008), 7.7"
_STRIP = 64  # rows at a time, so that what lies between two steps stays in the processor's cache


class Complexity(Feature):
    """SI and TI on Y' in full range at the file's own resolution."""

    defines = (
        Definition(
            "si", "levels", "SD over the picture of the Sobel gradient; mean over frames", _SOURCE, "OpenCV"
        ),
        Definition(
            "ti",
            "levels",
            "SD over the picture of the change since the frame before; mean over frames. By its definition it depends "
            "on the frame rate",
            _SOURCE,
            "OpenCV",
        ),
        Definition(
            "si_max",
            "levels",
            "largest SI of any frame, as P.910 has it",
            _SOURCE,
            "OpenCV",
            per_frame=False,
            matched=False,
        ),
        Definition(
            "ti_max",
            "levels",
            "largest TI of any frame, as P.910 has it",
            _SOURCE,
            "OpenCV",
            per_frame=False,
            matched=False,
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._mean = 0.0

    def see(self, frame: Frame) -> tuple[float, float]:
        """SI, and TI from the second frame on."""
        mean = cv2.mean(frame.luma)[0]
        change = math.nan
        if frame.previous is not None:
            square = cv2.norm(frame.luma, frame.previous.luma, cv2.NORM_L2SQR) / frame.luma.size
            change = math.sqrt(max(0.0, square - (mean - self._mean) ** 2))
        self._mean = mean
        return gradient_sd(frame.luma), change

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The largest of each."""
        del times
        return Found({f"{name}_max": float(np.fmax.reduce(series[name])) for name in ("si", "ti")})


def gradient_sd(luma: np.ndarray) -> float:
    """SD of the Sobel gradient's magnitude, without the outermost pixels."""
    total = squares = 0.0
    inside = np.s_[1:-1, 1:-1]
    for top in range(0, luma.shape[0] - 2, _STRIP):
        across, down = (gradient[inside] for gradient in cv2.spatialGradient(luma[top : top + _STRIP + 2]))
        squares += cv2.norm(across, cv2.NORM_L2SQR) + cv2.norm(down, cv2.NORM_L2SQR)
        total += cv2.sumElems(cv2.magnitude(across.astype(np.float32), down.astype(np.float32)))[0]
    pixels = (luma.shape[0] - 2) * (luma.shape[1] - 2)
    return math.sqrt(max(0.0, squares / pixels - (total / pixels) ** 2))
