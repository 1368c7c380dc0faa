"""A laboratory that remembers what a trial does with it, and gives the answers it was given."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.clips import Clip
from experiments.devices.interfaces import Placed, Played
from experiments.lab import Answer
from experiments.people.profiles import ADULT
from experiments.trials.kinds import Trial

MARKER = 11
CLIP_S = 2.0


class StubLab:
    """Answers come in the order in which they are asked for; `does` is what the trial did, in order."""

    def __init__(self, *answers, profile=ADULT, zero=None, stopped=()):
        self.answers, self.profile, self.stopped = list(answers), profile, stopped
        self.running = None if zero is None else SimpleNamespace(zero=zero)
        self.trial, self.sent, self.time = None, None, 100.0
        self.does, self.asked, self.told, self.marked = [], [], [], []

    def now(self):
        return self.time

    def pause(self, seconds):
        self.does.append("pause")
        self.time += seconds

    def wait_until(self, when):
        self.does.append("wait")
        self.time = max(self.time, when)

    def show(self, *_elements, name=""):
        self.does.append(name)
        return self.time

    def fixation(self, trial):
        self.trial = trial
        self.does.append("fixation")

    def play(self, trial, clip):
        return self.play_together(trial, [Placed(clip)])[0]

    def play_in_turn(self, trial, clips):
        return [self.play_together(trial, [Placed(clip)], mark=i == 0)[0] for i, clip in enumerate(clips)]

    def play_together(self, _trial, clips, *, mark=True):
        self.does.append("play " + " ".join(f"{one.clip.name}@{one.where}" for one in clips))
        if mark:
            self.sent = MARKER
        onset, self.time = self.time, self.time + CLIP_S
        return [self.played(one.clip, onset) for one in clips]

    def played(self, clip, onset):
        index = np.arange(clip.frames)[1:]  # the first frame never appeared
        flip = onset + index / clip.fps
        complete = clip.name not in self.stopped
        return Played(
            clip, onset - 0.01, onset, onset + CLIP_S, index, index / clip.fps, flip, complete=complete
        )

    def answer(self, question, answers, **how):
        self.does.append(question)
        self.asked.append(SimpleNamespace(question=question, answers=answers, trial=self.trial, **how))
        value = self.answers.pop(0)
        return None if value is None else Answer(value, 0.7)

    def choose(self, question, answers, within, *, pointing=False):
        return self.answer(question, answers, within=within, pointing=pointing)

    def scale(self, question, levels, within, style=None):
        return self.answer(question, levels, within=within, style=style)

    def star(self, trial, seconds):
        self.marked.append(trial)
        began, self.time = self.time, self.time + seconds
        return self.answer("star", ("seen",)), began, self.time

    def recognize(self, trial, clip, seconds):
        self.marked.append(trial)
        self.asked_at = self.time
        self.sent = MARKER
        self.time += seconds
        return self.answer("was_in_film", ("yes", "no"), clip=clip)

    def feedback(self, trial, answer):
        self.does.append("feedback")
        self.told.append((trial.expected, None if answer is None else answer.value))


def clip_of(pair, arm):
    return Clip(f"{pair}_{arm}", pair, arm, "contrast", f"scene {pair}", f"{pair}_{arm}.mp4", CLIP_S, 25.0)


def trial_of(task, clips, kind, *, about=None, **more):
    return replace(Trial(task, "main", 1, 1, kind, tuple(clips), about), **more)


@pytest.fixture
def stub():
    return StubLab


@pytest.fixture
def film():
    """A clip by pair and arm."""
    return clip_of


@pytest.fixture
def trial():
    """A trial of a task with clips, its kind, and what else differs from the plainest one."""
    return trial_of
