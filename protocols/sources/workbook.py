"""Excel workbooks, cell by cell: numbers stay numbers, dates stay dates, formulas must have their values."""

from __future__ import annotations

import datetime
import warnings
import zipfile
from pathlib import Path
from typing import Any

from protocols.base.errors import Fault, InputError, did_you_mean, fail, listed
from protocols.sources.cells import DateCell, NumberCell, clean
from protocols.sources.notation import Notation

Record = tuple[int, tuple[str, ...]]


def workbook_rows(file: Path, how: Notation) -> list[Record]:
    """(row number, cells) of the sheet the map names, or of the only sheet that holds anything.

    Raises
    ------
    InputError
        If the workbook is broken, the sheet is missing or empty, several could be meant, or a formula has no value.
    """
    sheets = _read(file, values=True)
    filled = [name for name, rows in sheets.items() if any(any(c is not None for c in row) for row in rows)]
    if how.sheet is not None and how.sheet not in sheets:
        raise fail(
            InputError,
            str(file),
            f"has no sheet '{how.sheet}'",
            got=listed(sheets),
            way_out=did_you_mean(how.sheet, sheets) or "correct 'sheet' in the map",
        )
    if how.sheet is None and len(filled) > 1:
        raise fail(
            InputError,
            str(file),
            "has more than one sheet with content",
            got=listed(filled),
            way_out=f"name one in the map, for example 'sheet: {filled[0]}'",
        )
    sheet = how.sheet or (filled[0] if filled else None)
    if sheet is None or sheet not in filled:
        what = f"its sheet '{sheet}' is empty" if sheet else "all its sheets are empty"
        way_out = (
            f"sheets with content: {listed(filled)}"
            if filled
            else "check that it was saved after the values were put in"
        )
        raise fail(InputError, str(file), what, way_out=way_out)
    rows = sheets[sheet]
    if any(cell is None for row in rows for cell in row):
        _refuse_uncomputed(file, sheet, rows)
    return [(i, tuple(_text(cell) for cell in row)) for i, row in enumerate(rows, start=1)]


def _read(file: Path, *, values: bool) -> dict[str, list[tuple[Any, ...]]]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and validations, which are not read
            book = openpyxl.load_workbook(file, read_only=True, data_only=values)
            try:
                return {sheet.title: list(_rows(sheet)) for sheet in book.worksheets}
            finally:
                book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError, SyntaxError) as error:
        raise fail(
            InputError,
            str(file),
            "is a broken or unfinished Excel workbook, or another kind of zip archive",
            way_out="open it in a spreadsheet program and save it again as .xlsx",
        ) from error


def _rows(sheet: Any) -> Any:
    sheet.reset_dimensions()  # some programs write a wrong extent, which would cut the table
    rows = list(sheet.iter_rows(values_only=True))
    width = max((len(row) for row in rows), default=0)
    for row in rows:
        yield (*row, *[None] * (width - len(row)))


def _refuse_uncomputed(file: Path, sheet: str, rows: list[tuple[Any, ...]]) -> None:
    """A formula that was never computed has no value and would look like an empty cell."""
    formulas = _read(file, values=False)[sheet]
    for i, (row, written) in enumerate(zip(rows, formulas, strict=False), start=1):
        for j, (cell, formula) in enumerate(zip(row, written, strict=False), start=1):
            if cell is None and formula is not None:
                raise InputError(
                    Fault(
                        f"sheet '{sheet}'",
                        "holds a formula without its value",
                        file=str(file),
                        line=i,
                        column=j,
                        way_out="open it in a spreadsheet program, let it compute, and save; or paste the values",
                    )
                )


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int):
        return NumberCell(cell)
    if isinstance(cell, float):
        return NumberCell(int(cell) if cell.is_integer() and abs(cell) < 2**53 else repr(cell))
    if isinstance(cell, (datetime.datetime, datetime.date, datetime.time)):
        whole_day = isinstance(cell, datetime.datetime) and cell.time() == datetime.time()
        return DateCell(
            cell.date().isoformat() if whole_day and isinstance(cell, datetime.datetime) else cell.isoformat()
        )
    return clean(str(cell))
