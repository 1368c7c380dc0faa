"""Every name a plan uses is one it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from protocols.base.errors import Fault, did_you_mean, listed
from protocols.document import Document, Path_
from protocols.plan.expanding import PSEUDO_CONDITIONS
from protocols.plan.promises import POOLED, Plan
from protocols.plan.sessions import EVENTS, CatchTrials, Training


def _unknown(
    document: Document, path: Path_, what: str, name: str, names: Sequence[str], *, at_key: bool = False
) -> Fault:
    return document.fault(
        path,
        f"names a {what} the plan does not have",
        at_key=at_key,
        got=name,
        accepted=listed(names),
        way_out=did_you_mean(name, names),
    )


def names_exist(plan: Plan, document: Document) -> Iterator[Fault]:
    """Every measure, group, condition, session and family that is named exists."""
    groups, conditions, sessions = list(plan.groups), list(plan.conditions), [s.name for s in plan.sessions]
    for name, h in plan.hypotheses.items():
        path: Path_ = ("hypotheses", name)
        if h.measure not in plan.measures:
            yield _unknown(document, (*path, "measure"), "measure", h.measure, list(plan.measures))
        for i, condition in enumerate(h.contrast or ()):
            if condition not in conditions and condition not in PSEUDO_CONDITIONS:
                yield _unknown(document, (*path, "contrast", i), "condition", condition, conditions)
        if h.condition is not None and h.condition not in (*conditions, *PSEUDO_CONDITIONS):
            yield _unknown(document, (*path, "condition"), "condition", h.condition, conditions)
        several = isinstance(h.group, tuple)
        for i, group in enumerate(h.group if isinstance(h.group, tuple) else [h.group] if h.group else []):
            if group not in groups and (several or group != POOLED):
                yield _unknown(
                    document,
                    (*path, "group", i) if several else (*path, "group"),
                    "group",
                    group,
                    [*groups, POOLED],
                )
        for i, group in enumerate(h.groups or ()):
            if group not in groups:
                yield _unknown(document, (*path, "groups", i), "group", group, groups)
        if h.family is not None and h.family not in plan.families:
            yield _unknown(document, (*path, "family"), "family", h.family, list(plan.families))
    for name, m in plan.measures.items():
        path = ("measures", name)
        if m.session is not None and m.session not in sessions:
            yield _unknown(document, (*path, "session"), "session", m.session, sessions)
        for group in m.assumptions or {}:
            if group not in groups:
                yield _unknown(document, (*path, "assumptions", group), "group", group, groups, at_key=True)
        for i, control in enumerate(m.controls):
            here: Path_ = (*path, "control", i) if isinstance(m.control, tuple) else (*path, "control")
            for j, condition in enumerate(control.contrast or ()):
                if condition not in conditions and condition not in PSEUDO_CONDITIONS:
                    yield _unknown(
                        document,
                        (*here, "contrast", j),
                        "condition",
                        condition,
                        [*conditions, *PSEUDO_CONDITIONS],
                    )
            for group in control.minimum if isinstance(control.minimum, dict) else ():
                if group not in groups:
                    yield _unknown(document, (*here, "minimum", group), "group", group, groups, at_key=True)
    for i, s in enumerate(plan.sessions):
        path = ("sessions", i)
        for j, condition in enumerate(s.conditions or ()):
            if condition not in conditions:
                yield _unknown(document, (*path, "conditions", j), "condition", condition, conditions)
        if s.items and s.items.same_as is not None and s.items.same_as not in sessions[:i]:
            yield _unknown(
                document, (*path, "items", "same_as"), "earlier session", s.items.same_as, sessions[:i]
            )
        parts: tuple[tuple[Path_, Training | CatchTrials | None], ...] = (
            (("training",), s.training),
            (("catch_trials",), s.catch_trials),
            (("then", "training"), s.then.training if s.then else None),
        )
        for where, part in parts:
            for j, condition in enumerate(part.contrast if part else ()):
                if condition not in conditions:
                    yield _unknown(
                        document, (*path, *where, "contrast", j), "condition", condition, conditions
                    )
        for group in s.confidence or {}:
            if group not in groups:
                yield _unknown(document, (*path, "confidence", group), "group", group, groups, at_key=True)
        for trigger in s.triggers or {}:
            known = [*conditions, *EVENTS]
            if trigger not in known:
                yield _unknown(
                    document, (*path, "triggers", trigger), "condition", trigger, known, at_key=True
                )
