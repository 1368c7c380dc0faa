"""Elements of a screen painted into pixels; needs no window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.clips import Clip
from experiments.screens import (
    Choice,
    Choices,
    Drawing,
    Element,
    Fixation,
    Reward,
    Scale,
    Star,
    Still,
    Words,
)
from experiments.window.boxes import Box
from experiments.window.canvas import INK, Canvas
from experiments.window.drawings import GRAY, ORANGE, PALE, SKY, WHITE, draw
from experiments.window.fonts import Font
from experiments.window.layout import cells
from experiments.window.stills import middle_frame
from experiments.window.wrapping import wrapped

SIZES = {"title": 0.085, "body": 0.05, "question": 0.058, "hint": 0.034}
LEADING = 1.4
WIDEST = 1.15
"""Longest line of a text, in screen heights: longer ones are hard to read."""
CHOSEN = 0.024
"""Width of the border around what was chosen."""
CARD = WHITE
FACES = ("face_sad", "face_neutral", "face_happy")
ARROWS = ("left", "right", "up", "down")
PER_ROW = 10


@dataclass(frozen=True)
class Painter:
    """Paints elements in one font.

    Attributes
    ----------
    font
        For all words.
    scale
        Pixels per screen height.
    background
        Red, green and blue of the window, 0 to 255.
    """

    font: Font
    scale: int
    background: tuple[int, int, int]

    @property
    def ink(self) -> str:
        """Color of words on the background: white, or black where that is bright."""
        red, green, blue = self.background
        return "#FFFFFF" if 0.21 * red + 0.72 * green + 0.07 * blue < 118 else "#000000"

    def paint(self, element: Element, box: Box) -> np.ndarray:
        """The pixels of a box with an element in it: (rows, columns, 4) uint8, opaque, the top row first.

        Raises
        ------
        InputError
            If a drawing does not exist, or a clip's frame cannot be decoded.
        """
        canvas = Canvas(box, self.scale, self.background)
        match element:
            case Fixation(friendly=True):
                draw("friendly_dot", canvas.pen(box))
            case Fixation():
                self._cross(canvas, box)
            case Words():
                self._words(canvas, element, box)
            case Drawing():
                self._sticker(canvas, element.name, box)
            case Choices(big=True):
                self._cards(canvas, element, box)
            case Choices():
                self._buttons(canvas, element, box)
            case Scale():
                self._scale(canvas, element, box)
            case Star():
                self._star(canvas, element, box)
            case Reward():
                self._reward(canvas, element, box)
        picture = canvas.pixels()
        if isinstance(element, Still):
            assert isinstance(element.clip, Clip)
            _paste(picture, middle_frame(element.clip, (picture.shape[1], picture.shape[0])))
        return picture

    def _cross(self, canvas: Canvas, box: Box) -> None:
        thick = box.width / 8
        canvas.card(Box(box.x, box.y, box.width, thick), fill=self.ink, round_=thick / 4)
        canvas.card(Box(box.x, box.y, thick, box.height), fill=self.ink, round_=thick / 4)

    def _words(self, canvas: Canvas, words: Words, box: Box) -> None:
        self._text(canvas, words.text, box, SIZES[words.role], self.ink)

    def _text(self, canvas: Canvas, text: str, box: Box, size: float, color: str) -> None:
        """A text in the middle of a box, smaller if it would not fit."""
        size = self._fitting(text, box, size)
        lines = self._lines(text, box, size)
        for i, line in enumerate(lines):
            y = box.y + (len(lines) / 2 - i - 0.5) * LEADING * size
            canvas.text(line, (box.x, y), size, self.font, color)

    def _fitting(self, text: str, box: Box, size: float) -> float:
        """The size, or the largest below it in which a text fits into a box."""
        lines = self._lines(text, box, size)
        widest = max(map(self.font.width, lines)) * size
        if len(lines) * LEADING * size <= box.height and widest <= min(0.98 * box.width, WIDEST):
            return size
        return self._fitting(text, box, 0.95 * size)

    def _lines(self, text: str, box: Box, size: float) -> list[str]:
        return wrapped(text, min(0.98 * box.width, WIDEST) / size, self.font.width)

    def _sticker(self, canvas: Canvas, name: str, box: Box) -> None:
        side = min(box.width, box.height)
        canvas.card(Box(box.x, box.y, side, side), fill=CARD, round_=0.1 * side)
        draw(name, canvas.pen(box.shrunk(0.1 * side)))

    def _star(self, canvas: Canvas, star: Star, box: Box) -> None:
        if star.found:
            canvas.pen(box).disk((0, 0), 0.95, WHITE, edge=ORANGE, line=1.5)
        draw("star", canvas.pen(box.shrunk(0.15 * box.height)))

    def _reward(self, canvas: Canvas, reward: Reward, box: Box) -> None:
        rows = -(-reward.of // PER_ROW)
        per_row = -(-reward.of // rows)
        side = min(0.2, box.width / per_row, box.height / rows)
        for i in range(reward.of):
            row, column = divmod(i, per_row)
            in_row = min(per_row, reward.of - row * per_row)
            x = box.x + (column - (in_row - 1) / 2) * side
            y = box.y + ((rows - 1) / 2 - row) * side
            name = "star" if i < reward.earned else "star_empty"
            draw(name, canvas.pen(Box(x, y, 0.9 * side, 0.9 * side)))

    def _options(self, choices: Choices, box: Box) -> Iterator[tuple[Choice, Box, bool]]:
        for option, (answer, cell) in zip(choices.options, cells(choices, box), strict=True):
            yield option, cell, answer == choices.chosen

    def _cards(self, canvas: Canvas, choices: Choices, box: Box) -> None:
        """Large pictures with their words below."""
        labels = []
        for option, cell, chosen in self._options(choices, box):
            edge, width = (ORANGE, CHOSEN) if chosen else ("none", 0.0)
            canvas.card(cell, fill=CARD, edge=edge, width=width)
            inner = cell.shrunk(0.035)
            below = min(0.3 * inner.height, 0.12) if option.label else 0.0
            if option.drawing:
                picture = Box.between(inner.left, inner.bottom + below, inner.right, inner.top)
                draw(option.drawing, canvas.pen(picture.shrunk(0.01)))
            else:
                below = inner.height
            if option.label:
                strip = Box.between(inner.left, inner.bottom, inner.right, inner.bottom + below)
                labels.append((option.label, strip))
        self._labels(canvas, labels, 0.056)

    def _buttons(self, canvas: Canvas, choices: Choices, box: Box) -> None:
        """Boxes with words and the sign of their key, which stands on the outer side of two."""
        labels = []
        for option, cell, chosen in self._options(choices, box):
            edge, width = (ORANGE, CHOSEN) if chosen else (GRAY, 0.004)
            canvas.card(cell, fill=CARD, edge=edge, width=width, round_=0.025)
            inner = cell.shrunk(0.034)
            if len(choices.options) == 2 and cell.x > box.x:
                key = Box(inner.right - 0.035, inner.y, 0.07, 0.07)
                words = Box.between(inner.left, inner.bottom, key.left - 0.015, inner.top)
            else:
                key = Box(inner.left + 0.035, inner.y, 0.07, 0.07)
                words = Box.between(key.right + 0.015, inner.bottom, inner.right, inner.top)
            self._key(canvas, option.key, key)
            if option.label:
                labels.append((option.label, words))
        self._labels(canvas, labels, 0.045)

    def _labels(self, canvas: Canvas, labels: list[tuple[str, Box]], size: float) -> None:
        """Words of answers, all in one size: a larger one would be favored."""
        size = min((self._fitting(text, box, size) for text, box in labels), default=size)
        for text, box in labels:
            self._text(canvas, text, box, size, INK)

    def _key(self, canvas: Canvas, name: str, box: Box) -> None:
        canvas.card(box, fill=PALE, edge=GRAY, width=0.004, round_=0.014)
        if name in ARROWS:
            turned = {"right": (1, 0), "left": (-1, 0), "up": (0, 1), "down": (0, -1)}[name]
            x, y = turned
            points = [(0.45, 0.0), (-0.3, 0.45), (-0.3, -0.45)]
            canvas.pen(box).polygon([(x * a - y * b, y * a + x * b) for a, b in points], INK, line=0)
        else:
            self._text(canvas, name, box.shrunk(0.008), 0.04, INK)

    def _scale(self, canvas: Canvas, scale: Scale, box: Box) -> None:
        steps = [cell for _, cell in cells(scale, box)]
        if scale.style == "slider":
            self._slider(canvas, scale, steps)
        for level, cell in enumerate(steps, 1):
            if scale.style == "likert":
                self._step(canvas, level, cell, level == scale.at)
            elif scale.style == "tokens":
                full = scale.at is not None and level <= scale.at
                draw("token" if full else "token_empty", canvas.pen(cell.shrunk(0.008)))
            elif scale.style == "faces":
                self._one_face(canvas, FACES[level - 1], cell, level == scale.at)
        self._ends(canvas, scale, steps, box)

    def _ends(self, canvas: Canvas, scale: Scale, steps: list[Box], box: Box) -> None:
        """The words at the ends, below the steps."""
        size, top, wide = 0.042, steps[0].bottom, min(0.46, box.width / 2 - 0.03)
        if scale.style == "faces":
            top = steps[0].bottom + 0.13
        if scale.style in ("tokens", "faces"):
            size = 0.052
        low = min(steps[0].x, box.x - wide / 2 - 0.01)  # never across the middle, nor over the edge
        low = max(low, box.left + wide / 2)
        for text, x in ((scale.low, low), (scale.high, 2 * box.x - low)):
            if text:
                self._text(
                    canvas, text, Box.between(x - wide / 2, top - 0.13, x + wide / 2, top), size, self.ink
                )

    def _step(self, canvas: Canvas, level: int, cell: Box, chosen: bool) -> None:
        side = min(cell.width, cell.height) - 0.02
        square = Box(cell.x, cell.y, side, side)
        canvas.card(square, fill=ORANGE if chosen else CARD, edge=INK, width=0.006, round_=0.02)
        canvas.text(str(level), (cell.x, cell.y), 0.42 * side, self.font, INK)

    def _slider(self, canvas: Canvas, scale: Scale, steps: list[Box]) -> None:
        left, right, y = steps[0].x, steps[-1].x, steps[0].y
        canvas.card(Box.between(left - 0.01, y - 0.01, right + 0.01, y + 0.01), fill=CARD, round_=0.009)
        for x in (left, right):
            canvas.card(Box(x, y, 0.014, 0.07), fill=CARD, round_=0.006)
        if scale.at is not None:
            canvas.pen(Box(steps[scale.at - 1].x, y, 0.09, 0.09)).disk((0, 0), 0.9, SKY, line=2)

    def _one_face(self, canvas: Canvas, name: str, cell: Box, chosen: bool) -> None:
        face = Box.between(cell.left, cell.bottom + 0.13, cell.right, cell.top)
        if chosen:
            side = min(face.width, face.height)
            canvas.card(Box(face.x, face.y, side, side), fill=CARD, edge=ORANGE, width=CHOSEN, round_=0.04)
        draw(name, canvas.pen(face.shrunk(0.025)))


def _paste(picture: np.ndarray, smaller: np.ndarray) -> None:
    """Put a picture into the middle of a larger one."""
    rows, columns = smaller.shape[:2]
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    picture[top : top + rows, left : left + columns, :3] = smaller
