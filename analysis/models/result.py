"""A fitted model: tables, state in words, and what further inference needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from analysis.models.design import Array, Design, Model, Side, columns_of
from analysis.models.estimating import Estimated, Objective
from analysis.models.linear import LinearObjective
from analysis.models.ordinal import OrdinalObjective
from analysis.models.satterthwaite import Satterthwaite
from protocols.base.errors import Fault, UsageError, listed


@dataclass(frozen=True)
class State:
    """How a fit went, in words.

    Attributes
    ----------
    converged
        Whether the optimum was reached.
    singular
        Whether a variance is estimated at 0 or a correlation at its limit. An ordinary result, not a failure.
    separated
        Whether the fixed effects separate the answers: no estimates then.
    boundary
        Which variances or correlations are at their limit, as clauses.
    messages
        Everything a reader should know, as sentences.
    """

    converged: bool
    singular: bool
    separated: bool
    boundary: tuple[str, ...]
    messages: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether there are estimates."""
        return self.converged and not self.separated


@dataclass(frozen=True)
class Contrast:
    """A weighted sum of fixed effects, or another quantity of a fit, with its uncertainty.

    Attributes
    ----------
    name
        What it is.
    estimate, se
        Value and standard error.
    df
        Degrees of freedom; infinite for a Wald z.
    """

    name: str
    estimate: float
    se: float
    df: float

    @property
    def statistic(self) -> float:
        """Estimate over standard error: t, or z where df is infinite."""
        return self.estimate / self.se

    @property
    def p(self) -> float:
        """Two-sided p-value against 0."""
        return float(2.0 * stats.t.sf(abs(self.statistic), self.df))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Wald interval."""
        half = float(stats.t.ppf(0.5 + level / 2.0, self.df)) * self.se
        return self.estimate - half, self.estimate + half


@dataclass(frozen=True)
class Fit:
    """A fitted mixed model.

    Attributes
    ----------
    model, design
        What was fitted, and its arrays.
    state
        How it went.
    beta
        Fixed effects, (p,).
    sigma
        Residual SD (of the first stratum, at a weight of 1); 1 for binomial and ordinal models.
    """

    model: Model
    design: Design
    objective: Objective
    estimated: Estimated
    state: State
    beta: Array
    sigma: float

    @property
    def criterion(self) -> float:
        """-2 log-likelihood; the REML criterion of a restricted fit."""
        return self.estimated.value

    @property
    def loglik(self) -> float:
        """Log-likelihood, restricted for a restricted fit; Laplace approximation for choices."""
        return -self.estimated.value / 2.0

    @property
    def theta(self) -> Array:
        """Free elements of the relative covariance factors."""
        return self.estimated.x[: self.design.n_theta]

    @property
    def cuts(self) -> Array:
        """Thresholds between the answers of an ordinal model, (K - 1,); none for other models."""
        if not isinstance(self.objective, OrdinalObjective):
            return np.zeros(0)
        return self.objective.cuts(self.estimated.x)

    @property
    def n(self) -> int:
        """Rows."""
        return self.design.n

    @property
    def levels(self) -> dict[str, int]:
        """Number of levels of each grouping column, in the model's order."""
        return {group: self.design.side(group).n_levels for group in self.model.groups}

    @property
    def residual_sd(self) -> dict[object, float]:
        """Residual SD at a weight of 1, by stratum; one entry, called ``""``, without strata. Empty for choices."""
        if not self.model.linear:
            return {}
        ratios = np.exp(np.concatenate([[0.0], self.estimated.x[self.design.n_theta :]]))
        return dict(zip(self.design.strata or ("",), self.sigma * ratios, strict=True))

    def covariance_of(self, group: str) -> Array:
        """Covariance of the random effects of `group`, (k, k), in the order of ``model.effects(group)``."""
        if group not in self.model.groups:
            raise UsageError(
                Fault(
                    f"'{group}'", "is not a grouping column of the model", accepted=listed(self.model.groups)
                )
            )
        side = self.design.side(group)
        own = (
            self.theta[: len(self.design.a.rows)]
            if side is self.design.a
            else self.theta[len(self.design.a.rows) :]
        )
        factor = side.factor(own)
        return np.asarray(self.sigma**2 * factor @ factor.T)

    def sd(self, group: str, effect: str) -> float:
        """SD of one random effect."""
        place = self.model.effects(group).index(effect)
        return float(np.sqrt(self.covariance_of(group)[place, place]))

    def effects_of(self, group: str) -> pd.DataFrame:
        """Predicted random effects (conditional modes), one row per level, one column per effect."""
        side = self.design.side(group)
        by_a = side is self.design.a
        if isinstance(self.objective, LinearObjective):
            state = self.objective.state(self.estimated.x)
            values = state.b_a if by_a else state.b_b
        else:
            mode, factor = self.objective.solve(self.estimated.x)
            values = mode.u_a @ factor.factor_a.T if by_a else mode.u_b @ factor.factor_b.T
        index = pd.Index(list(side.levels), name=group)
        return pd.DataFrame(values, index=index, columns=list(side.effects))

    @cached_property
    def satterthwaite(self) -> Satterthwaite | None:
        """Degrees of freedom of a linear model."""
        if not isinstance(self.objective, LinearObjective) or not self.state.usable:
            return None
        return Satterthwaite(self.objective, self.estimated, self.sigma)

    @cached_property
    def joint_covariance(self) -> Array:
        """Covariance of the parameters of a binomial or ordinal model: twice the inverse Hessian, (m, m).

        Directions without curvature, as at a covariance of lower rank, carry no variance.
        """
        scale = self.estimated.scale
        values, vectors = np.linalg.eigh(self.estimated.curvature * np.outer(scale, scale))
        good = values > 1e-8 * max(float(values[-1]), 1e-8)
        inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T
        return np.asarray(2.0 * inverse * np.outer(scale, scale))

    @cached_property
    def vcov(self) -> Array:
        r"""Covariance of the fixed effects, (p, p).

        Linear: :math:`\sigma^2 (X'V^{-1}X)^{-1}` (Bates et al. 2015, eq. 54). Binomial and ordinal: from the joint
        Hessian in all parameters where it was computed (the default of glmer and clmm), else with theta taken as known.
        """
        return self._natural_covariance[: self.design.p, : self.design.p]

    @cached_property
    def _natural_covariance(self) -> Array:
        """Covariance of the fixed effects and, in an ordinal model, the thresholds."""
        if not self.state.usable:
            return np.full((self.design.p + len(self.cuts),) * 2, np.nan)
        if isinstance(self.objective, LinearObjective):
            r_x = self.objective.state(self.estimated.x).r_x
        elif self.estimated.exact:
            n_theta = self.design.n_theta
            slopes = self.objective.jacobian(self.estimated.x[n_theta:])
            return np.asarray(slopes @ self.joint_covariance[n_theta:, n_theta:] @ slopes.T)
        else:
            r_x = self.objective.fixed_factor(self.estimated.x).r_x
        inverse = np.linalg.inv(r_x)
        return np.asarray(self.sigma**2 * inverse.T @ inverse)

    @cached_property
    def fixed(self) -> pd.DataFrame:
        """Fixed effects: ``effect, estimate, se, df, statistic, p``.

        ``statistic`` is t with Satterthwaite's df in a linear model, else z with infinite df.
        """
        rows = []
        for place, effect in enumerate(self.model.fixed):
            weights = np.zeros(self.design.p)
            weights[place] = 1.0
            one = self._contrast(weights, effect)
            rows.append((effect, one.estimate, one.se, one.df, one.statistic, one.p))
        return pd.DataFrame(rows, columns=["effect", "estimate", "se", "df", "statistic", "p"])

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """Thresholds of an ordinal model, ``threshold, estimate, se``: "1|2" lies between the answers 1 and 2."""
        answers = [f"{answer:g}" for answer in self.design.categories[0]] if self.model.ordinal else []
        names = [f"{low}|{high}" for low, high in pairwise(answers)]
        errors = np.sqrt(np.diag(self._natural_covariance)[self.design.p :])
        return pd.DataFrame({"threshold": names, "estimate": self.cuts, "se": errors})

    @cached_property
    def random(self) -> pd.DataFrame:
        """Random effects: ``group, effect, other, quantity, value``; quantity is ``sd`` or ``correlation``."""
        rows: list[tuple[str, str, str, str, float]] = []
        for term in self.model.random:
            covariance = self.covariance_of(term.group)
            names = self.model.effects(term.group)
            sds = np.sqrt(np.diag(covariance))
            rows += [(term.group, name, "", "sd", float(sds[names.index(name)])) for name in term.effects]
            if term.correlated:
                for j, first in enumerate(term.effects):
                    for second in term.effects[j + 1 :]:
                        a, b = names.index(first), names.index(second)
                        product = sds[a] * sds[b]
                        value = covariance[a, b] / product if product > 0 else np.nan
                        rows.append((term.group, first, second, "correlation", float(np.clip(value, -1, 1))))
        rows += [("residual", str(name), "", "sd", float(sd)) for name, sd in self.residual_sd.items()]
        return pd.DataFrame(rows, columns=["group", "effect", "other", "quantity", "value"])

    def contrast(self, weights: Mapping[str, float], *, name: str = "", df: float | None = None) -> Contrast:
        """A weighted sum of fixed effects.

        Parameters
        ----------
        weights
            Weight of each effect named: ``{"c": 1, "g:c": 0.5}``.
        name
            What it is; made from the weights if empty.
        df
            Degrees of freedom instead of the model's own, for example `fast_df`.
        """
        unknown = [effect for effect in weights if effect not in self.model.fixed]
        if unknown:
            raise UsageError(
                Fault(
                    listed(unknown), "is not a fixed effect of the model", accepted=listed(self.model.fixed)
                )
            )
        vector = np.array([float(weights.get(effect, 0.0)) for effect in self.model.fixed])
        words = name or " + ".join(f"{weight:g} × {effect}" for effect, weight in weights.items())
        return self._contrast(vector, words, df)

    def _contrast(self, weights: Array, name: str, df: float | None = None) -> Contrast:
        se = float(np.sqrt(weights @ self.vcov @ weights))
        if df is None:
            df = self.satterthwaite.df(weights) if self.satterthwaite else np.inf
        return Contrast(name, float(weights @ self.beta), se, df)

    def fast_df(self, by: str | None = None) -> int:
        """The declared fast rule for choices: smallest number of levels, less 1.

        Parameters
        ----------
        by
            Column of the fixed effects that separates groups of people, ``"g"``: then people per group count.
        """
        counts = []
        for group in self.model.groups:
            side = self.design.side(group)
            if by is None or by not in self.model.fixed:
                counts.append(side.n_levels)
                continue
            column = self.design.x[:, self.model.fixed.index(by)]
            pairs = pd.DataFrame({"level": side.codes, "by": column}).drop_duplicates()
            nested = len(pairs) == side.n_levels
            counts.append(int(pairs.groupby("by").size().min()) if nested else side.n_levels)
        return min(counts) - 1

    def predict(self, points: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
        """Expected linear predictor at `points`, random effects at 0, with Wald intervals.

        Returns
        -------
        pandas.DataFrame
            `points` with ``estimate, se, low, high`` on the scale of the linear predictor.
        """
        x = columns_of(points, self.model.fixed, len(points))
        rows = [self._contrast(row, "") for row in x]
        low, high = zip(*(row.interval(level) for row in rows), strict=True)
        return points.assign(
            estimate=[row.estimate for row in rows], se=[row.se for row in rows], low=low, high=high
        )

    def __str__(self) -> str:
        counts = ", ".join(f"{count} × {group}" for group, count in self.levels.items())
        what = "REML criterion" if self.model.linear and self.model.reml else "-2 log-likelihood"
        head = f"{self.model}\n{self.n} rows, {counts}; {what} {self.criterion:.3f}"
        tables = [self.fixed, self.thresholds, self.random]
        parts = [head, *(table.to_string(index=False) for table in tables if len(table))]
        return "\n".join([*parts, *self.state.messages])


def boundary_words(side: Side, theta: Array) -> list[str]:
    """Which variances or correlations of one factor are at their limit."""
    words = []
    factor = side.factor(theta)
    size = np.sqrt(np.diag(factor @ factor.T))
    for place, effect in enumerate(side.effects):
        if size[place] == 0:
            words.append(f"the variance of '{effect}' over {side.group} is estimated at 0")
        elif factor[place, place] == 0:
            others = [side.effects[j] for j in np.flatnonzero(factor[place]) if j != place]
            words.append(
                f"the correlation of '{effect}' with {', '.join(repr(name) for name in others)} over {side.group} "
                "is estimated at its limit"
            )
    return words
