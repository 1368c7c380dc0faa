"""The same model fitted by nilearn: slower and with more memory, for who wants the field's own program in the way.

Its results come as `engine.Fit`, so that contrasts and percent signal change are computed by the same code.
"""

from __future__ import annotations

import numpy as np

from analysis.fmri.first_level.design import Design
from analysis.fmri.first_level.engine import BINS, Fit
from analysis.models.threads import one_thread
from protocols.base.errors import InputError, fail, listed

NOISES = ("ar1", "ols")


def fit_with_nilearn(data: np.ndarray, design: Design, *, noise: str = "ar1") -> Fit:
    """Estimate the model at every voxel by ``nilearn.glm.first_level.run_glm``.

    Parameters
    ----------
    data
        (voxels, volumes).
    design
        The run's design.
    noise
        ``"ar1"`` or ``"ols"``.

    Raises
    ------
    InputError
        If the noise is one that nilearn does not have.
    """
    from nilearn.glm.first_level import run_glm

    if noise not in NOISES:
        raise fail(
            InputError, f"noise '{noise}'", "is not one that nilearn has", accepted=listed(NOISES),
            way_out="set analysis.bold.noise_model in the plan, or take bazin's own first level",
        )  # fmt: skip
    values = np.asarray(data, float)
    varies = np.ptp(values, axis=1) > 0
    with one_thread():
        labels, results = run_glm(values[varies].T, design.matrix, noise_model=noise, bins=BINS, n_jobs=1)
    columns = design.of_kind("task", "nuisance", "drift", "constant")
    beta = np.full((len(values), len(columns)), np.nan, np.float32)
    sigma2, rho = np.full(len(values), np.nan), np.zeros(len(values))
    unscaled = {}
    places = np.flatnonzero(varies)
    for label, found in results.items():
        these = places[labels == label]
        own = 0.0 if noise == "ols" else float(label)
        beta[these], sigma2[these], rho[these] = found.theta[columns].T, found.dispersion, own
        unscaled[own] = np.asarray(found.cov)[np.ix_(columns, columns)]
    unscaled.setdefault(0.0, np.full((len(columns), len(columns)), np.nan))
    return Fit(design, beta, sigma2, rho, values[:, design.kept].mean(axis=1), unscaled)
