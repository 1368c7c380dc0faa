"""What regions and scans need in a plan."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.base.errors import Fault, listed
from protocols.document import Document
from protocols.plan.expanding import model_of, session_of
from protocols.plan.promises import Plan


def regions_are_prepared(plan: Plan, document: Document) -> Iterator[Fault]:
    """A region belongs to a scan's percent signal change, with a rule for when it counts as measured."""
    for name, m in plan.measures.items():
        if m.roi is None or m.measured_elsewhere is not None:
            continue
        session = session_of(plan, m)
        if m.statistic != "percent_signal_change" or session is None or session.modality != "bold":
            yield document.fault(
                ("measures", name, "roi"),
                "is a region, and the measure is not made of a scan",
                accepted="statistic: percent_signal_change, and a session of modality 'bold'",
                way_out="if the values come from another program, say so in 'measured_elsewhere'",
            )
        if plan.exclusions.roi is None:
            yield document.fault(
                ("measures", name, "roi"),
                "has no rule for when a person's region counts as measured",
                accepted="exclusions: {roi: {min_coverage: 0.8, min_tsnr: 30}}",
                way_out="decide it before the data are seen: a region half outside the images gives a number too",
            )


def values_suit_the_model(plan: Plan, document: Document) -> Iterator[Fault]:
    """The crossed model needs a value per scene."""
    if plan.analysis.bold is None or plan.analysis.bold.scene_values != "none":
        return
    made = {name for name, m in plan.measures.items() if m.roi is not None and m.measured_elsewhere is None}
    crossed = [
        name
        for name, h in plan.hypotheses.items()
        if h.measure in made and model_of(plan, h) == "crossed_mixed"
    ]
    if crossed:
        yield document.fault(
            ("analysis", "bold", "scene_values"),
            f"leaves one value per condition, and {listed(crossed)} need one per scene",
            got="none",
            accepted="scene_values: lss, or deciding_model: by_person",
        )


def trial_types_are_apart(plan: Plan, document: Document) -> Iterator[Fault]:
    """A word in a scan's events means one condition."""
    meaning = {name: name for name in plan.conditions}
    for name, condition in plan.conditions.items():
        for i, word in enumerate(condition.trial_types or ()):
            if meaning.setdefault(word, name) != name:
                yield document.fault(
                    ("conditions", name, "trial_types", i),
                    f"means '{meaning[word]}' already",
                    got=word,
                    way_out="give each word to one condition",
                )
