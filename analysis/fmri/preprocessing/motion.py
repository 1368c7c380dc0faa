r"""Rigid head motion of a run, by Gauss-Newton with derivatives of the reference only.

Inverse compositional alignment (Baker & Matthews 2004, IJCV 56:221; least squares for realignment as Friston et al.
1995, Human Brain Mapping 3:165, and 3dvolreg of AFNI): with the reference :math:`r`, a volume :math:`v` and its motion
:math:`M`, each step solves

.. math:: \min_{\delta, g} \sum_i w_i \, [v(M x_i) - g \, r(W(\delta) x_i)]^2, \qquad M \leftarrow M W(\delta)^{-1}

over points :math:`x_i` of a coarse lattice in the head, so the derivatives of :math:`r` are computed once per run.
The gain :math:`g` is estimated along, so that a brighter volume does not look like a moved one; Tukey's weights
:math:`w_i` keep what moves by itself (eyes, jaw, activation) from pulling; points that leave the field of view are
left out of cost and step. What is left of task-related brightness: 3 % in a region of 19 mm FWHM moves the estimate by
less than .01 mm, in one of 38 mm at the head's edge by .02 to .03 mm (plain least squares .03 and .05).

Volumes are smoothed by a Gaussian and then taken as coefficients of a cubic B-spline, which smooths a little more
instead of interpolating. Such a spline loses the same detail wherever between the voxels it is read; an interpolating
one keeps more at voxels' centers than between them and so draws estimates to whole voxels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import ndimage

from analysis.fmri.preprocessing.resampling import Grid, Volume, Volumes, interpolate, not_finite
from analysis.fmri.preprocessing.rigid import (
    SPHERE_MM,
    Array,
    framewise_displacement,
    grid_center,
    inverse,
    matrix_of,
    parameters_of,
)
from analysis.models.threads import one_thread
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.progress import progress

_STEPS = 50
_TUKEY = 4.685  # 95 % efficiency with normal residuals
_IN_REFERENCE = 16  # volumes averaged: noise is down to a quarter, and more cost time
_DARK, _FLAT = 0.1, 0.1  # of the bright and of the steep points: below both, a point tells nothing
_FEWEST_POINTS = 100
_SHARE_IN_VIEW = 0.25  # of the points; below, what is still seen may be anything
_GAIN = (0.5, 2.0)  # a volume much darker or brighter is no picture of the same head
_CONVERGED_SHARE = 0.9


@dataclass(frozen=True)
class MotionSettings:
    """What can change the estimates.

    Attributes
    ----------
    reference
        ``"mean"``: the mean of up to 16 volumes, those most like the run's median, after a first alignment to the
        most typical one. Or the index of one volume, from 0.
    grid_mm
        Spacing of the lattice.
    smoothing_mm
        FWHM of the Gaussian before alignment; the volumes themselves are not changed.
    converged_mm
        A volume has converged when a step moves no point of a 50 mm sphere by more than this.
    """

    reference: Literal["mean"] | int = "mean"
    grid_mm: float = 8.0
    smoothing_mm: float = 6.0
    converged_mm: float = 0.002


@dataclass(frozen=True)
class Motion:
    """How a head moved during a run.

    Attributes
    ----------
    parameters
        ``trans_x … rot_z``, (volumes, 6), mm and rad; see `rigid` for signs and center.
    matrices
        From the reference to each volume, (volumes, 4, 4), mm of the world.
    center
        Point about which the head turns, mm, (3,).
    converged
        (volumes,). A volume that did not has the estimate of the one before it, so that it can be resampled,
        and an unknown framewise displacement.
    gain
        Brightness of each volume relative to the reference, (volumes,); NaN where not converged.
    reference
        The volume aligned to, (x, y, z) float32: the mean, or the one asked for.
    """

    parameters: Array
    matrices: Array
    center: Array
    converged: np.ndarray
    gain: Array
    reference: Volume

    @property
    def framewise_displacement(self) -> Array:
        """FD (Power et al. 2012) in mm, (volumes,): NaN for the first, and where either volume did not converge."""
        distance = framewise_displacement(self.parameters)
        unknown = ~self.converged
        distance[unknown | np.r_[False, unknown[:-1]]] = np.nan
        return distance

    @property
    def note(self) -> str:
        """What a reader has to know about volumes that did not converge; empty if all did."""
        return "" if self.converged.all() else f"{_lost(self.converged)}: they are in no model"


@dataclass(frozen=True)
class _Template:
    """Points of the reference's head, mm (n, 3), with intensity, its derivatives (n, 6), and how restless each is."""

    points: Array
    intensity: Array
    slopes: Array
    center: Array
    noise: Array


@dataclass(frozen=True)
class _Aligned:
    matrix: Array
    gain: float
    converged: bool
    residual: (
        Array  # at the template's points, in the reference's brightness; NaN outside of the field of view
    )


def estimate_motion(run: Volumes, settings: MotionSettings | None = None) -> Motion:
    """Estimate the head's rigid motion in every volume of a run.

    Parameters
    ----------
    run
        The run; each volume is read up to four times, one at a time, mostly in order.
    settings
        Reference, lattice, smoothing, convergence; the default ones if None.

    Returns
    -------
    Motion
        Deterministic: the same run gives the same bits on one machine.

    Raises
    ------
    InputError
        If the run has fewer than two volumes, or volumes that are empty or not finite (all of them are named), if
        there is nothing to align, or if fewer than 90 % of the volumes converge.
    """
    settings = settings or MotionSettings()
    _check_run(run, settings)
    with one_thread():
        typical = _survey(run, settings.grid_mm)
        if settings.reference == "mean":
            reference = _mean(run, typical, settings)
        else:
            reference = np.asarray(run.volume(settings.reference), np.float32)
        return _followed(run, reference, settings)


def _followed(run: Volumes, reference: Volume, settings: MotionSettings) -> Motion:
    """Align every volume to `reference`, each from where the last one was found; then again, restless points weighted.

    Activation and eyes change their points in many volumes. Weighted by what is left of each point over time, their
    fringes do not pull either, which are too faint in any one volume for Tukey's weights.
    """
    template = _template(reference, run.affine, settings)
    found, here = [], np.eye(4)
    for index in progress(range(run.n_volumes), "head motion"):
        found.append(_align(run.volume(index), run.affine, template, here, settings))
        here = found[-1].matrix
    _check_converged(found)
    template = replace(template, noise=_restlessness([one.residual for one in found if one.converged]))
    for index in progress(range(run.n_volumes), "head motion, weighted"):
        start = found[index if found[index].converged else max(index - 1, 0)].matrix
        found[index] = _align(run.volume(index), run.affine, template, start, settings)
    _check_converged(found)
    matrices = np.stack([one.matrix for one in found])
    return Motion(
        parameters_of(matrices, template.center),
        matrices,
        template.center,
        np.array([one.converged for one in found]),
        np.array([one.gain for one in found]),
        reference,
    )


def _check_converged(found: list[_Aligned]) -> None:
    converged = np.array([one.converged for one in found])
    if converged.mean() < _CONVERGED_SHARE:
        raise fail(
            InputError, "the run", "cannot be aligned", got=_lost(converged),
            accepted=f"at least {_CONVERGED_SHARE:.0%} of the volumes converge",
            way_out="look at these volumes; cut away the ones that do not show the head, or set the run aside",
        )  # fmt: skip


def _lost(converged: np.ndarray) -> str:
    lost = np.flatnonzero(~converged) + 1
    return (
        f"motion could not be estimated for {len(lost)} of {len(converged)} volumes (volume {listed(lost)})"
    )


def _check_run(run: Volumes, settings: MotionSettings) -> None:
    if len(run.shape) != 3 or min(run.shape) < 4:
        raise fail(InputError, "the run", "has no volumes that can turn", got=" × ".join(map(str, run.shape)),
                   accepted="at least 4 voxels along x, y and z",
                   way_out="a slice or a single volume is no run; is this the right file?")  # fmt: skip
    if run.n_volumes < 2:
        raise fail(InputError, "the run", "has no motion to estimate", got=f"{run.n_volumes} volume",
                   accepted="at least 2 volumes", way_out="is this the reference image of a run?")  # fmt: skip
    if settings.reference != "mean" and not 0 <= settings.reference < run.n_volumes:
        raise fail(InputError, "reference", "is not a volume of this run", got=str(settings.reference),
                   accepted=f"0 to {run.n_volumes - 1}, or 'mean'", way_out="take 'mean'")  # fmt: skip


def _survey(run: Volumes, grid_mm: float) -> np.ndarray:
    """Refuse unusable volumes, all at once; indices of the others from the most typical one on."""
    steps = [max(1, round(grid_mm / edge)) for edge in _voxel_mm(run.affine)]
    coarse, faults = [], []
    for index in range(run.n_volumes):
        volume = run.volume(index)
        if missing := not_finite(volume):
            faults.append(
                Fault("the run", f"volume {index + 1} has values that are not numbers", got=f"{missing} voxels",
                      way_out="convert the run again; an earlier program may have divided by zero")
            )  # fmt: skip
        elif volume.min() == volume.max():
            faults.append(
                Fault("the run", f"volume {index + 1} is empty", got=f"{volume.min():g} in every voxel",
                      way_out="convert the run again without this volume")
            )  # fmt: skip
        coarse.append(np.ravel(volume[:: steps[0], :: steps[1], :: steps[2]]).astype(np.float32))
    if faults:
        raise InputError(faults)
    looks = np.stack(coarse)
    return np.argsort(np.abs(looks - np.median(looks, axis=0)).mean(axis=1), kind="stable")


def _mean(run: Volumes, typical: np.ndarray, settings: MotionSettings) -> Volume:
    """The mean of the most typical volumes, each aligned to the first of them; (x, y, z) float32."""
    first = np.asarray(run.volume(int(typical[0])), np.float32)
    template = _template(first, run.affine, settings)
    points = Grid(run.shape, run.affine).points()
    to_voxels = np.linalg.inv(run.affine)
    total, count, here = np.ravel(first).astype(float), np.ones(first.size), np.eye(4)
    for index in progress(np.sort(typical[1:_IN_REFERENCE]), "reference of head motion"):
        volume = run.volume(int(index))
        aligned = _align(volume, run.affine, template, here, settings)
        if not aligned.converged:
            continue  # said when all volumes are aligned to the mean
        here = aligned.matrix
        chain = to_voxels @ here
        values, inside = interpolate(volume, chain[:3, :3] @ points + chain[:3, 3:])
        total += values / aligned.gain
        count += inside
    return (total / count).reshape(run.shape).astype(np.float32)


def _template(reference: Volume, affine: np.ndarray, settings: MotionSettings) -> _Template:
    """Choose the lattice's points that tell something, and differentiate the reference there."""
    spline = _smooth(reference, affine, settings.smoothing_mm)
    edges = _voxel_mm(affine)
    axes = []
    for size, edge in zip(reference.shape, edges, strict=True):
        step = settings.grid_mm / edge
        slack = (size - 3) % step / 2  # the lattice lies in the middle of what can be read without an edge
        axes.append(np.arange(1 + slack, size - 2 + 1e-9, step))
    places = np.stack(np.meshgrid(*axes, indexing="ij")).reshape(3, -1)
    intensity = _read(spline, places)
    half = 0.05  # voxels; a piecewise cubic has exact enough differences
    slopes = np.stack(
        [_read(spline, places + d) - _read(spline, places - d) for d in half * np.eye(3)[:, :, None]]
    )
    gradient = (slopes / (2 * half)).T @ np.linalg.inv(affine[:3, :3])  # per mm of the world
    steepness = np.linalg.norm(gradient, axis=1)
    bright = float(np.percentile(np.abs(reference), 98))
    tells = (intensity > _DARK * bright) | (steepness > _FLAT * np.percentile(steepness, 95))
    tells &= steepness > 0
    if tells.sum() < _FEWEST_POINTS:
        raise fail(
            InputError, "the run", "has too little structure to be aligned",
            got=f"{tells.sum()} points of a {settings.grid_mm:g} mm lattice with a head in them",
            accepted=f"at least {_FEWEST_POINTS}",
            way_out="does the file show a head, and are its voxel sizes right? A small one needs a smaller grid_mm",
        )  # fmt: skip
    points = (affine[:3, :3] @ places[:, tells] + affine[:3, 3:]).T
    x, y, z = reference.shape
    center = grid_center((x, y, z), affine)
    turning = np.cross(points - center, gradient[tells])
    slopes = np.hstack([gradient[tells], turning])
    return _Template(points, intensity[tells], slopes, center, np.ones(len(points)))


def _align(
    volume: np.ndarray, affine: np.ndarray, template: _Template, start: Array, settings: MotionSettings
) -> _Aligned:
    """Where the head is in `volume`; not converged: at `start` still."""
    spline = _smooth(volume, affine, settings.smoothing_mm)
    to_voxels = np.linalg.inv(affine)
    upper = np.array(volume.shape, float)[:, None] - 2
    design = np.column_stack([template.slopes, template.intensity])
    matrix, gain = start, 1.0
    for _ in range(_STEPS):
        chain = to_voxels @ matrix
        places = chain[:3, :3] @ template.points.T + chain[:3, 3:]
        from_edge = np.minimum(places - 1, upper - places).min(axis=0)
        inside = from_edge > 0
        if inside.mean() < _SHARE_IN_VIEW:
            break
        seen, expected, here = _read(spline, places[:, inside]), template.intensity[inside], design[inside]
        residual = seen - gain * expected
        noise = template.noise[inside]
        weights = _tukey(residual / noise, float(np.max(np.abs(expected / noise)))) / noise**2
        weights *= np.minimum(
            from_edge[inside], 1
        )  # fading, as points that come and go let steps go round in circles
        weighted = here * weights[:, None]
        try:
            solution = np.linalg.solve(weighted.T @ here, weighted.T @ residual)
        except np.linalg.LinAlgError:
            break
        gain += solution[6]
        if not _GAIN[0] < gain < _GAIN[1]:
            break
        step = solution[:6] / gain
        matrix = matrix @ inverse(matrix_of(step, template.center))
        if np.linalg.norm(step[:3]) + SPHERE_MM * np.linalg.norm(step[3:]) < settings.converged_mm:
            left = np.full(len(inside), np.nan)
            left[inside] = residual / gain
            return _Aligned(matrix, gain, True, left)
    return _Aligned(start, np.nan, False, np.full(len(template.points), np.nan))


def _restlessness(residuals: list[Array]) -> Array:
    """SD over time of each point, (n,), relative to a quiet one and never below it."""
    series = np.stack(residuals)
    seen = np.isfinite(series)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, series, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(seen, (series - mean) ** 2, 0).sum(axis=0) / count)
    quiet = float(np.percentile(spread[count > 1], 25))
    return np.maximum(spread / quiet, 1.0) if quiet > 0 else np.ones(len(spread))


def _tukey(residual: Array, brightest: float) -> Array:
    """Tukey's biweight, its scale from the median absolute residual; all 1 where the fit is exact."""
    scale = 1.4826 * float(np.median(np.abs(residual)))
    if scale < 1e-6 * brightest:
        return np.ones_like(residual)
    return np.clip(1 - (residual / (_TUKEY * scale)) ** 2, 0, None) ** 2


def _smooth(volume: np.ndarray, affine: np.ndarray, fwhm_mm: float) -> Volume:
    sigma = fwhm_mm / np.sqrt(8 * np.log(2)) / _voxel_mm(affine)
    return np.asarray(ndimage.gaussian_filter(np.asarray(volume, np.float32), sigma, truncate=3.0))


def _read(spline: np.ndarray, places: Array) -> Array:
    """A B-spline whose coefficients are `spline`, at places (3, n) in voxels at least one voxel from the edge."""
    return np.asarray(ndimage.map_coordinates(spline, places, output=float, order=3, prefilter=False))


def _voxel_mm(affine: np.ndarray) -> Array:
    return np.linalg.norm(np.asarray(affine, float)[:3, :3], axis=0)
