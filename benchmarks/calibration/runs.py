"""Running the grid: studies are decided in chunks, kept as they are done, and never decided twice."""

from __future__ import annotations

import csv
import multiprocessing
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from benchmarks.calibration import choices, linear
from benchmarks.calibration.cells import Cell
from protocols.base.progress import progress

PASSES = {
    "linear": (2500, 5000, 7500, 10_000),
    "choices": (50, 100, 200, 300, 400, 500, 750, 1000, 1500, 2000),
}
"""Studies per cell after each pass over the grid: every kind of cell early, with few."""
FULL = {kind: passes[-1] for kind, passes in PASSES.items()}


def truths(cell: Cell) -> tuple[str, ...]:
    """The truths a cell is studied under. Of choices, people's spread has studies of its own, in one cell per size."""
    if cell.kind == "linear":
        return ("none",)
    return ("none", "bound", "spread") if (cell.slope, cell.ratio) == ("medium", 2) else ("none", "bound")


@dataclass(frozen=True)
class Chunk:
    """Studies `first` to `last` - 1 of a cell."""

    cell: Cell
    truth: str
    first: int
    last: int

    def rows(self) -> tuple[list[dict[str, float | str]], float]:
        """One row per study, and the seconds that took."""
        started = time.perf_counter()
        if self.cell.kind == "linear":
            found = linear.rows(self.cell, range(self.first, self.last))
        else:
            found = choices.rows(self.cell, self.truth, range(self.first, self.last))
        return found, time.perf_counter() - started


@dataclass(frozen=True)
class Store:
    """What was decided, one file per cell and truth in a folder beside the table."""

    folder: Path

    def path(self, cell: Cell, truth: str) -> Path:
        """The file."""
        return self.folder / f"{cell.name.replace('/', '_')}_{truth}.tsv"

    def read(self, cell: Cell, truth: str) -> pd.DataFrame:
        """All studies so far; empty without any."""
        path = self.path(cell, truth)
        return pd.read_csv(path, sep="\t") if path.is_file() else pd.DataFrame({"index": []})

    def add(self, chunk: Chunk, rows: Sequence[Mapping[str, object]], seconds: float) -> None:
        """Keep a chunk, with the seconds each study took."""
        path = self.path(chunk.cell, chunk.truth)
        names = ["index", *(linear.COLUMNS if chunk.cell.kind == "linear" else choices.COLUMNS), "seconds"]
        new = not path.is_file()
        self.folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, names, delimiter="\t", lineterminator="\n")
            if new:
                writer.writeheader()
            each = round(seconds / len(rows), 5)
            writer.writerows(
                {name: _short(value) for name, value in row.items()} | {"seconds": each} for row in rows
            )


def _short(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value


def chunks(cells: Sequence[Cell], store: Store, most: Mapping[str, int]) -> Iterator[Chunk]:
    """What is left to do, pass by pass."""
    done = {(cell, truth): len(store.read(cell, truth)) for cell in cells for truth in truths(cell)}
    steps = max(map(len, PASSES.values()))
    for step in range(steps):
        for (cell, truth), count in done.items():
            goal = PASSES[cell.kind][min(step, len(PASSES[cell.kind]) - 1)]
            goal = min(4 * goal if truth == "spread" else goal, most[cell.kind], FULL[cell.kind])
            if goal > count:
                done[cell, truth] = goal
                yield Chunk(cell, truth, count, goal)


def run(work: Iterable[Chunk], store: Store, *, jobs: int = 1, minutes: float | None = None) -> None:
    """Decide and keep; no new chunk is begun after `minutes`."""
    stop = time.monotonic() + 60 * minutes if minutes else float("inf")
    work = list(work)
    left = (chunk for chunk in work if time.monotonic() < stop)
    for chunk, (rows, seconds) in progress(_results(left, jobs), "calibration", total=len(work)):
        store.add(chunk, rows, seconds)


Result = tuple[list[dict[str, float | str]], float]


def _results(work: Iterator[Chunk], jobs: int) -> Iterator[tuple[Chunk, Result]]:
    if jobs <= 1:
        yield from ((chunk, chunk.rows()) for chunk in work)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_one_thread) as pool:
        waiting: dict[Future[Result], Chunk] = {}
        for chunk in work:
            waiting[pool.submit(_decide, chunk)] = chunk
            if len(waiting) > jobs:
                yield from _finished(waiting)
        while waiting:
            yield from _finished(waiting)


def _finished(waiting: dict[Future[Result], Chunk]) -> Iterator[tuple[Chunk, Result]]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), future.result()


def _decide(chunk: Chunk) -> Result:
    return chunk.rows()


def _one_thread() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
