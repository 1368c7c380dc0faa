"""Whether a measure table holds what the plan says it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from analysis.measures.table import MeasureTable, sidecar_for
from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.plan.promises import Plan


def one_group_each(tables: Mapping[str, MeasureTable]) -> tuple[dict[str, MeasureTable], list[str]]:
    """Set aside people whom different tables put into different groups.

    Returns
    -------
    tables
        With these people's rows excluded, with their reason.
    errors
        One line per person.
    """
    groups: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        pairs = table.rows[["participant_id", "group"]].dropna().drop_duplicates()
        for person, group in pairs.itertuples(index=False):
            groups.setdefault(person, {}).setdefault(group, name)
    torn = {person: found for person, found in sorted(groups.items()) if len(found) > 1}
    fitted = {}
    for name, table in tables.items():
        rows = table.rows.copy()
        concerned = rows["participant_id"].isin(list(torn))
        rows.loc[concerned, "included"] = 0.0
        rows.loc[concerned, "reason"] = "in different groups in different tables"
        fitted[name] = replace(table, rows=rows)
    errors = [
        f"{person}: is left out, being in {listed(f'{group} ({where})' for group, where in found.items())}"
        for person, found in torn.items()
    ]
    return fitted, errors


def fit_to_plan(plan: Plan, table: MeasureTable, path: Path) -> tuple[MeasureTable, list[str]]:
    """Compare a table with the plan and set aside what the plan does not have.

    Returns
    -------
    table
        With the rows of unknown groups and conditions excluded, with their reason.
    warnings
        What should be known and stops nothing.

    Raises
    ------
    InputError
        If its unit, family, level or statistic is not the plan's: its numbers would mean something else.
    """
    measure = plan.measures[table.id]
    promised = sidecar_for(measure)
    faults = [
        Fault(
            str(path.with_suffix(".json")),
            f"has {field} '{getattr(table.sidecar, field)}', and the plan's '{table.id}' has another",
            got=str(getattr(table.sidecar, field)),
            accepted=str(getattr(promised, field)),
            way_out="import the table again with this plan ('--plan'), or mend the plan before it is sealed",
        )
        for field in ("unit", "family", "level", "statistic")
        if getattr(table.sidecar, field) != getattr(promised, field)
    ]
    if faults:
        raise InputError(faults)
    warnings = []
    rows = table.rows.copy()
    for column, known in (("group", list(plan.groups)), ("condition", list(plan.conditions))):
        found = rows[column].dropna()
        unknown = rows[column].notna() & ~rows[column].isin(known)
        rows.loc[unknown & (rows["included"] == 1), "reason"] = f"{column} not in the plan"
        rows.loc[unknown, "included"] = 0.0
        for name in sorted(set(found) - set(known)):
            hint = did_you_mean(str(name), known)
            count = int((found == name).sum())
            warnings.append(
                f"measure '{table.id}': {count} rows have {column} '{name}', which the plan does not have "
                f"(it has {listed(known)}); they are not used{'; ' + hint if hint else ''}"
            )
    fitted = replace(table, rows=rows)
    for name in plan.groups:
        if not (fitted.used["group"] == name).any():
            warnings.append(f"measure '{table.id}': has no usable row of group '{name}'")
    return fitted, warnings
