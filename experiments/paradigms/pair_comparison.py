"""Which of the two was made by a computer? Children point at the one made the same way as a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from experiments.devices.interfaces import Placed
from experiments.paradigms.base import Paradigm, TrialRow, column, declare
from experiments.paradigms.choice import ChoiceParameters, feedback_or_confidence, other_than
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Lab

OTHER_SIDE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class PairComparisonParameters(ChoiceParameters):
    """What the plan and the person's profile fix."""

    pointing: bool = declare("a sample first, then pointing at the one made the same way (children)", False)
    gap_s: float = declare("between the sample and the two", 0.5, unit="s")


@dataclass(frozen=True, kw_only=True)
class PairComparisonRow(TrialRow):
    """Which of two was taken for the compared version."""

    onset: float | None = column("when the first clip, for children the sample, began", unit="s")
    response: str | None = column(
        "the one that was taken for the compared version. Children point at the one made like a sample: where "
        "the sample's arm is that of the compared version, it is the one they pointed at, else the other one",
        long_name="Answer",
        levels={
            "first": "the first one",
            "second": "the second one",
            "left": "the one on the left",
            "right": "the one on the right",
        },
    )
    other_clip: str | None = column("name of the clip it was compared with", long_name="Other clip")
    pointed: str | None = column(
        "where a child pointed; n/a for adults",
        long_name="Pointed at",
        levels={"left": "at the one on the left", "right": "at the one on the right"},
    )
    sample: str | None = column("name of the clip a child saw first; n/a for adults", long_name="Sample")


class PairComparison(Paradigm):
    """Two versions of a scene, one after the other; for children side by side, after a sample."""

    name = "pair_comparison"
    Row = PairComparisonRow
    asks_about_ai = True
    pages = ("first", "same")

    def __init__(self, parameters: PairComparisonParameters) -> None:
        self.parameters = parameters

    def trial(self, trial: Trial, lab: Lab) -> PairComparisonRow:
        """Fixation, clips, question; then confidence, or feedback in training."""
        lab.fixation(trial)
        return self._pointed(trial, lab) if self.parameters.pointing else self._named(trial, lab)

    def placed(self, trial: Trial) -> tuple[Placed, ...]:
        """The sample in the middle, then two side by side; or two in turn."""
        if not self.parameters.pointing:
            return super().placed(trial)
        sample, left, right = trial.clips
        return Placed(sample), Placed(left, "left"), Placed(right, "right")

    def _named(self, trial: Trial, lab: Lab) -> PairComparisonRow:
        shown = lab.play_in_turn(trial, trial.clips)
        answer = lab.choose(
            "which_computer", ("first", "second"), self.parameters.answer_within_s, pointing=True
        )
        sure = feedback_or_confidence(lab, trial, answer, self.parameters)
        return self.Row.of(
            trial,
            shown,
            answer,
            trigger=lab.sent,
            confidence=sure,
            other_clip=other_than(trial.about, trial.clips).name,
        )

    def _pointed(self, trial: Trial, lab: Lab) -> PairComparisonRow:
        sample, left, right = self.placed(trial)
        assert trial.about is not None
        sample_is_compared = sample.clip.arm == trial.about.arm
        asked = trial if sample_is_compared else replace(trial, expected=OTHER_SIDE[trial.kind])
        lab.trial = asked  # where to point: people in simulations must know what would be right
        first = lab.play(trial, sample.clip)
        lab.pause(self.parameters.gap_s)
        two = lab.play_together(trial, [left, right], mark=False)
        answer = lab.choose(
            "which_like_sample", ("left", "right"), self.parameters.answer_within_s, pointing=True
        )
        sure = feedback_or_confidence(lab, asked, answer, self.parameters)
        pointed = None if answer is None else str(answer.value)
        if answer is not None and not sample_is_compared:
            answer = replace(answer, value=OTHER_SIDE[str(answer.value)])
        return self.Row.of(
            trial,
            [first, *two],
            answer,
            trigger=lab.sent,
            confidence=sure,
            other_clip=other_than(trial.about, (left.clip, right.clip)).name,
            pointed=pointed,
            sample=sample.clip.name,
        )
