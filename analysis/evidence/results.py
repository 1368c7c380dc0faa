"""``OUT/results/*.tsv``: every number of the verdict, and all that is needed to compute it again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.evidence.bayes import interval_null, jzs, normal_prior
from analysis.evidence.case import Case
from analysis.evidence.controls import ControlResult
from analysis.evidence.detection_tables import detection_tables
from analysis.evidence.fitted import (
    MODEL_COLUMNS,
    REDUCTION_COLUMNS,
    SPREAD_COLUMNS,
    model_rows,
    reduction_rows,
    spread_rows,
)
from analysis.evidence.items import SCENE_COLUMNS, scene_rows
from analysis.evidence.lapses import LAPSE_COLUMNS, Lapses, lapse_rows
from analysis.evidence.verdict import Verdict
from analysis.measures.table import MeasureTable
from protocols.plan.promises import Plan

DESCRIPTIONS: dict[str, str] = {
    "hypotheses": "one row per hypothesis: every number of its deciding analysis",
    "people": "one row per person and hypothesis: both condition values and the effect the test used",
    "controls": "positive controls per measure and group",
    "detection": "signal detection by group and by category of people: means of people's d', criterion, rates",
    "detection_people": "signal detection person by person",
    "lapses": "lapse rates per measure and group, from catch trials",
    "families": "families, their members and adjustment",
    "joint": "conscious beside neural outcome, per group",
    "flow": "people per measure and group: started, with usable values",
    "exclusions": "rows and people left out, by reason",
    "models": "crossed models: every parameter of each hypothesis' deciding model",
    "reductions": "crossed models: what was tried in the sealed order, and why the last one stands",
    "spread": "people's spread against its bound, per hypothesis and group",
    "scenes": "each hypothesis' effect scene by scene (or clip by clip)",
    "sensitivity": "other reasonable analyses; they decide nothing",
    "bayes": "Bayes factors, as description; scenes are ignored",
    "second_opinion": "the tests over people by an independent program",
    "motion": "BOLD: head motion and signal by group and condition, their tests, and people left out",
    "motion_people": "BOLD: head motion and signal person by person",
    "multiverse": "BOLD: every hypothesis where motion was treated otherwise; they decide nothing",
}


def result_tables(
    plan: Plan,
    verdict: Verdict,
    cases: Sequence[Case],
    controls: Sequence[ControlResult],
    lapses: Lapses,
    tables: Mapping[str, MeasureTable],
    started: pd.DataFrame,
    people: pd.DataFrame | None,
) -> dict[str, pd.DataFrame]:
    """All result tables by name; see `DESCRIPTIONS`."""
    by_person, by_group = detection_tables(plan, tables, people)
    return {
        "hypotheses": _hypotheses(verdict),
        "people": _people(cases),
        "controls": _frame([_flat(asdict(control)) for control in controls], CONTROL_COLUMNS),
        "detection": by_group,
        "detection_people": by_person,
        "lapses": _frame(lapse_rows(lapses), LAPSE_COLUMNS),
        "families": _frame([_flat(record.model_dump()) for record in verdict.families]),
        "joint": _frame([_flat(record.model_dump()) for record in verdict.joint], JOINT_COLUMNS),
        "flow": _flow(plan, tables, started, cases),
        "exclusions": _exclusions(plan, tables, cases),
        "models": _frame(model_rows(cases), MODEL_COLUMNS),
        "reductions": _frame(reduction_rows(cases), REDUCTION_COLUMNS),
        "spread": _frame(spread_rows(cases), SPREAD_COLUMNS),
        "scenes": _frame(scene_rows(cases), SCENE_COLUMNS),
        "sensitivity": _frame([asdict(row) for case in cases for row in case.rows], SENSITIVITY_COLUMNS),
        "bayes": _bayes(plan, cases),
        "second_opinion": _frame([asdict(case.opinion) for case in cases if case.opinion], OPINION_COLUMNS),
    }


CONTROL_COLUMNS = (
    "measure",
    "group",
    "contrast",
    "direction",
    "outcome",
    "minimum",
    "n_people",
    "estimate",
    "se",
    "df",
    "lower_limit",
    "reason",
)
JOINT_COLUMNS = (
    "group",
    "conscious_hypothesis",
    "neural_hypothesis",
    "conscious",
    "neural",
    "neural_together",
    "control",
    "claim",
    "dissociation",
    "says",
    "does_not_show",
)
SENSITIVITY_COLUMNS = ("hypothesis", "analysis", "estimate", "se", "df", "low", "high", "p", "n", "note")
OPINION_COLUMNS = ("hypothesis", "program", "t", "df", "p", "our_t", "our_df", "our_p", "agrees")


def _frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns) if columns else None, dtype=object)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as one cell, nested records as columns of their own."""
    flat: dict[str, Any] = {}
    for key, value in record.items():
        if key == "n_people" and isinstance(value, dict):
            flat[key] = sum(value.values())
            flat["n_people_by_group"] = "; ".join(f"{group} {count}" for group, count in value.items())
        elif isinstance(value, dict):
            flat |= {f"{key}_{name}": inner for name, inner in _flat(value).items()}
        elif isinstance(value, (list, tuple)):
            flat[key] = " | ".join(str(part) for part in value)
        else:
            flat[key] = value
    return flat


def _hypotheses(verdict: Verdict) -> pd.DataFrame:
    """Same columns whatever the outcome: absent intervals, controls and spreads are n/a."""
    rows = []
    for record in verdict.hypotheses:
        row = record.model_dump()
        for name in ("ci_difference", "ci_equivalence"):
            row[name] = row[name] or {"level": None, "low": None, "high": None}
        control = row.pop("control") or {}
        spread = row.pop("spread") or {}
        row["control_outcome"], row["spread_outcome"] = control.get("outcome"), spread.get("outcome")
        rows.append(_flat(row))
    return _frame(rows)


def _people(cases: Sequence[Case]) -> pd.DataFrame:
    parts = []
    for case in cases:
        rows = case.evidence.effects.rows.copy()
        rows.insert(0, "hypothesis", case.item.id)
        parts.append(rows)
    return pd.concat(parts, ignore_index=True).astype(object) if parts else _frame([])


def _flow(
    plan: Plan, tables: Mapping[str, MeasureTable], started: pd.DataFrame, cases: Sequence[Case]
) -> pd.DataFrame:
    """From planned to analysed people, per measure and group."""
    rows = []
    for name, table in tables.items():
        for group, promised in plan.groups.items():
            of_group = table.rows[table.rows["group"] == group]
            usable = of_group[of_group["included"] == 1]
            analysed = [
                len(case.evidence.effects.people([group])[group])
                for case in cases
                if case.item.hypothesis.measure == name and group in case.item.groups
            ]
            rows.append(
                {
                    "measure": name,
                    "group": group,
                    "planned": promised.n_planned,
                    "recruited": promised.n_recruited,
                    "started": int((started["group"] == group).sum()),
                    "with_rows": of_group["participant_id"].nunique(),
                    "with_usable_rows": usable["participant_id"].nunique(),
                    "analysed": min(analysed) if analysed else None,
                    "rows": len(of_group),
                    "rows_usable": len(usable),
                }
            )
    return _frame(rows)


def _exclusions(plan: Plan, tables: Mapping[str, MeasureTable], cases: Sequence[Case]) -> pd.DataFrame:
    """Every exclusion, counted: rows from the tables, people from the analyses."""
    rows: list[dict[str, Any]] = []
    for name, table in tables.items():
        for keep, level in ((True, "rows"), (False, "rows of groups the plan does not have")):
            known = table.rows["group"].isin(list(plan.groups))
            part = table.rows[known if keep else ~known]
            left_out = part[part["included"] == 0] if keep else part.assign(reason="group not in the plan")
            for (group, reason), chosen in left_out.fillna({"group": "n/a"}).groupby(
                ["group", "reason"], sort=True
            ):
                rows.append(
                    {
                        "measure": name,
                        "hypothesis": None,
                        "group": group,
                        "what": level,
                        "reason": reason,
                        "people": chosen["participant_id"].nunique(),
                        "rows": len(chosen),
                    }
                )
    for case in cases:
        effects = case.evidence.effects.rows
        out = effects[effects["included"] == 0]
        for (group, reason), chosen in out.groupby(["group", "reason"], sort=True):
            rows.append(
                {
                    "measure": case.item.hypothesis.measure,
                    "hypothesis": case.item.id,
                    "group": group,
                    "what": "people",
                    "reason": reason,
                    "people": len(chosen),
                    "rows": None,
                }
            )
    return _frame(rows, ("measure", "hypothesis", "group", "what", "reason", "people", "rows"))


def _bayes(plan: Plan, cases: Sequence[Case]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    settings = plan.decision.bayes
    for case in cases:
        estimate = case.evidence.estimate
        if estimate is None:
            continue
        beside = case.evidence.by_person
        sizes = list(beside.n_people.values()) if beside else []
        head = {"hypothesis": case.item.id}
        if (
            beside is not None
            and len(sizes) <= 2
            and (len(sizes) == 1 or sum(case.item.weights) == 0)
            and not case.question.measure.covariates
        ):
            n = sizes[0] if len(sizes) == 1 else sizes[0] * sizes[1] / sum(sizes)
            df = sizes[0] - 1 if len(sizes) == 1 else sum(sizes) - 2
            t = beside.value / (beside.se if len(sizes) == 1 else _pooled_se(case))
            for r in settings.prior_widths:
                bf = jzs(t, n, df, r)
                rows.append(
                    {
                        **head,
                        "kind": "JZS, scenes ignored",
                        "prior": f"Cauchy, r = {r:g}",
                        "bf10": bf,
                        "bf01": _inverse(bf),
                    }
                )
        for k in settings.unit_of_bound if case.bound else ():
            assert case.bound is not None
            width = k * case.bound
            prior = f"Normal(0, {k:g} x bound)"
            bf = normal_prior(estimate.value, estimate.se, estimate.df, width)
            rows.append({**head, "kind": "point null", "prior": prior, "bf10": bf, "bf01": _inverse(bf)})
            bf = interval_null(estimate.value, estimate.se, estimate.df, case.bound, width)
            rows.append({**head, "kind": "interval null", "prior": prior, "bf10": bf, "bf01": _inverse(bf)})
    return _frame(rows, ("hypothesis", "kind", "prior", "bf10", "bf01"))


def _pooled_se(case: Case) -> float:
    """Standard error of a difference of two means under one common spread, which the JZS factor assumes."""
    first, second = case.evidence.effects.by_group(case.item.groups).values()
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in (first, second))
    return math.sqrt(squares / (len(first) + len(second) - 2) * (1 / len(first) + 1 / len(second)))


def _inverse(value: float) -> float:
    return math.inf if value == 0 else 1 / value
