"""Repeated pictures, freezes and black."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Flag, Found

FREEZE_S = 0.5
MANY, FEWEST = 0.02, 3
"""Freezes of this length are flagged, and this share and number of frames that are repeated outside of them."""
BLACK_LEVEL, BLACK_SHARE = 25, 0.98  # FFmpeg's blackdetect: Y' within 10 % of black in 98 % of the picture


class Stillness(Feature):
    """Frames that show nothing new, and frames that show nothing."""

    defines = (
        Definition(
            "frozen",
            "share",
            "share of frames that repeat the one before, but for coding noise (mean change of Y' up to half a level)",
            "after FFmpeg, filters freezedetect and mpdecimate",
            "own",
        ),
        Definition(
            "freeze_longest", "s", "longest time in which no new picture comes when one is due", "as frozen", "own",
            per_frame=False,
        ),
        Definition(
            "black", "share", "share of frames that are black: 98 % of the picture within 10 % of black",
            "FFmpeg, filter blackdetect", "own",
        ),
    )  # fmt: skip

    def see(self, frame: Frame) -> tuple[float, float]:
        """Whether it repeats the one before, and whether it is black."""
        dark = cv2.countNonZero(cv2.inRange(frame.small, 0, BLACK_LEVEL)) / frame.small.size
        return np.nan if frame.previous is None else float(frame.repeats), float(dark >= BLACK_SHARE)

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The longest freeze; what to look at."""
        if len(times) < 2:
            return Found({"freeze_longest": np.nan}, tuple(_black(series["black"], times, times[0])))
        step = float(np.median(np.diff(times)))
        end = float(times[-1]) + step
        stills = list(runs(series["frozen"] == 1, times, end))
        freezes = [still for still in stills if length(still) >= FREEZE_S]
        flags = [Flag("freeze", f"stands still for {length(still):.2f} s", *still) for still in freezes]
        moving = end - sum(map(length, freezes))
        repeated = sum(map(length, stills)) - sum(map(length, freezes))
        if repeated > max(MANY * moving, (FEWEST - 0.5) * step):
            share, rate = repeated / moving, 1 / step
            flags.append(
                Flag(
                    "repeats",
                    f"{100 * share:.0f} % of frames repeat the one before: about {rate * (1 - share):.3g} new "
                    f"pictures a second in a file of {rate:.4g}",
                )
            )
        flags += _black(series["black"], times, end)
        return Found({"freeze_longest": max(map(length, stills), default=0.0)}, tuple(flags))


def length(span: tuple[float, float]) -> float:
    """How long a span of time is."""
    return span[1] - span[0]


def _black(black: np.ndarray, times: np.ndarray, end: float) -> Iterator[Flag]:
    for a, b in runs(black == 1, times, end):
        yield Flag("black", "the picture is black", a, b)


def runs(on: np.ndarray, times: np.ndarray, end: float) -> Iterator[tuple[float, float]]:
    """From when to when `on` holds without a gap, in seconds.

    Parameters
    ----------
    on
        (frames,) bool.
    times
        When each frame begins, (frames,).
    end
        When the last one ends.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], on, [False]]).astype(np.int8)))
    borders = np.append(times, end)
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        yield float(borders[first]), float(borders[after])
