"""Shipped plans build for everyone, and ten thousand sessions in less than a minute."""

import time
from collections import Counter

import pytest

from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from protocols.plan.reading import parse_plan, shipped_plans
from protocols.plan.session_time import clips_shown
from protocols.plan.sessions import CLIPS_PER_TRIAL
from tests.experiments.trials.conftest import (
    most_and_least,
    no_scene_follows_itself,
    study,
    transitions,
    units_of,
)


@pytest.mark.parametrize(
    "name", [name for name, text in shipped_plans().items() if parse_plan(text).plan.sessions]
)
def test_every_session_of_a_shipped_plan_builds_and_is_as_long_as_the_plan_says(name):
    plan = parse_plan(shipped_plans()[name]).plan
    clips = simulated_clips(plan)
    for session in plan.sessions:
        for group in plan.groups:
            for number in (1, 2, 17, 101):
                script = build_script(plan, session.name, f"sub-{number}", group, clips)
                assert no_scene_follows_itself(script)
                main = [t for run in units_of(script) for t in run]
                if session.paradigm in CLIPS_PER_TRIAL or session.conditions:
                    per_trial = CLIPS_PER_TRIAL.get(session.paradigm, 1)
                    assert len(main) * per_trial == clips_shown(plan, session)


@pytest.mark.slow
def test_ten_thousand_sessions_in_a_minute(boundary, demo):
    pairs = study(
        "paradigm: pair_comparison, conditions: [live, ai], catch_trials: {contrast: [live, cartoon], n: 8}"
    )
    worlds = [(one, session) for one in (boundary, demo, pairs) for session in one.plan.sessions]
    building = 0.0
    for number in range(10_000 // len(worlds) + 1):
        for one, session in worlds:
            group = ("adult", "child")[number % 2]
            began = time.process_time()
            script = one.script(f"sub-{number}", session=session.name, group=group)
            building += time.process_time() - began
            assert no_scene_follows_itself(script)
            runs = units_of(script)
            kinds = sorted({t.kind for run in runs for t in run})
            for run in runs:
                assert most_and_least(Counter(t.kind for t in run), kinds) <= 1
            if (
                session.paradigm != "ratings"
            ):  # two families: which follows which is decided before their versions
                assert most_and_least(transitions(runs), [(a, b) for a in kinds for b in kinds]) <= 3
    assert building < 60
