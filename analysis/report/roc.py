"""The plane of false alarms and hits: every person of a d′, with curves on which d′ is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from scipy.special import ndtr, ndtri

from analysis.evidence.wording import amount
from analysis.report.panels import KEY, SIZE, Panel
from protocols.pages import figures
from protocols.pages.figures import HAIR, INK, SOFT, Picture
from protocols.plan.expanding import label_of
from protocols.plan.measuring import DPRIMES

CURVES = (0.0, 0.5, 1.0, 2.0)
COLUMNS = ("what", "participant_id", "group", "false_alarm_rate", "hit_rate")
LABELLED_AT = 0.94  # hit rate at which a curve is labelled: few people are there


def roc_plane(panel: Panel, out: Path) -> Picture | None:
    """Draw and save the figure; None where the measure is no d′ or nobody has both rates."""
    record = panel.record
    if panel.study.plan.measures[record.measure].statistic not in DPRIMES or record.contrast is None:
        return None
    people = panel.people.dropna(subset=["first", "second"])
    if people.empty:
        return None
    first, second = (label_of(panel.study.plan, "condition", name) for name in record.contrast)
    parts: list[dict[str, Any]] = []
    said = []
    with figures.house_style():
        figure = figures.new_figure(*SIZE)
        axes = figure.add_subplot()
        _curves(axes)
        handles = []
        for group in record.groups:
            rates = people.loc[people["group"] == group, ["first", "second"]].to_numpy(float)
            if not len(rates):
                continue
            color, marker = panel.style(group)
            axes.plot(
                *rates.T, marker, ms=4.2, mfc=color, mec="white", mew=0.4, alpha=0.6, zorder=3, clip_on=False
            )
            mean = rates.mean(axis=0)
            axes.plot(*mean, marker, ms=10, mfc=color, mec=INK, mew=1.6, zorder=5, clip_on=False)
            parts.append(
                {"what": "group mean", "group": group, "false_alarm_rate": mean[0], "hit_rate": mean[1]}
            )
            label = f"{panel.label(group)} (n = {len(rates)})"
            handles.append(Line2D([], [], color=color, marker=marker, lw=0, ms=5, label=label))
            said.append(f"{label}: mean hit rate {amount(mean[1])}, mean false-alarm rate {amount(mean[0])}")
        handles.append(
            Line2D([], [], color="white", marker="o", lw=0, ms=8, mec=INK, mew=1.6, label="mean of the group")
        )
        handles.append(Line2D([], [], color=HAIR, lw=1.2, label="the same d′"))
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_aspect("equal")
        ticks = (0, 0.25, 0.5, 0.75, 1)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xlabel(figures.wrapped(f"‘AI’ said of {first} (false alarms)", 44))
        axes.set_ylabel(figures.wrapped(f"‘AI’ said of {second} (hits)", 36))
        axes.set_title("Each person’s shares of answers ‘AI’")
        figure.legend(handles=handles, **{**KEY, "ncols": 2})
        alt = (
            f"{record.id}: one point per person, hits (‘AI’ said of {second}) against false alarms (‘AI’ said of "
            f"{first}), with the diagonal of chance and curves of d′ 0.5, 1 and 2. {'. '.join(said)}."
        )
        return figures.save(figure, out, f"{record.id}-rates", alt, _data(people, parts))


def _curves(axes: Axes) -> None:
    """Hits = Φ(Φ⁻¹(false alarms) + d′)."""
    z = np.linspace(-4.0, 4.0, 201)
    for value in CURVES:
        chance = value == 0
        x, y = (ndtr(np.concatenate([[-9.0], part, [9.0]])) for part in (z - value / 2, z + value / 2))
        axes.plot(x, y, color=SOFT if chance else HAIR, lw=0.9 if chance else 1.2, zorder=1)
        place = float(ndtr(ndtri(LABELLED_AT) - value))
        box = {"fc": "white", "ec": "none", "pad": 0.6}
        axes.text(
            place,
            LABELLED_AT,
            f"{value:g}" if value < CURVES[-1] else f"d′ = {value:g}",
            ha="center",
            va="center",
            size=7,
            color=SOFT,
            zorder=2,
            bbox=box,
        )


def _data(people: pd.DataFrame, parts: list[dict[str, Any]]) -> pd.DataFrame:
    names = {"first": "false_alarm_rate", "second": "hit_rate"}
    rows = people[["participant_id", "group", "first", "second"]].rename(columns=names).astype(object)
    rows.insert(0, "what", "person")
    extra = pd.DataFrame(parts, columns=list(COLUMNS), dtype=object)
    return pd.concat([rows[list(COLUMNS)], extra], ignore_index=True)
