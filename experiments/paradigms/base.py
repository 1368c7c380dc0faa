"""What a paradigm is: typed parameters, typed columns, one trial function for `run`, `qa` and `sim`.

After jsPsych's plugins (de Leeuw 2015), whose ``info`` object declares parameters and data with a sentence each.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self

from experiments.clips import Clip
from experiments.devices.interfaces import Placed, Played
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Answer, Lab

NO_ANSWER = "no answer"


def declare(help: str, default: Any = MISSING, *, unit: str = "") -> Any:
    """A parameter of a paradigm: what it is, its default, its unit."""
    return field(default=default, metadata={"help": help, "unit": unit})


def column(
    help: str,
    default: Any = None,
    *,
    long_name: str = "",
    unit: str = "",
    levels: Mapping[str, str] | None = None,
) -> Any:
    """A column of a paradigm's rows, as the BIDS sidecar describes it."""
    described = {"LongName": long_name, "Description": help, "Units": unit, "Levels": levels}
    return field(default=default, metadata={name: value for name, value in described.items() if value})


@dataclass(frozen=True)
class Parameters:
    """Parameters of a trial that a plan, or a person's profile, fixes."""


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """The columns every trial has. Times are seconds of the session's clock; the export counts from the run's zero."""

    onset: float | None = column("when the clip, or the first of two, began", unit="s")
    duration: float | None = column("from its first frame to the end of its last", unit="s")
    trial: int = column("place of the trial in the task", 0, long_name="Trial")
    trial_type: str = column("kind of trial", "")
    clip: str | None = column("name of the clip in the manifest; of a pair the compared one")
    stim_file: str | None = column("file of the clip below stimuli/; of a pair the compared one")
    pair_id: str | None = column("pair the clip belongs to: the same scene in several versions")
    arm: str | None = column("what is true of the clip: a condition of the plan", long_name="Truth")
    scene: str | None = column("what the clip shows")
    response: str | None = column("what the person answered", long_name="Answer")
    response_time: float | None = column("from the question's flip to the key press", unit="s")
    confidence: int | None = column("how sure the person was; more is surer")
    correct: bool | None = column(
        "whether the answer is true of what was shown", levels={"1": "right", "0": "wrong"}
    )
    phase: str = column(
        "part of the session",
        "main",
        levels={
            "training": "practice with feedback, on known items",
            "main": "what is analyzed",
            "catch": "easy trials that everyone can answer who watches",
            "attention": "a task that shows whether the person still watches",
        },
    )
    attempt: int | None = column("attempt of the training, from 1")
    exposure_count: int | None = column("how often the person was shown this clip, this time included")
    twin_seen_before: bool | None = column(
        "whether another version of the same pair was shown before",
        levels={"1": "seen before", "0": "not seen before"},
    )
    lag: int | None = column("trials since another version was last shown", unit="trials")
    dropped_frames: int | None = column("frames of the trial's clips that never appeared", unit="frames")
    onset_error: float | None = column("onset minus its planned time", unit="s")
    trigger: int | None = column("marker sent at the onset; n/a where none was sent")
    inattentive: bool | None = column(
        "whether the operator marked the person as inattentive", levels={"1": "marked", "0": "not marked"}
    )
    unusable_reason: str | None = column("why the trial cannot be used; n/a where it can")

    @classmethod
    def of(
        cls,
        trial: Trial,
        shown: list[Played],
        answer: Answer | None = None,
        *,
        asked: bool = True,
        **columns: Any,
    ) -> Self:
        """The row of a trial: what was shown, and what was answered.

        Parameters
        ----------
        trial
            The trial.
        shown
            Its clips, as they were shown.
        answer
            The answer to its question; None where there was none.
        asked
            Whether there was a question: without an answer the trial cannot be used then.
        columns
            The paradigm's own columns, and those of these it knows better.
        """
        about = trial.about
        filled: dict[str, Any] = {
            "trial": trial.number,
            "trial_type": trial.kind,
            "phase": trial.phase,
            "attempt": trial.attempt,
            "exposure_count": trial.exposure_count,
            "twin_seen_before": trial.twin_seen_before,
            "lag": trial.lag,
            **(_about(about) if about is not None else {}),
        }
        if shown:
            first = shown[0]
            filled |= {
                "onset": first.onset,
                "duration": max(one.offset for one in shown) - first.onset,
                "dropped_frames": sum(one.dropped for one in shown),
                "onset_error": first.onset - first.planned,
            }
            if not all(one.complete for one in shown):
                filled["unusable_reason"] = "the clip was stopped"
        if answer is not None:
            filled |= {"response": str(answer.value), "response_time": answer.seconds}
            if trial.expected is not None:
                filled["correct"] = filled["response"] == trial.expected
        elif asked and "unusable_reason" not in filled:
            filled["unusable_reason"] = NO_ANSWER
        if asked and answer is None and trial.phase == "attention":
            filled |= {"correct": False, "unusable_reason": None}  # not answering is the wrong answer
        return cls(**{**filled, **columns})

    def columns(self) -> dict[str, Any]:
        """Names and values."""
        return dataclasses.asdict(self)

    @classmethod
    def described(cls) -> dict[str, dict[str, Any]]:
        """What the sidecar says of each column."""
        return {one.name: dict(one.metadata) for one in dataclasses.fields(cls)}


def _about(clip: Clip) -> dict[str, Any]:
    return {
        "clip": clip.name,
        "stim_file": clip.stim_file,
        "pair_id": clip.pair_id,
        "arm": clip.arm,
        "scene": clip.scene,
    }


class Paradigm(ABC):
    """A task.

    Attributes
    ----------
    name
        As the plan calls it.
    Row
        The columns of its trials.
    asks_about_ai
        Whether it makes people think of AI: never before passive viewing.
    pages
        The drawing of each page of the instruction (``instruction.<task>.<page>``).
    practices
        The two answers children practice before the first trial.
    """

    name: ClassVar[str]
    Row: ClassVar[type[TrialRow]] = TrialRow
    asks_about_ai: ClassVar[bool] = False
    pages: ClassVar[tuple[str, ...]] = ("",)
    practices: ClassVar[tuple[str, str] | None] = None

    def placed(self, trial: Trial) -> tuple[Placed, ...]:
        """Its clips in their places, so that they can be decoded ahead."""
        return tuple(Placed(clip) for clip in trial.clips)

    @abstractmethod
    def trial(self, trial: Trial, lab: Lab) -> TrialRow:
        """Play one trial and return its row."""
