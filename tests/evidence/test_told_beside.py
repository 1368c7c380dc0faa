"""What stands beside an outcome is there, is right, and says so where it cannot be had."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats


def rows_of(decision, name, analysis):
    table = decision.tables["sensitivity"]
    return table[(table["hypothesis"] == name) & (table["analysis"] == analysis)]


@pytest.fixture(scope="module")
def judged(lab):
    """Choices of 20 adults: 10 trials per condition, of which a known number is right."""
    random = np.random.default_rng(3)
    correct = {"live": random.integers(4, 9, 20), "ai": random.integers(5, 10, 20)}
    changes = {
        "measures.says.statistic": "dprime_per_person",
        "measures.says.unit": None,
        "measures.says.bound": {"value": 0.3, "unit": "dprime", "because": "small"},
        "measures.says.spread": None,
        "measures.says.control": None,
        "hypotheses.S.group": "adult",
        "hypotheses.S.asks": "difference",
    }
    plan = lab.plan(changes)
    found = []
    for person in range(20):
        for condition, right in correct.items():
            says_ai = right[person] if condition == "ai" else 10 - right[person]
            for trial in range(10):
                scene = f"{condition}{trial}"
                found.append(
                    (f"sub-{person:02d}", "adult", condition, scene, str(trial), float(trial < says_ai))
                )
    columns = ["participant_id", "group", "condition", "scene", "trial", "value"]
    rows = pd.DataFrame(found, columns=columns)
    return lab.decide(plan, {"says": lab.table(plan, "says", rows)}), correct


def test_percent_correct_stands_beside_every_dprime(judged):
    decision, correct = judged
    (row,) = rows_of(decision, "S", "percent correct").itertuples()
    percent = 100 * (correct["live"] + correct["ai"]) / 20
    assert row.estimate == pytest.approx(percent.mean())
    low, high = stats.t.interval(0.95, 19, percent.mean(), stats.sem(percent))
    assert (row.low, row.high) == pytest.approx((low, high))
    assert row.p is None  # a test against 0 % would mean nothing


def test_no_other_measure_has_a_percent_correct(lab):
    plan = lab.plan()
    table = lab.decide(plan, lab.tables(plan, "none", "none")).tables["sensitivity"]
    assert "percent correct" not in set(table["analysis"])


def test_where_the_order_is_unknown_first_exposures_are_said_to_be_missing(lab):
    plan = lab.plan()
    decision = lab.decide(plan, lab.tables(plan, "none", "none"))
    (row,) = rows_of(decision, "N.adult", "first exposures only").itertuples()
    assert row.estimate is None
    assert row.note == "not available: the table does not say what was seen first"


def test_tipping_points_say_that_covariates_stand_in_their_way(lab):
    plan = lab.plan({"measures.roi.covariates": [{"name": "age_months"}]})
    tables = lab.tables(plan, "none", "none")
    people = tables["roi"].rows[["participant_id", "group"]].drop_duplicates()
    lost = pd.DataFrame({"participant_id": ["sub-900"], "group": ["adult"]})
    people = pd.concat([people, lost], ignore_index=True)
    people["age_months"] = np.arange(len(people), dtype=float)
    decision = lab.decide(plan, tables, people)
    (row,) = rows_of(decision, "N.adult", "tipping point in adult").itertuples()
    assert row.n == 1
    assert "not available with covariates" in row.note


def test_an_interval_inside_the_bound_that_holm_does_not_accept_is_explained(lab, record_of):
    """One of two hypotheses is equivalent by itself and no longer when both are counted."""
    plan = lab.plan()
    bound = plan.measures["roi"].bound.value
    se = 0.3 / np.sqrt(20)
    p = 0.04  # below .05, and above .05 / 2
    mean = bound - stats.t.isf(p, 19) * se
    tables = lab.tables(plan, "none", "none")
    tables["roi"] = lab.measured(plan, "roi", {"child": (float(mean), 0.3), "adult": "unclear"})
    record = record_of(lab.decide(plan, tables), "N.child")
    assert record.ci_equivalence.high < bound
    assert record.p_below_upper_bound == pytest.approx(p)
    assert record.p_equivalence_adjusted == pytest.approx(2 * p)
    assert record.outcome == "different"  # the mean is far from 0, its smallness is not shown
    near = lab.measured(
        plan, "roi", {"child": (0.0, 0.3 * (bound / (stats.t.isf(p, 19) * se))), "adult": "unclear"}
    )
    record = record_of(lab.decide(plan, {**tables, "roi": near}), "N.child")
    assert record.outcome == "undecided"
    assert record.ci_equivalence.high < bound
    assert "adjusted for the other hypotheses of its family" in record.says
