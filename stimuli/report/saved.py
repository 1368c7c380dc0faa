"""What a set holds, read back from its files; what is missing or older than the clips is said, never guessed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from protocols.base.errors import BazinError
from protocols.base.files import read_json
from stimuli.features.catalog import definitions
from stimuli.measuring.files import document_name, picture_name
from stimuli.measuring.gallery import PLACES
from stimuli.preparing.pipeline import Prepared
from stimuli.provenance.claims import conflicts, read_claims
from stimuli.registry.editing import cell_faults
from stimuli.registry.manifest import Clip, Manifest, manifest_sha256, read_manifest
from stimuli.report.matched import Matched, read_matched
from stimuli.sets import StimulusSet

NOT_MEASURED, EARLIER = "not measured", "measured on an earlier file"


@dataclass(frozen=True)
class FlagSeen:
    """Something about a clip that somebody should look at.

    Attributes
    ----------
    kind
        As `words.FLAG_WORDS` has it.
    detail
        What was seen, a sentence.
    from_s, to_s
        When; None where it concerns the whole clip.
    """

    kind: str
    detail: str
    from_s: float | None = None
    to_s: float | None = None


@dataclass(frozen=True)
class Shown:
    """One clip and everything saved about it.

    Attributes
    ----------
    clip
        Its row in the manifest.
    state
        Empty if it was measured as it is now; else `NOT_MEASURED` or `EARLIER`.
    values
        Its features, NaN where one could not be measured; empty unless measured as it is now.
    flags
        What was flagged when it was measured, also on an earlier file.
    overlay_note
        Why labels and watermarks could not be looked for; empty if they could.
    posters
        Pictures at `PLACES` percent of the clip, those that are there.
    preview, overlay
        A strip of frames side by side, and a picture of what is laid over the clip; None where there is none.
    conflicts
        Claims of the imported file that contradict what the clip is registered as.
    claims_read
        Whether the imported file was there to be asked.
    prepared
        What its preparation did, from ``prepared/<recipe>.json``; None for a clip as imported, or where that file
        does not speak of the clip as it is now.
    """

    clip: Clip
    state: str
    values: Mapping[str, float]
    flags: tuple[FlagSeen, ...]
    overlay_note: str
    posters: Mapping[int, Path]
    preview: Path | None
    overlay: Path | None
    conflicts: tuple[str, ...]
    claims_read: bool
    prepared: Prepared | None

    @property
    def silent(self) -> bool:
        """Whether nothing can be heard."""
        return not self.has_track or any(flag.kind == "silent" for flag in self.flags)

    @property
    def has_track(self) -> bool:
        """Whether the file has a sound track."""
        return self.clip["audio"] not in (None, "none")


@dataclass(frozen=True)
class Saved:
    """A set as its files have it.

    Attributes
    ----------
    stimuli, manifest, sha256
        The set, its manifest, and the manifest's SHA-256.
    clips
        Every clip by name, in the manifest's order.
    recipes
        ``prepared/<recipe>.json`` of the recipes that clips were prepared by.
    matched
        ``match/``, or why there is nothing.
    registered_by
        Version of the program that wrote the manifest; empty where its sidecar is missing.
    faults
        What is wrong with cells that people filled in.
    unreadable
        Saved files that are broken, and how.
    """

    stimuli: StimulusSet
    manifest: Manifest
    sha256: str
    clips: Mapping[str, Shown]
    recipes: Mapping[str, Mapping[str, Any]]
    matched: Matched
    registered_by: str = ""
    faults: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    @cached_property
    def pairs(self) -> dict[str, dict[str, Shown]]:
        """Clips by pair and arm, arms in the order of their roles."""
        return {
            pair: {arm: self.clips[versions[arm].name] for arm in self.manifest.arms if arm in versions}
            for pair, versions in self.manifest.pairs().items()
        }

    @cached_property
    def alone(self) -> tuple[Shown, ...]:
        """Clips without a pair."""
        return tuple(one for one in self.clips.values() if one.clip.pair_id is None)

    @cached_property
    def not_as_now(self) -> tuple[str, ...]:
        """Clips that were not measured as they are now."""
        return tuple(name for name, one in self.clips.items() if one.state)

    @property
    def reference(self) -> str | None:
        """The arm that others are compared with; None unless there is exactly one."""
        arms = self.manifest.arms_of_role("reference") or self.manifest.arms_of_role("familiarity_reference")
        return arms[0] if len(arms) == 1 else None

    @property
    def contrasts(self) -> tuple[str, ...]:
        """Arms that should match the reference."""
        if self.manifest.arms_of_role("reference"):
            return self.manifest.arms_of_role("contrast")
        return self.manifest.arms_of_role("familiarity_contrast")

    @property
    def comparable(self) -> bool:
        """Whether there is a reference and something to compare with it."""
        return self.reference is not None and bool(self.contrasts)


def read_saved(stimuli: StimulusSet) -> Saved:
    """Read a set.

    Raises
    ------
    InputError
        If the manifest cannot be read. Any other file that is broken is listed in `unreadable`, and its place stays
        empty.
    """
    manifest = read_manifest(stimuli)
    sha256 = manifest_sha256(stimuli)
    broken: list[str] = []
    recipes = {}
    for name in dict.fromkeys(clip["recipe"] for clip in manifest.clips):
        document = _json(stimuli.prepared / f"{name}.json", broken) if name is not None else None
        if name is not None and document:
            recipes[name] = document
    clips = {clip.name: _shown(stimuli, clip, recipes, broken) for clip in manifest.clips}
    measured = not any(one.state for one in clips.values())
    return Saved(
        stimuli,
        manifest,
        sha256,
        clips,
        recipes,
        read_matched(stimuli, manifest, sha256, measured, broken),
        _version(_json(stimuli.manifest.with_suffix(".json"), broken)),
        tuple(str(fault) for fault in cell_faults(manifest)),
        tuple(broken),
    )


def _version(sidecar: Mapping[str, Any]) -> str:
    """The program's version, as a sidecar of ours has it."""
    made_by = sidecar.get("GeneratedBy")
    entry = made_by[0] if isinstance(made_by, list) and made_by else {}
    return str(entry.get("Version", "")) if isinstance(entry, dict) else ""


def _shown(
    stimuli: StimulusSet, clip: Clip, recipes: Mapping[str, Mapping[str, Any]], broken: list[str]
) -> Shown:
    folder = stimuli.measures
    measured = _measured(folder / document_name(clip.name), clip, broken)
    told = conflicts_of(stimuli, clip)
    return Shown(
        clip,
        *measured,
        {
            place: path
            for place in PLACES
            if (path := folder / picture_name(clip.name, f"poster-{place}.jpg")).exists()
        },
        _if_there(folder / picture_name(clip.name, "preview.jpg")),
        _if_there(folder / picture_name(clip.name, "overlay.png")),
        told or (),
        told is not None,
        _prepared(stimuli, clip, recipes.get(clip["recipe"] or "", {}), broken),
    )


def _measured(
    path: Path, clip: Clip, broken: list[str]
) -> tuple[str, Mapping[str, float], tuple[FlagSeen, ...], str]:
    """State, values, flags, and why labels could not be looked for."""
    document = _json(path, broken)
    if not document:
        return NOT_MEASURED, {}, (), ""
    state = "" if document.get("sha256") == clip["sha256"] else EARLIER
    try:
        flags = tuple(
            FlagSeen(one["kind"], one["detail"], one.get("from_s"), one.get("to_s"))
            for one in document["flags"]
        )
        found = document["values"]
        values = {name: math.nan if found.get(name) is None else float(found[name]) for name in definitions()}
        note = str(document.get("overlays", {}).get("message", ""))
    except (KeyError, TypeError, ValueError, AttributeError):
        broken.append(f"{path}: is not what this version of bazin writes; measure the clip again")
        return NOT_MEASURED, {}, (), ""
    return state, {} if state else values, flags, note


def _prepared(
    stimuli: StimulusSet, clip: Clip, recipe: Mapping[str, Any], broken: list[str]
) -> Prepared | None:
    """What a recipe's document says of a clip, if it speaks of the file that is shown now."""
    entry = recipe.get("clips", {}).get(clip.name)
    if not entry or entry.get("target_sha256") != clip["sha256"]:
        return None
    try:
        return Prepared.from_document(
            {name: value for name, value in entry.items() if name not in ("pair_id", "arm")}
        )
    except (KeyError, TypeError):
        path = stimuli.prepared / f"{clip['recipe']}.json"
        broken.append(f"{path}: what it says of {clip.name} is not what this version of bazin writes")
        return None


def conflicts_of(stimuli: StimulusSet, clip: Clip) -> tuple[str, ...] | None:
    """Claims of the imported file that contradict the clip's role; None if the file is not there.

    A control is made by the program: nothing is expected of its own file.
    """
    path = stimuli.file(clip["original"] or clip.file)
    if clip["made_from"] is not None:
        return ()
    return tuple(conflicts(clip.role, read_claims(path))) if path.is_file() else None


def _if_there(path: Path) -> Path | None:
    return path if path.exists() else None


def _json(path: Path, broken: list[str]) -> Mapping[str, Any]:
    """A document; empty where it is missing or, which is told, broken."""
    if not path.exists():
        return {}
    try:
        document = read_json(path)
    except BazinError as error:
        broken.extend(str(fault) for fault in error.faults)
        return {}
    if not isinstance(document, dict):
        broken.append(f"{path}: is not a JSON object")
        return {}
    return document
