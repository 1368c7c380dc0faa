"""Which frame a flip shows, and how evenly frames can stand on a screen. Pure: no window, no clock.

A frame is due at a flip if its time has come by a certain moment of the refresh that begins there: the middle, where
frames begin together with a refresh (25 on 50 Hz), so that flips may come half a refresh early or late before anything
changes. Where they begin in the middle of one (24 on 60 Hz) it is moved to the first quarter: always as far as possible
from all beginnings, so that the rhythm does not depend on jitter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

LONGEST_RHYTHM = 8
"""Rhythms of more frames than this before they repeat are not looked for."""
NEAR = 0.0025
"""A rate this near (relative) to a rhythm follows it: 29.97 stands on 60 Hz as 30 does."""
TRACKING = 0.1
"""How much of a flip's deviation moves the grid."""
ROUNDING_S = 1e-6


@dataclass(frozen=True)
class Schedule:
    """The rule for one frame rate on one screen.

    Attributes
    ----------
    fps
        Frames per second.
    refresh_hz
        Refreshes per second.
    """

    fps: float
    refresh_hz: float

    @property
    def lead_s(self) -> float:
        """How long after the flip the moment comes at which a frame must be due, in seconds."""
        parts = _rhythm(self.fps, self.refresh_hz).denominator
        phase = 0.5 if parts % 2 else 0.5 - 0.5 / parts
        return phase / self.refresh_hz

    def has_come(self, pts: float, elapsed: float) -> bool:
        """Whether a frame of time `pts` (seconds from the first) is due at a flip `elapsed` seconds after the first."""
        return pts <= elapsed + self.lead_s + ROUNDING_S


@dataclass(frozen=True)
class Cadence:
    """How frames of a rate stand on a screen.

    Attributes
    ----------
    flips
        Refreshes that each frame stands, until the rhythm repeats; 0 for one that never appears.
    uneven_s
        By how much a frame stands longer or shorter than it should, at most, in seconds.
    slip_s
        After how many seconds one frame stands a refresh longer or shorter than in the rhythm; infinity for never.
    """

    fps: float
    refresh_hz: float
    flips: tuple[int, ...]
    uneven_s: float
    slip_s: float

    @property
    def fits(self) -> bool:
        """Whether all frames stand equally long."""
        return len(set(self.flips)) == 1

    @property
    def dropped(self) -> float:
        """The share of frames that never appear."""
        return self.flips.count(0) / len(self.flips)

    @property
    def sentence(self) -> str:
        """What it means, for the user."""
        head = f"{self.fps:.5g} frames a second on a {self.refresh_hz:.5g} Hz screen:"
        if self.dropped:
            lost = f"{self.flips.count(0)} of {len(self.flips)}"
            return f"{head} {lost} frames cannot be shown. {self._way_out()}"
        if self.fits:
            n = self.flips[0]
            return f"{head} every frame stands {n} refresh{'es' if n > 1 else ''}{self._slips()}."
        few, many = min(self.flips), max(self.flips)
        period = 1000 / self.refresh_hz
        rhythm = "-".join(map(str, self.flips)) if len(self.flips) <= LONGEST_RHYTHM else "without a rhythm"
        return (
            f"{head} frames stand {few} or {many} refreshes in turn ({rhythm}), {few * period:.1f} or "
            f"{many * period:.1f} ms instead of {1000 / self.fps:.1f} ms{self._slips()}. {self._way_out()}"
        )

    def _slips(self) -> str:
        if self.slip_s > 60:
            return ""
        return f", one in about {self.slip_s:.0f} s a refresh more or less"

    def _way_out(self) -> str:
        rates = [f"{self.fps * n:.5g}" for n in range(1, 9) if 48 <= self.fps * n <= 125]
        if not rates:
            return "Choose a screen whose rate is a multiple of the clips'."
        text = rates[0] if len(rates) == 1 else f"{', '.join(rates[:-1])} or {rates[-1]}"
        return f"At {text} Hz they would stand evenly."


def cadence(fps: float, refresh_hz: float) -> Cadence:
    """How frames of a rate stand on a screen, as `Schedule` shows them when every flip is in time."""
    ratio = refresh_hz / fps
    rhythm = _rhythm(fps, refresh_hz)
    if abs(ratio / float(rhythm) - 1) > NEAR:
        rhythm = Fraction(ratio).limit_denominator(
            100
        )  # no short rhythm: tell the first frames of a long one
    period = 1 / refresh_hz
    lead = Schedule(fps, refresh_hz).lead_s / period
    first = [max(0, math.ceil(float(rhythm * k) - lead - 1e-9)) for k in range(rhythm.denominator + 1)]
    flips = tuple(b - a for a, b in pairwise(first))
    off = abs(ratio - float(rhythm))
    return Cadence(
        fps,
        refresh_hz,
        flips,
        max(abs(n - ratio) for n in flips) * period if len(set(flips)) > 1 else 0.0,
        1 / off / fps if off > 1e-6 else math.inf,
    )


class FlipGrid:
    """The refreshes of a screen: where the next ones will be, from the last flips.

    Parameters
    ----------
    at
        Time of a refresh, in seconds.
    period_s
        Seconds from one to the next.
    tracking
        Which share of a flip's deviation moves the grid; 0 for one that is kept in software.
    """

    def __init__(self, at: float, period_s: float, *, tracking: float = TRACKING) -> None:
        self.at = at
        self.period_s = period_s
        self._tracking = tracking

    def nearest(self, time: float) -> float:
        """The refresh nearest to a time."""
        return self.at + round((time - self.at) / self.period_s) * self.period_s

    def after(self, time: float) -> float:
        """The first refresh later than a time and than the last flip."""
        steps = math.floor((time - self.at) / self.period_s + 1e-6) + 1
        return self.at + max(1, steps) * self.period_s

    def saw(self, flip: float) -> bool:
        """Take a flip's time; returns whether it came more than half a refresh after the one due."""
        steps = max(1, round((flip - self.at) / self.period_s))
        late = flip > self.at + 1.5 * self.period_s
        self.at += steps * self.period_s
        self.at += self._tracking * (flip - self.at)
        return late


def _rhythm(fps: float, refresh_hz: float) -> Fraction:
    """Refreshes per frame as a small fraction."""
    found = Fraction(refresh_hz / fps).limit_denominator(LONGEST_RHYTHM)
    return found if found else Fraction(1, LONGEST_RHYTHM)
