"""The five devices of a session, as the runner sees them. Each has a real and a virtual implementation.

All times are seconds of one monotonic clock, `Clock.now`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from experiments.clips import Clip
from experiments.screens import Screen

Where = Literal["center", "left", "right"]
Watch = Callable[[float], bool]
"""Called at every flip with its time; what it does must be quick. True stops the film."""


class Clock(Protocol):
    """Seconds since the session began."""

    def now(self) -> float:
        """The time now."""
        ...

    def sleep_until(self, when: float) -> None:
        """Return at `when`; at once if that has passed."""
        ...


@dataclass(frozen=True)
class Press:
    """One key, button, pulse or touch.

    Attributes
    ----------
    key
        What the site file calls it: ``left``, ``right``, ``1`` … ``9``, ``confirm``, ``scanner``, or an operator's
        key, ``operator.pause``; ``touch`` for mouse and touch screen.
    at
        When it was pressed.
    device
        Which device it came from.
    position
        For a touch: where, in units of the picture's height, (0, 0) in the middle, y upward.
    """

    key: str
    at: float
    device: str = "keyboard"
    position: tuple[float, float] | None = None


@dataclass(frozen=True)
class Asked:
    """What somebody is expected to do now; real inputs ignore it, scripted and simulated people answer it.

    Attributes
    ----------
    what
        ``choice``, ``scale``, ``star``, ``question``, ``continue``, ``assent`` or ``scanner``.
    name
        Key of the question in the catalog.
    answers
        The words that can be answered, and the keys that say them.
    since
        When the question was seen.
    within
        Seconds there are.
    trial
        The trial, a `experiments.trials.kinds.Trial`, or None.
    """

    what: str
    name: str
    answers: dict[str, str]
    since: float
    within: float
    trial: object | None = None


class Input(Protocol):
    """Keys, button boxes, scanner pulses and touches, merged and in order of time."""

    def presses(self) -> list[Press]:
        """What was pressed since the last call, oldest first; never waits."""
        ...

    def wait(self, until: float) -> list[Press]:
        """Wait for the next press, at most until `until`; empty when that time came first."""
        ...

    def expect(self, asked: Asked | None) -> None:
        """Be told what is asked; None when it no longer is."""
        ...

    def close(self) -> None:
        """Give the devices back."""
        ...


class TriggerPort(Protocol):
    """Where markers are sent."""

    name: str
    problem: str | None
    """What went wrong during the run; None while all is well."""

    def open(self) -> None:
        """Make it ready; raises NotAvailable with the way out if that cannot be done."""
        ...

    def send(self, code: int) -> float | None:
        """Send a code (1-255) now, without waiting; returns the clock's time, or None if it could not be sent."""
        ...

    def close(self) -> None:
        """Reset lines and give the port back."""
        ...


@dataclass(frozen=True)
class SoundLog:
    """How a clip's sound went.

    Attributes
    ----------
    scheduled, started
        When its first sample was to leave, and when it did by the sound card's clock; None without a sound card.
    drift_s
        Sound minus pictures, last minus first, as far as it could be measured.
    underruns
        How often the card ran out of samples.
    """

    device: str
    scheduled: float
    started: float | None = None
    drift_s: float | None = None
    underruns: int = 0


class Audio(Protocol):
    """The sound card.

    Attributes
    ----------
    lead_s
        How long before its sound has to leave a clip must be started.
    """

    name: str
    is_null: bool
    lead_s: float

    def prepare(self, clip: Clip) -> None:
        """Decode a clip's sound so that it can start at once; nothing for a clip without sound."""
        ...

    def start(self, clip: Clip, when: float) -> None:
        """Let its first sample leave at `when`; never waits."""
        ...

    def stop(self) -> SoundLog | None:
        """Stop what plays; tells how it went, None if nothing played."""
        ...

    def say(self, path: object) -> float:
        """Begin a spoken instruction (a sound file); returns its length in seconds."""
        ...

    def close(self) -> None:
        """Give the card back."""
        ...


@dataclass(frozen=True)
class Placed:
    """A clip and its place on the screen."""

    clip: Clip
    where: Where = "center"


@dataclass(frozen=True)
class Played:
    """How one clip was shown.

    Attributes
    ----------
    clip
        Which.
    planned
        When its first frame was to appear.
    onset, offset
        When it appeared, and when the last one went; seconds of the clock.
    index, pts, flip
        For every frame that was shown: its number, its time in the file, the flip at which it appeared.
    late_flips
        Flips that came more than half a refresh late while it played.
    complete
        False if it was stopped.
    sound
        How its sound went; None without.
    """

    clip: Clip
    planned: float
    onset: float
    offset: float
    index: np.ndarray = field(repr=False)
    pts: np.ndarray = field(repr=False)
    flip: np.ndarray = field(repr=False)
    late_flips: int = 0
    complete: bool = True
    sound: SoundLog | None = None

    @property
    def shown(self) -> int:
        """Number of different frames that were shown."""
        return len(np.unique(self.index))

    @property
    def dropped(self) -> int:
        """Frames that never appeared, of those that were due while it played."""
        due = self.clip.frames if self.complete else int(self.index[-1]) + 1 if len(self.index) else 0
        return max(0, due - self.shown)


class Display(Protocol):
    """The screen."""

    refresh_hz: float
    size: tuple[int, int]

    def show(self, screen: Screen, on_flip: Callable[[float], None] | None = None) -> float:
        """Draw and flip once; returns the flip's time, of which `on_flip` is told first, at the flip itself."""
        ...

    def prepare(self, clips: Sequence[Placed]) -> None:
        """Begin to decode; never waits. What was prepared before and is not among these may be given up."""
        ...

    def predicted(self, when: float) -> float:
        """The flip nearest to `when` that can still be reached."""
        ...

    def play(
        self,
        clips: Sequence[Placed],
        planned: float,
        *,
        beside: Screen,
        on_start: Callable[[float], None],
        watch: Watch,
    ) -> list[Played]:
        """Play clips at the same time, their first frames at the flip nearest to `planned`.

        `beside` is drawn around them, `on_start` called at the first flip with its time, `watch` at every flip. The
        frame is chosen by the flip's predicted time: a late flip drops a frame and never makes the rest late. After
        the last frame has stood its time `beside` remains alone. One `Played` for each clip.
        """
        ...

    def touched(self, screen: Screen, position: tuple[float, float]) -> str | None:
        """Which answer of a screen a touch at `position` means."""
        ...

    def close(self) -> None:
        """Close the window."""
        ...
