"""Errors that a user can act on: which item, what was got, what is accepted, the way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one item.

    Parameters
    ----------
    item
        What is wrong: a file, a plan field (``measures.dmpfc.bound``), a participant.
    problem
        What is the matter with it, as a sentence without the item's name.
    got, accepted, way_out
        What was found, what would have been right, and what to do about it. Each may be empty.
    line, column
        1-based position in ``file``, where there is one.
    file
        The file the item stands in, if the item itself is not a file.
    """

    item: str
    problem: str
    got: str = ""
    accepted: str = ""
    way_out: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None

    @property
    def place(self) -> str:
        """``file:line:column``, as much of it as is known; editors and terminals make it a link."""
        parts = [self.file] if self.file else []
        if self.line is not None:
            parts.append(str(self.line))
            if self.column is not None:
                parts.append(str(self.column))
        return ":".join(parts)

    def __str__(self) -> str:
        head = ": ".join(part for part in (self.place, self.item, self.problem) if part)
        rows = [("got", self.got), ("accepted", self.accepted), ("way out", self.way_out)]
        return "\n".join([head, *(f"  {name + ':':<10}{text}" for name, text in rows if text)])


class BazinError(Exception):
    """Base of every error meant for the user; the command line prints it without a traceback.

    Parameters
    ----------
    faults
        Everything that is wrong, not only the first thing.
    """

    exit_code = 1

    def __init__(self, faults: Fault | Sequence[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UsageError(BazinError):
    """The command was given something it cannot take (exit code 2, as argument parsers do)."""

    exit_code = 2


class InputError(BazinError):
    """A file cannot be read as what it should be."""


class OutputError(BazinError):
    """A result cannot be written: read-only, full, or in the way of something else."""


class PlanError(BazinError):
    """The plan has faults, or asks for what this version does not have."""


class NotAvailable(BazinError):
    """Something asked for by name that this version does not offer yet."""


def fail(kind: type[BazinError], item: str, problem: str, **details: str) -> BazinError:
    """One-fault error of `kind`, to be raised: ``raise fail(InputError, path, "is empty", way_out=...)``."""
    return kind(Fault(item, problem, **details))  # type: ignore[arg-type]


def cannot_read(path: Path, error: OSError) -> InputError:
    """Say in the user's words why `path` could not be read."""
    if isinstance(error, FileNotFoundError):
        return InputError(Fault(str(path), "does not exist", way_out="check the name and the folder"))
    if isinstance(error, IsADirectoryError):
        return InputError(Fault(str(path), "is a folder, not a file", way_out="name the file in it"))
    return InputError(Fault(str(path), f"cannot be read: {error.strerror or error}"))


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of `names`, or None when none is similar enough to be meant."""
    known = list(names)
    folded = {other.casefold(): other for other in known}
    if name.casefold() in folded:
        return folded[name.casefold()]
    cutoff = 0.6 if len(name) > 2 else 0.5  # one letter of two may be wrong
    found = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``did you mean 'x'?`` for the nearest valid name, or an empty string."""
    close = nearest(name, names)
    return f"did you mean '{close}'?" if close else ""


def listed(names: Iterable[object], *, limit: int = 12) -> str:
    """Names in one line, the rest counted: ``a, b, c and 4 more``."""
    items = [str(name) for name in names]
    if not items:
        return "none"
    shown = ", ".join(items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
