"""What must not change a fit, and what must change it in a known way."""

import numpy as np
import pytest

from analysis.models import Term, fit, marginal_d_prime

KINDS = {
    "linear": {},
    "two residual SDs": {"residual_by": "g"},
    "probit": {"family": "binomial", "link": "probit"},
}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def data(planted, kind):
    return planted(8, 12, binary=kind == "probit", ratio=1.5 if kind == "two residual SDs" else 1.0)


@pytest.fixture
def refit(fixed, random_terms, kind):
    return lambda table, effects=fixed: fit(table, "y", effects, random_terms, **KINDS[kind])


@pytest.fixture
def whole(data, refit):
    return refit(data)


def same(one, other, *, sign=(1, 1, 1, 1), relative=2e-4):
    assert one.criterion == pytest.approx(other.criterion, abs=1e-6)
    np.testing.assert_allclose(one.fixed.estimate, other.fixed.estimate * np.array(sign), atol=1e-4)
    np.testing.assert_allclose(one.fixed.se, other.fixed.se, rtol=relative)
    np.testing.assert_allclose(one.fixed.df, other.fixed.df, rtol=5e-3)


def test_the_order_of_rows(data, refit, whole):
    same(refit(data.sample(frac=1.0, random_state=5)), whole)


def test_the_names_of_people_and_scenes(data, refit, whole):
    names = np.random.default_rng(2).permutation(1000)
    same(refit(data.assign(person=names[data.person], scene=[f"s{names[s]}" for s in data.scene])), whole)


def test_swapping_arms_and_groups_flips_signs(data, refit, whole):
    same(refit(data.assign(c=-data.c)), whole, sign=(1, 1, -1, -1))
    same(refit(data.assign(g=-data.g)), whole, sign=(1, -1, 1, -1))


def test_shifting_and_scaling_the_response(data, refit, whole, kind):
    if kind == "probit":
        swapped = refit(data.assign(y=1 - data.y))
        same(swapped, whole, sign=(-1, -1, -1, -1))
        return
    moved = refit(data.assign(y=1000.0 + 20.0 * data.y))
    estimates = 20.0 * whole.fixed.estimate + np.array([1000.0, 0, 0, 0])
    np.testing.assert_allclose(moved.fixed.estimate, estimates, rtol=1e-6, atol=2e-3)
    np.testing.assert_allclose(moved.fixed.se, 20.0 * whole.fixed.se, rtol=2e-4)
    np.testing.assert_allclose(moved.fixed.df, whole.fixed.df, rtol=5e-3)


def test_scaling_a_covariate(data, refit, whole, kind):
    scaled = refit(data.assign(c=100.0 * data.c))
    np.testing.assert_allclose(scaled.fixed.estimate * [1, 1, 100, 100], whole.fixed.estimate, atol=1e-4)
    assert scaled.sd("person", "c") * 100 == pytest.approx(whole.sd("person", "c"), abs=2e-3)
    if kind == "probit":
        assert scaled.criterion == pytest.approx(whole.criterion, abs=1e-6)


def test_a_uniform_reordering_of_effects(data, refit, whole):
    other = refit(data, ["g:c", "c", "g", "1"])
    np.testing.assert_allclose(other.fixed.estimate[::-1], whole.fixed.estimate, atol=1e-4)


def test_planted_values_come_back(planted, fixed, random_terms):
    data = planted(60, 60, beta=(0.1, 0.2, 0.6, -0.3), ratio=2.0)
    fitted = fit(data, "y", fixed, random_terms, residual_by="g")
    for estimate, se, truth in zip(fitted.beta, fitted.fixed.se, (0.1, 0.2, 0.6, -0.3), strict=True):
        assert abs(estimate - truth) < 3 * se
    assert fitted.residual_sd[-0.5] == pytest.approx(1.0, rel=0.05)
    assert fitted.residual_sd[0.5] == pytest.approx(2.0, rel=0.05)
    for (group, effect), truth in {("person", "1"): 0.5, ("person", "c"): 0.4, ("scene", "c"): 0.3}.items():
        assert fitted.sd(group, effect) == pytest.approx(truth, abs=0.12)


def test_a_planted_probit_comes_back(planted, fixed, random_terms):
    data = planted(60, 60, binary=True)
    fitted = fit(data, "y", fixed, random_terms, family="binomial", link="probit")
    for estimate, se, truth in zip(fitted.beta, fitted.fixed.se, (0.1, 0.2, 0.6, -0.3), strict=True):
        assert abs(estimate - truth) < 3 * se
    assert 0 < marginal_d_prime(fitted).estimate < fitted.beta[2]


def test_balanced_data_have_the_degrees_of_freedom_of_the_classical_test(planted):
    """One value per person and arm, people only: the paired t test."""
    from scipy import stats

    data = planted(10, 1, scene_sd=(0, 0, 0, 0))
    fitted = fit(data, "y", ["1", "c"], [Term("person", ["1"])])
    wide = data.pivot(index="person", columns="c", values="y")
    paired = stats.ttest_rel(wide[0.5], wide[-0.5])
    assert fitted.fixed.df[1] == pytest.approx(19, abs=1e-3)
    assert fitted.fixed.statistic[1] == pytest.approx(paired.statistic, rel=1e-5)
    assert fitted.fixed.df[0] == pytest.approx(19, abs=1e-3)
