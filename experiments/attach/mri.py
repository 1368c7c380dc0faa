"""A functional MRI recording comes home: volumes, repetition time and time of the day are held against the journal."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.attach.placing import RECORDING, attached_before, bring_onto_clock, place
from experiments.attach.report import Attached
from experiments.attach.runs import RecordedRun
from experiments.attach.scans import Scan, acquired, compressed, scan_of, sidecar_bytes
from experiments.attach.volumes import Counted, away, clock_of, counted, missed_pulses, timely
from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, InputError, UsageError, fail
from protocols.base.files import read_json, write_atomically
from protocols.base.tables import rounded

SAME_S = 0.001
"""Repetition times that differ by less are the same."""
PULSES_S = 0.005
"""By how much the pulses' median interval may differ: keyboards and boxes add a few milliseconds."""


def attach_mri(run: RecordedRun, runs: Sequence[RecordedRun], given: Sequence[Path]) -> Attached:
    """Attach a functional MRI recording to a run.

    Parameters
    ----------
    run, runs
        The run, and all runs of its session.
    given
        NIfTI and JSON, or a folder of DICOM files.

    Returns
    -------
    Attached
        What was done.

    Raises
    ------
    InputError
        If the file is not the run's, or contradicts the plan or the journal; nothing is written then.
    UsageError
        If another recording is attached already.
    NotAvailable
        For DICOM files, without dcm2niix.
    """
    with tempfile.TemporaryDirectory(prefix="bazin-attach-") as folder:
        work = Path(folder)
        scan = scan_of(given, work)
        image = compressed(scan.image, work)
        source = sha256_file(image)
        if attached_before(run.files, source):
            return Attached(str(run), nothing_done=True)
        repetition_s, notes = repetition_time(scan, run)
        others = attached_runs(run, runs)
        _refuse_twice(scan, source, runs, others)
        count, more = require_fit(scan, run, runs, others)
        notes += more
        sidecar, left_out = scan.shared()
        if left_out:
            notes.append(f"left out of the sidecar, as it may tell who was scanned: {', '.join(left_out)}")
        content = {**sidecar, "TaskName": run.task, "RepetitionTime": repetition_s}
        written = write_atomically(work / "sidecar.json", sidecar_bytes(content))
        targets = {run.files.named("bold", ".nii.gz"): image, run.files.named("bold", ".json"): written}
        place(targets)
    missed = missed_pulses(run, repetition_s)
    shift_s = ((run.dummies if count.dummies_stored else 0) + missed) * repetition_s
    if missed:
        notes.append(f"{missed} pulses were missed before onset 0; onsets were moved by {missed} volumes")
    about = {
        "source_sha256": source,
        "volumes": scan.nifti.volumes,
        "volumes_planned": run.planned,
        "pulses_counted": len(run.pulses),
        "dummy_volumes": run.dummies,
        "dummies_stored": count.dummies_stored,
        "onsets_moved_by_s": rounded(shift_s),
        "repetition_time_s": repetition_s,
        "run_status": run.status,
        "notes": notes,
    }
    bring_onto_clock(run.files, shift_s, 1.0, {RECORDING: about})
    return Attached(
        str(run),
        placed=tuple(
            path.name for path in (*targets, *([run.files.events] if shift_s else []), run.files.sidecar)
        ),
        found=_told(scan, run, count, shift_s),
        notes=tuple(notes),
    )


def _told(scan: Scan, run: RecordedRun, count: Counted, shift_s: float) -> str:
    volumes = f"{scan.nifti.volumes} volumes, {run.planned} planned, {len(run.pulses)} pulses counted"
    if not run.dummies:
        return volumes
    if count.dummies_stored:
        return f"{volumes}; the {run.dummies} dummies are stored, onsets were moved by {shift_s:g} s"
    return f"{volumes}; the {run.dummies} dummies are not stored"


def repetition_time(scan: Scan, run: RecordedRun) -> tuple[float, list[str]]:
    """The repetition time, in which plan, file and pulses must agree, and notes on who does not tell it.

    Raises
    ------
    InputError
        If they contradict each other, or the file does not tell it. Converters have been seen to write a wrong one.
    """
    said = scan.repetition_times
    if not said:
        raise fail(InputError, str(scan.image), "does not tell its repetition time",
                   accepted="RepetitionTime in the JSON, in seconds", way_out="convert it again")  # fmt: skip
    planned, pulsed = run.header.repetition_time_s, run.pulse_interval_s
    reference = next(iter(said.values())) if planned is None else planned
    wrong = [name for name, value in said.items() if abs(value - reference) > SAME_S]
    slow = pulsed is not None and abs(pulsed - reference) > PULSES_S
    if wrong or slow:
        everybody = {"the plan": planned, **said, "the pulses in the journal": pulsed}
        raise fail(
            InputError, str(scan.image), "has a repetition time that contradicts others",
            got=", ".join(f"{name} {value:.4f} s" for name, value in everybody.items() if value is not None),
            accepted=f"{reference:.4f} s everywhere",
            way_out="the scanner did not run as planned, or it is another session's file: amend the plan"
            if slow else f"the converter may be wrong: see the scanner's protocol, and correct {' and '.join(wrong)}",
        )  # fmt: skip
    notes = [] if len(said) == 2 else [f"only {next(iter(said))} tells the repetition time"]
    if pulsed is None:
        notes.append("too few pulses to check the repetition time")
    return reference, notes


def attached_runs(run: RecordedRun, runs: Sequence[RecordedRun]) -> dict[int, dict[str, Any]]:
    """What is known of the other runs that have a recording, by number: ``Recording`` of the sidecar, ``acquired``."""
    known = {}
    for other in runs:
        about = other.files.about().get(RECORDING)
        if about is not None and other.number != run.number:
            image_about = read_json(other.files.named("bold", ".json"))
            known[other.number] = {**about, "acquired": acquired(image_about)}
    return known


def _refuse_twice(
    scan: Scan, source: str, runs: Sequence[RecordedRun], others: Mapping[int, Mapping[str, Any]]
) -> None:
    for other in runs:
        if other.number in others and others[other.number]["source_sha256"] == source:
            raise fail(UsageError, str(scan.image), f"is attached to {other} already",
                       way_out="give the file of this run")  # fmt: skip


def require_fit(
    scan: Scan, run: RecordedRun, runs: Sequence[RecordedRun], others: Mapping[int, Mapping[str, Any]]
) -> tuple[Counted, list[str]]:
    """How the file's volumes are the run's, with notes; a file that is another run's is refused by naming that.

    Parameters
    ----------
    scan
        The file.
    run, runs
        The run it is to belong to, and all runs of the session.
    others
        What is known of runs that are attached.

    Raises
    ------
    InputError
        If volumes or time contradict the run, or fit another one better.
    """
    times = {number: about["acquired"] for number, about in others.items() if about["acquired"] is not None}
    ahead_s = clock_of(runs, times)
    stored = next((bool(about["dummies_stored"]) for about in others.values()), None)
    at_the_time = timely(runs, scan.acquired_s, ahead_s)
    counts = {one.number: counted(one, scan.nifti.volumes, stored) for one in runs if one.began}
    count, when = counts[run.number], at_the_time[run.number]
    better = [one for one in runs if one.number != run.number and one.number not in others
              and _is_better(counts.get(one.number), at_the_time[one.number], when)]  # fmt: skip
    unsure = count is not None and not count.exact and when is None and bool(better)
    if count is None or when is False or unsure:
        raise _refused(scan, run, when, better, _away(scan, run, ahead_s))
    return count, _notes(scan, run, count, when, _away(scan, run, ahead_s))


def _is_better(count: Counted | None, when: bool | None, when_here: bool | None) -> bool:
    """Whether another run is what the file may be, if it is not what it was said to be."""
    if count is None or when is False:
        return False
    return count.exact or (when is True and when_here is not True)


def _away(scan: Scan, run: RecordedRun, ahead_s: float | None) -> float:
    return 0.0 if scan.acquired_s is None else away(run, scan.acquired_s, ahead_s)


def _refused(
    scan: Scan, run: RecordedRun, when: bool | None, better: Sequence[RecordedRun], away_s: float
) -> BazinError:
    got = f"{scan.nifti.volumes} volumes"
    if when is False:
        got += f", acquired {abs(away_s) / 60:.1f} minutes {'after' if away_s > 0 else 'before'} the run"
    dummies = f" (or {run.dummies} more, if dummies are stored)" if run.dummies else ""
    accepted = (
        f"{run.planned} volumes{dummies}" if run.complete
        else f"a run that broke off after {len(run.pulses)} of {(run.planned or 0) + run.dummies} pulses"
    )  # fmt: skip
    if better:
        way_out = f"it fits {' and '.join(map(str, better))}: attach it with --run {better[0].number}"
    elif when is False:
        way_out = (
            "it is another run's file, or one that is attached was swapped with it; if the scanner's clock was set"
            " between the runs, take AcquisitionTime out of the JSON"
        )
    elif run.dummies and not run.complete:
        way_out = "attach a complete run first: it tells whether this scanner stores its dummies"
    else:
        way_out = "it is another session's file, or was not transferred or converted as a whole"
    return fail(
        InputError,
        str(scan.image),
        f"is not the recording of {run}",
        got=got,
        accepted=accepted,
        way_out=way_out,
    )


def _notes(scan: Scan, run: RecordedRun, count: Counted, when: bool | None, away_s: float) -> list[str]:
    notes = []
    wanted = (run.planned or 0) + (run.dummies if count.dummies_stored else 0)
    if not run.complete:
        notes.append(f"the run broke off ({run.status}): {scan.nifti.volumes} of {wanted} volumes are stored")
    elif scan.nifti.volumes > wanted:
        notes.append(f"the scanner stored {scan.nifti.volumes - wanted} volumes more than planned")
    if run.complete and len(run.pulses) < (run.planned or 0) + run.dummies:
        notes.append(f"{(run.planned or 0) + run.dummies - len(run.pulses)} pulses were not counted")
    if scan.acquired_s is None:
        notes.append("the JSON has no AcquisitionTime: that the runs are in order could not be checked")
    elif when is None:
        notes.append(
            f"the scanner's clock and this computer's differ by {abs(away_s) / 60:.1f} minutes: the order of runs is"
            " checked from the second recording on"
        )
    return notes
