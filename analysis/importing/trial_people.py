"""People of a data set of trials: what stands about them in participants.tsv."""

from __future__ import annotations

from typing import Any

from analysis.importing.numbers import Missing
from analysis.importing.trial_map import TrialMap
from analysis.importing.trial_rows import Trials
from protocols.base.errors import Fault, InputError
from protocols.base.tables import rounded
from protocols.plan.expanding import label_of
from protocols.plan.promises import Plan
from protocols.sources.cells import SourceTable

MOST_WORDS = 20
"""A category with more values tells who somebody is rather than what."""


def check_categories(table: SourceTable, how: TrialMap, missing: Missing) -> None:
    """Raise an InputError for a category that is none: nearly everybody has a word of their own."""
    faults = []
    for name, column in (how.categories or {}).items():
        words = {cells[table.index(column)] for _, cells in table.rows} - {""}
        kinds = len({word for word in words if not missing(word)})
        if kinds > MOST_WORDS:
            faults.append(
                Fault(
                    f"categories.{name}",
                    f"has {kinds} different values in column '{column}'",
                    file=str(table.file),
                    accepted=f"at most {MOST_WORDS}: what people are, not who they are",
                    way_out="group them in the table, or use 'people' for numbers",
                )
            )
    if faults:
        raise InputError(faults)


def people_rows(
    found: Trials, how: TrialMap, plan: Plan | None, source: str
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Rows and descriptions of the participants table: everybody who has a trial in the data set."""
    with_trials = {trial["participant_id"] for trial in found.values}
    people = []
    for person in found.census.people.values():
        if person.group is None or person.code not in with_trials:
            continue
        numbers = {name: rounded(value) for name, (value, _) in person.numbers.items()}
        words = {name: word for name, (word, _) in found.categories.get(person.code, {}).items()}
        age = numbers.pop("age_months", None)
        entry = {"participant_id": person.code, "group": person.group[0], "age": age}
        people.append({**entry, **words, **numbers})
    people.sort(key=lambda person: str(person["participant_id"]))
    groups = sorted({str(person["group"]) for person in people})
    described: dict[str, dict[str, Any]] = {
        "participant_id": {},
        "group": {
            "LongName": "Group",
            "Description": "group of people who are analysed together",
            "Levels": {name: _group_words(name, how, plan) for name in groups},
        },
        "age": {"LongName": "Age", "Description": "age at testing in completed months", "Units": "months"},
    }
    for name, column in (how.categories or {}).items():
        text = (how.describe or {}).get(name, f"column '{column}' of {source}")
        levels = {word: word for word in sorted({str(p[name]) for p in people if p.get(name)})}
        described[name] = {"Description": text, "Levels": levels}
    for name, column in (how.people or {}).items():
        described[name] = {"Description": (how.describe or {}).get(name, f"column '{column}' of {source}")}
    return people, described


def _group_words(name: str, how: TrialMap, plan: Plan | None) -> str:
    """What a group is: the plan's word for it, or what the table calls it."""
    theirs = [text for text, ours in (how.group.recode or {}).items() if ours == name]
    if theirs:
        return "; ".join(theirs)
    if plan is not None:
        return label_of(plan, "group", name)
    ends = how.group.from_age.get(name) if isinstance(how.group.from_age, dict) else None
    return f"{ends[0]} to {ends[1] - 1} months" if ends else name
