"""Sound through sounddevice, where psychtoolbox cannot be had.

Its callback is Python, so a long computation that holds the interpreter can make a gap: hence the longer buffer, and
hence the second choice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.sound.engine import NO_FLOW, Output, Went, chosen, wait_until_running
from protocols.base.errors import NotAvailable, fail

LATENCY_S = 0.15
_FADE_S = 0.005
_SPARE_S = 0.05
_COMPARED = 9  # buffers at either end


def _driver() -> Any:
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the library of PortAudio is missing
        raise fail(NotAvailable, "sound card", f"cannot be loaded ({error})") from error
    return sounddevice


def outputs() -> list[Output]:
    """What sounddevice could play on.

    Raises
    ------
    NotAvailable
        If it cannot be loaded.
    """
    driver = _driver()
    apis = driver.query_hostapis()
    return [
        Output(
            one["index"], one["name"], apis[one["hostapi"]]["name"], one["default_low_output_latency"],
            int(one["default_samplerate"]),
        )
        for one in driver.query_devices()
        if one["max_output_channels"] >= 2
    ]  # fmt: skip


@dataclass
class Voice:
    """A sound that waits, plays, or has been played; the callback's notes on it.

    Attributes
    ----------
    when
        When sample 0 is to leave.
    place
        Next sample; None before it began.
    first, last
        Lateness of its first and its last buffers, in seconds after `when` and the time of their samples.
    """

    samples: np.ndarray
    when: float
    place: int | None = None
    started: float | None = None
    first: list[float] = field(default_factory=list)
    last: deque[float] = field(default_factory=lambda: deque(maxlen=_COMPARED))
    underruns: int = 0

    @property
    def drift_s(self) -> float | None:
        """Median lateness of the last buffers minus that of the first; None before the first.

        Not the slope of a line: what an underrun adds is a step.
        """
        return float(np.median(tuple(self.last)) - np.median(tuple(self.first))) if self.last else None


@dataclass
class Mixer:
    """What the callback does, without a card: put a sound's samples where they belong.

    Attributes
    ----------
    voice
        What is to be heard; replaced as a whole, which Python does in one step.
    fading
        What was stopped and goes in the next buffer.
    elapsed
        Samples asked for since the stream began.
    """

    rate: int
    voice: Voice | None = None
    fading: Voice | None = None
    elapsed: int = 0
    _ramp: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._ramp = np.linspace(1, 0, round(_FADE_S * self.rate), dtype=np.float32)[:, None]

    def fill(self, out: np.ndarray, leaves: float, underrun: bool) -> None:
        """Fill a buffer.

        Parameters
        ----------
        out
            (frames, 2) float32.
        leaves
            When its first sample will be heard, by the stream's clock.
        underrun
            Whether the card ran out of samples before it.
        """
        out[:] = 0
        self.elapsed += len(out)
        if (gone := self.fading) is not None:
            self.fading = None
            if gone.place is not None:
                last = gone.samples[gone.place : gone.place + min(len(self._ramp), len(out))]
                out[: len(last)] = last * self._ramp[: len(last)]
        if (voice := self.voice) is not None:
            self._speak(voice, out, leaves, underrun)

    def _speak(self, voice: Voice, out: np.ndarray, leaves: float, underrun: bool) -> None:
        first = 0
        if voice.place is None:
            first = round((voice.when - leaves) * self.rate)
            if first >= len(out):
                return
            voice.place = max(0, -first)  # too late for the beginning: the rest stays in step
            first = max(0, first)
            voice.started = leaves + first / self.rate
        elif underrun and voice.place < len(voice.samples):
            voice.underruns += 1
        piece = voice.samples[voice.place : voice.place + len(out) - first]
        if not len(piece):
            return
        out[first : first + len(piece)] += piece
        late = leaves - voice.when - (voice.place - first) / self.rate
        voice.last.append(late)
        if len(voice.first) < _COMPARED:
            voice.first.append(late)
        voice.place += len(piece)


class SounddeviceEngine:
    """An `Engine` of sounddevice; parameters and errors are those of `PsychtoolboxEngine`."""

    name = "sounddevice"

    def __init__(self, device: str | None, rate: int) -> None:
        driver = _driver()
        known = outputs()
        if not known:
            raise fail(NotAvailable, "sound card", "finds no sound card")
        output = chosen(known, device) if device else None
        self._mixer = Mixer(rate)
        self._stream, self.rate = self._opened(driver, output, rate)
        self._mixer = Mixer(self.rate)
        self._stream.start()
        if not wait_until_running(lambda: self._mixer.elapsed / self.rate):
            self._stream.close()
            raise fail(NotAvailable, "sound card", NO_FLOW)
        index = self._stream.device
        self.output = next(one for one in known if one.index == index)
        self.lead_s = 2 * self._stream.latency + _SPARE_S

    def _opened(self, driver: Any, output: Output | None, rate: int) -> tuple[Any, int]:
        problem: Exception | None = None
        for tried in (rate, output.rate if output else None):
            try:
                stream = driver.OutputStream(
                    samplerate=tried, device=output.index if output else None, channels=2, dtype="float32",
                    latency=LATENCY_S, callback=self._callback,
                )  # fmt: skip
            except (driver.PortAudioError, ValueError) as error:
                problem = error
                continue
            return stream, round(stream.samplerate)
        raise fail(NotAvailable, "sound card", f"cannot open it ({problem})") from problem

    def _callback(self, out: np.ndarray, _frames: int, times: Any, status: Any) -> None:
        self._mixer.fill(out, times.outputBufferDacTime, bool(status.output_underflow))

    def now(self) -> float:
        """The stream's clock."""
        return self._stream.time

    def load(self, samples: np.ndarray) -> np.ndarray:
        """The samples themselves."""
        return samples

    def unload(self, handle: np.ndarray) -> None:
        """Nothing: the last to let go frees them."""

    def play(self, handle: np.ndarray, when: float) -> None:
        """Tell the callback."""
        self.halt()
        self._mixer.voice = Voice(handle, when)

    def halt(self) -> Went:
        """Tell the callback to fade the sound out in 5 ms."""
        voice = self._mixer.voice
        if voice is None:
            return Went(None, None, 0)
        self._mixer.voice = None
        self._mixer.fading = voice
        return Went(voice.started, voice.drift_s, voice.underruns)

    def close(self) -> None:
        """Stop and close."""
        self._stream.abort()
        self._stream.close()
