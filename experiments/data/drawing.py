"""The figures of a session's page: its course, and whether pictures came when they should."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.data.audit import Audit, ClipAudit, intervals
from experiments.data.told import SessionTold
from protocols.pages import figures
from protocols.pages.figures import HAIR, SOFT, Picture

OUT, FINE = "#a33c00", "#0b4f7a"
SIZE = (4.4, 2.7)


def flips_figure(session: SessionTold, folder: Path) -> Picture | None:
    """How long each frame stood, against the refreshes of the screen; None where nothing was shown."""
    films = [film for _, trial in session.trials() for film in trial.films if len(film.flip) > 1]
    if not films:
        return None
    stood = np.concatenate([intervals(film)[0] for film in films])
    hertz = float(session.header.screen.get("refresh_hz") or 60.0)
    refresh = 1000.0 / hertz
    last = max(6, math.ceil(stood.max() / refresh) + 1)
    shown = min(last, 24)  # what lies beyond is gathered in the last bar
    edges = np.arange(0, shown + 0.25, 0.25) * refresh + refresh / 8
    counts, _ = np.histogram(np.minimum(stood, edges[-1] - 1e-6), edges)
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        for multiple in range(1, shown + 1):
            axes.axvline(multiple * refresh, color=HAIR, lw=0.6, zorder=0)
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=FINE, lw=0, zorder=2)
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_ylim(0, max(2.0, counts.max() * 1.6))
        axes.set_xlim(0, edges[-1])
        axes.set_xlabel("ms a frame stood (lines: refreshes of the screen)")
        axes.set_ylabel("frames")
        axes.set_title("How long frames stood")
        data = pd.DataFrame({"from_ms": edges[:-1], "to_ms": edges[1:], "frames": counts})
        alt = (
            f"Histogram of {len(stood)} intervals between frames at {hertz:g} Hz: median {np.median(stood):.1f} ms, "
            f"longest {stood.max():.1f} ms."
        )
        return figures.save(figure, folder, "flips", alt, data)


def onset_figure(found: Audit, folder: Path) -> Picture | None:
    """Onset minus planned time of every clip."""
    if not found.clips:
        return None
    errors = [one.onset_error_s * 1000 for one in found.clips]
    limit = found.rules.onset_error_s * 1000
    most = max(1.25 * limit, 1.1 * max(map(abs, errors)))
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        axes.axhspan(-limit, limit, color=figures.BAND, lw=0, zorder=0)
        axes.axhline(0, color=SOFT, lw=0.7, zorder=1)
        out = [abs(error) > limit for error in errors]
        _dots(axes, errors, out)
        low = -most if min(errors) < -limit else -1.25 * limit
        axes.set_ylim(low, most if max(errors) > limit else 1.25 * limit)
        _by_clip(axes, found.clips)
        axes.set_ylabel("ms after the planned time")
        axes.set_title(f"Onsets (allowed: ±{limit:g} ms)")
        data = pd.DataFrame({**_named(found.clips), "onset_error_ms": errors})
        worst = max(errors, key=abs)
        alt = f"Onset error of {len(errors)} clips in order; the largest is {worst:.1f} ms, {sum(out)} are beyond."
        return figures.save(figure, folder, "onsets", alt, data)


def dropped_figure(found: Audit, folder: Path) -> Picture | None:
    """Share of each clip's frames that never appeared."""
    if not found.clips:
        return None
    shares = [100 * one.lost / one.frames for one in found.clips]
    limit = 100 * found.rules.dropped_frames
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        axes.axhspan(0, limit, color=figures.BAND, lw=0, zorder=0)
        places = range(1, len(shares) + 1)
        colors = [OUT if share > limit else FINE for share in shares]
        axes.vlines(places, 0, shares, color=colors, lw=max(1.0, min(5.0, 150 / len(shares))), zorder=3)
        axes.set_ylim(0, max(1.6 * limit, 1.15 * max(shares), 1.0))
        _by_clip(axes, found.clips)
        axes.set_ylabel("% of the clip’s frames")
        axes.set_title(f"Frames that never appeared (allowed: {limit:g} %)")
        data = pd.DataFrame(
            {**_named(found.clips), "frames": [one.frames for one in found.clips],
             "shown": [one.frames - one.lost for one in found.clips], "dropped": [one.lost for one in found.clips]}
        )  # fmt: skip
        none = sum(share == 0 for share in shares)
        alt = f"Frames that never appeared, clip by clip: none in {none} of {len(shares)}; most {max(shares):.1f} %."
        return figures.save(figure, folder, "dropped", alt, data)


def pulses_figure(session: SessionTold, folder: Path) -> Picture | None:
    """Intervals between the scanner's pulses, against the repetition time; None without pulses."""
    repetition = session.header.repetition_time_s
    rows = [
        (run.name, i, 1000 * (after - before))
        for run in session.runs
        for i, (before, after) in enumerate(zip(run.volumes, run.volumes[1:], strict=False), start=2)
    ]
    if repetition is None or not rows:
        return None
    data = pd.DataFrame(rows, columns=["run", "volume", "interval_ms"])
    away = data["interval_ms"] - 1000 * repetition
    most = max(10.0, 1.15 * float(away.abs().max()))
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.subplots()
        axes.axhline(0, color=SOFT, lw=0.7, zorder=1)
        _dots(axes, list(away), [abs(one) > 500 * repetition for one in away])
        axes.set_ylim(-most, most)
        axes.set_xlabel("pulses, in order")
        axes.set_ylabel("ms beyond the repetition time")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_title(f"Scanner pulses (every {repetition:g} s)")
        alt = f"Intervals between {len(rows) + 1} scanner pulses; at most {away.abs().max():.1f} ms off."
        return figures.save(figure, folder, "pulses", alt, data)


def _dots(axes: Axes, values: Sequence[float], out: Sequence[bool]) -> None:
    size = 4.2 if len(values) <= 80 else 2.6
    for beyond, color in ((False, FINE), (True, OUT)):
        at = [
            (i, value)
            for i, (value, bad) in enumerate(zip(values, out, strict=True), start=1)
            if bad is beyond
        ]
        if at:
            axes.plot(
                *zip(*at, strict=True),
                "D" if beyond else "o",
                ms=size + beyond,
                color=color,
                mew=0,
                zorder=3 + beyond,
            )


def _by_clip(axes: Axes, clips: Sequence[ClipAudit]) -> None:
    """Clips in order along the axis, with a line wherever a run begins."""
    axes.set_xlim(0.2, len(clips) + 0.8)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    starts = list(_starts(clips))
    for place in starts[1:]:
        axes.axvline(place - 0.5, color=SOFT, lw=0.6, ls=(0, (3, 2)), zorder=1)
    axes.set_xlabel("clips, in order" + (" (dashed: a run begins)" if len(starts) > 1 else ""))


def _starts(clips: Sequence[ClipAudit]) -> Iterator[int]:
    before = None
    for place, one in enumerate(clips, start=1):
        if one.run != before:
            yield place
        before = one.run


def _named(clips: Sequence[ClipAudit]) -> dict[str, list[object]]:
    return {
        "task": [one.run[0] for one in clips],
        "run": [one.run[1] for one in clips],
        "trial": [one.trial for one in clips],
        "clip": [one.clip for one in clips],
    }
