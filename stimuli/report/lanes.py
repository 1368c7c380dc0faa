"""What the matching plot draws: paired differences, scaled so that features can stand in one figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stimuli.features.catalog import definitions
from stimuli.matching.gate import GateRow
from stimuli.report.matched import Compared, Matching
from stimuli.report.saved import Saved
from stimuli.report.words import THEMES, word


@dataclass(frozen=True)
class Dot:
    """One pair in one feature.

    Attributes
    ----------
    pair
        Its name.
    difference
        Contrast − reference, in the feature's unit.
    at
        The same, scaled; infinite where the tolerance is 0 and the difference is not.
    outside
        Whether it is beyond the tolerance of a single pair.
    """

    pair: str
    difference: float
    at: float
    outside: bool = False


@dataclass(frozen=True)
class Lane:
    """One feature of one contrast.

    Attributes
    ----------
    feature, name, unit
        Which one, what it is called, and its unit.
    scale
        What is 1 on the axis: the tolerance of a single pair, or the SD over clips.
    dots
        Pairs in which both clips have a value.
    mean
        Mean difference, in the feature's unit.
    mean_limit
        Tolerance of the mean, scaled; NaN without tolerances.
    row
        The gate's row; None without tolerances.
    """

    feature: str
    name: str
    unit: str
    scale: float
    dots: tuple[Dot, ...]
    mean: float
    mean_limit: float = math.nan
    row: GateRow | None = None

    @property
    def mean_at(self) -> float:
        """The mean, scaled."""
        return scaled(self.mean, self.scale)

    @property
    def mean_outside(self) -> bool:
        """Whether the mean is beyond its tolerance."""
        if self.row is None or math.isnan(self.mean):
            return False
        if self.row.outcome == "not_measured":
            return abs(self.mean) > self.row.tolerance_mean
        return self.row.outcome in ("mean_outside", "both_outside")


def scaled(value: float, scale: float) -> float:
    """A difference in units of `scale`; infinite where that is 0 and the difference is not."""
    if math.isnan(value) or value == 0:
        return value
    return value / scale if scale > 0 else math.copysign(math.inf, value)


def toleranced(matching: Matching, compared: Compared) -> list[Lane]:
    """Lanes of features with a tolerance, in the plan's order."""
    return [
        Lane(
            row.feature,
            word(row.feature).name,
            row.unit,
            row.tolerance_worst,
            tuple(
                Dot(pair, value, scaled(value, row.tolerance_worst), pair in row.outside)
                for pair, value in _measured(matching.differences, compared.contrast, row.feature)
            ),
            row.mean,
            _share(row),
            row,
        )
        for row in compared.judged
    ]


def _share(row: GateRow) -> float:
    return row.tolerance_mean / row.tolerance_worst if row.tolerance_worst > 0 else 0.0


def _measured(differences: pd.DataFrame, contrast: str, feature: str) -> list[tuple[str, float]]:
    own = differences[(differences["contrast"] == contrast) & (differences["feature"] == feature)]
    return [
        (str(pair), float(value))
        for pair, value in zip(own["pair_id"], own["difference"], strict=True)
        if not math.isnan(value)
    ]


def others(saved: Saved, contrast: str, spread: Mapping[str, float], besides: Iterable[str]) -> list[Lane]:
    """Lanes of features without a tolerance, theme by theme, in SDs over the set's clips.

    Parameters
    ----------
    saved
        The set.
    contrast
        The arm that is compared with the reference.
    spread
        SD over the clips by feature; where it is 0 or not known there is no lane.
    besides
        Features that have a lane already.
    """
    known, reference = definitions(), saved.reference
    order = [name for theme in THEMES for name in theme.features if name in known]
    order += [name for name in known if name not in order]
    done, lanes = set(besides), []
    for name in order:
        sd = spread.get(name, math.nan)
        if name in done or not sd > 0:
            continue
        found = []
        for pair, versions in saved.pairs.items():
            if reference in versions and contrast in versions:
                first, second = (versions[arm].values.get(name, math.nan) for arm in (reference, contrast))
                if not math.isnan(second - first):
                    found.append(Dot(pair, second - first, (second - first) / sd))
        if found:
            mean = float(np.mean([dot.difference for dot in found]))
            lanes.append(Lane(name, word(name).name, known[name].unit, sd, tuple(found), mean))
    return lanes


def as_table(lanes: Iterable[Lane]) -> pd.DataFrame:
    """What a figure of these lanes shows, number by number."""
    rows: list[tuple[object, ...]] = []
    for lane in lanes:
        head = (lane.feature, lane.unit, lane.scale)
        for dot in lane.dots:
            outside = int(dot.outside) if lane.row else None
            rows.append((*head, "pair", dot.pair, dot.difference, _finite(dot.at), outside))
        outside = int(lane.mean_outside) if lane.row else None
        rows.append((*head, "mean", None, lane.mean, _finite(lane.mean_at), outside))
    columns = ["feature", "unit", "one_on_the_axis", "what", "pair_id", "difference", "scaled", "outside"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
