"""Whether the trials fit the session's time and the sessions come in a sound order."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.base.errors import Fault, listed
from protocols.document import Document, Path_
from protocols.plan.expanding import scenes_per_person, shown_in
from protocols.plan.promises import Plan
from protocols.plan.sessions import ANSWERED, CLIPS_PER_TRIAL, Session

NAMING = ("detection", "pair_comparison")
REALNESS = "realness"
DEFAULT_GAP_S = 1.0  # between clips where the session has no fixation of its own


def clips_shown(plan: Plan, session: Session) -> int | None:
    """Clips of the main phase, or None when the plan does not say."""
    scenes = scenes_per_person(plan)
    if session.trials is not None:
        return session.trials * CLIPS_PER_TRIAL.get(session.paradigm, 1)
    if scenes is None:
        return None
    if session.paradigm in CLIPS_PER_TRIAL:
        return scenes * 2
    conditions = session.conditions or shown_in(plan, session)
    return scenes * (len(conditions) if session.exposure == "both_versions" else 1)


def needed_seconds(plan: Plan, session: Session) -> float | None:
    """Time the session's trials take, fixations, answers, attention, training and catch trials included."""
    clips = clips_shown(plan, session)
    if clips is None or plan.stimuli is None:
        return None
    clip = plan.stimuli.seconds
    gap = sum(session.design.fixation_s) / 2 if session.design else DEFAULT_GAP_S
    seconds = clips * (clip + gap)
    per_trial = CLIPS_PER_TRIAL.get(session.paradigm, 1)
    if session.paradigm in ANSWERED:
        questions = len(session.scales or ()) or 1
        seconds += clips / per_trial * questions * session.answer_s
    if session.attention:
        seconds += clips // session.attention.every * session.attention.seconds
    answered = clip + gap + session.answer_s
    if session.catch_trials:
        seconds += session.catch_trials.n * (answered + (per_trial - 1) * (clip + gap))
    if session.training:
        seconds += session.training.items * session.training.attempts * answered
    if session.then:
        seconds += (scenes_per_person(plan) or 0) * 2 * answered
        if session.then.training:
            seconds += session.then.training.items * session.then.training.attempts * answered
    return seconds


def recorded_seconds(session: Session) -> float | None:
    """Recording time of all runs, for sessions that record."""
    if session.modality == "bold" and session.volumes and session.repetition_time_s:
        return session.runs * session.volumes * session.repetition_time_s
    if session.modality == "eeg" and session.run_seconds:
        return session.runs * session.run_seconds
    return None


def session_faults(plan: Plan, document: Document) -> Iterator[Fault]:
    """Faults of sessions: missing settings, wrong order, too little time."""
    names = [session.name for session in plan.sessions]
    total = 0.0
    named_before: str | None = None
    for i, session in enumerate(plan.sessions):
        path: Path_ = ("sessions", i)
        if names.index(session.name) != i:
            yield document.fault((*path, "name"), "is the name of an earlier session", got=session.name)
        yield from _settings(plan, document, session, path)
        recorded, needed = recorded_seconds(session), needed_seconds(plan, session)
        if recorded is not None and needed is not None and needed > recorded:
            yield document.fault(
                path,
                "has more trials than time",
                got=f"{needed:.0f} s of clips, fixations and questions",
                accepted=f"at most {recorded:.0f} s ({session.runs} runs of {recorded / session.runs:.0f} s)",
                way_out="fewer scenes or conditions, more runs, or shorter fixations",
            )
        if recorded is not None:
            block = recorded / session.runs / 60
            if block > plan.limits.block_minutes_max:
                yield document.fault(
                    path,
                    f"has runs of {block:.1f} min",
                    accepted=f"at most limits.block_minutes_max = {plan.limits.block_minutes_max:g}",
                )
            if session.modality == "bold" and recorded / 60 > plan.limits.scanner_minutes_max:
                yield document.fault(
                    path,
                    f"keeps people {recorded / 60:.1f} min in the scanner",
                    accepted=f"at most limits.scanner_minutes_max = {plan.limits.scanner_minutes_max:g}",
                )
        total += recorded or needed or 0.0
        if session.paradigm == "passive_viewing" and named_before:
            yield document.fault(
                path,
                f"comes after '{named_before}', which asks about AI",
                way_out="put passive viewing first: whoever was asked looks for AI in the scanner",
            )
        if asks_about_ai(session):
            named_before = named_before or session.name
    if total / 60 > plan.limits.visit_minutes_max:
        yield document.fault(
            ("sessions",),
            f"take {total / 60:.0f} min together",
            at_key=True,
            accepted=f"at most limits.visit_minutes_max = {plan.limits.visit_minutes_max:g}",
        )


def asks_about_ai(session: Session) -> bool:
    """Whether a session makes people think of how films are made."""
    tasks = (session.paradigm, session.then.paradigm if session.then else None)
    return any(task in NAMING for task in tasks) or REALNESS in (session.scales or ())


def _settings(plan: Plan, document: Document, session: Session, path: Path_) -> Iterator[Fault]:
    needs = {
        "bold": {"volumes": session.volumes, "repetition_time_s": session.repetition_time_s},
        "eeg": {"run_seconds": session.run_seconds},
        "beh": {},
    }[session.modality]
    missing = [name for name, value in needs.items() if value is None]
    if missing:
        yield document.fault(path, f"is '{session.modality}' and lacks {listed(missing)}", at_key=True)
    extra = [
        name
        for name in ("volumes", "repetition_time_s", "run_seconds")
        if getattr(session, name) is not None and name not in needs
    ]
    for name in extra:
        yield document.fault((*path, name), f"means nothing for modality '{session.modality}'")
    if plan.stimuli is None:
        yield document.fault(
            path,
            "shows clips, and the plan has no 'stimuli'",
            at_key=True,
            accepted="stimuli: {set, pairs, seconds}",
        )
    if session.conditions is None and not (session.items and session.items.same_as):
        yield document.fault(
            path,
            "does not say what it shows",
            at_key=True,
            accepted="conditions: [live, ai], or items: {same_as: scan}",
        )
    if session.paradigm == "ratings" and not session.scales:
        yield document.fault(path, "rates, and lacks 'scales'", at_key=True)
    if session.scales and session.paradigm != "ratings":
        yield document.fault((*path, "scales"), f"means nothing for paradigm '{session.paradigm}'")
    if session.design and session.design.fixation_s[0] > session.design.fixation_s[1]:
        yield document.fault(
            (*path, "design", "fixation_s"), "is not a range", got=str(list(session.design.fixation_s))
        )
    for training, where in (
        (session.training, "training"),
        (session.then.training if session.then else None, "then"),
    ):
        if training and training.criterion > training.items:
            yield document.fault((*path, where), f"asks for {training.criterion} correct of {training.items}")


def session_warnings(plan: Plan, document: Document) -> Iterator[Fault]:
    """Behavioral sessions have no fixed length; tell when one is long for its people."""
    children = any(group.profile == "child" for group in plan.groups.values())
    for i, session in enumerate(plan.sessions):
        needed = needed_seconds(plan, session)
        if (
            recorded_seconds(session) is None
            and needed is not None
            and children
            and needed / 60 > 3 * plan.limits.block_minutes_max
        ):
            yield document.fault(
                ("sessions", i), f"takes about {needed / 60:.0f} min of answering, long for children"
            )
