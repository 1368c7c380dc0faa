"""A functional MRI recording comes home."""

import gzip
import json
from datetime import timedelta

import pytest

from experiments.attach.attaching import attach
from protocols.base.errors import InputError, NotAvailable, UsageError
from protocols.base.tables import read_frame
from tests.experiments.attach.made_up import Session, write_scan

FOLDER = "sub-01/ses-lab/func"
HOME = f"{FOLDER}/sub-01_ses-lab_task-passiveviewing_run-"


@pytest.fixture
def make(tmp_path):
    """A session in the scanner with a number of dummies."""

    def session(dummies=0, **header):
        return Session(
            tmp_path / "bids", modality="bold", repetition_time_s=2.0, dummy_volumes=dummies, **header
        )

    return session


@pytest.fixture
def files(tmp_path):
    return tmp_path / "scanner"


def about(events):
    return json.loads(events.with_suffix(".json").read_text())


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_is_put_beside_its_events(make, files):
    lab = make()
    at, events = lab.mri_run(1, 156)
    before = events.read_bytes()
    scan = write_scan(files, 156, at=at, TaskName="localizer_se12", PatientName="x", PatientPosition="HFS")
    done = attach(lab.bids, "01", "lab", 1, scan)
    image = lab.bids / f"{HOME}1_bold.nii.gz"
    assert image.read_bytes() == scan[0].read_bytes()
    sidecar = json.loads(image.with_name(image.name.replace(".nii.gz", ".json")).read_text())
    assert sidecar["TaskName"] == "passive_viewing"
    assert (sidecar["RepetitionTime"], sidecar["EchoTime"], sidecar["PatientPosition"]) == (2.0, 0.03, "HFS")
    assert "PatientName" not in sidecar
    assert any("PatientName" in line for line in done.lines())
    assert events.read_bytes() == before
    recording = about(events)["Recording"]
    assert (recording["volumes"], recording["pulses_counted"], recording["dummies_stored"]) == (
        156,
        156,
        False,
    )
    assert recording["onsets_moved_by_s"] == 0
    assert "156 volumes, 156 planned, 156 pulses counted" in done.lines()[0]


def test_dummies_that_were_not_stored_leave_onsets_as_they_are(make, files):
    lab = make(dummies=4)
    at, events = lab.mri_run(1, 100)
    attach(lab.bids, "01", "lab", 1, write_scan(files, 100, at=at))
    assert read_frame(events, numeric=("onset",))["onset"].tolist() == [1.0, 2.0]
    assert about(events)["Recording"]["dummies_stored"] is False


def test_dummies_that_were_stored_move_onset_zero_to_the_first_stored_volume(make, files):
    lab = make(dummies=4)
    at, events = lab.mri_run(1, 100)
    done = attach(lab.bids, "01", "lab", 1, write_scan(files, 104, at=at))
    table = read_frame(events, numeric=("onset", "session_onset"))
    assert table["onset"].tolist() == [9.0, 10.0]
    assert table["session_onset"].tolist() == [1.0, 2.0]
    recording = about(events)["Recording"]
    assert (recording["dummies_stored"], recording["onsets_moved_by_s"]) == (True, 8.0)
    assert "dummies are stored, onsets were moved by 8 s" in done.lines()[0]


def test_a_pulse_missed_among_the_dummies_moves_onset_zero_back_to_where_it_was(make, files):
    lab = make(dummies=4)
    at, events = lab.mri_run(1, 100, skip=(3,))
    done = attach(lab.bids, "01", "lab", 1, write_scan(files, 100, at=at))
    assert read_frame(events, numeric=("onset",))["onset"].tolist() == [3.0, 4.0]
    assert any("1 pulses were missed before onset 0" in line for line in done.lines())


def test_the_same_file_again_does_nothing_and_another_is_refused(make, files):
    lab = make()
    at, _ = lab.mri_run(1, 100)
    scan = write_scan(files, 100, at=at, packed=False)
    attach(lab.bids, "01", "lab", 1, scan)
    before = everything(lab.bids)
    assert gzip.decompress((lab.bids / f"{HOME}1_bold.nii.gz").read_bytes()) == scan[0].read_bytes()
    assert "nothing done" in attach(lab.bids, "01", "lab", 1, scan).lines()[0]
    with pytest.raises(UsageError, match="has another recording already"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, 101, name="other", at=at))
    assert everything(lab.bids) == before


def test_one_file_is_not_attached_to_two_runs(make, files):
    lab = make()
    lab.mri_run(1, 100)
    lab.mri_run(2, 100)
    scan = write_scan(files, 100)
    attach(lab.bids, "01", "lab", 1, scan)
    with pytest.raises(UsageError, match="is attached to run 1"):
        attach(lab.bids, "01", "lab", 2, scan)


def test_a_file_in_the_way_is_never_overwritten(make, files):
    lab = make()
    at, _ = lab.mri_run(1, 100)
    target = lab.bids / f"{HOME}1_bold.nii.gz"
    target.write_bytes(b"somebody else's")
    before = everything(lab.bids)
    with pytest.raises(UsageError, match="is there already, with other content"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, 100, at=at))
    assert everything(lab.bids) == before


def test_an_aborted_first_run_is_told_from_the_one_begun_again(make, files):
    lab = make()
    _, aborted = lab.mri_run(1, 100, pulses=37, status=None)
    lab.start()
    lab.journal.write(5.0, "run_end", label=1, status="crashed", volumes=None)
    lab.mri_run(2, 100)
    whole, part = write_scan(files, 100, name="whole"), write_scan(files, 37, name="part")
    with pytest.raises(InputError, match=r"run 1 \(passive_viewing, broke off\)") as refused:
        attach(lab.bids, "01", "lab", 1, whole)
    assert "--run 2" in str(refused.value)
    with pytest.raises(InputError, match="--run 1"):
        attach(lab.bids, "01", "lab", 2, part)
    attach(lab.bids, "01", "lab", 2, whole)
    done = attach(lab.bids, "01", "lab", 1, part)
    assert any("broke off (crashed): 37 of 100 volumes" in line for line in done.lines())
    assert about(aborted)["Recording"]["run_status"] == "crashed"


def test_a_scanner_that_went_on_after_the_session_broke_off_is_believed_by_its_clock(make, files):
    lab = make()
    at, _ = lab.mri_run(1, 100, pulses=37, status="stopped")
    lab.mri_run(2, 100)
    attach(lab.bids, "01", "lab", 1, write_scan(files, 100, at=at))


def test_a_broken_run_says_whether_dummies_are_stored_only_if_it_can(make, files):
    lab = make(dummies=2)
    lab.mri_run(1, 100, pulses=40, status="stopped")
    _, events = lab.mri_run(2, 100)
    with pytest.raises(InputError, match="attach a complete run first"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, 39, name="unclear"))
    attach(lab.bids, "01", "lab", 2, write_scan(files, 102, name="whole"))
    attach(lab.bids, "01", "lab", 1, write_scan(files, 39, name="unclear"))
    first = events.with_name(events.name.replace("run-2", "run-1"))
    assert about(first)["Recording"]["dummies_stored"] is True
    assert read_frame(first, numeric=("onset",))["onset"].tolist() == [5.0, 6.0]


@pytest.mark.parametrize(
    ("pulses", "volumes", "stored"),
    [(40, 40, True), (40, 38, False), (40, 30, None), (40, 100, False), (40, 102, True)],
)
def test_a_broken_runs_volumes_tell_of_the_dummies_when_they_agree_with_its_pulses_or_the_plan(
    make, files, pulses, volumes, stored
):
    lab = make(dummies=2)
    _, events = lab.mri_run(1, 100, pulses=pulses, status="stopped")
    scan = write_scan(files, volumes)
    if stored is None:
        with pytest.raises(InputError, match="is not the recording"):
            attach(lab.bids, "01", "lab", 1, scan)
    else:
        attach(lab.bids, "01", "lab", 1, scan)
        assert about(events)["Recording"]["dummies_stored"] is stored


@pytest.mark.parametrize("volumes", [99, 102])
def test_a_number_of_volumes_that_is_not_the_runs_is_refused(make, files, volumes):
    lab = make(dummies=4)
    lab.mri_run(1, 100)
    with pytest.raises(InputError, match=f"got: +{volumes} volumes"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, volumes))


def test_runs_in_the_wrong_order_are_recognized_by_the_scanners_clock(make, files):
    lab = make()
    first, _ = lab.mri_run(1, 150)
    second, _ = lab.mri_run(2, 150)
    swapped = write_scan(files, 150, name="second", at=second)
    with pytest.raises(InputError, match=r"acquired 5\.5 minutes after the run") as refused:
        attach(lab.bids, "01", "lab", 1, swapped)
    assert "--run 2" in str(refused.value)
    attach(lab.bids, "01", "lab", 1, write_scan(files, 150, name="first", at=first))
    attach(lab.bids, "01", "lab", 2, swapped)


def test_a_scanner_whose_clock_is_hours_off_is_checked_from_the_second_recording_on(make, files):
    lab = make()
    wrong = timedelta(hours=5, minutes=17)
    times = [lab.mri_run(number, 150)[0] + wrong for number in (1, 2, 3)]
    scans = [write_scan(files, 150, name=f"scan{i}", at=at) for i, at in enumerate(times)]
    done = attach(lab.bids, "01", "lab", 1, scans[0])
    assert any("differ by 317.0 minutes" in line for line in done.lines())
    with pytest.raises(InputError, match="--run 3"):
        attach(lab.bids, "01", "lab", 2, scans[2])
    attach(lab.bids, "01", "lab", 2, scans[1])
    with pytest.raises(InputError, match="swapped"):
        attach(
            lab.bids, "01", "lab", 3, write_scan(files, 150, name="other", at=times[2] + timedelta(hours=1))
        )
    attach(lab.bids, "01", "lab", 3, scans[2])


def test_a_date_and_time_is_kept_as_a_time_only(make, files):
    lab = make()
    at, _ = lab.mri_run(1, 100)
    local = at.astimezone()
    scan = write_scan(files, 100, AcquisitionDateTime=local.strftime("%Y-%m-%dT%H:%M:%S.%f"))
    done = attach(lab.bids, "01", "lab", 1, scan)
    sidecar = json.loads((lab.bids / f"{HOME}1_bold.json").read_text())
    assert sidecar["AcquisitionTime"] == local.strftime("%H:%M:%S.%f")
    assert "AcquisitionDateTime" not in sidecar
    assert not any("order" in line for line in done.lines())


@pytest.mark.parametrize(
    ("how", "got", "hint"),
    [
        (
            {"RepetitionTime": 1.7935},
            r"RepetitionTime of the JSON 1\.7935 s",
            "correct RepetitionTime of the JSON",
        ),
        ({"tr": 1.5}, r"the plan 2\.0000 s", "the converter may be wrong"),
    ],
)
def test_a_repetition_time_that_contradicts_the_plan_is_refused(make, files, how, got, hint):
    lab = make()
    lab.mri_run(1, 100)
    with pytest.raises(InputError, match=got) as refused:
        attach(lab.bids, "01", "lab", 1, write_scan(files, 100, **how))
    assert hint in str(refused.value)
    assert not (lab.bids / f"{HOME}1_bold.nii.gz").exists()


def test_pulses_that_contradict_the_repetition_time_are_the_scanners_word(make, files):
    lab = make()
    lab.header = lab.header.__class__(**{**lab.header.__dict__, "repetition_time_s": 1.5})
    lab.start()
    lab.mri_run(1, 100)
    with pytest.raises(InputError, match=r"the pulses in the journal 2\.0000 s") as refused:
        attach(lab.bids, "01", "lab", 1, write_scan(files, 100, tr=1.5))
    assert "amend the plan" in str(refused.value)


def test_a_repetition_time_told_by_the_nifti_header_alone_is_written_into_the_sidecar(make, files):
    lab = make()
    lab.mri_run(1, 100)
    scan = write_scan(files, 100)
    scan[1].write_text("{}")
    attach(lab.bids, "01", "lab", 1, scan)
    assert json.loads((lab.bids / f"{HOME}1_bold.json").read_text())["RepetitionTime"] == 2.0


def test_the_json_beside_the_image_is_found_and_one_that_is_missing_is_asked_for(make, files):
    lab = make()
    lab.mri_run(1, 100)
    image, beside = write_scan(files, 100)
    content = beside.read_text()
    beside.unlink()
    with pytest.raises(InputError, match=r"has no JSON beside it"):
        attach(lab.bids, "01", "lab", 1, [image])
    beside.write_text(content)
    attach(lab.bids, "01", "lab", 1, [image])


@pytest.mark.parametrize("names", [["a.nii", "b.nii"], ["a.json"], ["a.nii", "b.txt"], ["rec.edf"]])
def test_what_is_not_one_functional_file_is_refused(make, files, names):
    lab = make()
    lab.mri_run(1, 100)
    with pytest.raises(UsageError, match="must be one functional file"):
        attach(lab.bids, "01", "lab", 1, [files / name for name in names])


def test_a_single_volume_is_not_a_run(make, files):
    lab = make()
    lab.mri_run(1, 100)
    with pytest.raises(InputError, match="holds a single volume"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, 1))


def test_a_run_that_never_reached_its_onset_zero_takes_no_recording(make, files):
    lab = make(dummies=4)
    lab.mri_run(1, 100, pulses=3, status="stopped")
    with pytest.raises(InputError, match="ended before its onset 0"):
        attach(lab.bids, "01", "lab", 1, write_scan(files, 3))


def test_dicom_files_need_dcm2niix(make, files, monkeypatch):
    lab = make()
    lab.mri_run(1, 100)
    files.mkdir()
    monkeypatch.setenv("PATH", str(files))
    with pytest.raises(NotAvailable, match="dcm2niix is not installed"):
        attach(lab.bids, "01", "lab", 1, [files])


@pytest.mark.parametrize("series", [0, 1, 2])
def test_dicom_files_are_converted_and_must_be_one_functional_series(make, tmp_path, monkeypatch, series):
    lab = make()
    lab.mri_run(1, 100)
    for i in range(series):
        write_scan(tmp_path / "ready", 100, name=f"series{i}")
    write_scan(tmp_path / "ready", 1, name="localizer")
    programs, dicom = tmp_path / "programs", tmp_path / "dicom"
    programs.mkdir()
    dicom.mkdir()
    program = programs / "dcm2niix"  # -b y -ba y -z y -f series%s -o FOLDER DICOM
    program.write_text(f'#!/bin/sh\n[ "${{11}}" = "{dicom}" ] && cp "{tmp_path}/ready/"* "${{10}}/"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    if series == 1:
        attach(lab.bids, "01", "lab", 1, [dicom])
        assert (lab.bids / f"{HOME}1_bold.nii.gz").exists()
    else:
        with pytest.raises(InputError, match="must hold one functional series"):
            attach(lab.bids, "01", "lab", 1, [dicom])


def test_a_session_of_keys_alone_has_no_recordings(make, files):
    lab = make()
    lab.header = lab.header.__class__(**{**lab.header.__dict__, "modality": "beh", "session": "keys"})
    lab.start()
    lab.begin(1)
    lab.end(1)
    with pytest.raises(UsageError, match="only keys were recorded"):
        attach(lab.bids, "01", "keys", 1, write_scan(files, 10))
