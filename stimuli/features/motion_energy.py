"""Motion energy: what moves or flickers at the rates that vision is tuned to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Found, mean
from stimuli.probing import Probe

WIDTH = 96
RATE = 40.0  # 1/s, of the temporal filters: they pass most at about 4 Hz
STAGES = 8
SETTLING_S = 0.25  # after which the filters have forgotten how the clip began
BLURS = (1.0, 2.0, 4.0, 8.0)  # SD in pixels; neighbors' differences are bands an octave apart


class MotionEnergy(Feature):
    """Adelson and Bergen's temporal filters on three bands of spatial frequency, squared and summed.

    Summed over orientations and directions, quadrature pairs of oriented filters give the energy of the band that they
    tile; so it is computed with one isotropic band (differences of Gaussians) in the place of each set of them. The
    temporal filters are stages of leaky integration solved exactly for a picture that stands until the next one comes,
    as on a screen: the energy does not depend on the frame rate.
    """

    defines = (
        Definition(
            "motion_energy",
            "percent_squared",
            "energy of movement and flicker: squared response, summed over three octaves from 2 to 16 cycles per "
            "picture width and both temporal filters (peak 4 Hz), mean over the picture, Y' in percent of its range; "
            "begins at 0.25 s; cuts count",
            "Adelson & Bergen 1985, J Opt Soc Am A 2:284, eq. 1; without directions",
            "own",
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._state: np.ndarray | None = None
        self._shown = np.zeros(0, np.float32)

    def see(self, frame: Frame) -> tuple[float]:
        """The energy when the frame appears, from all before it."""
        height = max(1, round(frame.small.shape[0] * WIDTH / frame.small.shape[1]))
        picture = cv2.resize(frame.small, (WIDTH, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        shown, self._shown = self._shown, picture.ravel() * np.float32(100 / 255)
        if self._state is None or frame.previous is None:
            self._state = np.tile(self._shown, (STAGES, 1))
            return (np.nan,)
        step = decay(frame.time_s - frame.previous.time_s)
        self._state = shown + step @ (self._state - shown)
        fourth, sixth, eighth = self._state[[3, 5, 7]]
        energy = sum(
            band_energy((a - b).reshape(height, WIDTH)) for a, b in ((fourth, sixth), (sixth, eighth))
        )
        return (energy if frame.time_s >= SETTLING_S else np.nan,)

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The mean over time."""
        return Found({"motion_energy": mean(series["motion_energy"][1:], np.diff(times))})


def decay(seconds: float) -> np.ndarray:
    """How a cascade of leaky integrators comes to rest in a time: (stages, stages) float32.

    Stage i follows stage i − 1 at `RATE`; row i says what stage i keeps of each stage's distance from rest.
    """
    elapsed = RATE * seconds
    lag = np.subtract.outer(np.arange(STAGES), np.arange(STAGES))
    kept = [elapsed**n * math.exp(-elapsed) / math.factorial(n) for n in range(STAGES)]
    return np.where(lag >= 0, np.take(kept, np.maximum(lag, 0)), 0).astype(np.float32)


def band_energy(response: np.ndarray) -> float:
    """Mean square of a picture's bands, summed over bands."""
    blurred = [cv2.GaussianBlur(response, (0, 0), sd, borderType=cv2.BORDER_REFLECT_101) for sd in BLURS]
    return sum(cv2.norm(fine, coarse, cv2.NORM_L2SQR) / response.size for fine, coarse in pairwise(blurred))
