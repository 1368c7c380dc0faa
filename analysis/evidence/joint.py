"""The joint table: what people say beside what their brains do, group by group (INFERENCE 6 and 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from analysis.evidence.families import MEETS_EQUIVALENCE, counts_as, family_outcome
from analysis.evidence.outcomes import Outcome
from analysis.evidence.verdict import HypothesisRecord, JointRecord
from protocols.base.errors import listed
from protocols.plan.expanding import label_of
from protocols.plan.promises import POOLED, Plan

DISSOCIATION = "Dissociation: not tested; it needs the direct comparison of both sensitivities."
Claim = Literal[
    "none",
    "neither_distinguishes",
    "both_distinguish",
    "only_reports_distinguish",
    "neural_difference_without_discrimination",
]


def joint_table(plan: Plan, records: Sequence[HypothesisRecord]) -> list[JointRecord]:
    """One row for each pair of a conscious and a neural confirmatory hypothesis on the same groups and contrast."""
    rows = []
    worth = _worth(plan, records)
    central = [record for record in records if not record.exploratory and _is_central(plan, record)]
    for conscious in central:
        for neural in central:
            if conscious.level == "conscious" and neural.level == "neural" and _alike(conscious, neural):
                parts = [r for r in central if r.level == "neural" and _alike(r, conscious)]
                rows.append(_row(plan, conscious, neural, worth, parts))
    return rows


def _alike(record: HypothesisRecord, other: HypothesisRecord) -> bool:
    """Whether both are about the same people and conditions."""
    return (record.group, record.groups, record.contrast) == (other.group, other.groups, other.contrast)


def _worth(plan: Plan, records: Sequence[HypothesisRecord]) -> dict[str, Outcome]:
    """What each hypothesis may contribute: of a family that claims ``all``, only what all its members say."""
    worth = {record.id: counts_as(record.outcome, record.asks) for record in records}
    for name, family in plan.families.items():
        members = [record.id for record in records if record.family == name]
        if family.claim == "all" and members:
            joint = family_outcome("all", {member: worth[member] for member in members})
            worth |= {m: joint for m in members if joint is not None and worth[m] != "not_estimable"}
    return worth


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """A composite: equivalent only if every part is, different if any part is (INFERENCE 6)."""
    if "different" in outcomes:
        return "different"
    return "equivalent" if all(outcome in MEETS_EQUIVALENCE for outcome in outcomes) else "undecided"


def _is_central(plan: Plan, record: HypothesisRecord) -> bool:
    """Live action against its AI version, within one group or all of them."""
    if record.effect != "condition" or record.contrast is None:
        return False
    return [plan.conditions[name].role for name in record.contrast if name in plan.conditions] == [
        "reference",
        "contrast",
    ]


def _row(
    plan: Plan,
    conscious: HypothesisRecord,
    neural: HypothesisRecord,
    worth: Mapping[str, Outcome],
    parts: Sequence[HypothesisRecord],
) -> JointRecord:
    who = "people" if conscious.group == POOLED else label_of(plan, "group", conscious.group)
    measured = label_of(plan, "measure", neural.measure)
    control = _control(conscious, neural)
    claim, says = _claim(who, measured, conscious, neural, control, worth)
    not_shown = [DISSOCIATION]
    brain = together([worth[part.id] for part in parts]) if len(parts) > 1 else None
    if brain is not None:
        names = listed(label_of(plan, "measure", part.measure) for part in parts)
        words = {"different": "at least one differed", "equivalent": "each was equivalent"}.get(
            brain, "undecided"
        )
        says += f" Over all neural measures of {who} ({names}): {words}."
        if brain != "equivalent" and worth[neural.id] in MEETS_EQUIVALENCE:
            not_shown.append(
                "That their brains do not distinguish the versions: not every part is equivalent."
            )
    if plan.sessions:
        order = [session.name for session in plan.sessions]
        first, second = (plan.measures[record.measure].session for record in (neural, conscious))
        if first and second and order.index(first) < order.index(second):
            not_shown.append("What people could tell during the scan: they were asked afterwards.")
    if claim != "none" and any(r.scope == "for these scenes" for r in (conscious, neural)):
        not_shown.append("Anything about other scenes.")
    return JointRecord(
        group=conscious.group,
        conscious_hypothesis=conscious.id,
        neural_hypothesis=neural.id,
        conscious=conscious.outcome,
        neural=neural.outcome,
        control=control,
        neural_together=brain,
        claim=claim,
        says=says,
        does_not_show=tuple(not_shown),
    )


def _control(conscious: HypothesisRecord, neural: HypothesisRecord) -> str:
    outcomes = [record.control.outcome if record.control else "none" for record in (conscious, neural)]
    if outcomes == ["passed", "passed"]:
        return "passed"
    return "; ".join(
        f"{record.measure}: {outcome}" for record, outcome in zip((conscious, neural), outcomes, strict=True)
    )


def _and_their_spread(conscious: HypothesisRecord) -> str:
    inside = conscious.spread is not None and conscious.spread.outcome == "inside"
    return ", and the spread of their answers lies below its bound" if inside else ""


def _why_open(record: HypothesisRecord, worth: Mapping[str, Outcome]) -> str:
    words = record.outcome.replace("_", " ")
    if worth[record.id] == record.outcome:
        return words
    if counts_as(record.outcome, record.asks) != record.outcome:
        return f"{words}, but equivalence was not asked for"
    return f"{words}, but only family {record.family} as a whole counts, and it is {worth[record.id]}"


def _claim(
    who: str,
    measured: str,
    conscious: HypothesisRecord,
    neural: HypothesisRecord,
    control: str,
    worth: Mapping[str, Outcome],
) -> tuple[Claim, str]:
    undecided = [r for r in (conscious, neural) if worth[r.id] in ("undecided", "not_estimable")]
    if undecided:
        open_ones = " and ".join(f"{record.id} ({_why_open(record, worth)})" for record in undecided)
        return "none", f"Nothing joint can be said about {who}: {open_ones}."
    tells, responds = (worth[record.id] == "different" for record in (conscious, neural))
    same_tells, same_responds = (worth[record.id] in MEETS_EQUIVALENCE for record in (conscious, neural))
    if tells and responds:
        return "both_distinguish", f"Both {who} and their {measured} distinguished the versions."
    if same_tells and same_responds:
        return "neither_distinguishes", (
            f"Neither {who}, when asked, nor their {measured} distinguished the versions by as much as the bounds, "
            f"on average over people{_and_their_spread(conscious)}."
        )
    if tells and same_responds:
        return "only_reports_distinguish", (
            f"{who.capitalize()} told the versions apart, while their {measured} did not differ by as much as its "
            "bound, on average."
        )
    if conscious.spread is None or conscious.spread.outcome != "inside":
        shown = conscious.spread is not None and conscious.spread.outcome == "not_shown"
        return "none", (
            f"The {measured} of {who} differed while their mean answers did not by as much as the bound; a neural "
            "difference without demonstrable discrimination is not claimed, because the spread of people's answers was "
            f"{'not shown to lie below' if shown else 'not tested against'} its bound."
        )
    if control != "passed":
        return (
            "none",
            f"The {measured} of {who} differed while their answers did not, but a positive control was not passed.",
        )
    return "neural_difference_without_discrimination", (
        f"The {measured} of {who} differed between the versions although they did not demonstrably tell them apart."
    )
