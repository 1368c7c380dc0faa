"""EEG recordings as MNE and pyxdf read them; nothing else in this folder knows these libraries."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.attach.alignment import Markers
from experiments.attach.markers import from_channel, from_texts
from experiments.attach.xdf import streamed
from protocols.base.errors import InputError, NotAvailable, UsageError, fail, listed
from protocols.base.files import cannot_write

COMPANIONS: Mapping[str, tuple[str, ...]] = {
    ".vhdr": (".vmrk", ".eeg", ".dat"), ".edf": (), ".bdf": (), ".set": (".fdt",), ".fif": (), ".xdf": (),
}  # fmt: skip
"""Formats by the file that is opened, and what lies beside it under the same name."""
_READERS = {
    ".vhdr": "read_raw_brainvision", ".edf": "read_raw_edf", ".bdf": "read_raw_bdf",
    ".set": "read_raw_eeglab", ".fif": "read_raw_fif",
}  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """One EEG recording.

    Attributes
    ----------
    sources
        Markers, one for each place they may stand in: annotations, trigger channels, marker streams. Times in seconds
        from the first sample.
    duration_s
        Its length.
    notes
        What the user should know, in a sentence each.
    write
        Writes it as BrainVision under a BIDS root, given the root and the run's entities.
    """

    sources: tuple[Markers, ...]
    duration_s: float
    write: Callable[[Path, Mapping[str, str]], None] = field(repr=False)
    notes: tuple[str, ...] = ()


def opened_file(files: Sequence[Path]) -> Path:
    """The one of the given files that is opened; the others must belong to it.

    Raises
    ------
    UsageError
        If there is none, or more than one.
    InputError
        If it does not exist.
    """
    found = [path for path in files if path.suffix.lower() in COMPANIONS]
    if len(found) != 1:
        raise fail(
            UsageError, "the recording", "must be one EEG file", got=listed(path.name for path in files),
            accepted="one .vhdr (with its .vmrk and .eeg), .edf, .bdf, .set, .fif or .xdf",
            way_out="attach the recording of each run by itself" if found else "name the file that is opened",
        )  # fmt: skip
    main = found[0]
    parts = companions_of(main)
    for path in files:
        if path != main and path not in parts:
            raise fail(UsageError, str(path), f"does not belong to {main.name}",
                       accepted=listed(part.name for part in parts), way_out="leave it out")  # fmt: skip
    if not main.is_file():
        raise fail(InputError, str(main), "does not exist", way_out="check the name and the folder")
    return main


def companions_of(main: Path) -> list[Path]:
    """Files of the same name that make up the recording with `main`."""
    beside = (main.with_suffix(suffix) for suffix in COMPANIONS[main.suffix.lower()])
    return [path for path in beside if path.is_file()]


def read(path: Path, names: Mapping[str, int]) -> Recording:
    """Read a recording and every marker in it.

    Parameters
    ----------
    path
        The file that is opened.
    names
        The plan's codes by name.

    Raises
    ------
    NotAvailable
        If the extra ``eeg`` is not installed.
    InputError
        If the file cannot be read.
    """
    return _read_xdf(path, names) if path.suffix.lower() == ".xdf" else _read_file(path, names)


def needed(module: str) -> Any:
    """A module of the extra ``eeg``, imported; NotAvailable with the way out where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise fail(
            NotAvailable, "EEG recordings", f"need a package that is not installed ({module})",
            way_out="make env EXTRAS=eeg   (Windows: py tools\\environment.py eeg)",
        ) from error  # fmt: skip


def _read_file(path: Path, names: Mapping[str, int]) -> Recording:
    reader = getattr(needed("mne").io, _READERS[path.suffix.lower()])
    raw = _or_unreadable(path, lambda: reader(path, preload=False, verbose="error"))
    rate = float(raw.info["sfreq"])
    said = raw.annotations
    sources = [from_texts(said.onset - raw.first_time, said.description, names)]
    for channel, kind in zip(raw.ch_names, raw.get_channel_types(), strict=True):
        if kind == "stim":
            sources.append(from_channel(raw.get_data(picks=[channel])[0], rate))
    copied = path.suffix.lower() == ".vhdr"  # mne-bids copies the bytes of what is BrainVision already

    def write(root: Path, entities: Mapping[str, str]) -> None:
        _write(raw, root, entities, format="auto" if copied else "BrainVision")

    return Recording(tuple(one for one in sources if len(one)), raw.n_times / rate, write)


def _read_xdf(path: Path, names: Mapping[str, int]) -> Recording:
    pyxdf, mne = needed("pyxdf"), needed("mne")
    streams, _ = _or_unreadable(path, lambda: pyxdf.load_xdf(str(path)))
    eeg = streamed(streams, names, str(path))
    info = mne.create_info(list(eeg.names), eeg.sampling_hz, list(eeg.kinds))
    raw = mne.io.RawArray(eeg.data, info, verbose="error")
    channels = [
        from_channel(values, eeg.sampling_hz)
        for values, kind in zip(eeg.data, eeg.kinds, strict=True)
        if kind == "stim"
    ]

    def write(root: Path, entities: Mapping[str, str]) -> None:
        _write(raw, root, entities, format="BrainVision", allow_preload=True)

    notes = ("channels without a unit were taken to be in microvolts",) if eeg.assumed_microvolts else ()
    sources = (*eeg.markers, *(one for one in channels if len(one)))
    return Recording(sources, eeg.data.shape[1] / eeg.sampling_hz, write, notes)


def _or_unreadable(path: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # readers of foreign formats raise anything
        raise fail(
            InputError, str(path), f"cannot be read: {_said(error)}",
            way_out="export it again from the amplifier's program; the three files of a BrainVision recording name each"
            " other, and must not be renamed by hand",
        ) from error  # fmt: skip


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _write(raw: Any, root: Path, entities: Mapping[str, str], **how: Any) -> None:
    """Write through mne-bids, which makes the channels' and the recording's sidecars as well."""
    mne_bids = needed("mne_bids")
    needed("pybv")  # mne-bids needs it and does not say so
    path = mne_bids.BIDSPath(
        subject=entities["sub"], session=entities["ses"], task=entities["task"], run=entities["run"],
        datatype="eeg", root=root,
    )  # fmt: skip
    try:
        mne_bids.write_raw_bids(raw, path, overwrite=False, verbose="error", **how)
    except OSError as error:
        raise cannot_write(root, error) from error
    except Exception as error:  # what mne-bids cannot write it tells in many ways
        raise fail(
            InputError, "the recording", f"cannot be written as BrainVision: {_said(error)}",
            way_out="export it as BrainVision from the amplifier's program, and attach that",
        ) from error  # fmt: skip
