"""``python -m benchmarks.calibration --full OUT.tsv``: error rates of the crossed mixed model over the whole grid.

What is decided is kept in a folder beside the table: the same command goes on where the last one ended. The rule, the
grid and what was found: docs/calibration.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.calibration.cells import grid
from benchmarks.calibration.runs import FULL, Store, chunks, run
from benchmarks.calibration.tables import write


def main(arguments: list[str] | None = None) -> int:
    """Run what is left of the grid and write its table; 1 if a cell fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--full", type=Path, metavar="OUT.tsv", required=True, help="the table to write")
    parser.add_argument(
        "--cells", nargs="+", default=[""], help="parts of cells' names: linear, scenes-12, ratio-2"
    )
    parser.add_argument(
        "--linear", type=int, default=FULL["linear"], help="data sets per cell of linear values"
    )
    parser.add_argument(
        "--choices", type=int, default=FULL["choices"], help="data sets per cell and truth of choices"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes; they change no number")
    parser.add_argument("--minutes", type=float, help="begin nothing new after so many minutes")
    asked = parser.parse_args(arguments)
    every = [*grid("linear"), *grid("choices")]
    cells = [cell for cell in every if any(part in cell.name for part in asked.cells)]
    if not cells:
        parser.error(f"no cell has one of {asked.cells} in its name; the first is called {every[0].name}")
    store = Store(asked.full.with_suffix(".done"))
    most = {"linear": asked.linear, "choices": asked.choices}
    run(chunks(cells, store, most), store, jobs=asked.jobs, minutes=asked.minutes)
    table = write(every, store, asked.full)
    failed = table[table["passes"] == "no"] if len(table) else table
    print(f"{len(table)} tests, {len(failed)} fail the rule: {asked.full}")
    if len(failed):
        print(failed.to_string(index=False))
    return 1 if len(failed) else 0


if __name__ == "__main__":
    sys.exit(main())
