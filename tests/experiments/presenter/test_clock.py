import time

import pytest

from experiments.devices.clock import SessionClock


@pytest.fixture
def clock():
    pytest.importorskip("psychopy", reason="the extra 'lab' is not installed")
    return SessionClock()


def test_the_clock_begins_at_zero_and_runs_as_fast_as_time(clock):
    assert 0 <= clock.now() < 0.5
    before, started = clock.now(), time.monotonic()
    time.sleep(0.05)
    assert clock.now() - before == pytest.approx(time.monotonic() - started, abs=0.01)


def test_sleeping_ends_at_the_time_wanted_or_at_once_if_it_has_passed(clock):
    when = clock.now() + 0.05
    clock.sleep_until(when)
    assert when <= clock.now() < when + 0.05
    before = clock.now()
    clock.sleep_until(before - 1)
    assert clock.now() < before + 0.02


def test_times_of_keys_are_brought_to_the_sessions_clock(clock):
    import psychtoolbox
    from psychopy import logging

    down = psychtoolbox.GetSecs() - logging.defaultClock.getLastResetTime()
    assert clock.of_key(down) == pytest.approx(clock.now(), abs=0.05)
