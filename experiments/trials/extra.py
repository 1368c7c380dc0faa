"""Trials beside the main ones: catch trials and training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from experiments.clips import Clip
from experiments.trials.chance import Chance
from experiments.trials.drafts import Draft, comparison, same, single
from experiments.trials.kinds import Phase
from experiments.trials.stock import Stock
from protocols.base.errors import InputError, fail, listed
from protocols.plan.sessions import CLIPS_PER_TRIAL, Contrast, Paradigm, Training

IN_A_ROW = 3


@dataclass(frozen=True)
class Asked:
    """For whom and for which task.

    Attributes
    ----------
    scenes
        The person's scenes, as pairs.
    turn
        How many people before had the same scenes.
    child
        Whether a pair comparison has a sample.
    """

    session: str
    task: Paradigm
    scenes: Sequence[str]
    turn: int
    child: bool


def catch_drafts(
    asked: Asked, contrast: Contrast, n: int, shown: Collection[str], stock: Stock
) -> list[Draft]:
    """Easy trials, from the person's scenes.

    Single clips are of the condition of the contrast that the main phase does not show, where there is one; of pairs
    half are different, or the compared version is first, and half are the compared version twice, or it is second.

    Raises
    ------
    InputError
        If no pair has the versions.
    """
    if asked.task in CLIPS_PER_TRIAL:
        pool = _turned(asked, n, _pool(asked, "catch trials", contrast, stock))
        ways = [i % 4 for i in range(n)]
        pairs = [pool[i % len(pool)] for i in range(n)]
        samples = [pool[(i + len(pool) // 2) % len(pool)] for i in range(n)]
        return [
            _two(asked, contrast, stock, pair, way, sample, "catch")
            for pair, way, sample in zip(pairs, ways, samples, strict=True)
        ]
    absent = [arm for arm in contrast if arm not in shown]
    arms = absent if len(absent) == 1 else [contrast[(i + asked.turn) % 2] for i in range(2)]
    pools = {arm: _turned(asked, n, _pool(asked, "catch trials", (arm,), stock)) for arm in arms}
    chosen = [(arms[i % len(arms)], i) for i in range(n)]
    return [
        single(asked.task, stock.versions[pools[arm][i % len(pools[arm])]][arm], "catch") for arm, i in chosen
    ]


def _pool(asked: Asked, what: str, arms: Sequence[str], stock: Stock) -> list[str]:
    """Pairs that have all of some conditions: the person's, or where these have none, any."""
    pool = stock.having(arms, asked.scenes) or stock.having(arms)
    if not pool:
        raise fail(
            InputError, f"session '{asked.session}'", f"needs pairs with {listed(arms)} for its {what}",
            got="none in the set", way_out="add the clips to the set: bazin stimuli import",
        )  # fmt: skip
    return pool


def _turned(asked: Asked, n: int, pool: list[str]) -> list[str]:
    start = asked.turn * n % len(pool)
    return pool[start:] + pool[:start]


def _two(
    asked: Asked, contrast: Contrast, stock: Stock, pair: str, way: int, sample: str, phase: Phase
) -> Draft:
    """One of four ways to show two clips: same and different, or the two sides, in turn."""
    reference, compared = (stock.versions[pair][arm] for arm in contrast)
    if asked.task == "same_different":
        if way % 2:
            # catch trials ask whether the compared version is told apart; practice shows either twice
            return same(compared if phase == "catch" or way > 1 else reference, phase)
        return comparison(asked.task, reference, compared, later=way > 1, phase=phase)
    like = stock.versions[sample][contrast[way // 2]] if asked.child else None
    return comparison(asked.task, reference, compared, later=way % 2 == 1, sample=like, phase=phase)


def training_drafts(
    asked: Asked, training: Training, seen: Collection[str], stock: Stock, chance: Chance
) -> tuple[list[list[Draft]], list[str]]:
    """Practice, attempt by attempt, and what the operator should know.

    Half of each attempt is of either condition (pairs: of either answer), never more than three in a row. Its scenes
    are none the person sees elsewhere in the study, if there are enough; no clip comes twice if that can be.

    Raises
    ------
    InputError
        If no pair has the versions.
    """
    two = asked.task in CLIPS_PER_TRIAL
    wanted: list[Sequence[str]] = [training.contrast] if two else [(arm,) for arm in training.contrast]
    unseen = [[pair for pair in stock.having(arms) if pair not in seen] for arms in wanted]
    each = -(-training.items // len(wanted))
    enough = len(set().union(*unseen)) >= training.items and all(len(pool) >= each for pool in unseen)
    note = (
        f"Training in session '{asked.session}' shows scenes that the person sees elsewhere in the study: "
        f"it needs {training.items} others, and the set has {len(set().union(*unseen))}."
    )
    pools = unseen if enough else [_pool(asked, "training", arms, stock) for arms in wanted]
    pools = [_turned(asked, training.items, pool) for pool in pools]
    if len(set().union(*pools)) < 2:
        raise fail(
            InputError, f"session '{asked.session}'", "has a single scene for its training: it would follow itself",
            accepted="at least 2", way_out="more scenes with the conditions of the training's contrast",
        )  # fmt: skip
    pick = _Pick()
    attempts = []
    for attempt in range(training.attempts):
        pick.begin()
        first = (training.items + (attempt + asked.turn) % 2) // 2
        drafts: list[Draft] = []
        ways: Counter[bool] = Counter()
        for one in mixed(first, training.items - first, chance):
            if two:
                pair = pick.next(pools[0], training.contrast)
                sample = pick.next(pools[0], ()) if asked.child and asked.task == "pair_comparison" else pair
                way = int(one) + 2 * ((ways[one] + attempt) % 2)
                ways[one] += 1
                drafts.append(_two(asked, training.contrast, stock, pair, way, sample, "training"))
            else:
                arm = training.contrast[one]
                clip: Clip = stock.versions[pick.next(pools[one], (arm,))][arm]
                drafts.append(single(asked.task, clip, "training"))
        attempts.append(drafts)
    return attempts, [] if enough else [note]


class _Pick:
    """The next scene of a pool: not the one before, then new in this attempt, then a new clip of a new scene."""

    def __init__(self) -> None:
        self.clips: Counter[tuple[str, str]] = Counter()
        self.pairs: Counter[str] = Counter()
        self.attempt: Counter[str] = Counter()
        self.last = ""

    def begin(self) -> None:
        """A new attempt."""
        self.attempt.clear()

    def next(self, pool: Sequence[str], arms: Sequence[str]) -> str:
        """Take one, to show it in some conditions."""

        def used(pair: str) -> tuple[bool, int, int, int]:
            clips = sum(self.clips[pair, arm] for arm in arms)
            return pair == self.last, self.attempt[pair], clips, self.pairs[pair]

        pair = min(pool, key=used)
        self.last = pair
        self.attempt[pair] += 1
        self.pairs[pair] += 1
        self.clips.update((pair, arm) for arm in arms)
        return pair


def mixed(first: int, second: int, chance: Chance) -> list[bool]:
    """False `first` times and True `second` times in a random order, never more than three in a row where possible."""
    left = [first, second]
    order: list[bool] = []
    while sum(left):
        kind = chance.random() * sum(left) >= left[0]
        if left[not kind] > IN_A_ROW * left[kind] or order[-IN_A_ROW:] == [kind] * IN_A_ROW:
            kind = not kind  # else the other one would be left with too many, or this one is four in a row
        kind = kind if left[kind] else not kind
        left[kind] -= 1
        order.append(kind)
    return order
