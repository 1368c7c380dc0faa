"""Bayes factors, as description: they never move an outcome (INFERENCE 9)."""

from __future__ import annotations

import math
from collections.abc import Callable

LARGEST_LOG = 700.0
NORMAL_FROM = 30
"""Degrees of freedom from which the likelihood of an estimate is taken as normal."""
Density = Callable[[float], float]


def jzs(t: float, n_effective: float, df: float, r: float) -> float:
    r"""BF10 of a t test under a Cauchy prior of scale `r` on the standardized effect (Rouder et al. 2009, eq. 1).

    Parameters
    ----------
    t
        The t statistic.
    n_effective
        n for one sample or pairs, ``n1 n2 / (n1 + n2)`` for two groups.
    df
        n - 1, or n1 + n2 - 2.
    r
        Prior width, for example 0.707.
    """
    from scipy import integrate

    def log_integrand(log_g: float) -> float:
        g = math.exp(log_g)
        shrink = 1 + n_effective * g * r * r
        likelihood = -0.5 * math.log(shrink) - (df + 1) / 2 * math.log1p(t * t / (shrink * df))
        prior = -0.5 * math.log(2 * math.pi) - 1.5 * log_g - 1 / (2 * g)
        return likelihood + prior + log_g  # + log_g: substitution g = exp(log_g)

    null = -(df + 1) / 2 * math.log1p(t * t / df)
    # Scaled by its highest point: the factor itself may be larger than any number a computer has.
    steps = [-12 + 0.25 * i for i in range(289)]
    highest = max(log_integrand(x) for x in steps)
    at = max(steps, key=log_integrand)
    value, _ = integrate.quad(lambda x: math.exp(log_integrand(x) - highest), -12, 60, points=[at], limit=400)
    log_factor = math.log(value) + highest - null
    return math.exp(log_factor) if log_factor < LARGEST_LOG else math.inf


def normal_prior(value: float, se: float, df: float, width: float) -> float:
    """BF10 of effect ~ Normal(0, width) against exactly 0; likelihood t below 30 degrees of freedom, else normal."""
    if df >= NORMAL_FROM:
        total = math.hypot(width, se)
        log_factor = math.log(se / total) + 0.5 * value**2 * (1 / se**2 - 1 / total**2)
        return math.exp(log_factor) if log_factor < LARGEST_LOG else math.inf
    likelihood, prior = _t_density(df, value, se), _normal_density(width)
    return _mass(likelihood, prior, value, se, width, -math.inf, math.inf) / likelihood(0.0)


def interval_null(value: float, se: float, df: float, bound: float, width: float) -> float:
    """BF of lying outside against lying inside ``(-bound, bound)`` under effect ~ Normal(0, width)."""
    from scipy.special import ndtr

    def share_outside(mean: float, sd: float) -> float:
        return float(ndtr((-bound - mean) / sd) + ndtr((mean - bound) / sd))

    prior_outside = share_outside(0.0, width)
    if prior_outside == 0:
        return math.nan  # the prior excludes the alternative
    prior_odds = prior_outside / (1 - prior_outside)
    if df >= NORMAL_FROM:  # a normal times a normal is a normal
        shrink = width**2 / (width**2 + se**2)
        outside = share_outside(shrink * value, math.sqrt(shrink) * se)
        within = 1 - outside
    else:
        likelihood, prior = _t_density(df, value, se), _normal_density(width)

        def mass(low: float, high: float) -> float:
            return _mass(likelihood, prior, value, se, width, low, high)

        within, outside = mass(-bound, bound), mass(-math.inf, -bound) + mass(bound, math.inf)
    return outside / within / prior_odds if within > 0 else math.inf


def _normal_density(width: float) -> Density:
    factor = 1 / (width * math.sqrt(2 * math.pi))
    return lambda x: factor * math.exp(-0.5 * (x / width) ** 2)


def _t_density(df: float, value: float, se: float) -> Density:
    log_factor = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi) - math.log(se)
    return lambda x: math.exp(log_factor - (df + 1) / 2 * math.log1p(((x - value) / se) ** 2 / df))


def _mass(
    likelihood: Density, prior: Density, value: float, se: float, width: float, low: float, high: float
) -> float:
    """Integral of likelihood x prior; the places where either is high are named to the integrator."""
    from scipy import integrate

    reach = abs(value) + 12 * max(width, se)
    low, high = max(low, -reach), min(high, reach)
    if low >= high:
        return 0.0
    marks = {0.0, value, value - 4 * se, value + 4 * se, -4 * width, 4 * width}
    points = sorted(mark for mark in marks if low < mark < high)
    found, _ = integrate.quad(lambda x: likelihood(x) * prior(x), low, high, points=points or None, limit=400)
    return float(found)
