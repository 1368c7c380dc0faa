"""A second call does only what has changed, and whoever is gone is gone."""

import json
import shutil

import numpy as np
import pytest

from analysis.fmri.group.brain_maps import make_maps
from analysis.running import run_group
from protocols.base.errors import InputError
from protocols.base.files import read_json, write_json
from protocols.base.tables import frame_text
from tests.bids_validator import errors_of
from tests.fmri.person.world import LEVELS, PEOPLE, VOLUMES, World, analyze, events_of_run, promise_of


def files_of(out):
    """Contents of all measure tables."""
    return {path.relative_to(out): path.read_bytes() for path in sorted((out / "measures").rglob("*.tsv"))}


def whose(result):
    """People of whom something was computed."""
    return {line.split(",")[0] for line in result.computed if line.startswith("sub-")}


def test_nothing_is_computed_again_and_nothing_changes(world):
    before = files_of(world.root / "out")
    again = analyze(world)
    assert not any(done.recomputed for done in again.done)
    assert sum("reused: nothing has changed" in line for line in again.said) == 3
    assert files_of(again.out) == before


def test_changed_events_of_one_run_concern_one_person(world):
    events = events_of_run(2)
    events["onset"] += 0.5
    world.events("sub-c1", 2).write_text(frame_text(events), "utf-8")
    again = analyze(world)
    assert whose(again) == {"sub-c1"}
    assert any(
        "input changed: sub-c1_ses-scan_task-passiveviewing_run-2:events" in line for line in again.said
    )


@pytest.mark.slow
def test_another_time_of_slices_in_the_sidecar_is_another_model(world):
    path = world.image("sub-c1", 1)
    content = {"RepetitionTime": 2.0, "SliceTimingCorrected": True, "StartTime": 0.0}
    world.say(path, content)
    assert whose(analyze(world)) == {"sub-c1"}
    world.add("sub-c1", 1, slice_time=0.0)
    world.say(path, content)
    rows = analyze(world).rows(person="sub-c1", run="1")
    assert (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.25


def test_another_limit_of_motion_is_another_first_level(world):
    again = analyze(world, promise_of(exclusions__mean_fd_mm=0.05), labels=["a1", "a2"])
    assert whose(again) == {"sub-a1", "sub-a2"}
    assert all("settings changed" in line for line in again.computed if line.startswith("sub-"))
    assert again.rows()["included"].eq(0).all()
    assert again.rows()["reason"].str.startswith("moved too much: mean FD 0.10 mm").all()


@pytest.mark.slow
def test_one_participant_after_the_other_adds_up(world):
    whole = files_of(world.root / "out")
    out = world.root / "other"
    for person in PEOPLE:
        result = analyze(world, labels=[person.removeprefix("sub-")], out=out)
        assert result.errors == []
        assert not any("left out" in warning for warning in result.warnings)
    assert files_of(out) == whole


def test_who_is_finished_under_other_settings_is_left_out_and_told(world):
    result = analyze(world, promise_of(exclusions__volume_fd_mm=0.6), labels=["c1"])
    assert set(result.rows()["participant_id"]) == {"sub-c1"}
    (warning,) = [text for text in result.warnings if "other settings" in text]
    assert warning.startswith("sub-a1, sub-a2: finished under other settings")
    assert set(result.quality()["participant_id"]) == {"sub-c1"}


def test_who_was_finished_by_an_earlier_version_is_left_out_and_told(world):
    """Numbers of two versions are never put into one table."""
    for person, key in (("a1", "version"), ("a2", "program")):
        stamp = world.root / "out" / ".done" / f"first-level-sub-{person}-scan.json"
        write_json(stamp, {**read_json(stamp), key: "0"})
    result = analyze(world, labels=["c1"])
    assert set(result.rows()["participant_id"]) == {"sub-c1"}
    (warning,) = [text for text in result.warnings if "another version" in text]
    assert warning.startswith("sub-a1, sub-a2: finished")
    again = analyze(world)
    assert set(again.rows()["participant_id"]) == set(PEOPLE)


def test_who_is_withdrawn_disappears_from_all_tables(world):
    shutil.rmtree(world.bids / "sub-c1")
    world.describe({person: group for person, group in PEOPLE.items() if person != "sub-c1"})
    result = analyze(world)
    assert result.errors == []
    assert whose(result) == set()
    assert not any(b"sub-c1" in content for content in files_of(result.out).values())


def test_a_label_that_nobody_has_is_told(world):
    result = analyze(world, labels=["c1", "zz9"])
    assert "no scans of sub-zz9" in result.warnings


def test_values_of_files_that_have_gone_bad_do_not_stay(world):
    """What was finished before is no longer what the files say."""
    world.confounds("sub-a2", 1).unlink()
    result = analyze(world)
    assert any(
        "sub-a2" in error and "desc-confounds_timeseries.tsv: is missing" in error for error in result.errors
    )
    assert "sub-a2" not in set(result.rows()["participant_id"])
    later = analyze(world, labels=["a1"])
    assert "sub-a2" not in set(later.rows()["participant_id"])
    assert any(warning.startswith("sub-a2: ") for warning in later.warnings)


@pytest.mark.slow
def test_an_interrupted_person_is_not_finished_and_the_others_are(world, monkeypatch):
    from analysis.fmri.person import person

    out, real, seen = world.root / "other", person.first_level_outputs, []

    def interrupted(job, ready):
        seen.append(job.participant)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return real(job, ready)

    monkeypatch.setattr(person, "first_level_outputs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        analyze(world, out=out)
    result = analyze(world, out=out)
    assert seen == ["sub-a1", "sub-a2", "sub-a2", "sub-c1"]
    assert files_of(out) == files_of(world.root / "out")
    assert result.errors == []


def test_interrupted_while_writing_is_not_finished(world, monkeypatch):
    from protocols.base import steps

    out, real = world.root / "other", steps.write_atomically

    def interrupted(path, content):
        if path.name == "scan_rows.tsv":
            raise KeyboardInterrupt
        return real(path, content)

    monkeypatch.setattr(steps, "write_atomically", interrupted)
    with pytest.raises(KeyboardInterrupt):
        analyze(world, labels=["a1"], out=out)
    assert not list((out / ".done").glob("first-level-*"))
    monkeypatch.setattr(steps, "write_atomically", real)
    assert len(analyze(world, labels=["a1"], out=out).rows()) == 12


MAPS = {"permutations": 99}


@pytest.mark.slow
def test_a_map_that_counts_no_more_is_taken_away(tmp_path):
    """A stricter plan leaves a person out, and their map of the laxer one must not stay for the group."""
    world = World(tmp_path).start({"sub-one": "adult", "sub-two": "adult"}, runs=(1,))
    world.add("sub-two", 1, fd=np.where(np.arange(VOLUMES) % 2, 0.7, 0.1))
    lax = analyze(world, promise_of(analysis__bold__maps=MAPS))

    def maps():
        return {path.parts[-4] for path in lax.out.rglob("*contrast-aiMinusLive_stat-effect_statmap.nii.gz")}

    assert maps() == {"sub-one", "sub-two"}
    strict = analyze(
        world, promise_of(analysis__bold__maps=MAPS, exclusions__volume_fd_mm=0.6,
                          exclusions__volumes_kept_per_condition=0.9)
    )  # fmt: skip
    assert maps() == {"sub-one"}
    assert strict.rows(person="sub-two")["included"].eq(0).all()
    assert not any(done.recomputed for done in analyze(world, promise_of(
        analysis__bold__maps=MAPS, exclusions__volume_fd_mm=0.6, exclusions__volumes_kept_per_condition=0.9)).done
    )  # fmt: skip


def test_maps_on_two_grids_are_told_and_the_tables_are_fine(tmp_path):
    world = World(tmp_path).start({"sub-one": "adult"}, runs=(1,))
    affine = np.diag([11.0, 11, 11, 1])
    affine[:3, 3] = -44
    world.describe({"sub-one": "adult", "sub-two": "adult"})
    world.add("sub-two", 1, affine=affine, res="11")
    promise = promise_of(analysis__bold__maps=MAPS)
    result = analyze(world, promise)
    assert result.errors == []
    assert result.rows()["included"].eq(1).all()
    _, errors = make_maps(result.out, result.out, promise, threads=1, say=lambda _: None)
    assert errors
    assert all("grid" in error or "resolution" in error or "voxels" in error for error in errors), errors


@pytest.mark.slow
def test_one_person_per_group_and_a_group_without_people_are_not_estimable(world):
    promise = promise_of()
    shutil.rmtree(world.bids / "sub-a2")
    world.describe({"sub-c1": "child", "sub-a1": "adult"})
    result = analyze(world)
    outcome = run_group(world.bids, result.out, promise, say=lambda _: None, workers=1)
    assert {record.outcome for record in outcome.verdict.hypotheses} == {"not_estimable"}
    world.describe({"sub-c1": "child"})
    shutil.rmtree(world.bids / "sub-a1")
    result = analyze(world)
    outcome = run_group(world.bids, result.out, promise, say=lambda _: None, workers=1)
    assert outcome.report.exists()
    assert errors_of(result.out) == []


def test_no_scans_at_all_is_told(world):
    shutil.rmtree(world.derivatives)
    for person in PEOPLE:
        shutil.rmtree(world.bids / person)
    with pytest.raises(InputError, match=r"no table measure-roi\.tsv"):
        analyze(world, out=world.root / "empty")


def test_it_is_said_that_values_are_simulated_and_who_preprocessed(world):
    said = json.loads((world.root / "out" / "measures" / "measure-roi.json").read_text("utf-8"))
    assert said["Simulated"] is True
    assert said["Preprocessing"] == "fMRIPrep 24.1.0"
    assert said["unit"] == "percent_signal"
