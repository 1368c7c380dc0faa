"""Four outcomes of a voxel, each planted."""

import numpy as np
import pytest
from scipy import stats

from analysis.fmri.maps.equivalence import Levels, Outcome, equivalence_map
from analysis.fmri.maps.statistics import two_groups
from protocols.base.errors import InputError

GROUPS = ["child"] * 34 + ["adult"] * 34
COMPARISON = two_groups(GROUPS, "child")
LEVELS = Levels(bound=0.10)


@pytest.fixture(scope="module")
def planted():
    """100 voxels each: no effect; .3 % of effect; an effect at the bound; noise too large to tell; and no tSNR."""
    random = np.random.default_rng(4)
    maps = random.normal(0.2, 0.05, (68, 500))
    maps[:34, 100:200] += 0.3
    maps[:34, 200:300] += 0.1
    maps[:, 300:400] = random.normal(0.2, 0.30, (68, 100))
    reached = np.arange(500) < 400
    return maps, reached


def test_each_planted_outcome_is_found(planted):
    maps, reached = planted
    found = equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=reached)
    parts = found.outcome.reshape(5, 100)
    assert np.mean(parts[0] == Outcome.EQUIVALENT) > 0.95
    assert np.all(parts[1] == Outcome.DIFFERENT)
    assert not np.any(parts[2] == Outcome.EQUIVALENT)
    assert np.all(parts[3:] == Outcome.NOT_ASSESSABLE)
    assert found.count(Outcome.NOT_ASSESSABLE) == 200
    assert found.outcome.dtype == np.int8


def test_numbers_are_the_two_one_sided_tests(planted):
    maps, reached = planted
    found = equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=reached)
    welch = [
        stats.ttest_ind(maps[:34, :300] + shift, maps[34:, :300], equal_var=False, alternative=side).pvalue
        for shift, side in ((0.1, "greater"), (-0.1, "less"))
    ]
    adjusted = stats.false_discovery_control(np.maximum(*welch), method="by")
    assert found.p_equivalence[:300] == pytest.approx(adjusted, rel=1e-6)
    interval = stats.ttest_ind(maps[:34], maps[34:], equal_var=False).confidence_interval(0.90)
    assert found.half_width == pytest.approx((interval.high - interval.low) / 2, rel=1e-9)
    assert np.isnan(found.p_equivalence[300:]).all()
    assert np.isnan(found.p_difference[300:]).all()


def test_voxels_at_the_bound_are_called_equivalent_no_more_often_than_the_level():
    random = np.random.default_rng(5)
    maps = random.normal(0, 0.05, (68, 4000))
    maps[:34] += 0.1
    found = equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=np.ones(4000, bool))
    assert found.count(Outcome.EQUIVALENT) <= 2
    raw = stats.t.sf((0.1 - np.abs(found.statistic.estimate)) / found.statistic.se, found.statistic.df)
    assert stats.binomtest(int(np.sum(raw <= 0.05)), 4000, 0.05).pvalue > 0.001


def test_a_small_difference_inside_the_bound_is_equivalent():
    random = np.random.default_rng(6)
    maps = random.normal(0, 0.01, (68, 50))
    maps[:34] += 0.05
    found = equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=np.ones(50, bool))
    assert np.all(found.p_difference < 0.001)
    assert np.all(found.outcome == Outcome.EQUIVALENT)


def test_the_detectable_effect_is_detected_with_its_power():
    random = np.random.default_rng(7)
    reach = np.ones(4000, bool)
    flat = equivalence_map(random.normal(0, 0.1, (68, 4000)), COMPARISON, LEVELS, tsnr_reached=reach)
    effect = np.median(flat.detectable)
    shifted = random.normal(0, 0.1, (68, 4000))
    shifted[:34] += effect
    p = stats.ttest_ind(shifted[:34], shifted[34:], equal_var=False).pvalue
    assert np.mean(p <= 0.05) == pytest.approx(0.80, abs=0.02)


@pytest.mark.parametrize("absent", [np.nan, 0.0])
def test_a_voxel_that_one_person_lacks_is_not_assessable(planted, absent):
    maps, reached = planted
    maps = maps.copy()
    maps[60, 5] = absent
    found = equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=reached)
    assert found.outcome[5] == Outcome.NOT_ASSESSABLE
    assert np.isnan(found.half_width[5])
    assert found.outcome[6] == Outcome.EQUIVALENT


@pytest.mark.parametrize("change", [{"bound": 0.0}, {"bound": np.inf}, {"power": 1.0}, {"equivalence": 0.0}])
def test_levels_that_mean_nothing_are_refused(change):
    with pytest.raises(InputError, match="levels of the equivalence map"):
        Levels(**{"bound": 0.1, **change})


def test_a_mask_of_other_voxels_is_refused(planted):
    maps, reached = planted
    with pytest.raises(InputError, match="tSNR mask"):
        equivalence_map(maps, COMPARISON, LEVELS, tsnr_reached=reached[1:])
