"""``bazin import trials``: answers from any experiment program become a raw BIDS data set."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.importing import trial_flags, unusable
from analysis.importing.codes import doubtful_codes, participant_codes
from analysis.importing.completeness import COLUMNS as COMPLETENESS
from analysis.importing.completeness import completeness, in_brief
from analysis.importing.known import known_conditions, known_groups
from analysis.importing.numbers import Missing
from analysis.importing.people import check_whole_years
from analysis.importing.personal import looked_through
from analysis.importing.reader import Reader
from analysis.importing.sources import percent, refuse_file_as_folder
from analysis.importing.trial_checks import by_order, judge, set_aside
from analysis.importing.trial_files import (
    ACCOUNT,
    BEGUN,
    FOLDER,
    beh_files,
    description,
    document,
    people_files,
    readme,
    stimuli_table,
    unfinished,
)
from analysis.importing.trial_flags import Flag
from analysis.importing.trial_map import TrialMap, read_trial_map
from analysis.importing.trial_people import check_categories, people_rows
from analysis.importing.trial_rows import Names, answers_of, read_trials
from analysis.importing.unusable import by_reason, listing
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.files import cannot_write, read_bytes, read_json, write_atomically
from protocols.base.steps import Done, Step, perform
from protocols.base.tables import table_text
from protocols.document import Document
from protocols.plan.expanding import arms_of, label_of
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise
from protocols.sources.cells import read_source

VERSION = 1
"""Raised whenever the import's results change."""

STAMP = "import-trials"


@dataclass(frozen=True)
class TrialSummary:
    """What an import of trials brought.

    Attributes
    ----------
    source, out
        Name of the source and the data set's folder.
    groups
        People by group.
    tasks
        Trials by task, unusable ones included.
    read, usable
        Trials in the file, and those that can be used.
    unusable
        Trials lost by each reason.
    completeness
        Who has all arms, in a few lines.
    flags
        What somebody should look at before trusting the trials.
    notes
        What else is worth knowing.
    done
        Whether it was computed or reused, and why.
    """

    source: str
    out: Path
    groups: Mapping[str, int]
    tasks: Mapping[str, int]
    read: int
    usable: int
    unusable: Mapping[str, int]
    completeness: tuple[str, ...]
    flags: tuple[Flag, ...]
    notes: tuple[str, ...]
    done: Done

    def lines(self) -> list[str]:
        """The summary as the terminal prints it."""
        lost = self.read - self.usable
        people = listed(f"{name} {n}" for name, n in self.groups.items())
        shown = [
            f"look at: {f'{flag.participant_id}: ' if flag.participant_id else ''}{flag.detail}"
            for flag in self.flags
        ]
        if len(shown) > 12:
            shown = [*shown[:12], f"look at: {len(shown) - 12} more in {FOLDER}/flags.tsv"]
        return [
            f"{self.source}: {'imported' if self.done.recomputed else 'reused'} ({self.done.reason})",
            f"trials: {self.read} read, {self.usable} usable"
            + (f", {lost} not ({percent(lost, self.read)})" if lost else ""),
            *(f"  {reason}: {n}" for reason, n in self.unusable.items()),
            f"people: {sum(self.groups.values())} ({people})",
            *self.completeness,
            *shown,
            *(f"note: {text}" for text in self.notes),
            f"in {self.out}: participants.tsv, sub-*/beh ({listed(self.tasks)}), {FOLDER}",
        ]


def import_trials(
    file: Path, map_file: Path, out: Path, *, plan: Promise | None = None, allow_columns: Sequence[str] = ()
) -> TrialSummary:
    """Import a table of trials as a raw BIDS data set.

    Parameters
    ----------
    file
        CSV, TSV, XLSX or JSON lines; one row per trial, or per person with a column per stimulus.
    map_file
        The map: what its columns mean (``docs/trials.md``).
    out
        Folder of the data set.
    plan
        The plan the trials are for; groups, conditions and the order of sessions are checked against it.
    allow_columns
        Columns that look personal and are not.

    Returns
    -------
    TrialSummary
        What was read, used, left out and should be looked at.

    Raises
    ------
    InputError
        If map or file are wrong, a column looks personal, map and plan contradict each other, the folder holds a data
        set this import has not made, or nothing usable remains. Nothing is written then.
    OutputError
        If the output cannot be written. The import does not look finished then.
    """
    how, origin = read_trial_map(map_file)
    read_bytes(file)
    refuse_file_as_folder(out)
    source = how.source or file.name
    _refuse_foreign(out, source)
    names = _names(how, origin, plan.plan if plan else None)
    media = sorted(
        path.relative_to(out / "stimuli").as_posix()
        for path in (out / "stimuli").rglob("*")
        if path.is_file()
    )
    before = _written(out).union(*unfinished(out).values())
    run = functools.partial(
        _run, file=file, how=how, map_file=map_file, names=names, out=out, source=source,
        plan=plan.plan if plan else None, allow=tuple(allow_columns), media=media,
    )  # fmt: skip
    done = perform(
        Step("import_trials", VERSION, run),
        settings={
            "plan": plan.sha256 if plan else None,
            "allow_columns": sorted(set(allow_columns)),
            "media": media,
        },
        inputs={file.name: file, f"map {map_file.name}": map_file},
        folder=out,
        stamp=STAMP,
    )
    _remove(out, before - _written(out))
    _remove(out, {BEGUN})
    account = read_json(out / ACCOUNT)
    for name, text in (
        ("dataset_description.json", description(how, source)),
        ("README", readme(how, source, sum(account["groups"].values()), account["read"])),
    ):
        if not (out / name).exists():  # theirs to complete: authors, license, how to cite
            write_atomically(out / name, text)
    flags = tuple(Flag(*flag) for flag in account["flags"])
    return TrialSummary(
        source, out, account["groups"], account["tasks"], account["read"], account["usable"], account["reasons"],
        tuple(in_brief(account["completeness"])), flags, tuple(account["notes"]), done,
    )  # fmt: skip


def _refuse_foreign(out: Path, source: str) -> None:
    """A raw data set is nobody's to overwrite, except the import's that made it."""
    owner = next(iter(unfinished(out)), None)
    if owner is None and (out / ACCOUNT).exists():
        owner = read_json(out / ACCOUNT)["source"]
    if owner == source:
        return
    if owner is not None:
        raise fail(
            InputError,
            str(out),
            f"holds the trials of another source, '{owner}'",
            got=source,
            way_out="use another folder; or, if this file replaces that one, name the same 'source' in its map",
        )
    there = [name for name in ("dataset_description.json", "participants.tsv") if (out / name).exists()]
    there += sorted(path.name for path in out.glob("sub-*"))
    if there:
        raise fail(
            InputError,
            str(out),
            "holds a data set that this import has not made",
            got=listed(there),
            way_out="name another folder; raw data are never overwritten",
        )


def _written(out: Path) -> set[str]:
    """What the last finished import wrote."""
    stamp = out / ".done" / f"{STAMP}.json"
    return set(read_json(stamp)["outputs"]) if stamp.exists() else set()


def _remove(out: Path, names: set[str]) -> None:
    """Take away what the last import wrote and this one does not, and the folders that are empty then."""
    for name in sorted(names):
        path = out / name
        try:
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == out or any(folder.iterdir()):
                    break
                folder.rmdir()
        except OSError as error:
            raise cannot_write(path, error) from error


def _names(how: TrialMap, origin: Document, plan: Plan | None) -> Names:
    groups, ranges, faults = known_groups(how, origin, plan)
    own: dict[str, tuple[str | int, ...]] = {
        stimulus.arm: ("stimuli", name, "arm")
        for name, stimulus in (how.stimuli or {}).items()
        if stimulus.arm
    }
    arms, more = known_conditions(how, origin, plan, column="arm", more=own)
    if faults or more:
        raise InputError([*faults, *more])
    return Names(groups, ranges, arms, answers_of(how, arms))


def _run(
    *,
    settings: Any,
    inputs: Mapping[str, Path],
    file: Path,
    how: TrialMap,
    map_file: Path,
    names: Names,
    out: Path,
    source: str,
    plan: Plan | None,
    allow: Sequence[str],
    media: Sequence[str],
) -> dict[str, str]:
    """The contents of the whole data set; nothing is written before all of it stands."""
    del settings, inputs
    used = list(dict.fromkeys(column for column, _ in how.used_columns()))
    table = read_source(file, how, used)
    table.require(used)
    missing = Missing(how.missing)
    reader = Reader(table, how, looked_through(table, how, missing, allow))
    check_categories(table, how, missing)
    if how.age is not None:
        ages = [cells[table.index(how.age.column)] for _, cells in table.rows]
        check_whole_years(how, [text for text in ages if not missing(text)], names.ranges)
    codes = participant_codes(table, how, map_file, out, missing, others=False)
    found = read_trials(reader, how, names, codes)
    flags = [*set_aside(found, how)]
    trials = found.values
    if not any(trial["included"] for trial in trials):
        reasons = listed((f"{reason} ({n})" for reason, n in by_reason(found.unusable).items()), limit=6)
        raise InputError(
            Fault(str(file), "holds nothing usable", got=reasons, way_out="correct the map or the table")
        )
    judge(trials, how)
    ordered, unordered = by_order(trials, how, plan)
    arms = sorted({trial["arm"] for trial in trials if trial["included"]})
    flags += [
        *trial_flags.odd_items_and_people(trials, arms),
        *trial_flags.swapped_keys(ordered, unordered),
    ]
    trials = [trial for own in {**unordered, **ordered}.values() for trial in own]
    trials.sort(key=lambda trial: str(trial["participant_id"]))  # stable: each person's order stays
    people, described = people_rows(found, how, plan, source)
    order = {name: i for i, name in enumerate(names.groups)}
    counts = Counter(str(person["group"]) for person in people)
    complete = completeness(
        source,
        [{**t, "measure": t["task"], "condition": t["arm"]} for t in trials if t["arm"] is not None],
        arms_of(plan) if plan else None,
    )
    account = {
        "source": source,
        "file": file.name,
        "map": map_file.name,
        "read": found.read,
        "usable": sum(1 for trial in trials if trial["included"]),
        "tasks": dict(sorted(Counter(str(trial["task"]) for trial in trials).items())),
        "reasons": by_reason(found.unusable),
        "groups": dict(sorted(counts.items(), key=lambda pair: order.get(pair[0], 0))),
        "completeness": complete,
        "flags": [[flag.what, flag.participant_id, flag.detail] for flag in flags],
        "notes": _notes(how, names, people, ordered, unordered, trials, media),
    }
    words = {"arm": {name: label_of(plan, "condition", name) for name in plan.conditions}} if plan else {}
    lost = listing(source, found.unusable)
    texts = {
        **beh_files(trials, how, words | ({"trial_type": words["arm"]} if words else {}), media),
        **people_files(people, described),
        f"{FOLDER}/completeness.tsv": table_text(list(COMPLETENESS), complete),
        f"{FOLDER}/unusable_rows.tsv": table_text(list(unusable.COLUMNS), lost),
        f"{FOLDER}/flags.tsv": table_text(
            list(trial_flags.COLUMNS), [[f.what, f.participant_id, f.detail] for f in flags]
        ),
        f"{FOLDER}/stimuli.tsv": stimuli_table(trials, media),
        ACCOUNT: document(account),
    }
    # Written first, removed last: an interrupted import is known as ours, and as unfinished.
    begun = sorted({*texts, *_written(out).union(*unfinished(out).values())})
    write_atomically(out / BEGUN, document({"source": source, "files": begun}))
    return texts


def _notes(
    how: TrialMap,
    names: Names,
    people: Sequence[Mapping[str, Any]],
    ordered: Mapping[str, Any],
    unordered: Mapping[str, Any],
    trials: Sequence[Mapping[str, Any]],
    media: Sequence[str],
) -> list[str]:
    notes = [] if how.rekey else doubtful_codes([str(person["participant_id"]) for person in people])
    if unordered:
        who = "anybody's" if not ordered else f"the trials of {listed(sorted(unordered))}"
        whose = f"{who} trials" if not ordered else who
        notes.append(
            f"the order of {whose} is not known (columns.trial; 'order: file'): keys swapped halfway cannot be "
            "noticed, and exposure_count, twin_seen_before and lag stay empty"
        )
    files = {trial["stim_file"] for trial in trials if trial["stim_file"]}
    absent = files - set(media)
    if absent:
        notes.append(
            f"{len(absent)} of {len(files)} stimulus files are not in stimuli/: the trials do not name files; "
            f"{FOLDER}/stimuli.tsv does"
        )
    absent_groups = [name for name in names.groups if name not in {person["group"] for person in people}]
    if absent_groups:
        notes.append(f"nobody is in {listed(absent_groups)}")
    return notes
