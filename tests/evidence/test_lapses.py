"""Inattention manufactures equivalence: lapses are measured, and equivalence is repeated without their help."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtr

SESSION = {
    "name": "detect", "modality": "beh", "paradigm": "detection", "conditions": ["live", "ai"],
    "catch_trials": {"contrast": ["live", "cartoon"], "n": 12},
}  # fmt: skip
CHANGES = {
    "decision.choices": "fast",
    "hypotheses.S.deciding_model": "crossed_mixed",
    "sessions": [SESSION],
    "stimuli": {"set": "s", "pairs": 24, "seconds": 4},
    "measures.says.session": "detect",
    "measures.says.statistic": "dprime",
    "measures.says.bound": {"value": 0.5, "unit": "dprime", "because": "half"},
    "measures.says.control": {"trials": "catch_trials", "minimum": 0.5},
    "conditions.codec_control": None,
}


def answers(lapse, dprime=0.0, n=24, scenes=24, seed=3):
    """Choices of people who in a share of trials answer whatever."""
    rng = np.random.default_rng(seed)
    rows = []
    for group in ("child", "adult"):
        for p in range(n):
            own = rng.normal(0, 0.1)
            shown = [(s, arm) for s in range(scenes) for arm in ("live", "ai")] + [
                (s, "cartoon") for s in range(12)
            ]
            for s, arm in shown:
                eta = {"live": -dprime / 2, "ai": dprime / 2 + own, "cartoon": 3.5}[arm]
                value = rng.random() < ndtr(eta)
                if rng.random() < lapse[group]:
                    value = rng.random() < 0.5
                rows.append((f"sub-{group[0]}{p:02d}", group, arm, f"s{s:02d}", float(value)))
    return pd.DataFrame(rows, columns=["participant_id", "group", "condition", "scene", "value"])


def decide(lab, lapse, **more):
    plan = lab.plan(CHANGES)
    return lab.decide(plan, {"says": lab.table(plan, "says", answers(lapse, **more))})


def test_the_lapse_rate_of_each_group_is_found_and_reported(lab):
    rates = decide(lab, {"child": 0.30, "adult": 0.0}).tables["lapses"].set_index("group")
    assert rates.loc["child", "lapse"] == pytest.approx(0.30, abs=0.08)
    assert rates.loc["child", "upper_limit"] > rates.loc["child", "lapse"]
    assert rates.loc["adult", "lapse"] < 0.03
    assert list(rates["condition"]) == ["cartoon", "cartoon"]
    assert list(rates["trials"]) == [24 * 12, 24 * 12]


def test_equivalence_is_repeated_within_the_bound_that_lapses_leave(lab, record_of):
    decision = decide(lab, {"child": 0.65, "adult": 0.0}, dprime=0.45)
    rows = decision.tables["sensitivity"].set_index(["hypothesis", "analysis"])
    name = "equivalence allowing for lapses"
    attentive, absent = record_of(decision, "S.adult"), record_of(decision, "S.child")
    assert absent.p_below_upper_bound < 0.05  # sleepy children "cannot tell" a difference that adults see
    assert attentive.outcome == "different"
    assert rows.loc[("S.child", name), "p"] > 0.05
    assert "equivalence is not shown" in rows.loc[("S.child", name), "note"]
    assert "lapses of children" in rows.loc[("S.child", name), "note"]
    honest = (
        decide(lab, {"child": 0.0, "adult": 0.0}).tables["sensitivity"].set_index(["hypothesis", "analysis"])
    )
    assert "equivalence is shown too" in honest.loc[("S.child", name), "note"]


def test_lapses_never_move_the_outcome(lab, record_of):
    decision = decide(lab, {"child": 0.35, "adult": 0.0}, dprime=0.3)
    sleepy = record_of(decision, "S.child")
    rows = decision.tables["sensitivity"].set_index(["hypothesis", "analysis"])
    assert sleepy.control.outcome == "passed"
    assert sleepy.outcome in ("equivalent", "trivial")
    assert "equivalence is not shown" in rows.loc[("S.child", "equivalence allowing for lapses"), "note"]


def test_who_answers_blindly_throughout_fails_the_control(lab, record_of):
    blind = record_of(decide(lab, {"child": 0.8, "adult": 0.0}), "S.child")
    assert blind.control.outcome == "failed"
    assert blind.outcome == "undecided"


def test_without_catch_trials_there_is_no_lapse_rate(lab):
    plan = lab.plan({"decision.choices": "fast"})
    assert lab.decide(plan, lab.tables(plan)).tables["lapses"].empty


def test_scene_by_scene_effects_add_up_to_the_mean(lab, record_of):
    plan = lab.plan()
    decision = lab.decide(plan, lab.tables(plan, "small"))
    rows = decision.tables["scenes"]
    own = rows[(rows["hypothesis"] == "S.child") & (rows["group"] == "child")]
    assert len(own) == 4
    assert own["effect"].mean() == pytest.approx(record_of(decision, "S.child").estimate)
    assert (own["n_first"] == 20).all()


def test_items_of_one_arm_have_no_effect_of_their_own(lab):
    plan = lab.plan()
    table = lab.tables(plan)["says"]
    one_arm = table.rows[(table.rows["condition"] == "ai") == (table.rows["scene"] > "scene02")]
    rows = lab.decide(plan, {"says": lab.table(plan, "says", one_arm)}).tables["scenes"]
    assert rows["effect"].isna().all()
    assert set(rows["n_first"]) == {0, 20}


def test_ratings_are_shown_as_ordered_categories_too(lab):
    rng = np.random.default_rng(0)
    people, scenes = 24, 16
    values = {
        group: {
            arm: np.clip(np.round(rng.normal(4 + shift, 1, (people, scenes))), 1, 7)
            for arm, shift in (("live", 0.0), ("ai", 1.0), ("cartoon", 3.0))
        }
        for group in ("child", "adult")
    }
    plan = lab.plan({"hypotheses.S.deciding_model": "crossed_mixed"})
    decision = lab.decide(plan, {"says": lab.table(plan, "says", lab.rows(values))})
    rows = decision.tables["sensitivity"].set_index(["hypothesis", "analysis"])
    row = rows.loc[("S.child", "crossed, ratings as ordered categories")]
    assert row["estimate"] == pytest.approx(1.0, abs=0.2)  # planted in SDs of the latent rating
    assert "7 categories" in row["note"]
    slider = lab.rows(values)
    slider["value"] += rng.random(len(slider))
    continuous = lab.decide(plan, {"says": lab.table(plan, "says", slider)})
    rows = continuous.tables["sensitivity"].set_index(["hypothesis", "analysis"])
    assert (
        "not available: there are" in rows.loc[("S.child", "crossed, ratings as ordered categories"), "note"]
    )
