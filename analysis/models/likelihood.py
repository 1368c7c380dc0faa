r"""Likelihood-ratio tests and profile-likelihood intervals.

The signed root :math:`\zeta(v) = \mathrm{sign}(v - \hat v)\sqrt{d(v) - d(\hat v)}`, d being the deviance minimized over
all other parameters with the quantity held at v, is compared with the normal distribution (Bates et al. 2015, section
5.1). Linear models are profiled under maximum likelihood for fixed effects and for SDs alike, as lme4 does.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import optimize, stats

from analysis.models.design import Array, Design, Model, Side, Term
from analysis.models.elimination import Indefinite, Products, cross_products
from analysis.models.estimating import Criterion, Estimated, estimate, objective_of
from analysis.models.laplace import LaplaceObjective
from analysis.models.linear import AbsoluteObjective, LinearObjective
from analysis.models.optimizing import hessian
from analysis.models.result import Fit
from protocols.base.errors import Fault, UsageError


@dataclass(frozen=True)
class Ratio:
    """A likelihood-ratio test.

    Attributes
    ----------
    statistic, df, p
        Difference of the deviances, of the numbers of parameters, and the chi-squared p-value.
    note
        What limits it, or an empty string.
    """

    statistic: float
    df: int
    p: float
    note: str


def likelihood_ratio(small: Fit, large: Fit) -> Ratio:
    """Compare two nested models of the same values.

    Raises
    ------
    UsageError
        If they cannot be compared: other rows or weights, or restricted likelihoods with different fixed effects.
    """
    if small.n != large.n or not np.array_equal(small.design.y, large.design.y):
        raise UsageError(Fault("the models", "were not fitted to the same values"))
    if not np.array_equal(small.design.prior_weights, large.design.prior_weights):
        raise UsageError(Fault("the models", "were not fitted with the same weights"))
    if (
        large.model.linear
        and small.model.fixed != large.model.fixed
        and (small.model.reml or large.model.reml)
    ):
        raise UsageError(
            Fault(
                "restricted likelihoods", "differ in their fixed effects", way_out="fit both with reml=False"
            )
        )
    df = len(large.estimated.x) + large.model.linear * large.design.p
    df -= len(small.estimated.x) + small.model.linear * small.design.p
    if df < 1:
        raise UsageError(Fault("the larger model", "has no more parameters than the smaller one"))
    statistic = max(0.0, small.criterion - large.criterion)
    note = ""
    if small.design.n_theta < large.design.n_theta:
        note = "a variance cannot be negative: the p-value is too large (conservative) where one is tested against 0"
    return Ratio(statistic, int(df), float(stats.chi2.sf(statistic, df)), note)


class Profile:
    """Deviance with one quantity held.

    Use `of_fixed` or `of_sd` to make one.

    Parameters
    ----------
    objective
        Deviance; for a linear model one in which the quantity is a parameter.
    place
        Which parameter is the quantity.
    best
        The optimum over all parameters.
    """

    def __init__(self, objective: Criterion, place: int, best: Estimated) -> None:
        self.objective, self.place, self.best = objective, place, best
        self._near: dict[float, Array] = {float(best.x[place]): best.x}

    def held(self, value: float) -> Estimated:
        """Optimum with the quantity held at `value`."""
        nearest = self._near[min(self._near, key=lambda other: abs(other - value))]
        found = estimate(
            self.objective,
            start=nearest,
            curvature=self.best.curvature,
            held={self.place: value},
            exact=False,
        )
        self._near[value] = found.x
        return found

    def root(self, value: float) -> float:
        """Signed root of the deviance above its minimum."""
        center = float(self.best.x[self.place])
        return float(np.sign(value - center) * np.sqrt(max(0.0, self.held(value).value - self.best.value)))


def of_sd(design: Design, group: str, effect: str, *, reml: bool | None = None) -> Profile:
    """Profile of the SD of a random effect, in the unit of the linear predictor.

    The effect comes first in its term: there the diagonal element of the factor is its relative SD.
    """
    ordered = with_first(design, group, effect)
    place = sd_place(ordered, group, effect)
    objective = objective_of(ordered, reml)
    if isinstance(objective, LinearObjective):
        found = estimate(objective)
        absolute = AbsoluteObjective(objective, place)
        point = absolute.absolute(found.x, objective.sigma(objective.state(found.x)))
        best = estimate(absolute, start=point, curvature=_rough(absolute, point))
        return Profile(absolute, place, best)
    return Profile(objective, place, estimate(objective))


def _rough(objective: AbsoluteObjective, point: Array) -> Array:
    return hessian(objective.value_and_gradient, point, objective.scale())


class OffsetObjective:
    """Maximum-likelihood deviance of a linear model with one fixed effect held: ``[theta, log ratios, value]``.

    At given covariance parameters the residual sum of squares is a parabola in the held effect.

    Parameters
    ----------
    inner
        Profiled deviance of the whole model, not restricted.
    effect
        Place of the effect among the fixed ones.
    """

    def __init__(self, inner: LinearObjective, effect: int) -> None:
        self.inner, self.design = inner, inner.design
        design = inner.design
        rest = np.delete(design.x, effect, axis=1)
        self.base = LinearObjective(replace(design, x=rest), reml=False)
        column = design.x[:, effect]
        self.column = column - rest @ np.linalg.lstsq(rest, column, rcond=None)[0] if design.p > 1 else column
        # The held effect moves the response along one column, and the cross-products with it.
        sides = np.column_stack([rest, self.column, self.base.y])
        strata = [design.stratum == g for g in range(self.base.n_strata)]
        prior = design.prior_weights
        self.products = [cross_products(design, prior * inside, sides) for inside in strata]

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.inner.size + 1

    def scale(self) -> Array:
        """Natural scale of each parameter, (size,)."""
        size = float(np.std(self.inner.y)) or 1.0
        return np.append(self.inner.scale(), size)

    def value(self, parameters: Array) -> float:
        """Deviance."""
        return self.value_and_gradient(parameters)[0]

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """Deviance and gradient, (size,), by holding the effect in the response."""
        held = self._held(float(parameters[-1]))
        value, gradient = held.value_and_gradient(parameters[:-1])
        state = held.state(parameters[:-1])
        score = state.residuals * held.row_weights(state)
        slope = -2.0 * held.m / state.pwrss * float(self.column @ score)
        return value, np.append(gradient, slope)

    def _held(self, value: float) -> LinearObjective:
        held = copy(self.base)
        held.y = self.base.y - value * self.column
        held.gram = [_moved(products, value) for products in self.products]
        return held


def _moved(products: Products, value: float) -> Products:
    """Products with [rest, y - value column], from those with [rest, column, y]."""
    p = products.cc.shape[0] - 2
    change = np.zeros((p + 2, p + 1))
    change[:p, :p] = np.eye(p)
    change[p:, p] = -value, 1.0
    ac, bc, cc = products.ac @ change, products.bc @ change, change.T @ products.cc @ change
    return Products(products.aa, products.ab, products.bb, ac, bc, cc)


def of_fixed(fit: Fit, effect: str) -> Profile:
    """Profile of a fixed effect."""
    place = fit.model.fixed.index(effect)
    if isinstance(fit.objective, LaplaceObjective):
        return Profile(fit.objective, fit.design.n_theta + place, fit.estimated)
    inner = LinearObjective(fit.design, reml=False)
    found = estimate(inner)
    beta = inner.state(found.x).beta[place]
    objective = OffsetObjective(inner, place)
    point = np.append(found.x, beta)
    curvature = np.zeros((len(point), len(point)))
    curvature[:-1, :-1] = found.curvature
    step = 1e-4 * objective.scale()[-1]
    ahead = np.append(found.x, beta + step)
    curvature[-1, -1] = objective.value_and_gradient(ahead)[1][-1] / step
    value, gradient = objective.value_and_gradient(point)
    best = replace(
        found,
        x=point,
        value=value,
        gradient=gradient,
        curvature=curvature,
        scale=objective.scale(),
        at_zero=np.append(found.at_zero, False),
    )
    return Profile(objective, len(point) - 1, best)


def profile_interval(
    fit: Fit, effect: str, *, group: str | None = None, level: float = 0.95
) -> tuple[float, float]:
    """Profile-likelihood interval.

    Parameters
    ----------
    effect
        A fixed effect; with `group`, the SD of that random effect.
    group
        Grouping column of the random effect.
    level
        Confidence level.

    Returns
    -------
    tuple
        Lower and upper limit. The lower limit of an SD is 0 where 0 is not excluded.
    """
    if not fit.state.usable:
        return np.nan, np.nan
    wanted = float(stats.norm.ppf(0.5 + level / 2.0))
    if group is None:
        profile = of_fixed(fit, effect)
        center = float(profile.best.x[profile.place])
        se = float(np.sqrt(fit.vcov[fit.model.fixed.index(effect), fit.model.fixed.index(effect)]))
        return (
            crossing(profile.root, -wanted, center, -se * wanted),
            crossing(profile.root, wanted, center, se * wanted),
        )
    profile = of_sd(fit.design, group, effect, reml=False if fit.model.linear else None)
    center = float(profile.best.x[profile.place])
    step = 0.5 * center + 0.1 * profile.objective.scale()[profile.place]
    high = crossing(profile.root, wanted, center, step)
    if center == 0 or profile.root(0.0) > -wanted:
        return 0.0, high
    return crossing(profile.root, -wanted, center, -0.5 * center, limit=0.0), high


def crossing(
    function: Callable[[float], float],
    level: float,
    center: float,
    step: float,
    *,
    limit: float | None = None,
) -> float:
    """Where a monotone function, 0 at `center`, reaches `level`, in the direction of `step`."""
    near, far = center, center + step
    for _ in range(40):
        if limit is not None and (far - limit) * step >= 0:
            far = limit
            break
        try:
            reached = function(far)
        except Indefinite:
            return float("nan")
        if abs(reached) >= abs(level):
            break
        near, far = far, far + 1.5 * (far - center)
    else:
        return float("inf") if step > 0 else float("-inf")

    def gap(value: float) -> float:
        return (function(value) if value != center else 0.0) - level

    return float(optimize.brentq(gap, near, far, xtol=1e-7 * abs(step), rtol=1e-9))


def with_first(design: Design, group: str, effect: str) -> Design:
    """The same model, `effect` put first in its term."""
    random = []
    for term in design.model.random:
        if term.group == group and effect in term.effects and term.correlated:
            effects = (effect, *(other for other in term.effects if other != effect))
            random.append(Term(term.group, effects, term.correlated))
        else:
            random.append(term)
    if not any(term.group == group and effect in term.effects for term in random):
        raise UsageError(Fault(f"'{effect}'", f"does not vary over '{group}' in this model"))
    model = design.model.with_random(random)
    return replace(design, model=model, a=_reordered(design.a, model), b=_reordered(design.b, model))


def _reordered(side: Side, model: Model) -> Side:
    effects = model.effects(side.group) if side.k else ()
    order = [side.effects.index(effect) for effect in effects]
    return replace(side, effects=tuple(effects), z=side.z[:, order])


def sd_place(design: Design, group: str, effect: str) -> int:
    """Position of an effect's diagonal element in theta; the effect must be the first of its term."""
    side = design.side(group)
    column = side.effects.index(effect)
    inside = int(np.flatnonzero((side.rows == column) & (side.cols == column))[0])
    return inside + (0 if side is design.a else len(design.a.rows))


def profile_table(fit: Fit, *, level: float = 0.95) -> pd.DataFrame:
    """Profile-likelihood intervals of all fixed effects and SDs: ``group, effect, quantity, low, high``."""
    rows = []
    for effect in fit.model.fixed:
        rows.append(("", effect, "estimate", *profile_interval(fit, effect, level=level)))
    for group in fit.model.groups:
        for effect in fit.model.effects(group):
            rows.append((group, effect, "sd", *profile_interval(fit, effect, group=group, level=level)))
    return pd.DataFrame(rows, columns=["group", "effect", "quantity", "low", "high"])
