"""``bazin import measures``: values computed anywhere become measure tables."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.importing.codes import doubtful_codes, participant_codes
from analysis.importing.completeness import completeness, in_brief
from analysis.importing.known import Known, known
from analysis.importing.mapping import MeasureMap, read_map
from analysis.importing.numbers import Missing
from analysis.importing.people import check_whole_years
from analysis.importing.personal import looked_through
from analysis.importing.reader import Reader
from analysis.importing.rows import Reading, read_values
from analysis.importing.sources import (
    SOURCES,
    check_measures,
    combine,
    label,
    measures_from,
    merged_people,
    other_sources,
    percent,
    refuse_file_as_folder,
    remove_measures,
    source_path,
)
from analysis.importing.unusable import HIDDEN, by_reason, listing
from analysis.measures.table import FOLDER, MeasureTable, measure_texts, tidy
from protocols.base.bids import generated_by
from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault, InputError, listed
from protocols.base.files import read_bytes, read_json
from protocols.base.steps import Done, Step, perform
from protocols.base.tables import rounded
from protocols.document import Document
from protocols.plan.expanding import arms_of
from protocols.plan.reading import Promise
from protocols.sources.cells import read_source

VERSION = 1
"""Raised whenever the import's results change."""


@dataclass(frozen=True)
class ImportSummary:
    """What an import brought.

    Attributes
    ----------
    source
        Name of the source.
    out
        The output folder.
    measures
        Usable values by measure.
    groups
        People by group.
    read, usable
        Values in the file, and those that are analysed.
    unusable
        Values lost by each reason.
    completeness
        Who has all conditions, in a few lines.
    notes
        What somebody should look at.
    removed
        Measures this source brought before and does no longer.
    done
        Whether it was computed or reused, and why.
    """

    source: str
    out: Path
    measures: Mapping[str, int]
    groups: Mapping[str, int]
    read: int
    usable: int
    unusable: Mapping[str, int]
    completeness: tuple[str, ...]
    notes: tuple[str, ...]
    removed: tuple[str, ...]
    done: Done

    def lines(self) -> list[str]:
        """The summary as the terminal prints it."""
        tables = ("participants", "completeness", "unusable_rows")
        written = [f"{name}.tsv" for name in (*(f"measure-{name}" for name in self.measures), *tables)]
        lost = self.read - self.usable
        return [
            f"{self.source}: {'imported' if self.done.recomputed else 'reused'} ({self.done.reason})",
            f"values: {self.read} read, {self.usable} usable"
            + (f", {lost} not ({percent(lost, self.read)})" if lost else ""),
            *(f"  {reason}: {n}" for reason, n in self.unusable.items()),
            f"people: {sum(self.groups.values())} ({listed(f'{name} {n}' for name, n in self.groups.items())})",
            *self.completeness,
            *(f"note: {text}" for text in self.notes),
            *(
                f"removed: measure-{name}.tsv, which this source brought before and no longer does"
                for name in self.removed
            ),
            f"in {self.out / FOLDER}: {listed(written, limit=20)}",
        ]


def import_measures(
    file: Path, map_file: Path, out: Path, *, plan: Promise | None = None, allow_columns: Sequence[str] = ()
) -> ImportSummary:
    """Import a table of values as measure tables.

    Parameters
    ----------
    file
        CSV, TSV or XLSX.
    map_file
        The map: what its columns mean (``docs/importing.md``).
    out
        Output folder; everything goes below ``out/measures``.
    plan
        The plan the values are for; names and units are checked against it.
    allow_columns
        Columns that look personal and are not.

    Returns
    -------
    ImportSummary
        What was read, used and left out.

    Raises
    ------
    InputError
        If map or file are wrong, a column looks personal, map and plan contradict each other, somebody else brought
        the measure, or nothing usable remains. Nothing is written then.
    OutputError
        If the output cannot be written. The import does not look finished then.
    """
    how, document = read_map(MeasureMap, map_file)
    read_bytes(file)
    refuse_file_as_folder(out)
    name = how.source or file.name
    names = known(how, document, plan.plan if plan else None)
    check_measures(out, name, list(names.measures), other_sources(out, name))
    run = functools.partial(
        _run,
        file=file,
        how=how,
        document=document,
        names=names,
        out=out,
        source=name,
        plan=plan,
        allow=tuple(allow_columns),
    )
    done = perform(
        Step("import_measures", VERSION, run),
        settings={"plan": plan.sha256 if plan else None, "allow_columns": sorted(set(allow_columns))},
        inputs={file.name: file, f"map {map_file.name}": map_file},
        folder=out,
        stamp=f"import-{label(name)}",
    )
    account = read_json(source_path(out, name))
    removed = [measure for measure in measures_from(out, name) if measure not in account["measures"]]
    remove_measures(out, removed)
    combine(out)
    return ImportSummary(
        name,
        out,
        account["measures"],
        account["groups"],
        account["read"],
        account["usable"],
        account["reasons"],
        tuple(in_brief(account["completeness"])),
        tuple(account["notes"]),
        tuple(removed),
        done,
    )


def _run(
    *,
    settings: Any,
    inputs: Mapping[str, Path],
    file: Path,
    how: MeasureMap,
    document: Document,
    names: Known,
    out: Path,
    source: str,
    plan: Promise | None,
    allow: Sequence[str],
) -> dict[str, str]:
    """The contents of everything this source brings; nothing is written before all of it stands."""
    del settings, inputs
    map_file = Path(document.file)
    used = list(dict.fromkeys(column for column, _ in how.used_columns()))
    table = read_source(file, how, used)
    table.require(used)
    missing = Missing(how.missing)
    reader = Reader(table, how, looked_through(table, how, missing, allow))
    if how.age is not None:
        ages = [cells[table.index(how.age.column)] for _, cells in table.rows]
        check_whole_years(how, [text for text in ages if not missing(text)], names.ranges)
    others = other_sources(out, source)
    codes = participant_codes(table, how, map_file, out, missing, others=bool(others))
    reading = read_values(reader, how, names, codes)
    if not any(row["included"] for row in reading.values):
        raise _nothing(file, reading)
    account = _account(source, how, names, reading, plan)
    merged_people([*others, account])  # before anything is written
    texts: dict[str, str] = {}
    origin = {
        "source": source,
        "file": file.name,
        "sha256": sha256_file(file),
        "map": map_file.name,
        "map_sha256": sha256_file(map_file),
    }
    for measure in names.measures:
        rows = [row for row in reading.values if row["measure"] == measure]
        sidecar = names.sidecar(measure, plan.sha256 if plan else None, [file.name])
        sidecar = sidecar.model_copy(
            update={
                "Description": f"imported from {file.name}",
                "GeneratedBy": generated_by(Step="import_measures"),
                "ImportedFrom": origin,
                **({"Simulated": True} if how.simulated else {}),
            }
        )
        if rows:
            texts |= measure_texts(MeasureTable(measure, _frame(rows), sidecar))
    texts[f"{SOURCES}/{label(source)}.json"] = (
        json.dumps(account, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
    return texts


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of one measure; those that agree in everything but the value stand in its order, not in the file's."""
    frame = pd.DataFrame(rows).drop(columns=["line", "measure"])
    return tidy(frame.sort_values(["value", "reason"], kind="stable"))


def _account(
    source: str, how: MeasureMap, names: Known, reading: Reading, plan: Promise | None
) -> dict[str, Any]:
    """Everything to be told about a source, as a JSON document."""
    people = [
        {
            "participant_id": person.code,
            "group": person.group[0],
            **{name: rounded(person.numbers[name][0]) for name in sorted(person.numbers)},
        }
        for person in reading.census.people.values()
        if person.group is not None
    ]
    people.sort(key=lambda person: str(person["participant_id"]))
    usable = {
        name: sum(1 for r in reading.values if r["measure"] == name and r["included"])
        for name in names.measures
    }
    describes = {name: f"column '{column}' of {source}" for name, column in (how.people or {}).items()}
    if how.age is not None:
        describes["age_months"] = (
            f"age at testing in completed months, from column '{how.age.column}' of {source} ({how.age.unit})"
        )
    order = sorted(names.groups, key=names.groups.index)
    return {
        "source": source,
        "read": reading.read,
        "usable": sum(usable.values()),
        "measures": {
            name: usable[name] for name in names.measures if any(r["measure"] == name for r in reading.values)
        },
        "reasons": by_reason(reading.unusable),
        "groups": {
            name: n for name in order if (n := sum(1 for person in people if person["group"] == name))
        },
        "notes": _notes(names, reading, people, usable, plan, rekeyed=how.rekey),
        "describes": describes,
        "people": people,
        "completeness": completeness(source, reading.values, arms_of(plan.plan) if plan else None),
        "unusable": listing(source, reading.unusable),
    }


def _notes(
    names: Known,
    reading: Reading,
    people: Sequence[Mapping[str, Any]],
    usable: Mapping[str, int],
    plan: Promise | None,
    *,
    rekeyed: bool,
) -> list[str]:
    notes = [] if rekeyed else doubtful_codes([str(person["participant_id"]) for person in people])
    notes += [f"{name} has no usable value" for name, n in usable.items() if not n]
    for name in names.measures:
        rows = [row for row in reading.values if row["measure"] == name]
        absent = names.needed[name] - {row["condition"] for row in rows}
        if absent:
            notes.append(f"{name} has no rows of {listed(sorted(absent))}, which the plan's hypotheses need")
        places = [
            (r["participant_id"], r["session"], r["run"], r["condition"], r["clip"], r["scene"])
            for r in rows
            if r["included"]
        ]
        if (
            names.in_choices(name)
            and len(set(places)) < len(places)
            and any(r["scene"] or r["clip"] for r in rows)
        ):
            notes.append(
                f"{name}: {len(places) - len(set(places))} choices repeat a person, condition and scene; "
                "name the trials (columns.trial) to have copies found"
            )
    absent_groups = [name for name in names.groups if name not in {person["group"] for person in people}]
    if plan is not None and absent_groups:
        notes.append(f"nobody is in {listed(absent_groups)}")
    outside = [
        str(person["participant_id"])
        for person in people
        if not math.isnan(age := person.get("age_months") or math.nan)
        and person["group"] in names.ranges
        and not names.ranges[person["group"]][0] <= age < names.ranges[person["group"]][1]
    ]
    if outside:
        notes.append(f"outside their group's age range: {listed(outside)}")
    return notes


def _nothing(file: Path, reading: Reading) -> InputError:
    """The fault of a table without a single usable value, with an example of each reason."""
    example = {row.reason: row for row in reversed(reading.unusable)}
    got = [
        f"{reason} ({n}; line {example[reason].line}, column '{example[reason].column}'"
        + (f", '{example[reason].found}')" if example[reason].found not in ("", HIDDEN) else ")")
        for reason, n in by_reason(reading.unusable).items()
    ]
    return InputError(
        Fault(
            str(file),
            "holds nothing usable",
            got=listed(got, limit=6),
            way_out="correct the map (recode, missing, exclude) or the table",
        )
    )
