"""What must hold between the fields of a plan; each rule is a small function that yields faults."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from protocols.base.errors import Fault, listed
from protocols.document import Document, Path_
from protocols.plan.expanding import (
    PSEUDO_CONDITIONS,
    control_contrast,
    expand,
    expected_in,
    shown_in,
)
from protocols.plan.markers import markers_are_clear
from protocols.plan.measure_checks import enough_studies_are_drawn, models_fit, pairs_are_prepared
from protocols.plan.measuring import PAIRS
from protocols.plan.naming import names_exist
from protocols.plan.promises import POOLED, Plan
from protocols.plan.region_checks import (
    regions_are_prepared,
    trial_types_are_apart,
    values_suit_the_model,
)
from protocols.plan.session_time import session_faults, session_warnings

Rule = Callable[[Plan, Document], Iterator[Fault]]


def check(plan: Plan, document: Document) -> tuple[list[Fault], list[Fault]]:
    """Check a plan's fields against each other.

    Returns
    -------
    faults, warnings
        What must be mended, and what should be known; in the order of the file.
    """
    faults = [fault for rule in RULES for fault in rule(plan, document)]
    if faults:  # the rest would stumble over names that do not exist
        return _ordered(faults), []
    faults = [fault for rule in LATER_RULES for fault in rule(plan, document)]
    warnings = [] if faults else [fault for rule in WARNINGS for fault in rule(plan, document)]
    return _ordered(faults), _ordered(warnings)


def _ordered(faults: Sequence[Fault]) -> list[Fault]:
    once = dict.fromkeys(faults)  # hypotheses of several groups share what is wrong
    return sorted(once, key=lambda fault: (fault.line or 0, fault.column or 0))


def groups_are_apart(plan: Plan, document: Document) -> Iterator[Fault]:
    """Age ranges are ranges and do not overlap; enough people are invited."""
    ranges = [(g.age_months, name) for name, g in plan.groups.items() if g.age_months]
    for name, group in plan.groups.items():
        if group.age_months and not 0 <= group.age_months[0] < group.age_months[1]:
            yield document.fault(
                ("groups", name, "age_months"),
                "is not a range",
                got=str(list(group.age_months)),
                accepted="[from, to) in whole months: [48, 84]",
            )
        if group.n_recruited is not None and group.n_recruited < group.n_planned:
            yield document.fault(
                ("groups", name, "n_recruited"),
                "is below the number needed",
                got=str(group.n_recruited),
                accepted=f">= n_planned = {group.n_planned}, and enough for the losses",
            )
    for (low, first), (high, second) in pairwise(sorted(ranges)):
        if high[0] < low[1]:
            yield document.fault(
                ("groups", second, "age_months"),
                f"overlaps with '{first}'",
                got=f"{list(low)} and {list(high)}",
            )


def hypotheses_are_complete(plan: Plan, document: Document) -> Iterator[Fault]:
    """Each effect has the groups and conditions it speaks of, and none it does not."""
    for name, h in plan.hypotheses.items():
        path: Path_ = ("hypotheses", name)
        needs_contrast = h.effect in ("condition", "group_by_condition")
        if needs_contrast and h.contrast is None:
            yield document.fault(
                path,
                f"is about '{h.effect}' and lacks 'contrast'",
                at_key=True,
                accepted="contrast: [live, ai]",
            )
        if not needs_contrast and h.contrast is not None:
            yield document.fault(
                (*path, "contrast"),
                f"means nothing for effect '{h.effect}'",
                way_out="name one 'condition' instead",
            )
        if needs_contrast and h.condition is not None:
            yield document.fault(
                (*path, "condition"),
                f"means nothing for effect '{h.effect}'",
                way_out="use 'contrast: [a, b]'",
            )
        if h.contrast and h.contrast[0] == h.contrast[1]:
            yield document.fault(
                (*path, "contrast"), "compares a condition with itself", got=str(list(h.contrast))
            )
        if h.effect != "level" and h.against != 0:
            yield document.fault(
                (*path, "against"), f"means nothing for effect '{h.effect}'", way_out="take it away"
            )
        if h.effect in ("condition", "level"):
            if h.groups is not None:
                yield document.fault(
                    (*path, "groups"), f"means nothing for effect '{h.effect}'", way_out="use 'group'"
                )
            if h.group is None and len(plan.groups) > 1:
                yield document.fault(
                    path,
                    "does not say for whom",
                    at_key=True,
                    accepted=f"group: {listed([*plan.groups, POOLED])}, or a list",
                )
            if h.group == POOLED and len(plan.groups) < 2:
                yield document.fault(
                    (*path, "group"), "pools a single group", way_out=f"group: {next(iter(plan.groups))}"
                )
        else:
            if h.group is not None:
                yield document.fault(
                    (*path, "group"), f"means nothing for effect '{h.effect}'", way_out="use 'groups: [a, b]'"
                )
            if h.groups is None and len(plan.groups) != 2:
                yield document.fault(
                    path,
                    "compares groups without saying which",
                    at_key=True,
                    accepted="groups: [child, adult] (the second minus the first)",
                )
            if h.groups and h.groups[0] == h.groups[1]:
                yield document.fault(
                    (*path, "groups"), "compares a group with itself", got=str(list(h.groups))
                )
        if h.exploratory and h.family is not None:
            yield document.fault(
                (*path, "family"),
                "holds an exploratory hypothesis",
                way_out="take 'family' or 'exploratory' away",
            )
        if not h.exploratory and h.family is None:
            yield document.fault(
                path,
                "belongs to no family",
                at_key=True,
                accepted=f"family: {listed(plan.families)}",
                way_out="or mark it 'exploratory: true'",
            )
        if "." in name or name == POOLED:
            yield document.fault(path, "is not a usable name", at_key=True)
    unclear = any(h.family not in plan.families and not h.exploratory for h in plan.hypotheses.values())
    for name in plan.families:
        if not unclear and not any(h.family == name for h in plan.hypotheses.values()):
            yield document.fault(
                ("families", name), "has no hypotheses", at_key=True, way_out="take it away, or give it some"
            )


def equivalence_is_prepared(plan: Plan, document: Document) -> Iterator[Fault]:
    """A bound in the measure's unit and a positive control per group wherever equivalence is asked."""
    for name, m in plan.measures.items():
        path: Path_ = ("measures", name)
        if not m.in_unit:
            yield document.fault(
                path,
                f"has statistic '{m.statistic}', which fixes no unit",
                at_key=True,
                accepted="unit: the unit of its values",
            )
            continue
        for field in ("bound", "spread"):
            bound = getattr(m, field)
            if bound is not None and bound.unit != m.in_unit:
                yield document.fault(
                    (*path, field, "unit"),
                    "is not the measure's unit",
                    got=bound.unit,
                    accepted=m.in_unit,
                    way_out="a bound in another unit cannot be compared with the effect",
                )
        for i, control in enumerate(m.controls):
            here: Path_ = (*path, "control", i) if isinstance(m.control, tuple) else (*path, "control")
            if control_contrast(plan, m, control) is None:
                yield document.fault(
                    here,
                    "names no contrast",
                    at_key=True,
                    accepted="contrast: [reference, compared], or trials: catch_trials of its session",
                )
    for item in expand(plan):
        h, m = item.hypothesis, plan.measures[item.hypothesis.measure]
        if h.bound is not None and h.bound.unit != m.in_unit:
            yield document.fault(
                ("hypotheses", item.name, "bound", "unit"),
                "is not the measure's unit",
                got=h.bound.unit,
                accepted=m.in_unit,
            )
        if h.asks == "difference":
            continue
        if h.bound is None and m.bound is None:
            yield document.fault(
                ("hypotheses", item.name),
                f"asks for equivalence, and measure '{h.measure}' has no bound",
                at_key=True,
                accepted=f"measures.{h.measure}.bound: {{value, unit: {m.in_unit}, because}}",
                way_out="or ask for 'difference' only",
            )
        if not m.controls:
            yield document.fault(
                ("hypotheses", item.name),
                f"asks for equivalence, and measure '{h.measure}' has no positive control",
                at_key=True,
                accepted=f"measures.{h.measure}.control: {{contrast: [reference, compared], minimum}}",
                way_out="without a known effect it shows, 'no difference' means nothing",
            )
        for control in m.controls:
            if isinstance(control.minimum, dict):
                missing = [group for group in item.groups if group not in control.minimum]
                if missing:
                    yield document.fault(
                        ("measures", h.measure, "control"),
                        f"has no minimum for {listed(missing)}",
                        at_key=True,
                    )


def response_times_are_a_range(plan: Plan, document: Document) -> Iterator[Fault]:
    """The shortest response time is below the longest."""
    window = plan.analysis.beh.response_time_s
    if window[0] >= window[1]:
        path: Path_ = ("analysis", "beh", "response_time_s")
        yield document.fault(path, "is not a range", got=str(list(window)), accepted="[0.2, 10]")


def sessions_hold_together(plan: Plan, document: Document) -> Iterator[Fault]:
    """Sessions come in an order that spoils nothing, have what they need, and fit into their time."""
    yield from session_faults(plan, document)


def clips_are_used(plan: Plan, document: Document) -> Iterator[Fault]:
    """What is shown serves a hypothesis or a control, or says 'exploratory'; what is tested is shown."""
    if not plan.sessions:
        return
    used: set[str] = set()
    for h in plan.hypotheses.values():
        used |= {*(h.contrast or ()), *([h.condition] if h.condition else [])}
    for m in plan.measures.values():
        for control in m.controls:
            used |= set(control_contrast(plan, m, control) or ())
        if m.statistic in PAIRS:  # the other clip of every pair
            used |= {name for name, condition in plan.conditions.items() if condition.role == "reference"}
    shown = {condition for session in plan.sessions for condition in shown_in(plan, session)}
    for name, condition in plan.conditions.items():
        if name not in shown and name not in used:
            yield document.fault(
                ("conditions", name),
                "is neither shown nor compared",
                at_key=True,
                way_out="take it away, or show it",
            )
        if name in shown and name not in used and not condition.exploratory:
            yield document.fault(
                ("conditions", name),
                "is shown and serves no hypothesis",
                at_key=True,
                way_out="add 'exploratory: true', or a hypothesis that uses it",
            )
    for name, h in plan.hypotheses.items():
        session = next((s for s in plan.sessions if s.name == plan.measures[h.measure].session), None)
        if session is None:
            continue
        for condition in (*(h.contrast or ()), *([h.condition] if h.condition else [])):
            if condition not in PSEUDO_CONDITIONS and condition not in shown_in(plan, session):
                yield document.fault(
                    ("hypotheses", name),
                    f"needs '{condition}', which session '{session.name}' does not show",
                    at_key=True,
                    accepted=listed(shown_in(plan, session)),
                )


def enough_are_recruited(plan: Plan, document: Document) -> Iterator[Fault]:
    """Recruitment covers the expected loss with the probability the plan asks for."""
    from protocols.plan.chances import needed_recruits, probability_enough

    for name, group in plan.groups.items():
        if group.n_recruited is None:
            continue
        for measure, assumption in expected_in(plan, name):
            enough = probability_enough(
                group.n_recruited, group.n_planned, assumption.loss, assumption.loss_based_on
            )
            if enough < plan.decision.assurance:
                needed = needed_recruits(
                    group.n_planned, assumption.loss, plan.decision.assurance, assumption.loss_based_on
                )
                yield document.fault(
                    ("groups", name, "n_recruited"),
                    f"leaves {group.n_planned} people with probability {enough:.2f} only, when "
                    f"{assumption.loss:.0%} are lost (measures.{measure}.assumptions)",
                    got=str(group.n_recruited),
                    accepted=f"at least {needed} for {plan.decision.assurance:.2f}",
                )


def warn_without_assumptions(plan: Plan, document: Document) -> Iterator[Fault]:
    """Chances need assumptions."""
    for item in expand(plan):
        measure = plan.measures[item.hypothesis.measure]
        missing = [group for group in item.groups if group not in (measure.assumptions or {})]
        if missing and not item.hypothesis.exploratory:
            yield document.fault(
                ("measures", item.hypothesis.measure),
                f"has no assumptions for {listed(missing)}: what {item.id} can decide is unknown",
                at_key=True,
            )


def warn_about_sessions(plan: Plan, document: Document) -> Iterator[Fault]:
    """Sessions that are possible but long."""
    yield from session_warnings(plan, document)


def warn_about_motion(plan: Plan, document: Document) -> Iterator[Fault]:
    """Motion belongs beside the deciding analysis: adjusting for it can remove, or make, a group difference."""
    for name, m in plan.measures.items():
        for i, covariate in enumerate(m.covariates):
            if re.search(r"(^|_)(fd|motion|displacement)(_|$)", covariate.name.casefold()):
                yield document.fault(
                    ("measures", name, "covariates", i),
                    f"puts motion ('{covariate.name}') into the deciding analysis",
                    way_out="the primary result is usually the one without it; the report shows both",
                )


RULES: tuple[Rule, ...] = (names_exist, groups_are_apart, hypotheses_are_complete, pairs_are_prepared)
LATER_RULES: tuple[Rule, ...] = (
    response_times_are_a_range,
    equivalence_is_prepared,
    models_fit,
    enough_studies_are_drawn,
    sessions_hold_together,
    markers_are_clear,
    clips_are_used,
    enough_are_recruited,
    regions_are_prepared,
    values_suit_the_model,
    trial_types_are_apart,
)
WARNINGS: tuple[Rule, ...] = (warn_without_assumptions, warn_about_sessions, warn_about_motion)
