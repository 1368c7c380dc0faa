"""Rows that cannot be used: each is listed with line, column, what was found, why, and what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from protocols.sources.cells import NumberCell

KEPT, LEFT_OUT, EMPTY = "kept with included 0", "left out", "left empty"
HIDDEN = "(not shown)"
LONGEST = 24


@dataclass(frozen=True)
class Unusable:
    """One place in the file that could not be used.

    Attributes
    ----------
    line, column
        Where it stands: 1-based line (row of a sheet) and column name.
    found
        What stands there, unless it may be personal.
    reason, done
        Why it cannot be used, and what became of it.
    values
        Values lost by it: one, or all of the row.
    measure, participant_id, condition
        What it would have been, as far as known.
    """

    line: int
    column: str
    found: str
    reason: str
    done: str
    values: int = 1
    measure: str | None = None
    participant_id: str | None = None
    condition: str | None = None


COLUMNS = {
    "source": "file the row stands in",
    "line": "line of the file, or row of the sheet",
    "column": "column of the file",
    "value_found": "what stood there, unless it may be personal",
    "measure": "measure it would have been",
    "participant_id": "person it belongs to, if known",
    "condition": "condition it belongs to, if known",
    "reason": "why it was not used",
    "what_was_done": "kept with included 0, left out, or left empty",
    "values": "values concerned",
}


def shown(text: str, column: str, personal: Iterable[str]) -> str:
    """A cell as lists and messages may show it: not at all if its column looks personal, nor when it is long."""
    if column in personal:
        return HIDDEN
    if len(text) > LONGEST and not isinstance(text, NumberCell):
        return f"(text of {len(text)} characters)"
    return HIDDEN if "@" in text else text


def listing(source: str, rows: Sequence[Unusable]) -> list[list[Any]]:
    """Rows of ``unusable_rows.tsv``."""
    return [
        [
            source,
            r.line,
            r.column,
            r.found,
            r.measure,
            r.participant_id,
            r.condition,
            r.reason,
            r.done,
            r.values,
        ]
        for r in rows
    ]


def by_reason(rows: Iterable[Unusable]) -> dict[str, int]:
    """Values lost by each reason, the most frequent first."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row.reason] += row.values if row.done != EMPTY else 0
    return {reason: n for reason, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n}


def as_documents(rows: Iterable[Unusable]) -> list[dict[str, Any]]:
    """Plain dictionaries, for JSON."""
    return [asdict(row) for row in rows]
