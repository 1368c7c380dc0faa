r"""The general linear model of one run, at every voxel at once.

Noise is independent (``ols``) or autoregressive of order 1. ``ar1`` is that of ``nilearn.glm.first_level``:
:math:`\rho` by Yule-Walker from the least-squares residuals, cut to two decimals, the series whitened by :math:`e_t
- \rho e_{t-1}` with the first volume as it is. That :math:`\rho` is too small, because residuals have lost what the
design took: with drift and six motion regressors in 160 volumes a true .30 comes out as .18, and z of a contrast
that is 0 has an SD of 1.11 and passes 1.96 in 7.7 % of voxels; volumes set aside, whose residuals are 0, make it
worse (9.6 % with a true .50 and 30 % of volumes set aside). ``ar1_unbiased`` takes instead the :math:`\rho` under
which this very design would give residuals with the autocorrelation found, an exact form of the correction of
Worsley et al. (2002, NeuroImage 15, 1-15): .30, 1.01 and 5.2 % there, and 5.7 % in the worse case.

What makes it fast is that no series is whitened. With :math:`X = QR`, the whitening :math:`W` and the least-squares
residuals :math:`e` (for which :math:`Q'e = 0`), the correction of the coefficients on :math:`Q` is
:math:`\delta = (Q'W'WQ)^{-1} Q'W'We`, and as :math:`W'W` has three diagonals,

.. math:: Q'W'We = -\rho\,Z'e - \rho^2 q_n e_n, \qquad Z_t = Q_{t-1} + Q_{t+1},

so that three products of a batch of voxels with matrices of (volumes, columns) serve every :math:`\rho`; the rest is
of the columns' size. The residual sum of squares is :math:`e'W'We - \delta' Q'W'We`, from the same sums.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import linalg

from analysis.fmri.first_level.contrasts import Contrast, weights
from analysis.fmri.first_level.design import Design
from analysis.fmri.first_level.hrf import Array
from analysis.models.threads import one_thread
from protocols.base.errors import InputError, fail, listed

NOISES = ("ar1", "ar1_unbiased", "ols")
BINS = 100
"""Values of rho per unit."""
_BATCH = 4096
_ROUNDING = 2e-5
"""How far float32 may put an autocorrelation: nearer to an edge between bins it is computed again in float64."""
_CONSTANT = 1e-6
"""A voxel whose residuals are this small beside its mean is constant but for rounding of float32."""


class Rows(Protocol):
    """Anything that gives rows of numbers: an array, a file mapped into memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows, then numbers in each."""
        ...

    def __getitem__(self, rows: slice, /) -> ArrayLike: ...


@dataclass(frozen=True)
class Fit:
    """One run's model, estimated.

    Attributes
    ----------
    design
        The run's design.
    beta
        Coefficients, (voxels, columns but those of censored volumes), float32, NaN for constant voxels.
    sigma2
        Variance of the whitened noise, (voxels,).
    rho
        Autocorrelation that was whitened, (voxels,); 0 for ``ols``.
    mean
        Mean over the kept volumes, (voxels,).
    unscaled
        For each rho the covariance of the coefficients at a variance of 1, columns as in `beta`.
    """

    design: Design
    beta: NDArray[np.float32]
    sigma2: Array
    rho: Array
    mean: Array
    unscaled: Mapping[float, Array]

    @property
    def columns(self) -> NDArray[np.intp]:
        """Which columns of the design the coefficients belong to."""
        return self.design.of_kind("task", "nuisance", "drift", "constant")

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Voxels that vary, (voxels,)."""
        return np.isfinite(self.sigma2)

    def contrast(self, contrast: str | ArrayLike) -> Contrast:
        """Effect, covariance and statistic of a contrast.

        Parameters
        ----------
        contrast
            In words (``"ai - live"``), several of these for an F contrast, or weights, (columns,) or (q, columns) over
            all columns of the design: see `analysis.fmri.first_level.contrasts.weights`.

        Raises
        ------
        InputError
            If it cannot be read or not be estimated in this run.
        """
        rows = weights(contrast, self.design)[:, self.columns]
        used = np.flatnonzero(rows.any(axis=0))
        effect = rows[:, used] @ self.beta[:, used].T.astype(float)
        covariance = np.empty((len(rows), len(rows), len(self.rho)))
        for rho, unscaled in self.unscaled.items():
            covariance[:, :, self.rho == rho] = (rows @ unscaled @ rows.T)[:, :, None]
        return Contrast(effect, covariance * self.sigma2, self.design.df, "t" if len(rows) == 1 else "F")


def fit(data: Rows, design: Design, *, noise: str = "ar1") -> Fit:
    """Estimate the model at every voxel.

    Parameters
    ----------
    data
        (voxels, volumes), read in batches of rows, computed in float32.
    design
        The run's design, of full rank.
    noise
        ``"ar1"`` (nilearn's maps), ``"ar1_unbiased"`` (errors of the right size) or ``"ols"``.

    Returns
    -------
    Fit
        Coefficients and all that contrasts need; constant voxels are NaN.

    Raises
    ------
    InputError
        If the data have another number of volumes than the design, or values that are not finite.
    """
    _refuse_unfit(data, design, noise)
    with one_thread():
        return _Estimation(design, noise).over(data)


def whitened(series: Array, rho: float) -> Array:
    """Series along the first axis, (volumes, ...), made independent; the first volume stays as it is."""
    result = np.array(series, float)
    result[1:] -= rho * np.asarray(series, float)[:-1]
    return result


class _Estimation:
    """What all voxels share, and the estimates of each batch."""

    def __init__(self, design: Design, noise: str) -> None:
        self.design, self.noise = design, noise
        self.lengths = np.linalg.norm(design.matrix, axis=0)
        self.q, self.r = np.linalg.qr(design.matrix / self.lengths)
        self.q32 = np.ascontiguousarray(self.q, np.float32)
        self.neighbors = np.zeros_like(self.q32)
        self.neighbors[1:] += self.q32[:-1]
        self.neighbors[:-1] += self.q32[1:]
        self.kept = design.kept
        self.columns = design.of_kind("task", "nuisance", "drift", "constant")
        self.constant = int(design.of_kind("constant")[0])
        self.factors: dict[float, tuple[Array, bool]] = {}
        self.grid = np.arange(1 - BINS, BINS) / BINS
        self.expected = self._expected() if noise == "ar1_unbiased" else self.grid

    def over(self, data: Rows) -> Fit:
        n_voxels = data.shape[0]
        beta = np.empty((n_voxels, len(self.columns)), np.float32)
        sigma2, rho, mean = (np.empty(n_voxels) for _ in range(3))
        for start in range(0, n_voxels, _BATCH):
            rows = slice(start, min(start + _BATCH, n_voxels))
            given = np.asarray(data[rows])
            _refuse_not_finite(given, start)
            estimates = self._of_batch(given)
            beta[rows], sigma2[rows], rho[rows], mean[rows] = estimates
        unscaled = {value: self._covariance(value) for value in np.unique(rho).tolist()}
        return Fit(self.design, beta, sigma2, rho, mean, unscaled)

    def _of_batch(self, given: NDArray[Any]) -> tuple[Array, Array, Array, Array]:
        """Coefficients, variance, rho and mean of voxels with these series, (voxels, volumes)."""
        y = np.array(given, np.float32)
        level = y.mean(axis=1, keepdims=True)
        y -= level  # float32 then carries the variation, not the level
        mean = level[:, 0].astype(float) + y[:, self.kept].mean(axis=1)
        on_q = y @ self.q32
        y -= on_q @ self.q32.T
        squares = np.einsum("vt,vt->v", y, y).astype(float)
        coefficients = on_q.astype(float)
        rho = np.zeros(len(y))
        if self.noise != "ols":
            lagged = np.einsum("vt,vt->v", y[:, 1:], y[:, :-1]).astype(float)
            rho = self._rho(squares, lagged, given)
            towards, last = (y @ self.neighbors).astype(float), y[:, -1].astype(float)
            rss = (1 + rho**2) * squares - (rho * last) ** 2 - 2 * rho * lagged
            gradient = -rho[:, None] * towards - (rho**2 * last)[:, None] * self.q[-1]
            for value in np.unique(rho).tolist():
                these = rho == value
                step = linalg.cho_solve(self._factor(value), gradient[these].T).T
                coefficients[these] += step
                rss[these] -= np.einsum("vc,vc->v", step, gradient[these])
        else:
            rss = squares
        beta = linalg.solve_triangular(self.r, coefficients.T).T / self.lengths
        beta[:, self.constant] += level[:, 0]
        sigma2 = rss / self.design.df
        still = squares <= self.kept.sum() * (_CONSTANT * level[:, 0].astype(float)) ** 2
        beta[still], sigma2[still] = np.nan, np.nan
        return beta[:, self.columns], sigma2, rho, mean

    def _rho(self, squares: Array, lagged: Array, given: NDArray[Any]) -> Array:
        """Rho of every voxel from the residuals' sums; the series are looked at where float32 leaves it open."""
        found = lagged / np.maximum(squares, np.finfo(float).tiny)
        edge = self._binned(found - _ROUNDING) != self._binned(found + _ROUNDING)
        if edge.any():
            exact = given[edge] - given[edge].mean(axis=1, keepdims=True, dtype=float)
            exact -= (exact @ self.q) @ self.q.T
            total = np.maximum(np.sum(exact**2, axis=1), np.finfo(float).tiny)
            found[edge] = np.sum(exact[:, 1:] * exact[:, :-1], axis=1) / total
        return self._binned(found)

    def _binned(self, found: Array) -> Array:
        """Rho, a multiple of 1 / `BINS`, from the residuals' autocorrelation."""
        if self.noise == "ar1_unbiased":
            return np.asarray(np.rint(np.interp(found, self.expected, self.grid) * BINS) / BINS)
        n = len(self.kept)
        return np.asarray(np.trunc(np.clip(found * n / (n - 1), self.grid[0], self.grid[-1]) * BINS) / BINS)

    def _expected(self) -> Array:
        """Autocorrelation that this design's residuals are expected to have, for each rho of the grid, rising."""
        maker = np.eye(len(self.q)) - self.q @ self.q.T
        lagged = maker[:, :-1] @ maker[1:]  # E e_t e_(t-1) = tr(R S R V), S the shift by one volume
        powers = self.grid[:, None] ** np.arange(len(maker))
        sums = []
        for matrix in (lagged, maker):
            diagonals = [np.trace(matrix, k) + np.trace(matrix, -k) for k in range(len(maker))]
            diagonals[0] /= 2
            sums.append(powers @ np.array(diagonals))
        return np.maximum.accumulate(sums[0] / sums[1])

    def _factor(self, rho: float) -> tuple[Array, bool]:
        """Cholesky factor of Q'W'WQ."""
        if rho not in self.factors:
            white = whitened(self.q, rho)
            self.factors[rho] = linalg.cho_factor(white.T @ white)
        return self.factors[rho]

    def _covariance(self, rho: float) -> Array:
        back = linalg.solve_triangular(self.r, np.eye(len(self.r)))[self.columns]
        made = back @ linalg.cho_solve(self._factor(rho), back.T)
        return np.asarray(made / np.outer(self.lengths[self.columns], self.lengths[self.columns]))


def _refuse_unfit(data: Rows, design: Design, noise: str) -> None:
    if noise not in NOISES:
        raise fail(
            InputError, "noise", "is not a model this version knows", got=noise, accepted=listed(NOISES)
        )
    if len(data.shape) != 2 or data.shape[1] != len(design.matrix) or not data.shape[0]:
        raise fail(
            InputError,
            "data",
            "do not fit the design",
            got=f"shape {data.shape}",
            accepted=f"(voxels, {len(design.matrix)} volumes) with at least one voxel",
            way_out="check that image, events and confounds belong to the same run",
        )


def _refuse_not_finite(batch: NDArray[Any], start: int) -> None:
    if np.isfinite(batch.sum(dtype=float)):  # a NaN or infinity anywhere shows in the sum
        return
    bad = ~np.isfinite(batch)
    raise fail(
        InputError,
        "data",
        "have values that are not finite",
        got=f"voxels {listed(start + np.flatnonzero(bad.any(axis=1)), limit=4)} in volumes "
        f"{listed(np.flatnonzero(bad.any(axis=0)) + 1, limit=4)} (the first volume is 1)",
        way_out="take such voxels out of the mask, and set such volumes to a number and aside",
    )
