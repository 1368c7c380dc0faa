"""Lapses: what they do to d′, limits that hold when few people make the errors, and the bound."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from analysis.behaviour import bound_after_lapse, dprime_after_lapse, dprime_of_rates, lapse_rate, lapse_table
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")


def test_forty_percent_lapses_turn_half_into_three_tenths():
    assert dprime_after_lapse(0.5, 0.4) == pytest.approx(0.30, abs=0.005)
    assert bound_after_lapse(0.5, 0.4) == pytest.approx(0.30)


def test_by_drawing_answers_with_lapses():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 400_000)) + np.array([[0.5], [-0.5]])
    said = np.where(rng.random(x.shape) < 0.25, rng.random(x.shape) < 0.5, x > 0)
    assert dprime_of_rates(*said.mean(axis=1)) == pytest.approx(dprime_after_lapse(1.0, 0.25), abs=0.01)


def test_the_bound_is_never_smaller_than_what_is_seen_of_it():
    for lapse in (0.0, 0.1, 0.5, 0.9):
        assert bound_after_lapse(0.3, lapse) == pytest.approx(float(dprime_after_lapse(0.3, lapse)), rel=0.01)
        assert dprime_after_lapse(2.0, lapse) <= bound_after_lapse(2.0, lapse)


@pytest.mark.parametrize("preferred", [0.0, 0.5, 1.0])
def test_the_answer_inattention_prefers_does_not_matter_with_both_kinds_of_catch_trials(preferred):
    rng = np.random.default_rng(8)
    kind = np.tile([0, 1], 6)
    lapsed = rng.random((3000, 12)) < 0.3
    said = np.where(lapsed, rng.random((3000, 12)) < preferred, kind)
    found = lapse_rate((said != kind).sum(axis=1), 12)
    assert found.rate == pytest.approx(0.30, abs=0.01)


def test_the_rate_is_twice_the_errors_at_even_odds():
    assert lapse_rate([1, 2, 0], 12).rate == pytest.approx(2 * 3 / 36)
    assert lapse_rate([1, 2, 0], 12, guess=0.25).rate == pytest.approx(3 / 36 / 0.75)
    assert lapse_rate([1, 2, 0], 12, guess=0.0).rate == pytest.approx(3 / 36)


def test_limits_as_integrated_in_r():
    # R 4.2.2, integrate() over both parameters of 20 people with 12 trials and 1, 1, 3, 6 errors
    found = lapse_rate([0] * 16 + [1, 1, 3, 6], 12)
    assert found.upper == pytest.approx(0.300377, abs=2e-4)
    assert found.low == pytest.approx(0.025357, abs=2e-4)
    assert found.low < found.rate < found.upper < found.high


def test_without_errors_the_limit_lies_between_all_trials_and_as_many_as_people():
    found = lapse_rate([0] * 34, 12)
    assert (found.rate, found.low) == (0, 0)
    pooled, by_person = (2 * (1 - 0.05 ** (1 / n)) for n in (34 * 12, 34))
    assert pooled < found.upper < by_person
    assert lapse_rate([0] * 8, 12).upper > found.upper > lapse_rate([0] * 34, 48).upper


def test_the_same_errors_made_by_fewer_people_say_less():
    spread, gathered = lapse_rate([1] * 12 + [0] * 12, 12), lapse_rate([6, 6] + [0] * 22, 12)
    assert spread.rate == gathered.rate
    assert gathered.upper > 1.3 * spread.upper


def coverage(
    rate: float, correlation: float, people: int, studies: int, trials: int = 12
) -> tuple[float, float, float]:
    """Shares of studies whose upper limit, lower limit, and pooled Clopper-Pearson limit are on the right side."""
    rng = np.random.default_rng([people, int(1000 * rate), int(1000 * correlation)])
    size = (1 - correlation) / correlation
    error = rng.beta(rate / 2 * size, (1 - rate / 2) * size, (studies, people))
    errors = rng.binomial(trials, error)
    found = [lapse_rate(one, trials, level=0.95) for one in errors]
    total = errors.sum(axis=1)
    pooled = beta.ppf(0.95, total + 1, people * trials - total)
    upper, low = (np.array([getattr(one, name) for one in found]) for name in ("upper", "low"))
    return np.mean(upper >= rate), np.mean(low <= rate), np.mean(pooled >= rate / 2)


@pytest.mark.parametrize(
    ("rate", "correlation", "people"), [(0.10, 0.05, 34), (0.20, 0.5, 34), (0.20, 0.5, 20)]
)
def test_the_limits_hold_when_few_people_make_the_errors(rate, correlation, people):
    upper, low, pooled = coverage(rate, correlation, people, studies=400)
    assert upper > 0.93
    assert low > 0.955
    assert correlation < 0.1 or pooled < 0.85  # what the limit is for


@pytest.mark.slow
@pytest.mark.parametrize("people", [8, 20, 34])
@pytest.mark.parametrize("correlation", [0.01, 0.05, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("rate", [0.02, 0.05, 0.1, 0.2, 0.4])
def test_the_limits_hold_everywhere(rate, correlation, people):
    upper, low, _ = coverage(rate, correlation, people, studies=2000)
    assert upper > 0.92
    assert low > 0.945


def test_one_row_per_group():
    right = [("1", "adult", 1)] * 11 + [("1", "adult", 0)] + [("2", "adult", 1)] * 12 + [("3", "child", None)]
    right += [("4", "teen", 0)] * 9 + [("4", "teen", 1)] * 3 + [("5", "adult", np.nan)]
    table = pd.DataFrame(right, columns=["participant_id", "group", "correct"])
    found = lapse_table(table).set_index("group")
    assert found.loc["adult", ["n_people", "n_trials", "n_missing", "errors"]].tolist() == [2, 24, 1, 1]
    assert found.loc["adult", "lapse"] == pytest.approx(2 / 24)
    assert found.loc["child", "note"] == "no answered catch trials"
    assert np.isnan(found.loc["child", "upper"])
    assert (found.loc["teen", "lapse"], found.loc["teen", "upper"]) == (1, 1)
    assert "may be reversed" in found.loc["teen", "note"]


def test_one_person_has_wide_limits_and_a_note():
    found = lapse_rate([0], [12])
    assert "one person only" in found.note
    assert found.upper > 0.4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lapse_rate([], []), ["no answered catch trials", "unknown"]),
        (lambda: lapse_rate([0], [0]), ["no answered catch trials"]),
        (lambda: lapse_rate([3], [2]), ["errors", "3 of 2"]),
        (lambda: lapse_rate([np.nan], [2]), ["catch errors", "nan"]),
        (lambda: lapse_rate([1], [2], guess=1.0), ["the chance to guess right"]),
        (lambda: lapse_rate([1], [2], level=95), ["the level"]),
        (lambda: bound_after_lapse(0.3, 1.0), ["leaves no bound", "cannot show equivalence"]),
        (lambda: bound_after_lapse(0.3, np.nan), ["the upper lapse rate", "nan"]),
        (lambda: bound_after_lapse(-0.3, 0.1), ["the bound"]),
        (lambda: bound_after_lapse(np.inf, 0.1), ["the bound"]),
        (lambda: dprime_after_lapse(0.3, 1.5), ["the lapse rate", "between 0 and 1"]),
        (
            lambda: lapse_table(pd.DataFrame({"participant_id": ["1"], "group": ["a"], "correct": [0.5]})),
            ["0 and 1"],
        ),
    ],
)
def test_broken_input_is_refused_in_words(call, words):
    with pytest.raises(UsageError) as error:
        call()
    assert all(word in str(error.value) for word in words)
