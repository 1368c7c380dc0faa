"""The analytic derivatives and the elimination, against differences and against plain matrices."""

import numpy as np
import pytest
from scipy import optimize, stats

from analysis.models import Model, Term, build
from analysis.models.intervals import INTERVALS
from analysis.models.laplace import LaplaceObjective
from analysis.models.linear import AbsoluteObjective, LinearObjective
from analysis.models.ordinal import OrdinalObjective, increasing, increments

TERMS = {
    "people and scenes": (
        Term("person", ["1", "c"]),
        Term("scene", ["1", "c"]),
        Term("scene", ["g", "g:c"], correlated=False),
    ),
    "more scenes than people": (Term("person", ["1"]), Term("scene", ["1", "c", "g"])),
    "people only": (Term("person", ["1", "c"], correlated=False),),
}


def design_of(planted, terms, **settings):
    data = planted(4, 6, binary="family" in settings).sample(frac=0.8, random_state=1)
    return build(data, Model("y", ("1", "g", "c", "g:c"), TERMS[terms], **settings))


def differences(function, x, size=1e-5):
    steps = size * np.eye(len(x))
    return np.array([(function(x + step) - function(x - step)) / (2 * size) for step in steps])


def points(objective, seed=0):
    """An ordinary point, and one with variances at 0."""
    x = np.random.default_rng(seed).normal(0.3, 0.5, objective.size)
    at_zero = x.copy()
    at_zero[0] = 0.0
    at_zero[objective.design.n_theta - 1] = 0.0
    return x, at_zero


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("residual_by", [None, "g"])
def test_linear(planted, terms, reml, residual_by):
    objective = LinearObjective(design_of(planted, terms, reml=reml, residual_by=residual_by))
    for x in points(objective):
        np.testing.assert_allclose(
            objective.value_and_gradient(x)[1], differences(objective.value, x), atol=1e-6
        )
        whole = np.append(x, 0.2)
        numeric = differences(lambda y: objective.with_sigma(y)[0], whole)
        np.testing.assert_allclose(objective.with_sigma(whole)[1], numeric, atol=2e-6)
    absolute = AbsoluteObjective(objective, 0)
    np.testing.assert_allclose(
        absolute.value_and_gradient(whole)[1], differences(absolute.value, whole), atol=2e-6
    )


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_laplace(planted, terms, link):
    objective = LaplaceObjective(design_of(planted, terms, family="binomial", link=link))
    for x in points(objective):
        np.testing.assert_allclose(
            objective.value_and_gradient(x)[1], differences(objective.value, x), atol=1e-6
        )


def ordered_design(ordered, terms, link, fixed=("g", "c", "g:c")):
    data = ordered(4, 6).sample(frac=0.8, random_state=1)
    return build(data, Model("y", fixed, TERMS[terms], family="ordinal", link=link))


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("fixed", [("g", "c", "g:c"), ()])
def test_laplace_of_ordered_answers(ordered, terms, link, fixed):
    objective = OrdinalObjective(ordered_design(ordered, terms, link, fixed))
    for x in points(objective):
        np.testing.assert_allclose(
            objective.value_and_gradient(x)[1], differences(objective.value, x), atol=1e-6
        )
        rest = x[objective.design.n_theta :]
        np.testing.assert_allclose(
            objective.jacobian(rest).T, differences(objective.natural, rest), atol=1e-8
        )
        np.testing.assert_allclose(objective.rest(objective.natural(rest)), rest, atol=1e-12)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_the_deviance_of_ordered_answers_is_laplaces(ordered, link):
    """Against plain matrices: the mode by a general optimizer, the Hessian by differences of the log-likelihood."""
    design = ordered_design(ordered, "people and scenes", link)
    objective = OrdinalObjective(design)
    x, _ = points(objective)
    distribution = {"logit": stats.logistic, "probit": stats.norm}[link]
    columns = []
    for side, factor in zip((design.a, design.b), design.factors(x[: design.n_theta]), strict=True):
        z = (side.codes[:, None] == np.arange(side.n_levels))[:, :, None] * side.z[:, None, :]
        columns.append((z @ factor).reshape(design.n, -1))
    z = np.hstack(columns)
    natural = objective.natural(x[design.n_theta :])
    ends = np.concatenate([[-np.inf], natural[design.p :], [np.inf]])
    answers = design.y.astype(int)

    def penalized(u):
        eta = design.x @ natural[: design.p] + z @ u
        share = distribution.cdf(ends[answers] - eta) - distribution.cdf(ends[answers - 1] - eta)
        return -2.0 * np.log(share).sum() + u @ u

    mode = optimize.minimize(penalized, np.zeros(z.shape[1]), method="BFGS", options={"gtol": 1e-7}).x

    def curvature(eta_shift, row):
        at = design.x[row] @ natural[: design.p] + z[row] @ mode + eta_shift
        share = distribution.cdf(ends[answers[row]] - at) - distribution.cdf(ends[answers[row] - 1] - at)
        return -np.log(share)

    h = 1e-4
    weights = [(curvature(h, r) - 2 * curvature(0, r) + curvature(-h, r)) / h**2 for r in range(design.n)]
    hessian = z.T @ (np.array(weights)[:, None] * z) + np.eye(z.shape[1])
    wanted = penalized(mode) + np.linalg.slogdet(hessian)[1]
    assert objective.value(x) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_rows_of_ordered_answers(link):
    random = np.random.default_rng(0)
    cuts, codes, eta = np.array([-1.2, -0.3, 0.4, 2.0]), random.integers(0, 5, 60), random.normal(0, 2, 60)
    rows = INTERVALS[link](codes, cuts, eta)
    h = 1e-6

    def slope(name, upper):
        """By the threshold above each row's answer, or the one below."""
        found = []
        for sign in (1, -1):
            moved = [INTERVALS[link](codes, cuts + sign * h * step, eta) for step in np.eye(4)]
            values = np.array([getattr(one, name) for one in moved])
            place = codes if upper else codes - 1
            found.append(values[np.clip(place, 0, 3), np.arange(60)])
        result = (found[0] - found[1]) / (2 * h)
        return np.where((codes < 4) if upper else (codes > 0), result, 0.0)

    def by_eta(name):
        ahead, behind = (INTERVALS[link](codes, cuts, eta + sign * h) for sign in (1, -1))
        return (getattr(ahead, name) - getattr(behind, name)) / (2 * h)

    for name, wanted in (("loglik", rows.score), ("score", -rows.observed), ("weight", rows.slope)):
        np.testing.assert_allclose(by_eta(name), wanted, atol=1e-6)
    pairs = {"loglik": rows.by_bounds, "score": rows.score_by_bounds, "weight": rows.weight_by_bounds}
    for name, (upper, lower) in pairs.items():
        np.testing.assert_allclose(slope(name, True), upper, atol=1e-6)
        np.testing.assert_allclose(slope(name, False), lower, atol=1e-6)
    assert (rows.observed > 0).all()


@pytest.mark.parametrize("link", ["logit", "probit"])
@pytest.mark.parametrize("far", [-500.0, -40.0, 40.0, 500.0])
def test_rows_far_out_stay_finite(link, far):
    rows = INTERVALS[link](np.arange(5), np.array([-1.2, -0.3, 0.4, 2.0]), np.full(5, far))
    for values in (
        rows.loglik,
        rows.score,
        rows.observed,
        rows.slope,
        *rows.by_bounds,
        *rows.weight_by_bounds,
    ):
        assert np.isfinite(values).all()
    assert rows.loglik[0 if far < 0 else 4] == pytest.approx(0.0, abs=1e-15)


def test_thresholds_stay_in_order():
    free = np.array([-1.0, -3.0, 0.0, 2.0])
    assert (np.diff(increasing(free)) > 0).all()
    np.testing.assert_allclose(increments(increasing(free)), free, atol=1e-12)


@pytest.mark.parametrize("terms", TERMS)
@pytest.mark.parametrize("reml", [True, False])
def test_the_criterion_is_the_normal_likelihood(planted, terms, reml):
    """Against V = ZΛΛ'Z' + R, written out."""
    design = design_of(planted, terms, reml=reml, residual_by="g")
    objective = LinearObjective(design)
    x, _ = points(objective)
    variance = np.diag(np.where(design.stratum == 1, np.exp(2 * x[-1]), 1.0))
    for side, factor in zip((design.a, design.b), design.factors(x[: design.n_theta]), strict=True):
        z = (side.codes[:, None] == np.arange(side.n_levels))[:, :, None] * side.z[:, None, :]
        scaled = (z @ factor).reshape(design.n, -1)
        variance += scaled @ scaled.T
    inverse = np.linalg.inv(variance)
    information = design.x.T @ inverse @ design.x
    beta = np.linalg.solve(information, design.x.T @ inverse @ design.y)
    rest = design.y - design.x @ beta
    m = objective.m
    wanted = np.linalg.slogdet(variance)[1] + m * (1 + np.log(2 * np.pi * (rest @ inverse @ rest) / m))
    wanted += np.linalg.slogdet(information)[1] if reml else 0.0
    assert objective.value(x) == pytest.approx(wanted, abs=1e-9)
    np.testing.assert_allclose(objective.state(x).beta, beta, atol=1e-10)


def test_the_deviance_is_even_in_a_columns_sign(planted):
    objective = LaplaceObjective(design_of(planted, "people only", family="binomial", link="probit"))
    x, _ = points(objective)
    flipped = x.copy()
    flipped[1] *= -1
    assert objective.value(flipped) == pytest.approx(objective.value(x), abs=1e-8)
