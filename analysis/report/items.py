"""A crossed hypothesis scene by scene: one dot per scene, so that one sees whether a few of them carry the effect.

Scenes shown in both versions have an effect each, sorted. Where every item was shown in one version only there is none:
then the items' values stand in one column per version.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.evidence.claims import effect_words
from analysis.evidence.wording import amount, digits_for
from analysis.report import drawing
from analysis.report.panels import (
    BETWEEN,
    KEY,
    SIZE,
    Panel,
    draw_band,
    name_ticks,
    padded,
    reach,
    value_words,
)
from analysis.report.saved import records
from analysis.report.words import item_words
from protocols.pages import figures
from protocols.pages.figures import INK, SOFT, Picture
from protocols.plan.expanding import label_of
from protocols.plan.measuring import DPRIMES

COLUMNS = (
    "what", "item", "group", "first", "second", "effect", "n_first", "n_second", "low", "high", "level",
)  # fmt: skip
LONGEST = 12
"""Letters of a scene's name that is written beside its dot."""


def item_by_item(panel: Panel, out: Path) -> Picture | None:
    """Draw and save the figure; None where no crossed model was asked for or nothing was saved of the items."""
    rows = _rows(panel)
    if rows is None:
        return None
    return _effects(panel, rows, out) if _paired(rows) else _arms(panel, rows, out)


def caption(panel: Panel) -> str:
    """What the figure's dots are."""
    rows = _rows(panel)
    if rows is None:
        return ""
    one = _one(panel)
    choices = panel.study.plan.measures[panel.record.measure].statistic in DPRIMES
    if not _paired(rows):
        what = "the share of answers ‘AI’ it got" if choices else "its mean over people"
        return f"{one.capitalize()} by {one}: one dot per {one}, {what}. Every {one} was shown in one version only."
    what = (
        "the difference of z of its log-linear shares of answers ‘AI’"
        if choices
        else "the difference of its two versions’ means over people"
    )
    text = f"{one.capitalize()} by {one}: one dot per {one}, {what}, in ascending order."
    if panel.record.effect in BETWEEN:
        text += f" On the right the difference between the groups for each {one}."
    if panel.record.estimate is None:
        return text
    return f"{text} The line is the crossed model’s estimate; it need not be the dots’ mean."


def _rows(panel: Panel) -> pd.DataFrame | None:
    rows = panel.study.rows_of("scenes", panel.record.id)
    if panel.record.deciding_model != "crossed_mixed" or rows is None:
        return None
    rows = rows[rows["group"].isin(panel.record.groups)]
    return None if rows[["first", "second"]].isna().all(axis=None) else rows


def _paired(rows: pd.DataFrame) -> bool:
    return bool(rows["effect"].notna().any())


def _one(panel: Panel) -> str:
    """``scene`` or ``clip``."""
    return item_words(panel.record).removesuffix("s")


def _names(panel: Panel) -> list[str]:
    return [label_of(panel.study.plan, "condition", name) for name in panel.record.contrast or ()]


def _columns(panel: Panel, rows: pd.DataFrame) -> list[tuple[str, str, pd.Series]]:
    """Group (or empty), label and sorted effects by item of every column of dots."""
    groups = [
        group for group in panel.record.groups if rows.loc[rows["group"] == group, "effect"].notna().any()
    ]
    effects = {
        group: rows[rows["group"] == group].set_index("item")["effect"].dropna().sort_values(kind="stable")
        for group in groups
    }
    found = [(group, panel.label(group), values) for group, values in effects.items()]
    if panel.record.effect in BETWEEN and len(groups) == 2:
        a, b = groups
        between = (effects[b] - effects[a]).dropna().sort_values(kind="stable")
        if len(between):
            found.append(("", f"{panel.label(b)}\n− {panel.label(a)}", between))
    return found


def _effects(panel: Panel, rows: pd.DataFrame, out: Path) -> Picture:
    record, columns = panel.record, _columns(panel, rows)
    between = columns[-1][0] == ""
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.add_subplot()
        for place, (group, _, values) in enumerate(columns):
            style = panel.style(group) if group else (SOFT, "o")
            _sorted_dots(axes, place, values, style)
        left = len(columns) - 1.5 if between else -0.5
        right = len(columns) - 0.5
        draw_band(axes, record.bound, left, right)
        axes.plot([-0.5, right], [0, 0], color=SOFT, lw=0.9, zorder=1)
        if record.estimate is not None:
            axes.plot([left + 0.04, right - 0.04], [record.estimate] * 2, color=INK, lw=1.8, zorder=2.5)
        everything = np.concatenate([values.to_numpy(float) for *_, values in columns])
        shown = reach(record)[:2] if record.bound is not None else []
        axes.set_ylim(*padded([*everything, 0.0, record.estimate or 0.0, *shown]))
        axes.set_xlim(-0.55, right + 0.05)
        one = _one(panel)
        ticks = [f"{label}\n({len(values)} {item_words(record)})" for _, label, values in columns]
        axes.set_xticks(range(len(columns)), ticks)
        axes.tick_params(axis="x", length=0, pad=6, labelsize=9 if len(columns) < 3 else 8)
        axes.spines["bottom"].set_visible(False)
        choices = panel.study.plan.measures[record.measure].statistic in DPRIMES
        axes.set_ylabel("difference of z" if choices else panel.unit or "value")
        first, second = _names(panel)
        axes.set_title(f"Each {one}’s effect\n{figures.wrapped(f'{second} − {first}', 54)}")
        handles = [Line2D([], [], color=SOFT, marker="o", lw=0, ms=4.6, label=f"one {one}")]
        if record.estimate is not None:
            label = f"estimate: {amount(record.estimate, digits_for(record.se))} {panel.unit}"
            handles.append(Line2D([], [], color=INK, lw=1.8, label=label))
        figure.legend(handles=[*handles, *drawing.key_handles(None, None, record.bound, record.unit)], **KEY)
        data = _data(panel, rows, columns)
        return figures.save(figure, out, f"{record.id}-{item_words(record)}", _alt(panel, columns), data)


def _sorted_dots(axes: Axes, place: float, values: pd.Series, style: tuple[str, str]) -> None:
    """Effects in ascending order from left to right, the names of the first and the last beside them."""
    n = len(values)
    x = place + (np.linspace(-0.38, 0.38, n) if n > 1 else np.zeros(1))
    color, marker = style
    axes.plot(
        x, values, marker, ms=4.6 if n <= 40 else 3.4, mfc=color, mec="white", mew=0.5, alpha=0.85, zorder=3
    )
    names = [str(name) for name in values.index]
    if n < 4 or max(len(names[0]), len(names[-1])) > LONGEST:
        return
    for where, name, shift, side in ((0, names[0], (-3, -5), "left"), (n - 1, names[-1], (3, 5), "right")):
        axes.annotate(
            name, (x[where], values.iloc[where]), shift, textcoords="offset points", ha=side,
            va="top" if side == "left" else "bottom",
            size=7, color=SOFT, zorder=4,
        )  # fmt: skip


def _alt(panel: Panel, columns: Sequence[tuple[str, str, pd.Series]]) -> str:
    record, one = panel.record, _one(panel)
    parts = []
    for _, label, values in columns:
        beyond = ""
        if record.bound is not None:
            beyond = (
                f", {int((values.abs() > record.bound).sum())} beyond the bound of ±{amount(record.bound)}"
            )
        parts.append(
            f"{' '.join(label.split())}: {len(values)} {item_words(record)} from {amount(values.iloc[0])} "
            f"({values.index[0]}) to {amount(values.iloc[-1])} ({values.index[-1]}), "
            f"{int((values > 0).sum())} above 0{beyond}"
        )
    words = effect_words(panel.study.plan, panel.item)
    end = (
        ""
        if record.estimate is None
        else f" The line is the estimate, {amount(record.estimate, digits_for(record.se))} {panel.unit}."
    )
    return f"{record.id}: one dot per {one}, sorted by its effect ({words}). {'. '.join(parts)}.{end}"


def _data(panel: Panel, rows: pd.DataFrame, columns: Sequence[tuple[str, str, pd.Series]]) -> pd.DataFrame:
    record, one = panel.record, _one(panel)
    parts: list[dict[str, Any]] = [{**row, "what": one} for row in records(rows)]
    for group, _, values in columns:
        if not group:
            head = {"what": f"{one}, difference between groups", "group": record.group}
            parts += [{**head, "item": name, "effect": value} for name, value in values.items()]
    if record.estimate is not None:
        parts.append({"what": "estimate", "group": record.group, "effect": record.estimate})
    if record.bound is not None:
        parts.append({"what": "bound", "group": record.group, "low": -record.bound, "high": record.bound})
    return _table(parts)


def _table(parts: Sequence[dict[str, Any]]) -> pd.DataFrame:
    columns = list(COLUMNS)
    return pd.DataFrame(
        [{name: part.get(name) for name in columns} for part in parts], columns=columns, dtype=object
    )


def _arms(panel: Panel, rows: pd.DataFrame, out: Path) -> Picture:
    """Items that exist in one version only: their values, one column per version."""
    record, names, one = panel.record, _names(panel), _one(panel)
    parts: list[dict[str, Any]] = [{**row, "what": one} for row in records(rows)]
    said = []
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.add_subplot()
        places: list[float] = []
        several = len(record.groups) > 1
        for i, group in enumerate(record.groups):
            own = rows[rows["group"] == group]
            means: list[float] = []
            for k, column in enumerate(("first", "second")):
                values = own[column].dropna().to_numpy(float)
                x = 2.2 * i + k
                places.append(x)
                drawing.dots(axes, x, values, panel.style(group), 0.26)
                if len(values):
                    axes.plot([x - 0.34, x + 0.34], [values.mean()] * 2, color=INK, lw=1.6, zorder=4)
                means.append(float(values.mean()) if len(values) else np.nan)
                said.append(
                    f"{panel.label(group)}, {names[k]}: {len(values)} {item_words(record)}, mean {amount(means[-1])}"
                )
            parts.append({"what": "mean", "group": group, "first": means[0], "second": means[1]})
            if several:
                above = axes.get_xaxis_transform()
                axes.text(
                    2.2 * i + 0.5, 1.0, panel.label(group), transform=above, ha="center", color=SOFT, size=8.5
                )
        name_ticks(axes, places, names, len(record.groups))
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(min(places) - 0.5, max(places) + 0.5)
        axes.margins(y=0.06)
        axes.set_ylabel(value_words(panel))
        axes.set_title(
            f"Each {one}, in the version it was shown in\n{'' if several else panel.label(record.groups[0])}"
        )
        handles = [
            Line2D([], [], color=SOFT, marker="o", lw=0, ms=4.6, label=f"one {one}"),
            Line2D([], [], color=INK, lw=1.6, label=f"mean of the {item_words(record)}"),
        ]
        figure.legend(handles=handles, **KEY)
        alt = f"{record.id}: one dot per {one}, its {value_words(panel)}. {'. '.join(said)}."
        return figures.save(figure, out, f"{record.id}-{item_words(record)}", alt, _table(parts))
