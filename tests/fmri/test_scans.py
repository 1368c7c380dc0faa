"""A run is opened, or what contradicts itself is named with a way out."""

import gzip
import json

import numpy as np
import pytest

from analysis.fmri.scans import events_of, inherited, open_scan
from protocols.base.errors import InputError

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

NAME = "sub-01_task-film_run-1_bold"
AFFINE = np.array([[-3.0, 0, 0, 90], [0, 3, 0, -120], [0, 0, 3.3, -60], [0, 0, 0, 1]])
EVENTS = "onset\tduration\ttrial_type\n2.0\t4.0\tlive\n10.0\t4.0\tai\n"


class DataSet:
    """A BIDS folder with one run."""

    def __init__(self, root):
        self.root = root
        self.func = root / "sub-01" / "func"
        self.func.mkdir(parents=True)
        self.path = self.func / f"{NAME}.nii.gz"
        self.events = self.func / "sub-01_task-film_run-1_events.tsv"

    def write(self, values=None, *, tr=2.0, unit="sec", affine=AFFINE, change=None, sidecar=None):
        if values is None:
            values = np.random.default_rng(0).integers(100, 900, (4, 5, 3, 12)).astype(np.int16)
        image = nib.Nifti1Image(values, affine)
        image.header.set_xyzt_units("mm", unit)
        if values.ndim == 4:
            image.header.set_zooms((3, 3, 3.3, tr))
        image.set_qform(affine, 1)
        image.set_sform(affine, 1)
        if change:
            change(image)
        nib.save(image, self.path)
        if sidecar is not False:
            self.say(self.func / f"{NAME}.json", {"RepetitionTime": 2.0} if sidecar is None else sidecar)
        self.events.write_text(EVENTS, "utf-8")
        return self

    def say(self, path, content):
        path.write_text(json.dumps(content), "utf-8")

    def open(self):
        return open_scan(self.path, self.root)

    def refused(self):
        with pytest.raises(InputError) as caught:
            self.open()
        return str(caught.value)


@pytest.fixture
def bids(tmp_path):
    return DataSet(tmp_path)


def test_a_run_is_opened_and_read_volume_by_volume(bids):
    values = np.random.default_rng(1).integers(100, 900, (4, 5, 3, 12)).astype(np.int16)
    scan = bids.write(values).open()
    assert (scan.shape, scan.n_volumes, scan.tr_s, scan.seconds) == ((4, 5, 3), 12, 2.0, 24.0)
    assert scan.voxel_mm == pytest.approx((3, 3, 3.3))
    assert scan.affine == pytest.approx(AFFINE)
    volume = scan.volume(7)
    assert volume.dtype == np.float32
    assert (volume == values[..., 7]).all()
    assert events_of(scan, bids.root)["trial_type"].tolist() == ["live", "ai"]


def test_the_headers_scaling_is_applied(bids):
    def scaled(image):
        image.header.set_slope_inter(75.5, -10)

    values = np.random.default_rng(1).integers(1, 90, (4, 5, 3, 12)).astype(np.int16)
    scan = bids.write(values, change=scaled).open()
    assert scan.volume(0) == pytest.approx(nib.load(bids.path).get_fdata()[..., 0])
    assert scan.volume(0).max() > 90 or scan.volume(0).min() < 1 or (scan.volume(0) == values[..., 0]).all()


def test_sidecars_are_inherited_the_nearest_one_last(bids):
    bids.write(sidecar={"EchoTime": 0.03})
    bids.say(bids.root / "task-film_bold.json", {"RepetitionTime": 2.0, "EchoTime": 0.05})
    bids.say(bids.root / "task-other_bold.json", {"RepetitionTime": 9.0})
    bids.say(bids.root / "task-film_run-2_bold.json", {"RepetitionTime": 8.0})
    assert inherited(bids.path, bids.root) == {"RepetitionTime": 2.0, "EchoTime": 0.03}
    assert bids.open().tr_s == 2.0


@pytest.mark.parametrize(
    ("sidecar", "words"),
    [
        (False, "has no RepetitionTime"),
        ({"EchoTime": 0.03}, "has no RepetitionTime"),
        ({"RepetitionTime": 2000}, "a RepetitionTime that cannot be"),
        ({"RepetitionTime": "2.0"}, "a RepetitionTime that cannot be"),
        ({"RepetitionTime": True}, "a RepetitionTime that cannot be"),
    ],
)
def test_a_repetition_time_that_is_missing_or_impossible_is_named(bids, sidecar, words):
    said = bids.write(sidecar=sidecar).refused()
    assert words in said
    assert "write RepetitionTime" in said


def test_a_header_that_contradicts_the_sidecar_is_refused(bids):
    said = bids.write(tr=1.7935).refused()
    assert "1.7935 s in the NIfTI header, 2 s in the sidecar" in said


def test_a_header_in_milliseconds_agrees_and_one_without_a_unit_says_nothing(bids):
    assert bids.write(tr=2000.0, unit="msec").open().tr_s == 2.0
    assert bids.write(tr=1.0, unit="unknown").open().tr_s == 2.0


def test_one_volume_or_a_few_are_no_run(bids):
    volumes = np.random.default_rng(0).integers(100, 900, (4, 5, 3, 12)).astype(np.int16)
    assert "has 3 dimensions" in bids.write(volumes[..., 0]).refused()
    assert "too short" in bids.write(volumes[..., :4]).refused()


def test_a_header_without_orientation_or_with_two_is_refused(bids):
    def torn(image):
        other = AFFINE.copy()
        other[0, 3] += 12
        image.set_sform(other, 1)

    bids.write()
    content = bytearray(gzip.decompress(bids.path.read_bytes()))
    content[252:256] = bytes(4)  # qform_code and sform_code; nibabel itself would never write such a file
    bids.path.write_bytes(gzip.compress(bytes(content)))
    assert "does not say how the head lies" in bids.refused()
    said = bids.write(change=torn).refused()
    assert "two orientations that disagree" in said
    assert "12.0 mm apart" in said


def test_what_is_no_nifti_file_or_not_there_is_named(bids):
    bids.write()
    bids.path.write_bytes(b"this is no image")
    assert "is not a NIfTI file" in bids.refused()
    bids.path.unlink()
    assert "does not exist" in bids.refused()


def test_a_file_that_was_cut_off_says_where(bids):
    bids.write()
    bids.path.write_bytes(bids.path.read_bytes()[: bids.path.stat().st_size * 2 // 3])
    scan = bids.open()
    with pytest.raises(InputError, match="cut off or damaged"):
        scan.volume(scan.n_volumes - 1)


def test_values_that_are_no_numbers_and_empty_volumes_are_named(bids):
    values = np.random.default_rng(0).random((4, 5, 3, 12)).astype(np.float32)
    values[1, 1, 1, 3] = np.nan
    values[..., 5] = 0
    scan = bids.write(values).open()
    assert np.isfinite(scan.volume(2)).all()
    with pytest.raises(InputError, match="volume 4 has values that are not numbers") as caught:
        scan.volume(3)
    assert "1 voxels" in str(caught.value)
    with pytest.raises(InputError, match="volume 6 is empty"):
        scan.volume(5)


def test_events_after_the_end_of_the_run_are_refused_with_their_line(bids):
    scan = bids.write().open()
    bids.events.write_text(EVENTS + "24.5\t4.0\tlive\n", "utf-8")
    with pytest.raises(InputError, match="after the end of the run") as caught:
        events_of(scan, bids.root)
    assert "onset 24.5 s (line 4) in a run of 12 volumes × 2 s = 24 s" in str(caught.value)


def test_events_without_onset_or_without_a_file_are_refused(bids):
    scan = bids.write().open()
    bids.events.write_text(EVENTS + "n/a\t4.0\tlive\n", "utf-8")
    with pytest.raises(InputError, match="without an onset") as caught:
        events_of(scan, bids.root)
    assert "line 4" in str(caught.value)
    bids.events.unlink()
    with pytest.raises(InputError, match="is missing"):
        events_of(scan, bids.root)


def test_a_run_that_is_not_the_one_the_session_held_is_refused(bids):
    scan = bids.write().open()
    bids.say(bids.events.with_suffix(".json"), {"PlannedRepetitionTime": 1.5, "VolumesCounted": 8})
    with pytest.raises(InputError) as caught:
        events_of(scan, bids.root)
    assert "another repetition time than the session planned" in str(caught.value)
    assert "more volumes than the session counted" in str(caught.value)
    bids.say(bids.events.with_suffix(".json"), {"PlannedRepetitionTime": 2.0, "VolumesCounted": 12})
    assert len(events_of(scan, bids.root)) == 2
