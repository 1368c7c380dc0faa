"""What would bring a hypothesis that cannot be decided to its chance: more people, more scenes, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from protocols.plan.chances import Chance, chance_of
from protocols.plan.expanding import Expanded, expand, model_of
from protocols.plan.promises import Plan
from protocols.plan.wording import quantity

Verdict = Literal["equivalent", "different"]
MOST_PEOPLE = 1000
MOST_SCENES = 480
JOINT_FACTORS = (1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)


def too_low(chance: Chance, least: float) -> list[Verdict]:
    """Which verdicts a hypothesis asks for and reaches too rarely."""
    reached: dict[Verdict, float | None] = {
        "equivalent": chance.equivalent_if_none,
        "different": chance.different_if_expected,
    }
    return [verdict for verdict, value in reached.items() if value is not None and value < least]


def below(plan: Plan) -> Iterator[tuple[Expanded, Chance, list[Verdict]]]:
    """Confirmatory hypotheses with a chance below ``decision.min_probability``, and for which verdicts."""
    for item in expand(plan, confirmatory=True):
        chance = chance_of(plan, item)
        missing = too_low(chance, plan.decision.min_probability)
        if missing:
            yield item, chance, missing


def resized(plan: Plan, item: Expanded, *, people: float = 1.0, scenes: float = 1.0) -> Plan:
    """The plan with so many times the people in a hypothesis's groups and so many times the scenes."""
    groups = dict(plan.groups)
    for name in item.groups:
        n = round(plan.groups[name].n_planned * people)
        groups[name] = plan.groups[name].model_copy(update={"n_planned": n})
    stimuli = plan.stimuli
    if stimuli is not None:
        # what one person sees stays as it is where the plan says so: a visit has only so many minutes
        stimuli = stimuli.model_copy(update={"pairs": round(stimuli.pairs * scenes)})
    return plan.model_copy(update={"groups": groups, "stimuli": stimuli})


def help_for(plan: Plan, item: Expanded, verdict: Verdict) -> str:
    """What would help a hypothesis to a verdict, in one sentence; every number was tried in closed form.

    More people in its groups alone, more scenes alone, or both together. Where none of these is enough, the
    bound, the expected effect or the assumptions have to move.
    """
    least = plan.decision.min_probability
    now = max(plan.groups[name].n_planned for name in item.groups)
    pairs = plan.stimuli.pairs if plan.stimuli else None

    def enough(people: float, scenes: float) -> bool:
        larger = resized(plan, item, people=people, scenes=scenes)
        return verdict not in too_low(chance_of(larger, item), least)

    ways = []
    n = _smallest(lambda count: enough(count / now, 1.0), now, MOST_PEOPLE)
    if n is not None:
        ways.append(f"{n} people{' per group' if len(item.groups) > 1 else ''} instead of {now}")
    if pairs is not None and model_of(plan, item.hypothesis) == "crossed_mixed":
        m = _smallest(lambda count: enough(1.0, count / pairs), pairs, MOST_SCENES)
        if m is not None:
            ways.append(f"{m} pairs of clips instead of {pairs}")
        if not ways:
            factor = next((factor for factor in JOINT_FACTORS if enough(factor, factor)), None)
            if factor is not None:
                ways.append(f"{round(now * factor)} people with {round(pairs * factor)} pairs of clips")
    expected = chance_of(plan, item)
    asks_both = item.hypothesis.asks == "both" and verdict == "different"
    if asks_both and expected.expected is not None and expected.bound is not None:
        unit = plan.measures[item.hypothesis.measure].in_unit
        if abs(expected.expected) < expected.bound:
            ways.append(
                f"ask for equivalence only: the expected effect ({quantity(expected.expected, unit)}) lies "
                f"inside the bound ({quantity(expected.bound, unit)})"
            )
    if ways:
        return ", or ".join(ways)
    return "neither more people nor more clips: think about the bound, the assumptions, or another measure"


def _smallest(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number above `low` that is enough, or None when `high` is not; chances grow with size."""
    if not enough(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
