"""Text tables: comma, semicolon, tab, bar or spaces between cells, in any encoding that says so."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from protocols.base.errors import Fault, InputError, fail
from protocols.base.files import read_text
from protocols.sources.cells import clean
from protocols.sources.notation import SEPARATORS, Notation

Record = tuple[int, tuple[str, ...]]


def text_rows(file: Path, how: Notation, wanted: Sequence[str]) -> list[Record]:
    """(line, cells) of a text file.

    Raises
    ------
    InputError
        If the encoding or the quotes are broken, or the separator cannot be told.
    """
    text = read_text(file, how.encoding).removeprefix("\ufeff")
    if "\x00" in text:
        raise fail(
            InputError,
            str(file),
            "is not text in this encoding: it holds zero bytes",
            way_out="if it is UTF-16, write 'encoding: utf-16-le' in the map; or save it as UTF-8",
        )
    if how.separator is not None:
        return _split(file, text, SEPARATORS[how.separator])
    return _split(file, text, _separator(file, text, how, wanted))


def _separator(file: Path, text: str, how: Notation, wanted: Sequence[str]) -> str:
    """The separator under which the header shows most of the columns the map names, in lines of equal length."""
    names = set(wanted)
    found: dict[str, tuple[int, bool, int]] = {}
    for name, separator in SEPARATORS.items():
        try:
            rows = [
                row
                for row in _split(file, text, separator, limit=200)
                if row[0] >= how.header_line and any(row[1])
            ]
        except InputError:
            continue
        if rows and len(rows[0][1]) > 1:
            header = rows[0][1]
            even = all(len(cells) == len(header) for _, cells in rows)
            found[name] = (len(names & set(header)), even, len(header))
    if not found:
        if any(separator in text for separator in ",;\t|"):
            return ","  # then its own fault, such as a quote that is never closed, is the one to tell
        raise fail(
            InputError,
            str(file),
            "is not a table: its first line holds one cell only",
            accepted="cells separated by comma, semicolon, tab or |",
            way_out="name the separator in the map",
        )
    visible = {name: score for name, score in found.items() if name != "whitespace"} or found
    if "whitespace" in found and found["whitespace"][0] > max(score[0] for score in visible.values()):
        visible = {"whitespace": found["whitespace"]}
    best = max(score[:2] for score in visible.values())
    names_left = [name for name, score in visible.items() if score[:2] == best]
    if len(names_left) > 1:
        raise fail(
            InputError,
            str(file),
            "can be cut into cells in more than one way",
            got=" or ".join(names_left),
            way_out=f"name the separator in the map, for example 'separator: {names_left[0]}'",
        )
    return SEPARATORS[names_left[0]]


def _split(file: Path, text: str, separator: str, limit: int | None = None) -> list[Record]:
    if separator == " ":
        lines = enumerate(text.split("\n")[:limit], start=1)
        return [(i, tuple(clean(cell) for cell in line.split())) for i, line in lines]
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True)
    rows: list[Record] = []
    start = 1
    try:
        for cells in reader:
            rows.append((start, tuple(clean(cell) for cell in cells)))
            start = reader.line_num + 1  # a quoted cell may span lines
            if limit is not None and len(rows) >= limit:
                break
    except csv.Error as error:
        raise InputError(
            Fault(
                "row",
                f"cannot be cut into cells: {error}",
                file=str(file),
                line=start,
                way_out="look for a quote that is not closed, in this line or below",
            )
        ) from error
    return rows
