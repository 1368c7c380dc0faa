"""Latin squares in which every version follows every other one equally often."""

from __future__ import annotations

from functools import cache


@cache
def williams(n: int) -> tuple[tuple[int, ...], ...]:
    """Orders of n versions, balanced for first-order carry-over.

    n rows for an even n; for an odd one the square and its mirror, 2 n rows (Williams 1949, Aust J Sci Res A 2:149).

    Examples
    --------
    >>> williams(4)[0]
    (0, 1, 3, 2)
    """
    first = [(i + 1) // 2 if i % 2 else (n - i // 2) % n for i in range(n)]
    square = tuple(tuple((step + row) % n for step in first) for row in range(n))
    mirror = tuple(row[::-1] for row in square) if n % 2 and n > 1 else ()
    return square + mirror
