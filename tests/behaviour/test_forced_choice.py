"""2AFC: d′ and side bias apart."""

import numpy as np
import pytest

from analysis.behaviour import choose_first, detect, dprime_of_percent_correct, forced_choice_table
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")

# R 4.2.2, psyphy 0.2-3: dprime.mAFC(pc, 2), a numerical integral
PSYPHY = {55: 0.1777123266, 65: 0.5449254047, 75: 0.9538726011, 90: 1.812374214}


def test_percent_correct_of_an_unbiased_observer_as_in_psyphy():
    assert dprime_of_percent_correct(list(PSYPHY)) == pytest.approx(list(PSYPHY.values()), abs=1e-4)


@pytest.mark.parametrize("lean", [-0.8, 0.0, 1.2])
def test_a_side_bias_leaves_d_prime_alone(lean):
    rng = np.random.default_rng(9)
    n, d = 200_000, 1.0
    difference = (
        rng.normal(size=(2, n)) - rng.normal(size=(2, n)) + np.array([[d], [-d]])
    )  # first minus second
    first = (difference > lean).sum(axis=1)
    found = choose_first(first[0], n, first[1], n)
    assert found.dprime == pytest.approx(d, abs=0.015)
    assert found.side_bias == pytest.approx(lean / np.sqrt(2), abs=0.01)
    by_percent = dprime_of_percent_correct(found.percent_correct)
    assert by_percent == pytest.approx(d, abs=0.015) if lean == 0 else by_percent < 0.95 * d


def test_the_error_covers_what_is_drawn():
    rng = np.random.default_rng(2)
    hits, false_alarms = rng.binomial(40, 0.7, 20_000), rng.binomial(40, 0.35, 20_000)
    drawn = choose_first(hits, 40, false_alarms, 40)
    assert np.std(drawn.dprime) == pytest.approx(np.mean(drawn.se), rel=0.03)
    # two looks per trial: less d′ is needed for the same rates than in yes/no
    assert drawn.dprime == pytest.approx(detect(hits, 40, false_alarms, 40).dprime / np.sqrt(2))


def test_one_row_per_person(trials_of):
    table = forced_choice_table(
        trials_of(("sub-1", 8, 10, 3, 10), ("sub-2", 10, 10, 10, 10), ("sub-3", 2, 3, 0, 0))
    )
    assert list(table.columns[:7]) == [
        "participant_id", "group", "n_first", "hits", "n_second", "false_alarms", "n_missing",
    ]  # fmt: skip
    assert table["percent_correct"].tolist() == pytest.approx([75, 50, 200 / 3])
    assert table["side_bias"][1] < -1  # always the first
    assert table["note"].tolist() == [
        "",
        "gave the same answer in every trial: says nothing about sensitivity",
        "no answered second trials",
    ]
    assert np.isnan(table["dprime"][2])


@pytest.mark.parametrize("percent", [0, 100, -3, np.nan])
def test_percentages_without_a_finite_d_prime_are_refused(percent):
    with pytest.raises(UsageError, match=r"give counts to choose_first\(\)"):
        dprime_of_percent_correct(percent)


def test_a_share_is_not_a_percentage_by_accident():
    assert dprime_of_percent_correct(0.75) < -3  # .75 % correct, far below chance
