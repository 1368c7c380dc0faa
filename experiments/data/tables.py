"""A session's tables, pure: what the journals tell as the texts of BIDS files."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from experiments.data.audit import STOPPED, Audit
from experiments.data.columns import FRAMES, LAST, ONLY_WITH_FILES, RUN, declared, described, ordered
from experiments.data.sidecars import of_run, of_session
from experiments.data.told import RunTold, SessionTold, TrialTold
from experiments.session.journal import FOLDER
from protocols.base.bids import Name, label
from protocols.base.errors import Fault
from protocols.base.tables import table_text
from protocols.plan.measuring import Presentation

Row = dict[str, Any]
DECIMALS = 4
"""Of onsets and durations: a tenth of a millisecond."""


def document(content: Any) -> str:
    """A JSON file's text."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def tables_of(
    session: SessionTold,
    found: Audit,
    rules: Presentation | None,
    has_file: Callable[[str], bool],
) -> tuple[dict[str, str | bytes], list[Fault]]:
    """Every table with its sidecar, by its path in the data set, and what could not be put into one.

    Parameters
    ----------
    session
        What the journals tell.
    found
        Its audit: rows that were not shown as promised get their reason.
    rules
        The rules the audit went by; None if each journal's own.
    has_file
        Whether the data set holds a ``stim_file``.
    """
    files: dict[str, str | bytes] = {}
    faults: list[Fault] = []
    shown = {trial.columns.get(ONLY_WITH_FILES) for _, trial in session.trials() if trial.columns}
    with_files = all(has_file(one) for one in shown if one)
    for run in session.runs:
        if run.recorded and run.rows:
            if run.zero is None:
                faults.append(
                    Fault(run.name, "has trials but no onset 0: it is in no table",
                          got=f"{len(run.rows)} trials", way_out="they are in the journal")
                )  # fmt: skip
                continue
            files |= _events(session, run, found, rules, with_files=with_files)
    for task in dict.fromkeys(run.task for run in session.runs if not run.recorded and run.rows):
        files |= _beh(session, task, found, rules, with_files=with_files)
    return files | _frames(session), faults


def entities(session: SessionTold, task: str) -> dict[str, str]:
    """BIDS entities of a task's tables."""
    header = session.header
    return {
        "sub": header.participant.removeprefix("sub-"),
        "ses": label(header.session),
        "task": label(task),
    }


def events_path(session: SessionTold, run: RunTold) -> str:
    """Where the events of a recorded run go."""
    header = session.header
    folder = {"bold": "func", "eeg": "eeg"}[header.modality]
    name = Name("events", ".tsv", {**entities(session, run.task), "run": str(run.label)})
    return f"{header.participant}/ses-{label(header.session)}/{folder}/{name}"


def _events(
    session: SessionTold, run: RunTold, found: Audit, rules: Presentation | None, *, with_files: bool
) -> dict[str, str | bytes]:
    rows = [_row(run, trial, found) for trial in run.rows]
    rows.sort(key=lambda row: (row["onset"] is None, row["onset"] or 0.0))
    columns = [name for name in ordered(rows) if with_files or name != ONLY_WITH_FILES]
    modality = session.header.modality
    sidecar = {
        **of_session(run.header, run.task, rules),
        **of_run(run, modality),
        **_words(session, run.task, columns, rows, modality),
    }
    path = events_path(session, run)
    return {path: _text(columns, rows), path.removesuffix(".tsv") + ".json": document(sidecar)}


def _beh(
    session: SessionTold, task: str, found: Audit, rules: Presentation | None, *, with_files: bool
) -> dict[str, str | bytes]:
    """One file per task: everything a person did, over all journals of the session, in the order it happened."""
    runs = [run for run in session.runs if run.task == task and not run.recorded]
    rows = [{**_row(run, trial, found), "run": run.label} for run in runs for trial in run.rows]
    columns = [name for name in ordered(rows) if (with_files or name != ONLY_WITH_FILES) and name != "run"]
    columns.insert(columns.index("trial") + 1, "run")
    headers = [session.journals[place].header for place in sorted({run.journal for run in runs})]
    sidecar = {
        **of_session(headers[-1], task, rules),
        "RunStatus": {run.part: run.status for run in runs},
        **_words(session, task, columns, rows, "beh"),
        "run": RUN,
    }
    plans = list(dict.fromkeys(header.plan_sha256 for header in headers))
    if len(plans) > 1:
        sidecar["PlanSHA256"] = plans
    named = entities(session, task)
    path = f"{session.header.participant}/ses-{named['ses']}/beh/{Name('beh', '.tsv', named)}"
    return {path: _text(columns, rows), path.removesuffix(".tsv") + ".json": document(sidecar)}


def _words(
    session: SessionTold, task: str, columns: Sequence[str], rows: Sequence[Row], modality: str
) -> dict[str, dict[str, Any]]:
    known = declared(task, session.header, columns)
    return {name: described(name, [row.get(name) for row in rows], modality, known) for name in columns}


def _row(run: RunTold, trial: TrialTold, found: Audit) -> Row:
    assert trial.columns is not None
    row = dict(trial.columns)
    onset = row.get("onset")
    row["onset"] = None if onset is None or run.zero is None else onset - run.zero
    row[LAST] = reason_of(row.get(LAST), found.reasons(run.key, trial.number))
    return row


def reason_of(said: str | None, more: Sequence[str]) -> str | None:
    """Why a row cannot be used: what the session said, then what the audit found; nothing twice."""
    parts = list(dict.fromkeys((*([said] if said else []), *more)))
    if any(part.startswith(f"{STOPPED} ") for part in parts):  # with the number of frames it says more
        parts = [part for part in parts if part != STOPPED]
    return "; ".join(parts) or None


def _text(columns: Sequence[str], rows: Sequence[Row]) -> str:
    return table_text(columns, [[_cell(name, row.get(name)) for name in columns] for row in rows])


def _cell(name: str, value: Any) -> Any:
    if name in ("onset", "duration") and value is not None:
        return f"{value:.{DECIMALS}f}"
    return value


def _frames(session: SessionTold) -> dict[str, str | bytes]:
    """Every frame that was shown, by run or attempt of training, also of trials that were broken off."""
    tables: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for run in session.runs:
        of_run = {"run": str(run.label)} if run.attempt is None else {"acq": f"training{run.attempt}"}
        rows = tables[str(Name("frames", ".tsv.gz", {**entities(session, run.task), **of_run}))]
        zero = run.begins if run.zero is None else run.zero
        for trial in run.trials:
            for film in trial.films:
                of_film = [trial.number, trial.columns is None, film.clip, film.where]
                at = film.onset - zero
                frames = zip(film.index, film.pts, film.flip, strict=True)
                rows += [[*of_film, index, pts, f"{at + flip / 1000:.5f}"] for index, pts, flip in frames]
    folder = f"{FOLDER}/{session.header.participant}/ses-{label(session.header.session)}"
    files: dict[str, str | bytes] = {}
    for name, rows in tables.items():
        if rows:
            # Without a time of its own the same frames give the same bytes.
            files[f"{folder}/{name}"] = gzip.compress(table_text(list(FRAMES), rows).encode(), mtime=0)
            files[f"{folder}/{name.removesuffix('.tsv.gz')}.json"] = document(FRAMES)
    return files
