"""Which trial functions a session has, and with what the plan says."""

from typing import get_args

import pytest

from experiments.paradigms.choosing import ATTENTION, PARADIGMS, paradigm_for, paradigms_of, row_class
from experiments.paradigms.ratings import SCALES
from experiments.people.profiles import ADULT, CHILD
from experiments.window.drawings import DRAWINGS
from protocols.plan.promises import Plan
from protocols.plan.sessions import Attention, FollowUp, Limits, Paradigm, Scale, Session

GROUPS = ("child", "adult")


@pytest.fixture
def plan():
    """A plan of which only what the trial functions need is filled in."""
    from protocols.plan.materials import Group

    groups = {name: Group(n_planned=2, profile=name) for name in GROUPS}
    return Plan.model_construct(groups=groups, limits=Limits(answer_within_s=7.0))


def session(paradigm, **more):
    return Session(name="here", modality="beh", paradigm=paradigm, **more)


def test_every_task_of_the_plan_has_a_trial_function_that_bears_its_name(plan):
    for task in get_args(Paradigm):
        found = paradigm_for(task, plan, session(task, scales=("beauty",)), "adult")
        assert type(found) is PARADIGMS[task]
        assert found.name == task
    assert PARADIGMS[ATTENTION].name == ATTENTION


def test_a_session_has_its_task_the_one_after_it_and_attention_if_it_has_any(plan):
    both = session("same_different", then=FollowUp(paradigm="detection"))
    assert list(paradigms_of(plan, both, "child")) == ["same_different", "detection"]
    watched = session("passive_viewing", attention=Attention(every=6, kind="star", seconds=3.0))
    found = paradigms_of(plan, watched, "child")
    assert list(found) == ["passive_viewing", ATTENTION]
    assert found[ATTENTION].parameters.seconds == 3.0


@pytest.mark.parametrize("task", ["same_different", "pair_comparison", "detection"])
def test_only_groups_the_plan_gives_levels_are_asked_how_sure_they_are(task, plan):
    levels = {
        group: [
            paradigm_for(task, plan, session(task, confidence=confidence), group).parameters.confidence_levels
            for confidence in ({"adult": 4, "child": "none"}, {"adult": 4}, {"child": 3}, None)
        ]
        for group in GROUPS
    }
    assert levels == {"adult": [4, 4, 0, 0], "child": [0, 0, 3, 0]}


@pytest.mark.parametrize("task", ["same_different", "pair_comparison", "detection", "ratings"])
def test_the_plan_says_how_long_there_is_for_an_answer(task, plan):
    found = paradigm_for(task, plan, session(task, scales=("beauty",)), "adult")
    assert found.parameters.answer_within_s == 7.0


def test_children_point_and_adults_name(plan):
    points = [
        paradigm_for("pair_comparison", plan, session("pair_comparison"), group).parameters.pointing
        for group in GROUPS
    ]
    assert points == [True, False]


def test_ratings_are_of_the_plans_scales_in_the_groups_steps(plan):
    scales = ("warmth", "realness")
    rated = session("ratings", scales=scales)
    for group, profile in zip(GROUPS, (CHILD, ADULT), strict=True):
        found = paradigm_for("ratings", plan, rated, group)
        assert found.parameters.scales == scales
        assert found.profile == profile
        assert found.Row.described() == row_class("ratings", profile, scales).described()


def test_every_scale_a_plan_can_name_is_described():
    assert set(SCALES) == set(get_args(Scale))


@pytest.mark.parametrize("task", PARADIGMS)
@pytest.mark.parametrize("profile", [CHILD, ADULT], ids=lambda one: one.name)
def test_every_column_says_what_it_is(task, profile):
    described = row_class(task, profile, tuple(SCALES)).described()
    for name, about in described.items():
        assert about["Description"].strip(), name
        assert about.get("LongName", name), name
        assert all(about.get("Levels", {"none": "needed"}).values()), name


def test_the_words_of_an_answer_are_explained_where_there_are_words():
    for task, words in {
        "detection": {"camera", "computer"},
        "same_different": {"same", "different"},
        "pair_comparison": {"first", "second", "left", "right"},
        ATTENTION: {"seen", "yes", "no"},
    }.items():
        assert set(row_class(task, ADULT).described()["response"]["Levels"]) == words


def test_nothing_that_is_shown_in_the_scanner_asks_about_ai():
    asks = {task for task, one in PARADIGMS.items() if one.asks_about_ai}
    assert asks == {"detection", "pair_comparison"}


def test_every_instruction_and_practice_has_a_drawing_that_exists():
    for one in PARADIGMS.values():
        assert {name for name in (*one.pages, *(one.practices or ())) if name} <= DRAWINGS.keys()
