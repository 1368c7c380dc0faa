"""What the values may belong to: measures, groups and conditions, from the plan if there is one, else the map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.importing.mapping import ImportedMeasure, MeasureMap, TableMap
from analysis.measures.table import Sidecar, sidecar_for
from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.document import Document
from protocols.plan.expanding import PSEUDO_CONDITIONS
from protocols.plan.measuring import CHOICES, UNIT_OF, Measure
from protocols.plan.promises import Plan

AgeRanges = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Known:
    """What names in the table may mean.

    Attributes
    ----------
    measures
        The measures imported, by name.
    how
        How each one's values are converted.
    groups
        Names of groups.
    ranges
        Age ranges of groups in months, half-open.
    conditions
        Names of conditions, or None where neither plan nor map names them: then any usable name will do.
    needed
        Conditions the plan's hypotheses need, by measure.
    """

    measures: Mapping[str, Measure]
    how: Mapping[str, ImportedMeasure]
    groups: tuple[str, ...]
    ranges: AgeRanges
    conditions: tuple[str, ...] | None
    needed: Mapping[str, frozenset[str]]

    def sidecar(self, name: str, plan_sha256: str | None, sources: list[str]) -> Sidecar:
        """The sidecar of a measure's table."""
        sidecar = sidecar_for(self.measures[name], plan_sha256=plan_sha256, Sources=sources)
        if self.how[name].family == "ordinal":
            sidecar = sidecar.model_copy(update={"family": "ordinal", "link": "cumulative_logit"})
        return sidecar

    def in_choices(self, name: str) -> bool:
        """Whether a measure's values are single choices, 0 or 1."""
        return self.measures[name].statistic in CHOICES


def names_of(how: MeasureMap) -> list[str]:
    """The measures a map speaks of."""
    named = [column.measure for column in (how.wide or {}).values() if column.measure]
    constant = (how.constant or {}).get("measure")
    named += [str(constant)] if constant is not None else []
    named += [str(name) for name in how.recoded("measure").values()]
    return list(dict.fromkeys([*named, *(how.measures or {})]))


def known_groups(
    how: TableMap, document: Document, plan: Plan | None
) -> tuple[tuple[str, ...], AgeRanges, list[Fault]]:
    """Names and age ranges of the groups a person can be in, and what is wrong with the map's."""
    source, faults = how.group, []
    own: dict[str, tuple[str | int, ...]] = {
        name: ("group", "recode", theirs) for theirs, name in (source.recode or {}).items()
    }
    if isinstance(source.from_age, dict):
        own |= {name: ("group", "from_age", name) for name in source.from_age}
    if source.constant:
        own[source.constant] = ("group", "constant")
    ranges = dict(source.from_age) if isinstance(source.from_age, dict) else {}
    if plan is None:
        if source.column is not None and not source.recode:
            faults.append(
                document.fault(
                    ("group", "column"),
                    "needs a recode that names the groups, as there is no plan",
                    at_key=True,
                    way_out="add group.recode with every value, {child: child, adult: adult}; or give the plan",
                )
            )
        if source.from_age is True:
            faults.append(
                document.fault(
                    ("group", "from_age"),
                    "has no age ranges, as there is no plan",
                    way_out="write 'from_age: {child: [48, 84], adult: [216, 492]}' (months), or give the plan",
                )
            )
        return tuple(own), ranges, faults
    for name, place in own.items():
        if name not in plan.groups:
            faults.append(
                document.fault(
                    place,
                    "is not a group of the plan",
                    got=name,
                    accepted=listed(plan.groups),
                    way_out=did_you_mean(name, plan.groups),
                )
            )
    promised = {name: group.age_months for name, group in plan.groups.items() if group.age_months is not None}
    for name, ages in ranges.items():
        if name in promised and tuple(ages) != tuple(promised[name]):
            faults.append(
                document.fault(
                    ("group", "from_age", name),
                    "is not the plan's age range",
                    got=str(list(ages)),
                    accepted=str(list(promised[name])),
                    way_out="write 'from_age: true'",
                )
            )
    if source.from_age is True and not promised:
        faults.append(document.fault(("group", "from_age"), "has no age ranges: the plan's groups have none"))
    return tuple(plan.groups), {**promised, **ranges}, faults


def known_conditions(
    how: TableMap,
    document: Document,
    plan: Plan | None,
    *,
    column: str = "condition",
    more: Mapping[str, tuple[str | int, ...]] | None = None,
) -> tuple[tuple[str, ...] | None, list[Fault]]:
    """Names of the conditions, or None where nothing names them, and what is wrong with the map's.

    Parameters
    ----------
    column
        Our column that holds them.
    more
        Conditions the map names elsewhere, with their places.
    """
    own: dict[str, tuple[str | int, ...]] = {
        str(ours): ("recode", column, theirs) for theirs, ours in how.recoded(column).items()
    }
    constant = (how.constant or {}).get(column)
    if constant is not None:
        own[str(constant)] = ("constant", column)
    own |= more or {}
    own |= {name: ("conditions", i) for i, name in enumerate(how.conditions or ())}
    if isinstance(how, MeasureMap):
        own |= {
            c.condition: ("wide", name, "condition") for name, c in (how.wide or {}).items() if c.condition
        }
    names: tuple[str, ...] | None
    if plan is not None:
        names = tuple(plan.conditions)
    elif how.conditions is not None:
        names = how.conditions
    else:
        return tuple(own) or None, []
    whose = "the plan" if plan is not None else "'conditions'"
    faults = [
        document.fault(
            place,
            f"is not a condition of {whose}",
            got=name,
            accepted=listed(names),
            way_out=did_you_mean(name, names),
        )
        for name, place in own.items()
        if name not in names
    ]
    return names, faults


def known(how: MeasureMap, document: Document, plan: Plan | None) -> Known:
    """Gather what names may mean.

    Raises
    ------
    InputError
        Where map and plan contradict each other, or the map alone does not say enough.
    """
    groups, ranges, faults = known_groups(how, document, plan)
    conditions, more = known_conditions(how, document, plan)
    faults += more
    names = names_of(how)
    if not names:
        faults.append(
            document.fault(
                ("measures",),
                "names no measure",
                at_key=True,
                way_out="add 'measures: {dmpfc: {}}'; without a plan also its level, statistic and unit",
            )
        )
    if (
        len(names) > 1
        and not how.wide
        and how.columns.measure is None
        and "measure" not in (how.constant or {})
    ):
        faults.append(
            document.fault(
                ("columns",),
                "does not say which measure a value is",
                at_key=True,
                way_out="add columns.measure",
            )
        )
    for column, what in (how.wide or {}).items():
        if (
            what.measure is None
            and len(names) != 1
            and how.columns.measure is None
            and "measure" not in (how.constant or {})
        ):
            faults.append(
                document.fault(
                    ("wide", column),
                    "does not say which measure its values are",
                    at_key=True,
                    accepted=listed(names),
                )
            )
    measures: dict[str, Measure] = {}
    settings = {name: (how.measures or {}).get(name, ImportedMeasure()) for name in names}
    for name, given in settings.items():
        measure = (
            _from_plan(name, given, document, plan, faults)
            if plan
            else _from_map(name, given, document, faults)
        )
        if measure is not None:
            measures[name] = measure
    if faults:
        raise InputError(list({str(fault): fault for fault in faults}.values()))
    return Known(
        measures, settings, groups, ranges, conditions, {name: _needed(plan, name) for name in names}
    )


def _from_plan(
    name: str, given: ImportedMeasure, document: Document, plan: Plan, faults: list[Fault]
) -> Measure | None:
    measure = plan.measures.get(name)
    if measure is None:
        faults.append(
            document.fault(
                ("measures", name),
                f"'{name}' is not a measure of the plan",
                at_key=True,
                accepted=listed(plan.measures),
                way_out=did_you_mean(name, plan.measures),
            )
        )
        return None
    for what, promised in (
        ("unit", measure.in_unit),
        ("level", measure.level),
        ("statistic", measure.statistic),
    ):
        said = getattr(given, what)
        if said is not None and said != promised:
            faults.append(
                document.fault(
                    ("measures", name, what),
                    f"is not the plan's {what}",
                    got=said,
                    accepted=promised,
                    way_out="convert the values (convert: {multiply: …}) and give the unit after it"
                    if what == "unit"
                    else "",
                )
            )
    if given.family and (given.family == "binomial") != (measure.statistic in CHOICES):
        faults.append(
            document.fault(
                ("measures", name, "family"),
                f"does not fit the plan's statistic '{measure.statistic}'",
                got=given.family,
            )
        )
    return measure


def _from_map(name: str, given: ImportedMeasure, document: Document, faults: list[Fault]) -> Measure | None:
    lacking = [what for what in ("level", "statistic") if getattr(given, what) is None]
    if given.statistic is not None and given.unit is None and given.statistic not in UNIT_OF:
        lacking.append("unit")
    if lacking:
        faults.append(
            document.fault(
                ("measures", name),
                f"'{name}' lacks {listed(lacking)}, as there is no plan",
                at_key=True,
                accepted="{level: neural, statistic: percent_signal_change, unit: percent_signal}",
                way_out="add what is missing, or give the plan (--plan)",
            )
        )
        return None
    return Measure.model_validate({"level": given.level, "statistic": given.statistic, "unit": given.unit})


def _needed(plan: Plan | None, measure: str) -> frozenset[str]:
    if plan is None:
        return frozenset()
    found: set[str] = set()
    for hypothesis in plan.hypotheses.values():
        if hypothesis.measure == measure:
            found |= {*(hypothesis.contrast or ()), *([hypothesis.condition] if hypothesis.condition else [])}
    return frozenset(found - set(PSEUDO_CONDITIONS))
