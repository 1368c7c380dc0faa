"""The same work on many files, on several processes, ended at once by Ctrl-C."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from protocols.base.errors import BazinError, Fault
from protocols.base.progress import progress

T = TypeVar("T")
R = TypeVar("R")
Faults = tuple[Fault, ...]


class Workers:
    """Processes that share the work on many files; to be used in a ``with`` block.

    They are started afresh (spawned), so that nothing of this process is in them, on every system alike. Ctrl-C
    reaches only this process, which ends them.

    Parameters
    ----------
    count
        Files worked on at a time; with 1 the work is done in this process.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._before = set(multiprocessing.active_children())
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        if self._count > 1:
            spawned = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, spawned, _leave_interrupts_to_the_parent)
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._pool is None:
            return
        if kind is not None:
            for child in set(multiprocessing.active_children()) - self._before:
                child.terminate()
        self._pool.shutdown(cancel_futures=True)

    def spread(
        self, work: Callable[[T], R], items: Sequence[T], label: str, *, names: Sequence[str]
    ) -> Iterator[tuple[int, R | Faults]]:
        """Do `work` on every item and give each result as it comes, with the item's place.

        Parameters
        ----------
        work
            A function of a module; what it takes and gives is sent between processes.
        items
            What it is done on.
        label
            What is being done, for the progress line.
        names
            What to call each item in a message.

        Yields
        ------
        place, result
            The faults instead of a result, where the work failed with a `BazinError`; other items go on.
        """
        if self._pool is None:
            for place, item in enumerate(progress(items, label)):
                yield place, _or_faults(work, item)
            return
        places = {self._pool.submit(_or_faults, work, item): place for place, item in enumerate(items)}
        for done in progress(as_completed(places), label, total=len(items)):
            try:
                result = done.result()
            except BrokenProcessPool:
                result = (_gone(names[places[done]]),)
            yield places[done], result


def _or_faults(work: Callable[[T], R], item: T) -> R | Faults:
    try:
        return work(item)
    except BazinError as error:
        return error.faults


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _gone(name: str) -> Fault:
    return Fault(
        name,
        "was not finished: a process that worked beside it ended without a word",
        way_out="it may have run out of memory: run it again with fewer at a time; what is finished is kept",
    )
