"""``bazin session withdraw``: somebody who withdraws is removed from a data set, everywhere."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from experiments.data.tombstones import TABLE, bury, withdrawn
from experiments.data.words import n_of
from experiments.session.journal import FOLDER
from experiments.session.lock import LOCKS, alone
from protocols.base.bids import participant_id
from protocols.base.errors import InputError, OutputError, did_you_mean, fail, listed
from protocols.base.files import write_atomically
from protocols.base.tables import read_frame

DELIMITERS = {".tsv": "\t", ".csv": ","}
TEXTS = (".tsv", ".csv", ".json", ".jsonl", ".html", ".md", ".txt", ".svg", ".log", ".yaml", ".yml")
HISTORY = (".git", ".datalad")
VERDICT = "verdict.json"
COMPUTED = (VERDICT, "results", "report.html", "figures")
"""What an analysis leaves that was computed from everybody together."""


@dataclass
class Withdrawn:
    """What was removed; paths are below the data set.

    Attributes
    ----------
    removed
        Files and folders.
    rows
        Number of rows taken out of each table.
    computed
        Results that were computed with the person's data: analyse again.
    mentions
        Files that still name the person.
    notes
        What no program can remove.
    """

    code: str
    removed: list[Path] = field(default_factory=list)
    rows: dict[Path, int] = field(default_factory=dict)
    computed: list[Path] = field(default_factory=list)
    mentions: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What was done, and what remains to be done by hand."""
        rows = n_of(sum(self.rows.values()), "row")
        lines = [f"{self.code}: {len(self.removed)} files or folders and {rows} removed"]
        lines += [f"  {path}" for path in self.removed]
        lines += [f"  {path}: {n_of(n, 'row')}" for path, n in self.rows.items()]
        for title, paths in (
            ("Computed with their data, run 'bazin analyse' again:", self.computed),
            ("Still name them:", self.mentions),
        ):
            lines += [title, *(f"  {path}" for path in paths)] if paths else []
        return [*lines, *self.notes]


def withdraw(bids: Path, participant: str) -> Withdrawn:
    """Remove a person from everything below a data set, and leave only their code and the day.

    Files and folders that carry the code in their name are removed, and the rows of every table (``.tsv``, ``.csv``) in
    which a cell is the code. The tombstone is written first: interrupted, nothing of the person can be exported or
    recorded any more, and the same call goes on.

    Parameters
    ----------
    bids
        The data set.
    participant
        Whose, with or without ``sub-``. Nobody is asked whether that is meant.

    Raises
    ------
    InputError
        If nobody is known by that code; who is, is named.
    OutputError
        If something cannot be removed.
    UsageError
        If a session is running.
    """
    code = participant_id(participant)
    again = code in withdrawn(bids)
    if not again and not _is_known(bids, code):
        people = _people(bids)
        raise fail(InputError, f"participant '{code}'", f"is not in {bids}", accepted=listed(people),
                   way_out=did_you_mean(code, people))  # fmt: skip
    found = Withdrawn(code)
    with alone(bids, code):
        bury(bids, code)
        own = re.compile(rf"(?<![A-Za-z0-9]){re.escape(code)}(?![A-Za-z0-9])")
        for path in _everything(bids):
            if own.search(path.name):
                _remove(path)
                found.removed.append(path.relative_to(bids))
            elif path.suffix in DELIMITERS and path.is_file():
                taken = _take_out(path, code)
                if taken:
                    found.rows[path.relative_to(bids)] = taken
        token = re.compile(own.pattern.encode())
        for path in _everything(bids):
            if path.suffix in TEXTS and path.is_file() and token.search(path.read_bytes()):
                found.mentions.append(path.relative_to(bids))
        _name_computed(bids, found, everything=again)
    found.notes += [f"{name} keeps the history of the files" for name in HISTORY if (bids / name).exists()]
    return found


def _people(bids: Path) -> list[str]:
    found = {path.name for path in bids.glob("sub-*")} | {path.name for path in (bids / FOLDER).glob("sub-*")}
    table = bids / "participants.tsv"
    if table.exists():
        found |= {code for code in read_frame(table, required=("participant_id",))["participant_id"] if code}
    return sorted(found)


def _is_known(bids: Path, code: str) -> bool:
    return code in _people(bids)


def _everything(bids: Path) -> Iterator[Path]:
    """Every folder and file, folders first; not what lies behind links, nor the history, nor who withdrew."""
    for folder, folders, files in os.walk(bids):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if name not in HISTORY)
        if here == bids / FOLDER:
            folders[:] = [name for name in folders if name != LOCKS]
        yield from (here / name for name in folders)
        folders[:] = [
            name for name in folders if (here / name).is_dir()
        ]  # those that were just removed are gone
        yield from (here / name for name in sorted(files) if here / name != bids / TABLE)


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise fail(
            OutputError, str(path), f"cannot be removed: {error.strerror or error}",
            way_out="see to the cause and withdraw again: it goes on where it stopped",
        ) from error  # fmt: skip


def _take_out(path: Path, code: str) -> int:
    """Take a person's rows out of a table whose other bytes stay as they are; returns their number."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if code.removeprefix("sub-") not in text:
        return 0
    lines = list(io.StringIO(text, newline=""))
    reader = csv.reader(lines, delimiter=DELIMITERS[path.suffix])
    kept: list[str] = []
    taken, begins = 0, 0
    column: int | None = None
    try:
        for i, row in enumerate(reader):
            if i == 0:
                header = [name.lstrip("\ufeff") for name in row]
                column = header.index("participant_id") if "participant_id" in header else None
            if i and _is_of(row, column, code):
                taken += 1
            else:
                kept += lines[begins : reader.line_num]
            begins = reader.line_num
    except csv.Error:
        return 0  # no table: if it names the person, it is named
    if taken:
        write_atomically(path, "".join(kept).encode("utf-8", "surrogateescape"))
    return taken


def _is_of(row: list[str], column: int | None, code: str) -> bool:
    if code in row:
        return True
    return column is not None and column < len(row) and row[column] == code.removeprefix("sub-")


def _name_computed(bids: Path, found: Withdrawn, *, everything: bool) -> None:
    """Name what was computed with the person; all of it when an interrupted withdrawal goes on."""
    touched = [*found.removed, *found.rows, *found.mentions]
    for path in _everything(bids):
        if path.name == VERDICT:
            root = path.parent.relative_to(bids)
            if everything or any(one.is_relative_to(root) for one in touched):
                found.computed += [root / name for name in COMPUTED if (bids / root / name).exists()]
