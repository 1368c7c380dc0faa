"""Sound through psychtoolbox's PortAudio, whose callback is C: a busy Python makes no gaps.

Two things keep its scheduled starts from being kept under PulseAudio, and are avoided here: opening a device suspends
PulseAudio's sinks (so a stream into PulseAudio stands still), and a stream opened only for the sound needs up to two
seconds until it moves. One stream ("master") runs all the time, and sounds are "slaves" of it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.sound.engine import NO_FLOW, Output, Went, chosen, wait_until_running
from protocols.base.errors import NotAvailable, fail

LATENCY_S = 0.1
_PLAYBACK, _MASTER, _EXACT = 1, 8, 1  # modes and latency class of PsychPortAudio('Open')
_STOPS_WITHIN_S = 0.1
_SPARE_S = 0.02


def _driver() -> Any:
    try:
        from psychtoolbox import PsychPortAudio
    except Exception as error:  # a missing system library shows itself in many ways
        raise fail(NotAvailable, "sound card", f"cannot be loaded ({error})") from error
    PsychPortAudio("Verbosity", 1)
    PsychPortAudio("EngineTunables", [], [], [], 0)  # leave the system's sound server alone
    return PsychPortAudio


def outputs() -> list[Output]:
    """What psychtoolbox could play on.

    Raises
    ------
    NotAvailable
        If it cannot be loaded, or there is no card.
    """
    do = _driver()
    try:
        found = do("GetDevices") or []
    except Exception as error:  # a plain exception is what psychtoolbox raises where there is no card
        raise fail(NotAvailable, "sound card", "was not found") from error
    return [
        Output(
            int(one["DeviceIndex"]), one["DeviceName"], one["HostAudioAPIName"], one["LowOutputLatency"],
            int(one["DefaultSampleRate"]),
        )
        for one in found
        if one["NrOutputChannels"] >= 2
    ]  # fmt: skip


@dataclass(frozen=True)
class _Loaded:
    slave: Any
    samples: int


class PsychtoolboxEngine:
    """An `Engine` of psychtoolbox.

    Parameters
    ----------
    device
        Name of an output, see `experiments.sound.engine.chosen`; None for the system's own choice.
    rate
        Samples per second; a card that cannot do it is opened at its own.

    Raises
    ------
    NotAvailable
        If psychtoolbox cannot be loaded, there is no such device, or it cannot be opened or does not play.
    """

    name = "psychtoolbox"

    def __init__(self, device: str | None, rate: int) -> None:
        self._do = _driver()
        from psychtoolbox import GetSecs

        self.now = GetSecs
        known = outputs()
        if not known:
            raise fail(NotAvailable, "sound card", "finds no sound card")
        self._master, self.rate = self._opened(chosen(known, device) if device else None, rate)
        self._do("Start", self._master, 0, 0, 0)
        if not wait_until_running(lambda: self._status()["ElapsedOutSamples"] / self.rate):
            self._close()
            raise fail(NotAvailable, "sound card", NO_FLOW)
        index = int(self._status()["OutDeviceIndex"])
        self.output = next(one for one in known if one.index == index)
        self._buffer_s = self._status()["BufferSize"] / self.rate
        self.lead_s = self._earliest() - self.now() + _SPARE_S
        self._playing: _Loaded | None = None
        self._before = self._position()

    def _opened(self, output: Output | None, rate: int) -> tuple[Any, int]:
        index: Any = [] if output is None else output.index
        problem: Exception | None = None
        rates: list[Any] = [rate, output.rate if output else []]  # [] is the driver's own choice
        for tried in rates:
            try:
                master = self._do("Open", index, _PLAYBACK + _MASTER, _EXACT, tried, 2, [], LATENCY_S)
            except Exception as error:  # its own exception class is not exported
                problem = error
                continue
            return master, round(self._do("GetStatus", master)["SampleRate"])
        said = str(problem).strip().splitlines()
        raise fail(
            NotAvailable, "psychtoolbox", f"cannot open it ({said[-1] if said else 'no reason given'})"
        )

    def _status(self) -> dict[str, float]:
        return self._do("GetStatus", self._master)

    def _position(self) -> tuple[float, float, float]:
        """When the buffer made last leaves, samples made up to then, underruns; of one and the same buffer."""
        while True:
            one, two = self._status(), self._status()
            if one["ElapsedOutSamples"] == two["ElapsedOutSamples"]:
                return one["CurrentStreamTime"], one["ElapsedOutSamples"], one["XRuns"]

    def _earliest(self) -> float:
        """When the first buffer leaves that can still be changed; the next may be in the making."""
        return self._status()["CurrentStreamTime"] + 2 * self._buffer_s

    def load(self, samples: np.ndarray) -> _Loaded:
        """Copy samples into a slave of their own."""
        slave = self._do("OpenSlave", self._master, _PLAYBACK, 2)
        self._do("FillBuffer", slave, samples)
        return _Loaded(slave, len(samples))

    def unload(self, handle: _Loaded) -> None:
        """Close the slave."""
        self._do("Close", handle.slave)

    def play(self, handle: _Loaded, when: float) -> None:
        """Schedule the slave's start."""
        self.halt()
        late = max(0.0, self._earliest() - when)
        skipped = math.ceil(late * self.rate)
        self._playing, self._before = handle, self._position()
        if skipped < handle.samples:
            self._do("SetLoop", handle.slave, skipped, handle.samples - 1)
            self._do("Start", handle.slave, 1, when + skipped / self.rate, 0)

    def halt(self) -> Went:
        """Stop the slave, and wait for the end of the buffer that is being made."""
        if self._playing is None:
            return Went(None, None, 0)
        slave, self._playing = self._playing.slave, None
        self._do("Stop", slave, 0, 0)
        give_up = time.perf_counter() + _STOPS_WITHIN_S
        while (status := self._do("GetStatus", slave))["Active"] and time.perf_counter() < give_up:
            time.sleep(0.001)
        then, now = self._before, self._position()
        drift = (now[0] - then[0]) - (now[1] - then[1]) / self.rate
        return Went(status["StartTime"] or None, drift, int(now[2] - then[2]))

    def close(self) -> None:
        """Stop and close; the slaves go with their master."""
        self.halt()
        self._close()

    def _close(self) -> None:
        self._do("Stop", self._master, 2, 0)  # without it a card that stands still is waited for
        self._do("Close", self._master)
