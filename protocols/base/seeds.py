"""Random numbers that depend on who and what they are for, never on the order of the work."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """A random generator of its own for each combination of `seed` and `keys`.

    Participants and runs worked on in another order, or by more workers, draw the same numbers.

    Parameters
    ----------
    seed
        The study's seed (a plan field), not negative.
    keys
        What the numbers are for, for example ``"sub-07", "run", 2``. Text and number
        differ: ``1`` is not ``"1"``.
    """
    import numpy as np

    if seed < 0:
        raise ValueError(f"a seed is 0 or more, got {seed}")
    named = "\x1f".join(f"{type(key).__name__}:{key}" for key in (seed, *keys))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(named.encode()).digest(), "big"))
