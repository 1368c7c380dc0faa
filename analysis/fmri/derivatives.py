"""Preprocessed runs on the disk: bazin's own and fMRIPrep's have the same names, and are found by the same code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protocols.base.bids import Name
from protocols.base.errors import Fault, InputError, fail, listed

CONFOUNDS = ("timeseries", "regressors")
"""Suffixes of confounds tables; the second is of fMRIPrep before 20.2."""
_ABOUT_IMAGES = ("space", "cohort", "res", "den", "desc")
"""Entities of what was made of a run, and not of the run."""


@dataclass(frozen=True)
class DerivedRun:
    """One run in the template's space.

    Attributes
    ----------
    entities
        Of the run itself: sub, ses, task, run, …
    bold, mask, confounds
        Its images, the person's own mask, its nuisance series.
    resolution
        BIDS label of the voxels; empty where the file has none.
    """

    entities: Mapping[str, str]
    bold: Path
    mask: Path
    confounds: Path
    resolution: str

    @property
    def name(self) -> str:
        """What to call it in a message: ``sub-01_ses-scan_task-film_run-1``."""
        return "_".join(f"{key}-{value}" for key, value in self.entities.items())


def derived_runs(folder: Path, participant: str, space: str, **wanted: str) -> list[DerivedRun]:
    """A person's preprocessed runs in one space, in the order of their names.

    Parameters
    ----------
    folder
        A BIDS derivative, of bazin or fMRIPrep.
    participant
        ``sub-01``.
    space
        The plan's, for example ``MNI152NLin2009cAsym`` (see `space_of`): others are left alone, never taken instead.
    wanted
        Entities the runs must have: ``task="film"``, ``ses="scan"``, ``res="2"``.

    Raises
    ------
    InputError
        If there is no such run, a run comes in several resolutions, or its mask or confounds are missing: every
        fault at once.
    """
    home = folder / participant
    if not home.is_dir():
        people = sorted(path.name for path in folder.glob("sub-*") if path.is_dir())
        raise fail(InputError, participant, f"is not in {folder}", accepted=listed(people),
                   way_out="preprocess this person first, or check the code")  # fmt: skip
    names, odd = _named(sorted(home.rglob("*_desc-preproc_bold.nii.gz")))
    fitting = {path: name for path, name in names.items() if wanted.items() <= name.entities.items()}
    chosen = {path: name for path, name in fitting.items() if space_of(name.entities) == space}
    if not chosen:
        spaces = sorted({space_of(name.entities) or "none: its own space" for name in fitting.values()})
        asked = ", ".join(f"{key}-{value}" for key, value in wanted.items())
        none = Fault(
            participant, f"has no preprocessed run in space {space}" + (f" with {asked}" if asked else ""),
            got=f"space {listed(spaces)}" if spaces else "no such run at all",
            way_out="take one space for everybody: set analysis.bold.space in the plan, or preprocess again",
        )  # fmt: skip
        raise InputError([none, *odd])
    faults: list[Fault] = []
    runs: dict[str, DerivedRun] = {}
    for path, name in chosen.items():
        run, missing = _run(path, name)
        faults += missing
        if run is not None and run.name in runs:
            resolutions = sorted({run.resolution, runs[run.name].resolution})
            faults.append(
                Fault(run.name, f"comes in several resolutions in space {space}", got=f"res {listed(resolutions)}",
                      way_out="say which one, and take the same for everybody")
            )  # fmt: skip
        elif run is not None:
            runs[run.name] = run
    if faults:
        raise InputError(faults)
    return list(runs.values())


def _named(paths: Sequence[Path]) -> tuple[dict[Path, Name], list[Fault]]:
    """Files by their names, and what is wrong with names that are none: such files are somebody else's business."""
    names: dict[Path, Name] = {}
    odd: list[Fault] = []
    for path in paths:
        try:
            names[path] = Name.parse(path.name)
        except InputError as error:
            odd += error.faults
    return names, odd


def space_of(entities: Mapping[str, str]) -> str:
    """The space of an image by its name's entities; empty where it says none.

    One template for several ages is several spaces: ``space-MNIPediatricAsym_cohort-2`` is MNIPediatricAsymCohort2.
    """
    cohort = f"Cohort{entities['cohort']}" if "cohort" in entities else ""
    return entities["space"] + cohort if "space" in entities else ""


def one_resolution(runs: Mapping[str, list[DerivedRun]]) -> str:
    """The resolution that all people's runs share.

    Parameters
    ----------
    runs
        Of each person.

    Raises
    ------
    InputError
        If they differ: voxels of different sizes have no common map.
    """
    found: dict[str, list[str]] = {}
    for participant, of_person in runs.items():
        for run in of_person:
            found.setdefault(run.resolution, []).append(participant)
    if len(found) > 1:
        told = "; ".join(
            f"res-{name or 'unnamed'}: {listed(dict.fromkeys(who))}" for name, who in found.items()
        )
        raise fail(InputError, "the group", "has runs of different resolutions", got=told,
                   way_out="preprocess the smaller part again with the resolution of the others")  # fmt: skip
    return next(iter(found), "")


def _run(path: Path, name: Name) -> tuple[DerivedRun | None, list[Fault]]:
    entities = {key: value for key, value in name.entities.items() if key not in _ABOUT_IMAGES}
    mask = path.with_name(str(Name("mask", ".nii.gz", {**name.entities, "desc": "brain"})))
    tables = [
        path.with_name(str(Name(suffix, ".tsv", {**entities, "desc": "confounds"}))) for suffix in CONFOUNDS
    ]
    confounds = next((table for table in tables if table.exists()), None)
    faults = []
    if not mask.exists():
        faults.append(Fault(str(mask), "is missing", way_out="copy the run's mask too, or preprocess again"))
    if confounds is None:
        faults.append(
            Fault(str(tables[0]), "is missing", way_out="copy the run's confounds too, or preprocess again")
        )
    if faults or confounds is None:
        return None, faults
    return DerivedRun(entities, path, mask, confounds, name.entities.get("res", "")), []
