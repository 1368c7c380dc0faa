"""The leak test: exact under no leak, finds planted ones, and claims cleanness only where it could have seen a leak."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from protocols.base.seeds import generator
from stimuli.matching.classifier import auc, out_of_fold, prepare, weights_of
from stimuli.matching.leak import leak_features, leak_test
from stimuli.matching.paired import Paired, subtract
from stimuli.matching.planted import TRUE_AUC, Planted, critical_auc
from stimuli.matching.wording import leak_lines


def pairs_of(second, first=None, names=None):
    """Pairs whose clips have these values, (N, F)."""
    second = np.asarray(second, dtype=float)
    n, p = second.shape
    return Paired(
        "live",
        "ai",
        tuple(f"p{i:03d}" for i in range(n)),
        tuple((f"p{i:03d}_live", f"p{i:03d}_ai") for i in range(n)),
        tuple(names or (f"f{k}" for k in range(p))),
        {},
        np.zeros_like(second) if first is None else np.asarray(first, dtype=float),
        second,
    )


def noise(n, p, seed=0):
    return np.random.default_rng(seed).normal(size=(n, p))


def quick(paired, *, max_auc=0.65, seed=1, exchanges=499, sets=200):
    return leak_test(paired, max_auc=max_auc, seed=seed, exchanges=exchanges, planted_sets=sets)


def said(leak):
    return "\n".join(leak_lines(leak, "AI", "live"))


# ---- the classifier


def test_out_of_fold_scores_are_those_of_training_anew_without_each_pair():
    data = prepare(noise(7, 4)).decorrelated
    signs = np.where(np.random.default_rng(1).random((5, 7)) < 0.5, -1.0, 1.0)
    expected = np.empty((5, 7))
    for row, sign in enumerate(signs):
        labeled = data * sign[:, None]
        for out in range(7):
            train = np.delete(labeled, out, axis=0)
            explained = train.sum(axis=0) ** 2 / (6 * (train**2).sum(axis=0))
            t_squared = explained / np.maximum(1 - explained, 0.01)
            weights = np.sign(train.sum(axis=0)) * t_squared
            expected[row, out] = labeled[out] @ weights / np.linalg.norm(weights)
    assert out_of_fold(data, signs) == pytest.approx(expected, abs=1e-9)


def test_the_weights_are_signed_squared_t_values():
    data = noise(20, 1, 3) + 0.4
    t = stats.ttest_1samp(data[:, 0], 0).statistic
    explained = data.sum() ** 2 / (20 * (data**2).sum())
    assert 19 * explained / (1 - explained) == pytest.approx(t**2)


def test_the_auc_is_that_of_the_clips():
    scores = np.array([[0.3, -0.2, 0.2, 0.0, 1.1], [-1.0, -2.0, -3.0, -0.1, -0.2], [0.0] * 5, [1.0] * 5])
    for row, found in zip(scores, auc(scores), strict=True):
        contrast, reference = row / 2, -row / 2
        above = contrast[:, None] - reference[None, :]
        assert found == pytest.approx(((above > 0) + 0.5 * (above == 0)).mean())


def test_units_outliers_and_copies_of_features_do_not_decide():
    data = noise(16, 5, 2)
    scaled = data * [1e-9, 1.0, 1e9, 3.0, 7.0]
    one, other = (auc(out_of_fold(prepare(d).decorrelated, np.ones((1, 16)))) for d in (data, scaled))
    assert one == pytest.approx(other)
    wild = data.copy()
    wild[3, 1] = 1e12 * np.sign(wild[3, 1])
    tame = data.copy()
    tame[3, 1] = 50 * np.sign(tame[3, 1])
    assert prepare(wild).scaled == pytest.approx(prepare(tame).scaled)
    copies = prepare(np.hstack([data, data, -data[:, :2], np.zeros((16, 3))]))
    assert len(copies.columns) == 12
    assert np.isfinite(copies.decorrelated).all()


def test_decorrelated_features_are_uncorrelated_where_there_are_pairs_enough():
    mixed = noise(4000, 3, 5) @ np.array([[1.0, 0.9, 0.0], [0.0, 0.5, 0.0], [0.2, 0.0, 1.0]])
    done = prepare(mixed).decorrelated
    assert done.T @ done / 4000 == pytest.approx(np.eye(3), abs=0.02)
    assert prepare(mixed).scaled @ weights_of(prepare(mixed)) == pytest.approx(done @ _own_weights(done))


def _own_weights(data):
    explained = data.sum(axis=0) ** 2 / ((data**2).sum(axis=0) * len(data))
    weights = np.sign(data.sum(axis=0)) * explained / (1 - explained)
    return weights / np.linalg.norm(weights)


# ---- p and the null


def test_p_is_the_share_of_label_exchanges_with_at_least_this_auc():
    paired = pairs_of(noise(8, 3, 4))
    found = quick(paired)
    assert found.exhaustive
    assert found.exchanges == 255
    by_hand = []
    for pattern in range(256):
        signs = np.array([1 - 2 * (pattern >> i & 1) for i in range(8)], dtype=float)
        swapped = prepare(paired.differences * signs[:, None]).decorrelated
        by_hand.append(auc(out_of_fold(swapped, np.ones((1, 8))))[0])
    assert found.auc == pytest.approx(by_hand[0])
    assert found.p == pytest.approx(np.mean(np.array(by_hand) >= by_hand[0] - 1e-9))
    assert found.null_sd == pytest.approx(np.std(by_hand))


def test_random_exchanges_count_the_labels_as_they_are():
    found = quick(pairs_of(noise(14, 3) + 5.0))
    assert not found.exhaustive
    assert found.exchanges == 499
    assert found.p == pytest.approx(1 / 500)


def test_calling_the_arms_by_each_others_names_changes_neither_auc_nor_p():
    paired = pairs_of(noise(10, 4, 8) + np.array([0.5, 0, 0, 0]))
    swapped = replace(paired, first=paired.second, second=paired.first)
    one, other = quick(paired), quick(swapped)
    assert (one.auc, one.p) == (other.auc, other.p)


def test_scenes_cancel_however_different_they_are():
    random = np.random.default_rng(6)
    scenes = random.normal(0, 1000, (24, 6)).round(3)
    versions = random.normal(size=(24, 6)).round(3) + np.array([2.0, 0, 0, 0, 0, 0])
    assert quick(pairs_of(scenes + versions, scenes)).auc == quick(pairs_of(versions)).auc


def test_the_same_seed_gives_the_same_numbers_and_another_one_others():
    paired = pairs_of(noise(14, 5, 9))
    assert repr(quick(paired)) == repr(quick(paired))
    assert quick(paired).null_sd != quick(paired, seed=2).null_sd
    assert quick(paired).null_sd != quick(replace(paired, contrast="cartoon")).null_sd


# ---- verdicts


def test_a_codec_leak_in_one_of_forty_features_is_caught_in_24_pairs():
    data = noise(24, 40, 11)
    data[:, 17] = np.abs(data[:, 17]) * 0.3 + 0.4
    found = quick(pairs_of(data))
    assert found.verdict == "leaks"
    assert found.p < 0.01
    assert found.drivers[0].feature == "f17"
    assert found.drivers[0].higher == 24
    assert "told apart mostly by f17 (higher in 24 of 24 pairs)" in said(found)


def test_a_constant_gap_much_larger_than_its_spread_is_caught_in_eight_pairs():
    data = noise(8, 6, 18)
    data[:, 2] = 5 + 0.5 * data[:, 2]
    assert quick(pairs_of(data)).verdict == "leaks"


def test_a_leak_over_several_weak_correlated_features_is_caught():
    random = np.random.default_rng(12)
    common = random.normal(size=(24, 1)) + 1.2
    data = random.normal(size=(24, 20))
    data[:, :6] = common + 0.5 * data[:, :6]
    assert quick(pairs_of(data)).verdict == "leaks"


def test_sound_in_one_arm_only_is_a_leak_by_itself():
    data = noise(12, 4, 13)
    data[:, 2] = math.nan
    first = np.zeros_like(data)
    first[0, 2] = math.nan
    paired = replace(pairs_of(data, first, ["luminance", "flow", "loudness", "true_peak"]))
    assert leak_features(paired)[1][-1] == "measured: loudness"
    found = quick(paired)
    assert found.verdict == "leaks"
    assert found.drivers[0].feature == "measured: loudness"


def test_features_missing_in_the_same_clips_share_one_indicator():
    data = noise(9, 3, 14)
    data[4, :2] = math.nan
    differences, names = leak_features(pairs_of(data))
    assert names == ("f0", "f1", "f2", "measured: f0, f1")
    assert differences[4].tolist() == [0, 0, data[4, 2], -1]
    both = pairs_of(data, np.where(np.isnan(data), math.nan, 0.0))
    assert leak_features(both)[1] == ("f0", "f1", "f2")


def test_below_eight_pairs_there_is_no_verdict_and_no_number():
    found = quick(pairs_of(noise(4, 6) + 9))
    assert found.verdict == "too_few"
    assert math.isnan(found.auc)
    assert math.isnan(found.p)
    assert found.scores == ()
    assert said(found) == "no leak verdict: 4 pairs, 8 needed"
    assert quick(pairs_of(noise(8, 6))).verdict != "too_few"


def test_a_set_that_cannot_show_it_is_never_called_clean():
    for seed in range(12):
        found = quick(pairs_of(noise(12, 20, seed)), sets=100)
        assert found.verdict in ("cannot_tell", "leaks")
    found = quick(pairs_of(noise(12, 20, 3)))
    assert "cannot tell with 12 pairs" in said(found)
    assert "takes more pairs, or fewer features" in said(found)


def test_many_pairs_without_a_leak_are_shown_clean():
    found = quick(pairs_of(noise(150, 3, 15)), max_auc=0.75)
    assert found.verdict == "shown_clean"
    assert found.upper_limit < 0.75
    assert "shown clean with 150 pairs" in said(found)


def test_without_a_maximum_in_the_plan_nothing_is_shown_clean_and_it_says_so():
    found = quick(pairs_of(noise(150, 3, 15)), max_auc=None)
    assert found.verdict == "cannot_tell"
    assert "without leak_test.max_auc in the plan nothing can be shown clean" in said(found)


@pytest.mark.filterwarnings("error")
def test_identical_clips_are_clean_and_make_no_noise():
    found = quick(pairs_of(np.zeros((12, 5))))
    assert (found.verdict, found.auc, found.p, found.features) == ("shown_clean", 0.5, 1.0, 0)
    assert quick(pairs_of(np.zeros((12, 5))), max_auc=None).verdict == "cannot_tell"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "kind", ["one feature", "the same everywhere", "one pair differs", "one differs in sign"]
)
def test_degenerate_sets_give_numbers_not_warnings(kind):
    data = np.zeros((10, 4))
    if kind == "one feature":
        data = noise(10, 1)
    elif kind == "the same everywhere":
        data[:, 1] = 0.25
    elif kind == "one pair differs":
        data[3] = 1.0
    else:
        data[:, 0] = [1, -1] * 5
    found = quick(pairs_of(data))
    assert 0 <= found.auc <= 1
    assert 0 < found.p <= 1
    assert found.verdict == ("leaks" if kind == "the same everywhere" else "cannot_tell")


@pytest.mark.filterwarnings("error")
def test_what_was_not_measured_is_not_clean():
    nothing = np.full((12, 3), math.nan)
    found = quick(pairs_of(nothing, nothing))
    assert found.verdict == "cannot_tell"
    assert "no feature was measured" in said(found)
    in_one_arm = quick(pairs_of(nothing))
    assert in_one_arm.verdict == "leaks"


def test_scores_are_out_of_fold_and_sum_to_nothing_within_a_pair():
    found = quick(pairs_of(noise(12, 5, 16) + 1))
    assert [row[0] for row in found.scores[:2]] == ["p000_live", "p000_ai"]
    by_pair = np.array([row[3] for row in found.scores]).reshape(12, 2)
    assert by_pair.sum(axis=1) == pytest.approx(0)
    contrast, reference = by_pair[:, 1], by_pair[:, 0]
    assert (contrast[:, None] > reference[None, :]).mean() == pytest.approx(found.auc)


# ---- what it could have found


def test_the_critical_auc_is_the_smallest_that_is_rare_enough():
    none = np.repeat([0.3, 0.5, 0.7, 0.9], [40, 40, 16, 4])
    assert critical_auc(none) == 0.9
    assert critical_auc(np.repeat([0.2, 1.0], [50, 50])) == math.inf


def test_a_limit_needs_a_set_that_would_have_shown_the_leak():
    random = np.random.default_rng(0)
    none = random.uniform(0, 1, 2000)
    blind = np.tile(none, (len(TRUE_AUC), 1))  # finds nothing, whatever is planted
    assert Planted(none, blind, blind).upper_limit(0.01) == 1.0
    seeing = np.clip(0.02 * random.normal(size=(len(TRUE_AUC), 2000)) + TRUE_AUC[:, None], 0, 1)
    assert Planted(none, seeing, seeing).upper_limit(0.62) == pytest.approx(0.65, abs=0.03)
    assert Planted(none, seeing, blind).upper_limit(0.62) == 1.0
    assert math.isnan(Planted(none, blind, blind).detectable(blind))


def test_more_pairs_detect_and_exclude_smaller_leaks():
    few, many = (quick(pairs_of(noise(n, 6, 17))) for n in (20, 80))
    assert many.detectable < few.detectable
    assert many.limit_if_clean < few.limit_if_clean
    assert many.null_sd < few.null_sd


def test_differences_are_decimal():
    assert subtract(np.array([0.3]), np.array([0.1]))[0] == 0.2


# ---- calibration (make slow)


def leaking(random, n, p, true_auc, where):
    """Correlated normal differences with a leak whose best linear classifier has this AUC.

    Pairs scored z ~ N(delta, 1) have AUC = P(z_i + z_j > 0) = Phi(sqrt(2) delta).
    """
    loadings = random.normal(size=(p, 3)) * 0.8
    covariance = loadings @ loadings.T + np.eye(p)
    root = np.linalg.cholesky(covariance)
    delta = stats.norm.ppf(true_auc) / math.sqrt(2)
    direction = np.zeros(p)
    if where == "one":
        direction[random.integers(p)] = 1.0
        mean = covariance @ direction / math.sqrt(direction @ covariance @ direction)
    elif where == "alone":
        direction[random.integers(p)] = 1.0
        mean = direction / math.sqrt(direction @ np.linalg.inv(covariance) @ direction)
    else:
        direction = random.normal(size=p)
        mean = root @ direction / np.linalg.norm(direction)
    return random.normal(size=(n, p)) @ root.T + delta * mean


def verdicts(name, sets, n, p, true_auc, where, max_auc):
    found = []
    for i in range(sets):
        random = generator(20260, "leak", name, i)
        found.append(
            leak_test(
                pairs_of(leaking(random, n, p, true_auc, where)),
                max_auc=max_auc,
                seed=i,
                exchanges=399,
                planted_sets=200,
            )
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p", "sets"), [(8, 6, 600), (12, 40, 300), (24, 12, 400), (48, 6, 300)])
def test_without_a_leak_it_fires_in_no_more_than_five_percent(n, p, sets):
    fired = sum(one.p <= 0.05 for one in verdicts(f"null {n} {p}", sets, n, p, 0.5, "one", 0.65))
    assert stats.binomtest(fired, sets, 0.05, alternative="greater").pvalue > 0.01
    if n >= 12:  # with 8 pairs p takes few values, and .05 is not among them
        assert stats.binomtest(fired, sets, 0.05, alternative="less").pvalue > 0.001


@pytest.mark.slow
@pytest.mark.parametrize("where", ["one", "alone", "spread"])
@pytest.mark.parametrize(("n", "p", "max_auc"), [(48, 6, 0.8), (100, 4, 0.7)])
def test_a_leak_as_large_as_the_maximum_is_called_clean_in_no_more_than_five_percent(n, p, max_auc, where):
    sets = 150
    found = verdicts(f"at {n} {p} {where}", sets, n, p, max_auc, where, max_auc)
    clean = sum(one.upper_limit < max_auc for one in found)  # also where it says `leaks`
    assert stats.binomtest(clean, sets, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.slow
def test_clean_sets_are_often_shown_clean_where_there_are_pairs_enough():
    found = verdicts("clean", 100, 48, 6, 0.5, "one", 0.85)
    assert sum(one.verdict == "shown_clean" for one in found) > 50


@pytest.mark.slow
def test_a_detectable_leak_is_detected_in_80_percent():
    """The power it states for a leak in one feature holds in data that it was not computed from."""
    random = np.random.default_rng(0)
    stated = leak_test(pairs_of(leaking(random, 24, 6, 0.5, "one")), max_auc=0.65, seed=1).detectable
    sets = 200
    found = sum(one.p <= 0.05 for one in verdicts("power", sets, 24, 6, stated, "one", 0.65))
    assert 0.68 < found / sets < 0.92
