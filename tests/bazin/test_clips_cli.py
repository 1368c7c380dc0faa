"""`bazin stimuli` at the terminal: what a new user types, and what they read when something is wrong."""

import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

PLAN = Path(__file__).resolve().parents[1] / "stimuli" / "conftest.py"


@pytest.fixture(scope="session")
def maker():
    """Writers of clips that the tests of `stimuli` use."""
    spec = importlib.util.spec_from_file_location("clip_makers", PLAN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def films(maker, tmp_path):
    for k, scene in enumerate(("kitchen", "harbour")):
        for j, arm in enumerate(("live", "ai")):
            maker.write(tmp_path / "films" / arm / f"{scene}.mp4", maker.moving_texture(20, seed=3 * k + j))
    return tmp_path / "films"


def test_from_films_to_a_page_in_six_commands(films, run_bazin, tmp_path):
    code, out, err = run_bazin(["stimuli", "import", films.name, "--out", "stimuli/virtual"], cwd=tmp_path)
    assert code == 0, err
    assert "4 clips in 2 pairs (live, ai)" in out
    assert "ai.generator (all 2)" in out
    for words in (
        ["edit", "stimuli/virtual", "--set", "ai.generator=a program", "--set", "all.licence=CC0"],
        ["prepare", "stimuli/virtual", "--recipe", "small", "--jobs", "1"],
        ["measure", "stimuli/virtual", "--jobs", "1"],
        ["match", "stimuli/virtual", "--plan", "demo"],
        ["report", "stimuli/virtual"],
    ):
        code, out, err = run_bazin(["stimuli", *words], cwd=tmp_path)
        assert code == 0, out + err
    page = (tmp_path / "stimuli" / "virtual" / "report.html").read_text("utf-8")
    assert "kitchen" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    code, out, _ = run_bazin(["stimuli", "check", "stimuli/virtual", "--plan", "demo"], cwd=tmp_path)
    assert code == 0
    assert "no faults; manifest SHA-256" in out


def test_a_broken_film_gives_one_clear_line_and_exit_code_1(films, run_bazin, tmp_path):
    (films / "ai" / "kitchen.mp4").write_bytes(b"")
    code, out, err = run_bazin(["stimuli", "import", films, "--out", tmp_path / "set"])
    assert code == 1
    assert "set aside: films/ai/kitchen.mp4: is empty (0 bytes)" in err
    assert "3 clips" in out
    assert "Traceback" not in err


@pytest.mark.parametrize("verb", ["check", "edit", "measure", "pair", "match", "prepare", "report"])
def test_a_folder_that_is_no_set(run_bazin, tmp_path, verb):
    more = ["--plan", "demo"] if verb == "match" else []
    for root, expected in ((tmp_path, "is not a stimulus set"), (tmp_path / "nowhere", "does not exist")):
        code, _, err = run_bazin(["stimuli", verb, root, *more])
        assert code in (1, 2)
        assert expected in err
        assert "way out" in err
        assert "Traceback" not in err


def test_questions_need_somebody_to_answer_them(films, run_bazin, tmp_path):
    run_bazin(["stimuli", "import", films, "--out", tmp_path / "set"])
    code, _, err = run_bazin(["stimuli", "edit", tmp_path / "set"])
    assert code == 2
    assert "--write-sheet" in err


def test_a_plan_is_checked_against_features_and_against_its_set(films, run_bazin, tmp_path):
    from protocols.plan.reading import shipped_plans

    text = shipped_plans()["demo"]
    (tmp_path / "a.plan.yaml").write_text(text.replace("flow_speed: {mean", "flow_sped: {mean"), "utf-8")
    code, _, err = run_bazin(["plan", "check", "a.plan.yaml"], cwd=tmp_path)
    assert code == 1
    assert "did you mean 'flow_speed'" in err
    run_bazin(["stimuli", "import", films, "--out", "stimuli/virtual"], cwd=tmp_path)
    bound = text.replace("  pairs: 40", f"  manifest_sha256: '{64 * '0'}'\n  pairs: 40")
    (tmp_path / "b.plan.yaml").write_text(bound, "utf-8")
    code, _, err = run_bazin(["plan", "check", "b.plan.yaml"], cwd=tmp_path)
    assert code == 1
    assert "is the hash of another manifest" in err
    assert "b.plan.yaml:" in err


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["measure", "prepare"])
def test_ctrl_c_keeps_what_is_finished_and_the_same_command_goes_on(maker, run_bazin, tmp_path, verb):
    random = np.random.default_rng(1)
    for k in range(6):
        for arm in ("live", "ai"):
            noise = random.integers(0, 255, (60, 270, 480, 3), dtype=np.uint8)
            maker.write(
                tmp_path / "films" / arm / f"s{k}.mp4", noise, options={"crf": "30", "preset": "ultrafast"}
            )
    stimuli = tmp_path / "set"
    assert run_bazin(["stimuli", "import", tmp_path / "films", "--out", stimuli])[0] == 0
    words = ["stimuli", verb, str(stimuli), "--jobs", "2"]
    stamps = stimuli / ("measures/.done" if verb == "measure" else "prepared/.done/hd25")
    process = subprocess.Popen(
        [sys.executable, "-m", "bazin", *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not list(stamps.glob("*.json")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert not list(stimuli.rglob("*.part*"))
    finished = len(list(stamps.glob("*.json")))
    assert 0 < finished < 12
    code, out, err = run_bazin(words)
    assert code == 0, out + err
    assert "reused" in out
