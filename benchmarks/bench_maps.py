"""1,000 permutations of 60 people at 2 mm on two threads, beside what nilearn would take on two processors.

Both are extrapolated: ours from some dozens of permutations, nilearn's from the time of one, halved for two processors.
"""

from __future__ import annotations

import time
import tracemalloc
import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from analysis.fmri.maps.permutation import Permuted, permute
from analysis.fmri.maps.statistics import Comparison as Groups
from analysis.fmri.maps.statistics import two_groups
from benchmarks.timing import Comparison

PROCESSORS = 2
PERMUTATIONS = 1000
GROUPS = ["child"] * 24 + ["adult"] * 36
WELCH = two_groups(GROUPS, "child")  # what is timed
POOLED = two_groups(GROUPS, "child", variances="pooled")  # what nilearn has: for the agreement
Maps = NDArray[np.float32]
Mask = NDArray[np.bool_]
T = TypeVar("T")


def run() -> list[Comparison]:
    """All comparisons of this module."""
    mask, maps = brain()
    _ours(maps, mask, 1, tfce=True, two_sided=True)  # compiles
    return [
        _largest_t(maps, mask),
        _enhanced(maps, mask, two_sided=False),
        _enhanced(maps, mask, two_sided=True),
    ]


def brain() -> tuple[Mask, Maps]:
    """An ellipsoid of 235,000 voxels of 2 mm, and smooth noise of 60 people in it."""
    shape = (91, 109, 91)
    places = [(np.arange(n) - n / 2) / radius for n, radius in zip(shape, (36, 45, 34.7), strict=True)]
    x, y, z = np.meshgrid(*places, indexing="ij")
    mask = x**2 + y**2 + z**2 < 1
    random = np.random.default_rng(1)
    maps = np.empty((len(GROUPS), np.count_nonzero(mask)), np.float32)
    for row in maps:
        row[:] = ndimage.gaussian_filter(random.standard_normal(shape, np.float32), 1.5, truncate=3)[mask]
    return mask, maps


def _largest_t(maps: Maps, mask: Mask, *, ours: int = 160, theirs: int = 10) -> Comparison:
    """The largest |t|; what nilearn does once is taken off."""
    seconds, _ = _timed(lambda: _ours(maps, mask, ours, tfce=False, two_sided=True))
    found = _ours(maps, mask, 1, tfce=False, two_sided=True, who=POOLED)
    answer = _nilearn(maps, mask, 1, tfce=False, two_sided=True)  # its imports are not counted
    once, _ = _timed(lambda: _nilearn(maps, mask, 1, tfce=False, two_sided=True))
    more, _ = _timed(lambda: _nilearn(maps, mask, 1 + theirs, tfce=False, two_sided=True))
    difference = np.max(np.abs(found.voxel.observed - answer["t"][0]))
    return _line("max-T", seconds / ours, (more - once) / theirs, float(difference), maps, mask, tfce=False)


def _enhanced(maps: Maps, mask: Mask, *, two_sided: bool, ours: int = 64) -> Comparison:
    """Exact TFCE beside sums of 100 steps (1 - r); nilearn enhances two maps for one permutation."""
    seconds, _ = _timed(lambda: _ours(maps, mask, ours, tfce=True, two_sided=two_sided))
    found = _ours(maps, mask, 1, tfce=True, two_sided=two_sided, who=POOLED)
    twice, answer = _timed(lambda: _nilearn(maps, mask, 1, tfce=True, two_sided=two_sided))
    assert found.tfce is not None
    correlation = np.corrcoef(found.tfce.observed, answer["tfce"][0])[0, 1]
    kind = "TFCE two-sided" if two_sided else "TFCE one-sided"
    return _line(kind, seconds / ours, twice / 2, 1.0 - float(correlation), maps, mask, tfce=True)


def _line(
    kind: str, ours_s: float, theirs_s: float, difference: float, maps: Maps, mask: Mask, *, tfce: bool
) -> Comparison:
    tracemalloc.start()
    _ours(maps, mask, 16 * PROCESSORS, tfce=tfce, two_sided=True)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    what = f"1,000 permutations, 2 mm, {kind} (nilearn)"
    return Comparison(
        what, PERMUTATIONS * ours_s, PERMUTATIONS * theirs_s / PROCESSORS, peak, difference, 1e-3
    )


def _ours(
    maps: Maps, mask: Mask, count: int, *, tfce: bool, two_sided: bool, who: Groups = WELCH
) -> Permuted:
    return permute(
        maps, who, mask, seed=1, n_permutations=count, tfce=tfce, two_sided=two_sided, n_threads=PROCESSORS
    )


def _nilearn(
    maps: Maps, mask: Mask, count: int, *, tfce: bool, two_sided: bool
) -> dict[str, NDArray[np.float64]]:
    import nibabel
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    child = np.array([group == "child" for group in GROUPS], float)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = NiftiMasker(nibabel.Nifti1Image(mask.astype(np.int8), np.eye(4)), verbose=0).fit()
        return permuted_ols(
            child,
            maps,
            n_perm=count,
            masker=masker,
            tfce=tfce,
            two_sided_test=two_sided,
            random_state=1,
            verbose=0,
        )


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found
