"""What differs between children and adults in a session, besides the words (`experiments.people.catalog`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from protocols.plan.sessions import Scale

Style = Literal["likert", "slider", "tokens", "faces"]
SMILES: frozenset[Scale] = frozenset({"warmth", "empathy", "engagement", "beauty"})
"""Scales that three faces can answer; of the others children lay tokens."""


@dataclass(frozen=True)
class Profile:
    """How a session treats a person.

    Attributes
    ----------
    pictures
        Two big pictures to choose from instead of labeled boxes, a friendly fixation, picture rewards.
    speaks
        Whether instructions are spoken where sound files are supplied.
    chosen_s
        How long a choice stays marked.
    feedback_s
        How long the feedback of a training trial stays.
    getter_s
        Attention getter before the first trial of a run and after each break; 0 for none.
    levels
        Steps of a rating scale.
    """

    name: Literal["child", "adult"]
    pictures: bool
    speaks: bool
    chosen_s: float
    feedback_s: float
    getter_s: float
    levels: int

    def style(self, scale: str) -> Style:
        """How a rating is given."""
        if not self.pictures:
            return "likert" if scale == "seen_before" else "slider"
        return "faces" if scale in SMILES else "tokens"

    def steps(self, scale: str) -> int:
        """Steps of a rating."""
        return {"faces": 3, "tokens": self.levels, "likert": self.levels, "slider": 100}[self.style(scale)]


CHILD = Profile("child", True, True, 0.4, 2.0, 1.5, 5)
ADULT = Profile("adult", False, False, 0.2, 1.5, 0.0, 7)


def profile_of(name: Literal["child", "adult"]) -> Profile:
    """The profile a group of the plan names."""
    return CHILD if name == "child" else ADULT
