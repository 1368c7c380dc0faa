"""From decided cases to the records of the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from analysis.evidence.case import Case
from analysis.evidence.claims import does_not_show, says
from analysis.evidence.controls import ControlResult
from analysis.evidence.families import counts_as, family_outcome
from analysis.evidence.outcomes import Interval
from analysis.evidence.spreads import spread_record
from analysis.evidence.verdict import Ci, ControlRecord, FamilyRecord, HypothesisRecord
from protocols.base.errors import listed
from protocols.base.tables import rounded
from protocols.plan.expanding import model_of
from protocols.plan.promises import Family, Plan
from protocols.plan.show import sentence


def hypothesis_record(plan: Plan, case: Case, scope: str) -> HypothesisRecord:
    """All of one hypothesis that goes into ``verdict.json``, numbers at nine significant digits."""
    item, h, estimate, tests = case.item, case.item.hypothesis, case.evidence.estimate, case.tests
    measure = plan.measures[h.measure]
    n_scenes = estimate.n_scenes if estimate else None
    spread = spread_record(measure, case)
    return HypothesisRecord(
        id=item.id,
        measure=h.measure,
        level=measure.level,
        effect=h.effect,
        contrast=h.contrast,
        condition=h.condition,
        group=item.group,
        groups=item.groups,
        asks=h.asks,
        family=h.family,
        exploratory=h.exploratory,
        statement=h.statement or sentence(plan, item),
        deciding_model=model_of(plan, h),
        method=estimate.method if estimate else "none",
        scope=scope,
        n_people=estimate.n_people if estimate else _people(case),
        n_scenes=n_scenes,
        unit=measure.in_unit,
        estimate=rounded(estimate.value) if estimate else None,
        se=rounded(estimate.se) if estimate else None,
        df=rounded(estimate.df) if estimate and estimate.pivots is None else None,
        p_raw=rounded(tests.p_raw) if tests else None,
        p_adjusted=rounded(case.p_difference),
        p_above_lower_bound=rounded(tests.p_above_lower_bound) if tests else None,
        p_below_upper_bound=rounded(tests.p_below_upper_bound) if tests else None,
        p_equivalence_adjusted=rounded(case.p_equivalence),
        ci_difference=_ci(tests.ci_difference) if tests else None,
        ci_equivalence=_ci(tests.ci_equivalence) if tests else None,
        bound=case.bound,
        control=_control(case.control),
        spread=spread,
        outcome=case.outcome,
        magnitude=case.magnitude,
        qualifier=case.qualifier,
        reason=case.evidence.reason,
        says=says(
            plan,
            item,
            estimate,
            tests,
            bound=case.bound,
            outcome=case.outcome,
            magnitude=case.magnitude,
            qualifier=case.qualifier,
            reason=case.evidence.reason,
            p_difference=case.p_difference,
            adjusted=tests is not None
            and (tests.p_raw, tests.p_equivalence) != (case.p_difference, case.p_equivalence),
            spread=spread,
        ),
        does_not_show=does_not_show(plan, item, case.outcome, case.control, case.codec, n_scenes, spread),
    )


def _people(case: Case) -> dict[str, int]:
    return {group: len(values) for group, values in case.evidence.effects.by_group(case.item.groups).items()}


def _ci(interval: Interval) -> Ci:
    return Ci(
        level=rounded(interval.level) or 0.0,
        low=rounded(interval.low) or 0.0,
        high=rounded(interval.high) or 0.0,
    )


def _control(control: ControlResult | None) -> ControlRecord | None:
    if control is None:
        return None
    return ControlRecord(
        outcome=control.outcome,
        group=control.group,
        contrast=control.contrast,
        direction=control.direction,
        estimate=rounded(control.estimate),
        lower_limit=rounded(control.lower_limit),
        minimum=control.minimum,
        reason=control.reason,
    )


def family_record(name: str, family: Family, records: Sequence[HypothesisRecord]) -> FamilyRecord:
    """A family's members, adjustment and what it may say as a whole."""
    members = {r.id: counts_as(r.outcome, r.asks) for r in records if r.family == name}
    outcome = family_outcome(family.claim, members)
    adjustment: Literal["holm", "none"] = "none" if family.claim == "all" or len(members) == 1 else "holm"
    counted = listed(members)
    says_of = {
        "each": f"{counted}: each speaks for itself" + (", Holm-adjusted." if adjustment == "holm" else "."),
        "any": f"At least one of {counted}: {outcome}.",
        "all": f"All of {counted} together: {outcome}. Only this joint outcome is confirmatory.",
    }[family.claim]
    return FamilyRecord(
        name=name,
        claim=family.claim,
        adjustment=adjustment,
        members=tuple(members),
        outcome=outcome,
        says=says_of,
    )
