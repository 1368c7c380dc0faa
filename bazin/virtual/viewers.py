"""Virtual people in front of the session's own code: they see what real people would see, and answer as planted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from bazin.virtual.lab import Person, assumed, scene_effects, scenes_of
from bazin.virtual.worlds import World
from experiments.devices.interfaces import Asked
from experiments.session.journal import FOLDER, journals_of
from experiments.trials.kinds import Trial
from experiments.virtual.people import Simulated
from protocols.base.bids import label
from protocols.base.errors import OutputError
from protocols.base.seeds import generator
from protocols.base.workers import Workers
from protocols.plan.reading import Promise

MEASURE, QUESTION = "sees", "made_how"
SPREAD_OF_BIAS = 0.2
OPENING = datetime(2000, 1, 1, 9, tzinfo=UTC)
"""When the virtual lab holds its sessions: the same seed gives the same files on any day."""
Say = Callable[[str], None]
T = TypeVar("T")


class Viewer(Simulated):
    """Somebody whose sensitivity to AI the world plants, scene by scene.

    Their answers are drawn apart from their response times, so that `says` gives for a list of trials what they
    answer in a session with these trials.

    Parameters
    ----------
    timing, deciding
        Random numbers of their response times and of their answers.
    dprime
        Sensitivity to ``ai``.
    cartoon
        Sensitivity to ``cartoon``.
    shifts
        What a scene adds to the evidence of its AI version.
    """

    def __init__(
        self,
        timing: np.random.Generator,
        deciding: np.random.Generator,
        dprime: float,
        cartoon: float,
        shifts: dict[str, float],
    ) -> None:
        super().__init__(timing, dprime=dprime)
        self.deciding, self.cartoon, self.shifts = deciding, cartoon, shifts
        self.bias = float(deciding.normal(0, SPREAD_OF_BIAS))

    def key(self, asked: Asked) -> str | Sequence[str] | None:
        """The answer to 'camera or computer?'; everything else as simulated people do."""
        if asked.name == QUESTION and isinstance(asked.trial, Trial):
            return asked.answers[self.says(asked.trial)]
        return super().key(asked)

    def says(self, trial: Trial) -> str:
        """Camera or computer, by signal detection."""
        assert trial.about is not None
        evidence = {
            "ai": self.dprime / 2 + self.shifts[trial.about.scene],
            "cartoon": self.cartoon - self.dprime / 2,
        }.get(trial.about.arm, -self.dprime / 2)
        return "computer" if evidence + self.bias + float(self.deciding.normal()) > 0 else "camera"


@dataclass(frozen=True)
class Planted:
    """What makes a viewer, small enough to be sent to another process."""

    seed: int
    person: Person
    dprime: float
    cartoon: float
    shifts: dict[str, float]

    def viewer(self) -> Viewer:
        """The person."""
        timing, deciding = (
            generator(self.seed, "viewer", self.person.number, what) for what in ("timing", "deciding")
        )
        return Viewer(timing, deciding, self.dprime, self.cartoon, self.shifts)


def planted(promise: Promise, world: World, people: Sequence[Person], seed: int) -> list[Planted]:
    """Everybody who comes to the detection session, with what is true of them."""
    plan = promise.plan
    shifts = dict(zip(scenes_of(plan), map(float, scene_effects(plan, MEASURE, seed)), strict=True))
    found = []
    for person in people:
        if person.answered:
            random = generator(seed, "answers", person.number)
            own = random.normal(0, assumed(plan, MEASURE, person.group).sd_people)
            dprime = float(world.effects[MEASURE][person.group] + own)
            found.append(Planted(seed, person, dprime, world.cartoon[MEASURE], shifts))
    return found


def hold_scans(
    bids: Path,
    promise: Promise,
    session: str,
    people: Sequence[Person],
    seed: int,
    *,
    jobs: int | None = None,
) -> list[str]:
    """Play the scan of everybody; `hold_sessions` exports what they saw. What was measured is another matter.

    Returns
    -------
    list of str
        What to tell the user.
    """
    lie = partial(_lie, bids, promise, session, seed)
    _side_by_side(bids, lie, people, [person.code for person in people], session, jobs)
    return [f"{len(people)} people lay in the scanner for session '{session}'"]


def _lie(bids: Path, promise: Promise, session: str, seed: int, person: Person) -> str:
    watching = Simulated(generator(seed, "watching", person.number))
    return _played(bids, promise, session, person, watching)


def hold_sessions(
    bids: Path, promise: Promise, people: Sequence[Planted], *, jobs: int | None = None
) -> list[str]:
    """Play the detection session of everybody and export all sessions.

    Parameters
    ----------
    bids
        The data set.
    promise
        The plan.
    people
        Who comes.
    jobs
        Sessions side by side; all cores if None. Changes no number.

    Returns
    -------
    list of str
        What to tell the user.
    """
    session = promise.plan.measures[MEASURE].session
    assert session is not None
    hold = partial(_hold, bids, promise, session)
    _side_by_side(bids, hold, people, [one.person.code for one in people], session, jobs)
    from experiments.data.export import export_all

    _, faults = export_all(bids)
    if faults:
        raise OutputError(faults[:3])
    return [f"{len(people)} people played session '{session}'"]


def _hold(bids: Path, promise: Promise, session: str, one: Planted) -> str:
    return _played(bids, promise, session, one.person, one.viewer())


def _played(bids: Path, promise: Promise, session: str, person: Person, plays: Simulated) -> str:
    from experiments.session.playing import play
    from experiments.session.request import Request, prepare

    request = Request(
        promise, person.code, session, bids, "sim", group=person.group, age_months=person.age_months,
        stimuli=bids / "no clips",  # virtual people need no films
        at=OPENING,
    )  # fmt: skip
    return play(prepare(request), person=plays).status


def _side_by_side(
    bids: Path, hold: Callable[[T], str], people: Sequence[T], codes: Sequence[str], session: str,
    jobs: int | None,
) -> None:  # fmt: skip
    """Journals side by side; the data set's own tables belong to one process."""
    names = [f"sub-{code}" for code in codes]
    for (
        name
    ) in names:  # an earlier demo's: with the same seed they come out the same, with another they must go
        shutil.rmtree(bids / FOLDER / name / f"ses-{label(session)}", ignore_errors=True)
    with Workers(min(jobs or os.cpu_count() or 1, len(people))) as together:
        for place, played in together.spread(hold, people, "sessions", names=names):
            if isinstance(played, tuple):
                raise OutputError([*played][:3])
            assert journals_of(bids, names[place], session)
