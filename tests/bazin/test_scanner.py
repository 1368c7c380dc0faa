"""The virtual scanner shows what was planted, moves as people of an age do, and repeats itself to the byte."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.derivatives import derived_runs
from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.nuisance import moved, nuisance
from analysis.fmri.first_level.signal_change import percent, region, single_clips
from analysis.fmri.preprocessing.confounds import confounds_table
from analysis.fmri.preprocessing.motion import estimate_motion
from analysis.fmri.preprocessing.resampling import Loaded
from analysis.fmri.preprocessing.rigid import PARAMETERS, framewise_displacement
from analysis.fmri.regions import sphere
from analysis.fmri.scans import open_scan
from bazin.virtual.bold import SPACE, Noise, ball, simulate_run, template_head
from bazin.virtual.lab import Person, recruit
from bazin.virtual.moving import head_motion, moved_run
from bazin.virtual.scanner import DMPFC_MM, noise_percent, runs_shown, simulate_people, usual_fd
from bazin.virtual.worlds import make_world
from protocols.base.errors import InputError, OutputError, UsageError
from protocols.base.files import read_json
from protocols.plan.measuring import Analysis, Bold
from protocols.plan.reading import read_plan

FULL = ("motion24", "acompcor5")
VOLUMES = 180
ADULTS = [Person(number, "adult", 300, True, True) for number in range(1, 7)]


@pytest.fixture(scope="module")
def plan():
    """The demo's, with one run of ten scenes."""
    whole = read_plan(Path("demo")).plan
    assert whole.stimuli is not None
    scan = whole.sessions[0].model_copy(update={"runs": 1, "volumes": VOLUMES})
    few = whole.stimuli.model_copy(update={"pairs": 10})
    return whole.model_copy(update={"stimuli": few, "sessions": (scan, *whole.sessions[1:])})


@pytest.fixture(scope="module")
def head():
    return template_head()


@pytest.fixture(scope="module")
def study(plan, head, tmp_path_factory):
    """Six adults who respond to AI by 0.4 % more."""
    folder = tmp_path_factory.mktemp("scanner")
    world = make_world(plan, "different")
    scanned = simulate_people(folder / "bids", folder / "derived", plan, world, ADULTS, 11, head=head)
    return folder, world, scanned


def confounds_of(bold: Path) -> pd.DataFrame:
    stem = bold.name.split("_space-")[0]
    return pd.read_csv(bold.with_name(f"{stem}_desc-confounds_timeseries.tsv"), sep="\t", na_values="n/a")


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_analysis_finds_the_runs_and_all_it_needs_of_them(study, head):
    import nibabel as nib

    folder, _, scanned = study
    for one in scanned:
        (run,) = derived_runs(folder / "derived", f"sub-{one.person.code}", SPACE, ses="scan")
        assert (run.bold, run.resolution) == (one.bold, "8")
        image, mask = nib.load(run.bold), nib.load(run.mask)
        assert image.shape == (*mask.shape, VOLUMES)
        assert image.header.get_zooms()[3] == 2.0
        assert np.array_equal(np.asarray(mask.dataobj) > 0, head.brain)
        scan = open_scan(run.bold, folder / "derived")
        assert scan.tr_s == 2.0
        assert scan.volume(7)[head.brain] == pytest.approx(head.level, rel=0.2)
        assert not scan.volume(7)[~head.brain].any()
        table = confounds_of(run.bold)
        assert nuisance(table, ["motion24", "acompcor5", "csf_wm"]).shape == (VOLUMES, 31)
        assert {"std_dvars", "framewise_displacement", "cosine00"} <= set(table)
        assert table.framewise_displacement.mean() == pytest.approx(one.mean_fd_mm, rel=1e-6)
    said = read_json(folder / "derived" / "dataset_description.json")
    assert said["Simulated"] is True


def test_single_clips_come_out_as_planted_with_the_plans_spread(study, plan, head):
    import nibabel as nib

    _, world, scanned = study
    roi = plan.measures["dmpfc"].roi
    spot = sphere(head.grid, roi.centre, roi.sphere_mm)
    clips = []
    for one in scanned:
        data = np.asarray(nib.load(one.bold).dataobj, np.float32)[spot]
        events = one.events.assign(trial_type=one.events.arm)
        design = design_matrix(
            events, frame_times(VOLUMES, 2.0), hrf="spm", highpass_hz=0.008,
            confounds=nuisance(confounds_of(one.bold), FULL),
        )  # fmt: skip
        table = single_clips(data.mean(axis=0)[None], region(data, design, noise="ar1_unbiased")).table()
        planted = events.planted.to_numpy()[table.row]
        clips.append(table.assign(person=one.person.code, planted=planted))
    table = pd.concat(clips)
    off = (table.value - table.planted).groupby(table.person).mean()
    assert off.mean() == pytest.approx(0, abs=3 * table.value.std() / np.sqrt(len(table)))
    slope, _ = np.polyfit(table.planted, table.value, 1)
    error = (table.value - table.planted).std()
    assert slope == pytest.approx(1, abs=3 * error / table.planted.std() / np.sqrt(len(table)))
    same = table[table.trial_type.isin(["live", "codec_control"])]  # of the same response
    residual = (same.value - same.groupby("person").value.transform("mean")).std()
    assert residual == pytest.approx(plan.measures["dmpfc"].assumptions["adult"].sd_residual, rel=0.15)
    assert table.se.median() == pytest.approx(error, rel=0.15)
    means = table.groupby("trial_type").value.mean()
    assert means["ai"] - means["live"] == pytest.approx(world.effects["dmpfc"]["adult"], abs=0.12)


def test_the_more_nuisance_a_plan_takes_out_the_less_noise_it_stands(plan, tmp_path):
    """The spread of single clips is the plan's either way."""
    runs = runs_shown(tmp_path, plan, plan.sessions[0], ADULTS[0])
    none, full = (
        noise_percent(runs, plan.model_copy(update={"analysis": Analysis(bold=Bold(confounds=sets))}), 0.2)
        for sets in ((), FULL)
    )
    # 29 regressors of about 170 degrees of freedom
    assert full / none == pytest.approx(np.sqrt(1 - 29 / 170), rel=0.02)
    assert noise_percent(runs, plan, 0.4) == pytest.approx(2 * full)


def test_one_seed_gives_the_same_bytes_whoever_else_is_scanned(study, plan, head, tmp_path):
    folder, world, _ = study
    simulate_people(tmp_path / "bids", tmp_path / "again", plan, world, ADULTS[2:3], 11, head=head)
    first, again = (hashes(root / "sub-003") for root in (folder / "derived", tmp_path / "again"))
    assert len(again) == 5
    assert first == again
    simulate_people(tmp_path / "bids", tmp_path / "again", plan, world, ADULTS[2:3], 12, head=head)
    other = hashes(tmp_path / "again" / "sub-003")
    simulate_people(tmp_path / "bids", tmp_path / "again", plan, world, [], 12, head=head)
    assert list(hashes(tmp_path / "again")) == [
        "dataset_description.json"
    ]  # an earlier simulation's people are gone
    assert other.keys() == first.keys()
    assert all(other[name] != first[name] for name in first if name.endswith("bold.nii.gz"))


def events_path(bids: Path) -> Path:
    return bids / "sub-001" / "ses-scan" / "func" / "sub-001_ses-scan_task-passiveviewing_run-2_events.tsv"


def write_events(bids: Path, volumes: int) -> None:
    """What a session that was cut short left of its second run: 14 clips and an attention trial."""
    path = events_path(bids)
    path.parent.mkdir(parents=True)
    rows = [(5 + 9 * k, 2.5, ("live", "ai")[k % 2], f"scene{k % 10 + 1:02d}") for k in range(14)]
    lines = ["onset\tduration\tarm\tscene", *("\t".join(map(str, row)) for row in rows), "140\t2\tn/a\tn/a"]
    path.write_text("\n".join(lines) + "\n")
    path.with_suffix(".json").write_text(f'{{"VolumesCounted": {volumes}}}')


def test_what_a_session_showed_is_what_responds(plan, head, tmp_path):
    """Events of the data set count, and attention trials among them are no clips."""
    write_events(tmp_path / "bids", 90)
    world = make_world(plan, "different")
    (one,) = simulate_people(tmp_path / "bids", tmp_path / "d", plan, world, ADULTS[:1], 1, head=head)
    assert one.run == 2
    assert "run-2_space" in one.bold.name
    assert open_scan(one.bold, tmp_path / "d").n_volumes == 90
    assert list(one.events.planted.isna()) == [False] * 14 + [True]
    assert one.events.planted[1::2].mean() > one.events.planted[:14:2].mean() + 0.2


def test_people_move_as_people_of_their_age_do():
    child, adult = (
        np.array([usual_fd(Person(k, "any", months, True, True), 3) for k in range(400)])
        for months in (60, 300)
    )
    assert np.median(child) == pytest.approx(0.369, rel=0.08)
    assert np.median(adult) == pytest.approx(0.193, rel=0.08)
    for cut_off, of_65 in ((0.2, 12), (0.3, 24), (0.5, 48), (0.9, 56)):
        assert (child < cut_off).mean() == pytest.approx(of_65 / 65, abs=0.09)
    between = usual_fd(Person(1, "any", 150, True, True), 3)
    assert adult[1] < between < child[1] or child[1] < between < adult[1]
    motion = head_motion(200, 0.37, np.random.default_rng(1))
    assert framewise_displacement(motion)[1:].mean() == pytest.approx(0.37)


def test_noise_has_the_spread_and_the_correlation_it_should(head):
    quiet = Noise(0.5, rho=0.4, drift_percent=0, heart_percent=0, breath_percent=0, edge_percent_mm=0)
    data = simulate_run(
        pd.DataFrame({"onset": [], "duration": []}), tr_s=2.0, n_volumes=200, head=head, regions={}, levels={},
        noise=quiet, motion=np.zeros((200, 6)), random=np.random.default_rng(1),
    )  # fmt: skip
    change = 100 * (data / head.level[:, None] - 1)
    assert change.std() == pytest.approx(0.5, rel=0.01)
    assert change[:, 0].std() == pytest.approx(0.5, rel=0.05)  # also where the run begins
    assert np.mean(change[:, 1:] * change[:, :-1]) / np.mean(change**2) == pytest.approx(0.4, abs=0.01)
    spot = ball(head, DMPFC_MM, 16.0)
    assert change[head.inside(spot)].mean(axis=0).std() == pytest.approx(
        0.5 * head.spread_of_mean(spot), rel=0.15
    )
    with pytest.raises(InputError, match="does not fit together"):
        simulate_run(
            pd.DataFrame({"onset": [1.0], "duration": [2.0]}), tr_s=2.0, n_volumes=200, head=head,
            regions={"spot": spot}, levels={}, noise=quiet, motion=np.zeros((200, 6)), random=np.random.default_rng(1),
        )  # fmt: skip


def simulated(head, level, seed, *, fd=0.2, jerks=(), condition="ai"):
    """A run of 40 clips in two conditions that respond alike: region, confounds, events."""
    random = np.random.default_rng(seed)
    onsets = np.arange(40) * 8.0 + 4 + random.uniform(-1, 1, 40)
    events = pd.DataFrame(
        {"onset": onsets, "duration": 2.0, "trial_type": random.permutation(["live", "ai"] * 20)}
    )
    startled = events.onset[events.trial_type == condition] + 5 if jerks == "locked" else ()
    motion = head_motion(
        170, fd, random, jerks=(np.asarray(startled) / 2).astype(int) if len(startled) else jerks
    )
    spot = ball(head, DMPFC_MM, 12.0)
    data = simulate_run(
        events, tr_s=2.0, n_volumes=170, head=head, regions={"spot": spot}, levels={"spot": np.full(40, level)},
        noise=Noise(0.15), motion=motion, random=random,
    )  # fmt: skip
    table, _ = confounds_table(
        pd.DataFrame(motion, columns=list(PARAMETERS)), framewise_displacement(motion), data,
        {name: data[where] for name, where in head.tissues.items()}, 2.0,
    )  # fmt: skip
    return data[head.inside(spot)], table, events


def effect(run, *, confounds=None, censored=None):
    data, _, events = run
    design = design_matrix(
        events, frame_times(170, 2.0), hrf="spm", highpass_hz=0.008, confounds=confounds, censored=censored
    )
    found = percent(region(data, design, noise="ols"), "ai - live")
    return float(found.effect[0, 0]), float(found.se[0])


def test_jerks_are_seen_in_dvars_and_lose_signal(head):
    jerks = [40, 90, 140]
    data, table, _ = simulated(head, 0.3, 4, fd=0.2, jerks=jerks)
    assert table.framewise_displacement[jerks].min() > 0.4
    assert table.std_dvars[jerks].mean() > 2 * table.std_dvars.median()
    assert table.std_dvars[jerks].min() > table.std_dvars.quantile(0.85)
    course = data.mean(axis=0) / data.mean() * 100
    assert course[jerks].mean() < np.median(course) - 0.2


def test_without_an_effect_none_is_found(head):
    found = np.array([effect(run, confounds=nuisance(run[1], FULL))
                      for run in (simulated(head, 0.3, seed) for seed in range(5))])  # fmt: skip
    error = np.sqrt((found[:, 1] ** 2).sum()) / len(found)
    assert found[:, 0].mean() == pytest.approx(0, abs=3 * error)
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.9)


def test_jerks_at_one_conditions_clips_look_like_an_effect_until_they_are_modeled(head):
    runs = [simulated(head, 0.3, seed, fd=0.5, jerks="locked") for seed in range(5)]
    plain = np.array([effect(run)[0] for run in runs])
    treated = np.array(
        [effect(run, confounds=nuisance(run[1], FULL), censored=moved(run[1], 0.9))[0] for run in runs]
    )
    assert plain.mean() < -0.2
    assert plain.mean() / (plain.std(ddof=1) / np.sqrt(5)) < -4
    assert abs(treated.mean()) < 0.15 * abs(plain.mean())


def test_startled_people_jerk_at_that_conditions_clips(plan, head, tmp_path):
    world = make_world(plan, "none")
    scanned = simulate_people(
        tmp_path / "bids", tmp_path / "d", plan, world, ADULTS[:2], 5, head=head, motion_confound="ai"
    )
    largest = []
    for one in scanned:
        fd = confounds_of(one.bold).framewise_displacement
        first, last = ((one.events.onset + after) // 2 for after in (3, 6))
        seen = [fd[int(low) : int(high) + 1].max() for low, high in zip(first, last, strict=True)]
        largest.append(one.events.assign(fd=seen))
    after = pd.concat(largest).groupby("arm").fd.mean()
    assert after["ai"] > 1.5 * after.drop("ai").mean()
    with pytest.raises(UsageError, match="live, ai, codec_control, cartoon"):
        simulate_people(tmp_path, tmp_path / "e", plan, world, ADULTS[:1], 5, head=head, motion_confound="AI")


def test_a_folder_with_something_else_is_left_alone(plan, head, tmp_path):
    (tmp_path / "sub-001").mkdir()
    (tmp_path / "sub-001" / "mine.txt").write_text("real")
    with pytest.raises(OutputError, match="was not simulated"):
        simulate_people(tmp_path, tmp_path, plan, make_world(plan, "none"), ADULTS[:1], 1, head=head)
    assert (tmp_path / "sub-001" / "mine.txt").read_text() == "real"


def test_a_measure_without_images_is_refused(plan, head, tmp_path):
    with pytest.raises(UsageError, match="functional session"):
        simulate_people(
            tmp_path, tmp_path / "d", plan, make_world(plan, "none"), [], 1, measure="sees", head=head
        )


def test_a_real_run_is_never_written_over(plan, head, tmp_path):
    write_events(tmp_path, 90)
    real = events_path(tmp_path).with_name("sub-001_ses-scan_task-passiveviewing_run-2_bold.nii.gz")
    real.write_bytes(b"real")
    with pytest.raises(OutputError, match="was not simulated"):
        simulate_people(
            tmp_path, tmp_path, plan, make_world(plan, "none"), ADULTS[:1], 1, head=head, raw=True
        )
    assert real.read_bytes() == b"real"


@pytest.mark.slow
def test_a_raw_run_lies_beside_its_events_and_moves(plan, head, tmp_path):
    write_events(tmp_path, 90)
    (one,) = simulate_people(
        tmp_path, tmp_path / "d", plan, make_world(plan, "none"), ADULTS[:1], 2, head=head, raw=True
    )
    assert one.bold == events_path(tmp_path).with_name(
        "sub-001_ses-scan_task-passiveviewing_run-2_bold.nii.gz"
    )
    assert not (tmp_path / "d").exists()
    scan = open_scan(one.bold, tmp_path)
    assert scan.n_volumes == 90
    assert scan.volume(40)[head.brain].mean() == pytest.approx(head.level.mean(), rel=0.3)


@pytest.mark.slow
def test_motion_correction_finds_how_a_raw_head_moved():
    head, random = template_head(4), np.random.default_rng(3)
    motion = head_motion(40, 0.4, random, jerks=[12, 25])
    events = pd.DataFrame({"onset": [10.0, 40.0], "duration": 2.0})
    values = simulate_run(
        events, tr_s=2.0, n_volumes=40, head=head, regions={"spot": ball(head, DMPFC_MM, 12.0)},
        levels={"spot": [0.3, 0.3]}, noise=Noise(0.5), motion=motion, random=random,
    )  # fmt: skip
    run = Loaded(np.stack(list(moved_run(values, head, motion)), axis=-1), head.grid.affine)
    found = estimate_motion(run)
    assert found.converged.all()
    scale = [1, 1, 1, 50, 50, 50]
    off = (found.parameters - found.parameters.mean(axis=0) - motion + motion.mean(axis=0)) * scale
    assert np.abs(off).max() < 0.15
    assert np.abs((motion - motion[0]) * scale).max() > 0.5


@pytest.mark.slow
def test_several_people_at_a_time_change_no_number(plan, head, tmp_path):
    people = recruit(plan, 1)[:2]
    for name, jobs in (("one", 1), ("two", 2)):
        simulate_people(
            tmp_path, tmp_path / name, plan, make_world(plan, "none"), people, 1, head=head, jobs=jobs
        )
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
