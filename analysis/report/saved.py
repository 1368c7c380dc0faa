"""What the report is made of: the saved files of an analysis, read back and checked to belong together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from analysis.evidence.verdict import HypothesisRecord, Verdict
from protocols.base.errors import BazinError, InputError, fail, listed
from protocols.base.files import read_json, read_text
from protocols.base.tables import read_frame
from protocols.plan.expanding import Expanded, expand
from protocols.plan.promises import Plan
from protocols.plan.reading import parse_plan, plan_sha256

WAY_OUT = "run bazin analyse OUT OUT group"
NUMERIC: dict[str, tuple[str, ...]] = {
    "people": ("first", "second", "effect", "n_first", "n_second", "included"),
    "controls": ("minimum", "n_people", "estimate", "se", "df", "lower_limit"),
    "flow": (
        "planned",
        "recruited",
        "started",
        "with_rows",
        "with_usable_rows",
        "analysed",
        "rows",
        "rows_usable",
    ),
    "exclusions": ("people", "rows"),
    "detection": (
        "people",
        "trials",
        "says_ai_reference",
        "says_ai_compared",
        "dprime",
        "dprime_sd",
        "dprime_se",
        "criterion",
        "percent_correct",
    ),
    "lapses": ("people", "trials", "errors", "lapse", "low", "high", "upper_limit", "level"),
    "models": ("value", "se", "df"),
    "reductions": ("place", "converged", "singular"),
    "spread": ("sd", "bound", "root", "p", "upper_limit", "level", "below"),
    "scenes": ("first", "second", "effect", "n_first", "n_second"),
    "sensitivity": ("estimate", "se", "df", "low", "high", "p", "n"),
    "bayes": ("bf10", "bf01"),
    "second_opinion": ("t", "df", "p", "our_t", "our_df", "our_p", "agrees"),
}
"""The result tables the report reads, with their columns of numbers."""


class Source(BaseModel):
    """An input file of the analysis."""

    file: str
    sha256: str = "n/a"


class Run(BaseModel):
    """``logs/run.json``: how the analysis ran."""

    model_config = ConfigDict(extra="ignore")

    command: str = ""
    versions: dict[str, str] = {}
    python: str = ""
    system: str = ""
    blinded: bool = False
    simulated: bool = False
    warnings: list[str] = []
    errors: list[str] = []
    generated: str = ""
    sources: list[Source] = []


@dataclass(frozen=True)
class Study:
    """Everything saved of one analysis.

    Attributes
    ----------
    tables
        Result tables by name; the optional ones that were not saved are absent.
    sidecars
        Sidecars of the measure tables by measure, as far as they were saved.
    run
        How the analysis ran, or None if that was not saved.
    """

    verdict: Verdict
    plan: Plan
    tables: dict[str, pd.DataFrame]
    sidecars: dict[str, dict[str, Any]]
    run: Run | None

    @cached_property
    def items(self) -> dict[str, Expanded]:
        """The plan's hypotheses by the verdict's ids."""
        return {item.id: item for item in expand(self.plan)}

    @property
    def blinded(self) -> bool:
        """Whether the arms' labels were shuffled."""
        return self.verdict.blinded or bool(self.run and self.run.blinded)

    @property
    def simulated(self) -> list[str]:
        """Measures whose values were made by a computer, not by people."""
        marked = [name for name, sidecar in sorted(self.sidecars.items()) if sidecar.get("Simulated") is True]
        return marked or (list(self.plan.measures) if self.run and self.run.simulated else [])

    def rows_of(self, table: str, hypothesis: str) -> pd.DataFrame | None:
        """A result table's rows of one hypothesis; None if the table was not saved."""
        frame = self.tables.get(table)
        return None if frame is None else frame[frame["hypothesis"] == hypothesis]

    def bootstrapped(self, record: HypothesisRecord) -> bool:
        """Whether p-values and intervals come from studies drawn from the fitted model."""
        return record.estimate is not None and record.df is None

    def people_of(self, record: HypothesisRecord) -> pd.DataFrame:
        """The people a hypothesis' test used: ``participant_id, group, first, second, effect``."""
        rows = self.rows_of("people", record.id)
        assert rows is not None  # the people table is required
        return rows[rows["included"] == 1]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows, each by column."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def read_study(out: Path) -> Study:
    """Read the saved files of an analysis.

    Raises
    ------
    InputError
        If a required file (``verdict.json``, ``plan.json``, ``results/people.tsv``) is missing or broken, or they do
        not belong together.
    """
    try:
        verdict = Verdict.model_validate(read_json(out / "verdict.json"))
        promise = parse_plan(read_text(out / "plan.json"), "plan.json")
        tables = {
            name: read_frame(out / "results" / f"{name}.tsv", numeric=columns)
            for name, columns in NUMERIC.items()
            if name == "people" or (out / "results" / f"{name}.tsv").exists()
        }
    except ValidationError as error:
        raise fail(
            InputError, str(out / "verdict.json"), "is not a whole verdict",
            got=f"{error.error_count()} faults, the first at {'.'.join(map(str, error.errors()[0]['loc']))}",
            way_out=WAY_OUT,
        ) from error  # fmt: skip
    except BazinError as error:
        first = error.faults[0]
        where = str(first.item) if str(out) in str(first.item) else f"{out / 'plan.json'}: {first.item}"
        raise fail(InputError, where, first.problem, got=first.got, way_out=WAY_OUT) from error
    study = Study(verdict, promise.plan, tables, _sidecars(out), _run(out))
    _check_together(study, plan_sha256(study.plan), out)
    return study


def _sidecars(out: Path) -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted((out / "measures").glob("measure-*.json")):
        document = read_json(path)
        if isinstance(document, dict):
            found[path.stem.removeprefix("measure-")] = document
    return found


def _run(out: Path) -> Run | None:
    path = out / "logs" / "run.json"
    if not path.exists():
        return None
    try:
        return Run.model_validate(read_json(path))
    except ValidationError as error:
        raise fail(InputError, str(path), "is not a record of a run", way_out=WAY_OUT) from error


def _check_together(study: Study, digest: str, out: Path) -> None:
    """A verdict of one run shown with the people or the plan of another would be a quiet lie."""
    verdict = study.verdict
    if verdict.plan.sha256 != digest:
        raise fail(
            InputError, str(out / "verdict.json"), "was computed from another plan than plan.json",
            got=f"{verdict.plan.sha256[:12]}…", accepted=f"{digest[:12]}…", way_out=WAY_OUT,
        )  # fmt: skip
    ids = [record.id for record in verdict.hypotheses]
    if sorted(ids) != sorted(study.items):
        raise fail(
            InputError, str(out / "verdict.json"), "does not hold the plan's hypotheses",
            got=listed(ids), accepted=listed(study.items), way_out=WAY_OUT,
        )  # fmt: skip
    needed = {"hypothesis", "participant_id", "group", *NUMERIC["people"]} - set(
        study.tables["people"].columns
    )
    strangers = [] if needed else sorted(set(study.tables["people"]["hypothesis"]) - set(ids))
    if needed or strangers:
        raise fail(
            InputError, str(out / "results" / "people.tsv"), "does not belong to verdict.json",
            got=f"no column {listed(sorted(needed))}" if needed else f"hypotheses {listed(strangers)}", way_out=WAY_OUT,
        )  # fmt: skip
