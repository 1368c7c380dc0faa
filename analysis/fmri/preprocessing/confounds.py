"""Nuisance time series under fMRIPrep's names, so that its tables and ours are read by the same code.

Definitions follow fMRIPrep (Esteban et al. 2019, Nature Methods 16:111) and the works behind it: framewise
displacement and DVARS (Power et al. 2012, NeuroImage 59:2142; standardized as Nichols 2013), CompCor (Behzadi et al.
2007, NeuroImage 37:90; anatomical, after the removal of slow drifts), the expansion to 24 motion parameters
(Friston 1996; Satterthwaite et al. 2013, NeuroImage 64:240).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protocols.base.errors import InputError, fail

MOTION = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")
DRIFT_CUTOFF_S = 128.0
"""Period of the slowest oscillation that fMRIPrep's ``cosine*`` columns leave in the data."""
COMPONENTS = 5
_BATCH = 20_000  # voxels in double precision at once
OUTLIER_FD_MM, OUTLIER_STD_DVARS = 0.5, 1.5
"""fMRIPrep's thresholds of ``motion_outlier*``; what a plan censors is decided by the plan, from the columns."""
NON_STEADY = "non_steady_state_outlier"
"""How fMRIPrep calls a column that is 1 in a volume before the magnetization is in its steady state."""
_BEGINNING, _FAR, _BRIGHTER = 50, 3.5, 0.01


@dataclass(frozen=True)
class Components:
    """Principal components of a tissue's time series.

    Attributes
    ----------
    series
        (volumes, components), each of unit length.
    singular_values, explained
        Of each component; the share of the tissue's variance.
    """

    series: np.ndarray
    singular_values: np.ndarray
    explained: np.ndarray


def expanded(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Each column, its temporal derivative, and the squares of both; the first derivative is not a number.

    Parameters
    ----------
    columns
        Series of one length, by name.

    Returns
    -------
    dict
        ``x``, ``x_derivative1``, ``x_power2``, ``x_derivative1_power2`` for each ``x``.
    """
    table: dict[str, np.ndarray] = {}
    for name, series in columns.items():
        change = np.r_[np.nan, np.diff(series)]
        table |= {
            name: series,
            f"{name}_derivative1": change,
            f"{name}_power2": series**2,
            f"{name}_derivative1_power2": change**2,
        }
    return table


def cosines(n_volumes: int, tr_s: float, cutoff_s: float = DRIFT_CUTOFF_S) -> np.ndarray:
    """Discrete cosines slower than a period, as SPM and nilearn have them: (volumes, regressors), without a constant.

    Parameters
    ----------
    n_volumes, tr_s
        Length of the run, and time between volumes.
    cutoff_s
        Oscillations of longer periods are drift.
    """
    order = int(np.floor(2 * n_volumes * tr_s / cutoff_s))
    order = min(order, n_volumes - 1)
    middle = np.arange(n_volumes) + 0.5
    waves = [np.cos(np.pi / n_volumes * k * middle) for k in range(1, order + 1)]
    return np.sqrt(2 / n_volumes) * np.array(waves).reshape(order, n_volumes).T


def dvars(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Change of the whole image from one volume to the next, plain and standardized.

    Parameters
    ----------
    data
        Brain voxels, (voxels, volumes).

    Returns
    -------
    dvars
        Root mean square change, with the median of the data brought to 1000; (volumes,), the first not a number.
    std_dvars
        The same divided by what noise of the voxels' own spread and autocorrelation would give.

    Raises
    ------
    InputError
        If no voxel changes over time.
    """
    values = np.asarray(data, np.float32)
    values = values * np.float32(1000 / np.median(values))
    # "lower": as FSL's script and nipype have it, so that numbers agree with theirs.
    low, high = np.percentile(values, (25, 75), axis=1, method="lower")
    spread = (high - low) / 1.349
    varies = spread > 1e-7
    if not varies.any():
        raise fail(InputError, "the run", "does not change over time inside the brain mask",
                   way_out="look at the run: it may be one volume repeated")  # fmt: skip
    values, spread = values[varies], spread[varies].astype(float)
    change = np.diff(values, axis=1)
    plain = np.sqrt((change.astype(float) ** 2).mean(axis=0))
    expected = np.sqrt(2 * (1 - _autocorrelation(values))) * spread
    return np.r_[np.nan, plain], np.r_[np.nan, plain / expected.mean()]


def _autocorrelation(values: np.ndarray) -> np.ndarray:
    """Lag-1 autocorrelation of each voxel by the Yule–Walker equation."""
    centered = values - values.mean(axis=1, keepdims=True, dtype=float).astype(np.float32)
    lagged = np.einsum("vt,vt->v", centered[:, 1:], centered[:, :-1], dtype=float)
    return lagged / np.einsum("vt,vt->v", centered, centered, dtype=float)


def components(data: np.ndarray, drift: np.ndarray, n: int = COMPONENTS) -> Components:
    """The strongest principal components of a tissue, after its mean and slow drifts are taken away.

    Parameters
    ----------
    data
        Voxels of the tissue, (voxels, volumes).
    drift
        Slow regressors, (volumes, regressors), from `cosines`.
    n
        Components wanted; fewer come where the tissue has fewer voxels.

    Raises
    ------
    InputError
        If the tissue has no voxel that changes over time.
    """
    values = np.asarray(data, float)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(values.shape[1]), drift]))
    values = values - (values @ basis) @ basis.T
    scale = values.std(axis=1, keepdims=True)
    varies = scale[:, 0] > 1e-6 * np.abs(np.asarray(data, float)).mean(axis=1)
    values = values[varies] / scale[varies]
    if not len(values):
        raise fail(InputError, "the tissue's mask", "has no voxel that changes over time",
                   way_out="look at the segmentation in the participant's page")  # fmt: skip
    # The small square matrix has the same components as the long thin one, at a fraction of the time.
    energies, vectors = np.linalg.eigh(values.T @ values)
    energies, vectors = energies[::-1].clip(0), vectors[:, ::-1]
    n = min(n, len(values), int((energies > energies[0] * 1e-10).sum()))
    series = vectors[:, :n]
    # A component's sign is arbitrary: its largest value is positive, on every machine alike.
    largest = np.abs(series).argmax(axis=0)
    series = series * np.sign(series[largest, np.arange(n)])
    return Components(series, np.sqrt(energies[:n]), energies[:n] / energies.sum())


def outliers(fd_mm: np.ndarray, std_dvars: np.ndarray) -> np.ndarray:
    """Volumes that moved or changed too much, one column each: (volumes, outliers) of 0 and 1.

    A displacement that is not known, because motion could not be estimated, counts as too much; the first volume has
    none.
    """
    above = (fd_mm > OUTLIER_FD_MM) | (std_dvars > OUTLIER_STD_DVARS) | np.isnan(fd_mm)
    above[0] = False
    return np.eye(len(above))[:, above]


def settling(global_signal: np.ndarray) -> int:
    """How many volumes at the beginning of a run were taken before the magnetization was in its steady state.

    Those, one after the other from the first, that are brighter than the first 50 usually are: by more than 3.5
    standard deviations, told from the median absolute deviation (Iglewicz and Hoaglin 1993), as nipype counts them for
    fMRIPrep. Unlike there, darker volumes do not count, nor what is less than 1 % brighter, as slow drift can be.

    Parameters
    ----------
    global_signal
        Mean over the brain, (volumes,).
    """
    beginning = np.asarray(global_signal, float)[:_BEGINNING]
    usual = np.median(beginning)
    off = beginning - usual
    bright = (0.6745 * off > _FAR * np.median(np.abs(off))) & (off > _BRIGHTER * usual)
    return int(np.argmin(bright)) if not bright.all() else 0


def usable(global_signal: np.ndarray, fd_mm: np.ndarray) -> np.ndarray:
    """Volumes that show the brain in its steady state, where motion could be estimated, (volumes,) bool.

    Parameters
    ----------
    global_signal
        Mean over the brain, (volumes,).
    fd_mm
        Framewise displacement, (volumes,), the first not a number; elsewhere not a number where it is not known.
    """
    found = ~np.isnan(fd_mm)
    found[0] = True
    found[: settling(global_signal)] = False
    return np.asarray(found)


def confounds_table(
    motion: pd.DataFrame,
    fd_mm: np.ndarray,
    brain: np.ndarray,
    tissues: Mapping[str, np.ndarray],
    tr_s: float,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A run's confounds table and its sidecar.

    Parameters
    ----------
    motion
        Columns `MOTION`: mm and radians, one row per volume.
    fd_mm
        Framewise displacement, the first not a number.
    brain
        Voxels of the brain mask before smoothing, (voxels, volumes).
    tissues
        Voxels of ``csf`` and ``white_matter``, each (voxels, volumes), from masks that keep away from the cortex.
    tr_s
        Repetition time.

    Returns
    -------
    table
        One row per volume, columns as fMRIPrep names them.
    sidecar
        What fMRIPrep's JSON says of each component.

    Raises
    ------
    InputError
        If lengths disagree or a tissue does not vary.
    """
    n_volumes = brain.shape[1]
    lengths = {
        "motion": len(motion),
        "fd": len(fd_mm),
        **{name: one.shape[1] for name, one in tissues.items()},
    }
    wrong = {name: length for name, length in lengths.items() if length != n_volumes}
    if wrong:
        raise fail(
            InputError, "confounds", "are not of one length", got=str(wrong), accepted=f"{n_volumes} volumes"
        )
    plain, standardized = dvars(brain)
    drift = cosines(n_volumes, tr_s)
    signals = {name: tissues[name].mean(axis=0, dtype=float) for name in ("csf", "white_matter")}
    signals["global_signal"] = brain.mean(axis=0, dtype=float)
    columns = expanded(signals)
    columns |= {"std_dvars": standardized, "dvars": plain, "framewise_displacement": np.asarray(fd_mm, float)}
    early = settling(signals["global_signal"])
    counts = usable(signals["global_signal"], fd_mm)
    both = components(np.concatenate([tissues["csf"], tissues["white_matter"]])[:, counts], drift[counts])
    sidecar: dict[str, Any] = {}
    for i, share in enumerate(both.explained):
        name = f"a_comp_cor_{i:02d}"
        columns[name] = np.zeros(n_volumes)
        columns[name][counts] = both.series[:, i]
        sidecar[name] = {
            "Method": "aCompCor", "Mask": "combined", "Retained": True,
            "SingularValue": float(both.singular_values[i]), "VarianceExplained": float(share),
            "CumulativeVarianceExplained": float(both.explained[: i + 1].sum()),
        }  # fmt: skip
    columns |= _numbered("cosine", drift)
    columns |= expanded({name: motion[name].to_numpy(float) for name in MOTION})
    columns |= _numbered("motion_outlier", outliers(fd_mm, standardized))
    columns |= _numbered(NON_STEADY, np.eye(n_volumes)[:, :early])
    return pd.DataFrame(columns), sidecar


def _numbered(name: str, matrix: np.ndarray) -> dict[str, np.ndarray]:
    return {f"{name}{i:02d}": column for i, column in enumerate(matrix.T)}


def tsnr(data: np.ndarray, drift: np.ndarray) -> np.ndarray:
    """Temporal signal-to-noise ratio of each voxel: its mean over its SD once slow drifts are taken away.

    Parameters
    ----------
    data
        (voxels, volumes).
    drift
        Slow regressors, (volumes, regressors), from `cosines`.

    Returns
    -------
    numpy.ndarray
        (voxels,); 0 where a voxel does not vary.
    """
    n_volumes = data.shape[1]
    basis, _ = np.linalg.qr(np.column_stack([np.ones(n_volumes), drift]))
    found = np.zeros(len(data))
    for start in range(0, len(data), _BATCH):
        values = np.asarray(data[start : start + _BATCH], float)
        mean = values.mean(axis=1)
        rest = values - (values @ basis) @ basis.T
        spread = np.sqrt((rest**2).sum(axis=1) / (n_volumes - basis.shape[1]))
        np.divide(mean, spread, out=found[start : start + _BATCH], where=spread > 1e-9 * np.abs(mean))
    return found
