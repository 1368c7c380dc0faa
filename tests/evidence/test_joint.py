"""What people say beside what their brains do: every combination, and never more than was shown."""

import itertools

import pytest

from analysis.evidence.joint import joint_table, together
from analysis.evidence.verdict import ControlRecord, SpreadRecord

OUTCOMES = ("different", "equivalent", "trivial", "undecided", "not_estimable")
SAME = ("equivalent", "trivial")
PASSED = ControlRecord(
    outcome="passed",
    group="child",
    contrast=("live", "cartoon"),
    direction="above",
    estimate=3.0,
    lower_limit=2.0,
    minimum=1.0,
)
FAILED = PASSED.model_copy(update={"outcome": "failed"})
CLAIMS = {
    ("different", "different"): "both_distinguish",
    **dict.fromkeys(itertools.product(SAME, SAME), "neither_distinguishes"),
    **{("different", same): "only_reports_distinguish" for same in SAME},
}


@pytest.fixture(scope="module")
def rows(lab):
    """The joint table of children's records with some fields changed."""
    plan = lab.plan()
    records = lab.decide(plan, lab.tables(plan)).verdict.hypotheses

    def make(says=None, roi=None, plan=plan, records=records):
        changes = {"says": says or {}, "roi": roi or {}}
        changed = [r.model_copy(update=changes[r.measure]) if r.group == "child" else r for r in records]
        return [row for row in joint_table(plan, changed) if row.group == "child"]

    return make


@pytest.mark.parametrize(("conscious", "neural"), list(itertools.product(OUTCOMES, OUTCOMES)))
@pytest.mark.parametrize("control", [PASSED, FAILED, None])
def test_every_combination_has_the_claim_the_rules_allow(rows, conscious, neural, control):
    [row] = rows({"outcome": conscious, "control": control}, {"outcome": neural})
    assert row.claim == CLAIMS.get((conscious, neural), "none")
    assert row.dissociation == "not_tested"
    assert (row.conscious, row.neural) == (conscious, neural)
    assert "dissociat" not in row.says.lower()
    assert (
        "Dissociation: not tested; it needs the direct comparison of both sensitivities." in row.does_not_show
    )
    if {conscious, neural} & {"undecided", "not_estimable"}:
        assert row.says.startswith("Nothing joint can be said about children")


@pytest.mark.parametrize("same", SAME)
@pytest.mark.parametrize("spread", [None, "not_tested", "not_shown"])
def test_a_neural_difference_without_discrimination_needs_the_spread_test(rows, same, spread):
    tested = SpreadRecord(outcome=spread, bound=0.5) if spread else None
    [row] = rows(
        {"outcome": same, "spread": tested, "control": PASSED}, {"outcome": "different", "control": PASSED}
    )
    assert row.claim == "none"
    words = "not shown to lie below" if spread == "not_shown" else "not tested against"
    assert f"the spread of people's answers was {words} its bound" in row.says


@pytest.mark.parametrize("same", SAME)
def test_with_spread_inside_and_controls_passed_it_may_be_claimed(rows, same):
    inside = {"outcome": same, "spread": SpreadRecord(outcome="inside", bound=0.5), "control": PASSED}
    [row] = rows(inside, {"outcome": "different", "control": PASSED})
    assert row.claim == "neural_difference_without_discrimination"
    for without in (FAILED, None):
        [row] = rows(inside, {"outcome": "different", "control": without})
        assert row.claim == "none"
        assert "a positive control was not passed" in row.says


def test_a_study_with_tests_over_people_cannot_claim_it_and_one_with_the_crossed_model_can(lab):
    spread = {"measures.says.spread": {"value": 0.5, "unit": "points", "because": "small"}}
    plan = lab.plan(spread)
    decision = lab.decide(plan, lab.tables(plan, "none", "large"))
    assert {row.claim for row in decision.verdict.joint} == {"none"}
    spreads = {h.spread.outcome for h in decision.verdict.hypotheses if h.measure == "says"}
    assert spreads == {"not_tested"}
    crossed = lab.plan({**spread, "hypotheses.S.deciding_model": "crossed_mixed"})
    tables = lab.tables(crossed, "none", "large", scenes=14)
    few = crossed.decision.model_copy(update={"bootstrap_samples": 199})  # a plan asks for at least 1,999
    crossed = crossed.model_copy(update={"decision": few})
    claims = {row.claim for row in lab.decide(crossed, tables).verdict.joint}
    assert claims == {"neural_difference_without_discrimination"}


def test_every_null_says_that_it_holds_on_average(rows):
    for outcomes in (("equivalent", "trivial"), ("different", "equivalent")):
        [row] = rows({"outcome": outcomes[0]}, {"outcome": outcomes[1]})
        assert "on average" in row.says
        assert "Anything about other scenes." in row.does_not_show


def test_equivalence_of_a_measure_nobody_asked_it_of_supports_no_joint_claim(lab):
    plan = lab.plan({"hypotheses.N.asks": "difference"})
    decision = lab.decide(plan, lab.tables(plan, "none", "small"))
    assert {h.outcome for h in decision.verdict.hypotheses if h.measure == "roi"} == {"trivial"}
    for row in decision.verdict.joint:
        assert row.claim == "none"
        assert "(trivial, but equivalence was not asked for)" in row.says


def test_a_small_difference_without_any_control_is_a_difference_of_unknown_size(lab):
    plan = lab.plan({"hypotheses.N.asks": "difference", "measures.roi.control": None})
    decision = lab.decide(plan, lab.tables(plan, "none", "small"))
    for record in decision.verdict.hypotheses:
        if record.measure == "roi":
            assert (record.outcome, record.magnitude) == ("different", "size_undecided")
            assert record.qualifier == "trivial, uninterpretable"
            assert "the positive control was not passed" in record.says
    assert {row.claim for row in decision.verdict.joint} == {"none"}


def test_members_of_an_all_family_count_only_as_far_as_the_whole_family(lab):
    plan = lab.plan({"families.neural.claim": "all"})
    tables = lab.tables(plan, "none", "none")
    tables["roi"] = lab.measured(plan, "roi", {"child": "none", "adult": "unclear"})
    child = next(row for row in lab.decide(plan, tables).verdict.joint if row.group == "child")
    assert (child.neural, child.claim) == ("equivalent", "none")
    assert "only family neural as a whole counts, and it is undecided" in child.says


def test_exploratory_hypotheses_and_other_contrasts_and_group_effects_stay_out(lab):
    one = {"measure": "roi", "effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"]}
    plan = lab.plan(
        {
            "hypotheses.N": {**one, "exploratory": True, "asks": "difference"},
            "hypotheses.C": {**one, "contrast": ["codec_control", "ai"], "family": "neural"},
            "hypotheses.I": {**one, "effect": "group_by_condition", "group": None, "family": "neural"},
        }
    )
    assert lab.decide(plan, lab.tables(plan)).verdict.joint == ()


# ---- composites: opposite effects in two regions must not cancel ----


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("equivalent", "trivial"), "equivalent"),
        (("equivalent", "undecided"), "undecided"),
        (("equivalent", "not_estimable"), "undecided"),
        (("equivalent", "different"), "different"),
        (("different", "undecided"), "different"),
        (("different", "not_estimable"), "different"),
    ],
)
def test_a_composite_is_equivalent_only_if_every_part_is_and_different_if_any_is(parts, expected):
    assert together(parts) == expected


@pytest.mark.parametrize(
    ("second", "expected", "words"),
    [("none", "equivalent", "each was equivalent"), ("large", "different", "at least one differed"),
     ("unclear", "undecided", "undecided")],
)  # fmt: skip
def test_several_regions_are_named_together(lab, second, expected, words):
    base = lab.plan()
    second_region = base.measures["roi"].model_dump(exclude_unset=True, mode="json")
    plan = lab.plan(
        {
            "measures.vmpfc": second_region,
            "hypotheses.V": {"measure": "vmpfc", "effect": "condition", "contrast": ["live", "ai"],
                             "group": ["child", "adult"], "asks": "both", "family": "neural"},
        }
    )  # fmt: skip
    tables = {**lab.tables(plan), "vmpfc": lab.measured(plan, "vmpfc", dict.fromkeys(plan.groups, second))}
    rows = [row for row in lab.decide(plan, tables).verdict.joint if row.group == "child"]
    assert [row.neural_hypothesis for row in rows] == ["N.child", "V.child"]
    for row in rows:
        assert row.neural_together == expected
        assert row.says.endswith(f"Over all neural measures of children (roi, vmpfc): {words}.")
    partly = any("not every part is equivalent" in sentence for sentence in rows[0].does_not_show)
    assert partly == (expected != "equivalent")


def test_with_one_region_nothing_is_said_of_several(rows):
    [row] = rows()
    assert row.neural_together is None
    assert "Over all neural measures" not in row.says
