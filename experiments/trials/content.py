"""What the main phase of a task shows, in passes over the scenes; the order within half a pass is still free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments.clips import Clip
from experiments.trials.chance import Chance
from experiments.trials.drafts import Draft, Unit, comparison, same, single
from experiments.trials.latin import williams
from experiments.trials.material import Chosen
from experiments.trials.sequence import split
from experiments.trials.stock import Stock
from protocols.base.errors import InputError, fail, listed
from protocols.plan.promises import Plan
from protocols.plan.sessions import Paradigm, Session

Combination = tuple[str, str, bool, bool]
"""``same`` or ``different``; the compared version (or that shown twice); whether it comes later; whether the sample of
a child's trial is a compared version."""
REFERENCES = ("reference", "familiarity_reference")
CONTRASTS = ("contrast", "familiarity_contrast")


def halves(rows: Sequence[int], n: int, chance: Chance) -> tuple[list[int], list[int]]:
    """Divide items into two halves that hold each of n rows equally often, randomly otherwise.

    In every pass all of one half come before all of the other. So a scene comes back after about half of the scenes at
    the earliest, and yet its place is hard to foresee.
    """
    by_row: list[list[int]] = [[] for _ in range(n)]
    for item in chance.shuffled(range(len(rows))):
        by_row[rows[item]].append(item)
    # the rows in turn, fuller ones first: so any stretch of the order holds each row as often
    by_row.sort(key=len, reverse=True)
    order = [row[turn] for turn in range(max(map(len, by_row))) for row in by_row if turn < len(row)]
    middle = (len(order) + chance.below(2)) // 2
    return order[:middle], order[middle:]


def single_chunks(
    task: Paradigm, chosen: Chosen, arms: Sequence[str], stock: Stock, chance: Chance, *, block: int = 1
) -> list[list[Unit]]:
    """Passes of single clips, or of blocks of them.

    Every scene is in every pass, in another version each time, in the order of its row of a Williams design; or, where
    a person sees one version only, in one pass.
    """

    def unit(scenes: Sequence[int], arm: str) -> Unit:
        pairs = [chosen.pairs[scene] for scene in scenes]
        return Unit.of([single(task, stock.versions[pair][arm]) for pair in chance.shuffled(pairs)])

    if chosen.versions:
        units = []
        for arm in arms:
            scenes = chance.shuffled(i for i, version in enumerate(chosen.versions) if version == arm)
            units += [unit(block_of, arm) for block_of in blocks(scenes, block)]
        of_arm = [arms.index(one.label) for one in units]
        return [[units[i] for i in half] for half in halves(of_arm, len(arms), chance) if half]
    square, groups = williams(len(arms)), blocks(range(len(chosen.pairs)), block)
    if block > 1:  # blocks stand in the square as scenes do else
        chosen = replace(chosen, places=tuple(range(len(groups))))
    rows = chosen.williams_rows(len(arms))
    both = halves(rows, len(square), chance)
    return [
        [unit(groups[group], arms[square[rows[group]][step]]) for group in half]
        for step in range(len(arms))
        for half in both
        if half
    ]


def blocks(scenes: Sequence[int], size: int) -> list[Sequence[int]]:
    """Scenes in blocks of at most `size`, as equal as possible."""
    found, start = [], 0
    for length in split(len(scenes), -(-len(scenes) // size)):
        found.append(scenes[start : start + length])
        start += length
    return found


def arms_to_compare(plan: Plan, session: Session, arms: Sequence[str]) -> tuple[str, list[str]]:
    """The reference of a family and what is compared with it; catch trials' condition only if there is no other."""
    reference = next((arm for arm in arms if plan.conditions[arm].role in REFERENCES), None)
    others = [arm for arm in arms if arm != reference]
    if reference is None or not others:
        raise fail(
            InputError, f"session '{session.name}'", "compares versions of a scene with a reference",
            got=listed(arms), accepted="one condition with role 'reference', and others",
        )  # fmt: skip
    caught = session.catch_trials.contrast if session.catch_trials else ()
    return reference, [arm for arm in others if arm not in caught] or others


def combinations(
    task: Paradigm, reference: str, compared: Sequence[str], *, sampled: bool
) -> list[Combination]:
    """All kinds of trials with two versions, so ordered that neighbors balance each other.

    Same and different alternate; half of the same pairs are the reference; the compared version is as often first.
    """
    found: list[Combination] = []
    if task == "same_different":
        for flip in (False, True):
            for i, arm in enumerate(compared):
                later = (i % 2 == 1) != flip
                found += [
                    ("different", arm, later, False),
                    ("same", arm if later else reference, False, False),
                ]
        return found
    for sample in (False, True) if sampled else (False,):
        for flip in (False, True):
            for i, arm in enumerate(compared):
                found.append(("different", arm, (i % 2 == 1) != flip, sample != (i % 4 > 1)))
    return found


def pair_chunks(
    task: Paradigm,
    chosen: Chosen,
    reference: str,
    compared: Sequence[str],
    stock: Stock,
    chance: Chance,
    *,
    child: bool,
) -> list[list[Unit]]:
    """Passes of trials with two versions of a scene; each scene gets each combination once before any comes again.

    Raises
    ------
    InputError
        If there are more trials than combinations of all scenes, or too few scenes for samples from others.
    """
    sampled = child and task == "pair_comparison"
    kinds = combinations(task, reference, compared, sampled=sampled)
    scenes = len(chosen.pairs)
    most = scenes * len(combinations(task, reference, compared, sampled=False))
    if chosen.trials > most:
        raise fail(
            InputError, f"a session of {task}", "has more trials than pairs allow", got=f"{chosen.trials} trials",
            accepted=f"at most {most}: {scenes} scenes, each in {most // scenes} ways",
            way_out="fewer trials, or more pairs or scenes_per_person",
        )  # fmt: skip
    if sampled and scenes < 4:
        raise fail(
            InputError, f"a session of {task}", "has too few scenes: a child's sample is of another scene than the two",
            got=f"{scenes}", accepted="at least 4",
        )  # fmt: skip
    rows = chosen.rows(len(kinds))
    both = halves(rows, len(kinds), chance)

    def trial(scene: int, turn: int, other: int) -> Draft:
        kind, arm, later, like_compared = kinds[(rows[scene] + turn) % len(kinds)]
        versions = stock.versions[chosen.pairs[scene]]
        if kind == "same":
            return same(versions[arm])
        sample: Clip | None = None
        if sampled:
            sample = stock.versions[chosen.pairs[other]][arm if like_compared else reference]
        return comparison(task, versions[reference], versions[arm], later=later, sample=sample)

    chunks: list[list[Unit]] = []
    left = chosen.trials
    for turn in range(-(-left // scenes)):
        for half, others, shift in ((*both, turn), (*both[::-1], -turn)):
            here = half[:left]
            left -= len(here)
            # scenes are each other's samples: where the halves meet there is always a trial without the last two scenes
            pairs = [
                (scene, others[(i + shift) % len(others)] if sampled else scene)
                for i, scene in enumerate(here)
            ]
            if here:
                chunks.append([Unit.of([trial(scene, turn, other)]) for scene, other in pairs])
    return chunks


def followed_up(plan: Plan, session: Session, chosen: Chosen) -> tuple[Chosen, list[str]]:
    """The scenes of a family for the second task of a session, and the versions it shows: the main ones."""
    arms = [arm for arm in chosen.arms if plan.conditions[arm].role in (*REFERENCES, *CONTRASTS)]
    n = len(chosen.pairs)
    places = Chance(plan.decision.seed, "places", session.name, "then").shuffled(range(n))
    return replace(chosen, places=tuple([places[place % n] for place in chosen.places]), trials=n), arms
