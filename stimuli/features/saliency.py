"""How far apart the places lie that draw the eye."""

from __future__ import annotations

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature

WIDTH = 64
_AVERAGE = 3  # of the log spectrum, as in the paper
_BLUR = 2.5  # SD of the final Gaussian in pixels


class Saliency(Feature):
    """Spread of the spectral residual's saliency over the picture."""

    defines = (
        Definition(
            "saliency_spread",
            "widths",
            "SD of the position of saliency (spectral residual of Y', 64 px wide), in picture widths: small where one "
            "thing stands out, 0.33 where a 16:9 picture is salient all over",
            "Hou & Zhang 2007, Proc IEEE CVPR",
            "OpenCV",
        ),
    )

    def see(self, frame: Frame) -> tuple[float]:
        """The spread; NaN for a picture of one gray."""
        height = max(2, round(frame.small.shape[0] * WIDTH / frame.small.shape[1]))
        picture = cv2.resize(frame.small, (WIDTH, height), interpolation=cv2.INTER_AREA)
        flat = cv2.minMaxLoc(picture)[0] == cv2.minMaxLoc(picture)[1]
        return (np.nan if flat else position_sd(saliency(picture)),)


def saliency(picture: np.ndarray) -> np.ndarray:
    """What the log spectrum has beyond its local average, back in space: (h, w) float32.

    Parameters
    ----------
    picture
        (h, w), about 64 wide.
    """
    spectrum = cv2.dft(picture.astype(np.float32), flags=cv2.DFT_COMPLEX_OUTPUT)
    amplitude = cv2.magnitude(spectrum[..., 0], spectrum[..., 1])
    log = cv2.log(np.maximum(amplitude, np.float32(1e-3)))
    residual = cv2.exp(log - cv2.blur(log, (_AVERAGE, _AVERAGE), borderType=cv2.BORDER_REPLICATE))
    scaled = spectrum * (residual / np.maximum(amplitude, np.float32(1e-3)))[..., None]
    back = cv2.dft(scaled, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE)
    energy = back[..., 0] ** 2 + back[..., 1] ** 2
    return cv2.GaussianBlur(energy, (0, 0), _BLUR)


def position_sd(weights: np.ndarray) -> float:
    """Root of the summed variances of position, in widths of the array."""
    total = float(weights.sum())
    if not total > 0:
        return np.nan
    height, width = weights.shape
    columns, rows = weights.sum(axis=0) / total, weights.sum(axis=1) / total
    x, y = np.arange(width), np.arange(height)
    variance = columns @ x**2 - (columns @ x) ** 2 + rows @ y**2 - (rows @ y) ** 2
    return float(np.sqrt(max(0.0, variance))) / width
