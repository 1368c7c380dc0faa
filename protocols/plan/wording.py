"""What sentences call the parts of a plan: units, numbers, ages, hypotheses."""

from __future__ import annotations

from protocols.plan.expanding import FIXATION, Expanded, bound_of, control_contrast, label_of
from protocols.plan.measuring import DPRIMES, PAIRS, Control, Measure
from protocols.plan.promises import POOLED, Plan

UNIT_SIGN = {
    "dprime": "d′",
    "percent_signal": "%",
    "proportion": "",
    "points": "points",
    "log_s": "log s",
    "microvolt": "µV",
    "fisher_z": "Fisher z",
}
STATISTIC_WORDS = {
    "dprime": "d′ (marginal over scenes)",
    "dprime_per_person": "d′ per person",
    "dprime_same_different": "d′ per person (same–different)",
    "dprime_forced_choice": "d′ per person (forced choice)",
    "proportion": "proportion of answers",
    "rating": "rating",
    "log_response_time": "log response time",
    "percent_signal_change": "percent signal change",
    "amplitude": "amplitude",
    "isc": "intersubject correlation",
    "value": "value",
}


def quantity(value: float, unit: str) -> str:
    """A number with its unit as sentences have it: ``0.1 %``, ``0.3 d′``, ``0.05``."""
    number = f"{value:g}".replace("-", "−")
    return f"{number} {UNIT_SIGN.get(unit, unit)}".strip()


def within(value: float, unit: str) -> str:
    """A symmetric bound as sentences have it: ``±0.1 %``."""
    return f"±{quantity(value, unit)}"


def age_range(months: tuple[int, int]) -> str:
    """A half-open range of months in years and months, its last month included.

    Examples
    --------
    >>> age_range((48, 84))
    'from 4 years to 6 years 11 months'
    """
    return f"from {_age(months[0])} to {_age(months[1] - 1)}"


def _age(months: int) -> str:
    years, rest = divmod(months, 12)
    parts = ((years, "year"), (rest, "month"))
    return " ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in parts if n) or "birth"


def capital(text: str) -> str:
    """The text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def contrast_words(plan: Plan, contrast: tuple[str, str]) -> str:
    """``compared − reference``: the effect is always the second minus the first."""
    reference, compared = (label_of(plan, "condition", name) for name in contrast)
    return f"{compared} − {reference}"


def people_words(plan: Plan, item: Expanded) -> str:
    """Whom it is about: ``adults``, ``children and adults together``, ``adults compared with children``."""
    names = [label_of(plan, "group", name) for name in item.groups]
    if item.weights == (-1.0, 1.0):
        return f"{names[1]} compared with {names[0]}"
    if item.group == POOLED:
        return f"{' and '.join(names)} together"
    return names[0]


def sentence(plan: Plan, item: Expanded) -> str:
    """A hypothesis as a sentence without its full stop.

    Examples
    --------
    ``H2 Adults: percent signal change in dmPFC differs between AI-generated and live action (AI-generated −
    live action), or is equivalent within ±0.1 %``
    """
    h, measure = item.hypothesis, plan.measures[item.hypothesis.measure]
    what = label_of(plan, "measure", h.measure)
    bound = bound_of(plan, h)
    margin = f"within {within(bound.value, measure.in_unit)}" if bound else "within a bound still to be named"
    subject, differs, same = what, "", ""
    if h.effect in ("condition", "group_by_condition") and h.contrast:
        reference, compared = (label_of(plan, "condition", name) for name in h.contrast)
        minus = contrast_words(plan, h.contrast)
    else:
        reference = compared = minus = ""
        if h.condition is not None:
            subject = f"{what} for {label_of(plan, 'condition', h.condition)}"
    if h.effect == "condition" and measure.statistic in DPRIMES:
        subject = f"{what} ({minus})"
        differs, same = "differs from 0", f"is equivalent to 0 {margin}"
    elif h.effect == "condition":
        differs = f"differs between {compared} and {reference} ({minus})"
        same = f"is equivalent {margin}"
        if h.asks == "equivalence":
            same = f"is equivalent for {compared} and {reference} ({minus}) {margin}"
    elif h.effect == "level":
        fixed = quantity(h.against, measure.in_unit)
        differs, same = f"differs from {fixed}", f"is equivalent to {fixed} {margin}"
    else:
        first, second = (label_of(plan, "group", name) for name in item.groups)
        if h.effect == "group_by_condition":
            subject = f"the difference {minus} in {what}"
        differs = f"differs between {second} and {first} ({second} − {first})"
        same = f"is equivalent {margin}"
        if h.asks == "equivalence":
            same = f"is equivalent for {second} and {first} ({second} − {first}) {margin}"
    claim = {"difference": differs, "equivalence": same, "both": f"{differs}, or {same}"}[h.asks]
    return f"{item.id} {capital(people_words(plan, item))}: {subject} {claim}"


def control_words(plan: Plan, measure: Measure, control: Control) -> str:
    """What a positive control demands, in words."""
    contrast = control_contrast(plan, measure, control)
    minus = contrast_words(plan, contrast) if contrast else "a contrast still to be named"
    if contrast and measure.statistic in PAIRS and contrast[0] == FIXATION:
        minus = f"d′ for {label_of(plan, 'condition', contrast[1])}"
    side = "above" if control.direction == "above" else "below"
    sign = 1.0 if control.direction == "above" else -1.0
    if isinstance(control.minimum, dict):
        limits = ", ".join(
            f"{quantity(sign * minimum, measure.in_unit)} ({label_of(plan, 'group', group)})"
            for group, minimum in control.minimum.items()
        )
    else:
        limits = quantity(sign * control.minimum, measure.in_unit)
    trials = " in the catch trials" if control.trials == "catch_trials" else ""
    return f"{minus}{trials} must lie {side} {limits}, by its one-sided limit"
