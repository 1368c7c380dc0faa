"""The import map: which column is what, in a strict document whose every fault has its place.

`TableMap` is what every import shares; `MeasureMap` adds what measure tables need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import Field

from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.document import Document, Path_, load
from protocols.plan.fields import Identifier, Part, Sentence, declare
from protocols.plan.measuring import CHOICES, UNIT_OF, Statistic

MISSING: tuple[str, ...] = ("n/a", "NA", "NaN", "null", ".", "-")
Cell = str | int | float
Recoding = dict[str, str | int | float]
AgeRange = tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(gt=0)]]
LABELS = ("session", "run", "trial", "condition", "clip", "pair_id", "scene")
"""Text columns of a measure table that say which value a row is."""


class SharedColumns(Part):
    """Our name: the column of the file that holds it; what every import knows."""

    participant_id: Sentence = declare("column with the participant's code")
    session: Sentence | None = declare("column with the session", None)
    run: Sentence | None = declare("column with the run within the session", None)
    trial: Sentence | None = declare("column with the trial within the run", None)
    pair_id: Sentence | None = declare("column with the pair the clip belongs to", None)
    scene: Sentence | None = declare("column with the scene or item", None)


class Columns(SharedColumns):
    """Our name: the column of the file that holds it."""

    condition: Sentence | None = declare("column with the condition", None)
    clip: Sentence | None = declare("column with the clip's file or name", None)
    trial_order: Sentence | None = declare(
        "column with the clip's place among all clips the person saw, from 1", None
    )
    measure: Sentence | None = declare("column that says which measure a row's value is (long tables)", None)
    value: Sentence | None = declare(
        "column with the value (long tables); use 'wide' where several columns hold values", None
    )
    n: Sentence | None = declare("column with the number of observations behind the value", None)
    se: Sentence | None = declare("column with the value's standard error", None)


class ValueColumn(Part):
    """What the values of one column of a wide table are."""

    measure: Identifier | None = declare("the measure; may be left out where there is only one", None)
    session: Sentence | None = declare("session of all its values", None)
    run: Sentence | None = declare("run of all its values", None)
    trial: Sentence | None = declare("trial of all its values", None)
    condition: Identifier | None = declare("condition of all its values", None)
    clip: Sentence | None = declare("clip of all its values", None)
    pair_id: Sentence | None = declare("pair of clips of all its values", None)
    scene: Sentence | None = declare("scene of all its values", None)
    n: Sentence | None = declare("the column with the number of observations behind its values", None)
    se: Sentence | None = declare("the column with its standard errors", None)


class Age(Part):
    """Age at testing; birth dates are never read."""

    column: Sentence = declare("column with the age")
    unit: Literal["months", "years", "years;months"] = declare("what it counts; years;months is written 5;6")


class GroupSource(Part):
    """Where the group of a person comes from: exactly one of the three."""

    column: Sentence | None = declare("column with the group or age band; see recode", None)
    recode: dict[str, Identifier] | None = declare(
        'their name: the group, for example {"20-39 Jahre alt": young}', None
    )
    from_age: Literal[True] | dict[Identifier, AgeRange] | None = declare(
        "by age: true takes the plan's ranges; or {child: [48, 84]}, whole months, half-open", None
    )
    constant: Identifier | None = declare("one group for everybody", None)


class Exclude(Part):
    """Rows another program or a person marked as unusable."""

    column: Sentence = declare("column that marks them")
    when: tuple[Cell | bool, ...] = declare("values that mean 'do not use'", min_length=1)
    reason: Sentence = declare("why, as tables and report will say")


class Convert(Part):
    """From the file's unit to the measure's: value x multiply + add, then the logarithm if asked."""

    multiply: float = declare("factor, for example 0.001 from ms to s, 100 from proportion to percent", 1.0)
    add: float = declare("offset, in the new unit", 0.0)
    log: bool = declare("natural logarithm afterwards", False)


class ImportedMeasure(Part):
    """What a measure's numbers are; with a plan, what the plan says and the map repeats must agree."""

    unit: Sentence | None = declare("unit after conversion", None)
    level: Literal["conscious", "neural"] | None = declare(
        "what the person says, or what the brain does", None
    )
    statistic: Statistic | None = declare("what the numbers are", None)
    family: Literal["gaussian", "binomial", "ordinal"] | None = declare(
        "distribution of single values; by default it follows from the statistic", None
    )
    convert: Convert = declare("from the file's unit to the measure's", Convert())


class TableMap(Part):
    """What the maps of all imports share."""

    labels: ClassVar[tuple[str, ...]] = (*LABELS, "measure")
    """Our text columns; each may be constant."""
    values: ClassVar[tuple[str, ...]] = ("value",)
    """Our number columns besides the covariates."""

    map: int = declare("version of this format", 1, ge=1, le=1)
    simulated: bool = declare("the values are simulated, and every report will say so", False)
    source: Identifier | None = declare(
        "name of this source; the file's name if absent. The same source again replaces what it brought", None
    )
    separator: Literal["comma", "semicolon", "tab", "bar", "whitespace"] | None = declare(
        "between cells; found by itself if absent", None
    )
    decimal: Literal[".", ","] = declare("decimal sign of the file's numbers", ".")
    thousands: Literal[".", ",", " ", "'"] | None = declare("sign between groups of three digits", None)
    encoding: Sentence | None = declare(
        "the text's encoding where it is not UTF-8 and has no byte-order mark: cp1252, gb18030", None
    )
    sheet: Sentence | None = declare("the workbook's sheet; needed if several have content", None)
    header_line: int = declare("line of the header, where text stands above it", 1, ge=1)
    missing: tuple[Cell, ...] = declare("what stands for a missing value, besides an empty cell", MISSING)
    columns: SharedColumns = declare("our name: the file's column")
    constant: dict[Identifier, str | int] | None = declare(
        "values for columns the file does not have, {session: scan}", None
    )
    recode: dict[str, Recoding] | None = declare("our name: {their value: ours}", None)
    conditions: tuple[Identifier, ...] | None = declare(
        "the conditions there are, where no plan says so", None
    )
    group: GroupSource = declare("where a person's group comes from")
    age: Age | None = declare("age at testing, for age_months and groups by age", None)
    people: dict[Identifier, Sentence] | None = declare(
        "covariate: the column with that number per person", None
    )
    exclude: tuple[Exclude, ...] | Exclude = declare("rows marked as unusable", ())
    rekey: bool = declare("give fresh participant codes", False)
    digits: int | None = declare(
        "fill number codes with zeros to so many digits: 7 is 07 where a spreadsheet ate the zero",
        None,
        ge=1,
        le=9,
    )
    code_table: Sentence | None = declare(
        "file outside the output that keeps old and new codes, from the map's folder", None
    )
    allow_columns: tuple[Sentence, ...] = declare("columns that look personal and are not", ())

    @property
    def excludes(self) -> tuple[Exclude, ...]:
        """Its exclusion rules, in order."""
        return self.exclude if isinstance(self.exclude, tuple) else (self.exclude,)

    @property
    def texts(self) -> tuple[str, ...]:
        """Our columns that hold words, which can be recoded."""
        return self.labels

    @property
    def numbers(self) -> tuple[str, ...]:
        """Our columns that hold numbers, which can be recoded."""
        return (*self.values, *(self.people or {}))

    def recoded(self, name: str) -> Recoding:
        """The recoding of one of our columns, empty where there is none."""
        return (self.recode or {}).get(name, {})

    def used_columns(self) -> Iterator[tuple[str, Path_]]:
        """Every column of the file the map names, with the place in the map."""
        for name in type(self.columns).model_fields:
            column = getattr(self.columns, name)
            if column is not None:
                yield column, ("columns", name)
        if self.group.column is not None:
            yield self.group.column, ("group", "column")
        if self.age is not None:
            yield self.age.column, ("age", "column")
        for name, column in (self.people or {}).items():
            yield column, ("people", name)
        for i, rule in enumerate(self.excludes):
            yield (
                rule.column,
                ("exclude", i, "column") if isinstance(self.exclude, tuple) else ("exclude", "column"),
            )


class MeasureMap(TableMap):
    """The map of ``bazin import measures``."""

    columns: Columns = declare("our name: the file's column")
    measures: dict[Identifier, ImportedMeasure] | None = declare("what is measured", None)
    wide: dict[str, ValueColumn] | None = declare(
        "tables with several value columns: {column: {measure: dmpfc, condition: live}}", None
    )

    def used_columns(self) -> Iterator[tuple[str, Path_]]:
        """Every column of the file the map names, with the place in the map."""
        yield from super().used_columns()
        for column, what in (self.wide or {}).items():
            yield column, ("wide", column)
            for name in ("n", "se"):
                other = getattr(what, name)
                if other is not None:
                    yield other, ("wide", column, name)


M = TypeVar("M", bound=TableMap)


def read_map(model: type[M], file: Path) -> tuple[M, Document]:
    """Read a map and check what can be checked without the table.

    Raises
    ------
    InputError
        With every fault, each with its line and column.
    """
    how, document = load(model, file)
    faults = [*_table_faults(how, document)]
    if isinstance(how, MeasureMap):
        faults += _measure_faults(how, document)
    if faults:
        raise InputError(faults)
    return how, document


def _table_faults(how: TableMap, document: Document) -> Iterator[Fault]:
    if how.thousands == how.decimal:
        yield document.fault(("thousands",), "is the decimal sign", got=how.decimal)
    sources = [name for name in ("column", "from_age", "constant") if getattr(how.group, name) is not None]
    if len(sources) != 1:
        yield document.fault(
            ("group",),
            "must say one thing" if sources else "does not say where the group comes from",
            at_key=True,
            got=listed(sources),
            accepted="one of: column, from_age, constant",
        )
    if how.group.recode and how.group.column is None:
        yield document.fault(("group", "recode"), "needs a column", at_key=True, way_out="add group.column")
    if how.group.from_age is not None and how.age is None:
        yield document.fault(
            ("group", "from_age"),
            "needs the age",
            at_key=True,
            way_out="add 'age: {column: Age, unit: months}'",
        )
    for name, (first, end) in how.group.from_age.items() if isinstance(how.group.from_age, dict) else ():
        if first >= end:
            yield document.fault(
                ("group", "from_age", name),
                "is an empty range",
                got=f"[{first}, {end}]",
                accepted="[from, to) in months",
            )
    if how.age is not None and re.search(r"birth|dob|geburt|naiss|nacim|出生", how.age.column, re.IGNORECASE):
        yield document.fault(
            ("age", "column"),
            "is a birth date, not an age",
            way_out="put the age at testing, in whole months, in the table",
        )
    if how.code_table is not None and not how.rekey:
        yield document.fault(
            ("code_table",),
            "is of no use without new codes",
            at_key=True,
            way_out="add 'rekey: true', or take it away",
        )
    names = [*how.texts, *how.numbers]
    for name in how.recode or {}:
        if name not in names:
            yield document.fault(
                ("recode", name),
                "is not one of our columns",
                at_key=True,
                accepted=listed(names, limit=20),
                way_out="groups have their own: group.recode"
                if name == "group"
                else did_you_mean(name, names),
            )
    for name in how.numbers:
        for theirs, ours in how.recoded(name).items():
            if isinstance(ours, str):
                yield document.fault(
                    ("recode", name, theirs),
                    "is not a number",
                    got=repr(ours),
                    way_out="take the quotes away, if it is one",
                )
    for name in how.constant or {}:
        if name not in how.labels:
            yield document.fault(
                ("constant", name),
                "cannot be constant: it is not one of our text columns",
                at_key=True,
                accepted=listed(how.labels, limit=20),
                way_out=did_you_mean(name, how.labels),
            )
        elif getattr(how.columns, name) is not None:
            yield document.fault(
                ("constant", name), "stands in 'columns' as well", at_key=True, way_out="keep one of the two"
            )


def _measure_faults(how: MeasureMap, document: Document) -> Iterator[Fault]:
    wide, long = bool(how.wide), how.columns.value is not None
    if wide == long:
        yield document.fault(
            ("wide" if wide else "columns",),
            "and 'columns.value' cannot both say where the values are"
            if wide
            else "does not say where the values are",
            at_key=True,
            accepted="columns.value for one value column, 'wide' for several",
        )
    if wide:
        for name in ("n", "se"):
            if getattr(how.columns, name) is not None:
                yield document.fault(
                    ("columns", name),
                    "belongs to one value column",
                    way_out=f"write it there: 'wide: {{column: {{{name}: …}}}}'",
                )
    given = [name for name in ("age_months", "participant_id", "group") if name in (how.people or {})]
    for name in given:
        way_out = (
            "write 'age: {column: Age, unit: months}'"
            if name == "age_months"
            else f"see {'columns' if name != 'group' else 'group'}"
        )
        yield document.fault(("people", name), "is not a covariate", at_key=True, way_out=way_out)
    for name, measure in (how.measures or {}).items():
        if measure.unit and measure.statistic in UNIT_OF and measure.unit != UNIT_OF[measure.statistic]:
            yield document.fault(
                ("measures", name, "unit"),
                f"is not the unit of the statistic '{measure.statistic}'",
                got=measure.unit,
                accepted=UNIT_OF[measure.statistic],
                way_out="convert the values (measures.….convert), or use the statistic 'value'",
            )
        if (
            measure.family
            and measure.statistic
            and (measure.family == "binomial") != (measure.statistic in CHOICES)
        ):
            yield document.fault(
                ("measures", name, "family"),
                f"does not fit the statistic '{measure.statistic}'",
                got=measure.family,
                accepted="binomial goes with " + listed(CHOICES),
            )
        log = measure.convert.log
        if measure.statistic == "log_response_time" and not log and measure.convert != Convert():
            yield document.fault(
                ("measures", name, "convert"),
                "scales a logarithm",
                way_out="add 'log: true' if the file holds response times",
            )
