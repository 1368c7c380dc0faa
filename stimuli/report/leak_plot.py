"""The leak test as a picture: what was found, what chance gives, what cannot be excluded, what is allowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from protocols.pages import figures
from protocols.pages.figures import BAND, INK, SOFT, Picture
from stimuli.matching.leak import Leak
from stimuli.report.words import arm_words

LIMIT = "#0b4f7a"
COLUMNS = (
    "contrast", "verdict", "pairs", "auc", "p", "null_low", "null_mean", "null_high", "upper_limit", "max_auc",
    "detectable", "detectable_spread",
)  # fmt: skip


def leak_plot(leaks: Sequence[Leak], reference: str, folder: Path) -> tuple[Picture, Picture]:
    """Draw the tests of all contrasts, for wide screens and for narrow ones.

    Parameters
    ----------
    leaks
        Tests with a verdict, at least one.
    reference
        The reference arm in words.
    folder
        Where the files go.
    """
    alt = "Area under the ROC of a classifier that sees low-level features only. " + " ".join(
        f"{arm_words(leak.contrast)} from {reference}: {leak.auc:.2f}, by chance {leak.null_low:.2f} to "
        f"{leak.null_high:.2f}, upper limit {leak.upper_limit:.2f}"
        + ("" if math.isnan(leak.max_auc) else f", allowed {leak.max_auc:g}")
        + "."
        for leak in leaks
    )
    return _draw(leaks, reference, folder, "leak", alt, wide=True), _draw(
        leaks, reference, folder, "leak-narrow", alt, wide=False
    )


def _draw(leaks: Sequence[Leak], reference: str, folder: Path, name: str, alt: str, *, wide: bool) -> Picture:
    n = len(leaks)
    width, left, right, below = (8.8, 1.6, 0.3, 0.86) if wide else (4.2, 0.16, 0.2, 1.18)
    step = 0.55 if wide else 0.75
    lowest = min([0.4, *(leak.null_low - 0.05 for leak in leaks), *(leak.auc - 0.05 for leak in leaks)])
    height = below + 0.1 + step * n
    with figures.house_style():
        # Placed by hand: the labels' column has a width of its own that no automatic layout knows.
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes((left / width, below / height, 1 - (left + right) / width, step * n / height))
        for place, leak in enumerate(leaks):
            y = n - 1 - place
            _lane(axes, y, leak, wide=wide)
            across = blended_transform_factory(figure.transFigure, axes.transData)
            label = f"{arm_words(leak.contrast)} from {reference}"
            x, above = (0.08 / width, 0.0) if wide else (0.16 / width, 0.27)
            axes.text(x, y + above, label, transform=across, va="center" if wide else "bottom", size=8.6)
        axes.set_xlim(max(0.0, lowest), 1.005)
        axes.set_ylim(-0.5, n - 0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="x", labelsize=8)
        axes.set_xlabel("area under the ROC (0.5: cannot tell; 1: always)", fontsize=8.5)
        figure.legend(
            handles=_key(leaks), loc="lower center" if wide else "lower left", ncols=5 if wide else 2,
            handlelength=1.6, borderaxespad=0.2, fontsize=7.5, columnspacing=1.4,
        )  # fmt: skip
        data = pd.DataFrame(
            [[getattr(leak, one) for one in COLUMNS] for leak in leaks], columns=list(COLUMNS)
        )
        return figures.save(figure, folder, name, alt, data)


def _lane(axes: Axes, y: float, leak: Leak, *, wide: bool) -> None:
    low, high = (0.4, 0.4) if wide else (0.42, 0.2)
    axes.fill_between([leak.null_low, leak.null_high], y - low, y + high, fc=BAND, ec="none", lw=0, zorder=0)
    axes.vlines([leak.null_mean], y - low, y + high, color=SOFT, lw=0.9, zorder=1)
    at = y if wide else y - 0.11
    if not math.isnan(leak.max_auc):
        axes.vlines([leak.max_auc], y - low, y + high, color=INK, lw=1.1, ls=(0, (4, 2)), zorder=2)
    axes.plot([leak.auc, max(leak.auc, leak.upper_limit)], [at, at], color=LIMIT, lw=1.6, zorder=3)
    axes.plot([leak.upper_limit], [at], "|", ms=11, mew=1.8, color=LIMIT, zorder=3)
    if not math.isnan(leak.detectable):
        axes.plot([leak.detectable], [y - low + 0.05], "^", ms=5.5, mfc="white", mec=SOFT, mew=1.0, zorder=4)
    axes.plot(
        [leak.auc],
        [at],
        "D",
        ms=7.5,
        mec=INK,
        mfc="#a33c00" if leak.verdict == "leaks" else "white",
        mew=1.1,
        zorder=5,
    )


def _key(leaks: Sequence[Leak]) -> list[Line2D | Patch]:
    found: list[Line2D | Patch] = [
        Line2D([], [], marker="D", ls="none", ms=6.5, mec=INK, mfc="white", label="found"),
        Line2D([], [], color=LIMIT, lw=1.6, label="95 % upper limit"),
        Patch(fc=BAND, ec=SOFT, lw=0.5, label="95 % by chance"),
    ]
    if any(not math.isnan(leak.max_auc) for leak in leaks):
        found.append(Line2D([], [], color=INK, lw=1.1, ls=(0, (4, 2)), label="the plan’s maximum"))
    if any(not math.isnan(leak.detectable) for leak in leaks):
        found.append(
            Line2D(
                [], [], marker="^", ls="none", ms=5.5, mfc="white", mec=SOFT, label="found in 80 % of sets"
            )
        )
    return found
