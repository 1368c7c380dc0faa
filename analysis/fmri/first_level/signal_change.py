r"""Percent signal change (INFERENCE 7), of conditions and of single clips.

.. math:: \mathrm{PSC} = 100\,\beta / \bar b

with a response of unit area, so that :math:`\beta` is the sustained response, and :math:`\bar b` the voxel's mean over
the kept volumes after the fitted nuisance, drift and task terms were taken away: the level at rest, since nuisance and
drift are mean-centered. A region's value is :math:`100\,\overline\beta / \overline{\bar b}` over its voxels. Nothing is
scaled by a grand mean.

Single clips are estimated one at a time, the others pooled by condition (LSS: Mumford et al. 2012, NeuroImage 59,
2636-2643; Turner et al. 2012). That model's columns span the same as the whole run's with the clip's own regressor
:math:`x_i` added, so by Frisch-Waugh one projection serves all clips: with :math:`M` the residual maker of the run's
design,

.. math::

   \gamma_i = x_i'My / x_i'Mx_i, \quad a_i = (X^+x_i)_{\mathrm{condition}}, \quad
   \beta_i = b_{\mathrm{condition}} + (1 - a_i)\gamma_i, \quad
   \mathrm{RSS}_i = \mathrm{RSS} - \gamma_i^2\, x_i'Mx_i,

all on whitened series, with the :math:`\rho` of the run's own model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from analysis.fmri.first_level.contrasts import Contrast, NotInThisRun, combine
from analysis.fmri.first_level.design import Design
from analysis.fmri.first_level.engine import Fit, fit, whitened
from analysis.fmri.first_level.hrf import Array, regressors
from analysis.models.threads import one_thread
from protocols.base.errors import InputError, fail, listed

_ALIASED = 1e-6
"""Share of a clip's regressor outside the rest of the design below which it says nothing of its own."""


def baseline(fit: Fit) -> Array:
    """Level at rest, (voxels,): the mean over kept volumes without nuisance, drift and task; NaN where not above 0.

    A voxel whose level is not above 0 (outside the head, or data that were centered) has no percent signal change.
    """
    task = fit.design.of_kind("task")
    weight = fit.design.matrix[fit.design.kept][:, task].mean(axis=0)
    level = fit.mean - fit.beta[:, np.isin(fit.columns, task)].astype(float) @ weight
    return np.asarray(np.where(level > 0, level, np.nan))


def percent(fit: Fit, contrast: str | ArrayLike) -> Contrast:
    """A contrast in percent of each voxel's level at rest; t and F do not change.

    Parameters
    ----------
    fit
        One run's model.
    contrast
        As in `Fit.contrast`. Its weights count: ``"ai + live"`` is the sum of two responses, not their mean.
    """
    return fit.contrast(contrast).scaled(100.0 / baseline(fit))


@dataclass(frozen=True)
class OverRuns:
    """A contrast in percent signal change, combined over runs by fixed effects.

    Attributes
    ----------
    contrast
        The estimates.
    used
        Names of the runs in it.
    left_out
        Runs that could not estimate it, and why.
    """

    contrast: Contrast
    used: tuple[str, ...]
    left_out: Mapping[str, str]


def over_runs(fits: Mapping[str, Fit], contrast: str | Sequence[str]) -> OverRuns:
    """Combine a contrast over runs, each in percent of its own level at rest, leaving out runs that lack a condition.

    Parameters
    ----------
    fits
        Every run's model over the same voxels, by the run's name.
    contrast
        In words: runs need not have the same columns.

    Raises
    ------
    InputError
        If no run can estimate it, or it cannot be read.
    """
    estimated: dict[str, Contrast] = {}
    left_out: dict[str, str] = {}
    for run, of_run in fits.items():
        try:
            estimated[run] = percent(of_run, contrast)
        except NotInThisRun as error:
            left_out[run] = error.faults[0].problem
    if not estimated:
        raise fail(
            InputError,
            f"contrast '{contrast}'",
            "cannot be estimated in any run",
            got=listed(f"{run} {why}" for run, why in left_out.items()),
        )
    return OverRuns(combine(list(estimated.values())), tuple(estimated), left_out)


def region(data: ArrayLike, design: Design, *, noise: str = "ar1") -> Fit:
    """The model of a region: that of its voxels' mean series, with one rho.

    Its `percent` is 100 · mean(β) / mean(b̄) over the voxels, with an error that knows how they vary together.

    Parameters
    ----------
    data
        Voxels of the region, (voxels, volumes), neither centered nor scaled.
    design, noise
        As in `analysis.fmri.first_level.engine.fit`.

    Raises
    ------
    InputError
        If the data do not fit the design, or the region's level at rest is not above 0.
    """
    values = np.asarray(data, float)
    of_region = fit(
        values.mean(axis=0)[None] if values.ndim == 2 and len(values) else values, design, noise=noise
    )
    if of_region.usable.all() and not np.isfinite(baseline(of_region)).all():
        raise fail(
            InputError,
            "data",
            "have a mean level at rest that is not above 0, of which there is no percentage",
            got=f"mean over the kept volumes {of_region.mean[0]:.4g}",
            way_out="take the preprocessed images before any centering, scaling or band-pass",
        )
    return of_region


@dataclass(frozen=True)
class ClipGeometry:
    """What a design says of single clips before there are data, whitened for one rho.

    Attributes
    ----------
    weights
        Of the volumes in the clip's numerator, (volumes, clips).
    own
        Squared length of each clip's regressor outside the design, (clips,).
    common
        Each clip's share in its condition's coefficient, (clips,).
    variance
        Of each clip's estimate at a noise variance of 1, (clips,); NaN where it cannot be told from the rest.
    alone
        Clips that are the only one of their condition, (clips,): the condition's coefficient is theirs.
    """

    weights: Array
    own: Array
    common: Array
    variance: Array
    alone: NDArray[np.bool_]


def clip_geometry(design: Design, rho: float = 0.0) -> ClipGeometry:
    """Geometry of the single-clip models of a design.

    Parameters
    ----------
    design
        The run's design; every event of its conditions is a clip.
    rho
        Autocorrelation of the noise.
    """
    events = design.events
    shown = zip(events.onset.to_numpy(float), events.duration.to_numpy(float), strict=True)
    clips = np.column_stack(
        [regressors([onset], [lasted], design.frame_times_s, hrf=design.hrf)[:, 0] for onset, lasted in shown]
    )
    lengths = np.linalg.norm(design.matrix, axis=0)
    q, r = np.linalg.qr(whitened(design.matrix / lengths, rho))
    white = whitened(clips, rho)
    on_q = q.T @ white
    outside = white - q @ on_q
    own = np.sum(outside**2, axis=0)
    condition = np.array([design.names.index(name) for name in events.trial_type])
    common = (linalg.solve_triangular(r, on_q) / lengths[:, None])[condition, np.arange(len(events))]
    back = linalg.solve_triangular(r, np.eye(len(r))) / lengths[:, None]
    pooled = np.sum(back[condition] ** 2, axis=1)
    alone = ~events.trial_type.duplicated(keep=False).to_numpy()
    told = own > _ALIASED * np.sum(white**2, axis=0)
    own, common = np.where(told, own, np.nan), np.where(alone, 1.0, common)
    variance = np.where(alone, pooled, pooled + (1 - common) ** 2 / own)
    back_in_time = outside.copy()  # W' of what is outside, so that series need no whitening
    back_in_time[:-1] -= rho * outside[1:]
    return ClipGeometry(back_in_time, own, common, variance, alone)


@dataclass(frozen=True)
class Clips:
    """Percent signal change of every single clip.

    Attributes
    ----------
    events
        The clips in the columns' order: ``onset, duration, trial_type, row`` (as in `Design.events`).
    value, se
        (voxels, clips), in percent; NaN where a clip cannot be told from the rest of the design, as when its volumes
        were set aside.
    df
        Degrees of freedom, (clips,).
    """

    events: pd.DataFrame
    value: Array
    se: Array
    df: Array

    def table(self, voxel: int = 0) -> pd.DataFrame:
        """One row per clip: its event, ``value``, ``se`` and ``df``."""
        return self.events.assign(value=self.value[voxel], se=self.se[voxel], df=self.df)


def single_clips(data: ArrayLike, fit: Fit) -> Clips:
    """Estimate every clip by itself (LSS), in percent of the level at rest.

    With derivatives in the model, those stay pooled by condition.

    Parameters
    ----------
    data
        The series behind the model, (voxels, volumes); for a region the mean of its voxels, (1, volumes).
    fit
        Their model.

    Raises
    ------
    InputError
        If the data are not those of the model, or no degree of freedom is left for a clip of its own.
    """
    series = np.asarray(data, float)
    design = fit.design
    if series.shape != (len(fit.rho), len(design.matrix)):
        raise fail(
            InputError,
            "data",
            "are not those of the model",
            got=f"shape {series.shape}",
            accepted=f"({len(fit.rho)} voxels, {len(design.matrix)} volumes)",
        )
    if design.df < 2:
        raise fail(
            InputError, "design", "leaves no degree of freedom for single clips", got=f"df {design.df}"
        )
    column = {name: k for k, name in enumerate(design.names[k] for k in fit.columns)}
    pooled = fit.beta[:, [column[name] for name in design.events.trial_type]].astype(float)
    value, variance = np.empty(pooled.shape), np.empty(pooled.shape)
    alone = np.zeros(pooled.shape[1], bool)
    with one_thread():
        for rho in fit.unscaled:
            geometry = clip_geometry(design, rho)
            these, alone = fit.rho == rho, geometry.alone
            own = np.where(alone, 1.0, geometry.own)  # times a difference of 0
            difference = (series[these] - fit.mean[these, None]) @ geometry.weights / own
            value[these] = pooled[these] + (1 - geometry.common) * difference
            rss = fit.sigma2[these, None] * design.df
            sigma2 = np.where(alone, rss / design.df, (rss - difference**2 * own) / (design.df - 1))
            variance[these] = sigma2 * geometry.variance
    value = np.where(np.isfinite(variance), value, np.nan)
    scale = 100.0 / baseline(fit)[:, None]
    return Clips(
        design.events, value * scale, np.sqrt(variance) * scale, np.where(alone, design.df, design.df - 1)
    )
