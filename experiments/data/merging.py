"""``bazin session export BIDS --from OTHER``: journals of another computer come in or are refused, never mixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from experiments.data.told import (
    RunTold,
    SessionTold,
    begins_nowhere,
    people_in,
    put_together,
    sessions_of,
)
from experiments.data.tombstones import withdrawn
from experiments.data.words import n_of
from experiments.session.journal import Header, Told, journals_of, next_path, read_journal
from experiments.session.lock import alone
from protocols.base.errors import Fault, InputError, UsageError, fail, listed
from protocols.base.files import read_bytes, write_atomically

FACTS = {
    "plan_sha256": "plan", "manifest_sha256": "set of clips", "group": "group", "age_months": "age",
    "profile": "profile", "language": "language", "modality": "modality", "mode": "mode", "seed": "seed",
    "swapped": "sides of the answers",
}  # fmt: skip
"""What both computers must have said about a session."""
OF_THE_PERSON = ("group", "mode")
"""What must be the same in all sessions of a person."""


@dataclass
class Merged:
    """What a merge did; paths are below the data set.

    Attributes
    ----------
    brought
        Journals that came in, under the names they have now.
    known
        Journals of the other folder that were here already.
    refused
        Sessions that were left out, and why.
    """

    brought: list[Path] = field(default_factory=list)
    known: list[Path] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What was done, then what was refused."""
        known, refused = len(self.known), len(self.refused)
        return [
            f"{n_of(len(self.brought), 'journal')} brought in, {known} known already, {refused} refused",
            *(f"  {path}" for path in self.brought),
            *(f"refused: {fault}" for fault in self.refused),
        ]


def merge(bids: Path, other: Path) -> Merged:
    """Bring in the journals that another computer wrote into a data set of its own.

    Sessions that are not here come in as they are. Of a session that was recorded on both computers, further journals
    come in if the two agree about plan, clips, group and person, and no run and no trial was played on both; else all
    of its journals stay out, with the reason. The other folder is never changed.

    Parameters
    ----------
    bids
        The data set.
    other
        The other computer's, or a copy of it.

    Raises
    ------
    InputError
        If the other folder has no journals.
    UsageError
        If both are the same folder, or a session of the person is running.
    """
    if bids.resolve() == other.resolve():
        raise fail(UsageError, str(other), "is the same data set", way_out="name the other computer's")
    people = people_in(other)
    if not people:
        raise fail(InputError, str(other), "holds no session of this program",
                   way_out="give the folder that 'bazin run' wrote into on the other computer")  # fmt: skip
    merged = Merged()
    gone_here, gone_there = withdrawn(bids), withdrawn(other)
    merged.refused += [
        Fault(code, f"withdrew on {when} on the other computer", way_out=f"bazin session withdraw {code}")
        for code, when in gone_there.items()
        if code not in gone_here and code in people_in(bids)
    ]
    for code in people:
        if code in gone_here:
            merged.refused.append(
                Fault(code, f"withdrew on {gone_here[code]}: nothing of them is brought in")
            )
            continue
        for session in sessions_of(other, code):
            try:
                _bring(bids, other, code, session, merged)
            except InputError as error:
                merged.refused += error.faults
    return merged


def _bring(bids: Path, other: Path, code: str, session: str, merged: Merged) -> None:
    theirs = _journals(other, code, session)
    ours = _journals(bids, code, session)
    new: list[tuple[Told, Path | None]] = []
    for told in theirs:
        here = next((one for one in ours if one.header.uid == told.header.uid), None)
        if here is None:
            new.append((told, None))
        elif _goes_on(here, told):
            new.append((told, here.path))
        else:
            merged.known.append(here.path.relative_to(bids))
    if not new:
        return
    replaced = [path for _, path in new if path is not None]
    stay = [told for told in ours if told.path not in replaced]
    faults = list(_disagreements(bids, code, session, stay, [told for told, _ in new]))
    if faults:
        raise InputError(faults)
    with alone(bids, code):
        for told, path in new:
            target = path or next_path(bids, code, session)
            write_atomically(target, read_bytes(told.path))
            merged.brought.append(target.relative_to(bids))


def _journals(bids: Path, code: str, session: str) -> list[Told]:
    return [read_journal(path) for path in journals_of(bids, code, session) if not begins_nowhere(path)]


def _goes_on(here: Told, there: Told) -> bool:
    """Whether the other copy of one and the same journal is the longer one.

    Raises
    ------
    InputError
        If neither is the beginning of the other.
    """
    ours, theirs = read_bytes(here.path), read_bytes(there.path)
    if ours.startswith(theirs):
        return False
    if theirs.startswith(ours):
        return True
    raise fail(
        InputError, str(there.path), f"is the same journal as {here.path.name} here, with another content",
        way_out="journals are never edited: take the copy of the laboratory's backup",
    )  # fmt: skip


def _disagreements(
    bids: Path, code: str, session: str, ours: Sequence[Told], new: Sequence[Told]
) -> Iterator[Fault]:
    item = f"{code}, session {session}"
    out = "nothing was brought in; see which recording counts, and move the other journal away"
    for told in ours[:1]:
        for one in new:
            for name, word in FACTS.items():
                here, there = getattr(told.header, name), getattr(one.header, name)
                if here != there and not (name == "age_months" and None in (here, there)):
                    yield Fault(item, f"does not have the same {word} on both computers", way_out=out,
                                got=f"{there} there, {here} here")  # fmt: skip
    for header in _headers(bids, code):
        for name in OF_THE_PERSON:
            here, there = getattr(header, name), getattr(new[0].header, name)
            if here != there and not ours:
                yield Fault(item, f"does not have the same {name} as session {header.session} here", way_out=out,
                            got=f"{there} there, {here} here")  # fmt: skip
    if ours:
        both = _played_on_both(put_together(ours), put_together(new))
        if both:
            yield Fault(item, "was recorded on both computers", got=listed(both), way_out=out)


def _headers(bids: Path, code: str) -> Iterator[Header]:
    """One header per session of a person."""
    for session in sessions_of(bids, code):
        yield from [told.header for told in _journals(bids, code, session)][:1]


def _played_on_both(ours: SessionTold, theirs: SessionTold) -> list[str]:
    """Runs that carry the same number or are complete twice, and trials of behavior that were answered twice."""
    numbers = {_number(run): run.name for run in ours.runs if run.label}
    found = [numbers[_number(run)] for run in theirs.runs if _number(run) in numbers]
    complete = {
        (run.task, run.planned): run.name for run in ours.runs if run.recorded and run.status == "complete"
    }
    found += [
        complete[run.task, run.planned]
        for run in theirs.runs
        if run.recorded and run.status == "complete" and (run.task, run.planned) in complete
    ]
    mine = _answered(ours)
    found += [f"{task} trial {number}" for task, number in sorted(_answered(theirs) & mine)]
    return list(dict.fromkeys(found))


def _number(run: RunTold) -> tuple[str, int]:
    """What must be there once: a recording's number in its session, a block's in its task."""
    return ("" if run.recorded else run.task, run.label)


def _answered(session: SessionTold) -> set[tuple[str, int]]:
    return {(run.task, trial.number) for run in session.runs if not run.recorded for trial in run.rows}
