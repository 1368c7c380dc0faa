"""``bazin stimuli measure``: the features of every clip that is shown, and of the originals behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from protocols.base.errors import Fault, InputError, fail, listed
from protocols.base.tables import read_frame
from stimuli.features.catalog import definitions
from stimuli.measuring.many import ClipFile, Outcome, measure_many, measured_table
from stimuli.registry.manifest import Manifest, read_manifest
from stimuli.sets import StimulusSet
from stimuli.together import together

Say = Callable[[str], None]
IDENTITY = ("clip", "pair_id", "arm", "role", "scene", "sha256")
TABLE, FLAGS = "clips.tsv", "flags.tsv"


@dataclass(frozen=True)
class MeasuredSet:
    """What was measured.

    Attributes
    ----------
    table
        One row for each clip, a column for each feature.
    outcomes
        What became of every clip.
    """

    table: pd.DataFrame
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> tuple[Fault, ...]:
        """Of the clips that could not be measured."""
        return tuple(fault for outcome in self.outcomes for fault in outcome.faults)


def measure_set(stimuli: StimulusSet, *, jobs: int = 1, say: Say = print) -> MeasuredSet:
    """Measure every clip of a set that is not measured yet.

    Parameters
    ----------
    stimuli
        The set.
    jobs
        Clips worked on side by side; changes no number.
    say
        Where lines for the user go.
    """
    manifest = read_manifest(stimuli)
    there = [ClipFile(clip.name, stimuli.file(clip.file)) for clip in manifest.clips]
    outcomes = measure_many(there, stimuli.measures, jobs=jobs)
    table = measured_table(stimuli.measures, identities(manifest))
    done = [outcome for outcome in outcomes if outcome.done is not None]
    reused = sum(outcome.done is not None and not outcome.done.recomputed for outcome in done)
    for outcome in outcomes:
        if outcome.done is None:
            say(str(outcome))
    say(
        f"{len(done)} of {len(outcomes)} clips measured ({reused} reused), {len(definitions())} features"
        f" -> {stimuli.measures / TABLE}"
    )
    flags = read_flags(stimuli)
    seen = [
        f"{clip}: {str(kind).replace('_', ' ')}: {detail}"
        for clip, kind, detail in zip(flags["clip"], flags["kind"], flags["detail"], strict=True)
    ]
    for line in together(seen):
        say(f"  {line}")
    say(f"Next: bazin stimuli match {stimuli.root} --plan PLAN, bazin stimuli report {stimuli.root}")
    return MeasuredSet(table, tuple(outcomes))


def identities(manifest: Manifest) -> pd.DataFrame:
    """What every clip is, a row each."""
    return pd.DataFrame(
        [[clip[name] for name in IDENTITY] for clip in manifest.clips], columns=list(IDENTITY)
    )


def read_measured(stimuli: StimulusSet, manifest: Manifest) -> pd.DataFrame:
    """The table of clips, for exactly the files the manifest shows.

    Raises
    ------
    InputError
        If nothing was measured, or clips were not measured as they are now.
    """
    path = stimuli.measures / TABLE
    if not path.exists():
        raise fail(
            InputError,
            str(stimuli.root),
            "was not measured yet",
            way_out=f"bazin stimuli measure {stimuli.root}",
        )
    table = read_frame(path, numeric=list(definitions()), required=("clip", "sha256"))
    measured = dict(zip(table["clip"], table["sha256"], strict=True))
    features = table.set_index("clip")[[name for name in definitions() if name in table]]
    stale = [clip.name for clip in manifest.clips if measured.get(clip.name) != clip["sha256"]]
    unmeasured = [
        clip.name
        for clip in manifest.clips
        if clip.name in features.index and features.loc[clip.name].isna().all()
    ]
    if stale or unmeasured:
        names = [clip.name for clip in manifest.clips if clip.name in {*stale, *unmeasured}]
        raise fail(
            InputError,
            listed(names),
            "was not measured as it is now" if len(names) == 1 else "were not measured as they are now",
            way_out=f"bazin stimuli measure {stimuli.root}; a clip that cannot be measured is taken out of pairs.tsv",
        )
    return pd.concat(
        [identities(manifest), features.loc[[clip.name for clip in manifest.clips]].reset_index(drop=True)],
        axis=1,
    )


def read_flags(stimuli: StimulusSet) -> pd.DataFrame:
    """What somebody should look at: clip, kind, detail, from_s, to_s."""
    return read_frame(
        stimuli.measures / FLAGS, numeric=("from_s", "to_s"), required=("clip", "kind", "detail")
    )
