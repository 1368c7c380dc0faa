"""A small study whose every number is known: the plan, and measure tables with the effects one asks for."""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from analysis.evidence.decide import Decision, decide
from analysis.evidence.verdict import HypothesisRecord
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise, parse_plan

GROUPS = ("child", "adult")
ARMS = ("live", "ai", "codec_control", "cartoon")
BOUND = 0.5

STUDY: dict[str, Any] = {
    "plan": "small",
    "schema": 1,
    "title": "A small study",
    "question": "Does it hold?",
    "groups": {
        "child": {"n_planned": 20, "label": "children"},
        "adult": {"n_planned": 20, "label": "adults"},
    },
    "conditions": {
        "live": {"role": "reference"},
        "ai": {"role": "contrast"},
        "codec_control": {"role": "codec_control"},
        "cartoon": {"role": "positive_control"},
    },
    "measures": {
        "says": {
            "level": "conscious",
            "statistic": "rating",
            "bound": {"value": BOUND, "unit": "points", "because": "half a point"},
            "control": {"contrast": ["live", "cartoon"], "minimum": 1.0},
        },
        "roi": {
            "level": "neural",
            "statistic": "amplitude",
            "bound": {"value": BOUND, "unit": "microvolt", "because": "half a microvolt"},
            "control": {"contrast": ["fixation", "all_clips"], "minimum": 0.5},
        },
    },
    "hypotheses": {
        "S": {
            "measure": "says",
            "contrast": ["live", "ai"],
            "group": ["child", "adult"],
            "family": "conscious",
        },
        "N": {"measure": "roi", "contrast": ["live", "ai"], "group": ["child", "adult"], "family": "neural"},
    },
    "families": {"conscious": {"claim": "each"}, "neural": {"claim": "each"}},
    "decision": {"deciding_model": "by_person", "seed": 1},
}
for _hypothesis in STUDY["hypotheses"].values():
    _hypothesis |= {"effect": "condition", "asks": "both"}

SIZE = {
    "none": (0.0, 0.3),
    "large": (1.5, 0.3),
    "small": (0.3, 0.3),
    "at_bound": (0.5, 0.3),
    "unclear": (0.0, 3.0),
}
"""Mean and SD over 20 people that lead to equivalent, different, trivial, different of unknown size, undecided."""


class Lab:
    """Builds plans and tables, and decides them."""

    @staticmethod
    def promise(changes: Mapping[str, Any] | None = None) -> Promise:
        """The small study's plan, changed at dotted paths; None takes a field away."""
        document = copy.deepcopy(STUDY)
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            part = document
            for key in parents:
                part = part.setdefault(key, {})
            if value is None:
                part.pop(last, None)
            else:
                part[last] = value
        return parse_plan(json.dumps(document), "small.plan.yaml")

    def plan(self, changes: Mapping[str, Any] | None = None) -> Plan:
        """See `promise`."""
        return self.promise(changes).plan

    @staticmethod
    def spread(n: int, mean: float, sd: float) -> np.ndarray:
        """n values with exactly this mean and SD, normal in shape, in no particular order."""
        z = ndtri((np.arange(1, n + 1) - 0.5) / n)
        z = z[np.random.default_rng(n).permutation(n)]
        return mean + sd * (z - z.mean()) / z.std(ddof=1)

    @staticmethod
    def rows(values: Mapping[str, Mapping[str, np.ndarray]], *, offset: int = 0) -> pd.DataFrame:
        """Rows of a table from values (people x scenes) by group and condition."""
        found, number = [], offset
        for group, conditions in values.items():
            first = next(iter(conditions.values()))
            for person in range(len(first)):
                number += 1
                for condition, array in conditions.items():
                    for scene, value in enumerate(array[person], start=1):
                        found.append((f"sub-{number:03d}", group, condition, f"scene{scene:02d}", value))
        columns = ["participant_id", "group", "condition", "scene", "value"]
        return pd.DataFrame(found, columns=columns)

    @staticmethod
    def table(plan: Plan, measure: str, rows: pd.DataFrame) -> MeasureTable:
        """A measure table of the plan from rows."""
        return MeasureTable(measure, tidy(rows), sidecar_for(plan.measures[measure]))

    def measured(
        self,
        plan: Plan,
        measure: str,
        effects: Mapping[str, np.ndarray | str | tuple[float, float]],
        *,
        n: int = 20,
        scenes: int = 4,
        level: float = 2.0,
        control: float = 3.0,
        codec: float = 0.0,
    ) -> MeasureTable:
        """A table whose people have exactly these effects of ai - live, a known control and scenes that differ."""
        values: dict[str, dict[str, np.ndarray]] = {}
        for group, asked in effects.items():
            size = SIZE[asked] if isinstance(asked, str) else asked
            effect = self.spread(n, *size) if isinstance(size, tuple) else np.asarray(size, dtype=float)
            people = len(effect)
            random = np.random.default_rng(people)
            base = level + self.spread(people, 0.0, 0.2)[:, None] + np.linspace(-0.4, 0.4, scenes)
            noise = random.normal(0, 0.3, (people, scenes)) if scenes > 1 else np.zeros((people, 1))
            noise -= noise.mean(axis=1, keepdims=True)
            other = self.spread(people, 0.0, 0.1)[:, None]
            values[group] = {
                "live": base,
                "ai": base + effect[:, None] + noise,
                "codec_control": base + codec + other + noise[:, ::-1],
                "cartoon": base + control - other,
            }
        return self.table(plan, measure, self.rows(values))

    def tables(
        self,
        plan: Plan,
        says: str | tuple[float, float] = "none",
        roi: str | tuple[float, float] = "none",
        **more: Any,
    ) -> dict[str, MeasureTable]:
        """Both measures, the same effect in both groups."""
        return {
            name: self.measured(plan, name, dict.fromkeys(plan.groups, size), **more)
            for name, size in (("says", says), ("roi", roi))
        }

    @staticmethod
    def decide(
        promise: Promise | Plan, tables: Mapping[str, MeasureTable], people: pd.DataFrame | None = None
    ) -> Decision:
        """Decide a study."""
        plan = promise.plan if isinstance(promise, Promise) else promise
        return decide(plan, "0" * 64, tables, people)

    def outcomes(
        self, plan: Plan, tables: Mapping[str, MeasureTable], people: pd.DataFrame | None = None
    ) -> dict[str, str]:
        """Outcome by hypothesis."""
        return {h.id: h.outcome for h in self.decide(plan, tables, people).verdict.hypotheses}


@pytest.fixture(scope="session")
def lab() -> Lab:
    """Builds plans and tables, and decides them."""
    return Lab()


def record(decision: Decision, name: str) -> HypothesisRecord:
    """One hypothesis of a decision."""
    return next(h for h in decision.verdict.hypotheses if h.id == name)


@pytest.fixture(scope="session")
def record_of() -> Any:
    """One hypothesis of a decision, by its id."""
    return record


@pytest.fixture(scope="session")
def numbers_of() -> Any:
    """The columns of a hypothesis that hold its numbers."""

    def numbers(decision: Decision, name: str, fields: Sequence[str]) -> list[float]:
        return [getattr(record(decision, name), field) for field in fields]

    return numbers
