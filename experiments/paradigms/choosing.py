"""The trial functions of a session, with the parameters its plan fixes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from experiments.paradigms.attention import Attention, AttentionParameters
from experiments.paradigms.base import Paradigm, TrialRow
from experiments.paradigms.detection import Detection, DetectionParameters
from experiments.paradigms.film import Film
from experiments.paradigms.pair_comparison import PairComparison, PairComparisonParameters
from experiments.paradigms.passive_viewing import PassiveViewing
from experiments.paradigms.ratings import Ratings, RatingsParameters, rating_row
from experiments.paradigms.same_different import SameDifferent, SameDifferentParameters
from experiments.people.profiles import Profile, profile_of
from protocols.plan.promises import Plan
from protocols.plan.sessions import Paradigm as Task
from protocols.plan.sessions import Scale, Session

ATTENTION = "attention"
"""What the trial function of attention trials is called among those of the tasks."""
PARADIGMS: dict[str, type[Paradigm]] = {
    "passive_viewing": PassiveViewing,
    "film": Film,
    "same_different": SameDifferent,
    "pair_comparison": PairComparison,
    "detection": Detection,
    "ratings": Ratings,
    ATTENTION: Attention,
}
"""Every one there is."""


def paradigms_of(plan: Plan, session: Session, group: str) -> dict[str, Paradigm]:
    """The trial functions of a session by task, and by `ATTENTION` where it has attention trials."""
    tasks = [session.paradigm, *([session.then.paradigm] if session.then is not None else [])]
    found: dict[str, Paradigm] = {task: paradigm_for(task, plan, session, group) for task in tasks}
    if session.attention is not None:
        found[ATTENTION] = Attention(AttentionParameters(session.attention.seconds))
    return found


def paradigm_for(task: Task, plan: Plan, session: Session, group: str) -> Paradigm:
    """The trial function of a task.

    Parameters
    ----------
    task
        A task of the session.
    plan, session
        What fixes the parameters.
    group
        The person's group.
    """
    profile = profile_of(plan.groups[group].profile)
    within, levels = plan.limits.answer_within_s, confidence_levels(session, group)
    match task:
        case "passive_viewing":
            return PassiveViewing()
        case "film":
            return Film()
        case "same_different":
            return SameDifferent(SameDifferentParameters(within, levels))
        case "pair_comparison":
            return PairComparison(PairComparisonParameters(within, levels, pointing=profile.pictures))
        case "detection":
            return Detection(DetectionParameters(within, levels))
        case "ratings":
            return Ratings(RatingsParameters(session.scales or (), within), profile)
        case _:
            assert_never(task)


def confidence_levels(session: Session, group: str) -> int:
    """Steps of the confidence question; 0 where the plan gives the group none."""
    levels = (session.confidence or {}).get(group, "none")
    return 0 if levels == "none" else levels


def row_class(task: str, profile: Profile, scales: Sequence[Scale] = ()) -> type[TrialRow]:
    """The columns of a task, or of `ATTENTION`, as its rows have them.

    Parameters
    ----------
    task
        A paradigm.
    profile
        The person's: it fixes the steps of ratings.
    scales
        What was rated.
    """
    return rating_row(scales, profile) if task == Ratings.name else PARADIGMS[task].Row
