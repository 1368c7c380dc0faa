"""Markers of a recording: which there can be, and that no two things share one."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.base.errors import Fault, did_you_mean, listed
from protocols.document import Document, Path_
from protocols.plan.expanding import shown_in
from protocols.plan.promises import Plan
from protocols.plan.sessions import EVENTS, Session


def markers_are_clear(plan: Plan, document: Document) -> Iterator[Fault]:
    """Every marker belongs to something that is shown; an EEG recording can be read by them."""
    for i, session in enumerate(plan.sessions):
        path: Path_ = ("sessions", i)
        if session.triggers is not None:
            yield from _named(plan, document, session, (*path, "triggers"))
        if session.modality == "eeg":
            yield from _enough(plan, document, session, path)


def _named(plan: Plan, document: Document, session: Session, path: Path_) -> Iterator[Fault]:
    assert session.triggers is not None
    known = (*shown_in(plan, session), *EVENTS)
    for name, code in session.triggers.items():
        if name not in known:
            yield document.fault(
                (*path, name),
                "is nothing this session shows",
                at_key=True,
                accepted=listed(known),
                way_out=did_you_mean(name, known),
            )
        twins = [other for other, its in session.triggers.items() if its == code]
        if twins[0] == name and len(twins) > 1:
            yield document.fault((*path, twins[1]), f"is the marker of '{name}' too", got=str(code))


def _enough(plan: Plan, document: Document, session: Session, path: Path_) -> Iterator[Fault]:
    needed = ("run", *shown_in(plan, session))
    missing = [name for name in needed if name not in (session.triggers or {})]
    if missing:
        yield document.fault(
            path,
            f"is 'eeg' and has no marker for {listed(missing)}",
            at_key=True,
            accepted="triggers: {run: 1, live: 11, ai: 21}",
            way_out="without markers a recording cannot be matched with what was shown",
        )
