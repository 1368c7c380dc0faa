"""Color in CIELAB."""

from __future__ import annotations

import math

import cv2

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature

_SPACE = "CIE 15:2018 (CIELAB, D65)"
_ON = "of linear light, 320 px wide"


class Color(Feature):
    """Where a picture's colors lie, and how far they spread."""

    defines = (
        Definition("lab_l", "cielab", f"mean lightness L* {_ON}", _SPACE, "OpenCV"),
        Definition("lab_a", "cielab", f"mean a* (green to red) {_ON}", _SPACE, "OpenCV"),
        Definition("lab_b", "cielab", f"mean b* (blue to yellow) {_ON}", _SPACE, "OpenCV"),
        Definition(
            "lab_spread",
            "cielab",
            "spread of hue and chroma over the picture: root of the summed variances of a* and b*",
            _SPACE,
            "OpenCV",
        ),
        Definition(
            "colorfulness",
            "cielab",
            "lab_spread + 0.37 × distance of the mean color from gray (their M1)",
            "Hasler & Süsstrunk 2003, Proc SPIE 5007:87",
            "OpenCV",
        ),
    )

    def see(self, frame: Frame) -> tuple[float, ...]:
        """Means of L*, a*, b*; spread; colorfulness."""
        lab = cv2.cvtColor(frame.small_light, cv2.COLOR_LRGB2Lab)
        means, deviations = cv2.meanStdDev(lab)
        lightness, a, b = (float(x) for x in means[:, 0])
        spread = math.hypot(float(deviations[1, 0]), float(deviations[2, 0]))
        return lightness, a, b, spread, spread + 0.37 * math.hypot(a, b)
