"""Permutation over a brain: its size, its power, nilearn beside it, and the same bytes for a seed."""

import warnings

import numpy as np
import pytest
from scipy import ndimage, stats

from analysis.fmri.maps import permutation
from analysis.fmri.maps.permutation import corrected_p, permute
from analysis.fmri.maps.statistics import measure, one_group, two_groups
from protocols.base.errors import InputError

SHAPE = (10, 11, 9)
MASK = np.ones(SHAPE, bool)
MASK[0, 0] = MASK[5:7, 5, 5] = False
GROUPS = ["child"] * 12 + ["adult"] * 15


def smooth_maps(people: int, seed: int, effect: float = 0.0, first: int = 12):
    """Smooth noise of SD 1; `effect` in a block of the `first` people."""
    random = np.random.default_rng(seed)
    volumes = ndimage.gaussian_filter(random.standard_normal((people, *SHAPE)), (0, 1, 1, 1))
    volumes /= volumes.std()
    volumes[:first, 3:6, 3:6, 2:5] += effect
    return volumes[:, MASK].astype(np.float32)


PLANTED = np.zeros(SHAPE, bool)
PLANTED[3:6, 3:6, 2:5] = True


@pytest.mark.parametrize("two_sided", [True, False])
def test_a_planted_blob_is_found_and_hardly_anything_else(two_sided):
    maps = smooth_maps(27, 1, effect=2.5)
    found = permute(
        maps,
        two_groups(GROUPS, "child"),
        MASK,
        seed=1,
        n_permutations=199,
        two_sided=two_sided,
        cluster_threshold=3.0,
    )
    inside = PLANTED[MASK]
    far = ~ndimage.binary_dilation(PLANTED, iterations=2)[MASK]
    for one in (found.voxel, found.tfce, found.cluster_mass):
        assert np.mean(one.p[inside] <= 0.05) > 0.7
        assert np.all(one.p[far] > 0.05)
        assert one.p.min() == pytest.approx(1 / 200)
        assert len(one.largest) == 199
    assert found.cluster_size[inside].max() >= 20
    assert np.array_equal(found.cluster_size > 0, found.cluster_mass.observed != 0)


def test_a_negative_effect_is_found_by_two_sides_only():
    maps = smooth_maps(27, 2, effect=-2.5)
    comparison = two_groups(GROUPS, "child")
    both = permute(maps, comparison, MASK, seed=1, n_permutations=99, cluster_threshold=3.0)
    one = permute(maps, comparison, MASK, seed=1, n_permutations=99, two_sided=False, cluster_threshold=3.0)
    inside = PLANTED[MASK]
    for name in ("voxel", "tfce", "cluster_mass"):
        assert np.median(getattr(both, name).p[inside]) <= 0.05
        assert np.median(getattr(both, name).observed[inside]) < 0
        assert getattr(one, name).p[inside].min() > 0.05


def test_turning_the_contrast_turns_the_signs_and_keeps_the_p():
    maps = smooth_maps(27, 3, effect=1.0)
    a, b = (
        permute(maps, two_groups(GROUPS, group), MASK, seed=4, n_permutations=50, cluster_threshold=2.0)
        for group in ("child", "adult")
    )
    for name in ("voxel", "tfce", "cluster_mass"):
        assert getattr(a, name).observed == pytest.approx(-getattr(b, name).observed, rel=1e-4, abs=1e-3)
        assert np.array_equal(getattr(a, name).p, getattr(b, name).p)


@pytest.mark.parametrize(
    "comparison", [two_groups(GROUPS, "child"), one_group(27)], ids=["exchanged", "flipped"]
)
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(comparison):
    maps = smooth_maps(27, 5)
    settings = {"n_permutations": 70, "cluster_threshold": 2.0}
    one, two = (permute(maps, comparison, MASK, seed=9, n_threads=n, **settings) for n in (1, 3))
    other = permute(maps, comparison, MASK, seed=10, **settings)
    for name in ("voxel", "tfce", "cluster_mass"):
        assert getattr(one, name).largest.tobytes() == getattr(two, name).largest.tobytes()
        assert getattr(one, name).p.tobytes() == getattr(two, name).p.tobytes()
        assert not np.array_equal(getattr(one, name).largest, getattr(other, name).largest)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e5])
def test_neither_the_unit_nor_a_large_mean_matters(unit):
    maps = smooth_maps(27, 6).astype(float)
    comparison = two_groups(GROUPS, "child")
    plain = permute(maps, comparison, MASK, seed=1, n_permutations=20)
    moved = permute((maps + 300) * unit, comparison, MASK, seed=1, n_permutations=20)
    assert moved.tfce.largest == pytest.approx(plain.tfce.largest, rel=1e-3)
    assert np.array_equal(moved.tfce.p, plain.tfce.p)


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize("variances", ["by group", "pooled"])
@pytest.mark.parametrize("covariates", [0, 2])
def test_every_permutation_is_the_whole_model_fitted_anew(flips, variances, covariates):
    random = np.random.default_rng(7)
    maps = random.standard_normal((27, 30)) * np.r_[np.full(12, 3.0), np.ones(15)][:, None]
    beside = random.standard_normal((27, covariates))
    comparison = (
        one_group(27, covariates=beside)
        if flips
        else two_groups(GROUPS, "child", covariates=beside, variances=variances)
    )
    found = permute(maps[:, :1], comparison, np.ones((1, 1, 1), bool), seed=2, n_permutations=40, tfce=False)
    left = maps - comparison.nuisance @ (comparison.nuisance.T @ maps)
    orders = permutation._draw(comparison, 40, 2)
    anew = [measure(left * row[:, None] if flips else left[row], comparison).t[0] for row in orders]
    assert found.voxel.largest == pytest.approx(np.abs(anew), rel=1e-4, abs=1e-5)


def rejected(maps, comparison, n_permutations: int = 199) -> float:
    """Share of voxels with an uncorrected permutation p of at most .05."""
    one = np.ones((maps.shape[1], 1, 1), bool)
    ready = permutation._prepare(maps, comparison, np.ones(maps.shape[1], bool), one, True, False, None)
    chance = permutation._statistics(
        ready, permutation._draw(comparison, n_permutations, 3), comparison.flips
    )
    b = np.sum(np.abs(chance) >= np.abs(measure(maps, comparison).t), axis=0)
    return float(np.mean((b + 1) / (n_permutations + 1) <= 0.05))


def test_unequal_groups_of_unequal_spread_keep_the_size_with_welch_and_lose_it_pooled():
    random = np.random.default_rng(8)
    maps = random.standard_normal((54, 6000)) * np.r_[np.full(20, 2.0), np.ones(34)][:, None]
    groups = ["child"] * 20 + ["adult"] * 34
    # A set of 199 permutations is shared by all voxels, whose own chance adds to the binomial one: hence .06, not .057.
    assert 0.043 < rejected(maps, two_groups(groups, "child")) < 0.060
    assert rejected(maps, two_groups(groups, "child", variances="pooled")) > 0.075


@pytest.mark.parametrize("spread", [(1.0, 1.0), (2.0, 1.0), (1.0, 2.0)])
def test_a_covariate_that_goes_with_the_group_takes_its_part_and_leaves_the_size(spread):
    random = np.random.default_rng(9)
    is_child = np.arange(54) < 20
    motion = random.standard_normal(54) + 2.0 * is_child
    noise = random.standard_normal((54, 6000)) * np.where(is_child, *spread)[:, None]
    maps = noise + 0.8 * motion[:, None]
    groups = np.where(is_child, "child", "adult").tolist()
    assert 0.040 < rejected(maps, two_groups(groups, "child", covariates=motion)) < 0.062
    assert rejected(maps, two_groups(groups, "child")) > 0.5


def test_in_a_brain_without_an_effect_something_is_found_as_rarely_as_promised():
    sets, names = 120, ("voxel", "tfce", "cluster_mass")
    comparison = two_groups(GROUPS, "child")
    hits = dict.fromkeys(names, 0)
    for k in range(sets):
        found = permute(
            smooth_maps(27, 100 + k), comparison, MASK, seed=k, n_permutations=39, cluster_threshold=2.5
        )
        for name in names:
            hits[name] += getattr(found, name).p.min() <= 0.05
    for name in names:
        assert stats.binom.sf(hits[name] - 1, sets, 0.05) > 0.001, hits
        assert hits[name] >= 1, hits


def test_nilearn_finds_the_same_p():
    import nibabel
    from nilearn.maskers import NiftiMasker
    from nilearn.mass_univariate import permuted_ols

    maps = smooth_maps(27, 11, effect=1.0)
    child = np.array([group == "child" for group in GROUPS], float)[:, None]
    n = 300
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        masker = NiftiMasker(nibabel.Nifti1Image(MASK.astype(np.int8), np.eye(4)), verbose=0).fit()
        theirs = permuted_ols(
            child, maps, n_perm=n, masker=masker, tfce=True, threshold=0.01, random_state=1, verbose=0
        )
    height = stats.t.isf(0.005, 25)
    ours = permute(
        maps,
        two_groups(GROUPS, "child", variances="pooled"),
        MASK,
        seed=1,
        n_permutations=n,
        cluster_threshold=height,
    )
    assert ours.voxel.observed == pytest.approx(theirs["t"][0], abs=1e-4)
    # Sums of 100 steps up to the largest |t| of the very map: to be an integral, each must be multiplied by its step.
    step = np.abs(theirs["t"]).max() / 100
    assert np.corrcoef(ours.tfce.observed, theirs["tfce"][0] * step)[0, 1] > 0.9995
    chance = theirs["h0_max_tfce"][0] * theirs["h0_max_t"][0] / 100
    p_of_theirs = corrected_p(np.abs(theirs["tfce"][0] * step), chance)
    within = 4 * np.sqrt(2 * 0.25 / n)  # two runs of n permutations, at p = .5
    assert np.max(np.abs(ours.tfce.p - p_of_theirs)) < within
    assert np.max(np.abs(ours.voxel.p - 10 ** -theirs["logp_max_t"][0])) < within
    assert ours.cluster_mass.observed == pytest.approx(
        theirs["mass"][0] * np.sign(ours.voxel.observed), abs=1e-3
    )
    inside = ours.cluster_mass.observed != 0
    assert np.max(np.abs(ours.cluster_mass.p - 10 ** -theirs["logp_max_mass"][0])[inside]) < within
    for name, null in (("voxel", theirs["h0_max_t"][0]), ("tfce", chance)):
        assert stats.ks_2samp(getattr(ours, name).largest, null).pvalue > 0.001


def test_p_counts_ties_and_the_observed_order():
    largest = np.array([1.0, 2.0, 3.0, 4.0])
    observed = np.array([5.0, 4.0, 3.5, 3.0 * (1 + 1e-7), 0.5, 0.0, -2.0])
    assert corrected_p(observed, largest) == pytest.approx([0.2, 0.4, 0.4, 0.6, 1, 1, 1])


def test_constant_voxels_are_set_aside_and_do_not_join_clusters():
    maps = smooth_maps(27, 12, effect=3.0)
    comparison = two_groups(GROUPS, "child")
    number = np.full(SHAPE, -1)
    number[MASK] = np.arange(MASK.sum())
    wall = number[4, 3:6, 2:5].ravel()
    maps[:, wall] = 7.0
    found = permute(maps, comparison, MASK, seed=1, n_permutations=39, cluster_threshold=4.5)
    assert found.constant == 9
    for one in (found.voxel, found.tfce, found.cluster_mass):
        assert np.all(one.p[wall] == 1)
        assert not one.observed[wall].any()
        assert np.isfinite(one.observed).all()
        assert np.isfinite(one.largest).all()
    assert found.cluster_size[number[3, 4, 3]] < 14  # the blob of 27 is cut in two


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"maps": np.ones((27, 4))}, r"maps \(27, 4\), mask"),
        ({"maps": smooth_maps(26, 1)}, r"\(26, "),
        ({"maps": np.where(np.arange(MASK.sum()) == 3, np.nan, smooth_maps(27, 1))}, "no numbers"),
        ({"maps": np.ones((27, int(MASK.sum())))}, "do not vary"),
        ({"mask": MASK.astype(float)}, "boolean"),
        ({"n_permutations": 0}, "1 or more"),
        ({"cluster_threshold": 0.0}, "threshold above 0"),
    ],
)
def test_what_cannot_be_permuted_is_refused(change, words):
    settings = {"maps": smooth_maps(27, 1), "mask": MASK, "n_permutations": 10, **change}
    with pytest.raises(InputError, match=words):
        permute(settings.pop("maps"), two_groups(GROUPS, "child"), settings.pop("mask"), seed=1, **settings)
