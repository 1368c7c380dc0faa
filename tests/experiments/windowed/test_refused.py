"""What stops a session before anybody sees anything: a plain error with a way out."""

import sys

import pytest

from bazin import cli
from experiments.session.journal import journals_of
from experiments.window import display, fonts
from tests.experiments.windowed.conftest import command


def refused(run_bazin, study, bids, *more):
    done = run_bazin(command(study, "rate", bids, *more)[1:])
    assert done.returncode == 1, done.stdout + done.stderr
    assert_plain(done.stdout + done.stderr, bids)
    return done.stderr


def assert_plain(said, bids):
    assert "Traceback" not in said
    assert "way out:" in said
    assert not journals_of(bids, "sub-01", "rate")


@pytest.mark.usefixtures("screen")
def test_a_missing_clip_is_named(own_study, run_bazin, tmp_path):
    clip = sorted((own_study / "set").rglob("*_live.mp4"))[0]
    clip.unlink()
    told = refused(run_bazin, own_study, tmp_path / "bids")
    assert f"clip '{clip.stem}': is missing" in told


@pytest.mark.usefixtures("screen")
def test_a_clip_changed_since_it_was_registered_is_not_shown(own_study, run_bazin, tmp_path):
    for clip in (own_study / "set").rglob("*_live.mp4"):  # whichever of them this person sees
        clip.write_bytes(clip.read_bytes() + b"\0")
    told = refused(run_bazin, own_study, tmp_path / "bids")
    assert "_live'" in told
    assert "is not the file the manifest describes" in told


def test_without_a_screen_the_session_says_so(study, run_bazin, tmp_path, monkeypatch):
    pytest.importorskip("psychopy", reason="the extra 'lab' is not installed")
    monkeypatch.delenv("DISPLAY", raising=False)
    told = refused(run_bazin, study, tmp_path / "bids")
    assert "DISPLAY is not set" in told


@pytest.mark.usefixtures("screen")
def test_a_display_nobody_answers_at_is_named(study, run_bazin, tmp_path, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":4711")
    told = refused(run_bazin, study, tmp_path / "bids")
    assert "DISPLAY=:4711" in told


@pytest.mark.usefixtures("screen")
def test_a_font_without_the_languages_characters_opens_no_window(study, tmp_path, monkeypatch, capsys):
    def opened(*_, **__):
        pytest.fail("a window was opened")

    monkeypatch.setattr(display, "open_window", opened)
    monkeypatch.setitem(fonts.FAMILIES, "zh", ("DejaVu Sans",))
    monkeypatch.setattr(sys, "argv", command(study, "rate", tmp_path / "bids", "--language", "zh"))
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert_plain(said.out + said.err, tmp_path / "bids")
    assert "DejaVu Sans lacks" in said.err
    assert "fonts-wqy-microhei" in said.err


@pytest.mark.usefixtures("screen")
def test_a_screen_that_refreshes_at_another_rate_than_the_laboratorys_shows_nothing(
    own_study, run_bazin, tmp_path
):
    site = own_study / "site.yaml"
    site.write_text(site.read_text("utf-8").replace("refresh_hz: 60", "refresh_hz: 75"), "utf-8")
    real = [word for word in command(own_study, "rate", tmp_path / "bids", "--anyway") if word != "--qa"]
    done = run_bazin(real[1:])
    assert done.returncode == 1, done.stdout + done.stderr
    assert_plain(done.stdout + done.stderr, tmp_path / "bids")
    assert "60.00 Hz measured" in done.stderr
    assert "75 Hz" in done.stderr
