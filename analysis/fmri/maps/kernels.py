"""Connected voxels of a statistic map, compiled: exact threshold-free cluster enhancement, masses and sizes.

A map is a vector over the voxels of a mask; who touches whom is an index array made once per mask (:func:`neighbors`).
Every function holds no state and releases the interpreter, so that threads can work on maps of their own.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

_BITS = 11  # of the 32 of a key, sorted in three passes
_BUCKETS = 1 << _BITS


def neighbors(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Voxels that share a face, as nilearn and FSL randomise take it for volumes.

    Parameters
    ----------
    mask
        Voxels in the analysis, (x, y, z).

    Returns
    -------
    ndarray of int32
        (voxels, 6), in the order of ``volume[mask]``; -1 where the neighbor is outside the mask or the volume.
    """
    number = np.full(np.array(mask.shape) + 2, -1, np.int32)
    inner = (slice(1, -1),) * mask.ndim
    number[inner][mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    sides = [np.roll(number, step, axis)[inner][mask] for axis in range(mask.ndim) for step in (1, -1)]
    return np.ascontiguousarray(np.stack(sides, axis=1))


@njit(cache=True, nogil=True)
def _ascending(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """Indices of the values above 0 in ascending order (radix sort; equal values keep their order)."""
    bits = values.view(np.uint32)  # the bits of positive floats are ordered as the floats are
    n = 0
    for value in values:
        n += value > 0
    order, moved = np.empty(n, np.int32), np.empty(n, np.int32)
    n = 0
    for index in range(values.size):
        if values[index] > 0:
            order[n] = index
            n += 1
    for turn in range(3):
        shift = np.uint32(turn * _BITS)
        start = np.zeros(_BUCKETS + 1, np.int32)
        for k in range(n):
            start[((bits[order[k]] >> shift) & np.uint32(_BUCKETS - 1)) + 1] += 1
        for bucket in range(_BUCKETS):
            start[bucket + 1] += start[bucket]
        for k in range(n):
            bucket = (bits[order[k]] >> shift) & np.uint32(_BUCKETS - 1)
            moved[start[bucket]] = order[k]
            start[bucket] += 1
        order, moved = moved, order
    return order


@njit(cache=True, nogil=True, inline="always")
def _root(above: NDArray[np.int32], voxel: int) -> int:
    """The voxel that stands for the component, halving the way to it."""
    while above[voxel] != voxel:
        above[voxel] = above[above[voxel]]
        voxel = above[voxel]
    return voxel


@njit(cache=True, nogil=True)
def enhance(values: NDArray[np.float32], touching: NDArray[np.int32]) -> NDArray[np.float64]:
    r"""Threshold-free cluster enhancement of the values above 0, exactly.

    .. math:: \mathrm{TFCE}(v) = \int_0^{t_v} e(v, h)^{1/2}\, h^2 \, dh

    with e the number of voxels of the component that holds v at threshold h (Smith & Nichols 2009, equation 1, E = 0.5,
    H = 2). Voxels enter from the highest down. Between two entries a component's extent is constant and its share of
    the integral is :math:`e^{1/2}(h_1^3 - h_0^3)/3`; when components meet, the smaller hangs under the larger with
    the difference of what both have gathered, so that what comes later is added once and inherited by all.

    Parameters
    ----------
    values
        Statistic, (voxels,), no NaN.
    touching
        From :func:`neighbors`.

    Returns
    -------
    ndarray
        (voxels,); 0 where the statistic is not above 0. It is not divided into steps: nilearn's and FSL's values,
        sums over steps of height dh, approximate this divided by dh.
    """
    order = _ascending(values)
    above = np.full(values.size, -1, np.int32)  # for finding roots, shortened on the way; -1 has not entered
    hangs = np.empty(order.size, np.int32)  # voxels in the order in which they came under another
    under = np.empty(values.size, np.int32)
    size = np.ones(values.size, np.int32)
    cube = np.empty(values.size, np.float64)  # of the height to which a component's integral has come down
    gathered = np.zeros(values.size, np.float64)
    n_hanging = 0
    for k in range(order.size - 1, -1, -1):
        voxel = order[k]
        here = np.float64(values[voxel]) ** 3
        above[voxel], cube[voxel] = voxel, here
        top = voxel
        for side in range(touching.shape[1]):
            other = touching[voxel, side]
            if other < 0 or above[other] < 0:
                continue
            other = _root(above, other)
            if other == top:
                continue
            gathered[other] += np.sqrt(np.float64(size[other])) * (cube[other] - here) / 3.0
            cube[other] = here
            if size[other] > size[top]:
                top, other = other, top
            above[other], under[other] = top, top
            gathered[other] -= gathered[top]
            size[top] += size[other]
            hangs[n_hanging] = other
            n_hanging += 1
    result = np.zeros(values.size, np.float64)
    for k in range(order.size):
        voxel = order[k]
        if above[voxel] == voxel:
            result[voxel] = gathered[voxel] + np.sqrt(np.float64(size[voxel])) * cube[voxel] / 3.0
    for k in range(n_hanging - 1, -1, -1):  # who hung last hangs under a root: inheritance goes down the tree
        voxel = hangs[k]
        result[voxel] = gathered[voxel] + result[under[voxel]]
    return result


@njit(cache=True, nogil=True)
def clusters(
    values: NDArray[np.float32], touching: NDArray[np.int32], threshold: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Mass and size of each voxel's cluster: connected voxels whose value is above the threshold.

    Parameters
    ----------
    values
        Statistic, (voxels,), no NaN.
    touching
        From :func:`neighbors`.
    threshold
        Cluster-forming height.

    Returns
    -------
    mass, size
        (voxels,) each: the sum over the cluster of what exceeds the threshold (Bullmore et al. 1999), and its number
        of voxels; 0 outside clusters.
    """
    above = np.full(values.size, -1, np.int32)
    mass, size = np.zeros(values.size, np.float64), np.zeros(values.size, np.int32)
    for voxel in range(values.size):
        if not values[voxel] > threshold:
            continue
        above[voxel], size[voxel] = voxel, 1
        mass[voxel] = np.float64(values[voxel]) - threshold
        top = voxel
        for side in range(touching.shape[1]):
            other = touching[voxel, side]
            if other < 0 or above[other] < 0:
                continue
            other = _root(above, other)
            if other != top:
                if size[other] > size[top]:
                    top, other = other, top
                above[other] = top
                size[top] += size[other]
                mass[top] += mass[other]
    for voxel in range(values.size):
        if above[voxel] >= 0:
            top = _root(above, voxel)
            mass[voxel], size[voxel] = mass[top], size[top]
    return mass, size


@njit(cache=True, nogil=True)
def _studentize(
    forms: NDArray[np.float32],
    squares: NDArray[np.float32],
    whole: np.float32,
    within: NDArray[np.float32],
    contrast: NDArray[np.float32],
    factor: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    n_blocks, k, n = forms.shape
    u = forms[0].copy()
    for block in range(1, n_blocks):
        u += forms[block]
    variance, rest = np.zeros(n, np.float32), np.full(n, whole, np.float32)
    least = whole * np.float32(1e-6)  # what is left of a variance of 0 after rounding
    for block in range(n_blocks):
        if block < n_blocks - 1:
            left = squares[block].copy()
            rest -= left
        else:
            left = rest
        for i in range(k):
            for v in range(n):
                left[v] -= np.float32(2.0) * u[i, v] * forms[block, i, v]
            for j in range(k):
                weight = within[block, i, j]
                if weight != 0:
                    for v in range(n):
                        left[v] += weight * u[i, v] * u[j, v]
        for v in range(n):
            variance[v] += factor[block] * max(left[v], least)
    for v in range(n):
        estimate = np.float32(0.0)
        for i in range(k):
            estimate += contrast[i] * u[i, v]
        result[v] = estimate / np.sqrt(variance[v])


@njit(cache=True, nogil=True)
def studentize(
    forms: NDArray[np.float32],
    squares: NDArray[np.float32],
    whole: np.float32,
    within: NDArray[np.float32],
    contrast: NDArray[np.float32],
    factor: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:
    r"""Studentized contrast of a linear model with a residual variance per block: permutations by voxels at once.

    With Q an orthonormal basis of the model and y the data (exchanged or flipped), :math:`u_b = Q_b' y_b` and
    :math:`u = \sum u_b`, the residual sum of squares of block b is
    :math:`y_b'y_b - 2u'u_b + u'Q_b'Q_b u`, the estimate :math:`c'u`, its variance :math:`\sum_b f_b\,\mathrm{SS}_b`.

    Parameters
    ----------
    forms
        u_b, (permutations, blocks, k, voxels).
    squares
        Sums of squares y_b'y_b of all blocks but the last, (permutations, blocks - 1, voxels).
    whole
        Sum of squares over all blocks, the same everywhere (the data are standardized).
    within
        Q_b'Q_b, (blocks, k, k).
    contrast, factor
        c, (k,), and f, (blocks,).
    result
        Takes the statistic, (permutations, voxels).
    """
    for one in range(len(forms)):
        _studentize(forms[one], squares[one], whole, within, contrast, factor, result[one])
