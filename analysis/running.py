"""``bazin analyse``: from measure tables to verdict and report, in the manner of a BIDS App."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from analysis.behaviour.exclusions import not_applied
from analysis.evidence.blind import shuffle_arms
from analysis.evidence.decide import decide
from analysis.evidence.results import DESCRIPTIONS
from analysis.evidence.variants import files_beside, read_beside
from analysis.evidence.verdict import Verdict
from analysis.fmri.group.brain_maps import asks_for_maps, make_maps
from analysis.fmri.participants import Ways, measures_from_scans
from analysis.importing.beh_files import has_beh
from analysis.importing.bids_people import bring_imported_people, with_earlier
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
from analysis.participants import changed_since, measures_from_behaviour, people_of_measures
from protocols.base.bids import participant_id, write_description
from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, Fault, InputError, OutputError, PlanError, UsageError, listed
from protocols.base.files import read_json, write_json
from protocols.base.steps import Done, perform, step
from protocols.base.tables import frame_text
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
    source: Path,
    out: Path,
    promise: Promise,
    labels: Sequence[str] = (),
    say: Say = print,
    ways: Ways | None = None,
) -> Outcome:
    """Bring every measure of the plan into ``OUT/measures`` and check it against the plan.

    Measures that the behavioral files of a data set can give are made of them (`analysis.participants`), regions'
    percent signal change of its scans (`analysis.fmri.participants`). Tables imported into `source` are checked and,
    where `out` is another folder, taken over for the people asked for; those that are in `out` from elsewhere stay.

    Parameters
    ----------
    source, out
        Data set (or imported tables), and folder of results.
    promise
        The plan.
    labels
        Only these people.
    say
        Where lines for the user go.
    ways
        How scans are worked on; see `analysis.fmri.participants.Ways`.

    Raises
    ------
    InputError
        If no measure of the plan is there, or the data set holds pilot sessions.
    """
    _refuse_reserved(promise.plan)
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
    _refuse_pilot(source)
    computed = measures_from_behaviour(source, out, promise, wanted, say)
    scanned = measures_from_scans(source, out, promise, wanted, ways or Ways(), say)
    for part in (computed, scanned):
        for told in ("done", "warnings", "errors"):
            getattr(outcome, told).extend(getattr(part, told))
    made = {**computed.made, **scanned.made}
    if made:
        done, notes = people_of_measures(source, out, promise, wanted, made)
        outcome.done += done
        outcome.warnings += notes
    looked_for = (*computed.names, *scanned.names)
    left = [name for name in promise.plan.measures if name not in looked_for]
    there = [
        name for name in left if not measure_path(source, name).exists() and measure_path(out, name).exists()
    ]
    stay = _read_tables(out, promise.plan, outcome, there)
    tables = _read_tables(source, promise.plan, outcome, [name for name in left if name not in there])
    if not (tables or stay or made):
        raise _nothing_measured(
            source, promise.plan, outcome, "mend what is named" if has_beh(source) else ""
        )
    for name, table in stay.items():
        say(f"{name}: is in {out.name} already, {table.rows['participant_id'].nunique()} people")
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
            people_kept = with_earlier(measure_path(out, name), wanted)
            settings = {"plan": promise.sha256, "people": people_kept, "measure": name}
            outcome.done.append(
                perform(take_over, settings=settings, inputs=inputs, folder=out, stamp=f"take-over-{name}")
            )
        kept = table.rows[table.rows["participant_id"].isin(wanted or people)]
        usable = int((kept["included"] == 1).sum())
        say(f"{name}: {kept['participant_id'].nunique()} people, {usable} of {len(kept)} rows usable")
    if not same and (source / FOLDER / PEOPLE).exists():
        outcome.done.append(bring_imported_people(source, out, wanted))
    return outcome


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


def run_group(
    source: Path,
    out: Path,
    promise: Promise,
    *,
    blind: bool = False,
    command: str = "",
    workers: int | None = None,
    say: Say = print,
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
    workers
        Processes for bootstraps, all cores if None. How it runs, and so in no setting and no hash.

    Raises
    ------
    PlanError
        If the plan relies on what this version does not have.
    InputError
        If no measure of the plan has a table.
    """
    from analysis.report import build_report

    plan = promise.plan
    _refuse_reserved(plan)
    _refuse_results_in_raw(out)
    known = [str(replace(warning, file=Path(warning.file).name)) for warning in promise.warnings]
    outcome = Outcome(out, warnings=known)
    folder = out if any((out / FOLDER).glob("measure-*.tsv")) else source
    _refuse_unfinished(folder)
    outcome.warnings += [*_changed_since(source, folder), *changed_since(source, folder)]
    tables = _read_tables(folder, plan, outcome)
    if not tables:
        raise _nothing_measured(folder, plan, outcome)
    inputs: dict[str, Path] = {}
    for path in (measure_path(folder, name) for name in tables):
        inputs |= {f"{FOLDER}/{file.name}": file for file in (path, path.with_suffix(".json"))}
    if (folder / FOLDER / PEOPLE).exists():
        inputs[f"{FOLDER}/{PEOPLE}"] = folder / FOLDER / PEOPLE
    inputs |= files_beside(folder, tables)
    write_description(out, "bazin: verdict and measure tables")
    # In the plan's own order, which canonical JSON does not keep; the hash is of the canonical form.
    inputs["plan.json"] = write_json(out / "plan.json", resolved(plan))
    settings = {"plan": promise.sha256, "blind": blind}
    # How it runs is no setting: it changes no number and must not make a stamp look old.
    work = replace(verdict, run=partial(verdict.run, workers=workers or os.cpu_count() or 1))
    done = perform(work, settings=settings, inputs=inputs, folder=out)
    outcome.done.append(done)
    say(str(done))
    if blind and asks_for_maps(plan):  # people's maps carry the arms' true names
        outcome.warnings.append("no maps of the whole brain: they would tell which arm is which")
    else:
        made, failed = make_maps(folder, out, promise, threads=workers or os.cpu_count() or 1, say=say)
        outcome.done += made
        outcome.errors += failed
    simulated = any(getattr(table.sidecar, "Simulated", False) for table in tables.values())
    record = {**_run_record(inputs, outcome, blind, command), "simulated": simulated}
    write_json(out / "logs" / "run.json", record)
    outcome.verdict = Verdict.model_validate_json((out / "verdict.json").read_bytes())
    outcome.report = build_report(out)
    return outcome


@step(version=2)
def verdict(*, settings: Any, inputs: Mapping[str, Path], workers: int = 1) -> dict[str, str]:
    """Verdict and result tables from measure tables and the resolved plan."""
    import json

    promise = parse_plan(inputs["plan.json"].read_text(encoding="utf-8"), "plan.json")
    paths = [
        path
        for name, path in inputs.items()
        if name.startswith(f"{FOLDER}/measure-") and path.suffix == ".tsv"
    ]
    fitted = [fit_to_plan(promise.plan, read_measure(path), path)[0] for path in paths]
    by_name = {table.id: table for table in fitted}
    tables, _ = one_group_each(by_name)
    bold = read_beside(promise.plan, inputs, by_name)
    people_file = inputs.get(f"{FOLDER}/{PEOPLE}")
    people = read_people(people_file.parent.parent) if people_file else None
    if settings["blind"]:
        tables = {name: shuffle_arms(promise.plan, table, settings["plan"]) for name, table in tables.items()}
        bold = bold and bold.shuffled(promise.plan, settings["plan"])
    decision = decide(
        promise.plan, settings["plan"], tables, people,
        bold=bold, blinded=settings["blind"], workers=workers,
    )  # fmt: skip
    outputs = {f"results/{name}.tsv": frame_text(frame) for name, frame in decision.tables.items()}
    outputs["results/results.json"] = (
        json.dumps(
            {f"{name}.tsv": text for name, text in DESCRIPTIONS.items() if name in decision.tables}, indent=2
        )
        + "\n"
    )
    outputs["verdict.json"] = decision.verdict.model_dump_json(by_alias=True, indent=2) + "\n"
    return outputs


def _read_tables(
    folder: Path, plan: Plan, outcome: Outcome, names: Sequence[str] | None = None
) -> dict[str, MeasureTable]:
    """Every measure of the plan, or some, that has a sound table; the others are listed and do not stop these."""
    tables = {}
    for name in plan.measures if names is None else names:
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
        outcome.warnings += warnings + not_applied(plan, name, table.sidecar)
        notes = (table.sidecar.model_extra or {}).get("Notes", [])
        outcome.warnings += [note for note in notes if note not in outcome.warnings]
        tables[name] = table
    tables, torn = one_group_each(tables)
    outcome.errors += torn
    return tables


def _nothing_measured(folder: Path, plan: Plan, outcome: Outcome, way_out: str = "") -> BazinError:
    if has_beh(folder):
        way_out = way_out or "run the participant level first: 'bazin analyse BIDS OUT participant'"
    return InputError(
        Fault(
            str(folder),
            "has no usable table of any measure of the plan",
            got="\n            ".join(outcome.errors),
            accepted=listed(f"{FOLDER}/measure-{name}.tsv" for name in plan.measures),
            way_out=way_out or "bring values in with 'bazin import measures FILE --map MAP.yaml --out OUT'",
        )
    )


def _refuse_reserved(plan: Plan) -> None:
    """Refuse settings of the analysis that nothing uses yet: what can change a number is never silently ignored."""
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


def _refuse_pilot(source: Path) -> None:
    """Pilot sessions try a study out: what comes of them decides nothing."""
    file = source / "dataset_description.json"
    described = read_json(file) if file.exists() else None
    if isinstance(described, dict) and described.get("Pilot") is True:
        raise InputError(
            Fault(
                str(source),
                "holds pilot sessions, and no confirmatory analysis takes them",
                way_out="give the data set of the study's own sessions; 'bazin session show' looks at pilots",
            )
        )


def _refuse_results_in_raw(out: Path) -> None:
    """Never write into a raw data set, except its ``derivatives/``, nor over another program's derivatives."""
    here = out.resolve()
    for folder in (here, *here.parents):
        description = folder / "dataset_description.json"
        document = read_json(description) if description.exists() else None
        kind = document.get("DatasetType") if isinstance(document, dict) else None
        makers = document.get("GeneratedBy") if isinstance(document, dict) else None
        names = [maker.get("Name") for maker in makers or () if isinstance(maker, dict)]
        raw = has_beh(folder) if document is None else kind == "raw" or not (kind or names)
        below = here.relative_to(folder).parts[:1]
        if raw and below != ("derivatives",):
            whose, way_out = "a raw BIDS data set", f"use {folder / 'derivatives' / 'bazin'}"
        elif document is not None and not raw and not below and "bazin" not in names:
            whose, way_out = f"a data set of another program ({listed(names)})", "use a folder of its own"
        else:
            continue
        problem = f"is {'in ' if below else ''}{whose}, and results are never written into one"
        raise OutputError(Fault(str(out), problem, way_out=way_out))


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
