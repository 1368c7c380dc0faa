"""What stands beside a crossed model: the test over people, other quantities of the model, other ways of pairing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.crossed import Crossed, estimate_of
from analysis.evidence.crossed_table import PERSON, VALUE, C, Layout, lay_out
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.people import LOGLINEAR
from analysis.evidence.question import Evidence, Question
from analysis.measures.table import MeasureTable
from analysis.models import Contrast, Fit, Term, fit
from protocols.base.errors import InputError
from protocols.plan.measuring import DPRIMES

Beside = tuple[str, Estimate | None, str]
"""What it is called, the estimate or None, and a note."""


def beside_crossed(question: Question, evidence: Evidence) -> list[Beside]:
    """The test over people; for choices also the conditional d' of this and of the usual smaller model, and by clip."""
    rows: list[Beside] = [
        (
            "by person",
            evidence.by_person,
            "one value per person, scenes ignored" if evidence.by_person else "not estimable",
        )
    ]
    crossed = evidence.crossed
    if crossed is None:
        return rows
    if question.measure.statistic == "rating" and crossed.layout.contrast:
        rows.append(_as_categories(question, crossed))
    if question.measure.statistic not in DPRIMES:
        return rows
    rows.append(_conditional(question, crossed, evidence.estimate))
    rows.append(_usual(question, crossed))
    if not crossed.layout.paired:
        rows.append(_by_clip(question, crossed.layout))
    return rows


def first_exposures_crossed(
    question: Question, table: MeasureTable, crossed: Crossed
) -> tuple[Estimate | None, str]:
    """The deciding model, as it stands, of another table of the same measure; of choices in its fast form."""
    fits = question.fits.setdefault("first exposures", {})
    fast = replace(question.sampling, choices="fast")
    again = replace(question, table=table, paired_scenes=False, sampling=fast, fits=fits)
    groups, model = tuple(crossed.layout.groups), crossed.fit.model
    key = ("crossed", table.id, question.conditions, groups, question.item.hypothesis.against)
    try:
        if key not in fits:
            layout = lay_out(again, groups)
            found = fit(
                layout.rows, VALUE, model.fixed, model.random, family=model.family,
                link=model.link, residual_by=model.residual_by,
                weights=layout.weights if model.weights else None,
            )  # fmt: skip
            fits[key] = Crossed(layout, found, ())
        if not fits[key].fit.state.usable:
            return None, " ".join(fits[key].fit.state.messages)
        return estimate_of(again, fits[key])[0], ""
    except (NotEstimable, InputError) as problem:
        return None, str(problem)


def _weights(question: Question) -> dict[str, float]:
    return dict(zip(question.item.groups, question.item.weights, strict=True))


def _conditional(question: Question, crossed: Crossed, decided: Estimate | None) -> Beside:
    name = "crossed, conditional on scene and person"
    layout = crossed.layout
    contrast = crossed.fit.contrast(
        {layout.effect_of(group): weight for group, weight in _weights(question).items()}
    )
    df = decided.df if decided else crossed.fit.fast_df()
    return name, _as_estimate(question, layout, contrast, df), "the model's own d', for the typical scene"


def _usual(question: Question, crossed: Crossed) -> Beside:
    """``g*c + (1 + c | person) + (1 | item)``: one covariance for all people, items' intercepts only."""
    name = "crossed, conditional, one intercept per item"
    layout = crossed.layout
    note = "(1 + c | person) + (1 | item), as many papers have it; c is conditional"
    if layout.covariates or len(layout.groups) > 2:
        return name, None, "not available with covariates or more than two groups"
    between = list(layout.between)
    fixed = ["1", *between, C, *(f"{one}:{C}" for one in between)]
    key = ("usual", question.table.id, question.conditions, tuple(layout.groups))
    if key not in question.fits:
        question.fits[key] = fit(
            layout.rows, VALUE, fixed, [Term(PERSON, ["1", C]), Term(layout.item, ["1"])],
            family="binomial", link="probit",
        )  # fmt: skip
    found: Fit = question.fits[key]
    if not found.state.usable:
        return name, None, " ".join(found.state.messages)
    weights = {C: sum(_weights(question).values())}
    for one in between:
        weights[f"{one}:{C}"] = sum(
            weight * layout.point(group, 0.5)[one] for group, weight in _weights(question).items()
        )
    return name, _as_estimate(question, layout, found.contrast(weights), found.fast_df()), note


def _as_categories(question: Question, crossed: Crossed) -> Beside:
    """The same values as ordered categories: the cumulative probit model, its effect on the latent scale."""
    name = "crossed, ratings as ordered categories"
    layout = crossed.layout
    fixed = [*layout.between, *(effect for effect in layout.fixed if effect not in layout.groups.values())]
    try:
        found = fit(
            layout.rows, VALUE, fixed, crossed.fit.model.random, family="ordinal", link="probit"
        )  # fmt: skip
    except InputError as problem:
        return (
            name,
            None,
            f"not available: a column {problem.faults[0].problem}".replace("a column holds", "there are"),
        )
    if not found.state.usable:
        return name, None, " ".join(found.state.messages)
    contrast = found.contrast(
        {layout.effect_of(group): weight for group, weight in _weights(question).items()}
    )
    df = min(*(layout.people[group] for group in question.item.groups), found.levels[layout.item]) - 1.0
    note = f"cumulative probit, {len(found.cuts) + 1} categories; in SDs of the latent rating, not in points"
    return name, _as_estimate(question, layout, contrast, df), note


def _as_estimate(question: Question, layout: Layout, contrast: Contrast, df: float) -> Estimate:
    people = {group: layout.people[group] for group in question.item.groups}
    return Estimate(contrast.estimate, contrast.se, df, "", people, layout.rows[layout.item].nunique())


def _by_clip(question: Question, layout: Layout) -> Beside:
    """Clips as the units: z of each clip's share of 'AI' answers, arms compared by Welch's test."""
    rows = layout.rows
    counts = rows.groupby([layout.item, C, "group"])[VALUE].agg(["sum", "size"])
    z = ndtri((counts["sum"] + LOGLINEAR) / (counts["size"] + 2 * LOGLINEAR)).unstack("group")
    weights = _weights(question)
    values = z[list(weights)].dropna() @ np.array(list(weights.values()))
    arm = values.index.get_level_values(C)
    name = "by scene" if layout.item == "scene" else "by clip"
    try:
        estimate = estimate_by_person(
            {"live": values[arm < 0].to_numpy(float), "ai": values[arm > 0].to_numpy(float)}, [-1.0, 1.0]
        )
    except NotEstimable as problem:
        return name, None, str(problem)
    return name, estimate, f"z of each clip's share of answers ({len(values)} clips), people ignored"
