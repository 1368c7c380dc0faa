"""Everything about the match of a set, from a table of features and the plan's tolerances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from protocols.base.errors import InputError, UsageError, did_you_mean, fail, listed
from protocols.plan.materials import LeakTest, Tolerance
from stimuli.matching.covariates import residual_covariates
from stimuli.matching.equivalence import Equivalence, equivalences
from stimuli.matching.gate import GateRow, judge, passes
from stimuli.matching.leak import Leak, leak_test
from stimuli.matching.paired import Conversions, Paired, exceeds, in_units_of, pair_up
from stimuli.matching.what_if import WhatIf, what_if

Overall = Literal["matched", "not_shown_clean", "leaks", "mismatched", "no_tolerances"]
DIFFERENCES = (
    "contrast",
    "pair_id",
    "feature",
    "unit",
    "reference_value",
    "contrast_value",
    "difference",
    "tolerance_worst",
    "outside",
)


@dataclass(frozen=True)
class Comparison:
    """One contrast arm against the reference.

    Attributes
    ----------
    contrast
        The arm.
    pairs
        Names of the complete pairs, sorted; everything else is about these.
    incomplete
        (pair, the arm it has no clip in).
    gate
        One row per feature, those with a tolerance first.
    passes
        Whether every toleranced feature is within; None without tolerances.
    what_if
        Which pairs to drop; None where the gate passes or there are no tolerances.
    equivalence
        Two one-sided tests of the toleranced features.
    leak
        The leak test.
    """

    contrast: str
    pairs: tuple[str, ...]
    incomplete: tuple[tuple[str, str], ...]
    gate: tuple[GateRow, ...]
    passes: bool | None
    what_if: WhatIf | None
    equivalence: tuple[Equivalence, ...]
    leak: Leak


@dataclass(frozen=True, eq=False)
class Matching:
    """How well the arms of a set match.

    Attributes
    ----------
    verdict
        The worst over contrasts of `mismatched` (a toleranced feature is not within), `leaks` (all are, but a machine
        tells the arms apart), `not_shown_clean` (the leak test cannot tell, or has too few pairs) and `matched`;
        `no_tolerances` if the plan has none.
    reference, contrasts
        Arms compared.
    comparisons
        What was found, contrast by contrast.
    differences
        One row per contrast, pair and feature; columns `DIFFERENCES`.
    covariates
        What the analysis must carry: clip, pair_id, arm, covariate, value.
    tolerances, max_auc, seed, leak_features
        The settings that made these numbers.
    labels
        What sentences call the arms.
    """

    verdict: Overall
    reference: str
    contrasts: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    differences: pd.DataFrame
    covariates: pd.DataFrame
    tolerances: Mapping[str, Tolerance]
    max_auc: float | None
    seed: int
    leak_features: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def gate(self) -> tuple[GateRow, ...]:
        """Gate rows of all contrasts."""
        return tuple(row for one in self.comparisons for row in one.gate)

    @property
    def leaks(self) -> tuple[Leak, ...]:
        """Leak tests of all contrasts."""
        return tuple(one.leak for one in self.comparisons)

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the covariates the analysis must carry."""
        return tuple(dict.fromkeys(self.covariates["covariate"]))

    def sentences(self) -> list[str]:
        """What was found, in plain English, a line each; what is wrong stands first."""
        from stimuli.matching.wording import lines

        return lines(self)

    def methods(self) -> str:
        """A paragraph for a paper's methods section."""
        from stimuli.matching.methods import paragraph

        return paragraph(self)


def match(
    features: pd.DataFrame,
    units: Mapping[str, str],
    *,
    tolerances: Mapping[str, Tolerance] | None,
    leak: LeakTest | None,
    reference: str,
    contrasts: Sequence[str],
    seed: int,
    conversions: Conversions | None = None,
    leak_features: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Matching:
    """Compare arms with the reference: gate, what-if, equivalence, leak test, covariates.

    Parameters
    ----------
    features
        One row per clip: clip, pair_id, arm (role, scene, sha256 may be there) and one column of numbers per feature,
        NaN where it could not be measured.
    units
        Unit of every feature.
    tolerances, leak
        Of the plan; None where it has none.
    reference, contrasts
        The arms: each contrast is compared with the reference.
    seed
        Of the plan.
    conversions
        Factor from a feature's unit to a tolerance's, by (feature's unit, tolerance's unit).
    leak_features
        Features the leak test may use; all of them if absent. The fewer they are, the smaller a leak it can find, but
        they must be chosen before their values are seen.
    labels
        What sentences call the arms; ``{"ai": "AI"}`` and the arms' names if absent.

    Raises
    ------
    InputError
        If the table is not what it should be; see `paired.pair_up`.
    PlanError
        For a tolerance of an unknown feature or in a unit it does not have.
    UsageError
        For no contrast, or the reference as one.
    """
    limits = dict(tolerances or {})
    _check_arms(reference, contrasts)
    paired = [
        in_units_of(pair_up(features, units, reference=reference, contrast=contrast), limits, conversions)
        for contrast in contrasts
    ]
    used = _leak_features(paired[0].features, leak_features)
    max_auc = leak.max_auc if leak else None
    comparisons = tuple(_compare(one, limits, max_auc, seed, used) for one in paired)
    return Matching(
        _overall(comparisons),
        reference,
        tuple(contrasts),
        comparisons,
        _differences(paired, limits),
        residual_covariates(paired, [one.gate for one in comparisons], [one.leak for one in comparisons]),
        limits,
        max_auc,
        seed,
        used,
        {"ai": "AI", **(labels or {})},
    )


def _check_arms(reference: str, contrasts: Sequence[str]) -> None:
    if not contrasts or reference in contrasts or len(set(contrasts)) < len(contrasts):
        raise fail(
            UsageError,
            "arms to compare",
            "must be different ones, at least one beside the reference",
            got=f"reference {reference}; compared {listed(contrasts)}",
        )


def _leak_features(known: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None:
        return tuple(known)
    if not wanted:
        raise fail(UsageError, "features of the leak test", "are none", accepted=listed(known, limit=60))
    for name in wanted:
        if name not in known:
            raise fail(
                InputError,
                f"feature '{name}' of the leak test",
                "was not measured",
                accepted=listed(known, limit=60),
                way_out=did_you_mean(name, known),
            )
    return tuple(name for name in known if name in wanted)


def _compare(
    paired: Paired, limits: Mapping[str, Tolerance], max_auc: float | None, seed: int, used: Sequence[str]
) -> Comparison:
    gate = judge(paired, limits)
    passed = passes(gate)
    return Comparison(
        paired.contrast,
        paired.pairs,
        paired.incomplete,
        gate,
        passed,
        what_if(paired, limits) if passed is False else None,
        equivalences(paired, limits),
        leak_test(paired.only(used), max_auc=max_auc, seed=seed),
    )


def _overall(comparisons: Iterable[Comparison]) -> Overall:
    order: tuple[Overall, ...] = ("mismatched", "leaks", "no_tolerances", "not_shown_clean", "matched")
    return min((_verdict(one) for one in comparisons), key=order.index)


def _verdict(one: Comparison) -> Overall:
    if one.passes is False:
        return "mismatched"
    if one.leak.verdict == "leaks":
        return "leaks"
    if one.passes is None:
        return "no_tolerances"
    return "matched" if one.leak.verdict == "shown_clean" else "not_shown_clean"


def _differences(paired: Sequence[Paired], limits: Mapping[str, Tolerance]) -> pd.DataFrame:
    rows = []
    for one in paired:
        for i, pair in enumerate(one.pairs):
            for k, name in enumerate(one.features):
                value, limit = float(one.differences[i, k]), limits.get(name)
                judged = limit is not None and not np.isnan(value)
                rows.append(
                    (
                        one.contrast,
                        pair,
                        name,
                        one.units[name],
                        float(one.first[i, k]),
                        float(one.second[i, k]),
                        value,
                        limit.worst if limit else None,
                        exceeds(value, limit.worst) if limit and judged else None,
                    )
                )
    return pd.DataFrame(rows, columns=list(DIFFERENCES)).astype({"outside": object, "tolerance_worst": float})
