"""The deciding analysis of linear values: studies of a cell, drawn and decided many at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from analysis.models.design import Array
from benchmarks.calibration.balanced import Layout, Sums, draw_sums
from benchmarks.calibration.cells import GROUPS, SEED, Cell
from benchmarks.calibration.sealed import Stands, Tested, declared, reduced, tested
from benchmarks.calibration.spreads import redrawn, spread
from protocols.base.seeds import generator

WEIGHTS = {"child": (1.0, 0.0), "adult": (0.0, 1.0), "g:c": (-1.0, 1.0)}
BLOCK = 2500
"""Studies drawn at once: the first of a long run are those of a short one."""
RESAMPLED = tuple(Cell("linear", scenes, (n, n), "medium", 1) for scenes in (12, 24, 48) for n in (20, 34))
"""Cells in which the spread is also referred to `SAMPLES` drawn studies, in the first `DATA_SETS` data sets."""
SAMPLES, DATA_SETS = 199, 1000
COLUMNS = [
    *(f"{what} {name}" for what in ("d", "se", "df", "p", "e") for name in WEIGHTS),
    *(f"{what} {group}" for what in ("sd", "root", "s", "sb") for group in GROUPS),
    "free",
]
Row = dict[str, float | str]


def truth(cell: Cell) -> Array:
    """A cell's parameters."""
    level, slope, group, both = cell.scene
    own = [value for sd in cell.person for value in (level, 0.0, sd)]
    scene = np.diag([level, slope, group, both])[np.tril_indices(4)]
    return np.array([*own, *scene, *np.log(cell.residual)])


def studies(cell: Cell, block: int) -> Sums:
    """`BLOCK` studies of a cell, without any effect."""
    layout = Layout(cell.people, cell.scenes)
    return draw_sums(layout, truth(cell), (0.0, 0.0), generator(SEED, cell.name, "none", block), BLOCK)


def means(
    cell: Cell, data: Sums, *, shared: bool = False, without: Sequence[int] = ()
) -> tuple[dict[str, Tested], Stands]:
    """The tests of both groups' effects and their difference, and the models that stand.

    Parameters
    ----------
    shared, without
        For comparison: one covariance of people for both groups; parameters left out of the model.
    """
    layout = Layout(cell.people, cell.scenes)
    stands = reduced(layout, data, replace(declared(layout), shared=shared).without(without))
    return {name: tested(layout, data, stands, weights) for name, weights in WEIGHTS.items()}, stands


def rows(cell: Cell, indices: Iterable[int]) -> list[Row]:
    """Decide studies of a cell."""
    wanted = list(indices)
    found: list[Row] = []
    for block in sorted({index // BLOCK for index in wanted}):
        of_block = _block(cell, block)
        found += [of_block[index % BLOCK] | {"index": index} for index in wanted if index // BLOCK == block]
    return found


def _block(cell: Cell, block: int) -> list[Row]:
    data = studies(cell, block)
    tests, stands = means(cell, data)
    columns: dict[str, Array] = {"free": np.zeros(BLOCK)}
    for terms, which in stands.kept:
        columns["free"][which] = terms.free.sum()
    for name, one in tests.items():
        columns |= {f"d {name}": one.value, f"se {name}": one.se, f"df {name}": one.df}
        # an effect at the bound, and the bound far from its other side: the same as an effect of 0 below 0
        columns |= {f"p {name}": one.p(), f"e {name}": one.below(0.0)}
    for k, group in enumerate(GROUPS):
        alone = Layout((cell.people[k],), cell.scenes)
        roots = spread(alone, data.group(k), cell.person[k])
        columns |= {f"sd {group}": roots.sd, f"root {group}": roots.root, f"s {group}": roots.p()}
        columns[f"sb {group}"] = np.full(BLOCK, np.nan)
        if cell in RESAMPLED and group == GROUPS[0] and block == 0:
            some = roots.take(np.arange(DATA_SETS))
            drawn = redrawn(alone, some, cell.person[k], generator(SEED, cell.name, "redrawn"), SAMPLES)
            below = np.sum(drawn <= some.root[:, None], axis=1)
            columns[f"sb {group}"][:DATA_SETS] = (1 + below) / (SAMPLES + 1)
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(BLOCK)]
