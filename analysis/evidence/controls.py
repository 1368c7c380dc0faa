"""Positive controls: gatekeepers, tested first at alpha; without them equivalence means nothing (INFERENCE 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.estimates import NotEstimable
from analysis.evidence.people import person_effects
from analysis.measures.table import MeasureTable
from protocols.plan.expanding import PSEUDO_CONDITIONS, control_contrast, control_minimum, session_of
from protocols.plan.promises import Plan

ControlOutcome = Literal["passed", "failed", "not_estimable"]


Head = tuple[str, str, tuple[str, str], Literal["above", "below"]]
"""Measure, group, contrast and direction."""


@dataclass(frozen=True)
class ControlResult:
    """One control of one measure in one group.

    Attributes
    ----------
    contrast
        Conditions, reference first.
    estimate, se, df, lower_limit, minimum
        In the measure's unit and in the direction of the control; passed if ``lower_limit > minimum``.
    reason
        Why there is no estimate.
    """

    measure: str
    group: str
    contrast: tuple[str, str]
    direction: Literal["above", "below"]
    outcome: ControlOutcome
    minimum: float
    n_people: int
    estimate: float | None = None
    se: float | None = None
    df: float | None = None
    lower_limit: float | None = None
    reason: str | None = None


def run_controls(plan: Plan, tables: dict[str, MeasureTable]) -> list[ControlResult]:
    """All controls of all measures in every group of the plan that has a minimum."""
    results = []
    for name, measure in plan.measures.items():
        session = session_of(plan, measure)
        # Catch trials may show other scenes than the main ones: scenes are paired where some scene has both.
        paired = None if session is None or session.exposure == "both_versions" else False
        for control in measure.controls:
            contrast = control_contrast(plan, measure, control)
            assert contrast is not None  # the plan's check saw to it
            for group in plan.groups:
                if isinstance(control.minimum, dict) and group not in control.minimum:
                    continue
                minimum = control_minimum(control, group)
                head: Head = (name, group, contrast, control.direction)
                results.append(
                    _run(
                        head,
                        minimum,
                        tables[name],
                        plan.decision.alpha,
                        paired,
                        plan.exclusions.scenes_per_condition,
                    )
                )
    return results


def _run(
    head: Head,
    minimum: float,
    table: MeasureTable,
    alpha: float,
    paired: bool | None,
    fewest: int,
) -> ControlResult:
    from scipy import stats

    _, group, contrast, direction = head
    absent = [
        name
        for name in contrast
        if name not in PSEUDO_CONDITIONS and not (table.rows["condition"] == name).any()
    ]
    if absent:
        return ControlResult(*head, "not_estimable", minimum, 0, reason=f"the table has no '{absent[0]}'")
    effects = person_effects(table, [group], *contrast, paired_scenes=paired, fewest=fewest)
    values = effects.by_group([group])
    try:
        estimate = estimate_by_person({group: values[group] * (1 if direction == "above" else -1)}, [1.0])
    except NotEstimable as problem:
        return ControlResult(*head, "not_estimable", minimum, len(values[group]), reason=str(problem))
    lower = estimate.value - float(stats.t(estimate.df).isf(alpha)) * estimate.se
    outcome: ControlOutcome = "passed" if lower > minimum else "failed"
    return ControlResult(
        *head, outcome, minimum, len(values[group]), estimate.value, estimate.se, estimate.df, lower
    )


def control_for(results: list[ControlResult], measure: str, groups: tuple[str, ...]) -> ControlResult | None:
    """The control that decides for a hypothesis: the worst of its measure and groups; None where there is none."""
    order = {"failed": 0, "not_estimable": 1, "passed": 2}
    concerned = [result for result in results if result.measure == measure and result.group in groups]
    # of several that passed, the one nearest to failing
    return min(concerned, key=lambda r: (order[r.outcome], (r.lower_limit or 0.0) - r.minimum), default=None)
