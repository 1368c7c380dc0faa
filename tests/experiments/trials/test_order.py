"""Single clips: no scene follows itself, and conditions are balanced over all that could mimic them."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.trials.latin import williams
from protocols.base.errors import InputError
from tests.experiments.trials.conftest import (
    ROLES,
    most_and_least,
    no_scene_follows_itself,
    study,
    transitions,
    units_of,
)

SCENE_ARMS = list(ROLES)[:4]
NUMBERS = st.integers(1, 300)


EXPOSURES = st.sampled_from(["both_versions", "one_version"])


@st.composite
def viewing(draw, exposure=EXPOSURES):
    """A study with one session of viewing, its conditions and its number of scenes."""
    arms = draw(st.permutations(SCENE_ARMS).map(tuple))[: draw(st.integers(2, 4))]
    pairs = draw(st.integers(8, 48))
    scenes = draw(st.none() | st.integers(8, pairs))
    how, runs = draw(exposure), draw(st.integers(1, 4))
    found = study(
        f"paradigm: passive_viewing, conditions: [{', '.join(arms)}], exposure: {how}, runs: {runs}",
        pairs=pairs, scenes=scenes, seed=draw(st.integers(0, 9)),
    )  # fmt: skip
    return found, arms, scenes or pairs, how


@settings(max_examples=60)
@given(viewing(), NUMBERS)
def test_every_version_of_every_scene_once_and_never_beside_another(viewing, number):
    found, arms, scenes, how = viewing
    script = found.script(str(number))
    shown = Counter(t.about.name for t in script.trials)
    per_scene = Counter(t.about.pair_id for t in script.trials)
    assert set(shown.values()) == {1}
    assert len(per_scene) == scenes
    assert set(per_scene.values()) == {len(arms) if how == "both_versions" else 1}
    assert no_scene_follows_itself(script)
    assert all(t.lag is None or t.lag > scenes // 2 for t in script.trials)
    assert [t.number for t in script.trials] == list(range(1, len(script.trials) + 1))


@settings(max_examples=60)
@given(viewing(), NUMBERS)
def test_conditions_are_balanced_over_runs_halves_and_what_precedes_them(viewing, number):
    found, arms, scenes, how = viewing
    runs = units_of(found.script(str(number)))
    flat = [t for run in runs for t in run]
    sizes = [len(run) for run in runs]
    assert max(sizes) - min(sizes) <= 1
    divisor = len(arms) * (1 if how == "one_version" else 4 if len(arms) == 3 else 2)
    bound = 1 if scenes % divisor == 0 else 2
    for run in runs:
        assert most_and_least(Counter(t.kind for t in run), arms) <= bound
    for half in (flat[: len(flat) // 2], flat[len(flat) // 2 :]):
        assert most_and_least(Counter(t.kind for t in half), arms) <= 2
    # few scenes leave a condition hardly a chance to follow itself within half a pass
    most = 2 if scenes >= 3 * len(arms) else 3
    assert most_and_least(transitions(runs), [(a, b) for a in arms for b in arms]) <= most


@settings(max_examples=15)
@given(viewing(exposure=st.just("both_versions")), st.integers(0, 50))
def test_over_people_each_version_of_a_scene_is_first_equally_often_and_each_order_too(viewing, start):
    found, arms, scenes, _ = viewing
    if scenes < found.plan.stimuli.pairs:
        return
    orders = defaultdict(Counter)
    rows = len(williams(len(arms)))
    for number in range(start * rows, (start + 1) * rows):
        own = defaultdict(list)
        for t in found.script(str(number)).trials:
            own[t.about.pair_id].append(t.kind)
        for pair, order in own.items():
            orders[pair][tuple(order)] += 1
    for counted in orders.values():
        assert len(counted) == rows
        assert set(counted.values()) == {1}


@pytest.mark.parametrize(("pairs", "scenes", "arms"), [(24, 12, 3), (24, 8, 2), (20, 8, 4), (12, 12, 4)])
def test_one_version_is_a_latin_square_over_people(pairs, scenes, arms):
    conditions = ", ".join(SCENE_ARMS[:arms])
    found = study(
        f"paradigm: ratings, conditions: [{conditions}], exposure: one_version, scales: [realness]",
        pairs=pairs, scenes=scenes,
    )  # fmt: skip
    around = pairs * arms // (4 if pairs == 20 else scenes)
    shown = Counter(t.about.name for n in range(around) for t in found.script(str(n)).trials)
    assert len(shown) == pairs * arms
    assert len(set(shown.values())) == 1


@pytest.mark.parametrize("n", range(1, 8))
def test_in_a_williams_design_each_version_follows_each_other_one_equally_often(n):
    square = williams(n)
    assert {tuple(sorted(row)) for row in square} == {tuple(range(n))}
    for column in zip(*square, strict=True):
        assert len(set(Counter(column).values())) == 1
    after = Counter((a, b) for row in square for a, b in pairwise(row))
    assert len(after) == n * (n - 1)
    assert len(set(after.values())) <= 1


@pytest.mark.parametrize("arms", [2, 3, 4])
@pytest.mark.parametrize("pairs", [24, 26])
def test_blocks_are_of_one_condition_and_whole_within_runs(arms, pairs):
    conditions = SCENE_ARMS[:arms]
    found = study(
        f"paradigm: passive_viewing, conditions: [{', '.join(conditions)}], runs: 3, "
        "design: {kind: block, fixation_s: [1, 1], clips_per_block: 4}",
        pairs=pairs,
    )  # fmt: skip
    for number in range(6):
        script = found.script(str(number))
        assert no_scene_follows_itself(script)
        assert Counter(t.kind for t in script.trials) == dict.fromkeys(conditions, pairs)
        lengths = []
        for run in units_of(script):
            length = 1
            for before, now in zip(run, [*run[1:], None], strict=True):
                if now is not None and now.kind == before.kind:
                    length += 1
                else:
                    lengths.append(length)
                    length = 1
        # two blocks of a condition may meet
        assert all(n % 4 == 0 for n in lengths) if pairs == 24 else all(n >= 3 for n in lengths)
        blocks_of_run = [Counter(t.kind for t in run) for run in units_of(script)]
        assert max(most_and_least(one, conditions) for one in blocks_of_run) <= 8


def test_families_are_mixed_evenly_and_balanced_by_themselves():
    found = study(
        "paradigm: ratings, conditions: [live, ai, classic, classic_replica], scales: [realness], runs: 2"
    )
    for number in range(8):
        script = found.script(str(number))
        assert no_scene_follows_itself(script)
        old = [t.kind.startswith("classic") for run in units_of(script) for t in run]
        for start in range(0, len(old), 12):
            assert 4 <= sum(old[start : start + 12]) <= 8
        assert any(a == b for a, b in pairwise(old)), "which family comes next can be foreseen"
        for run in units_of(script):
            assert set(Counter(t.kind for t in run).values()) == {12}


def test_same_person_same_list_and_another_person_another_order():
    found = study("paradigm: passive_viewing, conditions: [live, ai, cartoon]")
    first = found.script("sub-07")
    assert first == found.script("07", clips=list(reversed(found.clips)))
    lists = {tuple(t.about.name for t in found.script(str(n)).trials) for n in range(40)}
    assert len(lists) == 40
    other = study("paradigm: passive_viewing, conditions: [live, ai, cartoon]", seed=8)
    assert [t.about for t in other.script("07").trials] != [t.about for t in first.trials]


def test_the_group_changes_nothing_about_single_clips():
    found = study("paradigm: detection, conditions: [live, ai]")
    assert found.script("07", group="child").trials == found.script("07", group="adult").trials


def test_a_single_scene_in_two_versions_is_refused():
    found = study("paradigm: detection, conditions: [live, ai], trials: 2")
    with pytest.raises(InputError, match="two versions of a scene back to back"):
        found.script("01")


def test_more_runs_than_trials_are_refused():
    found = study("paradigm: detection, conditions: [live, ai], trials: 4, runs: 5")
    with pytest.raises(InputError, match="more runs than trials"):
        found.script("01")


def test_unknown_names_are_refused_with_the_nearest():
    found = study("name: scan, paradigm: detection, conditions: [live, ai]")
    with pytest.raises(InputError, match=r"did you mean 'scan'"):
        found.script("01", session="scam")
    with pytest.raises(InputError, match=r"group 'kids'"):
        found.script("01", group="kids")


def test_answers_change_sides_for_half_of_the_people_whatever_their_scenes_and_squares(boundary):
    swapped = [boundary.script(str(n), session="rate").swapped for n in range(32)]
    for start in range(0, 32, 4):
        assert sum(swapped[start : start + 4]) == 2
    for way in (lambda n: n % 2, lambda n: n // 2 % 4, lambda n: n % 8):
        by = defaultdict(list)
        for n, one in enumerate(swapped):
            by[way(n)].append(one)
        assert all(sum(ones) * 2 == len(ones) for ones in by.values())


def test_the_sides_are_a_persons_own_in_every_session(boundary):
    for number in ("3", "4"):
        assert len({boundary.script(number, session=s.name).swapped for s in boundary.plan.sessions}) == 1
