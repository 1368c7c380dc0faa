import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.presenter.schedule import FlipGrid, Schedule, cadence


def shown(fps, hz, seconds=4.0, *, jitter_s=0.0, pts=None, seed=0):
    """Frame shown at every flip of a screen whose flips come up to `jitter_s` early or late."""
    schedule = Schedule(fps, hz)
    pts = np.arange(round(seconds * fps)) / fps if pts is None else pts
    late = np.random.default_rng(seed).uniform(-jitter_s, jitter_s, round(seconds * hz))
    frames = []
    for flip in np.arange(len(late)) / hz + late:
        due = np.flatnonzero(schedule.has_come(pts, flip))
        frames.append(due[-1] if len(due) else 0)
    return np.array(frames)


def stands(frames):
    """How many flips each frame stands, without the last, which may be cut."""
    return [len(list(group)) for _, group in itertools.groupby(frames)][:-1]


@pytest.mark.parametrize(
    ("fps", "hz", "flips"), [(25, 50, 2), (30, 60, 2), (60, 60, 1), (24, 120, 5), (25, 100, 4), (50, 50, 1)]
)
def test_rates_that_divide_the_screens_stand_equally_long_whatever_the_jitter(fps, hz, flips):
    assert set(stands(shown(fps, hz, jitter_s=0.45 / hz))) == {flips}
    assert cadence(fps, hz).flips == (flips,)
    assert cadence(fps, hz).fits


@pytest.mark.parametrize(
    ("fps", "hz", "rhythm", "jitter"),
    [
        (25, 60, [2, 3, 2, 3, 2], 0.09),
        (24, 60, [3, 2], 0.24),
        (50, 60, [1, 1, 2, 1, 1], 0.09),
        (20, 50, [3, 2], 0.24),
    ],
)
def test_uneven_rates_keep_one_rhythm_in_spite_of_jitter(fps, hz, rhythm, jitter):
    seen = stands(shown(fps, hz, jitter_s=jitter / hz))
    assert seen == (rhythm * len(seen))[: len(seen)]
    assert list(cadence(fps, hz).flips) == rhythm
    assert not cadence(fps, hz).fits


def test_times_rounded_to_milliseconds_do_not_disturb_the_rhythm():
    pts = np.round(np.arange(120) / 30, 3)
    assert set(stands(shown(30, 60, pts=pts, jitter_s=0.005))) == {2}


@given(
    st.sampled_from([12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60]),
    st.floats(50, 240),
)
def test_no_frame_is_lost_on_a_screen_that_is_fast_enough_and_none_is_a_refresh_off_its_time(fps, hz):
    seconds = 1.0
    frames = shown(fps, hz, seconds)
    flips = np.arange(len(frames)) / hz
    if hz >= fps:
        last = frames.max()
        assert set(frames) == set(range(last + 1))
        assert last >= math.floor((seconds - 1 / hz) * fps)
    first = np.array([flips[frames == k][0] for k in np.unique(frames)])
    assert np.all(np.abs(first - np.unique(frames) / fps) < 1 / hz + 1e-6 if hz >= fps else first >= 0)


@given(
    st.sampled_from([24, 25, 30, 50, 60]), st.sampled_from([24, 48, 50, 59.94, 60, 72, 75, 85, 100, 120, 144])
)
def test_the_cadence_told_is_the_one_that_is_shown(fps, hz):
    told = cadence(fps, hz)
    frames = shown(fps, hz, seconds=(len(told.flips) + 1) / fps)
    if told.slip_s > 2:
        assert [int(np.sum(frames == k)) for k in range(len(told.flips))] == list(told.flips)


def test_a_cadence_says_what_it_means_for_the_film():
    told = cadence(25, 60)
    assert told.uneven_s == pytest.approx(0.010)
    assert told.sentence == (
        "25 frames a second on a 60 Hz screen: frames stand 2 or 3 refreshes in turn (2-3-2-3-2), 33.3 or 50.0 ms "
        "instead of 40.0 ms. At 50, 75, 100 or 125 Hz they would stand evenly."
    )
    assert cadence(30, 60).sentence == "30 frames a second on a 60 Hz screen: every frame stands 2 refreshes."
    assert cadence(30, 60).uneven_s == 0


def test_a_screen_slower_than_the_film_drops_frames_and_says_how_many():
    told = cadence(60, 50)
    assert told.dropped == pytest.approx(1 / 6)
    assert not told.fits
    assert "1 of 6 frames cannot be shown. At 60 or 120 Hz" in told.sentence


def test_a_nearly_even_rate_fits_and_says_how_often_it_slips():
    told = cadence(30, 59.94)
    assert told.fits
    assert told.slip_s == pytest.approx(1 / 0.002 / 30, rel=0.01)
    assert "one in about 17 s" in told.sentence
    assert "about" not in cadence(30, 59.9999).sentence


def test_the_grid_follows_a_screen_whose_rate_was_measured_a_little_wrong():
    period, grid = 1 / 60, FlipGrid(0.0, 1.001 / 60)
    late = [grid.saw(n * period) for n in range(1, 60 * 60)]
    assert not any(late)
    assert grid.after(60 * 60 * period - 0.003) == pytest.approx(60 * 60 * period, abs=0.001)


def test_jitter_of_single_flips_hardly_moves_the_grid():
    grid = FlipGrid(0.0, 0.02)
    noise = np.random.default_rng(0).uniform(0, 0.004, 200)
    for n, late in enumerate(noise, 1):
        grid.saw(0.02 * n + late)
    assert grid.after(4.01) == pytest.approx(4.02 + 0.002, abs=0.001)


def test_a_flip_that_misses_its_refresh_is_late_and_the_next_one_is_not():
    grid = FlipGrid(1.0, 0.02, tracking=0)
    assert not grid.saw(1.021)
    assert grid.saw(1.061)
    assert not grid.saw(1.081)
    assert grid.at == pytest.approx(1.08)
    assert grid.saw(1.112)


def test_the_next_refresh_is_always_later_than_now_and_than_the_last_flip():
    grid = FlipGrid(1.0, 0.02, tracking=0)
    assert grid.after(0.5) == pytest.approx(1.02)
    assert grid.after(1.0) == pytest.approx(1.02)
    assert grid.after(1.0205) == pytest.approx(1.04)
    assert grid.nearest(2.009) == pytest.approx(2.0)
    assert grid.nearest(2.011) == pytest.approx(2.02)
