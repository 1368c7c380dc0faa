"""What is said of several clips in the same words is said once."""

from __future__ import annotations

from collections.abc import Iterable

from protocols.base.errors import listed

FEW = 2


def together(lines: Iterable[str], *, limit: int = 12) -> list[str]:
    """Lines of the form ``clip: text``, those with the same text in one, in the order in which texts come first.

    Parameters
    ----------
    lines
        What is said, clip by clip.
    limit
        Clips that are named; further ones are counted.

    Examples
    --------
    >>> together(["a: is dark", "b: is silent", "c: is dark", "d: is dark"])
    ['3 clips (a, c, d): is dark', 'b: is silent']
    """
    by_text: dict[str, list[str]] = {}
    for line in lines:
        name, _, text = line.partition(": ")
        by_text.setdefault(text, []).append(name)
    said: list[str] = []
    for text, names in by_text.items():
        if len(names) > FEW:
            said.append(f"{len(names)} clips ({listed(names, limit=limit)}): {text}")
        else:
            said += [f"{name}: {text}" for name in names]
    return said
