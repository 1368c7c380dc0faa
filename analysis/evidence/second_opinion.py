"""The same t tests by an independent program (pingouin): a check that is printed, not a second decision.

pingouin's ``cohen_d`` is unsigned, its ``BF10`` is text, its intervals are rounded and its column names changed
between versions; only T, degrees of freedom and p are read here, by either name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.evidence.outcomes import run_tests
from analysis.evidence.question import Evidence, Question

AGREES_WITHIN = 1e-6


@dataclass(frozen=True)
class Opinion:
    """What the other program says of one hypothesis."""

    hypothesis: str
    program: str
    t: float
    df: float
    p: float
    our_t: float
    our_df: float
    our_p: float
    agrees: bool


def second_opinion(question: Question, evidence: Evidence) -> Opinion | None:
    """Recompute the test over people with pingouin; None where it has no such test (covariates, pooled groups)."""
    weights = question.item.weights
    if evidence.by_person is None or question.measure.covariates or (len(weights) > 1 and sum(weights) != 0):
        return None
    import pingouin

    values = list(evidence.effects.by_group(question.item.groups).values())
    table = (
        pingouin.ttest(values[0], 0.0)
        if len(values) == 1
        else pingouin.ttest(values[1], values[0], correction=True)
    )
    row = table.iloc[0]
    p_column = "p_val" if "p_val" in table.columns else "p-val"
    t, df, p = float(row["T"]), float(row["dof"]), float(row[p_column])
    estimate = evidence.by_person
    our_p = run_tests(estimate, bound=None, alpha=0.05, alpha_equivalence=0.05).p_raw
    ours = (estimate.value / estimate.se, estimate.df, our_p)
    agrees = all(
        math.isclose(a, b, rel_tol=AGREES_WITHIN, abs_tol=1e-12)
        for a, b in zip((t, df, p), ours, strict=True)
    )
    return Opinion(question.item.id, f"pingouin {pingouin.__version__}", t, df, p, *ours, agrees)
