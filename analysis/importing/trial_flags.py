"""What somebody should look at before trusting the trials: named with numbers, never repaired silently."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from protocols.base.errors import listed

FEW_SCENES = 12
"""With fewer, no model can speak of scenes in general."""
SURE = 0.001
"""Chance of calling a person's keys swapped who merely guesses, over all the places where it could have happened."""
EACH_PART = 0.01
"""Largest p of either part; the product of the two, which is their joint chance, decides."""
SHORTEST_PART = 8
"""Trials a part must have before its keys can be called swapped."""
SAME_ANSWERS = 6
"""So many equal answers, and no other, are worth a look."""
DECADES_APART = (2.5, 3.5)
"""Seconds and milliseconds differ by three powers of ten."""

PLACE = ("participant_id", "session", "task", "run", "phase", "trial")
"""What names one trial; numbers may begin anew after the training."""

Trial = dict[str, Any]


@dataclass(frozen=True)
class Flag:
    """One thing to look at."""

    what: str
    participant_id: str | None
    detail: str


COLUMNS = {
    "what": "kind of oddity",
    "participant_id": "person it concerns, n/a if all",
    "detail": "what was found, with numbers",
}


def repeated(trials: Sequence[Trial], *, wide: bool) -> Iterator[tuple[Trial, str]]:
    """Trials that stand twice, with the reason why each cannot be used.

    A copy agrees with an earlier row in everything, response time or trial number included. Rows that differ under one
    trial number (in a wide table: a person's second row) cannot both be that trial: none is used.

    Parameters
    ----------
    trials
        All trials.
    wide
        Whether a row of the table holds all of a person's trials.
    """
    content = ("item", "stim_file", "pair_id", "arm", "scene", "response")
    seen: dict[tuple[Any, ...], int] = {}
    copies: list[tuple[Trial, str]] = []
    numbered: defaultdict[tuple[Any, ...], list[Trial]] = defaultdict(list)
    for trial in trials:
        if not wide and _untold(trial):
            continue
        place = (*(trial[name] for name in PLACE), trial["item"] if wide else None)
        numbers = (_plain(trial[name]) for name in ("response_time", "confidence"))
        first = seen.setdefault((*place, *(trial[name] for name in content), *numbers), trial["line"])
        if first != trial["line"]:
            copies.append((trial, f"copy of line {first}"))
        elif wide or trial["trial"] is not None:
            numbered[place].append(trial)
    if not wide:
        for group in numbered.values():
            lines = listed(trial["line"] for trial in group)
            yield from (
                (t, f"several trials have this number (lines {lines})") for t in group if len(group) > 1
            )
        yield from copies
        return
    torn: dict[
        tuple[Any, ...], set[int]
    ] = {}  # rows of one person that contradict each other: none is used at all
    for place, group in numbered.items():
        if len(group) > 1:
            torn.setdefault(place[:-1], set()).update(trial["line"] for trial in group)
    for trial in trials:
        lines_torn = torn.get(tuple(trial[name] for name in PLACE))
        if lines_torn:
            yield trial, f"the person has several rows that differ (lines {listed(sorted(lines_torn))})"
    yield from (pair for pair in copies if tuple(pair[0][name] for name in PLACE) not in torn)


def _untold(trial: Trial) -> bool:
    """Whether nothing could tell a copy from a stimulus that was answered twice in the same way."""
    return trial["trial"] is None and math.isnan(trial["response_time"])


def perhaps_repeated(trials: Sequence[Trial]) -> Iterator[Flag]:
    """Answers of one person to one stimulus that may be copies: nothing tells."""
    answers = Counter(
        tuple(trial[name] for name in (*PLACE, "item", "arm", "response"))
        for trial in trials
        if _untold(trial) and trial["item"]
    )
    more = sum(n - 1 for n in answers.values())
    if more:
        yield Flag(
            "repeated trials?",
            None,
            f"{more} trials repeat a person, stimulus and answer; nothing tells whether they are copies "
            "(columns.trial or response_time would)",
        )


def mixed_units(trials: Sequence[Trial]) -> tuple[list[Trial], str] | None:
    """Trials whose response time is in the other unit, and the story; None where all times are of one kind.

    The logarithms are cut where the two parts differ most (two means, Otsu's criterion). Parts whose centers lie about
    three powers of ten apart are seconds and milliseconds; the larger part is believed to be as the map says.
    """
    timed = [trial for trial in trials if not math.isnan(trial["response_time"])]
    if len(timed) < 4:
        return None
    logs = np.log10([trial["response_time"] for trial in timed])
    ordered = np.sort(logs)
    n = np.arange(1, len(ordered))
    sums = np.cumsum(ordered)[:-1]
    below, above = sums / n, (ordered.sum() - sums) / (len(ordered) - n)
    cut = int(np.argmax(n * (len(ordered) - n) * (above - below) ** 2))
    apart = float(above[cut] - below[cut])
    gap = float(ordered[cut + 1] - ordered[cut])
    if not DECADES_APART[0] <= apart <= DECADES_APART[1] or gap < 0.5:
        return None
    border = (ordered[cut] + ordered[cut + 1]) / 2
    low, high = logs < border, logs >= border
    odd = high if high.sum() <= low.sum() else low
    strange = [trial for trial, is_odd in zip(timed, odd, strict=True) if is_odd]
    people = Counter(trial["participant_id"] for trial in strange)
    story = (
        f"response times are of two kinds, about {10**apart:.0f} times apart: {int(low.sum())} around "
        f"{10 ** float(below[cut]):.4g} s and {int(high.sum())} around {10 ** float(above[cut]):.4g} s, as the map "
        f"counts them; seconds and milliseconds are mixed. The {len(strange)} of the smaller part "
        f"({listed(f'{code}: {k}' for code, k in people.most_common())}) are left empty"
    )
    return strange, story


def odd_items_and_people(trials: Sequence[Trial], arms: Sequence[str]) -> Iterator[Flag]:
    """Designs that cannot carry a conclusion, and people who answered in one way only."""
    used = [trial for trial in trials if trial["included"]]
    scenes: defaultdict[Any, set[str]] = defaultdict(set)
    by_person: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in used:
        by_person[trial["participant_id"]].append(trial)
        if trial["scene"]:
            scenes[trial["scene"]].add(trial["participant_id"])
    if not scenes:
        yield Flag("no scenes", None, "nothing tells one stimulus from another: scenes cannot be modeled")
    elif len(scenes) < FEW_SCENES:
        what = "one item only" if len(scenes) == 1 else "few scenes"
        yield Flag(
            what,
            None,
            f"{len(scenes)} scene{'s' if len(scenes) > 1 else ''}: with fewer than {FEW_SCENES} whatever is found "
            "holds for these scenes, not for scenes in general",
        )
    alone = sorted(str(scene) for scene, people in scenes.items() if len(people) == 1)
    if alone and len(by_person) > 1:
        yield Flag("item of one person", None, f"{len(alone)} seen by one person only: {listed(alone)}")
    for code, own in sorted(by_person.items()):
        answers = Counter(trial["response"] for trial in own if trial["response"] is not None)
        if len(answers) == 1 and answers.total() >= SAME_ANSWERS:
            answer, n = next(iter(answers.items()))
            yield Flag("one answer", code, f"all {n} answers are '{answer}'")
        seen = {trial["arm"] for trial in own}
        if len(seen) == 1 and len(arms) > 1:
            missing = [arm for arm in arms if arm not in seen]
            yield Flag(
                "one arm", code, f"has {len(own)} trials of '{own[0]['arm']}' and none of {listed(missing)}"
            )


def swapped_keys(
    ordered: Mapping[str, Sequence[Trial]], unordered: Mapping[str, Sequence[Trial]]
) -> Iterator[Flag]:
    """People whose answers were systematically wrong, throughout or in one part of the session.

    Each part is tested by the hypergeometric tail (Fisher's exact test) of answers against the truth, so that a person
    who prefers one answer is not mistaken for one whose keys were swapped. Both parts must be unlikely, and their joint
    chance below `SURE`, shared among the places where the keys could have been swapped.

    Parameters
    ----------
    ordered, unordered
        Trials by person; those whose order is known can be cut into an earlier and a later part.
    """
    for code, own in sorted({**ordered, **unordered}.items()):
        judged = [trial for trial in own if trial["included"] and trial.get("correct") is not None]
        truths = sorted({trial["truth"] for trial in judged})
        if len(truths) != 2 or not {trial["response"] for trial in judged} <= set(truths):
            continue
        truth = np.array([trial["truth"] == truths[1] for trial in judged])
        said = np.array([trial["response"] == truths[1] for trial in judged])
        right = float((truth == said).mean())
        if _below(truth, said) < SURE:
            yield Flag(
                "keys swapped?",
                code,
                f"{right:.0%} of {len(judged)} answers are right, far below chance: the keys may have been swapped",
            )
        places = range(SHORTEST_PART, len(judged) - SHORTEST_PART + 1) if code in ordered else range(0)
        limit = SURE / max(len(places), 1)
        best: tuple[float, int] = (limit, 0)
        for k in places:
            for one, other in ((slice(k), slice(k, None)), (slice(k, None), slice(k))):
                p, q = _below(truth[one], said[one]), _below(truth[other], ~said[other])
                if max(p, q) < EACH_PART:
                    best = min(best, (p * q, k))
        if best[1]:
            k = best[1]
            first, second = (float((truth[part] == said[part]).mean()) for part in (slice(k), slice(k, None)))
            worse, where = (first, "before") if first < second else (second, "from there on")
            yield Flag(
                "keys swapped halfway?",
                code,
                f"{first:.0%} of the first {k} answers are right and {second:.0%} of the other {len(judged) - k}: "
                f"far below chance {where} ({worse:.0%}), as if the keys had been swapped at trial "
                f"{judged[k]['trial']}",
            )


def _below(truth: np.ndarray[Any, Any], said: np.ndarray[Any, Any]) -> float:
    """Chance of so few agreements of answers with the truth, or fewer, if they had nothing to do with each other."""
    return float(
        stats.hypergeom.cdf(int((truth & said).sum()), len(truth), int(truth.sum()), int(said.sum()))
    )


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
