"""First level beside nilearn: two runs in memory, AR(1), one contrast over both, and single clips beside a loop."""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.fmri.first_level.contrasts import combine
from analysis.fmri.first_level.design import Design, design_matrix, frame_times
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.hrf import regressors
from analysis.fmri.first_level.signal_change import baseline, region, single_clips
from analysis.models.threads import one_thread
from benchmarks.timing import Comparison, compare

SHAPE = (40, 40, 25)
VOLUMES = 300
AGREE_T = 0.05
"""Largest difference of two t maps that counts as the same."""
AGREE_R = 0.9999


def run() -> list[Comparison]:
    """All comparisons of this module."""
    designs = [_design(seed) for seed in (1, 2)]
    with one_thread():
        return [_maps(designs, noise) for noise in ("ols", "ar1")] + [_clips(designs[0])]


def _design(seed: int) -> Design:
    """Sixty clips of 4 s in three conditions over 10 minutes, six random nuisance regressors."""
    random = np.random.default_rng(seed)
    onsets = 6 + np.cumsum(random.uniform(8.5, 10.5, 58)) - 8.5
    shown = pd.DataFrame(
        {"onset": onsets, "duration": 4.0, "trial_type": np.resize(["live", "ai", "cartoon"], 58)}
    )
    moved = pd.DataFrame(np.cumsum(random.normal(size=(VOLUMES, 6)), axis=0)).rename(columns=str)
    times = frame_times(VOLUMES, 2.0)
    return design_matrix(shown, times, hrf="spm", highpass_hz=1 / 128, confounds=moved)


def _simulated(design: Design, seed: int) -> NDArray[np.float32]:
    """(x, y, z, volumes) with responses, and noise with memory."""
    random = np.random.default_rng(seed)
    n_voxels = int(np.prod(SHAPE))
    noise = random.normal(size=(VOLUMES, n_voxels)).astype(np.float32)
    memory = random.uniform(0, 0.6, n_voxels).astype(np.float32)
    for k in range(1, VOLUMES):
        noise[k] += memory * noise[k - 1]
    response = design.matrix[:, :3] @ random.normal(0, 3, (3, n_voxels))
    return (800 + response.T + 6 * noise.T).astype(np.float32).reshape(*SHAPE, VOLUMES)


def _maps(designs: list[Design], noise: str) -> Comparison:
    """The t map of one contrast over two runs, from 4D images to the map."""
    import nibabel
    from nilearn.glm.first_level import FirstLevelModel

    runs = [_simulated(design, seed) for seed, design in enumerate(designs)]
    inside = np.ones(SHAPE, bool)
    inside[:2] = False
    images = [nibabel.Nifti1Image(run, np.diag([2.0, 2.0, 2.0, 1.0])) for run in runs]
    mask = nibabel.Nifti1Image(inside.astype(np.uint8), images[0].affine)

    def ours() -> NDArray[np.float64]:
        fits = (fit(run[inside], design, noise=noise) for run, design in zip(runs, designs, strict=True))
        return combine([of_run.contrast("ai - live") for of_run in fits]).statistic

    def theirs() -> NDArray[np.float64]:
        model = FirstLevelModel(mask_img=mask, noise_model=noise, signal_scaling=False, standardize=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(images, design_matrices=[design.frame() for design in designs])
            found = model.compute_contrast("ai - live", output_type="stat")
        return np.asarray(found.dataobj)[inside]

    (ours_s, peak, a), (theirs_s, their_peak, b) = _measured(ours), _measured(theirs)
    r, farthest = float(np.corrcoef(a, b)[0, 1]), float(np.max(np.abs(a - b)))
    what = f"first level {noise}, 2 x {VOLUMES} x {len(a) // 1000}k voxels (nilearn, {their_peak:.0f} MB)"
    return Comparison(what, ours_s, theirs_s, peak, farthest if r > AGREE_R else 1 - r + AGREE_T, AGREE_T)


def _clips(design: Design) -> Comparison:
    """Single-clip responses of a region, beside one model for each clip."""
    data = 500 + np.random.default_rng(5).normal(size=(1, VOLUMES))
    estimated = region(data, design)
    level = baseline(estimated)[0]
    rho, white = float(estimated.rho[0]), np.eye(VOLUMES)
    white -= rho * np.eye(VOLUMES, k=-1)

    def ours() -> NDArray[np.float64]:
        return single_clips(data, estimated).value[0]

    def theirs() -> NDArray[np.float64]:
        values = []
        for event in design.events.itertuples():
            own = regressors([event.onset], [event.duration], design.frame_times_s)[:, 0]
            others = design.matrix.copy()
            others[:, design.names.index(event.trial_type)] -= own
            x = white @ np.column_stack([own, others])
            values.append(np.linalg.lstsq(x, white @ data[0], rcond=None)[0][0])
        return 100 * np.array(values) / level

    return compare(f"{len(design.events)} single clips (a model for each)", ours, theirs, tolerance=1e-5)


def _measured(
    work: Callable[[], NDArray[np.float64]],
) -> tuple[float, float, NDArray[np.float64]]:
    """Seconds, largest memory in MB (in a second go, as watching it takes time) and the result."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    tracemalloc.start()
    result = work()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return seconds, peak, result
