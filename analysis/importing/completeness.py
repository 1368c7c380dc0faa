"""Who has how much of what: people x conditions x scenes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from protocols.base.errors import listed

COLUMNS = {
    "source": "file the values came from",
    "measure": "measure",
    "participant_id": "person",
    "group": "group",
    "condition": "condition, n/a where the measure has none",
    "rows": "values of that person in that condition, unusable ones included",
    "usable": "values that are analysed",
    "scenes": "different scenes with a usable value",
    "complete_pairs": "the person's scenes with a usable value in every arm: the plan's conditions that are versions "
    "of a scene, without a plan all conditions; without scenes 1 if the person has all arms, else 0",
}


def completeness(
    source: str, values: Sequence[dict[str, Any]], arms: Collection[str] | None = None
) -> list[list[Any]]:
    """One row per measure, person and condition; a condition the person lacks has a row with zeros.

    Parameters
    ----------
    arms
        The conditions that are versions of one scene; all of a measure's conditions by default.
    """
    cells: dict[tuple[str, str], dict[str | None, list[dict[str, Any]]]] = {}
    conditions: dict[str, set[str | None]] = {}
    groups: dict[str, str] = {}
    for row in values:
        cells.setdefault((row["measure"], row["participant_id"]), {}).setdefault(row["condition"], []).append(
            row
        )
        conditions.setdefault(row["measure"], set()).add(row["condition"])
        groups[row["participant_id"]] = row["group"]
    table = []
    for (measure, person), found in sorted(cells.items()):
        names = sorted(conditions[measure], key=str)
        scenes = {name: {r["scene"] for r in found.get(name, []) if r["included"]} for name in names}
        versions = [name for name in names if arms is None or name in arms] or names
        pairs = len(
            set.intersection(*(scenes[name] for name in versions))
        )  # without scenes the only member is None
        for name in names:
            rows = found.get(name, [])
            usable = sum(1 for r in rows if r["included"])
            table.append(
                [
                    source,
                    measure,
                    person,
                    groups[person],
                    name,
                    len(rows),
                    usable,
                    len(scenes[name] - {None}),
                    pairs,
                ]
            )
    return table


def in_brief(table: Sequence[Sequence[Any]]) -> list[str]:
    """One line per measure for the terminal, and who lacks a condition."""
    lines = []
    for measure in dict.fromkeys(row[1] for row in table):
        rows = [row for row in table if row[1] == measure]
        names = [name for name in dict.fromkeys(row[4] for row in rows) if name is not None]
        people = dict.fromkeys(row[2] for row in rows)
        lacking = {name: [row[2] for row in rows if row[4] == name and row[6] == 0] for name in names}
        complete = len(people) - len({person for who in lacking.values() for person in who})
        pairs = sorted(row[8] for row in {row[2]: row for row in rows}.values())
        if not names:
            line = f"{measure}: {len(people)} people, no conditions"
        else:
            line = f"{measure}: {complete} of {len(people)} people have " + (
                f"all of {', '.join(names)}" if len(names) > 1 else names[0]
            )
        if any(row[7] for row in rows) and len(names) > 1:
            scenes = f"{pairs[0]} to {pairs[-1]}" if pairs[0] != pairs[-1] else f"{pairs[0]}"
            line += (
                f"; scenes with every version, per person: {scenes}"
                if pairs[-1]
                else "; nobody has a scene in every version (unpaired)"
            )
        lines.append(line)
        empty = (
            [person for person in people if all(person in who for who in lacking.values())] if names else []
        )
        if empty and len(names) > 1:
            lines.append(f"  {len(empty)} without any usable value: {listed(empty)}")
        for name, who in lacking.items():
            others = [person for person in who if len(names) == 1 or person not in empty]
            lines += [f"  {len(others)} without usable {name}: {listed(others)}"] if others else []
    return lines
