"""The truth table of outcomes, written out by hand from INFERENCE 1, and the tests behind it."""

import math

import pytest

from analysis.evidence.estimates import Estimate
from analysis.evidence.outcomes import Interval, outcome_of, run_tests
from analysis.evidence.outcomes import Tests as BothTests

ALPHA = ALPHA_E = 0.05
YES, NO = 0.01, 0.20
EXCEEDS, UNSURE = ("different", "exceeds_bound"), ("different", "size_undecided")
DIFFERENT, EQUIVALENT, TRIVIAL, UNDECIDED = (
    ("different", None), ("equivalent", None), ("trivial", None), ("undecided", None),
)  # fmt: skip

# Bound 1. Columns: the 90 % interval; raw p's show a difference / equivalence; so do the adjusted ones;
# what comes out if difference, equivalence, both are asked. Adjustment can take a claim away, never give one.
WITH_BOUND = [
    # wholly below -bound
    ((-3.0, -2.0), (YES, NO), (YES, NO), EXCEEDS, UNDECIDED, EXCEEDS),
    ((-3.0, -2.0), (YES, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # ends exactly at -bound: not beyond it
    ((-3.0, -1.0), (YES, NO), (YES, NO), UNSURE, UNDECIDED, UNSURE),
    # overlaps -bound, without 0
    ((-1.5, -0.5), (YES, NO), (YES, NO), UNSURE, UNDECIDED, UNSURE),
    ((-1.5, -0.5), (YES, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # overlaps -bound and 0
    ((-1.5, 0.2), (NO, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # the 90 % interval leaves 0 out, the 95 % one does not
    ((-1.5, -0.02), (NO, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # inside, below 0
    ((-0.7, -0.3), (YES, YES), (YES, YES), TRIVIAL, TRIVIAL, TRIVIAL),
    ((-0.7, -0.3), (YES, YES), (NO, YES), UNDECIDED, TRIVIAL, EQUIVALENT),
    ((-0.7, -0.3), (YES, YES), (YES, NO), TRIVIAL, UNDECIDED, UNSURE),
    ((-0.7, -0.3), (YES, YES), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # inside, around 0
    ((-0.4, 0.4), (NO, YES), (NO, YES), UNDECIDED, EQUIVALENT, EQUIVALENT),
    ((-0.4, 0.4), (NO, YES), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # inside, above 0
    ((0.3, 0.7), (YES, YES), (YES, YES), TRIVIAL, TRIVIAL, TRIVIAL),
    ((0.3, 0.7), (YES, YES), (NO, YES), UNDECIDED, TRIVIAL, EQUIVALENT),
    ((0.3, 0.7), (YES, YES), (YES, NO), TRIVIAL, UNDECIDED, UNSURE),
    ((0.3, 0.7), (YES, YES), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # wide
    ((-1.5, 1.5), (NO, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # overlaps 0 and +bound
    ((-0.2, 1.5), (NO, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    ((0.02, 1.5), (NO, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # overlaps +bound, without 0
    ((0.5, 1.5), (YES, NO), (YES, NO), UNSURE, UNDECIDED, UNSURE),
    ((0.5, 1.5), (YES, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
    # begins exactly at +bound
    ((1.0, 3.0), (YES, NO), (YES, NO), UNSURE, UNDECIDED, UNSURE),
    # wholly above +bound
    ((2.0, 3.0), (YES, NO), (YES, NO), EXCEEDS, UNDECIDED, EXCEEDS),
    ((2.0, 3.0), (YES, NO), (NO, NO), UNDECIDED, UNDECIDED, UNDECIDED),
]  # fmt: skip
WITHOUT_BOUND = [
    ((-3.0, -2.0), YES, DIFFERENT), ((-1.5, 0.2), NO, UNDECIDED), ((-0.7, -0.3), YES, DIFFERENT),
    ((-0.4, 0.4), NO, UNDECIDED), ((0.3, 0.7), YES, DIFFERENT), ((2.0, 3.0), YES, DIFFERENT),
]  # fmt: skip


def given(interval: tuple[float, float], raw: tuple[float, float | None]) -> BothTests:
    """Tests with these intervals and p's; the tests' own arithmetic is not in question here."""
    ninety = Interval(0.90, *interval)
    return BothTests(raw[0], raw[1], raw[1], ninety, ninety)


@pytest.mark.parametrize(("interval", "raw", "adjusted", "difference", "equivalence", "both"), WITH_BOUND)
def test_every_case_with_a_bound_has_the_outcome_of_the_rules(
    interval, raw, adjusted, difference, equivalence, both
):
    for asks, expected in (("difference", difference), ("equivalence", equivalence), ("both", both)):
        found = outcome_of(
            given(interval, raw),
            p_difference=raw[0] if asks == "equivalence" else adjusted[0],  # what is not asked is not adjusted
            p_equivalence=raw[1] if asks == "difference" else adjusted[1],
            asks=asks, bound=1.0, alpha=ALPHA, alpha_equivalence=ALPHA_E,
        )  # fmt: skip
        assert found == expected, asks


@pytest.mark.parametrize(("interval", "p", "expected"), WITHOUT_BOUND)
@pytest.mark.parametrize("asks", ["difference", "both"])
def test_without_a_bound_there_is_a_difference_of_no_stated_size_or_nothing(interval, p, expected, asks):
    found = outcome_of(
        given(interval, (p, None)), p_difference=p, p_equivalence=None, asks=asks, bound=None,
        alpha=ALPHA, alpha_equivalence=ALPHA_E,
    )  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    ("p_difference", "p_equivalence", "expected"),
    [
        (0.05, 0.9, UNSURE),
        (math.nextafter(0.05, 1), 0.9, UNDECIDED),
        (0.9, 0.05, EQUIVALENT),
        (0.9, math.nextafter(0.05, 1), UNDECIDED),
        (0.05, 0.05, TRIVIAL),
    ],
)
def test_a_p_exactly_at_its_level_passes_and_the_next_larger_number_does_not(
    p_difference, p_equivalence, expected
):
    found = outcome_of(
        given((-0.2, 1.2), (p_difference, p_equivalence)), p_difference=p_difference, p_equivalence=p_equivalence,
        asks="both", bound=1.0, alpha=ALPHA, alpha_equivalence=ALPHA_E,
    )  # fmt: skip
    assert found == expected


@pytest.mark.parametrize(
    ("alpha", "alpha_e", "expected"),
    [(0.04, 0.05, EQUIVALENT), (0.05, 0.04, UNSURE), (0.04, 0.04, UNDECIDED)],
)
def test_difference_and_equivalence_have_levels_of_their_own(alpha, alpha_e, expected):
    found = outcome_of(
        given((-0.2, 1.2), (0.05, 0.05)), p_difference=0.05, p_equivalence=0.05, asks="both", bound=1.0,
        alpha=alpha, alpha_equivalence=alpha_e,
    )  # fmt: skip
    assert found == expected


def estimate(value: float, se: float = 1.0, df: float = 10.0) -> Estimate:
    return Estimate(value, se, df, "test", {"child": 11})


def test_intervals_and_ps_agree_with_a_table_of_the_t_distribution():
    # t(10): 97.5 % point 2.228139, 95 % point 1.812461, from any printed table
    tests = run_tests(estimate(2.2281389), bound=4.0405997, alpha=0.05, alpha_equivalence=0.05)
    assert tests.p_raw == pytest.approx(0.05, abs=1e-7)
    assert (tests.ci_difference.low, tests.ci_difference.high) == pytest.approx((0.0, 4.4562777), abs=1e-6)
    assert tests.ci_equivalence.level == 0.90
    assert tests.ci_equivalence.high == pytest.approx(2.2281389 + 1.8124611, abs=1e-6)
    assert tests.p_below_upper_bound == pytest.approx(0.05, abs=1e-6)  # the interval just touches the bound
    assert tests.p_above_lower_bound < 0.001
    assert tests.p_equivalence == tests.p_below_upper_bound


def test_the_equivalence_interval_has_its_own_level():
    tests = run_tests(estimate(0.0), bound=1.0, alpha=0.05, alpha_equivalence=0.01)
    assert tests.ci_difference.level == pytest.approx(0.95)
    assert tests.ci_equivalence.level == pytest.approx(0.98)
    assert tests.ci_equivalence.high == pytest.approx(2.763769, abs=1e-5)  # t(10), 99 %


def test_without_a_bound_there_is_no_equivalence_p():
    tests = run_tests(estimate(0.0), bound=None, alpha=0.05, alpha_equivalence=0.05)
    assert tests.p_equivalence is tests.p_above_lower_bound is tests.p_below_upper_bound is None


@pytest.mark.parametrize("value", [-30.0, 30.0])
def test_far_away_ps_are_small_and_never_above_one(value):
    tests = run_tests(estimate(value), bound=1.0, alpha=0.05, alpha_equivalence=0.05)
    assert 0 < tests.p_raw < 1e-9
    assert 1 - 1e-9 < tests.p_equivalence <= 1


def test_an_estimate_of_exactly_zero_has_p_one():
    assert run_tests(estimate(0.0), bound=1.0, alpha=0.05, alpha_equivalence=0.05).p_raw == 1


def test_a_hypothesis_without_an_estimate_is_not_estimable_and_never_undecided(lab, record_of):
    plan = lab.plan()
    tables = lab.tables(plan)
    only_live = tables["says"].rows.query("condition != 'ai' or group != 'child'")
    tables["says"] = lab.table(plan, "says", only_live)
    record = record_of(lab.decide(plan, tables), "S.child")
    assert (record.outcome, record.magnitude) == ("not_estimable", None)
    assert (record.estimate, record.p_raw, record.p_adjusted, record.ci_difference) == (
        None,
        None,
        None,
        None,
    )
    assert "'child' has usable values of nobody" in record.reason
    assert record.says.endswith(f"not estimable, because {record.reason}.")
    assert record.does_not_show == ("Anything: there is no estimate.",)
