"""What must be true of the clips before anybody sees them: the promised files, no dangerous flashes, not too loud."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.clips import Clip, changed_files
from protocols.base.errors import Fault, listed
from protocols.base.tables import read_frame
from protocols.plan.reading import Promise
from stimuli.registry.checking import against_plan
from stimuli.registry.manifest import manifest_sha256
from stimuli.sets import StimulusSet

FLASHES = "photosensitivity"
IDENTITY = ("clip", "pair_id", "arm", "role", "scene", "sha256")


def clip_faults(stimuli: StimulusSet, promise: Promise, clips: Sequence[Clip]) -> list[Fault]:
    """Why a session with these clips must not start; empty if it may."""
    return [
        *against_plan(manifest_sha256(stimuli), promise),
        *changed_files(clips),
        *flash_faults(stimuli.measures, clips),
    ]


def flash_faults(measures: Path, clips: Sequence[Clip]) -> list[Fault]:
    """Clips that may set off seizures, and clips nobody has looked at for that.

    Parameters
    ----------
    measures
        The set's folder of measures: ``clips.tsv`` says which files were measured, ``flags.tsv`` what was found.
    """
    way_out = f"bazin stimuli measure {measures.parent}"
    if not (measures / "flags.tsv").exists() or not (measures / "clips.tsv").exists():
        return [
            Fault("clips", "have not been checked for flashes that may set off seizures", way_out=way_out)
        ]
    measured = read_frame(measures / "clips.tsv", required=("clip", "sha256"))
    features = [name for name in measured if name not in IDENTITY]
    done = measured[measured[features].notna().any(axis=1)]  # a clip that could not be measured has no values
    known = dict(zip(done["clip"], done["sha256"], strict=True))
    unknown = [clip.name for clip in clips if known.get(clip.name) != clip.sha256]
    faults = []
    if unknown:
        faults.append(
            Fault("clips", "have not been checked for flashes since they were made", got=listed(unknown, limit=5),
                  way_out=way_out)
        )  # fmt: skip
    flags = read_frame(measures / "flags.tsv", required=("clip", "kind", "detail"))
    shown = {clip.name for clip in clips}
    for row in flags.to_dict("records"):
        if row["kind"] == FLASHES and row["clip"] in shown:
            faults.append(
                Fault(f"clip '{row['clip']}'", str(row["detail"]),
                      way_out="take the pair out of the set; nobody should see it")
            )  # fmt: skip
    return faults
