"""What a scanned person costs: wall time and peak memory against the number of volumes, and of a map against people.

A moving head (as in `bench_motion`) is preprocessed without an anatomy – which takes about a minute more, whatever the
run – and modeled, in a process of its own whose peak memory is read from the system. Twice the volumes should cost no
more than twice the time, and memory hardly grows: one volume is in it at a time, and the brain's voxels in the end.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.engine import fit
from analysis.fmri.maps.permutation import permute
from analysis.fmri.maps.statistics import measure, two_groups
from benchmarks.bench_motion import _affine, _measured, _wander
from benchmarks.timing import Comparison

FEW, MANY = 40, 80
TR_S, RESOLUTION_MM = 2.0, 3.0
SHAPE = (40, 48, 40)
PEOPLE = (20, 60)
GROWS = 0.6
"""How much more memory twice the volumes may need."""


def run() -> list[Comparison]:
    """All comparisons of this module."""
    return [_by_volumes(), _by_people()]


def _by_volumes() -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        measured = {n: _in_a_process(n, Path(folder)) for n in (FEW, MANY)}
    for n, (seconds, peak, found) in measured.items():
        print(
            f"a person without anatomy, {n} volumes of 64×64×36: {seconds:.1f} s, {peak:.0f} MB; tSNR {found:.0f}"
        )
    (few, little, _), (many, peak, _) = measured[FEW], measured[MANY]
    what = f"a person, {MANY} volumes beside {MANY // FEW} × {FEW} (memory)"
    return Comparison(what, many, few * MANY / FEW, peak, peak / little - 1, GROWS)


def _in_a_process(volumes: int, folder: Path) -> tuple[float, float, float]:
    """Seconds, peak MB, and the median tSNR."""
    receives, sends = multiprocessing.get_context("spawn").Pipe(duplex=False)
    work = multiprocessing.get_context("spawn").Process(target=_person, args=(volumes, folder, sends))
    work.start()
    answer: tuple[float, float, float] = receives.recv()
    work.join()
    return answer


def _person(volumes: int, folder: Path, sends: multiprocessing.connection.Connection) -> None:
    import json

    import ants
    import nibabel as nib

    from analysis.fmri.person.images import masked_series, read_mask
    from analysis.fmri.preprocessing.runs import preprocess_run
    from analysis.fmri.preprocessing.templates import bundled_template, default_grid
    from analysis.fmri.scans import open_scan

    assert ants  # loaded before the clock runs
    home = folder / f"{volumes}"
    home.mkdir()
    path = home / "sub-01_task-film_bold.nii.gz"
    image = nib.Nifti1Image(_measured(_wander()[:volumes]).data, _affine())
    image.header.set_zooms((*image.header.get_zooms()[:3], TR_S))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    del image
    path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps({"RepetitionTime": TR_S}))
    template = bundled_template(home / "template")
    grid = default_grid(template, RESOLUTION_MM)
    started = time.perf_counter()
    made = preprocess_run(open_scan(path, home), None, template, grid, home / "out")
    data = masked_series(open_scan(made.bold, home / "out"), read_mask(made.mask, grid))
    onsets = np.arange(8, volumes * TR_S - 12, 14.0)
    events = pd.DataFrame(
        {"onset": onsets, "duration": 4.0, "trial_type": np.resize(["live", "ai"], len(onsets))}
    )
    design = design_matrix(events, frame_times(volumes, TR_S), hrf="spm", highpass_hz=0.008)
    fit(data, design, noise="ar1_unbiased").contrast("ai - live")
    seconds = time.perf_counter() - started
    unit = 1e6 if sys.platform == "darwin" else 1e3
    sends.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, made.tsnr_after))


def _by_people() -> Comparison:
    mask = np.ones(SHAPE, bool)
    took, maps, comparison = {}, np.empty((0, 0), np.float32), two_groups(["a", "a", "b", "b"], "b")
    for n in PEOPLE:
        maps = np.random.default_rng(n).normal(size=(n, mask.sum())).astype(np.float32)
        groups = ["adult"] * (n // 2) + ["child"] * (n - n // 2)
        comparison = two_groups(groups, "child")
        permute(maps, comparison, mask, seed=1, n_permutations=16)  # compiled, and in the caches
        started = time.perf_counter()
        permute(maps, comparison, mask, seed=1, n_permutations=64)
        took[n] = time.perf_counter() - started
    few, many = PEOPLE
    told = f"{took[few]:.1f} s for {few} people, {took[many]:.1f} s for {many}"
    print(f"64 TFCE permutations of {mask.sum():,} voxels: {told}")
    half = many // 2
    welch = stats.ttest_ind(maps[half:].astype(float), maps[:half].astype(float), equal_var=False).statistic
    apart = float(np.abs(measure(maps, comparison).t - welch).max())
    what = f"a map, {many} people beside {many // few} × {few} (Welch's t of scipy)"
    return Comparison(what, took[many], took[few] * many / few, maps.nbytes / 1e6, apart, 1e-4)
