"""The clips of a session: what the trial list, the presenter and the tables need to know of each."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault, InputError, fail, listed
from protocols.plan.promises import Plan
from stimuli.registry.manifest import Manifest, read_manifest
from stimuli.sets import StimulusSet, existing_set


@dataclass(frozen=True)
class Clip:
    """One film.

    Attributes
    ----------
    name
        Its name in the manifest.
    pair_id, arm, role, scene
        As in the manifest; `arm` is a condition of the plan.
    stim_file
        Path below ``stimuli/``, as BIDS tables name it.
    seconds
        From the first frame's beginning to the last one's end.
    fps
        Frames per second.
    sound
        Whether it has a sound track.
    path
        Where the file lies; None for a clip that exists only in a simulation.
    sha256
        Hash of the file; empty for a simulated clip.
    """

    name: str
    pair_id: str
    arm: str
    role: str
    scene: str
    stim_file: str
    seconds: float
    fps: float
    sound: bool = False
    path: Path | None = None
    sha256: str = ""

    @property
    def frames(self) -> int:
        """Number of frames."""
        return max(1, round(self.seconds * self.fps))


def clips_of_set(root: Path, plan: Plan) -> tuple[Clip, ...]:
    """The clips of a set that the plan's sessions can show.

    Raises
    ------
    InputError
        If a clip of a condition has no pair, no length, or its file is missing; all of them are named.
    """
    stimuli = existing_set(root)
    manifest = read_manifest(stimuli)
    return _clips(stimuli, manifest, plan)


def _clips(stimuli: StimulusSet, manifest: Manifest, plan: Plan) -> tuple[Clip, ...]:
    found: list[Clip] = []
    faults: list[Fault] = []
    for clip in manifest.clips:
        if clip.arm not in plan.conditions or not clip.pair_id:
            continue
        path = stimuli.file(clip.file)
        seconds, fps = _number(clip["duration"]), _number(clip["fps"])
        if not path.is_file():
            faults.append(Fault(f"clip '{clip.name}'", "is missing", got=clip.file,
                                way_out=f"bazin stimuli check {stimuli.root}"))  # fmt: skip
        elif not (seconds > 0 and fps > 0):
            faults.append(Fault(f"clip '{clip.name}'", "has no length or frame rate in the manifest",
                                way_out=f"bazin stimuli check {stimuli.root}"))  # fmt: skip
        else:
            found.append(
                Clip(
                    clip.name, clip.pair_id, clip.arm, plan.conditions[clip.arm].role, clip.scene, clip.file,
                    seconds, fps, (clip["audio"] or "none") != "none", path, clip["sha256"] or "",
                )
            )  # fmt: skip
    if faults:
        raise InputError(faults[:10])
    if not found:
        raise fail(
            InputError,
            str(stimuli.root),
            "holds no paired clips of the plan's conditions",
            got=listed(manifest.arms),
            accepted=listed(plan.conditions),
        )
    return tuple(found)


def simulated_clips(plan: Plan, *, fps: float = 25.0) -> tuple[Clip, ...]:
    """Clips as the plan describes them, without files: every pair in every condition that is filmed.

    Classics and their replicas are pairs of their own.
    """
    assert plan.stimuli is not None
    classic = {"familiarity_reference", "familiarity_contrast"}
    arms = [(name, one.role) for name, one in plan.conditions.items() if one.role != "label"]
    found = []
    for i in range(plan.stimuli.pairs):
        for old in (False, True):
            pair = f"c{i + 1:02d}" if old else f"p{i + 1:02d}"
            scene = f"{'classic' if old else 'scene'}{i + 1:02d}"
            for arm, role in arms:
                if (role in classic) == old:
                    found.append(
                        Clip(f"{pair}_{arm}", pair, arm, role, scene, f"simulated/{scene}_{arm}.mp4",
                             float(plan.stimuli.seconds), fps)
                    )  # fmt: skip
    return tuple(found)


def changed_files(clips: Iterable[Clip]) -> list[Fault]:
    """Files that are not the manifest's any more."""
    faults = []
    for clip in clips:
        assert clip.path is not None
        now = sha256_file(clip.path)
        if now != clip.sha256:
            faults.append(
                Fault(
                    f"clip '{clip.name}'",
                    "is not the file the manifest describes",
                    got=f"sha256 {now[:12]}…",
                    accepted=f"{clip.sha256[:12] or 'none'}…",
                    way_out="put the right file back, or register it: bazin stimuli import",
                )
            )
    return faults


def _number(text: str | None) -> float:
    try:
        return float(Fraction(text)) if text else math.nan  # frame rates are fractions: 24000/1001
    except (ValueError, ZeroDivisionError):
        return math.nan
