"""The recorded runs of one session, as a recording is compared with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from experiments.attach.alignment import Markers
from experiments.attach.placing import RunFiles
from experiments.data.tables import events_path
from experiments.data.told import RunTold, SessionTold, read_session
from experiments.session.journal import Header
from protocols.base.errors import UsageError, fail, listed

COMPLETE = "complete"
_ENDED = {"crashed": "broke off", "stopped": "was stopped", "dissent": "was ended by the person"}


@dataclass(frozen=True)
class RecordedRun:
    """One run. Times are seconds of the session's clock, counted from the run's onset 0.

    Attributes
    ----------
    number
        Its BIDS run number.
    task
        Its paradigm.
    header
        Of the journal it stands in.
    began
        Whether it reached its onset 0; without it times are counted from its beginning.
    zero_wall
        Onset 0 by the wall clock (UTC).
    triggers
        Those that were sent.
    pulses
        (n,) times of the scanner's pulses, dummies included.
    planned
        Volumes planned, dummies not counted.
    status
        ``complete``, ``stopped``, ``dissent`` or ``crashed``.
    files
        Its files in the BIDS folder.
    """

    number: int
    task: str
    header: Header = field(repr=False)
    began: bool
    zero_wall: datetime
    triggers: Markers = field(repr=False)
    pulses: np.ndarray = field(repr=False)
    planned: int | None
    status: str
    files: RunFiles

    @property
    def complete(self) -> bool:
        """Whether it came to its planned end."""
        return self.status == COMPLETE

    @property
    def dummies(self) -> int:
        """Volumes before the first stored one, by the plan."""
        return self.header.dummy_volumes

    @property
    def pulse_interval_s(self) -> float | None:
        """Median time between pulses; None with fewer than three."""
        return float(np.median(np.diff(self.pulses))) if len(self.pulses) > 2 else None

    def __str__(self) -> str:
        ended = "" if self.complete else f", {_ENDED.get(self.status, self.status)}"
        return f"run {self.number} ({self.task}{ended})"


def runs_of(bids: Path, participant: str, session: str) -> list[RecordedRun]:
    """The recorded runs of one person and session, over all its journals, by number.

    Raises
    ------
    InputError
        If there is no such person or session (names those there are), or a journal is damaged.
    """
    told = read_session(bids, participant, session)
    return sorted(
        (_recorded(bids, told, run) for run in told.runs if run.recorded), key=lambda run: run.number
    )


def chosen_run(runs: Sequence[RecordedRun], number: int, session: str) -> RecordedRun:
    """The run of a number; UsageError naming those there are."""
    for run in runs:
        if run.number == number:
            return run
    if not runs:
        raise fail(UsageError, f"session '{session}'", "has no recorded run: only keys were recorded",
                   accepted="sessions with EEG or MRI")  # fmt: skip
    raise fail(UsageError, f"run {number}", "is not in the journal of this session", accepted=listed(runs))


def _recorded(bids: Path, told: SessionTold, run: RunTold) -> RecordedRun:
    journal = told.journals[run.journal]
    zero = run.begins if run.zero is None else run.zero
    sent = [marker for marker in run.markers if marker["at"] is not None]
    return RecordedRun(
        number=run.label,
        task=run.task,
        header=run.header,
        began=run.zero is not None,
        zero_wall=datetime.fromisoformat(run.header.wall) + timedelta(seconds=zero - journal.began),
        triggers=Markers.of([one["at"] - zero for one in sent], [one["code"] for one in sent]),
        pulses=np.array(run.volumes, float) - zero,
        planned=run.planned_volumes,
        status=run.status,
        files=RunFiles(bids / events_path(told, run)),
    )
