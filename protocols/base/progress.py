"""Progress on standard error: a moving line in a terminal, a few lines in a log, nothing for quick work."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TextIO, TypeVar

T = TypeVar("T")
_QUIET_SECONDS = 1.0


def progress(
    items: Iterable[T], label: str, *, total: int | None = None, stream: TextIO | None = None
) -> Iterator[T]:
    """Yield `items` and tell how far it is, once the work has lasted longer than a second.

    Parameters
    ----------
    items
        What is worked through.
    label
        What is being done, in a few words: ``"bootstrap"``.
    total
        How many there are, where `items` has no length.
    stream
        Where to write; standard error by default. A terminal gets one line that is rewritten, anything else
        a line at every tenth part.
    """
    out = sys.stderr if stream is None else stream
    count = total if total is not None else (len(items) if isinstance(items, Sized) else None)
    moving = out.isatty()
    started = time.monotonic()
    spoke_at, tenth, shown = started, 0, False
    done = 0
    try:
        for done, item in enumerate(items, start=1):
            yield item
            now = time.monotonic()
            if now - started < _QUIET_SECONDS:
                continue
            text = _line(label, done, count, now - started)
            if moving and now - spoke_at >= 0.1:
                out.write(f"\r\x1b[K{text}")
                out.flush()
                spoke_at, shown = now, True
            elif not moving and count and done * 10 // count > tenth:
                tenth, shown = done * 10 // count, True
                out.write(text + "\n")
                out.flush()
    finally:
        if moving and shown:
            out.write("\r\x1b[K")
            out.flush()


def _line(label: str, done: int, total: int | None, seconds: float) -> str:
    if total is None:
        return f"{label}: {done}, {_duration(seconds)}"
    left = seconds / done * (total - done)
    return (
        f"{label}: {done} of {total}, {_duration(left)} left" if left >= 1 else f"{label}: {done} of {total}"
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
