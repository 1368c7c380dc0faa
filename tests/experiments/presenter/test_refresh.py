import numpy as np
import pytest

from experiments.presenter.refresh import Pacer, Refresh, measure_refresh


class Time:
    """A clock that only moves when someone sleeps."""

    def __init__(self):
        self.time = 100.0

    def now(self):
        return self.time

    def sleep_until(self, when):
        self.time = max(self.time, when)


class Glass:
    """A window whose flips take some time, or wait for a screen of some rate."""

    def __init__(self, clock, *, hz=None, takes_s=0.002, jitter_s=0.0):
        self.clock, self.hz, self.takes_s = clock, hz, takes_s
        self.jitter_s, self.random = jitter_s, np.random.default_rng(0)
        self.flips, self.called = 0, []

    def callOnFlip(self, function):
        self.called.append(function)

    def flip(self, **_):
        self.flips += 1
        self.clock.time += self.takes_s
        if self.hz:
            self.clock.time = (np.floor(self.clock.time * self.hz) + 1) / self.hz
        called, self.called = self.called, []
        before = self.clock.time
        self.clock.time += self.random.uniform(0, self.jitter_s)
        for function in called:
            function()
        self.clock.time = before


@pytest.mark.parametrize("hz", [50.0, 59.94, 60.0, 75.0, 120.0, 144.0, 240.0])
def test_a_screen_that_flips_wait_for_is_measured(hz):
    found = measure_refresh(Glass(clock := Time(), hz=hz, jitter_s=0.0005), clock)
    assert found.synced
    assert found.hz == pytest.approx(hz, rel=0.001)


@pytest.mark.parametrize("takes_s", [0.0003, 0.002, 0.015])
def test_flips_that_wait_for_nothing_are_recognized(takes_s):
    found = measure_refresh(Glass(clock := Time(), takes_s=takes_s), clock)
    assert found == Refresh(60.0, synced=False)


def test_flips_that_wait_for_nothing_are_recognized_when_the_machine_is_busy_only_at_first():
    glass = Glass(clock := Time(), takes_s=0.00028)
    flip = glass.flip

    def easier(**_):
        glass.takes_s = 0.00028 if clock.time < 101.2 else 0.0001
        flip()

    glass.flip = easier
    assert measure_refresh(glass, clock) == Refresh(60.0, synced=False)


def test_measuring_a_screen_that_hardly_ever_flips_ends():
    clock = Time()
    measure_refresh(Glass(clock, hz=1.0), clock)
    assert clock.time < 115


def test_a_flip_on_a_synced_screen_is_predicted_and_its_time_told_at_the_flip():
    clock = Time()
    window = Glass(clock, hz=50.0)
    pacer = Pacer(window, clock, Refresh(50.0, synced=True))
    pacer.flip()
    for _ in range(20):
        predicted, told = pacer.predicted(), []
        assert pacer.flip(told.append) == told[0] == pytest.approx(predicted)
        assert not pacer.late


def test_a_flip_after_slow_drawing_is_late_and_the_prediction_knows_where_the_screen_is():
    clock = Time()
    pacer = Pacer(Glass(clock, hz=50.0), clock, Refresh(50.0, synced=True))
    pacer.flip()
    clock.time += 0.045
    predicted = pacer.predicted()
    assert pacer.flip() == pytest.approx(predicted)
    assert pacer.late
    pacer.flip()
    assert not pacer.late
