"""Mutation of every gate: one input of a valid study is broken, and the verdict must change in the stated way."""

import numpy as np
import pytest

NULL = dict.fromkeys(["S.child", "S.adult", "N.child", "N.adult"], "equivalent")


@pytest.fixture(scope="module")
def world(lab):
    """A study in which everything is equivalent and every control passes."""
    plan = lab.plan()
    tables = lab.tables(plan)
    assert lab.outcomes(plan, tables) == NULL
    return plan, tables


def changed(lab, world, change):
    """The study with the rows of what people say changed."""
    plan, tables = world
    return {**tables, "says": lab.table(plan, "says", change(tables["says"].rows.copy()))}


def test_taking_the_controls_clips_away_leaves_that_measure_undecided(lab, world):
    tables = changed(lab, world, lambda rows: rows[rows["condition"] != "cartoon"])
    assert lab.outcomes(world[0], tables) == {**NULL, "S.child": "undecided", "S.adult": "undecided"}


def test_a_control_failing_in_one_group_leaves_that_group_undecided(lab, world):
    def blunt(rows):
        chosen = (rows["condition"] == "cartoon") & (rows["group"] == "child")
        rows.loc[chosen, "value"] -= 2.5
        return rows

    assert lab.outcomes(world[0], changed(lab, world, blunt)) == {**NULL, "S.child": "undecided"}


def test_a_smaller_bound_loses_equivalence(lab, world):
    plan = lab.plan({"measures.says.bound.value": 0.1})
    assert lab.outcomes(plan, world[1]) == {**NULL, "S.child": "undecided", "S.adult": "undecided"}


def test_a_bound_of_the_hypothesis_goes_before_that_of_its_measure(lab, world):
    plan = lab.plan({"hypotheses.S.bound": {"value": 0.1, "unit": "points", "because": "narrow"}})
    assert lab.outcomes(plan, world[1])["S.child"] == "undecided"


@pytest.mark.parametrize(("kept", "outcome"), [(0, "not_estimable"), (1, "not_estimable"), (2, "undecided")])
def test_cutting_a_groups_people_down_leaves_nothing_to_say_of_it(lab, world, kept, outcome):
    codes = sorted(set(world[1]["says"].rows.query("group == 'child'")["participant_id"]))[kept:]
    tables = changed(lab, world, lambda rows: rows[~rows["participant_id"].isin(codes)])
    found = lab.outcomes(world[0], tables)
    assert found["S.child"] == outcome
    assert (found["N.child"], found["N.adult"]) == ("equivalent", "equivalent")


def test_a_planted_effect_is_found_where_it_was_planted(lab, world):
    def plant(rows):
        rows.loc[(rows["condition"] == "ai") & (rows["group"] == "adult"), "value"] += 1.5
        return rows

    assert lab.outcomes(world[0], changed(lab, world, plant)) == {**NULL, "S.adult": "different"}


def test_swapped_labels_turn_the_sign(lab, world, record_of):
    plan = world[0]
    tables = lab.tables(plan, "large")
    rows = tables["says"].rows.copy()
    rows["condition"] = rows["condition"].replace({"live": "ai", "ai": "live"})
    record = record_of(lab.decide(plan, {**tables, "says": lab.table(plan, "says", rows)}), "S.child")
    assert record.estimate == pytest.approx(-1.5)
    assert (record.outcome, record.magnitude) == ("different", "exceeds_bound")


def test_values_that_are_not_numbers_make_it_not_estimable_and_are_listed(lab, world):
    def lose(rows):
        rows.loc[(rows["condition"] == "ai") & (rows["group"] == "child"), "value"] = np.nan
        return rows

    decision = lab.decide(world[0], changed(lab, world, lose))
    assert {h.id: h.outcome for h in decision.verdict.hypotheses} == {**NULL, "S.child": "not_estimable"}
    exclusions = decision.tables["exclusions"]
    rows = exclusions[(exclusions["what"] == "rows") & (exclusions["reason"] == "no value")]
    assert list(zip(rows["group"], rows["people"], rows["rows"], strict=True)) == [("child", 20, 80)]


def test_effects_without_variation_are_not_evidence_of_anything(lab, world, record_of):
    def flatten(rows):
        chosen = rows["group"] == "child"
        rows.loc[chosen, "value"] = rows.loc[chosen, "condition"].map({"cartoon": 5.0}).fillna(1.0)
        return rows

    record = record_of(lab.decide(world[0], changed(lab, world, flatten)), "S.child")
    assert (record.outcome, record.reason) == (
        "not_estimable", "all 20 values of 'child' are the same (0): without variation there is no test",
    )  # fmt: skip


def test_more_noise_leaves_it_undecided(lab, world):
    tables = {**world[1], "says": lab.measured(world[0], "says", dict.fromkeys(world[0].groups, "unclear"))}
    assert lab.outcomes(world[0], tables) == {**NULL, "S.child": "undecided", "S.adult": "undecided"}


def test_a_table_that_is_missing_costs_its_own_hypotheses_only(lab, world, record_of):
    decision = lab.decide(world[0], {"roi": world[1]["roi"]})
    found = {h.id: h.outcome for h in decision.verdict.hypotheses}
    assert found == {**NULL, "S.child": "not_estimable", "S.adult": "not_estimable"}
    assert record_of(decision, "S.child").reason == "there is no table of measure 'says'"
    assert [row.claim for row in decision.verdict.joint] == ["none", "none"]


def test_excluding_everybody_is_not_estimable_and_everybody_still_appears(lab, world):
    tables = changed(lab, world, lambda rows: rows.assign(included=0.0, reason="pilot"))
    decision = lab.decide(world[0], tables)
    assert {h.outcome for h in decision.verdict.hypotheses if h.measure == "says"} == {"not_estimable"}
    flow = decision.tables["flow"].query("measure == 'says'")
    assert list(flow["started"]) == [20, 20]
    assert list(flow["with_usable_rows"]) == [0, 0]
    people = decision.tables["people"].query("hypothesis == 'S.child'")
    assert set(people["reason"]) == {"all rows excluded: pilot"}
    assert len(people) == 20


def test_whoever_started_and_left_no_row_is_counted_among_those_who_started(lab, world):
    people = world[1]["says"].rows[["participant_id", "group"]].drop_duplicates()
    absent = people.iloc[:1].assign(participant_id="sub-999")
    decision = lab.decide(world[0], world[1], people._append(absent))
    child = decision.tables["flow"].query("measure == 'says' and group == 'child'").iloc[0]
    assert (child["started"], child["with_rows"], child["analysed"]) == (21, 20, 20)


def test_too_few_scenes_by_the_plans_rule_leave_nobody(lab, world):
    plan = lab.plan({"exclusions.scenes_per_condition": 5})  # four were shown
    assert lab.outcomes(plan, world[1])["S.child"] == "not_estimable"


def test_a_stricter_level_loses_a_difference(lab, world):
    tables = lab.tables(world[0], (0.22, 0.3))
    assert lab.outcomes(world[0], tables)["S.child"] == "trivial"
    assert lab.outcomes(lab.plan({"decision.alpha": 0.0001}), tables)["S.child"] == "equivalent"
    strict = lab.plan({"decision.alpha_equivalence": 1e-6})
    assert lab.outcomes(strict, tables)["S.child"] == "different"


def test_more_hypotheses_in_the_family_make_each_one_harder(lab, world):
    tables = lab.tables(world[0], (0.16, 0.3))
    assert (
        lab.outcomes(world[0], tables)["S.child"] == "equivalent"
    )  # two members: the difference is not shown
    alone = lab.plan({"hypotheses.S.group": "child"})
    assert lab.outcomes(alone, tables)["S"] == "trivial"


def test_a_test_over_people_cannot_test_their_spread_and_says_so(lab, world, record_of):
    plan = lab.plan({"measures.says.spread": {"value": 0.5, "unit": "points", "because": "half"}})
    record = record_of(lab.decide(plan, world[1]), "S.child")
    assert record.spread.outcome == "not_tested"
    assert any("the spread over people was not tested against its bound" in s for s in record.does_not_show)
    assert record.says.endswith("equivalent, on average over people.")
