r"""Rigid motion: six numbers, a 4x4 matrix, and how far the head went from one volume to the next.

A matrix leads from where a point of the head was in the reference to where it is in the volume, both in mm of the
world (RAS+): ``volume_point = matrix @ reference_point``. Parameters therefore say what the *head* did: ``trans_z`` of
+1 is a head 1 mm further up, and the same matrix tells a resampler where to look. (FSL's matrices, from which
fMRIPrep's columns come, are those of the correction: signs are opposite, framewise displacement is the same.)

The head turns about the center of the reference's grid, as in FSL and AFNI; about the world's origin the same nod
would come with large translations. It turns about x first, then y, then z:

.. math:: y = R_z R_y R_x (x - c) + c + t
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

PARAMETERS: Final = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
"""Columns of parameters, as fMRIPrep names them: mm, then radians."""
SPHERE_MM: Final = 50.0
"""Radius at which rotations become distances (Power et al. 2012)."""


def grid_center(shape: tuple[int, int, int], affine: ArrayLike) -> Array:
    """The middle of a grid in mm of the world, (3,): where the head is taken to turn."""
    matrix = np.asarray(affine, float)
    return np.asarray(matrix[:3, :3] @ ((np.array(shape) - 1) / 2) + matrix[:3, 3])


def matrix_of(parameters: ArrayLike, center: ArrayLike) -> Array:
    """Matrices of parameters.

    Parameters
    ----------
    parameters
        ``trans_x, trans_y, trans_z`` in mm and ``rot_x, rot_y, rot_z`` in radians, (..., 6).
    center
        Point about which the head turns, mm, (3,).

    Returns
    -------
    Array
        From reference to volume, (..., 4, 4).
    """
    values, pivot = np.asarray(parameters, float), np.asarray(center, float)
    (cx, cy, cz), (sx, sy, sz) = (np.moveaxis(f(values[..., 3:]), -1, 0) for f in (np.cos, np.sin))
    rotation = np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )
    result = np.zeros((*values.shape[:-1], 4, 4))
    result[..., :3, :3] = np.moveaxis(rotation, (0, 1), (-2, -1))
    result[..., :3, 3] = values[..., :3] + pivot - result[..., :3, :3] @ pivot
    result[..., 3, 3] = 1.0
    return result


def parameters_of(matrix: ArrayLike, center: ArrayLike) -> Array:
    """Parameters of rigid matrices, (..., 6): the inverse of `matrix_of`, for turns about y below 90°."""
    values, pivot = np.asarray(matrix, float), np.asarray(center, float)
    rotation = values[..., :3, :3]
    turns = (
        np.arctan2(rotation[..., 2, 1], rotation[..., 2, 2]),
        np.arcsin(np.clip(-rotation[..., 2, 0], -1.0, 1.0)),
        np.arctan2(rotation[..., 1, 0], rotation[..., 0, 0]),
    )
    shifts = values[..., :3, 3] - pivot + rotation @ pivot
    return np.concatenate([shifts, np.stack(turns, axis=-1)], axis=-1)


def inverse(matrix: ArrayLike) -> Array:
    """The way back, (..., 4, 4), exactly rigid again."""
    values = np.asarray(matrix, float)
    result = np.zeros_like(values)
    result[..., :3, :3] = np.swapaxes(values[..., :3, :3], -1, -2)
    result[..., :3, 3] = -np.einsum("...ij,...j->...i", result[..., :3, :3], values[..., :3, 3])
    result[..., 3, 3] = 1.0
    return result


def compose(*matrices: ArrayLike) -> Array:
    """One matrix, (..., 4, 4), that applies `matrices` in the order in which they are given."""
    result = np.eye(4)
    for matrix in matrices:
        result = np.asarray(matrix, float) @ result
    return result


def framewise_displacement(parameters: ArrayLike) -> Array:
    r"""How far the head went since the volume before, in mm.

    .. math:: FD_t = \sum_i |\Delta d_{it}| + 50\,\mathrm{mm} \sum_i |\Delta\alpha_{it}|

    Parameters
    ----------
    parameters
        Translations in mm and rotations in radians, (volumes, 6).

    Returns
    -------
    Array
        (volumes,). The first has no predecessor and is NaN ("n/a" in a table), as in fMRIPrep.

    References
    ----------
    Power et al. 2012, NeuroImage 59:2142.
    """
    steps = np.abs(np.diff(np.asarray(parameters, float), axis=0))
    return np.concatenate([[np.nan], steps[:, :3].sum(axis=1) + SPHERE_MM * steps[:, 3:].sum(axis=1)])
