"""People who are not there answer as planted, and devices that are not there keep time as real ones do."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy.special import ndtri

from experiments.clips import Clip
from experiments.devices.interfaces import Asked, Placed, Press
from experiments.screens import BLANK, Fixation, Screen
from experiments.trials.kinds import Trial
from experiments.virtual.devices import VirtualClock, VirtualDisplay, VirtualInput
from experiments.virtual.people import FASTEST_S, Simulated
from protocols.base.seeds import generator

MANY = 6000
CLIP = Clip("p1_ai", "p1", "ai", "contrast", "kitchen", "set/p1_ai.mp4", 4.0, 25.0)
SHORT = Clip("p1_live", "p1", "live", "reference", "kitchen", "set/p1_live.mp4", 2.0, 24.0)
NOISE, SIGNAL = "computer", "filmed"  # in the order of the alphabet, as the simulated person takes them


def asks(expected, *, swapped=False, phase="main", within=math.inf):
    trial = Trial("detection", phase, 1, 1, "ai", (CLIP,), CLIP, expected)
    words = {NOISE: "right", SIGNAL: "left"} if swapped else {NOISE: "left", SIGNAL: "right"}
    words = dict(reversed(words.items())) if swapped else words  # they come in the order in which they stand
    return Asked("choice", "detection", words, 10.0, within, trial)


def rates(person, **how):
    """Shares of 'filmed' among answers to filmed and to computer-made clips."""
    found = {}
    for expected in (SIGNAL, NOISE):
        asked = asks(expected, **how)
        pressed = Counter(press.key for _ in range(MANY) for press in person.reply(asked))
        found[expected] = pressed[asked.answers[SIGNAL]] / pressed.total()
    return found[SIGNAL], found[NOISE]


def someone(**how):
    return Simulated(generator(3, "someone"), **how)


@pytest.mark.parametrize("swapped", [False, True], ids=["left is noise", "right is noise"])
@pytest.mark.parametrize("planted", [0.0, 0.5, 1.5])
def test_the_planted_sensitivity_is_found_on_whichever_side_the_answers_stand(planted, swapped):
    hits, false_alarms = rates(someone(dprime=planted), swapped=swapped)
    # the standard error of d' from 6000 trials of each kind is about 0.025
    assert ndtri(hits) - ndtri(false_alarms) == pytest.approx(planted, abs=0.1)


@pytest.mark.parametrize("swapped", [False, True], ids=["left is noise", "right is noise"])
def test_the_planted_criterion_is_of_the_answer_and_not_of_its_side(swapped):
    hits, false_alarms = rates(someone(dprime=1.0, criterion=0.4), swapped=swapped)
    assert -(ndtri(hits) + ndtri(false_alarms)) / 2 == pytest.approx(0.4, abs=0.06)
    assert ndtri(hits) - ndtri(false_alarms) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("phase", ["training", "catch"])
def test_who_guesses_in_the_main_trials_still_knows_a_cartoon(phase):
    guesser = someone(dprime=0.0, known_dprime=3.0)
    hits, false_alarms = rates(guesser, phase=phase)
    assert ndtri(hits) - ndtri(false_alarms) == pytest.approx(3.0, abs=0.2)
    assert rates(guesser)[0] == pytest.approx(0.5, abs=0.04)


def test_response_times_are_those_of_people():
    person = someone()
    seconds = np.array([person.seconds() for _ in range(MANY)])
    assert seconds.min() >= FASTEST_S
    # a normal part of mean 0.6 s and an exponential one of 0.5 s: skewed to the right
    assert seconds.mean() == pytest.approx(1.1, abs=0.03)
    assert seconds.std() == pytest.approx(math.hypot(0.1, 0.5), abs=0.03)
    assert np.median(seconds) < seconds.mean() - 0.1


def test_a_press_comes_after_the_question_and_none_after_its_time():
    person, asked = someone(), asks(SIGNAL, within=1.0)
    times = [press.at for _ in range(MANY) for press in person.reply(asked)]
    assert asked.since + FASTEST_S <= min(times)
    assert max(times) < asked.since + asked.within
    # of this ex-Gaussian 54.2 % lie below 1 s (scipy's exponnorm)
    assert len(times) / MANY == pytest.approx(0.542, abs=0.03)


def test_lapses_are_as_frequent_as_planted_and_nobody_lapses_at_a_button_to_go_on():
    person = someone(lapse=0.2)
    answered = sum(len(person.reply(asks(SIGNAL))) for _ in range(MANY))
    assert answered / MANY == pytest.approx(0.8, abs=0.03)
    going_on = Asked("continue", "break", {}, 0.0, math.inf)
    assert all(person.reply(going_on)[0].key == "confirm" for _ in range(100))


def test_the_same_seed_gives_the_same_person_and_another_seed_another():
    def answers(seed):
        person = Simulated(generator(seed, "someone"), dprime=1.0, lapse=0.1)
        return [person.reply(asks(SIGNAL)) for _ in range(50)]

    assert answers(3) == answers(3)
    assert answers(3) != answers(4)


@pytest.fixture
def lab():
    clock = VirtualClock()
    keys = VirtualInput(clock, someone())
    return clock, keys, VirtualDisplay(clock, keys)


def test_screens_appear_only_at_refreshes(lab):
    clock, _, display = lab
    told = []
    clock.sleep_until(0.0101)
    at = display.show(Screen.of(Fixation()), told.append)
    assert at == pytest.approx(1 / 60)
    assert told == [at]
    assert clock.now() == at
    assert display.predicted(0.0) == at  # nothing can be shown in the past
    for refresh in range(1, 5000):  # a time that is a refresh stays one, whatever the rounding
        assert display.predicted(refresh / 60) == pytest.approx(refresh / 60, abs=1e-9)
    assert [when for when, _ in display.seen] == [at]


def test_every_frame_of_a_film_is_shown_at_the_first_refresh_at_which_it_is_due(lab):
    clock, _, display = lab
    began = []
    [played] = display.play([Placed(CLIP)], 0.5, beside=BLANK, on_start=began.append, watch=lambda _: False)
    assert played.onset == 0.5
    assert began == [0.5]
    assert played.index.tolist() == list(range(100))
    late = played.flip - played.onset - played.pts
    assert late.min() > -1e-9
    assert late.max() < 1 / 60
    assert np.allclose(played.flip * 60, np.round(played.flip * 60))
    assert played.complete
    assert played.dropped == 0
    assert played.offset == pytest.approx(4.5)
    assert clock.now() == pytest.approx(4.5)


def test_a_film_that_is_stopped_tells_only_the_frames_that_were_seen(lab):
    clock, keys, display = lab
    keys.schedule(Press("operator.skip", 1.51, "operator"))
    clips = [Placed(SHORT, "left"), Placed(CLIP, "right")]
    pair = display.play(
        clips, 0.5, beside=BLANK, on_start=lambda _: None, watch=lambda _: bool(keys.presses())
    )
    assert clock.now() == pytest.approx(1.51)
    for played, frames in zip(pair, (25, 26), strict=True):  # 1.01 s at 24 and 25 frames per second
        assert not played.complete
        assert played.offset == pytest.approx(1.51)
        assert len(played.index) == len(played.pts) == len(played.flip) == frames
        assert played.flip.max() <= 1.51


def test_of_two_films_stopped_together_the_shorter_one_may_be_over(lab):
    _, keys, display = lab
    keys.schedule(Press("operator.skip", 3.0, "operator"))
    clips = [Placed(SHORT, "left"), Placed(CLIP, "right")]
    short, long = display.play(
        clips, 0.0, beside=BLANK, on_start=lambda _: None, watch=lambda _: bool(keys.presses())
    )
    assert short.complete
    assert short.offset == pytest.approx(2.0)
    assert len(short.index) == SHORT.frames
    assert not long.complete
    assert long.offset == pytest.approx(3.0)


def test_presses_come_in_order_of_time_and_never_before_it(lab):
    clock, keys, _ = lab
    for key, at in (("third", 3.0), ("first", 1.0), ("second", 2.0), ("beside", 2.0)):
        keys.schedule(Press(key, at, "box"))
    assert keys.presses() == []
    assert [press.key for press in keys.wait(0.5)] == []
    assert clock.now() == 0.5
    assert [press.key for press in keys.wait(9.0)] == ["first"]
    assert clock.now() == 1.0
    clock.sleep_until(2.5)
    assert [press.key for press in keys.presses()] == ["second", "beside"]  # at one time: as they were made
    assert keys.next_at() == 3.0
    assert [press.key for press in keys.wait(9.0)] == ["third"]
    assert keys.next_at() == math.inf
    assert keys.wait(9.0) == []
    assert clock.now() == 9.0
    clock.sleep_until(4.0)
    assert clock.now() == 9.0


def test_a_scanner_pulses_once_it_is_asked_for_and_only_where_there_is_one():
    clock = VirtualClock()
    keys = VirtualInput(clock, someone(), repetition_time_s=2.0, pulses=4)
    clock.sleep_until(5.0)
    keys.expect(None)
    assert keys.next_at() == math.inf
    asked = Asked("scanner", "scanner", {}, 5.0, math.inf)
    keys.expect(asked)
    clock.sleep_until(60.0)
    assert [(press.key, press.at) for press in keys.presses()] == [
        ("scanner", at) for at in (7.0, 9.0, 11.0, 13.0)
    ]
    none = VirtualInput(clock, someone())
    none.expect(asked)
    assert none.next_at() == math.inf
