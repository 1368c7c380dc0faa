"""The command line as people meet it: help, versions, mistakes, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bazin.cli import repeat_option
from protocols import __version__

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(
    "words", [["--help"], ["plan", "--help"], ["import", "measures", "-h"], ["analyse", "-h"]]
)
def test_every_command_explains_itself(run_bazin, words):
    code, out, err = run_bazin(words)
    assert (code, err) == (0, "")
    assert "Usage: bazin" in out


def test_the_version_is_the_packages(run_bazin):
    assert run_bazin(["--version"]) == (0, f"bazin {__version__}\n", "")


def test_an_unknown_command_is_a_usage_error(run_bazin):
    code, _out, err = run_bazin(["analyze-everything"])
    assert code == 2
    assert "No such command 'analyze-everything'" in err


@pytest.mark.parametrize(
    "words",
    [
        ["plan", "check", "missing.plan.yaml"],
        ["plan", "show", "no-such-plan"],
        ["import", "measures", "missing.csv", "--map", "missing.yaml", "--out", "out"],
        ["analyse", "missing", "out", "group", "--plan", "demo"],
        ["analyse", ".", "out", "group", "--plan", "demo"],
        ["analyse", ".", "out", "participant", "--plan", "demo"],
        ["report", "missing"],
    ],
)
def test_what_is_missing_is_named_without_a_traceback(run_bazin, words):
    code, out, err = run_bazin(words)
    assert code in (1, 2)
    assert "Traceback" not in out + err
    named = [word for word in words if "missing" in word or "no-such" in word] or [
        "measures/measure-dmpfc.tsv"
    ]
    assert any(word in err for word in named)


def test_doctor_finds_this_installation_well(run_bazin):
    code, out, err = run_bazin(["doctor"])
    assert code == 0, out + err
    assert "All is well." in out
    assert "pingouin" in out


def test_bids_app_labels_may_follow_each_other():
    words = ["analyse", "in", "out", "participant", "--participant-label", "01", "sub-02", "--plan", "p.yaml"]
    expected = [*words[:6], "--participant-label", "sub-02", "--plan", "p.yaml"]
    assert repeat_option(words, ("--participant-label",)) == expected


def test_a_blinded_group_analysis_refuses_a_part_of_the_sample(run_bazin, tmp_path):
    words = ["analyse", tmp_path, tmp_path / "out", "group", "--plan", "demo", "--participant-label", "01"]
    code, _, err = run_bazin(words)
    assert code == 2
    assert "--participant-label" in err
    assert "sample" in err


def test_plan_new_check_show_is_one_way(run_bazin, tmp_path):
    code, out, err = run_bazin(["plan", "new", "my-study"], cwd=tmp_path)
    assert code == 0, err
    path = tmp_path / "my-study.plan.yaml"
    assert path.exists()
    assert str(path.name) in out
    code, out, err = run_bazin(["plan", "check", path.name], cwd=tmp_path)
    assert code == 0, err
    assert "no faults" in out
    code, out, err = run_bazin(["plan", "show", path.name], cwd=tmp_path)
    assert code == 0, err
    assert "SHA-256" in out
    before = path.read_bytes()
    code, _, err = run_bazin(["plan", "new", "my-study"], cwd=tmp_path)
    assert code == 2
    assert "my-study" in err
    assert path.read_bytes() == before


def test_a_closed_pipe_is_no_error(tmp_path):
    script = f"{sys.executable} -m bazin schema plan | head -c 10"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {script}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["plan", "verdict"])
def test_the_published_schemas_are_todays(run_bazin, name):
    code, out, err = run_bazin(["schema", name])
    assert code == 0, err
    path = DOCS / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == out, f"run: bazin schema {name} > docs/{path.name}"
