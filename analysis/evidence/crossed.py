r"""The crossed mixed model as the deciding analysis: people and scenes are both random (INFERENCE 2 and 3).

For paired scenes, two groups and two conditions c = ±½,

.. math:: y = \sum_g [g](\alpha_g + \delta_g c) + (1 + c \mid \text{person, by group})
              + (1 + c + g + g{:}c \mid \text{scene}) + \varepsilon_g

which is ``g*c`` written with one intercept and one effect per group. People's covariance and the residual SD are
each group's own: under a common one, a group that varies twice as much would look as certain as the mean of both. A
hypothesis is a weighted sum of the :math:`\delta_g`; for choices, of marginal d′.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from analysis.evidence.crossed_table import PERSON, VALUE, C, Layout, Numbers, lay_out, of_group
from analysis.evidence.crossed_weights import reduce_weighted
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.question import Question
from analysis.models import (
    Bootstrap,
    Contrast,
    Fit,
    Model,
    Spread,
    bootstrap,
    fit_reduced,
    marginal,
    spread_below,
)
from analysis.models.reductions import Tried
from protocols.base.errors import InputError, listed
from protocols.plan.measuring import CHOICES

MOST_FAILED = 0.05
"""Share of the studies drawn from a model that may fail to be fitted before its intervals are not trusted."""


@dataclass(frozen=True)
class Crossed:
    """A crossed model, fitted, and the way to it."""

    layout: Layout
    fit: Fit
    tried: tuple[Tried, ...]
    drawn: Bootstrap | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """Which random effects the sealed order took away, in its words."""
        return tuple(
            one.reason.rsplit("next without ", 1)[1] for one in self.tried if "next without" in one.reason
        )


@dataclass(frozen=True)
class Found:
    """What the crossed model says of a question."""

    estimate: Estimate
    crossed: Crossed
    spreads: Mapping[str, Spread | str] = field(default_factory=dict)


def decide_crossed(question: Question) -> Found:
    """Estimate, model and, where the measure bounds it, people's spread.

    Raises
    ------
    NotEstimable
        With the reason, in a clause a report can print.
    """
    estimate, crossed = estimate_of(question, fitted(question))
    return Found(estimate, crossed, _spreads(question))


def estimate_of(question: Question, crossed: Crossed) -> tuple[Estimate, Crossed]:
    """The hypothesis' estimate from a fitted model; the model with the studies drawn from it, if any were."""
    weights = dict(zip(question.item.groups, question.item.weights, strict=True))
    layout, fit = crossed.layout, crossed.fit
    if question.measure.statistic in CHOICES:
        estimate, crossed = _choices(question, crossed, weights)
    else:
        named = {layout.effect_of(group): layout.sign * weight for group, weight in weights.items()}
        contrast = fit.contrast(named, name=question.item.id)
        estimate = _estimate(question, crossed, contrast.estimate, contrast.se, _finite(contrast.df, fit))
    estimate = replace(estimate, se=_with_sampled_means(layout, fit, weights, estimate.se))
    if not np.isfinite(estimate.se) or estimate.se <= 0:
        raise NotEstimable("the crossed model gives the effect no standard error")
    return estimate, crossed


def fitted(question: Question) -> Crossed:
    """The model of the question's groups; of its own alone where the other group has too few people."""
    own = question.item.groups
    joint = question.groups if set(own) <= set(question.groups) else own
    result: Crossed | str = ""
    for groups in dict.fromkeys([joint, own]):
        key = ("crossed", question.table.id, question.conditions, groups, question.item.hypothesis.against)
        if key not in question.fits:
            question.fits[key] = _try(question, groups)
        result = question.fits[key]
        if isinstance(result, Crossed):
            return result
    raise NotEstimable(str(result))


def _try(question: Question, groups: tuple[str, ...]) -> Crossed | str:
    """The fitted model, or why there is none."""
    try:
        layout = lay_out(question, groups)
        choices = question.measure.statistic in CHOICES
        residual_by = "group" if len(groups) > 1 and not choices else None
        if layout.weights:
            model = Model(
                VALUE, layout.fixed, layout.random, residual_by=residual_by, weights=layout.weights
            )  # fmt: skip
            reduced = reduce_weighted(layout.rows, model, layout.order)
        else:
            reduced = fit_reduced(
                layout.rows,
                VALUE,
                layout.fixed,
                layout.random,
                order=layout.order,
                family="binomial" if choices else "gaussian",
                link="probit" if choices else None,
                residual_by=residual_by,
            )
    except NotEstimable as problem:
        return str(problem)
    except InputError as problem:
        return f"the crossed model cannot be fitted: {problem.faults[0]}"
    if not reduced.fit.state.usable:
        said = next(one for one in reduced.fit.state.messages if one.startswith("Not")).rstrip(".")
        clause = said.removeprefix("Not estimated: ")
        return f"the crossed model has no estimates: {clause[0].lower()}{clause[1:]}"
    return Crossed(layout, reduced.fit, reduced.tried)


def _estimate(
    question: Question, crossed: Crossed, value: float, se: float, df: float, **more: Any
) -> Estimate:
    people = crossed.layout.people
    return Estimate(
        float(value),
        float(se),
        float(df),
        _method(question, crossed),
        {group: people[group] for group in question.item.groups},
        crossed.fit.levels[crossed.layout.item],
        **more,
    )


def _finite(df: float, fit: Fit) -> float:
    return float(df) if np.isfinite(df) else float(fit.n - fit.design.p)


@dataclass(frozen=True)
class Marginals:
    """Marginal d′ of groups and their differences, for any fit of one layout; an object that processes can receive."""

    points: Mapping[str, tuple[tuple[float, Numbers], ...]]

    def __call__(self, fit: Fit) -> dict[str, float | Contrast]:
        """All of them, with standard errors."""
        return {name: marginal(fit, points, name=name) for name, points in self.points.items()}


def _name(weights: Mapping[str, float]) -> str:
    return " ".join(f"{weight:+g} {group}" for group, weight in sorted(weights.items()))


def _marginals(layout: Layout, weights: Mapping[str, float]) -> Marginals:
    """Those of every group, of each pair's difference and of the mean, so that hypotheses share the studies drawn."""
    names = list(layout.groups)
    wanted: list[Mapping[str, float]] = [weights, *({name: 1.0} for name in names)]
    wanted += [{a: -1.0, b: 1.0} for a in names for b in names if a != b]
    wanted.append({name: 1.0 / len(names) for name in names})
    return Marginals(
        {
            _name(one): tuple(
                (sign * weight, layout.point(group, sign / 2.0))
                for group, weight in one.items()
                for sign in (1.0, -1.0)
            )
            for one in wanted
        }
    )


def _choices(question: Question, crossed: Crossed, weights: Mapping[str, float]) -> tuple[Estimate, Crossed]:
    """Marginal d′ with the interval the plan asks for."""
    layout, fit, sampling = crossed.layout, crossed.fit, question.sampling
    name, marginals = _name(weights), _marginals(layout, weights)
    exact = marginal(fit, marginals.points[name], name=name)
    df = min(*(layout.people[group] for group in weights), fit.levels[layout.item]) - 1.0
    if sampling.choices == "fast":
        return _estimate(question, crossed, exact.estimate, exact.se, df), crossed
    key = ("drawn", question.table.id, question.conditions, tuple(layout.groups))
    if key not in question.fits:
        label = f"{question.table.id}, {listed(layout.groups)}: studies drawn from the model"
        question.fits[key] = bootstrap(
            fit,
            sampling.samples,
            seed=sampling.seed,
            statistic=marginals,
            workers=sampling.workers,
            label=label,
        )
    drawn: Bootstrap = question.fits[key]
    if drawn.failed > MOST_FAILED * sampling.samples:
        raise NotEstimable(
            f"{drawn.failed} of {sampling.samples} studies drawn from the crossed model could not be fitted, so that "
            "its intervals cannot be trusted"
        )
    # Refits take the covariance as known; their pivots are put on the scale of the error that does not.
    pivots = np.sort(drawn.pivots(name)) * (drawn.errors[name] / exact.se)
    crossed = replace(crossed, drawn=drawn)
    found = _estimate(question, crossed, exact.estimate, exact.se, df, pivots=pivots)
    return found, crossed


def _with_sampled_means(layout: Layout, fit: Fit, weights: Mapping[str, float], se: float) -> float:
    """Covariates centred at a group's own mean: another sample would have another mean (see `estimate_by_person`)."""
    extra = 0.0
    for group, weight in weights.items():
        names = layout.covariates.get(group, ())
        drawn = (
            [name for name, sampled in zip(names, layout.sampled, strict=True) if sampled] if names else []
        )
        if not drawn:
            continue
        suffix = f":{C}" if layout.contrast else ""
        slopes = np.array([fit.beta[fit.model.fixed.index(name + suffix)] for name in drawn])
        own = layout.rows[layout.rows["group"] == group].drop_duplicates(PERSON)
        moved = own[drawn].to_numpy(float) @ slopes
        extra += weight**2 * float(np.var(moved, ddof=1)) / len(own)
    return float(np.sqrt(se**2 + extra))


def _spreads(question: Question) -> dict[str, Spread | str]:
    """Whether people's spread lies below its bound, group by group, in the group's own model."""
    bound = question.measure.spread
    if bound is None or question.item.hypothesis.effect != "condition":
        return {}
    return {group: _spread(question, group, bound.value) for group in question.item.groups}


def _spread(question: Question, group: str, bound: float) -> Spread | str:
    alone = of_group(question, group)
    sampling = question.sampling
    key = ("spread", question.table.id, question.conditions, group, bound)
    if key not in question.fits:
        try:
            crossed = fitted(alone)
            effect = crossed.layout.effect_of(group)
            if effect not in crossed.fit.model.effects(PERSON):
                raise NotEstimable("the model has no spread of the effect over people")
            fast = sampling.choices == "fast" and question.measure.statistic in CHOICES
            question.fits[key] = spread_below(
                crossed.fit,
                PERSON,
                effect,
                bound,
                n=0 if fast else sampling.samples,
                alpha=sampling.alpha,
                seed=sampling.seed,
                workers=sampling.workers,
                label=f"{question.table.id}, {group}: spread over people",
            )
        except NotEstimable as problem:
            question.fits[key] = str(problem)
    found: Spread | str = question.fits[key]
    return found


def _method(question: Question, crossed: Crossed) -> str:
    """The analysis in words."""
    layout, sampling = crossed.layout, question.sampling
    items = {"scene": "scenes", "clip": "clips"}[layout.item]
    if question.measure.statistic in CHOICES:
        text = f"crossed probit model, people and {items} random, d' marginal over {items}"
        if sampling.choices == "fast":
            how = "Student's t with the fewest of people per group and items, less 1"
        else:
            how = f"parametric bootstrap, {sampling.samples:,} studies"
            if crossed.drawn is not None and crossed.drawn.failed:
                how += f", {crossed.drawn.failed} of them without an estimate"
    else:
        text = f"crossed linear mixed model, people and {items} random"
        how = "REML, Satterthwaite's df"
    if layout.covariates:
        text += f", adjusted for {listed(covariate.name for covariate in question.measure.covariates)}"
    if layout.weighing and layout.weights == crossed.fit.model.weights:  # as it was fitted
        text += f", {layout.weighing}"
    text += f" ({how})"
    if crossed.left_out:
        text += f"; left out in the sealed order: {listed(crossed.left_out)}"
    return text
