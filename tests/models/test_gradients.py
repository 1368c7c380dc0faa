"""The analytic derivatives and the elimination, against differences and against plain matrices."""

import numpy as np
import pytest

from analysis.models import Model, Term, build
from analysis.models.laplace import LaplaceObjective
from analysis.models.linear import AbsoluteObjective, LinearObjective

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
