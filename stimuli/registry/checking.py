"""``bazin stimuli check``: whether a set is whole, what is still to be filled in, and whether it is the plan's set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault, InputError, did_you_mean, listed
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise
from stimuli.registry.editing import cell_faults, todo_lines
from stimuli.registry.manifest import Clip, Manifest, manifest_sha256, read_manifest
from stimuli.sets import StimulusSet, existing_set


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes
    ----------
    faults
        What must be mended before the set can be used.
    warnings
        What somebody has to know and decide about.
    todo
        Open cells of the manifest, by arm and field.
    """

    manifest: Manifest
    sha256: str
    faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)


def check_set(stimuli: StimulusSet, promise: Promise | None = None) -> Checked:
    """Look at a set, and hold it against a plan if there is one."""
    manifest = read_manifest(stimuli)
    checked = Checked(manifest, manifest_sha256(stimuli))
    checked.faults.extend(_files(stimuli, manifest))
    checked.faults.extend(cell_faults(manifest))
    checked.warnings.extend(incomplete_pairs(manifest))
    checked.warnings.extend(f"{clip.name}: {clip['problems']}" for clip in manifest.clips if clip["problems"])
    checked.todo.extend(todo_lines(manifest))
    if promise is not None:
        checked.faults.extend(against_plan(checked.sha256, promise))
        checked.warnings.extend(beside_plan(manifest, promise.plan))
    return checked


def _files(stimuli: StimulusSet, manifest: Manifest) -> Iterator[Fault]:
    for clip in manifest.clips:
        path = stimuli.file(clip.file)
        if not path.is_file():
            yield Fault(clip.name, "has no file", got=clip.file, way_out="import or prepare it again")
        elif sha256_file(path) != clip["sha256"]:
            yield Fault(
                clip.name,
                "is not the file that was registered: it was changed since",
                got=clip.file,
                way_out="import or prepare it again; clips are never edited in place",
            )


def incomplete_pairs(manifest: Manifest) -> Iterator[str]:
    """Pairs that lack an arm which others have, and clips without a pair."""
    alone = [clip.name for clip in manifest.clips if clip.pair_id is None]
    if alone:
        yield f"without a pair: {listed(alone)}; 'bazin stimuli pair' proposes partners"
    for pair, versions in manifest.pairs().items():
        lacking = [arm for arm in manifest.arms if arm not in versions]
        if lacking:
            yield f"pair {pair} has no {listed(lacking)}"


def against_plan(sha256: str, promise: Promise) -> Iterator[Fault]:
    """Whether the plan, if it is bound to a manifest, is bound to this one."""
    plan = promise.plan
    if plan.stimuli is None:
        yield promise.document.fault(
            ("stimuli",), "is not in the plan", accepted="stimuli: {set, pairs, seconds}",
            way_out="say in the plan which set it is about",
        )  # fmt: skip
    elif plan.stimuli.manifest_sha256 not in (None, sha256):
        yield promise.document.fault(
            ("stimuli", "manifest_sha256"),
            "is the hash of another manifest: clips or their provenance were changed since",
            got=plan.stimuli.manifest_sha256 or "",
            accepted=sha256,
            way_out="bring the old set back; or, if the change is meant, write the new hash into the plan",
        )


def beside_plan(manifest: Manifest, plan: Plan) -> Iterator[str]:
    """What the plan says of the clips and the set does not bear out."""
    if plan.stimuli is None:
        return
    arms = manifest.arms
    for arm in arms:
        if arm not in plan.conditions:
            near = did_you_mean(arm, plan.conditions)
            yield f"arm '{arm}' is no condition of the plan{f'; {near}' if near else ''}"
        else:
            roles = {clip.role for clip in manifest.clips if clip.arm == arm}
            if roles != {plan.conditions[arm].role}:
                yield f"arm '{arm}' has the role {listed(sorted(roles))}; the plan says {plan.conditions[arm].role}"
    missing = [name for name in plan.conditions if name not in arms]
    if missing:
        yield f"the set has no clip of {listed(missing)}"
    pairs = manifest.pairs()
    if len(pairs) != plan.stimuli.pairs:
        yield f"the set has {len(pairs)} pairs; the plan says {plan.stimuli.pairs}"
    off = [clip for clip in manifest.clips if not _as_long(clip, plan.stimuli.seconds)]
    if off:
        found = listed(f"{clip.name} ({float(clip['duration'] or 0):.2f} s)" for clip in off)
        yield f"not {plan.stimuli.seconds:g} s long, as the plan says: {found}"
    made_with = {text for clip in manifest.clips if clip.role == "contrast" and (text := clip["generator"])}
    unnamed = sorted(
        text
        for text in made_with
        if not any(text in name or name in text for name in plan.stimuli.generators)
    )
    if unnamed:
        yield f"the plan's generators do not name {listed(unnamed)}"


def _as_long(clip: Clip, seconds: float) -> bool:
    """Whether a clip lasts as long as the plan says, to half a frame."""
    if clip["duration"] is None or clip["fps"] is None:
        return False
    return abs(float(clip["duration"]) - seconds) <= float(Fraction(1, 2) / Fraction(clip["fps"]))


def set_of_plan(promise: Promise) -> StimulusSet:
    """The set a plan names, looked for from the plan's own folder."""
    plan = promise.plan
    if plan.stimuli is None:
        raise InputError(promise.document.fault((), "has no 'stimuli'"))
    return existing_set(Path(promise.document.file).parent / plan.stimuli.set)
