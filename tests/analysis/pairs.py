"""Simulated people who judge pairs of clips, and plans that speak of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from protocols.plan.reading import Promise, parse_plan
from tests.analysis.data_sets import DataSet, Trial

PAIR_COLUMNS = ("trial", "trial_type", "arm", "pair_id", "scene", "response", "response_time", "phase")
REST: dict[str, Any] = {
    "plan": "pairs", "schema": 1, "title": "Pairs", "question": "Do they see a difference?",
    "groups": {"child": {"n_planned": 12}, "adult": {"n_planned": 12}},
    "conditions": {"live": {"role": "reference"}, "ai": {"role": "contrast"},
                   "cartoon": {"role": "positive_control"}},
    "stimuli": {"set": "clips", "pairs": 48, "seconds": 4.0},
    "families": {"main": {"claim": "each"}},
    "decision": {"deciding_model": "by_person", "seed": 1},
}  # fmt: skip
STATISTIC = {"same_different": "dprime_same_different", "pair_comparison": "dprime_forced_choice"}


def plan_of(paradigm: str, rule: str | None = "differencing", **changes: Any) -> dict[str, Any]:
    """A plan that asks whether each group sees a difference; `changes` go into its measure, or replace its parts."""
    differs = paradigm == "same_different"
    measure: dict[str, Any] = {
        "level": "conscious", "statistic": STATISTIC[paradigm], "session": "pairs",
        "control": {"trials": "catch_trials", "minimum": 0.5},
    }  # fmt: skip
    if not differs:
        measure["bound"] = {"value": 0.5, "unit": "dprime", "because": "small"}
    asks = {
        "measure": "tells",
        "asks": "difference" if differs else "both",
        "family": "main",
        "condition": "ai",
    }
    session = {"name": "pairs", "modality": "beh", "paradigm": paradigm, "conditions": ["live", "ai"],
               "catch_trials": {"contrast": ["live", "cartoon"], "n": 12}}  # fmt: skip
    plan = {
        **REST, "sessions": [session], "measures": {"tells": measure},
        "hypotheses": {"L": {**asks, "effect": "level", "group": ["child", "adult"]},
                       "G": {**asks, "effect": "group"}},
        **({"analysis": {"beh": {"same_different_rule": rule}}} if differs and rule else {}),
    }  # fmt: skip
    for name, value in changes.items():
        if name in ("statistic", "bound", "control", "session", "measured_elsewhere"):
            measure[name] = value
        else:
            plan[name] = value
    return plan


def promised(*args: Any, **changes: Any) -> Promise:
    return parse_plan(json.dumps(plan_of(*args, **changes)), "pairs.plan.yaml")


def same_different(
    random: np.random.Generator, dprimes: Mapping[str, float], rule: str, n: int = 24, k: float = 1.4
) -> list[Trial]:
    """n different and n same pairs of every version, judged by an observer with the rule.

    Half of the same pairs are those of the reference, which all versions share and which are judged as the first one's.
    Every clip is a normal observation; the version's mean lies d' higher.
    """
    trials: list[Trial] = []
    for k_arm, (arm, d) in enumerate(dprimes.items()):
        kinds = [("different", arm)] * n + [("same", arm)] * (n // 2)
        for i, (kind, shown) in enumerate(kinds + ([] if k_arm else [("same", "live")] * (n - n // 2))):
            means = {"different": (0.0, d), "same": (d, d) if shown == arm else (0.0, 0.0)}[kind]
            x, y = random.normal(means)
            if rule == "differencing":
                differ = abs(x - y) > k
            else:
                alike = np.exp(-(x**2 + y**2) / 2) + np.exp(-((x - d) ** 2 + (y - d) ** 2) / 2)
                mixed = np.exp(-(x**2 + (y - d) ** 2) / 2) + np.exp(-((x - d) ** 2 + y**2) / 2)
                differ = mixed > alike if d else random.random() < 0.5
            trials.append(_trial(arm, i, kind, shown, "different" if differ else "same"))
    return _in_order(random, trials)


def forced_choice(
    random: np.random.Generator, dprimes: Mapping[str, float], bias: float = 0.0, n: int = 48
) -> list[Trial]:
    """n pairs of every version; `bias` is added to the second, or right, observation."""
    trials: list[Trial] = []
    for arm, d in dprimes.items():
        for i in range(n):
            side = "right" if i % 2 else "left"
            left, right = random.normal((d, 0.0) if side == "left" else (0.0, d))
            trials.append(_trial(arm, i, side, arm, "left" if left > right + bias else "right"))
    return _in_order(random, trials)


def _trial(arm: str, i: int, kind: str, shown: str, said: str) -> Trial:
    return {"trial_type": kind, "arm": shown, "pair_id": f"{arm}{i}", "scene": f"{arm}{i}", "response": said,
            "response_time": 1.0 + i % 7 / 10, "phase": "catch" if arm == "cartoon" else "main"}  # fmt: skip


def _in_order(random: np.random.Generator, trials: list[Trial]) -> list[Trial]:
    shuffled = [trials[i] for i in random.permutation(len(trials))]
    return [{**trial, "trial": place} for place, trial in enumerate(shuffled, start=1)]


def data_set(folder: Path, paradigm: str, make: Any, people: int = 12) -> DataSet:
    """So many children and adults; `make(group, person)` gives a person's trials."""
    study = DataSet(folder)
    task = paradigm.replace("_", "")
    for group in ("child", "adult"):
        for i in range(people):
            study.add(f"{group[0]}{i:02}", group, make(group, i), task=task, columns=PAIR_COLUMNS)
    study.describe()
    return study
