"""ROC from confidence: areas as in pROC and by counting pairs, people as clusters, what cannot be computed."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

from analysis.behaviour import (
    area,
    area_over_people,
    confidence_scale,
    roc_points,
    roc_points_table,
    roc_table,
)
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")

SIGNAL, NOISE = np.array([6, 6, 5, 5, 4, 4, 3, 2, 6]), np.array([1, 1, 2, 2, 3, 3, 4, 5])


def trials(*people: tuple[str, list[float], list[float]], group: str = "adult") -> pd.DataFrame:
    rows = [(code, kind, rating) for code, *both in people for kind, ratings in zip((1, 0), both, strict=True)
            for rating in ratings]  # fmt: skip
    return pd.DataFrame(rows, columns=["participant_id", "condition", "rating"]).assign(group=group)


def test_area_and_error_as_in_proc():
    # R 4.2.2, pROC 1.18.0: auc, sqrt(var(r, method = "delong"))
    found = area(SIGNAL, NOISE)
    assert (found.auc, found.se) == (pytest.approx(0.8333333333), pytest.approx(0.09808643675))
    low, high = found.interval()
    assert 0.55 < low < 0.8333 < high < 1


def test_the_area_counts_pairs_and_halves_ties():
    pairs = SIGNAL[:, None] - NOISE[None, :]
    assert area(SIGNAL, NOISE).auc == pytest.approx(np.mean((pairs > 0) + 0.5 * (pairs == 0)))


def test_only_the_order_of_ratings_counts():
    assert area(np.exp(SIGNAL), np.exp(NOISE)) == area(SIGNAL, NOISE)
    turned = area(-SIGNAL, -NOISE)
    assert turned.auc == pytest.approx(1 - area(SIGNAL, NOISE).auc)
    assert turned.d_a == pytest.approx(-area(SIGNAL, NOISE).d_a)


@pytest.mark.parametrize("sd", [1.0, 1.5])
def test_d_a_does_not_need_equal_variances(sd):
    rng = np.random.default_rng(7)
    found = area(rng.normal(1.0, sd, 40_000), rng.normal(0.0, 1.0, 40_000))
    assert found.auc == pytest.approx(ndtr(1 / np.sqrt(1 + sd**2)), abs=0.006)
    assert found.d_a == pytest.approx(1 / np.sqrt((1 + sd**2) / 2), abs=0.025)


def test_answers_and_confidence_make_one_scale():
    assert confidence_scale([0, 0, 1, 1], [4, 1, 1, 4], 4).tolist() == [1, 4, 5, 8]
    assert confidence_scale([0, 1], [1, 1], 1).tolist() == [1, 2]


def test_the_points_join_to_the_area():
    points = roc_points(SIGNAL, NOISE)
    assert points.iloc[0].tolist() == [np.inf, 0, 0]
    assert points.iloc[-1][["false_alarm_rate", "hit_rate"]].tolist() == [1, 1]
    # pROC's coords(): 3 of 9 signals and no noise reach a 6, 5 of 9 and 1 of 8 a 5
    assert points.iloc[1].tolist() == pytest.approx([6, 0, 3 / 9])
    assert points.iloc[2].tolist() == pytest.approx([5, 1 / 8, 5 / 9])
    joined = np.trapezoid(points["hit_rate"], points["false_alarm_rate"])
    assert joined == pytest.approx(area(SIGNAL, NOISE).auc)


def test_people_with_one_trial_each_are_independent_trials():
    codes = [f"sub-{i}" for i in range(17)]
    # signals and noise of other people: no covariance, and the factor of 9/8 and 8/7 is DeLong's
    found = area_over_people(SIGNAL, NOISE, codes[:9], codes[9:])
    assert found.auc == area(SIGNAL, NOISE).auc
    assert found.se == pytest.approx(area(SIGNAL, NOISE).se)
    assert found.n_people == 17


def test_the_error_over_people_is_that_of_repeated_studies():
    """15 people whose sensitivities differ: DeLong's error is too small, Obuchowski's is not."""
    rng = np.random.default_rng(11)
    people = np.repeat(np.arange(15), 20)
    aucs, naive, clustered = [], [], []
    for _ in range(300):
        d = rng.normal(1.0, 0.8, 15)[people]
        x, y = np.round(rng.normal(d)), np.round(rng.normal(size=300))
        found = area_over_people(x, y, people, people)
        aucs.append(found.auc)
        clustered.append(found.se)
        naive.append(area(x, y).se)
    assert np.mean(clustered) == pytest.approx(np.std(aucs), rel=0.12)
    assert np.mean(naive) < 0.65 * np.std(aucs)


def test_people_who_lean_to_one_end_in_both_kinds_of_trial_add_less_than_their_parts():
    rng = np.random.default_rng(12)
    people = np.repeat(np.arange(15), 20)
    found = []
    for _ in range(300):
        lean = rng.normal(0.0, 1.0, 15)[people]
        x, y = (np.round(rng.normal(lean + d)) for d in (1.0, 0.0))
        found.append(area_over_people(x, y, people, people))
    assert np.mean([one.se for one in found]) == pytest.approx(np.std([one.auc for one in found]), rel=0.15)


def test_pooling_people_with_other_criteria_makes_the_area_smaller():
    table = trials(("a", [4, 5, 6], [1, 2, 3]), ("b", [14, 15, 16], [11, 12, 13]))
    assert roc_table(table)["auc"].tolist() == [1, 1]
    assert roc_table(table, by="group")["auc"][0] == 0.75


def test_everybody_has_one_row_and_what_is_missing_is_said():
    table = trials(
        ("1", list(SIGNAL), list(NOISE)), ("2", [5, 6, np.nan], [1, 2]), ("3", [3, 3], [3, 3, 3]), ("4", [4], []),
        ("5", [np.nan], [np.nan]), ("6", [2], [1, 3]),
    )  # fmt: skip
    found = roc_table(table.sample(frac=1, random_state=1)).set_index("participant_id")
    assert found["note"].to_dict() == {
        "1": "",
        "2": "no overlap: d_a is infinite",
        "3": "gave the same rating in every trial: says nothing about sensitivity",
        "4": "no rated noise trials",
        "5": "no rated trials",
        "6": "",
    }
    assert found.loc["1", "auc"] == pytest.approx(0.8333333333)
    assert (found.loc["2", "d_a"], found.loc["2", "n_missing"]) == (np.inf, 1)
    assert (found.loc["3", "auc"], found.loc["3", "se"]) == (0.5, 0)
    assert np.isnan(found.loc["4", "auc"])
    assert np.isnan(found.loc["6", "se"])
    points = roc_points_table(table)
    assert set(points["participant_id"]) == {"1", "2", "3", "6"}
    pooled = roc_points_table(table, by="group")
    assert list(pooled.columns) == ["group", "criterion", "false_alarm_rate", "hit_rate"]
    assert np.trapezoid(pooled["hit_rate"], pooled["false_alarm_rate"]) == pytest.approx(
        roc_table(table, by="group")["auc"][0]
    )


def test_nobody_with_both_kinds_gives_an_empty_table_of_points():
    assert roc_points_table(trials(("1", [3.0], []))).columns.tolist()[0] == "participant_id"


def test_an_area_without_an_error_has_no_interval():
    assert np.isnan(area([2], [1]).interval()).all()
    assert np.isnan(area([5, 6], [1, 2]).interval()).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: area([], [1.0]), ["needs trials of both kinds", "0 signal and 1 noise"]),
        (lambda: area([np.nan], [1.0]), ["signal ratings", "nan"]),
        (lambda: area([2.0], [np.inf]), ["noise ratings", "inf"]),
        (lambda: confidence_scale([0, 2], [1, 1], 4), ["the answers", "2"]),
        (lambda: confidence_scale([0, 1], [0, 5], 4), ["the confidences", "0, 5", "between 1 and 4"]),
        (lambda: confidence_scale([0, 1], [1], 4), ["differ in number"]),
        (lambda: area_over_people([1], [2], ["a", "b"], ["a"]), ["people and ratings", "differ in number"]),
        (lambda: roc_table(trials(("1", [3.0], [2.0])), by="scene"), ["by", "person, group"]),
        (
            lambda: roc_table(trials(("1", [3.0], [2.0])).assign(condition=None)),
            ["'condition'", "is empty in 2 of 2"],
        ),
        (lambda: roc_table(trials(("1", [3.0], [2.0])).iloc[:0]), ["has no rows"]),
        (lambda: roc_table(trials(("1", [3.0], [2.0])), rating="ratng"), ["'ratng'", "is not in the table"]),
    ],
)
def test_broken_input_is_refused_in_words(call, words):
    with pytest.raises(UsageError) as error:
        call()
    assert all(word in str(error.value) for word in words)
