"""Result tables of the crossed models: every parameter, the way to the model that stands, the tests of the spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis.evidence.case import Case
from analysis.evidence.spreads import how
from analysis.models import Fit, Spread

MODEL_COLUMNS = ("hypothesis", "part", "group", "effect", "other", "value", "se", "df")
REDUCTION_COLUMNS = ("hypothesis", "place", "model", "converged", "singular", "reason")
SPREAD_COLUMNS = (
    "hypothesis", "group", "sd", "bound", "root", "p", "upper_limit", "level", "below", "method", "reason",
)  # fmt: skip


def model_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Fixed effects, SDs, correlations, residual SDs, criterion and sizes of each hypothesis' model."""
    rows: list[dict[str, Any]] = []
    for case in cases:
        if case.evidence.crossed is not None:
            fit = case.evidence.crossed.fit
            rows += [
                {"hypothesis": case.item.id, **row} for row in (*_fixed(fit), *_random(fit), *_sizes(fit))
            ]
    return rows


def _fixed(fit: Fit) -> list[dict[str, Any]]:
    return [
        {"part": "fixed", "effect": row.effect, "value": row.estimate, "se": row.se, "df": row.df}
        for row in fit.fixed.itertuples()
    ]


def _random(fit: Fit) -> list[dict[str, Any]]:
    return [
        {
            "part": row.quantity,
            "group": row.group,
            "effect": row.effect,
            "other": row.other,
            "value": row.value,
        }
        for row in fit.random.itertuples()
    ]


def _sizes(fit: Fit) -> list[dict[str, Any]]:
    criterion = "REML criterion" if fit.model.linear and fit.model.reml else "log-likelihood"
    value = fit.criterion if fit.model.linear and fit.model.reml else fit.loglik
    levels = [{"part": "levels", "group": group, "value": count} for group, count in fit.levels.items()]
    return [{"part": criterion, "value": value}, {"part": "rows", "value": fit.n}, *levels]


def reduction_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Each model of the sealed order that was tried, and why the next was or it stands."""
    return [
        {
            "hypothesis": case.item.id,
            "place": place,
            "model": one.model,
            "converged": int(one.converged),
            "singular": int(one.singular),
            "reason": one.reason,
        }
        for case in cases
        if case.evidence.crossed is not None
        for place, one in enumerate(case.evidence.crossed.tried, start=1)
    ]


def spread_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The test of people's spread against its bound, per hypothesis and group."""
    rows: list[dict[str, Any]] = []
    for case in cases:
        for group, found in case.evidence.spreads.items():
            head = {"hypothesis": case.item.id, "group": group}
            rows.append(
                {**head, **_tested(found)} if isinstance(found, Spread) else {**head, "reason": found}
            )
    return rows


def _tested(spread: Spread) -> dict[str, Any]:
    return {
        "sd": spread.sd,
        "bound": spread.bound,
        "root": spread.root,
        "p": spread.p,
        "upper_limit": spread.upper,
        "level": spread.level,
        "below": int(spread.below),
        "method": how(spread),
    }
