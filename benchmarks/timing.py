"""Time two ways of doing the same thing in one process, in turns, and compare what they return."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Comparison:
    """Ours beside a reference.

    Attributes
    ----------
    ours_s, reference_s
        Median seconds.
    peak_mb
        Largest memory that Python and numpy allocated in ours.
    difference, tolerance
        Largest absolute difference of the results, and the largest allowed.
    """

    what: str
    ours_s: float
    reference_s: float
    peak_mb: float
    difference: float
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether both gave the same result."""
        return self.difference <= self.tolerance

    def __str__(self) -> str:
        ratio = self.ours_s / self.reference_s
        verdict = (
            f"within {self.difference:.1g}"
            if self.agrees
            else f"DISAGREES by {self.difference:.3g}, allowed {self.tolerance:g}"
        )
        times = f"{1e3 * self.ours_s:>7.1f} ms{1e3 * self.reference_s:>9.1f} ms"
        return f"{self.what:<58}{times}{ratio:>8.2f}{self.peak_mb:>6.1f} MB  {verdict}"


def compare(
    what: str,
    ours: Callable[[], ArrayLike],
    reference: Callable[[], ArrayLike],
    *,
    tolerance: float,
    rounds: int = 5,
) -> Comparison:
    """Run both in turns, `rounds` times after a warm-up, and compare their results."""
    a, b = np.asarray(ours(), float), np.asarray(reference(), float)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for function, taken in zip((ours, reference), times, strict=True):
            started = time.perf_counter()
            function()
            taken.append(time.perf_counter() - started)
    tracemalloc.start()
    ours()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    difference = float(np.max(np.abs(a - b)))
    return Comparison(
        what, statistics.median(times[0]), statistics.median(times[1]), peak, difference, tolerance
    )
