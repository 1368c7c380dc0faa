"""Who takes part: the group and age a data set knows, or is told now."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.session.journal import FOLDER, Told, read_journal
from protocols.base.errors import InputError, UsageError, did_you_mean, fail, listed
from protocols.base.tables import read_frame
from protocols.plan.promises import Plan

WITHDRAWN = "withdrawn.tsv"


@dataclass(frozen=True)
class Participant:
    """A person, by pseudonym.

    Attributes
    ----------
    group
        A group of the plan.
    age_months
        In whole months; None if nobody said.
    """

    code: str
    group: str
    age_months: int | None = None


def participant(
    bids: Path, code: str, plan: Plan, *, group: str | None = None, age_months: int | None = None
) -> Participant:
    """The person behind a code, from `participants.tsv` and earlier sessions, or as told now.

    Raises
    ------
    UsageError
        If the group is unknown, the age is outside the group, or what is told now is not what was told before.
    """
    _refuse_withdrawn(bids, code)
    known = _known(bids, code)
    before = known.group if known else None
    if before is not None and group is not None and group != before:
        raise fail(UsageError, code, f"is in group '{before}' already", got=f"--group {group}",
                   way_out="check the participant's code")  # fmt: skip
    if known and known.age_months is not None and age_months is not None and age_months < known.age_months:
        raise fail(UsageError, code, "was older at an earlier session", got=f"--age-months {age_months}",
                   accepted=f"{known.age_months} or more", way_out="check the participant's code")  # fmt: skip
    age = age_months if age_months is not None else (known.age_months if known else None)
    chosen = group or before or _by_age(plan, age)
    if chosen is None:
        raise fail(UsageError, code, "is new, and nobody said to which group they belong",
                   accepted=f"--group {' | '.join(plan.groups)}, or --age-months",
                   way_out="a known person needs neither; check the code")  # fmt: skip
    if chosen not in plan.groups:
        raise fail(UsageError, f"group '{chosen}'", "is not in the plan", accepted=listed(plan.groups),
                   way_out=did_you_mean(chosen, plan.groups))  # fmt: skip
    span = plan.groups[chosen].age_months
    if age is not None and span is not None and not span[0] <= age < span[1]:
        raise fail(UsageError, code, f"is {age} months old, which is outside group '{chosen}'",
                   accepted=f"{span[0]} to {span[1] - 1} months",
                   way_out="check code, group and age; whoever is outside cannot take part")  # fmt: skip
    return Participant(code, chosen, age)


def _by_age(plan: Plan, age_months: int | None) -> str | None:
    if age_months is None:
        return next(iter(plan.groups)) if len(plan.groups) == 1 else None
    fitting = [
        name for name, one in plan.groups.items()
        if one.age_months is not None and one.age_months[0] <= age_months < one.age_months[1]
    ]  # fmt: skip
    return fitting[0] if len(fitting) == 1 else None


def _refuse_withdrawn(bids: Path, code: str) -> None:
    table = bids / FOLDER / WITHDRAWN
    if table.exists() and code in set(read_frame(table, required=("participant_id",))["participant_id"]):
        raise fail(UsageError, code, "has withdrawn from the study",
                   way_out="their code is never used again; give a new person a new code")  # fmt: skip


def _known(bids: Path, code: str) -> Participant | None:
    table = bids / "participants.tsv"
    found: Participant | None = None
    if table.exists():
        frame = read_frame(table, required=("participant_id",))
        for row in frame.to_dict("records"):
            if row["participant_id"] == code and row.get("group"):
                found = Participant(code, str(row["group"]), _months(row.get("age_months")))
    latest = max(earlier(bids, code), key=lambda told: told.header.wall, default=None)
    if latest is not None:
        age = latest.header.age_months
        age = found.age_months if age is None and found is not None else age
        found = Participant(code, latest.header.group, age)
    return found


def _months(text: object) -> int | None:
    try:
        return int(float(str(text)))
    except ValueError:
        return None


def earlier(bids: Path, code: str) -> list[Told]:
    """All journals of a person that can be read, oldest first."""
    found = []
    for path in sorted((bids / FOLDER / code).glob("ses-*/journal-*.jsonl")):
        try:
            found.append(read_journal(path))
        except InputError:  # one that ended before its header: nothing was shown
            continue
    return sorted(found, key=lambda told: told.header.wall)
