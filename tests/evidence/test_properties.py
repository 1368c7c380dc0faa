"""What must hold for every data set: symmetry, units, order, bounds, adjustment."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.estimates import Estimate
from analysis.evidence.families import holm
from analysis.evidence.outcomes import outcome_of, run_tests
from analysis.measures.table import COLUMNS

number = st.floats(-5, 5, allow_nan=False)
people = st.lists(st.floats(-5, 5), min_size=3, max_size=12).map(np.array)
whole_study = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
sizes = st.sampled_from([(0.0, 0.3), (0.3, 0.3), (0.5, 0.3), (-1.2, 0.3), (0.2, 2.0), (-0.31, 0.4)])
NUMBERS = ("estimate", "se", "df", "p_raw", "p_adjusted", "p_above_lower_bound", "p_below_upper_bound")


def varies(values: np.ndarray) -> bool:
    return float(np.std(values)) > 1e-3


def decided(estimate: Estimate, bound: float, alpha: float = 0.05, alpha_e: float = 0.05) -> str:
    tests = run_tests(estimate, bound=bound, alpha=alpha, alpha_equivalence=alpha_e)
    return outcome_of(
        tests, p_difference=tests.p_raw, p_equivalence=tests.p_equivalence, asks="both", bound=bound,
        alpha=alpha, alpha_equivalence=alpha_e,
    )[0]  # fmt: skip


estimates = st.builds(
    lambda value, se, df: Estimate(value, se, df, "", {}), number, st.floats(0.01, 3), st.floats(1, 200)
)


@given(estimates, st.floats(0.05, 5))
def test_swapping_the_arms_flips_the_sign_and_keeps_the_outcome(estimate, bound):
    swapped = Estimate(-estimate.value, estimate.se, estimate.df, "", {})
    one, other = (run_tests(e, bound=bound, alpha=0.05, alpha_equivalence=0.05) for e in (estimate, swapped))
    assert one.p_raw == other.p_raw
    assert (one.p_above_lower_bound, one.p_below_upper_bound) == (
        other.p_below_upper_bound, other.p_above_lower_bound,
    )  # fmt: skip
    assert one.ci_difference.low == -other.ci_difference.high
    assert decided(estimate, bound) == decided(swapped, bound)


@given(people, st.floats(0.1, 3), st.floats(0.01, 100))
def test_rescaling_values_and_bound_together_changes_nothing_but_the_unit(values, bound, factor):
    assume(varies(values))
    one = estimate_by_person({"a": values}, [1.0])
    other = estimate_by_person({"a": values * factor}, [1.0])
    assert other.value == pytest.approx(one.value * factor, rel=1e-9, abs=1e-9)
    assert other.se == pytest.approx(one.se * factor, rel=1e-9)
    p, q = (
        run_tests(e, bound=b, alpha=0.05, alpha_equivalence=0.05)
        for e, b in ((one, bound), (other, bound * factor))
    )
    assert (p.p_raw, p.p_equivalence) == pytest.approx((q.p_raw, q.p_equivalence), rel=1e-6)


@given(estimates, st.floats(0.05, 3), st.floats(0, 3))
def test_a_wider_bound_never_makes_equivalence_harder(estimate, bound, wider):
    narrow, wide = (
        run_tests(estimate, bound=b, alpha=0.05, alpha_equivalence=0.05) for b in (bound, bound + wider)
    )
    assert wide.p_equivalence <= narrow.p_equivalence
    if decided(estimate, bound) in ("equivalent", "trivial"):
        assert decided(estimate, bound + wider) in ("equivalent", "trivial")


@given(estimates, st.floats(0.05, 3), st.floats(0.001, 0.4), st.floats(0, 0.09))
def test_more_alpha_never_loses_a_difference(estimate, bound, alpha, more):
    if decided(estimate, bound, alpha) in ("different", "trivial"):
        assert decided(estimate, bound, alpha + more) in ("different", "trivial")


@given(estimates, st.floats(0.05, 3), st.floats(0.001, 0.4))
def test_the_interval_lies_inside_exactly_when_both_one_sided_tests_pass(estimate, bound, alpha_e):
    tests = run_tests(estimate, bound=bound, alpha=0.05, alpha_equivalence=alpha_e)
    assume(abs(tests.p_equivalence - alpha_e) > 1e-9)
    assert tests.ci_equivalence.inside(bound) == (tests.p_equivalence <= alpha_e)


@given(estimates, st.floats(0.001, 0.4))
def test_the_interval_leaves_zero_out_exactly_when_the_difference_is_shown(estimate, alpha):
    tests = run_tests(estimate, bound=1.0, alpha=alpha, alpha_equivalence=0.05)
    assume(abs(tests.p_raw - alpha) > 1e-9)
    assert (tests.ci_difference.low > 0 or tests.ci_difference.high < 0) == (tests.p_raw <= alpha)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0, 1))
def test_holm_never_lowers_a_p_keeps_their_order_and_grows_with_every_member(ps, another):
    adjusted = holm(ps)
    assert all(q >= p and q <= 1 for p, q in zip(ps, adjusted, strict=True))
    order = np.argsort(ps, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)
    assert all(q >= p for p, q in zip(adjusted, holm([*ps, another])[:-1], strict=True))


@given(people, people, st.floats(-3, 3))
def test_a_welch_test_does_not_care_about_a_constant_in_both_groups(first, second, constant):
    assume(varies(first) and varies(second))
    one = estimate_by_person({"a": first, "b": second}, [-1, 1])
    other = estimate_by_person({"a": first + constant, "b": second + constant}, [-1, 1])
    assert (one.value, one.se, one.df) == pytest.approx((other.value, other.se, other.df), rel=1e-6, abs=1e-9)


@whole_study
@given(sizes)
def test_swapping_the_arms_of_a_study_swaps_signs_only(lab, record_of, size):
    plan = lab.plan()
    tables = lab.tables(plan, size, size)
    swapped = lab.plan({f"hypotheses.{h}.contrast": ["ai", "live"] for h in "SN"})
    one, other = lab.decide(plan, tables), lab.decide(swapped, tables)
    for h in one.verdict.hypotheses:
        g = record_of(other, h.id)
        assert g.estimate == -h.estimate
        assert (g.se, g.df, g.p_raw, g.p_adjusted, g.p_equivalence_adjusted) == (
            h.se, h.df, h.p_raw, h.p_adjusted, h.p_equivalence_adjusted,
        )  # fmt: skip
        assert (g.outcome, g.magnitude, g.p_above_lower_bound) == (
            h.outcome,
            h.magnitude,
            h.p_below_upper_bound,
        )


@whole_study
@given(sizes, st.lists(st.floats(-100, 100), min_size=40, max_size=40))
def test_what_a_person_adds_to_both_conditions_changes_nothing(lab, size, added):
    plan = lab.plan()
    tables = lab.tables(plan, size, size)
    rows = tables["says"].rows.copy()
    codes = sorted(set(rows["participant_id"]))
    rows["value"] += rows["participant_id"].map(dict(zip(codes, added, strict=True)))
    moved = {**tables, "says": lab.table(plan, "says", rows)}
    for h, g in zip(*(lab.decide(plan, t).verdict.hypotheses for t in (tables, moved)), strict=True):
        assert [getattr(g, f) for f in NUMBERS] == pytest.approx(
            [getattr(h, f) for f in NUMBERS], rel=1e-6, abs=1e-9
        )
        assert g.outcome == h.outcome


@whole_study
@given(sizes, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_the_names_of_people_do_not_matter(lab, size, random):
    plan = lab.plan()
    tables = lab.tables(plan, size, size)
    shuffled = {}
    for name, table in tables.items():
        rows = table.rows.sample(frac=1, random_state=random.randrange(2**31))
        codes = sorted(set(rows["participant_id"]))
        others = random.sample(codes, len(codes))
        rows["participant_id"] = rows["participant_id"].map(dict(zip(codes, others, strict=True)))
        shuffled[name] = lab.table(plan, name, rows)
    for h, g in zip(*(lab.decide(plan, t).verdict.hypotheses for t in (tables, shuffled)), strict=True):
        assert [getattr(g, f) for f in NUMBERS] == pytest.approx(
            [getattr(h, f) for f in NUMBERS], rel=1e-8, abs=1e-12
        )
        assert (g.outcome, g.says) == (h.outcome, h.says)


def test_the_same_rows_in_another_order_give_identical_tables(lab):
    plan = lab.plan()
    tables = lab.tables(plan, "small", "none")
    turned = {name: lab.table(plan, name, table.rows.iloc[::-1]) for name, table in tables.items()}
    one, other = lab.decide(plan, tables), lab.decide(plan, turned)
    assert one.verdict == other.verdict
    for name, frame in one.tables.items():
        pd.testing.assert_frame_equal(frame, other.tables[name])


def test_the_order_of_hypotheses_families_and_measures_in_the_plan_does_not_matter(lab, record_of):
    plan = lab.plan()
    tables = lab.tables(plan, (0.17, 0.5), (0.25, 0.9))
    turned = {
        name: dict(reversed(list(getattr(plan, name).items())))
        for name in ("hypotheses", "families", "measures", "groups")
    }
    one, other = lab.decide(plan, tables), lab.decide(plan.model_copy(update=turned), tables)
    for h in one.verdict.hypotheses:
        assert record_of(other, h.id) == h


def test_a_tables_columns_are_those_of_the_documented_form(lab):
    plan = lab.plan()
    assert list(lab.tables(plan)["roi"].rows.columns) == list(COLUMNS)
