"""Which files of a data set hold a session's scans, and whose they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from analysis.fmri.scans import events_path
from analysis.importing.beh_files import groups_of
from protocols.base.bids import Name, label
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.tables import read_frame
from protocols.plan.promises import Plan

PATTERNS = ("func/*_bold.nii.gz", "func/*_bold.nii", "ses-*/func/*_bold.nii.gz", "ses-*/func/*_bold.nii")
EVENTS = ("func/*_events.tsv", "ses-*/func/*_events.tsv")
PARTICIPANTS = "participants.tsv"


@dataclass(frozen=True)
class RawRun:
    """A run as the scanner left it.

    Attributes
    ----------
    bold
        Its images.
    events
        What was shown meanwhile; the file need not be there.
    entities
        Of its name.
    """

    bold: Path
    events: Path
    entities: Mapping[str, str]

    @property
    def name(self) -> str:
        """What to call it in a message."""
        return "_".join(f"{key}-{value}" for key, value in self.entities.items())


def has_bold(bids: Path) -> bool:
    """Whether a folder is a data set with scans."""
    return any(True for pattern in PATTERNS for _ in bids.glob(f"sub-*/{pattern}"))


def people_with_bold(bids: Path) -> list[str]:
    """Everybody with scans."""
    return sorted({path.relative_to(bids).parts[0] for one in PATTERNS for path in bids.glob(f"sub-*/{one}")})


def people_with_events(bids: Path) -> list[str]:
    """Everybody of whom the data set knows what was shown, whether or not the images are in it."""
    return sorted({path.relative_to(bids).parts[0] for one in EVENTS for path in bids.glob(f"sub-*/{one}")})


def people_here(bids: Path, derivatives: Path) -> list[str]:
    """Everybody whose preprocessed runs or events are there, of the people who are in the data set at all.

    Who has images and no events is to be told, and who was taken out of the data set is not to come back.
    """
    preprocessed = {
        path.name for path in derivatives.glob("sub-*") if any(path.rglob("*_desc-preproc_bold.nii.gz"))
    }
    table = bids / PARTICIPANTS
    named = (
        set(read_frame(table, required=("participant_id",))["participant_id"]) if table.exists() else set()
    )
    here = {person for person in preprocessed if person in named or (bids / person).is_dir()}
    return sorted({*people_with_events(bids), *here})


def runs_of(bids: Path, participant: str, session: str, paradigm: str) -> tuple[list[RawRun], list[Fault]]:
    """A person's runs of a session, and the files that cannot be taken.

    Parameters
    ----------
    bids
        A raw BIDS data set.
    participant
        ``sub-01``.
    session, paradigm
        Of the plan. Files with another ``ses-`` are left alone; where there are several tasks, the one that is called
        as the session or its paradigm is taken.

    Raises
    ------
    InputError
        If there is no such run, or several tasks could be meant.
    """
    found: list[RawRun] = []
    faults: list[Fault] = []
    for path in sorted(path for pattern in PATTERNS for path in (bids / participant).glob(pattern)):
        try:
            name = Name.parse(path.name)
        except InputError as error:
            faults += error.faults
            continue
        if name.entities.get("part", "mag") != "mag" or name.entities.get("ses", label(session)) != label(
            session
        ):
            continue
        if f"sub-{name.entities.get('sub')}" != participant or "task" not in name.entities:
            faults.append(Fault(str(path), f"is not a name of a run of {participant}",
                                accepted=f"{participant}_task-film_run-1_bold.nii.gz"))  # fmt: skip
        elif "echo" in name.entities:
            faults.append(Fault(str(path), "is one echo of several",
                                way_out="combine the echoes first, for example with tedana or fMRIPrep"))  # fmt: skip
        else:
            kept = {key: one for key, one in name.entities.items() if key not in ("part", "rec")}
            found.append(RawRun(path, events_path(name, path.parent), kept))
    times = Counter(run.name for run in found)
    for twice in sorted(one for one, count in times.items() if count > 1):
        files = [run.bold.name for run in found if run.name == twice]
        faults.append(Fault(f"{participant}: {twice}", "is there more than once, and only one can count",
                            got=listed(files), way_out="take the others out of the data set"))  # fmt: skip
    found = [run for run in found if times[run.name] == 1]
    if not found:
        wanted = f"{participant}/func/{participant}_task-{label(session)}_run-1_bold.nii.gz"
        raise InputError(faults or Fault(participant, f"has no run of session '{session}'", accepted=wanted))
    return _of_one_task(found, participant, session, paradigm), faults


def _of_one_task(found: list[RawRun], participant: str, session: str, paradigm: str) -> list[RawRun]:
    task = task_of({run.entities["task"] for run in found}, participant, session, paradigm)
    return [run for run in found if run.entities["task"] == task]


def task_of(tasks: Collection[str], participant: str, session: str, paradigm: str) -> str:
    """The one of a person's tasks that a session of the plan means: called as it or its paradigm, or the only one.

    Raises
    ------
    InputError
        If there are several, and none is called so.
    """
    fitting = [name for name in (label(session), label(paradigm)) if name in tasks]
    if not fitting and len(tasks) > 1:
        raise fail(
            InputError, participant, f"has several tasks, and none is called as session '{session}'",
            got=listed(sorted(tasks)), accepted=listed(dict.fromkeys((label(session), label(paradigm)))),
            way_out="name the plan's session as the task, or the other way round",
        )  # fmt: skip
    return fitting[0] if fitting else next(iter(tasks))


def groups_in(bids: Path, plan: Plan) -> tuple[dict[str, str] | None, list[str]]:
    """Everybody's group, and what should be known of it; None: everybody is in the plan's only group.

    Raises
    ------
    InputError
        If the table is missing although the plan has several groups, or is broken.
    """
    if (bids / PARTICIPANTS).exists():
        groups, faults = groups_of(bids)
        return groups, [f"{fault.item}: {fault.problem}" for fault in faults]
    if len(plan.groups) == 1:
        only = next(iter(plan.groups))
        return None, [f"no participants.tsv: everybody is taken for '{only}', the plan's only group"]
    raise fail(InputError, str(bids / PARTICIPANTS), "is missing",
               accepted="columns participant_id and group", got=f"a plan of groups {listed(plan.groups)}")  # fmt: skip
