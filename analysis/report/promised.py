"""The plan's part of the page: what was asked, of whom, by which rule."""

from __future__ import annotations

from analysis.evidence.wording import amount, capital, percent, unit_words
from analysis.report.saved import Study
from analysis.report.words import CLAIM_WORDS, ROLE_WORDS
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of, model_of
from protocols.plan.measuring import CHOICES
from protocols.plan.promises import Plan
from protocols.plan.wording import STATISTIC_WORDS, age_range, control_words

MODEL_WORDS = {
    "by_person": "tests over people, with people random and the scenes fixed",
    "crossed_mixed": "a mixed model in which people and scenes are both random",
}


def groups(plan: Plan) -> Grid:
    """Who was to take part."""
    rows = [
        (
            capital(label_of(plan, "group", name)),
            age_range(group.age_months) if group.age_months else "not given",
            str(group.n_planned),
            str(group.n_recruited or "not given"),
        )
        for name, group in plan.groups.items()
    ]
    return Grid("Groups", ("Group", "Age", "People planned", "To be invited"), rows, frozenset({2, 3}))


def conditions(plan: Plan) -> Grid:
    """What was to be shown."""
    rows = [
        (capital(label_of(plan, "condition", name)), words)
        for role, words in ROLE_WORDS.items()
        for name, condition in plan.conditions.items()
        if condition.role == role
    ]
    return Grid("Conditions", ("Condition", "Role"), rows)


def measures(plan: Plan) -> Grid:
    """What was to be measured, with the bound and its reason."""
    rows = []
    for name, measure in plan.measures.items():
        bound = measure.bound
        rows.append(
            (
                capital(label_of(plan, "measure", name)),
                measure.level,
                STATISTIC_WORDS[measure.statistic],
                f"±{amount(bound.value)} {unit_words(measure.in_unit)}" if bound else "none",
                capital(bound.because) if bound else "",
                "; ".join(control_words(plan, measure, control) for control in measure.controls) or "none",
            )
        )
    columns = ("Measure", "Level", "Statistic", "Bound", "Why this bound", "Positive control")
    return Grid("Measures", columns, rows)


def families(study: Study) -> Grid:
    """Which hypotheses are decided together, and what they may say as a whole."""
    rows = [
        (
            family.name,
            ", ".join(family.members),
            capital(CLAIM_WORDS["family"][family.claim]),
            family.says,
        )
        for family in study.verdict.families
    ]
    return Grid("Families", ("Family", "Hypotheses", "Rule", "Outcome"), rows)


def _choices(plan: Plan) -> str:
    """Where the p-values of crossed models of choices come from."""
    crossed = [
        plan.measures[h.measure].statistic in CHOICES
        for h in plan.hypotheses.values()
        if model_of(plan, h) == "crossed_mixed"
    ]
    if not any(crossed):
        return ""
    if plan.decision.choices == "fast":
        return (
            " For choices its p-values are Student’s t with the fewest of people per group and items, less 1."
        )
    return f" For choices its p-values come from {plan.decision.bootstrap_samples:,} studies drawn from it."


def decision_rule(plan: Plan) -> str:
    """How numbers become outcomes, in words."""
    decision = plan.decision
    inner = percent(1 - 2 * decision.alpha_equivalence)
    return (
        f"Each hypothesis has one deciding analysis; unless it names another, "
        f"{MODEL_WORDS[decision.deciding_model]}.{_choices(plan)} A difference is shown when its two-sided p, "
        f"adjusted within the family, is at most {decision.alpha:g}. Equivalence is shown when both one-sided tests "
        f"against the bound give p ≤ {decision.alpha_equivalence:g} after the same adjustment; for one hypothesis "
        f"alone this means that the {inner} interval lies wholly inside the bound. Both together make a "
        "trivial difference; neither leaves the hypothesis undecided. Equivalence counts only if the measure passed "
        "its positive control."
    )
