"""What if a pair were dropped: the smallest set of pairs without which the gate passes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
from numpy.typing import NDArray

from protocols.plan.materials import Tolerance
from stimuli.matching.paired import FloatArray, Paired, exceeds, mean_difference

LARGEST = 3
MOST_SETS = 1_000_000
"""More sets than this of one size are not tried: all sets of three up to 182 pairs."""
SHOWN = 5


@dataclass(frozen=True)
class WhatIf:
    """What dropping pairs would do.

    Attributes
    ----------
    contrast
        The arm compared with the reference.
    drop
        The pairs to drop: of the smallest sets that help, the one after which the means lie deepest inside their
        tolerances. Empty if no set tried helps.
    others
        Up to five further sets of that size that would do as well, the best first.
    n_others
        How many of them there are.
    left
        Pairs that remain after dropping `drop`; all of them if none helps.
    tried
        Size of the largest sets that were tried. Never more than half of the pairs are dropped.
    at_least
        Pairs that must go whatever else is done, because they are themselves outside or not measured.
    """

    contrast: str
    drop: tuple[str, ...]
    others: tuple[tuple[str, ...], ...]
    n_others: int
    left: int
    tried: int
    at_least: tuple[str, ...]


def what_if(paired: Paired, tolerances: Mapping[str, Tolerance]) -> WhatIf:
    """The smallest set of up to three pairs without which every toleranced feature is within, by trying all.

    Parameters
    ----------
    paired
        The pairs, toleranced features in their tolerances' units.
    tolerances
        Of the plan, by feature.
    """
    n = len(paired.pairs)
    differences = paired.differences[:, [paired.features.index(name) for name in tolerances]]
    means = np.array([tolerance.mean for tolerance in tolerances.values()])
    worsts = [tolerance.worst for tolerance in tolerances.values()]
    must = [
        i
        for i, row in enumerate(differences)
        if np.isnan(row).any() or any(exceeds(d, t) for d, t in zip(row, worsts, strict=True))
    ]
    at_least = tuple(paired.pairs[i] for i in must)
    free = [i for i in range(n) if i not in must]
    tried = 0
    for size in range(1, min(LARGEST, n // 2) + 1):
        more = size - len(must)
        if math.comb(len(free), max(more, 0)) > MOST_SETS:
            break
        tried = size
        if more < 0:
            continue
        found = list(_helping(differences, means, must, _sets(free, more)))
        if found:
            names = [tuple(paired.pairs[i] for i in sorted((*must, *extra))) for extra in found]
            return WhatIf(
                paired.contrast,
                names[0],
                tuple(names[1 : SHOWN + 1]),
                len(names) - 1,
                n - size,
                tried,
                at_least,
            )
    return WhatIf(paired.contrast, (), (), 0, n, tried, at_least)


def _sets(items: list[int], size: int) -> NDArray[np.intp]:
    """All sets of one size, (sets, size), in order."""
    count = math.comb(len(items), size)
    flat = chain.from_iterable(combinations(items, size))
    return np.fromiter(flat, dtype=np.intp, count=count * size).reshape(count, size)


def _helping(
    differences: FloatArray, limits: FloatArray, must: list[int], sets: NDArray[np.intp]
) -> Iterator[tuple[int, ...]]:
    """The sets without which, and without `must`, every mean is inside its limit; the deepest inside first."""
    free = np.delete(differences, must, axis=0)
    left = len(free) - sets.shape[1]
    means = np.abs(free.sum(axis=0) - differences[sets].sum(axis=1)) / left
    noise = 1e-9 * np.abs(free).max(axis=0) + 1e-8 * limits
    inside = (means <= limits - noise).all(axis=1)
    near = np.flatnonzero((means <= limits + noise).all(axis=1))
    depth = (means[near] / np.where(limits > 0, limits, 1.0)).max(axis=1, initial=0.0)
    for at in near[np.argsort(depth, kind="stable")]:
        # On the border the decimal mean has the last word, as in the gate; it is too slow for every set.
        if inside[at] or _passes(np.delete(differences, [*must, *sets[at]], axis=0), limits):
            yield tuple(int(i) for i in sets[at])


def _passes(differences: FloatArray, limits: FloatArray) -> bool:
    return not any(exceeds(mean_difference(d), limit) for d, limit in zip(differences.T, limits, strict=True))
