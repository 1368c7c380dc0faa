"""The virtual scanner's physics: what a head that responds, breathes and moves leaves in a functional run.

A voxel's value is its level at rest times one plus a sum of percentages: responses to clips (boxcars through the
response of unit area, so that a level is the *sustained* percent signal change of INFERENCE 7), noise that is
autoregressive in time and a little smooth in space, slow drift, heartbeat and breath as the repetition time aliases
them, the loss of signal in a volume in which the head jerked and its return over the next ones (spin history), and
changes in proportion to displacement where the brain ends. The displacements are those that the confounds table
tells: the run is as preprocessing would leave it, aligned, but not freed from what motion did to the signal
(Friston et al. 1996, Magnetic Resonance in Medicine 35:346; Power et al. 2012, NeuroImage 59:2142).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, signal, sparse

from analysis.fmri.first_level.design import frame_times
from analysis.fmri.first_level.hrf import regressors
from analysis.fmri.preprocessing.confounds import cosines
from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.preprocessing.rigid import SPHERE_MM, framewise_displacement
from protocols.base.errors import InputError, fail
from protocols.base.seeds import generator

Array = NDArray[np.float64]
Series = NDArray[np.float32]
Mask = NDArray[np.bool_]

SPACE = "MNI152NLin2009aSym"
"""Of nilearn's bundled template."""
LEVEL = 10_000.0
"""Typical gray matter at rest, in the scanner's units."""
_CONTRAST = {"white_matter": 0.8, "csf": 1.3}
_DEEP_MM = 16.0
"""White matter and fluid this far from the brain's surface are surely no cortex on a coarse grid."""
_NEIGHBOR = 0.35
"""Weight of each of six neighbors in the noise of a voxel, its own being 1."""
_EDGE_MM = 6.0
"""Depth over which the effect of displacement falls by e."""


@dataclass(frozen=True)
class Head:
    """The template's brain on a grid; voxels are those of `brain` in C order.

    Attributes
    ----------
    grid, brain
        Where the images lie, and the brain in them, (x, y, z).
    level
        Each voxel's value at rest, (voxels,).
    tissues
        ``csf`` and ``white_matter`` away from the cortex, (voxels,) bool each.
    edge
        1 at the brain's surface, falling to 0 in its depth, (voxels,).
    fluid
        How much of the heartbeat and breath a voxel shows, (voxels,): most in fluid.
    mixing
        What makes independent noise smooth, (voxels, voxels), with rows of length 1.
    """

    grid: Grid
    brain: Mask
    level: Array
    tissues: Mapping[str, Mask]
    edge: Array
    fluid: Array
    mixing: sparse.csr_array

    def inside(self, region: Mask) -> Mask:
        """Which voxels belong to a region on the grid, (voxels,)."""
        return np.asarray(region[self.brain])

    def spread_of_mean(self, region: Mask) -> float:
        """SD of the mean over a region's voxels of noise whose SD is 1 in each."""
        weights = self.inside(region) / self.inside(region).sum()
        return float(np.linalg.norm(self.mixing.T @ weights))


@lru_cache(maxsize=4)
def template_head(resolution_mm: int = 8) -> Head:
    """The brain of nilearn's bundled template.

    Parameters
    ----------
    resolution_mm
        Edge of a voxel.
    """
    from nilearn.datasets import load_mni152_brain_mask, load_mni152_gm_template, load_mni152_wm_template

    image = load_mni152_brain_mask(resolution=resolution_mm)
    brain = np.asarray(image.dataobj) > 0
    gray, white = (
        np.asarray(load(resolution=resolution_mm).dataobj, float)[brain]
        for load in (load_mni152_gm_template, load_mni152_wm_template)
    )
    x, y, z = brain.shape
    fluid = np.clip(1 - gray - white, 0, 1)
    depth = ndimage.distance_transform_edt(brain)[brain] * resolution_mm
    tissues = {
        "csf": (gray + white < 0.3) & (depth > _DEEP_MM),
        "white_matter": (white > 0.9) & (depth > _DEEP_MM),
    }
    mixing = _mixing(brain)
    # The unevenness of receive coils belongs to the scanner, not to a person: it has a seed of its own.
    coil = 1 + 0.08 * _fields(mixing, generator(0, "virtual scanner", "coil"), 1)[:, 0]
    tissue = 1 + (_CONTRAST["white_matter"] - 1) * white + (_CONTRAST["csf"] - 1) * fluid
    return Head(
        grid=Grid((int(x), int(y), int(z)), np.asarray(image.affine, float)),
        brain=brain,
        level=LEVEL * tissue * np.clip(coil, 0.5, 1.5),
        tissues=tissues,
        edge=np.exp(-(depth - resolution_mm) / _EDGE_MM),
        fluid=0.2 + 0.8 * fluid,
        mixing=mixing,
    )  # fmt: skip


def ball(head: Head, center_mm: ArrayLike, radius_mm: float) -> Mask:
    """Voxels of the brain in a sphere, (x, y, z)."""
    distance = np.linalg.norm(head.grid.points() - np.asarray(center_mm, float)[:, None], axis=0)
    return np.asarray((distance <= radius_mm).reshape(head.brain.shape) & head.brain)


@dataclass(frozen=True)
class Noise:
    """Everything in a run that is no response; percentages are of the level at rest.

    Attributes
    ----------
    voxel_percent
        SD of the noise of a voxel.
    rho
        Its correlation with the volume before.
    drift_percent
        Amplitude of the slowest drift; faster ones are smaller, and all are slower than 128 s.
    heart_percent, breath_percent
        Amplitude in fluid.
    heart_hz, breath_hz
        Their mean frequencies.
    spike_percent_mm
        Signal lost everywhere for each mm of framewise displacement above `spike_from_mm`, up to `spike_most_percent`.
    edge_percent_mm
        SD over the brain's surface of the change for a mm of displacement.
    """

    voxel_percent: float
    rho: float = 0.3
    drift_percent: float = 0.5
    heart_percent: float = 0.3
    breath_percent: float = 0.3
    heart_hz: float = 1.1
    breath_hz: float = 0.29
    spike_percent_mm: float = 0.6
    spike_from_mm: float = 0.2
    spike_most_percent: float = 3.0
    edge_percent_mm: float = 0.2


_COMES_BACK = (1.0, 0.5, 0.2)
"""Share of the signal lost in a jerk that is still lost in its own volume and the next ones."""


def simulate_run(
    events: pd.DataFrame,
    *,
    tr_s: float,
    n_volumes: int,
    head: Head,
    regions: Mapping[str, Mask],
    levels: Mapping[str, ArrayLike],
    noise: Noise,
    motion: ArrayLike,
    random: np.random.Generator,
) -> Series:
    """A functional run, aligned to the template.

    Parameters
    ----------
    events
        ``onset`` and ``duration`` in s, one row per clip.
    tr_s, n_volumes
        Repetition time and length; a volume stands for the middle of its time, as in `frame_times`.
    head
        Whose brain it is.
    regions
        Voxels that respond, (x, y, z) each; outside of the brain they are left out.
    levels
        For each region the sustained response to each event in percent, (events,).
    noise
        What else is in the signal.
    motion
        ``trans_x … rot_z``, (volumes, 6), mm and rad; see `bazin.virtual.moving.head_motion`.
    random
        Its random numbers.

    Returns
    -------
    Series
        (voxels of the brain, volumes), float32.

    Raises
    ------
    InputError
        If the parts do not fit together.
    """
    moved = np.asarray(motion, float)
    if moved.shape != (n_volumes, 6) or regions.keys() != levels.keys():
        raise fail(InputError, "the run to simulate", "does not fit together",
                   got=f"motion {moved.shape}, regions {sorted(regions)}, levels {sorted(levels)}",
                   accepted=f"motion ({n_volumes}, 6), and levels for every region")  # fmt: skip
    times = frame_times(n_volumes, tr_s)
    parts = [
        *(_response(events, times, head.inside(regions[name]), levels[name]) for name in regions),
        _drift(head, n_volumes, tr_s, noise, random),
        _oscillation(head, times, noise.heart_percent, noise.heart_hz, random),
        _oscillation(head, times, noise.breath_percent, noise.breath_hz, random),
        _spikes(head, moved, noise, random),
        _displacement(head, moved, noise, random),
    ]
    where = np.column_stack([weights for weights, _ in parts]).astype(np.float32)
    when = np.vstack([series for _, series in parts]).astype(np.float32)
    change = where @ when
    change += np.float32(noise.voxel_percent) * _autoregressive(head, n_volumes, noise.rho, random)
    change *= np.float32(0.01)
    change += np.float32(1)
    change *= head.level[:, None].astype(np.float32)
    return change


def _response(events: pd.DataFrame, times: Array, where: Mask, levels: ArrayLike) -> tuple[Array, Array]:
    course = regressors(events.onset, events.duration, times, amplitudes=levels)
    return where[:, None].astype(float), course[:, :1].T


def _drift(
    head: Head, n_volumes: int, tr_s: float, noise: Noise, random: np.random.Generator
) -> tuple[Array, Array]:
    waves = cosines(n_volumes, tr_s) * np.sqrt(n_volumes / 2)
    size = noise.drift_percent / np.arange(1, waves.shape[1] + 1)
    shared = random.normal(size=waves.shape[1])
    return 0.7 * (shared + _fields(head.mixing, random, waves.shape[1])), (waves * size).T


def _oscillation(
    head: Head, times: Array, percent: float, hz: float, random: np.random.Generator
) -> tuple[Array, Array]:
    """A rhythm that is never quite regular, with a phase that differs from place to place."""
    steps = random.normal(0, 0.3 * np.sqrt(times[1] - times[0]), len(times))
    phase = 2 * np.pi * hz * random.normal(1, 0.05) * times + np.cumsum(steps) + random.uniform(0, 2 * np.pi)
    where = head.fluid[:, None] * _fields(head.mixing, random, 2) / np.sqrt(2)
    return percent * where, np.vstack([np.cos(phase), np.sin(phase)])


def _spikes(head: Head, motion: Array, noise: Noise, random: np.random.Generator) -> tuple[Array, Array]:
    jerk = np.maximum(np.nan_to_num(framewise_displacement(motion)) - noise.spike_from_mm, 0)
    lost = np.convolve(noise.spike_percent_mm * jerk, _COMES_BACK)[: len(motion)]
    where = np.maximum(1 + 0.3 * _fields(head.mixing, random, 1), 0)
    return where, -np.minimum(lost, noise.spike_most_percent)[None]


def _displacement(
    head: Head, motion: Array, noise: Noise, random: np.random.Generator
) -> tuple[Array, Array]:
    """Six directions, and a part that no linear regressor follows."""
    way = (motion - motion.mean(axis=0)) * [1, 1, 1, *[SPHERE_MM] * 3]
    far = np.sqrt((way**2).sum(axis=1))
    where = head.edge[:, None] * _fields(head.mixing, random, 7)
    return noise.edge_percent_mm * where, np.vstack([way.T, 0.5 * (far - far.mean())])


def _autoregressive(head: Head, n_volumes: int, rho: float, random: np.random.Generator) -> Series:
    fresh = head.mixing @ random.standard_normal((len(head.level), n_volumes), dtype=np.float32)
    fresh[:, 1:] *= np.float32(np.sqrt(1 - rho**2))  # the first volume is as any other: no run-in is needed
    return np.asarray(signal.lfilter(np.ones(1, np.float32), np.array([1, -rho], np.float32), fresh, axis=1))


def _mixing(brain: Mask) -> sparse.csr_array:
    number = np.full(brain.shape, -1)
    number[brain] = np.arange(brain.sum())
    pairs = []
    for axis in range(3):
        here, there = (np.moveaxis(number, axis, 0)[part] for part in (slice(None, -1), slice(1, None)))
        both = (here >= 0) & (there >= 0)
        pairs += [(here[both], there[both]), (there[both], here[both])]
    rows, columns = (np.concatenate(side) for side in zip(*pairs, strict=True))
    n = int(brain.sum())
    weights = sparse.coo_array(
        (np.full(len(rows), _NEIGHBOR), (rows, columns)), shape=(n, n)
    ) + sparse.eye_array(n)
    length = np.sqrt(np.asarray((weights**2).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / length) @ weights).astype(np.float32)


def _fields(mixing: sparse.csr_array, random: np.random.Generator, n: int) -> Array:
    """Smooth random maps of SD 1, (voxels, n)."""
    maps = mixing @ (mixing @ (mixing @ random.normal(size=(mixing.shape[0], n))))
    return np.asarray(maps / maps.std(axis=0))
