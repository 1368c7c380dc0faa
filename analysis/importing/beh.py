"""A measure's table from the ``*_beh.tsv`` files of a BIDS data set: choices, ratings and response times by trial."""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.behaviour.measures_of_pairs import DIFFERENT, answer_of, person_rows
from analysis.importing.beh_files import BehFiles, files_of, groups_of, is_simulated
from analysis.importing.trial_order import clip_of, in_order
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from protocols.base.bids import Name, generated_by, label
from protocols.base.errors import Fault, InputError, listed
from protocols.base.tables import read_frame
from protocols.plan.measuring import CHOICES, PAIRS, Measure
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise

SAYS_AI = ("ai", "computer")
SAYS_LIVE = ("live", "camera", "real", "human")
"""Answers that mean the same in every study, besides the names of the plan's conditions."""
TRAINING, ATTENTION, CATCH = "training", "attention", "catch"
"""Phases of a session; any other is its main phase."""
NO_ANSWER, NO_GROUP = "no answer", "no group in participants.tsv"
STEP = "measure_from_beh"
Row = dict[str, Any]


@dataclass(frozen=True)
class BehTrials:
    """The trials of one measure.

    Attributes
    ----------
    rows
        One dictionary per trial: the columns of the files and those of a measure table. ``value`` is the trial's value,
        ``answer`` the answer given (None without one, or where the measure is no answer), ``reason`` why it cannot be
        used.
    others
        The same of the other tasks of the session, without values.
    files
        What `rows` was read from.
    set_aside
        Files and people that could not be used; the rows of people without a group stay, with their reason.
    """

    rows: list[Row]
    others: list[Row]
    files: BehFiles
    set_aside: list[Fault] = field(default_factory=list)

    def by_person(self) -> dict[str, list[Row]]:
        """The rows of each person."""
        people: defaultdict[str, list[Row]] = defaultdict(list)
        for row in self.rows:
            people[row["participant_id"]].append(row)
        return dict(people)


def measure_from_beh(bids_dir: Path, plan: Promise, measure_id: str) -> MeasureTable:
    """Make one measure's table from a data set's behavioral files.

    Parameters
    ----------
    bids_dir
        A raw BIDS data set: a session's, or what ``bazin import trials`` made.
    plan
        The plan. The measure's session says which files: those of that session (``ses-``), and of its task, which is
        called as the session or as its paradigm.
    measure_id
        A measure of the plan. A statistic made of choices takes ``response``: the value is 1 where the person said
        'AI' (the name of a contrast condition, ``ai``, ``computer``) and 0 where they said 'live' (the name of a
        reference condition, ``live``, ``camera``, ``real``, ``human``). The d' of pairs takes ``response`` and
        ``trial_type`` (see `analysis.behaviour.measures_of_pairs`). ``log_response_time`` takes the logarithm of
        ``response_time`` in seconds. Anything else takes the column that is called as the measure.

    Returns
    -------
    MeasureTable
        One row per trial, or of pairs one per person and compared version; ``condition`` is the truth about the
        stimulus (``arm``), ``clip`` its file or name. Trials
        that cannot be used stay, with ``included`` 0 and their reason: that of the file, training, no answer.
        ``trial_order`` is filled in where the order of a person's trials is known. The sidecar's ``SetAside`` names
        files and people that could not be used. The plan's exclusions are not applied here: see
        `analysis.behaviour.exclusions`.

    Raises
    ------
    InputError
        If there are no such files, several tasks could be meant, or not one file can be used.
    """
    trials = read_trials(bids_dir, plan.plan, measure_id, files_of(bids_dir, plan.plan, measure_id))
    return table_of(trials, bids_dir, plan, measure_id)


def read_trials(bids_dir: Path, plan: Plan, measure_id: str, files: BehFiles) -> BehTrials:
    """Read the trials of a measure; whatever cannot be used is set aside, and the rest goes on.

    Raises
    ------
    InputError
        If there is no table of people, or nothing is left.
    """
    measure = plan.measures[measure_id]
    column = _column(measure, measure_id)
    groups, faults = groups_of(bids_dir)
    rows, more = _rows(files.own, groups, column)
    others, broken = _rows(files.others, groups, None)
    twice = {fault.item for fault in faults}  # they have no group because they have two
    faults = [*files.set_aside, *(fault for fault in (*more, *broken) if fault.item not in twice), *faults]
    if not any(row["group"] for row in rows):
        raise InputError(faults[:10] or Fault(str(bids_dir), "holds no trials", got=f"task '{files.task}'"))
    told = [in_one_line(fault, bids_dir) for fault in faults]
    torn = {match[0] for text in told if (match := re.match(r"sub-[A-Za-z0-9]+", text))}
    _place(
        [row for row in rows if row["participant_id"] not in torn],  # what they saw is not all there
        [session.name for session in plan.sessions],
    )
    words = answers(plan)
    references = references_of(plan)
    for row in rows:
        if measure.statistic in PAIRS:
            row["value"], reason = _of_pair(row, measure, references)
        else:
            row["value"], reason = _value(row, measure, column, words)
        reason = _no_answer_asked(row) or reason
        row["answer"] = _answer(row, measure, words)
        row["reason"] = row["reason"] or reason
        row["included"] = 0.0 if row["reason"] else 1.0
    return BehTrials(rows, others, files, faults)


def table_of(
    trials: BehTrials,
    bids_dir: Path,
    plan: Promise,
    measure_id: str,
    rows: list[Row] | None = None,
    **more: Any,
) -> MeasureTable:
    """The measure table of trials, of pairs that of people (`rows`, if they are known); `more` for its sidecar."""
    measure = plan.plan.measures[measure_id]
    if measure.statistic in PAIRS:
        rows = rows or pairs_by_person(trials, plan.plan, measure_id)
        more = {**_told_of_pairs(plan.plan, measure), **more}
    else:
        rows = trials.rows
    own = trials.files.own
    told = [in_one_line(fault, bids_dir) for fault in trials.set_aside]
    sidecar = sidecar_for(
        measure,
        Description=f"column '{_column(measure, measure_id)}' of {len(own)} behavioral files",
        plan_sha256=plan.sha256,
        GeneratedBy=generated_by(Step=STEP),
        Sources=[f"bids:raw:{path.relative_to(bids_dir).as_posix()}" for path in own],
        **({"SetAside": told} if told else {}),
        **({"Simulated": True} if is_simulated(bids_dir) else {}),
        **more,
    )
    return MeasureTable(measure_id, tidy(pd.DataFrame(rows)), sidecar)


def pairs_by_person(trials: BehTrials, plan: Plan, measure_id: str) -> list[Row]:
    """One d' per person and compared version, after whatever was excluded; see `person_rows`."""
    return person_rows(
        [row for row in trials.rows if row.get("phase") not in (TRAINING, ATTENTION)],
        plan.measures[measure_id].statistic,
        references=references_of(plan),
        rule=plan.analysis.beh.same_different_rule,
        fewest=plan.exclusions.scenes_per_condition,
    )


def references_of(plan: Plan) -> frozenset[str]:
    """The conditions others are compared with."""
    return frozenset(name for name, condition in plan.conditions.items() if condition.role == "reference")


def _told_of_pairs(plan: Plan, measure: Measure) -> dict[str, Any]:
    if measure.statistic != "dprime_same_different":
        return {}
    return {
        "SameDifferentRule": plan.analysis.beh.same_different_rule,
        "FalseAlarms": "answers 'different' to same pairs of the reference and of the compared version",
    }


def in_one_line(fault: Fault, bids_dir: Path) -> str:
    """A fault as a report tells it: without the folder above the data set, which is nobody's business."""
    told = "; ".join(part for part in (f"{fault.item}: {fault.problem}", fault.got, fault.way_out) if part)
    return " ".join(told.replace(f"{bids_dir}{os.sep}", "").split())


def _column(measure: Measure, measure_id: str) -> str:
    if measure.statistic in CHOICES or measure.statistic in PAIRS:
        return "response"
    return "response_time" if measure.statistic == "log_response_time" else measure_id


def _rows(
    files: Iterable[Path], groups: Mapping[str, str], column: str | None
) -> tuple[list[Row], list[Fault]]:
    rows: list[Row] = []
    faults: dict[Fault, None] = {}
    for path in files:
        try:
            frame = read_frame(path, required=("arm",) if column else ())
        except InputError as error:
            faults |= dict.fromkeys(error.faults)
            continue
        names = Name.parse(path.name).entities
        code = f"sub-{names['sub']}"
        if code not in groups:
            faults[Fault(code, "has no group in participants.tsv", way_out="add a row with its group")] = None
        if column is not None and column not in frame:
            way_out = "call the scale as the plan's measure in the import's map ('scales')"
            got = listed(frame.columns, limit=20)
            faults[Fault(str(path), f"has no column '{column}'", got=got, way_out=way_out)] = None
            continue
        if "trial" not in frame:
            frame["trial"] = None
        for i, one in enumerate(frame.to_dict("records")):
            row: Row = {str(name): value for name, value in one.items()}
            row |= {
                "participant_id": code,
                "group": groups.get(code),
                "session": names.get("ses"),
                "task": names["task"],
                "run": names.get("run"),
                "condition": row.get("arm"),
                "clip": row.get("stim_file") or row.get("item") or row.get("clip"),
                "reason": row.get("unusable_reason") or (None if code in groups else NO_GROUP),
                "where": f"{path}:{i + 2}",
            }
            rows.append(row)
    return rows, list(faults)


def _place(rows: Iterable[Row], sessions: list[str]) -> None:
    """Fill in each clip's place among all a person saw, where the order is known."""
    people: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not str(row["reason"]).startswith("copy of line") and clip_of(row) is not None:
            people[row["participant_id"]].append(row)
    for own in people.values():
        for place, row in enumerate(in_order(own, [label(name) for name in sessions]) or (), start=1):
            row["trial_order"] = float(place)


def answers(plan: Plan) -> dict[str, float]:
    """What each answer counts as; the plan's own names come first."""
    words = {**dict.fromkeys(SAYS_AI, 1.0), **dict.fromkeys(SAYS_LIVE, 0.0)}
    for name, condition in plan.conditions.items():
        if condition.role in ("contrast", "reference"):
            words[name] = float(condition.role == "contrast")
    return words


def seconds(row: Row) -> float:
    """A trial's response time, NaN where it has none."""
    try:
        return float(row.get("response_time") or math.nan)
    except ValueError:
        return math.nan


def _value(row: Row, measure: Measure, column: str, words: Mapping[str, float]) -> tuple[float, str | None]:
    """A trial's value, and why it cannot be used."""
    text = row[column]
    reason: str | None
    if measure.statistic in CHOICES:
        value = words.get(text, math.nan) if text else math.nan
        reason = None if text in words else NO_ANSWER if not text else f"answer '{text}' is no choice"
    else:
        try:
            value = float(text) if text else math.nan
            reason = "no value" if math.isnan(value) else None
        except ValueError:
            value, reason = math.nan, f"'{column}' is not a number"
        if measure.statistic == "log_response_time" and reason is None:
            value, reason = (math.log(value), None) if value > 0 else (math.nan, "response time of 0 or less")
    return value, reason


def _of_pair(row: Row, measure: Measure, references: frozenset[str]) -> tuple[float, str | None]:
    """The same of a pair; fills in whether it was answered rightly, where the file does not say."""
    said, kind = row["response"], row.get("trial_type")
    if not said:
        return math.nan, NO_ANSWER
    value, reason = answer_of(measure.statistic, kind, said)
    if reason is None and not row.get("correct"):
        row["correct"] = str(int(said == kind))
    if row["condition"] in references and (kind == DIFFERENT or measure.statistic == "dprime_forced_choice"):
        return value, f"compares '{row['condition']}' with itself"
    return value, reason


def _no_answer_asked(row: Row) -> str | None:
    """Why a trial is no answer to the question, whatever was answered."""
    if row.get("phase") == TRAINING:
        return TRAINING
    if row.get("phase") == ATTENTION:
        return "attention trial"
    return "no truth about the stimulus" if row["condition"] is None else None


def _answer(row: Row, measure: Measure, words: Mapping[str, float]) -> float | str | None:
    """The answer a trial was given, for looking at how somebody answers; of a pair the side that was named."""
    if measure.statistic == "rating":
        return None if math.isnan(row["value"]) else float(row["value"])
    said = row.get("response")
    return words.get(said, str(said)) if said and measure.statistic != "value" else None
