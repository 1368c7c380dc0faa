"""Bayes factors, as description: they never move an outcome (INFERENCE 9)."""

from __future__ import annotations

import math


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
    value, _ = integrate.quad(lambda x: math.exp(log_integrand(x) - null), -12, 60, limit=400)
    return float(value)


def normal_prior(value: float, se: float, df: float, width: float) -> float:
    """BF10 of effect ~ Normal(0, width) against exactly 0; likelihood t below 30 degrees of freedom, else normal."""
    from scipy import integrate, stats

    likelihood = stats.t(df, loc=value, scale=se) if df < 30 else stats.norm(value, se)
    if df >= 30:
        alternative = stats.norm(0, math.hypot(width, se)).pdf(value)
    else:
        reach = 10 * max(width, se)
        points = sorted({0.0, value})
        alternative, _ = integrate.quad(
            lambda effect: likelihood.pdf(effect) * stats.norm(0, width).pdf(effect), -reach - abs(value), reach + abs(value),
            points=points, limit=400,
        )  # fmt: skip
    return float(alternative / likelihood.pdf(0.0))


def interval_null(value: float, se: float, df: float, bound: float, width: float) -> float:
    """BF of lying outside against lying inside ``(-bound, bound)`` under effect ~ Normal(0, width)."""
    from scipy import integrate, stats

    likelihood = stats.t(df, loc=value, scale=se) if df < 30 else stats.norm(value, se)
    prior = stats.norm(0, width)

    def mass(low: float, high: float) -> float:
        inside = [point for point in (value, 0.0) if low < point < high]
        found, _ = integrate.quad(
            lambda x: likelihood.pdf(x) * prior.pdf(x), low, high, points=inside or None, limit=400
        )
        return float(found)

    reach = bound + abs(value) + 12 * max(width, se)
    within, outside = mass(-bound, bound), mass(-reach, -bound) + mass(bound, reach)
    prior_within = float(prior.cdf(bound) - prior.cdf(-bound))
    posterior = outside / within if within > 0 else math.inf
    return posterior / ((1 - prior_within) / prior_within)
