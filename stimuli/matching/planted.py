r"""What the leak test would show if there were a leak: leaks of known AUC planted in the set's own differences.

A leak is planted by exchanging the clips of pairs at random, but not evenly: along one direction of the features the
difference points to the contrast with probability :math:`\pi`, whatever its size. The best linear classifier is then
that direction itself and its AUC is :math:`\pi`, without any assumption about the differences' distribution. Sizes and
correlations of the differences stay as they are, so the permutation distribution, and with it the test's critical
value, is the same for every planted set.

Two kinds of leak are planted: in one feature, any of them, along with what is correlated with it; and spread over all,
along random directions of the decorrelated features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from protocols.base.progress import progress
from stimuli.matching.classifier import Prepared, auc, out_of_fold
from stimuli.matching.paired import FloatArray

TRUE_AUC = np.array([0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99])
"""True AUCs of the planted leaks."""
SETS = 1000
LEVEL = 0.05
WANTED_POWER = 0.8


@dataclass(frozen=True, eq=False)
class Planted:
    """AUCs that the procedure finds, by what is planted.

    Attributes
    ----------
    none
        Without a leak: the permutation distribution, (S,).
    one_feature, spread
        With a leak in one feature, and with one spread over all: (true AUCs, sets).
    """

    none: FloatArray
    one_feature: FloatArray
    spread: FloatArray

    def upper_limit(self, found: float) -> float:
        """One-sided 95 % upper limit of the true AUC, given the AUC found; 1 where not even .99 can be excluded.

        A true AUC is excluded if so low a result is at most 5 % as probable with it as without any leak (Read 2002,
        J Phys G 28:2693). Leaving out pairs makes AUCs below .5 likely when there is nothing to find; dividing by
        their probability without a leak keeps such luck, or bias, from passing for evidence. The coverage is
        therefore at least 95 %. The limit is the larger one of the two kinds of leak.
        """
        return max(self._limit(found, self.one_feature), self._limit(found, self.spread))

    def _limit(self, found: float, planted: FloatArray) -> float:
        expected = float((self.none <= found + _SAME).mean())
        share = (planted <= found + _SAME).mean(axis=1) / expected
        share = np.minimum.accumulate(np.concatenate([[1.0], share]))
        if share[-1] > LEVEL:
            return 1.0
        grid = np.concatenate([[0.5], TRUE_AUC])
        at = int(np.argmax(share <= LEVEL))
        into = (share[at - 1] - LEVEL) / (share[at - 1] - share[at])
        return float(grid[at - 1] + into * (grid[at] - grid[at - 1]))

    def detectable(self, planted: FloatArray) -> float:
        """True AUC at which the test rejects in 80 % of sets; NaN where it does not even at .99."""
        critical = critical_auc(self.none)
        power = np.maximum.accumulate((planted >= critical - _SAME).mean(axis=1))
        if power[-1] < WANTED_POWER:
            return float("nan")
        return float(
            np.interp(WANTED_POWER, np.concatenate([[LEVEL], power]), np.concatenate([[0.5], TRUE_AUC]))
        )


_SAME = 1e-9  # AUCs are multiples of 1 / (2 N^2)


def critical_auc(none: FloatArray) -> float:
    """The smallest AUC whose permutation p is .05 or less; infinite where even the largest is not rare enough.

    Parameters
    ----------
    none
        Permutation distribution, the observed labels among it.
    """
    values, counts = np.unique(none, return_counts=True)
    tail = counts[::-1].cumsum()[::-1] / len(none)
    rare = values[tail <= LEVEL]
    return float(rare[0]) if len(rare) else float("inf")


def plant(
    prepared: Prepared,
    none: FloatArray,
    random: np.random.Generator,
    *,
    sets: int = SETS,
    label: str = "leak test",
) -> Planted:
    """Plant leaks of both kinds, and find them.

    Parameters
    ----------
    prepared
        The set's differences.
    none
        Their permutation distribution of the AUC.
    random
        Source of the random directions and exchanges, the same for every true AUC.
    sets
        Sets for each kind and true AUC.
    label
        What the progress line says.
    """
    n = len(prepared.scaled)
    zero = (prepared.scaled == 0).mean(axis=0)
    # A feature that is mostly identical cannot carry a strong leak; the ones that vary most can.
    able = np.flatnonzero(zero <= max(0.5, float(zero.min())))
    one = prepared.scaled[:, random.choice(able, sets)].T
    spread = (prepared.decorrelated @ random.standard_normal((len(zero), sets))).T
    draws = random.random((2, sets, n))
    jobs = [
        (along, true, draw) for along, draw in zip((one, spread), draws, strict=True) for true in TRUE_AUC
    ]
    found = np.stack(
        [auc(out_of_fold(prepared.decorrelated, _exchanges(*job))) for job in progress(jobs, label)]
    )
    return Planted(none, found[: len(TRUE_AUC)], found[len(TRUE_AUC) :])


def _exchanges(along: FloatArray, true_auc: float, draws: FloatArray) -> FloatArray:
    """Signs (sets, N) after which the differences `along` a direction have that AUC.

    Two pairs without any difference along it are tied; the others make up for them.
    """
    tied = (along == 0).mean(axis=1, keepdims=True) ** 2
    towards = 0.5 + (true_auc - 0.5) / np.maximum(1 - tied, 1e-9)
    towards = np.where(along == 0, 0.5, np.minimum(towards, 1.0))
    return np.where(draws < towards, 1.0, -1.0) * np.where(along < 0, -1.0, 1.0)
