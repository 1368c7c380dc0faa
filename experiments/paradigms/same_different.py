"""Were the two the same, or different? The task that needs no name for either."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.paradigms.base import Paradigm, TrialRow, column
from experiments.paradigms.choice import ChoiceParameters, feedback_or_confidence, other_than
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Lab


@dataclass(frozen=True)
class SameDifferentParameters(ChoiceParameters):
    """What the plan and the person's profile fix."""


@dataclass(frozen=True, kw_only=True)
class SameDifferentRow(TrialRow):
    """A judgment of two clips."""

    response: str | None = column(
        "what the person said of the two",
        long_name="Answer",
        levels={"same": "the two are the same", "different": "the two are different"},
    )
    other_clip: str | None = column(
        "name of the clip it was compared with, itself where one was shown twice", long_name="Other clip"
    )
    order: str | None = column("arm of the clip that was shown first", long_name="First arm")


class SameDifferent(Paradigm):
    """Two clips in turn, with confidence for adults and feedback in training."""

    name = "same_different"
    Row = SameDifferentRow
    pages = ("same", "different")
    practices = ("same", "different")

    def __init__(self, parameters: SameDifferentParameters) -> None:
        self.parameters = parameters

    def trial(self, trial: Trial, lab: Lab) -> SameDifferentRow:
        """Fixation, the two clips, question; then confidence, or feedback in training."""
        lab.fixation(trial)
        shown = lab.play_in_turn(trial, trial.clips)
        answer = lab.choose("same_or_different", ("same", "different"), self.parameters.answer_within_s)
        sure = feedback_or_confidence(lab, trial, answer, self.parameters)
        return self.Row.of(
            trial,
            shown,
            answer,
            trigger=lab.sent,
            confidence=sure,
            other_clip=other_than(trial.about, trial.clips).name,
            order=trial.clips[0].arm,
        )
