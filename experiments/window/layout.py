"""Where the elements of a screen stand, and which answer lies under a touch. Pure geometry."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.screens import Choices, Drawing, Element, Fixation, Reward, Scale, Screen, Star, Still, Words
from experiments.window.boxes import Box

EDGE = 0.03
HINT = 0.075
TITLE = 0.17
QUESTION = 0.2
QUESTION_BELOW_PICTURE = 0.13
BUTTON = 0.55
"""Widest box of an answer in words."""
LARGEST = 0.62
"""Largest side of a drawing or star that stands alone."""
WEIGHTS: dict[type[Element], float] = {Still: 1.6, Drawing: 1.4, Star: 1.4, Reward: 1.0, Words: 1.0}
"""Shares of the middle of the screen that elements get below each other."""
GAP = 0.02
SIDES = ("left", "right")

Placed = tuple[Element, Box]


def layout(screen: Screen, aspect: float) -> list[Placed]:
    """Boxes of a screen's elements, in the order of drawing.

    Parameters
    ----------
    aspect
        Width of the window over its height.
    """
    rest = Box(0, 0, aspect, 1).shrunk(EDGE)
    boxes: dict[int, Box] = {}
    elements = screen.elements
    for i, one in enumerate(elements):
        if isinstance(one, Fixation):
            boxes[i] = Box(0, 0, 0.14, 0.14) if one.friendly else Box(0, 0, 0.05, 0.05)
        elif isinstance(one, Words) and one.role == "hint":
            boxes[i], rest = _cut(rest, bottom=HINT)
        elif isinstance(one, Words) and one.role == "title":
            boxes[i], rest = _cut(rest, top=TITLE)
    for i, one in enumerate(elements):
        if isinstance(one, (Choices, Scale)):
            boxes[i], rest = _cut(rest, bottom=_height(one, rest, elements))
    beside = {
        i: SIDES.index(one.where)
        for i, one in enumerate(elements)
        if isinstance(one, Drawing) and one.where in SIDES
    }
    if beside:
        alone = len(boxes) + len(beside) == len(elements)
        row, rest = _cut(rest, top=rest.height * (1 if alone else 0.6))
        for i, side in beside.items():
            boxes[i] = row.columns(2, 2 * EDGE)[side]
    flowing = [i for i in range(len(elements)) if i not in boxes]
    flowing.sort(key=lambda i: _rank(elements[i]))
    boxes.update(_stacked([(i, elements[i]) for i in flowing], rest))
    return [(one, boxes[i]) for i, one in enumerate(elements)]


def cells(element: Choices | Scale, box: Box) -> list[tuple[str, Box]]:
    """The answers of a choice or scale and their places, left to right; of a slider, its steps along the line."""
    if isinstance(element, Choices):
        names = [option.answer for option in element.options]
        if element.big:
            return list(zip(names, box.columns(len(names), 2 * EDGE), strict=True))
        inside = Box(box.x, box.y, box.width - 0.2, box.height)  # the photodiode's patch is in the corner
        gap = max(0.08, inside.width - 2 * BUTTON) if len(names) == 2 else 0.05
        return list(zip(names, inside.columns(len(names), gap), strict=True))
    levels = [str(level) for level in range(1, element.levels + 1)]
    top = box.height * (1 if element.style == "faces" else 0.6)
    steps = Box(box.x, box.top - top / 2, box.width, top)
    if element.style == "slider":
        line = Box(steps.x, steps.y, min(1.1, box.width - 0.2), steps.height)
        return list(zip(levels, line.columns(element.levels, 0), strict=True))
    wide = {"faces": 0.36, "tokens": 0.26, "likert": 0.17}[element.style]
    row = Box(steps.x, steps.y, min(box.width - 0.1, wide * element.levels), steps.height)
    return list(zip(levels, row.columns(element.levels, 0.01), strict=True))


def answer_at(screen: Screen, position: tuple[float, float], aspect: float) -> str | None:
    """The answer that lies at a point, of a scale the level as text; None where there is none."""
    for element, box in layout(screen, aspect):
        if isinstance(element, (Choices, Scale)):
            for answer, cell in cells(element, box):
                if cell.holds(position):
                    return answer
    return None


def _height(answers: Choices | Scale, rest: Box, elements: Sequence[Element]) -> float:
    """How much of the screen a choice or scale takes."""
    pictured = any(isinstance(one, (Still, Drawing)) for one in elements)
    if isinstance(answers, Scale):
        return 0.34 if pictured or answers.style in ("likert", "slider") else 0.46
    if answers.big:
        return rest.height * (0.4 if pictured else 0.78)
    return 0.17


def _rank(element: Element) -> int:
    """Pictures that belong on top come first, and a question last, above its answers."""
    if isinstance(element, Drawing) and element.where == "top":
        return 0
    return 2 if isinstance(element, Words) and element.role == "question" else 1


def _stacked(elements: Sequence[tuple[int, Element]], rest: Box) -> dict[int, Box]:
    """Elements below each other, questions with a fixed height, the others sharing the rest."""
    asked = (
        QUESTION_BELOW_PICTURE if any(isinstance(one, (Still, Drawing)) for _, one in elements) else QUESTION
    )
    fixed = {
        i: asked
        for i, one in elements
        if isinstance(one, Words) and one.role == "question" and len(elements) > 1
    }
    shared = rest.height - sum(fixed.values()) - GAP * (len(elements) - 1)
    weights = sum(WEIGHTS[type(one)] for i, one in elements if i not in fixed)
    boxes, top = {}, rest.top
    for i, one in elements:
        height = fixed[i] if i in fixed else shared * WEIGHTS[type(one)] / weights
        width = rest.width
        if isinstance(one, (Drawing, Star)):
            width = min(LARGEST, height, width)
        boxes[i] = Box(rest.x, top - height / 2, width, min(height, width))
        top -= height + GAP
    return boxes


def _cut(rest: Box, *, top: float = 0.0, bottom: float = 0.0) -> tuple[Box, Box]:
    """A strip of a box, and what is left of it."""
    if top:
        strip = Box(rest.x, rest.top - top / 2, rest.width, top)
        return strip, Box.between(rest.left, rest.bottom, rest.right, rest.top - top - GAP)
    strip = Box(rest.x, rest.bottom + bottom / 2, rest.width, bottom)
    return strip, Box.between(rest.left, rest.bottom + bottom + GAP, rest.right, rest.top)
