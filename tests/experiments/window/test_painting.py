"""Painted elements: ink where it is expected, the background untouched, words that fit."""

from itertools import combinations

import numpy as np
import pytest

from experiments.clips import Clip
from experiments.screens import Choice, Choices, Drawing, Fixation, Reward, Scale, Star, Still, Words
from experiments.window.boxes import Box
from experiments.window.canvas import Canvas
from experiments.window.drawings import DRAWINGS, draw
from experiments.window.fonts import font_for
from experiments.window.layout import cells
from experiments.window.painting import Painter
from protocols.base.errors import InputError
from tests.experiments.window.conftest import BACKGROUND, inked

WIDE, SQUARE = Box(0, 0, 1.7, 0.4), Box(0, 0, 0.5, 0.5)
TWO = (Choice("camera", "A person", "left", "camera"), Choice("computer", "A computer", "right", "computer"))


@pytest.fixture
def painter():
    return Painter(font_for("en"), 720, BACKGROUND)


@pytest.fixture
def striped(tmp_path):
    """A clip of 31 frames whose gray grows from frame to frame."""
    import av

    path = tmp_path / "striped.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "rgb24"
        for i in range(31):
            picture = np.full((90, 160, 3), 8 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return Clip("striped", "", "", "", "", path.name, 31 / 25, 25, path=path)


def drawn(name: str) -> np.ndarray:
    canvas = Canvas(SQUARE, 200, BACKGROUND)
    draw(name, canvas.pen(SQUARE))
    return canvas.pixels()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_has_ink_in_its_middle_and_none_at_its_edge(name):
    picture = drawn(name)
    assert inked(picture) > 0.1
    frame = np.ones(picture.shape[:2], bool)
    frame[1:-1, 1:-1] = False
    assert (picture[frame] == (*BACKGROUND, 255)).all()


def test_no_two_drawings_can_be_confused_even_without_color():
    gray = {name: drawn(name)[..., :3].mean(axis=2) for name in DRAWINGS}
    for one, other in combinations(gray, 2):
        assert np.mean(np.abs(gray[one] - gray[other])) > 1.5, (one, other)


def test_a_drawing_nobody_drew_is_refused_with_the_nearest_name(painter):
    with pytest.raises(InputError, match=r"(?s)drawing 'camra'.*did you mean 'camera'"):
        painter.paint(Drawing("camra"), SQUARE)


@pytest.mark.parametrize("box", [WIDE, Box(0.1, 0.2, 0.333, 0.217), Box(0, 0, 0.05, 0.05)])
@pytest.mark.parametrize("scale", [720, 768, 1080, 1087])
def test_a_picture_is_as_large_as_its_box_and_opaque(box, scale):
    picture = Painter(font_for("en"), scale, BACKGROUND).paint(Fixation(), box)
    rows, columns = picture.shape[:2]
    assert abs(rows - box.height * scale) <= 1
    assert abs(columns - box.width * scale) <= 1
    assert (picture[..., 3] == 255).all()
    assert (picture[0, 0, :3] == BACKGROUND).all() or inked(picture) > 0.2


@pytest.mark.parametrize("text", ["Yes", "你好", "A long text. " * 20, "W" * 40, "$x$ \\alpha {", ""])
@pytest.mark.parametrize("role", ["title", "body", "question", "hint"])
@pytest.mark.parametrize("box", [WIDE, SQUARE, Box(0, 0, 1.7, 0.075)])
def test_words_never_reach_the_edge_of_their_box(text, role, box):
    picture = Painter(font_for("zh"), 400, BACKGROUND).paint(Words(text, role), box)
    for edge in (picture[:1], picture[-1:], picture[:, :1], picture[:, -1:]):
        assert inked(edge) == 0
    assert (inked(picture) > 0) == bool(text)


def test_words_are_black_on_a_bright_window():
    bright = Painter(font_for("en"), 400, (200, 200, 200)).paint(Words("Hello"), SQUARE)
    dark = Painter(font_for("en"), 400, BACKGROUND).paint(Words("Hello"), SQUARE)
    assert bright[..., :3].min() < 20
    assert dark[..., :3].max() > 235


@pytest.mark.parametrize("big", [True, False])
def test_the_chosen_answer_alone_changes(painter, big):
    before = painter.paint(Choices(TWO, big), WIDE)
    after = painter.paint(Choices(TWO, big, "computer"), WIDE)
    changed = np.any(before != after, axis=2)
    middle = changed.shape[1] // 2
    assert not changed[:, :middle].any()
    assert changed[:, middle:].mean() > 0.02


def test_small_choices_show_words_and_the_key_on_the_outer_side(painter):
    picture = painter.paint(Choices(TWO), Box(0, 0, 1.7, 0.17))
    digits = painter.paint(
        Choices(tuple(Choice(one.answer, one.label, "1") for one in TWO)), Box(0, 0, 1.7, 0.17)
    )
    columns = np.flatnonzero(np.any(picture != digits, axis=(0, 2)))
    assert columns.min() < 0.15 * picture.shape[1]
    assert columns.max() > 0.85 * picture.shape[1]
    assert not ((columns > 0.3 * picture.shape[1]) & (columns < 0.7 * picture.shape[1])).any()


@pytest.mark.parametrize("big", [True, False])
def test_the_words_of_all_answers_have_one_size_so_that_none_is_favored(painter, big):
    def height_of_the_first(second: str) -> int:
        pair = (Choice("a", "I", "left"), Choice("b", second, "right"))
        box = Box(0, 0, 1.7, 0.17)
        picture, blank = (
            painter.paint(Choices((one, pair[1]), big), box) for one in (pair[0], Choice("a", "", "left"))
        )
        return np.flatnonzero(np.any((picture != blank)[:, : picture.shape[1] // 2], axis=(1, 2))).size

    assert height_of_the_first(
        "a very long answer, with many words in it, that must be made smaller to fit. " * 3
    ) < (0.8 * height_of_the_first("I"))


@pytest.mark.parametrize("style", ["likert", "tokens", "faces"])
def test_the_step_of_a_scale_is_marked_where_it_is_touched(painter, style):
    scale = Scale(style, 3)
    box = Box(0, 0, 1.7, 0.46)
    none, second = painter.paint(scale, box), painter.paint(Scale(style, 3, at=2), box)
    changed = np.flatnonzero(np.any(none != second, axis=(0, 2))) / 720 - 1.7 / 2
    steps = [cell for _, cell in cells(scale, box)]
    first = steps[0] if style == "tokens" else steps[1]  # tokens are filled up to it
    assert first.left <= changed.min() < first.x
    assert steps[1].x < changed.max() <= steps[1].right


def test_the_marker_of_a_slider_goes_with_its_level(painter):
    box = Box(0, 0, 1.7, 0.34)
    none = painter.paint(Scale("slider", 100), box)
    places = []
    for at in (1, 50, 100):
        changed = np.flatnonzero(np.any(painter.paint(Scale("slider", 100, at=at), box) != none, axis=(0, 2)))
        places.append(changed.mean() / 720 - 1.7 / 2)
    assert places == pytest.approx([-0.545, 0.0, 0.545], abs=0.01)


def test_words_at_the_ends_of_a_short_scale_do_not_meet(painter):
    box = Box(0, 0, 1.7, 0.34)
    low, high = "not at all sure of that", "completely sure of that"
    blank = painter.paint(Scale("likert", 2), box)
    one, other = painter.paint(Scale("likert", 2, low), box), painter.paint(Scale("likert", 2, "", high), box)
    assert (
        np.flatnonzero(np.any(one != blank, axis=(0, 2))).max()
        < np.flatnonzero(np.any(other != blank, axis=(0, 2))).min()
    )


def test_as_many_stars_are_filled_as_were_earned(painter):
    none = painter.paint(Reward(0, 6), WIDE)
    changed = np.any(painter.paint(Reward(2, 6), WIDE) != none, axis=(0, 2))
    assert changed[: changed.size // 2].any()
    assert not changed[changed.size // 2 :].any()
    assert (painter.paint(Reward(6, 6), WIDE) != none).sum() > 2.5 * (
        painter.paint(Reward(2, 6), WIDE) != none
    ).sum()


def test_a_star_that_was_found_shows_it(painter):
    assert inked(painter.paint(Star(True), SQUARE)) > inked(painter.paint(Star(), SQUARE)) + 0.1


def test_a_still_is_the_middle_frame_and_keeps_its_shape(painter, striped):
    picture = painter.paint(Still(striped), Box(0, 0, 1.0, 0.25))
    level = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3].astype(int)
    assert level == pytest.approx([8 * 15] * 3, abs=1)
    rows, columns = (
        np.flatnonzero(np.any(picture[..., :3] != BACKGROUND, axis=(axis, 2))).size for axis in (1, 0)
    )
    assert columns / rows == pytest.approx(160 / 90, rel=0.02)
    assert rows == 180


def test_a_still_of_a_damaged_film_is_an_error_of_ours(painter, striped):
    striped.path.write_bytes(striped.path.read_bytes()[:400])
    with pytest.raises(InputError, match=r"striped\.mkv"):
        painter.paint(Still(striped), SQUARE)
