"""Which recorded marker is which trigger of the journal, and how the recording's clock runs beside the session's.

Both sequences hold times and codes. The recording has an unknown offset and a slightly different rate, it lost some
markers and has some that nobody sent, and codes repeat. So: every pair of equal codes votes for the offset it implies
(`places`); at each place that many agree on, triggers and markers are paired in order, each at most once, and a line
``recorded = offset + (1 + drift) * journal`` is fitted to the pairs robustly, in turns until the pairs stay the same
(`settled`). The place with most pairs wins. A sequence so regular that two places fit equally well is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

Floats = np.ndarray
Integers = np.ndarray

LARGEST_RESIDUAL_S = 0.020
"""A pair further apart than this refuses the recording."""
SMALLEST_SHARE = 0.95
"""Share of the triggers that must be found."""
FEWEST = 5
"""Fewer triggers than this cannot tell one place in a recording from another."""
NEAR_S = 0.050
"""What is paired lies within this; wider than the largest residual, so that a late marker is seen as late."""
DRIFT_MAX = 500e-6
"""No clock of a working device is off by more."""
TURNS = 30
HUBER = 1.345
"""Tuning constant of Huber's weights: 95 % efficiency with normal errors (Huber 1981)."""
PLACES = 8
"""How many of the places with most votes are looked at closely."""


@dataclass(frozen=True)
class Markers:
    """Markers in order of time.

    Attributes
    ----------
    times
        (n,) seconds.
    codes
        (n,) whole numbers.
    """

    times: Floats
    codes: Integers

    @classmethod
    def of(cls, times: object, codes: object) -> Markers:
        """Markers from anything array-like, put in order."""
        at, of = np.asarray(times, float).ravel(), np.asarray(codes, int).ravel()
        order = np.argsort(at, kind="stable")
        return cls(at[order], of[order])

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True)
class Alignment:
    """How two sequences of markers lie upon each other.

    Attributes
    ----------
    pairs
        (k, 2): positions in the journal and in the recording, both rising.
    missing
        Positions in the journal of triggers that were not recorded.
    spurious
        Positions in the recording of markers within the run that nobody sent.
    offset_s
        The recording's time at the journal's time 0.
    drift_ppm
        By how many millionths the recording's clock runs fast.
    residuals_s
        (k,) recorded time minus fitted time, seconds.
    rival_s
        How far away another place fits as well; None if there is none.
    """

    pairs: Integers
    missing: Integers
    spurious: Integers
    offset_s: float
    drift_ppm: float
    residuals_s: Floats
    rival_s: float | None = None

    @property
    def share(self) -> float:
        """Share of the triggers that were found, 0-1."""
        sent = len(self.pairs) + len(self.missing)
        return len(self.pairs) / sent if sent else 0.0

    @property
    def explained(self) -> int:
        """Pairs less what remains unexplained on either side: tells which of two runs a recording rather belongs to."""
        return len(self.pairs) - len(self.missing) - len(self.spurious)

    @property
    def largest_s(self) -> float:
        """The largest residual, seconds."""
        return float(np.abs(self.residuals_s).max(initial=0.0))

    @property
    def rms_s(self) -> float:
        """Root mean square of the residuals, seconds."""
        return float(np.sqrt(np.mean(self.residuals_s**2))) if len(self.residuals_s) else 0.0

    @property
    def fits(self) -> bool:
        """Whether it is within the limits, one place only."""
        return self.within_limits and self.rival_s is None

    @property
    def within_limits(self) -> bool:
        """Whether enough triggers were found, and near enough to the line."""
        enough = len(self.pairs) >= FEWEST and self.share >= SMALLEST_SHARE
        return enough and self.largest_s <= LARGEST_RESIDUAL_S

    def on_recording(self, journal_s: Floats | float) -> Floats:
        """Times of the journal on the recording's clock, seconds."""
        return self.offset_s + (1 + self.drift_ppm * 1e-6) * np.asarray(journal_s, float)


def align(journal: Markers, recorded: Markers) -> Alignment:
    """Lay a run's triggers upon a recording's markers.

    Parameters
    ----------
    journal
        The triggers of one run, times in seconds of the session's clock.
    recorded
        The markers of a recording, which may hold more than the run.

    Returns
    -------
    Alignment
        The best there is, which need not be within the limits; without any pair if no code occurs in both.
    """
    tried: list[Alignment] = []
    for line in places(journal, recorded):
        found = settled(journal, recorded, line)
        if len(found.pairs):
            tried.append(found)
    if not tried:
        return judged(journal, recorded, np.empty((0, 2), int), Line(0.0, 0.0, 0.0))
    best, *others = sorted(tried, key=lambda one: (-len(one.pairs), one.rms_s))
    middle = float(journal.times[0] + journal.times[-1]) / 2
    for other in others:
        away = float(other.on_recording(middle) - best.on_recording(middle))
        as_many = len(other.pairs) == len(best.pairs) and abs(away) > NEAR_S
        if as_many and other.within_limits and other.rms_s <= 2 * best.rms_s + 0.001:
            return replace(best, rival_s=away)
    return best


@dataclass(frozen=True)
class Line:
    """``recorded = at_middle + (1 + drift) * (journal - middle) + middle``; the middle keeps both terms apart."""

    at_middle: float
    drift: float
    middle: float

    def __call__(self, journal_s: Floats) -> Floats:
        """Times on the recording's clock, seconds."""
        return journal_s + self.at_middle + self.drift * (journal_s - self.middle)


def places(journal: Markers, recorded: Markers) -> Iterator[Line]:
    """Lines that many pairs of equal codes agree on, most votes first.

    Each pair implies an offset. Those of a true place differ by the drift over the run, so a window as wide as the
    largest drift holds them all; pairs in windows that hold too few are set aside. For the rest drifts are tried one
    by one, so closely that pairs of the true line come to lie within a narrow window.
    """
    i, j = np.nonzero(journal.codes[:, None] == recorded.codes[None, :])
    if not len(i):
        return
    at = journal.times[i]
    middle = float(journal.times[0] + journal.times[-1]) / 2
    half = float(journal.times[-1] - journal.times[0]) / 2
    offsets = recorded.times[j] - at
    at, offsets = _crowded(at, offsets, 2 * (half * DRIFT_MAX + NEAR_S), len(journal))
    votes, centers, drifts = _peaks(at - middle, offsets, half)
    for _ in range(PLACES):
        best = int(votes.argmax())
        if votes[best] == 0:
            return
        yield Line(float(centers[best]), float(drifts[best]), middle)
        votes[np.abs(centers - centers[best]) < 2 * NEAR_S] = 0


def _crowded(at: Floats, offsets: Floats, width: float, sent: int) -> tuple[Floats, Floats]:
    """Pairs whose offset lies in some window that holds nearly as many as a true place must, or as any does."""
    order = np.argsort(offsets)
    at, offsets = at[order], offsets[order]
    ends = np.searchsorted(offsets, offsets + width, side="right")
    inside = ends - np.arange(len(offsets))
    full = np.flatnonzero(inside >= SMALLEST_SHARE * min(int(inside.max()), sent))
    edges = np.zeros(len(offsets) + 1, int)
    np.add.at(edges, full, 1)
    np.add.at(edges, ends[full], -1)
    keep = edges.cumsum()[:-1] > 0
    return at[keep], offsets[keep]


def _peaks(from_middle: Floats, offsets: Floats, half: float) -> tuple[Integers, Floats, Floats]:
    """For each drift tried, how many pairs lie within a narrow window, and the windows' centers."""
    width = LARGEST_RESIDUAL_S
    steps = int(np.ceil(half * DRIFT_MAX / (width / 4)))
    votes, centers, drifts = [], [], []
    for step in range(-steps, steps + 1):
        drift = step / max(steps, 1) * DRIFT_MAX
        level = np.sort(offsets - drift * from_middle)
        ends = np.searchsorted(level, level + width, side="right")
        inside = ends - np.arange(len(level))
        high = np.flatnonzero(inside >= SMALLEST_SHARE * inside.max())
        votes.append(inside[high])
        centers.append((level[high] + level[ends[high] - 1]) / 2)
        drifts.append(np.full(len(high), drift))
    return np.concatenate(votes), np.concatenate(centers), np.concatenate(drifts)


def settled(journal: Markers, recorded: Markers, line: Line) -> Alignment:
    """Pair and fit in turns, until the pairs stay the same."""
    pairs = paired(journal, recorded, line)
    for _ in range(TURNS):
        if len(pairs) < 2:
            break
        line = fitted(journal.times[pairs[:, 0]], recorded.times[pairs[:, 1]], line.middle)
        before, pairs = pairs, paired(journal, recorded, line)
        if np.array_equal(before, pairs):
            break
    return judged(journal, recorded, pairs, line)


def paired(journal: Markers, recorded: Markers, line: Line) -> Integers:
    """Pairs of equal codes near a line, rising in both sequences: the chain of greatest worth.

    A pair is worth 1 on the line and a half at the end of what counts as near, so that two pairs are never given up
    for one. Dynamic programming over the pairs: `worth[j]` is that of the best chain within the first j markers.

    Returns
    -------
    numpy.ndarray
        (k, 2) positions.
    """
    expected = line(journal.times)
    first = np.searchsorted(recorded.times, expected - NEAR_S)
    last = np.searchsorted(recorded.times, expected + NEAR_S, side="right")
    worth = np.zeros(len(recorded) + 1)
    ending = np.full(len(recorded) + 1, -1)
    chain: list[tuple[int, int, int]] = []  # a trigger, its marker, and the chain's pair before
    for i in range(len(journal)):
        for j in range(last[i] - 1, first[i] - 1, -1):  # backward: a trigger is never paired twice in a chain
            if recorded.codes[j] != journal.codes[i]:
                continue
            here = worth[j] + 1 - abs(recorded.times[j] - expected[i]) / (2 * NEAR_S)
            better = slice(j + 1, j + 1 + int(np.searchsorted(worth[j + 1 :], here)))
            if better.stop > better.start:
                worth[better], ending[better] = here, len(chain)
                chain.append((i, j, int(ending[j])))
    pairs, at = [], int(ending[-1])
    while at >= 0:
        i, j, at = chain[at]
        pairs.append((i, j))
    return np.array(pairs[::-1], int).reshape(-1, 2)


def fitted(journal_s: Floats, recorded_s: Floats, middle: float) -> Line:
    """A line through pairs by Huber's weights: a few pairs that are wrong hardly move it.

    Iteratively reweighted least squares; the scale is the median absolute residual (Huber 1981). Drifts beyond what
    clocks do are cut off.
    """
    x, y = journal_s - middle, recorded_s - journal_s
    weights = np.ones(len(x))
    level, drift = float(np.median(y)), 0.0
    for _ in range(TURNS):
        mean_x, mean_y = np.average(x, weights=weights), np.average(y, weights=weights)
        spread = np.sum(weights * (x - mean_x) ** 2)
        slope = np.sum(weights * (x - mean_x) * (y - mean_y)) / spread if spread > 0 else 0.0
        before = level, drift
        drift = float(np.clip(slope, -DRIFT_MAX, DRIFT_MAX))
        level = float(mean_y - drift * mean_x)
        away = np.abs(y - level - drift * x)
        scale = max(1.4826 * float(np.median(away)), 1e-6)
        weights = 1 / np.maximum(1, away / (HUBER * scale))
        if abs(level - before[0]) < 1e-9 and abs(drift - before[1]) < 1e-12:
            break
    return Line(level, drift, middle)


def judged(journal: Markers, recorded: Markers, pairs: Integers, line: Line) -> Alignment:
    """What is missing and what is spurious; markers before the run's first and after its last trigger are neither."""
    missing = np.setdiff1d(np.arange(len(journal)), pairs[:, 0])
    within = np.empty(0, int)
    if len(pairs):
        begins, ends = line(journal.times[[0, -1]])
        within = np.flatnonzero((recorded.times >= begins - NEAR_S) & (recorded.times <= ends + NEAR_S))
    return Alignment(
        pairs=pairs,
        missing=missing,
        spurious=np.setdiff1d(within, pairs[:, 1]),
        offset_s=float(line(np.zeros(1))[0]),
        drift_ppm=line.drift * 1e6,
        residuals_s=recorded.times[pairs[:, 1]] - line(journal.times[pairs[:, 0]]),
    )
