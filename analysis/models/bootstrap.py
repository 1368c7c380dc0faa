r"""Parametric bootstrap: what the model itself says about its estimates' sampling distribution.

New responses are drawn from the fit and the model is fitted to them, from the original estimates and with the original
curvature as the first guess, on arrays that all refits share. A studentized interval (Davison & Hinkley 1997, section
5.2) compares :math:`t^* = (\hat\theta^* - \hat\theta)/se^*` with :math:`(\hat\theta - \theta_0)/se`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.models.design import Array
from analysis.models.fitting import fit_design
from analysis.models.replicating import replicate
from analysis.models.result import Contrast, Fit
from analysis.models.simulating import simulate
from protocols.base.errors import Fault, UsageError, listed

Statistic = Callable[[Fit], Mapping[str, float | Contrast]]


@dataclass(frozen=True)
class Bootstrap:
    """Replicates of statistics.

    Attributes
    ----------
    observed
        Statistics of the original fit.
    errors
        Standard errors of those that have one.
    replicates, replicate_errors
        The same of each replicate, one row each; NaN where it had no estimates.
    failed
        Replicates without estimates. They are left out and counted.
    """

    observed: dict[str, float]
    errors: dict[str, float]
    replicates: pd.DataFrame
    replicate_errors: pd.DataFrame
    failed: int

    @property
    def n(self) -> int:
        """Replicates with estimates."""
        return len(self.replicates) - self.failed

    def interval(self, name: str, level: float = 0.95, *, kind: str | None = None) -> tuple[float, float]:
        """Confidence interval of a statistic.

        Parameters
        ----------
        name
            Which statistic.
        level
            Confidence level.
        kind
            ``studentized`` (the default where the statistic has standard errors), ``basic`` or ``percentile``.
        """
        values, estimate = self._values(name), self.observed[name]
        kind = kind or ("studentized" if name in self.errors else "basic")
        tail = (1.0 - level) / 2.0
        if kind == "studentized":
            low, high = np.quantile(self.pivots(name), [tail, 1.0 - tail])
            return float(estimate - high * self.errors[name]), float(estimate - low * self.errors[name])
        low, high = np.quantile(values, [tail, 1.0 - tail])
        if kind == "percentile":
            return float(low), float(high)
        if kind != "basic":
            raise UsageError(
                Fault("kind", "is not known", got=kind, accepted="studentized, basic, percentile")
            )
        return float(2.0 * estimate - high), float(2.0 * estimate - low)

    def p(self, name: str, value: float = 0.0, *, side: str = "both") -> float:
        """Bootstrap p-value of the hypothesis that the statistic is `value`.

        ``side``: ``both``; ``above`` (evidence that it is above `value`) or ``below``. It is never 0:
        the observed study counts as one of n + 1.
        """
        if name in self.errors:
            pivots = self.pivots(name)
            seen = (self.observed[name] - value) / self.errors[name]
        else:
            pivots = self._values(name) - self.observed[name]
            seen = self.observed[name] - value
        above = (1 + int(np.sum(pivots >= seen))) / (len(pivots) + 1)
        below = (1 + int(np.sum(pivots <= seen))) / (len(pivots) + 1)
        if side == "both":
            return min(1.0, 2.0 * min(above, below))
        return above if side == "above" else below

    def _values(self, name: str) -> Array:
        if name not in self.observed:
            raise UsageError(Fault(f"'{name}'", "was not bootstrapped", accepted=listed(self.observed)))
        return self.replicates[name].dropna().to_numpy(float)

    def pivots(self, name: str) -> Array:
        """(replicate - original) / standard error of the replicate, of those that have both."""
        values = (self.replicates[name] - self.observed[name]) / self.replicate_errors[name]
        return values.dropna().to_numpy(float)


def default_statistic(fit: Fit) -> dict[str, float | Contrast]:
    """Fixed effects with standard errors, and SDs of random effects (``"sd c | person"``)."""
    result: dict[str, float | Contrast] = {}
    errors = np.sqrt(np.diag(fit.vcov))
    for effect, estimate, error in zip(fit.model.fixed, fit.beta, errors, strict=True):
        result[effect] = Contrast(effect, float(estimate), float(error), np.inf)
    for group in fit.model.groups:
        covariance = fit.covariance_of(group)
        for place, effect in enumerate(fit.model.effects(group)):
            result[f"sd {effect} | {group}"] = float(np.sqrt(covariance[place, place]))
    for name, value in fit.residual_sd.items():
        result[f"sd residual {name}".rstrip()] = float(value)
    return result


@dataclass(frozen=True)
class _Refit:
    """One replicate; an object with a name, so that other processes can receive it."""

    fit: Fit
    seed: int
    statistic: Statistic

    def __call__(self, index: int) -> Mapping[str, float | Contrast] | None:
        y = simulate(self.fit, self.seed, "bootstrap", index)
        refit = fit_design(self.fit.design.with_response(y), start=self.fit, exact=False)
        return self.statistic(refit) if refit.state.usable else None


def bootstrap(
    fit: Fit,
    n: int = 1999,
    *,
    seed: int,
    statistic: Statistic | None = None,
    workers: int = 1,
    label: str = "bootstrap",
) -> Bootstrap:
    """Parametric bootstrap of a fit.

    Parameters
    ----------
    fit
        The fitted model; responses are drawn from it.
    n
        Replicates; at least 1,999 for a decision.
    seed
        Replicate `k` draws from ``generator(seed, "bootstrap", k)``: the number of workers changes nothing, and
        a longer run begins with the shorter one.
    statistic
        From a fit to named numbers, or `Contrast` s where there is a standard error, which makes the interval
        studentized. Standard errors of binomial refits take the covariance parameters as known: they only have to
        scale alike. With `workers` > 1 it must be a function defined at the top of a module.
    workers
        Processes.
    label
        For the line that tells the progress.
    """
    if not fit.state.usable:
        raise UsageError(Fault("the fit", "has no estimates to draw from", got=" ".join(fit.state.messages)))
    chosen = statistic or default_statistic
    # The same kind of standard error as the refits have: both sides of a pivot must be scaled alike.
    own = chosen(fit_without_hessian(fit))
    results = replicate(_Refit(fit, seed, chosen), n, workers=workers, label=label)
    observed = {name: _value(one) for name, one in own.items()}
    errors = {name: one.se for name, one in own.items() if isinstance(one, Contrast)}
    nothing = dict.fromkeys(observed, np.nan)
    values = [nothing if row is None else {name: _value(one) for name, one in row.items()} for row in results]
    scales = [
        {} if row is None else {name: one.se for name, one in row.items() if isinstance(one, Contrast)}
        for row in results
    ]
    failed = sum(row is None for row in results)
    return Bootstrap(
        observed,
        errors,
        pd.DataFrame(values, columns=list(observed)),
        pd.DataFrame(scales, columns=list(errors)),
        failed,
    )


def fit_without_hessian(fit: Fit) -> Fit:
    """The same fit, its standard errors computed as in refits: with the covariance parameters taken as known."""
    return replace(fit, estimated=replace(fit.estimated, exact=False))


def _value(one: float | Contrast) -> float:
    return one.estimate if isinstance(one, Contrast) else float(one)
