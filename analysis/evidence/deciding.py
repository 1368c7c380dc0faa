"""The deciding analyses: from a hypothesis and its measure table to an estimate.

Every model has the same form: it gets a `Question` and gives `Evidence`. A new model is a new entry of `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.evidence.by_person import centred, estimate_by_person
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.people import PersonEffects, person_effects
from analysis.measures.table import MeasureTable
from protocols.base.errors import Fault, PlanError, listed
from protocols.plan.expanding import Expanded, expand, model_of, session_of
from protocols.plan.measuring import Covariate, Measure
from protocols.plan.promises import DecidingModel, Plan

RATE_WORDS = {"loglinear": "log-linear rates"}


@dataclass(frozen=True)
class Question:
    """All that a deciding analysis may know.

    Attributes
    ----------
    item
        The hypothesis for its groups.
    measure, table
        What the plan says of the measure, and its values.
    people
        One row per person with covariates, or None.
    paired_scenes
        Whether people saw both versions of a scene; None where the plan does not say.
    fewest
        Scenes or trials a person needs per condition.
    rate_correction
        How hit and false-alarm rates of 0 and 1 are avoided.
    """

    item: Expanded
    measure: Measure
    table: MeasureTable
    people: pd.DataFrame | None
    paired_scenes: bool | None
    fewest: int
    rate_correction: str = "loglinear"

    @property
    def conditions(self) -> tuple[str | None, str | None]:
        """The two conditions compared; without a first one the second is compared with a fixed value."""
        h = self.item.hypothesis
        return h.contrast or (None, h.condition)


@dataclass(frozen=True)
class Evidence:
    """One effect per person, and the estimate made of them or the reason why there is none."""

    effects: PersonEffects
    estimate: Estimate | None
    reason: str | None


def ask(plan: Plan, item: Expanded, table: MeasureTable, people: pd.DataFrame | None) -> Question:
    """The question a hypothesis of the plan puts to a measure table."""
    measure = plan.measures[item.hypothesis.measure]
    session = session_of(plan, measure)
    both = None if session is None else session.exposure == "both_versions"
    fewest, correction = plan.exclusions.scenes_per_condition, plan.analysis.beh.rate_correction
    return Question(item, measure, table, people, both, fewest, correction)


def by_person(question: Question) -> Evidence:
    """Test over people's effects; people are random, scenes are fixed ("for these scenes")."""
    item, h = question.item, question.item.hypothesis
    first, second = question.conditions
    effects = person_effects(
        question.table,
        item.groups,
        first,
        second,
        against=h.against if h.effect == "level" else 0.0,
        paired_scenes=question.paired_scenes,
        fewest=question.fewest,
    )
    covariates = None
    if question.measure.covariates:
        effects, covariates = _with_covariates(effects, question)
    try:
        estimate = estimate_by_person(
            effects.by_group(item.groups),
            item.weights,
            covariates=covariates,
            sampled=[covariate.centre == "group" for covariate in question.measure.covariates],
            n_scenes=effects.n_scenes,
            method=_method(question),
        )
    except NotEstimable as problem:
        return Evidence(effects, None, str(problem))
    return Evidence(effects, estimate, None)


def _method(question: Question) -> str:
    h, measure = question.item.hypothesis, question.measure
    what = {
        "condition": "people's differences",
        "group_by_condition": "people's differences",
        "level": "people's means",
        "group": "people's means",
    }[h.effect]
    if measure.statistic == "dprime_per_person" and h.contrast:
        what = f"people's d' ({RATE_WORDS[question.rate_correction]})"
    if measure.covariates:
        names = listed(covariate.name for covariate in measure.covariates)
        return f"linear model of {what}, adjusted for {names}, residual variance by group"
    if len(question.item.weights) == 1:
        return f"paired t test ({what})" if what == "people's differences" else f"one-sample t test of {what}"
    if sum(question.item.weights) == 0:
        return f"Welch t test of {what}"
    return f"mean of the group means of {what}, Welch-Satterthwaite"


def _with_covariates(
    effects: PersonEffects, question: Question
) -> tuple[PersonEffects, dict[str, np.ndarray] | None]:
    """Effects with the people's covariates joined; whoever lacks one is left out, with the reason."""
    wanted: tuple[Covariate, ...] = question.measure.covariates
    names = [covariate.name for covariate in wanted]
    table = question.people
    missing = [name for name in names if table is None or name not in table.columns]
    if missing:
        raise PlanError(
            Fault(
                f"measures.{question.item.hypothesis.measure}.covariates",
                f"names {listed(missing)}, which the people table lacks",
                got=listed(() if table is None else table.columns),
                way_out="import them with 'people:' in the import map",
            )
        )
    assert table is not None
    wanted_of = table[["participant_id", "group", *names]]
    rows = effects.rows.merge(wanted_of, on=["participant_id", "group"], how="left")
    for name in names:
        lacking = (rows["included"] == 1) & rows[name].isna()
        rows.loc[lacking, "reason"] = f"no value of covariate '{name}'"
        rows.loc[lacking, "included"] = 0
    joined = replace(effects, rows=rows)
    groups = question.item.groups
    columns = {group: [joined.by_group(groups, name)[group] for name in names] for group in groups}
    if any(len(values[0]) == 0 for values in columns.values()):
        return joined, None  # the estimate will say that nobody is left
    return joined, centred(columns, [covariate.centre for covariate in wanted])


MODELS: Mapping[DecidingModel, Callable[[Question], Evidence]] = {"by_person": by_person}


def refuse_unavailable(plan: Plan) -> None:
    """Refuse a plan whose deciding model this version does not have.

    Raises
    ------
    PlanError
        Naming the hypotheses, the model and what is available.
    """
    asking: dict[str, list[str]] = {}
    for item in expand(plan):
        model = model_of(plan, item.hypothesis)
        if model not in MODELS:
            asking.setdefault(model, []).append(item.id)
    if asking:
        raise PlanError(
            [
                Fault(
                    f"plan '{plan.plan}'",
                    f"asks for the deciding model '{model}', which this version does not have yet",
                    got=listed(ids),
                    accepted=listed(MODELS),
                    way_out="wait for the version that has it: another model would not be what was promised",
                )
                for model, ids in asking.items()
            ]
        )
