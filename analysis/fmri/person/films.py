"""What a stimulus set's saved measures say of its clips, frame by frame, for the plan's features in the model."""

from __future__ import annotations

import gzip
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.fmri.first_level.features import ClipSeries, feature_regressors
from protocols.base.errors import Fault, InputError, PlanError, UsageError, did_you_mean, fail, listed
from protocols.base.files import read_bytes, read_json
from protocols.base.tables import MISSING
from protocols.plan.measuring import Bold
from protocols.plan.reading import Promise
from protocols.plan.sessions import CLIPS_PER_TRIAL
from stimuli.registry.manifest import manifest_sha256, read_manifest
from stimuli.sets import StimulusSet, existing_set

CLIPS, SERIES = "clips", "series"
"""Folders of `StimulusSet.measures`, as `stimuli.measuring.files` writes them (which needs packages for films)."""


@dataclass(frozen=True)
class Films:
    """The clips of a set whose features stand in the model; sent to other processes.

    Attributes
    ----------
    root
        The set's folder.
    features
        Of the plan, in its order.
    files
        Name of each clip by the file that is shown, below ``stimuli/``.
    sha256
        Hash of each clip's file, by name.
    """

    root: Path
    features: tuple[str, ...]
    files: Mapping[str, str] = field(repr=False)
    sha256: Mapping[str, str] = field(repr=False)

    def clips_of(self, events: pd.DataFrame) -> pd.Series:
        """The clip of each event, by its ``stim_file`` or else its ``clip``; None where neither is one of the set."""
        nothing = [None] * len(events)
        files, names = events.get("stim_file", nothing), events.get("clip", nothing)
        found = [
            self.files.get(file) or (name if name in self.sha256 else None)
            for file, name in zip(files, names, strict=True)
        ]
        return pd.Series(found, index=events.index, dtype=object)

    def inputs(self, events: pd.DataFrame) -> dict[str, Path]:
        """Files that what the model has of the clips depends on, by name."""
        stimuli = StimulusSet(self.root)
        files = {"stimulus set": stimuli.manifest}
        for clip in sorted(set(self.clips_of(events).dropna())):
            paths = {
                f"clip {clip}": _document(stimuli, clip), f"series {clip}": _series(stimuli, clip),
                f"series {clip}, columns": _sidecar(stimuli, clip),
            }  # fmt: skip
            files |= {name: path for name, path in paths.items() if path.is_file()}
        return files

    def regressors(self, events: pd.DataFrame, frame_times_s: np.ndarray, *, hrf: str) -> pd.DataFrame:
        """The features' columns for one run, (volumes, features).

        Parameters
        ----------
        events
            ``onset``, ``duration`` (s), ``condition`` (None for what is no clip) and what names the clip.
        frame_times_s
            When the volumes were taken, (volumes,), in s.
        hrf
            The plan's response.

        Raises
        ------
        InputError
            If an event's clip is not of the set, or was not measured as it is now; it is named.
        """
        shown = events[events["condition"].notna()]
        shown = shown.assign(clip=self._named(shown))
        series = {clip: self.series(clip) for clip in dict.fromkeys(shown["clip"])}
        return feature_regressors(shown, series, self.features, frame_times_s, hrf=hrf)

    def series(self, clip: str) -> ClipSeries:
        """A clip's features, frame by frame.

        Raises
        ------
        InputError
            If it was not measured, or not as it is now, or a file cannot be read.
        """
        stimuli = StimulusSet(self.root)
        document, path, sidecar = _document(stimuli, clip), _series(stimuli, clip), _sidecar(stimuli, clip)
        way_out = f"bazin stimuli measure {self.root.name}"
        if not (document.is_file() and path.is_file() and sidecar.is_file()):
            raise fail(
                InputError,
                f"clip '{clip}'",
                "was not measured: it has no series of its frames",
                way_out=way_out,
            )
        if _said(document).get("sha256") != self.sha256[clip]:
            raise fail(InputError, f"clip '{clip}'", "was not measured as it is now", way_out=way_out)
        said = _said(sidecar)
        columns, rate = said.get("Columns"), said.get("SamplingFrequency")
        if not isinstance(columns, list) or not isinstance(rate, int | float) or not rate > 0:
            raise fail(
                InputError, sidecar.name, "does not say Columns and SamplingFrequency", way_out=way_out
            )
        values = _numbers(path, columns)
        times = np.arange(len(values)) / rate
        return ClipSeries(
            times,
            len(values) / rate,
            {name: values[name].to_numpy(float) for name in self.features if name in columns},
        )

    def _named(self, shown: pd.DataFrame) -> pd.Series:
        clips = self.clips_of(shown)
        unknown = shown[clips.isna()]
        if len(unknown):
            told = [
                str(
                    next(
                        (row[name] for name in ("stim_file", "clip") if row.get(name)),
                        f"event at {row['onset']:g} s",
                    )
                )
                for row in unknown.to_dict("records")
            ]
            raise fail(
                InputError, f"clip {listed(dict.fromkeys(told), limit=4)}", "is not of the stimulus set",
                way_out="events name their clip by stim_file or clip, as the set's pairs.tsv does",
            )  # fmt: skip
        return clips


def films_of(promise: Promise, root: Path | None) -> Films | None:
    """The films whose features a plan wants in the model of scans; None where it wants none.

    Raises
    ------
    UsageError
        If the set's folder is not given or not there, nothing was measured in it, or a feature has no series.
    PlanError
        If the plan is bound to another set, or a session shows several clips in one event.
    """
    features = (promise.plan.analysis.bold or Bold()).features_as_regressors
    if not features:
        return None
    if root is None:
        raise fail(
            UsageError, "analysis.bold.features_as_regressors", "needs the stimulus set, and none was given",
            got=listed(features), way_out="say where it lies: --stimuli SET",
        )  # fmt: skip
    stimuli = existing_set(root)
    _refuse_another_set(promise, stimuli)
    clips = [clip for clip in read_manifest(stimuli).clips if clip["sha256"]]
    _refuse_unknown(stimuli, [clip.name for clip in clips], features)
    return Films(
        root, tuple(features), {clip.file: clip.name for clip in clips},
        {clip.name: clip["sha256"] or "" for clip in clips},
    )  # fmt: skip


def refuse_pairs(promise: Promise, films: Films | None, session: str, paradigm: str) -> None:
    """Refuse features for events that show more than one clip: their series would be one clip's.

    Raises
    ------
    PlanError
        If the session's paradigm shows several.
    """
    if films is not None and paradigm in CLIPS_PER_TRIAL:
        raise PlanError(
            promise.document.fault(
                ("analysis", "bold", "features_as_regressors"),
                f"is for events of one clip, and session '{session}' shows several in each",
                got=paradigm,
                way_out="leave the features out",
            )
        )


def _refuse_another_set(promise: Promise, stimuli: StimulusSet) -> None:
    bound = promise.plan.stimuli.manifest_sha256 if promise.plan.stimuli is not None else None
    found = manifest_sha256(stimuli)
    if bound is not None and bound != found:
        raise PlanError(
            promise.document.fault(
                ("stimuli", "manifest_sha256"),
                f"is the hash of another set than {stimuli.root.name}",
                got=found,
                accepted=bound,
                way_out="give the set that was shown: --stimuli SET",
            )
        )


def _refuse_unknown(stimuli: StimulusSet, clips: list[str], features: tuple[str, ...]) -> None:
    measured = [_sidecar(stimuli, clip) for clip in clips if _sidecar(stimuli, clip).is_file()]
    if not measured:
        raise fail(UsageError, str(stimuli.root), "was not measured: none of its clips has a series of its frames",
                   way_out=f"bazin stimuli measure {stimuli.root}")  # fmt: skip
    columns = [str(name) for name in _said(measured[0]).get("Columns") or ()]
    faults = [
        Fault(f"feature '{name}'", "has no value for every frame", accepted=listed(columns, limit=40),
              way_out=did_you_mean(name, columns))
        for name in features if name not in columns
    ]  # fmt: skip
    if faults:
        raise UsageError(faults)


def _document(stimuli: StimulusSet, clip: str) -> Path:
    return stimuli.measures / CLIPS / f"{clip}.json"


def _series(stimuli: StimulusSet, clip: str) -> Path:
    return stimuli.measures / SERIES / f"{clip}_stim.tsv.gz"


def _sidecar(stimuli: StimulusSet, clip: str) -> Path:
    return stimuli.measures / SERIES / f"{clip}_stim.json"


def _said(path: Path) -> dict[str, Any]:
    said = read_json(path)
    if not isinstance(said, dict):
        raise fail(InputError, path.name, "is not a JSON object")
    return said


def _numbers(path: Path, columns: list[str]) -> pd.DataFrame:
    """A headerless compressed table, as BIDS has continuous recordings."""
    try:
        text = gzip.decompress(read_bytes(path)).decode("utf-8")
        values = pd.read_csv(io.StringIO(text), sep="\t", header=None, na_values=[MISSING])
        if values.shape[1] != len(columns):
            raise ValueError(f"{values.shape[1]} columns, {len(columns)} named")
        values = values.astype(float)
    except (OSError, EOFError, ValueError) as error:
        raise fail(InputError, path.name, "cannot be read as a table of numbers", got=str(error)) from error
    return values.set_axis(columns, axis=1)
