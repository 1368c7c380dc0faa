"""The spread of people's effects beside its bound: "cannot tell" needs both, the mean and the spread (INFERENCE 3)."""

from __future__ import annotations

from analysis.evidence.case import Case
from analysis.evidence.verdict import SpreadRecord
from analysis.models import Spread, share_beyond
from protocols.base.tables import rounded
from protocols.plan.measuring import DPRIMES, Measure

NOTICEABLE = 0.5
"""A person's d' beyond which they plainly tell the versions apart, one way or the other."""


def spread_record(measure: Measure, case: Case) -> SpreadRecord | None:
    """The spread of a hypothesis' people, that of the group in which it is widest; None where none is bounded."""
    if measure.spread is None or case.item.hypothesis.effect != "condition":
        return None
    bound = measure.spread.value
    evidence = case.evidence
    if not evidence.spreads:
        reason = (
            "there is no estimate"
            if evidence.estimate is None
            else "tests over people cannot tell spread from trial noise; the crossed model can"
        )
        return SpreadRecord(outcome="not_tested", bound=bound, reason=reason)
    failed = {group: found for group, found in evidence.spreads.items() if isinstance(found, str)}
    for group, reason in failed.items():
        return SpreadRecord(outcome="not_tested", bound=bound, group=group, reason=reason)
    tested = {group: found for group, found in evidence.spreads.items() if isinstance(found, Spread)}
    group, widest = max(tested.items(), key=lambda pair: (pair[1].p, pair[1].sd))
    limit = NOTICEABLE if measure.statistic in DPRIMES else bound
    mean = evidence.estimate.value if evidence.estimate and len(tested) == 1 else None
    return SpreadRecord(
        outcome="inside" if widest.below else "not_shown",
        bound=bound,
        group=group,
        sd=rounded(widest.sd),
        p=rounded(widest.p),
        upper_limit=rounded(widest.upper),
        level=rounded(widest.level),
        limit=limit,
        share_beyond=None if mean is None else rounded(share_beyond(mean, widest.sd, limit)),
        method=how(widest),
    )


def how(spread: Spread) -> str:
    """Where the test's p comes from."""
    if spread.n == 0:
        return (
            "signed root of the profile likelihood, against a normal distribution around its approximate mean"
        )
    lost = f", {spread.failed} of them without an estimate" if spread.failed else ""
    return (
        f"signed root of the profile likelihood, against {spread.n:,} studies with the SD at the bound{lost}"
    )
