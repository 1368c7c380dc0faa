"""t beside scipy's and least squares, and models that cannot be estimated."""

import numpy as np
import pytest
from scipy import stats

from analysis.fmri.maps.statistics import measure, one_group, two_groups
from protocols.base.errors import InputError

GROUPS = ["child"] * 9 + ["adult"] * 14


@pytest.fixture
def maps():
    random = np.random.default_rng(1)
    return random.standard_normal((23, 40)) * np.where(np.arange(23) < 9, 3.0, 1.0)[:, None] + 5


@pytest.mark.parametrize(("variances", "equal"), [("by group", False), ("pooled", True)])
def test_two_groups_are_scipys(maps, variances, equal):
    found = measure(maps, two_groups(GROUPS, "child", variances=variances))
    expected = stats.ttest_ind(maps[:9], maps[9:], equal_var=equal)
    assert found.t == pytest.approx(expected.statistic, rel=1e-9)
    assert found.df == pytest.approx(expected.df, rel=1e-9)
    assert found.estimate == pytest.approx(maps[:9].mean(0) - maps[9:].mean(0), rel=1e-9)
    turned = measure(maps, two_groups(GROUPS, "adult", variances=variances))
    assert turned.t == pytest.approx(-found.t, rel=1e-9)


def test_one_group_is_scipys(maps):
    found = measure(maps, one_group(23))
    expected = stats.ttest_1samp(maps, 0)
    assert found.t == pytest.approx(expected.statistic, rel=1e-9)
    assert found.df == pytest.approx(np.full(40, 22.0))


def test_covariates_are_least_squares(maps):
    random = np.random.default_rng(2)
    age = random.normal(30, 8, 23)
    fd = random.gamma(2, 0.1, 23)
    model = np.column_stack([np.arange(23) < 9, np.ones(23), age, fd])
    beta, left, _, _ = np.linalg.lstsq(model, maps, rcond=None)
    se = np.sqrt(left / 19 * np.linalg.inv(model.T @ model)[0, 0])
    covariates = np.column_stack([age, fd])
    found = measure(maps, two_groups(GROUPS, "child", covariates=covariates, variances="pooled"))
    assert found.t == pytest.approx(beta[0] / se, rel=1e-9)
    assert found.df == pytest.approx(np.full(40, 19.0))
    by_group = measure(maps, two_groups(GROUPS, "child", covariates=covariates))
    assert by_group.estimate == pytest.approx(beta[0], rel=1e-9)
    assert np.all(by_group.df < 19)


def test_the_mean_of_one_group_is_taken_at_the_mean_of_its_covariates(maps):
    age = np.random.default_rng(3).normal(30, 8, 23)
    found = measure(maps, one_group(23, covariates=age))
    assert found.estimate == pytest.approx(maps.mean(axis=0), rel=1e-9)
    assert found.df == pytest.approx(np.full(40, 21.0))


def test_constant_voxels_are_counted_and_leave_the_others_alone(maps):
    before = measure(maps, two_groups(GROUPS, "child"))
    maps[:, 3] = 0
    maps[:, 4] = 0.1  # not exact in binary
    maps[:, 5] = np.where(np.arange(23) < 9, 1.0, 2.0)  # no variance within a group
    found = measure(maps.astype(np.float32), two_groups(GROUPS, "child"))
    assert np.flatnonzero(found.constant).tolist() == [3, 4, 5]
    assert not np.any(found.t[3:6])
    others = ~found.constant
    assert found.t[others] == pytest.approx(before.t[others], rel=1e-4)


def test_a_constant_group_beside_a_varying_one_is_tested(maps):
    maps[:9, 0] = 2.0
    found = measure(maps, two_groups(GROUPS, "child"))
    assert not found.constant[0]
    assert found.df[0] == pytest.approx(13)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: two_groups(["a"] * 5 + ["b"], "a"), "group 'b'"),
        (lambda: two_groups(["a"] * 5, "a"), "two groups"),
        (lambda: two_groups(["a", "a", "b", "b", "c"], "a"), "a, b, c"),
        (lambda: two_groups(["a", "a", "b", "b"], "d"), "one of them 'd'"),
        (lambda: one_group(1), "1 person"),
        (lambda: two_groups(GROUPS, "child", covariates=np.arange(22.0)), r"shape \(22, 1\)"),
        (lambda: two_groups(GROUPS, "child", covariates=np.r_[np.arange(22.0), np.nan]), "row 23"),
        (lambda: two_groups(GROUPS, "child", covariates=np.full(23, 7.1)), "rank 2"),
        (lambda: two_groups(GROUPS, "child", covariates=np.arange(23) < 9), "rank 2"),
        (lambda: two_groups(["a"] * 3 + ["b"] * 3, "a", covariates=np.eye(6)[:, :4]), "covariates"),
        (lambda: one_group(23, covariates=np.ones(23)), "rank 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_maps_that_are_not_of_these_people_are_refused(maps):
    comparison = two_groups(GROUPS, "child")
    with pytest.raises(InputError, match=r"\(22, 40\)"):
        measure(maps[1:], comparison)
    maps[6, :3] = np.nan
    maps[8, 0] = np.inf
    with pytest.raises(InputError, match="3 in row 7, 1 in row 9"):
        measure(maps, comparison)
