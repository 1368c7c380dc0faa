"""Edges on the grid of 8 × 8 pixels in which pictures are coded."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from stimuli.decoding import Frame
from stimuli.features.feature import Definition, Feature, Found
from stimuli.probing import Probe

BLOCK = 8


class Blockiness(Feature):
    """Differences across the lines of the grid beside those within its blocks.

    The grid's place is looked for, since a picture that was cropped or turned after coding has its lines elsewhere.
    """

    defines = (
        Definition(
            "blockiness",
            "ratio",
            "mean difference of neighboring pixels across the lines of the 8 × 8 grid, divided by that within the "
            "blocks (1: no grid); on Y' at the file's own resolution, the grid placed where it shows most",
            "after Wang, Sheikh & Bovik 2002, Proc IEEE ICIP, eq. 1 and 2",
            "OpenCV",
            per_frame=False,
        ),
    )

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._across: np.ndarray | None = None
        self._down: np.ndarray | None = None

    def see(self, frame: Frame) -> tuple[()]:
        """Add up the frame's differences by column and by row."""
        luma = frame.luma
        across = cv2.reduce(
            cv2.absdiff(luma[:, 1:], luma[:, :-1]), 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S
        ).ravel()
        down = cv2.reduce(cv2.absdiff(luma[1:], luma[:-1]), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S).ravel()
        self._across = across.astype(np.int64) if self._across is None else self._across + across
        self._down = down.astype(np.int64) if self._down is None else self._down + down
        return ()

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """The mean of both directions."""
        del series, times
        assert self._across is not None
        assert self._down is not None
        return Found({"blockiness": (grid_ratio(self._across) + grid_ratio(self._down)) / 2})


def grid_ratio(differences: np.ndarray) -> float:
    """Mean difference on the grid's lines, divided by that between them, at the phase where it is largest.

    Parameters
    ----------
    differences
        Summed absolute differences between neighboring lines, (n,).
    """
    whole = len(differences) // BLOCK * BLOCK
    if not whole:
        return np.nan
    by_phase = differences[:whole].reshape(-1, BLOCK).mean(axis=0)
    between = (by_phase.sum() - by_phase) / (BLOCK - 1)
    return float(np.max(by_phase / between)) if between.min() > 0 else np.nan
