"""What was planted in people's scans stands in the measure table, and what does not count says why."""

import numpy as np
import pandas as pd
import pytest

from protocols.base.tables import read_frame
from tests.fmri.person.world import BRAIN, LEVELS, REGION, VOLUMES, World, analyze, events_of_run, promise_of

MOVED = np.r_[0.1, np.full(VOLUMES - 1, 0.8)]
IN_PARTS = np.where((np.arange(VOLUMES) // 10) % 2, 1.2, 0.05)
"""Every second 20 s is lost to motion: a mean below a limit of 0.7 mm, and half of the volumes."""
UNKNOWN = np.where(np.isin(np.arange(VOLUMES), (20, 21)), np.nan, 0.1)
"""Motion of one volume could not be estimated: neither its displacement nor that of the next is known."""
GONE = np.where(np.arange(9)[:, None, None] >= 4, 0, BRAIN)
"""A brain whose right half was not measured: one of the region's seven voxels is left."""


def changed_events(run):
    """Training, a clip that stuttered, words instead of arms, an event without duration, catch trials."""
    events = events_of_run(run)
    events.loc[0, "phase"] = "training"
    events.loc[1, "unusable_reason"] = "3 frames were dropped"
    live = events.index[events["arm"] == "live"]
    events.loc[live[2], "trial_type"] = "catch"
    return events


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """People to whom something happened, analyzed at once."""
    world = World(tmp_path_factory.mktemp("values"))
    people = {
        "sub-fine": "adult", "sub-moved": "adult", "sub-parts": "child", "sub-cut": "child", "sub-dark": "child",
        "sub-events": "adult", "sub-lost": "adult", "sub-early": "adult", "sub-unknown": "adult", "sub-nobody": "",
    }  # fmt: skip
    world.describe(people)
    world.add("sub-fine", 1)
    world.add("sub-fine", 2)
    world.add("sub-moved", 1)
    world.add("sub-moved", 2, fd=MOVED, brain=GONE)  # what is not used limits no region
    world.add("sub-parts", 1, fd=IN_PARTS)
    world.add("sub-cut", 1, brain=GONE)
    world.add("sub-dark", 1, noise=40.0)
    world.add("sub-events", 1, events=changed_events(1))
    world.add("sub-lost", 1, fd=MOVED)
    world.add("sub-early", 1, early=2)
    world.add("sub-unknown", 1, fd=UNKNOWN, lost=20)
    world.add("sub-nobody", 1)
    promise = promise_of(
        exclusions__mean_fd_mm=0.7, exclusions__volumes_kept_per_condition=0.8,
        analysis__bold__noise_model="ar1_unbiased",
    )  # fmt: skip
    return analyze(world, promise)


def reasons(rows):
    return set(rows["reason"].dropna())


def test_every_clip_has_its_percent_signal_change(study):
    rows = study.rows(person="sub-fine")
    assert len(rows) == 24
    assert rows["included"].eq(1).all()
    off = rows["value"] - rows["condition"].map(LEVELS)
    assert off.abs().max() < 0.25
    assert abs(off.mean()) < 0.03
    assert 0.02 < rows["se"].median() < 0.08
    for run in (1, 2):
        shown = events_of_run(run).iloc[:-1]
        own = rows[rows["run"] == str(run)]
        assert own["clip"].tolist() == shown["clip"].tolist()
        assert (
            own[["pair_id", "scene"]].to_numpy().tolist() == shown[["pair_id", "scene"]].to_numpy().tolist()
        )
        assert own["condition"].tolist() == shown["arm"].tolist()
    assert set(rows["session"]) == {"scan"}
    assert rows["trial_order"].tolist() == list(range(1, 25))
    assert rows["n"].eq(1).all()
    assert study.errors == []


def test_volumes_before_the_steady_state_are_in_no_model_and_no_tsnr(study):
    rows = study.rows(person="sub-early")
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.25
    early, fine = (study.quality(participant_id=f"sub-{who}")["tsnr"].median() for who in ("early", "fine"))
    assert early == pytest.approx(fine, rel=0.15)
    func = study.out / "sub-early" / "ses-scan" / "func"
    design = read_frame(next(func.glob("*_run-1_desc-design_timeseries.tsv")))
    assert design.filter(like="censor").astype(float).sum(axis=1).to_list() == [1, 1] + [0] * (VOLUMES - 2)


def test_volumes_whose_motion_is_not_known_are_set_aside_and_the_run_goes_on(study):
    rows = study.rows(person="sub-unknown")
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.25
    assert rows["included"].eq(1).all()
    func = study.out / "sub-unknown" / "ses-scan" / "func"
    design = read_frame(next(func.glob("*_run-1_desc-design_timeseries.tsv")))
    aside = design.filter(like="censor").astype(float).sum(axis=1)
    assert np.flatnonzero(aside).tolist() == [20, 21]
    quality = study.quality(participant_id="sub-unknown")
    assert quality["mean_fd_mm"].tolist() == pytest.approx([0.1] * 3)
    assert quality["tsnr"].min() > 0.8 * study.quality(participant_id="sub-fine")["tsnr"].min()


def test_attention_trials_are_modeled_and_are_no_rows(study):
    assert not study.rows()["condition"].isin(["star"]).any()
    design = read_frame(next(study.out.glob("sub-fine/**/*run-1_desc-design_timeseries.tsv")))
    assert "star" in design.columns
    last = study.rows(person="sub-fine", run="1").iloc[-1]  # the star follows, three times as strong
    assert last["value"] == pytest.approx(LEVELS[last["condition"]], abs=0.2)


def test_trials_that_do_not_count_say_why_and_keep_their_values(study):
    rows = study.rows(person="sub-events").set_index("trial")
    assert rows.loc["1", ["included", "reason"]].tolist() == [0, "training"]
    assert rows.loc["2", "reason"] == "clip not shown as promised: 3 frames were dropped"
    assert rows.loc["2", "included"] == 0
    off = rows["value"] - rows["condition"].map(LEVELS)
    assert off.abs().max() < 0.3
    assert rows["included"].sum() == 10
    assert (rows["condition"] == "live").sum() == 4  # the catch trial's live clip among them


def test_a_run_with_too_much_motion_stays_in_the_table_with_its_values(study):
    rows = study.rows(person="sub-moved")
    lost, kept = rows[rows["run"] == "2"], rows[rows["run"] == "1"]
    assert kept["included"].eq(0).all()  # half of the volumes went with the other run
    assert reasons(kept) == {"too few volumes kept: 48% of 'live', 52% of 'ai', 52% of 'cartoon', 80% needed"}
    assert reasons(lost) == {"moved too much: mean FD 0.80 mm, at most 0.7 mm allowed"}
    off = lost["value"] - lost["condition"].map(LEVELS)
    assert off.abs().max() < 0.3
    assert reasons(study.rows(person="sub-lost")) == reasons(lost)


def test_a_person_who_kept_too_few_volumes_is_left_out_as_a_whole(study):
    (reason,) = reasons(study.rows(person="sub-parts"))
    assert reason.startswith("too few volumes kept: ")
    assert "80% needed" in reason
    assert study.rows(person="sub-parts")["included"].eq(0).all()


def test_a_region_hardly_measured_and_one_without_signal_are_left_out(study):
    cut = study.rows(person="sub-cut")
    assert reasons(cut) == {"region hardly measured: 14% of its voxels, 80% needed"}
    assert np.isfinite(cut["value"]).all()
    (dark,) = reasons(study.rows(person="sub-dark"))
    assert dark.startswith("too little signal in the region: tSNR ")


def test_somebody_without_a_group_is_not_counted(study):
    assert reasons(study.rows(person="sub-nobody")) == {"no group in participants.tsv"}


def test_quality_tells_motion_kept_volumes_and_signal(study):
    quality = study.quality()
    assert quality.columns[:12].tolist() == [
        "participant_id", "group", "session", "task", "run", "condition", "volumes", "volumes_kept", "mean_fd_mm",
        "max_fd_mm", "tsnr", "vif",
    ]  # fmt: skip
    assert {"included", "reason"} <= set(quality)
    moved = study.quality(participant_id="sub-moved", run="2")
    assert moved["included"].eq(0).all()
    assert moved["mean_fd_mm"].tolist() == pytest.approx([0.8] * 3)
    assert reasons(moved) == {"moved too much: mean FD 0.80 mm, at most 0.7 mm allowed"}
    parts = study.quality(participant_id="sub-parts")
    assert ((parts["volumes_kept"] > 0) & (parts["volumes_kept"] < parts["volumes"])).all()
    assert parts["max_fd_mm"].eq(1.2).all()
    assert parts["included"].eq(1).all()
    fine = study.quality(participant_id="sub-fine")
    assert fine["condition"].tolist() == [*LEVELS] * 2
    assert (fine["volumes_kept"] == fine["volumes"]).all()
    assert fine["tsnr"].between(1500, 2500).all()
    assert set(fine["group"]) == {"adult"}


def test_the_other_first_levels_stand_beside_with_the_same_rows(study):
    names = ["participant_id", "run", "trial", "condition", "clip"]
    plain = study.rows()
    for variant in ("derivatives", "censored"):
        path = study.out / "measures" / "variants" / f"measure-roi_{variant}.tsv"
        other = read_frame(path, numeric=("value", "included"))
        assert path.with_suffix(".json").exists()
        assert other[names].equals(plain[names].reset_index(drop=True))
        fine = other["participant_id"] == "sub-fine"
        assert (other["value"] - plain["value"].to_numpy())[fine].abs().max() < 0.2
    censored = other.loc[other["participant_id"] == "sub-moved"]
    assert censored["value"].isna().any()  # above 0.5 mm nearly nothing of the second run is left


def test_one_value_per_condition_over_runs(tmp_path):
    world = World(tmp_path)
    world.describe({"sub-one": "adult", "sub-two": "adult"})
    for run in (1, 2):
        world.add("sub-one", run, levels={**LEVELS, "ai": 0.7 + 0.2 * run})
    events = changed_events(2)
    events.loc[[0, 1], "arm"] = "live"
    world.add("sub-two", 1, events=events_of_run(1).query("arm != 'cartoon'"))
    world.add("sub-two", 2, fd=MOVED)
    out = analyze(
        world, promise_of(analysis__bold__scene_values="none", exclusions__volumes_kept_per_condition=None)
    )
    rows = out.rows(person="sub-one").set_index("condition")
    assert rows["value"].to_dict() == pytest.approx({"live": 0.5, "ai": 1.0, "cartoon": 1.4}, abs=0.05)
    assert rows["n"].tolist() == [8, 8, 8]
    assert rows["se"].between(0.005, 0.05).all()
    assert rows[["run", "clip", "scene"]].isna().all(axis=None)
    other = out.rows(person="sub-two").set_index("condition")
    assert other["value"].drop("cartoon").to_dict() == pytest.approx({"live": 0.5, "ai": 0.9}, abs=0.08)
    assert np.isnan(other.loc["cartoon", "value"])  # only the run that moved too much shows it
    assert other["included"].to_dict() == {"live": 1, "ai": 1, "cartoon": 0}


def test_clips_that_do_not_count_are_no_part_of_a_conditions_value(tmp_path):
    """Stuttering and training clips of an answer of their own leave the condition's value as it is."""
    world = World(tmp_path)
    world.describe({"sub-one": "adult"})
    events = events_of_run(1)
    live = events.index[events["arm"] == "live"]
    events.loc[live[0], "unusable_reason"] = "stopped"
    events.loc[live[1], "phase"] = "training"
    strong = events.copy()
    strong.loc[live[:2], "arm"] = "cartoon"  # they answer as strongly as cartoons
    world.add("sub-one", 1, events=strong)
    events.to_csv(world.events("sub-one", 1), sep="\t", index=False, na_rep="n/a")
    rows = analyze(world, promise_of(analysis__bold__scene_values="none")).rows().set_index("condition")
    assert rows.loc["live", "value"] == pytest.approx(0.5, abs=0.06)
    assert rows.loc["live", "n"] == 2


def test_words_in_the_events_mean_conditions_and_other_events_are_columns(tmp_path):
    world = World(tmp_path)
    world.describe({"sub-one": "adult"})
    events = events_of_run(1)
    words = (
        events["arm"]
        .map({"live": "film", "ai": "generated", "cartoon": "cartoon"})
        .fillna(events["trial_type"])
    )
    world.add("sub-one", 1, events=events)
    shown = pd.concat([
        events.assign(trial_type=words)[["onset", "duration", "trial_type"]],
        pd.DataFrame({"onset": [7.0, 30.0], "duration": [0.0, np.nan], "trial_type": "key"}),
        pd.DataFrame({"onset": [0.0], "duration": [4.0], "trial_type": "rest"}),
    ])  # fmt: skip
    shown.to_csv(world.events("sub-one", 1), sep="\t", index=False, na_rep="n/a")
    plan = {
        "conditions__live__trial_types": ["film"], "conditions__ai__trial_types": ["generated", "synthetic"],
    }  # fmt: skip
    out = analyze(world, promise_of(**plan))
    assert out.errors == []
    rows = out.rows()
    assert rows["condition"].value_counts().to_dict() == {"live": 4, "ai": 4, "cartoon": 4}
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.3
    columns = read_frame(next(out.out.glob("sub-one/**/*_desc-design_timeseries.tsv"))).columns
    assert {"star", "key"} <= set(columns)
    assert "rest" not in columns


def test_the_planted_region_is_the_plans(study):
    assert REGION.sum() == 7
    table = read_frame(study.out / "work" / "sub-fine" / "scan_regions.tsv", numeric=("voxels", "coverage"))
    assert table[["voxels", "coverage"]].to_numpy().tolist() == [[7, 1.0]]
