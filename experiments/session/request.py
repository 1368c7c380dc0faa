"""What a session is asked to be, and everything that is settled before a device is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from experiments.clips import Clip, clips_of_set, simulated_clips
from experiments.session.done import Done, done_in, minutes, visit_began, wall_now
from experiments.session.journal import Told
from experiments.session.people import Participant, earlier, participant
from experiments.site.settings import Site
from experiments.trials.building import build_script
from experiments.trials.kinds import Script
from protocols.base.bids import participant_id
from protocols.base.errors import UsageError, did_you_mean, fail, listed
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise
from protocols.plan.sessions import Session
from stimuli.sets import StimulusSet

Mode = Literal["run", "pilot", "qa", "sim"]


@dataclass(frozen=True)
class Request:
    """A session somebody wants.

    Attributes
    ----------
    promise
        The plan.
    participant
        Their code, with or without ``sub-``.
    session
        Its name in the plan.
    bids
        The data set's folder.
    mode
        ``run``; ``pilot``: real devices, data that no confirmatory analysis takes; ``qa``: a real window and a
        scripted person; ``sim``: no window.
    stimuli
        The stimulus set's folder; None: the plan's, seen from the plan's own folder.
    again
        Play a session that is complete once more.
    anyway
        Play it although a session that comes first was not played.
    at
        When it begins, in UTC; None: now.
    """

    promise: Promise
    participant: str
    session: str
    bids: Path
    mode: Mode = "run"
    site: Site = field(default_factory=Site)
    group: str | None = None
    age_months: int | None = None
    language: str = "en"
    stimuli: Path | None = None
    spoken: Path | None = None
    no_sound: bool = False
    again: bool = False
    anyway: bool = False
    at: datetime | None = None


@dataclass(frozen=True)
class Prepared:
    """A session that can be played.

    Attributes
    ----------
    clips
        Those the script shows.
    stimuli
        The set they lie in; None in a simulation without one.
    scanner_minutes_left, visit_minutes_left
        What is left of the plan's limits today.
    notes
        What the operator should know, in a sentence each.
    """

    request: Request
    session: Session
    person: Participant
    script: Script
    clips: tuple[Clip, ...]
    stimuli: StimulusSet | None
    done: Done
    scanner_minutes_left: float
    visit_minutes_left: float
    notes: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan."""
        return self.request.promise.plan

    @property
    def has_sound(self) -> bool:
        """Whether any clip has a sound track."""
        return any(clip.sound for clip in self.clips)


def prepare(request: Request) -> Prepared:
    """Settle who sees what.

    Raises
    ------
    UsageError
        If the participant or session is unknown, complete already, or comes too early.
    InputError
        If clips are missing, or there are fewer pairs than the plan's trials need.
    """
    plan = request.promise.plan
    session = session_named(plan, request.session)
    code = participant_id(request.participant)
    person = participant(request.bids, code, plan, group=request.group, age_months=request.age_months)
    told = earlier(request.bids, code)
    _in_order(plan, session, code, told, anyway=request.anyway or request.mode in ("qa", "sim", "pilot"))
    now = request.at or wall_now()
    own = [one for one in told if one.header.session == session.name]
    done = done_in(own, now)
    if done.complete and not request.again:
        raise fail(UsageError, f"session '{session.name}' of {code}", "is complete already",
                   way_out="check the participant's code; --again plays it once more and marks its trials")  # fmt: skip
    stimuli, clips = _clips(request)
    script = build_script(plan, session.name, code, person.group, clips)
    shown = tuple(dict.fromkeys(clip for trial in script.trials for clip in trial.clips))
    return Prepared(
        request,
        session,
        person,
        script,
        shown,
        stimuli,
        done,
        *_time_left(plan, told, now),
        notes=(*script.notes, *_changed(own, request)),
    )


def session_named(plan: Plan, name: str) -> Session:
    """A session of the plan."""
    found = next((session for session in plan.sessions if session.name == name), None)
    if found is None:
        names = [session.name for session in plan.sessions]
        problem = (
            "is not in the plan" if names else f"is not in the plan: '{plan.plan}' describes no sessions"
        )
        raise fail(UsageError, f"session '{name}'", problem, accepted=listed(names),
                   way_out=did_you_mean(name, names))  # fmt: skip
    return found


def _in_order(plan: Plan, session: Session, code: str, told: Sequence[Told], *, anyway: bool) -> None:
    """Whoever was asked about AI looks for it in the scanner: earlier sessions come first."""
    complete = {one.header.session for one in told if one.status == "complete"}
    names = [one.name for one in plan.sessions]
    before = [name for name in names[: names.index(session.name)] if name not in complete]
    if before and not anyway:
        raise fail(UsageError, f"session '{session.name}'", f"comes after {listed(before)}, which {code} has not had",
                   way_out=f"play {before[0]} first; --anyway plays this one all the same")  # fmt: skip


def _clips(request: Request) -> tuple[StimulusSet | None, tuple[Clip, ...]]:
    plan = request.promise.plan
    assert plan.stimuli is not None  # a plan with sessions has stimuli
    folder = request.stimuli or Path(request.promise.document.file).parent / plan.stimuli.set
    if request.mode == "sim" and not folder.exists():
        return None, simulated_clips(plan)
    return StimulusSet(folder), clips_of_set(folder, plan)


def _time_left(plan: Plan, told: Sequence[Told], now: datetime) -> tuple[float, float]:
    """Minutes left in the scanner, and of the visit, today."""
    scanned = done_in(told, now).scanner_s / 60
    visit = minutes(now - visit_began(told, now))
    return plan.limits.scanner_minutes_max - scanned, plan.limits.visit_minutes_max - visit


def _changed(own: Sequence[Told], request: Request) -> list[str]:
    """What is not as it was when the session was begun."""
    if not own:
        return []
    notes = []
    if own[-1].header.plan_sha256 != request.promise.sha256:
        notes.append("The plan has changed since this session was begun; what is left follows the new one.")
    if own[-1].header.language != request.language:
        notes.append(f"The language was '{own[-1].header.language}' before.")
    return notes
