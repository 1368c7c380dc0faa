"""A table of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes
    ----------
    caption
        What it is.
    columns
        Column headers; the first column of every row is the row's header.
    rows
        Cells as text.
    numeric
        Which columns hold numbers, to be set flush right.
    strong
        Which rows stand out.
    long
        Whether its cells hold long texts.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    long: bool = False

    @property
    def wide(self) -> bool:
        """Whether it needs more than a telephone's width, and is scrolled there."""
        return self.long or len(self.columns) > 5
