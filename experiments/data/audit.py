"""The timing audit: whether every clip was shown, and every run recorded, as the plan promised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from experiments.data.told import Film, RunTold, SessionTold, TrialTold
from experiments.session.journal import Header
from protocols.plan.measuring import Presentation

Verdict = Literal["usable", "usable with note", "unusable"]
SOUND_APART_S = 0.04
"""Sound this far from its time is worth a note: EBU R37 allows it 40 ms ahead of the pictures and 60 ms behind."""
PULSE_DEVIATION = 0.01
"""Share of the repetition time by which the pulses' median interval may differ without a note."""
STOPPED = "the clip was stopped"


@dataclass(frozen=True)
class Judged:
    """What a rule of the plan objects to, and what is only worth knowing."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """``unusable`` for a reason, ``usable with note`` for a note."""
        return "unusable" if self.reasons else "usable with note" if self.notes else "usable"


@dataclass(frozen=True)
class ClipAudit(Judged):
    """How one clip of a finished trial was shown.

    Attributes
    ----------
    run
        Task and label of its run.
    lost
        Frames that never appeared, of those that were due.
    onset_error_s
        Onset minus its planned time.
    sound_start_s
        First sample minus the time it was scheduled for; None without a sound card, or without sound.
    sound_drift_s
        What sound and pictures lay further apart at the end than at the beginning.
    """

    run: tuple[str, int]
    trial: int
    phase: str
    clip: str
    arm: str | None
    frames: int
    lost: int
    late_flips: int
    onset_error_s: float
    sound_start_s: float | None
    sound_drift_s: float | None
    underruns: int


@dataclass(frozen=True)
class Flips:
    """Intervals between the flips at which new frames appeared, in milliseconds.

    Attributes
    ----------
    held
        Frames that stood more than half a refresh longer than their time and the refresh they must wait for.
    """

    n: int
    median_ms: float
    longest_ms: float
    held: int


@dataclass(frozen=True)
class Pulses:
    """Intervals between a scanner's pulses: median in seconds, and how many pulses must be missing between them."""

    median_s: float
    missing: int


@dataclass(frozen=True)
class RunAudit(Judged):
    """How one run went.

    Attributes
    ----------
    planned, counted
        Volumes, dummies included; None where none were planned.
    sent, lost
        Markers.
    """

    run: tuple[str, int]
    name: str
    status: str
    trials: int
    unusable_clips: int
    flips: Flips | None
    planned: int | None
    counted: int | None
    pulses: Pulses | None
    sent: int
    lost: int


@dataclass(frozen=True)
class Audit:
    """The audit of a session. `rules` are those of its (last) plan."""

    clips: tuple[ClipAudit, ...]
    runs: tuple[RunAudit, ...]
    rules: Presentation

    def reasons(self, run: tuple[str, int], trial: int) -> tuple[str, ...]:
        """Why a trial cannot be used, as far as it was not shown as promised."""
        of_clips = [one.reasons for one in self.clips if one.run == run and one.trial == trial]
        of_run = [one.reasons for one in self.runs if one.run == run]
        return tuple(dict.fromkeys(reason for several in (*of_clips, *of_run) for reason in several))


def rules_of(header: Header) -> Presentation:
    """The plan's rules as the session's header has them; the plan's defaults where it has none."""
    return Presentation(**header.presentation)


def audit(session: SessionTold, rules: Presentation | None = None) -> Audit:
    """Judge every clip of a finished trial and every run.

    Parameters
    ----------
    session
        What the journals tell.
    rules
        The plan's ``exclusions.presentation``; without them those in each journal's header.

    Notes
    -----
    A clip is unusable if a larger share of its frames never appeared than the rules allow, if it began too far from
    its planned time, or if it was stopped; a run if too many of its markers could not be sent, and with it all its
    trials. Everything else that is not as planned is a note: it does not exclude anything.
    """
    clips: list[ClipAudit] = []
    runs: list[RunAudit] = []
    for run in session.runs:
        own = rules or rules_of(run.header)
        judged = [_clip(run, trial, film, own) for trial in run.rows for film in trial.films]
        clips += judged
        runs.append(_run(run, own, sum(1 for one in judged if one.reasons)))
    return Audit(tuple(clips), tuple(runs), rules or rules_of(session.journals[-1].header))


def _clip(run: RunTold, trial: TrialTold, film: Film, rules: Presentation) -> ClipAudit:
    error = film.onset - film.planned
    sound = film.sound or {}
    started = sound.get("started")
    start = None if started is None else started - sound["scheduled"]
    reasons, notes = [], []
    share = film.dropped / film.frames
    dropped = f"dropped frames: {film.dropped} of {film.frames}"
    if share > rules.dropped_frames:
        reasons.append(dropped)
    elif film.dropped:
        notes.append(dropped)
    late = f"onset {abs(error):.2f} s {'late' if error > 0 else 'early'}"
    if abs(error) > rules.onset_error_s:
        reasons.append(late)
    elif abs(error) > 1.5 * _refresh_s(run.header):
        notes.append(late.replace(f"{abs(error):.2f}", f"{abs(error):.3f}"))
    if not film.complete:
        reasons.append(f"{STOPPED} after {_reached(film)} of {film.frames} frames")
    if film.late_flips:
        notes.append(f"late flips: {film.late_flips}")
    notes += _of_sound(sound, start)
    return ClipAudit(
        tuple(reasons), tuple(notes), run.key, trial.number, trial.phase, film.clip,
        (trial.columns or {}).get("arm"), film.frames, film.dropped, film.late_flips, error, start,
        sound.get("drift_s"), sound.get("underruns", 0),
    )  # fmt: skip


def _of_sound(sound: dict[str, object], start: float | None) -> Iterator[str]:
    if start is not None and abs(start) > SOUND_APART_S:
        yield f"sound {abs(start):.3f} s {'late' if start > 0 else 'early'}"
    drift, underruns = sound.get("drift_s"), sound.get("underruns")
    if isinstance(drift, float) and abs(drift) > SOUND_APART_S:
        yield f"sound drifted by {drift:.3f} s"
    if underruns:
        yield f"gaps in the sound: {underruns}"


def _reached(film: Film) -> int:
    return film.index[-1] + 1 if film.index else 0


def _refresh_s(header: Header) -> float:
    return 1.0 / float(header.screen.get("refresh_hz") or 60.0)


def _run(run: RunTold, rules: Presentation, unusable: int) -> RunAudit:
    lost = sum(1 for marker in run.markers if marker["at"] is None)
    reasons: list[str] = []
    notes: list[str] = []
    if run.status != "complete":
        notes.append("ended by dissent" if run.status == "dissent" else run.status)
    if run.zero is None:
        notes.append("never began")
    if lost:
        told = f"markers lost: {lost} of {len(run.markers)}"
        (reasons if lost / len(run.markers) > rules.triggers_lost else notes).append(told)
    planned = counted = None
    if run.planned_volumes is not None:
        planned = run.planned_volumes + run.header.dummy_volumes
        counted = run.counted if run.counted is not None else len(run.volumes)
        if counted != planned:
            notes.append(f"volumes: {counted} of {planned} counted")
    pulses = _pulses(run)
    notes += _of_pulses(run, pulses)
    if unusable:
        notes.append(f"clips unusable: {unusable}")
    return RunAudit(
        tuple(reasons), tuple(notes), run.key, run.name, run.status, len(run.rows), unusable, _flips(run),
        planned, counted, pulses, len(run.markers) - lost, lost,
    )  # fmt: skip


def _pulses(run: RunTold) -> Pulses | None:
    repetition = run.header.repetition_time_s
    if repetition is None or len(run.volumes) < 2:
        return None
    apart = np.diff(run.volumes)
    missing = np.maximum(np.rint(apart / repetition).astype(int) - 1, 0).sum()
    return Pulses(float(np.median(apart)), int(missing))


def _of_pulses(run: RunTold, pulses: Pulses | None) -> Iterator[str]:
    if pulses is None:
        return
    assert run.header.repetition_time_s is not None
    if pulses.missing:
        yield f"scanner pulses missing: {pulses.missing}"
    if abs(pulses.median_s / run.header.repetition_time_s - 1) > PULSE_DEVIATION:
        yield f"scanner pulses every {pulses.median_s:.3f} s, planned {run.header.repetition_time_s:.3f} s"


def intervals(film: Film) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds each frame stood before the next one, and how long it should have by the file; both (n - 1,)."""
    return np.diff(film.flip), np.diff(film.pts) * 1000.0


def _flips(run: RunTold) -> Flips | None:
    films = [film for trial in run.rows for film in trial.films if len(film.flip) > 1]
    if not films:
        return None
    stood, due = (np.concatenate(several) for several in zip(*map(intervals, films), strict=True))
    refresh = 1000.0 * _refresh_s(run.header)
    # A frame waits for the first refresh after its time; more than half a refresh beyond that is too long.
    held = stood > np.ceil(np.round(due / refresh, 3)) * refresh + refresh / 2
    return Flips(len(stood), float(np.median(stood)), float(stood.max()), int(held.sum()))
