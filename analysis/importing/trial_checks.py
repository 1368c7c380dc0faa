"""Trials set aside, judged and put in order, before they are written."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.importing import trial_flags
from analysis.importing.trial_flags import Flag
from analysis.importing.trial_map import TrialMap
from analysis.importing.trial_order import count_exposures, in_order
from analysis.importing.trial_rows import Trials, answers_of
from analysis.importing.unusable import EMPTY, KEPT, Unusable
from protocols.plan.promises import Plan

USUAL_S = (0.05, 120.0)
"""Where the median response time of any task lies."""


def set_aside(found: Trials, how: TrialMap) -> list[Flag]:
    """Repeated trials lose their use, response times in another unit their value; both are listed."""
    flags = []
    repeats = list(trial_flags.repeated(found.values, wide=how.is_wide))
    for trial, reason in repeats:
        if trial["included"]:
            trial["included"], trial["reason"] = 0.0, reason
            column = how.columns.trial or how.columns.participant_id
            shown = str(trial["trial"]) if how.columns.trial else "(the whole row)"
            found.unusable.append(_lost(trial, column, shown, reason, KEPT))
    for code, n in sorted(Counter(str(trial["participant_id"]) for trial, _ in repeats).items()):
        flags.append(
            Flag("repeated trials", code, f"{n} trials stand in the table more than once, and are not used")
        )
    if not how.is_wide:
        flags += trial_flags.perhaps_repeated(found.values)
    mixed = trial_flags.mixed_units(found.values)
    if mixed is not None and how.response_time is not None:
        strange, story = mixed
        for trial in strange:
            shown = f"{trial['response_time']:g} s"
            reason = "response time in another unit"
            found.unusable.append(_lost(trial, how.response_time.column, shown, reason, EMPTY))
            trial["response_time"] = math.nan
        flags.append(Flag("response times in s and ms", None, story))
    times = [trial["response_time"] for trial in found.values if not math.isnan(trial["response_time"])]
    if times and not USUAL_S[0] <= (middle := statistics.median(times)) <= USUAL_S[1]:
        detail = (
            f"half of the response times are above {middle:.4g} s, as the map counts them: is the unit right?"
        )
        flags.append(Flag("unit of response times?", None, detail))
    return flags


def _lost(trial: Mapping[str, Any], column: str, shown: str, reason: str, done: str) -> Unusable:
    person, arm = trial["participant_id"], trial["arm"]
    return Unusable(trial["line"], column, shown, reason, done, 1, trial["task"], person, arm)


def judge(trials: Sequence[dict[str, Any]], how: TrialMap) -> None:
    """Fill in what the right answer was, and whether it was given."""
    if how.right_answer == "none":
        return
    right = how.right_answer if isinstance(how.right_answer, dict) else {}
    # An arm that nobody could name as an answer (a codec control) is right or wrong only if the map says so.
    possible = answers_of(how, None) or {trial["response"] for trial in trials if trial["response"]}
    for trial in trials:
        told_by = "trial_type" if how.right_answer == "trial_type" else "arm"
        truth = right.get(trial["arm"], trial[told_by])
        if truth in possible and trial["response"] in possible:
            trial["truth"], trial["correct"] = truth, int(trial["response"] == truth)


def by_order(
    trials: Sequence[dict[str, Any]], how: TrialMap, plan: Plan | None
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, list[dict[str, Any]]]]:
    """Trials by person: those whose order is known, with what had been seen before, and the others."""
    people: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for trial in trials:
        people[trial["participant_id"]].append(trial)
    ordered, unordered = {}, {}
    for code, own in people.items():
        if how.order == "file" and how.columns.trial is None:
            counts: Counter[tuple[Any, ...]] = Counter()
            for trial in own:
                where = (trial["session"], trial["task"], trial["run"])
                counts[where] += 1
                trial["trial"] = str(counts[where])
        shown = [t for t in own if not str(t["reason"]).startswith("copy of line")]
        in_time = in_order(shown, [session.name for session in plan.sessions] if plan else ())
        if in_time is None:
            unordered[code] = own
        else:
            count_exposures(in_time)
            placed = {id(trial) for trial in in_time}
            ordered[code] = [*in_time, *(trial for trial in own if id(trial) not in placed)]
    return ordered, unordered
