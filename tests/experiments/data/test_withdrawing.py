"""Somebody who withdraws is removed everywhere."""

import json
import shutil
from dataclasses import replace

import pytest

from experiments.data.export import export_session
from experiments.data.page import session_page
from experiments.data.tombstones import TABLE
from experiments.data.withdrawing import withdraw
from experiments.session.journal import FOLDER
from protocols.base.errors import InputError, OutputError
from tests.experiments.data import made_up


@pytest.fixture
def bids(tmp_path, study):
    """A data set of one's own."""
    return shutil.copytree(study, tmp_path / "bids")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two people, one of whom is called as the other one's beginning, and what an analysis made of both."""
    folder = tmp_path_factory.mktemp("study") / "bids"
    for code in ("sub-1", "sub-10"):
        made_up.scan(folder, header=replace(made_up.HEADER, participant=code, uid=code))
        export_session(folder, code, "scan")
        session_page(folder, code, "scan")
    out = folder / "derivatives" / "bazin"
    (out / "measures").mkdir(parents=True)
    (out / "measures" / "measure-sees.tsv").write_bytes(
        b'participant_id\tgroup\tvalue\r\nsub-1\tchild\t1\r\nsub-10\tchild\t0\r\nsub-1\tchild\t"a\tb"\r\n'
    )
    (out / "measures" / "measure-sees.json").write_text(json.dumps({"Sources": ["sub-1/x", "sub-10/x"]}))
    (out / "results").mkdir()
    (out / "results" / "tests.tsv").write_text("hypothesis\tp\nH1\t.1\n")
    (out / "verdict.json").write_text("{}")
    (out / "report.html").write_text("<p>2 people</p>")
    (out / "figures").mkdir()
    (out / "figures" / "sub-1_motion.png").write_bytes(b"png")
    (out / "sub-1" / "func").mkdir(parents=True)
    (out / "sub-1" / "func" / "sub-1_bold.nii.gz").write_bytes(b"nii")
    other = folder / "derivatives" / "other"
    other.mkdir()
    (other / "verdict.json").write_text("{}")
    (folder / "sourcedata" / "bazin" / "flags.tsv").write_text("participant_id\tflag\n1\todd\n10\todd\n")
    (folder / "phenotype").mkdir()
    (folder / "phenotype" / "scores.csv").write_text("participant_id,score\nsub-1,3\nsub-10,4\n")
    return folder


def left_of(bids, code):
    """Files below the folder that name somebody, in their path or their text."""
    token = code.encode() + b"_", code.encode() + b"/", code.encode() + b"\t", code.encode() + b","
    return [
        path for path in bids.rglob("*")
        if f"{code}/" in f"{path.relative_to(bids)}/" or f"{code}_" in path.name
        or (path.is_file() and path != bids / TABLE and any(one in path.read_bytes() for one in token))
    ]  # fmt: skip


def test_nothing_of_the_person_is_left_but_code_and_day(bids):
    assert len(left_of(bids, "sub-1")) > 10
    done = withdraw(bids, "1")
    assert left_of(bids, "sub-1") == [
        bids / "derivatives/bazin/measures/measure-sees.json"
    ]  # and it is named:
    assert [path.name for path in done.mentions] == ["measure-sees.json"]
    assert (bids / TABLE).read_text().splitlines()[0] == "participant_id\tdate"
    assert len((bids / TABLE).read_text().splitlines()) == 2


def test_everybody_else_stays_to_the_byte(bids):
    before = {path: path.read_bytes() for path in left_of(bids, "sub-10") if path.is_file()}
    withdraw(bids, "sub-1")
    tables = ("participants.tsv", "measure-sees.tsv", "scores.csv")
    for path, content in before.items():
        if path.name not in tables:
            assert path.read_bytes() == content
    assert (bids / "derivatives/bazin/measures/measure-sees.tsv").read_bytes() == (
        b"participant_id\tgroup\tvalue\r\nsub-10\tchild\t0\r\n"
    )
    assert (bids / "participants.tsv").read_text() == "participant_id\tgroup\tage_months\nsub-10\tchild\t62\n"
    assert (bids / "sourcedata/bazin/flags.tsv").read_text() == "participant_id\tflag\n10\todd\n"
    assert (bids / "phenotype/scores.csv").read_text() == "participant_id,score\nsub-10,4\n"


def test_what_was_removed_and_what_must_be_computed_again_is_told(bids):
    done = withdraw(bids, "sub-1")
    removed = {path.as_posix() for path in done.removed}
    assert {
        "sub-1",
        f"{FOLDER}/sub-1",
        "derivatives/bazin/sub-1",
        "derivatives/bazin/figures/sub-1_motion.png",
    } <= removed
    assert {path.name: n for path, n in done.rows.items()} == {
        "participants.tsv": 1, "measure-sees.tsv": 2, "flags.tsv": 1, "scores.csv": 1
    }  # fmt: skip
    lines = done.lines()
    assert lines[0] == f"sub-1: {len(done.removed)} files or folders and 5 rows removed"
    assert lines.index("Computed with their data, run 'bazin analyse' again:") < lines.index(
        "  derivatives/bazin/verdict.json"
    )
    assert [path.as_posix() for path in done.computed] == [
        f"derivatives/bazin/{name}" for name in ("verdict.json", "results", "report.html", "figures")
    ]


def test_the_code_is_refused_afterwards(bids):
    withdraw(bids, "sub-1")
    for refused in (export_session, session_page):
        with pytest.raises(InputError, match="withdrew on"):
            refused(bids, "1", "scan")
    export_session(bids, "10", "scan")


def test_an_interrupted_withdrawal_refuses_the_person_and_goes_on(bids, monkeypatch):
    import experiments.data.withdrawing as module

    real, times = module.shutil.rmtree, []

    def fails(path):
        times.append(path)
        if len(times) == 2:
            raise PermissionError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(module.shutil, "rmtree", fails)
    with pytest.raises(OutputError, match="withdraw again"):
        withdraw(bids, "sub-1")
    with pytest.raises(InputError, match="withdrew on"):
        export_session(bids, "1", "scan")
    monkeypatch.undo()
    day = (bids / TABLE).read_text()
    done = withdraw(bids, "sub-1")
    assert [path.name for path in left_of(bids, "sub-1")] == ["measure-sees.json"]
    assert "derivatives/other/verdict.json" in {path.as_posix() for path in done.computed}
    assert (bids / TABLE).read_text() == day


def test_links_are_cut_and_what_they_lead_to_stays(bids, tmp_path):
    far = tmp_path / "archive"
    far.mkdir()
    (far / "scan.nii").write_bytes(b"x")
    (bids / "derivatives" / "sub-1").symlink_to(far)
    withdraw(bids, "sub-1")
    assert not (bids / "derivatives" / "sub-1").is_symlink()
    assert (far / "scan.nii").exists()


def test_a_history_that_keeps_the_files_is_named(bids):
    (bids / ".git").mkdir()
    (bids / ".git" / "sub-1_x").write_text("kept")
    assert withdraw(bids, "sub-1").notes == [".git keeps the history of the files"]
    assert (bids / ".git" / "sub-1_x").exists()


def test_whoever_is_unknown_is_not_buried(bids):
    with pytest.raises(InputError, match="accepted: sub-1, sub-10"):
        withdraw(bids, "sub-2")
    assert not (bids / TABLE).exists()
