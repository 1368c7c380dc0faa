"""Lines of a text: Western ones break at spaces, Chinese ones between characters, never before a comma."""

from __future__ import annotations

import re
from collections.abc import Callable

_OPENING = "（《〈「『【“‘(\\["
_CLOSING = "，。、；：？！）》〉」』】”’…—,.;:?!)\\]%"
_IDEOGRAPH = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(
    rf"\s+|[{_OPENING}]*(?:[{_IDEOGRAPH}]|[^\s{_IDEOGRAPH}{_OPENING}{_CLOSING}][^\s{_IDEOGRAPH}{_OPENING}]*|)"
    rf"[{_CLOSING}]*|."
)
"""What cannot be torn apart: a word or one ideograph, with the punctuation that belongs to it."""

_CLAUSE = re.compile(r".+?(?:[，。；：？！][”》）]*(?![，。；：？！”》）])|[.?!][”)]*\s+|$)")
"""A Chinese clause, or a Western sentence, with what ends it."""

Measure = Callable[[str], float]


def wrapped(text: str, width: float, measure: Measure) -> list[str]:
    """Break a text into lines of at most `width`, about equally long.

    A unit that is wider than `width` stands alone on its line, and sticks out.

    Parameters
    ----------
    measure
        Length of a line in the units of `width`.
    """
    return [line for paragraph in text.split("\n") for line in _balanced(paragraph, width, measure)]


def _balanced(paragraph: str, width: float, measure: Measure) -> list[str]:
    units = [(unit, measure(unit)) for unit in _UNIT.findall(paragraph) if unit]
    lines = _filled(units, width)
    if len(lines) == 1:
        return lines
    # Where that needs no more lines, Chinese breaks between clauses (elsewhere words are torn apart), others between
    # sentences.
    clauses = [(clause, measure(clause)) for clause in _CLAUSE.findall(paragraph)]
    if all(wide <= width for _, wide in clauses) and len(_filled(clauses, width)) == len(lines):
        units = clauses
    low, high = width / 2, width  # the narrowest column with as many lines leaves no lonely last word
    for _ in range(8):
        middle = (low + high) / 2
        low, high = (low, middle) if len(_filled(units, middle)) == len(lines) else (middle, high)
    return _filled(units, high)


def _filled(units: list[tuple[str, float]], width: float) -> list[str]:
    lines, line, length = [], "", 0.0
    for unit, wide in units:
        if line and not unit.isspace() and length + wide > width:
            lines.append(line.rstrip())
            line, length = "", 0.0
        if line or not unit.isspace():
            line, length = line + unit, length + wide
    return [*lines, line.rstrip()]
