"""Lapses: inattention manufactures equivalence, so it is measured on catch trials and allowed for (INFERENCE 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analysis.behaviour.lapse import Lapse, bound_after_lapse, lapse_rate
from analysis.evidence.case import Case
from analysis.evidence.outcomes import run_tests
from analysis.evidence.sensitivity import Row
from analysis.evidence.wording import amount, p_value
from analysis.measures.table import MeasureTable
from protocols.plan.expanding import control_contrast
from protocols.plan.measuring import DPRIMES
from protocols.plan.promises import Plan

LAPSE_COLUMNS = (
    "measure", "group", "condition", "people", "trials", "errors", "lapse", "low", "high", "upper_limit", "level",
    "note",
)  # fmt: skip
Lapses = Mapping[tuple[str, str], tuple[str, Lapse]]
"""By measure and group: the condition of the catch trials, and the lapse rate."""


def lapses_of(plan: Plan, tables: Mapping[str, MeasureTable]) -> Lapses:
    """Lapse rates per measure of d' and group, from the trials everyone who attends gets right.

    These are the trials of the compared condition of the catch trials' contrast: those of the reference are clips like
    the others, and taking them for AI is no lapse.
    """
    found = {}
    for name, measure in plan.measures.items():
        if measure.statistic not in DPRIMES:
            continue
        for control in measure.controls:
            contrast = control_contrast(plan, measure, control)
            if control.trials != "catch_trials" or contrast is None:
                continue
            caught = tables[name].used
            caught = caught[caught["condition"] == contrast[1]]
            right = 1.0 if control.direction == "above" else 0.0
            for group in plan.groups:
                rows = caught[caught["group"] == group]
                if len(rows):
                    found[name, group] = contrast[1], _lapse(rows, right, 1 - plan.decision.alpha_equivalence)
    return found


def _lapse(rows: pd.DataFrame, right: float, level: float) -> Lapse:
    wrong = (rows["value"] != right).groupby(rows["participant_id"]).agg(["sum", "size"])
    return lapse_rate(wrong["sum"].to_numpy(float), wrong["size"].to_numpy(float), level=level)


def lapse_rows(lapses: Lapses) -> list[dict[str, Any]]:
    """The table of lapse rates."""
    return [
        {
            "measure": measure,
            "group": group,
            "condition": condition,
            "people": lapse.people,
            "trials": lapse.trials,
            "errors": lapse.errors,
            "lapse": lapse.rate,
            "low": lapse.low,
            "high": lapse.high,
            "upper_limit": lapse.upper,
            "level": lapse.level,
            "note": lapse.note or None,
        }
        for (measure, group), (condition, lapse) in lapses.items()
    ]


def equivalence_after_lapses(
    plan: Plan, case: Case, lapses: Lapses, labels: Mapping[str, str]
) -> Sequence[Row]:
    """Equivalence within bound x (1 - upper limit of the lapse rate), that of the group that lapses most."""
    estimate, bound = case.evidence.estimate, case.bound
    of_groups = {
        group: lapses[case.item.hypothesis.measure, group][1]
        for group in case.item.groups
        if (case.item.hypothesis.measure, group) in lapses
    }
    if estimate is None or bound is None or not of_groups:
        return []
    group, lapse = max(of_groups.items(), key=lambda pair: pair[1].upper)
    smaller = bound_after_lapse(bound, lapse.upper) if lapse.upper < 1 else 0.0
    decision = plan.decision
    name = "equivalence allowing for lapses"
    share = f"{100 * lapse.rate:.1f} % lapses of {labels[group]} (upper limit {100 * lapse.upper:.1f} %)"
    if smaller <= 0:
        return [Row(case.item.id, name, *(None,) * 6, 0, f"{share}: no bound is left")]
    tests = run_tests(
        estimate, bound=smaller, alpha=decision.alpha, alpha_equivalence=decision.alpha_equivalence
    )
    p = tests.p_equivalence
    kept = p is not None and p <= decision.alpha_equivalence
    note = (
        f"{share}: within ±{amount(smaller)} equivalence is {'shown too' if kept else 'not shown'} "
        f"({p_value(p)}, unadjusted)"
    )
    interval = tests.ci_equivalence
    n = sum(estimate.n_people.values())
    return [
        Row(
            case.item.id,
            name,
            estimate.value,
            estimate.se,
            estimate.df,
            interval.low,
            interval.high,
            p,
            n,
            note,
        )
    ]
