"""What a person had seen before a trial: exposures, the twin in another version, and how long ago."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

COUNTS = ("exposure_count", "twin_seen_before", "lag")
Trial = dict[str, Any]


def place(trial: Mapping[str, Any]) -> float:
    """The trial's number, NaN where it has none."""
    try:
        return float(trial.get("trial") or math.nan)
    except ValueError:
        return math.nan


def in_order(trials: Sequence[Trial], sessions: Sequence[str] = ()) -> list[Trial] | None:
    """One person's trials in the order they were shown, or None where nothing tells it.

    Parameters
    ----------
    trials
        With ``session, task, run, trial``.
    sessions
        Sessions in their order; needed where the person came more than once.

    Notes
    -----
    Runs are numbered in their order. Two tasks in one session have no order that a table could tell.
    """
    came = {trial.get("session") for trial in trials}
    if len(came) > 1 and not came <= set(sessions):
        return None
    if len({(trial.get("session"), trial.get("task")) for trial in trials}) > len(came):
        return None
    numbers = {name: i for i, name in enumerate(sessions)}
    keys = [
        (numbers.get(trial.get("session") or "", 0), int(trial.get("run") or 0), place(trial))
        for trial in trials
    ]
    if any(math.isnan(key[2]) for key in keys) or len(set(keys)) < len(keys):
        return None
    return [trials[i] for i in sorted(range(len(keys)), key=keys.__getitem__)]


def clip_of(trial: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What tells one stimulus from another, or None where nothing does."""
    for name in ("stim_file", "item"):
        if trial.get(name):
            return (trial[name],)
    return (trial["scene"], trial["arm"]) if trial.get("scene") and trial.get("arm") else None


def count_exposures(ordered: Sequence[Trial]) -> None:
    """Fill in ``exposure_count, twin_seen_before, lag`` of one person's trials, which stand in order.

    ``exposure_count`` counts how often this very stimulus has been shown, this time included. The twin is the same
    pair (or scene) in another arm; ``lag`` is the number of trials since it was last shown.
    """
    shown: dict[tuple[Any, ...], int] = {}
    last: dict[Any, dict[Any, int]] = {}
    for i, trial in enumerate(ordered):
        clip = clip_of(trial)
        if clip is not None:
            shown[clip] = shown.get(clip, 0) + 1
            trial["exposure_count"] = shown[clip]
        family, arm = trial.get("pair_id") or trial.get("scene"), trial.get("arm")
        if family and arm:
            before = last.setdefault(family, {})
            twins = [when for other, when in before.items() if other != arm]
            trial["twin_seen_before"] = int(bool(twins))
            if twins:
                trial["lag"] = i - max(twins)
            before[arm] = i
