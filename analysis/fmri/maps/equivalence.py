r"""Maps that can say "no difference": different, equivalent, undecided, or not assessable (INFERENCE 11).

Per voxel, with estimate d, its standard error s and df from the comparison (Welch by default), and the bound Δ:

- equivalence: the smaller studentized distance to ±Δ, :math:`(\Delta - |d|)/s`, referred to t (both one-sided tests);
- difference: :math:`|d|/s`, two-sided;
- both adjusted by Benjamini and Yekutieli's false discovery rate, which holds under any dependence of the voxels, over
  the *sensitivity mask* only: data in everyone, temporal SNR reached, and the minimum detectable effect

  .. math:: (t_{1-\alpha/2,\,\mathrm{df}} + t_{\mathrm{power},\,\mathrm{df}})\, s \le \Delta .

  It depends on s alone, which says nothing about d: choosing voxels by it does not bias what is found in them.

A voxel outside the mask is never called undecided or equivalent: it could not have answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.fmri.maps.statistics import Array, Comparison, Maps, Statistic, measure
from protocols.base.errors import InputError, fail


class Outcome(IntEnum):
    """The value of a voxel in the map of outcomes."""

    NOT_ASSESSABLE = 0
    UNDECIDED = 1
    EQUIVALENT = 2  # also where a difference is shown that lies inside the bound
    DIFFERENT = 3


@dataclass(frozen=True)
class Levels:
    """The one place for what counts as enough.

    Attributes
    ----------
    bound
        Δ > 0, in the unit of the maps (percent signal).
    difference, equivalence
        False discovery rates; the first is also the level at which a voxel must be able to detect Δ, the second that
        of the interval, 1 - 2 * equivalence.
    power
        With which it must detect Δ.
    """

    bound: float
    difference: float = 0.05
    equivalence: float = 0.05
    power: float = 0.80

    def __post_init__(self) -> None:
        fractions = (self.difference, self.equivalence, self.power)
        if not (self.bound > 0 and np.isfinite(self.bound)) or not all(0 < one < 1 for one in fractions):
            raise fail(
                InputError,
                "levels of the equivalence map",
                "cannot be used",
                got=str(self),
                accepted="a bound above 0, levels and power between 0 and 1",
            )


@dataclass(frozen=True)
class EquivalenceMap:
    """What is shown where, (voxels,) each.

    Attributes
    ----------
    outcome
        Values of :class:`Outcome`, int8.
    statistic
        Estimate, its standard error, t and df; NaN (t 0) where not everyone has data or nothing varies.
    p_difference, p_equivalence
        Adjusted; NaN outside the sensitivity mask.
    half_width
        Of the 1 - 2 α interval of the estimate, unadjusted, in the unit of the maps; published beside the outcomes.
    detectable
        Minimum detectable effect.
    """

    outcome: NDArray[np.int8]
    statistic: Statistic
    p_difference: Array
    p_equivalence: Array
    half_width: Array
    detectable: Array

    def count(self, outcome: Outcome) -> int:
        """Number of voxels with an outcome."""
        return int(np.sum(self.outcome == outcome))


def equivalence_map(
    maps: Maps, comparison: Comparison, levels: Levels, *, tsnr_reached: NDArray[np.bool_]
) -> EquivalenceMap:
    """Decide every voxel.

    Parameters
    ----------
    maps
        (people, voxels), in the unit of the bound; NaN or exactly 0 where a person has no data.
    comparison
        Of whom with whom; with variances by group unless there is a reason.
    levels
        Bound, levels and power.
    tsnr_reached
        (voxels,), where the plan's temporal SNR is reached in everyone.

    Raises
    ------
    InputError
        If people or voxels do not fit each other.
    """
    if maps.ndim != 2 or tsnr_reached.shape != maps.shape[1:] or tsnr_reached.dtype != bool:
        raise fail(
            InputError,
            "tSNR mask",
            "is not of the voxels of the maps",
            got=f"mask {tsnr_reached.shape} of {tsnr_reached.dtype}, maps {maps.shape}",
            accepted="(voxels,) of bool and (people, voxels)",
        )
    covered = np.all(np.isfinite(maps) & (maps != 0), axis=0)
    statistic = measure(np.where(covered, maps, 0.0), comparison)  # 0 in everyone: constant, and so set aside
    se, df, size = statistic.se, statistic.df, np.abs(statistic.estimate)
    half_width = stats.t.isf(levels.equivalence, df) * se
    detectable = (stats.t.isf(levels.difference / 2.0, df) + stats.t.ppf(levels.power, df)) * se
    assessable = tsnr_reached & (detectable <= levels.bound)  # NaN, where constant, is not
    p_difference = _adjusted(2.0 * stats.t.sf(size / se, df), assessable)
    p_equivalence = _adjusted(stats.t.sf((levels.bound - size) / se, df), assessable)
    outcome = np.full(len(se), Outcome.NOT_ASSESSABLE, np.int8)
    outcome[assessable] = Outcome.UNDECIDED
    outcome[assessable & (p_difference <= levels.difference)] = Outcome.DIFFERENT
    outcome[assessable & (p_equivalence <= levels.equivalence)] = Outcome.EQUIVALENT
    return EquivalenceMap(outcome, statistic, p_difference, p_equivalence, half_width, detectable)


def _adjusted(p: Array, inside: NDArray[np.bool_]) -> Array:
    """Benjamini-Yekutieli adjusted p over the voxels of a mask, NaN elsewhere."""
    result = np.full(p.shape, np.nan)
    if inside.any():
        result[inside] = stats.false_discovery_control(p[inside], method="by")
    return result
