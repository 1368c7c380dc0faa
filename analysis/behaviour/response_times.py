r"""Response times: summaries of their logarithm, and the ex-Gaussian distribution.

The ex-Gaussian is the sum of a normal variable (μ, σ) and an exponential one (mean τ) (Hohle 1965, J Exp Psychol
69:382; Ratcliff 1979, Psychol Bull 86:446; Luce 1986, *Response Times*), with density

.. math:: f(t) = \frac1\tau \exp\Big(\frac{\sigma^2}{2\tau^2} - \frac{t-\mu}{\tau}\Big)
                 \Phi\Big(\frac{t-\mu}\sigma - \frac\sigma\tau\Big),

mean μ + τ, variance σ² + τ², skewness :math:`2\tau^3/(\sigma^2+\tau^2)^{3/2}`. It is fitted by maximum likelihood in
(μ, log σ, log τ), starting from the moments; standard errors are those of the Hessian. The parameters describe a shape;
they are not stages of processing (Matzke & Wagenmakers 2009, Psychon Bull Rev 16:798).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import erfcx, log_ndtr, ndtr

from analysis.behaviour.checking import Array, column_of_numbers, has_columns, numbers, one_number
from protocols.base.errors import Fault, UsageError, listed

FEWEST = 40
"""Fewest response times for an ex-Gaussian fit: with fewer, τ is often estimated at 0 whatever it is."""
_ROOT_2 = float(np.sqrt(2.0))
_NEVER = float("nan")
_EDGE = 1e-3  # of the SD: below it a parameter counts as 0
WAY_OUT = "leave trials without a response empty, and check the unit and the zero of the clock"


@dataclass(frozen=True)
class ExGaussian:
    """An ex-Gaussian fit; all estimates NaN where there is none.

    Attributes
    ----------
    mu, sigma, tau
        In the unit of the times.
    se_mu, se_sigma, se_tau
        Standard errors from the Hessian; NaN where the estimate lies at a limit.
    loglik
        Log-likelihood of the times in their unit.
    n
        Response times.
    message
        Why there is no fit, or what is unusual about it; empty if nothing is.
    """

    mu: float
    sigma: float
    tau: float
    se_mu: float
    se_sigma: float
    se_tau: float
    loglik: float
    n: int
    message: str = ""

    @property
    def fitted(self) -> bool:
        """Whether there are estimates."""
        return bool(np.isfinite(self.mu))


def fit_exgaussian(times: ArrayLike, *, fewest: int = FEWEST) -> ExGaussian:
    """Maximum-likelihood ex-Gaussian of one person's response times in one condition.

    Parameters
    ----------
    times
        (n,), above 0, in any unit. They are taken as they are: outliers are the plan's matter.
    fewest
        Response times below which nothing is fitted.

    Returns
    -------
    ExGaussian
        With a message instead of estimates if there are too few times or they do not vary. If they are not skewed to
        the right the likelihood rises towards τ = 0: the estimate *is* τ = 0 with a normal distribution, and a message.
        Leaving such people out of a mean would make τ too large.

    Raises
    ------
    UsageError
        If a time is missing, infinite, or not above 0.
    """
    t = np.ravel(numbers("the response times", times, low=0.0, open_ends=True, way_out=WAY_OUT))
    least = int(one_number("the fewest response times", fewest, low=4.0, whole=True))
    if len(t) < least:
        return _unfitted(len(t), f"{len(t)} response times, and the fit needs {least}")
    centre, spread = float(np.mean(t)), float(np.std(t))
    if spread <= 1e-9 * centre:
        return _unfitted(len(t), f"all {len(t)} response times are the same")
    x = (t - centre) / spread
    best, curvature = _search(x)
    mu, sigma, tau = float(best[0]), float(np.exp(best[1])), float(np.exp(best[2]))
    normal = -len(x) / 2.0 * (1.0 + np.log(2.0 * np.pi))
    loglik = -_deviance(best, x)[0] / 2.0
    if tau < _EDGE or loglik <= normal + 1e-6:
        message = "τ is at 0: not skewed to the right, a normal distribution fits as well"
        loglik = float(normal - len(t) * np.log(spread))
        return ExGaussian(centre, spread, 0.0, _NEVER, _NEVER, _NEVER, loglik, len(t), message)
    errors, message = _errors(curvature, sigma, tau), ""
    if sigma < _EDGE:
        message = "σ is at 0: the distribution is a shifted exponential"
        errors = np.full(3, np.nan)
    elif np.isnan(errors).any():
        message = "the standard errors could not be computed: the likelihood is flat"
    se_mu, se_sigma, se_tau = (float(spread * one) for one in errors)
    loglik -= len(t) * float(np.log(spread))
    mu, sigma, tau = centre + spread * mu, spread * sigma, spread * tau
    return ExGaussian(mu, sigma, tau, se_mu, se_sigma, se_tau, loglik, len(t), message)


def exgaussian_logpdf(times: ArrayLike, mu: float, sigma: float, tau: float) -> Array:
    """Log-density of the ex-Gaussian, without overflow far from its middle.

    Parameters
    ----------
    times
        Any shape.
    mu, sigma, tau
        Parameters; σ and τ above 0.
    """
    s, scale = (
        one_number(name, one, low=0.0, open_ends=True) for name, one in (("sigma", sigma), ("tau", tau))
    )
    return _logpdf(numbers("the response times", times) - one_number("mu", mu), s, scale)


def exgaussian_cdf(times: ArrayLike, mu: float, sigma: float, tau: float) -> Array:
    """Distribution function of the ex-Gaussian: Φ(y) − exp(log f + log τ), y the standardised normal part."""
    logpdf = exgaussian_logpdf(times, mu, sigma, tau)
    y = (numbers("the response times", times) - mu) / sigma
    return np.clip(ndtr(y) - np.exp(logpdf + np.log(tau)), 0.0, 1.0)


def response_time_table(
    trials: pd.DataFrame, *, time: str = "response_time", by: tuple[str, ...] = (), fit: bool = True,
    fewest: int = FEWEST,
) -> pd.DataFrame:  # fmt: skip
    """Every person's response times in numbers.

    Parameters
    ----------
    trials
        One row per trial: ``participant_id``, ``group``, the time (above 0, or empty: no response), the columns `by`.
    time
        Name of the column of times.
    by
        Columns within people, for example ``("condition",)``.
    fit
        Whether to fit the ex-Gaussian.
    fewest
        As for :func:`fit_exgaussian`.

    Returns
    -------
    pandas.DataFrame
        One row per person (and `by`): ``participant_id, group, *by, n, n_missing, median, geometric_mean, mean_log,
        sd_log`` (natural logarithms; NaN with no or one time), then ``mu, sigma, tau, se_mu, se_sigma, se_tau, loglik,
        note``.

    Raises
    ------
    UsageError
        If a column is missing, or a time is not above 0.
    """
    keys = ["participant_id", "group", *by]
    table = has_columns(trials, [*keys, time]).reset_index(drop=True)
    for name in by:
        if table[name].isna().any():
            empty = f"is empty in {int(table[name].isna().sum())} of {len(table)} rows"
            raise UsageError(Fault(f"column '{name}'", empty))
    times = column_of_numbers(table, time)
    if (times <= 0).any():
        got = listed([f"{value:g}" for value in np.unique(times[times <= 0])], limit=5)
        problem = "holds times that are not above 0"
        raise UsageError(Fault(f"column '{time}'", problem, got=got, way_out=WAY_OUT))
    frame = table[keys].assign(time=times, log=np.log(times), missing=times.isna().astype(int))
    grouped = frame.groupby(keys, sort=True, observed=True)
    summary = grouped.agg(
        n=("time", "count"),
        n_missing=("missing", "sum"),
        median=("time", "median"),
        mean_log=("log", "mean"),
        sd_log=("log", "std"),
    )
    summary.insert(3, "geometric_mean", np.exp(summary["mean_log"]))
    if fit:
        fits = [fit_exgaussian(part["time"].dropna(), fewest=fewest) for _, part in grouped]
        columns = ["mu", "sigma", "tau", "se_mu", "se_sigma", "se_tau", "loglik"]
        for name in columns:
            summary[name] = [getattr(one, name) for one in fits]
        summary["note"] = [one.message for one in fits]
    return summary.reset_index()


def _unfitted(n: int, message: str) -> ExGaussian:
    return ExGaussian(_NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, n, message)


def _search(x: Array) -> tuple[Array, Array]:
    """Best (μ, log σ, log τ) of standardised times, and the deviance's Hessian there."""
    skew = float(np.mean(x**3))
    starts = []
    for share in (
        np.cbrt(np.clip(skew, 0.02, 1.9) / 2.0),
        0.3,
        0.9,
    ):  # τ in SDs: from the skewness, little, much
        sigma = np.sqrt(max(1.0 - share**2, 0.02))
        starts.append(np.array([-share, np.log(sigma), np.log(share)]))
    limits = [(-20.0, 20.0), (-12.0, 3.0), (-12.0, 3.0)]
    found = [minimize(_deviance, one, args=(x,), jac=True, method="L-BFGS-B", bounds=limits,
                      options={"ftol": 1e-13, "gtol": 1e-8, "maxiter": 500}) for one in starts]  # fmt: skip
    best = np.array(min(found, key=lambda one: one.fun).x)
    for _ in range(4):  # Newton steps, where they help
        curvature = _hessian(best, x)
        value, slope = _deviance(best, x)
        try:
            step = np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all() or np.max(np.abs(step)) > 0.5 or _deviance(best - step, x)[0] > value:
            break
        best = best - step
    return best, _hessian(best, x)


def _deviance(point: Array, x: Array) -> tuple[float, Array]:
    """-2 log-likelihood and its gradient in (μ, log σ, log τ)."""
    sigma, tau = np.exp(point[1]), np.exp(point[2])
    d = x - point[0]
    z = d / sigma - sigma / tau
    ratio = np.sqrt(2.0 / np.pi) / _erfcx(-z / _ROOT_2)  # φ(z) / Φ(z)
    by_mu = 1.0 / tau - ratio / sigma
    by_sigma = (sigma / tau) ** 2 - ratio * (d / sigma + sigma / tau)
    by_tau = -1.0 - (sigma / tau) ** 2 + d / tau + ratio * sigma / tau
    gradient = np.array([by_mu.sum(), by_sigma.sum(), by_tau.sum()])
    return -2.0 * float(np.sum(_logpdf(d, sigma, tau))), -2.0 * gradient


def _logpdf(d: Array, sigma: float, tau: float) -> Array:
    """Of times minus μ. Left of the middle the two exponents cancel, and are never formed."""
    z = d / sigma - sigma / tau
    left = -0.5 * (d / sigma) ** 2 + np.log(_erfcx(-np.minimum(z, 0.0) / _ROOT_2) / 2.0)
    right = 0.5 * (sigma / tau) ** 2 - d / tau + log_ndtr(np.maximum(z, 0.0))
    return np.where(z < 0.0, left, right) - np.log(tau)


def _erfcx(y: Array) -> Array:
    """exp(y²) erfc(y), as large as floats are where it is larger."""
    return np.minimum(erfcx(np.maximum(y, -26.0)), 1e290)


def _hessian(point: Array, x: Array) -> Array:
    step = 1e-4
    rows = [
        (_deviance(point + step * one, x)[1] - _deviance(point - step * one, x)[1]) / (2.0 * step)
        for one in np.eye(3)
    ]
    return np.array(rows + np.transpose(rows)) / 2.0


def _errors(curvature: Array, sigma: float, tau: float) -> Array:
    """Standard errors of (μ, σ, τ) from the deviance's Hessian in (μ, log σ, log τ)."""
    try:
        np.linalg.cholesky(curvature)
        covariance = 2.0 * np.linalg.inv(curvature)
    except np.linalg.LinAlgError:
        return np.full(3, np.nan)
    return np.sqrt(np.diag(covariance)) * np.array([1.0, sigma, tau])
