"""Worlds: what is true of the virtual people, and what the verdict must therefore be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.evidence.verdict import Verdict
from protocols.base.errors import UsageError, did_you_mean, fail, listed
from protocols.plan.expanding import expand
from protocols.plan.promises import Plan

MET_BY = {
    "equivalent": (
        "equivalent",
        "trivial",
    ),  # a planted zero shows an accidental, tiny difference with probability alpha
    "different": ("different",),
}


@dataclass(frozen=True)
class World:
    """A planted truth.

    Attributes
    ----------
    effects
        True effect of ``ai - live`` by measure and group, in the measure's unit.
    cartoon
        True effect of ``cartoon - live``, the positive control and the exploratory contrast.
    response
        True response of each group to live action (percent signal), against fixation.
    """

    name: str
    effects: Mapping[str, Mapping[str, float]]
    cartoon: Mapping[str, float]
    response: Mapping[str, float]

    def planted(self, plan: Plan) -> dict[str, str]:
        """What every confirmatory hypothesis must come out as."""
        found = {}
        for item in expand(plan, confirmatory=True):
            effects = self.effects[item.hypothesis.measure]
            true = sum(
                weight * effects[group] for weight, group in zip(item.weights, item.groups, strict=True)
            )
            found[item.id] = "equivalent" if true == 0 else "different"
        return found


def make_world(plan: Plan, truth: str) -> World:
    """The world of a name: ``none`` plants no effect anywhere, ``different`` the effects the plan expects."""
    if truth not in ("none", "different"):
        raise fail(
            UsageError,
            "truth",
            "is not a world",
            got=truth,
            accepted=listed(("none", "different")),
            way_out=did_you_mean(truth, ("none", "different")),
        )
    effects = {
        name: {
            group: assumed.expected if truth == "different" else 0.0
            for group, assumed in (measure.assumptions or {}).items()
        }
        for name, measure in plan.measures.items()
    }
    return World(truth, effects, {"sees": 3.0, "dmpfc": -0.15}, {"child": 0.35, "adult": 0.35})


def came_out_as_planted(verdict: Verdict, world: World, plan: Plan) -> dict[str, bool]:
    """For every confirmatory hypothesis, whether the verdict found what was planted."""
    planted = world.planted(plan)
    return {record.id: record.outcome in MET_BY[planted[record.id]] for record in verdict.confirmatory()}


def trivial_by_chance(verdict: Verdict, world: World, plan: Plan) -> list[str]:
    """Confirmatory hypotheses of which nothing was planted and chance shows a difference, too small to matter."""
    planted = world.planted(plan)
    return [
        record.id
        for record in verdict.confirmatory()
        if planted[record.id] == "equivalent" and record.outcome == "trivial"
    ]
