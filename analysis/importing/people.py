"""Who the rows are about: one group, age and set of covariates per person."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from analysis.importing.known import AgeRanges
from analysis.importing.mapping import Age, TableMap
from analysis.importing.numbers import Missing, NotANumber, Numbers
from protocols.base.errors import Fault, InputError, did_you_mean, fail, listed


@dataclass
class Person:
    """What the file says about one person.

    Attributes
    ----------
    code
        ``sub-07``.
    group
        Their group, with the line that said so first.
    numbers
        Age in months and covariates, each with the line that said so first.
    """

    code: str
    group: tuple[str, int] | None = None
    numbers: dict[str, tuple[float, int]] = field(default_factory=dict)


def months(text: str, age: Age, numbers: Numbers) -> int:
    """Age in whole completed months.

    Raises
    ------
    NotANumber
        If it is not an age in the unit.
    """
    if age.unit == "years;months":
        match = re.fullmatch(r"([0-9]{1,3})\s*[;:]\s*([0-9]{1,2})(?:[.;:].*)?", text)
        if match is None or int(match[2]) > 11:
            raise NotANumber("not an age as years;months (5;6)")
        return int(match[1]) * 12 + int(match[2])
    value = numbers.parse(text)
    found = math.floor(value * 12 + 1e-9) if age.unit == "years" else math.floor(value)
    if not 0 <= found <= 1500:
        raise NotANumber(f"not an age in {age.unit}")
    return found


def group_of_age(age: int, ranges: AgeRanges) -> str | None:
    """The group whose half-open range holds an age, or None."""
    return next((name for name, (first, end) in ranges.items() if first <= age < end), None)


def check_whole_years(how: TableMap, ages: list[str], ranges: AgeRanges) -> None:
    """Refuse ages in whole years where a range begins or ends between birthdays.

    Raises
    ------
    InputError
        As nobody can say on which side of the border such a person is.
    """
    uneven = [name for name, ends in ranges.items() if any(end % 12 for end in ends)]
    if (
        how.group.from_age
        and how.age
        and how.age.unit == "years"
        and uneven
        and ages
        and all(re.fullmatch("[0-9]+", a) for a in ages)
    ):
        raise fail(
            InputError,
            f"column '{how.age.column}'",
            f"has whole years only, which cannot decide who is in {listed(uneven)}",
            got=listed(f"{name} [{a}, {b}) months" for name, (a, b) in ranges.items()),
            way_out="give the age in months, or as decimal years",
        )


class Census:
    """Collects people row by row and notices when rows contradict each other."""

    def __init__(self, how: TableMap, groups: tuple[str, ...], ranges: AgeRanges, missing: Missing) -> None:
        self.how, self.groups, self.ranges, self.missing = how, groups, ranges, missing
        self.people: dict[str, Person] = {}
        self.conflicts: dict[tuple[str, str, str], tuple[int, int]] = {}

    def group(self, text: str | None, age: int | None) -> tuple[str | None, str, str]:
        """The group a row names: (group or None, why none, did you mean)."""
        source = self.how.group
        if source.constant is not None:
            return source.constant, "", ""
        if source.from_age is not None:
            if age is None:
                return None, "no age, so no group", ""
            found = group_of_age(age, self.ranges)
            return found, "" if found else f"age of {age} months is in no group", ""
        if text is None or self.missing(text):
            return None, "no group", ""
        name = (source.recode or {}).get(text, text)
        if name in self.groups:
            return name, "", ""
        return None, "unknown group", did_you_mean(text, [*(source.recode or {}), *self.groups])

    def add(
        self, code: str, line: int, group: str | None, numbers: dict[str, float]
    ) -> Iterator[tuple[str, int]]:
        """Note what a row says of a person; yields covariates that contradict an earlier line."""
        person = self.people.setdefault(code, Person(code))
        if group is not None:
            if person.group is None:
                person.group = (group, line)
            elif person.group[0] != group:
                self.conflicts.setdefault((code, person.group[0], group), (person.group[1], line))
        for name, value in numbers.items():
            if math.isnan(value):
                continue
            first = person.numbers.setdefault(name, (value, line))
            if first[0] != value:
                yield name, first[1]

    def check(self, file: str) -> None:
        """Raise an InputError for everybody who is in two groups."""
        if self.conflicts:
            raise InputError(
                [
                    Fault(
                        code,
                        f"is in two groups: {first} (line {lines[0]}) and {second} (line {lines[1]})",
                        file=file,
                        line=lines[1],
                        way_out="correct the table; a person belongs to one group",
                    )
                    for (code, first, second), lines in self.conflicts.items()
                ]
            )
