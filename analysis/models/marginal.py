r"""Estimated marginal values: what holds on average over scenes, not at the typical scene.

With the probit link and scene effects of variance :math:`\sigma^2(z) = z'\Sigma z` at the design point z, the mean
probability over scenes is :math:`E\,\Phi(\eta + e) = \Phi(\eta/\sqrt{1 + \sigma^2(z)})`, so that

.. math:: d' = \frac{1}{N}\sum_i \Phi^{-1}(H_i) - \Phi^{-1}(F_i)
             = \frac{\eta_+}{\sqrt{1 + \sigma_+^2}} - \frac{\eta_-}{\sqrt{1 + \sigma_-^2}}

(INFERENCE 3): people's own effects have mean 0 and enter linearly. Standard errors by the delta method from the joint
covariance of (theta, beta). For the logit link the mean is taken by Gauss-Hermite quadrature at people's effects of 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from analysis.models.design import Array, columns_of
from analysis.models.result import Contrast, Fit
from protocols.base.errors import Fault, UsageError, listed

Point = Mapping[str, float]
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)


def marginal(
    fit: Fit,
    points: Sequence[tuple[float, Point]],
    *,
    over: Sequence[str] | str | None = None,
    name: str = "marginal value",
    df: float | None = None,
) -> Contrast:
    """Weighted sum of marginal linear predictors.

    Parameters
    ----------
    fit
        A fitted model.
    points
        Weight and values of the columns for each design point: ``[(1, {"c": .5, "g": 0}), (-1, {"c": -.5, "g": 0})]``.
    over
        Grouping columns to average over; the model's last (its items) if None. Linear models have nothing to average.
    name
        What it is.
    df
        Degrees of freedom; infinite if None (binomial), or Satterthwaite's (linear).

    Returns
    -------
    Contrast
        On the scale of the linear predictor.
    """
    table = pd.DataFrame([dict(point) for _, point in points])
    _check(fit, table)
    if fit.model.ordinal:
        way = "take a contrast of the fixed effects, which holds at the typical person and item"
        raise UsageError(Fault("a marginal value", "is not defined for ordinal models", way_out=way))
    weights = np.array([weight for weight, _ in points], float)
    x = columns_of(table, fit.model.fixed, len(table))
    if fit.model.linear:
        return fit.contrast(dict(zip(fit.model.fixed, weights @ x, strict=True)), name=name, df=df)
    groups = [fit.model.groups[-1]] if over is None else [over] if isinstance(over, str) else list(over)
    z = {group: columns_of(table, fit.model.effects(group), len(table)) for group in groups}
    value = _value(fit, x, z, weights)
    point = fit.estimated.x
    if not fit.state.usable:
        return Contrast(name, np.nan, np.nan, np.inf)
    slopes = np.zeros(len(point))
    for k, scale in enumerate(fit.estimated.scale):
        move = np.zeros(len(point))
        move[k] = 1e-5 * scale
        slopes[k] = (value(point + move) - value(point - move)) / (2e-5 * scale)
    if fit.estimated.exact:
        variance = float(slopes @ fit.joint_covariance @ slopes)
    else:  # a refit of a bootstrap: covariance parameters taken as known
        of_beta = slopes[fit.design.n_theta :]
        variance = float(of_beta @ fit.vcov @ of_beta)
    return Contrast(name, value(point), float(np.sqrt(variance)), np.inf if df is None else df)


def marginal_d_prime(
    fit: Fit, signal: str = "c", *, at: Point | None = None, over: Sequence[str] | str | None = None,
    df: float | None = None,
) -> Contrast:  # fmt: skip
    """Marginal d′ of a probit model: at +½ minus at -½ of `signal`.

    Parameters
    ----------
    fit
        Probit model of "said it is there", `signal` coded ±½.
    signal
        Column of the truth.
    at
        Values of the other columns; 0 for those not named: ``{"g": -0.5}`` for the first group.
    over
        Grouping columns to average over; the model's last (its items) if None.
    df
        Degrees of freedom, for example ``fit.fast_df("g")``.
    """
    _probit(fit)
    others = _others(fit, signal, at)
    points = [(1.0, {**others, signal: 0.5}), (-1.0, {**others, signal: -0.5})]
    where = "".join(f", {key} = {value:g}" for key, value in (at or {}).items())
    return marginal(fit, points, over=over, name=f"marginal d′{where}", df=df)


def marginal_d_prime_difference(
    fit: Fit,
    by: str = "g",
    signal: str = "c",
    *,
    over: Sequence[str] | str | None = None,
    df: float | None = None,
) -> Contrast:
    """Difference of marginal d′ between groups: at +½ minus at -½ of `by`."""
    _probit(fit)
    others = _others(fit, signal, None)
    points = [
        (sign_g * sign_c, {**others, signal: sign_c / 2.0, by: sign_g / 2.0})
        for sign_g in (1.0, -1.0)
        for sign_c in (1.0, -1.0)
    ]
    return marginal(fit, points, over=over, name=f"difference of marginal d′ by {by}", df=df)


def _value(fit: Fit, x: Array, z: Mapping[str, Array], weights: Array) -> Callable[[Array], float]:
    """The marginal sum as a function of ``[theta, beta]``."""
    design = fit.design
    average = _probit_mean if fit.model.link == "probit" else _logit_mean

    def value(parameters: Array) -> float:
        factor_a, factor_b = design.factors(parameters[: design.n_theta])
        variance = np.zeros(len(x))
        for group, columns in z.items():
            factor = factor_a if design.side(group) is design.a else factor_b
            variance += np.sum((columns @ factor) ** 2, axis=1)
        return float(weights @ average(x @ parameters[design.n_theta :], variance))

    return value


def _probit_mean(eta: Array, variance: Array) -> Array:
    return np.asarray(eta / np.sqrt(1.0 + variance))


def _logit_mean(eta: Array, variance: Array) -> Array:
    inner = expit(eta[:, None] + np.sqrt(variance)[:, None] * _NODES)
    return np.asarray(logit(inner @ _WEIGHTS / _WEIGHTS.sum()))


def _names(fit: Fit) -> list[str]:
    effects = [
        *fit.model.fixed,
        *(effect for group in fit.model.groups for effect in fit.model.effects(group)),
    ]
    return list(dict.fromkeys(name for effect in effects for name in effect.split(":") if name != "1"))


def _others(fit: Fit, signal: str, at: Point | None) -> dict[str, float]:
    return {name: float((at or {}).get(name, 0.0)) for name in _names(fit) if name != signal}


def _check(fit: Fit, table: pd.DataFrame) -> None:
    missing = [name for name in _names(fit) if name not in table or table[name].isna().any()]
    if missing:
        raise UsageError(Fault("a design point", "leaves columns of the model open", got=listed(missing)))


def _probit(fit: Fit) -> None:
    if fit.model.link != "probit" or fit.model.ordinal:
        raise UsageError(
            Fault(
                "marginal d′",
                "is defined for choices with the probit link",
                got=f"{fit.model.family}, {fit.model.link}",
            )
        )
