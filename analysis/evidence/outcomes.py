"""From one estimate to an outcome: different, equivalent, trivial, undecided, not estimable (INFERENCE 1).

Difference and equivalence come from the same estimate, standard error and degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.evidence.estimates import Estimate

Values = NDArray[np.float64]

Outcome = Literal["different", "equivalent", "trivial", "undecided", "not_estimable"]
Magnitude = Literal["exceeds_bound", "size_undecided"]
Asks = Literal["difference", "equivalence", "both"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval in the measure's unit."""

    level: float
    low: float
    high: float

    def inside(self, bound: float) -> bool:
        """Whether it lies strictly between ``-bound`` and ``bound``."""
        return -bound < self.low and self.high < bound

    def beyond(self, bound: float) -> bool:
        """Whether it lies wholly above ``bound`` or wholly below ``-bound``."""
        return self.low > bound or self.high < -bound


@dataclass(frozen=True)
class Tests:
    """Both tests of one estimate, before any adjustment.

    Attributes
    ----------
    p_raw
        Two-sided p of the effect being 0.
    p_above_lower_bound, p_below_upper_bound
        One-sided p's of the effect lying above ``-bound`` and below ``bound``; None without a bound.
    ci_difference, ci_equivalence
        The ``1 - alpha`` and the ``1 - 2 alpha_equivalence`` interval.
    """

    p_raw: float
    p_above_lower_bound: float | None
    p_below_upper_bound: float | None
    ci_difference: Interval
    ci_equivalence: Interval

    @property
    def p_equivalence(self) -> float | None:
        """The larger one-sided p: the p of the equivalence test."""
        if self.p_above_lower_bound is None or self.p_below_upper_bound is None:
            return None
        return max(self.p_above_lower_bound, self.p_below_upper_bound)


def run_tests(estimate: Estimate, *, bound: float | None, alpha: float, alpha_equivalence: float) -> Tests:
    """Two-sided test against 0 and two one-sided tests against the bounds, from the same numbers.

    Student's t, or, where the estimate brings its own pivots, their order statistics: a studentized bootstrap (Davison
    & Hinkley 1997, section 5.2) in which the study itself counts as one of B + 1. Either way an interval excludes a
    value exactly when the test of the same level rejects it.

    Parameters
    ----------
    estimate
        Effect, standard error (> 0) and degrees of freedom, or pivots.
    bound
        The bound (> 0) in the estimate's unit, or None.
    alpha, alpha_equivalence
        Levels; they set the intervals only.
    """
    below, above, interval = _student(estimate) if estimate.pivots is None else _drawn(estimate.pivots)

    def distance(value: float) -> float:
        return (estimate.value - value) / estimate.se

    p_lower = p_upper = None
    if bound is not None:
        p_lower, p_upper = above(distance(-bound)), below(distance(bound))
    seen = distance(0.0)

    def limits(tail: float) -> Interval:
        low, high = interval(tail)
        return Interval(1 - 2 * tail, estimate.value - high * estimate.se, estimate.value - low * estimate.se)

    return Tests(
        min(1.0, 2 * min(below(seen), above(seen))),
        p_lower,
        p_upper,
        limits(alpha / 2),
        limits(alpha_equivalence),
    )


Reference = tuple[Callable[[float], float], Callable[[float], float], Callable[[float], tuple[float, float]]]
"""P(T <= t), P(T >= t), and the quantiles between which T lies but for `tail` at either end."""


def _student(estimate: Estimate) -> Reference:
    from scipy.special import (  # scipy.stats.t is 50 times slower to set up, and this is bootstrapped
        stdtr,
        stdtrit,
    )

    def below(t: float) -> float:
        return float(stdtr(estimate.df, t))

    def interval(tail: float) -> tuple[float, float]:
        high = -float(stdtrit(estimate.df, tail))
        return -high, high

    return below, lambda t: below(-t), interval


def _drawn(pivots: Values) -> Reference:
    n = len(pivots)

    def below(t: float) -> float:
        return (1 + int(np.searchsorted(pivots, t, side="right"))) / (n + 1)

    def above(t: float) -> float:
        return (1 + n - int(np.searchsorted(pivots, t, side="left"))) / (n + 1)

    def interval(tail: float) -> tuple[float, float]:
        # p <= tail means at most this many pivots as extreme, less the study itself
        rank = math.floor(tail * (n + 1) * (1 + 1e-12))
        if rank < 1:
            return -math.inf, math.inf
        return float(pivots[rank - 1]), float(pivots[n - rank])

    return below, above, interval


def outcome_of(
    tests: Tests,
    *,
    p_difference: float,
    p_equivalence: float | None,
    asks: Asks,
    bound: float | None,
    alpha: float,
    alpha_equivalence: float,
) -> tuple[Outcome, Magnitude | None]:
    """The outcome of one hypothesis.

    Parameters
    ----------
    tests
        Unadjusted tests, for the interval behind `magnitude`.
    p_difference, p_equivalence
        Adjusted within the family where the hypothesis asks for them, raw otherwise.
    asks
        What is confirmatory. An arm that was not asked for can only take a claim back: equivalence shown although
        only a difference was asked turns ``different`` into ``trivial``, never ``undecided`` into ``equivalent``.

    Returns
    -------
    outcome, magnitude
        Magnitude only for ``different`` with a bound.
    """
    shows_difference = p_difference <= alpha
    shows_equivalence = p_equivalence is not None and p_equivalence <= alpha_equivalence
    if shows_difference and shows_equivalence:
        return "trivial", None
    if shows_difference and asks != "equivalence":
        if bound is None:
            return "different", None
        return "different", "exceeds_bound" if tests.ci_equivalence.beyond(bound) else "size_undecided"
    if shows_equivalence and asks != "difference":
        return "equivalent", None
    return "undecided", None
