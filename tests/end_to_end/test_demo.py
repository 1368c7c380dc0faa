"""A stranger types one command and sees a whole virtual study decided.

One run draws its films (`films`) and is looked at from all sides; what needs further runs, or scans, is slow.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
import time

import pytest

PROGRESS = re.compile(r"(drawing the clips|import|measuring the clips|sessions): \d+ of \d+(, .+ left)?")
TABLES = ["dmpfc", "sees"]
RESULTS = [
    "bayes",
    "controls",
    "detection",
    "detection_people",
    "exclusions",
    "families",
    "flow",
    "hypotheses",
    "joint",
    "lapses",
    "models",
    "people",
    "reductions",
    "scenes",
    "second_opinion",
    "sensitivity",
    "spread",
]


@pytest.fixture(scope="module")
def world(run_bazin, tmp_path_factory):
    """The demo without films, of the world in which nothing differs: folder, exit code, output."""
    out = tmp_path_factory.mktemp("world") / "none"
    return out, *run_bazin(["demo", out, "--no-clips", "--no-scans"])


@pytest.fixture(scope="module")
def films(run_bazin, tmp_path_factory):
    """The demo as a stranger types it, films included."""
    out = tmp_path_factory.mktemp("films") / "demo"
    return out, *run_bazin(["demo", out, "--no-scans"])


def test_the_demo_draws_its_films_and_binds_its_plan_to_them(films):
    out, code, stdout, stderr = films
    assert code == 0, stdout + stderr
    stimuli = out / "stimuli" / "virtual"
    assert "40 pairs: passes the gate" in stdout
    assert "leak test: " in stdout
    assert "leaks" not in stdout
    assert "came out as planted" in stdout
    assert "80 clips drawn" in stdout
    digest = hashlib.sha256((stimuli / "pairs.tsv").read_bytes()).hexdigest()
    assert digest in (out / "demo.plan.yaml").read_text("utf-8")
    assert json.loads((out / "plan.json").read_text("utf-8"))["stimuli"]["manifest_sha256"] == digest
    assert {path.name for path in (stimuli / "stimuli" / "virtual").iterdir()} >= {
        "scene01_live.mp4",
        "scene40_ai.mp4",
    }
    assert (stimuli / "report.html").stat().st_size > 100_000
    assert [line for line in stderr.splitlines() if not PROGRESS.fullmatch(line)] == []


def test_a_second_run_draws_measures_and_decides_nothing_anew(films, run_bazin):
    out = films[0]
    drawn = {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")}
    before = _hashes(out)
    code, stdout, _ = run_bazin(["demo", out, "--no-scans"])
    assert code == 0, stdout
    assert "verdict: reused" in stdout
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")} == drawn
    assert _hashes(out) == before


def test_one_seed_draws_one_film(tmp_path):
    from bazin.virtual.scenes import render_scene

    def film(name, **more):
        path = render_scene(
            tmp_path / f"{name}.mp4", **{"scene": "s1", "arm": "ai", "seconds": 1, "seed": 1, **more}
        )
        return path.read_bytes()

    assert film("a") == film("b")
    assert len({film("a"), film("c", arm="live"), film("d", scene="s2"), film("e", seed=2)}) == 4


def test_nothing_planted_comes_out_as_equivalent(films):
    _comes_out_as("equivalent", *films)


@pytest.mark.slow
def test_differences_planted_come_out_as_different(run_bazin, tmp_path):
    run = run_bazin(["demo", tmp_path / "out", "--truth", "different", "--no-clips", "--no-scans"])
    _comes_out_as("different", tmp_path / "out", *run)


def _comes_out_as(outcome, out, code, stdout, stderr):
    assert code == 0, stdout + stderr
    verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
    confirmatory = [record for record in verdict["hypotheses"] if not record["exploratory"]]
    assert {record["outcome"] for record in confirmatory} == {outcome}
    assert all(record["control"]["outcome"] == "passed" for record in confirmatory)
    assert f"All {len(confirmatory)} confirmatory hypotheses came out as planted" in stdout
    assert [row["dissociation"] for row in verdict["joint"]] == ["not_tested"] * 2


def test_the_terminal_ends_with_strip_and_report(films):
    out, _, stdout, _ = films
    assert stdout.rstrip().endswith(str(out / "report.html"))
    assert "H2.child" in stdout
    assert "= equivalent" in stdout


def test_everything_a_study_needs_is_left_behind(films):
    out = films[0]
    expected = {f"measures/measure-{name}.{ending}" for name in TABLES for ending in ("tsv", "json")}
    expected |= {f"results/{name}.tsv" for name in RESULTS}
    expected |= {
        "results/results.json",
        "verdict.json",
        "plan.json",
        "report.html",
        "dataset_description.json",
    }
    expected |= {"measures/participants.tsv", "measures/completeness.tsv", "measures/unusable_rows.tsv"}
    expected |= {"measures/behaviour-sees.tsv", "bids/participants.tsv", "bids/dataset_description.json"}
    expected |= {"bids/sub-001/ses-detect/beh/sub-001_ses-detect_task-detection_beh.tsv"}
    expected |= {"lab/dmpfc_per_scene.csv", "lab/scan.map.yaml"}
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert expected <= found
    assert not [name for name in found if name.endswith(".part")]


def test_the_report_says_that_it_is_simulated(films):
    page = (films[0] / "report.html").read_text(encoding="utf-8")
    assert "simulated" in page.lower()


@pytest.mark.slow
def test_one_seed_gives_the_same_tables(world, run_bazin, tmp_path):
    out = world[0]
    code, stdout, _ = run_bazin(["demo", tmp_path / "again", "--no-clips", "--no-scans"])
    assert code == 0, stdout
    for folder in ("lab", "measures", "results", "figures"):
        assert _hashes(out / folder) == _hashes(tmp_path / "again" / folder)


@pytest.mark.slow
def test_another_seed_gives_other_people(world, run_bazin, tmp_path):
    code, *_ = run_bazin(["demo", tmp_path / "two", "--seed", "2", "--no-clips", "--no-scans"])
    assert code == 0
    assert _hashes(world[0] / "lab") != _hashes(tmp_path / "two" / "lab")


def test_a_folder_with_something_else_is_left_alone(run_bazin, tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter 1", encoding="utf-8")
    code, _, stderr = run_bazin(["demo", tmp_path])
    assert code == 1
    assert "holds something that is not a demo's" in stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.slow
def test_the_demo_scans_its_people(run_bazin, tmp_path):
    """The whole chain on images: they lie in the scanner, move, lose runs, and come out as planted."""
    out = tmp_path / "demo"
    code, stdout, stderr = run_bazin(["demo", out, "--no-clips"], timeout=1500)
    assert code == 0, stdout + stderr
    assert "All 7 confirmatory hypotheses came out as planted" in stdout
    assert "moved too much" in stdout
    quality = (out / "measures" / "quality-bold.tsv").read_text("utf-8").splitlines()
    lost = {line.split("\t")[0] for line in quality if "moved too much: mean FD" in line}
    assert 3 <= len(lost) <= 25
    records = [json.loads(path.read_text("utf-8")) for path in sorted((out / "maps").glob("*.json"))]
    assert len(records) == 9
    assert all(record["estimable"] for record in records)
    pages = sorted(path.name for path in out.glob("sub-*_bold.html"))
    assert len(pages) == 2
    report = (out / "report.html").read_text("utf-8")
    for words in ('id="scans"', 'id="brain"', "Simulated data", "not assessable", "FD as covariate"):
        assert words.lower() in report.lower()
    code, stdout, _ = run_bazin(["analyse", out, out, "group", "--plan", out / "plan.json"])
    assert code == 0, stdout
    assert "verdict: reused" in stdout


@pytest.mark.slow
def test_a_failed_or_interrupted_demo_goes_on_where_it_was(run_bazin, tmp_path):
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "bazin", "demo", str(out), "--no-clips", "--no-scans"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    while not list(out.glob("measures/measure-dmpfc.tsv")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Interrupted" in stderr
    assert b"Traceback" not in stderr
    assert not (out / "report.html").exists()
    code, stdout, stderr = run_bazin(["demo", out, "--no-clips", "--no-scans"])
    assert code == 0, stdout + stderr
    assert (out / "report.html").exists()


def _hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
