"""The pair manifest: one row per clip, what it is, where it comes from, and what is shown of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from protocols.base.bids import generated_by
from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault, InputError, did_you_mean, fail, listed
from protocols.base.files import write_atomically, write_json
from protocols.base.tables import MISSING, table_text
from protocols.plan.materials import Role
from protocols.sources.cells import read_source
from protocols.sources.notation import Plain
from stimuli.provenance.fields import FIELDS
from stimuli.sets import StimulusSet

Cells = dict[str, str | None]
ROLES = tuple(
    role for role in get_args(Role) if role != "label"
)  # the same clip under another label is no clip

FACTS: dict[str, tuple[str, str]] = {
    "clip": ("name of the clip: pair and arm", ""),
    "pair_id": ("pair the clip belongs to: the same scene in several arms; n/a while it has no pair", ""),
    "arm": ("the condition's name in the plan", ""),
    "role": ("why the arm exists: " + ", ".join(ROLES), ""),
    "scene": ("what the clip shows, in the lab's own words", ""),
    "file": ("the clip that is shown, below stimuli/", ""),
    "sha256": ("SHA-256 of that file", ""),
    "original": ("the clip as it was imported, below stimuli/", ""),
    "original_sha256": ("SHA-256 of the file as it was imported", ""),
    "source_name": ("name of the lab's own file", ""),
    "made_from": ("for a control: SHA-256 of the originals it was made from", ""),
    "recipe": ("recipe by which the shown clip was prepared; n/a: shown as imported", ""),
    "duration": ("from the first frame's beginning to the last one's end", "s"),
    "fps": ("nominal frame rate", "Hz"),
    "frame_rate": ("constant or variable", ""),
    "frames": ("number of frames", ""),
    "size": ("stored width x height", "pixels"),
    "pixel_aspect": ("width of a pixel divided by its height", ""),
    "container": ("file format", ""),
    "codec": ("coding of the picture", ""),
    "color": ("pixel format, range, matrix and transfer as declared", ""),
    "audio": ("coding, channels and sample rate of the sound, or none", ""),
    "problems": ("what has to be dealt with, found in the file", ""),
    "claims": ("what the file itself claims about its making, read before any re-encoding", ""),
}
"""Columns the program fills in: meaning and unit."""

DIRECTIONS: dict[str, tuple[str, str, str]] = {
    "start_s": ("where the part that is shown begins in the original; n/a: as the recipe says", "s", "1.5"),
    "crop": (
        "part of the original's picture that is shown, upright: left, top, width, height; n/a: all of it",
        "pixels",
        "0 40 1280 640",
    ),
}
"""Columns in which a person directs the preparation of single clips: meaning, unit, example."""


@dataclass(frozen=True)
class Clip:
    """One row of the manifest.

    Attributes
    ----------
    cells
        Every column's text; None where there is none.
    line
        Its line in the file, for messages.
    """

    cells: Cells
    line: int = 0

    def __getitem__(self, column: str) -> str | None:
        return self.cells.get(column)

    @property
    def name(self) -> str:
        """The clip's name."""
        return self.cells["clip"] or ""

    @property
    def pair_id(self) -> str | None:
        """Its pair; None while it has none."""
        return self.cells["pair_id"]

    @property
    def arm(self) -> str:
        """Its arm, a condition of the plan."""
        return self.cells["arm"] or ""

    @property
    def role(self) -> str:
        """Why its arm exists."""
        return self.cells["role"] or ""

    @property
    def scene(self) -> str:
        """What it shows."""
        return self.cells["scene"] or self.name

    @property
    def file(self) -> str:
        """The file that is shown, below ``stimuli/``."""
        return self.cells["file"] or ""

    def having(self, **cells: str | None) -> Clip:
        """The same row with other cells."""
        return Clip({**self.cells, **cells}, self.line)


@dataclass(frozen=True)
class Manifest:
    """The clips of a set, in the order of pairs and arms.

    Attributes
    ----------
    clips
        Rows.
    extra
        Columns of the lab's own, kept as they are.
    """

    clips: tuple[Clip, ...]
    extra: tuple[str, ...] = ()
    where: Path = field(default_factory=Path, compare=False)

    def __getitem__(self, name: str) -> Clip:
        for clip in self.clips:
            if clip.name == name:
                return clip
        raise fail(
            InputError,
            f"clip '{name}'",
            "is not in the set",
            got=name,
            accepted=listed(clip.name for clip in self.clips),
            way_out=did_you_mean(name, [clip.name for clip in self.clips]),
        )

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in the order in which roles are listed."""
        order = {
            arm: ROLES.index(role) if (role := clip.role) in ROLES else 99
            for clip in self.clips
            for arm in [clip.arm]
        }
        return tuple(sorted(order, key=lambda arm: (order[arm], arm)))

    def pairs(self) -> dict[str, dict[str, Clip]]:
        """Clips by pair and arm."""
        found: dict[str, dict[str, Clip]] = {}
        for clip in self.clips:
            if clip.pair_id is not None:
                found.setdefault(clip.pair_id, {})[clip.arm] = clip
        return found

    def arms_of_role(self, role: str) -> tuple[str, ...]:
        """Arms that play a role."""
        return tuple(arm for arm in self.arms if any(c.arm == arm and c.role == role for c in self.clips))


def filled_by_hand() -> tuple[str, ...]:
    """Columns a person fills in: provenance, then directions for the preparation."""
    return (*(one.name for one in FIELDS if not one.by_program), *DIRECTIONS)


def columns(extra: Iterable[str] = ()) -> tuple[str, ...]:
    """All columns of a manifest, in order."""
    return (*FACTS, *(one.name for one in FIELDS), *DIRECTIONS, *extra)


def read_manifest(stimuli: StimulusSet) -> Manifest:
    """Read a set's manifest, also after a spreadsheet program saved it in its own way.

    Raises
    ------
    InputError
        With every fault: a missing column, a clip twice, a pair with two clips of one arm, an unknown role.
    """
    path = stimuli.manifest
    table = read_source(path, Plain(), columns())
    table.require(("clip", "pair_id", "arm", "role", "file", "sha256"))
    clips = [
        Clip(
            {
                name: None if text in ("", MISSING) else text
                for name, text in zip(table.header, cells, strict=True)
            },
            line,
        )
        for line, cells in table.rows
    ]
    known = set(columns())
    extra = tuple(name for name in table.header if name not in known)
    faults = list(_faults(clips, str(path)))
    if faults:
        raise InputError(faults)
    return Manifest(tuple(clips), extra, path)


def _faults(clips: Sequence[Clip], file: str) -> Iterable[Fault]:
    seen: dict[str, int] = {}
    versions: dict[tuple[str, str], str] = {}
    for clip in clips:
        at: dict[str, Any] = {"file": file, "line": clip.line}
        for column in ("clip", "arm", "file", "sha256"):
            if clip[column] is None:
                yield Fault(
                    f"clip '{clip.name or '?'}'", f"has no '{column}'", way_out="import the clips again", **at
                )
        if clip.name in seen:
            yield Fault(f"clip '{clip.name}'", f"stands twice (also in line {seen[clip.name]})", **at)
        seen[clip.name] = clip.line
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", clip.arm):
            yield Fault(
                f"clip '{clip.name}'",
                "has an arm that cannot be a condition's name",
                got=clip.arm,
                accepted="letters, digits and '_', a letter first",
                **at,
            )
        if clip.role not in ROLES:
            yield Fault(
                f"clip '{clip.name}'",
                "has an unknown role",
                got=clip.role or MISSING,
                accepted=listed(ROLES),
                way_out=did_you_mean(clip.role, ROLES),
                **at,
            )
        if clip.pair_id is not None:
            key = (clip.pair_id, clip.arm)
            if key in versions:
                yield Fault(
                    f"pair '{clip.pair_id}'",
                    f"has two clips of the arm '{clip.arm}'",
                    got=listed([versions[key], clip.name]),
                    way_out="give one of them another pair_id or arm",
                    **at,
                )
            versions[key] = clip.name


def manifest_text(manifest: Manifest) -> str:
    """The manifest as its file has it, sorted by pair and arm; clips without a pair come last."""
    order = {arm: i for i, arm in enumerate(manifest.arms)}
    rows = sorted(
        manifest.clips,
        key=lambda clip: (clip.pair_id is None, clip.pair_id or "", order[clip.arm], clip.name),
    )
    names = columns(manifest.extra)
    return table_text(names, [[clip[name] for name in names] for clip in rows])


def write_manifest(stimuli: StimulusSet, manifest: Manifest) -> str:
    """Write ``pairs.tsv`` and its sidecar; returns the manifest's SHA-256, which a plan records."""
    write_atomically(stimuli.manifest, manifest_text(manifest))
    write_json(stimuli.manifest.with_suffix(".json"), sidecar())
    return manifest_sha256(stimuli)


def manifest_sha256(stimuli: StimulusSet) -> str:
    """SHA-256 of a set's ``pairs.tsv``."""
    return sha256_file(stimuli.manifest)


def sidecar() -> dict[str, Any]:
    """Meaning of every column, as JSON."""
    described: dict[str, Any] = {}
    for name, (meaning, unit) in FACTS.items():
        described[name] = {"Description": meaning, **({"Units": unit} if unit else {})}
    for one in FIELDS:
        described[one.name] = {"Description": one.meaning}
    for name, (meaning, unit, _) in DIRECTIONS.items():
        described[name] = {"Description": meaning, "Units": unit}
    return {"GeneratedBy": generated_by(), **described}


def as_rows(clips: Iterable[Clip]) -> list[Mapping[str, str | None]]:
    """Plain rows."""
    return [clip.cells for clip in clips]
