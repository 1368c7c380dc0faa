"""Single cells by the map: labels recoded, numbers in the file's notation, marked rows found. For every import."""

from __future__ import annotations

import math
from collections import Counter

from analysis.importing.mapping import Exclude, TableMap
from analysis.importing.numbers import Missing, NotANumber, Numbers
from analysis.importing.unusable import shown
from protocols.base.errors import Fault, InputError, listed
from protocols.sources.cells import SourceTable

NAN = math.nan


class Reader:
    """Reads single cells by the map.

    Parameters
    ----------
    table, how
        The file's table and its map.
    personal
        Columns whose cells are never shown, allowed or not.
    """

    def __init__(self, table: SourceTable, how: TableMap, personal: set[str]) -> None:
        self.table, self.how, self.personal = table, how, personal
        self.missing = Missing(how.missing)
        self.numbers = Numbers(how.decimal, how.thousands)
        self.place = {name: i for i, name in enumerate(table.header)}
        self.other_signs: dict[str, list[tuple[int, str]]] = {}
        self.matched: dict[str, set[object]] = {}
        self.strange: dict[str, Counter[str]] = {}
        self.constant = {str(name): str(value) for name, value in (how.constant or {}).items()}

    def text(self, cells: tuple[str, ...], column: str) -> str:
        """A cell as it stands."""
        return cells[self.place[column]]

    def label(self, cells: tuple[str, ...], name: str) -> tuple[str | None, str]:
        """One of our text columns in a row, recoded, and what stood there; None where it is missing."""
        column = getattr(self.how.columns, name)
        if column is None:
            return self.constant.get(name), ""
        text = self.text(cells, column)
        if self.missing(text):
            return None, text
        ours = str(self.how.recoded(name).get(text, text))
        self.matched.setdefault(name, set()).add(ours)
        return ours, text

    def number(self, cells: tuple[str, ...], line: int, column: str, name: str = "") -> float:
        """A cell's number; NaN where it is missing, or has another decimal sign (`check_signs` tells).

        Raises
        ------
        NotANumber
            With the reason.
        """
        text = self.text(cells, column)
        recoding = self.how.recoded(name) if name else {}
        if text in recoding:
            self.matched.setdefault(name, set()).add(recoding[text])
            return float(recoding[text])
        if self.missing(text):
            return NAN
        try:
            value = self.numbers.parse(text)
            if recoding:
                self.matched.setdefault(name, set()).add(value)
            return value
        except NotANumber as error:
            if not error.other_sign:
                raise
            self.other_signs.setdefault(column, []).append((line, text))
            return NAN

    def excluded(self, cells: tuple[str, ...]) -> Exclude | None:
        """The first rule that marks a row as unusable."""
        for rule in self.how.excludes:
            text = self.text(cells, rule.column)
            if any(_says(text, value) for value in rule.when):
                return rule
        return None

    def found(self, cells: tuple[str, ...], column: str) -> str:
        """A cell as lists may show it."""
        return shown(self.text(cells, column), column, self.personal)

    def notice(self, name: str, found: str) -> None:
        """Count a cell that one of our columns could not understand."""
        self.strange.setdefault(name, Counter())[found] += 1

    def check_recoding(self) -> None:
        """Raise an InputError where a recoding cannot be meant as it stands.

        If what it makes never occurs while other cells of the column are not understood, it is misspelt. To list
        these cells and go on would lose one kind of answer, or one group, altogether.
        """
        recodings = {name: self.how.recoded(name) for name in self.strange}
        recodings["group"] = dict(self.how.group.recode or {})
        faults = []
        for name, counts in self.strange.items():
            never = [
                theirs
                for theirs, ours in recodings[name].items()
                if ours not in self.matched.get(name, set())
            ]
            if never:
                faults.append(
                    Fault(
                        f"recode of '{name}'",
                        f"never finds {listed(map(repr, never))}",
                        file=str(self.table.file),
                        got=listed(f"'{found}' ({n} times)" for found, n in counts.most_common()),
                        way_out="write what stands in the table, letter by letter; or take the entry out of the map",
                    )
                )
        if faults:
            raise InputError(faults)

    def check_signs(self) -> None:
        """Raise an InputError where numbers have another decimal sign than the map says."""
        faults = []
        for column, places in self.other_signs.items():
            line, text = places[0]
            more = f" (and {len(places) - 1} more cells)" if len(places) > 1 else ""
            comma = self.how.decimal == "."
            sign = "a decimal comma" if comma else "a number that is not written with ',' as the map says"
            grouped = (
                ""
                if self.how.thousands
                else f"; if it separates thousands, 'thousands: \"{self.numbers.other()}\"'"
            )
            faults.append(
                Fault(
                    f"column '{column}'",
                    f"holds {sign}{more}",
                    file=str(self.table.file),
                    line=line,
                    got=text,
                    accepted=f"{1.5:g}" if comma else "1,5",
                    way_out=f"write 'decimal: \"{self.numbers.other()}\"' in the map{grouped}; or correct the cell",
                )
            )
        if faults:
            raise InputError(faults)


def _says(text: str, value: str | int | float | bool) -> bool:
    if isinstance(value, bool):
        return text.casefold() == str(value).casefold()
    if isinstance(value, str):
        return text == value
    try:
        return float(text) == float(value)
    except ValueError:
        return False
