"""From one estimate to an outcome: different, equivalent, trivial, undecided, not estimable (INFERENCE 1).

Difference and equivalence come from the same estimate, standard error and degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.evidence.estimates import Estimate

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
    """Two-sided t test against 0 and two one-sided t tests against the bounds, from the same numbers.

    Parameters
    ----------
    estimate
        Effect, standard error (> 0) and degrees of freedom.
    bound
        The bound (> 0) in the estimate's unit, or None.
    alpha, alpha_equivalence
        Levels; they set the intervals only.
    """
    from scipy.special import (  # scipy.stats.t is 50 times slower to set up, and this is bootstrapped
        stdtr,
        stdtrit,
    )

    def tail(distance: float) -> float:
        """P(T > distance)."""
        return float(stdtr(estimate.df, -distance))

    p_lower = p_upper = None
    if bound is not None:
        p_lower = tail((estimate.value + bound) / estimate.se)
        p_upper = tail((bound - estimate.value) / estimate.se)
    half_difference = -float(stdtrit(estimate.df, alpha / 2)) * estimate.se
    half_equivalence = -float(stdtrit(estimate.df, alpha_equivalence)) * estimate.se
    return Tests(
        min(1.0, 2 * tail(abs(estimate.value) / estimate.se)),
        p_lower,
        p_upper,
        Interval(1 - alpha, estimate.value - half_difference, estimate.value + half_difference),
        Interval(
            1 - 2 * alpha_equivalence, estimate.value - half_equivalence, estimate.value + half_equivalence
        ),
    )


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
