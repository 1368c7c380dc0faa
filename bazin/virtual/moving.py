"""How virtual heads move, at which age how much, and what the scanner sees of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage, signal

from analysis.fmri.preprocessing.resampling import resample
from analysis.fmri.preprocessing.rigid import (
    SPHERE_MM,
    framewise_displacement,
    grid_center,
    inverse,
    matrix_of,
)
from bazin.virtual.bold import Array, Head, Series

_JERKS_PER_MM = 0.15
"""Jerks per volume for each mm of mean framewise displacement."""
_JERK = 8.0
"""Displacement of a jerk, in typical steps of the wandering."""
_RETURN = 0.8

MEDIAN_FD_MM = {"child": 0.369, "adult": 0.193}
SPREAD_OF_FD = {"child": 0.63, "adult": 0.45}
"""Medians of 155 people who watched a film in the scanner (ds000228), and SDs of the logarithm: the children's fits how
many of 65 stay below 0.2, 0.3, 0.5 and 0.9 mm; the adults' makes the groups differ by about as much as they did (d =
0.82)."""
CHILD_MONTHS, ADULT_MONTHS = 84, 216


def typical_fd(age_months: float) -> tuple[float, float]:
    """Median of the mean framewise displacement at an age in mm, and the SD of its logarithm over people.

    Below 7 years and from 18 on they are as measured; in between the logarithm is taken to fall in a straight line.
    """
    grown = float(np.clip((age_months - CHILD_MONTHS) / (ADULT_MONTHS - CHILD_MONTHS), 0, 1))
    median = MEDIAN_FD_MM["child"] * (MEDIAN_FD_MM["adult"] / MEDIAN_FD_MM["child"]) ** grown
    return median, SPREAD_OF_FD["child"] + grown * (SPREAD_OF_FD["adult"] - SPREAD_OF_FD["child"])


def head_motion(
    n_volumes: int, mean_fd_mm: float, random: np.random.Generator, *, jerks: ArrayLike = ()
) -> Array:
    """How a head moves: it wanders, and now and then it jerks and mostly comes back.

    Parameters
    ----------
    n_volumes
        Length of the run.
    mean_fd_mm
        Mean framewise displacement the run has exactly (Power et al. 2012); who moves more also jerks more often.
    random
        Its random numbers.
    jerks
        Volumes, from 0, in which the head jerks besides.

    Returns
    -------
    Array
        ``trans_x … rot_z``, (volumes, 6), mm and rad.
    """
    # People nod and slide along the table more than they turn or shift sideways.
    axes = np.array([0.5, 0.8, 1.2, 1.2 / SPHERE_MM, 0.6 / SPHERE_MM, 0.6 / SPHERE_MM])
    path = signal.lfilter([1.0], [1.0, -0.98], random.normal(size=(n_volumes, 6)), axis=0) * axes
    typical = framewise_displacement(path)[1:].mean()
    by_chance = np.flatnonzero(random.random(n_volumes) < _JERKS_PER_MM * mean_fd_mm)
    for volume in [*by_chance, *np.asarray(jerks, int)]:
        way = random.normal(size=6) * axes
        way *= _JERK * typical * random.lognormal(0, 0.4) / (np.abs(way) * [1, 1, 1, *[SPHERE_MM] * 3]).sum()
        until = volume + random.integers(1, 4) if random.random() < _RETURN else n_volumes
        path[volume:until] += way
    return np.asarray(path * (mean_fd_mm / framewise_displacement(path)[1:].mean()))


def moved_run(values: Series, head: Head, motion: ArrayLike) -> Iterator[Series]:
    """What the scanner sees of a run while the head really moves: for tests of motion correction.

    Parameters
    ----------
    values
        Of `simulate_run`.
    head
        Whose.
    motion
        ``trans_x … rot_z``, (volumes, 6): each volume shows the head where these take it.

    Yields
    ------
    Series
        One volume, (x, y, z), the brain's edge softened as a scanner does, read by cubic splines, not below 0.
    """
    matrices = inverse(matrix_of(motion, grid_center(head.grid.shape, head.grid.affine)))
    for volume, _ in resample(_Unmoved(values, head), matrices, head.grid):
        yield np.maximum(volume, 0, dtype=np.float32)


@dataclass(frozen=True)
class _Unmoved:
    """A simulated run as a resampler reads it."""

    values: Series
    head: Head

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.head.grid.shape

    @property
    def affine(self) -> np.ndarray:
        return self.head.grid.affine

    @property
    def n_volumes(self) -> int:
        return self.values.shape[1]

    def volume(self, index: int) -> np.ndarray:
        whole = np.zeros(self.shape, np.float32)
        whole[self.head.brain] = self.values[:, index]
        return np.asarray(ndimage.gaussian_filter(whole, 0.7))
