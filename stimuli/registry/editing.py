"""``bazin stimuli edit``: what only people know of a clip, filled in cell by cell or for a whole arm."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from protocols.base.errors import Fault, UsageError, did_you_mean, fail, listed
from stimuli.provenance.fields import FIELDS, ToDo, check_row, todo
from stimuli.registry.bids import write_bids_stimuli
from stimuli.registry.manifest import (
    DIRECTIONS,
    Clip,
    Manifest,
    filled_by_hand,
    read_manifest,
    write_manifest,
)
from stimuli.sets import StimulusSet

EVERYTHING = "all"
Ask = Callable[[str], str]
Say = Callable[[str], None]


def open_cells(manifest: Manifest) -> list[ToDo]:
    """Every required cell that nobody filled in yet, in the order of fields and clips."""
    order = {one.name: i for i, one in enumerate(FIELDS)}
    found = [one for clip in manifest.clips for one in todo(clip.cells)]
    return sorted(found, key=lambda one: order[one.field])


def todo_lines(manifest: Manifest) -> list[str]:
    """The open cells by field and arm: ``ai: generator (4 clips) – the program that made the clip``."""
    lines = []
    meanings = {one.name: one.meaning for one in FIELDS}
    arm_of = {clip.name: clip.arm for clip in manifest.clips}
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in open_cells(manifest):
        grouped.setdefault((arm_of[one.clip], one.field), []).append(one.clip)
    for (arm, field), clips in sorted(grouped.items(), key=lambda item: item[0][0]):
        whose = (
            f"all {len(clips)}"
            if len(clips) == sum(c.arm == arm for c in manifest.clips)
            else listed(clips, limit=4)
        )
        lines.append(f"{arm}.{field} ({whose}): {meanings[field]}")
    return lines


def cell_faults(manifest: Manifest) -> list[Fault]:
    """Everything wrong with what people filled in, cell by cell."""
    return [
        replace(fault, file=str(manifest.where), line=clip.line or None)
        for clip in manifest.clips
        for fault in faults_of(clip)
    ]


def faults_of(clip: Clip) -> list[Fault]:
    """Everything wrong with what people filled in for one clip."""
    faults = list(check_row(clip.cells))
    start, crop = clip["start_s"], clip["crop"]
    if start is not None and not re.fullmatch(r"\d+(\.\d+)?", start):
        faults.append(
            Fault(
                f"{clip.name}: start_s",
                "is not a time in seconds",
                got=start,
                accepted=DIRECTIONS["start_s"][2],
            )
        )
    if crop is not None and not re.fullmatch(r"\d+[ ,]+\d+[ ,]+[1-9]\d*[ ,]+[1-9]\d*", crop):
        faults.append(
            Fault(
                f"{clip.name}: crop", "is not a part of a picture", got=crop, accepted=DIRECTIONS["crop"][2]
            )
        )
    return faults


def set_cells(stimuli: StimulusSet, assignments: Sequence[str]) -> list[str]:
    """Fill in cells: ``ai.generator=Sora 2``, ``kitchen_ai.seed=12``, ``all.licence=CC BY 4.0``.

    Parameters
    ----------
    stimuli
        The set.
    assignments
        ``WHOSE.FIELD=VALUE``; WHOSE is a clip, an arm or ``all``. An empty value empties the cell.

    Returns
    -------
    list of str
        What was done, a line for each assignment.

    Raises
    ------
    UsageError
        If an assignment names no clip or field, or its value is not what the field takes. Then nothing is changed.
    """
    manifest = read_manifest(stimuli)
    clips = {clip.name: clip for clip in manifest.clips}
    lines: list[str] = []
    faults: list[Fault] = []
    for text in assignments:
        try:
            names, field, value = _assignment(text, manifest)
        except UsageError as error:
            faults += error.faults
            continue
        for name in names:
            clips[name] = clips[name].having(**{field: value})
            faults += [fault for fault in faults_of(clips[name]) if field in fault.item]
        whose = names[0] if len(names) == 1 else f"{len(names)} clips"
        lines.append(f"{whose}: {field} = {value if value is not None else 'empty'}")
    if faults:
        unique = {str(fault): fault for fault in faults}
        raise UsageError(list(unique.values()))
    save(stimuli, manifest, clips.values())
    return lines


def _assignment(text: str, manifest: Manifest) -> tuple[list[str], str, str | None]:
    left, sign, value = text.partition("=")
    whose, dot, field = left.strip().rpartition(".")
    if not sign or not dot:
        raise fail(
            UsageError,
            f"'{text}'",
            "does not say whose cell gets which value",
            accepted="ai.generator=Sora 2, kitchen_ai.seed=12, all.licence=CC BY 4.0",
        )
    if field not in filled_by_hand():
        raise fail(
            UsageError,
            f"'{field}'",
            "is not a field that people fill in",
            accepted=listed(filled_by_hand(), limit=30),
            way_out=did_you_mean(field, filled_by_hand()),
        )
    names = [clip.name for clip in manifest.clips if whose == clip.name or whose == EVERYTHING] or [
        clip.name for clip in manifest.clips if clip.arm == whose
    ]
    if not names:
        known = [*manifest.arms, *(clip.name for clip in manifest.clips)]
        raise fail(
            UsageError,
            f"'{whose}'",
            "is neither a clip nor an arm of the set",
            accepted=f"{EVERYTHING}, {listed(known)}",
            way_out=did_you_mean(whose, known),
        )
    return names, field, value.strip() or None


def save(stimuli: StimulusSet, manifest: Manifest, clips: Iterable[Clip]) -> Manifest:
    """Write the manifest with these clips, and the BIDS table made of it."""
    changed = replace(manifest, clips=tuple(clips))
    write_manifest(stimuli, changed)
    written = read_manifest(stimuli)
    write_bids_stimuli(stimuli, written)
    return written


def interview(stimuli: StimulusSet, ask: Ask, say: Say) -> int:
    """Ask for every open cell, arm by arm; an answer can be given for a whole arm at once.

    Parameters
    ----------
    stimuli
        The set.
    ask
        Shows a prompt and returns what was typed; raises EOFError or KeyboardInterrupt when somebody stops.
    say
        Shows a line.

    Returns
    -------
    int
        Cells filled in. Each is saved before the next is asked for.
    """
    filled = 0
    skipped: set[tuple[str, str]] = set()
    say(
        "For each question: a value, Enter to leave it open, a value followed by '*' for all open clips of the arm."
    )
    while True:
        manifest = read_manifest(stimuli)
        left = [one for one in open_cells(manifest) if (one.clip, one.field) not in skipped]
        if not left:
            return filled
        one = left[0]
        field = next(field for field in FIELDS if field.name == one.field)
        say(f"\n{one.clip}: {field.name} – {field.meaning} (for example: {field.example})")
        try:
            answer = ask(f"{field.name}? ").strip()
        except EOFError:
            return filled
        if not answer:
            skipped.add((one.clip, one.field))
            continue
        arm = manifest[one.clip].arm
        names = [one.clip]
        if answer.endswith("*"):
            answer = answer[:-1].strip()
            names = [
                other.clip for other in left if other.field == one.field and manifest[other.clip].arm == arm
            ]
        try:
            set_cells(stimuli, [f"{name}.{one.field}={answer}" for name in names])
            filled += len(names)
        except UsageError as error:
            say(str(error.faults[0]))
