"""Tables as BIDS has them: tab-separated UTF-8, ``n/a`` for what is missing, nine significant digits."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.base.errors import InputError, did_you_mean, fail, listed
from protocols.base.files import read_text, write_atomically

if TYPE_CHECKING:
    import pandas as pd

MISSING = "n/a"
SIGNIFICANT_DIGITS = 9


def number(value: float) -> str:
    """A number at nine significant digits, ``n/a`` for NaN, never ``-0``."""
    if math.isnan(value):
        return MISSING
    text = f"{value:.{SIGNIFICANT_DIGITS}g}"
    return "0" if text == "-0" else text


def rounded(value: float | None) -> float | None:
    """A number as the tables have it (nine significant digits); None for NaN, as JSON has no NaN."""
    if value is None or math.isnan(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def cell(value: Any) -> str:
    """One value as it stands in a table."""
    kind = type(value)  # the three most frequent first: tables of frames are long
    if kind is float:
        return number(value)
    if kind is int:
        return str(value)
    if value is None:
        return MISSING
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's too
        return "1" if value else "0"
    if isinstance(value, str):
        return " ".join(value.split()) or MISSING
    if isinstance(value, int):
        return str(value)
    try:
        as_float = float(value)
    except (TypeError, ValueError):
        return MISSING if type(value).__name__ in {"NAType", "NaTType"} else " ".join(str(value).split())
    if type(value).__name__.startswith(("int", "uint")):
        return str(int(value))
    return number(as_float)


def table_text(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns and rows as tab-separated text."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def frame_text(frame: pd.DataFrame) -> str:
    """A data frame, without its index, as tab-separated text."""
    return table_text([str(name) for name in frame.columns], list(frame.itertuples(index=False, name=None)))


def write_frame(path: Path, frame: pd.DataFrame) -> Path:
    """Write a data frame as TSV, atomically; the same numbers give the same bytes."""
    return write_atomically(path, frame_text(frame))


def read_frame(path: Path, *, numeric: Sequence[str] = (), required: Sequence[str] = ()) -> pd.DataFrame:
    """Read one of our own tables.

    Parameters
    ----------
    path
        A TSV file.
    numeric
        Columns that hold numbers; the others stay text, with None for ``n/a``.
    required
        Columns that must be there.

    Raises
    ------
    InputError
        With the line and column of the first cell that is not what it should be.
    """
    import pandas as pd

    rows = list(csv.reader(io.StringIO(read_text(path)), delimiter="\t"))
    header = rows[0]
    for name in required:
        if name not in header:
            raise fail(
                InputError,
                str(path),
                f"has no column '{name}'",
                got=listed(header),
                way_out=did_you_mean(name, header),
            )
    ragged = next((i for i, row in enumerate(rows, start=1) if len(row) != len(header)), None)
    if ragged is not None:
        raise fail(
            InputError,
            f"{path}:{ragged}",
            f"has {len(rows[ragged - 1])} cells where the header has {len(header)}",
            way_out="it may be half written or edited by hand; make it again",
        )
    columns: Mapping[str, list[Any]] = {
        name: [None if row[i] in (MISSING, "") else row[i] for row in rows[1:]]
        for i, name in enumerate(header)
    }
    for name in numeric:
        if name in columns:
            columns[name][:] = [
                _number(text, path, line, name) for line, text in enumerate(columns[name], start=2)
            ]
    frame = pd.DataFrame(dict(columns), columns=header)
    return frame.astype({name: float for name in numeric if name in columns})


def _number(text: str | None, path: Path, line: int, column: str) -> float:
    if text is None:
        return math.nan
    try:
        return float(text)
    except ValueError as error:
        raise fail(
            InputError, f"{path}:{line}", f"'{column}' is not a number", got=text, accepted="1.25, n/a"
        ) from error
