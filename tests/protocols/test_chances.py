"""What a plan can decide: published figures, simulations, and what follows from the plan."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from protocols.plan.chances import (
    chance_of,
    chances,
    needed_recruits,
    probability_different,
    probability_enough,
    probability_equivalent,
)
from protocols.plan.expanding import expand
from protocols.plan.reading import parse_plan, shipped_plans
from protocols.plan.remedies import below, help_for, resized

BOUNDARY = shipped_plans()["boundary-2026"]

# INFERENCE 10: equivalence of d' at +-0.30, 34 people, person SD 0.3; rows: SD of clip effects, columns: pairs
D_PRIME = {
    (0.20, 24): 0.80, (0.20, 48): 0.96, (0.20, 96): 1.00,
    (0.30, 24): 0.58, (0.30, 48): 0.89, (0.30, 96): 0.98,
    (0.40, 24): 0.33, (0.40, 48): 0.75, (0.40, 96): 0.95,
    (0.55, 24): 0.07, (0.55, 48): 0.45, (0.55, 96): 0.82,
}  # fmt: skip


@pytest.mark.parametrize(("clip_sd", "pairs"), D_PRIME)
def test_equivalence_of_d_prime_is_as_simulated(clip_sd, pairs):
    """The plan's figures are those of the table, where a scene's effect is the difference of its two clips."""
    text = (
        BOUNDARY.replace("pairs: 48", f"pairs: {pairs}")
        .replace("scenes_per_person: 24", f"scenes_per_person: {pairs}")
        .replace(
            "adult: {sd_people: 0.3, sd_scenes: 0.4,",
            f"adult: {{sd_people: 0.3, sd_scenes: {2**0.5 * clip_sd},",
        )
        .replace("conscious: {claim: each}", "conscious: {claim: all}")  # at the full level, as in the table
        .replace("visit_minutes_max: 150", "visit_minutes_max: 1500")
        .replace("runs: 4", "runs: 20")
        .replace("scanner_minutes_max: 45", "scanner_minutes_max: 500")
    )
    found = {chance.id: chance for chance in chances(parse_plan(text).plan)}["H4"]
    assert found.df == min(34, pairs) - 1
    assert found.equivalent_if_none == pytest.approx(D_PRIME[clip_sd, pairs], abs=0.015)


@pytest.mark.parametrize(
    ("sd", "within", "between"), [(0.15, 0.97, 0.72), (0.20, 0.77, 0.31), (0.25, 0.48, 0.04)]
)
def test_equivalence_of_percent_signal_as_published(sd, within, between):
    """INFERENCE 10: +-0.10 % signal, 34 per group, scenes ignored."""
    assert probability_equivalent(0, sd / math.sqrt(34), 33, 0.1, 0.05) == pytest.approx(within, abs=0.012)
    assert probability_equivalent(0, sd * math.sqrt(2 / 34), 66, 0.1, 0.05) == pytest.approx(
        between, abs=0.012
    )


def smallest(power, at_least):
    return next(n for n in itertools.count(3) if power(n) >= at_least)


@pytest.mark.parametrize(("effect", "n"), [(0.4, 68), (0.5, 44), (0.8, 19)])
def test_people_for_a_paired_test(effect, n):
    """FINDINGS 3."""
    assert smallest(lambda m: probability_different(effect, m**-0.5, m - 1, 0.05), 0.9) == n


@pytest.mark.parametrize(("d", "n80", "n90"), [(0.5, 64, 86), (0.8, 26, 34), (1.0, 17, 23)])
def test_people_for_a_difference_between_groups(d, n80, n90):
    """FINDINGS 3."""

    def power(n):
        return probability_different(d, math.sqrt(2 / n), 2 * n - 2, 0.05)

    assert (smallest(power, 0.8), smallest(power, 0.9)) == (n80, n90)


@pytest.mark.parametrize(("bound", "n"), [(0.4, 70), (0.5, 45), (0.8, 19)])
def test_people_for_equivalence(bound, n):
    """FINDINGS 3, but for one figure.

    It gives 69 people for a bound of 0.4. Exactly, 69 people reach 0.89992 and only 70 reach 0.90 (0.90482): the
    figure was rounded. `test_the_closed_form_is_exact` gets the same from quantiles instead of quadrature.
    """
    assert smallest(lambda m: probability_equivalent(0, m**-0.5, m - 1, bound, 0.05), 0.9) == n


@pytest.mark.parametrize(("bound", "n"), [(0.8, 35), (0.5, 88), (0.4, 136)])
def test_people_for_equivalence_of_an_interaction(bound, n):
    """INFERENCE 10, at 90 % power."""

    def power(m):
        return probability_equivalent(0, math.sqrt(2 / m), 2 * m - 2, bound, 0.05)

    assert smallest(power, 0.9) == n


def by_quantiles(effect, se, df, bound, alpha, pieces=400_000):
    """P(equivalent) averaged over equally likely standard errors: no quadrature, no density."""
    ratio = np.sqrt(stats.chi2.ppf((np.arange(pieces) + 0.5) / pieces, df) / df)
    half = bound - stats.t.isf(alpha, df) * se * ratio
    inside = stats.norm.cdf((half - effect) / se) - stats.norm.cdf((-half - effect) / se)
    return float(np.where(half > 0, inside, 0.0).mean())


@pytest.mark.parametrize(
    ("effect", "se", "df", "bound"),
    [(0, 69**-0.5, 68, 0.4), (0, 70**-0.5, 69, 0.4), (0.1, 0.1, 5, 0.4), (0, 0.1, 2, 0.5), (0, 0.2, 20, 0.3)],
)
def test_the_closed_form_is_exact(effect, se, df, bound):
    assert probability_equivalent(effect, se, df, bound, 0.05) == pytest.approx(
        by_quantiles(effect, se, df, bound, 0.05), abs=5e-6
    )


def test_69_people_do_not_quite_reach_90_percent():
    assert by_quantiles(0, 69**-0.5, 68, 0.4, 0.05, 2_000_000) == pytest.approx(0.899919, abs=2e-6)


@pytest.mark.parametrize(
    ("effect", "sd", "n", "bound", "alpha"),
    [
        (0.0, 1.0, 30, 0.5, 0.05),
        (0.3, 1.0, 20, 0.8, 0.025),
        (0.0, 1.0, 6, 1.2, 0.05),
        (0.5, 1.0, 12, 0.5, 0.05),
    ],
)
def test_both_probabilities_agree_with_simulated_tests(effect, sd, n, bound, alpha):
    draws = 100_000
    values = np.random.default_rng(20261122).normal(effect, sd, size=(draws, n))
    mean, se = values.mean(axis=1), values.std(axis=1, ddof=1) / math.sqrt(n)
    different = (np.abs(mean) / se >= stats.t.isf(alpha / 2, n - 1)).mean()
    half = stats.t.isf(alpha, n - 1) * se
    equivalent = ((mean - half > -bound) & (mean + half < bound)).mean()
    tolerance = 4 * math.sqrt(0.25 / draws)
    assert probability_different(effect, sd / math.sqrt(n), n - 1, alpha) == pytest.approx(
        different, abs=tolerance
    )
    assert probability_equivalent(effect, sd / math.sqrt(n), n - 1, bound, alpha) == pytest.approx(
        equivalent, abs=tolerance
    )


@given(se=st.floats(0.01, 1), df=st.integers(2, 200), alpha=st.floats(0.01, 0.1))
def test_at_the_bound_equivalence_is_no_more_likely_than_its_level(se, df, alpha):
    assert probability_equivalent(0.3, se, df, 0.3, alpha) <= alpha + 1e-6


@given(se=st.floats(0.01, 1), df=st.integers(2, 200), scale=st.floats(0.01, 100))
def test_probabilities_have_no_unit(se, df, scale):
    assert probability_equivalent(0.1 * scale, se * scale, df, 0.3 * scale, 0.05) == pytest.approx(
        probability_equivalent(0.1, se, df, 0.3, 0.05), abs=1e-6
    )
    assert probability_different(0.1 * scale, se * scale, df, 0.05) == pytest.approx(
        probability_different(0.1, se, df, 0.05), abs=1e-9
    )


def test_no_effect_is_called_different_at_the_level():
    assert probability_different(0, 0.1, 12, 0.05) == pytest.approx(0.05)


def test_recruitment_is_binomial_or_beta_binomial():
    assert probability_enough(38, 34, 0.05) == pytest.approx(stats.binom.cdf(4, 38, 0.05))
    assert needed_recruits(34, 0.05, 0.9) == 38
    # FINDINGS 2: 23 of 36 usable; to have 34 for sure, more are invited than 34 / 0.64 = 53
    assert needed_recruits(34, 0.36, 0.9) == 60
    assert needed_recruits(34, 0.36, 0.9, based_on=36) == 67
    assert needed_recruits(10, 1.0, 0.9) is None
    assert probability_enough(20, 20, 0.0) == 1.0


def changed(text, **replacements):
    for old, new in replacements.values():
        assert old in text
        text = text.replace(old, new)
    return {chance.id: chance for chance in chances(parse_plan(text).plan)}


def test_what_a_plan_says_moves_its_chances():
    usual = changed(BOUNDARY)
    assert changed(BOUNDARY, bound=("bound: {value: 0.10,", "bound: {value: 0.20,"))[
        "H2"
    ].equivalent_if_none > (usual["H2"].equivalent_if_none)
    assert changed(BOUNDARY, claim=("primary: {claim: each}", "primary: {claim: all}"))["H2"].level == 0.05
    assert usual["H2"].level == pytest.approx(0.05 / 3)
    assert changed(BOUNDARY, alpha=("alpha: 0.05\n", "alpha: 0.01\n"))["H4"].different_if_expected < (
        usual["H4"].different_if_expected
    )
    assert usual["H1"].expected == pytest.approx(0.15 - 0.05)  # adults minus children
    assert usual["H1"].equivalent_if_none is None


def test_choices_are_as_noisy_as_their_number_says():
    few = parse_plan(shipped_plans()["first-study"].replace("pairs: 24", "pairs: 12")).plan
    many = parse_plan(shipped_plans()["first-study"]).plan
    assert chances(few)[0].se ** 2 * 44 == pytest.approx(0.2**2 + 2 * math.pi / 2 / 12)
    assert chances(many)[0].se ** 2 * 44 == pytest.approx(0.2**2 + 2 * math.pi / 2 / 24)


def test_what_is_said_to_help_helps():
    plan = parse_plan(BOUNDARY).plan
    weak = {item.id: missing for item, _, missing in below(plan)}
    assert weak == {
        "H1": ["different"],
        "H2": ["equivalent"],
        "H3": ["equivalent", "different"],
        "H4": ["equivalent"],
        "H5": ["equivalent", "different"],
    }
    items = {item.id: item for item in expand(plan)}
    said = help_for(plan, items["H4"], "equivalent")
    assert said == "46 people instead of 34, or 102 pairs of clips instead of 48"
    least = plan.decision.min_probability
    for people, scenes, enough in ((46, 48, True), (45, 48, False), (34, 102, True), (34, 101, False)):
        larger = resized(plan, items["H4"], people=people / 34, scenes=scenes / 48)
        assert (chance_of(larger, items["H4"]).equivalent_if_none >= least) is enough
    assert "ask for equivalence only" in help_for(plan, items["H3"], "different")
    assert help_for(plan, items["H1"], "different").startswith("115 people per group instead of 34")


@pytest.mark.parametrize(
    ("effect", "se", "df"), [(0.0, 1.0, 3), (0.5, 0.2, 10), (-0.5, 0.2, 33), (0.1, 0.1, 200)]
)
def test_power_is_that_of_the_noncentral_t(effect, se, df):
    critical, noncentral = stats.t.isf(0.025, df), stats.nct(df, effect / se)
    expected = noncentral.sf(critical) + noncentral.cdf(-critical)
    assert probability_different(effect, se, df, 0.05) == pytest.approx(expected, abs=1e-9)
