"""When each trial of a recording begins."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.trials.chance import Chance
from experiments.trials.drafts import Draft
from protocols.base.errors import InputError, fail
from protocols.plan.session_time import DEFAULT_GAP_S
from protocols.plan.sessions import ANSWERED, Session

ATTENTION_FIXATION_S = 0.5

Times = list[tuple[float, float | None]]
"""Fixation before each trial and onset of its (first) clip, s."""


def run_seconds(session: Session) -> float | None:
    """Length of one recorded run; None where people set the pace."""
    if session.modality == "bold" and session.volumes and session.repetition_time_s:
        return session.volumes * session.repetition_time_s
    return session.run_seconds if session.modality == "eeg" else None


def times(session: Session, run: int, drafts: Sequence[Draft], chance: Chance) -> Times:
    """Fixations and onsets of one run.

    Fixations are uniform over the design's range, one from each of as many equal intervals as there are clips, so that
    no run gets many long ones. Where the last clip would still end after the run they are drawn together toward their
    mean, or if need be toward the shortest.

    Raises
    ------
    InputError
        If the run's clips do not fit with the shortest fixations either.
    """
    low, high = session.design.fixation_s if session.design else (DEFAULT_GAP_S, DEFAULT_GAP_S)
    jittered = [draft.phase != "attention" for draft in drafts]
    drawn = chance.spread(low, high, sum(jittered))
    lasting = [_seconds(session, draft) for draft in drafts]
    whole = run_seconds(session)
    if whole is not None:
        drawn = _fitted(session, run, drawn, whole - sum(lasting))
    remaining = iter(drawn)
    now, found = 0.0, []
    for lasts, jitter in zip(lasting, jittered, strict=True):
        fixation = (
            math.floor(next(remaining) * 1000 + 1e-6) / 1000 if jitter else _attention_fixation(session)
        )
        onset = now + fixation
        found.append((fixation, round(onset, 3) if whole is not None else None))
        now = onset + lasts - (0 if jitter else fixation)
    return found


def _attention_fixation(session: Session) -> float:
    assert session.attention is not None
    return round(min(ATTENTION_FIXATION_S, session.attention.seconds / 4), 3)


def _seconds(session: Session, draft: Draft) -> float:
    """Time of a trial, the fixation before a clip not counted; of an attention trial, all of it."""
    if draft.phase == "attention":
        assert session.attention is not None
        return session.attention.seconds
    gap = sum(session.design.fixation_s) / 2 if session.design else DEFAULT_GAP_S
    clips = sum(clip.seconds for clip in draft.clips) + (len(draft.clips) - 1) * gap
    answers = (len(session.scales or ()) or 1) if session.paradigm in ANSWERED else 0
    return clips + answers * session.answer_s


def _fitted(session: Session, run: int, fixations: list[float], room: float) -> list[float]:
    """Fixations whose sum is at most the room there is."""
    low, high = session.design.fixation_s if session.design else (DEFAULT_GAP_S, DEFAULT_GAP_S)
    n, total = len(fixations), sum(fixations)
    if total <= room:
        return fixations
    center = (low + high) / 2 if n * (low + high) / 2 <= room else low
    if n * center > room + 1e-9:
        raise fail(
            InputError, f"session '{session.name}', run {run}", "has more clips than time",
            got=f"{n * low - room:.1f} s too much with the shortest fixations",
            accepted=f"what fits into {run_seconds(session):g} s",
            way_out="more runs, shorter fixations, or fewer scenes_per_person",
        )  # fmt: skip
    keep = max(0.0, room - n * center) / (total - n * center)
    return [center + (one - center) * keep for one in fixations]
