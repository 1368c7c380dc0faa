"""From any frame times to a constant rate, by the nearest frame: nothing is blended or invented."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

T = TypeVar("T")


@dataclass
class Conversion:
    """Which frame of the source stands at which place, filled while the frames go by.

    Attributes
    ----------
    shown
        Number of the source's frame (from 0) for every frame that was written.
    """

    shown: list[int] = field(default_factory=list)

    @property
    def repeated(self) -> int:
        """Frames written that show the same frame as the one before."""
        return len(self.shown) - len(set(self.shown))

    @property
    def dropped(self) -> int:
        """Frames between the first and the last one used that are not shown."""
        return self.shown[-1] - self.shown[0] + 1 - len(set(self.shown)) if self.shown else 0


def at_constant_rate(
    timed: Iterable[tuple[Fraction, T]], fps: Fraction, frames: int, start: Fraction, conversion: Conversion
) -> Iterator[tuple[int, T]]:
    """Every frame to be written, with the number of the source's frame it shows.

    A source frame begins at the written frame whose beginning is nearest to its own and stays until the next one
    begins, as FFmpeg's ``fps`` filter with ``round=near`` has it: every change of the picture is at most half a
    written frame early or late, also where the source's rate varies. The last frame stays to the end.

    Parameters
    ----------
    timed
        Time since the first frame, in seconds, and the frame, in the order of showing.
    fps
        Frames per second to be written.
    frames
        How many.
    start
        Where they begin in the source, in seconds.
    conversion
        Takes down what was done.
    """
    current: tuple[int, T] | None = None
    for number, (time, picture) in enumerate(timed):
        while current is not None and len(conversion.shown) < frames:
            if (len(conversion.shown) + Fraction(1, 2)) / fps > time - start:
                break
            conversion.shown.append(current[0])
            yield current
        if len(conversion.shown) == frames:
            return
        current = number, picture
    while current is not None and len(conversion.shown) < frames:
        conversion.shown.append(current[0])
        yield current
