"""Layout: everything on the screen, nothing over anything else, touches mean what they touch."""

from itertools import combinations, pairwise

import pytest

from experiments.screens import Choice, Choices, Drawing, Fixation, Reward, Scale, Screen, Star, Still, Words
from experiments.window.boxes import Box
from experiments.window.layout import answer_at, cells, layout

ASPECTS = (4 / 3, 16 / 10, 16 / 9)
TWO = (Choice("camera", "real", "left", "camera"), Choice("computer", "made", "right", "computer"))
QUESTION, HINT, TITLE = Words("How?", "question"), Words("go on", "hint"), Words("Films", "title")
SCREENS = {
    "small choice": Screen.of(QUESTION, Choices(TWO)),
    "big choice": Screen.of(QUESTION, Choices(TWO, big=True)),
    "choice below a still": Screen.of(Still("clip"), QUESTION, Choices(TWO)),
    "big choice below a still": Screen.of(Still("clip"), QUESTION, Choices(TWO, big=True)),
    "scale": Screen.of(QUESTION, Scale("likert", 7, "low", "high"), HINT),
    "tokens": Screen.of(QUESTION, Scale("tokens", 5, "low", "high")),
    "faces": Screen.of(QUESTION, Scale("faces", 3)),
    "instruction": Screen.of(Drawing("ear", "top"), Words("Listen."), HINT),
    "page": Screen.of(TITLE, Words("Listen."), HINT),
    "break": Screen.of(Words("Rest."), Reward(3, 9), Drawing("rest", "top"), HINT),
    "two drawings": Screen.of(TITLE, Drawing("star", "left"), Drawing("ear", "right")),
}


def overlap(one: Box, other: Box) -> bool:
    return (
        min(one.right, other.right) - max(one.left, other.left) > 1e-9
        and min(one.top, other.top) - max(one.bottom, other.bottom) > 1e-9
    )


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("screen", SCREENS.values(), ids=SCREENS)
def test_all_is_on_the_screen_and_nothing_over_anything_else(screen, aspect):
    boxes = [box for _, box in layout(screen, aspect)]
    for box in boxes:
        assert box.width > 0.05
        assert box.height > 0.05
        assert max(abs(box.left), abs(box.right)) <= aspect / 2
        assert max(abs(box.bottom), abs(box.top)) <= 0.5
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]


def test_elements_keep_their_order_of_drawing():
    screen = SCREENS["break"]
    assert [element for element, _ in layout(screen, 1.6)] == list(screen.elements)


def test_a_question_stands_above_its_answers_and_below_a_still():
    still, question, choices = (box for _, box in layout(SCREENS["choice below a still"], 16 / 9))
    assert still.bottom > question.top > question.bottom > choices.top


@pytest.mark.parametrize("friendly", [False, True])
def test_fixation_is_in_the_very_middle_whatever_else_there_is(friendly):
    boxes = dict(layout(Screen.of(TITLE, Fixation(friendly), HINT), 1.6))
    assert (boxes[Fixation(friendly)].x, boxes[Fixation(friendly)].y) == (0, 0)


def test_a_star_alone_is_in_the_middle():
    ((_, box),) = layout(Screen.of(Star()), 16 / 9)
    assert (box.x, box.y) == pytest.approx((0, 0))


@pytest.mark.parametrize("aspect", ASPECTS)
def test_big_choices_fill_the_halves_of_the_screen(aspect):
    screen = SCREENS["big choice"]
    for x in (-aspect / 2 + 0.05, -0.05):
        for y in (-0.45, 0.1, 0.2):
            assert answer_at(screen, (x, y), aspect) == "camera"
            assert answer_at(screen, (-x, y), aspect) == "computer"


def test_small_choices_are_at_the_bottom_to_the_left_and_right():
    assert answer_at(SCREENS["small choice"], (-0.6, -0.38), 16 / 9) == "camera"
    assert answer_at(SCREENS["small choice"], (0.6, -0.38), 16 / 9) == "computer"
    assert answer_at(SCREENS["small choice"], (0.0, -0.38), 16 / 9) is None
    assert answer_at(SCREENS["small choice"], (-0.6, 0.3), 16 / 9) is None


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("n", [2, 3, 4])
def test_a_small_choice_never_lies_under_the_photodiodes_patch(n, aspect):
    choices = Choices(tuple(Choice(str(i), "", str(i)) for i in range(n)))
    box = dict(layout(Screen.of(choices), aspect))[choices]
    patch = Box.between(-aspect / 2, -0.5, -aspect / 2 + 0.08, -0.42)
    assert not [cell for _, cell in cells(choices, box) if overlap(cell, patch)]


@pytest.mark.parametrize(
    ("style", "levels"), [("likert", 2), ("likert", 10), ("slider", 100), ("tokens", 5), ("faces", 3)]
)
@pytest.mark.parametrize("aspect", ASPECTS)
def test_a_touch_on_a_step_says_its_level(style, levels, aspect):
    scale = Scale(style, levels, "low", "high")
    screen = Screen.of(QUESTION, scale)
    box = dict(layout(screen, aspect))[scale]
    steps = cells(scale, box)
    assert [answer_at(screen, (cell.x, cell.y), aspect) for _, cell in steps] == [
        str(i + 1) for i in range(levels)
    ]
    assert all(one.x < other.x for (_, one), (_, other) in pairwise(steps))
    assert steps[0][1].left >= box.left
    assert steps[-1][1].right <= box.right


def test_a_touch_beside_everything_says_nothing():
    assert answer_at(SCREENS["scale"], (0, 0.45), 1.6) is None
    assert answer_at(Screen.of(Star()), (0, 0), 1.6) is None
