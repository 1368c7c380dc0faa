"""Rigid motion correction beside ANTs: time per volume, and error against planted motion.

A head (nilearn's template, read once at moved places, with noise) jerks by some mm. Error is the mean displacement over
the head between planted and estimated transforms, the frame common to all volumes taken out. ANTs registers a few
volumes only, because each takes it a second; SimpleITK is not among bazin's packages and left out.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from typing import Any

import numpy as np
from scipy import ndimage

from analysis.fmri.preprocessing.motion import estimate_motion
from analysis.fmri.preprocessing.resampling import Grid, Loaded
from analysis.fmri.preprocessing.rigid import grid_center, inverse, matrix_of
from benchmarks.timing import Comparison

SHAPE, VOXEL_MM = (64, 64, 36), (3.3, 3.3, 3.5)
VOLUMES, OF_ANTS = 80, 6
NOISE = 0.015  # of tissue: a raw tSNR of about 70
TOLERANCE_MM = 0.04


def run() -> list[Comparison]:
    """All comparisons of this module."""
    print("SimpleITK is not installed: no comparison of motion correction with it")
    planted = _wander()
    moving = _measured(planted)
    return [_beside_ants(moving, planted)]


def _beside_ants(moving: Loaded, planted: np.ndarray) -> Comparison:
    started = time.perf_counter()
    found = estimate_motion(moving)
    ours_s = (time.perf_counter() - started) / VOLUMES
    tracemalloc.start()
    estimate_motion(Loaded(moving.data[..., :12], moving.affine))  # needs one volume at a time, however many
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()

    chosen = np.linspace(1, VOLUMES - 1, OF_ANTS).astype(int)
    theirs, reference_s = _ants(moving, chosen)
    still = np.broadcast_to(np.eye(4), planted.shape)
    ours, ants = _misplaced(found.matrices, planted, moving), _misplaced(theirs, planted[chosen], moving)
    print(
        f"motion of {VOLUMES} volumes: {_misplaced(still, planted, moving).mean():.3f} mm uncorrected, "
        f"ours {ours.mean():.3f} (max {ours.max():.3f}), ANTs {ants.mean():.3f} (max {ants.max():.3f})"
    )
    size = "×".join(map(str, SHAPE))
    what = f"motion, mm, per volume of {size} (ANTs, {OF_ANTS} volumes)"
    return Comparison(what, ours_s, reference_s, peak, float(ours.mean()), TOLERANCE_MM)


def _wander() -> np.ndarray:
    """Matrices of a head that drifts, and jerks by up to 4 mm, (volumes, 4, 4)."""
    random = np.random.default_rng(1)
    steps = random.normal(0, [0.04, 0.04, 0.06, 0.0008, 0.0005, 0.0005], (VOLUMES, 6))
    for at in random.choice(np.arange(1, VOLUMES), 8, replace=False):
        steps[at] += random.uniform(-1, 1, 6) * [0.9, 0.9, 1.6, 0.02, 0.012, 0.012]
    steps[0] = 0
    return matrix_of(np.cumsum(steps, axis=0), grid_center(SHAPE, _affine()))


def _affine() -> np.ndarray:
    affine = np.diag([*VOXEL_MM, 1.0])
    affine[:3, 3] = [-104, -122, -55]
    return affine


def _measured(planted: np.ndarray) -> Loaded:
    """What a scanner sees of the moved head."""
    from nilearn.datasets import load_mni152_template

    template = load_mni152_template(resolution=2)
    head = np.asarray(template.dataobj, np.float32)
    head = ndimage.gaussian_filter(head / np.percentile(head, 98), 0.6)
    head = np.where(head > 0.05, 0.3, 0) + 1.2 * head - 0.5 * head**2  # tissues in the order of T2*
    spline = ndimage.spline_filter(head, output=np.float32)
    points = Grid(SHAPE, _affine()).points()
    random = np.random.default_rng(2)
    data = np.empty((*SHAPE, len(planted)), np.float32)
    for index, back in enumerate(np.linalg.inv(template.affine) @ inverse(planted)):
        places = back[:3, :3] @ points + back[:3, 3:]
        seen = ndimage.map_coordinates(spline, places, order=3, prefilter=False).reshape(SHAPE)
        data[..., index] = 1000 * (seen + random.normal(0, NOISE, SHAPE))
    return Loaded(data, _affine())


def _ants(moving: Loaded, chosen: np.ndarray) -> tuple[np.ndarray, float]:
    """Matrices from the first volume to the `chosen`, and seconds per volume, on one thread."""
    os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"
    import ants

    def image(index: int) -> Any:
        volume = ants.from_numpy(moving.volume(index), spacing=VOXEL_MM)
        volume.set_origin(tuple(_to_lps() @ moving.affine[:3, 3]))
        volume.set_direction(_to_lps())
        return volume

    fixed, matrices = image(0), []
    started = time.perf_counter()
    for index in chosen:
        done = ants.registration(fixed, image(int(index)), type_of_transform="Rigid", random_seed=1)
        matrices.append(_ras(ants.read_transform(done["fwdtransforms"][0])))
    return np.stack(matrices), (time.perf_counter() - started) / len(chosen)


def _to_lps() -> np.ndarray:
    return np.diag([-1.0, -1.0, 1.0])


def _ras(transform: Any) -> np.ndarray:
    """ITK's matrix about a center, in LPS, as one matrix in RAS."""
    values, center = np.asarray(transform.parameters), np.asarray(transform.fixed_parameters)
    turn = values[:9].reshape(3, 3)
    result = np.eye(4)
    result[:3, :3] = _to_lps() @ turn @ _to_lps()
    result[:3, 3] = _to_lps() @ (values[9:] + center - turn @ center)
    return result


def _misplaced(estimated: np.ndarray, planted: np.ndarray, moving: Loaded) -> np.ndarray:
    """Mean displacement over the head, (volumes,), mm."""
    points = Grid(SHAPE, moving.affine).points()
    points = points[:, np.ravel(moving.volume(0)) > 300]
    frame = np.mean(inverse(planted) @ estimated, axis=0)
    apart = estimated - planted @ frame
    return np.array([np.linalg.norm(one[:3, :3] @ points + one[:3, 3:], axis=0).mean() for one in apart])
