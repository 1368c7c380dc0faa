"""Whether a measure table holds what the plan says it holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analysis.measures.table import MeasureTable, sidecar_for
from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.plan.promises import Plan


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
