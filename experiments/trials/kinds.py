"""A session as data: parts, runs and trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from experiments.clips import Clip
from protocols.plan.sessions import Paradigm

Phase = Literal["training", "main", "catch", "attention"]


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes
    ----------
    task
        Its paradigm.
    phase
        What it is for.
    number
        Its place among all trials of the task in this session, from 1; attempts of training count on.
    run
        The planned run (or block of a behavioral session), from 1; 0 for training.
    kind
        BIDS ``trial_type``: the arm for single clips; ``same`` or ``different``; where the compared version is:
        ``first``, ``second``, ``left``, ``right``; ``star`` or ``question``.
    clips
        In the order in which they are shown, or from left to right. A child's pair comparison has the sample first.
    about
        The clip the row is about: of a pair the compared version. None for a star.
    expected
        The right answer, where there is one.
    fixation_s
        Fixation before it.
    onset_s
        In a recording: when its (first) clip begins, counted from the run's zero. None where people set the pace.
    attempt
        Of training, from 1.
    exposure_count
        How often the person has been shown this very clip in the study, this time included; None for a star.
    twin_seen_before
        Whether another version of the same pair was shown before.
    lag
        Trials since the twin was last shown, in this session; None if not in this session.
    """

    task: Paradigm
    phase: Phase
    number: int
    run: int
    kind: str
    clips: tuple[Clip, ...]
    about: Clip | None
    expected: str | None = None
    fixation_s: float = 1.0
    onset_s: float | None = None
    attempt: int | None = None
    exposure_count: int | None = None
    twin_seen_before: bool | None = None
    lag: int | None = None


@dataclass(frozen=True)
class Run:
    """Trials that follow each other without a new beginning.

    Attributes
    ----------
    number
        From 1.
    volumes
        Volumes of a functional run, dummies not counted.
    seconds
        Planned length of a recording; None where people set the pace.
    """

    number: int
    trials: tuple[Trial, ...]
    volumes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Part:
    """One task of a session: its training, attempt by attempt, then its runs."""

    task: Paradigm
    runs: tuple[Run, ...]
    training: tuple[tuple[Trial, ...], ...] = ()


@dataclass(frozen=True)
class Script:
    """Everything a person is shown in one session.

    Attributes
    ----------
    participant
        ``sub-07``.
    session
        The session's name in the plan.
    swapped
        Whether the two answers change sides: half of the people see "camera" left, half right.
    notes
        What the operator should know, in a sentence each.
    """

    participant: str
    group: str
    session: str
    parts: tuple[Part, ...]
    swapped: bool = False
    notes: tuple[str, ...] = ()

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials in order, those of every training attempt included."""
        return tuple(
            trial
            for part in self.parts
            for trials in (*part.training, *(run.trials for run in part.runs))
            for trial in trials
        )
