"""A run goes from the scanner's grid to the template's: planted anatomy, motion and signal arrive where they should."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from analysis.fmri.preprocessing import runs
from analysis.fmri.preprocessing.anatomy import Anatomy
from analysis.fmri.preprocessing.carpet import read_carpet
from analysis.fmri.preprocessing.resampling import Grid, resample
from analysis.fmri.preprocessing.rigid import PARAMETERS, grid_center, matrix_of
from analysis.fmri.preprocessing.runs import SEGMENTS, preprocess_run
from analysis.fmri.preprocessing.templates import Template
from analysis.fmri.scans import open_scan
from protocols.base.errors import InputError

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")
ants = pytest.importorskip("ants", reason="the extra 'fmri' is not installed")

TR, N = 2.0, 24
SCANNER = np.diag([4.0, 4, 4, 1])
SCANNER[:3, 3] = (-70, -90, -66)
SHAPE = (36, 44, 34)
TARGET = Grid((30, 38, 28), np.array([[4.0, 0, 0, -58], [0, 4, 0, -74], [0, 0, 4, -54], [0, 0, 0, 1]]))
SPOT = np.array([18.0, -30.0, 8.0])


def head(points):
    """Brightness at points of the world, (3, n): a brain with ventricles and white matter, smooth everywhere."""
    x, y, z = points
    radius = np.sqrt((x / 52) ** 2 + (y / 66) ** 2 + (z / 48) ** 2)
    brain = 1 / (1 + np.exp((radius - 1) * 14))
    folds = 0.12 * np.sin(x / 6.5) * np.cos(y / 7.5) * np.sin(z / 6)
    return 900 * brain * (1 + folds)


def tissue(points, name):
    x, y, z = points
    if name == "csf":
        return (np.abs(x) < 14) & (np.abs(y) < 26) & (np.abs(z) < 12)
    deep = (x / 52) ** 2 + (y / 66) ** 2 + (z / 48) ** 2 < 0.45
    return deep & ~tissue(points, "csf")


def save(values, affine, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


class Person:
    """Anatomy in the template's own place, and a run of a head that moves and answers in one spot."""

    def __init__(self, root):
        self.root = root
        rng = np.random.default_rng(4)
        grid = Grid(SHAPE, SCANNER)
        points = grid.points()
        inside = (head(points) > 450).reshape(SHAPE)
        parts = {name: tissue(points, name).reshape(SHAPE) & inside for name in ("csf", "white_matter")}
        parts["gray_matter"] = inside & ~parts["csf"] & ~parts["white_matter"]
        files = {
            name: save(part.astype(np.float32), SCANNER, root / "anat" / f"{name}.nii.gz")
            for name, part in {"mask": inside, **parts}.items()
        }
        brain = save(
            (head(points).reshape(SHAPE) * inside).astype(np.float32), SCANNER, root / "anat" / "brain.nii.gz"
        )
        self.tissues = {name: files[name] for name in ("csf", "gray_matter", "white_matter")}
        self.anatomy = Anatomy(brain, files["mask"], self.tissues, (), 1.0, 1.0)
        self.template = Template("MNI152NLin2009aSym", brain, files["mask"], self.tissues)

        self.motion = np.cumsum(rng.normal(0, [0.12] * 3 + [0.002] * 3, (N, 6)), axis=0)
        self.motion[12:, 2] += 1.5
        self.breath = np.sin(np.arange(N) * 1.9)  # in the ventricles only
        self.answer = np.tile([0.0, 0, 1, 1], N // 4)
        center = grid_center(SHAPE, SCANNER)
        data = np.empty((*SHAPE, N), np.float32)
        for t, moved in enumerate(np.linalg.inv(matrix_of(self.motion, center))):
            where = moved[:3, :3] @ points + moved[:3, 3:]
            bump = np.exp(-((where - SPOT[:, None]) ** 2).sum(axis=0) / (2 * 7.0**2))
            ventricle = np.exp(-(where**2).sum(axis=0) / (2 * 9.0**2))
            values = head(where) * (1 + 0.04 * bump * self.answer[t] + 0.03 * ventricle * self.breath[t])
            data[..., t] = (values + rng.normal(0, 4, values.shape)).reshape(SHAPE)
        self.bold = save(data, SCANNER, root / "sub-01" / "func" / "sub-01_task-film_bold.nii.gz")
        image = nib.load(self.bold)
        image.header.set_zooms((4, 4, 4, TR))
        image.header.set_xyzt_units("mm", "sec")
        nib.save(nib.Nifti1Image(data, SCANNER, image.header), self.bold)
        self.bold.with_name("sub-01_task-film_bold.json").write_text(
            json.dumps({"RepetitionTime": TR}), "utf-8"
        )
        self.data = data


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    return Person(tmp_path_factory.mktemp("person"))


@pytest.fixture(scope="module")
def done(person):
    folder = person.root / "derivative"
    scan = open_scan(person.bold, person.root)
    return preprocess_run(scan, person.anatomy, person.template, TARGET, folder)


def test_the_head_is_brought_to_the_template_and_its_motion_is_gone(person, done):
    preprocessed = np.asarray(nib.load(done.bold).dataobj)
    assert preprocessed.shape == (*TARGET.shape, N)
    mask = np.asarray(nib.load(done.mask).dataobj) > 0
    expected = head(TARGET.points()).reshape(TARGET.shape)
    rms = np.sqrt(((preprocessed.mean(axis=-1) - expected)[mask] ** 2).mean())
    assert rms < 0.03 * expected[mask].mean()
    before = person.data[head(Grid(SHAPE, SCANNER).points()).reshape(SHAPE) > 450]
    after = preprocessed[ndimage.binary_erosion(mask)]
    assert after.std(axis=1).mean() < 0.5 * before.std(axis=1).mean()
    assert done.tsnr_after > 1.2 * done.tsnr_before


def test_what_answers_answers_at_its_place(person, done):
    preprocessed = np.asarray(nib.load(done.bold).dataobj)
    mask = np.asarray(nib.load(done.mask).dataobj) > 0
    answered = preprocessed[..., person.answer > 0].mean(axis=-1)
    rise = answered / np.where(mask, preprocessed[..., person.answer == 0].mean(axis=-1), np.inf) - 1
    smooth = ndimage.gaussian_filter(np.where(mask, rise, 0), 1)
    peak = TARGET.affine @ np.r_[np.unravel_index(smooth.argmax(), smooth.shape), 1]
    assert np.linalg.norm(peak[:3] - SPOT) < 6
    at = np.rint(np.linalg.inv(TARGET.affine) @ np.r_[SPOT, 1]).astype(int)[:3]
    assert rise[tuple(at)] == pytest.approx(0.04, abs=0.012)


def test_the_motion_that_was_planted_is_found(person, done):
    table = pd.read_csv(done.confounds, sep="\t", na_values="n/a")
    found = table[list(PARAMETERS)].to_numpy()
    planted = person.motion - person.motion.mean(axis=0)
    assert np.abs(found - found.mean(axis=0) - planted)[:, :3].max() < 0.15
    assert np.abs(found - found.mean(axis=0) - planted)[:, 3:].max() < 0.004
    fd = table["framewise_displacement"]
    assert np.isnan(fd[0])
    assert fd.idxmax() == 12
    assert table.loc[12, [name for name in table if name.startswith("motion_outlier")]].sum() == 1


def test_what_fluctuates_in_the_ventricles_is_told_as_csf_and_not_as_white_matter(person, done):
    table = pd.read_csv(done.confounds, sep="\t", na_values="n/a")
    found = {
        name: np.corrcoef(table[name], person.breath)[0, 1]
        for name in ("csf", "white_matter", "a_comp_cor_00")
    }
    assert found["csf"] > 0.9
    assert abs(found["white_matter"]) < 0.6
    assert abs(found["a_comp_cor_00"]) > 0.9


def test_files_are_named_as_fmriprep_names_them_and_say_their_space(done):
    assert done.bold.name == "sub-01_task-film_space-MNI152NLin2009aSym_res-4_desc-preproc_bold.nii.gz"
    assert done.mask.name == "sub-01_task-film_space-MNI152NLin2009aSym_res-4_desc-brain_mask.nii.gz"
    assert done.confounds.name == "sub-01_task-film_desc-confounds_timeseries.tsv"
    image = nib.load(done.bold)
    assert image.affine == pytest.approx(TARGET.affine)
    assert image.header.get_zooms() == pytest.approx((4, 4, 4, TR))
    said = json.loads(done.bold.with_name(done.bold.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    assert said["SpatialReference"] == "MNI152NLin2009aSym"
    assert said["RepetitionTime"] == TR
    assert not list(done.bold.parent.glob("*.part"))


def test_what_a_page_shows_is_kept_in_files(done):
    mask = np.asarray(nib.load(done.mask).dataobj) > 0
    preprocessed = np.asarray(nib.load(done.bold).dataobj)
    for path in (done.boldref, done.boldref_affine):
        image = nib.load(path)
        assert image.affine == pytest.approx(TARGET.affine)
        found = np.asarray(image.dataobj)[mask]
        assert found == pytest.approx(preprocessed.mean(axis=-1)[mask], rel=0.1)
    ratio = np.asarray(nib.load(done.tsnr_map).dataobj)
    assert (np.isfinite(ratio) == mask).all()
    assert np.median(ratio[mask]) == pytest.approx(done.tsnr_after, rel=1e-5)
    quiet = np.linalg.inv(TARGET.affine) @ [34.0, 30, 8, 1]
    answering = np.linalg.inv(TARGET.affine) @ np.r_[SPOT, 1]
    at = [tuple(np.rint(place).astype(int)[:3]) for place in (answering, quiet)]
    assert ratio[at[0]] < 0.7 * ratio[at[1]]  # what answers varies
    said = json.loads(done.bold.with_name(done.bold.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    assert said["Quality"]["TSNR"] == pytest.approx(done.tsnr_after)
    assert said["Quality"]["Coverage"] == pytest.approx(done.coverage)
    assert said["Registration"] == {"Route": "t1w", "BrainDice": 1.0, "WhiteMatterDice": 1.0}
    assert said["SliceTimingCorrected"] is False
    assert "StartTime" not in said


def test_tissues_are_numbered_where_they_are_and_nowhere_else(done):
    segments = np.asarray(nib.load(done.segments).dataobj)
    mask = np.asarray(nib.load(done.mask).dataobj) > 0
    assert not segments[~mask].any()
    for number, name in enumerate(SEGMENTS, 1):
        if name != "gray_matter":
            expected = tissue(TARGET.points(), name).reshape(TARGET.shape) & mask
            both = (expected & (segments == number)).sum()
            assert 2 * both / (expected.sum() + (segments == number).sum()) > 0.9
    said = json.loads(
        done.segments.with_name(done.segments.name.replace(".nii.gz", ".json")).read_text("utf-8")
    )
    assert said["Labels"] == {"gray_matter": 1, "white_matter": 2, "csf": 3}


def test_the_carpet_holds_a_sample_of_each_tissue_that_shows_what_the_run_shows(person, done):
    carpet = read_carpet(done.carpet)
    assert tuple(carpet.series) == SEGMENTS
    assert 550 < sum(len(one) for one in carpet.series.values()) < 650
    for name, values in carpet.series.items():
        assert values.shape[1] == N
        assert len(values) >= min(20, carpet.voxels[name])
        assert len(values) <= carpet.voxels[name]
        assert values.mean(axis=1) == pytest.approx(0, abs=2e-3)
    ventricles = carpet.series["csf"].mean(axis=0)
    assert np.corrcoef(ventricles, person.breath)[0, 1] > 0.9
    assert 0.4 < ventricles.std() < 2.2  # percent: 3 in the middle, less around it


def test_all_files_of_the_derivative_are_listed_and_nothing_else_is_there(done):
    there = {path for path in done.bold.parent.iterdir() if path.is_file()}
    assert set(done.files) == there
    assert len(done.files) == len(there)


def test_slices_are_brought_to_one_time_only_where_it_is_asked_for_and_the_sidecar_says_so(
    person, done, monkeypatch
):
    scan = open_scan(person.bold, person.root)
    folder = person.root / "in-time"
    with pytest.raises(InputError, match="has no SliceTiming"):
        preprocess_run(scan, person.anatomy, person.template, TARGET, folder, correct_slice_timing=True)
    assert not folder.exists()
    times = list(np.linspace(0, TR, SHAPE[2], endpoint=False))
    timed = replace(scan, sidecar={**scan.sidecar, "SliceTiming": times})
    monkeypatch.setattr(runs, "estimate_motion", lambda _: done.motion)
    found = preprocess_run(timed, person.anatomy, person.template, TARGET, folder, correct_slice_timing=True)
    said = json.loads(found.bold.with_name(found.bold.name.replace(".nii.gz", ".json")).read_text("utf-8"))
    assert said["SliceTimingCorrected"] is True
    assert said["StartTime"] == TR / 2
    mask = np.asarray(nib.load(found.mask).dataobj) > 0
    one, other = (np.asarray(nib.load(each.bold).dataobj)[..., 12] for each in (done, found))
    assert np.abs(one - other)[mask].max() > 30  # the jump at volume 12 is spread over its neighbors
    assert found.motion is done.motion


def test_volumes_that_show_no_steady_brain_count_in_no_signal_to_noise_ratio(person, done, tmp_path):
    """A bright first volume and one of noise: the run goes on, and is as good as without them."""
    data = person.data.copy()
    data[..., 0] *= 1.5
    data[..., 15] = np.random.default_rng(6).uniform(0, 900, SHAPE)
    bold = tmp_path / "sub-01" / "func" / person.bold.name
    save(data, SCANNER, bold)
    nib.save(nib.Nifti1Image(data, SCANNER, nib.load(person.bold).header), bold)
    bold.with_name("sub-01_task-film_bold.json").write_text(json.dumps({"RepetitionTime": TR}), "utf-8")
    found = preprocess_run(
        open_scan(bold, tmp_path), person.anatomy, person.template, TARGET, tmp_path / "derivative"
    )
    assert found.tsnr_after == pytest.approx(done.tsnr_after, rel=0.1)
    assert found.tsnr_before == pytest.approx(done.tsnr_before, rel=0.1)
    assert "volume 16" in found.motion.note
    table = pd.read_csv(found.confounds, sep="\t", na_values="n/a")
    assert np.flatnonzero(table.framewise_displacement.isna()).tolist() == [0, 15, 16]
    assert np.flatnonzero(table.non_steady_state_outlier00).tolist() == [0]
    assert np.flatnonzero(table.a_comp_cor_00 == 0).tolist() == [0, 15, 16]


def test_the_same_run_gives_the_same_bytes(person, done):
    scan = open_scan(person.bold, person.root)
    again = preprocess_run(scan, person.anatomy, person.template, TARGET, person.root / "again")
    for one, other in zip(done.files, again.files, strict=True):
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


def test_a_run_that_breaks_off_leaves_no_file_that_looks_complete(person, done, monkeypatch):
    def breaking(run, motion, *rest, **more):
        for t, found in enumerate(resample(run, motion, *rest, **more)):
            if t == N // 2:
                raise InputError([])
            yield found

    monkeypatch.setattr(runs, "estimate_motion", lambda _: done.motion)
    monkeypatch.setattr(runs, "resample", breaking)
    folder = person.root / "broken"
    with pytest.raises(InputError):
        preprocess_run(open_scan(person.bold, person.root), person.anatomy, person.template, TARGET, folder)
    assert list(folder.iterdir()) == [folder / "work"]
