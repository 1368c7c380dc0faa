"""The five devices without hardware: a session of 20 minutes is over in a fraction of a second."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from experiments.clips import Clip
from experiments.devices.interfaces import Asked, Placed, Played, Press, SoundLog, Watch
from experiments.screens import Screen
from experiments.virtual.people import Person


class VirtualClock:
    """A clock that jumps to wherever somebody waits for."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """The time."""
        return self._now

    def sleep_until(self, when: float) -> None:
        """Jump there."""
        self._now = max(self._now, when)


class VirtualInput:
    """What a simulated person presses, and a simulated scanner's pulses.

    Parameters
    ----------
    clock
        The clock.
    person
        Who answers.
    repetition_time_s
        Time between pulses once the scanner was asked for; None without a scanner.
    pulses
        How many pulses a run has.
    """

    def __init__(
        self, clock: VirtualClock, person: Person, *, repetition_time_s: float | None = None, pulses: int = 0
    ) -> None:
        self._clock, self._person = clock, person
        self._repetition_time, self._pulses = repetition_time_s, pulses
        self._coming: list[tuple[float, int, Press]] = []
        self._number = itertools.count()

    def schedule(self, press: Press) -> None:
        """Let something be pressed at its time."""
        heapq.heappush(self._coming, (press.at, next(self._number), press))

    def next_at(self) -> float:
        """When the next press comes; infinity if none does."""
        return self._coming[0][0] if self._coming else math.inf

    def presses(self) -> list[Press]:
        """What has been pressed by now."""
        now, found = self._clock.now(), []
        while self._coming and self._coming[0][0] <= now:
            found.append(heapq.heappop(self._coming)[2])
        return found

    def wait(self, until: float) -> list[Press]:
        """Jump to the next press, or to `until`."""
        found = self.presses()
        if not found:
            self._clock.sleep_until(min(until, self.next_at()))
            found = self.presses()
        return found

    def expect(self, asked: Asked | None) -> None:
        """Let the person, or the scanner, answer."""
        if asked is None:
            return
        if asked.what == "scanner":
            if self._repetition_time is not None:
                begins = self._clock.now() + self._repetition_time
                for n in range(self._pulses):
                    self.schedule(Press("scanner", begins + n * self._repetition_time, "scanner"))
            return
        for press in self._person.reply(asked):
            self.schedule(press)

    def close(self) -> None:
        """Nothing to give back."""


@dataclass
class VirtualDisplay:
    """A screen that shows every frame in time.

    Attributes
    ----------
    seen
        Every screen that was shown, with its time.
    """

    clock: VirtualClock
    keys: VirtualInput
    refresh_hz: float = 60.0
    size: tuple[int, int] = (1280, 720)
    seen: list[tuple[float, Screen]] = field(default_factory=list)

    def show(self, screen: Screen, on_flip: Callable[[float], None] | None = None) -> float:
        """Flip at the next refresh."""
        flip = self.predicted(self.clock.now())
        self.clock.sleep_until(flip)
        self.seen.append((flip, screen))
        if on_flip is not None:
            on_flip(flip)
        return flip

    def prepare(self, clips: Sequence[Placed]) -> None:
        """Nothing has to be decoded."""

    def predicted(self, when: float) -> float:
        """The refresh nearest to `when` that is not over."""
        reachable = math.ceil(self.clock.now() * self.refresh_hz - 1e-6)
        return max(reachable, math.floor(when * self.refresh_hz + 0.5)) / self.refresh_hz

    def play(
        self,
        clips: Sequence[Placed],
        planned: float,
        *,
        beside: Screen,
        on_start: Callable[[float], None],
        watch: Watch,
    ) -> list[Played]:
        """Show every frame at its time, unless `watch` stops it."""
        onset = self.predicted(planned)
        self.clock.sleep_until(onset)
        on_start(onset)
        ends = onset + max(one.clip.seconds for one in clips)
        stopped = watch(onset)
        while not stopped and self.clock.now() < ends:
            self.clock.sleep_until(min(ends, self.keys.next_at()))
            stopped = watch(self.clock.now())
        self.seen.append((self.clock.now(), beside))
        return [self._played(one.clip, planned, onset, self.clock.now(), ends) for one in clips]

    def _played(self, clip: Clip, planned: float, onset: float, now: float, ends: float) -> Played:
        offset = min(onset + clip.seconds, now)
        index = np.arange(clip.frames)
        pts = index / clip.fps
        # The first refresh at which the frame is due.
        flip = onset + np.ceil(pts * self.refresh_hz - 1e-6) / self.refresh_hz
        if now < ends - 1e-9:
            seen = flip <= now
            index, pts, flip = index[seen], pts[seen], flip[seen]
        complete = now >= onset + clip.seconds - 1e-9
        return Played(clip, planned, onset, offset, index, pts, flip, complete=complete)

    def touched(self, screen: Screen, position: tuple[float, float]) -> str | None:
        """Nobody touches a screen that is not there."""
        return None

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class VirtualAudio:
    """Sound that nobody hears, in time."""

    name: str = "virtual"
    is_null: bool = True
    lead_s: float = 0.0
    said: list[object] = field(default_factory=list)
    _playing: SoundLog | None = None

    def prepare(self, clip: Clip) -> None:
        """Nothing has to be decoded."""

    def start(self, clip: Clip, when: float) -> None:
        """Note when it starts."""
        self._playing = SoundLog(self.name, when, when, 0.0, 0)

    def stop(self) -> SoundLog | None:
        """Tell that it went well."""
        log, self._playing = self._playing, None
        return log

    def say(self, path: object) -> float:
        """Note what was said."""
        self.said.append(path)
        return 0.0

    def close(self) -> None:
        """Nothing to give back."""
