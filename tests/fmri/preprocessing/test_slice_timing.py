"""Slices come to one time base; times that contradict the run are refused with the way out."""

from types import SimpleNamespace

import numpy as np
import pytest

from analysis.fmri.preprocessing import slice_timing as module
from analysis.fmri.preprocessing.slice_timing import in_time, slice_timing
from protocols.base.errors import InputError

TR, N = 2.0, 60
SHAPE = (3, 4, 6)
TIMES = [0.0, 1.0, 0.333, 1.333, 0.667, 1.667]  # interleaved


def wave(seconds):
    return 100 + 10 * np.sin(2 * np.pi * seconds / 17.0) + 4 * np.cos(2 * np.pi * seconds / 9.0)


def scan(times, *, axis=2, tr=TR, **sidecar):
    """A run in which one wave is seen everywhere, each slice at its time."""
    shape = tuple(np.roll(SHAPE, axis + 1))
    seconds = np.zeros(shape[axis])
    seconds[: len(times)] = np.asarray(times, float)[: shape[axis]]
    if sidecar.get("SliceEncodingDirection", "k").endswith("-"):
        seconds = seconds[::-1]
    at = seconds.reshape([-1 if one == axis else 1 for one in range(3)])
    brightness = 1 + np.arange(np.prod(shape)).reshape(shape) / 100
    said = {"SliceTiming": list(times), **sidecar}
    return SimpleNamespace(
        path="sub-01_task-film_bold.nii.gz", sidecar=said, shape=shape, affine=np.eye(4), n_volumes=N, tr_s=tr,
        volume=lambda t: (brightness * wave(t * tr + at)).astype(np.float32), brightness=brightness,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("times", "axis", "direction"),
    [
        (TIMES, 2, {}),
        (TIMES, 2, {"SliceEncodingDirection": "k-"}),
        (TIMES, 0, {"SliceEncodingDirection": "i"}),
        (TIMES, 1, {"SliceEncodingDirection": "j-"}),
        ([0.0, 0.65, 1.3] * 2, 2, {}),  # multiband: two slices at a time
    ],
)
def test_a_wave_seen_by_every_slice_at_its_own_time_is_seen_by_all_at_the_middle_of_the_tr(
    times, axis, direction
):
    run = scan(times, axis=axis, **direction)
    corrected = in_time(run, slice_timing(run))
    expected = wave((np.arange(N) + 0.5) * TR)
    inner = slice(3, -3)
    found = np.stack([corrected.volume(t) for t in range(N)], axis=-1) / run.brightness[..., None]
    before = np.stack([run.volume(t) for t in range(N)], axis=-1) / run.brightness[..., None]
    assert np.abs(found - expected)[..., inner].max() < 0.25
    assert np.abs(before - expected)[..., inner].max() > 3
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() < 6  # at the ends the nearest value stands


def test_a_run_that_does_not_change_is_left_as_it_is():
    run = scan(TIMES)
    run.volume = lambda _: np.broadcast_to(run.brightness, SHAPE).astype(np.float32)
    corrected = in_time(run, slice_timing(run))
    assert corrected.volume(N - 1) == pytest.approx(run.brightness, rel=1e-5)


@pytest.mark.parametrize(
    ("times", "sidecar", "problem"),
    [
        (TIMES, {"SliceTiming": None}, "has no SliceTiming"),
        (TIMES[:5], {}, "another number of slices"),
        ([*TIMES, 1.9], {}, "another number of slices"),
        (TIMES, {"SliceEncodingDirection": "i"}, "another number of slices"),
        ([1000 * one for one in TIMES], {}, "outside of the repetition time"),
        ([-0.5, *TIMES[1:]], {}, "outside of the repetition time"),
        ([*TIMES[:5], 2.1], {}, r"outside of the repetition time\D*2.1 s \(slice 6"),
        ([0.0] * 6, {}, "one time for all slices"),
        (TIMES, {"SliceTiming": "interleaved"}, "no list of numbers"),
        (TIMES, {"SliceTiming": [0.0, True, None, 1, 1, 1]}, "no list of numbers"),
        (TIMES, {"SliceEncodingDirection": "z"}, "SliceEncodingDirection that is none"),
    ],
)
def test_times_that_contradict_the_run_are_refused_with_the_way_out(times, sidecar, problem):
    with pytest.raises(InputError, match=rf"{problem}(.|\n)*slice_timing: false"):
        slice_timing(scan(times, **sidecar))


def test_several_contradictions_are_told_at_once():
    with pytest.raises(InputError) as caught:
        slice_timing(scan([*TIMES, 5.0]))
    assert len(caught.value.faults) == 2


def test_a_run_that_does_not_fit_into_memory_is_refused_before_it_is_read(monkeypatch):
    run = scan(TIMES)
    timing = slice_timing(run)
    run.volume = None  # reading it would fail otherwise
    monkeypatch.setattr(module, "MOST_BYTES", 1000)
    with pytest.raises(InputError, match="too large for slice timing"):
        in_time(run, timing)
