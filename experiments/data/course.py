"""The course of a session as a figure: read like a score, line by line, everything in its place in time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from experiments.data.audit import Audit
from experiments.data.told import SessionTold, TrialTold
from experiments.data.words import when
from experiments.session.journal import Record, Told
from protocols.pages import figures
from protocols.pages.figures import BAND, HAIR, INK, SOFT, Picture

ARM_COLORS = ("#0b4f7a", "#d08a2e", "#5a8f69", "#8a5a9e", "#b0756d", "#77867f")
OUT, BROKEN = "#a33c00", "#d9d4c6"
LENGTHS = (2, 3, 5, 10, 15, 20, 30, 60)
"""Minutes a line may hold."""
NOTED = ("wish", "fault", "limit")
"""Records that are numbered in the figure and told in the table of events."""


@dataclass(frozen=True)
class Span:
    """Something that takes time: minutes from the beginning of its journal."""

    journal: int
    begins: float
    ends: float
    what: str
    name: str


def course_figures(session: SessionTold, found: Audit, folder: Path) -> tuple[Picture, Picture] | None:
    """The figure for wide screens and for narrow ones; None for a session without trials."""
    spans = [*_runs(session), *_breaks(session), *_trials(session, found)]
    if not any(span.what in ("trial", "unusable", "broken") for span in spans):
        return None
    return (
        _draw(session, spans, folder, "course", 8.8, 6),
        _draw(session, spans, folder, "course-narrow", 4.2, 11),
    )


def numbered(session: SessionTold) -> list[tuple[int, Record]]:
    """Operator's keys, faults and limits in order, with the place of their journal."""
    return list(session.of(*NOTED))


def _minutes(session: SessionTold, journal: int, t: float) -> float:
    return (t - session.journals[journal].began) / 60


def _ends(told: Told) -> float:
    return float(told.records[-1]["t"]) if told.records else told.began


def _runs(session: SessionTold) -> Iterator[Span]:
    one_task = len({run.task for run in session.runs}) == 1
    for run in session.runs:
        last = [run.ends, *(trial.ends or trial.begins for trial in run.trials), *run.volumes]
        ends = max((one for one in last if one is not None), default=run.begins)
        begins = _minutes(session, run.journal, run.begins)
        name = run.part if one_task else run.name.replace("_", " ")
        yield Span(run.journal, begins, _minutes(session, run.journal, ends), "run", name)


def _breaks(session: SessionTold) -> Iterator[Span]:
    begun: dict[int, float] = {}
    for journal, record in session.of("break"):
        if record["state"] == "begins":
            begun[journal] = record["t"]
        elif journal in begun:
            start = _minutes(session, journal, begun.pop(journal))
            yield Span(journal, start, _minutes(session, journal, record["t"]), "break", "break")


def _trials(session: SessionTold, found: Audit) -> Iterator[Span]:
    for run, trial in session.trials():
        begins, ends = _lasted(trial)
        arm = (trial.columns or {}).get("arm") or (trial.columns or {}).get("trial_type") or ""
        bad = found.reasons(run.key, trial.number) or (trial.columns or {}).get("unusable_reason")
        what = "broken" if trial.columns is None else "unusable" if bad else "trial"
        start = _minutes(session, run.journal, begins)
        yield Span(run.journal, start, _minutes(session, run.journal, ends), what, str(arm))


def _lasted(trial: TrialTold) -> tuple[float, float]:
    """While something was to be seen; of a trial without a clip from its beginning to its row."""
    if trial.films:
        return min(film.onset for film in trial.films), max(film.offset for film in trial.films)
    columns = trial.columns or {}
    begins = columns.get("onset") or trial.begins
    return begins, begins + (columns.get("duration") or 0.0)


def _draw(
    session: SessionTold, spans: list[Span], folder: Path, name: str, width: float, most: int
) -> Picture:
    lasted = [max(0.5, _minutes(session, i, _ends(told))) for i, told in enumerate(session.journals)]
    length = next((one for one in LENGTHS if sum(math.ceil(m / one) for m in lasted) <= most), LENGTHS[-1])
    lines = [(i, line) for i, minutes in enumerate(lasted) for line in range(math.ceil(minutes / length))]
    place = {key: y for y, key in enumerate(lines)}
    arms = _colored(session)
    color = {arm: ARM_COLORS[i % len(ARM_COLORS)] for i, arm in enumerate(arms)}
    columns = 5 if width > 6 else 3
    rows_of_key = math.ceil((len(arms) + 4) / columns)
    with figures.house_style():
        figure = figures.new_figure(width, 0.75 * len(lines) + 0.55 + 0.19 * rows_of_key)
        axes = figure.subplots()
        axes.set_xlim(0, length)
        axes.set_ylim(len(lines) - 0.35, -0.55)
        for i, minutes in enumerate(lasted):
            for part in _pieces(Span(i, 0, minutes, "line", ""), length):
                axes.hlines([place[i, part[0]]], part[1], part[2], color=HAIR, lw=0.8, zorder=1)
        for span in spans:
            for n, (line, begins, ends) in enumerate(_pieces(span, length)):
                if (span.journal, line) in place:
                    _piece(axes, span, place[span.journal, line], begins, ends, color, first=n == 0)
        _marks(axes, session, place, length)
        axes.set_yticks(range(len(lines)), [_time(session.journals[i], line * length) for i, line in lines])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(8 if width > 6 else 5, steps=[1, 2, 5, 10]))
        axes.set_xlabel("minutes after the time at the left (UTC)")
        figure.legend(
            handles=_key(color), loc="outside lower left", ncols=columns, columnspacing=1.3, handlelength=1.3
        )
        alt = _alt(session, spans)
        data = pd.DataFrame(
            [(s.journal + 1, s.begins, s.ends, s.what, s.name) for s in spans],
            columns=["journal", "begins_min", "ends_min", "what", "name"],
        )
        return figures.save(figure, folder, name, alt, data)


def _colored(session: SessionTold) -> list[str]:
    """What has a color of its own: versions by name, the same in every session of a study, then the other trials."""
    rows = [trial.columns for _, trial in session.trials() if trial.columns is not None]
    arms = sorted({str(row["arm"]) for row in rows if row.get("arm")})
    others = {str(row["trial_type"]) for row in rows if not row.get("arm") and row.get("trial_type")}
    return [*arms, *sorted(others - set(arms))]


def _pieces(span: Span, length: float) -> Iterator[tuple[int, float, float]]:
    """A span as parts of lines: which line, from where to where."""
    line = int(span.begins // length)
    while line * length <= span.ends:
        begins, ends = max(span.begins - line * length, 0.0), min(span.ends - line * length, length)
        if ends > begins or (begins == ends and span.begins == span.ends):
            yield line, begins, ends
        line += 1


def _piece(
    axes: Axes, span: Span, y: int, begins: float, ends: float, color: dict[str, str], *, first: bool
) -> None:
    if span.what == "run":
        axes.add_patch(
            Rectangle((begins, y - 0.42), ends - begins, 0.66, fc=BAND, ec="white", lw=1.5, zorder=0)
        )
        if first:
            axes.text(begins, y - 0.44, span.name, fontsize=7.5, va="bottom", ha="left", color=SOFT, zorder=5)
        return
    if span.what == "break":
        axes.add_patch(
            Rectangle(
                (begins, y - 0.1), ends - begins, 0.2, fc="white", ec=SOFT, lw=0.5, hatch="/////", zorder=2
            )
        )
        return
    face = BROKEN if span.what == "broken" else color.get(span.name, SOFT)
    axes.add_patch(Rectangle((begins, y - 0.2), ends - begins, 0.36, fc=face, ec="white", lw=0.3, zorder=3))
    if span.what == "unusable" and first:
        axes.plot([(begins + ends) / 2], [y - 0.31], "x", ms=4.5, mew=1.4, color=OUT, zorder=6)


def _marks(axes: Axes, session: SessionTold, place: dict[tuple[int, int], int], length: float) -> None:
    for number, (journal, record) in enumerate(numbered(session), start=1):
        minutes = _minutes(session, journal, record["t"])
        line = min(int(minutes // length), max(key[1] for key in place if key[0] == journal))
        x, y = minutes - line * length, place[journal, line]
        shade = INK if record["kind"] == "wish" else OUT
        axes.plot([x], [y + 0.27], "^", ms=4.5, color=shade, mew=0, zorder=6, clip_on=False)
        axes.annotate(
            str(number), (x, y + 0.27), (3.5, -1.5), textcoords="offset points", fontsize=7, color=shade,
            va="center", annotation_clip=False,
        )  # fmt: skip


def _key(color: dict[str, str]) -> list[Patch | Line2D]:
    marks = [
        ("x", OUT, "cannot be used"),
        ("^", INK, "operator (number: see events)"),
    ]
    return [
        *(Patch(fc=shade, ec="none", label=arm) for arm, shade in color.items()),
        Patch(fc=BROKEN, ec="none", label="broken off"),
        Patch(fc="white", ec=SOFT, lw=0.5, hatch="/////", label="break"),
        *(
            Line2D([], [], ls="", marker=mark, ms=5, mew=1.2, color=shade, label=text)
            for mark, shade, text in marks
        ),
    ]


def _time(told: Told, minutes: float) -> str:
    return when(told, told.began + 60 * minutes).strftime("%H:%M")


def _alt(session: SessionTold, spans: list[Span]) -> str:
    counts = {
        what: sum(span.what == what for span in spans)
        for what in ("run", "trial", "unusable", "broken", "break")
    }
    return (
        f"Course of the session: {counts['run']} runs, {counts['trial'] + counts['unusable']} trials, of which "
        f"{counts['unusable']} cannot be used, {counts['broken']} broken off, {counts['break']} breaks, "
        f"{len(numbered(session))} events."
    )
