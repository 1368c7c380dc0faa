"""A measure's table from the ``*_beh.tsv`` files of a BIDS data set: choices, ratings and response times by trial."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.importing.trial_files import unfinished
from analysis.importing.trial_order import clip_of, in_order
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from protocols.base.bids import Name, generated_by, label
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.tables import read_frame
from protocols.plan.measuring import CHOICES, Measure
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise

SAYS_AI = ("ai", "computer")
SAYS_LIVE = ("live", "camera", "real", "human")
"""Answers that mean the same in every study, besides the names of the plan's conditions."""
TRAINING = "training"
Row = dict[str, Any]


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
        reference condition, ``live``, ``camera``, ``real``, ``human``). ``log_response_time`` takes the logarithm of
        ``response_time`` in seconds. Anything else takes the column that is called as the measure.

    Returns
    -------
    MeasureTable
        One row per trial; ``condition`` is the truth about the stimulus (``arm``), ``clip`` its file or name. Trials
        that cannot be used stay, with ``included`` 0 and their reason: that of the file, training, no answer.
        ``trial_order`` is filled in where the order of a person's trials is known.

    Raises
    ------
    InputError
        If there are no such files, several tasks could be meant, a column is missing, or somebody has no group.
    """
    measure = plan.plan.measures[measure_id]
    files = _files(bids_dir, plan.plan, measure)
    people = read_frame(bids_dir / "participants.tsv", required=("participant_id", "group"))
    groups = dict(zip(people["participant_id"], people["group"], strict=True))
    column = _column(measure, measure_id)
    rows = _rows(files, groups, column)
    _place(rows, [session.name for session in plan.plan.sessions])
    words = _answers(plan.plan)
    for row in rows:
        row["value"], reason = _value(row, measure, column, words)
        row["reason"] = row["reason"] or reason
        row["included"] = 0.0 if row["reason"] else 1.0
    sidecar = sidecar_for(
        measure,
        Description=f"column '{column}' of {len(files)} behavioral files",
        plan_sha256=plan.sha256,
        GeneratedBy=generated_by(Step="measure_from_beh"),
        Sources=[f"bids:raw:{path.relative_to(bids_dir).as_posix()}" for path in files],
    )
    return MeasureTable(measure_id, tidy(pd.DataFrame(rows)), sidecar)


def _files(bids_dir: Path, plan: Plan, measure: Measure) -> list[Path]:
    """The files of the measure's session and task."""
    for source in unfinished(bids_dir):
        way_out = "run the same import again"
        raise fail(InputError, f"import of {source}", "was not finished", got=str(bids_dir), way_out=way_out)
    found = {
        path: Name.parse(path.name).entities
        for pattern in ("sub-*/beh/*_beh.tsv", "sub-*/ses-*/beh/*_beh.tsv")
        for path in bids_dir.glob(pattern)
    }
    if not found:
        way_out = "give a data set with sub-*/beh/*_beh.tsv; 'bazin import trials' makes one"
        raise fail(InputError, str(bids_dir), "holds no behavioral files", way_out=way_out)
    session = next((one for one in plan.sessions if one.name == measure.session), None)
    if session is not None:
        wanted = label(session.name)
        of_session = {path: names for path, names in found.items() if names.get("ses", wanted) == wanted}
        if not of_session:
            raise fail(
                InputError,
                str(bids_dir),
                f"holds no behavioral files of session '{session.name}'",
                got=listed(sorted({f"ses-{names['ses']}" for names in found.values()})),
                way_out="name the session in the import's map as the plan does",
            )
        called = [session.name, session.paradigm, *([session.then.paradigm] if session.then else [])]
        found = _of_task(of_session, called, measure)
    tasks = sorted({names["task"] for names in found.values()})
    if len(tasks) > 1:
        raise fail(
            InputError,
            str(bids_dir),
            "has several tasks, and the plan does not say which one this measure is of",
            got=listed(tasks),
            way_out="give the measure a session in the plan, and call its task as the session or its paradigm",
        )
    return sorted(found)


def _of_task(
    found: Mapping[Path, Mapping[str, str]], called: Iterable[str], measure: Measure
) -> dict[Path, Mapping[str, str]]:
    """The files of a session's tasks: of the answers wanted, where there are several."""
    kind = "ratings" if measure.statistic == "rating" else "detection"
    known = [label(name) for name in called]
    tasks = {names["task"] for names in found.values()}
    fitting = [name for name in known if name in tasks]
    chosen = [kind] if kind in fitting and len(tasks) > 1 else fitting
    return {path: names for path, names in found.items() if names["task"] in chosen} or dict(found)


def _column(measure: Measure, measure_id: str) -> str:
    if measure.statistic in CHOICES:
        return "response"
    return "response_time" if measure.statistic == "log_response_time" else measure_id


def _rows(files: Iterable[Path], groups: Mapping[str, str | None], column: str) -> list[Row]:
    rows: list[Row] = []
    faults = []
    for path in files:
        frame = read_frame(path, required=("arm",))
        names = Name.parse(path.name).entities
        code = f"sub-{names['sub']}"
        if not groups.get(code):
            faults.append(Fault(code, "has no group in participants.tsv", way_out="add a row with its group"))
        if column not in frame:
            faults.append(
                Fault(
                    str(path),
                    f"has no column '{column}'",
                    got=listed(frame.columns, limit=20),
                    way_out="call the scale as the plan's measure in the import's map ('scales')",
                )
            )
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
                "condition": row["arm"],
                "clip": row.get("stim_file") or row.get("item"),
                "reason": row.get("unusable_reason"),
                "where": f"{path}:{i + 2}",
            }
            rows.append(row)
    if faults:
        raise InputError(faults[:10])
    return rows


def _place(rows: Iterable[Row], sessions: list[str]) -> None:
    """Fill in each clip's place among all a person saw, where the order is known."""
    people: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if not str(row["reason"]).startswith("copy of line") and clip_of(row) is not None:
            people[row["participant_id"]].append(row)
    for own in people.values():
        for place, row in enumerate(in_order(own, [label(name) for name in sessions]) or (), start=1):
            row["trial_order"] = float(place)


def _answers(plan: Plan) -> dict[str, float]:
    """What each answer counts as; the plan's own names come first."""
    words = {**dict.fromkeys(SAYS_AI, 1.0), **dict.fromkeys(SAYS_LIVE, 0.0)}
    for name, condition in plan.conditions.items():
        if condition.role in ("contrast", "reference"):
            words[name] = float(condition.role == "contrast")
    return words


def _value(row: Row, measure: Measure, column: str, words: Mapping[str, float]) -> tuple[float, str | None]:
    """A trial's value, and why it cannot be used."""
    text = row[column]
    if measure.statistic in CHOICES:
        value = words.get(text, math.nan) if text else math.nan
        reason = None if text in words else "no answer" if not text else f"answer '{text}' is no choice"
    else:
        try:
            value = float(text) if text else math.nan
        except ValueError:
            raise fail(InputError, row["where"], f"'{column}' is not a number", got=str(text)) from None
        reason = "no value" if math.isnan(value) else None
        if measure.statistic == "log_response_time" and reason is None:
            value, reason = (math.log(value), None) if value > 0 else (math.nan, "response time of 0 or less")
    if row["condition"] is None:
        reason = "no truth about the stimulus"
    if row.get("phase") == TRAINING:
        reason = TRAINING
    return value, reason
