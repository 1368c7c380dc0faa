"""Two one-sided tests over pairs: what the set says about new clips made the same way. Information, never the gate.

Schuirmann 1987, J Pharmacokinet Biopharm 15:657. The bound is the tolerance of the mean. The power is exact for normal
differences with the observed SD (Phillips 1990, J Pharmacokinet Biopharm 18:137).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from protocols.plan.chances import probability_equivalent
from protocols.plan.materials import Tolerance
from stimuli.matching.paired import FloatArray, Paired, mean_difference

ALPHA = 0.05
WANTED_POWER = 0.8
MOST_PAIRS = 10_000


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of one feature's mean paired difference.

    Attributes
    ----------
    contrast, feature, unit
        What was compared, in which feature; the unit of estimate, SD, SE, interval and bound.
    bound
        The tolerance of the mean.
    pairs
        Pairs in which both clips have a value.
    estimate, sd, se, df
        Mean paired difference, SD of the differences, its standard error and degrees of freedom.
    low, high
        90 % confidence interval, the one that belongs to two one-sided tests at .05.
    p_below, p_above
        One-sided p-values against a true mean of −bound or less, and of bound or more.
    p
        The larger of the two: below .05 the mean of such clips is inside the bound.
    power
        Probability of that with this number of pairs, if the true mean difference is 0 and the SD as observed.
    pairs_needed
        Smallest number of pairs with a power of .80; None beyond 10,000.
    note
        Why there is no test, where there is none; then the numbers that need it are NaN.
    """

    contrast: str
    feature: str
    unit: str
    bound: float
    pairs: int
    estimate: float
    sd: float = math.nan
    se: float = math.nan
    df: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_below: float = math.nan
    p_above: float = math.nan
    p: float = math.nan
    power: float = math.nan
    pairs_needed: int | None = None
    note: str = ""


def equivalences(paired: Paired, tolerances: Mapping[str, Tolerance]) -> tuple[Equivalence, ...]:
    """The two one-sided tests of every toleranced feature.

    Parameters
    ----------
    paired
        The pairs, toleranced features in their tolerances' units.
    tolerances
        Of the plan, by feature.
    """
    return tuple(
        equivalence(
            paired.differences[:, paired.features.index(name)],
            tolerance.mean,
            contrast=paired.contrast,
            feature=name,
            unit=tolerance.unit,
        )
        for name, tolerance in tolerances.items()
    )


def equivalence(
    differences: FloatArray, bound: float, *, contrast: str, feature: str, unit: str
) -> Equivalence:
    """Two one-sided tests of the mean of some paired differences against ``-bound`` and ``bound``.

    Parameters
    ----------
    differences
        One per pair, (N,); NaN where a pair was not measured.
    bound
        In the unit of the differences.
    contrast, feature, unit
        Names for the result.
    """
    from scipy import stats

    values = differences[~np.isnan(differences)]
    n = len(values)
    estimate = mean_difference(values)
    if n < 2:
        note = "no pair was measured" if n == 0 else "one pair has no spread"
        return Equivalence(contrast, feature, unit, bound, n, estimate, note=note)
    if np.ptp(values) == 0:
        note = "the difference is the same in every pair: nothing varies, so there is nothing to infer"
        return Equivalence(contrast, feature, unit, bound, n, estimate, 0.0, 0.0, n - 1.0, note=note)
    sd = float(values.std(ddof=1))
    se, df = sd / math.sqrt(n), n - 1.0
    half = float(stats.t.isf(ALPHA, df)) * se
    interval = (estimate - half, estimate + half)
    if bound == 0:
        note = "a tolerance of 0 asks for identity, which no sample of pairs can show of other clips"
        return Equivalence(contrast, feature, unit, bound, n, estimate, sd, se, df, *interval, note=note)
    p_below = float(stats.t.sf((estimate + bound) / se, df))
    p_above = float(stats.t.cdf((estimate - bound) / se, df))
    return Equivalence(
        contrast,
        feature,
        unit,
        bound,
        n,
        estimate,
        sd,
        se,
        df,
        *interval,
        p_below,
        p_above,
        max(p_below, p_above),
        power(n, sd, bound),
        pairs_needed(sd, bound),
    )


def power(pairs: int, sd: float, bound: float) -> float:
    """Probability that two one-sided tests at .05 find a true difference of 0 inside the bound.

    Parameters
    ----------
    pairs
        How many, at least two.
    sd, bound
        SD of the paired differences and the bound, in one unit.
    """
    return probability_equivalent(0.0, sd / math.sqrt(pairs), pairs - 1.0, bound, ALPHA)


def pairs_needed(sd: float, bound: float) -> int | None:
    """Smallest number of pairs for a power of .80; None beyond 10,000."""
    if power(MOST_PAIRS, sd, bound) < WANTED_POWER:
        return None
    low, high = 1, 2  # too few, and perhaps enough
    while power(high, sd, bound) < WANTED_POWER:
        low, high = high, min(2 * high, MOST_PAIRS)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle, sd, bound) >= WANTED_POWER else (middle, high)
    return high
