"""The gate: how far the arms of a set lie apart, feature by feature, against tolerances declared beforehand.

The clips of a set *are* the stimuli, so nothing is inferred here (INFERENCE 12): the set's mean paired difference and
its largest single-pair difference are facts about the material that people will see.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from protocols.plan.materials import Tolerance
from stimuli.matching.paired import Paired, exceeds, mean_difference

Outcome = Literal["within", "mean_outside", "worst_outside", "both_outside", "not_measured", "no_tolerance"]


@dataclass(frozen=True)
class GateRow:
    """One feature of one contrast.

    Attributes
    ----------
    contrast, feature, unit
        What was compared with the reference, in which feature; the unit of all its numbers.
    pairs
        Pairs in which both clips have a value.
    mean
        Mean paired difference, contrast − reference; NaN without such a pair.
    worst, worst_pair
        The largest single-pair difference, with its sign, and the pair's name (the first by name among equals);
        NaN and None without such a pair.
    outside
        Pairs beyond the tolerance of the worst.
    tolerance_mean, tolerance_worst
        Of the plan; NaN where it has none.
    not_measured
        (pair, arms without a value).
    outcome
        `not_measured` if any pair lacks a value, whatever the others say: what was promised of every pair cannot
        be shown, and a feature that one arm has and the other lacks (sound) is itself a mismatch.
    """

    contrast: str
    feature: str
    unit: str
    pairs: int
    mean: float
    worst: float
    worst_pair: str | None
    outside: tuple[str, ...]
    tolerance_mean: float
    tolerance_worst: float
    not_measured: tuple[tuple[str, tuple[str, ...]], ...]
    outcome: Outcome


def judge(paired: Paired, tolerances: Mapping[str, Tolerance]) -> tuple[GateRow, ...]:
    """Every feature's mean and worst difference against its tolerance, the toleranced ones first.

    Parameters
    ----------
    paired
        The pairs, toleranced features in their tolerances' units (`paired.in_units_of`).
    tolerances
        Of the plan, by feature. A tolerance of 0 asks for identity. Features without one are shown, not judged.
    """
    order = [*tolerances, *(name for name in paired.features if name not in tolerances)]
    return tuple(_row(paired, name, tolerances.get(name)) for name in order)


def passes(rows: Iterable[GateRow]) -> bool | None:
    """Whether every toleranced feature is within its tolerance; None where nothing has a tolerance."""
    outcomes = [row.outcome for row in rows if row.outcome != "no_tolerance"]
    return all(outcome == "within" for outcome in outcomes) if outcomes else None


def _row(paired: Paired, name: str, tolerance: Tolerance | None) -> GateRow:
    differences = paired.differences[:, paired.features.index(name)]
    measured = ~np.isnan(differences)
    mean, worst, pair = mean_difference(differences[measured]), math.nan, None
    if measured.any():
        at = int(np.nanargmax(np.abs(differences)))
        worst, pair = float(differences[at]), paired.pairs[at]
    missing = paired.missing(name)
    outside: tuple[str, ...] = ()
    outcome: Outcome = "no_tolerance"
    if tolerance is not None:
        outside = tuple(
            pair
            for pair, value in zip(paired.pairs, differences, strict=True)
            if exceeds(value, tolerance.worst)
        )
        outcome = "not_measured" if missing else _outcome(exceeds(mean, tolerance.mean), bool(outside))
    return GateRow(
        paired.contrast,
        name,
        paired.units[name],
        int(measured.sum()),
        mean,
        worst,
        pair,
        outside,
        math.nan if tolerance is None else tolerance.mean,
        math.nan if tolerance is None else tolerance.worst,
        missing,
        outcome,
    )


def _outcome(mean_outside: bool, worst_outside: bool) -> Outcome:
    if mean_outside and worst_outside:
        return "both_outside"
    if mean_outside:
        return "mean_outside"
    return "worst_outside" if worst_outside else "within"
