"""The sound card of a session.

Two drivers, tried in this order. psychtoolbox: its callback is C, and scheduled starts came out within 0.1 ms of each
other under PulseAudio. sounddevice: its callback is Python; as exact while the interpreter is free, but a computation
that holds it for longer than the buffer (0.15 s) makes a gap, which is counted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.clips import Clip
from experiments.devices.interfaces import Clock, SoundLog
from experiments.sound import psychtoolbox_engine, sounddevice_engine
from experiments.sound.decoding import RATE, clip_sound, decoded
from experiments.sound.engine import Engine, Output
from protocols.base.errors import NotAvailable, UsageError, did_you_mean, fail, listed

_KEPT = 4  # clips whose sound is kept ready: two that play and two that come next
_READINGS = 7
_ENGINES: dict[str, tuple[Callable[[str | None, int], Engine], Callable[[], list[Output]]]] = {
    "psychtoolbox": (psychtoolbox_engine.PsychtoolboxEngine, psychtoolbox_engine.outputs),
    "sounddevice": (sounddevice_engine.SounddeviceEngine, sounddevice_engine.outputs),
}
_SERVED = ("default", "pulse", "pipewire", "sysdefault")  # names behind which a sound server chooses


def devices() -> list[str]:
    """Names of what sound can be played on, as site.yaml takes them: ``name (system)``."""
    names: dict[str, None] = {}
    for _, outputs in _ENGINES.values():
        try:
            names.update((str(one), None) for one in outputs())
        except NotAvailable:
            continue
    return list(names)


def open_sound(
    clock: Clock, device: str | None = None, delay_s: float = 0.0, backend: str = "auto"
) -> SoundCard:
    """Open a card and wait until it takes sound.

    Parameters
    ----------
    clock
        The session's.
    device
        One of `devices`, or a part of its name that no other has; None for the system's own choice.
    delay_s
        The site's ``audio_delay_s``: how much later sound arrives than the card says (air tubes, amplifiers).
    backend
        ``auto``, ``psychtoolbox`` or ``sounddevice``.

    Raises
    ------
    NotAvailable
        If no card plays, or only one that nobody hears; says what was tried and the ways out.
    UsageError
        If there is no such backend.
    """
    if backend != "auto" and backend not in _ENGINES:
        raise fail(
            UsageError, f"sound backend '{backend}'", "is not known", accepted=listed(["auto", *_ENGINES]),
            way_out=did_you_mean(backend, ["auto", *_ENGINES]),
        )  # fmt: skip
    tried = []
    for name in _ENGINES if backend == "auto" else [backend]:
        try:
            engine = _ENGINES[name][0](device, RATE)
        except NotAvailable as error:
            tried.append(f"{name} {error.faults[0].problem}")
            continue
        if engine.output.name in _SERVED and _server_is_silent():
            engine.close()
            raise fail(
                NotAvailable, f"sound device '{engine.output.name}'", "is heard by nobody",
                got="a sound server without a card", accepted=listed(devices()), way_out=_ways_out(),
            )  # fmt: skip
        return SoundCard(clock, engine, delay_s)
    there = devices()
    near = did_you_mean(device, [*there, *(name.rsplit(" (", 1)[0] for name in there)]) if device else ""
    raise fail(
        NotAvailable, f"sound device '{device}'" if device else "sound", "cannot be played",
        got="; ".join(tried), accepted=listed(there) if there else "",
        way_out=near or _ways_out(),
    )  # fmt: skip


def _ways_out() -> str:
    linux = "; on Debian and Ubuntu: apt install libportaudio2" if sys.platform == "linux" else ""
    return (
        f"switch a card on, or name another device as the site's sound device in site.yaml{linux}; "
        "or run without sound: --no-sound (it is recorded)"
    )


def _server_is_silent() -> bool:
    """Whether PulseAudio or PipeWire plays into its dummy, as they do without a card."""
    command = shutil.which("pactl")
    if command is None:
        return False
    try:
        said = subprocess.run(
            [command, "info"], capture_output=True, encoding="utf-8", timeout=3, check=False,
            env={**os.environ, "LC_ALL": "C"},
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return "Default Sink: auto_null" in said


class SoundCard:
    """An `experiments.devices.interfaces.Audio` on a real card.

    Parameters
    ----------
    clock
        The session's.
    engine
        The driver.
    delay_s
        How much later sound arrives than the driver says.

    Attributes
    ----------
    name
        Device, system and driver.
    lead_s
        How long before `when` a start must be asked for, else the sound's beginning is left out and the rest is in
        step.
    """

    is_null = False

    def __init__(self, clock: Clock, engine: Engine, delay_s: float = 0.0) -> None:
        self.name = f"{engine.output}, {engine.name}"
        self.lead_s = engine.lead_s + delay_s
        self._clock, self._engine, self._delay_s = clock, engine, delay_s
        self._prepared: OrderedDict[Path, Any] = OrderedDict()
        self._playing: tuple[Any, float, float] | None = None
        self._spoken: Any = None

    def prepare(self, clip: Clip) -> None:
        """Decode a clip's sound and hand it to the driver; takes some hundredths of the clip's length.

        The four prepared last are kept.

        Raises
        ------
        InputError
            If it cannot be decoded.
        """
        if not clip.sound or clip.path is None:
            return
        if clip.path not in self._prepared:
            self._prepared[clip.path] = self._engine.load(clip_sound(clip, self._engine.rate).samples)
        self._prepared.move_to_end(clip.path)
        plays = self._playing[0] if self._playing else None
        for path in [path for path, handle in self._prepared.items() if handle is not plays][:-_KEPT]:
            self._engine.unload(self._prepared.pop(path))

    def start(self, clip: Clip, when: float) -> None:
        """Let a prepared clip's first sample be heard at `when`; nothing for a clip without sound.

        What plays is replaced. Asked for less than `lead_s` ahead, the sound begins later and as far into the clip.
        """
        if clip.sound and clip.path is not None:
            self._play(self._prepared[clip.path], when)

    def stop(self) -> SoundLog | None:
        """Silence what plays, within `lead_s`; how it went, None if nothing was started."""
        if self._playing is None:
            return None
        _, when, offset = self._playing
        went = self._engine.halt()
        drift = None if went.drift_s is None else went.drift_s + self._offset() - offset
        started = None if went.started is None else went.started + offset + self._delay_s
        self._playing = None
        self._forget_spoken()
        return SoundLog(self.name, when, started, drift, went.underruns)

    def say(self, path: object) -> float:
        """Begin a spoken instruction as soon as can be, and tell its length in seconds; `stop` stops it.

        Raises
        ------
        InputError
            If it cannot be decoded.
        """
        spoken = decoded(Path(str(path)), self._engine.rate)
        self.stop()
        self._spoken = self._engine.load(spoken.samples)
        self._play(self._spoken, self._clock.now() + self.lead_s)
        return spoken.seconds

    def close(self) -> None:
        """Silence it and give the card back."""
        self.stop()
        self._engine.close()

    def _play(self, handle: Any, when: float) -> None:
        offset = self._offset()
        self._engine.play(handle, when - self._delay_s - offset)
        self._playing = handle, when, offset
        if handle is not self._spoken:
            self._forget_spoken()

    def _forget_spoken(self) -> None:
        if self._spoken is not None:
            self._engine.unload(self._spoken)
            self._spoken = None

    def _offset(self) -> float:
        """The session's clock minus the driver's, from the quickest of some paired readings."""
        readings = []
        for _ in range(_READINGS):
            before, there, after = self._clock.now(), self._engine.now(), self._clock.now()
            readings.append((after - before, (before + after) / 2 - there))
        return min(readings)[1]


class NullSound:
    """No sound, on request only (``--no-sound``): the journal says so."""

    name = "none"
    is_null = True
    lead_s = 0.0

    def __init__(self) -> None:
        self._scheduled: float | None = None

    def prepare(self, clip: Clip) -> None:
        """Nothing."""

    def start(self, clip: Clip, when: float) -> None:
        """Remember when a sound would have begun."""
        self._scheduled = when if clip.sound else None

    def stop(self) -> SoundLog | None:
        """When it would have begun."""
        when, self._scheduled = self._scheduled, None
        return None if when is None else SoundLog(self.name, when)

    def say(self, path: object) -> float:
        """The length of a spoken instruction that nobody hears, in seconds."""
        return decoded(Path(str(path))).seconds

    def close(self) -> None:
        """Nothing."""
