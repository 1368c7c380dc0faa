"""What the analysis must carry because the set is not matched in it: features outside tolerance, and the leak score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from stimuli.matching.gate import GateRow
from stimuli.matching.leak import Leak
from stimuli.matching.paired import Paired, nine_digits

COLUMNS = ("clip", "pair_id", "arm", "covariate", "value")
Row = tuple[str, str, str, str, float]


def residual_covariates(
    paired: Sequence[Paired], gates: Sequence[Sequence[GateRow]], leaks: Sequence[Leak]
) -> pd.DataFrame:
    """Covariates of every compared clip, tidy.

    Parameters
    ----------
    paired, gates, leaks
        Pairs, gate and leak test of each contrast, in one order; all share the reference.

    Returns
    -------
    DataFrame
        Columns clip, pair_id, arm, covariate, value.

        - ``<feature>`` for each feature with a tolerance that is not within it in some contrast: its value minus the
          mean over all compared clips, in the tolerance's unit; 0 for a clip in which it could not be measured.
        - ``<feature>_measured`` where it was measured in one version of a pair only: 1 or 0, minus the mean.
        - ``leak_<contrast>`` where the leak test ran and did not show the contrast clean: the out-of-fold score.
    """
    rows: list[Row] = []
    for name in _outside(gates):
        rows += _feature(name, paired)
    for leak in leaks:
        scores = [score for *_, score in leak.scores]
        if leak.verdict != "shown_clean" and any(scores):
            name = f"leak_{leak.contrast}"
            rows += [(clip, pair, arm, name, score) for clip, pair, arm, score in leak.scores]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def inseparable(covariates: pd.DataFrame, differences: pd.DataFrame, reference: str) -> tuple[str, ...]:
    """Covariates that differ in the same direction in every measured pair of a contrast, much as the arm itself does.

    Parameters
    ----------
    covariates
        As `residual_covariates` makes them.
    differences
        Columns contrast, feature and difference, NaN where not measured.
    reference
        The reference arm.
    """
    scores = covariates[(covariates["arm"] != reference) & covariates["covariate"].str.startswith("leak_")]
    columns = (
        differences[["feature", "contrast", "difference"]],
        scores[["covariate", "arm", "value"]],
    )
    values: dict[tuple[str, str], list[float]] = {}
    for frame in columns:
        for name, contrast, value in frame.itertuples(index=False, name=None):
            if not math.isnan(value):
                values.setdefault((name, contrast), []).append(value)
    stuck = {
        name
        for (name, _), found in values.items()
        if len(found) > 1 and abs(float(np.sign(found).sum())) == len(found)
    }
    return tuple(name for name in dict.fromkeys(covariates["covariate"]) if name in stuck)


def _outside(gates: Sequence[Sequence[GateRow]]) -> list[str]:
    judged = [row for rows in gates for row in rows if row.outcome not in ("within", "no_tolerance")]
    return list(dict.fromkeys(row.feature for row in judged))


def _feature(name: str, paired: Sequence[Paired]) -> list[Row]:
    """A feature's centred values, and whether it was measured where that differs within pairs."""
    values: dict[tuple[str, str, str], float] = {}
    uneven = False
    for one in paired:
        at = one.features.index(name)
        uneven |= bool((np.isnan(one.first[:, at]) != np.isnan(one.second[:, at])).any())
        for i, (pair, clips) in enumerate(zip(one.pairs, one.clips, strict=True)):
            values[clips[0], pair, one.reference] = float(one.first[i, at])
            values[clips[1], pair, one.contrast] = float(one.second[i, at])
    keys = sorted(values, key=lambda key: (key[1], key[0]))
    column = np.array([values[key] for key in keys])
    measured = ~np.isnan(column)
    rows: list[Row] = []
    if measured.any():
        centred = np.where(measured, column - math.fsum(column[measured]) / measured.sum(), 0.0)
        rows += [(*key, name, value) for key, value in zip(keys, nine_digits(centred), strict=True)]
    if uneven:
        shown = nine_digits(measured - measured.mean())
        rows += [(*key, f"{name}_measured", value) for key, value in zip(keys, shown, strict=True)]
    return rows
