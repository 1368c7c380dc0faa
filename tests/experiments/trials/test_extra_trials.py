"""Catch trials, attention trials, training and what counts as seen before."""

from collections import Counter
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.trials.chance import Chance
from experiments.trials.extra import mixed
from tests.experiments.trials.conftest import no_scene_follows_itself, shared, study

CARTOONS = "catch_trials: {contrast: [live, cartoon], n: 12}"


@settings(max_examples=20)
@given(st.integers(0, 300), st.integers(1, 3))
def test_catch_trials_are_the_condition_not_shown_else_spread_evenly_and_never_first(number, runs):
    found = study(f"paradigm: detection, conditions: [live, ai], runs: {runs}, {CARTOONS}")
    script = found.script(str(number))
    catch = [t for t in script.trials if t.phase == "catch"]
    assert Counter(t.kind for t in catch) == {"cartoon": 12}
    assert len({t.about for t in catch}) == 12
    assert {t.about.pair_id for t in catch} <= {t.about.pair_id for t in script.trials if t.phase == "main"}
    assert all(t.expected == "computer" for t in catch)
    assert no_scene_follows_itself(script)
    assert all(run.trials[0].phase == "main" for run in script.parts[0].runs)
    places = [t.number for t in catch]
    for k in range(3):
        assert 3 <= sum(20 * k < place <= 20 * (k + 1) for place in places) <= 5


def test_catch_trials_show_both_conditions_where_the_session_shows_both_or_neither():
    for arms in ("live, ai, cartoon", "ai, codec_control"):
        found = study(f"paradigm: detection, conditions: [{arms}], {CARTOONS}")
        catch = Counter(t.kind for t in found.script("4").trials if t.phase == "catch")
        assert catch == {"live": 6, "cartoon": 6}


def test_catch_pairs_are_half_different_half_the_compared_version_twice(boundary):
    catch = [t for t in boundary.script("4", session="detect").trials if t.phase == "catch"]
    assert Counter((t.kind, t.about.arm) for t in catch) == {
        ("different", "cartoon"): 6,
        ("same", "cartoon"): 6,
    }
    assert Counter(t.clips[0].arm for t in catch if t.kind == "different") == {"live": 3, "cartoon": 3}


def test_a_childs_catch_pair_has_a_sample_too():
    found = study(f"paradigm: pair_comparison, conditions: [live, ai], {CARTOONS}")
    script = found.script("4", group="child")
    catch = [t for t in script.trials if t.phase == "catch"]
    assert no_scene_follows_itself(script)
    assert Counter((t.kind, t.clips[0].arm) for t in catch) == {
        (side, arm): 3 for side in ("left", "right") for arm in ("live", "cartoon")
    }
    assert all(t.clips[0].pair_id != t.about.pair_id for t in catch)


def test_every_scene_serves_in_catch_trials_equally_often():
    found = study(f"paradigm: detection, conditions: [live, ai], {CARTOONS}")
    counted = Counter(
        t.about.name for n in range(4) for t in found.script(str(n)).trials if t.phase == "catch"
    )
    assert len(counted) == 24
    assert set(counted.values()) == {2}


@settings(max_examples=20)
@given(st.integers(1, 9), st.integers(1, 4), st.integers(0, 99))
def test_a_star_after_every_so_many_clips(every, runs, number):
    found = study(
        f"paradigm: passive_viewing, conditions: [live, ai], runs: {runs}, attention: {{every: {every}, kind: star}}"
    )
    trials = found.script(str(number)).trials
    stars = [i for i, t in enumerate(trials) if t.phase == "attention"]
    assert stars == [every * (k + 1) + k for k in range(48 // every)]
    for i in stars:
        t = trials[i]
        assert (t.kind, t.about, t.clips, t.expected, t.exposure_count, t.lag) == (
            "star",
            None,
            (),
            "seen",
            None,
            None,
        )


@settings(max_examples=20)
@given(st.integers(0, 99))
def test_half_of_the_questions_show_the_clip_just_seen(number):
    found = study("paradigm: passive_viewing, conditions: [live, ai], attention: {every: 4, kind: question}")
    trials = found.script(str(number)).trials
    asked = [i for i, t in enumerate(trials) if t.phase == "attention"]
    assert Counter(trials[i].expected for i in asked) == {"yes": 6, "no": 6}
    for i in asked:
        question, before, following = trials[i], trials[i - 1], trials[i + 1 : i + 2]
        if question.expected == "yes":
            assert question.clips == before.clips
        else:
            assert not shared(question, before)
            assert not any(shared(question, t) for t in following)


def test_attention_counts_clips_as_the_plans_time_does():
    found = study("paradigm: same_different, conditions: [live, ai], attention: {every: 6, kind: star}")
    for group in ("child", "adult"):
        phases = Counter(t.phase for t in found.script("3", group=group).trials)
        assert phases == {"main": 24, "attention": 8}


TRAINING = "training: {items: 8, criterion: 7, attempts: 2, contrast: [live, cartoon]}"


@settings(max_examples=25)
@given(st.integers(0, 300), st.sampled_from([7, 8, 20]))
def test_training_is_half_of_each_condition_never_four_in_a_row_of_scenes_not_seen_elsewhere(number, items):
    found = study(
        f"paradigm: detection, conditions: [live, ai], {TRAINING.replace('8', str(items), 1)}",
        pairs=48,
        scenes=24,
    )
    script = found.script(str(number))
    attempts = script.parts[0].training
    assert [len(attempt) for attempt in attempts] == [items, items]
    main = {t.about.pair_id for t in script.trials if t.phase == "main"}
    for k, attempt in enumerate(attempts, start=1):
        kinds = [t.kind for t in attempt]
        assert abs(kinds.count("live") - kinds.count("cartoon")) <= items % 2
        assert max(len(list(same)) for _, same in groupby(kinds)) <= 3
        assert not {t.about.pair_id for t in attempt} & main
        assert len({t.about.pair_id for t in attempt}) == items
        assert {(t.phase, t.run, t.attempt, t.onset_s) for t in attempt} == {("training", 0, k, None)}
    assert not {t.about for t in attempts[0]} & {t.about for t in attempts[1]}
    assert [t.number for t in script.trials] == list(range(1, len(script.trials) + 1))
    assert not script.notes


def test_training_takes_the_persons_scenes_where_no_others_are_left_and_says_so():
    found = study(f"paradigm: detection, conditions: [live, ai], {TRAINING}", pairs=24)
    for number in range(10):
        script = found.script(str(number))
        assert "scenes that the person sees elsewhere" in script.notes[0]
        assert "it needs 8 others, and the set has 0" in script.notes[0]
        assert no_scene_follows_itself(script)
        attempts = script.parts[0].training
        assert not {t.about for t in attempts[0]} & {t.about for t in attempts[1]}


def test_scenes_of_later_sessions_are_not_practiced_with_either(boundary):
    for number in range(6):
        later = {t.about.pair_id for t in boundary.script(str(number), session="rate").trials}
        script = boundary.script(str(number), session="detect")
        practiced = {t.about.pair_id for attempt in script.parts[1].training for t in attempt}
        assert not practiced & later


@pytest.mark.parametrize("group", ["child", "adult"])
@pytest.mark.parametrize("paradigm", ["same_different", "pair_comparison"])
def test_tasks_with_two_clips_are_practiced_with_two(paradigm, group):
    found = study(f"paradigm: {paradigm}, conditions: [live, ai], {TRAINING}", pairs=48, scenes=24)
    script = found.script("3", group=group)
    for attempt in script.parts[0].training:
        assert set(Counter(t.expected for t in attempt).values()) == {4}
        assert {c.arm for t in attempt for c in t.clips} == {"live", "cartoon"}
        if paradigm == "pair_comparison" and group == "child":
            assert all(len(t.clips) == 3 and t.clips[0].pair_id != t.about.pair_id for t in attempt)
    assert no_scene_follows_itself(script)


@given(st.integers(0, 30), st.integers(0, 1), st.integers(0, 99))
def test_mixed_kinds_are_never_four_in_a_row(first, more, seed):
    kinds = mixed(first, first + more, Chance(seed))
    assert kinds.count(False) == first
    assert kinds.count(True) == first + more
    assert max((len(list(same)) for _, same in groupby(kinds)), default=0) <= 3


def test_exposures_are_counted_over_the_whole_study(boundary):
    def shown(script):
        for part in script.parts:
            for trials in (*part.training[:1], *(run.trials for run in part.runs)):
                yield from (t for t in trials if t.phase != "attention")

    count, arms = Counter(), {}
    for session in boundary.plan.sessions:
        last, place = {}, 0
        script = boundary.script("11", session=session.name)
        certain = set(map(id, shown(script)))
        for t in script.trials:
            if id(t) not in certain:
                place += t.phase == "attention"
                continue
            place += 1
            pair = t.about.pair_id
            others = arms.get(pair, set()) - {t.about.arm}
            lags = [place - last[c] for c in last if c[0] == pair and c[1] != t.about.arm]
            for c in t.clips:
                count[c.name] += 1
                arms.setdefault(c.pair_id, set()).add(c.arm)
                last[c.pair_id, c.arm] = place
            assert t.exposure_count == count[t.about.name]
            assert t.twin_seen_before == bool(others)
            assert t.lag == (min(lags) if lags else None)


def test_a_second_attempt_counts_the_first_one_and_is_not_counted_itself():
    found = study(f"paradigm: detection, conditions: [live, cartoon], {TRAINING}", pairs=8)
    script = found.script("2")
    first, second = script.parts[0].training
    practiced = {t.about for t in first}
    assert {t.exposure_count for t in first} == {1}
    assert all(t.exposure_count == 1 + (t.about in practiced) for t in second)
    assert all(t.exposure_count == 1 + (t.about in practiced) for t in script.trials if t.phase == "main")


def test_a_clip_shown_twice_in_a_trial_counts_twice():
    found = study("paradigm: same_different, conditions: [live, ai]")
    assert {(t.kind, t.exposure_count) for t in found.script("1").trials} == {("same", 2), ("different", 1)}
