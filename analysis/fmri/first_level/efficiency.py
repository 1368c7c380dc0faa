"""How well a design can tell its responses apart, known before anyone is scanned."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from analysis.fmri.first_level.design import Design
from analysis.fmri.first_level.signal_change import clip_geometry
from protocols.base.errors import Fault, InputError

SHORTEST_GAP_S = 4.0
LARGEST_VIF = 5.0
"""Limits of INFERENCE 7 for measures in which scenes are random."""
ROUNDING_S = 1e-6
"""Of onsets and durations, which are sums of decimals."""


def vif(design: Design) -> pd.Series:
    """Variance inflation of every task column, by name: 1 / (1 - R²) on all other columns.

    Over the kept volumes. 1 where nothing else in the design goes along with the column; the variance of its
    coefficient is that many times what it would be alone.
    """
    kept = design.kept
    matrix = design.matrix[kept][:, design.of_kind("task", "nuisance", "drift")]
    centered = matrix - matrix.mean(axis=0)
    correlation = np.corrcoef(centered, rowvar=False).reshape(centered.shape[1], -1)
    task = design.of_kind("task")
    names = [design.names[k] for k in task]
    return pd.Series(np.diag(np.linalg.inv(correlation))[: len(task)], index=names, name="vif")


def shortest_gap(design: Design, conditions: Collection[str] | None = None) -> float:
    """Shortest time from the end of one clip to the beginning of the next, in s; infinite for a single clip.

    Parameters
    ----------
    design
        The run's design.
    conditions
        Trial types that are clips; all if None. A star or a key press between clips is none.
    """
    clips = design.events.sort_values("onset")
    if conditions is not None:
        clips = clips[clips.trial_type.isin(list(conditions))]
    gaps = clips.onset.to_numpy()[1:] - (clips.onset + clips.duration).cummax().to_numpy()[:-1]
    return float(gaps.min()) if len(gaps) else float("inf")


def single_clip_variance(design: Design, rho: float = 0.0) -> pd.DataFrame:
    """Variance of every single clip's estimate (LSS), in units of the noise's variance.

    Parameters
    ----------
    design
        The run's design; every event of its conditions is a clip.
    rho
        Autocorrelation of the noise to be expected; the unit is the whitened noise.

    Returns
    -------
    DataFrame
        The clips' ``onset, duration, trial_type, row`` and ``variance``, NaN for one that cannot be told from the rest.
    """
    return design.events.assign(variance=clip_geometry(design, rho).variance)


def refuse_inseparable_clips(
    design: Design, conditions: Collection[str] | None = None, *, slack_s: float = ROUNDING_S
) -> None:
    """Refuse a design for measures in which scenes are random (INFERENCE 7).

    Parameters
    ----------
    design
        The run's design.
    conditions
        Trial types that are clips; all if None.
    slack_s
        How much a gap may fall short: what rounding takes, or a screen that shows a clip a frame late.

    Raises
    ------
    InputError
        If clips follow each other within 4 s, or a condition's variance inflation is above 5; both are named.
    """
    clips = [
        name for name in design.events.trial_type.unique() if conditions is None or name in set(conditions)
    ]
    faults = inseparable(shortest_gap(design, conditions), vif(design)[clips], slack_s=slack_s)
    if faults:
        raise InputError(faults)


def inseparable(gap_s: float, inflation: pd.Series, *, slack_s: float = ROUNDING_S) -> list[Fault]:
    """What speaks against responses to single clips; empty where nothing does.

    Parameters
    ----------
    gap_s
        The shortest, as `shortest_gap` gives it.
    inflation
        Variance inflation of every condition, by name.
    slack_s
        See `refuse_inseparable_clips`.
    """
    faults = []
    if gap_s < SHORTEST_GAP_S - slack_s:
        faults.append(
            Fault(
                "design",
                "has clips too close to each other for responses to single clips",
                got=f"{abs(gap_s):.3g} s {'of overlap' if gap_s < -slack_s else 'from the end of one to the next'}",
                accepted=f"at least {SHORTEST_GAP_S:g} s",
                way_out="put more time between clips, or make the measure one value per condition",
            )
        )
    worst = inflation[inflation > LARGEST_VIF]
    if len(worst):
        faults.append(
            Fault(
                "design",
                "has conditions that cannot be told apart well enough for responses to single clips",
                got="VIF " + ", ".join(f"{name} {value:.3g}" for name, value in worst.items()),
                accepted=f"at most {LARGEST_VIF:g}",
                way_out="mix the order of conditions, vary the time between clips, or relax the high-pass filter",
            )
        )
    return faults
