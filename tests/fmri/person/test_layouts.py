"""Other programs' names and folders, and the raw data set: the right runs are found, and no others."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest

from analysis.fmri.participants import Ways
from analysis.fmri.person import preparing
from analysis.fmri.person.finding import runs_of
from analysis.fmri.preprocessing.templates import Template
from analysis.running import run_participant
from protocols.base.bids import Name
from protocols.base.errors import InputError
from tests.fmri.person.world import BRAIN, LEVELS, SPACE, TR_S, World, analyze, promise_of

OWN = "TinyTemplate"
ONE = {"sub-one": "adult"}
WEAK = dict.fromkeys(LEVELS, 0.0)
"""What must not be taken answers to nothing."""


def near(rows):
    """Whether values are those planted."""
    assert len(rows)
    return (rows["value"] - rows["condition"].map(LEVELS)).abs().max() < 0.3


@pytest.fixture(scope="module")
def layouts(tmp_path_factory):
    """Everybody with files of another kind, analyzed at once."""
    world = World(tmp_path_factory.mktemp("layouts"))
    names = ("old", "single", "spaces", "elsewhere", "sessions", "early", "tasks", "odd", "named")
    world.describe({f"sub-{name}": "adult" for name in names})
    fine = {"res": "2p5"}
    world.add("sub-old", 1, ses=None, res=None, suffix="regressors")
    world.add("sub-single", None, **fine)
    world.add("sub-spaces", 1, levels=WEAK, space="MNI152NLin6Asym", **fine)
    world.add("sub-spaces", 1, levels=WEAK, res="4")
    world.add("sub-spaces", 1, **fine)
    world.add("sub-elsewhere", 1, space="MNI152NLin6Asym", **fine)
    world.add("sub-sessions", 1, **fine)
    world.add("sub-sessions", 1, levels=WEAK, ses="practice", **fine)
    world.add("sub-early", 1, ses="practice", **fine)
    world.add("sub-tasks", 1, **fine)
    world.add("sub-tasks", 1, levels=WEAK, task="rest", **fine)
    for task in ("rest", "faces"):
        world.add("sub-odd", 1, task=task, **fine)
    world.add("sub-named", 1, task="film", **fine)
    return analyze(
        world, promise_of(analysis__bold__resolution_mm=2.5, analysis__bold__confounds=["motion24"])
    )


def test_names_of_older_versions_without_session_and_resolution(layouts):
    rows = layouts.rows(person="sub-old")
    assert near(rows)
    assert set(rows["session"]) == {"scan"}
    assert layouts.quality(participant_id="sub-old")["mean_fd_mm"].tolist() == pytest.approx([0.1] * 3)
    design = layouts.out / "sub-old" / "func" / "sub-old_task-passiveviewing_run-1_desc-design_timeseries.tsv"
    assert design.exists()


def test_a_run_without_a_number(layouts):
    rows = layouts.rows(person="sub-single")
    assert near(rows)
    assert rows["run"].isna().all()


def test_only_the_plans_space_and_resolution_are_taken(layouts):
    assert near(layouts.rows(person="sub-spaces"))
    (error,) = [error for error in layouts.errors if "sub-elsewhere" in error]
    assert f"has no preprocessed run in space {SPACE}" in error
    assert "MNI152NLin6Asym" in error


def test_another_sessions_runs_are_never_taken_instead(layouts):
    rows = layouts.rows(person="sub-sessions")
    assert len(rows) == 12
    assert near(rows)
    (error,) = [error for error in layouts.errors if "sub-early" in error]
    assert "sub-early: has no preprocessed run of session 'scan'" in error
    assert "ses-practice" in error


def test_the_sessions_own_task_is_taken_and_doubt_is_told(layouts):
    assert near(layouts.rows(person="sub-tasks"))
    assert near(layouts.rows(person="sub-named"))  # the only one there is
    (error,) = [error for error in layouts.errors if "sub-odd" in error]
    assert "sub-odd: has several tasks, and none is called as session 'scan'; faces, rest" in error
    assert len(layouts.errors) == 3


def test_several_resolutions_none_of_which_is_the_plans_are_told(tmp_path):
    world = World(tmp_path).start(ONE, runs=(1,), res="4")
    world.add("sub-one", 1, res="2")
    with pytest.raises(InputError, match="comes in several resolutions"):
        analyze(world)


@pytest.fixture
def raw(tmp_path, monkeypatch):
    """Raw runs and anatomies; preprocessing is copied from beside, and what it was given is noted."""
    world = World(tmp_path)
    world.describe({"sub-one": "adult", "sub-two": "adult"})
    folder = tmp_path / "template"
    folder.mkdir()
    for name in ("brain", "mask", "csf", "gray_matter", "white_matter"):
        world.save(folder / f"{name}.nii.gz", BRAIN.astype(np.float32))
    (folder / "template.json").write_text(json.dumps({"Space": OWN, "AgeMonths": [240, 480]}), "utf-8")
    given = SimpleNamespace(anatomies=[], runs=[], template=folder)

    def anatomy(t1w, template, scratch):
        assert isinstance(template, Template)
        given.anatomies.append(t1w.name)
        made = {
            name: scratch / f"{name}.nii.gz"
            for name in ("brain", "mask", "csf", "gray_matter", "white_matter")
        }
        for name, path in made.items():
            shutil.copy(folder / f"{name}.nii.gz", path)
        warp = scratch / "warp.nii.gz"
        shutil.copy(folder / "brain.nii.gz", warp)
        return SimpleNamespace(
            brain=made["brain"], mask=made["mask"], tissues={name: made[name] for name in preparing.TISSUES},
            to_template=(warp,), dice=0.9, white_matter_dice=0.7,
        )  # fmt: skip

    def run(scan, anatomy, _template, _grid, scratch, **_):
        given.runs.append((scan.path.name, anatomy is not None))
        entities = dict(Name.parse(scan.path.name).entities)
        person, number = f"sub-{entities['sub']}", entities.get("run")
        files = []
        at = {"space": OWN, "res": "10"}
        spaced = {**entities, **at}
        made = (("preproc", "bold", ".nii.gz"), ("preproc", "bold", ".json"), ("brain", "mask", ".nii.gz"))
        for what, suffix, ending in made:
            source = world.image(person, number, f"desc-{what}_{suffix}{ending}", **at)
            files.append(scratch / str(Name(suffix, ending, {**spaced, "desc": what})))
            shutil.copy(source, files[-1])
        files.append(scratch / str(Name("timeseries", ".tsv", {**entities, "desc": "confounds"})))
        shutil.copy(world.confounds(person, number), files[-1])
        return SimpleNamespace(files=files)

    monkeypatch.setattr(preparing, "prepare_anatomy", anatomy)
    monkeypatch.setattr(preparing, "preprocess_run", run)
    for person in ("sub-one", "sub-two"):
        world.add(person, 1, space=OWN)
        scanned(world, person, 1)
    t1w = world.bids / "sub-one" / "ses-scan" / "anat" / "sub-one_ses-scan_T1w.nii.gz"
    t1w.parent.mkdir()
    world.save(t1w, BRAIN)
    return world, given


def scanned(world, person, run, **more):
    """What the scanner left, in the data set."""
    entities = {
        "sub": person.removeprefix("sub-"),
        "ses": "scan",
        "task": "passiveviewing",
        "run": str(run),
        **more,
    }
    path = world.func(world.bids, person) / str(Name("bold", ".nii.gz", entities))
    values = np.random.default_rng(run).integers(100, 200, (4, 4, 4, 60)).astype(np.int16)
    world.save(path, values)
    world.say(path, {"RepetitionTime": TR_S})
    return path


def from_raw(world, given, **changes):
    said = []
    promise = promise_of(analysis__bold__space=OWN, **changes)
    outcome = run_participant(
        world.bids, world.root / "out", promise, (), said.append, Ways(template=given.template, pages=False)
    )
    return outcome, said


def values(world):
    from analysis.measures.table import read_measure

    return read_measure(world.root / "out" / "measures" / "measure-roi.tsv").rows


def test_raw_runs_are_preprocessed_once_and_modeled_as_often_as_the_plan_changes(raw):
    world, given = raw
    outcome, _ = from_raw(world, given)
    assert outcome.errors == []
    assert near(values(world))
    assert given.anatomies == ["sub-one_ses-scan_T1w.nii.gz"]
    names = [f"{person}_ses-scan_task-passiveviewing_run-1_bold.nii.gz" for person in ("sub-one", "sub-two")]
    assert given.runs == [(names[0], True), (names[1], False)]  # who has no anatomy goes without
    _, said = from_raw(world, given, exclusions__mean_fd_mm=0.05)
    assert len(given.runs) == 2
    assert any(line.startswith("sub-one, scan: computed: first level (settings changed)") for line in said)
    assert values(world)["included"].eq(0).all()
    assert not list((world.root / "out" / "work").glob("unfinished-*"))


def test_a_damaged_raw_run_costs_itself_only(raw):
    world, given = raw
    path = scanned(world, "sub-one", 2)
    path.write_bytes(path.read_bytes()[:900])
    world.events("sub-one", 2).write_text(world.events("sub-one", 1).read_text("utf-8"), "utf-8")
    aborted = scanned(world, "sub-two", 2)
    aborted.with_name(aborted.name.replace(".nii.gz", ".json")).unlink()
    outcome, _ = from_raw(world, given)
    assert len(values(world)) == 24
    damaged, silent = sorted(outcome.errors)
    assert "sub-one_ses-scan_task-passiveviewing_run-2_bold.nii.gz: is damaged" in damaged
    assert "sub-two_ses-scan_task-passiveviewing_run-2_bold.nii.gz: has no RepetitionTime" in silent


@pytest.mark.slow
def test_runs_that_differ_in_their_acquisition_are_two(raw):
    world, given = raw
    path = scanned(world, "sub-one", 1, acq="multiband")
    events = world.events("sub-one", 1)
    shutil.copy(events, events.with_name(events.name.replace("_run-1", "_acq-multiband_run-1")))
    outcome, _ = from_raw(world, given)
    assert outcome.errors == []
    assert len(given.runs) == 3
    assert path.name in {name for name, _ in given.runs}
    rows = values(world)
    assert rows["included"].eq(1).all()
    assert rows.groupby(["participant_id", "run"], dropna=False).size().to_dict() == {
        ("sub-one", "acq-multiband_run-1"): 12, ("sub-one", "run-1"): 12, ("sub-two", "1"): 12,
    }  # fmt: skip


def test_one_run_reconstructed_twice_is_told(raw):
    world, _ = raw
    for kind in ("a", "b"):
        scanned(world, "sub-one", 2, rec=kind)
    scanned(world, "sub-one", 3, echo="1")
    runs, faults = runs_of(world.bids, "sub-one", "scan", "passive_viewing")
    assert [run.entities["run"] for run in runs] == ["1"]
    assert sorted(fault.problem for fault in faults) == [
        "is one echo of several", "is there more than once, and only one can count",
    ]  # fmt: skip
