"""Family-wise error over a brain, by permutation: the largest voxel, cluster mass and exact TFCE.

Freedman and Lane's scheme (Winkler et al. 2014): the maps are freed of the nuisance, their residuals exchanged between
people (or flipped in sign, for one group), and the whole model is fitted to each outcome. What counts as chance is the
largest value in the brain, so a corrected p is (b + 1) / (m + 1) with b of m permutations reaching it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.fmri.maps.statistics import Array, Comparison, Maps, Statistic, chunks, measure
from analysis.models.threads import one_thread
from protocols.base.errors import InputError, fail
from protocols.base.progress import progress
from protocols.base.seeds import generator

_BATCH = (
    16  # permutations that share one pass over the data; part of the result's last digits, so never a setting
)
_VOXELS = 2048  # of a pass
_ROUNDING = 1e-5  # single precision: values this close (relative) are ties, and ties count as chance


@dataclass(frozen=True)
class Corrected:
    """A map with its family-wise corrected p.

    Attributes
    ----------
    observed
        (voxels,); negative on the negative side where both are tested.
    p
        (voxels,); 1 where the voxel is constant or in no cluster.
    largest
        The largest value in the brain of every permutation, (permutations,).
    """

    observed: Array
    p: Array
    largest: Array


@dataclass(frozen=True)
class Permuted:
    """What :func:`permute` found.

    Attributes
    ----------
    statistic
        The contrast itself.
    voxel
        The t statistic against the largest t (max-T).
    tfce, cluster_mass
        Of the t statistic, where asked for.
    cluster_size
        Voxels in each voxel's cluster, (voxels,), where cluster mass was asked for.
    constant
        Number of voxels set aside because nothing varies there.
    """

    statistic: Statistic
    voxel: Corrected
    tfce: Corrected | None
    cluster_mass: Corrected | None
    cluster_size: NDArray[np.int32] | None
    constant: int


@dataclass(frozen=True)
class _Ready:
    """What every permutation needs: standardized residuals, their neighbors and the model in single precision."""

    residuals: NDArray[np.float32]  # (people, voxels)
    touching: NDArray[np.int32]
    parts: NDArray[np.float32]  # (blocks, k, people): the basis, 0 outside the block
    blocks: NDArray[np.float32]
    within: NDArray[np.float32]
    contrast: NDArray[np.float32]
    factor: NDArray[np.float32]
    two_sided: bool
    tfce: bool
    threshold: float | None


def permute(
    maps: Maps,
    comparison: Comparison,
    mask: NDArray[np.bool_],
    *,
    seed: int,
    n_permutations: int = 1000,
    two_sided: bool = True,
    tfce: bool = True,
    cluster_threshold: float | None = None,
    n_threads: int = 1,
    label: str = "permutations",
) -> Permuted:
    """Corrected p of every voxel, the same for a seed whatever the number of threads.

    Parameters
    ----------
    maps
        (people, voxels), in the order of ``volume[mask]``.
    comparison
        Of whom with whom: :func:`~analysis.fmri.maps.statistics.two_groups` or ``one_group``.
    mask
        (x, y, z).
    seed
        Of the study.
    n_permutations
        Drawn at random, with repetition; the observed order is counted once more (the + 1).
    two_sided
        Look at both signs and take the larger of their maxima as chance; else for positive effects only.
    tfce
        Enhance every map (exact, 6 neighbors).
    cluster_threshold
        The t above which neighboring voxels make a cluster; None leaves cluster mass out.
    n_threads
        Threads.
    label
        What is shown as progress.

    Raises
    ------
    InputError
        If maps, people and mask do not fit each other, values are no numbers, or every voxel is constant.
    """
    _check(maps, mask, n_permutations, cluster_threshold)
    observed = measure(maps, comparison)
    kept = ~observed.constant
    if not kept.any():
        raise fail(InputError, "maps", "do not vary between people in any voxel")
    inside = np.zeros(mask.shape, bool)
    inside[mask] = kept
    ready = _prepare(maps, comparison, kept, inside, two_sided, tfce, cluster_threshold)
    orders = _draw(comparison, n_permutations, seed)
    batches = [orders[start : start + _BATCH] for start in range(0, n_permutations, _BATCH)]
    with one_thread(), ThreadPoolExecutor(n_threads) as pool:
        found = list(progress(_run(pool, ready, batches, comparison.flips), label, total=len(batches)))
    largest = np.concatenate(found)
    return _result(observed, ready, largest)


def _run(
    pool: ThreadPoolExecutor, ready: _Ready, batches: list[NDArray[np.intp]], flips: bool
) -> Iterator[Array]:
    """Maxima of every batch, in order; a batch that fails or an interruption gives up those that wait."""
    waiting = [pool.submit(_batch, ready, batch, flips) for batch in batches]
    try:
        for task in waiting:
            yield task.result()
    finally:
        for task in waiting:
            task.cancel()


def _check(maps: Maps, mask: NDArray[np.bool_], n_permutations: int, cluster_threshold: float | None) -> None:
    voxels = int(np.count_nonzero(mask))
    if mask.ndim != 3 or mask.dtype != bool or maps.ndim != 2 or maps.shape[1] != voxels:
        raise fail(
            InputError,
            "maps",
            "are not in the space of the mask",
            got=f"maps {maps.shape}, mask {mask.shape} of {mask.dtype} with {voxels} voxels",
            accepted="(people, voxels) and a boolean (x, y, z) with as many voxels",
            way_out="resample all people to one space and mask them with the same mask",
        )
    if n_permutations < 1 or (cluster_threshold is not None and not cluster_threshold > 0):
        raise fail(
            InputError,
            "permutations",
            "cannot be done",
            got=f"{n_permutations} permutations, cluster threshold {cluster_threshold}",
            accepted="1 or more, and a threshold above 0",
        )


def _prepare(
    maps: Maps,
    comparison: Comparison,
    kept: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    two_sided: bool,
    tfce: bool,
    threshold: float | None,
) -> _Ready:
    from analysis.fmri.maps.kernels import neighbors

    places = np.flatnonzero(kept)
    residuals = np.empty((comparison.n_people, len(places)), np.float32)
    for part in chunks(len(places)):
        values = np.asarray(maps[:, places[part]], float)
        values -= comparison.nuisance @ (comparison.nuisance.T @ values)
        residuals[:, part] = values / np.sqrt(np.mean(values**2, axis=0))  # t has no unit; float32 needs one
    basis, blocks = comparison.basis, comparison.blocks
    parts = np.stack([np.where(block[:, None], basis, 0.0).T for block in blocks])
    return _Ready(
        residuals,
        neighbors(inside),
        parts.astype(np.float32),
        blocks.astype(np.float32),
        (parts @ parts.transpose(0, 2, 1)).astype(np.float32),
        (basis.T @ comparison.weights).astype(np.float32),
        (comparison.spread / comparison.residual_df).astype(np.float32),
        two_sided,
        tfce,
        threshold,
    )


def _draw(comparison: Comparison, n_permutations: int, seed: int) -> NDArray[np.intp]:
    """Orders of the people or signs, (permutations, people)."""
    random = generator(seed, "maps", "permutations")
    if comparison.flips:
        return random.integers(0, 2, (n_permutations, comparison.n_people)) * 2 - 1
    return random.permuted(np.tile(np.arange(comparison.n_people), (n_permutations, 1)), axis=1)


def _batch(ready: _Ready, orders: NDArray[np.intp], flips: bool) -> Array:
    """The largest values in the brain of some permutations, (permutations, kinds of map)."""
    t = _statistics(ready, orders, flips)
    return np.array([_largest(one, ready) for one in t])


def _statistics(ready: _Ready, orders: NDArray[np.intp], flips: bool) -> NDArray[np.float32]:
    """The t maps of some permutations, (permutations, voxels)."""
    from analysis.fmri.maps.kernels import studentize

    n, people = orders.shape
    n_blocks, k, _ = ready.parts.shape
    if flips:
        linear = ready.parts[None] * orders[:, None, None, :].astype(np.float32)
        square = np.repeat(ready.blocks[None, :-1], n, axis=0)
    else:
        # Person orders[i] stands where person i stood.
        back = np.argsort(orders, axis=1)
        linear = np.stack([ready.parts[:, :, row] for row in back])
        square = np.stack([ready.blocks[:-1, row] for row in back])
    linear, square = linear.reshape(-1, people), square.reshape(-1, people)
    result = np.empty((n, ready.residuals.shape[1]), np.float32)
    whole = np.float32(people)
    for part in chunks(result.shape[1], _VOXELS):
        values = ready.residuals[:, part]
        forms = (linear @ values).reshape(n, n_blocks, k, values.shape[1])
        squares = (square @ values**2).reshape(n, n_blocks - 1, values.shape[1])
        studentize(forms, squares, whole, ready.within, ready.contrast, ready.factor, result[:, part])
    return result


def _largest(t: NDArray[np.float32], ready: _Ready) -> Array:
    return np.array([np.max(np.abs(one) if ready.two_sided else one) for one in _maps_of(t, ready)])


def _maps_of(t: NDArray[np.float32], ready: _Ready) -> list[Maps]:
    """The t map and, where asked for, TFCE and cluster mass of it, signed."""
    from analysis.fmri.maps.kernels import clusters, enhance

    made: list[Maps] = [t]
    if ready.tfce:
        up = enhance(t, ready.touching)
        made.append(up - enhance(-t, ready.touching) if ready.two_sided else up)
    if ready.threshold is not None:
        up = clusters(t, ready.touching, ready.threshold)[0]
        made.append(up - clusters(-t, ready.touching, ready.threshold)[0] if ready.two_sided else up)
    return made


def _result(observed: Statistic, ready: _Ready, largest: Array) -> Permuted:
    from analysis.fmri.maps.kernels import clusters

    kept = ~observed.constant
    t = observed.t[kept].astype(np.float32)

    def whole(values: Maps, elsewhere: float = 0.0) -> Array:
        filled = np.full(kept.shape, elsewhere)
        filled[kept] = values
        return filled

    made = []
    for values, chance in zip(_maps_of(t, ready), largest.T, strict=True):
        p = corrected_p(np.abs(values) if ready.two_sided else values, chance)
        made.append(Corrected(whole(values), whole(p, 1.0), chance.copy()))
    size = None
    if ready.threshold is not None:
        size = np.zeros(kept.shape, np.int32)
        for one in (t, -t) if ready.two_sided else (t,):
            size[kept] += clusters(one, ready.touching, ready.threshold)[1]
    return Permuted(
        observed,
        made[0],
        made[1] if ready.tfce else None,
        made[-1] if ready.threshold is not None else None,
        size,
        int(np.sum(~kept)),
    )


def corrected_p(observed: Maps, largest: Array) -> Array:
    """(b + 1) / (m + 1), b of m maxima reaching the observed value; 1 where that is not above 0.

    Parameters
    ----------
    observed
        (voxels,).
    largest
        (permutations,).
    """
    reached = np.asarray(observed, float) * (1.0 - _ROUNDING)
    b = len(largest) - np.searchsorted(np.sort(largest), reached, side="left")
    return np.where(reached > 0, (b + 1.0) / (len(largest) + 1.0), 1.0)
