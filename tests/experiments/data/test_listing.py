"""Lists of sessions, and how one of them went."""

from dataclasses import replace

import pytest

from experiments.data.listing import list_sessions, show_session
from experiments.data.tombstones import bury
from experiments.session.journal import FOLDER
from protocols.base.errors import InputError
from tests.experiments.data import made_up


def test_every_session_has_its_line(tmp_path):
    made_up.scan(tmp_path)
    made_up.behavior(
        tmp_path, header=replace(made_up.HEADER, session="answers", modality="beh", mode="pilot")
    )
    lines = list_sessions(tmp_path)
    assert [line.split() for line in lines] == [
        ["participant", "session", "status", "done", "mode", "last", "(UTC)"],
        ["sub-01", "answers", "complete", "2", "runs,", "54", "trials", "pilot", "2026-03-02", "09:04"],
        ["sub-01", "scan", "complete", "2", "runs,", "12", "trials", "run", "2026-03-02", "09:02"],
    ]
    assert lines[1].index("complete") == lines[2].index("complete")


def test_what_is_odd_stands_beneath_and_stops_nothing(tmp_path):
    torn = made_up.scan(tmp_path, crash=True)
    torn.write_bytes(torn.read_bytes()[:-5])
    made_up.eeg(tmp_path)
    damaged = made_up.scan(tmp_path, header=replace(made_up.HEADER, participant="sub-02"))
    damaged.write_bytes(damaged.read_bytes().replace(b'"kind": "zero"', b'"kind', 1))
    text = "\n".join(list_sessions(tmp_path))
    assert "sub-01       scan     crashed   1 of 2 runs complete, 8 trials" in text
    assert "! journal-001.jsonl: its last line was cut off; nothing else is missing" in text
    assert "! crashed, or is still running" in text
    assert "! 1 fault of devices" in text
    assert "sub-02       scan     damaged" in text
    assert "is not a line of a journal" in text


def test_an_empty_folder_says_how_a_session_begins(tmp_path):
    assert list_sessions(tmp_path) == [f"There is no session in {tmp_path} yet: 'bazin run' begins one."]
    bury(tmp_path, "sub-03")
    assert list_sessions(tmp_path)[-1] == "1 person withdrew and was removed."


def test_one_session_is_told_with_what_is_wrong_first(tmp_path):
    made_up.scan(tmp_path)
    lines = show_session(tmp_path, "01", "scan")
    assert lines[0] == "sub-01, session scan: complete, 2 runs, 12 trials"
    assert "Clips: 7 usable, 1 usable with note, 2 unusable" in lines
    at = [i for i, line in enumerate(lines) if "unusable:" in line or "with note: dropped" in line]
    assert (
        lines[at[0]]
        == "  s2_cartoon (passive_viewing trial 2): unusable: dropped frames: 8 of 50; late flips: 1"
    )
    assert lines[at[2]].startswith("  s4_ai")
    assert any("32 of 32 volumes, 6 markers sent, 0 lost" in line for line in lines)


def test_operator_and_faults_are_told_with_their_time(tmp_path):
    made_up.behavior(tmp_path)
    assert "  09:00:29  operator: pause" in show_session(tmp_path, "01", "answers")
    made_up.eeg(tmp_path)
    assert "  09:00:10  serial: could not be written to" in show_session(tmp_path, "sub-01", "eeg")


def test_unknown_sessions_name_those_there_are(tmp_path):
    made_up.scan(tmp_path)
    with pytest.raises(InputError, match="did you mean 'scan'"):
        show_session(tmp_path, "01", "scna")
    with pytest.raises(InputError, match="accepted: sub-01"):
        show_session(tmp_path, "77", "scan")
    bury(tmp_path, "sub-01")
    with pytest.raises(InputError, match="withdrew on"):
        show_session(tmp_path, "01", "scan")
    assert (tmp_path / FOLDER / "withdrawn.tsv").exists()
