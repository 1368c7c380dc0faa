"""The decision: measure tables and a plan in, outcomes, families, joint table and sentences out.

A pure function of its arguments. The order is fixed: positive controls, deciding analyses, adjustment within
families, outcomes, what qualifies them, and only then what stands beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.evidence.case import Case
from analysis.evidence.claims import scope_of
from analysis.evidence.controls import control_for, run_controls
from analysis.evidence.deciding import MODELS
from analysis.evidence.estimates import Estimate
from analysis.evidence.families import MEETS_EQUIVALENCE, adjust, family_outcome
from analysis.evidence.joint import joint_table
from analysis.evidence.lapses import equivalence_after_lapses, lapses_of
from analysis.evidence.multiverse import motion_tables
from analysis.evidence.outcomes import Magnitude, Outcome, Tests, outcome_of, run_tests
from analysis.evidence.question import Evidence, Question, ask
from analysis.evidence.records import family_record, hypothesis_record
from analysis.evidence.results import result_tables
from analysis.evidence.second_opinion import second_opinion
from analysis.evidence.sensitivity import scale_check, sensitivity_rows, tipping_point
from analysis.evidence.variants import Beside, derivatives_check
from analysis.evidence.verdict import PlanRecord, Verdict
from analysis.measures.table import MeasureTable, empty_rows, sidecar_for
from protocols.base.bids import generated_by
from protocols.plan.expanding import bound_of, expand, label_of, model_of
from protocols.plan.promises import Plan

SCALE_DEPENDENT = "scale-dependent"
UNINTERPRETABLE = "uninterpretable"


@dataclass(frozen=True)
class Decision:
    """The verdict and every table needed to recompute it."""

    verdict: Verdict
    tables: dict[str, pd.DataFrame]


def decide(
    plan: Plan,
    plan_sha256: str,
    tables: Mapping[str, MeasureTable],
    people: pd.DataFrame | None = None,
    *,
    bold: Beside | None = None,
    blinded: bool = False,
    workers: int = 1,
    beside: bool = True,
) -> Decision:
    """Compute the verdict of a study.

    Parameters
    ----------
    plan
        The checked plan.
    plan_sha256
        Hash of the resolved plan; recorded.
    tables
        Measure tables by measure. A hypothesis whose measure has no table is not estimable.
    people
        Everyone who started, one row per person: ``participant_id, group`` and covariates. By default everyone in
        any table.
    bold
        What a study of BOLD has beside its measure tables: motion of the runs, tables under other first levels. A group
        difference may turn out to depend on the first level; nothing else here moves an outcome.
    blinded
        Recorded: the arms' labels were shuffled, and nothing in the verdict is a result.
    workers
        Processes for studies drawn from fitted models; they change no number.
    beside
        Whether to compute what stands beside the outcomes and moves none; simulations do without.

    Returns
    -------
    Decision
    """
    complete = {
        name: tables.get(name) or MeasureTable(name, empty_rows(), sidecar_for(measure))
        for name, measure in plan.measures.items()
    }
    started = _everyone(plan, complete, people)
    controls = run_controls(plan, complete)
    fits: dict[Any, Any] = {}  # hypotheses on the same values share their models
    cases = [
        _case(plan, ask(plan, item, complete[name], people, workers=workers, fits=fits), name in tables)
        for item in expand(plan)
        for name in [item.hypothesis.measure]
    ]
    _decide_families(plan, cases)
    varied: dict[str, dict[Any, Any]] = {}
    for case in cases:
        case.control = control_for(controls, case.item.hypothesis.measure, case.item.groups)
        _qualify_by_control(case)
        _qualify_by_scale(plan, case, cases, bold, varied.setdefault(case.item.hypothesis.measure, {}))
    lapses = lapses_of(plan, complete)
    labels = {name: label_of(plan, "group", name) for name in plan.groups}
    for case in cases:
        case.codec = _codec_agreement(plan, case, cases)
        if not beside:
            continue
        _describe(plan, case, cases, started)
        case.rows += equivalence_after_lapses(plan, case, lapses, labels)
    records = [hypothesis_record(plan, case, scope_of(plan, case.item, _scenes(case))) for case in cases]
    families = [family_record(name, family, records) for name, family in plan.families.items()]
    verdict = Verdict(
        schema=1,
        plan=PlanRecord(name=plan.plan, title=plan.title, sha256=plan_sha256),
        blinded=blinded,
        hypotheses=tuple(records),
        families=tuple(families),
        joint=tuple(joint_table(plan, records)),
        GeneratedBy=generated_by(),
    )
    found = result_tables(plan, verdict, cases, controls, lapses, complete, started, people)
    if beside and bold is not None and bold.quality is not None:
        found |= motion_tables(plan, cases, bold, people)
    return Decision(verdict, found)


def _scenes(case: Case) -> int | None:
    return case.evidence.estimate.n_scenes if case.evidence.estimate else None


def _everyone(plan: Plan, tables: Mapping[str, MeasureTable], people: pd.DataFrame | None) -> pd.DataFrame:
    """Everyone who started: in the people table or in any measure."""
    parts = [table.rows[["participant_id", "group"]] for table in tables.values()]
    if people is not None:
        parts.append(people[["participant_id", "group"]])
    everyone = pd.concat(parts).drop_duplicates().sort_values(["group", "participant_id"])
    return everyone[everyone["group"].isin(list(plan.groups))].reset_index(drop=True)


def _case(plan: Plan, question: Question, present: bool) -> Case:
    item = question.item
    evidence = MODELS[model_of(plan, item.hypothesis)](question)
    if not present:
        evidence = Evidence(
            evidence.effects, None, f"there is no table of measure '{item.hypothesis.measure}'"
        )
    bound = bound_of(plan, item.hypothesis)
    value = bound.value if bound else None
    return Case(item, question, evidence, value, _tests(plan, evidence.estimate, value))


def _tests(plan: Plan, estimate: Estimate | None, bound: float | None) -> Tests | None:
    decision = plan.decision
    if estimate is None:
        return None
    return run_tests(
        estimate, bound=bound, alpha=decision.alpha, alpha_equivalence=decision.alpha_equivalence
    )


def _decide_families(plan: Plan, cases: list[Case]) -> None:
    for name in [None, *plan.families]:
        members = [case for case in cases if case.item.hypothesis.family == name]
        for case in members:
            case.p_difference, case.p_equivalence, case.outcome, case.magnitude = _decided(
                plan, case, members, case.tests
            )


def _decided(
    plan: Plan, case: Case, members: list[Case], tests: Tests | None
) -> tuple[float | None, float | None, Outcome, Magnitude | None]:
    """Adjusted p's and outcome of one member if its own tests were `tests` and the others' are as they are."""
    if tests is None:
        return None, None, "not_estimable", None
    h = case.item.hypothesis
    claim = plan.families[h.family].claim if h.family else "all"

    def own(member: Case) -> Tests | None:
        return tests if member is case else member.tests

    p_difference, p_equivalence = tests.p_raw, tests.p_equivalence
    if h.asks != "equivalence":
        asked = [m for m in members if m.item.hypothesis.asks != "equivalence"]
        p_values = {m.item.id: t.p_raw if (t := own(m)) else None for m in asked}
        p_difference = adjust(claim, p_values)[case.item.id] or 0.0
    if h.asks != "difference":
        asked = [m for m in members if m.item.hypothesis.asks != "difference"]
        p_values = {m.item.id: t.p_equivalence if (t := own(m)) else None for m in asked}
        p_equivalence = adjust(claim, p_values)[case.item.id]
    outcome, magnitude = outcome_of(
        tests,
        p_difference=p_difference,
        p_equivalence=p_equivalence,
        asks=h.asks,
        bound=case.bound,
        alpha=plan.decision.alpha,
        alpha_equivalence=plan.decision.alpha_equivalence,
    )
    return p_difference, p_equivalence, outcome, magnitude


def _qualify_by_control(case: Case) -> None:
    """Without its positive control, equivalence is uninterpretable and counts as undecided (INFERENCE 5)."""
    passed = case.control is not None and case.control.outcome == "passed"
    if case.outcome not in MEETS_EQUIVALENCE or passed:
        return
    case.qualifier = f"{case.outcome}, {UNINTERPRETABLE}"
    if case.outcome == "trivial" and case.item.hypothesis.asks != "equivalence":
        # the difference stands; that it is small does not
        case.outcome, case.magnitude = "different", "size_undecided"
    else:
        case.outcome = "undecided"


def _qualify_by_scale(
    plan: Plan, case: Case, cases: list[Case], bold: Beside | None, fits: dict[Any, Any]
) -> None:
    """A group difference lost on another scale of the response is never ``different`` (INFERENCE 12).

    The scales: in units of the group's own response, and with the derivatives of the response's shape in the model.
    """
    estimate, decision = case.evidence.estimate, plan.decision
    if estimate is None:
        return
    level = (decision.alpha, decision.alpha_equivalence)
    members = [other for other in cases if other.item.hypothesis.family == case.item.hypothesis.family]

    def shows_difference(other: Estimate) -> bool:
        p = _decided(plan, case, members, _tests(plan, other, case.bound))[0]
        return p is not None and p <= decision.alpha

    model = model_of(plan, case.item.hypothesis)
    for checked in (
        scale_check(case.question, decision.seed, level),
        derivatives_check(case.question, case.evidence, bold, model, level, shows_difference, fits),
    ):
        if checked is None:
            continue
        row, holds = checked
        case.rows.append(row)
        if not holds and case.outcome == "different":
            case.outcome, case.magnitude, case.qualifier = "undecided", None, SCALE_DEPENDENT


def _codec_agreement(plan: Plan, case: Case, cases: list[Case]) -> str:
    """Say whether ai − codec_control agrees with ai − live, in the same measure and people."""
    h = case.item.hypothesis
    for other in cases:
        o = other.item.hypothesis
        if (
            o.measure != h.measure
            or o.effect != h.effect
            or other.item.groups != case.item.groups
            or not o.contrast
            or not h.contrast
        ):
            continue
        role = plan.conditions[o.contrast[0]].role if o.contrast[0] in plan.conditions else ""
        if (
            other.item.weights == case.item.weights
            and role == "codec_control"
            and o.contrast[1] == h.contrast[1]
        ):
            a, b = case.evidence.estimate, other.evidence.estimate
            same = (
                a is not None
                and b is not None
                and (a.value > 0) == (b.value > 0)
                and other.outcome == case.outcome
            )
            return "agrees" if same else "disagrees"
    return "absent"


def _describe(plan: Plan, case: Case, cases: list[Case], started: pd.DataFrame) -> None:
    """Everything that stands beside the outcome and does not move it."""
    estimate, tests = case.evidence.estimate, case.tests
    if estimate is None or tests is None:
        return
    level = (plan.decision.alpha, plan.decision.alpha_equivalence)
    case.rows += sensitivity_rows(case.question, case.evidence, level)
    case.opinion = second_opinion(case.question, case.evidence)
    members = [other for other in cases if other.item.hypothesis.family == case.item.hypothesis.family]

    def outcome_with(changed: Estimate) -> str:
        outcome = _decided(plan, case, members, _tests(plan, changed, case.bound))[2]
        return "equivalent" if outcome in MEETS_EQUIVALENCE else outcome  # either meets the claim

    decided = outcome_with(estimate)
    if decided != "undecided":
        case.rows += tipping_point(case.question, case.evidence, started, outcome_with, decided)


__all__ = ["Case", "Decision", "decide", "family_outcome"]
