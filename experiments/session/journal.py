"""The journal: what happened, a line of JSON each, written at once and never changed.

A file begins with its header. Every line has ``t``, seconds of the session's clock, and ``kind``:

=============  ======================================================================================================
``header``     see `Header`; ``wall`` (UTC) belongs to ``t``, so every time can be dated
``part``       a task begins: ``task``
``assent``     ``given`` (bool), ``run``: asked before every run
``run``        a run begins: ``task, run`` (planned number), ``label`` (BIDS run number, never used twice), ``attempt``
               of training or null, ``planned_volumes``, ``planned_seconds``
``zero``       onset 0 of the run, ``at``: first stored volume, first trigger (EEG), or the run's beginning
``volume``     a scanner pulse: ``at, n``, counted from 1 with the dummies
``trigger``    a code: ``at`` (null: it could not be sent), ``code, name``
``trial``      a trial begins: ``number, task, phase, run`` (label), ``attempt``
``shown``      how a clip was shown: ``clip, stim_file, where, planned, onset, offset, frames, shown, dropped,
               late_flips, complete, sound`` and, per frame shown, ``index``, ``pts`` and ``flip`` (milliseconds after
               ``onset``)
``press``      ``key, at, device``
``row``        the trial's row: ``task, phase, run`` (label), ``number``, ``columns`` (its typed columns)
``broken``     the trial was broken off and comes again: ``number, why``
``wish``       an operator's key: ``wish``
``warm_up``    a try of the practice: ``asked, right``
``break``      a break: ``state`` (``begins`` or ``ends``), ``stars``
``training``   an attempt is over: ``attempt, right, of, criterion, passed``
``limit``      no more runs: ``limit, got, accepted``
``fault``      a device failed and the session went on: ``item, problem, way_out``
``run_end``    ``label, status``: ``complete``, ``stopped``, ``dissent`` or ``crashed`` (found when resuming),
               ``volumes`` counted
``end``        ``status``: ``complete``, ``stopped``, ``dissent`` or ``limit``
=============  ======================================================================================================

Nothing in it says who the person is; dissent is an event, never a text.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from protocols.base.bids import label
from protocols.base.errors import Fault, InputError, OutputError, fail
from protocols.base.files import cannot_write

FOLDER = "sourcedata/bazin"
FORMAT = 1
Record = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What a journal begins with.

    Attributes
    ----------
    uid
        Drawn anew at every start; two journals of one person and session with different computers can be told apart.
    computer
        A hash of the computer's name, not the name.
    mode
        ``run``, ``pilot``, ``qa`` or ``sim``.
    age_months
        In whole months, never a birth date; None if it was not given.
    screen
        ``width_px, height_px, refresh_hz, width_cm, distance_cm``.
    devices
        What display, input, triggers and sound were.
    no_sound
        Whether sound was switched off on request although the clips have some.
    presentation
        The plan's rules for clips and runs not shown as promised: ``exclusions.presentation`` as a dictionary.
    """

    uid: str
    wall: str
    plan: str
    plan_sha256: str
    manifest_sha256: str | None
    seed: int
    participant: str
    group: str
    profile: str
    language: str
    session: str
    modality: str
    mode: str
    computer: str
    age_months: int | None = None
    swapped: bool = False
    screen: dict[str, Any] = field(default_factory=dict)
    devices: dict[str, Any] = field(default_factory=dict)
    triggers: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    repetition_time_s: float | None = None
    dummy_volumes: int = 0
    no_sound: bool = False
    audio_delay_s: float = 0.0
    display_delay_s: float = 0.0
    presentation: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT


class Journal(Protocol):
    """Where a session writes."""

    def write(self, t: float, kind: str, **content: Any) -> None:
        """Append one record."""
        ...

    def settle(self) -> None:
        """Make sure that what was written survives a power cut; takes milliseconds, so never while a film plays."""
        ...

    def close(self) -> None:
        """Settle and close."""
        ...


class MemoryJournal:
    """A journal that is only kept in memory, for simulations."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def write(self, t: float, kind: str, **content: Any) -> None:
        """Append one record."""
        self.records.append({"t": round(t, 6), "kind": kind, **content})

    def settle(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class FileJournal:
    """A journal on disk: every record is handed to the system at once, so that a killed program loses none.

    Parameters
    ----------
    path
        A new file; an existing one is refused.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise fail(
                OutputError, str(path), "exists already: another session may have just begun",
                way_out="see 'bazin session list', and start again",
            ) from error  # fmt: skip
        except OSError as error:
            raise cannot_write(path, error) from error

    def write(self, t: float, kind: str, **content: Any) -> None:
        """Append one record; a full disk raises OutputError."""
        line = json.dumps({"t": round(t, 6), "kind": kind, **content}, ensure_ascii=False, allow_nan=False)
        data = line.encode() + b"\n"
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise cannot_write(self.path, error) from error

    def settle(self) -> None:
        """Flush to the disk itself."""
        with contextlib.suppress(OSError):  # some network drives cannot
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Settle and close."""
        if not self._file.closed:
            self.settle()
            self._file.close()


def journal_folder(bids: Path, participant: str, session: str) -> Path:
    """Where the journals of one person and session lie."""
    return bids / FOLDER / participant / f"ses-{label(session)}"


def journals_of(bids: Path, participant: str, session: str) -> list[Path]:
    """The journals of one person and session, oldest first."""
    return sorted(journal_folder(bids, participant, session).glob("journal-*.jsonl"))


def next_path(bids: Path, participant: str, session: str) -> Path:
    """A name no journal has had."""
    taken = [int(path.stem.rpartition("-")[2]) for path in journals_of(bids, participant, session)]
    number = max(taken, default=0) + 1
    return journal_folder(bids, participant, session) / f"journal-{number:03d}.jsonl"


@dataclass(frozen=True)
class Told:
    """A journal that was read.

    Attributes
    ----------
    header
        Its first record.
    records
        The others.
    torn
        Whether its last line was cut off, as a killed program leaves it.
    began
        The header's ``t``: the time of the session's clock that ``wall`` belongs to.
    """

    header: Header
    records: tuple[Record, ...]
    path: Path
    torn: bool = False
    began: float = 0.0

    def of(self, *kinds: str) -> Iterator[Record]:
        """Records of some kinds, in order."""
        return (record for record in self.records if record["kind"] in kinds)

    @property
    def status(self) -> str:
        """``complete``, ``stopped``, ``dissent``, ``limit``; ``crashed`` where there is no end."""
        ends = [record["status"] for record in self.of("end")]
        return ends[-1] if ends else "crashed"


def read_journal(path: Path) -> Told:
    """Read a journal; a last line that was cut off is left out.

    Raises
    ------
    InputError
        If it has no header, or a line before the last is not JSON.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise fail(InputError, str(path), f"cannot be read: {error.strerror}") from error
    torn = bool(lines[-1])
    records: list[Record] = []
    for i, line in enumerate(lines[:-1], start=1):
        try:
            record = json.loads(line)
            record["t"], record["kind"]
        except (ValueError, TypeError, KeyError) as error:
            raise fail(
                InputError, f"{path}:{i}", "is not a line of a journal",
                way_out="journals are never edited; take the copy of the laboratory's backup",
            ) from error  # fmt: skip
        records.append(record)
    if not records or records[0]["kind"] != "header":
        raise fail(InputError, str(path), "has no header: the session stopped before it began",
                   way_out="nothing was shown; the file can be removed")  # fmt: skip
    return Told(header_of(records[0], path), tuple(records[1:]), path, torn, records[0]["t"])


def header_of(record: Record, path: Path) -> Header:
    """The header in a journal's first record."""
    content = {name: value for name, value in record.items() if name not in ("t", "kind")}
    if content.get("format", FORMAT) > FORMAT:
        raise fail(InputError, str(path), "was written by a newer bazin", way_out="update this one")
    try:
        return Header(**content)
    except TypeError as error:
        raise InputError(Fault(str(path), f"has a header that cannot be read ({error})")) from error


def write_header(journal: Journal, t: float, header: Header) -> None:
    """Write the header."""
    journal.write(t, "header", **asdict(header))
