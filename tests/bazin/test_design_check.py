"""What a plan's scans could tell apart, said before anyone is scanned; and what is refused."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.efficiency import single_clip_variance, vif
from analysis.fmri.person.asked import asked_of
from bazin import cli
from bazin.clips import clips_of_plan
from bazin.design_check import scan_design, scan_designs
from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from protocols.base.errors import PlanError
from protocols.plan.reading import parse_plan, read_plan
from protocols.plan.show import check_report

SAMPLE = Path(__file__).parents[1] / "protocols" / "sample.plan.yaml"
ROI = "roi: {sphere_mm: 8, centre: [-4, 50, 32], source: a review}\n    statistic: percent_signal_change"

RULE = "exclusions: {roi: {min_coverage: 0.8, min_tsnr: 10}}\n"


def text(**changed: str) -> str:
    """One scanned run of eight scenes in three versions, decided with random scenes."""
    said = SAMPLE.read_text("utf-8")
    for old, new in {
        "pairs: 24": "pairs: 8",
        "runs: 4": "runs: 1",
        "statistic: percent_signal_change": ROI,
        "deciding_model: by_person": "deciding_model: crossed_mixed",
        "family: seen}": "family: seen, deciding_model: by_person}",
        "hypotheses:": f"{RULE}hypotheses:",
        **changed,
    }.items():
        assert old in said, old
        said = said.replace(old, new)
    return said


def bold(setting: str, **changed: str) -> str:
    """The same with a setting of the scans' analysis."""
    return text(**changed).replace(RULE, f"{RULE}analysis: {{bold: {{{setting}}}}}\n")


CLOSE = {"fixation_s: [4, 8]": "fixation_s: [0, 1]"}
BY_PERSON = {"deciding_model: crossed_mixed": "deciding_model: by_person"}


def one_line(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.fixture(scope="module")
def promise():
    return parse_plan(text())


def test_a_design_with_room_is_told_in_plain_words(promise):
    said = one_line(scan_designs(promise))
    assert "Scan design: scan, 1 run of 180 volumes; trial lists of 5 people" in said
    assert re.search(r"VIF\) at most [\d.]+ \(live\), [\d.]+ \(ai\), [\d.]+ \(cartoon\);", said)
    assert "From the end of a clip to the beginning of the next at least 4." in said
    assert re.search(
        r"independent noise, a single clip's response has a standard error of 0\.\d\d times", said
    )
    assert "autocorrelation 0.3" in said


STAR = {"[4, 8]}": "[4, 6]}\n    attention: {every: 4, kind: star}", "volumes: 180": "volumes: 200"}


def test_the_numbers_are_the_largest_over_the_lists_people_get():
    plan = parse_plan(text(**STAR)).plan
    (asked,) = asked_of(plan)
    found = scan_design(plan, plan.sessions[0], asked)
    inflation, variance = [], []
    for number, group in enumerate(["child", "adult", "child", "adult", "child"], start=1):
        script = build_script(plan, "scan", f"{number:02d}", group, simulated_clips(plan))
        (run,) = script.parts[0].runs
        events = pd.DataFrame({
            "onset": [trial.onset_s for trial in run.trials],
            "duration": [2.0 if trial.kind == "star" else 8.0 for trial in run.trials],
            "trial_type": [trial.kind for trial in run.trials],
        })  # fmt: skip
        design = design_matrix(events, frame_times(200, 2.0), hrf="spm", highpass_hz=0.008)
        inflation.append(vif(design).drop("star"))
        clips = single_clip_variance(design, 0.3)
        variance.append(clips.variance[clips.trial_type != "star"] * (1 - 0.3**2))
    assert dict(found.vif) == pytest.approx(dict(pd.concat(inflation, axis=1).max(axis=1)))
    assert sorted(found.variance[0.3]) == pytest.approx(sorted(pd.concat(variance)))
    assert max(found.vif) > min(max(one) for one in inflation)


def test_clips_too_close_are_a_fault_of_the_session(tmp_path, monkeypatch, capsys):
    path = tmp_path / "close.plan.yaml"
    path.write_text(text(**CLOSE), "utf-8")
    monkeypatch.setattr(sys, "argv", ["bazin", "plan", "check", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert re.search(r"close\.plan\.yaml:\d+:\d+: sessions\[0\]\.design: has clips too close", said.err)
    assert "H2 need them" in said.err
    assert "at least 4 s" in said.err


def test_conditions_that_go_together_are_a_fault():
    with pytest.raises(PlanError, match=r"told apart[\s\S]*VIF[\s\S]*at most 5"):
        scan_designs(parse_plan(bold("highpass_hz: 0.05")))


@pytest.mark.parametrize("single", [True, False])
def test_what_needs_no_single_clips_is_only_told(single):
    said = one_line(
        scan_designs(parse_plan(bold(f"scene_values: {'lss' if single else 'none'}", **CLOSE, **BY_PERSON)))
    )
    assert "the next no time" in said
    assert ("single clip" in said) == single


def test_stars_between_clips_are_no_clips():
    said = one_line(scan_designs(parse_plan(text(**STAR))))
    assert "at least 4." in said
    assert "star" not in said


def test_a_session_that_cannot_be_laid_out_is_named():
    said = one_line(scan_designs(parse_plan(bold("highpass_hz: 0.3"))))
    assert "scan: cannot be laid out beforehand (highpass_hz leaves no frequency" in said


def test_a_plan_without_scans_of_its_own_is_told_as_before(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["bazin", "plan", "check", "first-study"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    promise = read_plan(Path("first-study"))
    assert ended.value.code == 0
    assert capsys.readouterr().out == check_report(promise) + "".join(
        f"{one}\n" for one in clips_of_plan(promise)
    )


@pytest.mark.slow
def test_no_extra_is_needed():
    names = ("av", "cv2", "skimage", "c2pa", "psychopy", "nibabel", "nilearn", "ants", "numba", "mne")
    code = (
        f"import sys\nfor name in {names}: sys.modules[name] = None\n"
        "from bazin import cli\nsys.argv = ['bazin', 'plan', 'check', 'boundary-2026']\ncli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "Scan design" in done.stdout
