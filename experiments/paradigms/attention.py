"""Trials that show whether the person still watches; their phase is ``attention``, in whatever task they stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experiments.paradigms.base import Paradigm, Parameters, TrialRow, column, declare
from experiments.screens import Fixation
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Lab


@dataclass(frozen=True)
class AttentionParameters(Parameters):
    """What the plan fixes."""

    seconds: float = declare("how long the star stays, or the question waits", 2.0, unit="s")


@dataclass(frozen=True, kw_only=True)
class AttentionRow(TrialRow):
    """A star that was seen or not, or an answer about a picture."""

    onset: float | None = column("when the star, or the question, appeared", unit="s")
    duration: float | None = column("how long the star, or the question, stood there", unit="s")
    response: str | None = column(
        "what the person did",
        long_name="Answer",
        levels={
            "seen": "pressed a key while the star was there",
            "yes": "said that the picture was in the film",
            "no": "said that the picture was not in the film",
        },
    )
    response_time: float | None = column("from the star's or the question's flip to the key press", unit="s")
    correct: bool | None = column(
        "whether the star was seen, or the answer is true; not answering is wrong",
        levels={"1": "right", "0": "wrong"},
    )


class Attention(Paradigm):
    """A star to react to, or a picture to recognize."""

    name = "attention"
    Row = AttentionRow

    def __init__(self, parameters: AttentionParameters) -> None:
        self.parameters = parameters

    def trial(self, trial: Trial, lab: Lab) -> AttentionRow:
        """Fixation; then the star, or the question, at its planned time."""
        lab.fixation(trial)
        planned = None
        if lab.running is not None and trial.onset_s is not None:
            planned = lab.running.zero + trial.onset_s
            lab.wait_until(planned)  # fixation ends a moment before it, for clips
        return (
            self._star(trial, lab, planned) if trial.kind == "star" else self._question(trial, lab, planned)
        )

    def _star(self, trial: Trial, lab: Lab, planned: float | None) -> AttentionRow:
        answer, onset, offset = lab.star(trial, self.parameters.seconds)
        return self.Row.of(
            trial, [], answer, correct=answer is not None, trigger=lab.sent,
            onset=onset, duration=offset - onset, onset_error=None if planned is None else onset - planned,
        )  # fmt: skip

    def _question(self, trial: Trial, lab: Lab, planned: float | None) -> AttentionRow:
        # About no clip: its marker is the question's, not that of the clip in the picture.
        answer = lab.recognize(replace(trial, about=None), trial.clips[0], self.parameters.seconds)
        onset = lab.asked_at
        offset = lab.show(Fixation(lab.profile.pictures), name="fixation")
        return self.Row.of(
            trial, [], answer, trigger=lab.sent,
            onset=onset, duration=offset - onset, onset_error=None if planned is None else onset - planned,
        )  # fmt: skip
