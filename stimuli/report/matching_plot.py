"""The matching plot: pair by pair, how far two versions lie apart, against the tolerances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from protocols.pages import figures
from protocols.pages.figures import BAND, HAIR, INK, SOFT, Picture
from stimuli.report.lanes import Lane, as_table
from stimuli.report.words import amount, quantity, signed, some, unit_words

FURTHEST = 4.0
"""Tolerances, or SDs, either side of 0 that the axis shows at most; what lies beyond is marked by an arrow."""
OUT, DARK = "#a33c00", "#cfc5a5"
MANY = 12
"""With more pairs than this, dots are smaller and the mean lies over them."""
NAMED = 4
"""Names of pairs beside one feature at most; all of them stand in the table."""
_WORDS = {
    "within": "within",
    "mean_outside": "mean outside",
    "worst_outside": "pairs outside",
    "both_outside": "mean and pairs outside",
    "not_measured": "not measured in all",
}


def tolerance_plot(
    lanes: Sequence[Lane], contrast: str, reference: str, folder: Path, name: str
) -> tuple[Picture, Picture]:
    """Features with a tolerance, for wide screens and for narrow ones.

    Parameters
    ----------
    lanes
        What to draw, at least one.
    contrast, reference
        The arms in words.
    folder, name
        Where the files go, and what they are called.
    """
    alt = (
        f"{contrast} minus {reference}, pair by pair, every feature divided by its tolerance for a single pair; the "
        "band from −1 to 1 is within it. " + " ".join(f"{lane.name}: {_told(lane)}." for lane in lanes)
    )
    label = f"{contrast} − {reference}, in tolerances of a single pair"
    return (
        _draw(lanes, folder, name, alt, label, wide=True),
        _draw(lanes, folder, f"{name}-narrow", alt, label, wide=False),
    )


def _told(lane: Lane) -> str:
    out = [dot.pair for dot in lane.dots if dot.outside]
    pairs = f"outside: {some(out, 6)}" if out else "no pair outside"
    mean = "outside" if lane.mean_outside else "within its own"
    return f"{pairs}, mean {mean}" if lane.dots else "not measured"


def spread_plot(
    lanes: Sequence[Lane], contrast: str, reference: str, folder: Path, name: str
) -> tuple[Picture, Picture]:
    """Features without a tolerance, for wide screens and for narrow ones; see `tolerance_plot`."""
    alt = (
        f"{contrast} minus {reference}, pair by pair, every feature divided by its SD over the set’s clips. Means: "
        + "; ".join(f"{lane.name} {signed(lane.mean_at, 2)} SD" for lane in lanes)
        + "."
    )
    label = f"{contrast} − {reference}, in SDs over the clips"
    return (
        _draw(lanes, folder, name, alt, label, wide=True),
        _draw(lanes, folder, f"{name}-narrow", alt, label, wide=False),
    )


def _draw(lanes: Sequence[Lane], folder: Path, name: str, alt: str, label: str, *, wide: bool) -> Picture:
    judged = lanes[0].row is not None
    n = len(lanes)
    furthest = max([1.5 if judged else 1.2, *(abs(one.at) for lane in lanes for one in lane.dots)])
    limit = min(FURTHEST, furthest + (0.2 if judged else 0.7))
    step = (0.52 if wide else 0.72) if judged else 0.28
    width, left, right = (8.8, 2.75, 1.85) if wide else (4.2, 0.16, 0.16)
    if not judged:
        left, right = (2.75, 0.25) if wide else (1.75, 0.12)
    below, above = (0.82 if judged or wide else 0.72), 0.1
    if not wide:
        below += 0.22
    height = below + above + step * n
    with figures.house_style():
        # Placed by hand: the labels' columns have a width of their own that no automatic layout knows.
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes((left / width, below / height, 1 - (left + right) / width, step * n / height))
        axes.set_xlim(-limit, limit)
        axes.set_ylim(-0.5, n - 0.5)
        per_inch = 2 * limit / (width - left - right)
        for place, lane in enumerate(lanes):
            y = n - 1 - place
            _ground(axes, y, lane, wide=wide, judged=judged)
            _dots(axes, y, lane, limit, per_inch, step)
            _names(axes, y - 0.12 if judged and not wide else y, lane, limit, per_inch, step)
            _labels(axes, y, lane, width, left, wide=wide, judged=judged)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(label, fontsize=8.5)
        axes.tick_params(axis="x", labelsize=8)
        columns = 5 if wide else 2
        figure.legend(
            handles=_key(judged), loc="lower center" if wide else "lower left", ncols=columns,
            handlelength=1.4, borderaxespad=0.2, fontsize=7.5, columnspacing=1.4,
        )  # fmt: skip
        return figures.save(figure, folder, name, alt, as_table(lanes))


def _ground(axes: Axes, y: int, lane: Lane, *, wide: bool, judged: bool) -> None:
    """A lane's bands and its zero."""
    half, low = (0.44, 0.44) if wide else (0.18, 0.42)
    if not judged:
        half = low = 0.5
    bottom, top = y - low, y + half
    if judged and lane.scale > 0:
        axes.fill_between([-1, 1], bottom, top, fc=BAND, ec="none", lw=0, zorder=0)
        axes.fill_between(
            [-lane.mean_limit, lane.mean_limit], bottom, top, fc=DARK, ec="none", lw=0, zorder=1
        )
        axes.vlines([-1, 1], bottom, top, color=SOFT, lw=0.7, ls=(0, (4, 2)), zorder=2)
    elif not judged:
        axes.hlines([y], *axes.get_xlim(), color=HAIR, lw=0.5, zorder=0)
    axes.vlines([0], bottom, top, color=SOFT, lw=0.9, zorder=2)


def _dots(axes: Axes, y: float, lane: Lane, limit: float, per_inch: float, step: float) -> None:
    """The pairs, beside one another where there is room, and their mean."""
    judged, many = lane.row is not None, len(lane.dots) > MANY
    if judged and step > 0.6:  # a narrow figure has the lane's name above it
        y -= 0.12
    size = (3.8 if many else 5.2) if judged else (3.0 if many else 3.8)
    apart = size / 72 * 1.15  # inches
    most = int(0.2 / apart) if judged else 0 if many else 1
    taken: list[tuple[float, int]] = []
    shown = sorted((one for one in lane.dots if abs(one.at) <= limit), key=lambda one: one.at)
    for dot in shown:
        taken.append((dot.at, _level(dot.at, taken, apart * per_inch, most)))
    for outside in (False, True):
        at = [
            (x, y + level * apart / step)
            for dot, (x, level) in zip(shown, taken, strict=True)
            if dot.outside is outside
        ]
        if at:
            fill = OUT if outside else (SOFT if many and not judged else "white")
            axes.plot(
                *zip(*at, strict=True), "o", ms=size, mec=fill if many and not judged else INK, mew=0.7, mfc=fill,
                alpha=0.45 if many and not judged else 1.0, zorder=7,
            )  # fmt: skip
    for side in (-1, 1):
        if any(one.at * side > limit for one in lane.dots):
            axes.plot(
                [side * limit], [y], ">" if side > 0 else "<", ms=6.5, clip_on=False, zorder=8,
                color=OUT if judged else INK,
            )  # fmt: skip
    if not math.isnan(lane.mean_at):
        edge = limit - 0.12 * per_inch
        at_mean = min(max(lane.mean_at, -edge), edge)
        axes.plot(
            [at_mean], [y], "D", ms=7.8 if judged else 6.4, mec=INK, mew=1.1,
            mfc=OUT if lane.mean_outside else "white", zorder=9 if many else 6,
        )  # fmt: skip


def _level(x: float, taken: Sequence[tuple[float, int]], apart: float, most: int) -> int:
    """How far up or down a dot goes, so as not to hide another one; where all places are taken, it hides one."""
    near = {level for at, level in taken if abs(at - x) < apart}
    places = [sign * level for level in range(most + 1) for sign in ((1, -1) if level else (1,))]
    return next((level for level in places if level not in near), 0)


def _names(axes: Axes, y: float, lane: Lane, limit: float, per_inch: float, step: float) -> None:
    """Names of the pairs outside, or of the furthest one, where there is room."""
    judged = lane.row is not None
    if judged:
        wanted = sorted((one for one in lane.dots if one.outside), key=lambda one: -abs(one.at))
    else:
        wanted = sorted((one for one in lane.dots if abs(one.at) >= 1.5), key=lambda one: -abs(one.at))[:1]
    far = {side: [one for one in wanted if one.at * side > limit] for side in (-1, 1)}
    spans: list[tuple[float, float]] = []
    rise = 0.115 / step if judged else 0.0
    for side, several in far.items():
        if several:
            beyond = [f"{one.pair} {_times(one.at)}".strip() for one in several]
            text = some(beyond, 2)
            x = side * (limit - 0.1 * per_inch if judged else limit - 0.16 * per_inch)
            spans.append(_write(axes, x, y + rise, text, side, per_inch, above=judged))
    for dot in [one for one in wanted if abs(one.at) <= limit][:NAMED]:
        half = (0.028 * len(dot.pair) + 0.03) * per_inch
        if judged:
            x = min(max(dot.at, -limit + half), limit - half)
            if any(low < x + half and x - half < high for low, high in spans):
                continue
            spans.append((x - half, x + half))
            axes.text(x, y + rise, dot.pair, ha="center", va="bottom", size=6.6, color=OUT, zorder=8)
        else:
            side = 1 if dot.at > 0 else -1
            axes.text(
                dot.at + side * 0.07 * per_inch, y, dot.pair, ha="left" if side > 0 else "right", va="center",
                size=6.4, color=SOFT, zorder=4, bbox={"fc": "white", "ec": "none", "pad": 0.6},
            )  # fmt: skip


def _times(at: float) -> str:
    return "" if math.isinf(at) else f"{amount(abs(at), 2)}×"


def _write(
    axes: Axes, x: float, y: float, text: str, side: int, per_inch: float, *, above: bool
) -> tuple[float, float]:
    """A text that ends, or begins, at `x`; returns the stretch it takes."""
    axes.text(
        x, y, text, ha="right" if side > 0 else "left", va="bottom" if above else "center", size=6.6,
        color=OUT if above else SOFT, zorder=8,
    )  # fmt: skip
    long = 0.056 * len(text) * per_inch
    return (x - long, x) if side > 0 else (x, x + long)


def _labels(axes: Axes, y: int, lane: Lane, width: float, left: float, *, wide: bool, judged: bool) -> None:
    """The feature's name and unit, and what became of it."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    across = blended_transform_factory(figure.transFigure, axes.transData)
    if not judged:
        text = figures.wrapped(lane.name, 40) if wide else lane.name
        axes.text(
            (left - 0.12) / width,
            y,
            text,
            transform=across,
            va="center",
            ha="right",
            size=7.8 if wide else 6.4,
        )
        return
    assert lane.row is not None
    strong = FontProperties(family="DejaVu Sans", weight="bold", size=8.2)
    bad = lane.row.outcome != "within"
    outcome = _WORDS[lane.row.outcome]
    if not wide:
        axes.text(0.16 / width, y + 0.24, lane.name, transform=across, va="bottom", size=7.8)
        axes.text(
            1 - 0.16 / width, y + 0.24, outcome, transform=across, va="bottom", ha="right",
            fontproperties=strong, color=OUT if bad else INK,
        )  # fmt: skip
        return
    axes.text(0.08 / width, y + 0.04, figures.wrapped(lane.name, 36), transform=across, va="bottom", size=8.6)
    axes.text(0.08 / width, y - 0.04, _limits(lane), transform=across, va="top", size=7.4, color=SOFT)
    at = (width - 1.7) / width
    axes.text(
        at, y + 0.04, outcome, transform=across, va="bottom", fontproperties=strong, color=OUT if bad else INK
    )
    axes.text(at, y - 0.04, _mean(lane), transform=across, va="top", size=7.4, color=SOFT)


def _limits(lane: Lane) -> str:
    assert lane.row is not None
    if lane.row.tolerance_worst == 0:
        return "must be the same in every pair"
    unit = unit_words(lane.unit)
    return f"pair ±{amount(lane.row.tolerance_worst)}, mean ±{amount(lane.row.tolerance_mean)} {unit}".strip()


def _mean(lane: Lane) -> str:
    if not lane.dots:
        return "in no pair"
    return f"mean {quantity(lane.mean, lane.unit)}"


def _key(judged: bool) -> list[Line2D | Patch]:
    marks = [
        ("o", 5.0, "white", "a pair"),
        ("o", 5.0, OUT, "outside"),
        ("D", 6.5, "white", "mean of the set"),
    ]
    found: list[Line2D | Patch] = [
        Line2D([], [], marker=marker, ls="none", ms=size, mec=INK, mfc=fill, mew=0.8, label=label)
        for marker, size, fill, label in marks
        if judged or fill != OUT
    ]
    if judged:
        found += [
            Patch(fc=BAND, ec=SOFT, lw=0.5, label="allowed for a pair"),
            Patch(fc=DARK, label="allowed for the mean"),
        ]
    return found
