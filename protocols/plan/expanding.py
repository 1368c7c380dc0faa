"""What a plan says between the lines: one hypothesis per group, the model, the conditions of a session."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.plan.measuring import PAIRS, Assumption, Bound, Control, Measure
from protocols.plan.promises import POOLED, DecidingModel, Hypothesis, Plan
from protocols.plan.sessions import Contrast, Session

FIXATION, ALL_CLIPS = "fixation", "all_clips"
PSEUDO_CONDITIONS = (FIXATION, ALL_CLIPS)


@dataclass(frozen=True)
class Expanded:
    """A hypothesis about one group, the pooled groups, or one pair of groups.

    Attributes
    ----------
    id
        ``H2``, or ``H2.child`` where the plan gives a list of groups.
    name
        Its name in the plan.
    group
        What the verdict calls the people: a group, ``pooled``, or ``adult - child``.
    groups
        The groups whose people enter.
    weights
        The weight of each group's mean in the effect: ``(1,)``, ``(-1, 1)``, or equal shares.
    """

    id: str
    name: str
    hypothesis: Hypothesis
    group: str
    groups: tuple[str, ...]
    weights: tuple[float, ...]


def expand(plan: Plan, *, confirmatory: bool | None = None) -> list[Expanded]:
    """All hypotheses of a plan, a list of groups made into one hypothesis per group.

    Parameters
    ----------
    confirmatory
        Only these (True), only exploratory ones (False), or all (None).
    """
    found = []
    for name, h in plan.hypotheses.items():
        if confirmatory is not None and h.exploratory == confirmatory:
            continue
        if h.effect in ("group_by_condition", "group"):
            first, second = h.groups or tuple(plan.groups)[:2]
            found.append(Expanded(name, name, h, f"{second} - {first}", (first, second), (-1.0, 1.0)))
        elif isinstance(h.group, tuple):
            found += [Expanded(f"{name}.{group}", name, h, group, (group,), (1.0,)) for group in h.group]
        elif h.group == POOLED:
            groups = tuple(plan.groups)
            found.append(Expanded(name, name, h, POOLED, groups, (1.0 / len(groups),) * len(groups)))
        else:
            group = h.group or next(iter(plan.groups))
            found.append(Expanded(name, name, h, group, (group,), (1.0,)))
    return found


def model_of(plan: Plan, hypothesis: Hypothesis) -> DecidingModel:
    """The deciding model of a hypothesis."""
    return hypothesis.deciding_model or plan.decision.deciding_model


def bound_of(plan: Plan, hypothesis: Hypothesis) -> Bound | None:
    """The bound of a hypothesis: its own, else its measure's."""
    return hypothesis.bound or plan.measures[hypothesis.measure].bound


def session_of(plan: Plan, measure: Measure) -> Session | None:
    """The session a measure is taken in."""
    return next((session for session in plan.sessions if session.name == measure.session), None)


def control_contrast(plan: Plan, measure: Measure, control: Control) -> Contrast | None:
    """The conditions a positive control compares, those of the session's catch trials if it says so.

    The d' of pairs is that of the compared version already: its control compares it with 0.
    """
    if control.contrast is not None:
        return control.contrast
    session = session_of(plan, measure)
    if control.trials != "catch_trials" or session is None or session.catch_trials is None:
        return None
    contrast = session.catch_trials.contrast
    return (FIXATION, contrast[1]) if measure.statistic in PAIRS else contrast


def control_minimum(control: Control, group: str) -> float:
    """The value a control's lower limit must exceed in a group."""
    return control.minimum[group] if isinstance(control.minimum, dict) else control.minimum


def shown_in(plan: Plan, session: Session) -> tuple[str, ...]:
    """The conditions a session shows, those of earlier items and of catch trials among them."""
    shown: list[str] = []
    if session.conditions is not None:
        shown += session.conditions
    elif session.items and session.items.same_as:
        shown += next((shown_in(plan, s) for s in plan.sessions if s.name == session.items.same_as), ())
    for part in (session.catch_trials, session.training, session.then.training if session.then else None):
        shown += part.contrast if part else ()
    return tuple(dict.fromkeys(shown))


def arms_of(plan: Plan) -> tuple[str, ...]:
    """The conditions that are versions of one and the same scene: live action, AI, codec control, another label."""
    roles = ("reference", "contrast", "codec_control", "label")
    return tuple(name for name, condition in plan.conditions.items() if condition.role in roles)


def expected_in(plan: Plan, group: str) -> list[tuple[str, Assumption]]:
    """The assumptions made of a group, by measure."""
    return [
        (name, m.assumptions[group])
        for name, m in plan.measures.items()
        if m.assumptions and group in m.assumptions
    ]


def label_of(plan: Plan, kind: str, name: str) -> str:
    """What sentences call a group, condition or measure."""
    parts = {"group": plan.groups, "condition": plan.conditions, "measure": plan.measures}[kind]
    part = parts.get(name)  # type: ignore[attr-defined]
    fixed = {FIXATION: "fixation", ALL_CLIPS: "all clips"}
    return getattr(part, "label", None) or fixed.get(name, name.replace("_", " "))


def scenes_per_person(plan: Plan) -> int | None:
    """How many scenes one person sees, if the plan describes its clips."""
    return (plan.stimuli.scenes_per_person or plan.stimuli.pairs) if plan.stimuli else None
