"""Ordered answers: planted values, what must not change a fit, states in words, bad input, bootstrap, reductions."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from analysis.models import (
    Model,
    Reduction,
    Term,
    bootstrap,
    build,
    fit,
    fit_design,
    fit_reduced,
    likelihood_ratio,
    marginal,
    marginal_d_prime,
    profile_interval,
    simulate,
    spread_below,
)
from protocols.base.errors import InputError, UsageError

EFFECTS = ["g", "c", "g:c"]
TERMS = [Term("person", ["1", "c"]), Term("scene", ["1", "c"], correlated=False)]
ORDINAL = {"family": "ordinal", "link": "probit"}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="module")
def data(ordered):
    return ordered(12, 16)


@pytest.fixture(scope="module")
def whole(data):
    return fit(data, "y", EFFECTS, TERMS, **ORDINAL)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_planted_values_come_back(ordered, random_terms, link):
    cuts = (-1.5, -0.5, 0.4, 1.6)
    fitted = fit(
        ordered(40, 40, link=link, cuts=cuts), "y", EFFECTS, random_terms, family="ordinal", link=link
    )
    for row, truth in zip(fitted.fixed.itertuples(), (0.2, 0.6, -0.3), strict=True):
        assert abs(row.estimate - truth) < 3 * row.se
    for row, truth in zip(fitted.thresholds.itertuples(), cuts, strict=True):
        assert abs(row.estimate - truth) < 3 * row.se
    for (group, effect), truth in {("person", "1"): 0.5, ("person", "c"): 0.4, ("scene", "c"): 0.3}.items():
        assert fitted.sd(group, effect) == pytest.approx(truth, abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_intervals_cover_planted_values(ordered, link):
    truths = np.array([-1.0, 0.0, 1.0, 0.2, 0.6, -0.3])
    inside = []
    for seed in range(200):
        data = ordered(15, 24, cuts=truths[:3], link=link, seed=seed, scene_sd=(0.4, 0.3, 0.0, 0.0))
        fitted = fit(data, "y", EFFECTS, TERMS, family="ordinal", link=link)
        found = pd.concat([fitted.thresholds, fitted.fixed])
        inside.append(np.abs(found.estimate.to_numpy() - truths) < 1.96 * found.se.to_numpy())
    share = np.mean(inside, axis=0)
    assert (
        share > 0.87
    ).all()  # 24 scenes: Wald intervals are a little too short; 3 errors of simulation below .93
    assert np.mean(share) > 0.91


def test_two_answers_are_the_binomial_model(data):
    """Reached by replicates in which answers are missing; for the logit both kinds of information are the same."""
    design = build(data, Model("y", tuple(EFFECTS), tuple(TERMS), family="ordinal", link="logit"))
    ours = fit_design(design.with_response(np.where(design.y > 3, 7.0, 2.0)))
    other = fit(data.assign(y=data.y > 3), "y", ["1", *EFFECTS], TERMS, family="binomial")
    assert ours.criterion == pytest.approx(other.criterion, abs=1e-6)
    np.testing.assert_allclose(ours.fixed.estimate, other.fixed.estimate[1:], atol=1e-4)
    np.testing.assert_allclose(ours.fixed.se, other.fixed.se[1:], rtol=1e-3)
    assert ours.thresholds.estimate[0] == pytest.approx(-other.fixed.estimate[0], abs=1e-4)
    assert ours.thresholds.se[0] == pytest.approx(other.fixed.se[0], rel=1e-3)
    assert ours.thresholds.threshold[0] == "2|7"


def test_only_the_order_of_the_answers_counts(data, whole):
    moved = fit(data.assign(y=np.array([0, -8.5, 0.1, 3, 100, 101])[data.y]), "y", EFFECTS, TERMS, **ORDINAL)
    assert moved.criterion == pytest.approx(whole.criterion, abs=1e-9)
    np.testing.assert_allclose(moved.thresholds.estimate, whole.thresholds.estimate)
    assert list(moved.thresholds.threshold) == ["-8.5|0.1", "0.1|3", "3|100", "100|101"]


def test_reversing_the_scale_reverses_the_signs(data, whole):
    turned = fit(data.assign(y=-data.y), "y", EFFECTS, TERMS, **ORDINAL)
    assert turned.criterion == pytest.approx(whole.criterion, abs=1e-6)
    np.testing.assert_allclose(turned.fixed.estimate, -whole.fixed.estimate, atol=1e-4)
    np.testing.assert_allclose(turned.cuts, -whole.cuts[::-1], atol=1e-4)
    np.testing.assert_allclose(turned.thresholds.se, whole.thresholds.se[::-1], rtol=1e-3)


def test_rows_and_names_may_change_places(data, whole):
    mixed = data.sample(frac=1.0, random_state=5).assign(scene=lambda d: "s" + d.scene.astype(str))
    again = fit(mixed, "y", EFFECTS, TERMS, **ORDINAL)
    assert again.criterion == pytest.approx(whole.criterion, abs=1e-6)
    np.testing.assert_allclose(again.fixed.estimate, whole.fixed.estimate, atol=1e-4)
    np.testing.assert_allclose(again.fixed.se, whole.fixed.se, rtol=2e-4)


def test_tables_contrasts_and_words(whole):
    assert list(whole.thresholds.columns) == ["threshold", "estimate", "se"]
    assert list(whole.fixed.effect) == EFFECTS
    assert set(whole.random.group) == {"person", "scene"}
    one = whole.contrast({"c": 1.0, "g:c": 0.5}, df=whole.fast_df("g"))
    assert one.df == 11
    assert one.estimate == pytest.approx(whole.beta[1] + whole.beta[2] / 2)
    assert np.isinf(whole.fixed.df).all()
    assert whole.residual_sd == {}
    assert "1|2" in str(whole)
    assert whole.predict(pd.DataFrame({"g": [0.5], "c": [0.5]})).estimate[0] == pytest.approx(
        whole.beta @ [0.5, 0.5, 0.25]
    )
    for call in (lambda: marginal_d_prime(whole), lambda: marginal(whole, [(1.0, {"c": 0.5, "g": 0.0})])):
        with pytest.raises(UsageError, match=r"choices|ordinal"):
            call()


def test_other_models_have_no_thresholds(planted, fixed):
    fitted = fit(planted(6, 8), "y", fixed, [Term("person", ["1"])])
    assert fitted.thresholds.empty
    assert "threshold" not in str(fitted)


def test_a_model_without_fixed_effects(data, whole):
    none = fit(data, "y", [], TERMS, **ORDINAL)
    assert none.fixed.empty
    assert none.state.usable
    assert likelihood_ratio(none, whole).df == 3
    assert likelihood_ratio(none, whole).statistic > 0


def test_a_profile_limit_is_where_the_likelihood_ratio_rejects(whole):
    low, high = profile_interval(whole, "c")
    assert low < whole.beta[1] < high
    assert (low, high) == pytest.approx(whole.contrast({"c": 1.0}).interval(), abs=0.1)
    low, high = profile_interval(whole, "c", group="person")
    assert 0 <= low < whole.sd("person", "c") < high


def test_the_bootstrap(whole):
    done = bootstrap(whole, 30, seed=1)
    assert done.failed == 0
    low, high = done.interval("c", 0.9)
    assert low < whole.beta[1] < high
    again = bootstrap(whole, 4, seed=1, workers=2)
    np.testing.assert_allclose(again.replicates, done.replicates.head(4), rtol=0, atol=1e-12)


def test_replicates_without_a_rare_answer_go_through(ordered):
    data = ordered(6, 12, cuts=(-0.5, 0.4, 3.2))
    assert (data.y == 4).sum() <= 4
    fitted = fit(data, "y", ["c"], [Term("person", ["1", "c"]), Term("scene", ["1"])], **ORDINAL)
    kinds = {len(np.unique(simulate(fitted, 1, "bootstrap", k))) for k in range(30)}
    assert 3 in kinds
    assert bootstrap(fitted, 30, seed=1).failed == 0
    assert spread_below(fitted, "person", "c", 0.8, n=19, seed=1).failed == 0


def test_simulated_answers_have_the_fits_shares(whole):
    still = replace(whole, estimated=replace(whole.estimated, x=whole.estimated.x.copy()))
    still.estimated.x[: still.design.n_theta] = 0.0
    answers = np.array([simulate(still, 5, k) for k in range(400)])
    eta = whole.design.x @ whole.beta
    for answer, cut in enumerate(whole.cuts, start=1):
        share = (answers <= answer).mean(axis=0)
        for high in (True, False):
            rows = (eta > 0) == high
            assert share[rows].mean() == pytest.approx(ndtr(cut - eta[rows]).mean(), abs=0.005)
    assert set(np.unique(answers)) == {1, 2, 3, 4, 5}


def test_the_spread_of_people(whole):
    far = spread_below(whole, "person", "c", 3 * whole.sd("person", "c") + 1, n=19, seed=1)
    assert far.below
    assert not spread_below(whole, "person", "c", 0.8 * whole.sd("person", "c"), n=19, seed=1).below


def test_the_declared_order_reduces_no_further_than_needed(ordered):
    data = ordered(20, 16, seed=0, scene_sd=(0.4, 0.3, 0.0, 0.0))
    full = [Term("person", ["1", "c"]), Term("scene", ["1", "c", "g"])]
    order = (Reduction("scene"), Reduction("person"), Reduction("scene", "g"))
    reduced = fit_reduced(data, "y", EFFECTS, full, order=order, **ORDINAL)
    assert "next without correlations | scene" in reduced.table.reason[0]
    assert reduced.fit.state.usable
    assert not reduced.fit.state.singular
    assert reduced.fit.model.ordinal
    assert "c" in reduced.fit.model.effects("scene")
    assert reduced.table.reason.iloc[-1] == "it stands"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: np.full(len(d), 3), "all 768 answers are 3"),
        (lambda d: d.y + 5 * (d.c > 0), "separated by c"),
        (lambda d: np.where(d.c > 0, 5, d.y), "separated by"),
        (lambda d: np.where(d.c > 0, np.maximum(d.y, 3), np.minimum(d.y, 3)), "separated by c"),
        (lambda d: d.person % 5, "every level of 'person' has the same answer"),
    ],
)
@pytest.mark.parametrize("link", ["logit", "probit"])
def test_separated_answers(data, change, words, link):
    fitted = fit(data.assign(y=change(data)), "y", ["c"], TERMS, family="ordinal", link=link)
    assert not fitted.state.usable
    assert fitted.state.separated
    assert words in fitted.state.messages[0]
    assert fitted.fixed.estimate.isna().all()
    assert fitted.thresholds.estimate.isna().all()
    assert fitted.random.value.isna().all()
    assert "Not estimated" in str(fitted)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_one_sided_people_few_items_and_rare_answers_go_through(data, link):
    tables = {
        "a person with one answer only": data.assign(y=np.where(data.person == 0, 1, data.y)),
        "an answer that was given once": data.assign(y=np.where(np.arange(len(data)) == 7, 9, data.y)),
        "unused levels": data.assign(person=pd.Categorical(data.person, categories=range(99))),
        "one arm is missing": data[~((data.person == 0) & (data.c > 0))],
        "all categories at one arm": data.assign(y=np.where(data.c > 0, data.y, np.clip(data.y, 2, 3))),
    }
    for name, table in tables.items():
        fitted = fit(table, "y", ["c"], TERMS, family="ordinal", link=link)
        assert fitted.state.usable, name
        assert np.isfinite(fitted.fixed.se).all(), name
        assert np.isfinite(fitted.thresholds.se).all(), name
        assert fitted.levels["person"] == 24


def test_three_items_are_said(data):
    fitted = fit(data[data.scene < 3], "y", ["c"], TERMS, **ORDINAL)
    assert fitted.state.usable
    assert any("Only 3 levels of 'scene'" in message for message in fitted.state.messages)


def test_a_start_on_the_ridge_does_not_end_in_a_false_zero(data, whole):
    start = replace(whole, estimated=replace(whole.estimated, x=whole.estimated.x.copy()))
    start.estimated.x[: start.design.n_theta] = 0.0
    again = fit(data, "y", EFFECTS, TERMS, **ORDINAL, start=start)
    assert again.criterion == pytest.approx(whole.criterion, abs=1e-6)


@pytest.mark.parametrize(
    ("change", "fixed", "words"),
    [
        (lambda d: d.assign(y=d.y > 2), ["c"], "family=\"binomial\""),
        (lambda d: d.assign(y=np.linspace(-3, 3, len(d))), ["c"], "3 to 30 categories"),
        (lambda d: d, ["1", "c"], "thresholds of an ordinal model replace"),
        (lambda d: d.assign(always=1.0), ["c", "always"], "do not vary"),
        (lambda d: d.assign(y=d.y.astype(str)), ["c"], "number the answers in their order"),
        (lambda d: d.assign(y=d.y.where(d.person > 0)), ["c"], "is empty in"),
        (lambda d: d.head(0), ["c"], "has no rows"),
    ],
)  # fmt: skip
def test_unusable_input_is_refused_with_the_way_out(data, change, fixed, words):
    with pytest.raises(InputError, match=words):
        fit(change(data), "y", fixed, TERMS, **ORDINAL)


def test_only_ordinal_models_go_without_fixed_effects(data):
    with pytest.raises(InputError, match="names an effect twice or none"):
        fit(data, "y", [], TERMS)
    with pytest.raises(InputError, match='family="ordinal"'):
        fit(data, "y", ["1", "c"], TERMS, family="binomial")
    with pytest.raises(InputError, match="does not go with ordinal"):
        fit(data, "y", ["c"], TERMS, family="ordinal", link="identity")
