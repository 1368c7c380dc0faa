"""What is known of the clips' making: what people filled in, with its gaps, and what the files themselves claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from protocols.pages.grids import Grid
from stimuli.provenance.fields import FIELDS, UNKNOWN, Field, value_of
from stimuli.registry.manifest import Clip
from stimuli.report.saved import Saved
from stimuli.report.words import FLAG_WORDS, arm_words, n_of

LONG = 90
"""Longer texts are folded."""
LABELS = ("watermark", "start_label", "end_label")

Kind = Literal["open", "unknown", "filled", "none"]


@dataclass(frozen=True)
class Known:
    """One cell.

    Attributes
    ----------
    kind
        `open`: required and empty; `unknown`: said to be unknown; `filled`; `none`: neither required nor filled in.
    text
        What stands in it.
    beginning
        Its first words, where it is long; else empty.
    """

    kind: Kind
    text: str = ""
    beginning: str = ""


@dataclass(frozen=True)
class Sheet:
    """The provenance of one arm's clips.

    Attributes
    ----------
    arm
        In words.
    columns
        Names of fields, and what they mean.
    rows
        Clips with their cells.
    gaps
        How many cells are open.
    """

    arm: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Known, ...]], ...]
    gaps: int


def overview(saved: Saved) -> Grid:
    """Field by field and arm by arm: how many cells are filled in, unknown, open."""
    arms, clips = saved.manifest.arms, saved.manifest.clips
    rows = []
    for field in FIELDS:
        if field.by_program:
            continue
        cells = {arm: [_known(clip, field) for clip in clips if clip.arm == arm] for arm in arms}
        if any(one.kind != "none" for several in cells.values() for one in several):
            rows.append([_name(field), *(_count(several) for several in cells.values()), field.meaning])
    return Grid(
        "What is on record, by field and version",
        ["Field", *(arm_words(arm) for arm in arms), "Meaning"],
        rows,
        long=True,
    )


def _count(cells: Sequence[Known]) -> str:
    kinds = [one.kind for one in cells]
    if all(kind == "none" for kind in kinds):
        return "–"
    parts = [
        (kinds.count("filled"), "filled in"),
        (kinds.count("unknown"), "unknown"),
        (kinds.count("open"), "OPEN"),
    ]
    return ", ".join(f"{n} {what}" for n, what in parts if n)


def sheets(saved: Saved) -> list[Sheet]:
    """Clip by clip, a sheet for each arm, with the fields its clips must have or have."""
    found = []
    for arm in saved.manifest.arms:
        clips = [clip for clip in saved.manifest.clips if clip.arm == arm]
        fields = [
            field
            for field in FIELDS
            if not field.by_program and any(_known(clip, field).kind != "none" for clip in clips)
        ]
        if fields:
            rows = tuple((clip.name, tuple(_known(clip, field) for field in fields)) for clip in clips)
            gaps = sum(cell.kind == "open" for _, cells in rows for cell in cells)
            found.append(
                Sheet(arm_words(arm), tuple((_name(one), one.meaning) for one in fields), rows, gaps)
            )
    return found


def _name(field: Field) -> str:
    return field.name.replace("_", " ")


def _known(clip: Clip, field: Field) -> Known:
    value = value_of(clip.cells, field)
    if value is None:
        return Known("open" if field.is_required(clip.cells) else "none")
    if value.casefold() == UNKNOWN:
        return Known("unknown", value)
    return Known("filled", value, f"{value[:LONG].rsplit(' ', 1)[0]} …" if len(value) > LONG else "")


@dataclass(frozen=True)
class Told:
    """What one file says of itself.

    Attributes
    ----------
    clip
        Its name.
    c2pa, source_type
        The manifest's cells.
    claims
        Everything else it claims.
    conflicts
        Claims against what it is registered as.
    label
        What is known of a visible label: by hand, and found in the picture.
    """

    clip: str
    c2pa: str
    source_type: str
    claims: str
    conflicts: tuple[str, ...]
    label: str


def told(saved: Saved) -> list[Told]:
    """What the imported files say, clip by clip."""
    found = []
    for name, one in saved.clips.items():
        clip = one.clip
        marks = [FLAG_WORDS[flag.kind].lower() for flag in one.flags if flag.kind in LABELS]
        by_hand = clip["visible_label"]
        label = [f"registered: {by_hand}"] if by_hand else []
        label += [f"found: {mark}" for mark in dict.fromkeys(marks)]
        if not marks and not one.state:
            label.append("cannot be told from the picture" if one.overlay_note else "none found")
        found.append(
            Told(
                name,
                clip["c2pa"] or "–",
                clip["digital_source_type"] or "–",
                clip["claims"] or "nothing",
                one.conflicts,
                "; ".join(label) or "–",
            )
        )
    return found


def unasked(saved: Saved) -> str:
    """Which files could not be asked; empty if all could."""
    n = sum(not one.claims_read for one in saved.clips.values())
    return (
        f"{n_of(n, 'imported file')} not in the folder: contradictions in their metadata were not looked for."
        if n
        else ""
    )
