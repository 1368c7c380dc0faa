"""The tables of a session's page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from experiments.data.audit import Audit, ClipAudit, RunAudit
from experiments.data.course import numbered
from experiments.data.listing import event
from experiments.data.told import SessionTold
from experiments.data.words import STATUS_WORDS, clock, when
from protocols.pages.grids import Grid

DASH = "–"
MOST = 60
"""Conspicuous clips in the page; all of them stand in the tables of the data set."""


def runs(found: Audit) -> Grid:
    """How each run went."""
    rows = [
        [
            run.name, STATUS_WORDS[run.status], str(run.trials), _volumes(run), _pulses(run), _markers(run),
            *_frames(run), run.verdict, _why(run.reasons, run.notes),
        ]
        for run in found.runs
    ]  # fmt: skip
    columns = (
        "Run", "Ended", "Trials", "Volumes", "Pulse every, s", "Markers sent", "Frames every, ms",
        "Longest, ms", "Held too long", "Verdict", "Why",
    )  # fmt: skip
    keep = [i for i in range(len(columns)) if i in (0, 1, 2, 9, 10) or any(row[i] != DASH for row in rows)]
    kept = [[row[i] for i in keep] for row in rows]
    strong = frozenset(i for i, run in enumerate(found.runs) if run.reasons)
    numeric = frozenset(keep.index(i) for i in range(2, 9) if i in keep)
    return Grid("Runs and attempts of training", [columns[i] for i in keep], kept, numeric, strong)


def _volumes(run: RunAudit) -> str:
    return DASH if run.planned is None else f"{run.counted} of {run.planned}"


def _pulses(run: RunAudit) -> str:
    return DASH if run.pulses is None else f"{run.pulses.median_s:.3f}"


def _markers(run: RunAudit) -> str:
    return f"{run.sent} of {run.sent + run.lost}" if run.sent or run.lost else DASH


def _frames(run: RunAudit) -> list[str]:
    if run.flips is None:
        return [DASH] * 3
    return [f"{run.flips.median_ms:.1f}", f"{run.flips.longest_ms:.1f}", str(run.flips.held)]


def _why(reasons: Sequence[str], notes: Sequence[str]) -> str:
    return "; ".join((*reasons, *notes)) or DASH


def conspicuous(found: Audit) -> Grid | None:
    """Clips that are unusable, then those with a note."""
    odd = sorted((one for one in found.clips if one.reasons or one.notes), key=lambda one: not one.reasons)
    if not odd:
        return None
    rows = [
        [
            one.clip,
            f"{one.run[0]} run {one.run[1]}" if one.run[1] else f"{one.run[0]} training",
            str(one.trial),
            one.phase,
            one.verdict,
            _why(one.reasons, one.notes),
        ]
        for one in odd[:MOST]
    ]
    more = f" (the first {MOST} of {len(odd)})" if len(odd) > MOST else ""
    return Grid(
        f"Conspicuous clips{more}", ("Clip", "Run", "Trial", "Phase", "Verdict", "Why"), rows, frozenset({2}),
        frozenset(i for i, one in enumerate(odd[:MOST]) if one.reasons),
    )  # fmt: skip


def sound(found: Audit) -> Grid | None:
    """How the sound of each run went; None in a silent session."""
    rows = []
    for run in found.runs:
        heard = [one for one in found.clips if one.run == run.run and one.sound_start_s is not None]
        if heard:
            rows.append([run.name, str(len(heard)), *_heard(heard)])
    if not rows:
        return None
    columns = (
        "Run",
        "Clips with sound",
        "Start late, ms (median)",
        "Largest, ms",
        "Drift, ms (largest)",
        "Gaps",
    )
    return Grid("Sound against its scheduled time", columns, rows, frozenset(range(1, 6)))


def _heard(clips: Sequence[ClipAudit]) -> list[str]:
    starts = np.array([1000 * one.sound_start_s for one in clips if one.sound_start_s is not None])
    drifts = [abs(1000 * one.sound_drift_s) for one in clips if one.sound_drift_s is not None]
    return [
        f"{np.median(starts):.1f}", f"{starts[np.argmax(np.abs(starts))]:.1f}",
        f"{max(drifts):.1f}" if drifts else DASH, str(sum(one.underruns for one in clips)),
    ]  # fmt: skip


def answers(told: SessionTold) -> Grid | None:
    """Whether the person attended; nothing about the question of the study."""
    rows = []
    for task in dict.fromkeys(run.task for run in told.runs):
        own = [
            trial.columns for run, trial in told.trials() if run.task == task and trial.columns is not None
        ]
        for phase, name in (("attention", "attention"), ("catch", "catch trials")):
            asked = [row for row in own if row.get("phase") == phase and row.get("correct") is not None]
            if asked:
                right = sum(bool(row["correct"]) for row in asked)
                rows.append([task, name, str(right), str(len(asked)), f"{100 * right / len(asked):.0f} %"])
        silent = sum(row.get("unusable_reason") == "no answer" for row in own if row.get("phase") == "main")
        if silent:
            rows.append([task, "main trials without an answer", DASH, str(silent), DASH])
    if not rows:
        return None
    return Grid("Attention", ("Task", "Of", "Right", "Trials", "Share right"), rows, frozenset({2, 3, 4}))


def events(told: SessionTold) -> Grid | None:
    """Operator's keys, faults of devices and limits, numbered as in the figure."""
    rows = []
    for number, (journal, record) in enumerate(numbered(told), start=1):
        of = told.journals[journal]
        at = when(of, record["t"]).strftime("%H:%M:%S")
        rows.append(
            [str(number), at, clock(record["t"] - of.began), event(record), record.get("way_out") or DASH]
        )
    if not rows:
        return None
    strong = frozenset(i for i, (_, record) in enumerate(numbered(told)) if record["kind"] != "wish")
    return Grid("Events", ("No.", "UTC", "Into the session", "What", "Way out"), rows, frozenset({2}), strong)


def facts(told: SessionTold, found: Audit) -> list[tuple[str, list[str]]]:
    """Screen, devices, programs, plan: by topic."""
    header = told.header
    rules = found.rules
    return [
        ("Plan", [header.plan, f"SHA-256 {header.plan_sha256}", f"seed {header.seed}"]),
        ("Clips", [f"manifest SHA-256 {header.manifest_sha256}" if header.manifest_sha256 else "no manifest"]),
        ("Rules", [
            f"frames that may be missing: {100 * rules.dropped_frames:g} %",
            f"distance of an onset from its time: {1000 * rules.onset_error_s:g} ms",
            f"markers that may be lost: {100 * rules.triggers_lost:g} %",
        ]),
        ("Person", list(_person(told))),
        ("Screen", list(_screen(header.screen))),
        ("Devices", [f"{name}: {_told(value)}" for name, value in header.devices.items()]),
        ("Delays", [f"display {1000 * header.display_delay_s:g} ms", f"sound {1000 * header.audio_delay_s:g} ms"]),
        ("Versions", [f"{name} {value}" for name, value in header.versions.items()]),
        ("Markers", [f"{name} {code}" for name, code in header.triggers.items()] or ["none"]),
    ]  # fmt: skip


def _person(told: SessionTold) -> Iterator[str]:
    header = told.header
    yield f"group {header.group}, profile {header.profile}, language {header.language}"
    if header.age_months is not None:
        yield f"{header.age_months // 12} years {header.age_months % 12} months"
    yield "answers swapped: the first one is on the right" if header.swapped else "answers not swapped"


def _screen(screen: dict[str, Any]) -> Iterator[str]:
    if screen.get("width_px") and screen.get("height_px"):
        yield f"{screen['width_px']} × {screen['height_px']} pixels at {screen.get('refresh_hz') or '?'} Hz"
    size = " × ".join(f"{screen[name]:g}" for name in ("width_cm", "height_cm") if screen.get(name))
    if size:
        yield f"{size} cm"
    if screen.get("distance_cm"):
        yield f"{screen['distance_cm']:g} cm away"


def _told(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
