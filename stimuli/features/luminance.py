"""Luminance and its contrast, in light as a screen emits it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Found

LIGHT = "linear light by ITU-R BT.1886 (exponent 2.4, black of zero), Rec. 709 primaries, 640 px wide"


class Luminance(Feature):
    """Mean and spread over the picture, and how the mean moves over time."""

    defines = (
        Definition(
            "luminance",
            "cd_m2_percent",
            f"mean luminance of the picture in percent of white; {LIGHT}",
            "ITU-R BT.709; ITU-R BT.1886",
            "OpenCV",
        ),
        Definition(
            "rms_contrast",
            "rms",
            f"SD of luminance over the picture, white being 1 (not divided by the mean); {LIGHT}",
            "Peli 1990, J Opt Soc Am A 7:2032",
            "OpenCV",
        ),
        Definition(
            "luminance_sd",
            "cd_m2_percent",
            "SD over time of the picture's mean luminance: fades, flicker, exposure that drifts",
            "ITU-R BT.1886",
            "numpy",
            per_frame=False,
        ),
    )

    def see(self, frame: Frame) -> tuple[float, float]:
        """Mean in percent of white, SD as a share of white."""
        pixels = frame.luminance.size
        mean = cv2.sumElems(frame.luminance)[0] / pixels
        variance = cv2.norm(frame.luminance, cv2.NORM_L2SQR) / pixels - mean**2
        return 100 * mean, math.sqrt(max(0.0, variance))

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The SD over time; one frame has none."""
        spread = float(np.std(series["luminance"])) if len(times) > 1 else np.nan
        return Found({"luminance_sd": spread})
