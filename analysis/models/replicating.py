"""The same task many times, on one or more processes, with the same numbers."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from analysis.models.threads import one_thread
from protocols.base.errors import Fault, UsageError
from protocols.base.progress import progress

_THREADS = tuple(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA"))
_task: Callable[[int], Any] | None = None


def replicate(task: Callable[[int], Any], n: int, *, workers: int = 1, label: str = "bootstrap") -> list[Any]:
    """Results of ``task(0) … task(n - 1)``, in this order.

    Parameters
    ----------
    task
        What to do for one replicate; it takes its random numbers from its index, so that the number of workers
        changes nothing. With more than one worker it must be picklable.
    workers
        Processes, each with one thread.
    label
        What is being done, for the line that tells the progress.
    """
    if workers <= 1:
        with one_thread():
            return [task(k) for k in progress(range(n), label)]
    try:
        packed = pickle.dumps(task)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        way = "define it with `def` at the top of a module, or use one worker"
        raise UsageError(
            Fault("the statistic", f"cannot be sent to other processes ({error})", way_out=way)
        ) from error
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        context = multiprocessing.get_context("spawn")  # a fork would share the threads of BLAS
        with ProcessPoolExecutor(workers, context, initializer=_receive, initargs=(packed,)) as pool:
            return list(progress(_in_order(pool, n), label, total=n))
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _in_order(pool: ProcessPoolExecutor, n: int) -> Iterator[Any]:
    yield from pool.map(_run, range(n), chunksize=8)


def _receive(packed: bytes) -> None:
    global _task
    _task = pickle.loads(packed)  # noqa: S301 - our own, from the parent process


def _run(index: int) -> Any:
    assert _task is not None
    return _task(index)
