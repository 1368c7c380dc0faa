"""Flashes that can set off a seizure. A screen, not a clearance."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Flag, Found
from stimuli.probing import Probe

GRID = (32, 18)
ALLOWED = 3  # flashes within any second
AREA = 0.25  # of the picture; more of it makes a flash
TOGETHER_S = 0.05  # changes this close in time are one
LUMINANCE_STEP, DARK = 0.1, 0.8  # shares of white
RED_STEP, RED_SHARE, RED_SCALE = 20.0, 0.8, 320.0
_SOURCE = "WCAG 2.2, three flashes or below threshold; ITU-R BT.1702"


class Alternation:
    """Counts a quantity's opposing changes, field by field, and those that more than a quarter of them make together.

    Parameters
    ----------
    step
        The least change that counts.
    """

    def __init__(self, step: float) -> None:
        n = GRID[0] * GRID[1]
        self._step = step
        self._low, self._high = np.full(n, np.inf), np.full(n, -np.inf)
        self._low_marked, self._high_marked = np.zeros(n, bool), np.zeros(n, bool)
        self._rose, self._fell = np.full(n, -np.inf), np.full(n, -np.inf)
        self._direction = np.zeros(n, np.int8)
        self._last = 0
        self.times: list[float] = []
        """When that much of the picture changed, each time against the direction of the time before."""

    def see(self, value: np.ndarray, marked: np.ndarray, time: float) -> None:
        """Take the next values.

        Parameters
        ----------
        value
            (fields,)
        marked
            Where a change counts if it begins or ends here, (fields,) bool.
        time
            In seconds.
        """
        lower, higher = value < self._low, value > self._high
        self._low, self._low_marked = (
            np.where(lower, value, self._low),
            np.where(lower, marked, self._low_marked),
        )
        self._high = np.where(higher, value, self._high)
        self._high_marked = np.where(higher, marked, self._high_marked)
        rise = (self._direction <= 0) & (value - self._low >= self._step) & (self._low_marked | marked)
        fall = (
            (self._direction >= 0) & (self._high - value >= self._step) & (self._high_marked | marked) & ~rise
        )
        self._direction[rise], self._direction[fall] = 1, -1
        self._high[rise], self._high_marked[rise] = value[rise], marked[rise]
        self._low[fall], self._low_marked[fall] = value[fall], marked[fall]
        self._rose[rise], self._fell[fall] = time, time
        for direction, when in ((1, self._rose), (-1, self._fell)):
            if self._last != direction and np.mean(when >= time - TOGETHER_S) > AREA:
                self._last = direction
                self.times.append(time)
                break

    def most_in_a_second(self) -> tuple[int, float, float]:
        """Pairs of opposing changes in the worst second; when that begins and ends."""
        times = np.array(self.times)
        if not len(times):
            return 0, 0.0, 0.0
        after = np.searchsorted(times, times + 1.0 + 1e-6, side="right")
        count = after - np.arange(len(times))
        worst = int(np.argmax(count))
        return int(count[worst]) // 2, float(times[worst]), float(times[after[worst] - 1])


class Flashes(Feature):
    """General and red flashes on a grid of 32 × 18 fields."""

    defines = (
        Definition(
            "flashes",
            "count",
            "most flashes in any second: opposing changes of luminance by 10 % of white or more, the darker below "
            "80 %, over more than a quarter of the picture. A screen, not a clearance",
            _SOURCE,
            "own",
            per_frame=False,
        ),
        Definition(
            "red_flashes",
            "count",
            "most flashes to or from saturated red in any second, over more than a quarter of the picture. A screen, "
            "not a clearance",
            _SOURCE,
            "own",
            per_frame=False,
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._general, self._red = Alternation(LUMINANCE_STEP), Alternation(RED_STEP)

    def see(self, frame: Frame) -> tuple[()]:
        """Take note of the fields' light."""
        red, green, blue = cv2.resize(frame.small_light, GRID, interpolation=cv2.INTER_AREA).reshape(-1, 3).T
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        self._general.see(luminance, luminance < DARK, frame.time_s)
        saturated = red >= RED_SHARE * np.maximum(red + green + blue, 1e-6)
        self._red.see(np.maximum(0, (red - green - blue) * RED_SCALE), saturated, frame.time_s)
        return ()

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The worst second of each kind."""
        del series, times
        values, flags = {}, []
        for name, kind, seen in (
            ("flashes", "flashes", self._general),
            ("red_flashes", "red flashes", self._red),
        ):
            most, begins, ends = seen.most_in_a_second()
            values[name] = float(most)
            if most > ALLOWED:
                said = f"{most} {kind} within a second over more than a quarter of the picture, {ALLOWED} are allowed"
                flags.append(Flag("photosensitivity", f"may set off seizures: {said}", begins, ends))
        return Found(values, tuple(flags))
