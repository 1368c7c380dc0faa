"""From a session's journal to its export to its recordings."""

import json

import numpy as np
import pytest

from experiments.attach import eeg
from experiments.attach.alignment import Markers
from experiments.attach.attaching import attach
from experiments.attach.reading import Recording
from experiments.attach.runs import runs_of
from experiments.data.export import export_session
from protocols.base.tables import read_frame
from tests.bids_validator import errors_of
from tests.experiments.attach.made_up import write_scan
from tests.experiments.data import made_up


def everything(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_exported_runs_get_their_scans_stay_valid_and_are_not_exported_over(tmp_path):
    bids = tmp_path / "bids"
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    tables = sorted(bids.glob("sub-01/ses-scan/func/*_events.tsv"))
    before = [read_frame(path, numeric=("onset",)) for path in tables]
    for number in (1, 2):
        attach(bids, "01", "scan", number, write_scan(tmp_path, 32, name=f"s{number}"))
    assert errors_of(bids) == []
    for path, old in zip(tables, before, strict=True):
        new = read_frame(path, numeric=("onset", "session_onset"))
        assert new["onset"].to_numpy() == pytest.approx(old["onset"] + 4.0)
        assert new["session_onset"].tolist() == old["onset"].tolist()
        assert new["trial_type"].tolist() == old["trial_type"].tolist()
    attached = everything(bids)
    export_session(bids, "01", "scan")
    assert everything(bids) == attached


def test_a_session_whose_first_marker_could_not_be_sent_is_brought_onto_the_amplifiers_clock(
    tmp_path, monkeypatch
):
    bids = tmp_path / "bids"
    made_up.eeg(bids, lost=1)
    export_session(bids, "01", "eeg")
    (run,) = runs_of(bids, "01", "eeg")
    events = run.files.events
    assert json.loads(run.files.sidecar.read_text())["OnsetReference"] == "trigger 1"
    before = read_frame(events, numeric=("onset",))["onset"].to_numpy()
    heard = Markers(12.5 + (1 - 30e-6) * run.triggers.times, run.triggers.codes)
    monkeypatch.setattr(
        eeg, "read", lambda _path, _names: Recording((heard,), 300.0, lambda _root, _entities: None)
    )
    recording = tmp_path / "rec.edf"
    recording.write_bytes(b"signals")
    attach(bids, "01", "eeg", 1, [recording])
    after = read_frame(events, numeric=("onset",))["onset"].to_numpy()
    assert np.abs(after - (12.5 + (1 - 30e-6) * before)).max() < 1e-5
    assert json.loads(run.files.sidecar.read_text())["OnsetReference"] == "recording"
    assert errors_of(bids) == []
