"""Features of a stimulus set in a person's model: the right clip's series, or a run set aside by name."""

import gzip
import hashlib
import json
import re
import shutil
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import frame_times
from analysis.fmri.first_level.hrf import regressors
from analysis.fmri.person.asked import asked_of
from analysis.fmri.person.films import CLIPS, SERIES, films_of, refuse_pairs
from analysis.fmri.person.person import Job, analyse_person
from analysis.report.methods_scans import scans
from bazin import cli
from protocols.base.errors import InputError, PlanError, UsageError
from protocols.base.files import write_atomically, write_json
from protocols.base.tables import frame_text, read_frame
from protocols.plan.reading import parse_plan
from stimuli.registry.manifest import Clip, Manifest, columns, write_manifest
from stimuli.sets import StimulusSet

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

SAMPLE = Path(__file__).parents[1] / "protocols" / "sample.plan.yaml"
ARMS = ("live", "ai", "cartoon")
CLIP_NAMES = [f"p{i:02d}_{arm}" for i in range(8) for arm in ARMS]
TIMES = frame_times(180, 2.0)
SHAPE = (5, 5, 5)
RULE = "exclusions: {roi: {min_coverage: 0.8, min_tsnr: 1}}\n"


def text_of(*, features="[luminance]", sha256=None):
    """A scan of clips of 8 s; the region is the middle of a small box."""
    said = SAMPLE.read_text("utf-8")
    bold = f"{{resolution_mm: 8, confounds: [motion6], maps: null, features_as_regressors: {features}}}"
    bound = f", manifest_sha256: {sha256}" if sha256 else ""
    for old, new in {
        "pairs: 24, seconds: 8": f"pairs: 8, seconds: 8{bound}",
        "measures:\n": f"analysis: {{bold: {bold}}}\n{RULE}measures:\n",
        "statistic: percent_signal_change": "statistic: percent_signal_change\n    "
        "roi: {sphere_mm: 12, centre: [0, 0, 0], source: a review}",
        "group: [child, adult], asks: both, family: brain": "group: adult, asks: both, deciding_model: crossed_mixed, "
        "family: brain",
    }.items():
        assert old in said, old
        said = said.replace(old, new)
    return said


def promise_of(**changed):
    return parse_plan(text_of(**changed))


def measured_set(root: Path) -> StimulusSet:
    """A registered set with saved series, AI brighter; without any film."""
    stimuli, random = StimulusSet(root), np.random.default_rng(3)
    clips = []
    for name in CLIP_NAMES:
        pair, arm = name.split("_")
        digest = hashlib.sha256(name.encode()).hexdigest()
        file = f"{stimuli.name}/shown_{name}.mp4"
        facts = {
            "clip": name,
            "pair_id": pair,
            "arm": arm,
            "role": "contrast",
            "file": file,
            "sha256": digest,
        }
        clips.append(Clip({**dict.fromkeys(columns()), **facts}))
        level = 120 + 50 * (arm == "ai") + random.normal(0, 25)
        series = pd.DataFrame({
            "luminance": level + np.cumsum(random.normal(0, 10, 40)), "flow_speed": [np.nan, *random.gamma(2, size=39)],
        })  # fmt: skip
        write_series(stimuli, name, series, digest)
    write_manifest(stimuli, Manifest(tuple(clips)))
    return stimuli


def write_series(stimuli: StimulusSet, name: str, series: pd.DataFrame, sha256: str) -> None:
    """In the form of `stimuli.measuring.files`, five frames per second."""
    text = series.to_csv(sep="\t", header=False, index=False, na_rep="n/a")
    write_atomically(stimuli.measures / SERIES / f"{name}_stim.tsv.gz", gzip.compress(text.encode(), mtime=0))
    said = {"SamplingFrequency": 5.0, "StartTime": 0.0, "Columns": list(series)}
    write_json(stimuli.measures / SERIES / f"{name}_stim.json", said)
    write_json(stimuli.measures / CLIPS / f"{name}.json", {"clip": name, "sha256": sha256})


def shown(stimuli: StimulusSet) -> pd.DataFrame:
    """One run of all clips, named by their files, with a star among them."""
    random = np.random.default_rng(4)
    names = random.permutation(CLIP_NAMES)
    onset = 5 + np.cumsum(random.uniform(13, 15, len(names))) - 13
    events = pd.DataFrame({
        "onset": onset, "duration": 8.0, "trial_type": [name.split("_")[1] for name in names],
        "stim_file": [f"{stimuli.name}/shown_{name}.mp4" for name in names], "clip": names,
        "pair_id": [name.split("_")[0] for name in names],
    })  # fmt: skip
    star = pd.DataFrame({"onset": [onset[3] + 9.0], "duration": [1.0], "trial_type": ["star"]})
    return (
        pd.concat([events, star])
        .sort_values("onset", ignore_index=True)
        .astype(object)
        .where(lambda x: x.notna(), None)
    )


def write_run(world: SimpleNamespace) -> None:
    """One person whose region responds to every clip by 1 %, and to luminance."""
    stem = "sub-01/ses-scan/func/sub-01_ses-scan_task-passiveviewing_run-1"
    random = np.random.default_rng(5)
    films = films_of(world.promise, world.stimuli.root)
    events = world.events.assign(
        condition=world.events["trial_type"].where(world.events["trial_type"] != "star", None)
    )
    luminance = films.regressors(events, TIMES, hrf="spm")["feature_luminance"].to_numpy()
    clips = regressors(events["onset"][events["condition"].notna()], [8.0] * 24, TIMES)[:, 0]
    data = 1000 + 10 * clips + 0.1 * luminance + random.normal(0, 2.0, (*SHAPE, 180))
    affine = np.diag([8.0, 8.0, 8.0, 1.0])
    affine[:3, 3] = -16
    derived = world.derivatives / stem
    derived.parent.mkdir(parents=True)
    image = nib.Nifti1Image(data.astype(np.float32), affine)
    image.header.set_zooms((8, 8, 8, 2.0))
    image.header.set_xyzt_units("mm", "sec")
    for kind, one in (
        ("desc-preproc_bold", image),
        ("desc-brain_mask", nib.Nifti1Image(np.ones(SHAPE, np.uint8), affine)),
    ):
        one.set_sform(affine, "mni")
        one.set_qform(affine, "mni")
        nib.save(one, f"{derived}_space-MNI152NLin2009aSym_res-8_{kind}.nii.gz")
    write_json(Path(f"{derived}_space-MNI152NLin2009aSym_res-8_desc-preproc_bold.json"),
               {"RepetitionTime": 2.0, "TaskName": "passiveviewing", "SkullStripped": True})  # fmt: skip
    motion = pd.DataFrame(random.normal(0, 0.01, (180, 7)), columns=[
        "trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "framewise_displacement",
    ]).abs()  # fmt: skip
    write_atomically(Path(f"{derived}_desc-confounds_timeseries.tsv"), frame_text(motion))
    write_atomically(world.bids / f"{stem}_events.tsv", frame_text(world.events))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("films")
    stimuli = measured_set(root / "set")
    made = SimpleNamespace(
        root=root, stimuli=stimuli, bids=root / "bids", derivatives=root / "fmriprep", promise=promise_of(),
        events=shown(stimuli),
    )  # fmt: skip
    write_run(made)
    return made


def analysed(world, out, promise=None, **changed):
    """What the person's first level leaves."""
    promise = promise or world.promise
    (asked,) = asked_of(promise.plan)
    films = films_of(promise, changed.pop("stimuli", world.stimuli).root)
    job = Job(world.bids, out, "sub-01", asked, None, world.derivatives, maps=False, pages=False, films=films)
    finished = analyse_person(replace(job, **changed))
    table = read_frame(out / "work/sub-01/scan_rows.tsv", numeric=["value", "se", "included"])
    return finished, table[table["variant"].isna()], out


@pytest.fixture(scope="module")
def with_feature(world):
    return analysed(world, world.root / "with")


def effect(rows: pd.DataFrame) -> float:
    means = rows.groupby("condition")["value"].mean()
    return float(means["ai"] - means["live"])


def design_of(out: Path) -> tuple[pd.DataFrame, dict]:
    (path,) = out.rglob("*_desc-design_timeseries.tsv")
    return read_frame(path), json.loads(path.with_suffix(".json").read_text("utf-8"))


def test_an_effect_of_luminance_is_none_of_the_clips_arm(world, with_feature, tmp_path):
    _, without, _ = analysed(world, tmp_path, promise_of(features="[]"))
    finished, rows, out = with_feature
    assert not finished.faults
    assert len(rows) == 24
    assert effect(without) > 0.3
    assert abs(effect(rows)) < 0.1
    assert rows["value"].mean() == pytest.approx(1.0, abs=0.1)
    _, kinds = design_of(out)
    assert kinds["feature_luminance"] == {"Kind": "nuisance"}
    assert kinds["star"] == {"Kind": "task"}  # has no clip, and is modeled all the same


def test_the_clip_is_found_by_its_file_or_its_name(world, with_feature):
    films = films_of(world.promise, world.stimuli.root)
    events = world.events.assign(
        condition=world.events["trial_type"].where(world.events["trial_type"] != "star", None)
    )
    by_file = films.regressors(events.drop(columns="clip"), TIMES, hrf="spm")
    by_name = films.regressors(events.drop(columns="stim_file"), TIMES, hrf="spm")
    swapped = films.regressors(events.assign(clip=list(reversed(events["clip"]))), TIMES, hrf="spm")
    pd.testing.assert_frame_equal(by_file, by_name)
    pd.testing.assert_frame_equal(by_file, swapped)  # the file that was shown has the last word
    table, _ = design_of(with_feature[2])
    made = by_file["feature_luminance"] - by_file["feature_luminance"].mean()
    assert np.abs(table["feature_luminance"].astype(float) - made).max() < 1e-6 * np.abs(made).max()


def test_a_run_whose_clip_was_not_measured_is_set_aside_by_name(world, tmp_path):
    shutil.copytree(world.stimuli.root, tmp_path / "set")
    (tmp_path / "set/measures/series/p03_ai_stim.tsv.gz").unlink()
    _, rows, _ = analysed(world, tmp_path / "out", stimuli=StimulusSet(tmp_path / "set"))
    assert len(rows) == 24
    assert not rows["included"].any()
    assert set(rows["reason"]) == {"clip 'p03_ai' was not measured: it has no series of its frames"}
    # Measured at last, everything is computed again.
    shutil.copy(world.stimuli.root / "measures/series/p03_ai_stim.tsv.gz", tmp_path / "set/measures/series")
    finished, rows, _ = analysed(world, tmp_path / "out", stimuli=StimulusSet(tmp_path / "set"))
    assert finished.done[0].recomputed
    assert "series p03_ai" in finished.done[0].reason
    assert rows["included"].all()


def test_what_is_not_of_the_set_or_not_as_it_is_now_is_named(world, tmp_path):
    shutil.copytree(world.stimuli.root, tmp_path / "set")
    films = films_of(world.promise, tmp_path / "set")
    events = world.events[world.events["trial_type"] != "star"].assign(condition="live")
    strange = events.assign(stim_file="elsewhere/film.mp4", clip=None)
    with pytest.raises(InputError, match=r"clip elsewhere/film\.mp4: is not of the stimulus set"):
        films.regressors(strange, TIMES, hrf="spm")
    with pytest.raises(InputError, match=r"event at [\d.]+ s.*: is not of the stimulus set"):
        films.regressors(events.drop(columns=["stim_file", "clip"]), TIMES, hrf="spm")
    write_json(tmp_path / "set/measures/clips/p02_live.json", {"clip": "p02_live", "sha256": "0" * 64})
    with pytest.raises(InputError, match="clip 'p02_live': was not measured as it is now"):
        films.regressors(events, TIMES, hrf="spm")
    (tmp_path / "set/measures/series/p01_ai_stim.tsv.gz").write_bytes(b"no table")
    with pytest.raises(InputError, match=r"p01_ai_stim\.tsv\.gz: cannot be read as a table of numbers"):
        films.series("p01_ai")


def test_a_set_that_cannot_serve_is_refused_before_anything_is_done(world, tmp_path):
    root = world.stimuli.root
    assert films_of(promise_of(features="[]"), None) is None
    with pytest.raises(
        UsageError, match=r"features_as_regressors: needs the stimulus set[\s\S]*--stimuli SET"
    ):
        films_of(world.promise, None)
    with pytest.raises(UsageError, match="does not exist"):
        films_of(world.promise, tmp_path / "nowhere")
    with pytest.raises(
        UsageError, match=r"feature 'luminanse'[\s\S]*luminance, flow_speed[\s\S]*did you mean"
    ):
        films_of(promise_of(features="[luminanse]"), root)
    (tmp_path / "bare").mkdir()
    shutil.copy(world.stimuli.manifest, tmp_path / "bare")
    with pytest.raises(UsageError, match=r"was not measured[\s\S]*bazin stimuli measure"):
        films_of(world.promise, tmp_path / "bare")


def test_a_plan_bound_to_a_set_takes_no_other(world):
    own = hashlib.sha256(world.stimuli.manifest.read_bytes()).hexdigest()
    assert films_of(promise_of(sha256=own), world.stimuli.root).features == ("luminance",)
    with pytest.raises(PlanError, match=r"\d+:\d+: stimuli\.manifest_sha256: is the hash of another set"):
        films_of(promise_of(sha256="a" * 64), world.stimuli.root)


def test_events_of_several_clips_have_no_series(world):
    films = films_of(world.promise, world.stimuli.root)
    refuse_pairs(world.promise, films, "scan", "passive_viewing")
    with pytest.raises(PlanError, match="session 'scan' shows several"):
        refuse_pairs(world.promise, films, "scan", "same_different")


def test_what_the_measuring_writes_is_read(world, tmp_path):
    files = pytest.importorskip("stimuli.measuring.files", reason="the extra 'clips' is not installed")
    from stimuli.measuring.clip import Measured
    from stimuli.probing import Probe

    name = CLIP_NAMES[0]
    probe = Probe(
        "mp4", "h264", "yuv420p", 8, 32, 18, Fraction(1), 0, Fraction(24000, 1001), True, 4, 4 * 1001 / 24000, "tv",
        "bt709", "bt709", False, None, None, None, None, None, None,
    )  # fmt: skip
    series = {"luminance": np.array([1.0, 2.0, 4.0, 8.0]), "flow_speed": np.array([np.nan, 0.25, 0.5, 1.0])}
    times = np.arange(4) * 1001 / 24000
    measured = Measured(probe, times, {**series, "cuts": np.zeros(4)}, {}, 0.0, {}, (), {}, {})
    shutil.copy(world.stimuli.manifest, tmp_path)
    digest = hashlib.sha256(name.encode()).hexdigest()
    for path, content in files.clip_files(name, digest, measured).items():
        write_atomically(tmp_path / "measures" / path, content)
    found = films_of(promise_of(features="[flow_speed, luminance]"), tmp_path).series(name)
    assert found.seconds == pytest.approx(4 * 1001 / 24000)
    np.testing.assert_allclose(found.times_s, times)
    for feature, values in series.items():
        np.testing.assert_array_equal(found.values[feature], values)


def test_the_command_takes_the_set(world, tmp_path, monkeypatch, capsys):
    shutil.copytree(world.bids, tmp_path / "bids")
    write_json(tmp_path / "bids/dataset_description.json", {"Name": "films", "BIDSVersion": "1.11.1"})
    write_atomically(tmp_path / "bids/participants.tsv", "participant_id\tgroup\nsub-01\tadult\n")
    plan = tmp_path / "films.plan.yaml"
    write_atomically(plan, text_of())

    def analyse(*more):
        words = ["analyse", str(tmp_path / "bids"), str(tmp_path / "out"), "participant", "--plan", str(plan)]
        words += ["--derivatives", f"fmriprep={world.derivatives}", "--no-pages", *more]
        monkeypatch.setattr(sys, "argv", ["bazin", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr()

    code, said = analyse()
    assert code == 2
    assert "--stimuli SET" in said.err
    _, said = analyse("--stimuli", str(world.stimuli.root))
    table = read_frame(tmp_path / "out/measures/measure-roi.tsv", numeric=["value", "included"])
    assert table["included"].all()
    assert abs(effect(table)) < 0.1


def test_clips_too_close_are_a_warning_and_the_values_stay(world, tmp_path):
    """Also when nothing is computed again."""
    bids = tmp_path / "bids"
    shutil.copytree(world.bids, bids)
    (path,) = bids.rglob("*_events.tsv")
    write_atomically(
        path, frame_text(world.events.assign(duration=world.events["duration"].astype(float) + 3))
    )
    for recomputed in (True, False):
        finished, rows, _ = analysed(world, tmp_path / "out", bids=bids)
        assert finished.done[0].recomputed == recomputed
        assert not finished.faults
        told = "\n".join(map(str, finished.warnings))
        assert re.search(
            r"sub-01, session 'scan': has clips too close[\s\S]*run-1: [\d.]+ s from the end", told
        )
        assert rows["included"].all()
    by_person = replace(asked_of(world.promise.plan)[0], scenes_random=False)
    assert not analysed(world, tmp_path / "out", bids=bids, asked=by_person)[0].warnings


def test_a_star_between_clips_is_no_warning(with_feature):
    assert not with_feature[0].warnings


def test_the_methods_name_the_features(world):
    study = SimpleNamespace(plan=world.promise.plan, sidecars={"roi": {"Preprocessing": "fMRIPrep 24.1"}})
    assert "(luminance, around its mean over the run’s clips) was convolved with the same response" in scans(
        study
    )
    study.plan = promise_of(features="[]").plan
    assert "frame by frame" not in scans(study)
