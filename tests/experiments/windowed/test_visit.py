"""Sessions in a real window, with somebody who really types: whole visits, kills, and devices that fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from experiments.data.export import export_session
from experiments.session.journal import journals_of
from tests.bids_validator import errors_of
from tests.experiments.windowed.conftest import SITE, journals


def rows(*told):
    return Counter(
        (record["task"], record["phase"], record["number"]) for one in told for record in one.of("row")
    )


def assert_through_the_window_system(told):
    devices = {record["device"] for record in told.of("press")}
    assert devices == {"keyboard"}


def assert_begun_at_the_first_frame(told):
    shown = list(told.of("shown"))
    assert shown
    assert [record["index"][0] for record in shown] == [0] * len(shown)
    assert all(record["complete"] for record in shown)


@pytest.mark.slow
def test_a_child_watches_in_chinese_and_an_adult_tells_in_english(visit, tmp_path):
    outcome, scan = visit("scan", group="child", language="zh", age_months=60)
    assert outcome.status == "complete"
    tasks = Counter(record["phase"] for record in scan.of("row"))
    assert tasks == {"main": 6, "attention": 2}
    assert set(rows(scan).values()) == {1}
    assert len(list(scan.of("shown"))) == 6
    assert [record["n"] for record in scan.of("volume")] == list(range(1, 18))
    stars = [record["columns"] for record in scan.of("row") if record["phase"] == "attention"]
    assert all(star["correct"] for star in stars)
    assert scan.header.language == "zh"

    outcome, detect = visit("detect", participant="02", group="adult", language="en")
    assert outcome.status == "complete"
    phases = Counter((record["task"], record["phase"]) for record in detect.of("row"))
    assert phases[("same_different", "main")] == 2
    assert phases[("same_different", "catch")] == 1
    assert phases[("detection", "training")] == 4
    assert phases[("detection", "main")] == 4
    assert set(rows(detect).values()) == {1}
    known = [r["columns"] for r in detect.of("row") if r["phase"] == "training"]
    assert all(row["response"] is not None for row in known)

    for told in (scan, detect):
        assert_through_the_window_system(told)
        assert_begun_at_the_first_frame(told)
    export_session(tmp_path / "bids", "01", "scan")
    export_session(tmp_path / "bids", "02", "detect")
    assert errors_of(tmp_path / "bids") == []


def command(study: Path, session: str, bids: Path) -> list[str]:
    bazin = shutil.which("bazin", path=Path(sys.executable).parent)
    assert bazin
    return [
        bazin, "run", str(study / "plan.yaml"), "--participant", "01", "--session", session, "--qa",
        "--site", str(study / "site.yaml"), "--group", "adult", "--out", str(bids),
    ]  # fmt: skip


def kill_at_trial(args, bids, session, n):
    """Run a session and kill it as soon as its nth trial has begun."""
    with subprocess.Popen(
        args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    ) as process:
        ends = time.monotonic() + 90
        while time.monotonic() < ends and process.poll() is None:
            written = b"".join(path.read_bytes() for path in journals_of(bids, "sub-01", session))
            if written.count(b'"kind": "trial"') >= n:
                break
            time.sleep(0.02)
        else:
            process.kill()
            pytest.fail(f"no trial {n}: {process.stdout.read()}")
        process.send_signal(signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.usefixtures("typing")
def test_a_session_killed_in_the_middle_of_a_trial_goes_on_with_that_trial(study, tmp_path, run_bazin):
    bids = tmp_path / "bids"
    args = command(study, "rate", bids)
    kill_at_trial(args, bids, "rate", 3)
    (before,) = journals(bids, "sub-01", "rate")
    assert before.status == "crashed"
    assert sum(rows(before).values()) == 2

    again = run_bazin(args[1:])
    assert again.returncode == 0, again.stderr
    assert "Goes on: 2 trials done before." in again.stdout
    before, after = journals(bids, "sub-01", "rate")
    assert after.status == "complete"
    assert len(rows(before, after)) == 4
    assert set(rows(before, after).values()) == {1}
    assert errors_of(bids) == []


def refused(run_bazin, study, bids):
    done = run_bazin(command(study, "rate", bids)[1:])
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "way out" in done.stderr.lower()
    assert not journals_of(bids, "sub-01", "rate")
    return done.stderr


def a_clip(study: Path) -> Path:
    return sorted((study / "set").rglob("*_live.mp4"))[0]


@pytest.mark.usefixtures("screen")
def test_a_missing_clip_is_named_before_anything_is_shown(own_study, run_bazin, tmp_path):
    clip = a_clip(own_study)
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


def test_a_trigger_port_unplugged_in_mid_run_loses_markers_and_not_the_visit(visit):
    pytest.importorskip("serial", reason="the extra 'lab' is not installed")
    ours, theirs = os.openpty()
    site = SITE + f"triggers: [{{kind: serial, device: {os.ttyname(theirs)}}}]\n"
    os.close(theirs)
    sent = 0

    def unplug(kind, *_):
        nonlocal sent
        sent += kind == "trigger"
        if kind == "row" and sent == 3:
            os.close(ours)
            sent += 100

    outcome, told = visit("caps", group="adult", site=site, tell=unplug)
    assert outcome.status == "complete"
    assert [record["status"] for record in told.of("run_end")] == ["complete"]
    assert len(list(told.of("fault"))) == 1
    triggers = list(told.of("trigger"))
    assert len(triggers) == 5
    assert all(record["at"] is not None for record in triggers[:3])
    assert all(record["at"] is None for record in triggers[3:])
    assert sum(rows(told).values()) == 4
