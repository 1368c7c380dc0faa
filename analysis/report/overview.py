"""All confirmatory effects in one figure, each divided by its own bound."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.transforms import blended_transform_factory

from analysis.evidence.verdict import Ci, HypothesisRecord
from analysis.evidence.wording import amount, unit_words
from analysis.report import drawing
from analysis.report.saved import Study
from analysis.report.words import OUTCOME_WORDS, measure_words, who_words
from protocols.pages import figures
from protocols.pages.figures import BAND, INK, SOFT, Picture

FURTHEST = 5.0
"""Bounds either side of 0 that the axis shows at most; what lies beyond is marked by an arrow."""


def overview(study: Study, out: Path) -> tuple[Picture, Picture] | None:
    """Draw and save the figure for wide screens and for narrow ones; None where no hypothesis has a bound.

    A hypothesis without a bound has no place on this axis; the page names it below the figure.
    """
    records = [record for record in study.verdict.confirmatory() if record.bound is not None]
    if not records:
        return None
    alt = (
        "Confirmatory effects divided by their bounds, the band from −1 to 1 being too small to matter. "
        + " ".join(f"{record.id}: {_words(record)}." for record in records)
    )
    return _draw(study, records, out, "overview", alt, wide=True), _draw(
        study, records, out, "overview-narrow", alt, wide=False
    )


def _words(record: HypothesisRecord) -> str:
    if record.estimate is None or record.bound is None or record.ci_equivalence is None:
        return "not estimable"
    ci = record.ci_equivalence
    numbers = [amount(value / record.bound) for value in (record.estimate, ci.low, ci.high)]
    return f"{numbers[0]} bounds, from {numbers[1]} to {numbers[2]}, {OUTCOME_WORDS[record.outcome]}"


def _scaled(ci: Ci | None, bound: float) -> Ci | None:
    return None if ci is None else Ci(level=ci.level, low=ci.low / bound, high=ci.high / bound)


def _draw(
    study: Study, records: Sequence[HypothesisRecord], out: Path, name: str, alt: str, *, wide: bool
) -> Picture:
    n = len(records)
    ends = [
        end / r.bound
        for r in records
        for ci in (r.ci_difference, r.ci_equivalence)
        if ci and r.bound
        for end in (ci.low, ci.high)
    ]
    limits = max(-FURTHEST, min([-1.5, *ends]) - 0.15), min(FURTHEST, max([1.5, *ends]) + 0.15)
    width, height, left, right, below = (
        (8.8, 1.0 + 0.5 * n, 3.0, 1.5, 0.78) if wide else (4.2, 1.2 + 0.78 * n, 0.12, 0.12, 1.05)
    )
    with figures.house_style():
        # Placed by hand: the labels' columns have a width of their own that no automatic layout knows.
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes(
            (left / width, below / height, 1 - (left + right) / width, 1 - (below + 0.08) / height)
        )
        for row, record in enumerate(records):
            _row(study, axes, record, n - 1 - row, limits, wide=wide)
        axes.set_xlim(*limits)
        axes.set_ylim(-0.5 if wide else -0.32, n - (0.5 if wide else 0.25))
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("effect ÷ its bound")
        found = next((r for r in records if r.estimate is not None), records[0])
        handles = drawing.key_handles(found.ci_difference, found.ci_equivalence, 1.0, "")
        if wide:
            figure.legend(handles=handles, loc="lower center", ncols=3, handlelength=2.2, borderaxespad=0.2)
        else:
            figure.legend(handles=handles, loc="lower left", ncols=1, handlelength=2.2, borderaxespad=0.2)
        return figures.save(figure, out, name, alt, _data(records))


def _row(
    study: Study, axes: Axes, record: HypothesisRecord, y: int, limits: tuple[float, float], *, wide: bool
) -> None:
    _lane(axes, y, 0.5 if wide else 0.2)
    _labels(study, axes, record, y, wide=wide)
    if record.estimate is None or record.bound is None:
        box = {"fc": BAND, "ec": "none", "pad": 1.5}
        axes.text(0, y, "no estimate", ha="center", va="center", color=SOFT, style="italic", size=8, bbox=box)
        return
    thin, thick = (_scaled(ci, record.bound) for ci in (record.ci_difference, record.ci_equivalence))
    value = record.estimate / record.bound
    if limits[0] < value < limits[1]:
        drawing.interval(axes, y, value, _clipped(thin, limits), _clipped(thick, limits), lying=True)
    if thin and thin.low < limits[0]:
        axes.plot([limits[0]], [y], "<", color=INK, ms=6, clip_on=False, zorder=7)
    if thin and thin.high > limits[1]:
        axes.plot([limits[1]], [y], ">", color=INK, ms=6, clip_on=False, zorder=7)


def _lane(axes: Axes, y: int, half: float) -> None:
    """A row's piece of the band and of the zero line; pieces that touch make one band."""
    axes.fill_between([-1, 1], y - half, y + half, fc=BAND, ec="none", lw=0, zorder=0)
    axes.vlines([-1, 1], y - half, y + half, color=SOFT, lw=0.7, ls=(0, (4, 2)), zorder=1)
    axes.vlines([0], y - half, y + half, color=SOFT, lw=0.9, zorder=1)


def _labels(study: Study, axes: Axes, record: HypothesisRecord, y: int, *, wide: bool) -> None:
    """Who and what on the left, outcome and estimate on the right; on narrow screens above the row."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    across = blended_transform_factory(figure.transFigure, axes.transData)
    head, what = f"{record.id} · {who_words(study.plan, record)}", measure_words(study.plan, record)
    found = f"{amount(record.estimate)} {unit_words(record.unit)}" if record.estimate is not None else ""
    width = figure.get_size_inches()[0]
    left, up, down = (0.08, 0.03, -0.03) if wide else (0.12, 0.53, 0.46)
    strong = FontProperties(family="DejaVu Sans", weight="bold", size=8.5)
    right, side = ((width - 1.38) / width, "left") if wide else (1 - 0.12 / width, "right")
    what = figures.wrapped(what, 46) if wide else textwrap.shorten(what, 48, placeholder=" …")
    head = textwrap.shorten(head, 44, placeholder=" …")
    axes.text(left / width, y + up, head, transform=across, va="bottom", size=8.5)
    axes.text(left / width, y + down, what, transform=across, va="top", size=7.8, color=SOFT)
    outcome = OUTCOME_WORDS[record.outcome]
    axes.text(right, y + up, outcome, transform=across, va="bottom", ha=side, fontproperties=strong)
    axes.text(right, y + down, found, transform=across, va="top", ha=side, size=7.8, color=SOFT)


def _clipped(ci: Ci | None, limits: tuple[float, float]) -> Ci | None:
    if ci is None:
        return None
    return Ci(level=ci.level, low=max(ci.low, limits[0]), high=min(ci.high, limits[1]))


def _data(records: Sequence[HypothesisRecord]) -> pd.DataFrame:
    rows = []
    for record in records:
        bound = record.bound or float("nan")
        thin, thick = (_scaled(ci, bound) for ci in (record.ci_difference, record.ci_equivalence))
        head = {name: getattr(record, name) for name in ("id", "outcome", "estimate", "bound", "unit")}
        limits = {
            f"{name}_{part}": ci and getattr(ci, part)
            for name, ci in (("difference", thin), ("equivalence", thick))
            for part in ("level", "low", "high")
        }
        scaled = None if record.estimate is None else record.estimate / bound
        rows.append({"hypothesis": head.pop("id"), **head, "effect_over_bound": scaled, **limits})
    return pd.DataFrame(rows, dtype=object)
