"""``bazin session list`` and ``show``: which sessions there are, and how one of them went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from experiments.data.audit import Audit, RunAudit, audit
from experiments.data.told import SessionTold, people_in, read_session, sessions_of
from experiments.data.tombstones import refuse_withdrawn, withdrawn
from experiments.data.words import STATUS_WORDS, done, last_time, n_of, stamp, when
from protocols.base.bids import participant_id
from protocols.base.errors import InputError
from protocols.plan.measuring import Presentation

HEAD = ("participant", "session", "status", "done", "mode", "last (UTC)")


def list_sessions(bids: Path) -> list[str]:
    """A line for every session below a data set, what is odd about it beneath; a damaged one does not stop the rest.

    Parameters
    ----------
    bids
        The data set.
    """
    rows: list[tuple[str, ...]] = [HEAD]
    remarks: dict[int, list[str]] = {}
    for code in people_in(bids):
        for session in sessions_of(bids, code):
            try:
                told = read_session(bids, code, session)
            except InputError as error:
                rows.append((code, session, "damaged", "", "", ""))
                remarks[len(rows) - 1] = [str(error).replace("\n", "\n  ")]
                continue
            moment = last_time(told).strftime("%Y-%m-%d %H:%M")
            rows.append((code, session, STATUS_WORDS[told.status], done(told), told.header.mode, moment))
            remarks[len(rows) - 1] = list(_remarks(told))
    if len(rows) == 1:
        return [f"There is no session in {bids} yet: 'bazin run' begins one.", *_gone(bids)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    lines = []
    for i, row in enumerate(rows):
        cells = zip(row, widths, strict=True)
        lines.append("  ".join(cell.ljust(width) for cell, width in cells).rstrip())
        lines += [f"  ! {remark}" for remark in remarks.get(i, ())]
    return [*lines, *_gone(bids)]


def _gone(bids: Path) -> list[str]:
    gone = len(withdrawn(bids))
    if not gone:
        return []
    return [
        "1 person withdrew and was removed." if gone == 1 else f"{gone} people withdrew and were removed."
    ]


def _remarks(told: SessionTold) -> Iterator[str]:
    yield from told.notes
    if told.status == "crashed":
        yield "crashed, or is still running: 'bazin run' with the same participant and session goes on"
    faults = sum(1 for _ in told.of("fault"))
    if faults:
        yield f"{n_of(faults, 'fault')} of devices: see 'bazin session show'"


def show_session(bids: Path, participant: str, session: str, rules: Presentation | None = None) -> list[str]:
    """How one session went: runs, clips, timing, events.

    Parameters
    ----------
    bids, participant, session
        Which.
    rules
        The plan's ``exclusions.presentation``; without them those in the journals.

    Raises
    ------
    InputError
        If there is no such session, a journal is damaged, or the person withdrew.
    """
    code = participant_id(participant)
    refuse_withdrawn(bids, code)
    told = read_session(bids, code, session)
    found = audit(told, rules)
    header = told.header
    lines = [
        f"{code}, session {header.session}: {STATUS_WORDS[told.status]}, {done(told)}",
        f"  plan {header.plan} ({header.plan_sha256[:12]}…)",
        f"  group {header.group}, {header.modality}, mode {header.mode}",
        f"  last written {stamp(last_time(told))}, {n_of(len(told.journals), 'journal')}",
        *(f"  ! {note}" for note in _remarks(told)),
        "",
        f"Clips: {counted(found)}",
        *_clips(found),
        "",
        "Runs:",
        *(line for run in found.runs for line in _run(run)),
    ]
    return [*lines, *_events(told)]


def counted(found: Audit) -> str:
    """Clips by verdict: ``22 usable, 1 usable with note, 1 unusable``."""
    counts = Counter(one.verdict for one in found.clips)
    return ", ".join(f"{counts[name]} {name}" for name in ("usable", "usable with note", "unusable"))


def _clips(found: Audit, most: int = 20) -> list[str]:
    odd = [one for one in found.clips if one.reasons or one.notes]
    odd.sort(key=lambda one: not one.reasons)  # the unusable ones first
    lines = [
        f"  {one.clip} ({one.run[0]} trial {one.trial}): {one.verdict}: {'; '.join((*one.reasons, *one.notes))}"
        for one in odd[:most]
    ]
    return [*lines, *([f"  and {len(odd) - most} more: see the session's page"] if len(odd) > most else [])]


def _run(run: RunAudit) -> Iterator[str]:
    flips = run.flips
    timing = "" if flips is None else (
        f", frames stand {flips.median_ms:.1f} ms, at most {flips.longest_ms:.1f}; {flips.held} held too long"
    )  # fmt: skip
    volumes = "" if run.planned is None else f", {run.counted} of {run.planned} volumes"
    markers = f", {run.sent} markers sent, {run.lost} lost" if run.sent or run.lost else ""
    yield f"  {run.name}: {run.verdict}: {n_of(run.trials, 'trial')}{volumes}{markers}{timing}"
    for remark in (*run.reasons, *run.notes):
        yield f"    {remark}"


def _events(told: SessionTold) -> list[str]:
    lines: list[str] = []
    for place, record in told.of("wish", "fault", "limit"):
        at = when(told.journals[place], record["t"]).strftime("%H:%M:%S")
        lines.append(f"  {at}  {event(record)}")
    return ["", "Events (UTC):", *lines] if lines else []


def event(record: dict[str, object]) -> str:
    """What an operator's key, a fault of a device, or a limit was, in a line."""
    if record["kind"] == "wish":
        return f"operator: {record['wish']}"
    if record["kind"] == "limit":
        return f"no more runs: {record['limit']} is {record['accepted']}, got {record['got']}"
    return f"{record['item']}: {record['problem']}"
