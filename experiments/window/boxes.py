"""Rectangles on the screen, in units of its height, (0, 0) in the middle, y upward."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle by its middle and size."""

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def between(cls, left: float, bottom: float, right: float, top: float) -> Box:
        """The rectangle with these edges."""
        return cls((left + right) / 2, (bottom + top) / 2, right - left, top - bottom)

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y - self.height / 2

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y + self.height / 2

    def holds(self, position: tuple[float, float]) -> bool:
        """Whether a point lies in it."""
        x, y = position
        return self.left <= x <= self.right and self.bottom <= y <= self.top

    def shrunk(self, by: float) -> Box:
        """The same with a margin taken off on every side."""
        return Box(self.x, self.y, self.width - 2 * by, self.height - 2 * by)

    def columns(self, n: int, gap: float) -> list[Box]:
        """Its `n` equal parts side by side, with a gap between them."""
        wide = (self.width - (n - 1) * gap) / n
        return [Box(self.left + wide / 2 + i * (wide + gap), self.y, wide, self.height) for i in range(n)]
