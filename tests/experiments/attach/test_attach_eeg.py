"""An EEG recording comes home."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.attach import eeg
from experiments.attach.alignment import Markers
from experiments.attach.attaching import attach
from experiments.attach.reading import Recording, opened_file, read
from protocols.base.bids import Name
from protocols.base.errors import InputError, NotAvailable, UsageError
from protocols.base.tables import read_frame
from tests.experiments.attach.made_up import CODES, Session, planted, write_brainvision


def plan_codes(markers):
    """Codes 1-5 as those of the plan."""
    return Markers(markers.times, np.array(sorted(CODES.values()))[markers.codes - 1])


@pytest.fixture
def lab(tmp_path):
    return Session(tmp_path / "bids")


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """Give a file the markers a reader would find in it; returns the file."""
    known = {}

    def make(markers, name="rec", seconds=9000.0):
        path = tmp_path / f"{name}.edf"
        path.write_bytes(f"recording {name}".encode())

        def write(root, entities):
            run = {key: entities[key] for key in ("sub", "ses", "task", "run")}
            folder = root / f"sub-{run['sub']}" / f"ses-{run['ses']}" / "eeg"
            folder.mkdir(parents=True)
            for suffix, extension in (("eeg", ".vhdr"), ("eeg", ".eeg"), ("eeg", ".json"), ("events", ".tsv"),
                                      ("events", ".json"), ("channels", ".tsv")):  # fmt: skip
                (folder / str(Name(suffix, extension, run))).write_text(f"of {name}: {suffix}{extension}")
            (folder / f"sub-{run['sub']}_ses-{run['ses']}_electrodes.tsv").write_text(f"of {name}")
            (folder.parent / "sub-01_ses-lab_scans.tsv").write_text("not taken")

        known[path] = Recording((markers,), seconds, write)
        return path

    monkeypatch.setattr(eeg, "read", lambda path, _names: known[path])
    return make


def sidecar(events):
    return json.loads(events.with_suffix(".json").read_text())


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_onsets_come_to_lie_on_the_recordings_clock(lab, recorded):
    journal, markers, _ = planted("one")
    events = lab.eeg_run(2, plan_codes(journal), onsets=(0.0, 10.0, 400.0))
    done = attach(lab.bids, "01", "lab", 2, [recorded(plan_codes(markers))])

    first = 3600.25 + (1 + 50e-6) * journal.times[0]
    table = read_frame(events, numeric=("onset", "session_onset"))
    assert table["onset"].to_numpy() == pytest.approx([first, first + 10.0005, first + 400.02], abs=0.001)
    assert table["session_onset"].tolist() == [0.0, 10.0, 400.0]
    assert table["response"].tolist() == [None, None, None]

    about = sidecar(events)
    assert about["OnsetReference"] == "recording"
    assert about["TaskName"] == "passive_viewing"
    assert "first sample of the recording" in about["onset"]["Description"]
    found = about["Alignment"]
    assert (found["matched"], found["missing"], found["spurious"]) == (117, 3, 2)
    assert found["drift_ppm"] == pytest.approx(50, abs=3)
    assert found["offset_s"] == pytest.approx(first, abs=0.001)
    assert 0 < found["rms_residual_ms"] < found["max_residual_ms"] < 5
    assert "117 of 120 triggers found (3 missing, 2 spurious)" in done.lines()[0]


def test_the_recording_is_put_beside_the_events_and_no_events_but_ours_are_written(lab, recorded):
    journal, markers, _ = planted("one")
    events = lab.eeg_run(1, plan_codes(journal))
    attach(lab.bids, "sub-01", "lab", 1, [recorded(plan_codes(markers))])
    names = {
        path.name.removeprefix("sub-01_ses-lab_task-passiveviewing_run-1_")
        for path in events.parent.iterdir()
    }
    assert names == {"events.tsv", "events.json", "eeg.vhdr", "eeg.eeg", "eeg.json", "channels.tsv",
                     "sub-01_ses-lab_electrodes.tsv"}  # fmt: skip
    assert "of rec" not in events.read_text()
    assert [path.name for path in (lab.bids / "sourcedata").iterdir()] == ["bazin"]


def test_the_name_of_the_source_file_is_written_nowhere(lab, recorded):
    journal, markers, _ = planted("one")
    events = lab.eeg_run(1, plan_codes(journal))
    attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers), name="AnnaB")])
    assert "AnnaB" not in events.read_text() + events.with_suffix(".json").read_text()


def test_attaching_the_same_recording_again_does_nothing(lab, recorded):
    journal, markers, _ = planted("one")
    lab.eeg_run(1, plan_codes(journal))
    path = recorded(plan_codes(markers))
    attach(lab.bids, "01", "lab", 1, [path])
    before = everything(lab.bids)
    assert "nothing done" in attach(lab.bids, "01", "lab", 1, [path]).lines()[0]
    assert everything(lab.bids) == before


def test_another_recording_never_replaces_the_first(lab, recorded):
    journal, markers, _ = planted("one")
    lab.eeg_run(1, plan_codes(journal))
    attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers))])
    before = everything(lab.bids)
    with pytest.raises(UsageError, match="has another recording already"):
        attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers), name="second")])
    assert everything(lab.bids) == before


def test_stopped_before_the_sidecar_was_written_it_is_finished_and_nothing_shifted_twice(lab, recorded):
    journal, markers, _ = planted("one")
    events = lab.eeg_run(1, plan_codes(journal))
    before = sidecar(events)
    path = recorded(plan_codes(markers))
    attach(lab.bids, "01", "lab", 1, [path])
    after = everything(lab.bids)
    events.with_suffix(".json").write_text(json.dumps(before))
    attach(lab.bids, "01", "lab", 1, [path])
    assert everything(lab.bids) == after


def test_a_swapped_file_is_refused_by_naming_the_run_it_belongs_to(lab, recorded):
    first, _, _ = planted("one")
    second, markers, _ = planted("two")
    lab.eeg_run(1, plan_codes(first))
    lab.eeg_run(2, plan_codes(second))
    path = recorded(plan_codes(markers))
    before = everything(lab.bids)
    with pytest.raises(InputError, match="does not hold the triggers of run 1") as refused:
        attach(lab.bids, "01", "lab", 1, [path])
    assert "--run 2" in refused.value.faults[0].way_out
    assert "accepted" in str(refused.value)
    assert "95%" in str(refused.value)
    assert everything(lab.bids) == before
    attach(lab.bids, "01", "lab", 2, [path])


def test_the_file_of_a_run_begun_again_is_not_taken_for_that_of_the_aborted_one(lab, recorded):
    journal, markers, _ = planted("one")
    whole = plan_codes(journal)
    lab.eeg_run(1, Markers(whole.times[:40], whole.codes[:40]), status=None)
    lab.start()
    lab.journal.write(5.0, "run_end", label=1, status="crashed", volumes=None)
    lab.eeg_run(2, whole)
    path = recorded(plan_codes(markers))
    with pytest.raises(InputError, match=r"fits run 1 \(.*broke off\), but run 2 .* better"):
        attach(lab.bids, "01", "lab", 1, [path])
    assert attach(lab.bids, "01", "lab", 2, [path]).found


def test_one_recording_of_the_whole_session_serves_every_run(lab, recorded):
    runs = [planted("session", i, n=160 - 40 * i, offset_s=1000.0 * i) for i in (1, 2)]
    for i, (journal, _, _) in enumerate(runs, start=1):
        lab.eeg_run(i, plan_codes(journal))
    whole = Markers.of(
        np.concatenate([markers.times for _, markers, _ in runs]),
        np.concatenate([plan_codes(markers).codes for _, markers, _ in runs]),
    )
    path = recorded(whole)
    for i, (journal, _, _) in enumerate(runs, start=1):
        attach(lab.bids, "01", "lab", i, [path])
        events = lab.bids / f"sub-01/ses-lab/eeg/sub-01_ses-lab_task-passiveviewing_run-{i}_events.tsv"
        assert sidecar(events)["Alignment"]["offset_s"] == pytest.approx(
            1000 * i + journal.times[0], abs=0.002
        )


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (lambda m: Markers(m.times[:0], m.codes[:0]), "no markers at all"),
        (lambda m: Markers(m.times, m.codes + 100), "none of the codes sent"),
        (lambda m: Markers(m.times[m.codes != 31], m.codes[m.codes != 31]), "never recorded: code 31"),
        (lambda m: Markers(m.times[20:] - m.times[20], m.codes[20:]), "began too late for 20 triggers"),
        (lambda m: Markers(m.times + 0.045 * (np.arange(len(m)) % 9 == 0), m.codes), "paused or have lost samples"),
        (lambda m: Markers(m.times[np.arange(len(m)) % 5 != 2], m.codes[np.arange(len(m)) % 5 != 2]), "were lost"),
    ],
)  # fmt: skip
def test_what_may_be_the_matter_is_told(lab, recorded, change, hint):
    journal, markers, _ = planted("one", lost=0, spurious=0, offset_s=-10.0)
    lab.eeg_run(1, plan_codes(journal))
    with pytest.raises(InputError, match=hint):
        attach(lab.bids, "01", "lab", 1, [recorded(change(plan_codes(markers)))])


def test_a_run_with_three_triggers_cannot_be_matched(lab, recorded):
    journal, markers, _ = planted("few", n=3, lost=0, spurious=0)
    lab.eeg_run(1, plan_codes(journal))
    with pytest.raises(InputError, match="it sent 3 triggers"):
        attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers))])


def test_a_rhythm_that_fits_twice_is_refused(lab, recorded):
    times = 2.5 * np.arange(80)
    lab.eeg_run(1, Markers.of(times, np.full(80, 11)))
    with pytest.raises(InputError, match=r"at two places, 2\.500 s apart"):
        attach(lab.bids, "01", "lab", 1, [recorded(Markers.of(times[1:], np.full(79, 11)))])


def test_events_outside_the_recording_are_kept_and_counted(lab, recorded):
    journal, markers, _ = planted("one", offset_s=0.0)
    events = lab.eeg_run(1, plan_codes(journal), onsets=(-50.0, 1.0, 5000.0))
    done = attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers), seconds=1000.0)])
    assert len(read_frame(events)) == 3
    assert any("2 events lie before or after" in line for line in done.lines())


def test_two_runs_that_the_same_markers_fit_are_named(lab, recorded):
    journal, markers, _ = planted("one")
    lab.eeg_run(1, plan_codes(journal))
    lab.eeg_run(2, plan_codes(journal))
    done = attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers))])
    assert any("run 2" in line and "as well" in line for line in done.lines())


@pytest.mark.parametrize(
    ("who", "session", "run", "error", "named"),
    [
        ("02", "lab", 1, InputError, "sub-01"),
        ("01", "lap", 1, InputError, "did you mean 'lab'"),
        ("01", "lab", 7, UsageError, r"run 1 \(passive_viewing\)"),
    ],
)
def test_an_unknown_person_session_or_run_names_what_there_is(lab, recorded, who, session, run, error, named):
    journal, markers, _ = planted("one")
    lab.eeg_run(1, plan_codes(journal))
    with pytest.raises(error, match=named):
        attach(lab.bids, who, session, run, [recorded(plan_codes(markers))])


def test_events_that_were_not_exported_yet_say_so(lab, recorded):
    journal, markers, _ = planted("one")
    lab.eeg_run(1, plan_codes(journal)).unlink()
    with pytest.raises(InputError, match="bazin session export"):
        attach(lab.bids, "01", "lab", 1, [recorded(plan_codes(markers))])


def test_the_three_files_of_a_brainvision_recording_are_one(tmp_path):
    header = write_brainvision(tmp_path, Markers.of([1.0], [11]))
    parts = [header.with_suffix(suffix) for suffix in (".eeg", ".vmrk")]
    assert opened_file([*parts, header]) == header
    with pytest.raises(UsageError, match="does not belong to rec"):
        opened_file([header, tmp_path / "other.vmrk"])
    with pytest.raises(UsageError, match="name the file that is opened"):
        opened_file(parts)
    with pytest.raises(UsageError, match="each run by itself"):
        opened_file([header, tmp_path / "other.edf"])
    with pytest.raises(InputError, match="does not exist"):
        opened_file([tmp_path / "other.edf"])


def test_without_the_extra_its_installation_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(NotAvailable, match="make env EXTRAS=eeg"):
        read(write_brainvision(tmp_path, Markers.of([1.0], [11])), CODES)


def test_markers_are_looked_for_in_annotations_and_in_every_trigger_channel(tmp_path, monkeypatch):
    """With a stand-in for MNE: its times count from the measurement's date, ours from the first sample."""

    class Raw(SimpleNamespace):
        def get_channel_types(self):
            return ["eeg", "stim"]

        def get_data(self, picks):
            assert picks == ["Status"]
            return np.array([[0, 0, 21, 21, 0]])

    raw = Raw(
        info={"sfreq": 10.0}, ch_names=["Cz", "Status"], n_times=5, first_time=100.0,
        annotations=SimpleNamespace(onset=np.array([100.3]), description=np.array(["Stimulus/S 11"])),
    )  # fmt: skip
    opened = {}

    def read_raw_bdf(path, **how):
        opened.update(how, path=path)
        return raw

    monkeypatch.setitem(sys.modules, "mne", SimpleNamespace(io=SimpleNamespace(read_raw_bdf=read_raw_bdf)))
    found = read(tmp_path / "rec.BDF", CODES)
    assert [(one.times.round(6).tolist(), one.codes.tolist()) for one in found.sources] == [
        ([0.3], [11]),
        ([0.2], [21]),
    ]
    assert found.duration_s == 0.5
    assert opened["preload"] is False


class Written(list):
    """A stand-in for mne-bids that remembers how it was called."""

    def __init__(self, monkeypatch):
        super().__init__()
        library = SimpleNamespace(
            BIDSPath=lambda **entities: entities,
            write_raw_bids=lambda raw, path, **how: self.append((raw, path, how)),
        )
        monkeypatch.setitem(sys.modules, "mne_bids", library)
        monkeypatch.setitem(sys.modules, "pybv", SimpleNamespace())


RUN = {"sub": "01", "ses": "lab", "task": "film", "run": "2"}


def test_an_xdf_file_is_written_as_brainvision_with_markers_on_its_samples_clock(tmp_path, monkeypatch):
    """With stand-ins for pyxdf, MNE and mne-bids."""
    stamps = 1000 + np.arange(500) / 100
    description = (
        {"label": ["Cz"], "type": ["EEG"], "unit": ["microvolts"]},
        {"label": ["TRG"], "type": ["trg"]},
    )
    samples = np.stack([np.full(500, 5.0), np.where(np.arange(500) == 300, 21, 0)], axis=1)
    streams = [
        {"info": {"name": ["bazin"], "type": ["Markers"], "nominal_srate": ["0"]},
         "time_series": [["11"]], "time_stamps": [1001.5]},
        {"info": {"name": ["amp"], "type": ["EEG"], "nominal_srate": ["100"],
                  "desc": [{"channels": [{"channel": description}]}]},
         "time_series": samples, "time_stamps": stamps},
    ]  # fmt: skip
    monkeypatch.setitem(sys.modules, "pyxdf", SimpleNamespace(load_xdf=lambda _path: (streams, {})))
    mne = SimpleNamespace(
        create_info=lambda *about: about,
        io=SimpleNamespace(RawArray=lambda data, info, **_how: (data, info)),
    )
    monkeypatch.setitem(sys.modules, "mne", mne)
    found = read(tmp_path / "rec.xdf", CODES)
    assert [(one.times.round(6).tolist(), one.codes.tolist()) for one in found.sources] == [
        ([1.5], [11]),
        ([3.0], [21]),
    ]
    assert found.duration_s == 5.0
    written = Written(monkeypatch)
    found.write(tmp_path / "root", RUN)
    (((data, info), path, how),) = written
    assert data[:, 300] == pytest.approx([5e-6, 21])
    assert info == (["Cz", "TRG"], 100.0, ["eeg", "stim"])
    assert path == {"subject": "01", "session": "lab", "task": "film", "run": "2", "datatype": "eeg",
                    "root": tmp_path / "root"}  # fmt: skip
    assert (how["format"], how["allow_preload"], how["overwrite"]) == ("BrainVision", True, False)


@pytest.mark.parametrize(("suffix", "expected"), [("vhdr", "auto"), ("edf", "BrainVision")])
def test_what_is_brainvision_already_is_copied_and_the_rest_converted(
    tmp_path, monkeypatch, suffix, expected
):
    raw = SimpleNamespace(
        info={"sfreq": 10.0}, ch_names=[], n_times=5, first_time=0.0, get_channel_types=list,
        annotations=SimpleNamespace(onset=np.array([]), description=np.array([])),
    )  # fmt: skip
    readers = SimpleNamespace(
        read_raw_brainvision=lambda _path, **_how: raw, read_raw_edf=lambda _path, **_how: raw
    )
    monkeypatch.setitem(sys.modules, "mne", SimpleNamespace(io=readers))
    written = Written(monkeypatch)
    read(tmp_path / f"rec.{suffix}", CODES).write(tmp_path, RUN)
    assert written[0][2]["format"] == expected


def test_a_file_its_reader_stumbles_over_is_named_without_a_traceback(tmp_path, monkeypatch):
    def read_raw_edf(path, **_how):
        raise ZeroDivisionError(f"record size of {path.name}")

    monkeypatch.setitem(sys.modules, "mne", SimpleNamespace(io=SimpleNamespace(read_raw_edf=read_raw_edf)))
    with pytest.raises(InputError, match="cannot be read: record size"):
        read(tmp_path / "rec.edf", CODES)


def test_a_brainvision_recording_comes_home_through_mne(lab, tmp_path):
    mne = pytest.importorskip("mne", reason="the extra 'eeg' is not installed")
    pytest.importorskip("mne_bids", reason="the extra 'eeg' is not installed")
    journal, markers, _ = planted("one", offset_s=2.0)
    events = lab.eeg_run(1, plan_codes(journal))
    header = write_brainvision(tmp_path / "amplifier", plan_codes(markers))
    attach(lab.bids, "01", "lab", 1, [header])
    assert sidecar(events)["Alignment"]["matched"] == 117
    home = events.with_name(events.name.replace("_events.tsv", "_eeg.vhdr"))
    assert home.with_suffix(".eeg").read_bytes() == header.with_suffix(".eeg").read_bytes()
    assert mne.io.read_raw_brainvision(home, verbose="error").ch_names == ["Cz", "Pz"]
    assert sidecar(events)["OnsetReference"] == "recording"


@pytest.mark.parametrize("extension", [".edf", ".fif"])
def test_other_formats_are_written_as_brainvision(lab, tmp_path, extension):
    mne = pytest.importorskip("mne", reason="the extra 'eeg' is not installed")
    pytest.importorskip("mne_bids", reason="the extra 'eeg' is not installed")
    if extension == ".edf":
        pytest.importorskip("edfio", reason="the extra 'eeg' is not installed")
    journal, markers, _ = planted("one", offset_s=2.0)
    events = lab.eeg_run(1, plan_codes(journal))
    raw = mne.io.read_raw_brainvision(write_brainvision(tmp_path, plan_codes(markers)), verbose="error")
    path = tmp_path / f"rec_raw{extension}"
    if extension == ".fif":
        raw.save(path, verbose="error")
    else:
        mne.export.export_raw(path, raw, verbose="error")
    attach(lab.bids, "01", "lab", 1, [path])
    assert sidecar(events)["Alignment"]["matched"] == 117
    assert events.with_name(events.name.replace("_events.tsv", "_eeg.vhdr")).exists()
