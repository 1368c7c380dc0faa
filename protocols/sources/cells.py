"""A table's cells as the text they hold, with their lines. Nothing is guessed, nothing is converted here.

Spreadsheet programs and readers that guess types turn ``0,53`` into text, ``NA`` into nothing and ``1.5`` into the
first of May; here every cell stays what it was until the map says what it means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from protocols.base.errors import Fault, InputError, did_you_mean, fail, listed
from protocols.base.files import read_bytes
from protocols.sources.notation import Notation

_WORKBOOK = b"PK\x03\x04"
_NOT_TABLES = (
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls)", "save it as .xlsx or .csv"),
    (b"%PDF", "a PDF", "export the table itself as .csv"),
    (b"\x1f\x8b", "compressed", "unpack it first"),
    (b"\x89PNG", "a picture", "export the table itself as .csv"),
    (b"MATLAB", "a MATLAB file", "write the table as .csv (writetable)"),
    (b"$FL2", "an SPSS file", "save it as .csv"),
    (b"PAR1", "a Parquet file", "write it as .csv"),
)
_WEB_PAGES = (b"<!doctype html", b"<html", b"<table")


class NumberCell(str):
    """A spreadsheet's number: its text has a decimal point, whatever the map says of the text cells."""


class DateCell(str):
    """A spreadsheet's date, in ISO form: never a number, even if its number format hides that."""


@dataclass(frozen=True)
class SourceTable:
    """A file's table, every cell as stripped text in one Unicode form (NFC), so that names compare equal.

    Attributes
    ----------
    file
        The file, for messages.
    header
        Column names; a column without one is called ``column 3``.
    rows
        (line, cells) of every row that is not blank; a line is 1-based, in a spreadsheet the row's number.
    """

    file: Path
    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def index(self, column: str) -> int:
        """Place of a column that `require` has found to be there."""
        return self.header.index(column)

    def require(self, columns: Iterable[str]) -> None:
        """Raise an InputError unless every one of `columns` is there exactly once."""
        wanted = list(dict.fromkeys(columns))
        absent = [name for name in wanted if name not in self.header]
        faults = [
            Fault(str(self.file), f"has {n} columns '{name}'", way_out="give each column its own name")
            for name in wanted
            if (n := self.header.count(name)) > 1
        ]
        if absent:
            hints = [f"'{name}': {hint}" for name in absent if (hint := did_you_mean(name, self.header))]
            faults.append(
                Fault(
                    str(self.file),
                    f"has no column {listed(map(repr, absent))}",
                    got=listed(self.header, limit=30),
                    way_out="; ".join(hints) or "correct the names in the map",
                )
            )
        if faults:
            raise InputError(faults)


def clean(text: str) -> str:
    """Text without surrounding space, in one Unicode form: macOS and Windows write umlauts differently."""
    return unicodedata.normalize("NFC", text.replace("\u00a0", " ").strip())


def read_source(file: Path, how: Notation, wanted: Sequence[str]) -> SourceTable:
    """Read a CSV, TSV, XLSX or JSON-lines file.

    Parameters
    ----------
    file
        The file.
    how
        The map; it may name separator, encoding, sheet and the header's line.
    wanted
        Columns the map uses. The separator under which they appear is the right one.

    Raises
    ------
    InputError
        If the file is missing, empty, not a table, not what its name says, ragged, or without rows.
    """
    data = read_bytes(file)
    is_workbook, named_workbook = data.startswith(_WORKBOOK), file.suffix.lower() in (".xlsx", ".xlsm")
    for mark, what, way_out in _NOT_TABLES:
        if data.startswith(mark):
            raise fail(
                InputError, str(file), f"is {what}", accepted="CSV, TSV, XLSX or JSON lines", way_out=way_out
            )
    if data.lstrip()[:40].lower().startswith(_WEB_PAGES):
        raise fail(
            InputError,
            str(file),
            "is a web page, not a table",
            accepted="CSV, TSV, XLSX or JSON lines",
            way_out="open it in a spreadsheet program and save it as .xlsx or .csv",
        )
    if is_workbook and not named_workbook:
        raise fail(
            InputError,
            str(file),
            f"is a zip archive or Excel workbook, although its name ends in '{file.suffix}'",
            way_out="rename it to .xlsx, or unpack it",
        )
    if named_workbook and data and not is_workbook:
        raise fail(
            InputError,
            str(file),
            "is not an Excel workbook, although its name says so",
            way_out="rename it to .csv if it is text, or save it again",
        )
    if is_workbook:
        from protocols.sources.workbook import workbook_rows

        records = workbook_rows(file, how)
    elif file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        from protocols.sources.json_lines import json_rows

        records = json_rows(file, how)
    else:
        from protocols.sources.delimited import text_rows

        records = text_rows(file, how, wanted)
    return _table(file, how, records)


def _table(file: Path, how: Notation, records: Sequence[tuple[int, Sequence[str]]]) -> SourceTable:
    """Header and rows; surplus empty cells at the ends of lines do no harm, anything else must fit."""
    filled = [(line, cells) for line, cells in records if line >= how.header_line and any(cells)]
    if not filled:
        raise fail(
            InputError,
            str(file),
            "is empty" if how.header_line == 1 else f"holds nothing from line {how.header_line} on",
            way_out="check that the program that wrote it had finished",
        )
    header_line, top = filled[0]
    width = max((i for i, name in enumerate(top, start=1) if name), default=0)
    header = tuple(name or f"column {i}" for i, name in enumerate(top[:width], start=1))
    rows, ragged = [], []
    for line, cells in filled[1:]:
        if len(cells) < width or any(cells[width:]):
            ragged.append((line, len(cells)))
        else:
            rows.append((line, tuple(cells[:width])))
    if ragged:
        line, found = ragged[0]
        more = f" (and {len(ragged) - 1} more lines like it)" if len(ragged) > 1 else ""
        raise InputError(
            Fault(
                "row",
                f"has {found} cells where the header in line {header_line} has {width}{more}",
                file=str(file),
                line=line,
                way_out="look for a decimal comma or a separator inside a cell (quote the cell, or save with ';'), "
                "a half-written line, or text above the header (header_line in the map)",
            )
        )
    if not rows:
        raise fail(
            InputError,
            str(file),
            "has a header but no rows",
            got=listed(header),
            way_out="check that the program that wrote it had finished",
        )
    return SourceTable(file, header, tuple(rows))
