"""Contrasts, likelihood ratios, profiles, marginal values, predictions."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from analysis.models import (
    Term,
    fit,
    fit_design,
    likelihood_ratio,
    marginal,
    marginal_d_prime,
    marginal_d_prime_difference,
    profile_interval,
    profile_table,
    share_beyond,
    spread_below,
)
from protocols.base.errors import UsageError

PROBIT = {"family": "binomial", "link": "probit"}


@pytest.fixture(scope="module")
def probit(planted, fixed, random_terms):
    return fit(planted(16, 16, binary=True), "y", fixed, random_terms, **PROBIT)


@pytest.fixture(scope="module")
def linear(planted, fixed, random_terms):
    return fit(planted(16, 16), "y", fixed, random_terms)


def test_contrasts(linear):
    one = linear.contrast({"c": 1.0})
    assert (one.estimate, one.se, one.df) == tuple(linear.fixed[["estimate", "se", "df"]].iloc[2])
    group = linear.contrast({"c": 1.0, "g:c": 0.5}, name="second group")
    assert group.estimate == pytest.approx(linear.beta[2] + linear.beta[3] / 2)
    low, high = group.interval(0.90)
    half = stats.t.ppf(0.95, group.df) * group.se
    assert (low, high) == pytest.approx((group.estimate - half, group.estimate + half))
    assert linear.contrast({"c": 1.0}, df=7).p > one.p
    with pytest.raises(UsageError, match="not a fixed effect"):
        linear.contrast({"d": 1.0})


def test_degrees_of_freedom_lie_between_the_scenes_and_the_rows(linear, probit):
    assert linear.fixed.df.between(5, linear.n).all()
    assert np.isinf(probit.fixed.df).all()
    assert probit.fast_df("g") == 15
    assert probit.fast_df() == 15


def test_likelihood_ratio(planted, fixed, random_terms):
    data = planted(16, 16)
    large = fit(data, "y", fixed, random_terms, reml=False)
    small = fit(data, "y", fixed[:3], random_terms, reml=False)
    ratio = likelihood_ratio(small, large)
    assert ratio.df == 1
    assert ratio.p == pytest.approx(stats.chi2.sf(small.criterion - large.criterion, 1))
    fewer = fit(
        data, "y", fixed, [Term("person", ["1", "c"]), Term("scene", ["1", "c", "g"], correlated=False)]
    )
    assert "conservative" in likelihood_ratio(fewer, fit(data, "y", fixed, random_terms)).note
    with pytest.raises(UsageError, match="reml=False"):
        likelihood_ratio(fit(data, "y", fixed[:3], random_terms), fit(data, "y", fixed, random_terms))


def test_a_profile_limit_is_where_the_likelihood_ratio_rejects(linear):
    """A response shifted by the limit and fitted without the effect costs the quantile of chi-squared."""
    limits = profile_interval(linear, "c")
    design = linear.design
    whole = fit_design(replace(design, model=replace(design.model, reml=False)))
    place = design.model.fixed.index("c")
    model = replace(design.model, reml=False, fixed=tuple(name for name in design.model.fixed if name != "c"))
    rest = np.delete(design.x, place, axis=1)
    for limit in limits:
        held = fit_design(replace(design, model=model, x=rest, y=design.y - limit * design.x[:, place]))
        assert held.criterion - whole.criterion == pytest.approx(stats.chi2.ppf(0.95, 1), abs=1e-4)


def test_profiles_of_a_binomial_model(probit):
    low, high = profile_interval(probit, "c")
    assert low < probit.beta[2] < high
    assert (low, high) == pytest.approx(probit.contrast({"c": 1.0}).interval(), abs=0.1)
    low, high = profile_interval(probit, "c", group="person")
    assert 0 <= low < probit.sd("person", "c") < high


def test_profiles_of_a_variance_at_zero_begin_at_zero(planted, fixed, random_terms):
    data = planted(10, 12, person_sd=(0.4, 0.0), seed=6)
    table = profile_table(fit(data, "y", fixed, random_terms))
    row = table.query("group == 'person' and effect == 'c'").iloc[0]
    assert row.low == 0
    assert 0 < row.high < 1
    assert (table.low < table.high).all()


def test_marginal_d_prime_is_the_closed_form():
    """INFERENCE 3: conditional 0.30 with item SD .554 is marginal .262."""
    assert 0.30 / np.sqrt(1 + 0.554**2) == pytest.approx(0.262, abs=5e-4)


def test_marginal_d_prime_of_a_fit(probit):
    beta, scene = probit.beta, probit.covariance_of("scene")

    def predicted(c, g):
        z = np.array([1, c, g, g * c])
        return np.array([1, g, c, g * c]) @ beta / np.sqrt(1 + z @ scene @ z)

    for g in (0.0, -0.5, 0.5):
        found = marginal_d_prime(probit, at={"g": g})
        assert found.estimate == pytest.approx(predicted(0.5, g) - predicted(-0.5, g), abs=1e-12)
        assert found.se > 0
    difference = marginal_d_prime_difference(probit)
    parts = [marginal_d_prime(probit, at={"g": g}).estimate for g in (-0.5, 0.5)]
    assert difference.estimate == pytest.approx(parts[1] - parts[0])
    one = marginal(probit, [(1.0, {"c": 0.5, "g": 0.0})], over="scene")
    sd = np.sqrt(np.array([1, 0.5, 0, 0]) @ scene @ np.array([1, 0.5, 0, 0]))
    eta = beta[0] + beta[2] / 2
    mean, _ = integrate.quad(lambda e: stats.norm.cdf(eta + e) * stats.norm.pdf(e, scale=sd), -8, 8)
    assert one.estimate == pytest.approx(stats.norm.ppf(mean), abs=1e-8)


def test_the_golden_marginal_value(gengap):
    """GenGap: item SD .554; the same share of scenes' variance at both answers, so d′ shrinks by 1/√(1 + .554²)."""
    terms = [Term("id", ["1", "c"]), Term("item", ["1"])]
    fitted = fit(gengap, "fake", ["1", "g", "c", "g:c"], terms, **PROBIT)
    found = marginal_d_prime(fitted)
    assert found.estimate == pytest.approx(fitted.beta[2] * 0.262 / 0.30, abs=0.005)
    assert found.se < fitted.fixed.se[2]


def test_logit_margins_by_quadrature(planted, fixed, random_terms):
    fitted = fit(planted(16, 16, binary=True), "y", fixed, random_terms, family="binomial", link="logit")
    one = marginal(fitted, [(1.0, {"c": 0.5, "g": 0.0})])
    scene = fitted.covariance_of("scene")
    sd = np.sqrt(np.array([1, 0.5, 0, 0]) @ scene @ np.array([1, 0.5, 0, 0]))
    eta = fitted.beta[0] + fitted.beta[2] / 2
    mean, _ = integrate.quad(lambda e: stats.norm.pdf(e, scale=sd) / (1 + np.exp(-eta - e)), -12, 12)
    assert one.estimate == pytest.approx(np.log(mean / (1 - mean)), abs=1e-6)
    with pytest.raises(UsageError, match="probit"):
        marginal_d_prime(fitted)
    with pytest.raises(UsageError, match="open"):
        marginal(fitted, [(1.0, {"c": 0.5})])


def test_predictions(linear):
    points = pd.DataFrame({"g": [-0.5, 0.5], "c": [0.5, 0.5]})
    table = linear.predict(points, level=0.9)
    assert table.estimate[1] == pytest.approx(linear.beta @ [1, 0.5, 0.5, 0.25])
    assert (table.low < table.estimate).all()
    assert (table.estimate < table.high).all()


def test_share_beyond():
    assert share_beyond(0.0, 0.0) == 0
    assert share_beyond(0.6, 0.0) == 1
    assert share_beyond(0.0, 0.3) == pytest.approx(2 * stats.norm.sf(0.5 / 0.3))


@pytest.mark.parametrize("kind", ["linear", "probit"])
def test_the_spreads_upper_limit_agrees_with_its_test(linear, probit, kind):
    fitted = {"linear": linear, "probit": probit}[kind]
    far = spread_below(fitted, "person", "c", 3 * fitted.sd("person", "c") + 1, n=19, seed=1)
    assert far.below
    assert far.upper < far.bound
    near = spread_below(fitted, "person", "c", 0.8 * fitted.sd("person", "c"), n=19, seed=1)
    assert not near.below
    assert near.upper > near.bound
    assert near.root > 0
    with pytest.raises(UsageError):
        spread_below(fitted, "person", "c", 0.0, seed=1)
