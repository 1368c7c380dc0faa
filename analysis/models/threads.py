"""One thread of linear algebra: these matrices are small, and more threads wait for each other than work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through all loaded libraries, so only once


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold BLAS to one thread, which also makes results the same on one machine whatever else runs."""
    with _controller().limit(limits=1, user_api="blas"):
        yield
