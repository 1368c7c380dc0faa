"""What the report calls outcomes, people and measures, and how it prints numbers in tables."""

from __future__ import annotations

import math

from analysis.evidence.outcomes import Outcome
from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, p_value
from protocols.plan.expanding import label_of
from protocols.plan.promises import POOLED, Plan

OUTCOME_WORDS: dict[Outcome, str] = {
    "different": "different",
    "equivalent": "equivalent",
    "trivial": "trivial",
    "undecided": "undecided",
    "not_estimable": "not estimable",
}
OUTCOME_MEANINGS: dict[Outcome, str] = {
    "different": "there is a difference",
    "equivalent": "any difference is too small to matter",
    "trivial": "there is a difference, and it is too small to matter",
    "undecided": "the data do not say",
    "not_estimable": "there is no estimate",
}
MAGNITUDE_WORDS = {"exceeds_bound": "exceeds the bound", "size_undecided": "size undecided"}
ROLE_WORDS = {
    "reference": "reference", "contrast": "compared with the reference", "positive_control": "positive control",
    "codec_control": "codec control", "familiarity_reference": "familiarity, reference",
    "familiarity_contrast": "familiarity, compared", "label": "the same item under another label",
}  # fmt: skip
CLAIM_WORDS = {
    "joint": {
        "none": "no joint claim",
        "neither_distinguishes": "neither distinguishes", "both_distinguish": "both distinguish",
        "only_reports_distinguish": "only reports distinguish",
        "neural_difference_without_discrimination": "neural difference without demonstrable discrimination",
    },
    "family": {
        "each": "each may be claimed by itself, adjusted by Holm over the members",
        "any": "one of them is enough, adjusted by Holm over the members",
        "all": "only the joint claim counts; every member must pass at the full level",
    },
}  # fmt: skip


def who_words(plan: Plan, record: HypothesisRecord) -> str:
    """The people of a hypothesis: ``children``, ``adults vs children``, ``children and adults, pooled``."""
    names = [label_of(plan, "group", group) for group in record.groups]
    if record.group == POOLED:
        return f"{' and '.join(names)}, pooled"
    return names[0] if len(names) == 1 else f"{names[1]} vs {names[0]}"


def measure_words(plan: Plan, record: HypothesisRecord) -> str:
    """The measure's label, with what is compared where that is not live action and its AI version."""
    label = label_of(plan, "measure", record.measure)
    if record.contrast is not None:
        roles = [plan.conditions[name].role for name in record.contrast if name in plan.conditions]
        if roles != ["reference", "contrast"]:
            first, second = (label_of(plan, "condition", name) for name in record.contrast)
            return f"{label} ({second} − {first})"
    elif record.condition is not None:
        return f"{label} for {label_of(plan, 'condition', record.condition)}"
    return label


def group_words(plan: Plan, group: str) -> str:
    """A group of the verdict in words, ``pooled`` and pairs too."""
    if group == POOLED:
        return "everybody"
    return " − ".join(label_of(plan, "group", part) for part in group.split(" - "))


def item_words(record: HypothesisRecord) -> str:
    """What a crossed model takes as its items: scenes, or clips where no scene was shown in both versions."""
    return "clips" if "people and clips random" in record.method else "scenes"


def drawn_p(p: float | None, samples: int | None, *, tails: int = 1, at: float | None = None) -> str:
    """A p-value as far as its reference distribution can show it.

    Parameters
    ----------
    samples
        Studies drawn from the model; None where the reference is Student's t. The smallest p is ``tails / (samples +
        1)``, and what lies there is "at most".
    at
        The unadjusted p, where `p` is adjusted: it says whether that is the smallest.
    """
    text = p_value(p)
    raw = p if at is None else at
    if p is None or raw is None or samples is None:
        return text
    # Studies that could not be fitted are not counted: up to 1 in 20 more than the smallest is still the smallest.
    return text.replace("=", "≤") if raw < 1.5 * tails / (samples + 1) else text


def bare(text: str) -> str:
    """A p-value without its letter, for a column that has it in its head."""
    return text.removeprefix("p ").removeprefix("= ")


def bayes_factor(value: float) -> str:
    """A Bayes factor as precise as it deserves to be."""
    if math.isnan(value):
        return "n/a"
    if value > 10_000:
        return "> 10,000"
    if value < 0.001:
        return "< 0.001"
    return amount(value) if value < 100 else f"{value:,.0f}"


def count(value: float | None) -> str:
    """A number of people or rows."""
    return "n/a" if value is None or math.isnan(value) else f"{value:,.0f}"
