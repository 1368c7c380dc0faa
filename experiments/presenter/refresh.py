"""The refreshes of a window: measured at the start, kept to at every flip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.devices.interfaces import Clock
from experiments.presenter.schedule import TRACKING, FlipGrid

UNSYNCED_HZ = 60.0
"""The rate that is kept in software where flips do not wait for the screen."""
SETTLE_S, MEASURE_S, ASLEEP_S = 0.2, 1.0, 0.3
SHORTEST_SLEEP_S = 0.001


@dataclass(frozen=True)
class Refresh:
    """How a window flips.

    Attributes
    ----------
    hz
        Refreshes per second.
    synced
        Whether flips wait for the screen; if not, they are timed in software and images may tear.
    """

    hz: float
    synced: bool


def measure_refresh(window: Any, clock: Clock) -> Refresh:
    """Flip for a second and a half, and see at which rate, and whether flips wait for the screen.

    They do if the time from one to the next stays the same when half of it is spent sleeping. Flips that do not wait
    follow each other in a fraction of a millisecond, and a sleep of half of that would drown in what a busy machine
    adds: at least `SHORTEST_SLEEP_S` is slept, which is half a refresh of the fastest screens.
    """
    _flips(window, clock, SETTLE_S)
    times = _flips(window, clock, MEASURE_S)
    period = float(np.median(np.diff(times)))
    sleep_s = max(period / 2, SHORTEST_SLEEP_S)
    slept = float(np.median(np.diff(_flips(window, clock, ASLEEP_S, sleep_s=sleep_s))))
    if slept > 1.25 * period:
        return Refresh(UNSYNCED_HZ, synced=False)
    refreshes = np.rint(np.diff(times) / period).cumsum()
    seconds = np.polyfit(refreshes, times[1:], 1)[0] if len(times) > 3 else period
    return Refresh(float(1 / seconds), synced=True)


def _flips(window: Any, clock: Clock, seconds: float, sleep_s: float = 0.0) -> np.ndarray:
    """Times of flips for so many seconds, of at least three."""
    end = clock.now() + seconds
    times: list[float] = []
    while len(times) < 3 or times[-1] < end:
        if sleep_s:
            clock.sleep_until(clock.now() + sleep_s)
        window.callOnFlip(lambda: times.append(clock.now()))
        window.flip(clearBuffer=False)
    return np.array(times)


class Pacer:
    """Flips a window, in software in time where the screen does not wait, and predicts the next flip.

    Parameters
    ----------
    window
        A ``psychopy.visual.Window``.
    clock
        What times are measured with.
    refresh
        As `measure_refresh` found it.
    """

    def __init__(self, window: Any, clock: Clock, refresh: Refresh) -> None:
        self.refresh = refresh
        self.period_s = 1 / refresh.hz
        self.late = False
        self._window = window
        self._clock = clock
        self._swap_s = 0.0
        self._grid = FlipGrid(clock.now(), self.period_s, tracking=TRACKING if refresh.synced else 0.0)

    def predicted(self) -> float:
        """When the next flip will be, if what is drawn for it is drawn in time."""
        return self._grid.after(self._clock.now())

    def near(self, time: float) -> float:
        """The refresh nearest to a time, the next one if that has passed."""
        return max(self._grid.nearest(time), self.predicted())

    def flip(self, on_flip: Callable[[float], None] | None = None) -> float:
        """Flip; returns its time, of which `on_flip` is told first, at the flip itself.

        Afterwards `late` says whether it came more than half a refresh later than the one after the last flip.
        """
        times: list[float] = []

        def seen() -> None:
            times.append(self._clock.now())
            if on_flip is not None:
                on_flip(times[0])

        started = self._clock.now() if self.refresh.synced else self._wait()
        self._window.callOnFlip(seen)
        self._window.flip()
        if not self.refresh.synced:
            self._swap_s += 0.1 * (min(times[0] - started, self.period_s / 4) - self._swap_s)
        self.late = self._grid.saw(times[0])
        return times[0]

    def _wait(self) -> float:
        """Finish drawing and wait for the next refresh as it would be."""
        from pyglet import gl

        gl.glFinish()
        self._clock.sleep_until(self.predicted() - self._swap_s)
        return self._clock.now()
