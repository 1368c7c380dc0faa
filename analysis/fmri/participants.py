"""The participant level where a data set has scans: everybody's preprocessing and first level, then measure tables."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.fmri.first_level.reference import NOISES
from analysis.fmri.group.template import comes_along, kept_files
from analysis.fmri.person.asked import Asked, Engine, asked_of, bold_measures
from analysis.fmri.person.films import films_of, refuse_pairs
from analysis.fmri.person.finding import groups_in, people_here, people_with_bold
from analysis.fmri.person.gathering import STEP, gather_measure, gather_quality
from analysis.fmri.person.names import WORK, saved_name
from analysis.fmri.person.person import (
    Finished,
    Job,
    analyse_person,
    finished_rows,
)
from analysis.fmri.person.set_aside import without_folders
from analysis.fmri.preprocessing.templates import (
    AGE_MONTHS,
    IMAGES,
    SPACE,
    Template,
    bundled_template,
    template_from,
)
from analysis.importing.beh import in_one_line
from analysis.importing.beh_files import is_simulated
from analysis.measures.checking import fit_to_plan
from analysis.measures.table import MeasureTable, measure_path, read_measure
from analysis.participants import imported_table, in_brief
from protocols.base.errors import Fault, InputError, UsageError, fail, listed
from protocols.base.files import read_json, write_atomically
from protocols.base.steps import Done
from protocols.base.workers import Workers
from protocols.plan.measuring import Bold
from protocols.plan.reading import Promise

NOT_IN_BIDS = ("work", "maps", "figures", "*_statmap.nii.gz", "*_desc-design_timeseries.*", "*_desc-carpet_*",
               "*.html", "measures", "results", "logs", "plan.json", "verdict.json")  # fmt: skip
"""What a BIDS derivative has no name for yet; they stand in ``.bidsignore``.

Folders without a slash: the validator looks at folders too, and at their names alone.
"""


@dataclass(frozen=True)
class Ways:
    """How the participant level goes about scans; only what lies in the folders can change a number.

    Attributes
    ----------
    derivatives
        A folder of preprocessed runs, of fMRIPrep.
    template
        A folder with a template, for a space that does not come along.
    workers
        People worked on at a time.
    pages
        Whether everybody gets a page; it takes some seconds a run.
    stimuli
        Folder of the stimulus set, where the plan has features of clips in the model.
    engine
        What fits the whole brain: bazin, or nilearn, which takes longer and more memory.
    """

    derivatives: Path | None = None
    template: Path | None = None
    workers: int = 1
    pages: bool = True
    stimuli: Path | None = None
    engine: Engine = "bazin"


@dataclass
class FromScans:
    """What came of a data set's scans; see `analysis.participants.Computed`."""

    names: list[str] = field(default_factory=list)
    made: dict[str, MeasureTable] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def measures_from_scans(
    source: Path, out: Path, promise: Promise, wanted: Collection[str], ways: Ways, say: Callable[[str], None]
) -> FromScans:
    """Make every measure of the plan that is a region's percent signal change.

    Parameters
    ----------
    source
        A raw BIDS data set; nothing is written into it. With `ways.derivatives` only its events are read.
    out
        Gets the derivative, everybody's page, and ``measures/``.
    wanted
        These people only, beside those who are finished already; everybody if empty.

    Returns
    -------
    FromScans
        Empty where the plan has no such measure, or there are no scans.
    """
    found = FromScans()
    plan = promise.plan
    sessions = asked_of(plan, ways.engine)
    scanned = people_here(source, ways.derivatives) if ways.derivatives else people_with_bold(source)
    if not sessions or source.resolve() == out.resolve() or not scanned:
        return found
    _refuse_without_packages()
    films = films_of(promise, ways.stimuli)
    for asked in sessions:
        refuse_pairs(promise, films, asked.session, asked.paradigm)
    groups, notes = groups_in(source, plan)
    found.warnings += notes
    bold = plan.analysis.bold or Bold()
    if ways.engine == "nilearn" and bold.noise_model not in NOISES:
        raise fail(
            UsageError, "--engine nilearn", f"has no noise '{bold.noise_model}'", accepted=listed(NOISES),
            way_out="set analysis.bold.noise_model in the plan before it is sealed",
        )  # fmt: skip
    template = _template(out, bold, ways)
    of_age = _warn_of_age(promise, bold, template)
    found.warnings += of_age
    write_atomically(out / ".bidsignore", "\n".join(NOT_IN_BIDS) + "\n")
    people = [person for person in scanned if not wanted or person in wanted]
    unknown = sorted(set(wanted) - set(scanned))
    found.warnings += [f"no scans of {listed(unknown)}"] if unknown else []
    quality = []
    for asked in sessions:
        maps = bold.maps is not None
        own = None if ways.derivatives else template  # what others prepared is not brought anywhere
        jobs = [
            Job(source, out, one, asked, own, ways.derivatives, maps, pages=ways.pages, films=films)
            for one in people
        ]
        _work(jobs, ways.workers, found, say)
        told: dict[str, Any] = {"Preprocessing": _prepared_by(ways.derivatives)}
        told |= {"Notes": of_age} if of_age else {}  # for the group's report, which sees no template
        told |= {"Simulated": True} if _simulated(source, ways.derivatives) else {}
        rows = _rows_of(out, scanned, asked, maps, found, wanted)
        for name in bold_measures(plan, asked.session):
            found.names.append(name)
            imported = imported_table(source, out, name, STEP)
            if imported is not None:
                found.errors.append(
                    f"measure '{name}': stands in {imported} and in the data set's scans; say 'measured_elsewhere' in "
                    "the plan if the table is meant, or remove it"
                )
                continue
            if not rows:
                found.errors.append(
                    f"measure '{name}': nobody's scans of session '{asked.session}' are usable"
                )
                continue
            found.done.append(gather_measure(out, promise, name, rows, groups, told))
            _read(out, promise, name, found, say)
        quality.append({
            person: out / saved_name(person, asked.session, "quality") for person in rows
        })  # fmt: skip
    if any(quality):
        found.done.append(gather_quality(out, promise, quality, groups))
    return found


def _work(jobs: list[Job], workers: int, found: FromScans, say: Callable[[str], None]) -> None:
    """Everybody's work; what is told of a person comes when the person is finished."""
    names = [job.participant for job in jobs]
    with Workers(min(workers, max(len(jobs), 1))) as pool:
        for place, result in pool.spread(analyse_person, jobs, "people", names=names):
            job = jobs[place]
            if isinstance(result, tuple):
                result = Finished(job.participant, faults=list(result))
            found.done += result.done
            fresh = [done for done in result.done if done.recomputed]
            what = listed(f"{done.step.replace('_', ' ')} ({done.reason})" for done in fresh)
            state = f"computed: {what}" if fresh else "reused: nothing has changed"
            say(f"{job.participant}, {job.asked.session}: {state if result.rows else 'no values'}")
            found.warnings += [in_one_line(warning, job.bids) for warning in result.warnings]
            for fault in result.faults:
                line = without_folders(in_one_line(fault, job.bids), (job.derivatives, job.out))
                line = line if job.participant in line else f"{job.participant}: {line}"
                found.errors.append(line)
                say(f"  {line}")


def _rows_of(
    out: Path, scanned: list[str], asked: Asked, maps: bool, found: FromScans, wanted: Collection[str]
) -> dict[str, Path]:
    """Everybody who is finished under these settings by this version; the others are told."""
    rows, stale = {}, []
    for person in scanned:
        path = finished_rows(out, person, asked, maps)
        if path is not None:
            rows[person] = path
        elif (out / saved_name(person, asked.session, "rows")).exists() and person not in wanted:
            stale.append(person)
    if stale and wanted:
        found.warnings.append(
            f"{listed(stale)}: finished under other settings of the plan, by another version, or of files that cannot "
            "be used any more, and left out until they are run again"
        )
    return rows


def _read(out: Path, promise: Promise, name: str, found: FromScans, say: Callable[[str], None]) -> None:
    path = measure_path(out, name)
    try:
        table, warnings = fit_to_plan(promise.plan, read_measure(path), path)
    except InputError as error:
        found.errors.append(f"measure '{name}': {error.faults[0].item} {error.faults[0].problem}")
        return
    found.warnings += warnings
    found.made[name] = table
    say(in_brief(table))


def _template(out: Path, bold: Bold, ways: Ways) -> Template | None:
    """The template of the plan's space: that of a folder, or the one that comes along; None: what others prepared.

    Raises
    ------
    UsageError
        If the plan's space does not come along and no folder is given, or the folder holds another space.
    """
    if ways.template is not None:
        template = template_from(ways.template, IMAGES[:2] if ways.derivatives else IMAGES)
        if template.space != bold.space:
            raise UsageError(
                Fault(str(ways.template), "is of another space than the plan's", got=template.space,
                      accepted=bold.space,
                      way_out="give the plan's template, or mend analysis.bold.space before the plan is sealed")
            )  # fmt: skip
        for name, content in kept_files(template.space, template.brain, template.mask).items():
            write_atomically(out / WORK / name, content)
        return template
    if ways.derivatives is not None:
        if bold.maps is not None and not comes_along(bold.space):
            raise fail(
                UsageError, f"space '{bold.space}'", "has no brain here for maps to lie in",
                way_out="give --template FOLDER with brain.nii.gz, mask.nii.gz and template.json, or say "
                "'analysis.bold.maps: null' in the plan",
            )  # fmt: skip
        return None
    if bold.space == SPACE:
        return bundled_template(out / WORK / "template")
    raise fail(
        UsageError, f"space '{bold.space}'", "is a template that does not come along", accepted=SPACE,
        way_out="say where it lies with --template FOLDER, or bring preprocessed runs with --derivatives",
    )  # fmt: skip


def _warn_of_age(promise: Promise, bold: Bold, template: Template | None) -> list[str]:
    """Children brought to an adults' brain: to be known, and to be said."""
    ages = template.age_months if template else AGE_MONTHS if comes_along(bold.space) else None
    young = [
        name
        for name, group in promise.plan.groups.items()
        if group.age_months is not None and group.age_months[0] < 84
    ]
    if not young or (ages is not None and ages[0] < 18 * 12):
        return []
    whose = "of people whose ages are not said" if ages is None else "of adults"
    told = f"group {listed(young)}: children under 7, brought to a template {whose} ({bold.space})"
    return [f"{told}; look at every overlay, or give a template of their age with --template"]


def _simulated(source: Path, derivatives: Path | None) -> bool:
    return is_simulated(source) or (derivatives is not None and is_simulated(derivatives))


def _prepared_by(derivatives: Path | None) -> str:
    """The program that preprocessed, as its own description names it."""
    if derivatives is None:
        return "bazin"
    file = derivatives / "dataset_description.json"
    said = read_json(file) if file.exists() else {}
    makers = said.get("GeneratedBy") if isinstance(said, dict) else None
    names = [
        " ".join(str(one[key]) for key in ("Name", "Version") if key in one)
        for one in makers or ()
        if isinstance(one, dict)
    ]
    return ", ".join(names) or "another program"


def _refuse_without_packages() -> None:
    """Say which extra is missing, before anything is begun."""
    if any(importlib.util.find_spec(name) is None for name in ("nibabel", "nilearn", "ants")):
        raise fail(UsageError, "scans", "need the extra 'fmri', which is not installed",
                   way_out="make env EXTRAS=fmri")  # fmt: skip
