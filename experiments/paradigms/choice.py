"""What the tasks with two clips have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.clips import Clip
from experiments.paradigms.base import Parameters, declare
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Answer, Lab


@dataclass(frozen=True)
class ChoiceParameters(Parameters):
    """What the plan and the person's profile fix."""

    answer_within_s: float = declare("then the trial is scored as no answer", 10.0, unit="s")
    confidence_levels: int = declare("steps of 'how sure are you?'; 0: not asked", 0)


def other_than(about: Clip | None, two: tuple[Clip, ...]) -> Clip:
    """The clip of two that the row is not about; of one shown twice, itself."""
    return two[1] if two[0] == about else two[0]


def feedback_or_confidence(
    lab: Lab, trial: Trial, answer: Answer | None, parameters: ChoiceParameters
) -> int | None:
    """After an answer: in training whether it was right, else how sure the person is, where that is asked."""
    if trial.phase == "training":
        lab.feedback(trial, answer)
    elif answer is not None and parameters.confidence_levels:
        sure = lab.scale("how_sure", parameters.confidence_levels, parameters.answer_within_s)
        return None if sure is None else int(sure.value)
    return None
