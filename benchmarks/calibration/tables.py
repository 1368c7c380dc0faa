"""The rule of INFERENCE 14, and the table of the grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from benchmarks.calibration.cells import ALPHA, GROUPS, Cell
from benchmarks.calibration.runs import FULL, Store

HIGHEST = 0.06
NAMES = {"child": "first group", "adult": "second group", "g:c": "group x condition"}
FAST = "t, df = min(people, scenes) - 1"
INFERENCE = {"linear": "t, Satterthwaite's df", "choices": FAST}
NORMAL = "signed root, normal"
BOOTSTRAP = "bootstrap"


def lower_limit(rejections: int, n: int) -> float:
    """One-sided 99 % Clopper-Pearson lower limit of a rate."""
    return float(stats.beta.ppf(0.01, rejections, n - rejections + 1)) if rejections else 0.0


def passes(rejections: int, n: int, full: int) -> bool:
    """The rule: lower limit at most .05 and, with the full number of data sets, rate at most .06."""
    return lower_limit(rejections, n) <= ALPHA and (n < full or rejections / n <= HIGHEST)


@dataclass(frozen=True)
class Result:
    """One test in one cell."""

    cell: Cell
    hypothesis: str
    inference: str
    n: int
    rejections: int
    seconds: float

    def row(self) -> dict[str, object]:
        """As the table has it."""
        cell, full = self.cell, FULL[self.cell.kind]
        first, second = cell.people
        return {
            "model": cell.kind,
            "scenes": cell.scenes,
            "people": f"{first}" if first == second else f"{first}+{second}",
            "slope": cell.slope,
            "ratio": cell.ratio,
            "hypothesis": self.hypothesis,
            "inference": self.inference,
            "n": self.n,
            "of": full,
            "rejections": self.rejections,
            "rate": f"{self.rejections / self.n:.4f}",
            "lower99": f"{lower_limit(self.rejections, self.n):.4f}",
            "passes": "yes" if passes(self.rejections, self.n, full) else "no",
            "seconds": f"{self.seconds:.0f}",
        }


def results(cell: Cell, store: Store) -> list[Result]:
    """Every test of a cell."""
    none = store.read(cell, "none")
    bound = store.read(cell, "bound") if cell.kind == "choices" else none
    spread = store.read(cell, "spread") if cell.kind == "choices" else none
    found = [*_means(cell, none, bound)] if not none.empty else []
    found += [*_spreads(cell, spread)] if not spread.empty else []
    return [one for one in found if one.n]


def _means(cell: Cell, none: pd.DataFrame, bound: pd.DataFrame) -> Iterator[Result]:
    how = INFERENCE[cell.kind]
    for name, words in NAMES.items():
        yield _result(cell, f"difference, {words}", how, none[f"p {name}"] <= ALPHA, none)
        if not bound.empty and (cell.kind == "linear" or name != "child"):
            yield _result(cell, f"equivalence, {words}", how, bound[f"e {name}"] <= ALPHA, bound)
        if cell.kind == "choices":
            for hypothesis, data, column in (
                ("difference", none, f"pb {name}"),
                ("equivalence", bound, f"eb {name}"),
            ):
                if column in data and (hypothesis == "difference" or name != "child"):
                    own = data.dropna(subset=[column])
                    yield _result(cell, f"{hypothesis}, {words}", BOOTSTRAP, own[column] <= ALPHA, own)


def _spreads(cell: Cell, data: pd.DataFrame) -> Iterator[Result]:
    for group in GROUPS:
        for column, how in ((f"s {group}", NORMAL), (f"sb {group}", f"signed root, {BOOTSTRAP}")):
            own = data.dropna(subset=[column])
            yield _result(cell, f"spread, {NAMES[group]}", how, own[column] <= ALPHA, own)


def _result(cell: Cell, hypothesis: str, how: str, rejected: pd.Series, data: pd.DataFrame) -> Result:
    return Result(cell, hypothesis, how, len(rejected), int(rejected.sum()), float(data["seconds"].sum()))


def write(cells: Sequence[Cell], store: Store, path: Path) -> pd.DataFrame:
    """The table, as TSV."""
    table = pd.DataFrame([one.row() for cell in cells for one in results(cell, store)])
    table.to_csv(path, sep="\t", index=False, lineterminator="\n")
    return table
