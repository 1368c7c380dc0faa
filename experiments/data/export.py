"""``bazin session export``: the BIDS files of a session, made from its journals as often as one likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.attach.placing import ALIGNMENT, RECORDING
from experiments.data.audit import Audit, audit
from experiments.data.dataset import files_of_dataset
from experiments.data.ours import STAMP, bring
from experiments.data.tables import events_path, tables_of
from experiments.data.told import SessionTold, folder_of, people_in, read_session, sessions_of, unknown
from experiments.data.tombstones import refuse_withdrawn
from experiments.data.words import done, n_of
from protocols.base.bids import label, participant_id
from protocols.base.errors import Fault, InputError
from protocols.base.files import read_json, write_atomically
from protocols.plan.measuring import Presentation


@dataclass(frozen=True)
class Exported:
    """What an export did; paths are below the data set.

    Attributes
    ----------
    written, unchanged, removed
        Tables and sidecars: new or replaced, the same as before, no longer made.
    events
        The events table of every recorded run, by task and run label.
    faults
        Files that others wrote or changed, which were left alone, and runs that could not be put into a table.
    notes
        What else should be known, in a sentence each.
    """

    session: SessionTold
    audit: Audit
    written: tuple[Path, ...]
    unchanged: tuple[Path, ...]
    removed: tuple[Path, ...]
    events: dict[tuple[str, int], Path]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """What was done, in a line, and its notes."""
        header, bad = self.session.header, sum(1 for one in self.audit.clips if one.reasons)
        files = n_of(len(self.written), "file") + " written" if self.written else "nothing new"
        removed = f", {len(self.removed)} removed" if self.removed else ""
        clips = f"; {bad} of {n_of(len(self.audit.clips), 'clip')} cannot be used" if bad else ""
        head = (
            f"{header.participant}, session {header.session}: {done(self.session)}; {files}{removed}{clips}"
        )
        return [head, *(f"  {note}" for note in self.notes)]


def export_session(bids: Path, participant: str, session: str, rules: Presentation | None = None) -> Exported:
    """Make the BIDS files of one person's session from all its journals.

    The same journals give the same bytes. Files of earlier exports are replaced; files of others, and files that were
    changed since, are never touched, and named.

    Parameters
    ----------
    bids
        The data set, below which the journals lie (``sourcedata/bazin``).
    participant, session
        Whose; with or without ``sub-``.
    rules
        The plan's ``exclusions.presentation``; without them those in each journal's header.

    Raises
    ------
    InputError
        If there is no such session, a journal is damaged, the person withdrew, or the data set is of another kind
        (real, pilot, simulated) or has the person in another group.
    OutputError
        If a file cannot be written.
    """
    code = participant_id(participant)
    refuse_withdrawn(bids, code)
    told = read_session(bids, code, session)
    judged = audit(told, rules)
    stimuli = bids / "stimuli"
    files, faults = tables_of(told, judged, rules, lambda name: (stimuli / name).is_file())
    shared, notes = files_of_dataset(bids, told.header)
    for path, text in shared.items():
        write_atomically(bids / path, text)
    attached = _attached(bids, told, files)
    for path in attached:
        del files[path]
    brought = bring(bids, folder_of(bids, told) / STAMP, files, attached)
    return Exported(
        told,
        judged,
        (*map(Path, shared), *brought.written),
        tuple(brought.unchanged),
        tuple(brought.removed),
        {
            run.key: Path(events_path(told, run))
            for run in told.runs
            if run.recorded and (bids / events_path(told, run)).exists()
        },
        (*faults, *brought.left),
        (*told.notes, *notes, *(f"{path}: has its recording, and stays as attached" for path in attached)),
    )


def export_all(
    bids: Path, participant: str | None = None, session: str | None = None, rules: Presentation | None = None
) -> tuple[list[str], list[Fault]]:
    """Export every session of a data set, or those of one person, or of one name; a fault stops its session only.

    Parameters
    ----------
    bids
        The data set.
    participant, session
        Only these; all if None.
    rules
        See `export_session`.

    Returns
    -------
    tuple
        A line for each session with its notes; everything that was left out or left alone.

    Raises
    ------
    InputError
        If nothing fits what was asked for; what there is, is named.
    """
    code = participant_id(participant) if participant is not None else None
    people = people_in(bids)
    if code is not None and code not in people:
        refuse_withdrawn(bids, code)
    chosen = [
        (one, name)
        for one in people
        for name in sessions_of(bids, one)
        if code in (None, one) and (session is None or label(session) == name)
    ]
    if not chosen:
        raise unknown(bids, code, session)
    lines: list[str] = []
    faults: list[Fault] = []
    for one, name in chosen:
        try:
            exported = export_session(bids, one, name, rules)
        except InputError as error:
            faults += error.faults
            continue
        lines += exported.lines()
        faults += exported.faults
    return lines, faults


def _attached(bids: Path, told: SessionTold, files: Mapping[str, str | bytes]) -> list[str]:
    """Tables, with their sidecars, whose recording was attached: their onsets are on the recording's clock."""
    found = []
    for run in told.runs:
        path = events_path(told, run) if run.recorded else ""
        sidecar = path.removesuffix(".tsv") + ".json"
        if path in files and (bids / sidecar).exists():
            about = read_json(bids / sidecar)
            if isinstance(about, dict) and any(key in about for key in (ALIGNMENT, RECORDING)):
                found += [path, sidecar]
    return found
