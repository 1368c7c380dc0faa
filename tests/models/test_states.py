"""Singular, separated, hopeless and unusable data: told in words, never a warning, never a crash."""

import warnings

import numpy as np
import pandas as pd
import pytest

from analysis.models import Reduction, Term, declared_order, fit, fit_reduced
from analysis.models.estimating import estimate, objective_of
from protocols.base.errors import BazinError, InputError

PROBIT = {"family": "binomial", "link": "probit"}


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_variance_of_zero_is_an_ordinary_result(planted):
    data = planted(12, 14, person_sd=(0.5, 0.0), seed=3)
    data["y"] -= data.groupby(["person", "c"]).y.transform("mean") * (data.c != 0)
    fitted = fit(data, "y", ["1", "c"], [Term("person", ["1", "c"], correlated=False), Term("scene", ["1"])])
    assert fitted.sd("person", "c") == 0
    assert fitted.sd("person", "1") == 0
    assert fitted.state.usable
    assert fitted.state.singular
    assert "Singular: the variance of 'c' over person is estimated at 0." in fitted.state.messages
    assert np.isfinite(fitted.fixed.se).all()


@pytest.mark.parametrize("kind", ["gaussian", "binomial"])
def test_a_start_on_the_ridge_does_not_end_in_a_false_zero(planted, fixed, random_terms, kind):
    """With a variance at exactly 0 its derivative is 0, whatever the data say."""
    data = planted(12, 14, binary=kind == "binomial")
    fitted = fit(data, "y", fixed, random_terms, family=kind)
    assert fitted.sd("person", "1") > 0
    start = fitted.estimated.x.copy()
    start[: fitted.design.n_theta] = 0.0
    again = estimate(objective_of(fitted.design), start=start, curvature=fitted.estimated.curvature)
    assert again.value == pytest.approx(fitted.criterion, abs=1e-5)


def test_at_a_boundary_the_deviance_rises_with_the_variance(planted, fixed, random_terms):
    seen = 0
    for seed in range(6):
        data = planted(8, 8, seed=seed, scene_sd=(0.4, 0.0, 0.0, 0.0))
        fitted = fit(data, "y", fixed, random_terms)
        for place in np.flatnonzero(fitted.estimated.at_zero):
            seen += 1
            moved = fitted.estimated.x.copy()
            for size in (0.01, 0.05):
                moved[place] = size
                assert fitted.objective.value(moved) >= fitted.criterion - 1e-7
    assert seen


def test_separated_answers(planted, fixed, random_terms):
    data = planted(8, 8, binary=True)
    data["y"] = np.where(data.c > 0, 1, data.y)
    fitted = fit(data, "y", fixed, random_terms, **PROBIT)
    assert fitted.state.separated
    assert not fitted.state.usable
    assert "separated by" in fitted.state.messages[0]
    assert fitted.fixed.estimate.isna().all()
    assert fitted.random.value.isna().all()
    assert "separated" in str(fitted)


def test_all_answers_the_same(planted, fixed, random_terms):
    fitted = fit(planted(8, 8).assign(y=1), "y", fixed, random_terms, **PROBIT)
    assert "all 256 answers are 1" in fitted.state.messages[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.assign(y=3.0), "explain every value"),
        (lambda data: data.assign(scene=1), "one level only"),
        (lambda data: data[data.scene == data.person].head(4), "leave nothing to estimate their error from"),
    ],
)
def test_hopeless_tables_say_why(planted, change, words):
    terms = [Term("person", ["1"]), Term("scene", ["1"])]
    fitted = fit(
        change(planted(8, 8).assign(d=lambda d: d.person**2)), "y", ["1", "c", "person", "c:d"], terms
    )
    assert not fitted.state.usable
    assert words in fitted.state.messages[0]
    assert fitted.fixed.se.isna().all()


def test_effects_observed_once_per_level_cannot_be_told_from_the_residual(planted):
    data = planted(8, 1)
    fitted = fit(data, "y", ["1", "c"], [Term("person", ["1", "c"])])
    assert "cannot tell" in fitted.state.messages[0]


def test_few_scenes_are_said(planted, fixed, random_terms):
    fitted = fit(planted(8, 8), "y", fixed, random_terms)
    assert any("Only 8 levels of 'scene'" in message for message in fitted.state.messages)


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (lambda d: d.drop(columns="scene"), {}, "column 'scene': is not in the table"),
        (lambda d: d.assign(y=np.where(d.index == 3, np.nan, d.y)), {}, "is empty in 1 of"),
        (lambda d: d.assign(c=np.where(d.c > 0, "ai", "live")), {}, "is not numeric"),
        (lambda d: d.assign(y=np.where(d.index == 3, np.inf, d.y)), {}, "infinite"),
        (lambda d: d, PROBIT, "is not a choice"),
        (lambda d: d.assign(c=d.g), {}, "are made of each other"),
        (lambda d: d.head(0), {}, "has no rows"),
        (lambda d: d, {"link": "probit"}, "does not go with gaussian"),
        (lambda d: d, {"family": "poisson"}, "is not known"),
        (lambda d: d, {**PROBIT, "residual_by": "g"}, "linear models only"),
    ],
)
def test_unusable_input_is_refused_with_the_way_out(planted, fixed, random_terms, change, settings, words):
    with pytest.raises(InputError, match=words):
        fit(change(planted(6, 6)), "y", fixed, random_terms, **settings)


def test_malformed_models_are_refused(planted):
    data = planted(4, 4)
    for fixed, random in (
        (["1", "1"], [Term("person", ["1"])]),
        (["1"], [Term("person", ["1"]), Term("person", ["1", "c"])]),
        (["1"], []),
        (["1"], [Term("person", ["1"]), Term("scene", ["1"]), Term("c", ["1"])]),
    ):
        with pytest.raises(BazinError):
            fit(data, "y", fixed, random)


def test_the_declared_order_reduces_no_further_than_needed(planted, fixed):
    full = [Term("person", ["1", "c"]), Term("scene", ["1", "c", "g", "g:c"])]
    data = planted(20, 16, seed=0, scene_sd=(0.4, 0.3, 0.2, 0.0), residual=2.0)
    reduced = fit_reduced(data, "y", fixed, full, order=declared_order())
    table = reduced.table
    assert table.model[0] == "(1 + c | person) + (1 + c + g + g:c | scene)"
    assert "next without correlations | scene" in table.reason[0]
    assert reduced.fit.state.usable
    assert not reduced.fit.state.singular
    assert table.reason.iloc[-1] == "it stands"
    assert "c" in reduced.fit.model.effects("scene")


def test_a_model_that_stands_is_not_reduced(planted, fixed):
    terms = [Term("person", ["1", "c"]), Term("scene", ["1", "c"])]
    reduced = fit_reduced(planted(20, 16), "y", fixed, terms, order=declared_order())
    assert list(reduced.table.reason) == ["it stands"]


def test_an_effect_that_may_go_at_zero_only_stays_otherwise(planted, fixed):
    terms = [Term("person", ["1"]), Term("scene", ["1", "g:c"], correlated=False)]
    data = planted(20, 16, person_sd=(0.0, 0.0), residual=2.0, seed=4)
    reduced = fit_reduced(data, "y", fixed, terms, order=[Reduction("scene", "g:c", only_at_zero=True)])
    dropped = "g:c" not in reduced.fit.model.effects("scene")
    full = fit(data, "y", fixed, terms)
    assert dropped == (full.sd("scene", "g:c") == 0)


def test_one_person_with_one_arm_and_an_item_seen_once_go_through(planted, fixed, random_terms):
    data = planted(10, 14)
    data = data[~((data.person == 0) & (data.c > 0))]
    data = data[~((data.scene == 0) & (data.person != 3))]
    assert fit(data, "y", fixed, random_terms).state.usable


def test_tables_are_tidy(planted, fixed, random_terms):
    fitted = fit(planted(8, 14), "y", fixed, random_terms)
    assert list(fitted.fixed.columns) == ["effect", "estimate", "se", "df", "statistic", "p"]
    assert list(fitted.random.columns) == ["group", "effect", "other", "quantity", "value"]
    assert set(fitted.random.quantity) == {"sd", "correlation"}
    modes = fitted.effects_of("person")
    assert modes.shape == (16, 2)
    assert modes.index.name == "person"
    assert isinstance(fitted.random, pd.DataFrame)
