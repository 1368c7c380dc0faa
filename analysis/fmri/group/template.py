"""The brain a group's maps lie in, read at any place of its world: that of their template."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.fmri.images import read_image
from analysis.fmri.preprocessing.resampling import Grid, Mask
from protocols.base.errors import InputError, fail

LIKE_IT = "MNI152"
"""How the names of spaces begin that lie within millimeters of MNI152NLin2009aSym, which nilearn brings along."""
BOX_MM = ((-73, 73), (-109, 75), (-74, 84))
"""What holds the brain along x, y and z."""
BRAIN, MASK = "brain.nii.gz", "mask.nii.gz"
_BRIGHT = 99.5
"""Percentile of a brain's intensities that is drawn as 1."""


@dataclass(frozen=True, eq=False)
class Brain:
    """A template's brain.

    Attributes
    ----------
    intensity
        0 to 1, (x, y, z).
    mask
        1 in the brain, (x, y, z).
    to_voxels
        The way from mm to voxels, (4, 4).
    """

    intensity: NDArray[np.float32]
    mask: NDArray[np.float32]
    to_voxels: np.ndarray

    def at(self, points: np.ndarray) -> tuple[NDArray[np.float32], Mask]:
        """Intensity, and whether a place is brain, (n,) each, at world coordinates, (3, n), mm."""
        places = self.to_voxels[:3, :3] @ points + self.to_voxels[:3, 3:]
        return (
            ndimage.map_coordinates(self.intensity, places, order=1),
            ndimage.map_coordinates(self.mask, places, order=1) >= 0.5,
        )

    def inside(self, grid: Grid) -> Mask:
        """Voxels whose centers lie in the brain, (x, y, z)."""
        return self.at(grid.points())[1].reshape(grid.shape)

    def solid(self) -> Mask:
        """The brain every 1 mm within `BOX_MM`, (x, y, z)."""
        return np.stack([self.at(points)[1].reshape(shape) for points, shape in _layers()], axis=-1)


def _layers() -> Iterator[tuple[np.ndarray, tuple[int, int]]]:
    """Places of the box, layer by layer from below: all at once would be large."""
    x, y, z = (np.arange(low, high + 1.0) for low, high in BOX_MM)
    for height in z:
        points = np.stack(np.meshgrid(x, y, height, indexing="ij")).reshape(3, -1)
        yield points, (len(x), len(y))


def comes_along(space: str) -> bool:
    """Whether a space's brain is at hand without a folder."""
    return space.startswith(LIKE_IT)


def kept_files(space: str, brain: Path, mask: Path) -> dict[str, bytes]:
    """What keeps a brain below a folder, from where `brain_of` reads it again: contents by name."""
    return {f"template-{space}/{BRAIN}": brain.read_bytes(), f"template-{space}/{MASK}": mask.read_bytes()}


def kept_paths(space: str, folder: Path) -> tuple[Path, Path] | None:
    """Brain and mask that were kept below a folder; None if they were not."""
    brain, mask = folder / f"template-{space}" / BRAIN, folder / f"template-{space}" / MASK
    return (brain, mask) if brain.exists() and mask.exists() else None


def brain_of(space: str, folder: Path) -> Brain:
    """The brain of a space: the one that was kept, or the one that comes along.

    Parameters
    ----------
    space
        Its BIDS name.
    folder
        Where it may have been kept.

    Raises
    ------
    InputError
        If it was not kept and does not come along.
    """
    kept = kept_paths(space, folder)
    if kept is not None:
        return _kept(*kept, tuple(path.stat().st_mtime_ns for path in kept))
    if comes_along(space):
        return _coming_along()
    raise fail(
        InputError, f"space '{space}'", "has no brain here for maps to lie in",
        way_out="give the template to the participant level: --template FOLDER",
    )  # fmt: skip


@lru_cache(maxsize=1)
def _coming_along() -> Brain:
    """At 1 mm, as it is shipped."""
    from nilearn import datasets

    brain, mask = datasets.load_mni152_template(resolution=1), datasets.load_mni152_brain_mask(resolution=1)
    return Brain(
        np.asarray(brain.dataobj, np.float32),
        np.asarray(mask.dataobj, np.float32),
        np.linalg.inv(np.asarray(brain.affine, float)),
    )


@lru_cache(maxsize=1)
def _kept(brain: Path, mask: Path, changed: tuple[int, ...]) -> Brain:
    del changed  # other files of the same name are another brain
    picture, inside = read_image(brain), read_image(mask)
    values = np.nan_to_num(picture.values).astype(np.float32)
    bright = float(np.percentile(values[inside.values > 0.5], _BRIGHT))
    return Brain(
        np.clip(values / bright, 0, 1) if bright > 0 else np.zeros_like(values),
        np.asarray(inside.values, np.float32),
        np.linalg.inv(np.asarray(picture.grid.affine, float)),
    )
