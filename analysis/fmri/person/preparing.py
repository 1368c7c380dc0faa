"""Preprocessing of one person as steps: anatomy once, every run once, again only where something changed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.fmri.derivatives import DerivedRun, derived_runs
from analysis.fmri.person.asked import Asked
from analysis.fmri.person.finding import RawRun
from analysis.fmri.person.images import refuse_damaged
from analysis.fmri.person.names import WORK
from analysis.fmri.preprocessing.anatomy import Anatomy, prepare_anatomy
from analysis.fmri.preprocessing.runs import preprocess_run
from analysis.fmri.preprocessing.templates import TISSUES, Template, default_grid
from analysis.fmri.scans import open_scan
from protocols.base.bids import Name, generated_by
from protocols.base.errors import BazinError, Fault
from protocols.base.files import read_json
from protocols.base.steps import Done, Step, perform

VERSION = 2
"""Raised whenever preprocessed images change."""
TISSUE_LABELS = {"csf": "CSF", "gray_matter": "GM", "white_matter": "WM"}


@dataclass
class Prepared:
    """What came of a person's preprocessing.

    Attributes
    ----------
    runs
        Runs in the template's space, by the name of the raw run.
    set_aside
        Runs that could not be prepared.
    """

    runs: dict[str, DerivedRun]
    done: list[Done]
    set_aside: list[Fault]


def prepare_person(
    bids: Path, out: Path, participant: str, runs: list[RawRun], template: Template, asked: Asked
) -> Prepared:
    """Bring a person's runs to the template; a run that cannot be is set aside, and the others go on.

    Parameters
    ----------
    bids, out
        The raw data set, and the derivative's folder.
    runs
        Of one session.
    template
        Of the plan's space.

    Raises
    ------
    InputError
        If the anatomy cannot be used.
    """
    prepared = Prepared({}, [], [])
    readable = []
    for run in runs:  # what a header tells costs nothing, and an anatomy takes minutes
        try:
            open_scan(run.bold, bids)
            readable.append(run)
        except BazinError as error:
            prepared.set_aside += error.faults
    if not readable:
        return prepared
    t1w = _t1w(bids, participant, readable[0].entities.get("ses"))
    anatomy = None
    if t1w is not None:
        anatomy, done = _anatomy(out, participant, t1w, template)
        prepared.done.append(done)
    for run in readable:
        try:
            prepared.done.append(_run(bids, out, run, anatomy, template, asked))
            resolution = f"{asked.bold.resolution_mm:g}".replace(".", "p")
            own = Name.parse(run.bold.name).entities
            prepared.runs[run.name] = next(
                one for one in derived_runs(out, participant, template.space, res=resolution)
                if one.entities == own
            )  # fmt: skip
        except BazinError as error:
            prepared.set_aside += error.faults
    return prepared


def _t1w(bids: Path, participant: str, session: str | None) -> Path | None:
    """The person's anatomy: of the same session where there is one, the last of several; None where there is none."""
    home = bids / participant
    own = sorted(home.glob(f"ses-{session}/anat/*_T1w.nii*")) if session else []
    found = own or sorted([*home.glob("anat/*_T1w.nii*"), *home.glob("ses-*/anat/*_T1w.nii*")])
    return found[-1] if found else None


def _anatomy_names(out: Path, participant: str) -> dict[str, Path]:
    folder = out / participant / "anat"
    names = {
        "brain": folder / f"{participant}_desc-preproc_T1w.nii.gz",
        "mask": folder / f"{participant}_desc-brain_mask.nii.gz",
        "sidecar": folder / f"{participant}_desc-preproc_T1w.json",
    }
    for tissue, label in TISSUE_LABELS.items():
        names[tissue] = folder / f"{participant}_label-{label}_probseg.nii.gz"
    return names


def _anatomy(out: Path, participant: str, t1w: Path, template: Template) -> tuple[Anatomy, Done]:
    names = _anatomy_names(out, participant)
    transforms = out / WORK / participant

    def run(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str | bytes | Path]:
        del settings
        made = prepare_anatomy(inputs["T1w"], template, scratch)
        outputs: dict[str, str | bytes | Path] = {}

        def keep(path: Path, name: Path) -> str:
            """A finished file under its name; several names of one file are told by the first."""
            outputs[name.relative_to(out).as_posix()] = path
            return name.relative_to(out).as_posix()

        keep(made.brain, names["brain"])
        keep(made.mask, names["mask"])
        for tissue in TISSUES:
            keep(made.tissues[tissue], names[tissue])
        moved = [keep(path, transforms / path.name) for path in made.to_template]
        told = {
            "SkullStripped": True, "Sources": [f"bids:raw:{t1w.name}"], "GeneratedBy": generated_by(),
            "Template": template.space, "Dice": made.dice, "DiceWhiteMatter": made.white_matter_dice,
            "Transforms": moved,
        }  # fmt: skip
        outputs[names["sidecar"].relative_to(out).as_posix()] = json.dumps(told, indent=2) + "\n"
        return outputs

    with scratch_folder(out) as scratch:
        done = perform(
            Step("anatomy", VERSION, run), settings={"space": template.space},
            inputs={"T1w": t1w, **template_files(template)}, folder=out, stamp=f"anatomy-{participant}",
        )  # fmt: skip
    told = read_json(names["sidecar"])
    return Anatomy(
        names["brain"], names["mask"], {tissue: names[tissue] for tissue in TISSUES},
        tuple(out / path for path in told["Transforms"]), told["Dice"], told["DiceWhiteMatter"],
    ), done  # fmt: skip


def _run(
    bids: Path, out: Path, run: RawRun, anatomy: Anatomy | None, template: Template, asked: Asked
) -> Done:
    scan = open_scan(run.bold, bids)
    folder = out.joinpath(*run.bold.relative_to(bids).parts[:-1])
    grid = default_grid(template, asked.bold.resolution_mm)

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str | bytes | Path]:
        del settings, inputs
        refuse_damaged(run.bold)
        made = preprocess_run(
            scan, anatomy, template, grid, scratch, correct_slice_timing=asked.bold.slice_timing
        )
        return {(folder / path.name).relative_to(out).as_posix(): path for path in made.files}

    anatomical = {}
    if anatomy is not None:
        anatomical = {"T1w": anatomy.brain, **dict(anatomy.tissues)}
        anatomical |= {f"transform{i}": path for i, path in enumerate(anatomy.to_template)}
    with scratch_folder(out) as scratch:
        return perform(
            Step("preprocessing", VERSION, work),
            settings={
                "space": template.space, "resolution_mm": asked.bold.resolution_mm,
                "slice_timing": asked.bold.slice_timing, "sidecar": dict(scan.sidecar),
            },
            inputs={"bold": run.bold, **anatomical, **template_files(template)},
            folder=out, stamp=f"preprocessing-{run.name}",
        )  # fmt: skip


def template_files(template: Template) -> dict[str, Path]:
    """Its files, for stamps."""
    return {
        "template brain": template.brain, "template mask": template.mask,
        **{f"template {name}": path for name, path in template.tissues.items()},
    }  # fmt: skip


@contextmanager
def scratch_folder(out: Path) -> Iterator[Path]:
    """A folder on the same disk, gone afterwards."""
    work = out / WORK
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="unfinished-") as folder:
        yield Path(folder)
