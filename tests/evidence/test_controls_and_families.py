"""Positive controls as gatekeepers, and families as what errors are controlled in."""

import numpy as np
import pytest
from scipy import stats

from analysis.evidence.controls import run_controls
from analysis.evidence.families import adjust, counts_as, family_outcome, holm

SAYS = "measures.says.control"


def controls(plan, tables, measure="says"):
    return {r.group: r for r in run_controls(plan, tables) if r.measure == measure}


def test_a_control_passes_by_its_one_sided_lower_limit_at_alpha(lab):
    plan = lab.plan()
    found = controls(plan, lab.tables(plan, control=1.2))["child"]
    se = 0.1 / np.sqrt(20)  # the SD over people is exactly .1
    assert (found.estimate, found.se, found.df) == pytest.approx((1.2, se, 19))
    assert found.lower_limit == pytest.approx(1.2 - stats.t(19).ppf(0.95) * se)
    assert found.outcome == "passed"
    assert found.n_people == 20


def test_the_estimate_alone_does_not_pass_a_control(lab):
    plan = lab.plan()
    tables = lab.tables(plan, control=1.03)  # above the minimum of 1, its lower limit below
    assert controls(plan, tables)["child"].outcome == "failed"
    assert set(lab.outcomes(plan, tables).values()) == {"undecided", "equivalent"}  # says, roi


def test_a_control_is_tested_at_the_plans_alpha(lab):
    strict, easy = lab.plan({"decision.alpha": 0.001}), lab.plan({"decision.alpha": 0.2})
    tables = lab.tables(strict, control=1.03)
    assert controls(strict, tables)["child"].outcome == "failed"
    assert controls(easy, tables)["child"].outcome == "passed"


def test_a_control_may_point_downwards(lab):
    control = {"contrast": ["live", "cartoon"], "minimum": 1.0, "direction": "below"}
    plan = lab.plan({SAYS: control})
    assert controls(plan, lab.tables(plan, control=-3.0))["child"].outcome == "passed"
    assert controls(plan, lab.tables(plan, control=3.0))["child"].outcome == "failed"


def test_every_group_has_its_own_minimum(lab):
    plan = lab.plan({SAYS: {"contrast": ["live", "cartoon"], "minimum": {"child": 1.0, "adult": 5.0}}})
    tables = lab.tables(plan)
    assert {g: r.outcome for g, r in controls(plan, tables).items()} == {
        "child": "passed",
        "adult": "failed",
    }
    outcomes = lab.outcomes(plan, tables)
    assert (outcomes["S.child"], outcomes["S.adult"]) == ("equivalent", "undecided")


def test_a_control_without_its_condition_or_people_is_not_estimable_and_does_not_pass(lab, record_of):
    plan = lab.plan()
    tables = lab.tables(plan)
    tables["says"] = lab.table(plan, "says", tables["says"].rows.query("condition != 'cartoon'"))
    found = controls(plan, tables)["child"]
    assert (found.outcome, found.reason) == ("not_estimable", "the table has no 'cartoon'")
    record = record_of(lab.decide(plan, tables), "S.child")
    assert (record.outcome, record.control.outcome) == ("undecided", "not_estimable")


def test_equivalence_without_its_control_counts_as_undecided_and_says_so(lab, record_of):
    plan = lab.plan()
    record = record_of(lab.decide(plan, lab.tables(plan, "none", control=0.5)), "S.child")
    assert (record.outcome, record.qualifier) == ("undecided", "equivalent, uninterpretable")
    assert record.says.endswith(
        "inside the bound of ±0.50 points, but the positive control was not passed: equivalence cannot be "
        "interpreted, undecided."
    )
    assert not any("Sensitivity" in sentence for sentence in record.does_not_show)


def test_a_trivial_difference_without_its_control_is_a_difference_of_unknown_size(lab, record_of):
    plan = lab.plan()
    record = record_of(lab.decide(plan, lab.tables(plan, "small", control=0.5)), "S.child")
    assert (record.outcome, record.magnitude, record.qualifier) == (
        "different", "size_undecided", "trivial, uninterpretable",
    )  # fmt: skip


def test_a_failed_control_never_makes_a_difference_that_was_not_asked_for(lab, record_of):
    plan = lab.plan({"hypotheses.S.asks": "equivalence"})
    passing, failing = (lab.tables(plan, "small", control=c) for c in (3.0, 0.5))
    assert record_of(lab.decide(plan, passing), "S.child").outcome == "trivial"
    record = record_of(lab.decide(plan, failing), "S.child")
    assert (record.outcome, record.magnitude) == ("undecided", None)


def test_a_failed_control_does_not_take_a_difference_away(lab):
    plan = lab.plan()
    assert lab.outcomes(plan, lab.tables(plan, "large", control=0.5))["S.child"] == "different"


def test_several_controls_must_all_pass(lab):
    both = [{"contrast": ["live", "cartoon"], "minimum": m} for m in (1.0, 2.0)]
    plan = lab.plan({SAYS: both})
    outcome = {c: lab.outcomes(plan, lab.tables(plan, control=c))["S.child"] for c in (0.5, 1.5, 3.0)}
    assert outcome == {0.5: "undecided", 1.5: "undecided", 3.0: "equivalent"}


def test_a_comparison_of_groups_needs_the_control_in_both(lab, record_of):
    hypothesis = {
        "measure": "says",
        "effect": "group_by_condition",
        "contrast": ["live", "ai"],
        "family": "conscious",
    }
    changes = {
        "hypotheses.S": hypothesis,
        SAYS: {"contrast": ["live", "cartoon"], "minimum": {"child": 1, "adult": 5}},
    }
    plan = lab.plan(changes)
    record = record_of(lab.decide(plan, lab.tables(plan)), "S")
    assert (record.outcome, record.control.group) == ("undecided", "adult")


def test_control_clips_of_other_scenes_are_compared_all_the_same(lab):
    plan = lab.plan()
    tables = lab.tables(plan)
    rows = tables["says"].rows.copy()
    catch = rows["condition"] == "cartoon"
    rows.loc[catch, "scene"] = "catch" + rows.loc[catch, "scene"]
    assert controls(plan, {**tables, "says": lab.table(plan, "says", rows)})["child"].n_people == 20


# ---- families ----


def test_all_takes_every_member_at_the_level_and_each_and_any_take_holm():
    ps = {"a": 0.03, "b": 0.04, "c": 0.01}
    assert adjust("all", ps) == ps
    for claim in ("any", "each"):
        assert adjust(claim, ps) == pytest.approx({"a": 0.06, "b": 0.06, "c": 0.03})


def test_a_member_without_an_estimate_still_counts():
    assert adjust("each", {"a": 0.02, "b": None}) == {"a": 0.04, "b": None}
    assert adjust("each", {"a": 0.02}) == {"a": 0.02}


@pytest.mark.parametrize(
    ("claim", "outcomes", "expected"),
    [
        ("each", ["different", "different"], None),
        ("all", ["different", "different"], "different"),
        ("all", ["different", "trivial"], "undecided"),
        ("all", ["equivalent", "trivial"], "equivalent"),
        ("all", ["equivalent", "not_estimable"], "undecided"),
        ("all", ["different", "undecided"], "undecided"),
        ("any", ["different", "equivalent"], "different"),
        ("any", ["different", "not_estimable"], "different"),
        ("any", ["equivalent", "trivial"], "equivalent"),
        ("any", ["equivalent", "undecided"], "undecided"),
        ("any", ["trivial", "undecided"], "undecided"),
    ],
)
def test_what_a_family_may_say_as_a_whole(claim, outcomes, expected):
    assert family_outcome(claim, dict(enumerate(outcomes))) == expected


@pytest.mark.parametrize("outcome", ["different", "equivalent", "trivial", "undecided", "not_estimable"])
@pytest.mark.parametrize("asks", ["difference", "equivalence", "both"])
def test_equivalence_nobody_asked_for_claims_nothing_jointly(outcome, asks):
    unasked = asks == "difference" and outcome in ("equivalent", "trivial")
    assert counts_as(outcome, asks) == ("undecided" if unasked else outcome)


def test_a_list_of_groups_is_a_family_of_that_many(lab, record_of):
    plan = lab.plan()
    decision = lab.decide(plan, lab.tables(plan, (0.15, 0.3)))
    child, adult = (record_of(decision, f"S.{g}") for g in ("child", "adult"))
    assert [child.p_adjusted, adult.p_adjusted] == pytest.approx(holm([child.p_raw, adult.p_raw]))
    assert child.p_adjusted == pytest.approx(2 * child.p_raw)
    family = next(f for f in decision.verdict.families if f.name == "conscious")
    assert (family.members, family.adjustment, family.outcome) == (("S.child", "S.adult"), "holm", None)


def test_differences_and_equivalences_are_adjusted_apart_each_among_those_who_ask(lab, record_of):
    asks = {"N": "difference", "S": "both"}
    plan = lab.plan({f"hypotheses.{n}.asks": a for n, a in asks.items()} | {"families.neural": None}
                    | {"hypotheses.N.family": "conscious"})  # fmt: skip
    decision = lab.decide(plan, lab.tables(plan, (0.1, 0.3), (0.1, 0.3)))
    record = record_of(decision, "S.child")
    assert record.p_adjusted == pytest.approx(4 * record.p_raw)  # four ask for a difference, all alike
    larger = max(record.p_above_lower_bound, record.p_below_upper_bound)
    assert record.p_equivalence_adjusted == pytest.approx(2 * larger)  # two ask for equivalence
    unasked = record_of(decision, "N.child")
    assert unasked.p_equivalence_adjusted == pytest.approx(
        max(unasked.p_above_lower_bound, unasked.p_below_upper_bound)
    )


def test_losing_a_hypothesis_does_not_make_the_others_easier(lab, record_of):
    plan = lab.plan()
    tables = lab.tables(plan, (0.15, 0.3))
    before = record_of(lab.decide(plan, tables), "S.child").p_adjusted
    tables["says"] = lab.table(plan, "says", tables["says"].rows.query("group == 'child'"))
    decision = lab.decide(plan, tables)
    assert record_of(decision, "S.adult").outcome == "not_estimable"
    assert record_of(decision, "S.child").p_adjusted == pytest.approx(before)


def test_exploratory_hypotheses_adjust_nobody_and_are_not_adjusted(lab, record_of):
    plain = lab.plan()
    tables = lab.tables(plain, (0.15, 0.3))
    extra = {"measure": "says", "effect": "condition", "contrast": ["live", "cartoon"], "group": ["child", "adult"],
             "asks": "difference", "exploratory": True}  # fmt: skip
    plan = lab.plan({"hypotheses.X": extra})
    decision = lab.decide(plan, tables)
    for name in ("S.child", "S.adult"):
        assert record_of(decision, name) == record_of(lab.decide(plain, tables), name)
    x = record_of(decision, "X.child")
    assert (x.p_adjusted, x.exploratory, x.family) == (x.p_raw, True, None)
    assert x not in decision.verdict.confirmatory()


def test_of_a_family_that_claims_all_only_the_joint_outcome_counts(lab, record_of):
    plan = lab.plan({"families.conscious.claim": "all"})
    tables = lab.tables(plan, "none")
    says = lab.measured(plan, "says", {"child": "none", "adult": "unclear"})
    for name, expected in (("none", "equivalent"), ("mixed", "undecided")):
        decision = lab.decide(plan, tables if name == "none" else {**tables, "says": says})
        family = next(f for f in decision.verdict.families if f.name == "conscious")
        assert (family.outcome, family.adjustment) == (expected, "none")
        assert family.says.endswith("Only this joint outcome is confirmatory.")
        assert record_of(decision, "S.child").p_adjusted == record_of(decision, "S.child").p_raw


def test_an_all_family_of_trivial_differences_nobody_asked_the_size_of_is_undecided(lab):
    plan = lab.plan({"families.conscious.claim": "all", "hypotheses.S.asks": "difference"})
    decision = lab.decide(plan, lab.tables(plan, "small"))
    assert {h.outcome for h in decision.verdict.hypotheses if h.measure == "says"} == {"trivial"}
    assert next(f for f in decision.verdict.families if f.name == "conscious").outcome == "undecided"
