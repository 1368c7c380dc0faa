"""How lists and pages say things of a session: numbers of things, times, how runs ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from experiments.data.told import SessionTold
from experiments.session.journal import Told

STATUS_WORDS = {
    "complete": "complete",
    "stopped": "stopped by the operator",
    "dissent": "ended by the person",
    "limit": "ended by a limit of the plan",
    "crashed": "crashed",
}


def n_of(n: int, what: str) -> str:
    """A number of things: ``1 trial``, ``2 trials``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def when(told: Told, t: float) -> datetime:
    """The wall clock's time (UTC) at a time of a journal."""
    return datetime.fromisoformat(told.header.wall) + timedelta(seconds=t - told.began)


def last_time(session: SessionTold) -> datetime:
    """When something was last written."""
    told = session.journals[-1]
    return when(told, told.records[-1]["t"] if told.records else told.began)


def stamp(moment: datetime) -> str:
    """A time as lists have it, in UTC."""
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def clock(seconds: float) -> str:
    """Minutes and seconds: ``12:05``."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def done(session: SessionTold) -> str:
    """Runs and trials so far: ``2 runs, 48 trials``."""
    runs = [run for run in session.runs if run.attempt is None]
    complete = sum(run.status == "complete" for run in runs)
    of = (
        f"{complete} of {n_of(len(runs), 'run')} complete" if complete < len(runs) else n_of(len(runs), "run")
    )
    return f"{of}, {n_of(sum(len(run.rows) for run in session.runs), 'trial')}"
