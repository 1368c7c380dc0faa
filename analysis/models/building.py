"""From a table and a model to checked arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.models.design import Design, Model, Side, columns_of, wrong
from protocols.base.errors import Fault, InputError, did_you_mean, listed

CATEGORIES = 30  # of an ordinal response; a scale with more of them is a number


def build(data: pd.DataFrame, model: Model) -> Design:
    """Check the data and lay out the arrays.

    Raises
    ------
    InputError
        If columns are missing, empty or not numeric, or fixed effects are made of each other.
    """
    _check(data, model)
    x = columns_of(data, model.fixed, len(data))
    # The thresholds of an ordinal model take up what does not vary, as an intercept would.
    spanned = np.column_stack([np.ones(len(data)), x]) if model.ordinal else x
    rank = int(np.linalg.matrix_rank(spanned)) - model.ordinal
    if rank < x.shape[1]:
        raise wrong(
            "fixed effects", "are made of each other, or do not vary", listed(model.fixed), f"{rank} of them"
        )
    sides = [_side(data, model, group) for group in model.groups]
    sides.sort(key=lambda side: -side.size)  # stable: the larger factor is eliminated
    if len(sides) == 1:
        none = np.zeros(0, np.intp)
        sides.append(Side("", (), (), np.zeros(len(data), np.intp), np.zeros((len(data), 0)), none, none))
    strata, stratum = (
        _levels(data[model.residual_by]) if model.residual_by else ((), np.zeros(len(data), int))
    )
    y = data[model.response].to_numpy(float)
    return Design(model, x, y, sides[0], sides[1], strata, stratum)


def _side(data: pd.DataFrame, model: Model, group: str) -> Side:
    levels, codes = _levels(data[group])
    effects = model.effects(group)
    rows: list[int] = []
    cols: list[int] = []
    start = 0
    for term in model.random:
        if term.group != group:
            continue
        k = len(term.effects)
        # Column by column, as lme4 orders theta.
        places = [(i, j) for j in range(k) for i in range(j, k) if term.correlated or i == j]
        rows += [start + i for i, _ in places]
        cols += [start + j for _, j in places]
        start += k
    z = columns_of(data, effects, len(data))
    return Side(group, effects, levels, codes, z, np.array(rows, np.intp), np.array(cols, np.intp))


def _levels(column: pd.Series) -> tuple[tuple[object, ...], NDArray[np.intp]]:
    codes, levels = pd.factorize(column, sort=True)
    return tuple(levels), codes.astype(np.intp)


def _check(data: pd.DataFrame, model: Model) -> None:
    faults = []
    effects = [*model.fixed, *(effect for term in model.random for effect in term.effects)]
    numeric = dict.fromkeys(name for effect in effects for name in effect.split(":") if name != "1")
    wanted = [model.response, *numeric, *model.groups, *([model.residual_by] if model.residual_by else [])]
    for name in dict.fromkeys(wanted):
        if name not in data:
            hint = did_you_mean(name, map(str, data.columns))
            faults.append(
                Fault(f"column '{name}'", "is not in the table", accepted=listed(data.columns), way_out=hint)
            )
            continue
        column = data[name]
        if column.isna().any():
            count = int(column.isna().sum())
            way = "leave those rows out, with a reason, before fitting"
            faults.append(Fault(f"column '{name}'", f"is empty in {count} of {len(data)} rows", way_out=way))
        elif name in {model.response, *numeric}:
            if not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                way = "code conditions and groups as numbers, for example -0.5 and 0.5"
                if name == model.response:
                    way = "number the answers in their order: 1, 2, 3"
                faults.append(
                    Fault(f"column '{name}'", "is not numeric", got=listed(column.unique()), way_out=way)
                )
            elif not np.isfinite(column.to_numpy(float)).all():
                faults.append(Fault(f"column '{name}'", "holds an infinite value"))
            elif name == model.response and not model.linear:
                faults += _check_answers(column, model)
    if not faults and not len(data):
        faults.append(Fault("the table", "has no rows"))
    if faults:
        raise InputError(faults)


def _check_answers(column: pd.Series, model: Model) -> list[Fault]:
    item, values = f"column '{column.name}'", column.unique()
    if not model.ordinal:
        if column.isin([0, 1]).all():
            return []
        way = 'more than two answers in an order: family="ordinal"'
        return [Fault(item, "is not a choice", got=listed(values), accepted="0 and 1", way_out=way)]
    if len(values) == 2:
        way = 'code them 0 and 1 and fit family="binomial", with the intercept "1"'
        return [Fault(item, "holds two answers only, which is a choice", got=listed(values), way_out=way)]
    if len(values) > CATEGORIES:
        way = (
            'fit it as a number (family="gaussian"), or round it to the categories that were declared before '
            "the data were seen"
        )
        accepted = f"3 to {CATEGORIES} categories"
        return [Fault(item, f"holds {len(values)} different answers", accepted=accepted, way_out=way)]
    return []
