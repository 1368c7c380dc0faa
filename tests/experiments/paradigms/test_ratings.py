"""Ratings: every scale has columns of its own."""

import pytest

from experiments.paradigms.ratings import SCALES, Ratings, RatingsParameters
from experiments.people.profiles import ADULT, CHILD

BOTH = ("realness", "seen_before")


def rate(stub, film, trial, *answers, profile=ADULT, scales=BOTH, **lab):
    desk, clip = stub(*answers, profile=profile, **lab), film("p1", "ai")
    row = Ratings(RatingsParameters(scales, 9.0), profile).trial(
        trial("ratings", [clip], "ai", about=clip), desk
    )
    return row, desk


def test_scales_are_asked_in_the_plans_order_in_the_profiles_manner(stub, film, trial):
    _, lab = rate(stub, film, trial, 60, 2)
    assert lab.does == ["fixation", "play p1_ai@center", "realness", "seen_before"]
    assert [(one.answers, one.style, one.within) for one in lab.asked] == [
        (100, "slider", 9.0),
        (7, "likert", 9.0),
    ]
    _, lab = rate(stub, film, trial, 5, 3, profile=CHILD, scales=("eeriness", "beauty"))
    assert [(one.answers, one.style) for one in lab.asked] == [(5, "tokens"), (3, "faces")]


def test_each_scale_has_its_value_and_its_time(stub, film, trial):
    row, _ = rate(stub, film, trial, 60, 2)
    columns = row.columns()
    assert (columns["realness"], columns["seen_before"]) == (60, 2)
    assert (columns["realness_time"], columns["seen_before_time"], row.response_time) == (0.7, 0.7, 0.7)
    assert (row.response, row.correct, row.unusable_reason) == (None, None, None)
    assert (row.onset, row.trigger, row.clip) == (100.0, 11, "p1_ai")


def test_a_trial_with_one_answer_can_be_used_and_one_without_any_cannot(stub, film, trial):
    row, _ = rate(stub, film, trial, None, 4)
    assert (row.realness, row.seen_before, row.response_time, row.unusable_reason) == (None, 4, None, None)
    row, _ = rate(stub, film, trial, None, None)
    assert row.unusable_reason == "no answer"


def test_a_stopped_clip_stays_unusable_whatever_was_answered(stub, film, trial):
    for answers in [(1, 2), (None, None)]:
        row, _ = rate(stub, film, trial, *answers, stopped=["p1_ai"])
        assert row.unusable_reason == "the clip was stopped"


@pytest.mark.parametrize("profile", [ADULT, CHILD], ids=lambda one: one.name)
def test_the_columns_say_what_the_steps_mean(profile):
    described = Ratings(RatingsParameters(tuple(SCALES)), profile).Row.described()
    for scale in SCALES:
        assert f"to {profile.steps(scale)} (" in described[scale]["Description"]
        assert described[f"{scale}_time"]["Units"] == "s"
    assert (
        "1 (not at all) to 100 (completely), given by a slider"
        in Ratings(RatingsParameters(("realness",)), ADULT).Row.described()["realness"]["Description"]
    )


def test_only_realness_makes_people_think_of_ai():
    assert Ratings(RatingsParameters(("beauty", "realness")), ADULT).asks_about_ai
    assert not Ratings(RatingsParameters(("beauty", "eeriness")), ADULT).asks_about_ai
