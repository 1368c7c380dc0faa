"""Watching clips, and nothing else: no question, and no word about how they are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from experiments.paradigms.base import Paradigm, TrialRow
from experiments.screens import Fixation
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    from experiments.lab import Lab


class PassiveViewing(Paradigm):
    """Clips between fixations, in the scanner or with EEG."""

    name = "passive_viewing"
    pages = ("friendly_dot", "hand_up")

    def trial(self, trial: Trial, lab: Lab) -> TrialRow:
        """Fixation, clip, and fixation again until the next trial begins."""
        lab.fixation(trial)
        shown = lab.play(trial, trial.clips[0])
        lab.show(Fixation(lab.profile.pictures), name="fixation")
        return self.Row.of(trial, [shown], asked=False, trigger=lab.sent)
