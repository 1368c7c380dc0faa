"""Every volume interpolated once, through all transforms together, one volume in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from analysis.fmri.preprocessing.rigid import Array
from protocols.base.errors import InputError, fail

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]

_ROUNDING_VOXELS = 1e-4  # a point on the outermost voxel's center is inside, whatever rounding says


class Volumes(Protocol):
    """A run that is read volume by volume; `analysis.fmri.scans.Scan` is one."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""

    @property
    def affine(self) -> np.ndarray:
        """From voxels to mm, (4, 4), RAS+."""

    @property
    def n_volumes(self) -> int:
        """How many there are."""

    def volume(self, index: int) -> np.ndarray:
        """One of them, (x, y, z)."""


@dataclass(frozen=True)
class Loaded:
    """A run in memory, or behind anything that is sliced like an array (a nibabel proxy).

    Parameters
    ----------
    data
        (x, y, z, volumes).
    affine
        From voxels to mm, (4, 4), RAS+.

    Raises
    ------
    InputError
        If `data` has not four dimensions.
    """

    data: np.ndarray
    affine: np.ndarray

    def __post_init__(self) -> None:
        if len(self.data.shape) != 4:
            raise fail(
                InputError, "the run", f"has {len(self.data.shape)} dimensions",
                got=" × ".join(map(str, self.data.shape)), accepted="volumes over time: (x, y, z, volumes)",
                way_out="a single volume is no run; is this the reference image of one?",
            )  # fmt: skip

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        x, y, z = self.data.shape[:3]
        return int(x), int(y), int(z)

    @property
    def n_volumes(self) -> int:
        """How many volumes there are."""
        return int(self.data.shape[3])

    def volume(self, index: int) -> np.ndarray:
        """One of them, (x, y, z) float32."""
        return np.asarray(self.data[..., index], np.float32)


@dataclass(frozen=True)
class Grid:
    """Where values are wanted.

    Attributes
    ----------
    shape
        Voxels along x, y and z.
    affine
        From voxels to mm, (4, 4), RAS+.
    """

    shape: tuple[int, int, int]
    affine: np.ndarray

    def points(self) -> Array:
        """World coordinates of every voxel in C order, (3, voxels), mm."""
        matrix = np.asarray(self.affine, float)
        return matrix[:3, :3] @ np.indices(self.shape, float).reshape(3, -1) + matrix[:3, 3:]


def resample(
    volumes: Volumes,
    motion: ArrayLike,
    grid: Grid,
    *,
    to_reference: ArrayLike | None = None,
    coordinates: ArrayLike | None = None,
) -> Iterator[tuple[Volume, Mask]]:
    """Bring a run onto another grid, each volume through motion and all other transforms at once.

    Transforms lead from the grid to the volumes, as a resampler needs them: a voxel of `grid` is taken by
    `coordinates` to where the nonlinear step puts it, by `to_reference` to the run's reference, and by the volume's
    own motion to where it is in that volume. There the cubic spline of the volume is read, once. Values are not
    clipped: next to sharp edges a cubic spline overshoots a little, also below 0.

    Parameters
    ----------
    volumes
        The run as it was measured.
    motion
        From the reference to each volume, (volumes, 4, 4), mm; of `estimate_motion`.
    grid
        Where values are wanted.
    to_reference
        From the grid's world, or from `coordinates`, to the reference's, (4, 4): the product of all affine steps
        (`rigid.compose` makes it). None if they are the same.
    coordinates
        A nonlinear step: for each voxel of the grid, world coordinates in mm in the space from which `to_reference`
        leads on, (x, y, z, 3); NaN where no value is wanted, which costs no time. None without one.

    Yields
    ------
    values : Volume
        One volume on the grid, (x, y, z) float32, 0 outside of the measured field of view and where none is wanted.
    inside : Mask
        Which voxels lie between the centers of measured voxels, (x, y, z).

    Raises
    ------
    InputError
        Before the first volume, if shapes do not fit together or a transform is not finite; at a volume that has
        values that are not numbers, which a spline would spread over the whole volume.
    """
    matrices = _checked_motion(volumes, motion)
    onward = np.eye(4) if to_reference is None else np.asarray(to_reference, float)
    if onward.shape != (4, 4) or not np.isfinite(onward).all():
        raise fail(InputError, "to_reference", "is not a transform", got=f"shape {onward.shape}",
                   accepted="a finite 4 × 4 matrix", way_out="compose the affine steps into one")  # fmt: skip
    points = grid.points() if coordinates is None else _checked_coordinates(grid, coordinates)
    to_voxels = np.linalg.inv(np.asarray(volumes.affine, float))
    return _stream(volumes, to_voxels @ matrices @ onward, points, grid.shape)


def interpolate(volume: np.ndarray, places: Array) -> tuple[Volume, Mask]:
    """Read the cubic spline of a volume.

    Parameters
    ----------
    volume
        (x, y, z), finite.
    places
        In voxels, (3, n); may be anywhere, or NaN for nowhere.

    Returns
    -------
    values, inside
        (n,) each; 0 where a place is outside of the outermost voxels' centers.
    """
    last = np.array(volume.shape, float)[:, None] - 1
    inside = np.all((places >= -_ROUNDING_VOXELS) & (places <= last + _ROUNDING_VOXELS), axis=0)
    spline = ndimage.spline_filter(volume, order=3, output=np.float32, mode="mirror")
    values = np.zeros(places.shape[1], np.float32)
    values[inside] = ndimage.map_coordinates(
        spline,
        np.clip(places[:, inside], 0, last),
        output=np.float32,
        order=3,
        mode="mirror",
        prefilter=False,
    )
    return values, inside


def not_finite(volume: np.ndarray) -> int:
    """How many values of a volume are not numbers."""
    return int(volume.size - np.count_nonzero(np.isfinite(volume)))


def _stream(
    volumes: Volumes, chain: Array, points: Array, shape: tuple[int, int, int]
) -> Iterator[tuple[Volume, Mask]]:
    wanted = np.isfinite(points).all(axis=0)
    points = np.ascontiguousarray(points[:, wanted])
    for index, matrix in enumerate(chain):
        volume = volumes.volume(index)
        missing = not_finite(volume)
        if missing:
            raise fail(
                InputError, "the run", f"volume {index + 1} has values that are not numbers", got=f"{missing} voxels",
                way_out="convert the run again; an earlier program may have divided by zero",
            )  # fmt: skip
        values, inside = np.zeros(wanted.shape, np.float32), np.zeros(wanted.shape, bool)
        values[wanted], inside[wanted] = interpolate(volume, matrix[:3, :3] @ points + matrix[:3, 3:])
        yield values.reshape(shape), inside.reshape(shape)


def _checked_motion(volumes: Volumes, motion: ArrayLike) -> Array:
    matrices = np.asarray(motion, float)
    if matrices.shape != (volumes.n_volumes, 4, 4):
        raise fail(
            InputError, "motion", "does not belong to this run", got=f"shape {matrices.shape}",
            accepted=f"a 4 × 4 matrix for each of {volumes.n_volumes} volumes",
            way_out="estimate the motion of this very run",
        )  # fmt: skip
    if not np.isfinite(matrices).all():
        unknown = int((~np.isfinite(matrices).all(axis=(1, 2))).sum())
        raise fail(InputError, "motion", "is unknown for some volumes", got=f"{unknown} of {len(matrices)}",
                   accepted="finite numbers", way_out="take the matrices of estimate_motion")  # fmt: skip
    return matrices


def _checked_coordinates(grid: Grid, coordinates: ArrayLike) -> Array:
    field = np.asarray(coordinates, float)
    if field.shape != (*grid.shape, 3):
        raise fail(
            InputError, "coordinates", "do not belong to this grid", got=f"shape {field.shape}",
            accepted=f"a point for each voxel: shape {(*grid.shape, 3)}",
            way_out="compute the displacement field on the grid itself",
        )  # fmt: skip
    return np.ascontiguousarray(np.moveaxis(field, -1, 0).reshape(3, -1))
