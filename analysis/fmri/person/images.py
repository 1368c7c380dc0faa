"""A run's voxels inside a mask, and smoothing."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.fmri.images import read_image
from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.scans import Scan
from protocols.base.errors import InputError, fail
from protocols.base.progress import progress

_SAME_MM = 1e-3
_PIECE = 1 << 20
_FWHM = np.sqrt(8 * np.log(2))


def grid_of(scan: Scan) -> Grid:
    """The voxels of a run."""
    return Grid(scan.shape, scan.affine)


def refuse_other_grid(item: str, shape: tuple[int, ...], affine: np.ndarray, grid: Grid) -> None:
    """Refuse images whose voxels are not those of `grid`.

    Raises
    ------
    InputError
        If shape or place differ.
    """
    if shape != grid.shape or np.abs(affine - grid.affine).max() > _SAME_MM:
        steps, others = (np.abs(np.linalg.norm(one[:3, :3], axis=0)) for one in (affine, grid.affine))
        raise fail(InputError, item, "is not on the grid of the others",
                   got=f"{' × '.join(map(str, shape))} voxels of {' × '.join(f'{one:.3g}' for one in steps)} mm",
                   accepted=f"{' × '.join(map(str, grid.shape))} voxels of "
                            f"{' × '.join(f'{one:.3g}' for one in others)} mm",
                   way_out="bring all runs of all people to one space and resolution")  # fmt: skip


def read_mask(path: Path, grid: Grid) -> NDArray[np.bool_]:
    """A mask on a grid, (x, y, z).

    Raises
    ------
    InputError
        If it is no NIfTI file, lies on another grid or is empty.
    """
    image = read_image(path)
    refuse_other_grid(str(path), image.grid.shape, image.grid.affine, grid)
    mask = image.values > 0.5
    if not mask.any():
        raise fail(InputError, str(path), "is an empty mask", way_out="look at the preprocessing of this run")
    return np.asarray(mask)


def masked_series(scan: Scan, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Series of the voxels in a mask, (voxels, volumes), one volume in memory at a time.

    Raises
    ------
    InputError
        If the file is damaged, or a volume cannot be used.
    """
    refuse_damaged(scan.path)
    data = np.empty((int(mask.sum()), scan.n_volumes), np.float32)
    for t in progress(range(scan.n_volumes), "reading"):
        data[:, t] = scan.volume(t)[mask]
    return data


def refuse_damaged(path: Path) -> None:
    """Refuse a compressed file that does not come out as it went in, which no reader of single volumes notices.

    Raises
    ------
    InputError
        If its checksum is not that of its content, or it was cut off.
    """
    if path.suffix != ".gz":
        return
    try:
        with gzip.open(path) as stream:
            while stream.read(_PIECE):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise fail(InputError, str(path), "is damaged", got=str(error),
                   way_out="the file is cut off or damaged: copy or convert it again") from error  # fmt: skip


def smoothed(
    data: NDArray[np.float32], mask: NDArray[np.bool_], fwhm_mm: float, grid: Grid
) -> NDArray[np.float32]:
    """The series after a Gaussian filter that knows the mask's edge, (voxels, volumes).

    Each value is the weighted mean of its neighbors *inside* the mask, so that the brain's edge is not darkened.

    Parameters
    ----------
    data
        (voxels, volumes).
    mask
        (x, y, z).
    fwhm_mm
        Full width at half maximum.
    grid
        Of the mask.
    """
    sigma = fwhm_mm / _FWHM / np.linalg.norm(grid.affine[:3, :3], axis=0)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    inside = mask[box]
    volume = inside.astype(np.float32)
    share = ndimage.gaussian_filter(volume, sigma, mode="constant")[inside]
    result = np.empty_like(data)
    for t in progress(range(data.shape[1]), "smoothing"):
        volume[inside] = data[:, t]
        result[:, t] = ndimage.gaussian_filter(volume, sigma, mode="constant")[inside] / share
    return result
