"""A small raw BIDS data set of judgments, as a session leaves it, and a plan that speaks of it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.running import Outcome, run_participant
from protocols.base.tables import read_frame, table_text
from protocols.plan.reading import Promise, parse_plan

Trial = dict[str, Any]
COLUMNS = (
    "trial",
    "stim_file",
    "scene",
    "arm",
    "response",
    "response_time",
    "confidence",
    "correct",
    "phase",
)

PLAN: dict[str, Any] = {
    "plan": "judge", "schema": 1, "title": "Judgments", "question": "Can they tell?",
    "groups": {"child": {"n_planned": 3}, "adult": {"n_planned": 3}},
    "conditions": {"live": {"role": "reference"}, "ai": {"role": "contrast"},
                   "cartoon": {"role": "positive_control"}},
    "stimuli": {"set": "clips", "pairs": 12, "seconds": 4.0},
    "sessions": [{"name": "judge", "modality": "beh", "paradigm": "detection", "conditions": ["live", "ai"],
                  "catch_trials": {"contrast": ["live", "cartoon"], "n": 4}}],
    "measures": {
        "sees": {"level": "conscious", "statistic": "dprime_per_person", "session": "judge",
                 "bound": {"value": 0.5, "unit": "dprime", "because": "small"},
                 "control": {"trials": "catch_trials", "minimum": 0.1}},
        "slow": {"level": "conscious", "statistic": "log_response_time", "session": "judge"},
    },
    "hypotheses": {
        "H": {"measure": "sees", "effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"],
              "asks": "both", "family": "main"},
        "T": {"measure": "slow", "effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"],
              "asks": "difference", "exploratory": True},
    },
    "families": {"main": {"claim": "each"}},
    "decision": {"deciding_model": "by_person", "seed": 1},
}  # fmt: skip


def promise_of(*, session: dict[str, Any] | None = None, **changes: Any) -> Promise:
    """The plan with top-level parts replaced, and more in its session."""
    plan = {**PLAN, "sessions": [{**PLAN["sessions"][0], **(session or {})}], **changes}
    return parse_plan(json.dumps(plan), "judge.plan.yaml")


def judged(person: int = 0, n: int = 12) -> list[Trial]:
    """n scenes in both versions, most judged rightly, and four catch trials; alternating answers."""
    trials: list[Trial] = []
    for i in range(n):
        for arm in ("live", "ai"):
            wrong = (i + person) % 5 == 0
            said = {"live": "camera", "ai": "computer"}["ai" if (arm == "ai") != wrong else "live"]
            trials.append(
                {
                    "stim_file": f"s{i}_{arm}.mp4",
                    "scene": f"s{i}",
                    "arm": arm,
                    "response": said,
                    "phase": "main",
                }
            )
    for i in range(4):
        arm = "cartoon" if i % 2 else "live"
        said = "computer" if i % 2 else "camera"
        clip = {"stim_file": f"c{i}.mp4", "scene": f"c{i}", "arm": arm, "response": said, "phase": "catch"}
        trials.insert(5 * i + 3, clip)
    for i, trial in enumerate(trials):
        trial |= {"trial": i + 1, "response_time": 0.8 + 0.1 * ((i + person) % 7), "confidence": 1 + i % 4}
    return trials


def asked(phase: str, right: int, n: int, first: int = 101) -> list[Trial]:
    """Trials with a known answer, the first of them right."""
    return [{"trial": first + i, "phase": phase, "arm": "live", "response": "camera" if i < right else "computer",
             "correct": int(i < right), "response_time": 1.0} for i in range(n)]  # fmt: skip


@dataclass
class DataSet:
    """A folder with `sub-*/beh`; people are in the order of their groups."""

    folder: Path
    groups: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        code: str,
        group: str | None,
        trials: Sequence[Trial],
        *,
        task: str = "detection",
        columns: Any = COLUMNS,
    ) -> Path:
        """One person's file."""
        if group:
            self.groups[code] = group
        path = self.folder / f"sub-{code}" / "beh" / f"sub-{code}_task-{task}_beh.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(table_text(columns, [[t.get(name) for name in columns] for t in trials]), "utf-8")
        self.people()
        return path

    def people(self, **columns: Callable[[int], Any]) -> None:
        """Write participants.tsv, with more columns."""
        rows = [[f"sub-{code}", group, *(make(i) for make in columns.values())]
                for i, (code, group) in enumerate(self.groups.items())]  # fmt: skip
        (self.folder / "participants.tsv").write_text(
            table_text(["participant_id", "group", *columns], rows), "utf-8"
        )

    def fill(self, more: Callable[[int], Sequence[Trial]] = lambda _: ()) -> "DataSet":
        """Three children and three adults, each with `more` trials."""
        for i in range(6):
            self.add(f"{'k' if i < 3 else 'a'}{i}", "child" if i < 3 else "adult", [*judged(i), *more(i)])
        self.describe()
        return self

    def describe(self) -> None:
        document = {"Name": "judgments", "BIDSVersion": "1.11.1", "DatasetType": "raw"}
        (self.folder / "dataset_description.json").write_text(json.dumps(document))

    @property
    def out(self) -> Path:
        return self.folder / "derivatives" / "bazin"

    def analyse(self, promise: Promise, *labels: str) -> tuple[Outcome, list[str]]:
        """The participant level; its outcome and what it said."""
        lines: list[str] = []
        return run_participant(self.folder, self.out, promise, labels, say=lines.append), lines

    def table(self, measure: str = "sees", kind: str = "measure") -> Any:
        return read_frame(self.out / "measures" / f"{kind}-{measure}.tsv")

    def left_out(self, measure: str = "sees") -> dict[str, set[str]]:
        """Reasons by person, of people who have no usable row, apart from those of single trials."""
        rows = self.table(measure)
        found: dict[str, set[str]] = {}
        for code, own in rows.groupby("participant_id"):
            if not (own["included"] == "1").any():
                reasons = set(own["reason"]) - {"training", "attention trial"}
                found[code.removeprefix("sub-")] = reasons
        return found
