"""Looking through sampled frames for what is laid over the picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from stimuli.provenance.persistence import (
    EDGE,
    Floats,
    Patch,
    Samples,
    Stretch,
    grouped,
    largest,
    roundness,
    tightened,
)

SAMPLES_PER_S = 8.0
WINDOW_S = 2.0
HOP_S = 1.0
PERSISTENCE = 0.8
"""Least share of a mark's gradient that stays."""
ROUNDNESS = 0.2
"""Least ratio of its gradients across to those along."""
PRESENCE = (0.6, 0.2)
"""It is in every frame, equally strong: least presence, largest standard deviation."""
SHOWS = 0.3
"""Presence from which a mark shows: a white one pales before a white wall, and is still there."""
DRIFT = (0.25, 0.5)
"""Pixels it may seem to move: for noise; and for what shines through, if"""
CLEAR = 0.95
"""at least this share of its gradient stays."""
MOVEMENT = (0.93, 0.88)
"""Share of the picture's edges that must move in the course of the clip, and in two seconds of it. Where fewer do the
camera stands still, and scenery may stand as still as a mark."""
AROUND = 0.9
"""Share of the edges around a mark that must move."""
EDGE_S = 1.0
"""What shows in the first or the last second, not in both, is looked at even if the picture stands:"""
SHOWN_S = 1.5
"""a label shows for at least this long (GB 45438-2025 asks for two seconds),"""
SWITCH_S = 0.6
"""vanishes within this time,"""
SWITCHED = (0.7, 0.3)
"""from at least this present to at most that (something else in its place would be the opposite of present),"""
CALM = 0.1
"""while at most this share of the pixels around it changes,"""
STEP_SAMPLES = 3
"""seen in so many samples on either side."""


@dataclass(frozen=True)
class Mark:
    """Something laid over the picture.

    Attributes
    ----------
    patch
        Its edges.
    from_s, to_s
        When it shows.
    strength
        Mean length of its standing gradient, levels per pixel.
    persistence
        Share of the gradient there that stays.
    """

    patch: Patch
    from_s: float
    to_s: float
    strength: float
    persistence: float

    @property
    def rank(self) -> tuple[int, float]:
        """Which of two that lie over each other is kept: the longer, in half seconds, then that with more edges."""
        return round(2 * (self.to_s - self.from_s)), self.patch.density * self.persistence

    def overlaps(self, other: Mark) -> bool:
        """Whether they share a good part of the smaller one's box."""
        (x, y, width, height), (left, top, broad, high) = self.patch.box, other.patch.box
        across = min(x + width, left + broad) - max(x, left)
        down = min(y + height, top + high) - max(y, top)
        return max(across, 0) * max(down, 0) > 0.3 * min(width * height, broad * high)


@dataclass(frozen=True)
class Search:
    """A clip's samples and the times they were taken at.

    Parameters
    ----------
    samples
        n frames.
    times
        (n,), in seconds from the first frame.
    duration
        Of the clip, in seconds.
    """

    samples: Samples
    times: NDArray[np.float64]
    duration: float

    @cached_property
    def whole(self) -> Stretch:
        """The whole clip."""
        return self.samples.stretch(slice(0, len(self.times)))

    @cached_property
    def parts(self) -> list[tuple[slice, Stretch]]:
        """The whole clip, then stretches of two seconds; only those in which the scenery moves."""
        in_all, in_part = MOVEMENT
        whole = [(slice(0, len(self.times)), self.whole)] if self.whole.movement >= in_all else []
        windows = [(part, self.samples.stretch(part)) for part in self._windows()]
        return whole + [(part, stretch) for part, stretch in windows if stretch.movement >= in_part]

    @property
    def judged(self) -> float:
        """Share of the time in which the scenery moves enough to tell a mark from it."""
        seen = np.zeros(len(self.times), bool)
        for part, _ in self.parts:
            seen[part] = True
        return float(seen.mean())

    def marks(self) -> list[Mark]:
        """Everything found, once, the longest first."""
        kept: list[Mark] = []
        found = [*self._standing(), *self._switched()]
        for mark in sorted(found, key=lambda mark: (mark.rank, mark.patch.box), reverse=True):
            if not any(mark.overlaps(other) for other in kept):
                kept.append(mark)
        return kept

    def _standing(self) -> Iterator[Mark]:
        """Marks over a picture that moves: in the whole clip, and in stretches of two seconds."""
        runs = {(part.start, part.stop): stretch for part, stretch in self.parts}
        for part, stretch in self.parts:
            for patch in stretch.standing_edges():
                if not _stands(stretch, patch) or stretch.movement_around(patch) < AROUND:
                    continue
                presence = self.samples.presence(stretch.x, stretch.y, patch)
                least, spread = PRESENCE
                if presence[part].min() < least or presence[part].std() > spread:
                    continue
                run = _run(_median_of_five(presence) >= SHOWS, part)
                if run not in runs:
                    runs[run] = self.samples.stretch(slice(*run))
                tight = tightened(stretch.length, patch)
                if _stands(runs[run], tight):
                    strength = float(tight.of(runs[run].length).mean())
                    yield self._mark(tight, strength, runs[run].persistence(tight), *run)

    def _windows(self) -> list[slice]:
        """Stretches of two seconds, one every second, where samples lie dense."""
        windows = []
        for start in np.arange(self.times[0], self.times[-1] - WINDOW_S + HOP_S / 2, HOP_S):
            first, last = (int(i) for i in np.searchsorted(self.times, (start, start + WINDOW_S)))
            if last - first >= 0.7 * WINDOW_S * SAMPLES_PER_S:
                windows.append(slice(first, last))
        return windows

    def _switched(self) -> Iterator[Mark]:
        """Labels that vanish, or appear, at once over a picture that otherwise stays as it is."""
        count = len(self.times)
        edge = int(np.searchsorted(self.times, self.times[0] + EDGE_S))
        if count < 3 * edge or edge < 4:
            return
        start = self.samples.stretch(slice(0, edge))
        end = self.samples.stretch(slice(count - edge, count))
        yield from self._vanishing(start, end, np.arange(count))
        yield from self._vanishing(end, start, np.arange(count)[::-1])

    def _vanishing(self, shown: Stretch, bare: Stretch, order: NDArray[np.intp]) -> Iterator[Mark]:
        """What shows in the first second, in this order of the samples, and no longer in the last."""
        x, y = shown.x - bare.x, shown.y - bare.y
        length = np.hypot(x, y)
        for patch in grouped(length >= 2 * EDGE, largest(length.shape)):
            step = _step(self.samples.presence(x, y, patch)[order])
            if step is None or roundness(x, y, patch) < ROUNDNESS:
                continue
            there, gone = int(order[step[0]]), int(order[step[1]])
            shown_s = abs(self.times[there] - self.times[order[0]])
            if shown_s < SHOWN_S or abs(self.times[gone] - self.times[there]) > SWITCH_S:
                continue
            strength = float(patch.of(length).mean())
            persistence = strength / max(float(patch.of(shown.energy).mean()), strength)
            onward = 1 if gone > there else -1
            changed = self.samples.changed_around(_beside(there, -onward), _beside(gone, onward), patch)
            if persistence < PERSISTENCE or changed > CALM:
                continue
            first, last = (0, gone) if onward > 0 else (there, len(order))
            yield self._mark(tightened(length, patch), strength, persistence, first, last)

    def _mark(self, patch: Patch, strength: float, persistence: float, first: int, last: int) -> Mark:
        to_s = float(self.times[last]) if last < len(self.times) else self.duration
        return Mark(patch, float(self.times[first]), to_s, strength, persistence)


def _stands(stretch: Stretch, patch: Patch) -> bool:
    """Whether a patch looks like a mark and stays where it is, over some stretch."""
    persistence = stretch.persistence(patch)
    if persistence < PERSISTENCE or roundness(stretch.x, stretch.y, patch) < ROUNDNESS:
        return False
    return stretch.drift(patch) <= (DRIFT[1] if persistence >= CLEAR else DRIFT[0])


def _run(shows: NDArray[np.bool_], part: slice) -> tuple[int, int]:
    """First sample, and the one after the last, of the run that holds a part."""
    first, last = part.start, part.stop
    while first > 0 and shows[first - 1]:
        first -= 1
    while last < len(shows) and shows[last]:
        last += 1
    return first, last


def _median_of_five(presence: Floats) -> Floats:
    """A running median: one frame in which a mark pales is no end of it."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(presence, 2, mode="edge"), 5)
    return np.median(around, axis=1)


def _step(presence: Floats) -> tuple[int, int] | None:
    """Last sample that shows a label and first that does not, if it is there until then and gone from then on."""
    high, low = SWITCHED
    there, gone = np.flatnonzero(presence >= high), np.flatnonzero(np.abs(presence) <= low)
    if len(there) == 0 or len(gone) == 0 or there[-1] > gone[0] or presence.min() < -low:
        return None
    return int(there[-1]), int(gone[0])


def _beside(sample: int, direction: int) -> slice:
    """Up to three samples from one on, in a direction."""
    return (
        slice(sample, sample + STEP_SAMPLES)
        if direction > 0
        else slice(max(sample - STEP_SAMPLES + 1, 0), sample + 1)
    )
