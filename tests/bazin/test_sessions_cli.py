"""Sessions from the command line: a new user's way, and what they get wrong."""

import shutil

import pytest

PATH = ["run", "boundary-2026", "-p", "03", "--sim"]


@pytest.fixture(scope="module")
def held(run_bazin, tmp_path_factory):
    """A data set with one simulated scan, and what the terminal said."""
    bids = tmp_path_factory.mktemp("held") / "bids"
    said = run_bazin([*PATH, "-s", "scan", "--group", "child", "--age-months", "62", "--out", bids])
    return bids, said


def plain(done, code):
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_session_is_held_exported_and_told(held):
    bids, said = held
    text = plain(said, 0)
    assert "sub-03 (child), session 'scan': passive viewing; 112 trials in 4 runs, 96 clips." in text
    assert "The session is complete." in text
    assert (bids / "sub-03/ses-scan/func/sub-03_ses-scan_task-passiveviewing_run-1_events.tsv").exists()
    assert (bids / "sourcedata/bazin/sub-03/ses-scan/session.html").stat().st_size > 50_000


def test_sessions_can_be_listed_shown_and_exported_again(held, run_bazin):
    bids, _ = held
    assert "sub-03" in plain(run_bazin(["session", "list", bids]), 0)
    shown = plain(run_bazin(["session", "show", bids, "-p", "03", "-s", "scan"]), 0)
    assert "Clips: 96 usable" in shown
    before = {path: path.read_bytes() for path in bids.rglob("*.tsv")}
    plain(run_bazin(["session", "export", bids]), 0)
    assert {path: path.read_bytes() for path in bids.rglob("*.tsv")} == before


def test_what_will_be_shown_can_be_looked_at_first(run_bazin, tmp_path):
    said = plain(run_bazin([*PATH, "-s", "scan", "--group", "adult", "--out", tmp_path / "b", "--check"]), 0)
    assert "Ready." in said
    assert not (tmp_path / "b").exists()


def test_a_site_file_is_printed_and_read_again(run_bazin, tmp_path):
    site = tmp_path / "site.yaml"
    site.write_text(plain(run_bazin(["session", "site"]), 0), "utf-8")
    wanted = [*PATH, "-s", "scan", "--group", "adult", "--out", tmp_path / "b", "--check", "--site", site]
    plain(run_bazin(wanted), 0)
    site.write_text("screen:\n  refresh: 60\n", "utf-8")
    said = plain(run_bazin(wanted), 1)
    assert "site.yaml:2:3" in said
    assert "did you mean 'refresh_hz'" in said


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([*PATH, "-s", "scam", "--group", "child", "--out", "b"], 2, "did you mean 'scan'"),
        ([*PATH, "-s", "scan", "--group", "kid", "--out", "b"], 2, "is not in the plan"),
        ([*PATH, "-s", "scan", "--group", "child"], 2, "nobody said where the data go"),
        ([*PATH, "-s", "scan", "--out", "b"], 2, "nobody said to which group"),
        ([*PATH, "-s", "scan", "--qa", "--group", "child", "--out", "b"], 2, "exclude each other"),
        (["run", "gengap", "-p", "1", "-s", "scan", "--sim", "--out", "b"], 2, "describes no sessions"),
        (["run", "boundary-2026", "-p", "kid 1", "-s", "scan", "--sim", "--out", "b"], 1, "is not a participant code"),
        (["run", "nowhere", "-p", "1", "-s", "scan", "--sim", "--out", "b"], 2, "neither a file nor a shipped plan"),
        (["session", "list", "nowhere"], 2, "does not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_a_way_out(run_bazin, words, code, says):
    done = run_bazin(words)
    assert "Traceback" not in done.stderr
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert done.returncode == code
    assert says in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "nobody said to which group"),
        (["--group", "adult"], "stimuli/boundary: does not exist"),
        (["--age-months", "62"], "stimuli/boundary: does not exist"),  # tells the group, as in 'run'
    ],
)
def test_a_pilot_needs_a_group_or_an_age_and_real_clips(run_bazin, more, says):
    pytest.importorskip("psychopy", reason="the extra 'lab' is not installed")
    assert says in plain(run_bazin(["pilot", "boundary-2026", "-s", "scan", "--out", "b", *more]), 2)


def test_a_complete_session_is_not_played_again_by_mistake(held, run_bazin):
    said = plain(run_bazin([*PATH, "-s", "scan", "--out", held[0]]), 2)
    assert "is complete already" in said
    assert "--again" in said


def test_somebody_unknown_is_told_and_known_people_named(held, run_bazin):
    said = run_bazin(["session", "show", held[0], "-p", "30", "-s", "scan"])
    assert said.returncode in (1, 2)
    assert "Traceback" not in said.stderr
    assert "sub-03" in said.stderr
    said = run_bazin(["session", "attach", held[0], "-p", "03", "-s", "scan", "--run", "9", "x.nii.gz"])
    assert said.returncode in (1, 2)
    assert "Traceback" not in said.stderr


def test_who_withdraws_is_gone_and_their_code_is_never_used_again(held, run_bazin, tmp_path):
    bids = shutil.copytree(held[0], tmp_path / "bids")
    plain(run_bazin(["session", "withdraw", "sub-03", "--out", bids, "--yes"]), 0)
    left = [path for path in bids.rglob("*") if "sub-03" in path.as_posix().removeprefix(bids.as_posix())]
    assert left == []
    said = run_bazin([*PATH, "-s", "scan", "--group", "child", "--out", bids])
    assert said.returncode in (1, 2)
    assert "has withdrawn" in said.stderr


def test_two_computers_records_of_one_run_are_never_mixed(held, run_bazin, tmp_path):
    other = tmp_path / "other"
    plain(run_bazin([*PATH, "-s", "scan", "--group", "child", "--age-months", "62", "--out", other]), 0)
    journal = next(other.rglob("journal-*.jsonl"))
    text = journal.read_text("utf-8")
    uid = text.split('"uid": "', 1)[1].split('"', 1)[0]
    journal.write_text(text.replace(uid, "f" * 32).replace('"computer": "', '"computer": "x', 1), "utf-8")
    bids = shutil.copytree(held[0], tmp_path / "bids")
    said = run_bazin(["session", "export", bids, "--from", other])
    assert said.returncode == 1
    assert "refused" in said.stdout
    assert len(list(bids.rglob("journal-*.jsonl"))) == 1
