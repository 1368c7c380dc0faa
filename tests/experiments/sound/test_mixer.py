import numpy as np
import pytest

from experiments.sound.sounddevice_engine import Mixer, Voice

RATE = 1000
BUFFER = 100


def counting(n):
    """Samples that say their own number, (n, 2)."""
    return np.repeat(np.arange(1, n + 1, dtype=np.float32)[:, None], 2, axis=1)


def played(mixer, buffers, *, begins=5.0, seconds_per_buffer=BUFFER / RATE, underrun_at=()):
    """The left channel of some buffers, one after the other."""
    out = np.full((buffers, BUFFER, 2), 9.0, np.float32)
    for number, piece in enumerate(out):
        mixer.fill(piece, begins + number * seconds_per_buffer, number in underrun_at)
    return out[:, :, 0].ravel()


def test_the_first_sample_stands_where_its_time_is_also_within_a_buffer():
    mixer = Mixer(RATE, Voice(counting(250), when=5.13))
    sound = played(mixer, 5)
    assert np.array_equal(sound[130:380], np.arange(1, 251))
    assert not sound[:130].any()
    assert not sound[380:].any()
    assert mixer.voice.started == pytest.approx(5.13)
    assert mixer.elapsed == 500


def test_what_comes_too_late_is_left_out_and_the_rest_is_in_step():
    mixer = Mixer(RATE, Voice(counting(250), when=4.95))
    sound = played(mixer, 3)
    assert np.array_equal(sound[:200], np.arange(51, 251))
    assert mixer.voice.started == pytest.approx(5.0)


def test_underruns_are_counted_while_a_sound_plays_only():
    mixer = Mixer(RATE, Voice(counting(400), when=5.2))
    played(mixer, 9, underrun_at=(0, 1, 2, 3, 5, 7))
    assert mixer.voice.underruns == 2


def test_a_card_whose_clock_is_slow_makes_the_sound_drift():
    mixer = Mixer(RATE, Voice(counting(60_000), when=5.0))
    played(mixer, 600, seconds_per_buffer=BUFFER / RATE * (1 + 50e-6))
    assert mixer.voice.drift_s == pytest.approx(60 * 50e-6, rel=0.02)


def test_what_an_underrun_costs_is_in_the_drift_in_full():
    mixer = Mixer(RATE, Voice(counting(10_000), when=5.0))
    played(mixer, 50)
    played(mixer, 50, begins=10.3, underrun_at=(0,))
    assert mixer.voice.drift_s == pytest.approx(0.3)


def test_a_stopped_sound_fades_and_is_gone():
    mixer = Mixer(10_000, Voice(np.ones((5000, 2), np.float32), when=5.0))
    played(mixer, 2)
    mixer.fading, mixer.voice = mixer.voice, None
    sound = played(mixer, 2)
    assert (np.diff(sound[:50]) < 0).all()
    assert not sound[50:].any()


def test_without_a_sound_there_is_silence():
    assert not played(Mixer(RATE), 3).any()
