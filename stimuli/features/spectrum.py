"""How power falls with spatial frequency."""

from __future__ import annotations

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Sampled
from stimuli.probing import Probe

LOWEST, HIGHEST = 8.0, 160.0  # cycles per picture width; half the finest that 640 px hold
BINS_PER_OCTAVE = 4
FEWEST = 3  # rings that a line is fitted through
FLAT = 1e-5  # contrast, relative to the mean, that is only rounding


class SpectralSlope(Sampled):
    """Slope of log power over log spatial frequency, averaged over orientations, on luminance.

    The picture is brought to mean zero under a Hann window. Power is averaged within rings a quarter of an octave wide,
    and a line fitted through the rings, each with the same weight.
    """

    defines = (
        Definition(
            "spectral_slope",
            "exponent",
            "slope of log power over log spatial frequency, 8 to 160 cycles per picture width, all orientations, on "
            "luminance, five frames a second; −2 is typical of photographs (power; amplitude has half of it)",
            "Field 1987, J Opt Soc Am A 4:2379; Torralba & Oliva 2003, Network 14:391",
            "OpenCV",
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._window: np.ndarray | None = None

    def look(self, frame: Frame) -> tuple[float]:
        """The slope; NaN for a picture of one gray."""
        luminance = frame.luminance
        if self._window is None:
            self._prepare(*luminance.shape)
        assert self._window is not None
        windowed = cv2.multiply(luminance, self._window)
        mean = cv2.sumElems(windowed)[0] / self._total
        contrast = cv2.scaleAdd(self._window, -mean, windowed)
        if cv2.norm(contrast, cv2.NORM_L2SQR) <= (FLAT * mean) ** 2 * contrast.size:
            return (np.nan,)
        spectrum = cv2.dft(contrast)
        power = np.add.reduceat(np.square(spectrum.ravel()[self._ringed], dtype=np.float64), self._starts)
        if len(power) < FEWEST or not power.min() > 0:
            return (np.nan,)
        return (float(self._weights @ np.log10(power / self._sizes)),)

    def _prepare(self, height: int, width: int) -> None:
        """Window, rings and line for pictures of this size."""
        self._window = np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1]).astype(np.float32)
        self._total = cv2.sumElems(self._window)[0]
        # OpenCV packs the spectrum of a real picture: column 0 holds fx = 0, then re and im of fx = 1, 2, … in turns;
        # column 0 (and the last of an even width) is packed in the same way along fy.
        fx = (np.arange(width) + 1) // 2
        fy = np.minimum(np.arange(height), height - np.arange(height)) * (width / height)
        radius = np.hypot(fx[None, :], fy[:, None])
        along = (np.arange(height) + 1) // 2 * (width / height)
        for column in {0, width - 1 if width % 2 == 0 else 0}:
            radius[:, column] = np.hypot(fx[column], along)
        highest = min(HIGHEST, width / 4)
        edges = LOWEST * 2 ** (np.arange(0, 64) / BINS_PER_OCTAVE)
        edges = edges[edges <= highest * (1 + 1e-9)]
        ring = np.digitize(radius.ravel(), edges)
        inside = np.flatnonzero((ring > 0) & (ring < len(edges)))
        inside = inside[np.argsort(ring[inside], kind="stable")]
        rings, self._starts, self._sizes = np.unique(ring[inside], return_index=True, return_counts=True)
        self._ringed = inside
        log_radius = np.log10(radius.ravel()[inside])
        x = np.add.reduceat(log_radius, self._starts) / self._sizes if len(rings) else np.zeros(0)
        x = x - x.mean() if len(x) else x
        self._weights = x / (x @ x) if len(x) > 1 else x
