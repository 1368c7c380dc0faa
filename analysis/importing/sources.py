"""Several files in one output folder: who brought which measure, and one table of people for all of them.

Each source leaves ``measures/sources/<source>.json`` with its people, completeness and unusable rows. The tables over
all sources are made from these, so that the order of the imports does not matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis.importing import completeness, unusable
from analysis.measures.table import FOLDER, PEOPLE, measure_path, read_people
from protocols.base.canonical import sha256, sha256_file
from protocols.base.errors import BazinError, Fault, InputError, fail, listed
from protocols.base.files import cannot_write, read_json, write_atomically
from protocols.base.steps import Done, perform, step
from protocols.base.tables import MISSING, cell, number, rounded, table_text

SOURCES = f"{FOLDER}/sources"
BEFORE = "people-before-import"
COMBINED = "combine_sources"
Source = Mapping[str, Any]


def label(name: str) -> str:
    """A source's name as a file name; two names never share one."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    return safe if safe == name else f"{safe}-{sha256(name.encode())[:8]}"


def source_path(out: Path, name: str) -> Path:
    """Where a source's account is kept."""
    return out / SOURCES / f"{label(name)}.json"


def source_files(out: Path) -> list[Path]:
    """The accounts of all sources in `out`."""
    return sorted((out / SOURCES).glob("*.json"))


def other_sources(out: Path, name: str) -> list[Source]:
    """What the other sources brought, and people who were in the table before any import."""
    found = [read_json(path) for path in source_files(out) if path != source_path(out, name)]
    return [*found, *_people_before(out)]


def _people_before(out: Path) -> list[Source]:
    """A participants table that no import wrote: its people stay."""
    if (out / ".done" / f"{COMBINED}.json").exists() or source_path(out, BEFORE).exists():
        return []
    frame = read_people(out)
    if frame is None:
        return []
    people = [
        {k: rounded(v) if isinstance(v, float) else v for k, v in row.items() if isinstance(v, (str, float))}
        for row in frame.to_dict("records")
    ]
    texts = [f"{name} (from before the import)" for name in frame.columns]
    return [
        {
            "source": BEFORE,
            "measures": {},
            "people": people,
            "describes": dict(zip(frame.columns, texts, strict=True)),
        }
    ]


def check_measures(out: Path, name: str, measures: Sequence[str], others: Sequence[Source]) -> None:
    """Refuse measures that somebody else brought.

    Raises
    ------
    InputError
        If a measure comes from another source, or another file of the same name.
    """
    faults = []
    path = source_path(out, name)
    before = list(read_json(path)["measures"]) if path.exists() else []
    if before and not set(before) & set(measures):
        faults.append(
            Fault(
                f"source '{name}'",
                f"has brought other measures before: {listed(before)}",
                got=listed(measures),
                way_out="if it is another file, name it ('source: name' in the map); else use another output folder",
            )
        )
    for measure in measures:
        owner = next((other["source"] for other in others if measure in other["measures"]), None)
        table = measure_path(out, measure)
        if owner is not None:
            way_out = "use another output folder; or, if this replaces it, give both the same 'source' in their maps"
            faults.append(
                Fault(
                    f"measure '{measure}'",
                    f"is there already, from '{owner}'",
                    got=f"from '{name}'",
                    way_out=way_out,
                )
            )
        elif table.exists() and _imported_from(table) != name:
            problem, way_out = (
                "is there already, and no finished import has made it",
                "use another output folder, or move that table away",
            )
            faults.append(Fault(str(table), problem, way_out=way_out))
    if faults:
        raise InputError(faults)


def _imported_from(table: Path) -> str | None:
    """The source a measure table came from; None if it was not imported."""
    try:
        return str(read_json(table.with_suffix(".json"))["ImportedFrom"]["source"])
    except (InputError, KeyError, TypeError):
        return None


def measures_from(out: Path, name: str) -> list[str]:
    """The measure tables that came from a source."""
    found = sorted((out / FOLDER).glob("measure-*.tsv"))
    return [path.stem.removeprefix("measure-") for path in found if _imported_from(path) == name]


def merged_people(sources: Sequence[Source]) -> tuple[list[str], list[dict[str, Any]]]:
    """Columns and rows of the table of people.

    Raises
    ------
    InputError
        For everybody whom two sources put in two groups, or give two values of one covariate.
    """
    people: dict[str, dict[str, tuple[Any, str]]] = {}
    faults = []
    for source in sources:
        for person in source["people"]:
            kept = people.setdefault(person["participant_id"], {})
            for name, value in person.items():
                if value is None:
                    continue
                first = kept.setdefault(name, (value, source["source"]))
                if first[0] != value:
                    what = "is in two groups" if name == "group" else f"has two values of '{name}'"
                    faults.append(
                        Fault(
                            person["participant_id"],
                            f"{what}: {cell(first[0])} (in {first[1]}) and {cell(value)} (in {source['source']})",
                            way_out="correct one of the files; or use another output folder for different people",
                        )
                    )
    if faults:
        raise InputError(faults)
    names = {name for person in people.values() for name in person}
    fixed = [name for name in ("participant_id", "group", "age_months") if name in names]
    columns = [*fixed, *sorted(names - set(fixed))]
    return columns, [
        {name: people[code][name][0] for name in columns if name in people[code]} for code in sorted(people)
    ]


@step(version=1)
def combine_sources(*, settings: Mapping[str, Any], inputs: Mapping[str, Path]) -> dict[str, str]:
    """Make the tables of people, completeness and unusable rows from all sources."""
    del settings
    sources = [read_json(path) for _, path in sorted(inputs.items())]
    columns, people = merged_people(sources)
    described: dict[str, Any] = {}
    for source in sources:
        for name, text in source["describes"].items():
            described.setdefault(name, {"Description": text})
    described["participant_id"] = {"Description": "pseudonym, sub-<code>"}
    described["group"] = {"Description": "group of people who are analysed together"}
    if "age_months" in described:
        described["age_months"]["Units"] = "months"
    complete = [row for source in sources for row in source.get("completeness", [])]
    lost = [row for source in sources for row in source.get("unusable", [])]
    return {
        f"{FOLDER}/{PEOPLE}": table_text(
            columns, [[person.get(name, MISSING) for name in columns] for person in people]
        ),
        f"{FOLDER}/{PEOPLE.removesuffix('.tsv')}.json": _json(
            {name: described.get(name, {}) for name in columns}
        ),
        f"{FOLDER}/completeness.tsv": table_text(list(completeness.COLUMNS), complete),
        f"{FOLDER}/completeness.json": _json(
            {name: {"Description": text} for name, text in completeness.COLUMNS.items()}
        ),
        f"{FOLDER}/unusable_rows.tsv": table_text(list(unusable.COLUMNS), lost),
        f"{FOLDER}/unusable_rows.json": _json(
            {name: {"Description": text} for name, text in unusable.COLUMNS.items()}
        ),
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def combine(out: Path) -> Done:
    """Bring the tables over all sources up to date."""
    for before in _people_before(out):
        write_atomically(source_path(out, BEFORE), _json(before))
    inputs = {path.name: path for path in source_files(out)}
    return perform(combine_sources, settings={}, inputs=inputs, folder=out)


def unfinished_imports(out: Path) -> list[Fault]:
    """What an interrupted import left in `out`; `analyse` refuses to read such a folder.

    Returns
    -------
    list of Fault
        Empty where every import is finished, and where there never was one.
    """
    faults = []
    accounts = source_files(out)
    for path in accounts:
        source = read_json(path)
        if source["source"] != BEFORE and not _stands(out, f"import-{path.stem}"):
            faults.append(
                Fault(
                    f"import of {source['source']}", "was not finished", way_out="run the same import again"
                )
            )
    owned = {measure for path in accounts for measure in read_json(path)["measures"]}
    for path in sorted((out / FOLDER).glob("measure-*.json")):
        if path.stem.removeprefix("measure-") not in owned and _imported_from(path) is not None:
            faults.append(
                Fault(
                    str(path.with_suffix(".tsv")),
                    "is left from an import that was not finished",
                    way_out="run the same import again",
                )
            )
    if accounts and not faults and not _stands(out, COMBINED, {path.name: path for path in accounts}):
        faults.append(
            Fault(
                str(out / FOLDER / PEOPLE), "does not hold everybody yet", way_out="run the last import again"
            )
        )
    return faults


def _stands(out: Path, stamp: str, inputs: Mapping[str, Path] | None = None) -> bool:
    """Whether a stamp is there and its outputs are as it left them."""
    try:
        document = read_json(out / ".done" / f"{stamp}.json")
        whole = all(sha256_file(out / name) == digest for name, digest in document["outputs"].items())
        return whole and (
            inputs is None or document["inputs"] == {name: sha256_file(path) for name, path in inputs.items()}
        )
    except (BazinError, OSError, KeyError, TypeError):
        return False


def remove_measures(out: Path, measures: Sequence[str]) -> None:
    """Take away tables a source no longer brings.

    Raises
    ------
    OutputError
        If they cannot be removed.
    """
    for measure in measures:
        for path in (measure_path(out, measure), measure_path(out, measure).with_suffix(".json")):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise cannot_write(path, error) from error


def percent(part: int, whole: int) -> str:
    """A share for the terminal."""
    return f"{number(round(100 * part / whole, 1))} %" if whole else MISSING


def refuse_file_as_folder(out: Path) -> None:
    """Raise an InputError if the output is a file."""
    if out.exists() and not out.is_dir():
        raise fail(InputError, str(out), "is a file, not a folder", way_out="name another output folder")
