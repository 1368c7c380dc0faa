"""Random numbers that depend on who and what they are for, never on the order of the work."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_BETWEEN = "\x1f"


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
    for key in keys:
        if isinstance(key, str) and _BETWEEN in key:
            raise ValueError(f"a key cannot hold the separator {_BETWEEN!r}: {key!r}")
    # numpy's integers and strings count as Python's: the same person must not depend on where its number is from
    named = _BETWEEN.join(f"{'str' if isinstance(key, str) else 'int'}:{key}" for key in (seed, *keys))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(named.encode()).digest(), "big"))
