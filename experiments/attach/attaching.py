"""``bazin session attach``: a recording is matched with a run of the journal and put into the BIDS folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.attach.eeg import attach_eeg
from experiments.attach.mri import attach_mri
from experiments.attach.report import Attached
from experiments.attach.runs import chosen_run, runs_of
from protocols.base.errors import InputError, UsageError, fail


def attach(bids: Path, participant: str, session: str, run: int, files: Sequence[Path]) -> Attached:
    """Attach a recording to a run of a session.

    Parameters
    ----------
    bids
        The BIDS folder the session was run in; its events have been exported.
    participant, session
        ``01`` or ``sub-01``, and the session's name in the plan.
    run
        The BIDS run number.
    files
        EEG: BrainVision, EDF, BDF, EEGLAB, FIF or XDF. MRI: NIfTI and its JSON, or a folder of DICOM files.

    Returns
    -------
    Attached
        What was done.

    Raises
    ------
    UsageError
        If there is no such run, the files are not what is attached to it, or it has another recording already.
    InputError
        If there is no such person or session, or the recording is not that of the run, or damaged; nothing is
        written then.
    NotAvailable
        If something that must be installed is missing.
    """
    runs = runs_of(bids, participant, session)
    chosen = chosen_run(runs, run, session)
    if not files:
        raise fail(UsageError, str(chosen), "needs the recording's files", way_out="name them after --run")
    if not chosen.began:
        raise fail(InputError, str(chosen), "ended before its onset 0, so there are no events for a recording",
                   way_out="keep its file aside, and attach the other runs")  # fmt: skip
    if not chosen.files.events.exists():
        raise fail(InputError, str(chosen), "has no events in the BIDS folder: not exported, or without any trial",
                   way_out=f"bazin session export {bids}")  # fmt: skip
    if chosen.header.modality == "eeg":
        return attach_eeg(bids, chosen, runs, files)
    return attach_mri(chosen, runs, files)
