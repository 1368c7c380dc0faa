"""Same–different under both decision rules: other programs' numbers, simulated observers, chance and below."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import binom

from analysis.behaviour import (
    independent_observations,
    same_different_dprime,
    same_different_table,
    tell_apart,
)
from analysis.behaviour.decision_rules import RULES
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")
BOTH = pytest.mark.parametrize("rule", ["likelihood_ratio", "differencing"])

# R 4.2.2, psyphy 0.2-3: H, F, dprime.SD(method = "diff") (to uniroot's 1e-4), dprime.SD(method = "IO")
PSYPHY = np.array([
    [0.80, 0.40, 2.349658085, 1.849656886],
    [0.70, 0.10, 3.067511364, 2.539929853],
    [0.60, 0.50, 1.019739626, 0.8180865014],
    [0.90, 0.30, 3.274899715, 2.539929853],
    [0.55, 0.45, 0.9862440871, 0.8146420192],
    [0.40, 0.05, 2.413067741, 2.145118011],
]).T  # fmt: skip


def observer(rule: str, dprime: float, criterion: float, pairs: int = 400_000) -> tuple[float, float]:
    """Hit and false-alarm rate of somebody who looks at pairs of stimuli at ±d′/2 and decides by the rule."""
    rng = np.random.default_rng(6)
    rates = []
    for kind in ("different", "same"):
        first = rng.choice([-0.5, 0.5], pairs)
        second = -first if kind == "different" else first
        x, y = (dprime * one + rng.normal(size=pairs) for one in (first, second))
        if rule == "differencing":
            said = np.abs(x - y) > criterion
        else:
            # log densities up to what is common to all: stimulus +½ or -½ gives ±d′x/2
            a, b = dprime * x / 2, dprime * y / 2
            said = np.logaddexp(a - b, b - a) - np.logaddexp(a + b, -a - b) > criterion
        rates.append(said.mean())
    return rates[0], rates[1]


def test_differencing_as_in_psyphy():
    h, f, theirs, _ = PSYPHY
    assert same_different_dprime(h, f, rule="differencing") == pytest.approx(theirs, abs=1e-4)


def test_the_textbooks_shortcut_as_in_psyphy():
    h, f, _, theirs = PSYPHY
    assert independent_observations(h, f) == pytest.approx(theirs, abs=1e-8)


@pytest.mark.parametrize("dprime", [0.3, 1.0, 2.5, 5.0])
def test_without_bias_the_likelihood_ratio_rule_has_its_closed_form(dprime):
    right = ndtr(dprime / 2) ** 2 + ndtr(-dprime / 2) ** 2  # both classified rightly, or both wrongly
    found = same_different_dprime(right, 1 - right, rule="likelihood_ratio")
    assert found == pytest.approx(dprime, abs=1e-6)
    assert independent_observations(right, 1 - right) == pytest.approx(dprime, abs=1e-9)


@pytest.mark.parametrize(
    ("rule", "dprime", "criterion"),
    [
        ("likelihood_ratio", 1.0, 0.0),
        ("likelihood_ratio", 1.0, 0.18),
        ("likelihood_ratio", 2.0, 0.9),
        ("likelihood_ratio", 2.0, -0.9),
        ("likelihood_ratio", 3.0, 0.5),
        ("differencing", 1.0, 1.2),
        ("differencing", 2.0, 2.5),
        ("differencing", 3.0, 0.8),
    ],
)
def test_simulated_observers_get_their_d_prime_back(rule, dprime, criterion):
    h, f = observer(rule, dprime, criterion)
    assert same_different_dprime(h, f, rule=rule) == pytest.approx(dprime, abs=0.03)


def test_the_shortcut_gives_a_cautious_observer_too_much():
    h, f = observer("likelihood_ratio", 1.0, np.log(2.0))
    assert (h, f) == (pytest.approx(0.084, abs=0.002), pytest.approx(0.032, abs=0.002))
    assert independent_observations(h, f) == pytest.approx(1.14, abs=0.05)


def test_differencing_needs_more_d_prime_for_the_same_answers():
    h, f = PSYPHY[:2]
    assert (
        same_different_dprime(h, f, rule="differencing")
        > same_different_dprime(h, f, rule="likelihood_ratio")
    ).all()


def test_errors_as_from_maximum_likelihood_in_r():
    # R 4.2.2: optim and numDeriv's Hessian of the two binomials, 90/130 and 50/130, 160/200 and 80/200. The estimates
    # here are log-linear, the errors to be compared those of large samples: a thousandth of the counts is added.
    golden = {(90, 130, 50, 130): (1.88499650, 0.22247118), (160, 200, 80, 200): (2.349649509, 0.179175512)}
    for (hits, n, false_alarms, m), (dprime, se) in golden.items():
        assert same_different_dprime(hits / n, false_alarms / m, rule="differencing") == pytest.approx(
            dprime, abs=1e-6
        )
        many = 1000
        found = tell_apart(many * hits, many * n, many * false_alarms, many * m, rule="differencing")
        assert found.se * np.sqrt(many) == pytest.approx(se, rel=1e-4)


@BOTH
def test_at_chance_d_prime_is_0_without_an_error_and_an_interval_from_0(rule):
    found = tell_apart(10, 20, 10, 20, rule=rule)
    assert (found.dprime, found.signed, found.low) == (0, 0, 0)
    assert np.isnan(found.se)
    assert 1 < found.high < 2


@BOTH
def test_below_chance_d_prime_is_0_and_its_mirror_image_negative(rule):
    below, above = tell_apart(6, 20, 12, 20, rule=rule), tell_apart(12, 20, 6, 20, rule=rule)
    assert (below.dprime, below.low) == (0, 0)
    assert below.signed == pytest.approx(-above.dprime) == pytest.approx(-above.signed)
    assert below.z_difference == pytest.approx(-above.z_difference)
    assert same_different_dprime(0.3, 0.6, rule=rule) == 0
    assert independent_observations(0.3, 0.6) == 0


@BOTH
def test_an_interval_covers_the_truth_and_averages_are_fair_at_chance(rule):
    """Over all outcomes of 20 + 20 pairs, with their probabilities."""
    hits, false_alarms = (one.ravel() for one in np.meshgrid(np.arange(21), np.arange(21), indexing="ij"))
    found = tell_apart(hits, 20, false_alarms, 20, rule=rule)
    assert np.isfinite(found.high).all()
    assert ((found.low <= found.dprime) & (found.dprime <= found.high)).all()
    for truth, criterion in ((0.0, 1.0), (1.0, 1.0), (2.0, 1.2), (2.0, 2.0)):
        kappa = 0.5 if rule == "likelihood_ratio" else criterion
        h, f = (float(one) for one in RULES[rule].rates(np.array(truth), np.array(kappa)))
        chance = binom.pmf(hits, 20, h) * binom.pmf(false_alarms, 20, f)
        assert chance[(found.low <= truth) & (truth <= found.high)].sum() > 0.935
        if truth == 0:
            assert chance @ found.signed == pytest.approx(0, abs=1e-6)
            assert chance @ found.dprime > 0.3
            assert chance @ found.z_difference == pytest.approx(0, abs=1e-6)
            assert np.sqrt(chance @ found.signed**2) > 2 * np.sqrt(chance @ found.z_difference**2)


@BOTH
def test_people_are_worked_on_together_as_if_alone(rule):
    hits, false_alarms = np.array([[15, 3, 20], [10, 0, 12]]), np.array([[4, 6, 0], [10, 0, 3]])
    together = tell_apart(hits, 20, false_alarms, 24, rule=rule)
    assert together.dprime.shape == (2, 3)
    for place in np.ndindex(2, 3):
        alone = tell_apart(hits[place], 20, false_alarms[place], 24, rule=rule)
        for name in ("dprime", "signed", "low", "high", "z_difference"):
            assert getattr(together, name)[place] == pytest.approx(float(getattr(alone, name)), abs=1e-6)


def test_one_row_per_person(trials_of):
    people = [
        ("sub-1", 15, 20, 4, 20),
        ("sub-2", 4, 20, 9, 20),
        ("sub-3", 3, 3, 0, 0),
        ("sub-4", 20, 20, 0, 20),
    ]
    table = same_different_table(trials_of(*people), rule="differencing")
    assert list(table.columns[:8]) == [
        "participant_id", "group", "n_different", "hits", "n_same", "false_alarms", "n_missing", "rule",
    ]  # fmt: skip
    assert table["note"].tolist() == ["", "at or below chance: d′ is 0", "no answered same trials", ""]
    assert np.isnan(table["dprime"][2])
    assert np.isnan(table["high"][2])
    assert np.isfinite(table["dprime"][3])
    assert table["signed"][1] < 0


def test_three_trials_say_almost_nothing():
    found = tell_apart(1, 2, 0, 1, rule="differencing")
    assert found.low == 0
    assert found.high > 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: tell_apart(5, 10, 2, 10, rule="diferencing"), ["the rule", "did you mean 'differencing'?"]),
        (lambda: tell_apart(5, 10, 2, 10, rule="differencing", level=95), ["the level", "95"]),
        (lambda: tell_apart(11, 10, 2, 10, rule="differencing"), ["hits", "11 of 10"]),
        (lambda: same_different_dprime(1.0, 0.2, rule="differencing"), ["the hit rate", "detect"]),
        (lambda: independent_observations(0.5, 0.0), ["the false-alarm rate"]),
    ],
)
def test_broken_input_is_refused_in_words(call, words):
    with pytest.raises(UsageError) as error:
        call()
    assert all(word in str(error.value) for word in words)
