"""Trials with two versions of a scene: same or different, which of two, and a child's sample."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.base.errors import InputError
from tests.experiments.trials.conftest import (
    most_and_least,
    no_scene_follows_itself,
    study,
    transitions,
    units_of,
)


def pairs_session(paradigm, conditions="live, ai", **others):
    more = "".join(f", {name}: {value}" for name, value in others.items())
    return f"paradigm: {paradigm}, conditions: [{conditions}]{more}"


@settings(max_examples=25)
@given(st.sampled_from([8, 16, 24]), st.integers(0, 200), st.integers(1, 3))
def test_half_of_the_pairs_are_the_same_and_either_kind_is_made_of_both_versions(pairs, number, runs):
    found = study(pairs_session("same_different", runs=runs), pairs=pairs)
    script = found.script(str(number))
    trials = script.trials
    assert len({t.about.pair_id for t in trials}) == len(trials) == pairs
    quarter = pairs // 4
    assert Counter((t.kind, t.about.arm) for t in trials) == {
        ("different", "ai"): 2 * quarter, ("same", "live"): quarter, ("same", "ai"): quarter,
    }  # fmt: skip
    different = [t for t in trials if t.kind == "different"]
    assert Counter(t.clips[0].arm for t in different) == {"live": quarter, "ai": quarter}
    assert all({c.arm for c in t.clips} == {"live", "ai"} for t in different)
    assert all(t.clips == (t.about, t.about) for t in trials if t.kind == "same")
    assert all(t.expected == t.kind for t in trials)
    assert no_scene_follows_itself(script)
    for run in units_of(script):
        assert most_and_least(Counter(t.kind for t in run), ["same", "different"]) <= 2
    kinds = [(a, b) for a in ("same", "different") for b in ("same", "different")]
    assert most_and_least(transitions(units_of(script)), kinds) <= 2


@pytest.mark.parametrize("paradigm", ["same_different", "pair_comparison"])
def test_over_people_each_scene_is_shown_in_each_way_equally_often(paradigm):
    found = study(pairs_session(paradigm), pairs=8)
    ways = defaultdict(Counter)
    for number in range(4):
        for t in found.script(str(number)).trials:
            ways[t.about.pair_id][tuple(c.arm for c in t.clips)] += 1
    for counted in ways.values():
        assert set(counted.values()) == ({1} if paradigm == "same_different" else {2})
        assert len(counted) == (4 if paradigm == "same_different" else 2)


def test_more_trials_than_scenes_show_each_scene_in_another_way():
    found = study(pairs_session("same_different", trials=36), pairs=24)
    script = found.script("3")
    assert no_scene_follows_itself(script)
    shown = Counter((t.about.pair_id, tuple(c.arm for c in t.clips)) for t in script.trials)
    assert len(shown) == 36
    assert Counter(t.kind for t in script.trials) == {"same": 18, "different": 18}


def test_inherited_conditions_of_catch_trials_are_not_compared_in_the_main_phase(boundary):
    main = [t for t in boundary.script("5", session="detect").trials if t.phase == "main"]
    compared = Counter(t.about.arm for t in main if t.kind == "different")
    assert compared == {"ai": 6, "codec_control": 6}
    assert not any(c.arm == "cartoon" for t in main for c in t.clips)
    only = study(
        "paradigm: same_different, conditions: [live, cartoon], catch_trials: {contrast: [live, cartoon], n: 2}"
    )
    assert {c.arm for t in only.script("5").trials for c in t.clips} == {"live", "cartoon"}


@settings(max_examples=20)
@given(st.integers(0, 200))
def test_adults_see_one_after_the_other_and_children_side_by_side_with_a_sample(number):
    found = study(pairs_session("pair_comparison"))
    for group, kinds in (("adult", ("first", "second")), ("child", ("left", "right"))):
        script = found.script(str(number), group=group)
        assert no_scene_follows_itself(script)
        assert Counter(t.kind for t in script.trials) == dict.fromkeys(kinds, 12)
        assert most_and_least(transitions(units_of(script)), [(a, b) for a in kinds for b in kinds]) <= 1
        for t in script.trials:
            two = t.clips[-2:]
            assert two[kinds.index(t.kind)] == t.about
            assert t.about.arm == "ai"
            assert {c.arm for c in two} == {"live", "ai"}
            assert t.expected == t.kind
            assert len(t.clips) == (3 if group == "child" else 2)
    samples = [t.clips[0] for t in found.script(str(number), group="child").trials]
    children = found.script(str(number), group="child").trials
    assert all(t.clips[0].pair_id != t.about.pair_id for t in children)
    assert Counter(one.arm for one in samples) == {"live": 12, "ai": 12}
    assert len({one.pair_id for one in samples}) == 24
    assert Counter((t.kind, t.clips[0].arm) for t in children) == {
        (side, arm): 6 for side in ("left", "right") for arm in ("live", "ai")
    }


def test_children_and_adults_see_the_same_scenes():
    found = study(pairs_session("pair_comparison"), pairs=24, scenes=12)
    seen = [{t.about.pair_id for t in found.script("9", group=group).trials} for group in ("child", "adult")]
    assert seen[0] == seen[1]


def test_a_sample_needs_other_scenes():
    found = study(pairs_session("pair_comparison", trials=3))
    assert len(found.script("1", group="adult").trials) == 3
    with pytest.raises(InputError, match="too few scenes"):
        found.script("1", group="child")
    for scenes in (4, 5, 6):
        found = study(pairs_session("pair_comparison"), pairs=scenes)
        assert all(no_scene_follows_itself(found.script(str(n), group="child")) for n in range(20))


def test_comparing_needs_a_reference():
    with pytest.raises(InputError, match="compares versions of a scene with a reference"):
        study(pairs_session("same_different", "ai, cartoon")).script("1")


def test_what_follows_shows_both_main_versions_of_the_same_scenes_once(boundary):
    first, then = boundary.script("8", session="detect").parts
    trials = then.runs[0].trials
    assert (then.task, len(then.runs), len(trials)) == ("detection", 1, 48)
    assert Counter(t.kind for t in trials) == {"live": 24, "ai": 24}
    assert {t.about.pair_id for t in trials} == {
        t.about.pair_id for t in first.runs[0].trials if t.phase == "main"
    }
    assert {t.phase for t in trials} == {"main"}
    assert all(t.expected == ("camera" if t.kind == "live" else "computer") for t in trials)


@settings(max_examples=15)
@given(st.integers(0, 500))
def test_where_one_task_or_attempt_ends_no_scene_follows_itself(boundary, number):
    script = boundary.script(str(number), session="detect")
    assert no_scene_follows_itself(script)
    then = script.parts[1]
    ends = [attempt[-1].about.pair_id for attempt in then.training]
    assert then.runs[0].trials[0].about.pair_id not in ends


@settings(max_examples=30)
@given(st.integers(0, 500))
def test_training_between_two_tasks_does_not_begin_with_the_scene_just_seen(number):
    found = study(
        "paradigm: same_different, conditions: [live, ai], then: {paradigm: detection, "
        "training: {items: 4, criterion: 3, contrast: [live, ai]}}",
        pairs=5,
    )  # fmt: skip
    assert no_scene_follows_itself(found.script(str(number)))


def test_the_right_answer_of_a_detection_is_what_the_clip_is():
    arms = "live, ai, codec_control, cartoon, classic, classic_replica"
    found = study(f"paradigm: detection, conditions: [{arms}]")
    answers = {t.kind: t.expected for t in found.script("1").trials}
    assert answers == {
        "live": "camera", "codec_control": "camera", "classic": "camera",
        "ai": "computer", "cartoon": "computer", "classic_replica": "computer",
    }  # fmt: skip
    film = study("paradigm: film, conditions: [live, ai]").script("1")
    assert {t.expected for t in film.trials} == {None}
