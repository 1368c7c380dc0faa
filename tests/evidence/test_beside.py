"""What stands beside an outcome: scale, codec, order of exposure, scenes, missing people, blinding, wording."""

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.blind import shuffle_arms
from analysis.evidence.claims import does_not_show, scope_of
from analysis.evidence.sensitivity import first_exposures
from protocols.plan.expanding import expand

PSC = {
    "measures.roi.statistic": "percent_signal_change",
    "measures.roi.bound": {"value": 0.5, "unit": "percent_signal", "because": "small"},
    "hypotheses.N": {"measure": "roi", "effect": "group_by_condition", "contrast": ["live", "ai"], "asks": "both",
                     "family": "neural"},
}  # fmt: skip
CONTRAST = {"effect": "condition", "contrast": ["live", "ai"], "group": ["child", "adult"], "asks": "both"}


def sensitivity(decision, hypothesis, analysis):
    rows = decision.tables["sensitivity"]
    found = rows[(rows["hypothesis"] == hypothesis) & (rows["analysis"] == analysis)]
    return None if found.empty else found.iloc[0]


# ---- scale ----


def regions(lab, plan, child, adult, levels):
    """Both groups with effects and responses of their own."""
    parts = [
        lab.measured(plan, "roi", {g: e}, level=levels[g]).rows
        for g, e in (("child", child), ("adult", adult))
    ]
    parts[1] = parts[1].assign(participant_id="sub-a" + parts[1]["participant_id"].str[4:])
    return {
        "roi": lab.table(plan, "roi", pd.concat(parts)),
        "says": lab.measured(plan, "says", dict.fromkeys(plan.groups, "none")),
    }


def test_a_group_difference_that_is_only_one_of_scale_is_never_different(lab, record_of):
    plan = lab.plan(PSC)
    # adults' effect is three times the children's, and so is their response to all clips: (10 + 10.. ) x 3
    tables = regions(lab, plan, (1.0, 0.3), (3.0, 0.3), {"child": 9.0, "adult": 28.5})
    record = record_of(lab.decide(plan, tables), "N")
    assert (record.outcome, record.magnitude, record.qualifier) == ("undecided", None, "scale-dependent")
    assert record.p_adjusted < 1e-6
    assert "scale-dependent, undecided" in record.says


def test_a_group_difference_that_is_kept_in_units_of_the_response_stays_different(lab, record_of):
    plan = lab.plan(PSC)
    decision = lab.decide(plan, regions(lab, plan, (1.0, 0.3), (3.0, 0.3), {"child": 9.0, "adult": 9.0}))
    assert (record_of(decision, "N").outcome, record_of(decision, "N").qualifier) == ("different", None)
    row = sensitivity(decision, "N", "divided by the response to all clips")
    assert 0 < row["low"] < row["estimate"] < row["high"]


def test_a_group_without_a_response_to_scale_by_is_never_different(lab, record_of):
    plan = lab.plan({**PSC, "measures.roi.control.minimum": 0})
    decision = lab.decide(plan, regions(lab, plan, (1.0, 0.3), (3.0, 0.3), {"child": -1.0, "adult": 9.0}))
    assert record_of(decision, "N").qualifier == "scale-dependent"
    assert "not above 0" in sensitivity(decision, "N", "divided by the response to all clips")["note"]


def test_scaling_concerns_signal_change_between_groups_only(lab):
    plan = lab.plan(
        {
            **PSC,
            "measures.roi.statistic": "amplitude",
            "measures.roi.bound": None,
            "hypotheses.N.asks": "difference",
        }
    )
    decision = lab.decide(plan, regions(lab, plan, (1.0, 0.3), (3.0, 0.3), {"child": 9.0, "adult": 28.5}))
    assert not decision.tables["sensitivity"]["analysis"].str.contains("divided").any()


# ---- codec ----


@pytest.mark.parametrize(
    ("codec", "sentence"),
    [(0.0, None), (1.5, "the comparison with the codec control does not say the same"),
     (3.0, "the comparison with the codec control does not say the same")],
)  # fmt: skip
def test_generation_is_the_cause_only_if_the_codec_control_says_the_same(lab, record_of, codec, sentence):
    # codec_control like live: ai differs from both; like ai: nothing left of it; beyond it: the other sign
    plan = lab.plan(
        {
            "hypotheses.C": {
                **CONTRAST,
                "measure": "says",
                "contrast": ["codec_control", "ai"],
                "family": "conscious",
            }
        }
    )
    record = record_of(lab.decide(plan, lab.tables(plan, "large", codec=codec)), "S.child")
    found = [s for s in record.does_not_show if s.startswith("That generation is the cause")]
    assert [s.endswith(f"{sentence}.") for s in found] == ([True] if sentence else [])


def test_without_a_codec_control_the_processing_may_be_the_cause(lab, record_of):
    plan = lab.plan()
    record = record_of(lab.decide(plan, lab.tables(plan, "large")), "S.child")
    assert (
        "That generation is the cause: without a codec control the clips' processing may be."
        in record.does_not_show
    )


# ---- order of exposure ----


def test_first_exposures_are_the_first_version_of_each_scene_in_any_arm(lab):
    plan = lab.plan()
    rows = lab.rows({"child": {"live": np.zeros((1, 2)), "ai": np.ones((1, 2))}})
    rows["trial_order"] = [4.0, 1.0, 2.0, 3.0]  # live a, live b, ai a, ai b
    kept = first_exposures(lab.table(plan, "says", rows)).rows
    assert sorted(zip(kept["scene"], kept["condition"], strict=True)) == [
        ("scene01", "ai"),
        ("scene02", "live"),
    ]


def test_an_excluded_showing_was_seen_all_the_same(lab):
    plan = lab.plan()
    rows = lab.rows({"child": {"live": np.zeros((1, 1)), "ai": np.ones((1, 1))}})
    rows["trial_order"], rows["included"] = [1.0, 2.0], [0.0, 1.0]
    kept = first_exposures(lab.table(plan, "says", rows))
    assert list(kept.rows["condition"]) == ["live"]
    assert not len(kept.used)


def test_memory_of_the_twin_shows_in_the_first_exposures(lab):
    plan = lab.plan()
    table = lab.tables(plan, "none")["says"]
    rows = table.rows.query("condition in ['live', 'ai', 'cartoon']").copy()
    scene = rows["scene"].str[-2:].astype(int)
    rows["trial_order"] = (
        scene
        + 100.0 * ((rows["condition"] == "ai") ^ (scene % 2 == 0))
        + 1000 * (rows["condition"] == "cartoon")
    )
    second = rows["trial_order"].between(100, 999)
    rows.loc[second & (rows["condition"] == "ai"), "value"] -= 1.0  # what was seen before is rated lower
    decision = lab.decide(plan, {"says": lab.table(plan, "says", rows), "roi": lab.tables(plan)["roi"]})
    all_shown = next(h for h in decision.verdict.hypotheses if h.id == "S.child")
    first = sensitivity(decision, "S.child", "first exposures only")
    assert all_shown.estimate == pytest.approx(-0.5)
    assert first["estimate"] == pytest.approx(0.0, abs=0.35)
    assert first["n"] == 20


def test_without_an_order_there_is_no_row_of_first_exposures(lab):
    plan = lab.plan()
    assert first_exposures(lab.tables(plan)["says"]) is None


# ---- by scene, second opinion, missing people ----


def test_the_by_scene_row_treats_scenes_as_the_units(lab):
    plan = lab.plan()
    tables = lab.tables(plan, "small")
    rows = tables["says"].used.query("group == 'child'")
    wide = rows.pivot_table(index="scene", columns="condition", values="value")
    difference = (wide["ai"] - wide["live"]).to_numpy()
    row = sensitivity(lab.decide(plan, tables), "S.child", "by scene")
    assert row["estimate"] == pytest.approx(difference.mean())
    assert row["se"] == pytest.approx(difference.std(ddof=1) / 2)
    assert (row["df"], row["n"]) == (3, 1 * 4)


def test_an_independent_program_gives_the_same_tests(lab):
    between = {
        **CONTRAST,
        "measure": "roi",
        "effect": "group_by_condition",
        "group": None,
        "family": "neural",
    }
    pooled = {**CONTRAST, "measure": "roi", "group": "pooled", "family": "neural"}
    plan = lab.plan({"hypotheses.I": between, "hypotheses.P": pooled})
    tables = lab.tables(plan, "small", "unclear")
    tables["roi"] = lab.measured(plan, "roi", {"child": (0.2, 0.4), "adult": (0.7, 1.9)})
    opinions = lab.decide(plan, tables).tables["second_opinion"]
    assert list(opinions["hypothesis"]) == [
        "S.child",
        "S.adult",
        "N.child",
        "N.adult",
        "I",
    ]  # none for pooled groups
    assert opinions["agrees"].all()
    assert opinions["program"].str.startswith("pingouin ").all()


def lose(lab, plan, tables, people):
    rows = tables["says"].rows.copy()
    gone = rows["participant_id"].isin(people)
    rows.loc[gone, "included"], rows.loc[gone, "reason"] = 0.0, "moved"
    return {**tables, "says": lab.table(plan, "says", rows)}


def test_the_tipping_point_is_the_smallest_shift_of_the_missing_that_changes_the_outcome(lab):
    plan = lab.plan()
    tables = lab.tables(plan, "none")
    whole = lab.decide(plan, tables)
    assert sensitivity(whole, "S.child", "tipping point in child") is None  # nobody is missing
    few, many = (
        lab.decide(plan, lose(lab, plan, tables, [f"sub-{i:03d}" for i in range(1, n + 1)])) for n in (2, 12)
    )
    rows = [sensitivity(d, "S.child", "tipping point in child") for d in (few, many)]
    assert [row["n"] for row in rows] == [2, 12]
    assert "the outcome changes if their mean lies this far" in rows[1]["note"]
    assert rows[0]["estimate"] is None or abs(rows[0]["estimate"]) > abs(rows[1]["estimate"])


def test_an_undecided_outcome_has_no_tipping_point(lab):
    plan = lab.plan()
    tables = lose(lab, plan, lab.tables(plan, "unclear"), ["sub-001", "sub-002"])
    assert sensitivity(lab.decide(plan, tables), "S.child", "tipping point in child") is None


# ---- blinding ----


def test_the_blind_shuffle_moves_labels_of_arms_only_and_the_same_way_every_time(lab):
    plan = lab.plan()
    table = lab.tables(plan)["says"]
    one, again, other = (shuffle_arms(plan, table, key).rows for key in ("a", "a", "b"))
    pd.testing.assert_frame_equal(one, again)
    assert not one["condition"].equals(other["condition"])
    pd.testing.assert_frame_equal(one.drop(columns="condition"), table.rows.drop(columns="condition"))
    catch = table.rows["condition"] == "cartoon"
    assert (one.loc[catch, "condition"] == "cartoon").all()
    cell = ["participant_id", "scene"]
    assert (
        one.groupby(cell)["condition"].agg(sorted).equals(table.rows.groupby(cell)["condition"].agg(sorted))
    )
    assert 0.2 < (one["condition"] != table.rows["condition"]).mean() < 0.8


def test_repeated_showings_of_a_version_stay_together(lab):
    plan = lab.plan()
    rows = lab.rows({"child": {"live": np.zeros((9, 3)), "ai": np.ones((9, 3))}})
    twice = pd.concat([rows.assign(run="1"), rows.assign(run="2")])
    shuffled = shuffle_arms(plan, lab.table(plan, "says", twice), "key").rows
    assert not shuffled.groupby(["participant_id", "scene", "condition"])["value"].std().any()


def test_a_measure_gets_no_arm_it_never_had(lab):
    plan = lab.plan()
    rows = lab.rows({"child": {"live": np.zeros((30, 1)), "ai": np.ones((30, 1))}})
    one_version = rows[(rows.index % 4 == 0) | (rows.index % 4 == 3)]  # live, ai, live, ai, ...
    assert not one_version["participant_id"].duplicated().any()
    shuffled = shuffle_arms(plan, lab.table(plan, "says", one_version), "key").rows
    assert set(shuffled["condition"]) == {"live", "ai"}


def test_blinded_differences_come_out_at_the_level_however_large_they_are(lab):
    plan = lab.plan()
    table = lab.measured(plan, "says", {"child": (1.0, 0.5)}, n=12, scenes=8)
    wide = table.used.pivot_table(index=["participant_id", "scene"], columns="condition", values="value")
    shown = 0
    for i in range(200):
        labels = shuffle_arms(plan, table, str(i)).rows
        labels = labels[labels["condition"].isin(["live", "ai"])]
        per_person = labels.groupby(["participant_id", "condition"])["value"].mean().unstack()
        effect = (per_person["ai"] - per_person["live"]).to_numpy()
        shown += abs(effect.mean() / effect.std(ddof=1) * np.sqrt(len(effect))) > 2.201  # t(11), 97.5 %
    assert len(wide) == 96
    assert 1 <= shown <= 20  # 10 expected of 200


# ---- scope and wording ----


@pytest.mark.parametrize(
    ("names", "scope", "sentence"),
    [
        ([], "this_one", "Anything about other generators than the ones used; the plan does not name them."),
        (["A 1"], "this_one", "Anything about other generators: it holds for A 1 only."),
        (["A 1", "B 2"], "these", "Anything about generators other than A 1, B 2."),
        (list("ABCDE"), "these", "Anything about generators other than A, B, C, D, E."),
        (list("ABCDE"), "random_if_5",
         "Anything about generators other than A, B, C, D, E: they were not a random factor in this analysis."),
    ],
)  # fmt: skip
def test_sentences_name_the_generators(lab, record_of, names, scope, sentence):
    stimuli = {"set": "s", "pairs": 4, "seconds": 4, "generators": names}
    plan = lab.plan({"stimuli": stimuli, "decision.generators": {"scope": scope}})
    record = record_of(lab.decide(plan, lab.tables(plan)), "S.child")
    assert record.does_not_show[-1] == sentence


@pytest.mark.parametrize(
    ("n_scenes", "words"), [(None, "variation"), (4, "fewer than 12"), (12, "variation")]
)
def test_a_test_over_people_always_holds_for_these_scenes_only(lab, n_scenes, words):
    plan = lab.plan()
    item = expand(plan)[0]
    assert scope_of(plan, item, n_scenes) == "for these scenes"
    sentences = does_not_show(plan, item, "different", None, "absent", n_scenes)
    assert any("the result is for these scenes" in s and words in s for s in sentences)


@pytest.mark.parametrize(
    ("n_scenes", "scope"), [(None, "for these scenes"), (11, "for these scenes"), (12, "scenes of this kind")]
)
def test_even_with_scenes_random_fewer_than_twelve_are_these_scenes(lab, n_scenes, scope):
    plan = lab.plan({"decision.deciding_model": "crossed_mixed"})
    assert scope_of(plan, expand(plan)[0], n_scenes) == scope


def test_clips_seen_in_the_scanner_are_not_first_impressions(lab, record_of):
    plan = lab.plan()
    sessions = [
        {"name": "scan", "modality": "bold", "paradigm": "passive_viewing", "conditions": list(plan.conditions),
         "volumes": 200, "repetition_time_s": 2.0, "runs": 4, "design": {"kind": "event", "fixation_s": [4, 8]}},
        {"name": "detect", "modality": "beh", "paradigm": "detection", "items": {"same_as": "scan"}},
    ]  # fmt: skip
    plan = lab.plan(
        {"sessions": sessions, "stimuli": {"set": "s", "pairs": 4, "seconds": 4}, "measures.says.session": "detect",
         "measures.roi.session": "scan", "conditions.codec_control.exploratory": True}
    )  # fmt: skip
    decision = lab.decide(plan, lab.tables(plan))
    seen = "How people judge clips they see for the first time: these had been shown in session 'scan'."
    assert seen in record_of(decision, "S.child").does_not_show
    assert seen not in record_of(decision, "N.child").does_not_show
    assert (
        "What people could tell during the scan: they were asked afterwards."
        in decision.verdict.joint[0].does_not_show
    )


def test_a_dprime_of_pairs_is_blinded_by_its_sign(lab):
    plan = lab.plan(
        {
            "measures.says.statistic": "dprime_forced_choice",
            "measures.says.measured_elsewhere": "two clips, one of them AI",
            "measures.says.bound": {"value": 0.3, "unit": "dprime", "because": "small"},
            "measures.says.control": {"contrast": ["fixation", "cartoon"], "minimum": 1.0},
            "hypotheses.S": {
                "measure": "says", "effect": "level", "condition": "ai", "group": ["child", "adult"],
                "asks": "both", "family": "conscious",
            },
        }
    )  # fmt: skip
    values = {
        group: {"ai": lab.spread(20, 1.5, 0.3)[:, None], "cartoon": lab.spread(20, 3.0, 0.3)[:, None]}
        for group in ("child", "adult")
    }
    rows = lab.rows(values).drop(columns="scene")
    table = lab.table(plan, "says", rows)
    blind = shuffle_arms(plan, table, "k")
    ai, cartoon = (blind.rows["condition"] == name for name in ("ai", "cartoon"))
    assert blind.rows.loc[cartoon, "value"].equals(table.rows.loc[cartoon, "value"])
    assert blind.rows.loc[ai, "value"].abs().equals(table.rows.loc[ai, "value"].abs())
    assert 0 < (blind.rows.loc[ai, "value"] < 0).mean() < 1
    assert shuffle_arms(plan, table, "k").rows.equals(blind.rows)
    open_, shut = (lab.outcomes(plan, {"says": one}) for one in (table, blind))
    assert open_["S.child"] == "different"
    assert shut["S.child"] != "different"


def test_a_dprime_of_pairs_needs_one_row_however_many_scenes_the_plan_asks_for(lab, record_of):
    plan = lab.plan(
        {
            "exclusions.scenes_per_condition": 8,
            "measures.says.statistic": "dprime_forced_choice",
            "measures.says.measured_elsewhere": "two clips, one of them AI",
            "measures.says.bound": {"value": 0.3, "unit": "dprime", "because": "small"},
            "measures.says.control": {"contrast": ["fixation", "cartoon"], "minimum": 1.0},
            "hypotheses.S": {
                "measure": "says", "effect": "level", "condition": "ai", "group": "child", "asks": "both",
                "family": "conscious",
            },
        }
    )  # fmt: skip
    values = {
        "child": {"ai": lab.spread(20, 1.5, 0.3)[:, None], "cartoon": lab.spread(20, 3.0, 0.3)[:, None]}
    }
    rows = lab.rows(values).drop(columns="scene")
    record = record_of(lab.decide(plan, {"says": lab.table(plan, "says", rows)}), "S")
    assert record.outcome == "different"
    assert record.control.outcome == "passed"
    assert "ai was 1.50" in record.says
