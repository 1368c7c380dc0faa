"""How a file writes its table, as far as somebody said so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|", "whitespace": " "}
Separator = Literal["comma", "semicolon", "tab", "bar", "whitespace"]


class Notation(Protocol):
    """What readers ask of a map."""

    @property
    def encoding(self) -> str | None:
        """The text's encoding; found out if None."""

    @property
    def separator(self) -> Separator | None:
        """What stands between cells; found out if None."""

    @property
    def sheet(self) -> str | None:
        """The sheet of a workbook; the only filled one if None."""

    @property
    def header_line(self) -> int:
        """Line of the header, from 1."""


@dataclass(frozen=True)
class Plain:
    """Nothing said: a header in the first line, the rest found out."""

    encoding: str | None = None
    separator: Separator | None = None
    sheet: str | None = None
    header_line: int = 1
