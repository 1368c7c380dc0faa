"""A sheet to draw on in units of the screen's height, turned into antialiased pixels by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, FancyBboxPatch, Patch, PathPatch, Polygon
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from experiments.window.boxes import Box
from experiments.window.fonts import Font

Point = tuple[float, float]
INK = "#22303C"
LINE = 0.055
"""Width of a drawing's lines, in its own units (half its size)."""


class Canvas:
    """A sheet of one color that covers `box` with `scale` pixels per screen height.

    Attributes
    ----------
    box
        Where it lies on the screen; its pixels are whole and even in number, so that it can be placed exactly.
    """

    def __init__(self, box: Box, scale: float, color: tuple[int, int, int]) -> None:
        self.scale = scale
        self.columns, self.rows = (max(2, 2 * round(side * scale / 2)) for side in (box.width, box.height))
        self.box = box
        inches = (
            (self.columns + 0.01) / 72,
            (self.rows + 0.01) / 72,
        )  # the hundredth outlives being rounded down
        paper = (color[0] / 255, color[1] / 255, color[2] / 255)
        self._figure = Figure(inches, dpi=72, facecolor=paper)  # one point is one pixel
        self._agg = FigureCanvasAgg(self._figure)

    def pixels(self) -> np.ndarray:
        """What was drawn: (rows, columns, 4) uint8, red, green, blue and full opacity; the top row first."""
        with rc_context({"text.hinting": "no_hinting"}):  # lines are as long as they were measured
            self._agg.draw()
        return np.array(self._agg.buffer_rgba())

    def pen(self, box: Box) -> Pen:
        """A pen for the largest square in the middle of a box."""
        return Pen(self, (box.x, box.y), min(box.width, box.height) / 2)

    def card(
        self, box: Box, *, fill: str, edge: str = "none", width: float = 0.0, round_: float = 0.03
    ) -> None:
        """A box with round corners."""
        inset = width / 2
        patch = FancyBboxPatch(
            (box.left + inset + round_, box.bottom + inset + round_),
            box.width - width - 2 * round_,
            box.height - width - 2 * round_,
            boxstyle=f"round,pad={round_}",
        )
        self.add(patch, self.onto((0, 0), 1), fill=fill, edge=edge, width=width)

    def text(self, text: str, at: Point, size: float, font: Font, color: str) -> None:
        """One line, its middle at a point; `size` in screen heights."""
        x, y = self.onto((0, 0), 1).transform((at[0], at[1] - 0.36 * size))  # half a capital below
        self._figure.text(
            x / self.columns, y / self.rows, text, fontproperties=font.properties(size * self.scale),
            color=color, ha="center", va="baseline", parse_math=False,
        )  # fmt: skip

    def add(self, patch: Patch, onto: Affine2D, *, fill: str, edge: str, width: float) -> None:
        """A shape; `width` of its edge in screen heights."""
        patch.set(facecolor=fill, edgecolor=edge if width else "none", linewidth=width * self.scale,
                  capstyle="round", joinstyle="round", snap=False, transform=onto)  # fmt: skip
        self._figure.add_artist(patch)

    def onto(self, middle: Point, size: float) -> Affine2D:
        """From a pen's units to pixels."""
        x, y = middle[0] - self.box.x, middle[1] - self.box.y
        moved = Affine2D().scale(size).translate(x, y).scale(self.scale)
        return moved.translate(self.columns / 2, self.rows / 2)


class Pen:
    """Draws in a square from -1 to 1, y upward, with lines of one width everywhere."""

    def __init__(self, canvas: Canvas, middle: Point, half: float) -> None:
        self._canvas, self._half = canvas, half
        self._onto = canvas.onto(middle, half)

    def _add(
        self, patch: Patch, fill: str, edge: str, line: float, turn: tuple[float, Point] | None = None
    ) -> None:
        onto = self._onto
        if turn is not None:
            onto = Affine2D(
                self._onto.get_matrix() @ Affine2D().rotate_deg_around(*turn[1], turn[0]).get_matrix()
            )
        self._canvas.add(patch, onto, fill=fill, edge=edge, width=line * LINE * self._half)

    def box(
        self, left: float, bottom: float, width: float, height: float, fill: str,
        *, edge: str = INK, line: float = 1.0, corner: float = 0.08, turn: float = 0.0,
    ) -> None:  # fmt: skip
        """A rectangle with round corners, turned by degrees about its middle."""
        patch = FancyBboxPatch((left + corner, bottom + corner), width - 2 * corner, height - 2 * corner,
                               boxstyle=f"round,pad={corner}")  # fmt: skip
        self._add(patch, fill, edge, line, (turn, (left + width / 2, bottom + height / 2)))

    def disk(self, at: Point, radius: float, fill: str, *, edge: str = INK, line: float = 1.0) -> None:
        """A filled circle."""
        self._add(Circle(at, radius), fill, edge, line)

    def oval(self, at: Point, width: float, height: float, fill: str, *, edge: str = INK, line: float = 1.0,
             turn: float = 0.0) -> None:  # fmt: skip
        """A filled ellipse, turned by degrees."""
        self._add(Ellipse(at, width, height, angle=turn), fill, edge, line)

    def polygon(self, points: Sequence[Point], fill: str, *, edge: str = INK, line: float = 1.0) -> None:
        """A filled polygon with round corners (those of its line)."""
        self._add(Polygon(points, closed=True), fill, edge, line)

    def stroke(self, points: Sequence[Point], *, color: str = INK, line: float = 1.0) -> None:
        """A line through points, with round ends."""
        self._add(Polygon(points, closed=False), "none", color, line)

    def arc(self, at: Point, width: float, height: float, start: float, stop: float, *, color: str = INK,
            line: float = 1.0) -> None:  # fmt: skip
        """A part of an ellipse's line, in degrees counterclockwise from the right."""
        curve = Path.arc(start, stop)
        points = np.asarray(curve.vertices) * (width / 2, height / 2) + at
        self._add(PathPatch(Path(points, curve.codes)), "none", color, line)

    def curve(self, start: Point, *pieces: tuple[Point, Point, Point], fill: str = "none", edge: str = INK,
              line: float = 1.0) -> None:  # fmt: skip
        """A smooth line of cubic Bézier pieces (two handles and an end each)."""
        vertices = [start, *(point for piece in pieces for point in piece)]
        codes = [Path.MOVETO, *[Path.CURVE4] * (3 * len(pieces))]
        self._add(PathPatch(Path(vertices, codes)), fill, edge, line)
