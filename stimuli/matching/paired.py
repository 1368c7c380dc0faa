"""Two arms side by side: for every pair the values of both clips, as numbers that can be subtracted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocols.base.errors import Fault, InputError, PlanError, did_you_mean, fail, listed
from protocols.base.tables import SIGNIFICANT_DIGITS, rounded
from protocols.plan.materials import Tolerance

FloatArray = NDArray[np.float64]
Conversions = Mapping[tuple[str, str], float]

KEYS = ("clip", "pair_id", "arm", "role", "scene", "sha256")
"""Columns that say which clip it is; every other one is a feature."""
REQUIRED = ("clip", "pair_id", "arm")


@dataclass(frozen=True, eq=False)
class Paired:
    """The pairs that have a clip in both arms.

    Attributes
    ----------
    reference, contrast
        Names of the two arms; a difference is contrast − reference.
    pairs
        Names of the N complete pairs, sorted, so that the order of rows in the table changes nothing.
    clips
        (clip of the reference, clip of the contrast) of every pair.
    features
        Names of the F features, in the table's order.
    units
        Unit of each feature.
    first, second
        Values of the reference's and the contrast's clips, (N, F), at nine significant digits as the tables
        have them; NaN where a feature could not be measured.
    incomplete
        (pair, the arm it has no clip in), sorted.
    """

    reference: str
    contrast: str
    pairs: tuple[str, ...]
    clips: tuple[tuple[str, str], ...]
    features: tuple[str, ...]
    units: Mapping[str, str]
    first: FloatArray
    second: FloatArray
    incomplete: tuple[tuple[str, str], ...] = ()

    @cached_property
    def differences(self) -> FloatArray:
        """Contrast − reference, (N, F), NaN where either is missing; what the tables show as equal differs by 0."""
        return subtract(self.second, self.first)

    def only(self, features: Sequence[str]) -> Paired:
        """The same pairs with some of the features."""
        at = [self.features.index(name) for name in features]
        units = {name: self.units[name] for name in features}
        first, second = self.first[:, at], self.second[:, at]
        return replace(self, features=tuple(features), units=units, first=first, second=second)

    def missing(self, feature: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(pair, arms in which it could not be measured) for one feature."""
        at = self.features.index(feature)
        gaps = zip(np.isnan(self.first[:, at]), np.isnan(self.second[:, at]), strict=True)
        arms = [
            (*([self.reference] if one else []), *([self.contrast] if other else [])) for one, other in gaps
        ]
        return tuple((pair, lacking) for pair, lacking in zip(self.pairs, arms, strict=True) if lacking)


def pair_up(features: pd.DataFrame, units: Mapping[str, str], *, reference: str, contrast: str) -> Paired:
    """Put the clips of two arms side by side.

    Parameters
    ----------
    features
        One row per clip: clip, pair_id, arm (role, scene and sha256 may be there) and one column of numbers per
        feature, NaN where it could not be measured. Infinite values count as not measured: no difference can be
        taken from them.
    units
        Unit of every feature; units of features that the table does not have are ignored.
    reference, contrast
        The two arms.

    Raises
    ------
    InputError
        For a missing column, a feature without a unit or with text in it, an arm that no clip has, a pair with
        two clips in one arm, or when no pair is complete.
    """
    names = feature_names(features, units)
    clips = {arm: clips_of(features, arm) for arm in (reference, contrast)}
    both = sorted(set(clips[reference]) & set(clips[contrast]))
    if not both:
        raise fail(
            InputError,
            "pairs",
            f"none has a clip in both '{reference}' and '{contrast}'",
            got=f"{reference}: {listed(clips[reference])}; {contrast}: {listed(clips[contrast])}",
            accepted="the same pair_id for the versions of one scene",
            way_out="correct pair_id; clips that come without pairs can be paired by their features first",
        )
    lacking = [(pair, contrast) for pair in clips[reference] if pair not in clips[contrast]]
    lacking += [(pair, reference) for pair in clips[contrast] if pair not in clips[reference]]
    return Paired(
        reference,
        contrast,
        tuple(both),
        tuple(
            (
                str(features["clip"].iloc[clips[reference][pair]]),
                str(features["clip"].iloc[clips[contrast][pair]]),
            )
            for pair in both
        ),
        names,
        {name: units[name] for name in names},
        values_of(features.iloc[[clips[reference][pair] for pair in both]], names),
        values_of(features.iloc[[clips[contrast][pair] for pair in both]], names),
        tuple(sorted(lacking)),
    )


def feature_names(features: pd.DataFrame, units: Mapping[str, str]) -> tuple[str, ...]:
    """Names of a table's features, once it has the columns it needs and every feature has a unit."""
    columns = [str(name) for name in features.columns]
    faults = [
        Fault(
            "features", f"have no column '{name}'", got=listed(columns), way_out=did_you_mean(name, columns)
        )
        for name in REQUIRED
        if name not in columns
    ]
    names = tuple(name for name in columns if name not in KEYS)
    faults += [
        Fault(
            f"feature '{name}'",
            "has no unit",
            accepted=listed(units),
            way_out=did_you_mean(name, units) or "give its unit, or leave the column out",
        )
        for name in names
        if name not in units
    ]
    if not names:
        faults.append(Fault("features", "have no column with a feature", got=listed(columns)))
    if faults:
        raise InputError(faults)
    return names


def rows_of_arm(features: pd.DataFrame, arm: str) -> NDArray[np.intp]:
    """Positions of an arm's rows; an InputError if there are none."""
    rows = np.flatnonzero((features["arm"] == arm).to_numpy())
    if not len(rows):
        known = sorted({str(name) for name in features["arm"].dropna()})
        raise fail(
            InputError,
            f"arm '{arm}'",
            "has no clip",
            accepted=listed(known),
            way_out=did_you_mean(arm, known),
        )
    return rows


def clips_of(features: pd.DataFrame, arm: str) -> dict[str, int]:
    """Row of every pair's clip in one arm, by the pair's name; rows without a pair_id are left out."""
    found: dict[str, int] = {}
    for row in rows_of_arm(features, arm):
        pair = features["pair_id"].iloc[row]
        if pd.isna(pair):
            continue
        if str(pair) in found:
            two = ", ".join(str(features["clip"].iloc[at]) for at in (found[str(pair)], row))
            raise fail(
                InputError,
                f"pair '{pair}'",
                f"has two clips in arm '{arm}'",
                got=two,
                accepted="one clip per pair and arm",
                way_out="take one of them out of the set",
            )
        found[str(pair)] = int(row)
    return found


def values_of(rows: pd.DataFrame, names: Sequence[str]) -> FloatArray:
    """Values of some features, (rows, features), at nine significant digits; NaN for what is not finite."""
    columns = []
    for name in names:
        try:
            column = rows[name].astype(float).to_numpy()
        except (TypeError, ValueError) as error:
            raise fail(
                InputError, f"feature '{name}'", f"holds what is not a number: {error}", accepted="1.25, n/a"
            ) from error
        columns.append(np.where(np.isfinite(column), column, math.nan))
    return nine_digits(np.column_stack(columns) if columns else np.empty((len(rows), 0)))


def in_units_of(
    paired: Paired, tolerances: Mapping[str, Tolerance], conversions: Conversions | None = None
) -> Paired:
    """The same pairs with every toleranced feature in the unit of its tolerance.

    Parameters
    ----------
    paired
        The pairs.
    tolerances
        Tolerance of each feature, as the plan has them.
    conversions
        Factor from a feature's unit to a tolerance's, by (feature's unit, tolerance's unit):
        ``{("widths_s", "deg_s"): 12.0}`` for a picture that is 12 degrees wide.

    Raises
    ------
    PlanError
        For each tolerance of a feature that does not exist, or in a unit the feature does not have.
    """
    factors = conversions or {}
    scale = np.ones(len(paired.features))
    units = dict(paired.units)
    faults = []
    for name, tolerance in tolerances.items():
        item = f"stimuli.matching.{name}"
        if name not in paired.features:
            faults.append(
                Fault(
                    item,
                    "is not a feature that was measured",
                    accepted=listed(paired.features, limit=60),
                    way_out=did_you_mean(name, paired.features),
                )
            )
            continue
        have, want = paired.units[name], tolerance.unit
        if have == want:
            continue
        accepted = [have, *sorted(to for source, to in factors if source == have)]
        if want not in accepted:
            faults.append(
                Fault(
                    f"{item}.unit",
                    f"is not a unit of {name}",
                    got=want,
                    accepted=listed(accepted),
                    way_out=did_you_mean(want, accepted) or f"state the tolerance in {have}",
                )
            )
            continue
        scale[paired.features.index(name)] = factors[have, want]
        units[name] = want
    if faults:
        raise PlanError(faults)
    first, second = nine_digits(paired.first * scale), nine_digits(paired.second * scale)
    return replace(paired, units=units, first=first, second=second)


def nine_digits(values: FloatArray) -> FloatArray:
    """Values at the nine significant digits that tables have."""
    flat = [float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0 for value in values.ravel()]
    return np.array(flat, dtype=np.float64).reshape(values.shape)


def subtract(second: FloatArray, first: FloatArray) -> FloatArray:
    """second − first, subtracted as the decimal numbers that tables have: 0.3 − 0.1 is 0.2, without binary noise."""
    pairs = zip(second.ravel(), first.ravel(), strict=True)
    flat = [
        math.nan if math.isnan(b) or math.isnan(a) else float(Decimal(repr(b)) - Decimal(repr(a)))
        for b, a in ((float(b), float(a)) for b, a in pairs)
    ]
    return np.array(flat, dtype=np.float64).reshape(first.shape)


def mean_difference(differences: FloatArray) -> float:
    """Mean of some measured differences, added as decimal numbers: 0.1, 0.2 and −0.3 have the mean 0. NaN for none."""
    if not len(differences):
        return math.nan
    total = sum((Decimal(repr(float(value))) for value in differences), Decimal(0))
    return float(total / len(differences))


def exceeds(value: float, tolerance: float) -> bool:
    """Whether a difference lies outside a tolerance, both at nine significant digits; NaN does not."""
    return abs(rounded(value) or 0.0) > (rounded(tolerance) or 0.0)
