"""Passive viewing, film, and the trials that show whether somebody watches."""

import pytest

from experiments.paradigms.attention import Attention, AttentionParameters
from experiments.paradigms.film import Film
from experiments.paradigms.passive_viewing import PassiveViewing
from experiments.people.profiles import CHILD


@pytest.mark.parametrize("paradigm", [PassiveViewing(), Film()], ids=lambda one: one.name)
def test_watching_asks_nothing_and_leaves_fixation_on_the_screen(paradigm, stub, film, trial):
    lab, clip = stub(), film("p1", "ai")
    row = paradigm.trial(trial(paradigm.name, [clip], "ai", about=clip), lab)
    assert lab.does == ["fixation", "play p1_ai@center", "fixation"]
    assert (row.onset, row.duration, row.trigger, row.clip, row.arm) == (100.0, 2.0, 11, "p1_ai", "ai")
    assert (row.dropped_frames, round(row.onset_error, 6)) == (1, 0.01)
    assert (row.response, row.correct, row.unusable_reason) == (None, None, None)


def test_a_stopped_film_cannot_be_used(stub, film, trial):
    clip = film("p1", "ai")
    row = Film().trial(trial("film", [clip], "ai", about=clip), stub(stopped=["p1_ai"]))
    assert row.unusable_reason == "the clip was stopped"


def attend(lab, one):
    return Attention(AttentionParameters(seconds=1.5)).trial(one, lab)


def test_a_star_that_was_seen_is_right_and_has_its_times(stub, trial):
    star = trial("passive_viewing", [], "star", phase="attention")
    row = attend(stub("seen"), star)
    assert (row.response, row.correct, row.response_time) == ("seen", True, 0.7)
    assert (row.onset, row.duration, row.onset_error, row.phase) == (100.0, 1.5, None, "attention")


def test_a_missed_star_is_wrong_and_no_missing_answer(stub, trial):
    row = attend(stub(None), trial("passive_viewing", [], "star", phase="attention"))
    assert (row.response, row.correct, row.unusable_reason) == (None, False, None)


def test_in_a_recording_a_star_begins_at_its_planned_time(stub, trial):
    lab = stub("seen", zero=98.0)
    row = attend(lab, trial("passive_viewing", [], "star", phase="attention", onset_s=30.0))
    assert lab.does[:2] == ["fixation", "wait"]
    assert (row.onset, row.onset_error) == (128.0, 0.0)


@pytest.mark.parametrize(
    ("said", "correct"), [("yes", True), ("no", False), (None, False)], ids=["right", "wrong", "late"]
)
def test_a_question_is_scored_and_carries_its_own_marker(said, correct, stub, film, trial):
    clip = film("p1", "ai")
    question = trial(
        "passive_viewing", [clip], "question", about=clip, phase="attention", expected="yes", onset_s=4.0
    )
    lab = stub(said, zero=100.0, profile=CHILD)
    row = attend(lab, question)
    assert (row.response, row.correct, row.unusable_reason) == (said, correct, None)
    assert (row.onset, row.duration, row.onset_error, row.trigger) == (104.0, 1.5, 0.0, 11)
    assert lab.marked[0].about is None, "the marker of a clip would be sent although none is shown"
    assert lab.does[-1] == "fixation"
