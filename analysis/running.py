"""``bazin analyse``: from measure tables to verdict and report, in the manner of a BIDS App."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from analysis.evidence.blind import shuffle_arms
from analysis.evidence.decide import decide
from analysis.evidence.deciding import refuse_unavailable
from analysis.evidence.results import DESCRIPTIONS
from analysis.evidence.verdict import Verdict
from analysis.importing.sources import unfinished_imports
from analysis.measures.checking import fit_to_plan, one_group_each
from analysis.measures.table import (
    FOLDER,
    PEOPLE,
    MeasureTable,
    Sidecar,
    measure_path,
    read_measure,
    read_people,
)
from protocols.base.bids import participant_id, write_description
from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, Fault, InputError, OutputError, PlanError, UsageError, listed
from protocols.base.files import read_json, write_json
from protocols.base.steps import Done, perform, step
from protocols.base.tables import frame_text, read_frame
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise, parse_plan, relied_upon, resolved

PACKAGES = ("numpy", "scipy", "pandas", "pydantic", "matplotlib", "pingouin")
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a run left behind.

    Attributes
    ----------
    done
        Which steps were computed or reused, and why.
    warnings, errors
        What the report lists; an error concerns one item and did not stop the others.
    """

    out: Path
    done: list[Done] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    report: Path | None = None


def run_participant(
    source: Path, out: Path, promise: Promise, labels: Sequence[str] = (), say: Say = print
) -> Outcome:
    """Bring every measure of the plan into ``OUT/measures`` and check it against the plan.

    Tables imported into `source` are checked and, where `out` is another folder, taken over for the people asked for.
    Nothing in this version computes measures from raw recordings.

    Raises
    ------
    InputError
        If no measure of the plan is there.
    """
    _refuse_undone(promise.plan)
    _refuse_results_in_raw(out)
    outcome = Outcome(out)
    wanted = {participant_id(label) for label in labels}
    same = source.resolve() == out.resolve()
    if same and wanted:
        raise UsageError(
            Fault(
                "--participant-label",
                "would cut the tables in place",
                got=listed(sorted(wanted)),
                way_out="name another output folder: the imported tables are never changed",
            )
        )
    _refuse_unfinished(source)
    tables = _read_tables(source, promise.plan, outcome)
    if not tables:
        raise _nothing_measured(source, promise.plan, outcome)
    for name, table in tables.items():
        people = set(table.rows["participant_id"])
        unknown = wanted - people
        if unknown:
            outcome.warnings.append(f"{name}: has no {listed(sorted(unknown))}")
        if not same:
            inputs = {
                "table": measure_path(source, name),
                "sidecar": measure_path(source, name).with_suffix(".json"),
            }
            people_kept = _with_earlier(measure_path(out, name), wanted)
            settings = {"plan": promise.sha256, "people": people_kept, "measure": name}
            outcome.done.append(
                perform(take_over, settings=settings, inputs=inputs, folder=out, stamp=f"take-over-{name}")
            )
        kept = table.rows[table.rows["participant_id"].isin(wanted or people)]
        usable = int((kept["included"] == 1).sum())
        say(f"{name}: {kept['participant_id'].nunique()} people, {usable} of {len(kept)} rows usable")
    if not same and (source / FOLDER / PEOPLE).exists():
        settings = {"people": _with_earlier(out / FOLDER / PEOPLE, wanted)}
        inputs = {"people": source / FOLDER / PEOPLE}
        outcome.done.append(perform(take_over_people, settings=settings, inputs=inputs, folder=out))
    return outcome


def _with_earlier(table: Path, wanted: set[str]) -> list[str]:
    """The people asked for and those an earlier call took over: one participant after the other adds up."""
    if not wanted or not table.exists():
        return sorted(wanted)
    return sorted(wanted | set(read_frame(table, required=("participant_id",))["participant_id"]))


@step(version=1)
def take_over(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """A measure table for the people asked for, bound to the plan."""
    from analysis.measures.table import measure_texts

    table = read_measure(inputs["table"])
    rows = table.rows
    if settings["people"]:
        rows = rows[rows["participant_id"].isin(settings["people"])].reset_index(drop=True)
    described = table.sidecar.model_dump()
    origin = described.pop("ImportedFrom", None)  # the mark of an import's own folder
    sidecar = Sidecar(
        **{**described, "plan_sha256": settings["plan"], **({"DerivedFrom": origin} if origin else {})}
    )
    return measure_texts(replace(table, rows=rows, sidecar=sidecar))


@step(version=1)
def take_over_people(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """The people table for the people asked for."""
    frame = read_frame(inputs["people"], required=("participant_id", "group"))
    if settings["people"]:
        frame = frame[frame["participant_id"].isin(settings["people"])]
    return {f"{FOLDER}/{PEOPLE}": frame_text(frame)}


def run_group(
    source: Path, out: Path, promise: Promise, *, blind: bool = False, command: str = "", say: Say = print
) -> Outcome:
    """Compute verdict, result tables and report from the measure tables, and nothing else.

    Parameters
    ----------
    source
        Where tables were imported; read where `out` has none.
    out
        What the participant level left; ``verdict.json``, ``results/`` and ``report.html`` go there.
    blind
        Shuffle the arms' labels first.
    command
        The command line, for the report.

    Raises
    ------
    PlanError
        If the plan relies on what this version does not have.
    InputError
        If no measure of the plan has a table.
    """
    from analysis.report import build_report

    plan = promise.plan
    _refuse_undone(plan)
    _refuse_results_in_raw(out)
    known = [str(replace(warning, file=Path(warning.file).name)) for warning in promise.warnings]
    outcome = Outcome(out, warnings=known)
    folder = out if any((out / FOLDER).glob("measure-*.tsv")) else source
    _refuse_unfinished(folder)
    outcome.warnings += _changed_since(source, folder)
    tables = _read_tables(folder, plan, outcome)
    if not tables:
        raise _nothing_measured(folder, plan, outcome)
    inputs: dict[str, Path] = {}
    for path in (measure_path(folder, name) for name in tables):
        inputs |= {f"{FOLDER}/{file.name}": file for file in (path, path.with_suffix(".json"))}
    if (folder / FOLDER / PEOPLE).exists():
        inputs[f"{FOLDER}/{PEOPLE}"] = folder / FOLDER / PEOPLE
    write_description(out, "bazin: verdict and measure tables")
    # In the plan's own order, which canonical JSON does not keep; the hash is of the canonical form.
    inputs["plan.json"] = write_json(out / "plan.json", resolved(plan))
    settings = {"plan": promise.sha256, "blind": blind}
    done = perform(verdict, settings=settings, inputs=inputs, folder=out)
    outcome.done.append(done)
    say(str(done))
    simulated = any(getattr(table.sidecar, "Simulated", False) for table in tables.values())
    record = {**_run_record(inputs, outcome, blind, command), "simulated": simulated}
    write_json(out / "logs" / "run.json", record)
    outcome.verdict = Verdict.model_validate_json((out / "verdict.json").read_bytes())
    outcome.report = build_report(out)
    return outcome


@step(version=1)
def verdict(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
    """Verdict and result tables from measure tables and the resolved plan."""
    import json

    promise = parse_plan(inputs["plan.json"].read_text(encoding="utf-8"), "plan.json")
    paths = [
        path
        for name, path in inputs.items()
        if name.startswith(f"{FOLDER}/measure-") and path.suffix == ".tsv"
    ]
    fitted = [fit_to_plan(promise.plan, read_measure(path), path)[0] for path in paths]
    tables, _ = one_group_each({table.id: table for table in fitted})
    people_file = inputs.get(f"{FOLDER}/{PEOPLE}")
    people = read_people(people_file.parent.parent) if people_file else None
    if settings["blind"]:
        tables = {name: shuffle_arms(promise.plan, table, settings["plan"]) for name, table in tables.items()}
    decision = decide(promise.plan, settings["plan"], tables, people, blinded=settings["blind"])
    outputs = {f"results/{name}.tsv": frame_text(frame) for name, frame in decision.tables.items()}
    outputs["results/results.json"] = (
        json.dumps({f"{name}.tsv": text for name, text in DESCRIPTIONS.items()}, indent=2) + "\n"
    )
    outputs["verdict.json"] = decision.verdict.model_dump_json(by_alias=True, indent=2) + "\n"
    return outputs


def _read_tables(folder: Path, plan: Plan, outcome: Outcome) -> dict[str, MeasureTable]:
    """Every measure of the plan that has a sound table; the others are listed and do not stop these."""
    tables = {}
    for name in plan.measures:
        path = measure_path(folder, name)
        if not path.exists():
            outcome.errors.append(
                f"measure '{name}': no table {path.name} in {FOLDER}/; its hypotheses are not estimable"
            )
            continue
        try:
            table, warnings = fit_to_plan(plan, read_measure(path), path)
        except (InputError, PlanError) as error:
            told = str(error).replace(f"{folder}{os.sep}", "")  # the report travels, folder names need not
            outcome.errors.append(f"measure '{name}': {told}")
            continue
        outcome.warnings += warnings
        tables[name] = table
    tables, torn = one_group_each(tables)
    outcome.errors += torn
    return tables


def _nothing_measured(folder: Path, plan: Plan, outcome: Outcome) -> BazinError:
    return InputError(
        Fault(
            str(folder),
            "has no usable table of any measure of the plan",
            got="\n            ".join(outcome.errors),
            accepted=listed(f"{FOLDER}/measure-{name}.tsv" for name in plan.measures),
            way_out="bring values in with 'bazin import measures FILE --map MAP.yaml --out OUT'",
        )
    )


def _refuse_undone(plan: Plan) -> None:
    """Refuse a plan that asks for what is not there yet: no part that can change a number is silently ignored."""
    faults: list[Fault] = []
    for refuse in (refuse_unavailable, _refuse_reserved):
        try:
            refuse(plan)
        except PlanError as error:
            faults += error.faults
    if faults:
        raise PlanError(faults)


def _refuse_reserved(plan: Plan) -> None:
    """Refuse settings of the analysis that nothing uses yet."""
    fields = relied_upon(plan, "analysis")
    if fields:
        raise PlanError(
            Fault(
                f"plan '{plan.plan}'",
                "relies on what this version does not do yet",
                got=listed(fields, limit=40),
                way_out="if the values were measured elsewhere with these settings, say so in 'measured_elsewhere' of "
                "the measure and take the fields out; otherwise wait for the version that has them",
            )
        )


def _changed_since(source: Path, folder: Path) -> list[str]:
    """Measures whose table in `source` is no longer the one that was taken over into `folder`."""
    told = []
    for stamp in sorted((folder / ".done").glob("take-over-*.json")):
        name = stamp.stem.removeprefix("take-over-")
        path = measure_path(source, name)
        if path.exists() and read_json(stamp)["inputs"].get("table") not in (None, sha256_file(path)):
            told.append(
                f"measure '{name}': has changed where it was imported; run the participant level again"
            )
    return told


def _refuse_unfinished(folder: Path) -> None:
    """Refuse a folder into which an import was begun and not finished."""
    unfinished = unfinished_imports(folder)
    if unfinished:
        raise InputError(unfinished)


def _refuse_results_in_raw(out: Path) -> None:
    """Never write into a raw data set, nor over another program's derivatives."""
    description = out / "dataset_description.json"
    if not description.exists():
        return
    document = read_json(description)
    makers = document.get("GeneratedBy") if isinstance(document, dict) else None
    names = [maker.get("Name") for maker in makers or () if isinstance(maker, dict)]
    if "bazin" in names:
        return
    raw = not isinstance(document, dict) or document.get("DatasetType", "raw" if not names else "") == "raw"
    whose = "a raw BIDS data set" if raw else f"a data set of another program ({listed(names)})"
    raise OutputError(
        Fault(
            str(out),
            f"is {whose}, and results are never written into one",
            way_out=f"use {out / 'derivatives' / 'bazin' if raw else 'a folder of its own'}",
        )
    )


def _run_record(inputs: Mapping[str, Path], outcome: Outcome, blind: bool, command: str) -> dict[str, Any]:
    from protocols import __version__

    versions = {"bazin": __version__, **{name: importlib.metadata.version(name) for name in PACKAGES}}
    return {
        "command": command,
        "versions": versions,
        "python": platform.python_version(),
        "system": platform.system(),
        "blinded": blind,
        "warnings": outcome.warnings,
        "errors": outcome.errors,
        "generated": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "sources": [{"file": name, "sha256": sha256_file(path)} for name, path in sorted(inputs.items())],
    }
