"""People of two groups who moved alike: pairs within a caliper, chosen by motion alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.evidence.estimates import NotEstimable
from analysis.evidence.wording import amount

CALIPER = 0.2
"""Largest distance of a pair, in pooled SDs: it takes away nearly all bias (Austin 2011, Pharm Stat 10:150)."""
BALANCED = 0.1
"""Standardized mean difference below which groups count as alike (Austin 2009, Stat Med 28:3083)."""


@dataclass(frozen=True)
class Matched:
    """Pairs of people, first of the first group, and how far the groups' means were and are apart.

    Attributes
    ----------
    pairs
        (code, code), in ascending order of motion.
    before, after
        Standardized mean differences, second group less first, both in the pooled SD before matching.
    means
        The groups' mean motion afterwards, in mm.
    left
        People without a partner, per group.
    """

    pairs: tuple[tuple[str, str], ...]
    before: float
    after: float
    means: tuple[float, float]
    left: tuple[int, int]

    @property
    def people(self) -> frozenset[str]:
        """Everybody in a pair."""
        return frozenset(code for pair in self.pairs for code in pair)

    def note(self, groups: tuple[str, str]) -> str:
        """What matching did, in words."""
        (a, b), (m, n) = self.means, self.left
        return (
            f"{len(self.pairs)} pairs within {CALIPER:g} SD of FD: mean {amount(a, 3)} mm ({groups[0]}) and "
            f"{amount(b, 3)} mm ({groups[1]}), {amount(self.after)} SD apart instead of {amount(self.before)}; "
            f"without a partner {m} ({groups[0]}) and {n} ({groups[1]})"
        )


def matched_on(first: Mapping[str, float], second: Mapping[str, float]) -> Matched:
    """Match two groups on a number per person.

    As many pairs as there can be within `CALIPER` pooled SDs: along both sorted lists, whoever is too low for the
    other's lowest has no partner at all. Within the caliper one group may still lie above the other throughout; then
    the pair furthest apart in that direction goes, until the means differ by less than `BALANCED`. Equal motion is
    ordered by code, so that the same people give the same pairs; values of the measure play no part.

    Raises
    ------
    NotEstimable
        If a group has fewer than two people, motion does not vary, or fewer than two pairs remain.
    """
    if len(first) < 2 or len(second) < 2:
        raise NotEstimable(f"{len(first)} and {len(second)} people with a mean FD are too few to be matched")
    x, y = (np.array(sorted(values.values()), dtype=float) for values in (first, second))
    sd = math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / 2)
    if sd <= 0:
        raise NotEstimable("FD does not vary, so that there is nothing to match")
    pairs = _pairs(_sorted(first), _sorted(second), CALIPER * sd)

    def apart() -> float:
        return float(np.mean([second[b] - first[a] for a, b in pairs])) / sd

    while pairs and abs(apart()) >= BALANCED:
        direction = math.copysign(1.0, apart())
        pairs.remove(max(pairs, key=lambda pair: (direction * (second[pair[1]] - first[pair[0]]), pair)))
    if len(pairs) < 2:
        raise NotEstimable(
            f"{'no pair' if not pairs else 'one pair'} of people of both groups moved alike "
            f"(within {amount(CALIPER * sd, 3)} mm of mean FD)"
        )
    means = float(np.mean([first[a] for a, _ in pairs])), float(np.mean([second[b] for _, b in pairs]))
    left = len(first) - len(pairs), len(second) - len(pairs)
    return Matched(tuple(pairs), float(y.mean() - x.mean()) / sd, apart(), means, left)


def _sorted(values: Mapping[str, float]) -> list[tuple[float, str]]:
    return sorted((value, code) for code, value in values.items())


def _pairs(
    first: list[tuple[float, str]], second: list[tuple[float, str]], caliper: float
) -> list[tuple[str, str]]:
    """The most pairs there can be within the caliper, each person in one at most."""
    found, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        gap = second[j][0] - first[i][0]
        if abs(gap) <= caliper:
            found.append((first[i][1], second[j][1]))
        i += gap >= -caliper
        j += gap <= caliper
    return found
