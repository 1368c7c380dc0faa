"""Standard errors of scene values as weights: which tables, which rule, what is said, and the level of the test."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.crossed import decide_crossed, fitted
from analysis.evidence.crossed_beside import first_exposures_crossed
from analysis.evidence.crossed_table import lay_out
from analysis.evidence.crossed_weights import WEIGHTED, precision_weights, reduce_weighted
from analysis.evidence.deciding import by_person
from analysis.evidence.question import ask
from analysis.models import Term, fit, fit_design, fit_reduced
from analysis.models.building import build
from analysis.models.design import Model
from analysis.report.methods_models import _linear
from protocols.base.seeds import generator
from protocols.plan.expanding import expand

PLAN = {
    "decision.deciding_model": "crossed_mixed",
    "measures.roi.statistic": "percent_signal_change",
    "measures.roi.bound": {"value": 0.5, "unit": "percent_signal", "because": "small"},
}
GROUPS = ("child", "adult")


def study(seed=1, people=6, scenes=8, cv=0.5):
    """Values of both groups, the children's errors twice the adults', each value's noise as large as its error."""
    random = np.random.default_rng(seed)
    rows = []
    for k, group in enumerate(GROUPS):
        for p in range(people):
            own = random.normal(0, (0.3, 0.2))
            for s in range(scenes):
                for arm, c in (("live", -0.5), ("ai", 0.5)):
                    se = (0.6, 0.3)[k] * np.exp(random.normal(0, cv))
                    value = own[0] + c * (0.4 + own[1]) + 0.2 * np.sin(s) + se * random.normal()
                    rows.append((f"sub-{group[0]}{p}", group, arm, f"s{s}", round(value, 6), se))
    return pd.DataFrame(rows, columns=["participant_id", "group", "condition", "scene", "value", "se"])


def question_of(lab, rows, changes=None, measure="roi", name="N.child"):
    plan = lab.plan({**PLAN, **(changes or {})})
    item = next(one for one in expand(plan) if one.id == name)
    return ask(plan, item, lab.table(plan, measure, rows), None)


@pytest.fixture(scope="module")
def rows():
    return study()


@pytest.fixture(scope="module")
def small():
    return study(people=4, scenes=4)


@pytest.fixture(scope="module")
def found(lab, rows):
    return decide_crossed(question_of(lab, rows))


def test_no_value_counts_for_more_than_a_typical_one():
    errors = np.array([0.5, 1.0, 2.0, 4.0, 1.0])
    raised = np.array([1.0, 1.0, 4.0, 16.0, 1.0])  # squares, the error below the median as large as it
    np.testing.assert_allclose(precision_weights(errors), raised.mean() / raised)
    tiny = errors.copy()
    tiny[0] = 1e-6
    np.testing.assert_array_equal(precision_weights(tiny), precision_weights(errors))


@pytest.mark.parametrize("size", [0.2, 1 / 3, 1e-7])
def test_equal_errors_are_weights_of_exactly_one(size):
    assert (precision_weights(np.full(7, size)) == 1.0).all()


def test_the_deciding_model_is_the_weighted_one(lab, rows, found):
    """Against `fit` on weights written out here, and unlike the fit without."""
    layout, model = found.crossed.layout, found.crossed.fit.model
    data = layout.rows.drop(columns="weight")
    used = question_of(lab, rows).table.used
    errors = used["se"].groupby(used["group"]).transform(lambda se: se.clip(lower=se.median()))
    mean = (errors**2).groupby(used["group"]).transform("mean")
    data["w"] = (mean / errors**2).to_numpy()
    again = fit(data, "value", model.fixed, model.random, residual_by="group", weights="w")
    plain = fit(data, "value", model.fixed, model.random, residual_by="group")
    contrast = again.contrast({"child:c": 1.0})
    assert found.estimate.value == pytest.approx(contrast.estimate, abs=1e-7)
    assert found.estimate.se == pytest.approx(contrast.se, rel=1e-6)
    assert found.estimate.df == pytest.approx(contrast.df, rel=1e-4)
    assert abs(plain.contrast({"child:c": 1.0}).estimate - contrast.estimate) > 0.01
    assert found.estimate.method.startswith(
        f"crossed linear mixed model, people and scenes random, {WEIGHTED} (REML"
    )


def test_a_residual_sd_is_that_of_the_groups_own_values(found):
    """Weights are relative within a group: errors twice as large show as a larger residual SD, not as weights."""
    weights = found.crossed.layout.rows.groupby("group")["weight"]
    np.testing.assert_allclose(weights.apply(lambda w: (1 / w).mean()), 1.0)
    sds = found.crossed.fit.residual_sd
    assert 1.5 < sds["child"] / sds["adult"] < 3.0


def test_equal_errors_change_no_bit_and_are_not_spoken_of(lab, small):
    alike = decide_crossed(question_of(lab, small.assign(se=0.2)))
    without = decide_crossed(question_of(lab, small.drop(columns="se")))
    assert alike.estimate == without.estimate
    assert alike.crossed.layout.weights is None
    assert "weighted" not in alike.estimate.method


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf])
def test_an_error_that_is_missing_leaves_all_unweighted_and_says_so(lab, rows, bad):
    holed = rows.assign(se=rows["se"].where(rows.index != 3, bad))
    layout = lay_out(question_of(lab, holed), GROUPS)
    assert layout.weights is None
    assert "weight" not in layout.rows
    text = f"unweighted, because 1 of {len(rows)} values have no standard error above 0"
    assert layout.weighing == text


def test_the_warning_stands_in_the_method(lab, small):
    holed = small.assign(se=small["se"].where(small.index != 3))
    assert ", unweighted, because 1 of 64 values" in decide_crossed(question_of(lab, holed)).estimate.method


def test_an_excluded_row_needs_no_error(lab, rows):
    holed = rows.assign(se=rows["se"].where(rows.index != 3), included=(rows.index != 3).astype(float))
    assert lay_out(question_of(lab, holed), GROUPS).weights == "weight"


def test_a_hole_in_another_condition_counts(lab, rows):
    """All hypotheses on a table are weighted or none is."""
    more = rows[rows["condition"] == "live"].assign(condition="cartoon", se=np.nan)
    assert lay_out(question_of(lab, pd.concat([rows, more])), GROUPS).weights is None


def test_other_measures_are_not_weighted(lab, rows):
    volts = {"value": 0.5, "unit": "microvolt", "because": "small"}
    amplitude = {"measures.roi.statistic": "amplitude", "measures.roi.bound": volts}
    assert lay_out(question_of(lab, rows, amplitude), GROUPS).weights is None
    assert lay_out(question_of(lab, rows, measure="says", name="S.child"), GROUPS).weights is None


def test_people_s_means_stay_unweighted(lab, rows):
    question = question_of(lab, rows)
    plain = question_of(lab, rows.drop(columns="se"))
    assert by_person(question).estimate == by_person(plain).estimate


def test_first_exposures_are_weighted_like_the_deciding_model(lab, rows, found):
    question = question_of(lab, rows)
    half = replace(question.table, rows=question.table.rows.iloc[::2].reset_index(drop=True))
    estimate, reason = first_exposures_crossed(question, half, found.crossed)
    assert not reason
    assert WEIGHTED in estimate.method
    assert question.fits["first exposures"].popitem()[1].fit.model.weights == "weight"
    holed = question_of(lab, rows.assign(se=rows["se"].where(rows.index != 3)))
    unweighted = fitted(holed)
    estimate, reason = first_exposures_crossed(holed, half, unweighted)
    assert not reason
    assert unweighted.fit.model.weights is None
    assert WEIGHTED not in estimate.method
    assert holed.fits["first exposures"].popitem()[1].fit.model.weights is None


def test_the_sealed_order_is_walked_as_without_weights(lab):
    """With weights of 1 the same models are tried for the same reasons, and the same one stands."""
    flat = study(4, cv=0.0)
    layout = lay_out(question_of(lab, flat), GROUPS)
    data = layout.rows.assign(w=1.0)
    plain = fit_reduced(data, "value", layout.fixed, layout.random, order=layout.order, residual_by="group")
    model = Model("value", layout.fixed, layout.random, residual_by="group", weights="w")
    walked = reduce_weighted(data, model, layout.order)
    assert len(walked.tried) > 1
    assert walked.tried == plain.tried
    np.testing.assert_array_equal(walked.fit.beta, plain.fit.beta)


def test_the_methods_text_says_it():
    records = [SimpleNamespace(id="N.child", method=f"crossed linear mixed model, {WEIGHTED} (REML)")]
    records.append(SimpleNamespace(id="N.adult", method="crossed linear mixed model (REML)"))
    text = _linear(records, 2)
    assert "Scene values (N.child) were weighted by 1/se²" in text
    assert "weighted" not in _linear(records[1:], 2)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_size(share):
    """No effect, nothing to find: errors vary by 50 %, and are `share` of the residual variance."""
    people, scenes, cv, count = 12, 8, 0.5, 1000
    person, scene, arm = (index.ravel() for index in np.indices((people, scenes, 2)))
    data = pd.DataFrame({"person": person, "scene": scene, "c": arm - 0.5, "value": 0.0, "w": 1.0})
    terms = (Term("person", ["1", "c"], correlated=False), Term("scene", ["1"]))
    base = build(data, Model("value", ("1", "c"), terms, weights="w"))
    random, sd = generator(1, "weights", f"{share:g}"), np.sqrt(np.log1p(cv**2))
    rejected, start = 0, None
    for _ in range(count):
        errors = np.exp(sd * random.standard_normal(base.n) - sd**2)
        residual = np.sqrt(share * errors**2 + 1 - share) * random.standard_normal(base.n)
        own, of_scene = random.normal(0, (0.5, 0.5), (people, 2)), random.normal(0, 0.3, scenes)
        y = own[person, 0] + own[person, 1] * data["c"] + of_scene[scene] + residual
        design = replace(base.with_response(y.to_numpy()), prior=precision_weights(errors))
        fit_ = fit_design(design, start=start)
        start = start or fit_
        rejected += fit_.contrast({"c": 1.0}).p <= 0.05
    error = np.sqrt(0.05 * 0.95 / count)
    assert abs(rejected / count - 0.05) < 2.576 * error
