"""Runs that the first level could not use: what is told of them is kept, to be told again when nothing is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from protocols.base.errors import Fault
from protocols.base.tables import read_frame

TOLD = ("item", "problem", "got", "accepted", "way_out")
RUN = "run_name"


def without_folders(text: str, folders: Iterable[Path | None]) -> str:
    """A message without the folders above the data: where they lie is nobody's business."""
    for folder in folders:
        text = text.replace(f"{folder}/", "") if folder is not None else text
    return text


def set_aside_table(faults: Mapping[str, Sequence[Fault]], folders: Sequence[Path | None]) -> pd.DataFrame:
    """One row per fault, by the name of its run."""
    rows = [
        [run, *(without_folders(getattr(one, name), folders) for name in TOLD)]
        for run, of_run in faults.items()
        for one in of_run
    ]
    return pd.DataFrame(rows, columns=[RUN, *TOLD])


def read_set_aside(path: Path) -> dict[str, list[Fault]]:
    """The faults of such a table, by the name of their run."""
    found: dict[str, list[Fault]] = {}
    for run, *texts in read_frame(path).fillna("")[[RUN, *TOLD]].to_numpy().tolist():
        found.setdefault(run, []).append(Fault(**dict(zip(TOLD, texts, strict=True))))
    return found
