"""Catch trials and attention trials, mixed into the main phase."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.clips import Clip
from experiments.trials.chance import Chance
from experiments.trials.drafts import Draft, Unit
from protocols.plan.sessions import CLIPS_PER_TRIAL, Attention, Paradigm


def with_catch_trials(
    runs: Sequence[Sequence[Unit]], catch: Sequence[Draft], chance: Chance
) -> list[list[Unit]] | None:
    """Spread catch trials evenly, at random within their stretch, none first in a run.

    Returns
    -------
    list of list of Unit or None
        None if there is no place for one that is not beside another version of its scene.
    """
    flat = [unit for run in runs for unit in run]
    after: list[list[Unit]] = [[] for _ in flat]
    left = [Unit.of([draft]) for draft in chance.shuffled(catch)]
    for k in range(len(left)):
        low, high = k * len(flat) // len(catch), (k + 1) * len(flat) // len(catch)
        stretch = range(low, max(high, low + 1))
        elsewhere = [i for i in range(len(flat)) if i not in stretch]
        found = next(
            (
                (i, unit)
                for i in (*chance.shuffled(stretch), *chance.shuffled(elsewhere))
                for unit in left
                if not unit.pairs & (after[i] or flat[i : i + 1])[-1].pairs
                and not (i + 1 < len(flat) and unit.pairs & flat[i + 1].pairs)
            ),
            None,
        )
        if found is None:
            return None
        after[found[0]].append(found[1])
        left.remove(found[1])
    mixed = iter([unit, *caught] for unit, caught in zip(flat, after, strict=True))
    return [[unit for _ in run for unit in next(mixed)] for run in runs]


def with_attention_trials(
    runs: Sequence[Sequence[Draft]], task: Paradigm, attention: Attention, chance: Chance
) -> list[list[Draft]]:
    """One attention trial after every so many clips of the main phase, counted over the runs.

    Half of the questions show a frame of the clip just seen, the others one of another scene of this session that is
    not in the next trial either.
    """
    per_trial = CLIPS_PER_TRIAL.get(task, 1)
    flat = [(r, draft) for r, run in enumerate(runs) for draft in run]
    clips = [clip for _, draft in flat if draft.phase == "main" for clip in draft.clips]
    n = sum(draft.phase == "main" for _, draft in flat) * per_trial // attention.every
    just_seen = iter(chance.halves(n))
    found: list[list[Draft]] = [[] for _ in runs]
    count = 0
    for i, (r, draft) in enumerate(flat):
        found[r].append(draft)
        if draft.phase != "main":
            continue
        before, count = count // attention.every, count + per_trial
        following = flat[i + 1][1].pairs if i + 1 < len(flat) else frozenset()
        for _ in range(count // attention.every - before):
            if attention.kind == "star":
                found[r].append(Draft("star", (), None, "seen", "attention"))
            else:
                found[r].append(_question(draft, draft.pairs | following, clips, next(just_seen), chance))
    return found


def _question(
    seen: Draft, near: frozenset[str], clips: Sequence[Clip], just_seen: bool, chance: Chance
) -> Draft:
    others = [clip for clip in clips if clip.pair_id not in near] or [
        clip for clip in clips if clip.pair_id not in seen.pairs
    ]
    if just_seen or not others:
        return Draft("question", (seen.clips[-1],), None, "yes", "attention")
    return Draft("question", (chance.one_of(others),), None, "no", "attention")
