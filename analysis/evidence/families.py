"""Families of hypotheses: which errors are controlled together (INFERENCE 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from analysis.evidence.outcomes import Asks, Outcome

Claim = Literal["any", "all", "each"]
MEETS_EQUIVALENCE: tuple[Outcome, ...] = ("equivalent", "trivial")


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979, Scand J Statist 6:65)."""
    m = len(p_values)
    adjusted = [0.0] * m
    largest = 0.0
    for rank, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (m - rank) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def adjust(claim: Claim, p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Adjusted p-values of a family's members.

    Parameters
    ----------
    claim
        ``all`` needs no adjustment (every member must pass at the level); ``any`` and ``each`` take Holm's.
    p_values
        By hypothesis; None for one that could not be estimated. It still counts, as if its p were 1: losing a
        hypothesis must not make the others easier.
    """
    if claim == "all":
        return dict(p_values)
    adjusted = holm([1.0 if p is None else p for p in p_values.values()])
    return {name: None if p is None else q for (name, p), q in zip(p_values.items(), adjusted, strict=True)}


def counts_as(outcome: Outcome, asks: Asks) -> Outcome:
    """What an outcome is worth in a joint claim.

    Equivalence that was not asked for takes ``different`` back (``trivial``) and claims nothing itself: it was neither
    adjusted nor gated by a positive control.
    """
    return "undecided" if asks == "difference" and outcome in MEETS_EQUIVALENCE else outcome


def family_outcome(claim: Claim, outcomes: Mapping[str, Outcome]) -> Outcome | None:
    """What a family as a whole may say.

    ``all``: ``equivalent`` if every member meets it, ``different`` if every member does, else ``undecided``.
    ``any``: ``different`` if at least one member is; its equivalence too needs every member. ``each`` has no joint
    outcome: its members speak for themselves.
    """
    if claim == "each":
        return None
    found = list(outcomes.values())
    if all(outcome in MEETS_EQUIVALENCE for outcome in found):
        return "equivalent"
    if all(outcome == "different" for outcome in found) or (claim == "any" and "different" in found):
        return "different"
    return "undecided"
