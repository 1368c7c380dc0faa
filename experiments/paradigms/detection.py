"""Detection: 'Was there a real person in front of a camera, or did a computer make it?'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments.paradigms.base import Paradigm, Parameters, TrialRow, column, declare
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Lab


@dataclass(frozen=True)
class DetectionParameters(Parameters):
    """What the plan and the person's profile fix."""

    answer_within_s: float = declare("then the trial is scored as no answer", 10.0, unit="s")
    confidence_levels: int = declare("steps of 'how sure are you?'; 0: not asked", 0)


@dataclass(frozen=True, kw_only=True)
class DetectionRow(TrialRow):
    """A choice between two makings."""

    response: str | None = column(
        "what the person said made the film",
        long_name="Answer",
        levels={"camera": "a real person or thing in front of a camera", "computer": "made by a computer"},
    )


class Detection(Paradigm):
    """Yes/no detection, with confidence for adults and feedback in training."""

    name = "detection"
    Row = DetectionRow
    asks_about_ai = True
    pages = ("camera", "computer")
    practices = ("camera", "computer")

    def __init__(self, parameters: DetectionParameters) -> None:
        self.parameters = parameters

    def trial(self, trial: Trial, lab: Lab) -> DetectionRow:
        """Fixation, clip, question; then confidence, or feedback in training."""
        lab.fixation(trial)
        shown = lab.play(trial, trial.clips[0])
        answer = lab.choose("made_how", ("camera", "computer"), self.parameters.answer_within_s)
        sure = None
        if trial.phase == "training":
            lab.feedback(trial, answer)
        elif answer is not None and self.parameters.confidence_levels:
            sure = lab.scale("how_sure", self.parameters.confidence_levels, self.parameters.answer_within_s)
        return self.Row.of(
            trial, [shown], answer, trigger=lab.sent, confidence=sure.value if sure is not None else None
        )
