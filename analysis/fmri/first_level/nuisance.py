"""Nuisance regressors by fMRIPrep's names, and the volumes a cut-off sets aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.fmri.preprocessing.confounds import NON_STEADY
from protocols.base.errors import InputError, did_you_mean, fail, listed

_MOTION = [f"{kind}_{axis}" for kind in ("trans", "rot") for axis in "xyz"]
_EXPANSIONS = ("", "_derivative1", "_power2", "_derivative1_power2")

SETS: dict[str, tuple[str, ...]] = {
    "motion6": tuple(_MOTION),
    "motion24": tuple(name + ending for ending in _EXPANSIONS for name in _MOTION),
    "acompcor5": tuple(f"a_comp_cor_{k:02d}" for k in range(5)),
    "csf_wm": ("csf", "white_matter"),
}
"""Columns of each set a plan can name. ``motion24``: Friston et al. (1996), Magnetic Resonance in Medicine 35,
346-355; ``acompcor5``: Behzadi et al. (2007), NeuroImage 37, 90-101."""

FRAMEWISE_DISPLACEMENT = "framewise_displacement"


def nuisance(confounds: pd.DataFrame, sets: Sequence[str]) -> pd.DataFrame:
    """The columns that a plan's sets name.

    Parameters
    ----------
    confounds
        One row per volume, fMRIPrep's column names. ``n/a`` may stand in the first row of what is a difference
        between volumes (derivatives and their squares), which becomes 0.
    sets
        Any of `SETS`.

    Returns
    -------
    DataFrame
        One row per volume, each column once, not yet centered.

    Raises
    ------
    InputError
        If a set is not known, or columns are missing or hold something that is not a number: it names them.
    """
    for name in sets:
        if name not in SETS:
            raise fail(
                InputError,
                "confounds",
                f"has no set '{name}'",
                accepted=listed(SETS),
                way_out=did_you_mean(name, SETS),
            )
    wanted = list(dict.fromkeys(column for name in sets for column in SETS[name]))
    missing = [column for column in wanted if column not in confounds]
    if missing:
        raise fail(
            InputError,
            "confounds",
            f"lacks {'a column' if len(missing) == 1 else 'columns'} that {listed(sets)} needs",
            got=f"missing: {listed(missing, limit=24)}",
            way_out="take the confounds table of the same run and program, or ask for fewer sets in the plan",
        )
    return pd.DataFrame({column: numbers(confounds, column) for column in wanted}, index=confounds.index)


def numbers(confounds: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """One column as finite numbers, (volumes,); the first of a derivative may be missing, and becomes 0.

    Raises
    ------
    InputError
        If other cells are missing or no numbers; it says which volumes.
    """
    values = pd.to_numeric(confounds[column], errors="coerce").to_numpy(float)
    if "_derivative1" in column:
        values[:1] = np.nan_to_num(values[:1])
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise fail(
            InputError,
            f"confounds: {column}",
            "is not a number everywhere",
            got=f"volumes {listed(bad + 1)} (the first volume is 1): {confounds[column].iloc[bad[0]]}",
            way_out="repair the table, or leave the set out of the plan",
        )
    return np.asarray(values)


def displacement(confounds: pd.DataFrame) -> NDArray[np.float64]:
    """Framewise displacement in mm, (volumes,), 0 in the first volume; NaN where it is not known.

    It is not known where motion could not be estimated: ``n/a`` in the table.

    Raises
    ------
    InputError
        If the column is missing, or holds words or something infinite or below 0; it says in which volumes.
    """
    if FRAMEWISE_DISPLACEMENT not in confounds:
        raise fail(InputError, "confounds", f"lacks the column '{FRAMEWISE_DISPLACEMENT}'",
                   got=listed(confounds.columns, limit=24),
                   way_out="take the confounds table of the same preprocessing, with all its columns")  # fmt: skip
    column = confounds[FRAMEWISE_DISPLACEMENT]
    values = pd.to_numeric(column, errors="coerce").to_numpy(float)
    said = column.notna() & (column.astype(str) != "n/a")
    bad = np.flatnonzero((np.isnan(values) & said) | np.isinf(values) | (values < 0))
    if len(bad):
        raise fail(InputError, f"confounds: {FRAMEWISE_DISPLACEMENT}", "is no distance everywhere",
                   got=f"volumes {listed(bad + 1)} (the first volume is 1): {column.iloc[bad[0]]}",
                   way_out="repair the table")  # fmt: skip
    values[:1] = np.nan_to_num(values[:1])
    return np.asarray(values)


def not_steady(confounds: pd.DataFrame) -> NDArray[np.bool_]:
    """Volumes before the magnetization was in its steady state, (volumes,): what the table says of them, if anything.

    They are brighter than the rest by more than anything a brain does, and no part of any model.
    """
    columns = [name for name in confounds if str(name).startswith(NON_STEADY)]
    found = np.zeros(len(confounds), bool)
    for name in columns:
        found |= pd.to_numeric(confounds[name], errors="coerce").to_numpy(float) > 0
    return found


def unusable(confounds: pd.DataFrame) -> NDArray[np.bool_]:
    """Volumes in no model whatever the plan says, (volumes,): not in steady state, or lying nobody knows where."""
    return not_steady(confounds) | np.isnan(displacement(confounds))


def moved(confounds: pd.DataFrame, cut_off_mm: float) -> NDArray[np.bool_]:
    """Volumes to set aside: framewise displacement above the plan's cut-off, or not known.

    Parameters
    ----------
    confounds
        One row per volume, with ``framewise_displacement`` in mm (Power et al. 2012); the first may be ``n/a``.
    cut_off_mm
        Volumes above, not at, this are set aside.

    Returns
    -------
    NDArray
        (volumes,), True where set aside.

    Raises
    ------
    InputError
        If the column is missing or unusable, or the cut-off is not positive.
    """
    if not cut_off_mm > 0:
        raise fail(
            InputError, "cut-off of framewise displacement", "must be above 0 mm", got=f"{cut_off_mm:g}"
        )
    fd_mm = displacement(confounds)
    return np.asarray((fd_mm > cut_off_mm) | np.isnan(fd_mm))
