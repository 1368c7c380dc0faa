"""The figures of the check: intervals between flips, and when the frames of the film appeared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.presenter.schedule import Schedule
from protocols.pages import figures
from protocols.pages.figures import BAND, HAIR, SOFT, Picture

OUT, FINE = "#a33c00", "#0b4f7a"
SIZE = (4.6, 2.8)
MOST_REFRESHES = 6
PARTS = 16
"""Bars for each refresh."""


def flips_figure(numbers: dict[str, Any], folder: Path, name: str) -> Picture:
    """Histogram of the intervals between empty flips; what lies beyond six refreshes is gathered in the last bar.

    Parameters
    ----------
    numbers
        Of `experiments.timing.flips.numbers_of`.
    folder, name
        Where it is saved, and as what; see `protocols.pages.figures.save`.
    """
    period = 1000.0 / numbers["refresh_hz"]
    intervals = np.array(numbers["intervals_ms"])
    last = min(MOST_REFRESHES, max(2, int(np.ceil(intervals.max() / period))))
    edges = (np.arange(last * PARTS + PARTS // 2 + 1) - 0.5) * period / PARTS
    counts, _ = np.histogram(np.minimum(intervals, edges[-1] - 1e-6), edges)
    late = edges[:-1] >= 1.5 * period - period / PARTS / 2
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        for multiple in range(1, last + 1):
            axes.axvline(multiple * period, color=HAIR, lw=0.7, zorder=0)
        colors = [OUT if beyond else FINE for beyond in late]
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=colors, lw=0, zorder=2)
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylim(0, max(2.0, counts.max() * 1.6))
        axes.set_xlim(0, edges[-1])
        axes.set_xlabel("ms from one flip to the next (lines: refreshes)")
        axes.set_ylabel("flips")
        axes.set_title(f"Intervals of {len(intervals):,} empty flips")
        data = pd.DataFrame({"from_ms": edges[:-1], "to_ms": edges[1:], "flips": counts})
        alt = (
            f"Histogram of {len(intervals)} intervals between flips: median {numbers['median_ms']:.2f} ms, "
            f"standard deviation {numbers['sd_ms']:.2f} ms, longest {numbers['max_ms']:.2f} ms; "
            f"{numbers['late_flips']} late."
        )
        return figures.save(figure, folder, name, alt, data)


def clip_figure(numbers: dict[str, Any], folder: Path, name: str) -> Picture:
    """When each frame of the film appeared, against its time in the film; missing frames as strokes.

    Parameters
    ----------
    numbers
        Of `experiments.timing.playback.numbers_of`.
    folder, name
        As in `flips_figure`.
    """
    index, due = np.array(numbers["index"]), np.array(numbers["due_ms"])
    lag = np.array(numbers["flip_ms"]) - (due - due[0])
    period = 1000.0 / numbers["refresh_hz"]
    early = 1000 * Schedule(numbers["fps"], numbers["refresh_hz"]).lead_s
    out = (lag < -early - period / 10) | (lag > period - early + period / 10)
    missing = np.setdiff1d(np.arange(numbers["frames"]), index)
    most = 1.15 * max(1.2 * period, float(np.abs(lag).max()))
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        axes.axhspan(-early, period - early, color=BAND, lw=0, zorder=0)
        axes.axhline(0, color=SOFT, lw=0.7, zorder=1)
        axes.plot(index[~out], lag[~out], "o", ms=2.8, color=FINE, mew=0, zorder=3)
        axes.plot(index[out], lag[out], "D", ms=3.8, color=OUT, mew=0, zorder=4)
        axes.vlines(missing, -most, -0.8 * most, color=OUT, lw=1.4, zorder=4)
        axes.set_ylim(-most, most)
        axes.set_xlim(-1, numbers["frames"])
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.set_xlabel("frame" + (" (strokes: never appeared)" if len(missing) else ""))
        axes.set_ylabel("ms after its time in the film")
        axes.set_title(f"When the frames of “{numbers['clip']}” appeared")
        data = pd.DataFrame({"frame": index, "due_ms": due, "flip_ms": numbers["flip_ms"], "lag_ms": lag})
        alt = (
            f"Lag of {len(index)} frames behind their time in the film: from {lag.min():.1f} to {lag.max():.1f} ms; "
            f"{int(out.sum())} outside what the screen’s refreshes allow, {len(missing)} never appeared."
        )
        return figures.save(figure, folder, name, alt, data)
