"""An EEG recording comes home: its markers are matched with the run's triggers, its clock becomes the events' clock."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.attach.alignment import (
    FEWEST,
    LARGEST_RESIDUAL_S,
    SMALLEST_SHARE,
    Alignment,
    Markers,
    align,
)
from experiments.attach.placing import ALIGNMENT, RunFiles, attached_before, bring_onto_clock, place
from experiments.attach.reading import Recording, companions_of, opened_file, read
from experiments.attach.report import Attached
from experiments.attach.runs import RecordedRun
from protocols.base.canonical import sha256_file, sha256_of
from protocols.base.errors import InputError, fail, listed
from protocols.base.tables import rounded

_ONSET = "when the clip, or the first of two, began; 0 is the first sample of the recording"
_NOT_OURS = ("events", "scans")
"""What mne-bids writes of its own about events; the run's events are those of the session."""


def attach_eeg(bids: Path, run: RecordedRun, runs: Sequence[RecordedRun], given: Sequence[Path]) -> Attached:
    """Attach an EEG recording to a run.

    Parameters
    ----------
    bids
        The BIDS folder.
    run, runs
        The run, and all runs of its session.
    given
        The recording: BrainVision, EDF, BDF, EEGLAB, FIF or XDF.

    Returns
    -------
    Attached
        What was done, and how well the clocks agree.

    Raises
    ------
    InputError
        If the recording is not the run's, or its markers do not fit well enough; nothing is written then.
    UsageError
        If another recording is attached already.
    NotAvailable
        If the extra ``eeg`` is not installed.
    """
    main = opened_file(given)
    source = sha256_of([sha256_file(path) for path in (main, *companions_of(main))])
    if attached_before(run.files, source):
        return Attached(str(run), nothing_done=True)
    recording = read(main, run.header.triggers)
    found = best_source(run.triggers, recording.sources)
    others = other_runs(run, runs, recording, found)
    require_fit(main, run, recording, found, others)
    placed = _put_beside_events(bids, recording, run.files)
    about = {
        "OnsetReference": "recording",
        "onset": {**run.files.about().get("onset", {}), "Description": _ONSET, "Units": "s"},
        ALIGNMENT: sidecar_of(found, source, main.suffix.lower()[1:]),
    }
    onsets = bring_onto_clock(run.files, found.offset_s, 1 + found.drift_ppm * 1e-6, about)
    outside = int(np.sum((onsets < 0) | (onsets > recording.duration_s)))
    notes = [*recording.notes]
    notes += [
        f"the triggers of {other} fit the same markers as well: is it the right file?" for other, _ in others
    ]
    if outside:
        notes.append(f"{outside} events lie before or after the recording; they were kept")
    return Attached(
        str(run),
        placed=(*placed, run.files.events.name, run.files.sidecar.name),
        found=told(found),
        notes=tuple(notes),
    )


def best_source(triggers: Markers, sources: Sequence[Markers]) -> Alignment:
    """The alignment with whichever of a recording's markers fits best."""
    nothing = align(triggers, Markers.of([], []))
    return max(
        (align(triggers, one) for one in sources),
        key=lambda one: (len(one.pairs), -one.rms_s),
        default=nothing,
    )


def told(found: Alignment) -> str:
    """The figures of an alignment in a sentence."""
    sent = len(found.pairs) + len(found.missing)
    return (
        f"{len(found.pairs)} of {sent} triggers found ({len(found.missing)} missing, {len(found.spurious)} spurious);"
        f" offset {found.offset_s:.3f} s, drift {found.drift_ppm:.1f} ppm,"
        f" residuals at most {found.largest_s * 1e3:.1f} ms (rms {found.rms_s * 1e3:.1f} ms)"
    )


def sidecar_of(found: Alignment, source_sha256: str, source_format: str) -> dict[str, Any]:
    """An alignment as it stands in the events' sidecar. The source's name is left out: it may be a person's."""
    return {
        "Description": "recording's time = offset_s + (1 + drift_ppm / 1e6) * session_onset",
        "offset_s": rounded(found.offset_s),
        "drift_ppm": rounded(found.drift_ppm),
        "matched": len(found.pairs),
        "missing": len(found.missing),
        "spurious": len(found.spurious),
        "max_residual_ms": rounded(found.largest_s * 1e3),
        "rms_residual_ms": rounded(found.rms_s * 1e3),
        "source_format": source_format,
        "source_sha256": source_sha256,
    }


def other_runs(
    run: RecordedRun, runs: Sequence[RecordedRun], recording: Recording, found: Alignment
) -> list[tuple[RecordedRun, Alignment]]:
    """Other runs of the session that lay claim to the same markers, or to a recording that is not this run's.

    A recording of a whole session holds several runs, each at its own place: they claim nothing of each other.
    """
    claims = []
    for other in runs:
        if other.number != run.number and len(other.triggers) >= FEWEST:
            theirs = best_source(other.triggers, recording.sources)
            if theirs.fits and (2 * found.share < 1 or _shared(found, theirs)):
                claims.append((other, theirs))
    return claims


def require_fit(
    path: Path,
    run: RecordedRun,
    recording: Recording,
    found: Alignment,
    others: Sequence[tuple[RecordedRun, Alignment]],
) -> None:
    """Refuse a recording whose markers are not the run's, with the figures and what may be the matter.

    Raises
    ------
    InputError
        If too few triggers were found, a residual is too large, two places fit, or another run fits better.
    """
    problem = "; ".join(_problems(run, found))
    better = [pair for pair in others if problem or pair[1].explained > found.explained]
    if not problem and not better:
        return
    way_out = _remedy(run, recording, found)
    if better:
        other, theirs = max(better, key=lambda pair: (pair[1].explained, -pair[1].rms_s))
        problem = problem or f"fits {run}, but {other} better"
        way_out = f"it is the recording of {other}: {told(theirs)}; attach it with --run {other.number}"
    raise fail(
        InputError, str(path), problem, got=told(found), way_out=way_out,
        accepted=f"at least {SMALLEST_SHARE:.0%} of the triggers, residuals of at most"
        f" {LARGEST_RESIDUAL_S * 1e3:.0f} ms, at one place of the recording",
    )  # fmt: skip


def _problems(run: RecordedRun, found: Alignment) -> Iterator[str]:
    sent = len(run.triggers)
    if sent < FEWEST:
        yield f"cannot be matched with {run}: it sent {sent} triggers, and fewer than {FEWEST} tell nothing"
    elif found.share < SMALLEST_SHARE:
        yield f"does not hold the triggers of {run}: only {len(found.pairs)} of {sent} were found"
    if found.largest_s > LARGEST_RESIDUAL_S:
        yield f"has markers up to {found.largest_s * 1e3:.1f} ms away from the triggers of {run}"
    if found.rival_s is not None:
        yield f"fits {run} at two places, {abs(found.rival_s):.3f} s apart: its triggers are too regular to tell which"


def _shared(one: Alignment, other: Alignment) -> bool:
    """Whether two runs lay claim to the same markers; a recording of a whole session holds several runs."""
    both = np.intersect1d(one.pairs[:, 1], other.pairs[:, 1])
    return 2 * len(both) > min(len(one.pairs), len(other.pairs))


def _remedy(run: RecordedRun, recording: Recording, found: Alignment) -> str:
    """What may be the matter."""
    sent = set(run.triggers.codes.tolist())
    seen = {code for one in recording.sources for code in one.codes.tolist()}
    if not seen:
        return "the recording has no markers at all: check the trigger cable and the amplifier's settings"
    if not sent & seen:
        return (
            f"none of the codes sent ({listed(sorted(sent))}) was recorded (there are {listed(sorted(seen))}):"
            " another session's file, or lines of the port are swapped"
        )
    if never := sorted(sent - seen):
        return f"never recorded: code {listed(never)}; a line of the port may be broken ('bazin timing-check' tells)"
    if found.share >= SMALLEST_SHARE:
        return "the recording may have been paused or have lost samples, or the markers were sent late"
    if 2 * len(found.pairs) > len(run.triggers):
        at = found.on_recording(run.triggers.times[found.missing])
        before, after = int(np.sum(at < 0)), int(np.sum(at > recording.duration_s))
        if before or after:
            return f"the recording began too late for {before} triggers and ended too early for {after}"
        return "markers were lost: check the trigger cable, and how long each code stands on the port"
    return "it is the file of another session, or of another person"


def _put_beside_events(bids: Path, recording: Recording, files: RunFiles) -> tuple[str, ...]:
    """Write the recording into a temporary BIDS root, and copy what is ours to take."""
    (bids / "sourcedata").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".attach-", dir=bids / "sourcedata") as folder:
        root = Path(folder)
        recording.write(root, files.entities)
        written = sorted(root.glob("sub-*/ses-*/eeg/*"))
        taken = [path for path in written if path.stem.rpartition("_")[2] not in _NOT_OURS]
        targets = {files.folder / path.name: path for path in taken}
        # electrodes and their coordinates belong to the session; another run may have brought them
        new = {at: path for at, path in targets.items() if "_run-" in at.name or not at.exists()}
        place(new)
        return tuple(path.name for path in new)
