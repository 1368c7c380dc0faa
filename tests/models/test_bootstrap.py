"""The parametric bootstrap: reproducible for any number of workers, and right in the long run."""

import numpy as np
import pytest

from analysis.models import Term, bootstrap, fit, fit_design, marginal_d_prime, simulate, spread_below
from protocols.base.errors import UsageError

PROBIT = {"family": "binomial", "link": "probit"}


@pytest.fixture(scope="module")
def probit(planted, fixed):
    terms = [Term("person", ["1", "c"]), Term("scene", ["1", "c"], correlated=False)]
    return fit(planted(10, 12, binary=True), "y", fixed, terms, **PROBIT)


def test_one_and_two_workers_give_the_same_numbers(probit):
    one = bootstrap(probit, 10, seed=3)
    two = bootstrap(probit, 10, seed=3, workers=2)
    np.testing.assert_allclose(one.replicates, two.replicates, rtol=0, atol=1e-12)
    longer = bootstrap(probit, 12, seed=3)
    np.testing.assert_allclose(longer.replicates.head(10), one.replicates, rtol=0, atol=1e-12)
    assert not np.allclose(bootstrap(probit, 2, seed=4).replicates, one.replicates.head(2))


def test_the_spread_is_reproducible_too(probit):
    one = spread_below(probit, "person", "c", 1.0, n=8, seed=3)
    assert one == spread_below(probit, "person", "c", 1.0, n=8, seed=3, workers=2)


def test_intervals_and_p_values(probit):
    done = bootstrap(probit, 39, seed=1)
    assert done.failed == 0
    assert done.observed["c"] == pytest.approx(probit.beta[2])
    for kind in ("studentized", "basic", "percentile"):
        low, high = done.interval("c", 0.9, kind=kind)
        assert low < probit.beta[2] < high
    assert 1 / 40 <= done.p("c") <= 1
    assert done.p("c", 50.0, side="below") == pytest.approx(1 / 40)
    assert done.p("c", 50.0, side="above") == 1
    with pytest.raises(UsageError, match="not bootstrapped"):
        done.interval("d")


def d_prime(fitted):
    return {"marginal d′": marginal_d_prime(fitted)}


def test_a_statistic_of_ones_own(probit):
    done = bootstrap(probit, 12, seed=1, statistic=d_prime)
    low, high = done.interval("marginal d′")
    assert low < marginal_d_prime(probit).estimate < high
    with pytest.raises(UsageError, match="other processes"):
        bootstrap(probit, 2, seed=1, statistic=lambda fitted: {"n": fitted.n}, workers=2)


def test_simulated_studies_have_the_fits_moments(planted, fixed, random_terms):
    fitted = fit(planted(20, 16), "y", fixed, random_terms)
    draws = np.array([simulate(fitted, 5, k) for k in range(300)])
    assert draws.shape == (300, fitted.n)
    np.testing.assert_array_equal(simulate(fitted, 5, 7), draws[7])
    means = draws.mean(0) - fitted.design.x @ fitted.beta
    assert abs(means.mean()) < 0.06
    wanted = fitted.sigma**2
    for group in fitted.model.groups:
        side = fitted.design.side(group)
        wanted = wanted + np.einsum("ni,ij,nj->n", side.z, fitted.covariance_of(group), side.z)
    assert draws.var(0).mean() == pytest.approx(np.mean(wanted), rel=0.05)


def test_a_refit_without_hessian_has_the_same_estimates(probit):
    again = fit_design(probit.design, start=probit, exact=False)
    np.testing.assert_allclose(again.beta, probit.beta, atol=2e-4)
    assert again.criterion == pytest.approx(probit.criterion, abs=1e-6)


def test_nothing_is_drawn_from_a_fit_without_estimates(planted, fixed, random_terms):
    fitted = fit(planted(6, 6).assign(y=1), "y", fixed, random_terms, **PROBIT)
    with pytest.raises(UsageError, match="no estimates"):
        bootstrap(fitted, 3, seed=1)


@pytest.mark.slow
def test_intervals_cover(planted, fixed, random_terms):
    """Satterthwaite's t over 1,000 studies drawn from a fit: 95 % within Monte Carlo error."""
    fitted = fit(planted(12, 12, seed=9), "y", fixed, random_terms)
    inside = 0
    for k in range(1000):
        refit = fit_design(fitted.design.with_response(simulate(fitted, 1, "cover", k)), start=fitted)
        low, high = refit.contrast({"c": 1.0}).interval()
        inside += low < fitted.beta[2] < high
    assert 930 <= inside <= 975


@pytest.mark.slow
def test_the_spreads_test_keeps_its_level(planted, fixed):
    """At its bound the spread is called smaller in about 5 % of studies."""
    terms = [Term("person", ["1", "c"], correlated=False), Term("scene", ["1"])]
    fitted = fit(planted(12, 12, seed=2, person_sd=(0.4, 0.3)), "y", fixed, terms)
    rejected = 0
    for k in range(200):
        refit = fit_design(fitted.design.with_response(simulate(fitted, 2, "level", k)), start=fitted)
        rejected += spread_below(refit, "person", "c", fitted.sd("person", "c"), n=99, seed=k).below
    assert rejected <= 20
