"""In which order: kinds of trials balanced over runs, positions and what precedes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from experiments.trials.chance import Chance
from experiments.trials.drafts import Unit

TRIES = 20
SWAPS = 400


Chunk = Sequence[Unit]
"""Units whose order is free. The chunks of a family follow each other, and neighbors have no pair in common."""


class Place(NamedTuple):
    """Where units may change places: within a chunk of a family and within a run."""

    family: int
    chunk: int
    run: int


def arrange(
    families: Sequence[Sequence[Chunk]], runs: int, chance: Chance, before: frozenset[str] = frozenset()
) -> list[list[Unit]] | None:
    """Put the chunks of each family in order, families mixed evenly, and split everything into runs.

    Labels are balanced over runs as far as chunks allow (within one where all chunks hold the same number of each),
    and so are the transitions from label to label within runs.

    Parameters
    ----------
    before
        Pairs that the first unit must not share.

    Returns
    -------
    list of list of Unit or None
        The units of each run; None if two neighbors share a pair however often it is tried.
    """
    for attempt in range(TRIES):
        if chance.random() < 0.5:
            families = [_other_half_first(chunks) for chunks in families]
        places = _places([[len(chunk) for chunk in chunks] for chunks in families], runs, chance)
        shares = _shares(families, places, chance)
        # with very few scenes the evenest order may be impossible
        labels = (balanced_labels if attempt < TRIES // 2 else random_labels)(places, shares, chance)
        order = _filled(families, places, labels, chance)
        if not order[0].pairs & before and not any(a.pairs & b.pairs for a, b in pairwise(order)):
            sizes = Counter(place.run for place in places)
            ends = [sum(sizes[r] for r in range(run + 1)) for run in range(runs)]
            return [order[end - sizes[run] : end] for run, end in enumerate(ends)]
    return None


def _other_half_first(chunks: Sequence[Chunk]) -> Sequence[Chunk]:
    """Half passes the other way round, which is as good; a last pass that has only one half keeps all in place."""
    return chunks if len(chunks) % 2 else [chunks[i ^ 1] for i in range(len(chunks))]


def split(n: int, parts: int) -> list[int]:
    """n in whole parts as equal as possible, the larger ones first."""
    return [n // parts + (i < n % parts) for i in range(parts)]


def _places(lengths: Sequence[Sequence[int]], runs: int, chance: Chance) -> list[Place]:
    """Which family, chunk and run each position belongs to."""
    totals = [sum(one) for one in lengths]
    even = sorted(
        ((k + 0.5) / n, chance.random(), family) for family, n in enumerate(totals) for k in range(n)
    )
    chunks = [iter([c for c, n in enumerate(one) for _ in range(n)]) for one in lengths]
    places: list[Place] = []
    for run, size in enumerate(split(len(even), runs)):
        here = Counter(family for _, _, family in even[len(places) : len(places) + size])
        # the same number in each stretch, yet no simple alternation that could be foreseen
        mixed = sorted(((k + chance.random()) / n, family) for family, n in here.items() for k in range(n))
        places += [Place(family, next(chunks[family]), run) for _, family in mixed]
    return places


def _shares(
    families: Sequence[Sequence[Chunk]], places: Sequence[Place], chance: Chance
) -> dict[Place, Counter[str]]:
    """How many of each label come in each place; a chunk that a run's end cuts gives what the run lacks."""
    left = [[Counter(unit.label for unit in chunk) for chunk in chunks] for chunks in families]
    of_run: dict[tuple[int, int], Counter[str]] = {}
    shares: dict[Place, Counter[str]] = {}
    for place, size in Counter(places).items():  # in order of their first position
        stock = left[place.family][place.chunk]
        total = of_run.setdefault((place.family, place.run), Counter())
        if stock.total() == size:
            share = Counter(stock)
        else:
            share = _lacking(stock, size, total, chance)
        stock.subtract(share)
        total.update(share)
        shares[place] = share
    return shares


def _lacking(stock: Counter[str], size: int, so_far: Counter[str], chance: Chance) -> Counter[str]:
    share: Counter[str] = Counter()
    for _ in range(size):
        label = min(
            (label for label in stock if stock[label] > share[label]),
            key=lambda one: (so_far[one] + share[one], share[one] - stock[one], chance.random()),
        )
        share[label] += 1
    return share


def balanced_labels(places: Sequence[Place], shares: dict[Place, Counter[str]], chance: Chance) -> list[str]:
    """A label for each position, so that each label follows each other one, and itself, about equally often.

    First one after the other, always the transition that is rarest so far; then labels of one place change places
    while that evens the numbers of transitions out.
    """
    names = sorted({label for share in shares.values() for label in share})
    left = {place: [share[name] for name in names] for place, share in shares.items()}
    n = len(names)
    table = [[0] * n for _ in range(n)]
    order: list[int] = []
    before = -1
    for place in places:
        stock = left[place]
        row = table[order[-1]] if before == place.run else None
        best, choice = 1e9, -1
        for label in range(n):
            if stock[label]:
                # what is plentiful goes first, lest only one label is left in the end
                cost = (row[label] if row else 0) - stock[label] / 10 + chance.random() / 2
                if cost < best:
                    best, choice = cost, label
        stock[choice] -= 1
        if row:
            row[choice] += 1
        order.append(choice)
        before = place.run
    _even_out(order, places, table, chance)
    return [names[label] for label in order]


def random_labels(places: Sequence[Place], shares: dict[Place, Counter[str]], chance: Chance) -> list[str]:
    """A label for each position, in any order."""
    left = {place: chance.shuffled(share.elements()) for place, share in shares.items()}
    return [left[place].pop() for place in places]


def _even_out(order: list[int], places: Sequence[Place], table: list[list[int]], chance: Chance) -> None:
    """Swap labels of one place while that lowers the sum of squared numbers of transitions, or keeps it."""
    where: dict[Place, list[int]] = {}
    for i, place in enumerate(places):
        where.setdefault(place, []).append(i)
    room = [where[place] for place in places]
    last = len(order) - 1
    joined = [False] + [places[i].run == places[i - 1].run for i in range(1, last + 1)] + [False]
    n = len(table)
    total = sum(map(sum, table))
    floor, extra = divmod(total, n * n)
    ideal = n * n * floor * floor + extra * (2 * floor + 1)
    cost = sum(cell * cell for row in table for cell in row)
    random = chance.random
    for _ in range(SWAPS):
        if cost <= ideal:
            return
        i = int(random() * (last + 1))
        others = room[i]
        j = others[int(random() * len(others))]
        if order[i] == order[j]:
            continue
        edges = {k for k in (i, i + 1, j, j + 1) if joined[k]}
        change = 0
        for k in edges:
            row, b = table[order[k - 1]], order[k]
            change -= 2 * row[b] - 1
            row[b] -= 1
        order[i], order[j] = order[j], order[i]
        for k in edges:
            row, b = table[order[k - 1]], order[k]
            change += 2 * row[b] + 1
            row[b] += 1
        if change <= 0:
            cost += change
            continue
        for k in edges:
            table[order[k - 1]][order[k]] -= 1
        order[i], order[j] = order[j], order[i]
        for k in edges:
            table[order[k - 1]][order[k]] += 1


def _filled(
    families: Sequence[Sequence[Chunk]], places: Sequence[Place], labels: Sequence[str], chance: Chance
) -> list[Unit]:
    """A unit with its label for each position."""
    pools: dict[tuple[int, int, str], list[Unit]] = {}
    for f, chunks in enumerate(families):
        for c, chunk in enumerate(chunks):
            for unit in chance.shuffled(chunk):
                pools.setdefault((f, c, unit.label), []).append(unit)
    return [
        pools[place.family, place.chunk, label].pop() for place, label in zip(places, labels, strict=True)
    ]
