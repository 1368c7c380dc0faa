"""A folder of measure tables as an import leaves it, small enough to decide in a moment."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.measures.table import MeasureTable, sidecar_for, tidy, write_measure
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise, parse_plan

STUDY: dict[str, Any] = {
    "plan": "small", "schema": 1, "title": "A small study", "question": "Does it hold?",
    "groups": {"child": {"n_planned": 8}, "adult": {"n_planned": 8}},
    "conditions": {"live": {"role": "reference"}, "ai": {"role": "contrast"}, "cartoon": {"role": "positive_control"}},
    "measures": {
        name: {
            "level": level, "statistic": "value", "unit": "points",
            "bound": {"value": 0.5, "unit": "points", "because": "half a point"},
            "control": {"contrast": ["live", "cartoon"], "minimum": 1.0},
        }
        for name, level in (("says", "conscious"), ("roi", "neural"))
    },
    "hypotheses": {
        name: {"measure": measure, "effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"],
               "asks": "both", "family": "only"}
        for name, measure in (("S", "says"), ("N", "roi"))
    },
    "families": {"only": {"claim": "each"}},
    "decision": {"deciding_model": "by_person", "seed": 1},
}  # fmt: skip


def make_promise(**changes: Any) -> Promise:
    """The small study's plan with top-level parts replaced."""
    return parse_plan(json.dumps({**STUDY, **changes}), "small.plan.yaml")


def make_table(plan: Plan, measure: str, effect: float = 0.0) -> MeasureTable:
    """Eight people per group, three scenes, an effect with some noise, and a control that passes."""
    rows = [
        (
            f"sub-{group[0]}{person}",
            group,
            condition,
            f"scene{scene}",
            person + scene + shift + noise * (-1) ** person,
        )
        for group in plan.groups
        for person in range(8)
        for condition, shift, noise in (("live", 0.0, 0.0), ("ai", effect, 0.1), ("cartoon", 3.0, 0.2))
        for scene in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["participant_id", "group", "condition", "scene", "value"])
    return MeasureTable(measure, tidy(frame), sidecar_for(plan.measures[measure]))


@pytest.fixture
def promise() -> Promise:
    """The small study's plan."""
    return make_promise()


@pytest.fixture
def imported(tmp_path: Path, promise: Promise) -> Path:
    """A folder with both measure tables."""
    folder = tmp_path / "imported"
    for name in promise.plan.measures:
        write_measure(folder, make_table(promise.plan, name))
    return folder


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report has tests of its own; without it a run takes a moment."""
    monkeypatch.setattr("analysis.report.build_report", lambda out: out / "report.html")


@pytest.fixture(scope="session")
def build() -> Any:
    """The makers of plans and tables."""

    class Build:
        study = STUDY
        promise = staticmethod(make_promise)
        table = staticmethod(make_table)

    return Build
