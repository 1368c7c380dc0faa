import threading
import time

import numpy as np
import pytest

from experiments.presenter.decoding import Budget, Decoder, Picture
from protocols.base.errors import InputError
from tests.experiments.presenter.conftest import HEIGHT, WIDTH, numbered

FRAME = WIDTH * HEIGHT * 4
MUCH = 10**9


@pytest.fixture
def decode():
    """Begin to decode; ended after the test."""
    begun = []

    def begin(clip, budget=MUCH, fit=lambda size: size):
        begun.append(Decoder(clip.path, fit, budget if isinstance(budget, Budget) else Budget(budget)))
        return begun[-1]

    yield begin
    for decoder in begun:
        decoder.close()


def all_of(decoder) -> list[Picture]:
    """Every picture, in order."""
    decoder.wait()
    pictures, end = [], time.monotonic() + 20
    while not decoder.drained:
        assert time.monotonic() < end
        if decoder.next_pts() is None:
            time.sleep(0.001)
        else:
            pictures.append(decoder.take())
    return pictures


def until(condition):
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_every_frame_comes_once_in_order_with_its_time_and_exactly_its_pixels(film, decode):
    pictures = all_of(decode(film(frames=30, fps=25)))
    assert [picture.index for picture in pictures] == list(range(30))
    assert [picture.pts for picture in pictures] == pytest.approx(np.arange(30) / 25, abs=0.001)
    assert pictures[0].rgb.dtype == np.uint8
    assert all(np.array_equal(picture.rgb, numbered(picture.index)) for picture in pictures)
    assert np.all(pictures[0].rgba[..., 3] == 255)


def test_times_are_counted_from_the_first_frame_whatever_the_file_calls_it(film, decode):
    pictures = all_of(decode(film(frames=5, first=2)))
    assert [picture.pts for picture in pictures] == pytest.approx(np.arange(5) / 25, abs=0.001)


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_pictures_of_a_turned_telephone_come_upright(film, decode, rotation, turns):
    first = all_of(decode(film(frames=4, rotation=rotation)))[0]
    assert np.array_equal(first.rgb, np.rot90(numbered(0), turns))


def test_pictures_larger_than_their_place_are_made_smaller_and_smaller_ones_left_as_they_are(film, decode):
    clip = film(frames=4)
    assert all_of(decode(clip, fit=lambda size: (size[0] // 2, size[1] // 2)))[0].rgb.shape == (32, 48, 3)
    assert all_of(decode(clip, fit=lambda size: (size[0] * 2, size[1] * 2)))[0].rgb.shape == (64, 96, 3)


def test_a_short_clip_is_decoded_whole_before_anything_is_taken(film, decode):
    decoder = decode(film(frames=50), budget := Budget(100 * FRAME))
    decoder.wait()
    assert decoder.whole
    until(lambda: len(decoder._queue) == 50)
    assert budget.taken == 50 * FRAME


def test_of_a_clip_too_long_for_the_memory_only_some_frames_are_kept_and_all_come(film, decode):
    budget = Budget(80 * FRAME)
    decoder = decode(film(frames=50), budget)
    decoder.wait()
    assert not decoder.whole
    time.sleep(0.1)
    assert len(decoder._queue) == decoder.capacity == 20
    assert budget.taken == 20 * FRAME
    assert [picture.index for picture in all_of(decoder)] == list(range(50))


def test_clips_prepared_together_stay_within_the_memory(film, decode):
    budget = Budget(60 * FRAME)
    decoders = [decode(film(f"clip{i}", frames=40), budget) for i in range(4)]
    for decoder in decoders:
        decoder.wait()
    time.sleep(0.1)
    held = sum(len(decoder._queue) for decoder in decoders)
    assert held * FRAME <= budget.taken <= budget.total


def test_memory_is_given_back_when_a_decoder_is_closed(film, decode):
    budget = Budget(100 * FRAME)
    decoder = decode(film(), budget)
    decoder.wait()
    decoder.close()
    decoder.close()
    assert budget.taken == 0


def test_a_clip_of_which_not_even_four_frames_fit_is_refused(film, decode):
    decoder = decode(film(), 3 * FRAME)
    with pytest.raises(InputError, match=r"clip.mkv: does not fit into the memory"):
        decoder.wait()


def test_threads_end_with_their_decoders_even_in_the_middle_of_a_clip(film):
    before = threading.active_count()
    decoders = [
        Decoder(film(f"clip{i}", frames=60).path, lambda size: size, Budget(20 * FRAME)) for i in range(3)
    ]
    assert threading.active_count() > before
    for decoder in decoders:
        decoder.wait()
        decoder.close()
    assert threading.active_count() == before


def test_a_cut_off_file_is_an_error_that_names_it_before_it_is_played(film, decode, cut_off):
    with pytest.raises(InputError, match=r"half\.mkv"):
        decode(cut_off(film("half"))).wait()


@pytest.mark.parametrize("content", [b"", b"not a film" * 100])
def test_what_is_not_a_film_is_an_error_that_names_it(film, decode, content):
    clip = film("broken", frames=4)
    clip.path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.mkv"):
        decode(clip).wait()


def test_a_missing_file_is_an_error_that_names_it(film, decode):
    clip = film("gone", frames=4)
    clip.path.unlink()
    with pytest.raises(InputError, match=r"gone\.mkv"):
        decode(clip).wait()


def test_a_clip_damaged_in_the_middle_gives_its_good_frames_and_then_the_error(film, decode, monkeypatch):
    def breaks_off(path, probe):
        from stimuli.decoding import decode_pictures

        for index, picture in enumerate(decode_pictures(path, probe)):
            if index == 30:
                raise InputError([])
            yield picture

    monkeypatch.setattr("experiments.presenter.decoding.decode_pictures", breaks_off)
    decoder = decode(film(frames=50), 80 * FRAME)
    decoder.wait()
    for index in range(30):
        until(lambda: decoder.next_pts() is not None)
        assert decoder.take().index == index
    until(lambda: decoder._done)
    with pytest.raises(InputError):
        decoder.next_pts()


def test_an_error_no_one_thought_of_reaches_the_player_too(film, decode, monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr("experiments.presenter.decoding.full_rgb", fails)
    with pytest.raises(MemoryError):
        decode(film()).wait()


def test_a_file_that_gives_nothing_is_given_up(film, decode, monkeypatch):
    held = threading.Event()
    monkeypatch.setattr("experiments.presenter.decoding.probe", lambda _: held.wait(10))
    decoder = decode(film("slow"))
    with pytest.raises(InputError, match=r"slow.mkv: gave no picture for 0.05 s"):
        decoder.wait(stalled_s=0.05)
    held.set()
