"""Pairs of clips that come without: optimal, within the caliper, whatever the order."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.base.errors import InputError, UsageError
from stimuli.matching import optimal_pairs

FEATURES = ["luminance", "flow_speed", "loudness"]


def clips(n_live, n_ai, seed=0, spread=1.0):
    random = np.random.default_rng(seed)
    n = n_live + n_ai
    base = random.normal(size=(n, 3)) * [10.0, 0.1, 3.0] * spread
    base[:, 2] += 0.2 * base[:, 0]  # correlated, as features are
    return pd.DataFrame(
        {
            "clip": [f"l{i}" for i in range(n_live)] + [f"a{i}" for i in range(n_ai)],
            "arm": ["live"] * n_live + ["ai"] * n_ai,
            **dict(zip(FEATURES, base.round(5).T, strict=True)),
        }
    )


def paired(features, chosen=FEATURES, **more):
    return optimal_pairs(features, chosen, reference="live", contrast="ai", **more)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(2, 5), st.integers(0, 10_000), st.sampled_from([None, 0.7, 1.2]))
def test_no_other_pairing_is_better(n_live, n_ai, seed, caliper):
    features = clips(n_live, n_ai, seed)
    found = paired(features, caliper=caliper)
    distance, allowed = independent_distances(features, caliper)
    live, ai = features[features["arm"] == "live"], features[features["arm"] == "ai"]
    few, many = sorted((len(live), len(ai)))
    best = (0, 0.0)
    for chosen in itertools.permutations(range(many), few):
        pairs = [(i, j) if len(live) <= len(ai) else (j, i) for i, j in enumerate(chosen)]
        kept = [pair for pair in pairs if allowed[pair]]
        best = min(best, (-len(kept), sum(distance[pair] for pair in kept)))
    assert len(found.pairs) == -best[0]
    assert found.pairs["distance"].sum() == pytest.approx(best[1], abs=1e-9)


def independent_distances(features, caliper):
    """Mahalanobis by the textbook: the inverse of the shrunken within-arm covariance."""
    arms = [features.loc[features["arm"] == arm, FEATURES].to_numpy() for arm in ("live", "ai")]
    inside = np.vstack([arm - arm.mean(axis=0) for arm in arms])
    n = len(inside)
    sd = np.sqrt((inside**2).sum(axis=0) / (n - 2))
    z = inside / np.sqrt((inside**2).mean(axis=0))
    correlation = z.T @ z / n
    off = ~np.eye(3, dtype=bool)
    variance = ((z**2).T @ (z**2) / n - correlation**2) / (n - 1)
    shrink = min(1, max(1 / n, variance[off].sum() / (correlation[off] ** 2).sum()))
    shrunken = (1 - shrink) * correlation + shrink * np.eye(3)
    inverse = np.linalg.inv(shrunken * np.outer(sd, sd))
    apart = arms[0][:, None, :] - arms[1][None, :, :]
    distance = np.sqrt(np.einsum("ijk,kl,ijl->ij", apart, inverse, apart))
    allowed = np.ones(distance.shape, bool)
    if caliper is not None:
        allowed = (np.abs(apart) / sd <= caliper).all(axis=2)
    return distance, allowed


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from([None, 1.0]))
def test_the_order_of_rows_changes_nothing(random, caliper):
    features = clips(7, 5, 3)
    features.loc[[1, 8], "loudness"] = np.nan
    order = list(features.index)
    random.shuffle(order)
    one, other = paired(features, caliper=caliper), paired(features.loc[order], caliper=caliper)
    pd.testing.assert_frame_equal(one.pairs, other.pairs)
    assert (one.left_reference, one.left_contrast) == (other.left_reference, other.left_contrast)


def test_twins_find_each_other_though_scenes_and_arms_differ():
    live = clips(12, 0, 5, spread=3.0)
    random = np.random.default_rng(6)
    ai = live.assign(clip=[f"a{i}" for i in range(12)], arm="ai")
    ai[FEATURES] += random.normal(size=(12, 3)) * [0.5, 0.005, 0.15] + [4.0, 0.0, 0.0]  # all brighter
    found = paired(pd.concat([live, ai]))
    assert [name[1:] for name in found.pairs["reference"]] == [name[1:] for name in found.pairs["contrast"]]
    assert found.pairs["luminance"].mean() == pytest.approx(4.0, abs=0.5)


def test_clips_left_without_a_partner_are_named():
    found = paired(clips(6, 4, 1))
    assert len(found.pairs) == 4
    assert len(found.left_reference) == 2
    assert found.left_contrast == ()
    assert set(found.left_reference) | set(found.pairs["reference"]) == {f"l{i}" for i in range(6)}


def test_nothing_beyond_the_caliper_is_paired():
    features = clips(8, 8, 2)
    caliper = 0.8
    found = paired(features, caliper=caliper)
    inside = features[FEATURES] - features.groupby("arm")[FEATURES].transform("mean")
    sd = np.sqrt((inside**2).sum() / 14)
    assert 0 < len(found.pairs) < 8
    assert (found.pairs[FEATURES].abs() <= caliper * sd).all().all()
    assert len(found.left_reference) == len(found.left_contrast) == 8 - len(found.pairs)
    assert len(paired(features, caliper=1e-6).pairs) == 0


def test_constant_features_are_named_and_not_used():
    features = clips(5, 5, 4).assign(fps=25.0, width=[1280.0] * 5 + [720.0] * 5)
    found = paired(features, [*FEATURES, "fps", "width"])
    assert found.constant == ("fps", "width")
    without = paired(features)
    assert found.pairs["distance"].to_numpy() == pytest.approx(without.pairs["distance"].to_numpy())
    assert (found.pairs["width"] == -560).all()


def test_silent_clips_are_paired_with_silent_clips():
    features = clips(4, 4, 7, spread=0.2)
    features["loudness"] = [np.nan, np.nan, -20.0, -21.0, -20.5, np.nan, -20.2, np.nan]
    for caliper in (None, 6.0):
        found = paired(features, caliper=caliper)
        assert len(found.pairs) == 4
        silent = found.pairs[found.pairs["loudness"].isna()]
        assert set(silent["reference"]) == {"l0", "l1"}
        assert set(silent["contrast"]) == {"a1", "a3"}


def test_more_features_than_clips_and_copies_of_a_feature_do_no_harm():
    features = clips(4, 4, 8)
    copies = {f"copy{i}": features["luminance"] * (i + 1) for i in range(20)}
    found = paired(features.assign(**copies), [*FEATURES, *copies])
    assert np.isfinite(found.pairs["distance"]).all()


def test_faults_are_explained():
    features = clips(3, 3)
    with pytest.raises(InputError, match="did you mean 'loudness'"):
        paired(features, ["loudnes"])
    with pytest.raises(InputError, match="do not vary"):
        paired(features.assign(fps=25.0), ["fps"])
    with pytest.raises(InputError, match="could not be measured in any clip of arm 'ai'"):
        paired(features.assign(sound=[1.0, 2.0, 3.0, np.nan, np.nan, np.nan]), ["sound"])
    with pytest.raises(InputError, match="has no clip"):
        optimal_pairs(features, FEATURES, reference="live", contrast="cartoon")
    with pytest.raises(UsageError, match="above 0"):
        paired(features, caliper=0.0)
