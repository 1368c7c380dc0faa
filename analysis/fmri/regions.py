"""Regions of interest, and whether a person's region counts as measured (INFERENCE 6).

A region that was half outside of the images, or whose signal was lost in a cavity's field, gives a number like any
other. It must not: it is missing, with its reason, and counted by group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError, fail, listed

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Judged:
    """What of a region was measured in a person.

    Attributes
    ----------
    voxels
        The region's voxels that were measured, (x, y, z).
    coverage
        Their share of all its voxels.
    tsnr
        Median temporal signal-to-noise ratio of them; NaN if there are none.
    reason
        Why the region counts as not measured; empty if it counts.
    """

    voxels: Mask
    coverage: float
    tsnr: float
    reason: str


def sphere(grid: Grid, center_mm: Sequence[float], radius_mm: float) -> Mask:
    """Voxels whose centers lie in a sphere, (x, y, z).

    Parameters
    ----------
    grid
        Of the images.
    center_mm
        In the grid's world (MNI), mm.
    radius_mm
        Voxels at exactly this distance belong to it.

    Raises
    ------
    InputError
        If the sphere reaches beyond the grid, where nobody's voxels could be counted, or holds no voxel.
    """
    center = np.asarray(center_mm, float)
    distance = np.linalg.norm(grid.points() - center[:, None], axis=0)
    found = (distance <= radius_mm * (1 + 1e-9)).reshape(grid.shape)
    where = ", ".join(f"{one:g}" for one in center)
    if not found.any():
        raise fail(InputError, f"the sphere at ({where})", "holds no voxel",
                   got=f"radius {radius_mm:g} mm", way_out="check the coordinates, or enlarge the sphere")  # fmt: skip
    # Corners of the box around the sphere, in voxels: if they are inside, so is the sphere.
    corners = np.array(np.meshgrid(*[(-1, 1)] * 3)).reshape(3, -1) * radius_mm + center[:, None]
    voxels = np.linalg.inv(grid.affine) @ np.vstack([corners, np.ones(corners.shape[1])])
    last = np.array(grid.shape)[:, None] - 0.5
    if ((voxels[:3] < -0.5) | (voxels[:3] > last)).any():
        raise fail(InputError, f"the sphere at ({where})", "reaches beyond the images' grid",
                   got=f"radius {radius_mm:g} mm", way_out="check the coordinates; they are MNI, in mm")  # fmt: skip
    return found


def region_of_file(path: Path, grid: Grid, *, value: int | None = None, sha256: str | None = None) -> Mask:
    """A region from a file in the same world: voxels of the grid that lie in it, (x, y, z).

    Parameters
    ----------
    path
        A NIfTI file on any grid: a mask of zeros and ones, or an atlas whose regions are whole numbers.
    grid
        Of the images.
    value
        The region's number in an atlas; None for a mask.
    sha256
        What the plan says of the file.

    Raises
    ------
    InputError
        If it is another file than the plan's, no mask (or an atlas without that number), or holds no voxel of the grid.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from scipy import ndimage

    if sha256 is not None and sha256_file(path) != sha256:
        raise fail(InputError, str(path), "is not the file the plan names", got=f"SHA-256 {sha256_file(path)}",
                   accepted=sha256, way_out="bring the plan's own file; another region is another measure")  # fmt: skip
    try:
        image: Any = nib.load(path)
        values = np.asarray(image.dataobj, np.float32)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        raise fail(InputError, str(path), "is not a NIfTI file", got=str(error).splitlines()[0],
                   way_out="check the path in the plan") from error  # fmt: skip
    values = values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values
    if values.ndim != 3 or (value is None and not np.isin(values, (0, 1)).all()):
        raise fail(InputError, str(path), "is not a mask", got=f"shape {values.shape}",
                   accepted="three dimensions of zeros and ones",
                   way_out="if it is an atlas, say in the plan which number ('value') is the region")  # fmt: skip
    inside = values == value if value is not None else values == 1
    if value is not None and not inside.any():
        numbers = [int(one) for one in np.unique(values[np.isfinite(values)]) if one > 0]
        raise fail(InputError, str(path), f"has no region {value}", accepted=listed(numbers, limit=12),
                   way_out="check 'value' in the plan")  # fmt: skip
    to_mask = np.linalg.inv(image.affine)
    places = to_mask[:3, :3] @ grid.points() + to_mask[:3, 3:]
    found = ndimage.map_coordinates(inside.astype(np.float32), places, order=1, cval=0.0) > 0.5
    if not found.any():
        raise fail(InputError, str(path), "holds no voxel of the images",
                   way_out="is it in the template's space?")  # fmt: skip
    return np.asarray(found.reshape(grid.shape))


def judge(region: Mask, measured: Mask, tsnr: np.ndarray, *, min_coverage: float, min_tsnr: float) -> Judged:
    """Whether a person's region counts.

    Parameters
    ----------
    region
        (x, y, z).
    measured
        The person's own mask of the functional images, (x, y, z); over runs: what all of them measured.
    tsnr
        Temporal signal-to-noise ratio, (x, y, z).
    min_coverage, min_tsnr
        The plan's rule.

    Raises
    ------
    InputError
        If they are not on one grid.
    """
    if not region.shape == measured.shape == tsnr.shape:
        shapes = f"region {region.shape}, mask {measured.shape}, tSNR {tsnr.shape}"
        raise fail(InputError, "the region", "is not on the grid of the images", got=shapes,
                   way_out="bring all images of a group to one space and resolution")  # fmt: skip
    voxels = region & measured
    coverage = float(voxels.sum() / region.sum())
    level = float(np.median(tsnr[voxels])) if voxels.any() else float("nan")
    reason = ""
    if coverage < min_coverage:
        reason = f"region hardly measured: {coverage:.0%} of its voxels, {min_coverage:.0%} needed"
    elif not level >= min_tsnr:
        reason = f"too little signal in the region: tSNR {level:.0f}, {min_tsnr:g} needed"
    return Judged(voxels, coverage, level, reason)
