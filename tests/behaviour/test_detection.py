"""Yes/no d′: published figures, errors of d′, one row per person, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from analysis.behaviour import (
    approximate_se,
    conditional_from_marginal,
    count,
    counts_by_person,
    criterion_of_rates,
    detect,
    detection_table,
    dprime_of_rates,
    exact_sampling,
    marginal_from_conditional,
)
from analysis.evidence import people as evidence
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")


def test_runway_2026_from_its_percentages():
    # 56.1 % of AI clips and 58.0 % of real clips were called what they are
    assert dprime_of_rates(0.561, 1 - 0.580) == pytest.approx(0.355, abs=5e-4)
    assert criterion_of_rates(0.561, 1 - 0.580) == pytest.approx(0.024, abs=5e-4)


def test_whoever_seldom_says_ai_has_a_positive_criterion():
    cautious = detect(hits=6, signals=20, false_alarms=1, noises=20)
    keen = detect(hits=19, signals=20, false_alarms=14, noises=20)
    assert cautious.criterion > 0 > keen.criterion
    assert cautious.dprime == pytest.approx(keen.dprime)  # the same answers with yes and no exchanged
    assert cautious.log_beta == pytest.approx(cautious.dprime * cautious.criterion)
    z_hit, z_false = ndtri(6.5 / 21), ndtri(1.5 / 21)
    assert cautious.log_beta == pytest.approx(np.log(norm.pdf(z_hit) / norm.pdf(z_false)))


def test_the_deciding_analyses_have_the_same_d_prime():
    hits, signals, false_alarms, noises = (
        np.array(x) for x in ([12, 20, 3], [20, 20, 8], [5, 0, 8], [20, 24, 8])
    )
    theirs = evidence.dprime(*(pd.Series(x) for x in (hits, signals, false_alarms, noises)))
    assert detect(hits, signals, false_alarms, noises).dprime == pytest.approx(theirs.to_numpy())


def test_errors_of_one_persons_d_prime_at_chance():
    trials = np.array([8, 10, 20])
    assert approximate_se(0.5, 0.5, trials, trials).round(2).tolist() == [0.63, 0.56, 0.40]
    # The log-linear estimator itself varies a little less. R 4.2.2, sums of dbinom: .61510395 with 8 + 8
    assert exact_sampling(0.5, 0.5, trials, trials).se == pytest.approx(
        [0.61510395, 0.55190543, 0.39262501], abs=1e-8
    )


def test_exact_errors_with_unequal_trials_as_in_r_and_by_drawing():
    exact = exact_sampling(0.8, 0.3, 24, 16)
    assert (exact.mean, exact.se) == (
        pytest.approx(1.35122557, abs=1e-8),
        pytest.approx(0.44035419, abs=1e-8),
    )
    rng = np.random.default_rng(4)
    drawn = detect(rng.binomial(24, 0.8, 40_000), 24, rng.binomial(16, 0.3, 40_000), 16).dprime
    assert np.mean(drawn) == pytest.approx(exact.mean, abs=0.01)
    assert np.std(drawn) == pytest.approx(exact.se, rel=0.02)
    assert exact.bias == pytest.approx(exact.mean - (ndtri(0.8) - ndtri(0.3)))


def test_conditional_and_marginal_d_prime_are_different_quantities():
    assert marginal_from_conditional(0.30, 0.554) == pytest.approx(0.262, abs=5e-4)
    assert conditional_from_marginal(marginal_from_conditional(0.30, 0.554), 0.554) == pytest.approx(0.30)
    effects = np.random.default_rng(1).normal(0, 0.554, 400_000)  # of scenes
    over_scenes = ndtri(ndtr(0.15 + effects).mean()) - ndtri(ndtr(-0.15 + effects).mean())
    assert over_scenes == pytest.approx(0.262, abs=0.004)


def test_everybody_has_one_row_with_counts_and_rates(trials_of):
    table = detection_table(trials_of(("sub-2", 9, 10, 2, 8), ("sub-1", 10, 10, 0, 10)))
    assert list(table["participant_id"]) == ["sub-1", "sub-2"]
    second = table.iloc[1]
    assert second[["n_signal", "hits", "n_noise", "false_alarms", "n_missing"]].tolist() == [10, 9, 8, 2, 0]
    assert (second["hit_rate"], second["false_alarm_rate"]) == (9.5 / 11, 2.5 / 9)
    assert second["dprime"] == pytest.approx(ndtri(9.5 / 11) - ndtri(2.5 / 9))
    assert second["percent_correct"] == pytest.approx(100 * 15 / 18)
    assert second["se"] == pytest.approx(float(approximate_se(9.5 / 11, 2.5 / 9, 10, 8)))
    assert second["se_exact"] == pytest.approx(float(exact_sampling(9.5 / 11, 2.5 / 9, 10, 8).se))
    assert second["note"] == ""


def test_a_perfect_person_has_a_finite_d_prime(trials_of):
    perfect = detection_table(trials_of(("sub-1", 10, 10, 0, 10))).iloc[0]
    assert perfect["dprime"] == pytest.approx(2 * ndtri(10.5 / 11))
    assert perfect["percent_correct"] == 100


def test_unanswered_trials_are_counted_and_in_no_rate(trials_of):
    trials = trials_of(("sub-1", 3, 5, 1, 5)).astype({"value": object})
    trials.loc[trials.index[trials["condition"] == 1][:2], "value"] = None
    row = detection_table(trials).iloc[0]
    assert (row["n_missing"], row["n_signal"], row["n_noise"]) == (2, 3, 5)


def test_conditions_may_have_names(trials_of):
    trials = trials_of(("sub-1", 9, 10, 2, 8), ("sub-2", 4, 4, 0, 0))
    named = trials.assign(condition=trials["condition"].map({1: "ai", 0: "live"}))
    table = detection_table(named, signal="ai", noise="live")
    assert table["dprime"][0] == pytest.approx(detection_table(trials)["dprime"][0])
    assert table["note"][1] == "no answered live trials"


@pytest.mark.parametrize(
    ("person", "note"),
    [
        ((4, 4, 0, 0), "no answered noise trials"),
        ((0, 0, 2, 4), "no answered signal trials"),
        ((5, 5, 9, 9), "gave the same answer in every trial: says nothing about sensitivity"),
        ((0, 5, 0, 9), "gave the same answer in every trial: says nothing about sensitivity"),
        ((1, 2, 0, 1), ""),
    ],
)
def test_what_one_cannot_know_of_somebody_is_said_beside_the_others(trials_of, person, note):
    table = detection_table(trials_of(("sub-1", *person), ("sub-2", 9, 10, 2, 8)))
    assert table["note"].tolist() == [note, ""]
    lacking = note.startswith("no answered")
    for column in ("dprime", "se", "se_exact", "criterion"):
        assert np.isnan(table[column][0]) == lacking
    assert np.isfinite(table["dprime"][1])


def test_somebody_without_any_answer_stays_in_the_table(trials_of):
    trials = trials_of(("sub-1", 1, 2, 0, 1), ("sub-2", 9, 10, 2, 8))
    trials["value"] = trials["value"].where(trials["participant_id"] != "sub-1")
    row = detection_table(trials).iloc[0]
    assert (row["participant_id"], row["n_missing"], row["note"]) == ("sub-1", 3, "no answered trials")


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda t: t.iloc[:0], ["has no rows"]),
        (lambda t: t.drop(columns="group"), ["'group'", "is not in the table"]),
        (lambda t: t.assign(value=2), ["'value'", "is not a choice", "0 and 1"]),
        (lambda t: t.assign(value="yes"), ["'value'", "is not made of numbers", "yes"]),
        (lambda t: t.assign(value=np.inf), ["'value'"]),
        (
            lambda t: t.assign(condition=[3, *t["condition"][1:]]),
            ["holds other conditions", "3", "leave trials"],
        ),
        (lambda t: t.assign(condition=np.nan), ["holds other conditions", "nan"]),
        (lambda t: t.assign(participant_id=None), ["'participant_id'", "is empty in 18 of 18 rows"]),
    ],
)
def test_a_broken_table_is_refused_in_words(trials_of, broken, words):
    with pytest.raises(UsageError) as error:
        counts_by_person(broken(trials_of(("sub-1", 9, 10, 2, 8))))
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((11, 10, 0, 10), ["hits", "11 of 10"]),
        ((1, 10, 3, 2), ["false alarms", "3 of 2"]),
        ((-1, 10, 0, 10), ["hits", "-1"]),
        ((0.8, 10, 0.2, 10), ["hits", "whole numbers", "dprime_of_rates"]),
        ((np.nan, 10, 0, 10), ["hits", "nan"]),
        (("many", 10, 0, 10), ["hits", "many"]),
        (([1, 2], [10, 10, 10], 0, 10), ["differ in shape"]),
    ],
)
def test_counts_that_are_none_are_refused_in_words(counts, words):
    with pytest.raises(UsageError) as error:
        count(*counts)
    assert all(word in str(error.value) for word in words)


@pytest.mark.parametrize("rate", [0.0, 1.0, np.nan, 1.2])
def test_rates_without_a_finite_d_prime_are_refused(rate):
    with pytest.raises(UsageError, match=r"give counts to detect\(\)"):
        dprime_of_rates(rate, 0.2)


def test_gengap_by_age_band(real_data):
    trials = pd.read_csv(real_data / "behaviour" / "gengap" / "trials_long.csv")
    band = trials["age"].str[:2]
    trials = trials.rename(columns={"id": "participant_id", "truth": "condition", "fake": "value"}).assign(
        group=band
    )
    table = detection_table(trials)
    assert len(table) == 120
    found = table.groupby("group")["dprime"].mean().to_dict()
    assert found == pytest.approx({"20": 2.90, "30": 2.74, "50": 2.17, "60": 1.85}, abs=0.006)
    assert (table["note"] == "").all()
