"""The figures of motion: everybody's, and what each hypothesis becomes when motion is treated otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D

from analysis.evidence.verdict import Ci, HypothesisRecord
from analysis.evidence.wording import amount, capital, unit_words
from analysis.report import drawing
from analysis.report.saved import Study, records
from analysis.report.words import OUTCOME_WORDS, who_words
from protocols.pages import figures
from protocols.pages.figures import BAND, INK, SOFT, Picture
from protocols.plan.expanding import label_of

STRONG = FontProperties(family="DejaVu Sans", weight="bold", size=8.8)
ROW = 0.235
"""Inches of one analysis in a forest."""


# ---- who moved ----


def motion_figure(study: Study, people: pd.DataFrame, out: Path, name: str, recording: str) -> Picture:
    """Mean FD, volumes kept and tSNR, one dot per person.

    Parameters
    ----------
    people
        Rows of ``results/motion_people.tsv`` of one recording.
    """
    whole, parts = people[people["condition"].isna()], people[people["condition"].notna()]
    conditions = [one for one in study.plan.conditions if (parts["condition"] == one).any()]
    groups = list(study.plan.groups)
    with figures.house_style():
        wide = max(1.0, 0.62 * len(conditions))
        figure = figures.new_figure(min(9.6, 4.6 + 1.5 * wide), 3.3)
        axes = figure.subplots(1, 3, width_ratios=[1.25, wide, 1.0])
        _by_group(study, axes[0], whole, "mean_fd_mm")
        axes[0].set_ylim(0, None)
        axes[0].set_title("Mean motion (FD), mm")
        _limit(axes[0], study.plan.exclusions.mean_fd_mm, "the plan’s limit", 1.0)
        _by_condition(study, axes[1], parts, conditions)
        axes[1].set_title("Volumes kept, %")
        _limit(axes[1], study.plan.exclusions.volumes_kept_per_condition, "fewest allowed", 100.0)
        _by_group(study, axes[2], whole, "tsnr")
        axes[2].set_ylim(0, None)
        axes[2].set_title("Temporal SNR")
        _key(study, figure, whole, groups)
        return figures.save(figure, out, name, _alt(study, whole, recording), people)


def _alt(study: Study, whole: pd.DataFrame, recording: str) -> str:
    told = []
    for group in study.plan.groups:
        own = whole[whole["group"] == group]
        out = int((own["included"] != 1).sum())
        told.append(
            f"{capital(label_of(study.plan, 'group', group))}: median {amount(own['mean_fd_mm'].median())} mm, "
            f"{out} of {len(own)} not used."
        )
    return f"Head motion person by person{f' ({recording})' if recording else ''}. " + " ".join(told)


def _by_group(study: Study, axes: Axes, whole: pd.DataFrame, column: str) -> None:
    groups = list(study.plan.groups)
    for x, group in enumerate(groups):
        _cloud(axes, x, whole[whole["group"] == group], column, drawing.group_style(groups, group), 0.3)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.set_xticks(
        range(len(groups)), [figures.wrapped(label_of(study.plan, "group", one), 14) for one in groups]
    )
    axes.tick_params(axis="x", length=0)


def _by_condition(study: Study, axes: Axes, parts: pd.DataFrame, conditions: Sequence[str]) -> None:
    groups = list(study.plan.groups)
    step = 0.8 / len(groups)
    shares = parts.assign(share_kept=100 * parts["share_kept"])
    for place, condition in enumerate(conditions):
        for k, group in enumerate(groups):
            own = shares[(shares["condition"] == condition) & (shares["group"] == group)]
            x = place + (k - (len(groups) - 1) / 2) * step
            _cloud(axes, x, own, "share_kept", drawing.group_style(groups, group), 0.38 * step)
    labels = [figures.wrapped(label_of(study.plan, "condition", one), 13) for one in conditions]
    axes.set_xticks(range(len(conditions)), labels)
    axes.set_xlim(-0.55, len(conditions) - 0.45)
    lowest = float(np.nanmin(shares["share_kept"])) if shares["share_kept"].notna().any() else 0.0
    axes.set_ylim(max(0.0, 10 * np.floor((lowest - 1) / 10)), 101.5)
    axes.tick_params(axis="x", length=0)


def _cloud(
    axes: Axes, x: float, own: pd.DataFrame, column: str, style: tuple[str, str], width: float
) -> None:
    """One dot per person: full, half filled where runs were left out, hollow where nothing was used."""
    own = own[own[column].notna()]
    values = own[column].to_numpy(dtype=float)
    if not len(values):
        return
    color, marker = style
    places = x + drawing.swarm(values, width)
    hollow = own["included"].to_numpy(dtype=float) != 1
    half = ~hollow & (own["runs_used"] < own["runs"]).to_numpy(dtype=bool)
    for chosen, look in (
        (~hollow & ~half, {"mfc": color, "mec": "white", "mew": 0.5, "alpha": 0.75}),
        (half, {"mfc": color, "mfcalt": "white", "mec": color, "mew": 0.8, "fillstyle": "bottom"}),
        (hollow, {"mfc": "white", "mec": color, "mew": 1.1}),
    ):
        if not chosen.any():
            continue  # a line without points has no place, and the layout would look for one
        axes.plot(
            places[chosen], values[chosen], marker, ms=4.4, ls="", zorder=3, clip_on=False,
            **look,  # type: ignore[arg-type]
        )  # fmt: skip
    middle = float(np.median(values))
    axes.plot([x - width * 1.1, x + width * 1.1], [middle, middle], color=INK, lw=1.6, zorder=4)


def _limit(axes: Axes, limit: float | None, words: str, scale: float) -> None:
    if limit is None:
        return
    value = limit * scale
    low, high = axes.get_ylim()
    if 0 < value <= low:
        axes.set_ylim(value - 0.04 * (high - value), high)
    elif value > high:
        axes.set_ylim(low, value + 0.08 * (value - low))
    axes.axhline(value, color=SOFT, lw=0.9, ls=(0, (4, 2)), zorder=1)
    text = axes.annotate(
        words, (1.0, value), xycoords=axes.get_yaxis_transform(), xytext=(0, 2), textcoords="offset points",
        ha="right", va="bottom", size=7.5, color=SOFT,
    )  # fmt: skip
    text.set_in_layout(False)


def _key(study: Study, figure: Figure, whole: pd.DataFrame, groups: Sequence[str]) -> None:
    handles = []
    for group in groups:
        color, marker = drawing.group_style(groups, group)
        label = label_of(study.plan, "group", group)
        handles.append(Line2D([], [], color=color, marker=marker, ls="", ms=5, label=label))
    handles.append(Line2D([], [], color=INK, lw=1.6, label="median"))
    if ((whole["included"] == 1) & (whole["runs_used"] < whole["runs"])).any():
        handles.append(
            Line2D([], [], color=SOFT, marker="o", ls="", ms=5, fillstyle="bottom", mfcalt="white",
                   label="some runs left out")
        )  # fmt: skip
    if (whole["included"] != 1).any():
        handles.append(
            Line2D([], [], color=SOFT, marker="o", ls="", ms=5, mfc="white", mew=1.1, label="not used at all")
        )
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), handlelength=1.4)


# ---- the multiverse ----


def multiverse_figure(
    study: Study, measure: str, shown: Sequence[tuple[HypothesisRecord, pd.DataFrame]], out: Path
) -> Picture:
    """A measure's hypotheses, each a block of analyses; the slopes on FD are another unit and stand in the table.

    Parameters
    ----------
    shown
        Hypotheses with their rows of ``results/multiverse.tsv``.
    """
    blocks = [(record, rows[rows["outcome"].notna()]) for record, rows in shown]
    lines = sum(len(rows) + 1.5 for _, rows in blocks)
    width, left, right, below = 8.8, 2.15, 2.25, 0.95
    height = ROW * lines + below + 0.1
    with figures.house_style():
        # Placed by hand: the labels' columns have a width of their own that no automatic layout knows.
        figure = Figure(figsize=(width, height), facecolor="white")
        axes = figure.add_axes(
            (left / width, below / height, 1 - (left + right) / width, 1 - (below + 0.1) / height)
        )
        limits = _limits(blocks)
        y = lines
        for record, rows in blocks:
            y = _block(study, axes, record, rows, y, limits)
        axes.set_xlim(*limits)
        axes.set_ylim(0.3, lines + 0.5)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        label = label_of(study.plan, "measure", measure)
        unit = unit_words(study.plan.measures[measure].in_unit)
        axes.set_xlabel(label if unit.strip("% ") and unit in label else f"{label}, {unit}")
        thin, thick = _levels(study)
        handles = drawing.key_handles(thin, thick, None, "")
        if any(record.bound is not None for record, _ in blocks):
            handles.append(_band_handle())
        figure.legend(handles=handles, loc="lower center", ncols=3, handlelength=2.2, borderaxespad=0.2)
        data = pd.concat([rows for _, rows in blocks], ignore_index=True)
        return figures.save(figure, out, f"multiverse-{measure}", _told(study, label, blocks), data)


def _band_handle() -> Line2D:
    return Line2D([], [], color=BAND, lw=8, solid_capstyle="butt", label="too small to matter")


def _levels(study: Study) -> tuple[Ci, Ci]:
    decision = study.plan.decision
    return (
        Ci(level=1 - decision.alpha, low=0, high=0),
        Ci(level=1 - 2 * decision.alpha_equivalence, low=0, high=0),
    )


def _told(study: Study, label: str, blocks: Sequence[tuple[HypothesisRecord, pd.DataFrame]]) -> str:
    told = []
    for record, rows in blocks:
        words = "; ".join(f"{row['analysis']}: {_outcome(row['outcome'])}" for row in records(rows))
        told.append(f"{record.id}, {who_words(study.plan, record)}: {words}.")
    return f"{capital(label)} where head motion was treated otherwise. " + " ".join(told)


def _outcome(outcome: object) -> str:
    return {str(key): value for key, value in OUTCOME_WORDS.items()}.get(str(outcome), str(outcome))


def _limits(blocks: Sequence[tuple[HypothesisRecord, pd.DataFrame]]) -> tuple[float, float]:
    ends = [0.0]
    for record, rows in blocks:
        ends += [sign * 1.15 * record.bound for sign in (-1, 1)] if record.bound is not None else []
        ends += rows[["low", "high"]].to_numpy(dtype=float).ravel().tolist()
    finite = [end for end in ends if np.isfinite(end)]
    low, high = min(finite), max(finite)
    room = 0.05 * (high - low or 1.0)
    return low - room, high + room


def _block(
    study: Study,
    axes: Axes,
    record: HypothesisRecord,
    rows: pd.DataFrame,
    y: float,
    limits: tuple[float, float],
) -> float:
    """One hypothesis from `y` downward; returns where the next begins."""
    head = f"{record.id} · {who_words(study.plan, record)}"
    across = axes.get_yaxis_transform()
    axes.annotate(head, (0, y), xycoords=across, xytext=(-147, 0), textcoords="offset points", va="center",
                  fontproperties=STRONG, annotation_clip=False)  # fmt: skip
    qualifier = (record.qualifier or "").rsplit(", ", 1)[-1]  # "equivalent, uninterpretable" has no room
    decided = f"decided: {qualifier or OUTCOME_WORDS[record.outcome]}"
    axes.annotate(decided, (1, y), xycoords=across, xytext=(12, 0), textcoords="offset points", va="center",
                  fontproperties=STRONG, annotation_clip=False)  # fmt: skip
    bottom = y - len(rows) - 0.45
    if record.bound is not None:
        axes.fill_between([-record.bound, record.bound], bottom, y - 0.5, fc=BAND, ec="none", zorder=0)
        axes.vlines(
            [-record.bound, record.bound], bottom, y - 0.5, color=SOFT, lw=0.7, ls=(0, (4, 2)), zorder=1
        )
    axes.vlines([0], bottom, y - 0.5, color=SOFT, lw=0.9, zorder=1)
    for place, row in enumerate(records(rows)):
        at = y - 1 - place
        primary = row["analysis"] == "primary"
        _line(axes, row, at, limits, primary=primary)
        name = capital(str(row["analysis"]).replace("<=", "≤"))
        axes.annotate(name, (0, at), xycoords=across, xytext=(-137, 0), textcoords="offset points", va="center",
                      size=8, annotation_clip=False)  # fmt: skip
        axes.annotate(_outcome(row["outcome"]), (1, at), xycoords=across, xytext=(12, 0), va="center",
                      textcoords="offset points", size=8, annotation_clip=False)  # fmt: skip
        axes.annotate(_n(row), (1, at), xycoords=across, xytext=(152, 0), va="center", ha="right",
                      textcoords="offset points", size=7.5, color=SOFT, annotation_clip=False)  # fmt: skip
    return bottom - 1.05


def _n(row: dict[str, object]) -> str:
    told = row["n_people_by_group"]
    if not isinstance(told, str):
        return ""
    return "n " + " + ".join(part.rsplit(" ", 1)[1] for part in told.split("; "))


def _line(
    axes: Axes, row: dict[str, object], y: float, limits: tuple[float, float], *, primary: bool
) -> None:
    names = ("estimate", "low", "high", "low_equivalence", "high_equivalence")
    value, low, high, inner_low, inner_high = (float(str(row[name])) for name in names)
    if np.isnan(value):
        axes.text(float(np.mean(limits)), y, "no estimate", ha="center", va="center", color=SOFT, style="italic",
                  size=7.5)  # fmt: skip
        return
    color = INK if primary else SOFT
    axes.plot([low, high], [y, y], color=color, lw=1.1, marker="|", ms=5, mew=1.1, zorder=5)
    axes.plot([inner_low, inner_high], [y, y], color=color, lw=3.8, solid_capstyle="butt", zorder=5)
    axes.plot([value], [y], "o", ms=5.4, mfc=INK if primary else "white", mec=color, mew=1.3, zorder=6)
