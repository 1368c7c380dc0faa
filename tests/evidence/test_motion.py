"""Head motion as the confound it is: its tests, the sealed multiverse, cut-offs and matching."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from analysis.evidence.estimates import NotEstimable
from analysis.evidence.matching import BALANCED, CALIPER, matched_on
from analysis.evidence.motion import hedges_g, motion_people, motion_rows
from analysis.evidence.variants import Beside, motion_of, with_cutoff
from protocols.base.tables import frame_text
from tests.evidence.bold_study import (
    by_motion,
    changes,
    decided,
    motion_by_person,
    multiverse,
    other_effects,
    quality_of,
    roi_table,
    row,
)

WITHOUT = {"hypotheses.C": None}
BESIDE = ["FD as covariate", "motion-matched"]


@pytest.fixture(scope="module")
def confounded(lab):
    """Effects follow from motion alone, and children move more."""
    plan = lab.plan(changes())
    people = motion_by_person()
    quality = quality_of(people, lost=0.02)
    table = roi_table(plan, people, quality, by_motion(people, 3.0))
    censored = other_effects(table, lambda _: -0.5)
    bold = Beside(quality, {"roi": {"censored": censored}})
    return plan, people, quality, table, decided(plan, table, bold)


@pytest.fixture(scope="module")
def plan(lab):
    """The plan with the group difference alone."""
    return lab.plan(changes(WITHOUT))


# ---- the multiverse ----


def test_a_difference_made_by_motion_is_gone_among_people_who_moved_alike(confounded):
    decision = confounded[-1]
    primary = row(decision, "N", "primary")
    assert (primary["outcome"], primary["decided"]) == ("different", "different")
    for name in BESIDE:
        found = row(decision, "N", name)
        assert found["outcome"] == "equivalent"
        assert abs(found["estimate"]) < 0.15 * abs(primary["estimate"])


def test_how_the_effect_depends_on_motion_is_tested_within_and_between_groups(confounded):
    decision = confounded[-1]
    slope = row(decision, "C", "condition x FD")
    assert slope["estimate"] == pytest.approx(3, abs=2.5 * slope["se"])
    assert slope["p"] < 1e-6
    assert slope["unit"] == "percent_signal per mm"
    assert row(decision, "N", "group x condition x FD")["p"] > 0.1


def test_slopes_that_differ_between_groups_are_found(plan):
    people = motion_by_person()
    quality = quality_of(people, limit=9.0)
    of_children = np.where(people["group"] == "child", 2.0, 0.0)
    effects = by_motion(people, 0.0) + of_children * people["fd"].to_numpy()
    rows = multiverse(plan, roi_table(plan, people, quality, effects), Beside(quality))
    slope = rows["group x condition x FD"]
    lines = [
        stats.linregress(people["fd"][own], effects[own])
        for own in (people["group"] == group for group in ("adult", "child"))
    ]
    assert slope["estimate"] == pytest.approx(lines[0].slope - lines[1].slope, abs=1e-6)
    assert slope["se"] == pytest.approx(np.hypot(lines[0].stderr, lines[1].stderr), abs=1e-6)
    assert slope["p"] < 0.001


def test_what_has_nothing_to_do_with_motion_is_the_same_in_every_analysis(plan):
    people = motion_by_person()
    quality = quality_of(people)
    for shift, outcome in ((0.0, "equivalent"), (0.6, "different")):
        effects = by_motion(people, 0.0) + np.where(people["group"] == "child", shift, 0.0)
        rows = multiverse(plan, roi_table(plan, people, quality, effects), Beside(quality))
        outcomes = {name: found.get("outcome") for name, found in rows.items()}
        assert outcomes.pop("group x condition x FD") is None
        assert (
            outcomes.pop("censored") == "not_estimable"
        )  # sealed: it is listed although its table is missing
        assert set(outcomes.values()) == {outcome}


def test_the_analyses_are_listed_in_one_order_and_only_the_primary_one_decides(confounded):
    decision = confounded[-1]
    rows = decision.tables["multiverse"]
    expected = [
        "primary", *BESIDE, "censored", "cut-off mean FD <= 0.3 mm", "cut-off mean FD <= 0.5 mm",
        "cut-off mean FD <= 0.9 mm",
    ]  # fmt: skip
    for name, slope in (("N", "group x condition x FD"), ("C", "condition x FD")):
        assert list(rows.loc[rows["hypothesis"] == name, "analysis"]) == [*expected, slope]
    assert rows.loc[rows["decided"].notna(), "analysis"].unique().tolist() == ["primary"]
    told = rows.loc[rows["outcome"].notna(), "note"]
    assert told.str.contains("unadjusted").all()
    assert row(decision, "C", "censored")["estimate"] == pytest.approx(
        row(decision, "C", "primary")["estimate"] - 0.5
    )


def test_without_quality_nothing_is_added_and_with_it_nothing_is_moved(confounded):
    plan, _, _, table, decision = confounded
    plain = decided(plan, table, Beside(None, {"roi": {"censored": table}}))
    assert set(decision.tables) - set(plain.tables) == {"motion", "motion_people", "multiverse"}
    assert plain.verdict == decision.verdict
    for name, frame in plain.tables.items():
        assert frame_text(frame) == frame_text(decision.tables[name]), name


def test_the_covariate_is_the_mean_of_the_runs_in_use_and_stands_beside_the_plans_own(confounded, lab):
    _, people, quality, table, _ = confounded
    age = {"measures.roi.covariates": [{"name": "age", "centre": "group"}]}
    plan = lab.plan(changes({**WITHOUT, **age}))
    ages = people[["participant_id", "group"]].assign(age=np.arange(len(people)) % 7 + 10.0)
    adjusted = multiverse(plan, table, Beside(quality), ages)["FD as covariate"]
    used = table.used.drop_duplicates(["participant_id", "run"])
    fd = used.merge(quality.drop_duplicates(["participant_id", "run"]), on=["participant_id", "run"])
    fd = fd.groupby("participant_id")["mean_fd_mm"].mean()
    wide = table.used.groupby(["participant_id", "condition"])["value"].mean().unstack()
    effect = (wide["ai"] - wide["live"]).loc[fd.index]
    age = ages.set_index("participant_id").loc[fd.index]
    intercepts = []
    for group in ("child", "adult"):
        own = (age["group"] == group).to_numpy()
        x = np.column_stack([
            np.ones(own.sum()), age["age"][own] - age["age"][own].mean(), fd[own] - fd.mean(),
        ])  # fmt: skip
        intercepts.append(np.linalg.lstsq(x, effect[own], rcond=None)[0][0])
    assert adjusted["estimate"] == pytest.approx(intercepts[1] - intercepts[0], abs=1e-9)
    assert adjusted["n"] == len(fd)


def test_an_analysis_that_fails_gives_its_reason_and_stops_nothing(confounded, plan):
    _, _, quality, table, _ = confounded
    for changed, reason in (
        (quality.assign(mean_fd_mm=np.nan), "no run of 'roi' has a mean FD"),
        (pd.concat([quality, quality.assign(task="faces")]), "does not say which recording"),
        (quality[quality["group"] == "adult"], "0 and 24 people"),
    ):
        rows = multiverse(plan, table, Beside(changed))
        assert rows["motion-matched"]["outcome"] == "not_estimable"
        assert reason in rows["motion-matched"]["note"]
        assert rows["primary"]["outcome"] == "different"
        assert rows["group x condition x FD"].get("estimate") is None


@pytest.mark.slow
def test_a_crossed_model_answers_for_itself(lab):
    model = {"decision.deciding_model": "crossed_mixed", "exclusions.sensitivity": None}
    plan = lab.plan(changes({**WITHOUT, **model}))
    people = motion_by_person(sizes={"child": 14, "adult": 14})
    quality = quality_of(people)
    decision = decided(plan, roi_table(plan, people, quality, by_motion(people, 3.0, 0.05)), Beside(quality))
    adjusted, slope = (row(decision, "N", name) for name in ("FD as covariate", "group x condition x FD"))
    assert abs(adjusted["estimate"]) < 0.1 < abs(row(decision, "N", "primary")["estimate"])
    assert "crossed model" in slope["note"]
    assert slope["p"] > 0.05


# ---- cut-offs ----


def cut(table, quality, plan, limit, kept=None):
    motion = motion_of(quality, table, plan.measures["roi"])
    return with_cutoff(table, motion, limit, kept, ("child", "adult"))


def test_a_looser_cutoff_brings_back_the_runs_within_it_and_a_stricter_one_takes_more(confounded):
    plan, _, quality, table, _ = confounded
    runs = quality.drop_duplicates(["participant_id", "run"])
    for limit in (0.3, 0.6, 0.9):
        found, note = cut(table, quality, plan, limit)
        within = runs[runs["mean_fd_mm"] <= limit]
        used = found.used.drop_duplicates(["participant_id", "run"])
        assert set(zip(used["participant_id"], used["run"], strict=True)) == set(
            zip(within["participant_id"], within["run"], strict=True)
        )
        assert ("come back" in note) == (limit > 0.5)
        assert ("go" in note) == (limit < 0.5)
        out = found.rows[found.rows["included"] == 0]
        assert out["reason"].str.startswith("moved too much: mean FD").all()
        assert found.rows.loc[found.rows["included"] == 1, "reason"].isna().all()
    assert table.rows["included"].sum() == cut(table, quality, plan, 0.5)[0].rows["included"].sum()


def test_only_what_motion_took_comes_back(confounded):
    plan, _, quality, table, _ = confounded
    rows = table.rows.copy()
    gone = rows.index[rows["included"] == 0]
    rows.loc[gone[0], "reason"] = "clip not shown as promised"
    rows.loc[gone[1], "value"] = np.nan
    here = rows.index[rows["included"] == 1][0]
    rows.loc[here, ["included", "reason"]] = [0.0, "region hardly measured"]
    found, _ = cut(replace(table, rows=rows), quality, plan, 5.0)
    assert list(found.rows.index[found.rows["included"] == 0]) == sorted([here, gone[0], gone[1]])


def test_a_run_whose_motion_is_unknown_keeps_its_place_and_is_told(confounded):
    plan, _, quality, table, _ = confounded
    unknown = quality.copy()
    someone = table.used["participant_id"].iloc[0]
    unknown.loc[unknown["participant_id"] == someone, "mean_fd_mm"] = np.nan
    found, note = cut(table, unknown, plan, 0.01)
    assert set(found.used["participant_id"]) == {someone}
    assert "whose FD is unknown stay" in note


def test_who_keeps_too_few_volumes_stays_out_and_a_run_lost_counts_as_lost(plan):
    people = pd.DataFrame(
        {"participant_id": ["sub-1", "sub-2"], "group": ["child", "adult"], "fd": [0.5, 0.2]}
    )
    quality = quality_of(people)  # sub-1's runs move .475 and .525, and only the first is used
    table = roi_table(plan, people, quality, np.zeros(2))
    thin = table.rows["participant_id"] == "sub-1"
    rows = table.rows.copy()
    rows.loc[thin & (rows["included"] == 1), ["included", "reason"]] = [0.0, "too few volumes kept: 45 %"]
    table = replace(table, rows=rows)
    back, _ = cut(table, quality, plan, 0.6, kept=0.8)  # both runs: .9 of the volumes
    assert (back.rows["included"] == 1).all()
    one_run, _ = cut(table, quality, plan, 0.5, kept=0.8)  # one run of two: .45
    assert set(one_run.used["participant_id"]) == {"sub-2"}
    still, note = cut(table, quality, plan, 0.6, kept=0.95)
    assert "sub-1" not in set(still.used["participant_id"])
    assert "too few volumes" in note


def test_values_of_all_runs_together_have_the_motion_of_the_runs_behind_them(plan):
    people = pd.DataFrame(
        {"participant_id": ["sub-1", "sub-2"], "group": ["child", "adult"], "fd": [0.5, 0.2]}
    )
    quality = quality_of(people)
    table = roi_table(plan, people, quality, np.zeros(2))
    rows = table.rows.drop_duplicates(["participant_id", "condition"]).assign(run=None)
    motion = motion_of(quality, replace(table, rows=rows), plan.measures["roi"])
    by_person = motion.groupby(rows["participant_id"])["fd"].first()
    assert by_person["sub-1"] == pytest.approx(0.475)
    assert by_person["sub-2"] == pytest.approx(0.2)


def test_runs_are_known_by_whatever_spelling(confounded):
    plan, _, quality, table, _ = confounded
    other = quality.assign(run="run-0" + quality["run"])
    one, two = (motion_of(q, table, plan.measures["roi"])["fd"] for q in (quality, other))
    assert np.array_equal(one, two)


# ---- matching ----


def groups_of(seed, sizes=(40, 25), shift=0.4):
    random = np.random.default_rng(seed)
    a = {f"a{i:02d}": float(v) for i, v in enumerate(np.exp(random.normal(shift, 0.5, sizes[0])))}
    b = {f"b{i:02d}": float(v) for i, v in enumerate(np.exp(random.normal(0, 0.4, sizes[1])))}
    return a, b


@pytest.mark.parametrize("seed", range(8))
def test_matched_people_are_within_the_caliper_alike_on_average_and_as_many_as_can_be(seed):
    a, b = groups_of(seed)
    found = matched_on(a, b)
    sd = np.sqrt((np.var(list(a.values()), ddof=1) + np.var(list(b.values()), ddof=1)) / 2)
    gaps = np.array([b[y] - a[x] for x, y in found.pairs])
    assert np.abs(gaps).max() <= CALIPER * sd
    assert found.after == pytest.approx(gaps.mean() / sd)
    assert abs(found.after) < BALANCED
    assert len(found.people) == 2 * len(found.pairs)
    near = np.abs(np.subtract.outer(list(a.values()), list(b.values()))) <= CALIPER * sd
    most = int((maximum_bipartite_matching(csr_matrix(near.astype(int))) >= 0).sum())
    assert most - 6 <= len(found.pairs) <= most
    backwards = matched_on(dict(reversed(a.items())), dict(reversed(b.items())))
    assert backwards == found


def test_groups_that_moved_alike_lose_nobody():
    a = {f"a{i}": 0.1 + 0.01 * i for i in range(20)}
    b = {f"b{i}": 0.1 + 0.01 * i for i in range(20)}
    found = matched_on(a, b)
    assert (len(found.pairs), found.left, found.after) == (20, (0, 0), 0)


def test_pairs_that_all_lean_one_way_go_until_the_means_agree():
    a = {f"a{i:02d}": 0.1 * i for i in range(30)}
    b = {f"b{i:02d}": 0.1 * i + (0.15 if i < 20 else 0.0) for i in range(30)}
    found = matched_on(a, b)
    assert found.before > BALANCED > found.after
    assert 10 < len(found.pairs) < 30


def test_groups_without_anybody_alike_cannot_be_matched():
    with pytest.raises(NotEstimable, match="no pair"):
        matched_on({f"a{i}": 1 + 0.1 * i for i in range(9)}, {f"b{i}": 5 + 0.1 * i for i in range(9)})
    with pytest.raises(NotEstimable, match="does not vary"):
        matched_on({"a": 1.0, "b": 1.0}, {"c": 1.0, "d": 1.0})


# ---- motion itself ----


def motion_row(decision, **asked):
    rows = decision.tables["motion"]
    for name, value in asked.items():
        rows = rows[rows[name].isna() if value is None else rows[name] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_motion_is_compared_between_groups_as_anyone_would(confounded):
    decision, quality = confounded[-1], confounded[2]
    runs = quality.drop_duplicates(["participant_id", "run"])
    for name, part in (("all", runs), ("used", runs[runs["included"] == 1])):
        fd = part.groupby(["group", "participant_id"])["mean_fd_mm"].mean()
        asked = {
            "kind": "between groups",
            "quantity": "mean framewise displacement",
            "condition": None,
            "runs": name,
        }
        found = motion_row(decision, **asked)
        welch = stats.ttest_ind(fd["adult"], fd["child"], equal_var=False)
        assert (found["p"], found["df"]) == pytest.approx((welch.pvalue, welch.df))
        assert found["estimate"] == pytest.approx(fd["adult"].mean() - fd["child"].mean())
        described = motion_row(decision, **{**asked, "kind": "description"}, group="child")
        assert (described["mean"], described["sd"], described["n"]) == pytest.approx(
            (fd["child"].mean(), fd["child"].std(), len(fd["child"]))
        )


def test_hedges_g_is_the_published_correction():
    first, second = np.array([1.0, 2, 3, 4, 5]), np.array([3.0, 4, 6, 8, 9])
    pooled = np.sqrt((4 * first.var(ddof=1) + 4 * second.var(ddof=1)) / 8)
    assert hedges_g({"a": first, "b": second}) == pytest.approx(3 / pooled * (1 - 3 / 31))
    assert hedges_g({"a": np.ones(4), "b": np.ones(4)}) is None


def test_volumes_lost_are_compared_between_conditions_within_people(confounded):
    decision, quality = confounded[-1], confounded[2]
    used = quality[(quality["included"] == 1) & (quality["group"] == "child")]
    sums = used.groupby(["participant_id", "condition"])[["volumes_kept", "volumes"]].sum()
    share = (sums["volumes_kept"] / sums["volumes"]).unstack()
    paired = stats.ttest_rel(share["ai"], share["live"])
    found = motion_row(decision, kind="between conditions", hypothesis="C", runs="used")
    assert found["p"] == pytest.approx(paired.pvalue)
    assert found["estimate"] == pytest.approx((share["ai"] - share["live"]).mean())
    between = motion_row(decision, kind="between conditions", hypothesis="N", runs="used")
    assert between["p"] > 0.5


def test_people_left_out_are_counted_group_beside_group(confounded):
    decision, quality = confounded[-1], confounded[2]
    above = quality[quality["mean_fd_mm"] > 0.5]
    for group in ("child", "adult"):
        own = above[above["group"] == group]
        for quantity in (
            "people with a run above 0.5 mm",
            "people with a run left out: moved too much: mean FD",
        ):
            found = motion_row(decision, kind="left out", quantity=quantity, group=group)
            assert found["n"] == own["participant_id"].nunique()
    people = decision.tables["motion_people"]
    lost = people[people["condition"].isna() & (people["included"] == 0)]
    whole = quality.groupby("participant_id")["mean_fd_mm"].min() > 0.5
    assert set(lost["participant_id"]) == set(whole.index[whole])
    assert lost["reason"].str.startswith("moved too much").all()


def test_who_keeps_too_few_volumes_counts_as_left_out(lab, confounded):
    _, _, quality, table, _ = confounded
    plan = lab.plan(changes({**WITHOUT, "exclusions.volumes_kept_per_condition": 0.8}))
    thin = quality.copy()
    someone = table.used["participant_id"].iloc[0]
    thin.loc[(thin["participant_id"] == someone) & (thin["condition"] == "ai"), "volumes_kept"] = 70.0
    people = motion_people(plan, thin).set_index("participant_id").loc[someone]
    assert (people["included"] == 0).all()
    assert (people["reason"] == "too few volumes kept").all()
    rows = pd.DataFrame(motion_rows(plan, thin, []))
    shares = rows[(rows["quantity"] == "share of volumes kept") & (rows["condition"] == "ai")]
    shares = shares[(shares["kind"] == "description") & (shares["group"] == people["group"].iloc[0])]
    n = shares.set_index("runs")["n"]
    out = rows[rows["quantity"].str.startswith("people who keep less than 80 %")]
    assert out["n"].sum() >= 1
    assert n["used"] < n["all"]
