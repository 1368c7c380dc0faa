"""Drawings by name: what children choose between, friendly and plain, told apart by shape as well as by color.

Each is a function that draws with a pen in a square from -1 to 1. Colors are those of Okabe and Ito (2008), which
people with any kind of color vision can tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from experiments.window.canvas import INK, Pen, Point
from protocols.base.errors import InputError, did_you_mean, fail, listed

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F6DF4B"
BLUE, VERMILION, PINK = "#0072B2", "#D55E00", "#CC79A7"
WHITE, PALE, GRAY, SKIN = "#FFFFFF", "#DCE6EC", "#9AA7B0", "#F7D08A"

UPPER_LEFT, LOWER_RIGHT = (-0.44, 0.36), (0.46, -0.42)

Draw = Callable[[Pen], None]


def draw(name: str, pen: Pen) -> None:
    """Draw by name.

    Raises
    ------
    InputError
        If there is no such drawing.
    """
    if name not in DRAWINGS:
        raise fail(InputError, f"drawing '{name}'", "does not exist", accepted=listed(DRAWINGS, limit=40),
                   way_out=did_you_mean(name, DRAWINGS))  # fmt: skip
    DRAWINGS[name](pen)


def circle(at: Point, radius: float, degrees: float) -> Point:
    """A point on a circle, counterclockwise from the right."""
    angle = math.radians(degrees)
    return at[0] + radius * math.cos(angle), at[1] + radius * math.sin(angle)


def _camera(pen: Pen) -> None:
    for x in (-0.22, 0.02, 0.26):  # the tripod, behind the body
        pen.stroke([(0.02 - 0.1, -0.3), (-0.08 + (x - 0.02) * 2.4, -0.91)], line=1.6)
    pen.polygon([(0.38, -0.02), (0.88, 0.24), (0.88, -0.52), (0.38, -0.26)], SKY)
    pen.box(-0.72, -0.5, 1.16, 0.72, BLUE, corner=0.12)
    for x, radius in ((-0.45, 0.3), (0.16, 0.33)):
        pen.disk((x, 0.5), radius, ORANGE)
        pen.disk((x, 0.5), 0.07, INK, line=0)
        for turn in (90, 210, 330):
            pen.disk(circle((x, 0.5), radius * 0.58, turn), radius * 0.2, WHITE, line=0.6)
    pen.disk((-0.46, -0.02), 0.09, VERMILION, edge=WHITE, line=0.8)
    pen.box(-0.2, -0.32, 0.46, 0.3, WHITE, corner=0.06)


def _computer(pen: Pen) -> None:
    pen.polygon([(-0.16, -0.2), (0.16, -0.2), (0.22, -0.5), (-0.22, -0.5)], GRAY)
    pen.box(-0.84, -0.24, 1.68, 1.12, PALE, corner=0.12)
    pen.box(-0.7, -0.1, 1.4, 0.84, SKY, corner=0.06)
    pen.polygon([(-0.2, 0.08), (-0.2, 0.58), (0.26, 0.33)], WHITE)
    pen.box(-0.76, -0.92, 1.52, 0.42, PALE, corner=0.1)
    for row, (left, keys) in enumerate(((-0.6, 7), (-0.54, 6))):
        for i in range(keys):
            pen.box(left + i * 0.176, -0.69 - row * 0.15, 0.12, 0.09, INK, line=0, corner=0.03)


def _same(pen: Pen) -> None:
    for at in UPPER_LEFT, LOWER_RIGHT:
        pen.polygon(_star_points(at, 0.5), ORANGE, line=1.2)


def _different(pen: Pen) -> None:
    pen.polygon(_star_points(UPPER_LEFT, 0.5), ORANGE, line=1.2)
    x, y = LOWER_RIGHT
    pen.box(x - 0.37, y - 0.37, 0.74, 0.74, BLUE, corner=0.12, line=1.2)


def _frames(pen: Pen, lit: int) -> None:
    """Two pictures of a film one after the other, one of them lit, with its number."""
    for i, left in enumerate((-0.94, 0.06)):
        here = i == lit
        pen.box(left, -0.6, 0.88, 1.2, INK if here else GRAY, edge=INK if here else GRAY, corner=0.08)
        for k in range(4):
            for y in (-0.53, 0.43):
                pen.box(left + 0.085 + k * 0.19, y, 0.1, 0.1, WHITE, line=0, corner=0.03)
        pen.box(left + 0.06, -0.37, 0.76, 0.74, YELLOW if here else PALE, line=0, corner=0.04)
        color = INK if here else GRAY
        if i == 0:
            pen.stroke([(left + 0.33, 0.1), (left + 0.46, 0.22), (left + 0.46, -0.22)], color=color, line=1.6)
        else:
            x = left + 0.44
            pen.curve((x - 0.15, 0.11), ((x - 0.13, 0.28), (x + 0.17, 0.27), (x + 0.15, 0.07)),
                      ((x + 0.13, -0.07), (x - 0.09, -0.12), (x - 0.16, -0.22)), edge=color, line=1.6)  # fmt: skip
            pen.stroke([(x - 0.16, -0.22), (x + 0.17, -0.22)], color=color, line=1.6)


def _arrow(pen: Pen, way: int) -> None:
    points = [
        (-0.85, 0.0),
        (-0.12, 0.72),
        (-0.12, 0.3),
        (0.82, 0.3),
        (0.82, -0.3),
        (-0.12, -0.3),
        (-0.12, -0.72),
    ]
    pen.polygon([(-way * x, y) for x, y in points], SKY, line=1.3)


def _yes(pen: Pen) -> None:
    pen.disk((0, 0), 0.86, WHITE, edge=GREEN, line=2)
    pen.stroke([(-0.42, 0.0), (-0.12, -0.34), (0.46, 0.36)], color=GREEN, line=4.2)


def _no(pen: Pen) -> None:
    pen.disk((0, 0), 0.86, WHITE, edge=VERMILION, line=2)
    pen.stroke([(-0.34, -0.34), (0.34, 0.34)], color=VERMILION, line=4.2)
    pen.stroke([(-0.34, 0.34), (0.34, -0.34)], color=VERMILION, line=4.2)


def _star_points(at: Point, size: float) -> list[Point]:
    return [circle(at, size * (0.52 if i % 2 else 1), 90 + 36 * i) for i in range(10)]


def _star(pen: Pen) -> None:
    pen.polygon(_star_points((0, -0.06), 0.92), YELLOW, line=1.3)
    _look(pen, (0, -0.08), 0.42)


def _star_empty(pen: Pen) -> None:
    pen.polygon(_star_points((0, -0.06), 0.92), PALE, edge=GRAY, line=1.3)


def _look(pen: Pen, at: Point, size: float, mood: float = 1.0) -> None:
    """Eyes and mouth; `mood` 1 smiles, 0 is calm, -1 is sad."""
    x, y = at
    for side in (-1, 1):
        pen.oval((x + side * 0.38 * size, y + 0.22 * size), 0.2 * size, 0.32 * size, INK, line=0)
    if mood > 0:
        pen.arc((x, y - 0.12 * size), 1.0 * size, 0.8 * size, 200, 340, line=1.2)
    elif mood < 0:
        pen.arc((x, y - 0.75 * size), 0.8 * size, 0.6 * size, 30, 150, line=1.2)
    else:
        pen.stroke([(x - 0.34 * size, y - 0.42 * size), (x + 0.34 * size, y - 0.42 * size)], line=1.2)


def _face(pen: Pen, mood: float) -> None:
    pen.disk((0, 0), 0.86, YELLOW, line=1.3)
    _look(pen, (0, 0), 0.86, mood)


def _token(pen: Pen) -> None:
    pen.disk((0, 0), 0.86, ORANGE, line=1.3)
    pen.disk((0, 0), 0.66, YELLOW, edge=ORANGE)
    pen.polygon(_star_points((0, -0.03), 0.42), ORANGE, edge=ORANGE)


def _token_empty(pen: Pen) -> None:
    pen.disk((0, 0), 0.86, PALE, edge=GRAY, line=1.3)
    pen.disk((0, 0), 0.66, PALE, edge=GRAY, line=0.8)


def _ear(pen: Pen) -> None:
    pen.curve((-0.5, 0.2), ((-0.5, 0.95), (0.4, 0.95), (0.36, 0.22)), ((0.34, -0.18), (0.02, -0.22), (0.04, -0.5)),
              ((0.04, -0.86), (-0.42, -0.92), (-0.46, -0.46)), ((-0.48, -0.2), (-0.5, 0.0), (-0.5, 0.2)),
              fill=SKIN, line=1.3)  # fmt: skip
    pen.curve((-0.24, 0.2), ((-0.24, 0.6), (0.16, 0.6), (0.12, 0.22)), ((0.08, 0.02), (-0.12, 0.06), (-0.1, -0.14)),
              ((-0.1, -0.3), (-0.28, -0.34), (-0.3, -0.2)), line=1.1)  # fmt: skip
    for reach in (0.5, 0.82):
        pen.arc((0.3, 0.12), reach * 1.5, reach * 1.5, -38, 38, color=SKY, line=1.8)


def _rest(pen: Pen) -> None:
    """A bear asleep under the moon."""
    pen.disk((0.7, 0.64), 0.22, YELLOW)
    pen.oval((0.06, -0.42), 1.62, 0.84, "#B98A5A", line=1.2)
    for x in (-0.74, -0.16):
        pen.disk((x, 0.14), 0.17, "#B98A5A", line=1.2)
        pen.disk((x, 0.14), 0.07, "#E8CFAE", line=0)
    pen.oval((-0.45, -0.3), 0.98, 0.86, "#B98A5A", line=1.2)
    pen.oval((-0.45, -0.46), 0.46, 0.34, "#E8CFAE", line=0)
    pen.oval((-0.45, -0.37), 0.15, 0.1, INK, line=0)
    pen.arc((-0.45, -0.42), 0.18, 0.18, 200, 340, line=0.8)
    for x in (-0.68, -0.22):
        pen.arc((x, -0.16), 0.2, 0.16, 190, 350, line=1.1)
    pen.oval((0.02, -0.72), 0.42, 0.24, "#B98A5A", line=1.2)
    for x, y, size in ((-0.04, 0.36, 0.08), (0.24, 0.66, 0.13)):
        pen.stroke([(x - size, y + size), (x + size, y + size), (x - size, y - size), (x + size, y - size)])


def _lying_still(pen: Pen) -> None:
    """A child in bed, seen from the side, eyes to the ceiling."""
    pen.box(-0.95, -0.56, 1.9, 0.24, GRAY, corner=0.08)
    for x in (-0.8, 0.68):
        pen.box(x, -0.78, 0.12, 0.26, GRAY, corner=0.04)
    pen.box(-0.9, -0.34, 0.56, 0.2, WHITE, corner=0.09)
    pen.curve((-0.4, -0.33), ((-0.4, 0.16), (-0.12, 0.2), (0.2, 0.1)), ((0.5, 0.02), (0.62, 0.0), (0.66, 0.12)),
              ((0.7, 0.26), (0.9, 0.22), (0.9, -0.02)), ((0.92, -0.2), (0.92, -0.3), (0.9, -0.33)),
              ((0.4, -0.33), (0.0, -0.33), (-0.4, -0.33)), fill=SKY, line=1.2)  # fmt: skip
    pen.disk((-0.6, 0.06), 0.29, SKIN, line=1.2)
    pen.curve((-0.5, 0.33), ((-0.8, 0.44), (-1.0, 0.12), (-0.82, -0.14)), ((-0.76, -0.1), (-0.7, 0.0), (-0.72, 0.12)),
              ((-0.66, 0.2), (-0.58, 0.26), (-0.5, 0.33)), fill="#7A4E2D", line=1.0)  # fmt: skip
    pen.oval((-0.54, 0.1), 0.07, 0.1, INK, line=0)
    pen.arc((-0.47, 0.0), 0.16, 0.14, 200, 320, line=0.9)
    pen.stroke([(0.1, -0.12), (0.62, -0.14)], color=WHITE, line=1)


def _hand_up(pen: Pen) -> None:
    for line, fill in ((2.4, INK), (0, SKIN)):  # all parts' outline first, so that none crosses the hand
        for x, top, turn in ((-0.4, 0.56, 10), (-0.14, 0.78, 3), (0.13, 0.74, -4), (0.39, 0.52, -11)):
            pen.box(x - 0.11, -0.35, 0.22, top + 0.35, fill, corner=0.1, line=line, turn=turn)
        pen.box(0.16, -0.54, 0.74, 0.25, fill, corner=0.12, line=line, turn=45)
        pen.box(-0.44, -0.88, 0.9, 0.86, fill, corner=0.3, line=line)
    pen.arc((0.12, -0.66), 0.7, 0.66, 100, 165, line=0.9)


def _finished(pen: Pen) -> None:
    """Three balloons."""
    for at, color in (((-0.5, 0.26), SKY), ((0.5, 0.26), PINK), ((0.0, 0.46), YELLOW)):
        x, y = at
        pen.curve((x, y - 0.42), ((x * 0.9, y - 0.8), (x * 0.2, -0.5), (0.0, -0.94)), line=0.9)
        pen.polygon([(x, y - 0.38), (x - 0.08, y - 0.5), (x + 0.08, y - 0.5)], color)
        pen.oval(at, 0.68, 0.84, color, line=1.2)
        pen.arc((x, y), 0.44, 0.58, 110, 170, color=WHITE, line=1.4)


def _friendly_dot(pen: Pen) -> None:
    pen.disk((0, 0), 0.92, ORANGE, edge=WHITE, line=2)
    _look(pen, (0, -0.02), 0.8)


def _attention_getter(pen: Pen) -> None:
    """A pinwheel."""
    hub = (0.0, 0.14)
    pen.box(-0.045, -0.95, 0.09, 1.0, WHITE, corner=0.04)
    for i, color in enumerate((VERMILION, YELLOW, GREEN, SKY, PINK, ORANGE)):
        turn = 60 * i + 90
        tip, side, bend = circle(hub, 0.72, turn), circle(hub, 0.59, turn - 52), circle(hub, 0.78, turn - 22)
        pen.curve(hub, (hub, tip, tip), (bend, bend, side), (side, hub, hub), fill=color)
    pen.disk(hub, 0.13, WHITE, line=1.2)


DRAWINGS: dict[str, Draw] = {
    "camera": _camera,
    "computer": _computer,
    "same": _same,
    "different": _different,
    "first": lambda pen: _frames(pen, 0),
    "second": lambda pen: _frames(pen, 1),
    "left": lambda pen: _arrow(pen, -1),
    "right": lambda pen: _arrow(pen, 1),
    "yes": _yes,
    "no": _no,
    "star": _star,
    "star_empty": _star_empty,
    "face_happy": lambda pen: _face(pen, 1),
    "face_neutral": lambda pen: _face(pen, 0),
    "face_sad": lambda pen: _face(pen, -1),
    "token": _token,
    "token_empty": _token_empty,
    "ear": _ear,
    "rest": _rest,
    "lying_still": _lying_still,
    "hand_up": _hand_up,
    "finished": _finished,
    "friendly_dot": _friendly_dot,
    "attention_getter": _attention_getter,
}
"""Every drawing there is."""
