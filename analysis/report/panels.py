"""The two figures of a hypothesis: people's values in both conditions, and people's effects with the estimate.

Everyone analysed is visible in both. The second follows Gardner and Altman (1986, BMJ 292:746): the effects as dots,
and beside them what is estimated, with its intervals and the bound as a band.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from analysis.evidence.claims import effect_words
from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, capital, percent, unit_words
from analysis.report import drawing
from analysis.report.saved import Study, records
from protocols.pages import figures
from protocols.pages.figures import BAND, HAIR, INK, SOFT, Picture
from protocols.plan.expanding import Expanded, label_of
from protocols.plan.measuring import DPRIMES

SIZE = (4.2, 3.75)
COLUMNS = ("what", "participant_id", "group", "first", "second", "effect", "low", "high", "level")
ONE_PERSON: dict[str, Any] = {"lw": 0.7, "alpha": 0.38, "ms": 2.6, "mew": 0, "zorder": 2, "clip_on": False}
GROUP_MEAN: dict[str, Any] = {"lw": 2.0, "ms": 8.0, "mec": "white", "mew": 1.3, "zorder": 4, "clip_on": False}
KEY: dict[str, Any] = {
    "loc": "outside lower left", "ncols": 1, "handlelength": 2.2, "borderaxespad": 0.2, "labelspacing": 0.35,
}  # fmt: skip
BETWEEN = ("group_by_condition", "group")


@dataclass(frozen=True)
class Panel:
    """What both figures of a hypothesis are drawn from."""

    study: Study
    record: HypothesisRecord
    item: Expanded
    people: pd.DataFrame

    @property
    def unit(self) -> str:
        """The effect's unit in words."""
        return unit_words(self.record.unit)

    def of(self, group: str, column: str) -> np.ndarray:
        """A column of a group's people."""
        return self.people.loc[self.people["group"] == group, column].to_numpy(dtype=float)

    def label(self, group: str) -> str:
        """What sentences call a group."""
        return label_of(self.study.plan, "group", group)

    def style(self, group: str) -> tuple[str, str]:
        """A group's color and marker."""
        return drawing.group_style(list(self.study.plan.groups), group)


def panel_of(study: Study, record: HypothesisRecord) -> Panel:
    """What a hypothesis' figures are drawn from."""
    return Panel(study, record, study.items[record.id], study.people_of(record))


def pictures(panel: Panel, out: Path) -> list[Picture]:
    """Draw and save the figures of a hypothesis' people; none where nobody has a value."""
    people = panel.people
    if people.empty:
        return []
    made = []
    if panel.record.contrast is not None and people[["first", "second"]].notna().all(axis=None):
        made.append(_both_conditions(panel, out))
    made.append(_effects(panel, out))
    return made


def _person_rows(panel: Panel) -> pd.DataFrame:
    rows = panel.people[["participant_id", "group", "first", "second", "effect"]].copy()
    rows.insert(0, "what", "person")
    return rows


def _table(parts: list[dict[str, Any]], rows: pd.DataFrame) -> pd.DataFrame:
    everything = [*records(rows), *parts]
    return pd.DataFrame(
        [{name: part.get(name) for name in COLUMNS} for part in everything],
        columns=list(COLUMNS),
        dtype=object,
    )


def value_words(panel: Panel) -> str:
    """What a single condition's value is: rates for choices, else the measure's unit."""
    measure = panel.study.plan.measures[panel.record.measure]
    return "share of answers ‘AI’" if measure.statistic in DPRIMES else panel.unit or "value"


def _both_conditions(panel: Panel, out: Path) -> Picture:
    record = panel.record
    assert record.contrast is not None
    names = [label_of(panel.study.plan, "condition", name) for name in record.contrast]
    means: list[dict[str, Any]] = []
    people = {group: panel.of(group, "effect") for group in record.groups}
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.add_subplot()
        places: list[float] = []
        for i, group in enumerate(record.groups):
            color, marker = panel.style(group)
            x = np.array([0.0, 1.0]) + 1.95 * i
            values = np.column_stack([panel.of(group, "first"), panel.of(group, "second")])
            if not len(values):
                continue
            places += list(x)
            axes.plot(x, values.T, color=color, marker=marker, **ONE_PERSON)
            mean = values.mean(axis=0)
            axes.plot(x, mean, color=INK, marker=marker, mfc=color, **GROUP_MEAN)
            means.append({"what": "group mean", "group": group, "first": mean[0], "second": mean[1]})
            if len(record.groups) > 1:
                above = axes.get_xaxis_transform()
                axes.text(
                    x.mean(), 1.0, panel.label(group), transform=above, ha="center", color=SOFT, size=8.5
                )
        several = len(record.groups) > 1
        name_ticks(axes, places, names, len(record.groups))
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(min(places) - 0.35, max(places) + 0.35)
        axes.margins(y=0.06)
        axes.set_ylabel(value_words(panel))
        one = record.groups[0]
        axes.set_title(
            "Each person in both conditions\n"
            + ("" if several else f"{panel.label(one)} (n = {len(people[one])})")
        )
        handles = [
            Line2D([], [], color=SOFT, marker="o", label="one person", **ONE_PERSON),
            Line2D([], [], color=INK, marker="o", mfc=SOFT, label="mean of the group", **GROUP_MEAN),
        ]
        figure.legend(handles=handles, **KEY)
        who = " and ".join(
            f"{len(panel.of(group, 'effect'))} {panel.label(group)}" for group in record.groups
        )
        ends = "; ".join(
            f"{panel.label(row['group'])} {amount(row['first'])} and {amount(row['second'])}" for row in means
        )
        alt = (
            f"{record.id}: {who}, each person's {value_words(panel)} for {names[0]} and {names[1]} joined by a line. "
            f"Means: {ends}."
        )
        return figures.save(figure, out, f"{record.id}-people", alt, _table(means, _person_rows(panel)))


def name_ticks(axes: Axes, places: list[float], names: Sequence[str], groups: int) -> None:
    """Both conditions below the columns of every group; aslant where more than two groups leave no room."""
    labels = [figures.wrapped(name, 20 if groups == 1 else 12) for name in names] * (
        len(places) // len(names)
    )
    axes.set_xticks(places, labels)
    axes.tick_params(axis="x", length=0, pad=6, labelsize=9 if groups == 1 else 7.8)
    if groups > 2:
        axes.set_xticks(
            places, [figures.wrapped(name, 24) for name in names] * (len(places) // len(names)), rotation=30,
            ha="right", rotation_mode="anchor",
        )  # fmt: skip


def _effects(panel: Panel, out: Path) -> Picture:
    record = panel.record
    extra: list[dict[str, Any]] = []
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.add_subplot()
        drawn = [group for group in record.groups if len(panel.of(group, "effect"))]
        for i, group in enumerate(drawn):
            values = panel.of(group, "effect")
            drawing.dots(axes, i, values, panel.style(group))
            axes.plot([i - 0.36, i + 0.36], [values.mean()] * 2, color=INK, lw=1.3, zorder=4)
            extra.append({"what": "group mean", "group": group, "effect": values.mean()})
        ticks = [f"{panel.label(group)}\n(n = {len(panel.of(group, 'effect'))})" for group in drawn]
        if record.effect in BETWEEN and len(drawn) == 2:
            ticks.append(_beside(panel, axes))
        else:
            ticks.append(_on_the_same_axis(panel, axes, len(drawn)))
        extra += _estimate_rows(panel)
        axes.set_xticks(range(len(ticks)), ticks)
        axes.tick_params(axis="x", length=0, pad=6)
        axes.spines["bottom"].set_visible(False)
        axes.set_xlim(-0.6, len(ticks) - 0.4)
        axes.set_ylabel(panel.unit or "value")
        axes.set_title(_title(panel))
        handles = drawing.key_handles(record.ci_difference, record.ci_equivalence, record.bound, record.unit)
        if handles:
            figure.legend(handles=handles, **KEY)
        return figures.save(
            figure, out, f"{record.id}-effect", _alt(panel), _table(extra, _person_rows(panel))
        )


def _difference(panel: Panel) -> str:
    """What is estimated of two groups."""
    crossed = panel.record.deciding_model == "crossed_mixed"
    return "difference of groups" if crossed else "difference of means"


def _title(panel: Panel) -> str:
    """Two lines: what a dot is, and what is compared."""
    words, difference = effect_words(panel.study.plan, panel.item), _difference(panel)
    if panel.record.effect == "group":
        head = f"Each person’s value, and the {difference}"
    elif panel.record.effect == "group_by_condition":
        first, second = (
            label_of(panel.study.plan, "condition", name) for name in panel.record.contrast or ()
        )
        head, words = f"Each person’s effect, and the {difference}", f"effect: {second} − {first}"
    else:
        head = "Each person’s effect"
    return f"{head}\n{figures.wrapped(words, 54)}"


def _on_the_same_axis(panel: Panel, axes: Axes, place: int) -> str:
    """The estimate beside the dots, the band behind everything."""
    record = panel.record
    limits = [panel.people["effect"].min(), panel.people["effect"].max(), 0.0, *reach(record)]
    draw_band(axes, record.bound, -0.6, place + 0.6)
    axes.axhline(0, color=SOFT, lw=0.9, zorder=1)
    axes.set_ylim(*padded(limits))
    if record.estimate is None:
        _no_estimate(axes, place, 0.0)
        return ""
    drawing.interval(axes, place, record.estimate, record.ci_difference, record.ci_equivalence)
    return "estimate" if len(panel.record.groups) == 1 else "estimate\n(equal weights)"


def _no_estimate(axes: Axes, x: float, y: float) -> None:
    box = {"fc": "white", "ec": HAIR}
    axes.text(
        x, y, "not\nestimable", ha="center", va="center", color=SOFT, style="italic", bbox=box, zorder=5
    )


def _beside(panel: Panel, axes: Axes) -> str:
    """The difference of group means on an axis of its own, its zero at the mean of the reference group."""
    record = panel.record
    base, other = (float(panel.of(group, "effect").mean()) for group in panel.record.groups)
    limits = [
        panel.people["effect"].min(),
        panel.people["effect"].max(),
        base,
        *(base + value for value in reach(record)),
    ]
    if record.effect == "group_by_condition":
        limits.append(0.0)
        axes.plot([-0.6, 1.45], [0, 0], color=SOFT, lw=0.9, zorder=1)
    axes.set_ylim(*padded(limits))
    low, high = axes.get_ylim()
    right = axes.twinx()
    right.set_ylim(low - base, high - base)
    right.spines["right"].set_visible(True)
    right.spines["left"].set_visible(False)
    right.spines["bottom"].set_visible(False)
    right.set_ylabel(f"{_difference(panel)} ({panel.unit})" if panel.unit else _difference(panel))
    draw_band(axes, record.bound, 1.5, 2.6, base)
    axes.plot([0.36, 2.6], [base, base], color=SOFT, lw=0.9, zorder=1)
    axes.plot([1.36, 2.2], [other, other], color=SOFT, lw=0.7, ls=":", zorder=1)
    if record.estimate is None:
        _no_estimate(axes, 2, base)
        return ""
    drawing.interval(axes, 2, record.estimate, record.ci_difference, record.ci_equivalence, shift=base)
    first, second = (panel.label(group) for group in panel.record.groups)
    return f"{second}\n− {first}"


def draw_band(axes: Axes, bound: float | None, left: float, right: float, zero: float = 0.0) -> None:
    """The band of effects too small to matter, from `left` to `right`; none without a bound."""
    if bound is None:
        return
    axes.fill_between([left, right], zero - bound, zero + bound, fc=BAND, ec="none", lw=0, zorder=0)
    for side in (zero - bound, zero + bound):
        axes.plot([left, right], [side, side], color=SOFT, lw=0.7, ls=(0, (4, 2)), zorder=1)


def reach(record: HypothesisRecord) -> list[float]:
    """Values the estimate's side of the figure must hold."""
    found = [] if record.bound is None else [-record.bound, record.bound]
    for ci in (record.ci_difference, record.ci_equivalence):
        found += [] if ci is None else [ci.low, ci.high]
    return found


def padded(values: list[float]) -> tuple[float, float]:
    """Limits of an axis that holds these values."""
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _estimate_rows(panel: Panel) -> list[dict[str, Any]]:
    record = panel.record
    rows: list[dict[str, Any]] = []
    intervals = {"the difference": record.ci_difference, "equivalence": record.ci_equivalence}
    for what, ci in intervals.items():
        if ci is not None:
            limits = {"low": ci.low, "high": ci.high, "level": ci.level}
            head = {"what": f"interval for {what}", "group": record.group, "effect": record.estimate}
            rows.append({**head, **limits})
    if record.bound is not None:
        rows.append({"what": "bound", "group": record.group, "low": -record.bound, "high": record.bound})
    return rows


def _alt(panel: Panel) -> str:
    """The figure in words: who, the estimate with both intervals, where they lie."""
    record = panel.record
    who = " and ".join(
        f"{len(panel.of(group, 'effect'))} {panel.label(group)}" for group in panel.record.groups
    )
    text = f"{record.id}: one dot for the effect of each of {who}. "
    if record.estimate is None or record.ci_difference is None or record.ci_equivalence is None:
        return f"{text}{capital('no estimate')}: {record.reason}."
    parts = [
        f"{percent(ci.level)} interval {amount(ci.low)} to {amount(ci.high)}"
        for ci in (record.ci_difference, record.ci_equivalence)
    ]
    text += f"Estimate {amount(record.estimate)} {panel.unit}, {' and '.join(parts)}"
    if record.bound is None:
        return f"{text}. No bound was declared."
    inside = -record.bound < record.ci_equivalence.low and record.ci_equivalence.high < record.bound
    where = f"lies {'inside' if inside else 'not wholly inside'} the band of ±{amount(record.bound)}"
    return f"{text}; the {percent(record.ci_equivalence.level)} interval {where}."
