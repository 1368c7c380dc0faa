"""Prior weights of linear models: the dense likelihood, weighted least squares, and what they may not change."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from analysis.models import Term, bootstrap, fit, likelihood_ratio, profile_interval, simulate, spread_below
from analysis.models.estimating import objective_of
from analysis.models.linear import AbsoluteObjective, LinearObjective
from protocols.base.errors import InputError, UsageError

FIXED = ["1", "g", "c"]
RANDOM = [Term("person", ["1", "c"]), Term("scene", ["1"])]


def weighted_study(*, spread=0.6, seed=2, people=8, scenes=6):
    """People x scenes x two arms with residual variances in proportion to 1 / w, and 1.5 times the SD where g > 0."""
    random = np.random.default_rng(seed)
    person, scene, arm = (index.ravel() for index in np.indices((people, scenes, 2)))
    data = pd.DataFrame({"person": person, "scene": scene, "c": arm - 0.5})
    data["g"] = np.where(person < people // 2, -0.5, 0.5)
    data["w"] = np.exp(random.normal(0, spread, len(data)))
    of_person, of_scene = random.normal(0, (0.7, 0.5), (people, 2)), random.normal(0, 0.5, scenes)
    noise = random.normal(size=len(data)) / np.sqrt(data.w) * np.where(data.g > 0, 1.5, 1.0)
    data["y"] = 0.5 + 0.6 * data.c + of_person[person, 0] + of_person[person, 1] * data.c
    return data.assign(y=data.y + of_scene[scene] + noise)


@pytest.fixture(scope="module")
def data():
    return weighted_study()


class Dense:
    """The likelihood written out: V as an n x n matrix, generalized least squares, nothing profiled but beta.

    Parameters: person factor (3, lower triangular, in the unit of y), scene SD, log residual SD, log ratio of the SDs.
    """

    def __init__(self, data, *, reml, by):
        n, people, scenes = len(data), data.person.nunique(), data.scene.nunique()
        self.x = np.column_stack([np.ones(n), data.g, data.c])
        self.y, self.w, self.reml, self.by = data.y.to_numpy(), data.w.to_numpy(), reml, by
        self.second = (data.g > 0).to_numpy()
        self.of_person, self.of_scene = np.zeros((n, 2 * people)), np.zeros((n, scenes))
        rows = np.arange(n)
        self.of_person[rows, 2 * data.person] = 1.0
        self.of_person[rows, 2 * data.person + 1] = data.c
        self.of_scene[rows, data.scene] = 1.0
        self.people = people

    def parts(self, t):
        factor = np.array([[t[0], 0.0], [t[1], t[2]]])
        sd = np.exp(np.where(self.second, t[4] + (t[5] if self.by else 0.0), t[4]))
        v = self.of_person @ np.kron(np.eye(self.people), factor @ factor.T) @ self.of_person.T
        v = v + t[3] ** 2 * self.of_scene @ self.of_scene.T + np.diag(sd**2 / self.w)
        inverse = np.linalg.inv(v)
        information = self.x.T @ inverse @ self.x
        beta = np.linalg.solve(information, self.x.T @ inverse @ self.y)
        return v, inverse, information, beta

    def criterion(self, t):
        v, inverse, information, beta = self.parts(t)
        e = self.y - self.x @ beta
        m = len(e) - self.reml * self.x.shape[1]
        value = np.linalg.slogdet(v)[1] + e @ inverse @ e + m * np.log(2 * np.pi)
        return value + (np.linalg.slogdet(information)[1] if self.reml else 0.0)

    def covariance(self, t):
        return np.linalg.inv(self.parts(t)[2])


def dense_parameters(fitted, by):
    """The dense likelihood's parameters from a fit."""
    factor = np.linalg.cholesky(fitted.covariance_of("person"))
    sds = list(fitted.residual_sd.values())
    point = [factor[0, 0], factor[1, 0], factor[1, 1], fitted.sd("scene", "1"), np.log(sds[0])]
    return np.array([*point, np.log(sds[1] / sds[0])] if by else point)


@pytest.mark.parametrize("reml", [True, False])
@pytest.mark.parametrize("by", [None, "g"])
def test_dense_likelihood(data, reml, by):
    fitted = fit(data, "y", FIXED, RANDOM, weights="w", residual_by=by, reml=reml)
    dense = Dense(data, reml=reml, by=by)
    here = dense_parameters(fitted, by)
    assert fitted.criterion == pytest.approx(dense.criterion(here), abs=1e-8)
    np.testing.assert_allclose(fitted.beta, dense.parts(here)[3], atol=1e-9)
    np.testing.assert_allclose(fitted.vcov, dense.covariance(here), atol=1e-9)
    start = np.array([0.7, 0.0, 0.5, 0.5, 0.0, 0.3])[: len(here)]
    found = optimize.minimize(dense.criterion, start, method="BFGS", options={"gtol": 1e-7})
    assert fitted.criterion == pytest.approx(found.fun, abs=1e-6)
    np.testing.assert_allclose(fitted.beta, dense.parts(found.x)[3], atol=1e-5)


def test_satterthwaite_of_the_dense_likelihood(data):
    """df = 2 v^2 / g'(2 H^-1)g, with all derivatives by differences of the dense criterion."""
    fitted = fit(data, "y", FIXED, RANDOM, weights="w", residual_by="g")
    dense, here = Dense(data, reml=True, by="g"), dense_parameters(fitted, "g")
    m, h = len(here), 1e-3
    moves = np.eye(m) * h
    hessian = np.array([
        [
            sum(s * t * dense.criterion(here + s * a + t * b) for s in (1, -1) for t in (1, -1)) / (4 * h * h)
            for b in moves
        ]
        for a in moves
    ])  # fmt: skip
    slopes = np.array([(dense.covariance(here + a) - dense.covariance(here - a)) / (2 * h) for a in moves])
    inverse = np.linalg.inv(hessian)
    for place in range(3):
        g, v = slopes[:, place, place], fitted.vcov[place, place]
        assert fitted.fixed.df[place] == pytest.approx(2 * v**2 / (2 * g @ inverse @ g), rel=1e-3)


@pytest.mark.slow
def test_without_random_effects_it_is_weighted_least_squares():
    """Where people's variance is estimated at 0, statsmodels' WLS."""
    statsmodels = pytest.importorskip("statsmodels.api")
    data = weighted_study(seed=9)
    # Person means of the weighted residuals are taken out, so that nothing is left for people to differ in.
    x = np.column_stack([np.ones(len(data)), data.g, data.c])
    for _ in range(25):
        residual = data.y - statsmodels.WLS(data.y, x, weights=data.w).fit().fittedvalues
        means = (data.w * residual).groupby(data.person).sum() / data.w.groupby(data.person).sum()
        data["y"] = data.y - data.person.map(means)
    fitted = fit(data, "y", FIXED, [Term("person", ["1"])], weights="w")
    known = statsmodels.WLS(data.y, x, weights=data.w).fit()
    assert fitted.sd("person", "1") == 0
    np.testing.assert_allclose(fitted.beta, known.params, atol=1e-10)
    np.testing.assert_allclose(fitted.fixed.se, known.bse, rtol=1e-8)
    assert fitted.sigma == pytest.approx(np.sqrt(known.scale), rel=1e-8)


@pytest.mark.parametrize("by", [None, "g"])
def test_weights_of_one_change_no_bit(data, by):
    plain = fit(data, "y", FIXED, RANDOM, residual_by=by)
    ones = fit(data.assign(w=1.0), "y", FIXED, RANDOM, residual_by=by, weights="w")
    assert ones.criterion == plain.criterion
    for own, other in ((ones.fixed, plain.fixed), (ones.random, plain.random)):
        pd.testing.assert_frame_equal(own, other, check_exact=True)
    assert np.array_equal(simulate(ones, 1, "y"), simulate(plain, 1, "y"))


@pytest.mark.parametrize(
    "times",
    [1e-6, pytest.param(2.5, marks=pytest.mark.slow), pytest.param(1e6, marks=pytest.mark.slow)],
)
def test_the_unit_of_weights_changes_only_sigma(data, times):
    one = fit(data, "y", FIXED, RANDOM, residual_by="g", weights="w")
    other = fit(data.assign(w=times * data.w), "y", FIXED, RANDOM, residual_by="g", weights="w")
    assert other.criterion == pytest.approx(one.criterion, abs=1e-8)
    assert other.sigma == pytest.approx(one.sigma * np.sqrt(times), rel=1e-6)
    pd.testing.assert_frame_equal(other.fixed, one.fixed, rtol=1e-5)
    for group in ("person", "scene"):
        np.testing.assert_allclose(other.covariance_of(group), one.covariance_of(group), rtol=1e-5)
    np.testing.assert_allclose(simulate(other, 5, "y"), simulate(one, 5, "y"), atol=1e-5)
    spreads = [spread_below(found, "person", "c", 1.0, n=0, seed=1) for found in (one, other)]
    assert spreads[1].upper == pytest.approx(spreads[0].upper, rel=1e-5)


def test_a_row_of_weight_two_is_the_mean_of_two_rows():
    """With one residual SD, the mean of two values of a cell carries the information of both about everything else."""
    random = np.random.default_rng(1)
    person, scene = (index.ravel() for index in np.indices((10, 8)))
    means = pd.DataFrame({"person": person, "scene": scene, "w": random.integers(1, 4, 80)})
    means["y"] = random.normal(size=10)[person] + random.normal(size=8)[scene]
    means["y"] += random.normal(size=80) / np.sqrt(means.w)
    terms = [Term("person", ["1"]), Term("scene", ["1"])]
    fitted = fit(means, "y", ["1"], terms, weights="w")
    # Rows that scatter around their mean by what sigma says, and exactly so, have the same maximum.
    rows = means.loc[means.index.repeat(means.w)].reset_index(drop=True)
    within = rows.groupby(["person", "scene"]).cumcount() - (rows.w - 1) / 2
    size = np.sqrt(fitted.sigma**2 * (len(rows) - 80) / np.sum(within**2))
    again = fit(rows.assign(y=rows.y + size * within), "y", ["1"], terms)
    assert again.beta[0] == pytest.approx(fitted.beta[0], abs=1e-6)
    assert again.sigma == pytest.approx(fitted.sigma, rel=1e-6)
    assert again.sd("person", "1") == pytest.approx(fitted.sd("person", "1"), rel=1e-5)
    assert again.sd("scene", "1") == pytest.approx(fitted.sd("scene", "1"), rel=1e-5)


@pytest.mark.parametrize("reml", [True, False])
def test_gradients(data, reml):
    fitted = fit(data, "y", FIXED, RANDOM, weights="w", residual_by="g", reml=reml)
    objective = objective_of(fitted.design)
    assert isinstance(objective, LinearObjective)
    point = np.append(1.2 * fitted.estimated.x + 0.05, 0.3)
    cases = [(objective.value_and_gradient, point[:-1]), (objective.with_sigma, point)]
    cases.append((AbsoluteObjective(objective, 0).value_and_gradient, point))
    for function, at in cases:
        numeric = [
            (function(at + move)[0] - function(at - move)[0]) / 2e-5 for move in 1e-5 * np.eye(len(at))
        ]
        np.testing.assert_allclose(function(at)[1], numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_profile_interval_is_where_the_dense_deviance_is_higher_by_the_quantile(data):
    low, high = profile_interval(fit(data, "y", FIXED, RANDOM, weights="w", residual_by="g"), "c")
    ml = fit(data, "y", FIXED, RANDOM, weights="w", residual_by="g", reml=False)
    dense = Dense(data, reml=False, by="g")
    rest = dense.x[:, :2]
    for end in (low, high):
        held = Dense(data.assign(y=data.y - end * data.c), reml=False, by="g")
        held.x = rest
        found = optimize.minimize(held.criterion, dense_parameters(ml, "g"), method="BFGS")
        assert found.fun - ml.criterion == pytest.approx(1.959964**2, abs=1e-3)


def test_drawn_studies_have_residuals_of_the_weights(data):
    """Of values drawn from a fit, those of weight w scatter by sigma / sqrt(w) around person and scene."""
    fitted = fit(data, "y", FIXED, RANDOM, weights="w", residual_by="g")
    drawn = np.array([simulate(fitted, 1, "residual", k) for k in range(800)])
    factor = fitted.covariance_of("person")
    columns = np.column_stack([np.ones(len(data)), data.c])
    expected = np.einsum("ij,jk,ik->i", columns, factor, columns) + fitted.sd("scene", "1") ** 2
    sds = np.array([fitted.residual_sd[g] for g in data.g])
    np.testing.assert_allclose(drawn.var(axis=0), expected + sds**2 / data.w, rtol=0.25)


def test_bootstrap_refits_with_the_weights(data):
    fitted = fit(data, "y", FIXED, RANDOM, weights="w")
    drawn = bootstrap(fitted, 8, seed=1)
    assert drawn.failed == 0
    again = fit(data.assign(y=simulate(fitted, 1, "bootstrap", 7)), "y", FIXED, RANDOM, weights="w")
    assert drawn.replicates["c"][7] == pytest.approx(again.beta[2], abs=1e-3)


def test_models_of_other_weights_are_not_compared(data):
    small = fit(data, "y", ["1", "g"], RANDOM, weights="w", reml=False)
    large = fit(data, "y", FIXED, RANDOM, reml=False)
    with pytest.raises(UsageError, match="same weights"):
        likelihood_ratio(small, large)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({"w": lambda d: d.w.where(d.index > 2)}, {}, "3 weights in 96 rows that are missing or not above 0"),
        ({"w": lambda d: d.w.where(d.index > 0, 0.0)}, {}, "1 weights in 96 rows"),
        ({"w": lambda d: d.w.where(d.index > 0, np.inf)}, {}, "1 weights in 96 rows"),
        ({"w": "high"}, {}, "is not numeric"),
        ({}, {"weights": "precision"}, "is not in the table"),
        ({"y": lambda d: (d.y > 0.5).astype(int)}, {"family": "binomial"}, "linear models only"),
    ],
)
def test_weights_that_are_none(data, change, settings, words):
    with pytest.raises(InputError, match=words):
        fit(data.assign(**change), "y", FIXED, RANDOM, **{"weights": "w", **settings})
