"""Which run a functional file belongs to: by its number of volumes, and by the time it was acquired."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.attach.runs import RecordedRun
from experiments.attach.scans import DAY_S

STEADY_S = 60.0
"""By how much two clocks may move against each other within a session."""
AGREE_S = 180.0
"""Two clocks that differ by less may be taken to show the same time, where nothing better is known."""
CUT_SHORT = 2
"""Volumes that a scanner may drop when a run is broken off."""


@dataclass(frozen=True)
class Counted:
    """How a file's volumes are those of a run.

    Attributes
    ----------
    exact
        Whether their number is exactly what the journal says.
    dummies_stored
        Whether the dummies are among them.
    """

    exact: bool
    dummies_stored: bool


def counted(run: RecordedRun, volumes: int, dummies_stored: bool | None = None) -> Counted | None:
    """Whether a number of volumes can be that of a run.

    A complete run has the planned volumes, or more if the scanner went on. One that was broken off has those whose
    pulses were counted, a few less, or more, up to the planned ones, if the scanner went on. Whether dummies are
    stored differs between scanners: without other runs to tell, it must follow from the number.

    Parameters
    ----------
    run
        The run.
    volumes
        In the file.
    dummies_stored
        What other runs of the session have told.

    Returns
    -------
    Counted or None
        None if it cannot be, or if it cannot be told whether the dummies are stored.
    """
    if not run.dummies:
        dummies_stored = False
    possible = [False, True] if dummies_stored is None else [dummies_stored]
    pulsed = len(run.pulses) - run.dummies
    planned = run.planned if run.planned is not None else pulsed
    fitting = []
    for stored in possible:
        more = run.dummies if stored else 0
        expected = (planned if run.complete else pulsed) + more
        if volumes == expected:
            return Counted(True, stored)
        if not run.complete and expected - CUT_SHORT <= volumes <= planned + more:
            fitting.append((volumes == planned + more, stored))
        if run.complete and volumes > expected and dummies_stored is not None:
            fitting.append((False, stored))
    whole = [one for one in fitting if one[0]]  # the scanner went on to the run's planned end
    fitting = whole or fitting
    return Counted(False, fitting[0][1]) if len(fitting) == 1 else None


def missed_pulses(run: RecordedRun, repetition_time_s: float) -> int:
    """Pulses that were not counted before onset 0; each made the journal's onset 0 one volume late."""
    before = run.pulses[run.pulses <= 1e-6]
    return int(np.sum(np.round(np.diff(before) / repetition_time_s) - 1)) if len(before) > 1 else 0


def clock_of(runs: Sequence[RecordedRun], acquired: Mapping[int, float]) -> float | None:
    """How far the scanner's clock is ahead of the session's (UTC), seconds; from runs that are attached.

    Parameters
    ----------
    runs
        All runs.
    acquired
        Acquisition times of those that are attached, seconds of the day, by run number.
    """
    ahead = [_within_a_day(acquired[run.number] - _utc(run)) for run in runs if run.number in acquired]
    return statistics.median(ahead) if ahead else None


def away(run: RecordedRun, acquired: float, ahead_s: float | None) -> float:
    """Acquisition time minus the journal's time of a run, seconds; the local clock where nothing else is known."""
    if ahead_s is None:
        local = run.zero_wall.astimezone()
        shift = local.utcoffset()
        ahead_s = shift.total_seconds() if shift else 0.0
    return _within_a_day(acquired - _utc(run) - ahead_s)


def timely(
    runs: Sequence[RecordedRun], acquired: float | None, ahead_s: float | None
) -> dict[int, bool | None]:
    """Whether each run was at a file's time; None where that cannot be told.

    With another run attached the scanner's clock is known, and a run was at that time or was not. Without, the clock
    of the computer is a guess: it only speaks against a run if it speaks for another.
    """
    if acquired is None:
        return dict.fromkeys((run.number for run in runs), None)
    limit = AGREE_S if ahead_s is None else STEADY_S
    near = {run.number: abs(away(run, acquired, ahead_s)) <= limit for run in runs}
    if ahead_s is None and not any(near.values()):
        return dict.fromkeys(near, None)
    return dict(near)


def _utc(run: RecordedRun) -> float:
    wall = run.zero_wall.utctimetuple()
    return 3600.0 * wall.tm_hour + 60.0 * wall.tm_min + wall.tm_sec + run.zero_wall.microsecond / 1e6


def _within_a_day(seconds: float) -> float:
    """The same time of the day, from half a day before to half a day after."""
    return (seconds + DAY_S / 2) % DAY_S - DAY_S / 2
