"""From a file's rows to values: who, which measure, which condition, how much – or why not."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analysis.importing.known import Known
from analysis.importing.mapping import LABELS, Convert, Exclude, MeasureMap, TableMap, ValueColumn
from analysis.importing.numbers import NotANumber
from analysis.importing.people import Census, months
from analysis.importing.reader import NAN, Reader
from analysis.importing.unusable import EMPTY, KEPT, LEFT_OUT, Unusable
from protocols.base.errors import Fault, InputError, did_you_mean, listed, nearest


@dataclass
class Reading:
    """What a file says.

    Attributes
    ----------
    values
        One dictionary per value: the columns of a measure table, ``measure`` and ``line``.
    unusable
        Everything that could not be used.
    census
        The people.
    read
        Values the file holds, missing ones included.
    """

    census: Census
    values: list[dict[str, Any]] = field(default_factory=list)
    unusable: list[Unusable] = field(default_factory=list)
    read: int = 0
    unknown: dict[str, Counter[str]] = field(default_factory=dict)


def read_values(reader: Reader, how: MeasureMap, known: Known, codes: Mapping[str, str]) -> Reading:
    """Read every value of a table.

    Parameters
    ----------
    reader
        The table and how its cells are read.
    how, known
        The map, and the names it may use.
    codes
        ``sub-…`` by the code in the file.

    Raises
    ------
    InputError
        Where numbers have another decimal sign than declared, a person is in two groups, a condition is
        misspelt throughout, or a value stands twice.
    """
    long = ValueColumn(n=how.columns.n, se=how.columns.se)
    slots = dict(how.wide) if how.wide else {str(how.columns.value): long}
    reading = Reading(Census(how, known.groups, known.ranges, reader.missing))
    for line, cells in reader.table.rows:
        reading.read += len(slots)
        about = person_of(reader, how, reading, codes, line, cells, len(slots))
        if about is not None:
            for column, what in slots.items():
                _value(reader, how, known, reading, about, column, what, line, cells)
    reader.check_signs()
    reader.check_recoding()
    reading.census.check(str(reader.table.file))
    _check_conditions(reader, known, reading)
    _check_twice(reader, known, reading)
    return reading


def person_of(
    reader: Reader,
    how: TableMap,
    reading: Reading,
    codes: Mapping[str, str],
    line: int,
    cells: tuple[str, ...],
    values: int,
) -> tuple[str, str, Exclude | None] | None:
    """(code, group, exclusion rule) of a row; None if it belongs to nobody, which is then listed."""

    def lost(column: str, reason: str, done: str = LEFT_OUT, code: str | None = None) -> None:
        reading.unusable.append(
            Unusable(line, column, reader.found(cells, column), reason, done, values, participant_id=code)
        )

    raw = reader.text(cells, how.columns.participant_id)
    if reader.missing(raw):
        lost(how.columns.participant_id, "no participant code")
        return None
    code, rule = codes[raw], reader.excluded(cells)
    numbers: dict[str, float] = {}
    age: int | None = None
    columns = {name: (column, False) for name, column in (how.people or {}).items()}
    if how.age is not None:
        columns["age_months"] = (how.age.column, True)
    for name, (column, is_age) in columns.items():
        try:
            if is_age and how.age is not None and not reader.missing(reader.text(cells, column)):
                if how.age.unit != "years;months":
                    reader.number(cells, line, column)  # notices another decimal sign
                age = months(reader.text(cells, column), how.age, reader.numbers)
                numbers[name] = float(age)
            elif not is_age:
                numbers[name] = reader.number(cells, line, column, name)
        except NotANumber as error:
            if not error.other_sign:
                lost(column, f"{name}: {error.reason}", EMPTY, code)
    group, why, hint = reading.census.group(
        reader.text(cells, how.group.column) if how.group.column else None, age
    )
    for name, first in reading.census.add(code, line, group, numbers):
        lost(columns[name][0], f"{name} differs from line {first}, which was kept", EMPTY, code)
    if group is None:
        column = how.group.column or (how.age.column if how.age else how.columns.participant_id)
        if how.group.column and not rule and not reader.missing(reader.text(cells, column)):
            reader.notice("group", reader.found(cells, column))
        lost(column, rule.reason if rule else f"{why}: {hint}" if hint else why, LEFT_OUT, code)
        return None
    reader.matched.setdefault("group", set()).add(group)
    return code, group, rule


def _value(
    reader: Reader,
    how: MeasureMap,
    known: Known,
    reading: Reading,
    about: tuple[str, str, Exclude | None],
    column: str,
    what: ValueColumn,
    line: int,
    cells: tuple[str, ...],
) -> None:
    """Read one value; what cannot be used is listed, and kept with included 0 where it has its place."""
    code, group, rule = about
    row: dict[str, Any] = {
        "line": line,
        "participant_id": code,
        "group": group,
        "included": 1.0,
        "reason": None,
    }

    def lost(where: str, reason: str, done: str) -> None:
        found = reader.found(cells, where)
        reading.unusable.append(
            Unusable(line, where, found, reason, done, 1, row.get("measure"), code, row.get("condition"))
        )

    measure, named = (what.measure, "") if what.measure else reader.label(cells, "measure")
    if measure is None and how.columns.measure is None:
        measure = next(iter(known.measures))
    if measure is None or measure not in known.measures:
        if named and not rule and not reader.missing(named):
            reader.notice("measure", reader.found(cells, how.columns.measure or column))
        hint = did_you_mean(named, known.measures)
        lost(
            how.columns.measure or column,
            f"unknown measure: {hint}" if hint else "unknown measure" if named else "no measure",
            LEFT_OUT,
        )
        return
    row["measure"] = measure
    for name in LABELS:
        own = getattr(what, name)
        row[name], named = (own, "") if own is not None else reader.label(cells, name)
        if name == "condition" and not _condition_known(row, named, known, how):
            where = how.columns.condition or column
            hint = did_you_mean(named, known.conditions or ())
            reason = "no condition" if row["condition"] is None else "unknown condition"
            reason += f": {hint}" if hint else ""
            row["condition"] = None
            lost(where, rule.reason if rule else reason, LEFT_OUT)
            if not rule and named and not reader.missing(named):
                reader.notice(name, reader.found(cells, where))
                reading.unknown.setdefault(measure, Counter())[reader.found(cells, where)] += 1
            return
    for name, beside in (("n", what.n), ("se", what.se), ("trial_order", how.columns.trial_order)):
        if beside is not None:
            try:
                row[name] = reader.number(cells, line, beside)
                if row[name] < 0:
                    row[name] = NAN
                    lost(beside, f"{name}: less than 0", EMPTY)
            except NotANumber as error:
                lost(beside, f"{name}: {error.reason}", EMPTY)
    convert = known.how[measure].convert
    try:
        value = reader.number(cells, line, column, "value")
        reason = "no value" if math.isnan(value) else ""
        row["value"], row["se"] = _converted(value, row.get("se", NAN), convert)
    except NotANumber as error:
        row["value"], reason = NAN, error.reason
        if not rule and how.recoded("value"):
            reader.notice("value", reader.found(cells, column))
    if not reason and known.in_choices(measure) and row["value"] not in (0.0, 1.0):
        reason = "not a choice (0 or 1)"
    if not reason and known.how[measure].family == "ordinal" and row["value"] != round(row["value"]):
        reason = "not a whole number"
    if rule or reason:
        row["included"], row["reason"] = 0.0, rule.reason if rule else reason
        lost(rule.column if rule else column, row["reason"], KEPT)
    reading.values.append(row)


def _condition_known(row: dict[str, Any], named: str, known: Known, how: MeasureMap) -> bool:
    condition = row["condition"]
    if condition is None:
        return known.conditions is None and not named and how.columns.condition is None
    if known.conditions is not None:
        return condition in known.conditions
    return condition.isidentifier() and condition.isascii()


def _converted(value: float, se: float, convert: Convert) -> tuple[float, float]:
    scaled = value * convert.multiply + convert.add
    error = se * abs(convert.multiply)
    if not convert.log or math.isnan(scaled):
        return scaled, error
    if scaled <= 0:
        raise NotANumber("0 or less has no logarithm")
    return math.log(scaled), error / scaled


def _check_conditions(reader: Reader, known: Known, reading: Reading) -> None:
    """A condition that has not a single row, while unknown ones have, is misspelt, not missing."""
    faults = []
    for measure, counts in reading.unknown.items():
        seen = {row["condition"] for row in reading.values if row["measure"] == measure}
        names = known.conditions or ()
        meant = {nearest(name, names) for name in counts} - {None}
        absent = [
            name
            for name in names
            if name not in seen and (name in known.needed.get(measure, ()) or name in meant)
        ]
        if absent or not seen:
            faults.append(
                Fault(
                    f"measure '{measure}'",
                    f"has no row of condition {listed(absent or names or ['with a usable name'])}",
                    file=str(reader.table.file),
                    got=listed(f"'{name}' ({n} values)" for name, n in counts.most_common()),
                    accepted=listed(names),
                    way_out="name each, 'recode: {condition: {theirs: ours}}', or leave it out with 'exclude'",
                )
            )
    if faults:
        raise InputError(faults)


def _check_twice(reader: Reader, known: Known, reading: Reading) -> None:
    """The same person, condition and scene twice is a copy or a lost column; for choices only if trials have names."""
    from analysis.measures.table import KEY

    lines: dict[tuple[Any, ...], list[int]] = {}
    for row in reading.values:
        if row["included"] and (not known.in_choices(row["measure"]) or row["trial"] is not None):
            lines.setdefault((row["measure"], *(row[name] for name in KEY)), []).append(row["line"])
    twice = [(key, at) for key, at in lines.items() if len(at) > 1]
    if not twice:
        return
    faults = []
    hidden = {name for name in LABELS if getattr(reader.how.columns, name) in reader.personal}
    for key, at in twice[:5]:
        named = zip(("measure", *KEY), key, strict=True)
        what = ", ".join(f"{name} {part}" for name, part in named if part is not None and name not in hidden)
        faults.append(
            Fault(
                "value",
                f"stands {len(at)} times: lines {listed(at)}",
                got=what,
                file=str(reader.table.file),
                line=at[1],
                way_out="give the runs, trials or scenes a column of their own (columns.run …), or remove the copies",
            )
        )
    if len(twice) > 5:
        faults.append(
            Fault("values", f"{len(twice) - 5} more stand several times", file=str(reader.table.file))
        )
    raise InputError(faults)
