"""Some hundred voxels of a run over time, tissue by tissue: kept, so that a page can show them without the images."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocols.base.errors import InputError, cannot_read, fail
from protocols.base.files import read_json, write_atomically

ROWS = 600
"""Voxels of a carpet; more cannot be seen."""
FEWEST_ROWS = 24
"""Of each tissue, however small: a strip that can still be seen."""
_DIGITS = 3  # of a percent; noise is some hundred times more


@dataclass(frozen=True)
class Carpet:
    """Voxels over time.

    Attributes
    ----------
    series
        Of each tissue, in the order to be shown, (voxels, volumes), percent of the voxel's mean.
    voxels
        How many each tissue has in the run, of which these are a sample.
    """

    series: Mapping[str, NDArray[np.floating]]
    voxels: Mapping[str, int]


def sampled(data: np.ndarray, tissues: Mapping[str, NDArray[np.bool_]]) -> Carpet:
    """Take voxels of each tissue at even distances, in proportion to its size, as change around their mean.

    Parameters
    ----------
    data
        The brain's voxels, (voxels, volumes).
    tissues
        Which of them belong to each tissue, (voxels,).
    """
    total = sum(int(inside.sum()) for inside in tissues.values())
    found, sizes = {}, {}
    for name, inside in tissues.items():
        places = np.flatnonzero(inside)
        rows = min(len(places), max(FEWEST_ROWS, round(ROWS * len(places) / max(total, 1))))
        chosen = places[np.linspace(0, len(places) - 1, rows).round().astype(int)] if rows else places
        values = np.asarray(data[chosen], float)
        mean = values.mean(axis=1, keepdims=True)
        found[name] = np.round(100 * (values - mean) / mean, _DIGITS)
        sizes[name] = len(places)
    return Carpet(found, sizes)


def write_carpet(carpet: Carpet, path: Path) -> Path:
    """Write ``…_desc-carpet_timeseries.tsv.gz`` and its sidecar: a row per volume, a column per voxel."""
    columns = {
        f"{name}_{i:03d}": series for name, one in carpet.series.items() for i, series in enumerate(one)
    }
    text = pd.DataFrame(columns).to_csv(
        sep="\t", index=False, float_format=f"%.{_DIGITS}f", lineterminator="\n"
    )
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", 6, packed, mtime=0) as stream:
        stream.write(text.encode("utf-8"))
    said = {
        "Description": "voxels of each tissue over time, at even distances within it",
        "Units": "percent of the voxel's mean",
        "Voxels": dict(carpet.voxels),
    }
    write_atomically(_sidecar(path), json.dumps(said, indent=2) + "\n")
    return write_atomically(path, packed.getvalue())


def read_carpet(path: Path) -> Carpet:
    """What `write_carpet` wrote.

    Raises
    ------
    InputError
        If the file is missing or damaged, or is not such a table.
    """
    try:
        table = pd.read_csv(path, sep="\t", compression="gzip", dtype=np.float64)
    except (OSError, EOFError) as error:
        raise cannot_read(path, error if isinstance(error, OSError) else OSError(str(error))) from error
    except ValueError as error:
        raise fail(InputError, str(path), "is not a table of numbers", got=str(error).splitlines()[0],
                   way_out="preprocess the run again") from error  # fmt: skip
    voxels = read_json(_sidecar(path))["Voxels"]
    owner = np.array([name.rsplit("_", 1)[0] for name in table.columns])
    series = {name: table.to_numpy().T[owner == name] for name in voxels}
    return Carpet(series, voxels)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.replace(".tsv.gz", ".json"))
