"""Text to numbers, by the decimal sign the map declares and no other."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from protocols.sources.cells import DateCell, NumberCell

_SPACES = " \u00a0\u202f\u2009"
_EXPONENT = r"(?:[eE][+-]?[0-9]+)?"
_ANY_SIGN = re.compile(rf"[+-]?[0-9.,']*[.,][0-9]+{_EXPONENT}")


class NotANumber(ValueError):
    """Why a cell is no number; `other_sign` says that it would be one under another decimal sign."""

    def __init__(self, reason: str, *, other_sign: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.other_sign = other_sign


@dataclass(frozen=True)
class Numbers:
    """How a file writes numbers.

    Attributes
    ----------
    decimal
        ``.`` or ``,``
    thousands
        The sign between groups of three digits, if the file uses one.
    """

    decimal: str = "."
    thousands: str | None = None

    def parse(self, text: str) -> float:
        """The number a cell holds.

        Raises
        ------
        NotANumber
            With the reason in a few words.
        """
        if isinstance(text, NumberCell):
            return float(text)
        if isinstance(text, DateCell):
            raise NotANumber("the spreadsheet made it a date")
        plain = text.replace("\u2212", "-")
        match = self._pattern().fullmatch(plain)
        if match:
            groups = plain
            for sign in _SPACES if self.thousands == " " else self.thousands or "":
                groups = groups.replace(sign, "")
            value = float(groups.replace(self.decimal, "."))
            if not math.isfinite(value):
                raise NotANumber("not a finite number")
            return value
        if _ANY_SIGN.fullmatch(plain):
            raise NotANumber("another decimal sign", other_sign=True)
        if plain.lstrip("+-").casefold() in ("inf", "infinity", "∞"):
            raise NotANumber("not a finite number")
        if plain.startswith("#"):
            raise NotANumber("a spreadsheet's error")
        if re.fullmatch(r"[0-9]+:[0-9:]+", plain):
            raise NotANumber("a clock time, not a number")
        if re.match(r"[+-]?[0-9]", plain):
            raise NotANumber("not a plain number")
        raise NotANumber("text, not a number")

    def _pattern(self) -> re.Pattern[str]:
        return _patterns[self.decimal, self.thousands]

    def other(self) -> str:
        """The decimal sign it is not."""
        return "," if self.decimal == "." else "."


def _compile(decimal: str, thousands: str | None) -> re.Pattern[str]:
    whole = "[0-9]+"
    if thousands:
        sign = f"[{_SPACES}]" if thousands == " " else re.escape(thousands)
        whole = rf"(?:[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+|[0-9]+)"
    point = re.escape(decimal)
    return re.compile(rf"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+){_EXPONENT}")


_patterns: Mapping[tuple[str, str | None], re.Pattern[str]] = {
    (decimal, thousands): _compile(decimal, thousands)
    for decimal in ".,"
    for thousands in (None, ".", ",", " ", "'")
}


class Missing:
    """Which cells hold nothing.

    Parameters
    ----------
    tokens
        What stands for a missing value; compared without regard to case, numbers by their value.
    """

    def __init__(self, tokens: tuple[str | int | float, ...]) -> None:
        self._texts = {"", *(str(token).strip().casefold() for token in tokens)}
        self._numbers = {float(token) for token in tokens if not isinstance(token, str)}

    def __call__(self, text: str) -> bool:
        """Whether a cell holds nothing."""
        if text.casefold() in self._texts:
            return True
        if not self._numbers:
            return False
        try:
            return float(text) in self._numbers
        except ValueError:
            return False
