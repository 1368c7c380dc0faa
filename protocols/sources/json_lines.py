"""JSON lines, and JSON files that are one list: each object is a row, its keys are columns, as jsPsych writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from protocols.base.errors import Fault, InputError, fail
from protocols.base.files import read_text
from protocols.sources.cells import NumberCell, clean
from protocols.sources.notation import Notation

Record = tuple[int, tuple[str, ...]]


def json_rows(file: Path, how: Notation) -> list[Record]:
    """(line, cells) of a JSON file, a header with all keys first; in one list the line is the object's number + 1.

    Raises
    ------
    InputError
        If a line is not an object, or a value is itself a list or an object.
    """
    text = read_text(file, how.encoding).removeprefix("\ufeff")
    objects = _listed(file, text) if text.lstrip().startswith("[") else _by_line(file, text)
    names = list(dict.fromkeys(key for _, row in objects for key in row))
    if not names:
        return []
    rows = [(line, tuple(_text(file, line, name, row.get(name)) for name in names)) for line, row in objects]
    # Keys stand in every row, so there is no line of their own: the header takes the place of the first.
    return [(how.header_line, tuple(clean(name) for name in names)), *rows]


def _by_line(file: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    return [
        (line, _object(file, line, part))
        for line, part in enumerate(text.split("\n"), start=1)
        if part.strip()
    ]


def _listed(file: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            Fault(
                "document",
                f"is not JSON: {error.msg}",
                file=str(file),
                line=error.lineno,
                column=error.colno,
                way_out="it may be half written; export it again",
            )
        ) from error
    wrong = next((i for i, item in enumerate(items, start=1) if not isinstance(item, dict)), None)
    if wrong is not None:
        raise fail(
            InputError,
            str(file),
            f"has an item that is no object: number {wrong}",
            accepted='{"key": value, …}',
        )
    return [(number, item) for number, item in enumerate(items, start=2)]


def _object(file: Path, line: int, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            Fault(
                "row",
                f"is not JSON: {error.msg}",
                file=str(file),
                line=line,
                column=error.colno,
                way_out="one whole object per line; the line may be half written",
            )
        ) from error
    if not isinstance(found, dict):
        raise InputError(
            Fault(
                "row", "is no object", file=str(file), line=line, accepted='{"key": value, …} in every line'
            )
        )
    return found


def _text(file: Path, line: int, name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return NumberCell(value)
    if isinstance(value, float):
        whole = value.is_integer() and abs(value) < 2**53
        return NumberCell(int(value) if whole else repr(value)) if value - value == 0 else "NaN"
    if isinstance(value, str):
        return clean(value)
    raise InputError(
        Fault(
            f"'{name}'",
            "is a list or an object, not one value",
            file=str(file),
            line=line,
            way_out="write its parts under keys of their own",
        )
    )
