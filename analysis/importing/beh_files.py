"""Which ``*_beh.tsv`` files of a BIDS data set hold the trials of a measure, and who is in which group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.importing.trial_files import unfinished
from protocols.base.bids import Name, label
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.files import read_json
from protocols.base.tables import read_frame
from protocols.plan.expanding import session_of
from protocols.plan.measuring import PAIRS, Measure
from protocols.plan.promises import Plan
from protocols.plan.sessions import Session

DESCRIPTION = "dataset_description.json"
PATTERNS = ("sub-*/beh/*_beh.tsv", "sub-*/ses-*/beh/*_beh.tsv")


@dataclass(frozen=True)
class BehFiles:
    """Which files hold the trials of a measure.

    Attributes
    ----------
    own
        Those of its session and task.
    others
        Those of other tasks of the same session.
    task
        The task's label.
    set_aside
        Files whose names cannot be read.
    """

    own: list[Path]
    others: list[Path]
    task: str
    set_aside: tuple[Fault, ...] = ()

    def without(self, lost: Mapping[Path, Fault]) -> BehFiles:
        """The same without some files."""
        own, others = ([path for path in paths if path not in lost] for paths in (self.own, self.others))
        return replace(self, own=own, others=others, set_aside=(*self.set_aside, *lost.values()))


def files_of(bids_dir: Path, plan: Plan, measure_id: str, people: Collection[str] = ()) -> BehFiles:
    """The files of a measure's session and task; of some people only, if `people` names them.

    Raises
    ------
    InputError
        If there are none, or the plan does not say which of several tasks is meant.
    """
    measure = plan.measures[measure_id]
    for source in unfinished(bids_dir):
        way_out = "run the same import again"
        raise fail(InputError, f"import of {source}", "was not finished", got=str(bids_dir), way_out=way_out)
    found, faults = _named(bids_dir, people)
    if not found:
        way_out = "give a data set with sub-*/beh/*_beh.tsv; 'bazin import trials' makes one"
        whose = f" of {listed(sorted(people))}" if people else ""
        here = Fault(str(bids_dir), f"holds no behavioral files{whose}", way_out=way_out)
        raise InputError(faults[:10] or here)
    session = session_of(plan, measure)
    own = found
    if session is not None:
        wanted = label(session.name)
        found = {path: names for path, names in found.items() if names.get("ses", wanted) == wanted}
        if not found:
            raise fail(
                InputError,
                str(bids_dir),
                f"holds no behavioral files of session '{session.name}'",
                got=listed(sorted({f"ses-{names['ses']}" for names in own.values()})),
                way_out="name the session in the import's map as the plan does",
            )
        own = _of_task(found, session, measure)
    tasks = sorted({names["task"] for names in own.values()})
    if len(tasks) > 1:
        raise fail(
            InputError,
            str(bids_dir),
            "has several tasks, and the plan does not say which one this measure is of",
            got=listed(tasks),
            way_out="give the measure a session in the plan, and call its task as the session or its paradigm",
        )
    return BehFiles(sorted(own), sorted(set(found) - set(own)), tasks[0], tuple(faults))


def has_beh(bids_dir: Path) -> bool:
    """Whether a folder is a data set with behavioral files."""
    return any(True for pattern in PATTERNS for _ in bids_dir.glob(pattern))


def people_in(bids_dir: Path) -> set[str]:
    """Everybody with behavioral files."""
    return {path.relative_to(bids_dir).parts[0] for pattern in PATTERNS for path in bids_dir.glob(pattern)}


def _named(bids_dir: Path, people: Collection[str]) -> tuple[dict[Path, Mapping[str, str]], list[Fault]]:
    """Behavioral files with what their names say, and those whose names say nothing usable."""
    found: dict[Path, Mapping[str, str]] = {}
    faults: list[Fault] = []
    for path in sorted(path for pattern in PATTERNS for path in bids_dir.glob(pattern)):
        person = path.relative_to(bids_dir).parts[0]
        if people and person not in people:
            continue
        try:
            names = Name.parse(path.name).entities
        except InputError as error:
            faults += [replace(fault, item=str(path)) for fault in error.faults]
            continue
        if f"sub-{names.get('sub')}" != person or "task" not in names:
            problem = "has no task in its name" if "task" not in names else f"does not belong to {person}"
            faults.append(Fault(str(path), problem, accepted="sub-07/beh/sub-07_task-detection_beh.tsv"))
        elif not names.get("run", "0").isdecimal():
            faults.append(Fault(str(path), "has a run that is no number", got=f"run-{names['run']}"))
        else:
            found[path] = names
    return found, faults


def _of_task(
    found: Mapping[Path, Mapping[str, str]], session: Session, measure: Measure
) -> dict[Path, Mapping[str, str]]:
    """The files of a session's tasks: of the answers wanted, where there are several."""
    kind = label(PAIRS.get(measure.statistic, "ratings" if measure.statistic == "rating" else "detection"))
    called = [session.name, session.paradigm, *([session.then.paradigm] if session.then else [])]
    tasks = {names["task"] for names in found.values()}
    fitting = [name for name in map(label, called) if name in tasks]
    chosen = [kind] if kind in fitting and len(tasks) > 1 else fitting
    return {path: names for path, names in found.items() if names["task"] in chosen} or dict(found)


def groups_of(bids_dir: Path) -> tuple[dict[str, str], list[Fault]]:
    """The group of everybody in ``participants.tsv``; whoever is in two of them has none.

    Raises
    ------
    InputError
        If the table is missing or broken.
    """
    frame = read_frame(bids_dir / "participants.tsv", required=("participant_id", "group"))
    found: defaultdict[str, list[str]] = defaultdict(list)
    for code, group in zip(frame["participant_id"], frame["group"], strict=True):
        if code and group and group not in found[code]:
            found[code].append(group)
    faults = [
        Fault(code, "is in two groups in participants.tsv", got=listed(own), way_out="correct the table")
        for code, own in found.items()
        if len(own) > 1
    ]
    return {code: own[0] for code, own in found.items() if len(own) == 1}, faults


def is_simulated(bids_dir: Path) -> bool:
    """Whether the data set's description says that its values are simulated."""
    file = bids_dir / DESCRIPTION
    described = read_json(file) if file.exists() else None
    return isinstance(described, dict) and described.get("Simulated") is True
