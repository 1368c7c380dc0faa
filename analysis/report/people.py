"""People, exclusions and positive controls, as tables."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.evidence.wording import amount, capital, unit_words
from analysis.report.saved import Study, records
from analysis.report.words import count
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of

_WHAT = {
    "rows": "values",
    "people": "people",
    "rows of groups the plan does not have": "values of unknown groups",
}


def _in_order(study: Study, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table's rows by measure and group in the plan's order; groups the plan does not have come last."""
    groups, measures = list(study.plan.groups), list(study.plan.measures)

    def place(row: dict[str, Any]) -> tuple[int, int, str]:
        group = str(row["group"])
        return measures.index(row["measure"]), groups.index(group) if group in groups else len(groups), group

    return sorted(records(frame), key=place)


def flow(study: Study) -> Grid | None:
    """From planned to analysed people, by measure and group."""
    frame = study.tables.get("flow")
    if frame is None:
        return None
    rows = [
        (
            capital(label_of(study.plan, "measure", row["measure"])),
            label_of(study.plan, "group", row["group"]),
            *(
                count(row[name])
                for name in ("planned", "recruited", "started", "with_rows", "with_usable_rows", "analysed")
            ),
            f"{count(row['rows_usable'])} of {count(row['rows'])}",
        )
        for row in _in_order(study, frame)
    ]
    columns = (
        "Measure",
        "Group",
        "Planned",
        "To invite",
        "Started",
        "With values",
        "With usable values",
        "Analysed",
        "Usable values",
    )
    return Grid("From planned to analysed people", columns, rows, frozenset(range(2, 9)))


def exclusions(study: Study) -> Grid | None:
    """Why people and values were left out, the same reason in one row."""
    frame = study.tables.get("exclusions")
    if frame is None:
        return None
    merged: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in _in_order(study, frame):
        key = (str(row["measure"]), str(row["group"]), str(row["what"]), str(row["reason"]))
        entry = merged.setdefault(key, {"hypotheses": [], "people": row["people"], "rows": row["rows"]})
        if row["hypothesis"]:
            entry["hypotheses"].append(str(row["hypothesis"]))
    rows = [
        (
            capital(label_of(study.plan, "measure", measure)),
            label_of(study.plan, "group", group),
            reason,
            _WHAT.get(what, what) + (f" ({', '.join(entry['hypotheses'])})" if entry["hypotheses"] else ""),
            count(entry["people"]),
            count(entry["rows"]) if not pd.isna(entry["rows"]) else "–",
        )
        for (measure, group, what, reason), entry in merged.items()
    ]
    return Grid(
        "What was left out, and why",
        ("Measure", "Group", "Reason", "Left out", "People", "Values"),
        rows,
        frozenset({4, 5}),
    )


def controls(study: Study) -> Grid | None:
    """All positive controls."""
    frame = study.tables.get("controls")
    if frame is None or frame.empty:
        return None
    rows = []
    for row in _in_order(study, frame):
        measure = study.plan.measures[row["measure"]]
        first, second = (
            label_of(study.plan, "condition", name) for name in str(row["contrast"]).split(" | ")
        )
        below = ", sign turned" if row["direction"] == "below" else ""
        rows.append(
            (
                capital(label_of(study.plan, "measure", row["measure"])),
                label_of(study.plan, "group", row["group"]),
                f"{second} − {first}{below}",
                amount(row["estimate"]),
                amount(row["lower_limit"]),
                f"> {amount(row['minimum'])} {unit_words(measure.in_unit)}",
                count(row["n_people"]),
                str(row["outcome"]).replace("_", " ") + (f": {row['reason']}" if row["reason"] else ""),
            )
        )
    columns = ("Measure", "Group", "Known effect", "Estimate", "Lower limit", "Required", "People", "Outcome")
    return Grid("Positive controls, tested first", columns, rows, frozenset({3, 4, 5, 6}))
