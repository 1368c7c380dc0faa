r"""Whether people differ: an upper bound for the SD of a random effect.

"Nobody can tell" needs more than a mean near 0; people's SD must be below a bound :math:`\Delta_s` as well (INFERENCE
3). The hypothesis :math:`\sigma_c \ge \Delta_s` is tested with the signed root of the profile likelihood,

.. math:: r(s) = \mathrm{sign}(\hat\sigma_c - s)\sqrt{d(s) - d(\hat\sigma_c)},

referred to its values in studies drawn from the model fitted with :math:`\sigma_c = \Delta_s`. The upper limit is the s
at which r(s) equals their quantile α: it lies below the bound exactly when the test rejects. An estimate of 0 is an
ordinary result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis.models.design import Array
from analysis.models.elimination import Indefinite
from analysis.models.estimating import Criterion, estimate, objective_of
from analysis.models.likelihood import Profile, crossing, of_sd
from analysis.models.linear import AbsoluteObjective, LinearObjective
from analysis.models.ordinal import OrdinalObjective
from analysis.models.replicating import replicate
from analysis.models.result import Fit
from analysis.models.simulating import draw
from protocols.base.errors import Fault, UsageError
from protocols.base.seeds import generator


@dataclass(frozen=True)
class Spread:
    """The test of a spread against its bound.

    Attributes
    ----------
    sd
        Estimate; 0 is an ordinary value.
    bound
        Its bound.
    root
        Signed root of the profile likelihood at the bound; negative where the estimate is below it.
    p
        Probability, at the bound, of a root as low as this; small means: the spread is below the bound.
    upper, level
        One-sided upper confidence limit and its level, 1 - alpha.
    n, failed
        Replicates, and those without estimates.
    """

    group: str
    effect: str
    sd: float
    bound: float
    root: float
    p: float
    upper: float
    level: float
    n: int
    failed: int

    @property
    def below(self) -> bool:
        """Whether the spread is shown to be below its bound."""
        return self.p <= 1.0 - self.level


def spread_below(
    fit: Fit,
    group: str,
    effect: str,
    bound: float,
    *,
    n: int = 1999,
    alpha: float = 0.05,
    seed: int,
    workers: int = 1,
    label: str = "",
) -> Spread:
    r"""Test that the SD of a random effect is below a bound.

    Parameters
    ----------
    fit
        The fitted model.
    group, effect
        Which random effect: ``"person", "c"``.
    bound
        :math:`\Delta_s` > 0, in the unit of the linear predictor.
    n
        Bootstrap samples at the bound; 0 refers the root to a normal distribution around its approximate mean instead
        (fast; how well, see docs/calibration.md).
    alpha
        Level of the test; the upper limit has confidence 1 - alpha.
    seed, workers
        As in `bootstrap`.
    label
        For the line that tells the progress.
    """
    if not bound > 0:
        raise UsageError(Fault("the bound of a spread", "is not above 0", got=f"{bound:g}"))
    if not fit.state.usable:
        raise UsageError(Fault("the fit", "has no estimates", got=" ".join(fit.state.messages)))
    profile = of_sd(fit.design, group, effect)
    sd = abs(float(profile.best.x[profile.place]))
    null = estimate(
        profile.objective, start=_lifted(profile.objective, profile.best.x), curvature=profile.best.curvature,
        held={profile.place: bound},
    )  # fmt: skip
    root = _root(sd - bound, null.value - profile.best.value)
    if n == 0:
        mean = _mean_of_root(fit, group)
        upper = _upper(profile, sd, float(stats.norm.ppf(alpha)) + mean, bound)
        p = float(stats.norm.cdf(root - mean))
        return Spread(group, effect, sd, bound, root, p, upper, 1.0 - alpha, 0, 0)
    task = _Refit(profile.objective, profile.place, null.x, null.curvature, bound, seed)
    found = replicate(task, n, workers=workers, label=label or f"spread of {effect} over {group}")
    roots = np.array([one for one in found if one is not None])
    p = (1 + int(np.sum(roots <= root))) / (len(roots) + 1)
    # The order statistic that agrees with the test: p <= alpha exactly where root is below it.
    rank = int(np.floor(alpha * (len(roots) + 1)))
    critical = float(np.sort(roots)[rank - 1]) if rank >= 1 else -np.inf
    upper = _upper(profile, sd, critical, bound)
    return Spread(group, effect, sd, bound, root, p, upper, 1.0 - alpha, n, n - len(roots))


def _mean_of_root(fit: Fit, group: str) -> float:
    r"""Approximate mean of the signed root at the true SD.

    A variance estimated from ν degrees of freedom is :math:`q\sigma^2` with :math:`\nu q \sim \chi^2_\nu`, and
    :math:`r = \pm\sqrt{\nu(q - 1 - \ln q)}` has the mean :math:`-\sqrt 2/(3\sqrt\nu)`; maximum likelihood, which
    divides by the number of levels n instead of n - 1, takes another :math:`1/\sqrt{2n}`.
    """
    n = fit.levels[group]
    if fit.model.linear and fit.model.reml:
        return -math.sqrt(2.0) / (3.0 * math.sqrt(n - 1))
    return -(math.sqrt(2.0) / 3.0 + math.sqrt(0.5)) / math.sqrt(n)


def share_beyond(mean: float, sd: float, limit: float = 0.5) -> float:
    """Share of people whose own value lies beyond ±`limit` when people are normal around `mean` with `sd`."""
    if sd == 0:
        return float(abs(mean) > limit)
    return float(stats.norm.sf((limit - mean) / sd) + stats.norm.cdf((-limit - mean) / sd))


def _root(difference: float, deviance: float) -> float:
    return float(np.sign(difference) * np.sqrt(max(0.0, deviance)))


def _upper(profile: Profile, sd: float, critical: float, bound: float) -> float:
    """Where the signed root falls to its critical value."""
    if not np.isfinite(critical):
        return float("inf")
    if critical >= 0:  # samples at the bound estimate 0 so rarely below it that the limit is the estimate
        return sd
    # Signs: Profile.root is positive above the estimate, the test's root negative.
    return crossing(profile.root, -critical, sd, max(bound, 0.1 * sd))


def _lifted(objective: Criterion, x: Array) -> Array:
    """Diagonal elements at 0 moved off the ridge, so that a search can leave it."""
    result = x.copy()
    theta = result[: objective.design.n_theta]
    low = 0.1 * objective.scale()[: objective.design.n_theta]
    small = objective.design.diagonal & (np.abs(theta) < low)
    theta[small] = low[small]
    return result


@dataclass(frozen=True)
class _Refit:
    """One study at the bound: its signed root, or None."""

    objective: Criterion
    place: int
    x: Array
    curvature: Array
    bound: float
    seed: int

    def __call__(self, index: int) -> float | None:
        design, x = self.objective.design, self.x
        random = generator(self.seed, "spread", index)
        if isinstance(self.objective, AbsoluteObjective):
            sigma = float(np.exp(x[-1]))
            theta = x[: design.n_theta].copy()
            theta[self.place] /= sigma
            residual = sigma * np.exp(np.concatenate([[0.0], x[design.n_theta : -1]]))
            inner = self.objective.inner
            beta = inner.state(np.concatenate([theta, x[design.n_theta : -1]])).beta
        else:
            theta, residual, beta = x[: design.n_theta], np.zeros(0), x[design.n_theta :][: design.p]
        cuts = self.objective.cuts(x) if isinstance(self.objective, OrdinalObjective) else None
        y = draw(design, design.factors(theta), beta, residual, random, cuts=cuts)
        plain = objective_of(design.with_response(y))
        objective: Criterion = plain
        if isinstance(plain, LinearObjective):
            objective = AbsoluteObjective(plain, self.place)
        try:
            # A category that was not drawn does not exist: fewer parameters, and no start from those that are known.
            same = objective.size == len(x)
            held = estimate(
                objective,
                start=_lifted(objective, x) if same else None,
                curvature=self.curvature if same else None,
                held={self.place: self.bound},
                exact=False,
            )
            curvature = self.curvature if same else held.curvature
            free = estimate(objective, start=held.x, curvature=curvature, exact=False)
        except (Indefinite, np.linalg.LinAlgError):
            return None
        if not (held.converged and free.converged):
            return None
        return _root(abs(float(free.x[self.place])) - self.bound, held.value - free.value)
