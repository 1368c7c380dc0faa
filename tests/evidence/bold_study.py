"""A small study of BOLD whose people move as one asks: the region's table, and the motion of its runs."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from analysis.evidence.case import Case
from analysis.evidence.decide import Decision, decide
from analysis.evidence.deciding import MODELS, ask
from analysis.evidence.multiverse import multiverse_rows
from analysis.evidence.variants import Beside
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from protocols.plan.expanding import bound_of, expand, model_of
from protocols.plan.promises import Plan

LIMIT = 0.5
CONTRAST = {"measure": "roi", "contrast": ["live", "ai"], "asks": "both", "family": "neural"}
CHANGES: dict[str, Any] = {
    "measures.roi.statistic": "percent_signal_change",
    "measures.roi.bound": {"value": 0.2, "unit": "percent_signal", "because": "small"},
    "measures.says": None,
    "hypotheses.S": None,
    "families.conscious": None,
    "hypotheses.N": {**CONTRAST, "effect": "group_by_condition"},
    "hypotheses.C": {**CONTRAST, "effect": "condition", "group": "child"},
    "exclusions": {
        "mean_fd_mm": LIMIT, "volume_fd_mm": 0.9, "sensitivity": {"mean_fd_mm": [0.3, 0.5, 0.9]},
    },
}  # fmt: skip


def changes(more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Changes that make the small study one of BOLD, and `more`; a copy, as a plan is made by changing them."""
    return copy.deepcopy({**CHANGES, **(more or {})})


SIZES = {"child": 26, "adult": 24}
FD = {"child": 0.27, "adult": 0.19}
"""Median mean FD in mm."""
SCENES = 4


def shape(n: int, seed: int) -> np.ndarray:
    """Normal quantiles in no particular order."""
    z = ndtri((np.arange(1, n + 1) - 0.5) / n)
    return (z / z.std(ddof=1))[np.random.default_rng(seed).permutation(n)]


def motion_by_person(
    medians: dict[str, float] | None = None, sizes: dict[str, int] | None = None
) -> pd.DataFrame:
    """Mean FD of everybody: the groups' medians, and a lognormal spread."""
    parts = [
        pd.DataFrame({
            "participant_id": [f"sub-{group[0]}{i + 1:02d}" for i in range(n)], "group": group,
            "fd": (medians or FD)[group] * np.exp(0.4 * shape(n, 3)),
        })
        for group, n in (sizes or SIZES).items()
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def quality_of(people: pd.DataFrame, limit: float = LIMIT, lost: float = 0.0) -> pd.DataFrame:
    """Two runs each, the second with a tenth more motion; `lost` of the volumes of 'ai' more than of 'live'."""
    rows = []
    for place, person in enumerate(people.itertuples()):
        for run in (1, 2):
            fd = person.fd * (0.95, 1.05)[run - 1]
            moved = fd > limit
            for condition in ("live", "ai", "cartoon"):
                share = 0.9 - (lost + 0.01 * (place % 3) if condition == "ai" else 0.0)
                rows.append({
                    "participant_id": person.participant_id, "group": person.group, "session": None, "task": "film",
                    "run": str(run), "condition": condition, "volumes": 100.0,
                    "volumes_kept": round(100 * share), "mean_fd_mm": fd, "max_fd_mm": 4 * fd,
                    "tsnr": 60.0 - 40 * fd, "included": float(not moved),
                    "reason": f"moved too much: mean FD {fd:.2f} mm" if moved else None,
                })  # fmt: skip
    return pd.DataFrame(rows)


def roi_table(plan: Plan, people: pd.DataFrame, quality: pd.DataFrame, effect: np.ndarray) -> MeasureTable:
    """Each person's scenes in both runs, with these effects of ai - live; rows of runs that are not used stay."""
    reasons = quality.drop_duplicates(["participant_id", "run"]).set_index(["participant_id", "run"])[
        "reason"
    ]
    rows = []
    for i, person in enumerate(people.itertuples()):
        wobble = 0.05 * shape(SCENES, i)
        for scene in range(SCENES):
            run = str(1 + scene % 2)
            reason = reasons[person.participant_id, run]
            live = 2.0 + 0.1 * scene
            for condition, value in (
                ("live", live), ("ai", live + effect[i] + wobble[scene]), ("cartoon", 3.0 + wobble[scene] / 10),
            ):  # fmt: skip
                rows.append({
                    "participant_id": person.participant_id, "group": person.group, "run": run,
                    "condition": condition, "scene": f"s{scene}", "value": value,
                    "included": 0.0 if reason else 1.0, "reason": reason,
                })  # fmt: skip
    return MeasureTable("roi", tidy(pd.DataFrame(rows)), sidecar_for(plan.measures["roi"]))


def by_motion(people: pd.DataFrame, slope: float, noise: float = 0.1) -> np.ndarray:
    """Effects that follow from motion alone: percent signal per mm of mean FD, and people's own spread."""
    own = np.concatenate([noise * shape(n, 11) for n in people.groupby("group", sort=False).size()])
    return slope * people["fd"].to_numpy() + own


def other_effects(table: MeasureTable, how: Callable[[pd.DataFrame], Any]) -> MeasureTable:
    """The table with the values of 'ai' changed: `how` gets the rows and gives what is added."""
    rows = table.rows.copy()
    ai = rows["condition"] == "ai"
    rows.loc[ai, "value"] += how(rows[ai])
    return replace(table, rows=rows)


def decided(
    plan: Plan, table: MeasureTable, bold: Beside | None, people: pd.DataFrame | None = None
) -> Decision:
    """Decide the region's hypotheses."""
    return decide(plan, "0" * 64, {"roi": table}, people, bold=bold)


def row(decision: Decision, hypothesis: str, analysis: str, table: str = "multiverse") -> pd.Series:
    """One row of the multiverse, or of the sensitivity table."""
    rows = decision.tables[table]
    found = rows[(rows["hypothesis"] == hypothesis) & (rows["analysis"] == analysis)]
    assert len(found) == 1, sorted(rows["analysis"].unique())
    return found.iloc[0]


def multiverse(
    plan: Plan, table: MeasureTable, bold: Beside, people: pd.DataFrame | None = None
) -> dict[str, dict[str, object]]:
    """The analyses of a plan's first hypothesis by name, without the rest of a decision."""
    item = expand(plan)[0]
    question = ask(plan, item, table, people)
    evidence = MODELS[model_of(plan, item.hypothesis)](question)
    bound = bound_of(plan, item.hypothesis)
    case = Case(item, question, evidence, bound.value if bound else None, None)
    return {str(found["analysis"]): found for found in multiverse_rows(plan, [case], bold, people)}
