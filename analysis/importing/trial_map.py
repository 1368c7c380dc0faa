"""The map of ``bazin import trials``: which column is what, what each stimulus truly is, what an answer means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from analysis.importing.mapping import SharedColumns, TableMap, read_map
from protocols.base.errors import Fault, InputError, listed
from protocols.document import Document, Path_
from protocols.plan.fields import Identifier, Part, Sentence, declare

ITEM = "{item}"
"""In a wide table's column names: each stimulus in turn."""
LABELS = (
    "session", "task", "run", "trial", "item", "stim_file", "pair_id", "arm", "scene", "trial_type",
    "response", "phase",
)  # fmt: skip
PRESENTATION = Literal[
    "OperatingSystem", "ScreenDistance", "ScreenOrigin", "ScreenRefreshRate", "ScreenResolution", "ScreenSize",
    "SoftwareName", "SoftwareRRID", "SoftwareVersion", "Code", "HeadStabilization",
]  # fmt: skip
OURS = (*LABELS, "response_time", "confidence", "correct", "exposure_count", "twin_seen_before", "lag",
        "unusable_reason", "participant_id", "group", "age")  # fmt: skip
"""Names no scale and no category may take."""


class TrialColumns(SharedColumns):
    """Our name: the column of the file that holds it; in a wide table with ``{item}`` for the stimulus."""

    task: Sentence | None = declare("column with the task", None)
    item: Sentence | None = declare("column with the stimulus, as the table names it", None)
    stim_file: Sentence | None = declare("column with the stimulus' file", None)
    arm: Sentence | None = declare("column with the truth about the stimulus: live, ai, …", None)
    trial_type: Sentence | None = declare("column with the kind of trial; the arm if absent", None)
    response: Sentence | None = declare("column with the answer", None)
    confidence: Sentence | None = declare("column with how sure the person was", None)
    phase: Sentence | None = declare("column with the phase: training, main, catch", None)


class ResponseTime(Part):
    """The time from the question to the answer."""

    column: Sentence = declare("column with the response time")
    unit: Literal["s", "ms"] = declare("what it counts")


class Slider(Part):
    """An answer given on a scale between two answers."""

    column: Sentence = declare("column with the slider's position")
    cut: float = declare("the position between the two answers", 0.0)
    above: Identifier = declare("answer above the cut")
    below: Identifier = declare("answer below it")
    at: Identifier | None = declare("answer exactly at the cut; none if absent", None)


class Stimulus(Part):
    """What one stimulus is."""

    arm: Identifier | None = declare("the truth about it: live, ai, …", None)
    scene: Sentence | None = declare("scene it shows; its own name if absent", None)
    pair_id: Sentence | None = declare("pair it belongs to", None)
    stim_file: Sentence | None = declare("its file, below stimuli/", None)


class DataSet(Part):
    """What the data set's description says."""

    name: Sentence | None = declare("title of the data set; the source's name if absent", None)
    authors: tuple[Sentence, ...] = declare("who made the data", ())
    license: Sentence | None = declare("license of the data", None)
    references: tuple[Sentence, ...] = declare("papers and addresses the data come from", ())


class TrialMap(TableMap):
    """The map of ``bazin import trials``."""

    labels: ClassVar[tuple[str, ...]] = LABELS
    values: ClassVar[tuple[str, ...]] = ("confidence",)

    columns: TrialColumns = declare("our name: the file's column")
    response_time: ResponseTime | None = declare("response time with its unit", None)
    slider: Slider | None = declare("answers given on a slider, instead of columns.response", None)
    scales: dict[Identifier, Sentence] | None = declare("ratings: {beauty: column}", None)
    categories: dict[Identifier, Sentence] | None = declare(
        "what people are besides their group, in words: {age_band: column}", None
    )
    stimuli: dict[str, Stimulus] | None = declare("{item: {arm: ai, scene: kitchen, pair_id: p07}}", None)
    right_answer: dict[Identifier, Identifier] | Literal["none", "trial_type"] | None = declare(
        "answer that is right for an arm, where it is not the arm's name; 'trial_type' of pairs; 'none' where none is",
        None,
    )
    order: Literal["file"] | None = declare(
        "'file' if the rows stand in the order in which the trials were shown", None
    )
    describe: dict[Identifier, Sentence] | None = declare("what a column of ours holds, in a sentence", None)
    presentation: dict[PRESENTATION, str | float | tuple[float, ...]] | None = declare(
        "what the stimuli were shown with (BIDS StimulusPresentation), as far as known", None
    )
    dataset: DataSet = declare("what the data set's description says", DataSet())

    @property
    def texts(self) -> tuple[str, ...]:
        """Our columns that hold words, which can be recoded."""
        return (*self.labels, *(self.categories or {}))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Our columns that hold numbers, which can be recoded."""
        return (*super().numbers, *(self.scales or {}))

    @cached_property
    def by_trial(self) -> dict[str, tuple[str, Path_]]:
        """Columns that belong to a trial, with their place in the map: they may hold ``{item}``."""
        found: dict[str, tuple[str, Path_]] = {
            name: (column, ("columns", name))
            for name in TrialColumns.model_fields
            if name != "participant_id" and (column := getattr(self.columns, name)) is not None
        }
        if self.response_time is not None:
            found["response_time"] = (self.response_time.column, ("response_time", "column"))
        if self.slider is not None:
            found["slider"] = (self.slider.column, ("slider", "column"))
        for name, column in (self.scales or {}).items():
            found[name] = (column, ("scales", name))
        return found

    @cached_property
    def is_wide(self) -> bool:
        """Whether one row holds a person's answers to several stimuli."""
        return any(ITEM in column for column, _ in self.by_trial.values())

    def used_columns(self) -> Iterator[tuple[str, Path_]]:
        """Every column of the file the map names, with the place in the map."""
        named = [(self.columns.participant_id, ("columns", "participant_id")), *self.by_trial.values()]
        for column, place in named:
            for item in self.stimuli or {} if ITEM in column else ("",):
                yield column.replace(ITEM, item), place
        for column, place in super().used_columns():
            if place[0] != "columns":
                yield column, place
        for name, column in (self.categories or {}).items():
            yield column, ("categories", name)

    def of_item(self, item: str) -> TrialMap:
        """The map of one stimulus of a wide table: its columns by their names."""

        def named(column: str) -> str:
            return column.replace(ITEM, item)

        columns = self.columns.model_copy(
            update={
                name: named(column)
                for name in TrialColumns.model_fields
                if (column := getattr(self.columns, name)) is not None
            }
        )
        changed: dict[str, Any] = {"columns": columns}
        for part in ("response_time", "slider"):
            if (given := getattr(self, part)) is not None:
                changed[part] = given.model_copy(update={"column": named(given.column)})
        if self.scales:
            changed["scales"] = {name: named(column) for name, column in self.scales.items()}
        copy = self.model_copy(update=changed)
        for kept in ("by_trial", "is_wide"):
            copy.__dict__.pop(kept, None)
        return copy


def read_trial_map(file: Path) -> tuple[TrialMap, Document]:
    """Read the map and check what can be checked without the table.

    Raises
    ------
    InputError
        With every fault, each with its line and column.
    """
    how, document = read_map(TrialMap, file)
    faults = [*_answer_faults(how, document), *_name_faults(how, document), *_wide_faults(how, document)]
    if faults:
        raise InputError(faults)
    return how, document


def _answer_faults(how: TrialMap, document: Document) -> Iterator[Fault]:
    constant: Mapping[str, Any] = how.constant or {}
    if how.columns.response is not None and how.slider is not None:
        yield document.fault(
            ("slider",), "and 'columns.response' cannot both say what was answered", at_key=True
        )
    if how.columns.response is None and how.slider is None and not how.scales:
        yield document.fault(
            ("columns",),
            "does not say what was answered",
            at_key=True,
            accepted="columns.response, slider, or scales",
        )
    stated = how.columns.arm is not None or "arm" in constant
    if not stated and not any(stimulus.arm for stimulus in (how.stimuli or {}).values()):
        yield document.fault(
            ("columns",),
            "does not say what the stimuli truly are",
            at_key=True,
            accepted="columns.arm, arms in 'stimuli', or constant.arm",
            way_out="write 'stimuli: {clip07: {arm: ai}}' with every stimulus, if the table does not say it",
        )
    if how.columns.task is None and "task" not in constant:
        yield document.fault(
            ("columns",),
            "does not say which task the trials are of",
            at_key=True,
            way_out="add 'constant: {task: detection}'",
        )
    if how.stimuli and how.columns.item is None and not how.is_wide:
        yield document.fault(("stimuli",), "needs the column with the stimulus (columns.item)", at_key=True)


def _name_faults(how: TrialMap, document: Document) -> Iterator[Fault]:
    for part in ("scales", "categories", "people"):
        for name in getattr(how, part) or {}:
            if name in OURS or name == "age_months":
                yield document.fault(
                    (part, name), "is a name of ours", at_key=True, way_out="choose another name"
                )
    twice = set(how.categories or {}) & set(how.people or {})
    for name in sorted(twice):
        yield document.fault(("categories", name), "stands in 'people' as well", at_key=True)
    known = {*OURS, *(how.scales or {}), *(how.categories or {}), *(how.people or {})}
    for name in how.describe or {}:
        if name not in known:
            yield document.fault(("describe", name), "is not a column of the data set", at_key=True)
    for name in how.categories or {}:
        if re.search(r"birth|dob|geburt|naiss|nacim|出生", str((how.categories or {})[name]), re.IGNORECASE):
            yield document.fault(("categories", name), "is a birth date", way_out="give age bands")


def _wide_faults(how: TrialMap, document: Document) -> Iterator[Fault]:
    if not how.is_wide:
        return
    if not how.stimuli:
        yield document.fault(
            ("columns",),
            f"holds {ITEM}, and nothing says which stimuli there are",
            at_key=True,
            way_out="add 'stimuli: {clip07: {arm: ai}}' with every stimulus",
        )
    if how.columns.item is not None or how.order is not None:
        name: Path_ = ("columns", "item") if how.columns.item is not None else ("order",)
        yield document.fault(name, f"has no meaning where columns hold {ITEM}", at_key=True)
    answered = [name for name in ("response", "slider", *(how.scales or {})) if name in how.by_trial]
    plain = [name for name in answered if ITEM not in how.by_trial[name][0]]
    if plain:
        yield document.fault(
            how.by_trial[plain[0]][1], f"has no {ITEM} while others have it", got=listed(plain)
        )
    if ITEM in how.columns.participant_id:
        yield document.fault(("columns", "participant_id"), f"belongs to the row and cannot hold {ITEM}")
