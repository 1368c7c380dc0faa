"""One person: from a data set's files to what the group needs, step by step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.fmri.derivatives import DerivedRun, derived_runs
from analysis.fmri.first_level.efficiency import refuse_inseparable_clips
from analysis.fmri.images import image_bytes
from analysis.fmri.person.asked import Asked, contrast_name
from analysis.fmri.person.films import Films
from analysis.fmri.person.finding import RawRun, runs_of, task_of
from analysis.fmri.person.images import grid_of, refuse_other_grid
from analysis.fmri.person.modeling import (
    RunFiles,
    RunModel,
    model_run,
    person_maps,
    quality_rows,
    refuse_lost,
    told,
)
from analysis.fmri.person.names import first_level_stamp, map_stem, saved_name
from analysis.fmri.person.preparing import prepare_person
from analysis.fmri.person.set_aside import read_set_aside, set_aside_table
from analysis.fmri.person.values import Values, region_values
from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.preprocessing.templates import Template
from analysis.fmri.regions import region_of_file, sphere
from analysis.fmri.scans import events_of, events_path, open_scan
from protocols.base.bids import Name, label
from protocols.base.errors import BazinError, Fault, InputError, fail, listed
from protocols.base.files import read_json
from protocols.base.steps import Done, Outputs, Step, finished_so, perform, stamp_path
from protocols.base.tables import frame_text, read_frame

STEP = "first_level"
VERSION = 4
"""Raised whenever the first level's numbers change."""
STATS = {"effect": "percent signal change", "z": "z"}
LATE_S = 0.05
"""How much shorter than planned a gap may be; a clip that comes later than that is set aside anyway."""


@dataclass(frozen=True)
class Job:
    """Everything one person's work needs; sent to another process.

    Attributes
    ----------
    bids, out
        Raw data set, and folder of results.
    participant
        ``sub-01``.
    asked
        Of one session.
    template
        Of the plan's space; None where another program preprocessed.
    derivatives
        Folder of that program.
    maps
        Whether the plan wants maps of the whole brain.
    pages
        Whether the person gets a page.
    films
        Where the features that stand in the model come from; None where the plan has none.
    """

    bids: Path
    out: Path
    participant: str
    asked: Asked
    template: Template | None
    derivatives: Path | None
    maps: bool
    pages: bool = True
    films: Films | None = None


@dataclass
class Finished:
    """What came of it.

    Attributes
    ----------
    rows
        Whether there are values.
    faults
        What could not be used, run by run.
    warnings
        What should be known of what was used.
    """

    participant: str
    done: list[Done] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    rows: bool = False


def analyse_person(job: Job) -> Finished:
    """Preprocess and model one person's session; whatever cannot be used is told, and the rest goes on."""
    finished = Finished(job.participant)
    try:
        runs, faults = _runs(job, finished)
        finished.faults += faults
        ready = _with_events(job, runs, finished)
        if not ready:
            raise fail(InputError, job.participant, f"has no usable run of session '{job.asked.session}'")
        finished.done.append(_first_level(job, ready))
        aside = read_set_aside(job.out / saved_name(job.participant, job.asked.session, "set_aside"))
        finished.faults += [fault for faults in aside.values() for fault in faults]
        ready = [run for run in ready if run.name not in aside]
        finished.rows = True
        finished.warnings += _inseparable(job)
        if not job.pages:
            return finished
        from analysis.fmri.person.page import person_page

        finished.done.append(person_page(job.out, job.participant, job.asked, ready))
    except BazinError as error:
        finished.faults += told(error, job.participant)
    if not finished.rows:  # values of files that can no longer be used are nobody's values
        _stamp_file(job.out, job.participant, job.asked).unlink(missing_ok=True)
    return finished


def _runs(job: Job, finished: Finished) -> tuple[list[tuple[DerivedRun, Path]], list[Fault]]:
    """The preprocessed runs, each with the folder of its events, made where no other program did."""
    asked, person = job.asked, job.participant
    if job.derivatives is not None:
        found = _derived(job)
        folders = [job.bids.joinpath(*run.bold.relative_to(job.derivatives).parts[:-1]) for run in found]
        return list(zip(found, folders, strict=True)), []
    raw, faults = runs_of(job.bids, person, asked.session, asked.paradigm)
    assert job.template is not None
    prepared = prepare_person(job.bids, job.out, person, raw, job.template, asked)
    finished.done += prepared.done
    by_name: dict[str, RawRun] = {run.name: run for run in raw}
    made = [(run, by_name[name].bold.parent) for name, run in prepared.runs.items()]
    return made, [*faults, *prepared.set_aside]


def _derived(job: Job) -> list[DerivedRun]:
    """Runs another program prepared: of the session and its task, in the plan's space."""
    asked, folder, person = job.asked, job.derivatives, job.participant
    assert folder is not None
    session = label(asked.session)
    resolution = f"{asked.bold.resolution_mm:g}".replace(".", "p")
    try:
        found = derived_runs(folder, person, asked.bold.space, res=resolution)
    except InputError:
        found = derived_runs(folder, person, asked.bold.space)
    own = [run for run in found if run.entities.get("ses", session) == session]
    if not own:
        raise fail(InputError, person, f"has no preprocessed run of session '{asked.session}'",
                   got=listed(sorted({f"ses-{run.entities['ses']}" for run in found})), accepted=f"ses-{session}",
                   way_out="name the plan's session as the data set's, or the other way round")  # fmt: skip
    task = task_of({run.entities["task"] for run in own}, person, asked.session, asked.paradigm)
    return [run for run in own if run.entities["task"] == task]


def _with_events(job: Job, runs: list[tuple[DerivedRun, Path]], finished: Finished) -> list[RunFiles]:
    ready = []
    root = job.derivatives or job.out
    for run, folder in runs:
        try:
            scan = open_scan(run.bold, root)
            events = events_of(scan, job.bids, events_path(Name.parse(run.bold.name), folder))
            start = scan.sidecar.get("StartTime") if scan.sidecar.get("SliceTimingCorrected") else None
            ref = float(start) / scan.tr_s if isinstance(start, int | float) else 0.5
            ready.append(RunFiles(run.entities, scan, run.mask, run.confounds, events, ref, job.films))
        except BazinError as error:
            finished.faults += told(error, run.name)
    numbers = Counter(run.entities.get("run") for run in ready)
    return [replace(run, shares_number=numbers[run.entities.get("run")] > 1) for run in ready]


def _first_level(job: Job, ready: list[RunFiles]) -> Done:
    """Models of all runs, as one step: values of a run depend on what its neighbors measured."""
    inputs: dict[str, Path] = {}
    for run in ready:
        events = events_path(Name.parse(run.scan.path.name), _raw_folder(job, run))
        # The timing comes from sidecars, which may lie anywhere above: it stands in the name.
        when = f"a volume every {run.scan.tr_s:g} s, taken at {run.slice_time_ref:g} of it"
        inputs |= {
            f"{run.name}:bold, {when}": run.scan.path, f"{run.name}:mask": run.mask,
            f"{run.name}:confounds": run.confounds, f"{run.name}:events": events,
        }  # fmt: skip
        inputs |= job.films.inputs(run.events) if job.films else {}
    for name, region in job.asked.regions.items():
        if "mask" in region:
            path = inputs[f"region {name}"] = job.bids / region["mask"]
            if not path.is_file():
                raise fail(InputError, f"measure '{name}': {path}", "does not exist",
                           way_out="put the plan's region there; its path begins at the data set's folder")  # fmt: skip

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> Outputs:
        del settings, inputs
        outputs = first_level_outputs(job, ready)
        _forget_others(job, outputs)
        return outputs

    return perform(
        Step(STEP, VERSION, work),
        settings=_settings(job.asked, job.maps),
        inputs=inputs, folder=job.out, stamp=first_level_stamp(job.participant, job.asked.session),
    )  # fmt: skip


def _settings(asked: Asked, maps: bool) -> dict[str, Any]:
    return {**asked.settings(), "maps": maps}


def _stamp_file(out: Path, participant: str, asked: Asked) -> Path:
    return stamp_path(out, first_level_stamp(participant, asked.session))


def _forget_others(job: Job, outputs: Mapping[str, object]) -> None:
    """Take away what an earlier first level left and this one does not: a map nobody may count any more, above all."""
    stamp = _stamp_file(job.out, job.participant, job.asked)
    if not stamp.exists():
        return
    try:
        before = set(read_json(stamp)["outputs"])
    except (InputError, KeyError, TypeError):
        return  # as unreadable as it is to `perform`, which computes again
    for name in before - set(outputs):
        (job.out / name).unlink(missing_ok=True)


def _raw_folder(job: Job, run: RunFiles) -> Path:
    root = job.derivatives or job.out
    return job.bids.joinpath(*run.scan.path.relative_to(root).parts[:-1])


def first_level_outputs(job: Job, ready: list[RunFiles]) -> dict[str, str | bytes | Path]:
    """Contents of everything the first level leaves, by name below OUT."""
    asked = job.asked
    grid = grid_of(ready[0].scan)
    regions = {name: _region(name, job, grid) for name in asked.regions}
    models: list[RunModel] = []
    aside: dict[str, list[Fault]] = {}
    for run in ready:
        try:
            refuse_other_grid(str(run.scan.path), run.scan.shape, run.scan.affine, grid)
            models.append(model_run(run, asked, regions, grid, maps=job.maps))
        except BazinError as error:
            aside[run.name] = told(error, run.name)
    if not models:
        raise InputError([fault for faults in aside.values() for fault in faults])
    lost = refuse_lost(models, asked)
    values = region_values(models, asked, regions, lost)
    outputs: dict[str, str | bytes | Path] = {}
    outputs |= _tables(job, models, values, lost, aside)
    outputs |= _separability(job, models)
    outputs |= _designs(job, models)
    outputs |= _images(job, models, grid, lost)
    return outputs


def _region(name: str, job: Job, grid: Grid) -> np.ndarray:
    try:
        return region_voxels(job.asked.regions[name], grid, job.bids)
    except BazinError as error:
        raise InputError(
            [replace(one, item=f"measure '{name}': {one.item}") for one in error.faults]
        ) from error


def region_voxels(region: Mapping[str, Any], grid: Grid, bids: Path) -> np.ndarray:
    """Voxels of a plan's region, (x, y, z)."""
    if "sphere_mm" in region:
        return sphere(grid, region["centre"], region["sphere_mm"])
    return region_of_file(bids / region["mask"], grid, value=region["value"], sha256=region["sha256"])


def _tables(
    job: Job, models: list[RunModel], values: list[Values], lost: str, aside: Mapping[str, list[Fault]]
) -> dict[str, str]:
    session = job.asked.session
    rows = [{"measure": of.measure, "variant": of.variant or None, **row} for of in values for row in of.rows]
    regions = [
        {
            "measure": of.measure, "voxels": int(of.judged.voxels.sum()), "coverage": of.judged.coverage,
            "tsnr": of.judged.tsnr, "reason": of.judged.reason or lost or None,
        }
        for of in values if not of.variant
    ]  # fmt: skip
    quality = pd.DataFrame(quality_rows(models, job.asked))
    return {
        saved_name(job.participant, session, name): frame_text(frame)
        for name, frame in (
            ("rows", pd.DataFrame(rows)), ("regions", pd.DataFrame(regions)), ("quality", quality),
            ("set_aside", set_aside_table(aside, (job.derivatives, job.out, job.bids))),
        )
    }  # fmt: skip


def _separability(job: Job, models: list[RunModel]) -> dict[str, str]:
    """What of each used run speaks against responses to single clips; the values stay."""
    rows = []
    for model in models:
        if model.design is None or model.fault:
            continue
        try:
            refuse_inseparable_clips(model.design, job.asked.words, slack_s=LATE_S)
        except InputError as error:
            rows += [(model.files.name, one.problem, one.got, one.accepted) for one in error.faults]
    table = pd.DataFrame(rows, columns=["run", "problem", "got", "accepted"])
    return {saved_name(job.participant, job.asked.session, "separability"): frame_text(table)}


def _inseparable(job: Job) -> list[Fault]:
    """What the first level saved of it, in one warning per problem, where scenes are random."""
    if not job.asked.scenes_random:
        return []
    found = read_frame(job.out / saved_name(job.participant, job.asked.session, "separability"))
    return [
        Fault(
            f"{job.participant}, session '{job.asked.session}'", f"{problem}: values are kept, and worth less",
            got="; ".join(f"{run}: {got}" for run, got in zip(rows["run"], rows["got"], strict=True)),
            accepted=str(rows["accepted"].iloc[0]),
        )
        for problem, rows in found.groupby("problem", sort=False)
    ]  # fmt: skip


def _designs(job: Job, models: list[RunModel]) -> dict[str, str]:
    """Every run's design matrix, with what its columns are."""
    found = {}
    for model in models:
        if model.design is None:
            continue
        entities = {**model.files.entities, "desc": "design"}
        name = _func(job, model.files) + str(Name("timeseries", ".tsv", entities))
        found[name] = frame_text(model.design.frame())
        sidecar = {
            column: {"Kind": kind}
            for column, kind in zip(model.design.names, model.design.kinds, strict=True)
        }
        found[name.replace(".tsv", ".json")] = json.dumps(sidecar, indent=1) + "\n"
    return found


def _images(job: Job, models: list[RunModel], grid: Grid, lost: str) -> dict[str, bytes]:
    """The person's maps; none of a person whose values do not count."""
    used = [model for model in models if not model.fault]
    if not used or not job.maps:
        return {}
    stem = map_stem(models[0].files.scan.path.name)
    folder = _func(job, models[0].files)
    common = np.logical_and.reduce([model.mask for model in used])
    tsnr = np.where(common, np.mean([model.tsnr for model in used], axis=0), np.nan)
    found = {
        f"{folder}{stem}_stat-tsnr_statmap.nii.gz": image_bytes(tsnr, grid, "temporal signal-to-noise ratio")
    }
    if lost:
        return found
    for contrast, images in person_maps(models, job.asked).items():
        named = contrast_name(*contrast)
        for stat in ("effect", "z"):
            name = f"{folder}{stem}_contrast-{named}_stat-{stat}_statmap.nii.gz"
            found[name] = image_bytes(images[stat], grid, STATS[stat])
    return found


def _func(job: Job, run: RunFiles) -> str:
    """Where the run's results go, below OUT."""
    folder = _raw_folder(job, run).relative_to(job.bids)
    return f"{folder.as_posix()}/"


def finished_rows(out: Path, participant: str, asked: Asked, maps: bool) -> Path | None:
    """A person's rows, if they were made under these very settings by this version."""
    rows = out / saved_name(participant, asked.session, "rows")
    same = finished_so(
        Step(STEP, VERSION, first_level_outputs), settings=_settings(asked, maps), folder=out,
        stamp=first_level_stamp(participant, asked.session),
    )  # fmt: skip
    return rows if same and rows.exists() else None
