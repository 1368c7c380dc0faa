"""When an attempt at a training is passed; the session and the analysis ask the same."""

from __future__ import annotations

import math

from protocols.plan.sessions import Training

SECOND_ATTEMPT = 0.9
"""Share of right answers the second attempt needs: a lucky repetition must not pass."""


def criterion(training: Training, attempt: int) -> int:
    """Right answers that pass an attempt, counted from 1; the second needs nine in ten."""
    return needed(training.criterion, training.items, attempt)


def needed(first: int, items: int, attempt: int) -> int:
    """The same of bare numbers: what passes the first attempt, and the items of each."""
    return first if attempt == 1 else max(first, math.ceil(SECOND_ATTEMPT * items))


def chance_to_pass(training: Training, attempt: int) -> float:
    """Probability that somebody who guesses passes an attempt (exact binomial)."""
    n, k = training.items, criterion(training, attempt)
    return sum(math.comb(n, i) for i in range(k, n + 1)) / 2**n
