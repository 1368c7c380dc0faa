"""The template's brain, as nilearn brings it along, read at any place of its world."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.fmri.preprocessing.resampling import Grid, Mask

TEMPLATE = "MNI152NLin2009aSym"
"""Its BIDS name; other MNI152 templates lie within millimeters of it."""
BOX_MM = ((-73, 73), (-109, 75), (-74, 84))
"""What holds the brain along x, y and z."""


@lru_cache(maxsize=1)
def _volumes() -> tuple[NDArray[np.float32], NDArray[np.float32], np.ndarray]:
    """Intensities 0 to 1, brain mask, and the way from mm to voxels; at 1 mm, as they are shipped."""
    from nilearn import datasets

    brain, mask = datasets.load_mni152_template(resolution=1), datasets.load_mni152_brain_mask(resolution=1)
    return (
        np.asarray(brain.dataobj, np.float32),
        np.asarray(mask.dataobj, np.float32),
        np.linalg.inv(np.asarray(brain.affine, float)),
    )


def template_at(points: np.ndarray) -> tuple[NDArray[np.float32], Mask]:
    """Intensity of the template, 0 to 1, and whether a place is brain.

    Parameters
    ----------
    points
        World coordinates, (3, n), mm.

    Returns
    -------
    intensity, brain
        (n,) each.
    """
    intensity, mask, to_voxels = _volumes()
    places = to_voxels[:3, :3] @ points + to_voxels[:3, 3:]
    return (
        ndimage.map_coordinates(intensity, places, order=1),
        ndimage.map_coordinates(mask, places, order=1) >= 0.5,
    )


def template_brain(grid: Grid) -> Mask:
    """Voxels whose centers lie in the template's brain, (x, y, z)."""
    return template_at(grid.points())[1].reshape(grid.shape)


def template_solid() -> Mask:
    """The brain every 1 mm within `BOX_MM`, (x, y, z)."""
    _, mask, to_voxels = _volumes()
    origin = np.rint(to_voxels[:3, 3]).astype(int)  # the template is stored at whole mm
    air = 10
    crop = (
        slice(low + at + air, high + at + air + 1) for (low, high), at in zip(BOX_MM, origin, strict=True)
    )
    return np.pad(mask, air)[tuple(crop)] >= 0.5
