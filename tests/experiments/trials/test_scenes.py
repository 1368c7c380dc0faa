"""Which scenes a person sees: every scene equally often, fresh ones or the same again."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.trials.material import number_of, window
from protocols.base.errors import InputError
from tests.experiments.trials.conftest import study

DETECT = "paradigm: detection, conditions: [live, ai]"


def scenes(found, number, session=None):
    trials = found.script(str(number), session=session).trials
    return {t.about.pair_id for t in trials if t.phase == "main"}


def test_a_participants_number_is_the_digits_its_code_ends_with():
    assert number_of("sub-kid12") == 12
    assert number_of("sub-007") == 7
    assert number_of("sub-ab") == number_of("sub-ab") != number_of("sub-ac")


@given(st.integers(1, 30), st.data())
def test_windows_take_everything_equally_often_and_leave_a_digit_that_is_independent(size, data):
    n = data.draw(st.integers(1, size))
    taken = Counter()
    rest = Counter()
    for number in range(2 * size):
        items, left = window(range(size), n, number)
        assert len(set(items)) == n
        taken.update(items)
        rest.update((item, left) for item in items)
    assert len(set(taken.values())) == 1
    assert len(set(rest.values())) == 1


@pytest.mark.parametrize(("pairs", "per_person"), [(48, 24), (30, 12), (20, 15)])
def test_every_scene_is_seen_equally_often(pairs, per_person):
    found = study(DETECT, pairs=pairs, scenes=per_person)
    seen = Counter(pair for number in range(pairs) for pair in scenes(found, number))
    assert len(seen) == pairs
    assert len(set(seen.values())) == 1


def test_a_session_shows_fresh_scenes_or_those_of_the_session_it_names(boundary):
    for number in range(6):
        scan, detect, rate = (scenes(boundary, number, s.name) for s in boundary.plan.sessions)
        assert len(scan) == 24
        assert detect == scan
        assert not scan & rate


def test_scenes_are_rated_equally_often_although_each_person_rates_half_of_the_fresh_ones(boundary):
    seen = Counter(
        t.about.name for number in range(8) for t in boundary.script(str(number), session="rate").trials
    )
    assert len(seen) == 4 * 48
    assert len(set(seen.values())) == 1


def test_who_sees_all_pairs_sees_them_again_and_is_told_so():
    found = study(DETECT, DETECT)
    assert scenes(found, 1, "s1") == scenes(found, 1, "s2")
    assert not found.script("1", session="s1").notes
    assert "shown in an earlier session" in found.script("1", session="s2").notes[0]


def test_fresh_scenes_are_taken_while_there_are_any():
    half = f"{DETECT}, trials: 24"
    found = study(half, half)
    assert not scenes(found, 1, "s1") & scenes(found, 1, "s2")
    assert not found.script("1", session="s2").notes


def test_a_third_session_of_fresh_scenes_is_refused_when_there_are_only_two_halves():
    found = study(DETECT, DETECT, DETECT, pairs=24, scenes=12)
    with pytest.raises(InputError, match=r"session 's3': has more trials than pairs allow") as refused:
        found.script("1", session="s1")
    assert "at most 0, as many as are left" in str(refused.value)
    assert "items: {same_as" in str(refused.value)


@pytest.mark.parametrize("paradigm", ["detection", "same_different", "pair_comparison"])
def test_more_trials_than_pairs_allow_are_refused(paradigm):
    found = study(f"paradigm: {paradigm}, conditions: [live, ai], trials: 200")
    with pytest.raises(InputError, match="has more trials than pairs allow"):
        found.script("1")


def test_a_set_with_fewer_pairs_than_planned_is_refused_and_fewer_classics_are_noted():
    found = study("paradigm: ratings, conditions: [live, ai, classic, classic_replica], scales: [realness]")
    few = [clip for clip in found.clips if clip.pair_id not in ("c01", "c02")]
    script = found.script("1", clips=few)
    assert Counter(t.kind for t in script.trials) == {
        "live": 24,
        "ai": 24,
        "classic": 22,
        "classic_replica": 22,
    }
    assert "22 pairs of classic, classic_replica" in script.notes[0]
    with pytest.raises(InputError, match="has more trials than pairs allow"):
        found.script("1", clips=[clip for clip in found.clips if clip.pair_id != "p01"])


def test_missing_versions_are_named():
    found = study(DETECT)
    with pytest.raises(InputError, match=r"pair 'p03': has no ai version"):
        found.script("1", clips=[clip for clip in found.clips if clip.name != "p03_ai"])
    with pytest.raises(InputError, match=r"condition 'ai': has no clips"):
        found.script("1", clips=[clip for clip in found.clips if clip.arm != "ai"])
    with pytest.raises(InputError, match=r"pair 'p01': has two clips of condition 'live'"):
        found.script("1", clips=[*found.clips, found.clips[0]])


def test_limited_trials_are_whole_scenes_of_all_families_in_proportion():
    rate = "paradigm: ratings, conditions: [live, ai, classic, classic_replica], scales: [realness]"
    script = study(f"{rate}, trials: 21").script("1")
    assert Counter(t.kind for t in script.trials) == dict.fromkeys(
        ["live", "ai", "classic", "classic_replica"], 5
    )
    assert "20 of 21 trials" in script.notes[0]


def test_who_saw_one_version_sees_that_one_again():
    one = "paradigm: passive_viewing, conditions: [live, ai, cartoon], exposure: one_version"
    found = study(
        one, "paradigm: detection, items: {same_as: s1}, conditions: [live, ai], exposure: one_version"
    )
    for number in range(5):
        first = {t.about.name for t in found.script(str(number), session="s1").trials}
        again = {t.about.name for t in found.script(str(number), session="s2").trials}
        assert again == {name for name in first if not name.endswith("cartoon")}


def test_which_version_comes_first_in_one_session_says_nothing_about_the_next():
    found = study(DETECT, "paradigm: detection, items: {same_as: s1}", pairs=40)
    both = Counter()
    for number in range(4):
        first = [
            {t.about.pair_id: t.kind for t in reversed(found.script(str(number), session=name).trials)}
            for name in ("s1", "s2")
        ]
        both.update((first[0][pair], first[1][pair]) for pair in first[0])
    assert len(both) == 4
    assert min(both.values()) >= 20


def test_the_same_scenes_cannot_be_asked_for_in_conditions_they_do_not_have():
    found = study(DETECT, "paradigm: detection, items: {same_as: s1}, conditions: [classic, classic_replica]")
    with pytest.raises(InputError, match="session 's1' showed no such scenes"):
        found.script("1", session="s2")
