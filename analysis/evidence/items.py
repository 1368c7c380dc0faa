"""``results/scenes.tsv``: each hypothesis' effect scene by scene, so that one sees whether a few scenes carry it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from analysis.evidence.case import Case
from analysis.evidence.people import LOGLINEAR
from protocols.plan.expanding import PSEUDO_CONDITIONS
from protocols.plan.measuring import DPRIMES

SCENE_COLUMNS = ("hypothesis", "group", "item", "first", "second", "effect", "n_first", "n_second")


def scene_rows(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Mean of both conditions per item and group, over the people who entered.

    For d' the means are shares of answers 'AI' and the effect is the difference of z of their log-linear rates. Items
    shown in one condition only have no effect. Nothing where rows name neither scene nor clip.
    """
    return [row for case in cases for row in _of_case(case)]


def _of_case(case: Case) -> list[dict[str, Any]]:
    first, second = case.question.conditions
    if first is None or second is None or {first, second} & set(PSEUDO_CONDITIONS):
        return []
    entered = case.evidence.effects.people(case.item.groups)
    used = case.question.table.used
    used = used[used["condition"].isin([first, second])]
    item = next((name for name in ("scene", "clip") if len(used) and used[name].notna().all()), None)
    if item is None:
        return []
    rows = []
    for group, codes in entered.items():
        own = used[(used["group"] == group) & used["participant_id"].isin(codes)]
        cells = own.pivot_table(
            index=item, columns="condition", values="value", aggfunc=["mean", "size"], observed=True
        )
        names = {"first": first, "second": second}
        means, sizes = (
            {name: _column(cells, kind, condition) for name, condition in names.items()}
            for kind in ("mean", "size")
        )
        if case.question.measure.statistic in DPRIMES:
            scores = {name: _z(means[name], sizes[name]) for name in names}
        else:
            scores = means
        effects = scores["second"] - scores["first"]
        for place, one in enumerate(cells.index):
            rows.append(
                {
                    "hypothesis": case.item.id,
                    "group": group,
                    "item": one,
                    "first": means["first"][place],
                    "second": means["second"][place],
                    "effect": effects[place],
                    "n_first": np.nan_to_num(sizes["first"][place]),
                    "n_second": np.nan_to_num(sizes["second"][place]),
                }
            )
    return rows


def _column(cells: pd.DataFrame, kind: str, condition: str) -> np.ndarray:
    if (kind, condition) not in cells.columns:
        return np.full(len(cells), np.nan)
    return cells[kind, condition].to_numpy(float)


def _z(share: np.ndarray, n: np.ndarray) -> np.ndarray:
    return np.asarray(ndtri((share * n + LOGLINEAR) / (n + 2 * LOGLINEAR)))
