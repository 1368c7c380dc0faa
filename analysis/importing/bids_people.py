"""The people of a study whose measures come from a data set, from imports, or both: one table of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analysis.importing.beh_files import groups_of
from analysis.importing.completeness import completeness
from analysis.importing.personal import by_header
from analysis.importing.sources import SOURCES, combine, merged_people, other_sources, source_files
from analysis.measures.table import FOLDER, PEOPLE, MeasureTable, measure_path, read_measure
from protocols.base.files import read_json
from protocols.base.steps import Done, perform, step
from protocols.base.tables import frame_text, read_frame, rounded
from protocols.plan.expanding import arms_of
from protocols.plan.promises import Plan

if TYPE_CHECKING:
    import pandas as pd

SOURCE = "bids-participants"
"""Name under which a data set's people stand beside those of imports."""
ACCOUNT = f"{SOURCES}/{SOURCE}.json"
MADE = "made "
TAKEN = "taken-over"
"""The same for people of imported measures that stand elsewhere."""


def with_earlier(table: Path, wanted: Collection[str]) -> list[str]:
    """The people asked for and those an earlier call took over: one participant after the other adds up."""
    if not wanted or not table.exists():
        return sorted(wanted)
    return sorted({*wanted, *read_frame(table, required=("participant_id",))["participant_id"]})


def bring_people(
    source: Path, out: Path, plan: Plan, wanted: Collection[str], measures: Collection[str]
) -> tuple[list[Done], list[str]]:
    """Put a data set's people, and what they have of the measures made, beside those that imports brought.

    Returns
    -------
    done, notes
        What was done, and what should be known.
    """
    covariates = sorted({one.name for measure in plan.measures.values() for one in measure.covariates})
    settings = {
        "people": with_earlier(out / FOLDER / PEOPLE, wanted),
        "covariates": covariates,
        "arms": list(arms_of(plan)),
    }
    inputs = {name: source / name for name in ("participants.tsv", "participants.json")}
    inputs |= {
        f"{MADE}{name}{part}": measure_path(out, name).with_suffix(part)
        for name in sorted(measures)
        for part in (".tsv", ".json")
    }
    inputs = {name: path for name, path in inputs.items() if path.exists()}
    account = json.loads(str(people_of_data_set.run(settings=settings, inputs=inputs)[ACCOUNT]))
    merged_people(
        [*other_sources(out, SOURCE), account]
    )  # contradictions are told before anything is written
    done = perform(people_of_data_set, settings=settings, inputs=inputs, folder=out, stamp=f"import-{SOURCE}")
    return [done, combine(out)], account["notes"]


@step(version=1)
def people_of_data_set(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """Group, age in months, categories and the plan's covariates of everybody in ``participants.tsv``; completeness."""
    frame = read_frame(inputs["participants.tsv"], required=("participant_id", "group"))
    groups, _ = groups_of(inputs["participants.tsv"].parent)
    described = read_json(inputs["participants.json"]) if "participants.json" in inputs else {}
    described = described if isinstance(described, dict) else {}
    columns, notes = _columns(list(frame.columns), described, settings["covariates"])
    words = _categories(list(frame.columns), described, columns)
    people: dict[str, dict[str, Any]] = {}
    for row in frame.to_dict("records"):
        code = row["participant_id"]
        if code not in groups or (settings["people"] and code not in settings["people"]):
            continue
        person = people.setdefault(code, {"participant_id": code, "group": groups[code]})
        person |= {name: row[name] for name in words if row[name] is not None}
        for ours, theirs in columns.items():
            if row[theirs] is None:
                continue
            try:
                person[ours] = rounded(float(row[theirs]))
            except ValueError:
                notes.append(
                    f"{code}: has no number in column '{theirs}' of participants.tsv, which stays empty"
                )
    account = {
        "source": SOURCE,
        "measures": {},
        "describes": {
            ours: f"column '{theirs}' of the data set's participants.tsv"
            for ours, theirs in {**columns, **{name: name for name in words}}.items()
        },
        "people": [people[code] for code in sorted(people)],
        "completeness": [line for table in _tables(inputs) for line in _complete(table, settings["arms"])],
        "notes": notes,
    }
    return {ACCOUNT: json.dumps(account, indent=1, ensure_ascii=False) + "\n"}


def _tables(inputs: Mapping[str, Path]) -> Iterator[MeasureTable]:
    for name, path in sorted(inputs.items()):
        if name.startswith(MADE) and path.suffix == ".tsv":
            yield read_measure(path)


def _complete(table: MeasureTable, arms: Sequence[str]) -> list[list[Any]]:
    rows = table.rows.assign(measure=table.id).to_dict("records")
    return completeness(SOURCE, [{str(name): value for name, value in row.items()} for row in rows], arms)


def bring_imported_people(source: Path, out: Path, wanted: Collection[str]) -> Done:
    """Take over the people table of imported measures; beside those that are in `out` from elsewhere."""
    inputs = {"people": source / FOLDER / PEOPLE}
    settings = {"people": with_earlier(out / FOLDER / PEOPLE, wanted)}
    if not source_files(out):
        return perform(take_over_people, settings=settings, inputs=inputs, folder=out)
    account = json.loads(
        str(people_of_import.run(settings=settings, inputs=inputs)[f"{SOURCES}/{TAKEN}.json"])
    )
    merged_people([*other_sources(out, TAKEN), account])
    done = perform(people_of_import, settings=settings, inputs=inputs, folder=out, stamp=f"import-{TAKEN}")
    combine(out)
    return done


@step(version=1)
def take_over_people(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """The people table for the people asked for."""
    return {f"{FOLDER}/{PEOPLE}": frame_text(_chosen(inputs["people"], settings["people"]))}


@step(version=1)
def people_of_import(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """The same people as one source of several."""
    frame = _chosen(inputs["people"], settings["people"])
    people = [
        {str(name): _plain(str(name), value) for name, value in row.items() if value is not None}
        for row in frame.to_dict("records")
    ]
    describes = {str(name): "from imported measures" for name in frame.columns}
    account = {"source": TAKEN, "measures": {}, "describes": describes, "people": people}
    return {f"{SOURCES}/{TAKEN}.json": json.dumps(account, indent=1, ensure_ascii=False) + "\n"}


def _chosen(file: Path, people: Sequence[str]) -> pd.DataFrame:
    frame = read_frame(file, required=("participant_id", "group"))
    return frame[frame["participant_id"].isin(people)] if people else frame


def _plain(name: str, text: str) -> float | str | None:
    """A cell as a number, where it is one: sources are compared by their values."""
    try:
        return text if name in ("participant_id", "group") else rounded(float(text))
    except ValueError:
        return text


def _categories(header: Sequence[str], described: Mapping[str, Any], taken: Mapping[str, str]) -> list[str]:
    """Columns of categories, such as age bands: those whose words ``participants.json`` lists (``Levels``)."""
    return [
        name
        for name in header
        if isinstance(described.get(name), dict)
        and described[name].get("Levels")
        and name not in ("participant_id", "group", *taken.values())
        and by_header(name) is None
    ]


def _columns(
    header: Sequence[str], described: Mapping[str, Any], covariates: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Our name and theirs of what is taken over, and what is not although the plan might want it."""
    found, notes = {}, []
    about = described.get("age")
    unit = about.get("Units") if isinstance(about, dict) else None
    if "age_months" in header:
        found["age_months"] = "age_months"
    elif "age" in header and unit == "months":
        found["age_months"] = "age"
    elif "age" in header:
        notes.append(
            "participants.tsv: the column 'age' is not used, as participants.json does not say that it counts months "
            "('Units')"
        )
    for name in covariates:
        if name in found or name not in header:
            continue
        what = by_header(name)
        if what is None:
            found[name] = name
        else:
            notes.append(
                f"participants.tsv: the column '{name}' looks personal ({what}) and is not taken over"
            )
    return found, notes
