"""What a person has done in a session so far, read from its journals: where to go on after a crash or a pause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from experiments.session.journal import Record, Told

COMPLETE = "complete"


@dataclass
class Done:
    """What earlier starts of the same session left.

    Attributes
    ----------
    rows
        Rows by task and the trial's number; of trials people answer at their own pace.
    runs
        Planned runs of recordings that are complete, by task.
    labels
        BIDS run numbers in use: a new run never takes one.
    open_runs
        Runs that began and never ended: a crash.
    attempts
        Training attempts that are over, by task: whether each was passed.
    complete
        Whether the session had come to its end.
    scanner_s
        Seconds of recording so far today.
    began
        When the first start of today began.
    """

    rows: dict[tuple[str, int], Record] = field(default_factory=dict)
    runs: set[tuple[str, int]] = field(default_factory=set)
    labels: set[int] = field(default_factory=set)
    open_runs: list[Record] = field(default_factory=list)
    attempts: dict[str, list[bool]] = field(default_factory=dict)
    complete: bool = False
    scanner_s: float = 0.0
    began: datetime | None = None

    @property
    def next_label(self) -> int:
        """A BIDS run number that no run has had."""
        return max(self.labels, default=0) + 1

    def right(self, task: str, attempt: int) -> int:
        """Right answers of a training attempt so far."""
        return sum(
            row["phase"] == "training"
            and row["columns"]["attempt"] == attempt
            and bool(row["columns"]["correct"])
            for (of, _), row in self.rows.items()
            if of == task
        )


def done_in(journals: Sequence[Told], today: datetime) -> Done:
    """What the journals of one person and session say, oldest first."""
    done = Done()
    for journal in journals:
        same_day = datetime.fromisoformat(journal.header.wall).date() == today.date()
        if same_day and done.began is None:
            done.began = datetime.fromisoformat(journal.header.wall)
        _read(journal, done, count_time=same_day)
        done.complete = done.complete or journal.status == COMPLETE
    return done


def _read(journal: Told, done: Done, *, count_time: bool) -> None:
    running: Record | None = None
    for record in journal.records:
        kind = record["kind"]
        if kind == "run":
            if running is not None:
                done.open_runs.append(running)
            running = record
            done.labels.add(record["label"])
        elif kind == "run_end" and running is not None:
            if record["status"] == COMPLETE:
                done.runs.add((running["task"], running["run"]))
            if count_time and journal.header.modality == "bold":
                done.scanner_s += record["t"] - running["t"]
            running = None
        elif kind == "row":
            done.rows[record["task"], record["number"]] = record
        elif kind == "training":
            done.attempts.setdefault(record["task"], []).append(record["passed"])
    if running is not None:
        done.open_runs.append(running)
        if count_time and journal.header.modality == "bold" and journal.records:
            done.scanner_s += journal.records[-1]["t"] - running["t"]


def visit_began(journals: Sequence[Told], now: datetime) -> datetime:
    """When today's visit began: the first start of any session of the person today."""
    starts = [datetime.fromisoformat(journal.header.wall) for journal in journals]
    return min((start for start in starts if start.date() == now.date()), default=now)


def wall_now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def minutes(span: timedelta) -> float:
    """A span in minutes."""
    return span.total_seconds() / 60
