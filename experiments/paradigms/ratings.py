"""How was it? One scale after another, each with columns of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass
from typing import TYPE_CHECKING, Any

from experiments.paradigms.base import Paradigm, Parameters, TrialRow, column, declare
from experiments.people.profiles import Profile
from experiments.trials.kinds import Trial
from protocols.plan.sessions import Scale

if TYPE_CHECKING:
    from experiments.lab import Lab

SCALES: dict[Scale, tuple[str, str, str]] = {
    "realness": ("how real it looked", "not at all", "completely"),
    "eeriness": ("how eerie it was", "not at all", "extremely"),
    "warmth": ("how warm and friendly the character seemed", "not at all", "extremely"),
    "empathy": ("how strongly the person felt with the character", "not at all", "extremely"),
    "engagement": (
        "how much the person cared about what happened to the character",
        "not at all",
        "extremely",
    ),
    "beauty": ("how beautiful it was", "not at all", "extremely"),
    "seen_before": (
        "how often the scene, or its film, had been seen before the study",
        "never",
        "many times",
    ),
}
"""What each scale is about, and what its ends mean."""
STYLES = {"likert": "numbered steps", "slider": "a slider", "tokens": "tokens", "faces": "three faces"}


@dataclass(frozen=True)
class RatingsParameters(Parameters):
    """What the plan fixes; styles and steps of the scales are the profile's."""

    scales: tuple[Scale, ...] = declare("what is rated, in this order")
    answer_within_s: float = declare("time for each scale; then it stays n/a", 10.0, unit="s")


def rating_row(scales: Sequence[Scale], profile: Profile) -> type[TrialRow]:
    """Columns of trials with these scales: for each its step, and the seconds it took."""
    own: list[tuple[str, Any, Any]] = [
        ("response", str | None, column("n/a: every scale has a column of its own")),
        (
            "response_time",
            float | None,
            column("of the first scale, from its flip to the answer; the others have their own", unit="s"),
        ),
    ]
    for scale in scales:
        what, low, high = SCALES[scale]
        steps, style = profile.steps(scale), STYLES[profile.style(scale)]
        title = scale.replace("_", " ").capitalize()
        given = f"{what}: 1 ({low}) to {steps} ({high}), given by {style}"
        own += [
            (scale, int | None, column(given, long_name=title, unit="steps")),
            (
                f"{scale}_time",
                float | None,
                column("from the scale's flip to the answer", long_name=f"{title}: time", unit="s"),
            ),
        ]
    return make_dataclass("RatingsRow", own, bases=(TrialRow,), frozen=True, kw_only=True)


class Ratings(Paradigm):
    """A clip, then its ratings."""

    name = "ratings"
    pages = ("face_happy", "token")

    def __init__(self, parameters: RatingsParameters, profile: Profile) -> None:
        self.parameters, self.profile = parameters, profile
        # Both depend on what this session rates.
        self.Row = rating_row(parameters.scales, profile)  # type: ignore[misc]
        self.asks_about_ai = "realness" in parameters.scales  # type: ignore[misc]

    def trial(self, trial: Trial, lab: Lab) -> TrialRow:
        """Fixation, clip, and one scale after another; without any answer the trial cannot be used."""
        lab.fixation(trial)
        shown = lab.play(trial, trial.clips[0])
        rated: dict[str, Any] = {}
        within = self.parameters.answer_within_s
        for scale in self.parameters.scales:
            answer = lab.scale(scale, self.profile.steps(scale), within, style=self.profile.style(scale))
            if answer is not None:
                rated |= {scale: answer.value, f"{scale}_time": answer.seconds}
        first = rated.get(f"{self.parameters.scales[0]}_time")
        return self.Row.of(trial, [shown], asked=not rated, trigger=lab.sent, response_time=first, **rated)
