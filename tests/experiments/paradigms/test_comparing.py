"""Same–different and pair comparison: what is shown, what the answer means, and what children's pointing means."""

import pytest

from experiments.paradigms.pair_comparison import PairComparison, PairComparisonParameters
from experiments.paradigms.same_different import SameDifferent, SameDifferentParameters
from experiments.people.profiles import CHILD

ASKING_SURE = SameDifferentParameters(answer_within_s=8.0, confidence_levels=4)


@pytest.fixture
def two(film):
    """The reference and the compared version of a scene."""
    return film("p1", "live"), film("p1", "ai")


def different(trial, two, **more):
    live, ai = two
    return trial("same_different", [ai, live], "different", about=ai, expected="different", **more)


@pytest.mark.parametrize(("said", "correct"), [("different", True), ("same", False)])
def test_two_clips_are_judged_and_the_row_names_both(said, correct, stub, trial, two):
    lab = stub(said)
    row = SameDifferent(SameDifferentParameters(8.0)).trial(different(trial, two), lab)
    assert lab.does == ["fixation", "play p1_ai@center", "play p1_live@center", "same_or_different"]
    assert (row.response, row.correct, row.response_time, row.confidence) == (said, correct, 0.7, None)
    assert (row.clip, row.other_clip, row.order, row.trial_type) == ("p1_ai", "p1_live", "ai", "different")
    assert (row.onset, row.duration, row.dropped_frames, row.trigger) == (100.0, 4.0, 2, 11)
    assert lab.asked[0].within == 8.0


def test_the_order_is_that_of_showing_wherever_the_compared_version_stands(stub, trial, two):
    live, ai = two
    later = trial("same_different", [live, ai], "different", about=ai, expected="different")
    row = SameDifferent(SameDifferentParameters()).trial(later, stub("same"))
    assert (row.clip, row.other_clip, row.order) == ("p1_ai", "p1_live", "live")


def test_a_clip_shown_twice_was_compared_with_itself(stub, trial, two):
    live, _ = two
    row = SameDifferent(SameDifferentParameters()).trial(
        trial("same_different", [live, live], "same", about=live, expected="same"), stub("same")
    )
    assert (row.other_clip, row.correct) == ("p1_live", True)


def test_how_sure_is_asked_after_answers_only_and_never_in_training(stub, trial, two):
    sure = SameDifferent(ASKING_SURE).trial(different(trial, two), lab := stub("same", 3))
    assert (sure.confidence, lab.asked[1].question, lab.asked[1].answers) == (3, "how_sure", 4)
    unsure = SameDifferent(ASKING_SURE).trial(different(trial, two), stub("same", None))
    assert (unsure.confidence, unsure.unusable_reason) == (None, None)
    late = SameDifferent(ASKING_SURE).trial(different(trial, two), lab := stub(None))
    assert (late.confidence, late.correct, late.unusable_reason) == (None, None, "no answer")
    assert [one.question for one in lab.asked] == ["same_or_different"]
    caught = SameDifferent(ASKING_SURE).trial(different(trial, two, phase="catch"), lab := stub("same", 1))
    assert (caught.confidence, "feedback" in lab.does) == (1, False)


@pytest.mark.parametrize("said", ["same", None])
def test_training_tells_what_was_right(said, stub, trial, two):
    lab = stub(said)
    row = SameDifferent(ASKING_SURE).trial(different(trial, two, phase="training", attempt=2), lab)
    assert lab.told == [("different", said)]
    assert (row.attempt, row.phase, row.confidence) == (2, "training", None)


def test_a_stopped_second_clip_cannot_be_used(stub, trial, two):
    row = SameDifferent(SameDifferentParameters()).trial(
        different(trial, two), stub("same", stopped=["p1_live"])
    )
    assert row.unusable_reason == "the clip was stopped"


@pytest.mark.parametrize(("said", "correct"), [("second", True), ("first", False)])
def test_adults_say_which_of_two_a_computer_made(said, correct, stub, trial, two):
    live, ai = two
    lab = stub(said, 2)
    row = PairComparison(PairComparisonParameters(8.0, 4)).trial(
        trial("pair_comparison", [live, ai], "second", about=ai, expected="second"), lab
    )
    assert lab.does == [
        "fixation", "play p1_live@center", "play p1_ai@center", "which_computer", "how_sure"
    ]  # fmt: skip
    assert (row.response, row.correct, row.confidence) == (said, correct, 2)
    assert (row.clip, row.other_clip, row.pointed, row.sample) == ("p1_ai", "p1_live", None, None)


def point(lab, trial, film, two, sample_arm, side, **more):
    live, ai = two
    beside = [ai, live] if side == "left" else [live, ai]
    clips = [film("p2", sample_arm), *beside]
    return PairComparison(PairComparisonParameters(10.0, pointing=True)).trial(
        trial("pair_comparison", clips, side, about=ai, expected=side, **more), lab
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("sample_arm", "pointed_at", "response_is_the_compared"),
    [("ai", "ai", True), ("ai", "live", False), ("live", "live", True), ("live", "ai", False)],
)
def test_pointing_is_written_down_as_the_side_taken_for_the_compared_version(
    side, sample_arm, pointed_at, response_is_the_compared, stub, trial, film, two
):
    """Who points at the twin of a live sample takes the other one for AI."""
    other = {"left": "right", "right": "left"}[side]
    pointed = side if pointed_at == "ai" else other
    row = point(stub(pointed, profile=CHILD), trial, film, two, sample_arm, side)
    assert row.pointed == pointed
    assert row.response == (side if response_is_the_compared else other)
    assert row.correct is response_is_the_compared
    assert (row.clip, row.other_clip, row.sample) == ("p1_ai", "p1_live", f"p2_{sample_arm}")


def test_children_see_the_sample_alone_and_then_the_two_side_by_side(stub, trial, film, two):
    lab = stub("left", profile=CHILD)
    row = point(lab, trial, film, two, "live", "right")
    assert lab.does == [
        "fixation", "play p2_live@center", "pause", "play p1_live@left p1_ai@right", "which_like_sample"
    ]  # fmt: skip
    assert lab.asked[0].pointing, "places on the screen must never change sides"
    assert (row.onset, row.duration, row.dropped_frames, row.trigger) == (100.0, 4.5, 3, 11)


@pytest.mark.parametrize(("sample_arm", "right"), [("ai", "left"), ("live", "right")])
def test_who_points_is_told_and_in_a_simulation_knows_where_the_like_of_the_sample_is(
    sample_arm, right, stub, trial, film, two
):
    lab = stub("left", profile=CHILD)
    row = point(lab, trial, film, two, sample_arm, "left", phase="training")
    assert lab.told == [(right, "left")]
    assert lab.asked[0].trial.expected == right
    assert row.correct is (right == "left")


def test_who_does_not_point_has_not_answered(stub, trial, film, two):
    row = point(stub(None, profile=CHILD), trial, film, two, "live", "left")
    assert (row.pointed, row.response, row.correct, row.unusable_reason) == (None, None, None, "no answer")


def test_clips_are_decoded_for_the_places_where_they_will_stand(trial, film, two):
    live, ai = two
    pointing = PairComparison(PairComparisonParameters(pointing=True))
    placed = pointing.placed(trial("pair_comparison", [film("p2", "ai"), live, ai], "right", about=ai))
    assert [(one.clip.name, one.where) for one in placed] == [
        ("p2_ai", "center"),
        ("p1_live", "left"),
        ("p1_ai", "right"),
    ]
    in_turn = PairComparison(PairComparisonParameters()).placed(
        trial("pair_comparison", two, "second", about=ai)
    )
    assert [(one.clip.name, one.where) for one in in_turn] == [("p1_live", "center"), ("p1_ai", "center")]
