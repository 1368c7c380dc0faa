"""How it is shown: sessions and their paradigms in order, and the limits no session may pass."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocols.plan.fields import Identifier, NotNegative, Part, Positive, declare

Paradigm = Literal["passive_viewing", "same_different", "pair_comparison", "detection", "ratings", "film"]
Scale = Literal["realness", "eeriness", "warmth", "empathy", "engagement", "beauty", "seen_before"]
Contrast = tuple[Identifier, Identifier]
"""Two conditions, the reference first: the effect is the second minus the first."""

ANSWERED: tuple[Paradigm, ...] = ("same_different", "pair_comparison", "detection", "ratings")
EVENTS = ("run", "star", "question")
"""What can have a marker besides the conditions: the beginning of a run and the attention trials."""
CLIPS_PER_TRIAL = {"same_different": 2, "pair_comparison": 2}


class Design(Part):
    """How clips follow each other in a recording."""

    kind: Literal["event", "block"] = declare("single clips, or blocks of one condition")
    fixation_s: tuple[NotNegative, NotNegative] = declare(
        "shortest and longest fixation between clips", unit="s"
    )
    clips_per_block: int = declare("clips of one condition in a row (blocks)", 4, unit="clips", ge=2)


class Attention(Part):
    """A task that shows whether the person still watches."""

    every: int = declare("one attention trial after this many clips", unit="clips", ge=1)
    kind: Literal["star", "question"] = declare("what is asked for")
    seconds: Positive = declare("how long one takes", 2.0, unit="s")


class Items(Part):
    """Which clips a later session shows."""

    same_as: Identifier | None = declare(
        "the session whose clips are shown again; fresh ones if absent", None
    )


class Training(Part):
    """Known items with feedback until a criterion is reached."""

    items: int = declare("training trials per attempt", unit="trials", ge=1)
    criterion: int = declare("correct answers that pass", unit="trials", ge=1)
    attempts: int = declare("how often it may be tried", 2, ge=1, le=2)
    contrast: Contrast = declare("the two known conditions")


class CatchTrials(Part):
    """Easy trials mixed into the main phase: the positive control of behavior."""

    contrast: Contrast = declare("the two conditions everyone can tell apart who attends")
    n: int = declare("how many, interleaved in the main phase", unit="trials", ge=1)


class FollowUp(Part):
    """A second task in the same session, after the first."""

    paradigm: Paradigm = declare("the task")
    training: Training | None = declare("practice before it", None)


class Session(Part):
    """One sitting with one paradigm."""

    name: Identifier = declare("the session's name")
    modality: Literal["bold", "eeg", "beh"] = declare("what is recorded besides the keys")
    paradigm: Paradigm = declare("the task")
    conditions: tuple[Identifier, ...] | None = declare(
        "what is shown; for a task on earlier items, theirs", None
    )
    exposure: Literal["both_versions", "one_version"] = declare(
        "whether a person sees all versions of a scene or only one", "both_versions"
    )
    trials: int | None = declare(
        "number of trials, where scenes x conditions does not give it", None, unit="trials", ge=1
    )
    answer_s: Positive = declare("typical time for one answer, for the length of the session", 4.0, unit="s")
    runs: int = declare("runs, with a pause after each", 1, ge=1)
    volumes: int | None = declare("volumes of one run (bold)", None, unit="volumes", ge=10)
    repetition_time_s: Positive | None = declare("time between volumes (bold)", None, unit="s")
    dummy_volumes: int = declare("volumes before the first stored one (bold)", 0, unit="volumes", ge=0, le=30)
    run_seconds: Positive | None = declare("length of one recording (eeg)", None, unit="s")
    design: Design | None = declare("order and spacing of clips in a recording", None)
    attention: Attention | None = declare("the attention task", None)
    triggers: dict[Identifier, Annotated[int, Field(ge=1, le=255)]] | None = declare(
        "marker value per condition, and of 'run' (its beginning), 'star' and 'question'", None
    )
    items: Items | None = declare("which clips are shown; fresh ones if absent", None)
    training: Training | None = declare("practice before the main phase", None)
    then: FollowUp | None = declare("a second task after the first", None)
    catch_trials: CatchTrials | None = declare("easy trials interleaved in the main phase", None)
    confidence: dict[Identifier, Annotated[int, Field(ge=2, le=10)] | Literal["none"]] | None = declare(
        "levels of the confidence question per group", None
    )
    scales: tuple[Scale, ...] | None = declare("what is rated, in this order", None)


class Limits(Part):
    """What no session may exceed; the runner keeps them too."""

    scanner_minutes_max: Positive = declare("time in the scanner per visit", 45.0, unit="min")
    visit_minutes_max: Positive = declare("whole visit", 150.0, unit="min")
    block_minutes_max: Positive = declare("time without a pause", 15.0, unit="min")
    trials_between_breaks: int = declare("trials without a break", 20, unit="trials", ge=1)
    answer_within_s: Positive = declare("time there is for an answer", 10.0, unit="s")
    sound_level_max_db: Positive = declare("loudest sound", 85.0, unit="dB")
