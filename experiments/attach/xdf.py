"""The streams of an XDF file (Lab Streaming Layer) as one recording with markers on its samples' clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.attach.alignment import Markers
from experiments.attach.markers import from_texts
from protocols.base.errors import InputError, fail, listed

Stream = Mapping[str, Any]
"""As pyxdf gives it: ``info`` (every entry a list), ``time_series``, ``time_stamps``."""
_VOLTS = {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "millivolt": 1e-3, "millivolts": 1e-3,
          "uv": 1e-6, "µv": 1e-6, "μv": 1e-6, "microvolt": 1e-6, "microvolts": 1e-6,
          "nv": 1e-9, "nanovolt": 1e-9, "nanovolts": 1e-9}  # fmt: skip
_MICROVOLTS = 1e-6
_STIM = ("stim", "trigger", "trig", "trg", "status", "markers")
_SIGNALS = ("eeg", "eog", "ecg", "emg")


@dataclass(frozen=True)
class Streamed:
    """An EEG stream and the marker streams beside it.

    Attributes
    ----------
    data
        (channels, samples); volts, trigger channels as they are.
    names, kinds
        Of the channels; kinds in MNE's words.
    sampling_hz
        The stream's nominal rate.
    markers
        One for each marker stream that has codes; times in seconds of the samples' clock.
    assumed_microvolts
        Whether a channel without a unit was taken to be in microvolts, as is the custom of LSL.
    """

    data: np.ndarray = field(repr=False)
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    sampling_hz: float
    markers: tuple[Markers, ...]
    assumed_microvolts: bool


def streamed(streams: Sequence[Stream], names: Mapping[str, int], path: str) -> Streamed:
    """Find the EEG stream and put the markers on its samples' clock.

    Parameters
    ----------
    streams
        What ``pyxdf.load_xdf`` returned, clocks synchronized.
    names
        The plan's codes by name.
    path
        The file, for errors.

    Raises
    ------
    InputError
        If there is not exactly one EEG stream with samples.
    """
    found = [one for one in streams if _of(one, "type").casefold() == "eeg" and len(one["time_stamps"]) > 1]
    if len(found) != 1:
        raise fail(
            InputError, path, "must hold one EEG stream",
            got=listed(f"{_of(one, 'name')} ({_of(one, 'type')})" for one in streams),
            accepted="one stream of type EEG with samples, and the markers' stream",
            way_out="record, or export, the streams of one amplifier only",
        )  # fmt: skip
    eeg = found[0]
    rate = float(_of(eeg, "nominal_srate"))
    if rate <= 0:
        raise fail(InputError, path, "has an EEG stream without a sampling rate", got=_of(eeg, "name"))
    stamps, samples = np.asarray(eeg["time_stamps"], float), np.asarray(eeg["time_series"], float)
    channels = _channels(eeg, samples.shape[1])
    scales = [1.0 if kind == "stim" else _VOLTS.get(unit, _MICROVOLTS) for _, kind, unit in channels]
    markers = [
        from_texts(on_samples(np.asarray(one["time_stamps"], float), stamps, rate), _texts(one), names)
        for one in streams
        if float(_of(one, "nominal_srate") or 0) == 0 and len(one["time_stamps"])
    ]
    return Streamed(
        data=(samples * scales).T,
        names=tuple(name for name, _, _ in channels),
        kinds=tuple(kind for _, kind, _ in channels),
        sampling_hz=rate,
        markers=tuple(one for one in markers if len(one)),
        assumed_microvolts=any(kind != "stim" and unit not in _VOLTS for _, kind, unit in channels),
    )


def on_samples(at: np.ndarray, stamps: np.ndarray, sampling_hz: float) -> np.ndarray:
    """Times of the shared clock as times of the samples: sample k stands for ``k / sampling_hz``.

    Between samples times are interpolated, before the first and after the last they go on at the shared clock's rate.
    """
    inside = np.interp(at, stamps, np.arange(len(stamps)) / sampling_hz)
    return inside + np.minimum(at - stamps[0], 0) + np.maximum(at - stamps[-1], 0)


def _of(stream: Stream, key: str) -> str:
    value = stream["info"].get(key) or [""]
    return str(value[0])


def _texts(stream: Stream) -> list[str]:
    """The first channel of a marker stream."""
    return [
        str(one[0]) if np.ndim(one) or isinstance(one, list) else str(one) for one in stream["time_series"]
    ]


def _channels(eeg: Stream, count: int) -> list[tuple[str, str, str]]:
    """Name, kind and unit of each channel; described or not, there are `count`."""
    try:
        described = list(eeg["info"]["desc"][0]["channels"][0]["channel"])
    except (KeyError, IndexError, TypeError):
        described = []
    if len(described) != count:
        described = [{}] * count
    channels = []
    for i, one in enumerate(described, start=1):
        name, kind, unit = (str((one.get(key) or [""])[0] or "").strip() for key in ("label", "type", "unit"))
        channels.append((name or f"EEG{i:03d}", _kind(name, kind), unit.casefold()))
    return channels


def _kind(name: str, kind: str) -> str:
    words = {kind.casefold(), name.casefold()}
    if words & set(_STIM):
        return "stim"
    if not kind:
        return "eeg"
    return kind.casefold() if kind.casefold() in _SIGNALS else "misc"
