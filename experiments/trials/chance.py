"""Chance: shuffles and balanced draws that only depend on seed and keys."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import TypeVar

from protocols.base.seeds import generator

T = TypeVar("T")


class Chance:
    """One stream of random numbers.

    Parameters
    ----------
    seed, keys
        As of `protocols.base.seeds.generator`, which seeds it.
    """

    def __init__(self, seed: int, *keys: str | int) -> None:
        # numbers one at a time come ten times as fast from here as from numpy, and random() is the one method
        # Python promises to keep for a given seed
        self.random = random.Random(int(generator(seed, *keys).integers(2**63))).random

    def shuffled(self, items: Iterable[T]) -> list[T]:
        """The items in a random order."""
        return [item for _, _, item in sorted((self.random(), i, item) for i, item in enumerate(items))]

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1."""
        return int(self.random() * n)

    def one_of(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def halves(self, n: int) -> list[bool]:
        """As many True as False, in a random order; of an odd number, one more of either."""
        first = self.random() < 0.5
        return self.shuffled([(i % 2 == 0) == first for i in range(n)])

    def spread(self, low: float, high: float, n: int) -> list[float]:
        """Numbers between low and high, one from each of n equal intervals, in a random order.

        Each is uniform over the whole range; together they are close to its mean (Latin hypercube sampling,
        McKay et al. 1979).
        """
        return self.shuffled([low + (high - low) * (i + self.random()) / n for i in range(n)])
