r"""Head motion, the confound of every comparison of children's and adults' BOLD (INFERENCE 12).

Children move more, and what moves changes its signal. So motion itself is tested by group and by condition, and every
hypothesis on BOLD is seen again where motion was treated otherwise (`analysis.evidence.multiverse`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence.by_person import Values, estimate_by_person
from analysis.evidence.case import Case
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.outcomes import run_tests
from analysis.evidence.variants import KEPT_TOO_FEW, MOVED, RUN, is_bold
from protocols.plan.promises import Plan

PEOPLE_COLUMNS = (
    "participant_id", "group", "session", "task", "condition", "runs", "runs_used", "mean_fd_mm", "max_fd_mm", "tsnr",
    "volumes", "volumes_kept", "share_kept", "included", "reason",
)  # fmt: skip
MOTION_COLUMNS = (
    "session", "task", "kind", "quantity", "unit", "runs", "hypothesis", "group", "condition", "n", "of", "mean", "sd",
    "estimate", "se", "df", "low", "high", "p", "hedges_g", "note",
)  # fmt: skip
QUANTITIES: Mapping[str, tuple[str, str]] = {
    "mean_fd_mm": ("mean framewise displacement", "mm"),
    "share_kept": ("share of volumes kept", ""),
    "tsnr": ("temporal signal-to-noise ratio", ""),
}
"""What is compared: column of the people's table, its name and unit."""
RUNS = {"all": "every run", "used": "the runs the analysis used"}


def motion_people(plan: Plan, quality: pd.DataFrame) -> pd.DataFrame:
    """Motion and signal person by person: over everything, and condition by condition.

    A person's FD and tSNR are means over runs, each counting once; volumes are sums. ``condition`` is None where a
    row is of all conditions.
    """
    parts = []
    for (session, task), part in _recordings(plan, quality):
        thin = _thin(plan, part)
        for condition in (None, *_conditions(plan, part)):
            people = _of_people(part if condition is None else part[part["condition"] == condition])
            lost = people["participant_id"].isin(thin)
            people["included"] = ((people["runs_used"] > 0) & ~lost).astype(int)
            people["reason"] = [
                "; ".join(filter(None, (told, KEPT_TOO_FEW if thinned else ""))) or None
                for told, thinned in zip(people["reason"], lost, strict=True)
            ]
            parts.append(people.assign(session=session, task=task, condition=condition))
    found = pd.concat(parts) if parts else pd.DataFrame(columns=list(PEOPLE_COLUMNS))
    return found[list(PEOPLE_COLUMNS)].astype(object).reset_index(drop=True)


def _recordings(
    plan: Plan, quality: pd.DataFrame
) -> Iterator[tuple[tuple[str | None, str | None], pd.DataFrame]]:
    """Sessions and tasks, each with its rows of the plan's groups: what was not recorded alike is not averaged."""
    known = quality[quality["group"].isin(list(plan.groups))]
    for names, part in known.groupby(["session", "task"], sort=True, dropna=False):
        session, task = (None if value != value else str(value) for value in names)  # NaN is not itself
        yield (session, task), part


def _conditions(plan: Plan, part: pd.DataFrame) -> list[str]:
    return [name for name in plan.conditions if (part["condition"] == name).any()]


def _of_people(part: pd.DataFrame) -> pd.DataFrame:
    """One row per person; ``reason`` holds those of runs that were not used."""
    key = ["participant_id", "group"]
    runs = part.drop_duplicates(list(RUN)).assign(used=part["included"] == 1)
    people = runs.groupby(key, sort=True).agg(
        runs=("used", "size"), runs_used=("used", "sum"), mean_fd_mm=("mean_fd_mm", "mean"),
        max_fd_mm=("max_fd_mm", "max"), tsnr=("tsnr", "mean"),
    )  # fmt: skip
    sums = part.groupby(key)[["volumes", "volumes_kept"]].sum(min_count=1)
    people = people.join(sums)
    people["share_kept"] = people["volumes_kept"] / people["volumes"].where(people["volumes"] > 0)
    told = part[(part["included"] != 1) & part["reason"].notna()].drop_duplicates([*key, "reason"])
    reasons = told.sort_values("reason").groupby(key)["reason"].agg("; ".join)
    people["reason"] = reasons.reindex(people.index).fillna("")
    return people.reset_index()


def motion_rows(plan: Plan, quality: pd.DataFrame, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Motion by group and condition, the tests of both, and who was left out, group beside group.

    Groups are compared by Welch's test over people (and Hedges' g), conditions within people by a paired one, for the
    two conditions of each hypothesis. Of every run, and again of those the analysis used: what exclusions took away.
    """
    level = (plan.decision.alpha, plan.decision.alpha_equivalence)
    rows: list[dict[str, Any]] = []
    for (session, task), part in _recordings(plan, quality):
        head = {"session": session, "task": task}
        found: list[dict[str, Any]] = []
        for runs in RUNS:
            people = motion_people(plan, part if runs == "all" else _used(plan, part))
            found += _described(plan, people, runs)
            found += _between_groups(plan, people, runs, level)
            found += _between_conditions(cases, people, runs, level)
        rows += [{**head, **row} for row in (*found, *_left_out(plan, part))]
    return rows


def _used(plan: Plan, part: pd.DataFrame) -> pd.DataFrame:
    """Rows of the runs that count: those of people who keep enough volumes, where the plan asks for it."""
    return part[(part["included"] == 1) & ~part["participant_id"].isin(_thin(plan, part))]


def _thin(plan: Plan, part: pd.DataFrame) -> list[str]:
    """People who keep too small a share of a condition's volumes; those of unused runs count as lost."""
    least = plan.exclusions.volumes_kept_per_condition
    if least is None:
        return []
    counted = part.assign(kept=part["volumes_kept"].where(part["included"] == 1, 0.0))
    sums = counted.groupby(["participant_id", "condition"])[["kept", "volumes"]].sum(min_count=1)
    share = (sums["kept"] / sums["volumes"]).groupby("participant_id").min()
    return sorted(share.index[share < least])


def _values(people: pd.DataFrame, column: str, group: str, condition: str | None) -> Values:
    mine = people[people["group"] == group]
    mine = mine[mine["condition"].isna() if condition is None else mine["condition"] == condition]
    values: Values = mine[column].to_numpy(dtype=float)
    return values[np.isfinite(values)]


def _described(plan: Plan, people: pd.DataFrame, runs: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for column, (quantity, unit) in QUANTITIES.items():
        for condition in (None, *_conditions(plan, people)):
            for group in plan.groups:
                values = _values(people, column, group, condition)
                rows.append(
                    {
                        **_head("description", quantity, unit, runs),
                        "group": group,
                        "condition": condition,
                        "n": len(values),
                        "mean": float(values.mean()) if len(values) else None,
                        "sd": float(values.std(ddof=1)) if len(values) > 1 else None,
                    }
                )
    return rows


def _between_groups(
    plan: Plan, people: pd.DataFrame, runs: str, level: tuple[float, float]
) -> list[dict[str, Any]]:
    rows = []
    for column, (quantity, unit) in QUANTITIES.items():
        for condition in (None, *_conditions(plan, people)):
            for first, second in combinations(plan.groups, 2):
                values = {group: _values(people, column, group, condition) for group in (first, second)}
                row = {**_head("between groups", quantity, unit, runs), "group": f"{second} - {first}"}
                tested = _tested(values, (-1.0, 1.0), level)
                rows.append({**row, "condition": condition, **tested, "hedges_g": hedges_g(values)})
    return rows


def _between_conditions(
    cases: Sequence[Case], people: pd.DataFrame, runs: str, level: tuple[float, float]
) -> list[dict[str, Any]]:
    """Whether one arm lost more volumes than the other: for each hypothesis on BOLD, in its groups."""
    rows = []
    quantity, unit = QUANTITIES["share_kept"]
    shown = people[people["condition"].notna()]
    wide = shown.pivot_table(
        index=["participant_id", "group"], columns="condition", values="share_kept", aggfunc="first"
    )
    for case in cases:
        first, second = case.question.conditions
        if not is_bold(case.question.measure) or first not in wide.columns or second not in wide.columns:
            continue
        lost = (wide[second].astype(float) - wide[first].astype(float)).dropna()
        mine = lost.index.get_level_values("group")
        values = {group: np.asarray(lost[mine == group], dtype=float) for group in case.item.groups}
        rows.append(
            {
                **_head("between conditions", quantity, unit, runs),
                "hypothesis": case.item.id,
                "group": case.item.group,
                "condition": f"{second} - {first}",
                **_tested(values, case.item.weights, level, "people's differences"),
            }
        )
    return rows


def _head(kind: str, quantity: str, unit: str, runs: str) -> dict[str, Any]:
    return {"kind": kind, "quantity": quantity, "unit": unit or None, "runs": runs}


def _tested(
    values: Mapping[str, Values], weights: Sequence[float], level: tuple[float, float], what: str = ""
) -> dict[str, Any]:
    n = sum(len(part) for part in values.values())
    method = "paired t test" if len(weights) == 1 else "Welch t test"
    try:
        estimate: Estimate = estimate_by_person(values, weights, method=f"{method} ({what})" if what else "")
    except NotEstimable as problem:
        return {"n": n, "note": str(problem)}
    tests = run_tests(estimate, bound=None, alpha=level[0], alpha_equivalence=level[1])
    low, high = tests.ci_difference.low, tests.ci_difference.high
    numbers = {"estimate": estimate.value, "se": estimate.se, "df": estimate.df, "low": low, "high": high}
    return {"n": n, **numbers, "p": tests.p_raw, "note": estimate.method}


def hedges_g(values: Mapping[str, Values]) -> float | None:
    """Second group less first in pooled SDs, corrected for small samples (Hedges 1981, J Educ Stat 6:107)."""
    first, second = values.values()
    df = len(first) + len(second) - 2
    if len(first) < 2 or len(second) < 2:
        return None
    pooled = ((len(first) - 1) * first.var(ddof=1) + (len(second) - 1) * second.var(ddof=1)) / df
    if pooled <= 0:
        return None
    return float((second.mean() - first.mean()) / np.sqrt(pooled) * (1 - 3 / (4 * df - 1)))


def _left_out(plan: Plan, part: pd.DataFrame) -> list[dict[str, Any]]:
    """People above the plan's limit, and runs left out by reason: a row for every group, so that nobody is missed."""
    runs = part.drop_duplicates(list(RUN))
    rows = []
    limit = plan.exclusions.mean_fd_mm
    if limit is not None:
        above = runs[runs["mean_fd_mm"] > limit]
        whole = (
            runs.groupby("participant_id")["mean_fd_mm"].min() > limit
        )  # no run of theirs is within the limit
        lost = above[above["participant_id"].isin(whole.index[whole])]
        rows += _counted(plan, runs, above, f"people with a run above {limit:g} mm")
        rows += _counted(plan, runs, lost, f"people with no run within {limit:g} mm")
    least = plan.exclusions.volumes_kept_per_condition
    if least is not None:
        thin = runs[runs["participant_id"].isin(_thin(plan, part))]
        rows += _counted(
            plan, runs, thin, f"people who keep less than {100 * least:g} % of a condition's volumes"
        )
    gone = part[part["included"] != 1]
    for reason in sorted(set(gone["reason"].fillna("no reason given").map(_kind))):
        chosen = gone[gone["reason"].fillna("no reason given").map(_kind) == reason]
        rows += _counted(
            plan, runs, chosen.drop_duplicates(list(RUN)), f"people with a run left out: {reason}"
        )
    return rows


def _kind(reason: str) -> str:
    """A reason without the run's own numbers, so that equal ones count together."""
    return MOVED if reason.startswith(MOVED) else reason


def _counted(plan: Plan, runs: pd.DataFrame, chosen: pd.DataFrame, quantity: str) -> list[dict[str, Any]]:
    rows = []
    for group in plan.groups:
        own, everyone = chosen[chosen["group"] == group], runs[runs["group"] == group]
        fd = own.groupby("participant_id")["mean_fd_mm"].mean().to_numpy(dtype=float)
        fd = fd[np.isfinite(fd)]
        rows.append(
            {
                **_head("left out", quantity, "people", "all"),
                "group": group,
                "n": own["participant_id"].nunique(),
                "of": everyone["participant_id"].nunique(),
                "mean": float(fd.mean()) if len(fd) else None,
                "sd": float(fd.std(ddof=1)) if len(fd) > 1 else None,
                "note": f"{len(own)} of {len(everyone)} runs"
                + (", their mean FD in mm beside" if len(fd) else ""),
            }
        )
    return rows
