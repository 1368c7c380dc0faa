"""People who answer without being there, in a simulation and in front of a real window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from experiments.devices.interfaces import Asked, Press
from experiments.trials.kinds import Trial

if TYPE_CHECKING:
    import numpy as np

FASTEST_S = 0.25


class Person(Protocol):
    """Somebody who answers."""

    def reply(self, asked: Asked) -> Sequence[Press]:
        """What they press, and when; nothing if they do not answer."""
        ...


def expected_answer(asked: Asked) -> str | None:
    """The right answer to what is asked, None where there is none."""
    trial = asked.trial if isinstance(asked.trial, Trial) else None
    if trial is None or trial.expected not in asked.answers:
        return asked.name.rpartition(".")[2] if asked.name.startswith("find.") else None
    return trial.expected


class Simulated:
    """Somebody with a given sensitivity, who answers after an ex-Gaussian time.

    The time is that of jsPsych's simulation (a normal and an exponential part); the answer that of signal detection
    with equal variances: evidence of mean ±d′/2, compared with a criterion.

    Parameters
    ----------
    random
        Their random numbers.
    dprime
        Sensitivity in every task but catch, training and attention trials.
    known_dprime
        Sensitivity for what is known: training, catch and attention trials.
    criterion
        Bias against the second of two answers.
    lapse
        Share of questions that find no answer.
    """

    def __init__(
        self,
        random: np.random.Generator,
        *,
        dprime: float = 0.0,
        known_dprime: float = 4.0,
        criterion: float = 0.0,
        lapse: float = 0.0,
    ) -> None:
        self.random = random
        self.dprime, self.known_dprime, self.criterion, self.lapse = dprime, known_dprime, criterion, lapse

    def reply(self, asked: Asked) -> Sequence[Press]:
        """One press, or none."""
        seconds = self.seconds()
        key = self.key(asked)
        if key is None or seconds >= asked.within:
            return []
        keys = [key] if isinstance(key, str) else key
        return [Press(one, asked.since + seconds + 0.2 * i, "simulated") for i, one in enumerate(keys)]

    def seconds(self) -> float:
        """A response time."""
        return max(FASTEST_S, float(self.random.normal(0.6, 0.1) + self.random.exponential(0.5)))

    def key(self, asked: Asked) -> str | Sequence[str] | None:
        """Which key is pressed."""
        if asked.what == "continue":
            return "confirm"
        if asked.what == "assent":
            return asked.answers["yes"]
        if self.random.random() < self.lapse:
            return None
        if asked.what == "scale":
            return self.step(asked)
        trial = asked.trial if isinstance(asked.trial, Trial) else None
        expected = expected_answer(asked)
        if expected is None:
            return list(asked.answers.values())[int(self.random.integers(len(asked.answers)))]
        return asked.answers[self.word(list(asked.answers), expected, trial)]

    def word(self, words: Sequence[str], expected: str, trial: Trial | None) -> str:
        """The answer to a question with a right answer, by signal detection."""
        if len(words) == 1:
            return words[0]
        noise, signal = sorted(
            words
        )  # which of two words is the signal must not depend on the side it stands on
        known = trial is None or trial.phase != "main"
        d = self.known_dprime if known else self.evidence(trial)
        evidence = (d / 2 if expected == signal else -d / 2) + float(self.random.normal())
        return signal if evidence > self.criterion else noise

    def evidence(self, trial: Trial | None) -> float:
        """Sensitivity in a trial of the main phase."""
        return self.dprime

    def step(self, asked: Asked) -> str | Sequence[str]:
        """A step of a scale."""
        if "levels" in asked.answers:  # a slider: a few moves to the right or left, then confirm
            way = "right" if self.random.random() < 0.5 else "left"
            return [*[way] * int(self.random.integers(1, 9)), "confirm"]
        return list(asked.answers.values())[int(self.random.integers(len(asked.answers)))]
