"""The crossed mixed model as the deciding analysis: lme4's numbers, planted truths, and what it says when it cannot."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

from analysis.evidence.crossed_table import lay_out
from analysis.evidence.decide import decide
from analysis.evidence.deciding import by_person
from analysis.evidence.estimates import Estimate
from analysis.evidence.outcomes import run_tests
from analysis.evidence.question import ask
from protocols.base.errors import PlanError
from protocols.plan.expanding import expand

CROSSED = {"decision.deciding_model": "crossed_mixed", "decision.choices": "fast"}
SPREAD = {"value": 0.5, "unit": "points", "because": "half a point"}
DPRIME = {
    **CROSSED,
    "measures.says.statistic": "dprime",
    "measures.says.bound": {"value": 0.5, "unit": "dprime", "because": "half"},
    "measures.says.control": {"contrast": ["live", "cartoon"], "minimum": 0.5},
}
COMPARED = {
    "hypotheses.G": {
        "measure": "says", "effect": "group_by_condition", "contrast": ["live", "ai"], "asks": "both",
        "groups": ["child", "adult"], "family": "conscious",
    },
    "hypotheses.P": {
        "measure": "says", "effect": "condition", "contrast": ["live", "ai"], "asks": "both", "group": "pooled",
        "family": "conscious",
    },
}  # fmt: skip


def study(
    seed, n=(14, 12), scenes=16, effect=(0.4, 0.1), person=(0.3, 0.6), scene=(0.5, 0.3, 0.2, 0.15),
    noise=(0.8, 1.1), *, choices=False,
):  # fmt: skip
    """People x scenes x versions with random effects of both; the golden values below are of seeds 1 and 2."""
    rng = np.random.default_rng(seed)
    of_scene = rng.normal(0, scene, (scenes, 4))
    rows = []
    for k, group in enumerate(("child", "adult")):
        for p in range(n[k]):
            own = rng.normal(0, (0.4, person[k]))
            for s in range(scenes):
                for c in (-0.5, 0.5):
                    g = k - 0.5
                    slope = effect[k] + own[1] + of_scene[s, 1] + g * of_scene[s, 3]
                    mean = own[0] + of_scene[s, 0] + g * of_scene[s, 2] + c * slope
                    z = rng.normal()
                    value = float(mean + z > 0) if choices else round(mean + noise[k] * z, 6)
                    arm = "ai" if c > 0 else "live"
                    rows.append((f"sub-{group[0]}{p:02d}", group, arm, f"s{s:02d}", value))
    return pd.DataFrame(rows, columns=["participant_id", "group", "condition", "scene", "value"])


def with_control(rows, shift=3.0, *, choices=False):
    """The live trials once more as a cartoon that nobody mistakes."""
    control = rows[rows["condition"] == "live"].assign(condition="cartoon")
    noise = np.random.default_rng(0).normal(shift, 0.3, len(control))
    control["value"] = 1.0 if choices else control["value"] + noise
    return pd.concat([rows, control], ignore_index=True)


def quick(plan):
    """The plan with a tenth of the studies it must draw: enough to see which way a test goes."""
    few = plan.decision.model_copy(update={"bootstrap_samples": 199})
    return plan.model_copy(update={"decision": few})


def decided(lab, rows, changes=CROSSED, *, choices=False):
    plan = quick(lab.plan({**(DPRIME if choices else {}), **changes}))
    rows = with_control(rows, choices=choices)
    return lab.decide(plan, {"says": lab.table(plan, "says", rows)})


@pytest.fixture(scope="module")
def ratings(lab):
    return decided(lab, study(1), {**CROSSED, **COMPARED})


@pytest.fixture(scope="module")
def choices(lab):
    return decided(lab, study(2, choices=True), COMPARED, choices=True)


def test_one_group_equals_lmertest(lab, record_of):
    """lme4 1.1-31, lmerTest: value ~ c + (1 + c | person) + (1 + c | scene), children of seed 1."""
    children = study(1)
    children = children[children["group"] == "child"]
    alone = {"groups.adult": None, "hypotheses.S.group": "child", "hypotheses.N.group": "child"}
    record = record_of(decided(lab, children, {**CROSSED, **alone}), "S")
    assert record.estimate == pytest.approx(0.5007972, abs=1e-6)
    assert record.se == pytest.approx(0.1229427, rel=1e-4)
    assert record.df == pytest.approx(15.6364, rel=1e-3)
    assert record.p_raw == pytest.approx(0.00092336, rel=5e-3)
    assert record.scope == "scenes of this kind"
    assert record.n_scenes == 16


def test_both_groups_in_one_model_equal_glmmtmb(ratings, record_of):
    """glmmTMB: REML, dispformula = ~group, people's covariance by group, scenes as the sealed order leaves them."""
    golden = {
        "S.child": (0.5007972, 0.1235573),
        "S.adult": (0.1787922, 0.2502262),
        "G": (-0.3220050, 0.2675050),
    }
    for name, (estimate, se) in golden.items():
        record = record_of(ratings, name)
        assert record.estimate == pytest.approx(estimate, abs=1e-6)
        assert record.se == pytest.approx(se, rel=1e-4)
    models = ratings.tables["models"]
    values = models[models["hypothesis"] == "G"].set_index(["part", "group", "effect"])["value"]
    assert values["REML criterion"].iloc[0] == pytest.approx(2332.097718, abs=1e-4)
    assert values["sd", "person", "adult:c"] == pytest.approx(0.716368, rel=1e-3)
    assert values["sd", "scene", "g:c"] == pytest.approx(0.328525, rel=1e-3)
    assert values["sd", "residual", "child"] == pytest.approx(
        np.exp((1.278218 - 2 * 0.439966 - 1e-9) / 2), rel=0.5
    )


def test_groups_difference_and_mean_come_from_one_model(ratings, choices, record_of):
    for decision in (ratings, choices):
        child, adult, difference, pooled = (
            record_of(decision, name).estimate for name in ("S.child", "S.adult", "G", "P")
        )
        assert difference == pytest.approx(adult - child, abs=1e-8)
        assert pooled == pytest.approx((adult + child) / 2, abs=1e-8)


def test_the_way_to_the_model_is_told(ratings, record_of):
    steps = ratings.tables["reductions"]
    steps = steps[steps["hypothesis"] == "G"]
    assert list(steps["place"]) == [1, 2, 3]
    assert steps["model"].iloc[0].endswith("(1 + c + g + g:c | scene)")
    assert "next without correlations | scene" in steps["reason"].iloc[0]
    assert steps["reason"].iloc[-1] == "it stands"
    assert "left out in the sealed order: correlations | scene, g | scene" in record_of(ratings, "G").method


def test_dprime_is_marginal_over_scenes(choices, record_of):
    """eta / sqrt(1 + sd^2): the conditional d' of the same model stands beside it, and is larger."""
    models = choices.tables["models"]
    values = models[models["hypothesis"] == "S.child"].set_index(["part", "group", "effect"])["value"]
    sd = values["sd", "scene", "1"]
    fixed = values["fixed"].droplevel(0)
    expected = fixed["child:c"] / np.sqrt(1 + sd**2)  # scenes differ in their intercepts only here
    assert record_of(choices, "S.child").estimate == pytest.approx(expected, abs=1e-6)
    rows = choices.tables["sensitivity"].set_index(["hypothesis", "analysis"])["estimate"]
    assert rows["S.child", "crossed, conditional on scene and person"] == pytest.approx(fixed["child:c"])
    assert record_of(choices, "S.child").df == 13  # 14 children, 16 scenes
    assert record_of(choices, "G").df == 11  # 12 adults


def test_by_person_by_scene_and_crossed_stand_side_by_side(ratings, choices):
    for decision in (ratings, choices):
        rows = decision.tables["sensitivity"]
        assert {"by person", "by scene"} <= set(rows[rows["hypothesis"] == "S.child"]["analysis"])


def test_scenes_make_the_crossed_interval_wider_than_the_one_over_people(lab, record_of):
    rows = study(5, n=(30, 30), scenes=12, effect=(0, 0), scene=(0.5, 0.8, 0.1, 0.1))
    record = record_of(decided(lab, rows), "S.child")
    people = record_of(decided(lab, rows, {}), "S.child")
    assert people.deciding_model == "by_person"
    assert record.se > 1.5 * people.se


@pytest.mark.parametrize(("effect", "outcome"), [(1.2, "different"), (0.0, "equivalent")])
@pytest.mark.parametrize("choices", [False, True])
def test_what_is_planted_is_found(lab, record_of, effect, outcome, choices):
    rows = study(
        5, n=(30, 30), scenes=40, effect=(effect, effect), person=(0.2, 0.2), scene=(0.3, 0.2, 0.05, 0.05),
        choices=choices,
    )  # fmt: skip
    decision = decided(lab, rows, choices=choices) if choices else decided(lab, rows)
    for name in ("S.child", "S.adult"):
        record = record_of(decision, name)
        assert record.outcome == outcome, record.says
        assert abs(record.estimate - effect) < 0.25


def test_a_narrow_spread_makes_the_null_speak_for_nearly_everyone(lab, record_of):
    rows = study(
        8, n=(30, 30), scenes=40, effect=(0, 0), person=(0.1, 0.1), scene=(0.3, 0.15, 0, 0), choices=True
    )
    bound = {"measures.says.spread": {**SPREAD, "unit": "dprime"}}
    record = record_of(decided(lab, rows, bound, choices=True), "S.child")
    assert record.outcome == "equivalent"
    assert record.spread.outcome == "inside"
    assert record.spread.upper_limit < 0.5
    assert 0 <= record.spread.share_beyond < 0.1
    assert "so is the spread over people" in record.says
    assert any("That no single person differs" in sentence for sentence in record.does_not_show)


def test_a_wide_spread_around_zero_is_not_called_nobody_can_tell(lab, record_of):
    """Half of the people have swapped the labels: on average nothing, in truth everybody sees it."""
    rows = study(
        9, n=(40, 40), scenes=40, effect=(0, 0), person=(1.2, 0.1), scene=(0.3, 0.1, 0, 0), choices=True
    )
    bound = {
        "measures.says.spread": {**SPREAD, "unit": "dprime"},
        "measures.says.bound.value": 0.8,
    }
    record = record_of(decided(lab, rows, bound, choices=True), "S.child")
    assert record.outcome == "equivalent"
    assert record.spread.outcome == "not_shown"
    assert record.spread.sd > 0.8
    assert record.spread.share_beyond > 0.5
    assert record.says.endswith("equivalent, on average over people.")
    assert any("was not shown to lie below its bound" in sentence for sentence in record.does_not_show)


def test_items_of_one_arm_only_get_no_slope(lab, record_of):
    """Images that exist as real or as generated: (1 + g | clip), and z by clip stands beside."""
    rows = study(3, n=(20, 20), scenes=30, effect=(1.0, 1.0), choices=True)
    odd = rows["scene"].str[1:].astype(int) % 2 == 1
    rows = rows[(rows["condition"] == "ai") == odd].rename(columns={"scene": "clip"})
    decision = decided(lab, rows, choices=True)
    record = record_of(decision, "S.child")
    assert record.estimate == pytest.approx(1.0, abs=0.5)
    assert "people and clips random" in record.method
    assert decision.tables["reductions"]["model"].iloc[0].endswith("(1 + g | clip)")
    assert "by clip" in set(decision.tables["sensitivity"]["analysis"])


def test_levels_and_groups_are_answered_too(lab, record_of):
    more = {
        "hypotheses.L": {
            "measure": "says", "effect": "level", "condition": "live", "against": 0.5, "group": "child",
            "asks": "difference", "family": "conscious",
        },
        "hypotheses.D": {
            "measure": "says", "effect": "group", "condition": "live", "asks": "difference", "family": "conscious",
        },
        "hypotheses.F": {
            "measure": "says", "effect": "condition", "contrast": ["fixation", "all_clips"], "group": "child",
            "asks": "difference", "family": "conscious",
        },
    }  # fmt: skip
    rows = study(1)
    decision = decided(lab, rows, {**CROSSED, **more})
    means = with_control(rows).groupby(["group", "condition"])["value"].mean()
    assert record_of(decision, "L").estimate == pytest.approx(means["child", "live"] - 0.5, abs=1e-6)
    assert record_of(decision, "D").estimate == pytest.approx(
        means["adult", "live"] - means["child", "live"], abs=1e-6
    )
    assert record_of(decision, "F").estimate == pytest.approx(means["child"].mean(), abs=1e-6)


def test_a_mean_over_everything_counts_every_condition_once(lab, record_of):
    """Few cartoons must not weigh less than many films."""
    rows = with_control(study(1))
    rows = rows[(rows["condition"] != "cartoon") | (rows["scene"] < "s04")]
    plan = lab.plan(
        {
            **CROSSED,
            "hypotheses.S": {
                "measure": "says", "effect": "condition", "contrast": ["fixation", "all_clips"], "group": "child",
                "asks": "difference", "family": "conscious",
            },
        }
    )  # fmt: skip
    record = record_of(lab.decide(plan, {"says": lab.table(plan, "says", rows)}), "S")
    by_rows = rows.loc[rows["group"] == "child", "value"].mean()
    each_once = rows[rows["group"] == "child"].groupby("condition")["value"].mean().mean()
    assert abs(record.estimate - each_once) < 0.2 < abs(record.estimate - by_rows)


def test_covariates_adjust_the_crossed_effect_as_they_do_the_one_over_people(lab, record_of):
    rows = study(4, n=(30, 30), scenes=14, effect=(0.5, 0.5), person=(0.1, 0.1))
    random = np.random.default_rng(4)
    people = rows[["participant_id", "group"]].drop_duplicates().reset_index(drop=True)
    people["age_months"] = random.normal(60, 8, len(people))
    moved = rows.merge(people, on=["participant_id", "group"])
    slope = 0.06 * (moved["age_months"] - 60) * np.where(rows["condition"] == "ai", 0.5, -0.5)
    rows["value"] = rows["value"] + slope.to_numpy()
    table = {"says": lab.table(lab.plan(CROSSED), "says", with_control(rows))}
    plain = record_of(lab.decide(lab.plan(CROSSED), table, people), "S.child")
    found = {}
    for centre in ("group", "all"):
        plan = lab.plan({**CROSSED, "measures.says.covariates": [{"name": "age_months", "centre": centre}]})
        found[centre] = record_of(lab.decide(plan, table, people), "S.child")
        assert "adjusted for age_months" in found[centre].method
        over_people = by_person(ask(plan, expand(plan)[0], table["says"], people)).estimate
        assert found[centre].estimate == pytest.approx(over_people.value, abs=1e-3)
    # At the sampled mean age the uncertainty of that mean remains; at a fixed age it is gone.
    assert found["group"].se == pytest.approx(plain.se, rel=0.03)
    assert found["all"].se < 0.95 * plain.se


def test_few_scenes_speak_for_themselves_only(lab, record_of):
    record = record_of(decided(lab, study(1, scenes=8)), "S.child")
    assert record.estimate is not None
    assert record.scope == "for these scenes"
    assert any("there are fewer than 12" in sentence for sentence in record.does_not_show)


def broken(name):
    """A study with one thing wrong."""
    rows = study(11, n=(10, 10), scenes=14, choices=name in ("separated", "always the same"))
    child = rows["group"] == "child"
    if name == "one scene":
        return rows[rows["scene"] == "s00"], "'scene' has one level only"
    if name == "nameless":
        return rows.drop(columns="scene"), "rows name neither scene nor clip"
    if name == "one person":
        return rows[~child | (rows["participant_id"] == "sub-c00")], "'child' has usable values of one person"
    if name == "separated":
        rows["value"] = (rows["condition"] == "ai").astype(float)
        return rows, "crossed model has no estimates"
    if name == "always the same":
        rows["value"] = 1.0
        return rows, "crossed model has no estimates"
    rows["value"] = 2.0
    return rows, "without variation"


@pytest.mark.parametrize(
    "name", ["one scene", "nameless", "one person", "separated", "always the same", "constant"]
)
def test_without_an_estimate_the_reason_is_said_and_the_rest_goes_on(lab, record_of, name):
    rows, reason = broken(name)
    choices = name in ("separated", "always the same")
    plan = lab.plan({**(DPRIME if choices else CROSSED)})
    record = record_of(lab.decide(plan, {"says": lab.table(plan, "says", rows)}), "S.child")
    assert record.outcome == "not_estimable"
    assert reason in record.reason
    assert "not estimable, because" in record.says


def test_the_other_groups_loss_does_not_take_this_groups_answer(lab, record_of):
    rows = study(1)
    rows = rows[(rows["group"] == "child") | (rows["participant_id"] == "sub-a00")]
    decision = decided(lab, rows)
    assert record_of(decision, "S.adult").outcome == "not_estimable"
    assert record_of(decision, "S.child").estimate == pytest.approx(0.5007972, abs=1e-4)


def test_a_person_with_one_arm_is_set_aside_and_named(lab, record_of):
    rows = study(1)
    rows = rows[(rows["participant_id"] != "sub-c03") | (rows["condition"] == "ai")]
    decision = decided(lab, rows)
    assert record_of(decision, "S.child").n_people == {"child": 13}
    gone = decision.tables["exclusions"]
    gone = gone[gone["what"] == "people"]
    assert any("no usable 'live' values" in reason for reason in gone["reason"])


def test_a_scene_seen_in_one_version_by_a_person_still_counts_in_the_model(lab):
    rows = study(1)
    lost = (rows["participant_id"] == "sub-c03") & (rows["scene"] == "s05") & (rows["condition"] == "ai")
    decision = decided(lab, rows[~lost])
    models = decision.tables["models"]
    used = models[(models["hypothesis"] == "S.child") & (models["part"] == "rows")]["value"]
    assert list(used) == [len(rows) - 1]


def test_what_has_no_scenes_is_refused_before_any_data(lab):
    for statistic, unit in (("proportion", "proportion"), ("isc", "fisher_z")):
        bound = {"value": 0.1, "unit": unit, "because": "small"}
        with pytest.raises(PlanError, match="which the crossed model cannot decide"):
            lab.plan({**CROSSED, "measures.says.statistic": statistic, "measures.says.bound": bound})


def test_the_layout_codes_groups_and_conditions_as_the_page_says(lab):
    plan = lab.plan({**CROSSED, **COMPARED})
    table = lab.table(plan, "says", study(1))
    question = ask(plan, next(item for item in expand(plan) if item.id == "G"), table, None)
    layout = lay_out(question, ("child", "adult"))
    seen = layout.rows.groupby("group")["g"].unique()
    assert (list(seen["child"]), list(seen["adult"])) == ([-0.5], [0.5])
    assert set(layout.rows["c"]) == {-0.5, 0.5}
    assert [str(term) for term in layout.random] == [
        "(child + child:c | person)", "(adult + adult:c | person)", "(1 + c + g + g:c | scene)",
    ]  # fmt: skip
    assert layout.rows.loc[table.used["condition"].to_numpy() == "ai", "c"].eq(0.5).all()


def test_three_groups_are_told_apart_by_two_columns(lab, record_of):
    rows = study(1)
    third = study(6)
    third = third[third["group"] == "child"].assign(group="teen")
    third["participant_id"] = third["participant_id"].str.replace("sub-c", "sub-t")
    changes = {
        **CROSSED,
        "groups.teen": {"n_planned": 10},
        "hypotheses.P": COMPARED["hypotheses.P"],
        "hypotheses.G": {**COMPARED["hypotheses.G"], "groups": ["child", "teen"]},
    }
    decision = decided(lab, pd.concat([rows, third]), changes)
    means = pd.concat([rows, third]).groupby(["group", "condition"])["value"].mean().unstack()
    effects = means["ai"] - means["live"]
    assert record_of(decision, "P").estimate == pytest.approx(effects.mean(), abs=1e-4)
    assert record_of(decision, "G").estimate == pytest.approx(effects["teen"] - effects["child"], abs=1e-4)


def test_pivots_give_p_and_interval_that_agree():
    """A studentized bootstrap: an interval excludes a value exactly when the test rejects it."""
    pivots = np.sort(ndtri((np.arange(1, 2000) - 0.5) / 1999))
    for value in np.linspace(-0.4, 0.6, 41):
        estimate = Estimate(value, 0.15, 20, "drawn", {"child": 20}, 20, pivots)
        tests = run_tests(estimate, bound=0.3, alpha=0.05, alpha_equivalence=0.05)
        assert (tests.p_raw <= 0.05) == (not tests.ci_difference.low <= 0 <= tests.ci_difference.high)
        assert (tests.p_equivalence <= 0.05) == tests.ci_equivalence.inside(0.3)
    student = run_tests(
        Estimate(0.1, 0.15, 1e6, "t", {"child": 20}), bound=0.3, alpha=0.05, alpha_equivalence=0.05
    )
    drawn = run_tests(
        Estimate(0.1, 0.15, 20, "t", {"child": 20}, None, pivots),
        bound=0.3,
        alpha=0.05,
        alpha_equivalence=0.05,
    )
    assert drawn.p_raw == pytest.approx(student.p_raw, abs=0.002)
    assert drawn.ci_difference.low == pytest.approx(student.ci_difference.low, abs=0.002)


def test_the_bootstrap_decides_where_the_plan_says_so_and_workers_change_nothing(lab, record_of):
    rows = with_control(study(12, n=(8, 8), scenes=12, effect=(1.0, 0.0), choices=True), choices=True)
    promised = lab.plan({**DPRIME, "decision.choices": "bootstrap"})
    plan = quick(promised)
    table = {"says": lab.table(plan, "says", rows)}
    one = decide(plan, "0" * 64, table, workers=1)
    two = decide(plan, "0" * 64, table, workers=2)
    assert one.verdict == two.verdict
    record = record_of(one, "S.child")
    fast = record_of(lab.decide(lab.plan(DPRIME), table), "S.child")
    assert "parametric bootstrap, 199 studies" in record.method
    assert record.df is None
    assert record.estimate == fast.estimate
    assert record.ci_difference.low == pytest.approx(fast.ci_difference.low, abs=0.3)
    assert record.p_raw >= 1 / 100


def test_a_plan_cannot_ask_for_too_few_studies(lab):
    with pytest.raises(PlanError, match="bootstrap_samples"):
        lab.plan({"decision.bootstrap_samples": 199})
