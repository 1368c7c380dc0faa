"""What a statistic can be asked: which analysis decides on it, and what the d' of pairs needs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from protocols.base.errors import Fault, listed
from protocols.document import Document, Path_
from protocols.plan.expanding import PSEUDO_CONDITIONS, control_contrast, expand, model_of, session_of
from protocols.plan.measuring import CHOICES, DPRIMES, PAIRS, Measure
from protocols.plan.promises import Hypothesis, Plan

ONE_PER_PERSON = {
    "proportion": "it estimates d' from choices, not their share",
    "isc": "there is one value per person, and no scene",
    **dict.fromkeys(PAIRS, "there is one value per person, and no scene"),
}


def models_fit(plan: Plan, document: Document) -> Iterator[Fault]:
    """The deciding model can decide on that statistic."""
    for item in expand(plan):
        h, m = item.hypothesis, plan.measures[item.hypothesis.measure]
        model = model_of(plan, h)
        path: Path_ = ("hypotheses", item.name)
        if model == "by_person" and m.statistic == "dprime":
            yield document.fault(
                path,
                "has statistic 'dprime' (marginal over scenes), which only the crossed model gives",
                at_key=True,
                accepted="deciding_model: crossed_mixed, or statistic: dprime_per_person",
            )
        if model == "crossed_mixed" and m.statistic == "dprime_per_person":
            yield document.fault(
                path,
                "has statistic 'dprime_per_person', which the crossed model does not use",
                at_key=True,
                accepted="statistic: dprime, or deciding_model: by_person",
            )
        if model == "crossed_mixed" and m.statistic in ONE_PER_PERSON:
            yield document.fault(
                path,
                f"has statistic '{m.statistic}', which the crossed model cannot decide: {ONE_PER_PERSON[m.statistic]}",
                at_key=True,
                accepted="deciding_model: by_person",
            )
        if m.statistic in DPRIMES and h.effect in ("group", "level"):
            yield document.fault(
                (*path, "effect"), "d' needs two conditions", accepted="condition, group_by_condition"
            )
        if m.statistic in DPRIMES and set(h.contrast or ()) & set(PSEUDO_CONDITIONS):
            yield document.fault(
                (*path, "contrast"),
                "d' needs two conditions that were shown",
                got=str(list(h.contrast or ())),
            )
    for name, m in plan.measures.items():
        for control in m.controls if m.statistic in DPRIMES else ():
            contrast = control_contrast(plan, m, control) or ()
            if set(contrast) & set(PSEUDO_CONDITIONS):
                yield document.fault(
                    ("measures", name, "control"),
                    "d' needs two conditions that were shown",
                    at_key=True,
                    got=str(list(contrast)),
                )


def pairs_are_prepared(plan: Plan, document: Document) -> Iterator[Fault]:
    """The d' of pairs has a rule, a task of pairs, and questions that one value per person can answer."""
    rule: Path_ = ("analysis", "beh", "same_different_rule")
    made_here = [m.statistic for m in plan.measures.values() if m.measured_elsewhere is None]
    if "dprime_same_different" in made_here and plan.analysis.beh.same_different_rule is None:
        yield document.fault(
            rule,
            "is missing, and dprime_same_different depends on it",
            accepted="differencing (pairs change from trial to trial), likelihood_ratio (one pair again and again)",
            way_out="answers do not tell which rule people used: name it before there are data",
        )
    elsewhere = any(m.statistic == "dprime_same_different" for m in plan.measures.values())
    if plan.analysis.beh.same_different_rule is not None and not elsewhere:
        yield document.fault(rule, "means nothing without a measure of dprime_same_different")
    references = {name for name, condition in plan.conditions.items() if condition.role == "reference"}
    for name, m in plan.measures.items():
        if m.statistic not in PAIRS:
            continue
        yield from _task_of_pairs(plan, document, name, m)
        for control in m.controls:
            yield from _compared(
                document, ("measures", name, "control"), control_contrast(plan, m, control), references
            )
        if m.bound is not None and m.statistic == "dprime_same_different":
            yield _near_chance(document, ("measures", name, "bound"), "means nothing for")
    for name, h in plan.hypotheses.items():
        own = plan.measures.get(h.measure)
        if own is not None and own.statistic in PAIRS:
            yield from _asked_of_pairs(document, ("hypotheses", name), h, own, references)


def _task_of_pairs(plan: Plan, document: Document, name: str, m: Measure) -> Iterator[Fault]:
    session = session_of(plan, m)
    if session is None:
        return
    tasks = [session.paradigm, *([session.then.paradigm] if session.then else [])]
    if PAIRS[m.statistic] not in tasks and m.measured_elsewhere is None:
        yield document.fault(
            ("measures", name, "session"),
            f"has no pairs for statistic '{m.statistic}'",
            got=f"'{session.name}': {listed(tasks)}",
            accepted=f"a session whose paradigm is {PAIRS[m.statistic]}",
        )


def _compared(
    document: Document, path: Path_, contrast: tuple[str, str] | None, references: set[str]
) -> Iterator[Fault]:
    """The reference is in every pair, so it has no d' of its own."""
    wrong = sorted(set(contrast or ()) & references)
    if contrast and wrong:
        other = next((name for name in contrast if name not in references), "ai")
        yield document.fault(
            path,
            f"names '{wrong[0]}', which has no d' of its own: it is in every pair",
            got=str(list(contrast)),
            accepted=f"[fixation, {other}]: the d' of '{other}' above 0",
        )


def _asked_of_pairs(
    document: Document, path: Path_, h: Hypothesis, m: Measure, references: set[str]
) -> Iterator[Fault]:
    yield from _compared(document, (*path, "contrast"), h.contrast, references)
    if h.effect in ("level", "group") and (h.condition is None or h.condition in references):
        yield document.fault(
            (*path, "condition"),
            f"has no d' of its own: '{h.condition}' is in every pair"
            if h.condition
            else "is missing: the d' of pairs is that of one compared version",
            at_key=True,
            accepted="condition: the version that was compared, for example ai",
        )
    if m.statistic != "dprime_same_different":
        return
    if h.bound is not None:
        yield _near_chance(document, (*path, "bound"), "means nothing for")
    if h.asks != "difference":
        yield _near_chance(document, (*path, "asks"), "is more than can be asked of", got=h.asks)
    if h.effect == "level" and h.against != 0:
        yield _near_chance(document, (*path, "against"), "means nothing for", got=f"{h.against:g}")


def _near_chance(document: Document, path: Path_, problem: str, *, got: str = "") -> Fault:
    """People's same-different d' is pulled towards 0: no bound, and no value but 0, can be tested with its mean."""
    return document.fault(
        path,
        f"{problem} dprime_same_different: near chance its mean over people is far below their d' "
        "(.2 where d' is .5, with 24 + 24 pairs)",
        accepted="asks: difference, against 0 or between groups, without a bound",
        way_out="for equivalence, use dprime_forced_choice (paradigm pair_comparison)",
        got=got,
    )


def _is_drawn(plan: Plan, h: Hypothesis) -> bool:
    """Whether a hypothesis takes p-values from studies drawn from a model: choices, or the spread over people."""
    measure = plan.measures[h.measure]
    drawn = measure.statistic in CHOICES and plan.decision.choices == "bootstrap"
    return model_of(plan, h) == "crossed_mixed" and (drawn or measure.spread is not None)


def enough_studies_are_drawn(plan: Plan, document: Document) -> Iterator[Fault]:
    """A bootstrap can show no p below 1 / (samples + 1): the strictest level of any family must be within reach."""
    decision = plan.decision
    if not any(_is_drawn(plan, item.hypothesis) for item in expand(plan)):
        return
    members = [sum(item.hypothesis.family == name for item in expand(plan)) for name in plan.families]
    tail = min(decision.alpha / 2, decision.alpha_equivalence) / max([1, *members])
    needed = math.ceil(1 / tail) - 1
    if decision.bootstrap_samples < needed:
        yield document.fault(
            ("decision", "bootstrap_samples"),
            "cannot reach the level: with so many studies no p can be small enough",
            at_key=True,
            got=str(decision.bootstrap_samples),
            accepted=f">= {needed}, for alpha {decision.alpha:g} in a family of {max([1, *members])}",
        )
