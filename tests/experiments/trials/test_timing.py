"""When clips of a recording begin."""

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.base.errors import InputError
from tests.experiments.trials.conftest import study


def scan(volumes=180, runs=4):
    return (
        f"modality: bold, paradigm: passive_viewing, conditions: [live, ai, cartoon], runs: {runs}, "
        f"volumes: {volumes}, repetition_time_s: 2.0, design: {{kind: event, fixation_s: [4, 8]}}"
    )


@settings(max_examples=20)
@given(st.integers(0, 300))
def test_clips_follow_after_their_fixations_and_end_before_the_run(boundary, number):
    for run in boundary.script(str(number), session="scan").parts[0].runs:
        now = 0.0
        for t in run.trials:
            if t.phase == "attention":
                assert t.onset_s == pytest.approx(now + t.fixation_s)
                now += 2.0
            else:
                assert 4 <= t.fixation_s <= 8
                assert t.onset_s == pytest.approx(now + t.fixation_s)
                now = t.onset_s + 8.0
            assert round(t.onset_s, 3) == t.onset_s
            assert round(t.fixation_s, 3) == t.fixation_s
        assert now <= run.seconds + 1e-9
        assert (run.volumes, run.seconds) == (180, 360.0)


def test_fixations_are_uniform_and_alike_for_all_conditions():
    found = study(scan(), seconds=8)
    by = defaultdict(list)
    for number in range(30):
        for run in found.script(str(number)).parts[0].runs:
            drawn = [t.fixation_s for t in run.trials]
            assert sum(drawn) / len(drawn) == pytest.approx(6, abs=0.12), (
                "a run has too many long or short ones"
            )
            for t in run.trials:
                by[t.kind].append(t.fixation_s)
    for drawn in by.values():
        assert sum(drawn) / len(drawn) == pytest.approx(6, abs=0.15)
        assert 0.2 < sum(one < 5 for one in drawn) / len(drawn) < 0.3


@pytest.mark.parametrize("volumes", [126, 127])
def test_a_tight_run_draws_its_fixations_together(volumes):
    # 18 clips of 8 s and 18 fixations of 6 s on average take 252 s, exactly 126 volumes
    found = study(scan(volumes), seconds=8)
    for number in range(10):
        for run in found.script(str(number)).parts[0].runs:
            assert run.trials[-1].onset_s + 8 <= volumes * 2 + 1e-6
            assert all(4 <= t.fixation_s <= 8 for t in run.trials)


def test_a_run_that_only_fits_with_shorter_fixations_takes_these():
    # 72 trials in 5 runs: the longer runs have 15 clips, 210 s with mean fixations, where 204 s are there
    found = study(scan(102, runs=5), seconds=8)
    for run in found.script("1").parts[0].runs:
        assert run.trials[-1].onset_s + 8 <= 204 + 1e-6
        assert all(4 <= t.fixation_s <= 8 for t in run.trials)


def test_a_run_that_does_not_fit_at_all_is_refused():
    # what the plan's own check lets through: long clips in the set
    found = study(scan(), seconds=8)
    long = [replace(clip, seconds=30.0) for clip in found.clips]
    with pytest.raises(InputError, match=r"session 's1', run 1: has more clips than time"):
        found.script("1", clips=long)


def test_people_set_the_pace_outside_recordings():
    found = study("paradigm: detection, conditions: [live, ai]")
    run = found.script("1").parts[0].runs[0]
    assert (run.volumes, run.seconds) == (None, None)
    assert {(t.onset_s, t.fixation_s) for t in run.trials} == {(None, 1.0)}
    jittered = study(
        "paradigm: detection, conditions: [live, ai], design: {kind: event, fixation_s: [0.5, 0.9]}"
    )
    fixations = [t.fixation_s for t in jittered.script("1").trials]
    assert 0.5 <= min(fixations) < 0.6 < 0.8 < max(fixations) <= 0.9


def test_eeg_runs_have_the_planned_seconds():
    found = study(
        "modality: eeg, paradigm: passive_viewing, conditions: [live, ai], runs: 2, run_seconds: 100, "
        "design: {kind: event, fixation_s: [0.8, 1.2]}, triggers: {run: 1, live: 11, ai: 21}"
    )
    runs = found.script("1").parts[0].runs
    assert [(run.seconds, run.volumes) for run in runs] == [(100, None)] * 2
    assert all(run.trials[0].onset_s == run.trials[0].fixation_s for run in runs)
