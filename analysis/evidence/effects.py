"""One effect per person with the covariates beside it: who enters an analysis, and who is left out why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.evidence.by_person import centred
from analysis.evidence.people import PersonEffects, person_effects
from analysis.evidence.question import Question
from protocols.base.errors import Fault, PlanError, listed
from protocols.plan.measuring import Covariate


def effects_of(
    question: Question, groups: Sequence[str]
) -> tuple[PersonEffects, dict[str, np.ndarray] | None]:
    """People's effects in `groups`, and their centred covariates, (n, k) per group, if the measure names any.

    Raises
    ------
    PlanError
        If the people table lacks a covariate.
    """
    names = tuple(covariate.name for covariate in question.measure.covariates)
    against = question.item.hypothesis.against
    key = (
        "effects",
        question.table.id,
        question.conditions,
        tuple(groups),
        against,
        names,
        question.paired_scenes,
    )
    if key not in question.fits:
        question.fits[key] = _effects_of(question, groups)
    found: tuple[PersonEffects, dict[str, np.ndarray] | None] = question.fits[key]
    return found


def _effects_of(
    question: Question, groups: Sequence[str]
) -> tuple[PersonEffects, dict[str, np.ndarray] | None]:
    h = question.item.hypothesis
    first, second = question.conditions
    effects = person_effects(
        question.table,
        groups,
        first,
        second,
        against=h.against if h.effect == "level" else 0.0,
        paired_scenes=question.paired_scenes,
        fewest=question.fewest,
    )
    if not question.measure.covariates:
        return effects, None
    return _with_covariates(effects, question, groups)


def _with_covariates(
    effects: PersonEffects, question: Question, groups: Sequence[str]
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
    columns = {group: [joined.by_group(groups, name)[group] for name in names] for group in groups}
    if any(len(values[0]) == 0 for values in columns.values()):
        return joined, None  # the estimate will say that nobody is left
    return joined, centred(columns, [covariate.centre for covariate in wanted])
