"""Which marker is which trigger, and how two clocks run beside each other."""

import time

import numpy as np
import pytest

from experiments.attach.alignment import Markers, align, fitted, paired, places
from protocols.base.seeds import generator
from tests.experiments.attach.made_up import planted


def is_recovered(found, journal, kept, recorded, offset_s, drift_ppm):
    span = journal.times[-1]
    middle_off = abs(found.on_recording(span / 2) - (offset_s + (1 + drift_ppm * 1e-6) * span / 2))
    return (
        found.fits
        and np.array_equal(found.pairs[:, 0], kept)
        and np.array_equal(np.sort(found.missing), np.setdiff1d(np.arange(len(journal)), kept))
        and len(found.spurious) == len(recorded) - len(kept)
        and middle_off < 0.0007
        and abs(found.drift_ppm - drift_ppm) < 4000 / span
    )


def test_an_hour_of_offset_drift_losses_spurious_markers_and_jitter_are_all_found():
    journal, recorded, kept = planted("example")
    found = align(journal, recorded)
    assert is_recovered(found, journal, kept, recorded, 3600.25, 50.0)
    assert len(found.missing) == 3
    assert len(found.spurious) == 2
    assert found.offset_s == pytest.approx(3600.25, abs=0.001)
    assert found.drift_ppm == pytest.approx(50, abs=2)
    assert found.largest_s < 0.005
    assert 0.0005 < found.rms_s < 0.0015


def test_two_hundred_planted_recordings_are_all_recovered():
    failed = []
    for i in range(200):
        chance = generator(11, "case", i)
        n, drift, offset = (
            int(chance.integers(70, 160)),
            chance.uniform(-150, 150),
            chance.uniform(-7200, 7200),
        )
        lost, codes = int(chance.integers(0, 4)), int(chance.integers(1, 9))
        journal, recorded, kept = planted(
            "case", i, n=n, codes=codes, lost=lost, drift_ppm=drift, offset_s=offset,
            spurious=int(chance.integers(0, 3)),
        )  # fmt: skip
        if not is_recovered(align(journal, recorded), journal, kept, recorded, offset, drift):
            failed.append(i)
    assert failed == []


def test_a_run_is_found_within_the_recording_of_a_whole_session():
    runs = [planted("session", i, offset_s=1000.0 * i) for i in range(4)]
    whole = Markers.of(
        np.concatenate([recorded.times for _, recorded, _ in runs]),
        np.concatenate([recorded.codes for _, recorded, _ in runs]),
    )
    for i, (journal, recorded, kept) in enumerate(runs):
        found = align(journal, whole)
        assert is_recovered(found, journal, kept, recorded, 1000.0 * i, 50.0), i


def test_a_rhythm_of_one_code_is_still_placed_when_an_inner_marker_was_lost():
    times = 2.5 * np.arange(80)
    journal = Markers.of(times, np.full(80, 7))
    recorded = Markers.of(np.delete(times, 40) + 12.0, np.full(79, 7))
    found = align(journal, recorded)
    assert found.fits
    assert found.missing.tolist() == [40]
    assert found.offset_s == pytest.approx(12.0)


def test_a_rhythm_whose_first_marker_was_lost_is_refused_since_two_places_fit():
    times = 2.5 * np.arange(80)
    found = align(Markers.of(times, np.full(80, 7)), Markers.of(times[1:] + 12.0, np.full(79, 7)))
    assert not found.fits
    assert abs(found.rival_s) == pytest.approx(2.5)


def test_another_runs_markers_do_not_fit():
    journal, _, _ = planted("this run")
    _, other, _ = planted("another run")
    found = align(journal, other)
    assert not found.fits
    assert found.share < 0.2


@pytest.mark.parametrize(("late_s", "fits"), [(0.019, True), (0.022, False)])
def test_a_marker_more_than_twenty_milliseconds_late_refuses_the_recording(late_s, fits):
    journal, recorded, _ = planted("late", lost=0, spurious=0, jitter_s=0)
    times = recorded.times.copy()
    times[50] += late_s
    found = align(journal, Markers.of(times, recorded.codes))
    assert found.share == 1
    assert found.largest_s == pytest.approx(late_s, abs=0.0005)
    assert found.fits is fits


@pytest.mark.parametrize(("lost", "fits"), [(5, True), (6, False)])
def test_fewer_than_nineteen_in_twenty_triggers_refuse_the_recording(lost, fits):
    journal, recorded, _ = planted("lost", n=100, lost=lost, spurious=0)
    found = align(journal, recorded)
    assert len(found.missing) == lost
    assert found.fits is fits


def test_a_clock_that_is_far_off_is_followed_through_forty_minutes():
    journal, recorded, kept = planted("far off", n=500, codes=2, drift_ppm=-420.0)
    assert is_recovered(align(journal, recorded), journal, kept, recorded, 3600.25, -420.0)


def test_a_clock_that_is_far_off_is_told_from_a_shift_by_one_in_what_is_nearly_a_rhythm():
    for i, drift in enumerate((450.0, -300.0, 400.0)):
        journal, recorded, kept = planted(
            "rhythm", i, n=250, codes=1, gap=(5.9, 6.1), drift_ppm=drift, lost=5
        )
        assert is_recovered(align(journal, recorded), journal, kept, recorded, 3600.25, drift)


def test_a_pause_in_the_recording_is_seen_as_residuals_or_losses():
    journal, recorded, _ = planted("pause", lost=0, spurious=0)
    times = np.where(np.arange(len(recorded)) > 60, recorded.times - 0.5, recorded.times)
    assert not align(journal, Markers.of(times, recorded.codes)).fits


def test_codes_that_swapped_their_lines_do_not_fit():
    journal, recorded, _ = planted("swapped lines", codes=4)
    assert not align(journal, Markers.of(recorded.times, 5 - recorded.codes)).fits


def test_an_empty_recording_leaves_every_trigger_missing():
    journal, _, _ = planted("empty")
    found = align(journal, Markers.of([], []))
    assert (len(found.pairs), len(found.missing), found.share, found.fits) == (0, 120, 0.0, False)


def test_four_triggers_are_too_few_to_tell_a_place():
    journal, recorded, _ = planted("few", n=4, lost=0, spurious=0)
    found = align(journal, recorded)
    assert found.share == 1
    assert not found.fits


def test_coarse_sampling_of_the_recording_is_no_obstacle():
    journal, recorded, kept = planted("coarse", jitter_s=0)
    found = align(journal, Markers.of(np.round(recorded.times * 128) / 128, recorded.codes))
    assert is_recovered(found, journal, kept, recorded, 3600.25, 50.0)
    assert found.largest_s < 0.006


def test_pairs_rise_in_both_sequences_and_no_marker_is_used_twice():
    journal = Markers.of([0.0, 0.010, 0.020, 5.0], [1, 2, 1, 1])
    recorded = Markers.of([0.001, 0.002, 0.021, 5.0], [2, 1, 1, 1])
    line = next(places(journal, recorded))
    pairs = paired(journal, recorded, line)
    assert (np.diff(pairs, axis=0) > 0).all()
    assert len(pairs) == 3


def test_a_few_wrong_pairs_hardly_move_the_line():
    times = np.linspace(0, 600, 100)
    recorded = 5 + (1 + 80e-6) * times
    recorded[[3, 50, 97]] += 0.045
    line = fitted(times, recorded + generator(3, "noise").normal(0, 5e-4, 100), 300.0)
    assert line.drift * 1e6 == pytest.approx(80, abs=1.0)
    assert line.at_middle == pytest.approx(5 + 80e-6 * 300, abs=3e-4)


def test_six_hundred_triggers_of_one_code_take_no_more_than_seconds():
    journal, recorded, kept = planted("long", n=600, codes=1, lost=20, spurious=20, gap=(1.9, 2.1))
    began = time.process_time()
    found = align(journal, recorded)
    assert time.process_time() - began < 10
    assert is_recovered(found, journal, kept, recorded, 3600.25, 50.0)
