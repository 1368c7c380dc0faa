"""An estimate with its standard error and degrees of freedom, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """What one deciding analysis says: everything p-values and intervals need.

    Attributes
    ----------
    value, se
        Effect and its standard error, in the measure's unit.
    df
        Degrees of freedom of the standard error.
    method
        The analysis in words.
    n_people
        People in it, by group.
    n_scenes
        Scenes behind the values, or None where the table names none.
    pivots
        Where given, p-values and intervals come from these instead of Student's t: sorted values of
        (estimate - truth) / se in studies drawn from the fitted model, (B,).
    """

    value: float
    se: float
    df: float
    method: str
    n_people: dict[str, int]
    n_scenes: int | None = None
    pivots: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)


class NotEstimable(Exception):
    """There is no estimate; the message says why and for whom, in a clause a report can print."""
