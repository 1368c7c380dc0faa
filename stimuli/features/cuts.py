"""Cuts between shots."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Found
from stimuli.probing import Probe

THRESHOLD = 10.0  # FFmpeg's own
_PERCENT = 100 / 256 * 219 / 255  # of 8-bit levels in limited range, as FFmpeg counts
_SOURCE = "FFmpeg, filter scdet"


class CutScore:
    """How abruptly each frame differs from the one before: FFmpeg's `scdet`, on Y'.

    The change since the frame before, or by how much it exceeds the change before that, whichever is smaller: fast
    movement changes every frame, a cut only one; so the first change is never one. Repeated frames are passed over,
    so that 24 pictures a second in a file of 40 do not look like cuts.
    """

    def __init__(self) -> None:
        self._before: float | None = None

    def see(self, frame: Frame) -> float:
        """The frame's score, 0 … 100."""
        if frame.repeats:
            return 0.0
        if frame.previous is None:
            return 0.0
        change, before = frame.change * _PERCENT, self._before
        self._before = change
        return 0.0 if before is None else min(change, abs(change - before))


class Cuts(Feature):
    """Where one shot ends and the next begins; dissolves and fades are not counted."""

    defines = (
        Definition(
            "cuts", "count", "cuts between shots; as a series, 1 at the first frame of a shot", _SOURCE, "own"
        ),
        Definition(
            "cut_score",
            "percent",
            f"abrupt change of Y' since the frame before, a cut from {THRESHOLD:g}; the clip's is its largest",
            _SOURCE,
            "own",
            matched=False,
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._score = CutScore()

    def see(self, frame: Frame) -> tuple[float, float]:
        """Whether a shot begins here, and the score."""
        score = self._score.see(frame)
        return float(score >= THRESHOLD), score

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """Their number and the largest score."""
        del times
        return Found({"cuts": float(series["cuts"].sum()), "cut_score": float(series["cut_score"].max())})
