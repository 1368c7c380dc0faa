"""What every function here asks of its input, and the words in which it is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from protocols.base.errors import Fault, UsageError, did_you_mean, listed

Array = NDArray[np.float64]


def numbers(
    item: str,
    values: ArrayLike,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    open_ends: bool = False,
    whole: bool = False,
    way_out: str = "",
) -> Array:
    """Numbers as an array of floats, all finite and between the limits.

    Parameters
    ----------
    item
        What they are, for the error.
    values
        Any shape.
    low, high
        Limits; with `open_ends` the limits themselves are refused.
    whole
        Only whole numbers.
    way_out
        What to do about a refusal.

    Raises
    ------
    UsageError
        If a value is missing, infinite, no number, outside the limits, or broken where whole ones are wanted.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise UsageError(
            Fault(item, "is not made of numbers", got=_first(values), way_out=way_out)
        ) from error
    inside = (array > low) & (array < high) if open_ends else (array >= low) & (array <= high)
    bad = ~(np.isfinite(array) & inside)
    if whole:
        bad |= array != np.floor(array)
    if bad.any():
        kind = "whole numbers" if whole else "numbers"
        ends = f" between {low:g} and {high:g}" if np.isfinite([low, high]).all() else ""
        ends = ends or (f" {'above' if open_ends else 'from'} {low:g}" if np.isfinite(low) else "")
        got = listed([f"{value:g}" for value in np.unique(array[bad])], limit=5)
        accepted = kind + ends + (", both excluded" if open_ends and "between" in ends else "")
        raise UsageError(Fault(item, "holds values it cannot", got=got, accepted=accepted, way_out=way_out))
    return array


def one_number(item: str, value: float, **limits: float | bool | str) -> float:
    """One number between limits, as :func:`numbers` takes them."""
    array = numbers(item, value, **limits)  # type: ignore[arg-type]
    if array.ndim:
        raise UsageError(Fault(item, "is one number", got=f"{array.size} numbers"))
    return float(array)


def together(**arrays: Array) -> list[Array]:
    """Arrays of one shape.

    Raises
    ------
    UsageError
        If their shapes do not agree.
    """
    try:
        return [np.array(one, dtype=float) for one in np.broadcast_arrays(*arrays.values())]
    except ValueError as error:
        shapes = listed(f"{name.replace('_', ' ')} {one.shape}" for name, one in arrays.items())
        raise UsageError(Fault("the arrays", "differ in shape", got=shapes)) from error


def chosen(item: str, name: str, names: Sequence[str]) -> str:
    """`name`, if it is one of `names`."""
    if name not in names:
        way_out = did_you_mean(str(name), names)
        raise UsageError(Fault(item, "is not known", got=str(name), accepted=listed(names), way_out=way_out))
    return name


def has_columns(trials: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The named columns of a table that has rows and knows whose they are.

    Raises
    ------
    UsageError
        If a column is not there, the table is empty, or a row does not say who or which group.
    """
    missing = [name for name in names if name not in trials]
    if missing:
        raise UsageError(
            [
                Fault(
                    f"column '{name}'",
                    "is not in the table",
                    accepted=listed(trials.columns),
                    way_out=did_you_mean(name, [str(column) for column in trials.columns]),
                )
                for name in missing
            ]
        )
    if not len(trials):
        raise UsageError(Fault("the table of trials", "has no rows"))
    for name in ("participant_id", "group"):
        empty = int(trials[name].isna().sum()) if name in names else 0
        if empty:
            raise UsageError(Fault(f"column '{name}'", f"is empty in {empty} of {len(trials)} rows"))
    return trials[list(names)]


def column_of_numbers(trials: pd.DataFrame, name: str) -> pd.Series:
    """A column as floats, NaN where it is empty; text and infinite values are refused."""
    column = trials[name]
    values = pd.to_numeric(column, errors="coerce").astype(float)
    bad = (values.isna() & column.notna()) | np.isinf(values)
    if bad.any():
        got = listed(pd.unique(column[bad].astype(str)), limit=5)
        raise UsageError(Fault(f"column '{name}'", "is not made of numbers", got=got))
    return values


def zero_or_one(trials: pd.DataFrame, name: str, way_out: str = "") -> pd.Series:
    """A column of 0 and 1, NaN where it is empty."""
    values = column_of_numbers(trials, name)
    bad = values.notna() & ~values.isin([0.0, 1.0])
    if bad.any():
        got = listed([f"{value:g}" for value in np.unique(values[bad])], limit=5)
        fault = Fault(f"column '{name}'", "is not a choice", got=got, accepted="0 and 1", way_out=way_out)
        raise UsageError(fault)
    return values


def _first(values: ArrayLike) -> str:
    return listed(np.ravel(np.asarray(values, dtype=object))[:5])
