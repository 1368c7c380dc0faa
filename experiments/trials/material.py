"""Which scenes a person sees in each session.

A person's number is read like a clock: its fastest hand says which scenes, the next ones which of them where a session
shows fewer, and what is left turns the Latin squares. So every scene meets every order of its versions equally often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import gcd
from typing import TypeVar

from experiments.trials.chance import Chance
from experiments.trials.stock import Family, Stock
from protocols.base.errors import InputError, fail, listed
from protocols.plan.expanding import scenes_per_person
from protocols.plan.promises import Plan
from protocols.plan.sessions import CLIPS_PER_TRIAL, Session

T = TypeVar("T")


@dataclass(frozen=True)
class Chosen:
    """Scenes of one family that a person sees in a session.

    Attributes
    ----------
    arms
        Their versions that the session may show.
    pairs
        The scenes, as pairs.
    places
        Their places in Latin squares: neighbors, so that rows are spread over them.
    turn
        How many people before had the very same scenes: it turns the squares.
    trials
        Main trials of the session that are made of them.
    versions
        The one version of each scene the person sees, where it is only one.
    """

    arms: tuple[str, ...]
    pairs: tuple[str, ...]
    places: tuple[int, ...]
    turn: int
    trials: int
    versions: tuple[str, ...] = ()

    def rows(self, n: int) -> list[int]:
        """Which of the n rows of a Latin square each scene gets."""
        return [(place + self.turn) % n for place in self.places]

    def williams_rows(self, n: int) -> list[int]:
        """Which row of `experiments.trials.latin.williams` for n versions each scene gets.

        n neighbors have n different rows, all of them mirrored or none, so that every pass is balanced over them; rows
        far apart come first, so that what is left over where n does not divide the scenes evens out over passes.
        """
        turn = self.turn
        if n % 2:
            mirrored = n if n > 1 else 0
            return [(place + turn) % n + (place // n + turn // n) % 2 * mirrored for place in self.places]
        far = [i // 2 + i % 2 * (n // 2) for i in range(n)]
        return [(far[place % n] + turn) % n for place in self.places]


@dataclass(frozen=True)
class Selection:
    """The scenes of a session, by family, and what the operator should know about them."""

    families: tuple[Chosen, ...]
    notes: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[str]:
        """All scenes, as pairs."""
        return [pair for family in self.families for pair in family.pairs]


def number_of(participant: str) -> int:
    """A participant's number: the digits its code ends with, else one made from the code."""
    digits = participant[len(participant.rstrip("0123456789")) :]
    return int(digits) if digits else int.from_bytes(sha256(participant.encode()).digest()[:4], "big")


def window(items: Sequence[T], n: int, number: int) -> tuple[list[T], int]:
    """The n neighbors (in a circle) that are a number's turn, and how many before had these.

    Windows of successive numbers follow each other, so that every item is taken equally often, and what the second
    value decides is independent of the window.
    """
    size = len(items)
    if not 0 < n < size:
        return list(items[:n]), number
    start = number * n % size
    return [items[(start + i) % size] for i in range(n)], number // (size // gcd(size, n))


def main_conditions(plan: Plan, session: Session) -> tuple[str, ...]:
    """What the main phase shows: the session's conditions, else those of the session whose items it takes."""
    if session.conditions is not None:
        return session.conditions
    earlier = next(s for s in plan.sessions if session.items and s.name == session.items.same_as)
    return main_conditions(plan, earlier)


def select(plan: Plan, stock: Stock, number: int) -> dict[str, Selection]:
    """The scenes of every session for the person with a number.

    Raises
    ------
    InputError
        If a session needs more pairs than there are, or versions that are missing.
    """
    found: dict[str, Selection] = {}
    for session in plan.sessions:
        families = stock.families(session.name, main_conditions(plan, session))
        if session.items and session.items.same_as:
            found[session.name] = _again(plan, session, families, found[session.items.same_as])
        else:
            used = {pair for one in found.values() for pair in one.pairs}
            found[session.name] = _fresh(plan, session, families, used, number)
    return found


def _fresh(plan: Plan, session: Session, families: list[Family], used: set[str], number: int) -> Selection:
    sizes, notes = [], []
    for family in families:
        size, note = _size(plan, session, family)
        sizes.append(size)
        notes += note
    shares = _shares(session, sizes, [len(family.arms) for family in families])
    chosen = []
    for family, size, (n, trials) in zip(families, sizes, shares, strict=True):
        start = number * size % len(family.pairs)
        ring = [*family.pairs[start:], *family.pairs[:start]]
        pool = [pair for pair in ring if pair not in used]
        if len(pool) < n:
            notes.append(_reuse(plan, session, family, n, len(pool)))
            pool += [pair for pair in ring if pair in used]
        ordered = Chance(plan.decision.seed, "places", session.name).shuffled(pool[:size])
        turn = window(ring, size, number)[1]
        chosen.append(_chosen(session, family.arms, ordered, n, trials, turn))
    return Selection(tuple(chosen), (*notes, *_incomplete(session, chosen)))


def _size(plan: Plan, session: Session, family: Family) -> tuple[int, list[str]]:
    """How many scenes of a family a person sees, if the session's number of trials allows."""
    wanted, there = scenes_per_person(plan) or 0, len(family.pairs)
    if there >= wanted:
        return wanted, []
    if any(plan.conditions[arm].role in ("reference", "contrast") for arm in family.arms):
        raise _too_many(
            session, f"{wanted} pairs of {listed(family.arms)}", f"at most {there}, as many as the set has"
        )
    return there, [
        f"Session '{session.name}' shows {there} pairs of {listed(family.arms)}; the set has no more."
    ]


def _reuse(plan: Plan, session: Session, family: Family, n: int, fresh: int) -> str:
    assert plan.stimuli is not None
    what = f"{n} pairs of {listed(family.arms)}"
    if (scenes_per_person(plan) or 0) < plan.stimuli.pairs:
        raise _too_many(
            session, f"{what} that no earlier session showed", f"at most {fresh}, as many as are left"
        )
    return (
        f"Session '{session.name}' shows {what} of which {n - fresh} were shown in an earlier session: "
        f"everybody sees all pairs of the set."
    )  # fmt: skip


def _too_many(session: Session, got: str, accepted: str) -> Exception:
    return fail(
        InputError, f"session '{session.name}'", "has more trials than pairs allow", got=got, accepted=accepted,
        way_out="fewer scenes_per_person or trials, more pairs, or items: {same_as: an earlier session}",
    )  # fmt: skip


def _shares(session: Session, sizes: Sequence[int], arms: Sequence[int]) -> list[tuple[int, int]]:
    """Scenes and trials of each family, in proportion to what there is."""
    if session.paradigm in CLIPS_PER_TRIAL:
        return _shares_of_pairs(session, sizes)
    costs = [n if session.exposure == "both_versions" else 1 for n in arms]
    most = sum(size * cost for size, cost in zip(sizes, costs, strict=True))
    left = most if session.trials is None else session.trials
    if left > most:
        raise _too_many(session, f"{left} trials", f"at most {most}: {sum(sizes)} scenes in their versions")
    taken = [0] * len(sizes)
    while True:
        open_ = [f for f, size in enumerate(sizes) if taken[f] < size and costs[f] <= left]
        if not open_:
            return [(n, n * cost) for n, cost in zip(taken, costs, strict=True)]
        f = min(open_, key=lambda one: (taken[one] + 1) / sizes[one])
        taken[f] += 1
        left -= costs[f]


def _shares_of_pairs(session: Session, sizes: Sequence[int]) -> list[tuple[int, int]]:
    trials = [0] * len(sizes)
    for _ in range(sum(sizes) if session.trials is None else session.trials):
        trials[min(range(len(sizes)), key=lambda one: (trials[one] + 1) / sizes[one])] += 1
    return [(min(n, size), n) for n, size in zip(trials, sizes, strict=True)]


def _again(plan: Plan, session: Session, families: list[Family], earlier: Selection) -> Selection:
    """The scenes an earlier session showed; with one version per person the very clips, as far as they are wanted."""
    assert session.items is not None
    pools: list[tuple[Family, Chosen, list[str], Mapping[str, str]]] = []
    for family in families:
        known = set(family.pairs)
        before = next((one for one in earlier.families if known & set(one.pairs)), None)
        if before is None:
            raise fail(
                InputError, f"session '{session.name}'",
                f"shows {listed(family.arms)}, and session '{session.items.same_as}' showed no such scenes",
                way_out="take the condition away, or leave out items.same_as for fresh scenes",
            )  # fmt: skip
        versions = dict(zip(before.pairs, before.versions, strict=False))
        kept = {
            pair: place
            for pair, place in zip(before.pairs, before.places, strict=True)
            if pair in known and versions.get(pair, family.arms[0]) in family.arms
        }
        # other places than before, or the order of versions in one session would follow that in the other
        places = Chance(plan.decision.seed, "places", session.name).shuffled(range(len(before.pairs)))
        ordered = sorted(kept, key=lambda pair: (places[kept[pair] % len(places)], pair))
        pools.append((family, before, ordered, versions))
    shares = _shares(session, [len(one[2]) for one in pools], [len(one[0].arms) for one in pools])
    chosen = [
        _chosen(session, family.arms, pool, n, trials, before.turn, versions)
        for (family, before, pool, versions), (n, trials) in zip(pools, shares, strict=True)
    ]
    return Selection(tuple(chosen), _incomplete(session, chosen))


def _incomplete(session: Session, chosen: Sequence[Chosen]) -> tuple[str, ...]:
    there = sum(one.trials for one in chosen)
    if session.trials is None or there == session.trials:
        return ()
    return (
        f"Session '{session.name}' has {there} of {session.trials} trials: scenes are shown in all their versions.",
    )


def _chosen(
    session: Session,
    arms: tuple[str, ...],
    pool: Sequence[str],
    n: int,
    trials: int,
    turn: int,
    seen: Mapping[str, str] | None = None,
) -> Chosen:
    """Those n of a pool that are the person's turn, and the version of each where it is only one."""
    places, turn = window(range(len(pool)), n, turn)
    pairs = tuple(pool[place] for place in places)
    chosen = Chosen(arms, pairs, tuple(places), turn, trials)
    if session.exposure == "both_versions" or session.paradigm in CLIPS_PER_TRIAL:
        return chosen
    versions = (
        (seen or {}).get(pair, arms[row]) for pair, row in zip(pairs, chosen.rows(len(arms)), strict=True)
    )
    return Chosen(arms, pairs, tuple(places), turn, trials, tuple(versions))
