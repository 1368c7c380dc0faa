"""What the journals of one session tell, put together: its runs, their trials, and how every clip was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.session.journal import (
    FOLDER,
    Header,
    Record,
    Told,
    journal_folder,
    journals_of,
    read_journal,
)
from protocols.base.bids import label, participant_id
from protocols.base.errors import BazinError, Fault, InputError, did_you_mean, fail, listed

ONE_FOR_ALL = ("participant", "session", "group", "modality", "mode")
"""What all journals of a session must agree about."""


@dataclass(frozen=True)
class Film:
    """How one clip was shown; times in seconds of the session's clock, `flip` in milliseconds after `onset`."""

    clip: str
    stim_file: str
    where: str
    planned: float
    onset: float
    offset: float
    frames: int
    shown: int
    dropped: int
    late_flips: int
    complete: bool
    sound: dict[str, Any] | None
    index: tuple[int, ...] = field(repr=False)
    pts: tuple[float, ...] = field(repr=False)
    flip: tuple[float, ...] = field(repr=False)

    @classmethod
    def of(cls, record: Record) -> Film:
        """From a journal's record ``shown``."""
        known: dict[str, Any] = {name: record[name] for name in cls.__dataclass_fields__}
        return cls(**{**known, **{name: tuple(known[name]) for name in ("index", "pts", "flip")}})


@dataclass
class TrialTold:
    """One trial. `columns` is its row; None where it was broken off (`broken` says why) or never ended."""

    task: str
    number: int
    phase: str
    attempt: int | None
    begins: float
    films: list[Film] = field(default_factory=list)
    columns: dict[str, Any] | None = None
    broken: str | None = None
    ends: float | None = None


@dataclass
class RunTold:
    """One run, a block of a behavioral session, or an attempt of training (from one start of the program).

    Attributes
    ----------
    journal
        Place of its journal among those of the session, from 0.
    planned
        Number of the planned run.
    label
        Number in file names, never used twice; 0 for training.
    zero
        Onset 0, in seconds of the journal's clock; None if it never began to count.
    volumes
        Times of scanner pulses.
    markers
        Every code, sent (``at``) or lost (``at`` is None).
    status
        ``complete``, ``stopped``, ``dissent``, ``crashed``.
    counted
        Volumes counted at the end; None where the run has no end.
    """

    header: Header
    journal: int
    task: str
    planned: int
    label: int
    attempt: int | None
    begins: float
    planned_volumes: int | None = None
    planned_seconds: float | None = None
    zero: float | None = None
    volumes: list[float] = field(default_factory=list)
    markers: list[Record] = field(default_factory=list)
    trials: list[TrialTold] = field(default_factory=list)
    status: str = "crashed"
    counted: int | None = None
    ends: float | None = None

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from the other runs of its session."""
        return self.task, self.label

    @property
    def rows(self) -> list[TrialTold]:
        """Trials that were finished."""
        return [trial for trial in self.trials if trial.columns is not None]

    @property
    def recorded(self) -> bool:
        """Whether a scanner or amplifier recorded it; training is behavior also in a recording's session."""
        return self.header.modality != "beh" and self.attempt is None

    @property
    def name(self) -> str:
        """What tables and messages call it."""
        return f"{self.task} {self.part}"

    @property
    def part(self) -> str:
        """What it is called within its task."""
        return f"run {self.label}" if self.attempt is None else f"training {self.attempt}"


@dataclass(frozen=True)
class SessionTold:
    """One session of one person.

    Attributes
    ----------
    journals
        Oldest first.
    runs
        In the order in which they began.
    notes
        What is odd about the journals, in a sentence each.
    """

    journals: tuple[Told, ...]
    runs: tuple[RunTold, ...]
    notes: tuple[str, ...] = ()

    @property
    def header(self) -> Header:
        """The first journal's."""
        return self.journals[0].header

    @property
    def status(self) -> str:
        """The last journal's."""
        return self.journals[-1].status

    def of(self, *kinds: str) -> Iterator[tuple[int, Record]]:
        """Records of some kinds, each with the place of its journal."""
        return ((i, record) for i, told in enumerate(self.journals) for record in told.of(*kinds))

    def trials(self) -> Iterator[tuple[RunTold, TrialTold]]:
        """Every trial with its run."""
        return ((run, trial) for run in self.runs for trial in run.trials)


class _Listener:
    """Follows one journal and remembers its runs."""

    def __init__(self, told: Told, journal: int) -> None:
        self.told, self.journal = told, journal
        self.runs: list[RunTold] = []
        self.open: RunTold | None = None
        self.trial: TrialTold | None = None

    def listen(self) -> None:
        kinds: dict[str, Callable[[Record], None]] = {
            "run": self._run, "zero": self._zero, "volume": self._volume, "trigger": self._trigger,
            "trial": self._trial, "shown": self._shown, "row": self._row, "broken": self._broken,
            "run_end": self._run_end, "training": self._training, "end": self._end,
        }  # fmt: skip
        for i, record in enumerate(self.told.records, start=2):
            hear = kinds.get(record["kind"])
            try:
                if hear is not None:
                    hear(record)
            except (KeyError, TypeError) as error:
                raise InputError(
                    Fault(
                        f"{self.told.path}:{i}",
                        f"is no record of the kind '{record['kind']}' ({error!r})",
                        way_out="journals are never edited; take the copy of the laboratory's backup",
                    )
                ) from error

    def _run(self, record: Record) -> None:
        self.open = RunTold(
            self.told.header, self.journal, record["task"], record["run"], record["label"],
            record.get("attempt"), record["t"], record.get("planned_volumes"), record.get("planned_seconds"),
        )  # fmt: skip
        self.runs.append(self.open)
        self.trial = None

    def _zero(self, record: Record) -> None:
        if self.open is not None:
            self.open.zero = record["at"]

    def _volume(self, record: Record) -> None:
        if self.open is not None:
            self.open.volumes.append(record["at"])

    def _trigger(self, record: Record) -> None:
        if self.open is not None:
            self.open.markers.append(record)

    def _trial(self, record: Record) -> None:
        self.trial = TrialTold(
            record["task"], record["number"], record["phase"], record.get("attempt"), record["t"]
        )
        self._run_of(record).trials.append(self.trial)

    def _shown(self, record: Record) -> None:
        if self.trial is not None:
            self.trial.films.append(Film.of(record))

    def _row(self, record: Record) -> None:
        trial = self.trial
        if trial is None or (trial.task, trial.number) != (record["task"], record["number"]):
            self._trial(record)
            trial = self.trial
        assert trial is not None
        trial.columns, trial.ends = record["columns"], record["t"]
        self.trial = None

    def _broken(self, record: Record) -> None:
        if self.trial is not None:
            self.trial.broken, self.trial.ends = record["why"], record["t"]
        self.trial = None

    def _run_end(self, record: Record) -> None:
        if self.open is None or self.open.label != record["label"]:
            return  # of a run that crashed in an earlier journal, which has no end of its own
        self.open.status, self.open.counted, self.open.ends = (
            record["status"],
            record.get("volumes"),
            record["t"],
        )
        self.open = self.trial = None

    def _training(self, record: Record) -> None:
        """An attempt of training is over; it has no other end."""
        if self.open is not None and self.open.attempt == record["attempt"]:
            self.open.status, self.open.ends = "complete", record["t"]
            self.open = self.trial = None

    def _end(self, record: Record) -> None:
        if self.open is not None:
            self.open.status, self.open.ends = record["status"], record["t"]

    def _run_of(self, record: Record) -> RunTold:
        """The run a trial belongs to. Training has no beginning of its own: it begins with its first trial."""
        columns = record.get("columns", {})
        attempt = record.get("attempt", columns.get("attempt"))
        for run in reversed(self.runs):
            if run.key == (record["task"], record["run"]) and (run.label or run.attempt == attempt):
                return run
        began = record["t"]
        run = RunTold(
            self.told.header, self.journal, record["task"], 0, record["run"], attempt, began, zero=began
        )
        self.runs.append(run)
        self.open = run
        return run


def put_together(journals: Sequence[Told], notes: Iterable[str] = ()) -> SessionTold:
    """One session from its journals, at least one.

    Raises
    ------
    InputError
        If they are not of one person, session, group, modality and mode, or a record is not what it should be.
    """
    ordered = sorted(journals, key=lambda told: (told.header.wall, told.path.name))
    for name in ONE_FOR_ALL:
        found = list(dict.fromkeys(str(getattr(told.header, name)) for told in ordered))
        if len(found) > 1:
            raise fail(
                InputError, str(ordered[0].path.parent), f"holds journals of more than one {name}",
                got=listed(found), way_out="put each into a folder of its own; nothing is mixed",
            )  # fmt: skip
    runs: list[RunTold] = []
    said = list(notes)
    for i, told in enumerate(ordered):
        listener = _Listener(told, i)
        listener.listen()
        runs += listener.runs
        if told.torn:
            said.append(f"{told.path.name}: its last line was cut off; nothing else is missing")
    _once(runs, ordered[0].path.parent)
    hashes = list(dict.fromkeys(told.header.plan_sha256 for told in ordered))
    if len(hashes) > 1:
        said.append(f"the plan was changed within the session: {listed(one[:12] for one in hashes)}")
    return SessionTold(tuple(ordered), tuple(runs), tuple(said))


def _once(runs: Sequence[RunTold], folder: Path) -> None:
    """Two beginnings of one run would be two zeros in one table."""
    keys = [run.key for run in runs if run.label]
    for key in dict.fromkeys(keys):
        if keys.count(key) > 1:
            names = listed(f"journal {run.journal + 1}" for run in runs if run.key == key)
            raise fail(InputError, str(folder), f"has {key[0]} run {key[1]} more than once", got=names,
                       way_out="no number is given twice: two sessions were mixed; put them apart")  # fmt: skip


def read_session(bids: Path, participant: str, session: str) -> SessionTold:
    """Read all journals of one person and session.

    Raises
    ------
    InputError
        If there are none (what exists is named), or one of them is damaged. A journal that stopped within its very
        first line tells nothing and is left out, with a note.
    """
    code = participant_id(participant)
    paths = journals_of(bids, code, session) if code in people_in(bids) else []
    if not paths:
        raise unknown(bids, code, session)
    notes = []
    journals = []
    for path in paths:
        if begins_nowhere(path):
            notes.append(f"{path.name}: stopped before its header was written; nothing was shown")
        else:
            journals.append(read_journal(path))
    if not journals:
        raise fail(InputError, str(paths[0].parent), "holds no journal with a header: nothing was shown",
                   way_out="start the session again")  # fmt: skip
    return put_together(journals, notes)


def begins_nowhere(path: Path) -> bool:
    """Whether a journal stopped before its first line was whole."""
    try:
        with path.open("rb") as file:
            return not file.readline().endswith(b"\n")
    except OSError:
        return False  # reading it says what is the matter


def people_in(bids: Path) -> list[str]:
    """Everybody with a journal."""
    return sorted({path.parts[-3] for path in (bids / FOLDER).glob("sub-*/ses-*/journal-*.jsonl")})


def sessions_of(bids: Path, code: str) -> list[str]:
    """Labels of a person's sessions."""
    found = (bids / FOLDER / code).glob("ses-*/journal-*.jsonl")
    return sorted({path.parent.name.removeprefix("ses-") for path in found})


def unknown(bids: Path, code: str | None, session: str | None) -> BazinError:
    """That there is no such session, to be raised: names those there are."""
    people = people_in(bids)
    if not people:
        return fail(InputError, str(bids), "holds no session of this program", got=f"nothing in {bids / FOLDER}",
                    way_out="give the folder that 'bazin run' wrote into")  # fmt: skip
    if code is not None and code not in people:
        return fail(InputError, f"participant '{code}'", f"has no session in {bids}",
                    accepted=listed(people), way_out=did_you_mean(code, people))  # fmt: skip
    sessions = sorted({name for one in people if code in (None, one) for name in sessions_of(bids, one)})
    return fail(InputError, f"session '{session}'", f"was not begun with {code or 'anybody'}",
                accepted=listed(sessions), way_out=did_you_mean(label(session or ""), sessions))  # fmt: skip


def folder_of(bids: Path, told: SessionTold) -> Path:
    """Where a session's journals lie."""
    return journal_folder(bids, told.header.participant, told.header.session)
