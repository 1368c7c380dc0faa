"""The sentences of the verdict: what a result says, and what it does not show."""

from __future__ import annotations

from analysis.evidence.controls import ControlResult
from analysis.evidence.estimates import Estimate
from analysis.evidence.outcomes import Magnitude, Outcome, Tests
from analysis.evidence.verdict import SpreadRecord
from analysis.evidence.wording import amount, capital, digits_for, p_value, percent, share, unit_words
from protocols.plan.expanding import Expanded, label_of, model_of, session_of
from protocols.plan.measuring import Measure
from protocols.plan.promises import POOLED, Plan

FEWEST_SCENES = 12
RANDOM_GENERATORS = 5


def scope_of(plan: Plan, item: Expanded, n_scenes: int | None) -> str:
    """What the estimate generalizes to: "for these scenes", or scenes of that kind (INFERENCE 2)."""
    if model_of(plan, item.hypothesis) == "by_person" or n_scenes is None or n_scenes < FEWEST_SCENES:
        return "for these scenes"
    return "scenes of this kind"


def people_words(plan: Plan, item: Expanded) -> str:
    """The people of a hypothesis: ``children``, ``children and adults``."""
    return " and ".join(label_of(plan, "group", group) for group in item.groups)


def effect_words(plan: Plan, item: Expanded) -> str:
    """The effect as a formula in words: ``AI-generated − live action``."""
    h = item.hypothesis
    if h.contrast:
        first, second = (label_of(plan, "condition", name) for name in h.contrast)
        difference = f"{second} − {first}"
        if h.effect == "group_by_condition":
            a, b = (label_of(plan, "group", group) for group in item.groups)
            return f"({difference}), {b} − {a}"
        return difference
    what = label_of(plan, "condition", h.condition) if h.condition else "value"
    if h.effect == "group":
        a, b = (label_of(plan, "group", group) for group in item.groups)
        return f"{what}, {b} − {a}"
    return f"{what} − {amount(h.against)}" if h.against else what


def numbers(estimate: Estimate, tests: Tests, unit: str) -> str:
    """Estimate, both intervals and how many: the bracket of every sentence."""
    people = sum(estimate.n_people.values())
    scenes = f", {estimate.n_scenes} scenes" if estimate.n_scenes else ""
    digits = digits_for(estimate.se)
    intervals = "; ".join(
        f"{percent(ci.level)} CI {amount(ci.low, digits)} to {amount(ci.high, digits)}"
        for ci in (tests.ci_difference, tests.ci_equivalence)
    )
    return f"{amount(estimate.value, digits)} {unit_words(unit)} ({intervals}; {people} people{scenes})"


def says(
    plan: Plan,
    item: Expanded,
    estimate: Estimate | None,
    tests: Tests | None,
    *,
    bound: float | None,
    outcome: Outcome,
    magnitude: Magnitude | None,
    qualifier: str | None,
    reason: str | None,
    p_difference: float | None,
    adjusted: bool = False,
    spread: SpreadRecord | None = None,
) -> str:
    """One sentence or two: the effect with its numbers, then the outcome in the words it allows."""
    h = item.hypothesis
    measure = plan.measures[h.measure]
    name, who = label_of(plan, "measure", h.measure), people_words(plan, item)
    if estimate is None or tests is None:
        return f"{capital(name)} of {who}: not estimable, because {reason}."
    subject = f"{capital(name)} of {who}: {effect_words(plan, item)} was {numbers(estimate, tests, measure.in_unit)}"
    inside = f"±{amount(bound)} {unit_words(measure.in_unit)}" if bound else ""
    if qualifier == "scale-dependent":
        return (
            f"{subject}. The groups differ in their response to all clips, and relative to it the difference is not "
            "kept: scale-dependent, undecided."
        )
    if outcome == "different":
        size = {
            "exceeds_bound": f", and by more than the bound of {inside}",
            "size_undecided": f"; whether by more than the bound of {inside} is undecided",
            None: "",
        }[magnitude]
        if qualifier:
            size += ", as the positive control was not passed"
        return f"{subject}: different from 0 ({p_value(p_difference)}){size}."
    if outcome == "equivalent":
        both = f"inside the bound of {inside} (both one-sided {_at_most(tests)})"
        return f"{subject}, {both}: equivalent, {_for_whom(spread, measure.in_unit)}."
    if outcome == "trivial":
        both = f"inside the bound of {inside} (both one-sided {_at_most(tests)})"
        whom = _for_whom(spread, measure.in_unit)
        return f"{subject}: different from 0 ({p_value(p_difference)}), yet {both}: trivial, {whom}."
    if qualifier and qualifier.startswith("equivalent"):
        return (
            f"{subject}, inside the bound of {inside}, but the positive control was not passed: equivalence cannot be "
            "interpreted, undecided."
        )
    asked = {
        "difference": "no difference was shown, and its absence was not asked for",
        "equivalence": f"equivalence within {inside} was not shown, and a difference was not asked for",
        "both": f"neither a difference nor equivalence within {inside} was shown",
    }[h.asks]
    among = ", adjusted for the other hypotheses of its family" if adjusted else ""
    return f"{subject}: {asked}{among}, undecided."


def _for_whom(spread: SpreadRecord | None, unit: str) -> str:
    """On average, or for nearly everyone, where the spread over people is inside its bound."""
    if spread is None or spread.outcome != "inside" or spread.bound is None:
        return "on average over people"
    digits = digits_for(spread.bound / 10)
    level = percent(spread.level or 0.0)
    return (
        f"and so is the spread over people, with an SD of {amount(spread.sd, digits)} {unit_words(unit)} (upper "
        f"{level} limit {amount(spread.upper_limit, digits)}, bound {amount(spread.bound)})"
    )


def _at_most(tests: Tests) -> str:
    p = tests.p_equivalence
    return "p n/a" if p is None else p_value(p) if p < 0.001 else p_value(p).replace("p =", "p ≤")


def does_not_show(
    plan: Plan,
    item: Expanded,
    outcome: Outcome,
    control: ControlResult | None,
    codec: str,
    n_scenes: int | None,
    spread: SpreadRecord | None = None,
) -> tuple[str, ...]:
    """What a reader might conclude and must not.

    Parameters
    ----------
    codec
        ``agrees``, ``disagrees`` or ``absent``: whether ai − codec_control says the same as ai − live.
    """
    h, measure = item.hypothesis, plan.measures[item.hypothesis.measure]
    found: list[str] = []
    null = outcome in ("equivalent", "trivial")
    if outcome == "not_estimable":
        return ("Anything: there is no estimate.",)
    if outcome == "undecided":
        found.append(
            "That there is no difference: too little was seen to say either; a large p is no evidence of absence."
        )
    if null and measure.level == "conscious":
        found.append("That they could not tell if asked in another way: it holds when asked in this way.")
    seen = _seen_before(plan, measure)
    if seen:
        found.append(
            f"How people judge clips they see for the first time: these had been shown in session '{seen}'."
        )
    if null and measure.level == "neural":
        found.append("That no other region, time or pattern distinguishes the versions.")
    if null:
        found.append(_nearly_everyone(measure, spread))
    if null and control is not None and control.outcome == "passed":
        found.append("Sensitivity to differences smaller than the positive control's.")
    if outcome == "different" and _about_generation(plan, item):
        sentence = {
            "absent": "That generation is the cause: without a codec control the clips' processing may be.",
            "disagrees": "That generation is the cause: the comparison with the codec control does not say the same.",
            "agrees": "",
        }[codec]
        found.append(sentence)
    if _about_labels(plan, item):
        found.append(
            "Anything about what differs in the items themselves: what differed was the label beside them."
        )
    if h.effect in ("group_by_condition", "group") and outcome == "different":
        found.append("That age is the cause: groups differ in more than age (motion, attention, experience).")
    if scope_of(plan, item, n_scenes) == "for these scenes":
        few = n_scenes is not None and n_scenes < FEWEST_SCENES
        why = (
            f"there are fewer than {FEWEST_SCENES}" if few else "their variation is not in the standard error"
        )
        found.append(f"Anything about other scenes: the result is for these scenes ({why}).")
    found.append(_generators(plan, item))
    return tuple(sentence for sentence in found if sentence)


def _nearly_everyone(measure: Measure, spread: SpreadRecord | None) -> str:
    """Whether a null mean speaks for single people."""
    if spread is not None and spread.outcome == "inside":
        if spread.share_beyond is None or spread.limit is None:
            return "That no single person differs: people vary."
        implied = share(spread.share_beyond)
        return (
            f"That no single person differs: mean and spread as estimated imply {implied} of people beyond "
            f"±{amount(spread.limit)} {unit_words(measure.in_unit)}."
        )
    why = "no bound on the spread over people was declared"
    if spread is not None and spread.outcome == "not_shown":
        limit = amount(spread.upper_limit, digits_for((spread.bound or 1.0) / 10))
        why = f"the spread over people was not shown to lie below its bound (upper limit {limit})"
    elif measure.spread:
        why = "the spread over people was not tested against its bound"
    return f"That it holds for nearly everyone: {why}, so it holds on average."


def _seen_before(plan: Plan, measure: Measure) -> str | None:
    """The earlier session whose clips are judged again, if so (INFERENCE 12, memory)."""
    session = session_of(plan, measure) if measure.level == "conscious" else None
    return session.items.same_as if session and session.items else None


def _about_generation(plan: Plan, item: Expanded) -> bool:
    roles = [plan.conditions[name].role for name in item.hypothesis.contrast or () if name in plan.conditions]
    return roles == ["reference", "contrast"]


def _about_labels(plan: Plan, item: Expanded) -> bool:
    return any(
        plan.conditions[name].role == "label"
        for name in item.hypothesis.contrast or ()
        if name in plan.conditions
    )


def _generators(plan: Plan, item: Expanded) -> str:
    """How far the result reaches over generators; sentences name them (INFERENCE 12)."""
    if not any(
        plan.conditions[n].role == "contrast" for n in item.hypothesis.contrast or () if n in plan.conditions
    ):
        return ""
    names = plan.stimuli.generators if plan.stimuli else ()
    if not names:
        return "Anything about other generators than the ones used; the plan does not name them."
    if len(names) == 1:
        return f"Anything about other generators: it holds for {names[0]} only."
    if len(names) < RANDOM_GENERATORS or plan.decision.generators.scope != "random_if_5":
        return f"Anything about generators other than {', '.join(names)}."
    return f"Anything about generators other than {', '.join(names)}: they were not a random factor in this analysis."


def pooled_note(item: Expanded) -> str:
    """Pooled groups count equally, whatever their sizes."""
    return "groups weighted equally" if item.group == POOLED else ""
