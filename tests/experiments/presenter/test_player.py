import gc
import threading

import numpy as np
import pytest

from experiments.clips import Clip
from experiments.devices.clock import SessionClock
from experiments.devices.interfaces import Placed
from experiments.presenter.player import ClipPlayer
from experiments.presenter.refresh import Refresh
from experiments.presenter.textures import Rectangle, Texture, back_buffer, fill
from experiments.screens import Fixation, Screen
from protocols.base.errors import InputError, NotAvailable
from tests.experiments.presenter.conftest import numbered

SIZE = (640, 360)
GRAY = 128
BESIDE = Screen.of(Fixation(), name="beside")


class Recorded(ClipPlayer):
    """A player that keeps what is in the back buffer before every flip, and what `draw` was given."""

    def __init__(self, window, **settings):
        self.drawn: list[Screen] = []
        settings = {"refresh": Refresh(60.0, synced=False)} | settings
        super().__init__(window, self.drawn.append, SessionClock(), **settings)
        self.seen: dict[int, np.ndarray] = {}
        self.keep: set[int] = set()
        self.flips: list[float] = []
        flip = self.pacer.flip

        def kept(on_flip=None):
            if len(self.flips) in self.keep:
                self.seen[len(self.flips)] = back_buffer(*self.size)
            self.flips.append(flip(on_flip))
            return self.flips[-1]

        self.pacer.flip = kept

    def show(self, *clips, wait_s=0.1, beside=BESIDE, on_start=lambda _: None, watch=lambda _: False):
        planned = self._clock.now() + wait_s
        return self.play(list(clips), planned, beside=beside, on_start=on_start, watch=watch)


@pytest.fixture
def player(window):
    """Make players; closed after the test."""
    made = []

    def make(**settings):
        made.append(Recorded(window, **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def in_middle(picture):
    """A picture in the middle of the gray window."""
    screen = np.full((SIZE[1], SIZE[0], 3), GRAY, np.uint8)
    top, left = (SIZE[1] - picture.shape[0]) // 2, (SIZE[0] - picture.shape[1]) // 2
    screen[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return screen


@pytest.mark.parametrize("memory", [10**9, 2_000_000], ids=["whole", "streamed"])
def test_all_frames_of_a_clip_are_shown_once_in_order_at_the_flips_for_them(player, film, memory):
    clip = film(frames=50, fps=25)
    for _ in range(3):  # a machine that is busy with other things may not flip in time
        shown = player(memory_bytes=memory)
        [played] = shown.show(Placed(clip), wait_s=0.3)
        if not played.late_flips:
            break
    assert list(played.index) == list(range(50))
    assert played.pts == pytest.approx(np.arange(50) / 25, abs=0.001)
    assert played.complete
    assert (played.shown, played.dropped) == (50, 0)
    assert np.all(np.diff(played.flip) > 0)
    assert set(played.flip) <= set(shown.flips)
    assert (played.onset, played.offset) == (shown.flips[0], shown.flips[-1])
    assert played.offset - played.onset == pytest.approx(2.0, abs=0.1)
    assert shown.budget.taken == 0


def test_the_back_buffer_holds_exactly_the_decoded_frame_and_is_empty_after_the_last(player, film):
    shown = player()
    shown.keep = set(range(100))
    [played] = shown.show(Placed(film(frames=10)))
    for index, flip in zip(played.index, played.flip, strict=True):
        assert np.array_equal(shown.seen[shown.flips.index(flip)], in_middle(numbered(index)))
    assert np.all(shown.seen[len(shown.flips) - 1] == GRAY)


def test_a_film_as_large_as_the_window_is_pixel_exact_too(player, film):
    shown = player()
    shown.keep = {0}
    shown.show(Placed(film(frames=3, size=SIZE)))
    assert np.array_equal(shown.seen[0], numbered(0, *SIZE))


def test_a_picture_too_large_for_the_window_keeps_its_shape(player, film):
    shown = player()
    shown.keep = {0}
    shown.show(Placed(film(frames=2, size=(720, 720), picture=white)))
    assert bounds(shown.seen[0]) == (140, 0, 360, 360)


def test_a_box_enlarges_or_shrinks_a_picture_to_fit_into_it(player, film):
    assert player(box=(300, 300)).place("center", (100, 50)) == Rectangle(170, 105, 300, 150)
    assert player(box=(300, 100)).place("center", (1920, 1080)) == Rectangle(231, 130, 178, 100)
    shown = player(box=(300, 300))
    shown.keep = {0}
    shown.show(Placed(film(frames=2, size=(100, 50), picture=white)))
    assert bounds(shown.seen[0]) == (170, 105, 300, 150)


def test_two_clips_side_by_side_change_at_the_same_flips(player, film):
    shown = player()
    shown.keep = {0, 30}
    left, right = film("left", frames=25), film("right", frames=25)
    pair = [Placed(left, "left"), Placed(right, "right")]
    shown.prepare(pair)
    one, other = shown.show(*pair)
    assert [played.clip.name for played in (one, other)] == ["left", "right"]
    assert np.array_equal(one.flip, other.flip)
    assert np.array_equal(one.index, other.index)
    assert one.index[-1] == 24
    halves = shown.seen[0][:, :320], shown.seen[0][:, 320:]
    assert np.array_equal(*halves)
    assert np.array_equal(halves[0][148:212, 112:208], numbered(0))


def test_of_two_clips_the_shorter_one_goes_when_its_time_is_over(player, film):
    short, long = player().show(Placed(film("a", frames=10), "left"), Placed(film("b", frames=20), "right"))
    assert short.complete
    assert long.complete
    assert long.offset - short.offset == pytest.approx(0.4, abs=0.1)
    assert (short.index[-1], long.index[-1]) == (9, 19)


def test_watching_stops_a_film_and_takes_it_off_the_screen(player, film):
    shown = player()
    shown.keep = {30, 31}
    [played] = shown.show(
        Placed(film()), watch=lambda flip: flip >= shown.flips[0] + 0.5 or len(shown.flips) >= 31
    )
    assert not played.complete
    assert played.dropped == 0
    assert played.index[-1] < 20
    assert played.offset == shown.flips[-1]
    last = shown.seen.get(len(shown.flips) - 1)
    assert last is None or np.all(last == GRAY)
    assert shown.budget.taken == 0


def test_the_start_is_told_once_at_the_first_flip_and_every_flip_is_watched(player, film):
    shown, started, watched = player(), [], []
    [played] = shown.show(
        Placed(film(frames=5)), on_start=started.append, watch=lambda flip: watched.append(flip) or False
    )
    assert started == [played.onset]
    assert watched == shown.flips[:-1]


def test_what_stands_beside_is_drawn_at_every_flip(player, film):
    shown = player()
    shown.show(Placed(film(frames=5)))
    assert shown.drawn == [BESIDE] * len(shown.flips)


def test_the_patch_is_white_while_the_first_frame_stands_then_black(player, film):
    shown = player()
    shown.keep = set(range(60))
    [played] = shown.show(Placed(film(frames=5, size=SIZE)), beside=Screen(patch=False))
    second = shown.flips.index(played.flip[1])
    corners = [shown.seen[flip][-29:, :29] for flip in range(len(shown.flips))]
    assert all(np.all(corner == 255) for corner in corners[:second])
    assert all(np.all(corner == 0) for corner in corners[second:])
    assert np.array_equal(shown.seen[0][:-29], numbered(0, *SIZE)[:-29])


def test_the_first_frame_is_always_shown_and_the_film_goes_on_while_another_program_is_busy(
    player, film, busy
):
    shown = player()
    clip = film(frames=50)
    with busy(1):
        plays = [shown.show(Placed(clip))[0] for _ in range(2)]
    assert all(played.index[0] == 0 for played in plays)
    assert all(played.shown > 25 for played in plays)


def test_frames_that_would_be_late_are_left_out_and_the_rest_is_in_time(player, film):
    shown = player()
    pauses = {10, 40}
    [played] = shown.show(
        Placed(film()),
        watch=lambda flip: len(shown.flips) in pauses and bool(shown._clock.sleep_until(flip + 0.2)),
    )
    assert 6 <= played.dropped <= 10
    assert played.late_flips >= 2
    assert played.index[0] == 0
    assert played.offset - played.onset == pytest.approx(2.0, abs=0.1)


def test_a_frame_appears_at_the_flip_that_shows_it_in_time_not_at_the_next_one(player, film):
    shown = player(refresh=Refresh(10.0, synced=False))
    [played] = shown.show(Placed(film(frames=5, fps=5)))
    assert np.median(played.flip - played.onset - played.pts) < 0.05
    assert [shown.flips.index(flip) for flip in played.flip[:2]] == [0, 2]


def test_even_a_film_much_faster_than_the_screen_begins_with_its_first_frame(player, film):
    shown = player(refresh=Refresh(10.0, synced=False))
    [played] = shown.show(Placed(film(frames=20, fps=50)))
    assert played.index[0] == 0
    assert played.dropped > 10


@pytest.mark.parametrize("memory", [10**9, 1_500_000], ids=["whole", "streamed"])
def test_nothing_stays_on_the_graphics_card(player, film, monkeypatch, memory):
    alive = []

    class Counted(Texture):
        def __init__(self, *size):
            alive.append(self)
            super().__init__(*size)

        def delete(self):
            alive.remove(self)
            super().delete()

    monkeypatch.setattr("experiments.presenter.film.Texture", Counted)
    watched = []
    shown = player(memory_bytes=memory)
    shown.show(
        Placed(film(frames=40)), wait_s=1.0, watch=lambda _: watched.append(len(alive)) or len(watched) > 20
    )
    if memory == 10**9:  # as many of the 40 as a busy machine brings there in time
        assert 5 < watched[0] <= 40
        assert watched[-1] < watched[0]
    else:
        assert watched[0] == 1
    assert alive == []


def test_a_file_cut_off_is_an_error_and_not_a_hang(player, film, cut_off):
    shown = player()
    broken = Placed(cut_off(film("half")))
    shown.prepare([broken])
    with pytest.raises(InputError, match=r"half\.mkv"):
        shown.show(broken)
    assert shown.flips == []
    assert shown.budget.taken == 0


def test_a_film_that_breaks_off_leaves_the_screen_before_the_error(player, film, monkeypatch):
    from experiments.presenter import decoding

    def breaks_off(path, probe, original=decoding.decode_pictures):
        for index, picture in enumerate(original(path, probe)):
            if index == 30:
                raise InputError([])
            yield picture

    monkeypatch.setattr(decoding, "decode_pictures", breaks_off)
    shown = player(memory_bytes=2_000_000)
    shown.keep = set(range(200))
    with pytest.raises(InputError):
        shown.show(Placed(film()))
    assert len(shown.flips) > 10
    assert np.all(shown.seen[len(shown.flips) - 1] == GRAY)
    assert not np.all(shown.seen[len(shown.flips) - 2] == GRAY)


def test_a_clip_without_a_file_is_an_error(player):
    with pytest.raises(InputError, match="'simulated'"):
        player().prepare([Placed(Clip("simulated", "", "", "", "", "", 6.0, 25.0))])


def test_only_what_is_listed_stays_prepared_and_memory_is_bounded(player, film):
    shown = player(memory_bytes=4_000_000)
    clips = [Placed(film(f"clip{i}", frames=40)) for i in range(4)]
    before = threading.active_count()
    shown.prepare(clips)
    kept = shown._decoders[clips[3]]
    shown.prepare(clips[3:])
    assert shown._decoders == {clips[3]: kept}
    kept.wait()
    assert shown.budget.taken <= 40 * 96 * 64 * 4
    shown.close()
    assert threading.active_count() == before
    assert shown.budget.taken == 0


def test_warming_up_shows_nothing_of_the_test_picture_and_leaves_nothing_behind(player):
    shown = player()
    shown.keep = set(range(100))
    shown.warm_up()
    assert shown.flips
    assert shown.budget.taken == 0
    assert all(
        abs(int(screen.max()) - GRAY) < 3 > abs(int(screen.min()) - GRAY) for screen in shown.seen.values()
    )


def test_a_window_that_changes_pixels_is_refused(player, monkeypatch):
    shown = player()
    monkeypatch.setattr(
        "experiments.presenter.player.back_buffer", lambda width, height: back_buffer(width, height) // 2
    )
    with pytest.raises(NotAvailable, match="does not show pictures exactly"):
        shown.warm_up()


def test_python_does_not_search_for_garbage_while_a_film_plays_and_does_afterwards(player, film):
    during = []
    player().show(Placed(film(frames=3)), watch=lambda _: during.append(gc.isenabled()) or False)
    assert during
    assert not any(during)
    assert gc.isenabled()


def test_filling_a_part_of_the_window_changes_nothing_else(window):
    window.clearBuffer()
    fill(Rectangle(10, 20, 30, 40), 1.0)
    seen = back_buffer(*SIZE)
    assert np.all(seen[300:340, 10:40] == 255)
    assert np.sum(seen != GRAY) == 30 * 40 * 3
    window.clearBuffer()
    assert np.all(back_buffer(*SIZE) == GRAY)


def white(_, width, height):
    """A white picture."""
    return np.full((height, width, 3), 255, np.uint8)


def bounds(screen):
    """Left, bottom, width and height of what is white."""
    rows, columns = np.nonzero(np.all(screen > 250, axis=2))
    return columns.min(), screen.shape[0] - 1 - rows.max(), np.ptp(columns) + 1, np.ptp(rows) + 1
