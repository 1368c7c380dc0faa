"""The run's files in the BIDS folder: recordings put beside its events, and the events brought onto their clock."""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from protocols.base.bids import Name
from protocols.base.errors import UsageError, fail
from protocols.base.files import cannot_write, read_json, write_json
from protocols.base.tables import read_frame, write_frame

ALIGNMENT, RECORDING = "Alignment", "Recording"
"""Keys of the events' sidecar that say what was attached (EEG, MRI)."""
SESSION_ONSET = "session_onset"
_DESCRIBED = {
    "Description": "onset by the session's own clock, from the run's onset 0, before the recording was attached",
    "Units": "s",
}


@dataclass(frozen=True)
class RunFiles:
    """Where the files of one run are.

    Attributes
    ----------
    events
        Its ``_events.tsv``.
    """

    events: Path

    @property
    def sidecar(self) -> Path:
        """The events' ``.json``."""
        return self.events.with_suffix(".json")

    @property
    def folder(self) -> Path:
        """The folder of its datatype."""
        return self.events.parent

    @property
    def entities(self) -> Mapping[str, str]:
        """BIDS entities of the run."""
        return Name.parse(self.events.name).entities

    def named(self, suffix: str, extension: str) -> Path:
        """Another file of the run."""
        return self.folder / str(Name(suffix, extension, self.entities))

    def about(self) -> dict[str, Any]:
        """What the events' sidecar says."""
        return dict(read_json(self.sidecar)) if self.sidecar.exists() else {}


def attached_before(files: RunFiles, sha256: str) -> bool:
    """Whether this recording is attached already; another one is refused.

    Raises
    ------
    UsageError
        If another recording is attached to the run.
    """
    about = files.about()
    known = next((about[key] for key in (ALIGNMENT, RECORDING) if key in about), None)
    if known is None:
        return False
    if known["source_sha256"] == sha256:
        return True
    raise fail(
        UsageError, files.events.name, "has another recording already, and raw data are never overwritten",
        way_out="if that one was wrong, move it away with the run's events, export the session, and attach again",
    )  # fmt: skip


def place(sources: Mapping[Path, Path]) -> None:
    """Copy files to where they belong; a file that is there already must be the same.

    Parameters
    ----------
    sources
        Which file (value) becomes which (key).

    Raises
    ------
    UsageError
        If another file is in the way; nothing is copied then.
    OutputError
        If a file cannot be written.
    """
    missing: dict[Path, Path] = {}
    for target, source in sources.items():
        if not target.exists():
            missing[target] = source
        elif not filecmp.cmp(source, target, shallow=False):
            raise fail(
                UsageError, str(target), "is there already, with other content, and raw data are never overwritten",
                way_out="if it was put there by mistake, move it away and attach again",
            )  # fmt: skip
    for target, source in missing.items():
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    """Copy so that `target` is whole or absent."""
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        part = Path(name)
        with os.fdopen(handle, "wb") as into, source.open("rb") as stream:
            shutil.copyfileobj(stream, into, 1 << 20)
            into.flush()
            os.fsync(into.fileno())
        part.chmod(target.parent.stat().st_mode & 0o666)  # as open as its folder; mkstemp makes private files
        part.rename(target)
        part = None
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def bring_onto_clock(files: RunFiles, offset_s: float, rate: float, about: Mapping[str, Any]) -> np.ndarray:
    """Rewrite a run's events with onsets on the recording's clock, and say so in their sidecar.

    The session's own onsets are kept in a column, and are what is brought over when this is done again: stopped
    between the table and its sidecar, nothing is shifted twice.

    Parameters
    ----------
    files
        The run's.
    offset_s, rate
        ``onset = offset_s + rate * session_onset``.
    about
        What is added to the sidecar.

    Returns
    -------
    numpy.ndarray
        The new onsets, seconds.
    """
    events = read_frame(files.events, numeric=("onset", SESSION_ONSET), required=("onset",))
    described: dict[str, Any] = {}
    if (offset_s, rate) != (0, 1) or SESSION_ONSET in events:
        if SESSION_ONSET not in events:
            events[SESSION_ONSET] = events["onset"]
        events["onset"] = offset_s + rate * events[SESSION_ONSET]
        write_frame(files.events, events)
        described[SESSION_ONSET] = _DESCRIBED
    write_json(files.sidecar, {**files.about(), **described, **about})
    return events["onset"].to_numpy()
