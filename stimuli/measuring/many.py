"""All clips of a set measured: side by side, resumable, each for itself; and their table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2

from protocols.base.canonical import sha256_file
from protocols.base.errors import Fault
from protocols.base.files import read_json, write_atomically, write_json
from protocols.base.steps import Done, Outputs, perform, step
from protocols.base.tables import table_text, write_frame
from protocols.base.workers import Workers
from stimuli.features.catalog import definitions
from stimuli.measuring.clip import measure_clip
from stimuli.measuring.files import clip_files, described, document_name, optional_names

if TYPE_CHECKING:
    import pandas as pd

Say = Callable[[str], None]
FLAG_COLUMNS = ("clip", "kind", "detail", "from_s", "to_s")


@dataclass(frozen=True)
class ClipFile:
    """A clip to be measured.

    Attributes
    ----------
    name
        What it is called; its files get this name.
    path
        Its file.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a clip: either `done` or `faults`."""

    clip: ClipFile
    done: Done | None = None
    faults: tuple[Fault, ...] = ()

    def __str__(self) -> str:
        if self.done is None:
            return f"{self.clip.name}: left out\n" + "\n".join(str(fault) for fault in self.faults)
        return f"{self.clip.name}: {'measured' if self.done.recomputed else 'reused'} ({self.done.reason})"


@step(version=1)
def measure(*, settings: Mapping[str, Any], inputs: Mapping[str, Path]) -> Outputs:
    """Measure one clip; its outputs are files of the folder of measures."""
    return clip_files(settings["clip"], sha256_file(inputs["clip"]), measure_clip(inputs["clip"]))


def measure_many(
    clips: Sequence[ClipFile], folder: Path, *, jobs: int = 1, say: Say = lambda _: None
) -> list[Outcome]:
    """Measure clips, or keep what is finished and unchanged.

    Parameters
    ----------
    clips
        What to measure.
    folder
        Where the files go: ``clips/``, ``series/``, ``pictures/`` and the stamps in ``.done/``.
    jobs
        Clips worked on at a time, each by one thread. Changes no number.
    say
        Gets a line for every clip.

    Returns
    -------
    list
        In the order of the clips. One that cannot be measured is listed with its faults; the others go on.
    """
    outcomes: dict[int, Outcome] = {}
    work, names = partial(_measure_one, folder), [clip.name for clip in clips]
    try:
        with Workers(min(jobs, len(clips))) as together:
            for place, result in together.spread(work, clips, "measuring the clips", names=names):
                if isinstance(result, Done):
                    outcomes[place] = Outcome(clips[place], done=result)
                else:
                    outcomes[place] = Outcome(clips[place], faults=result)
                say(str(outcomes[place]))
    finally:
        for part in folder.rglob(".*.part"):  # of a process that was ended while it wrote
            part.unlink(missing_ok=True)
    return [outcomes[place] for place in range(len(clips))]


def measured_table(folder: Path, clips: pd.DataFrame) -> pd.DataFrame:
    """The table of all clips, its sidecar and the list of flags, from the clips' documents.

    Parameters
    ----------
    folder
        The folder of measures; ``clips.tsv``, ``clips.json`` and ``flags.tsv`` are written into it.
    clips
        One row per clip, with the columns ``clip`` and ``sha256`` and any others, which are carried over.

    Returns
    -------
    DataFrame
        The rows given and a column for every feature. NaN throughout where a clip was not measured, or where what is
        there was measured on another version of its file.
    """
    import pandas as pd

    documents = {
        name: _document(folder, name, digest)
        for name, digest in zip(clips["clip"], clips["sha256"], strict=True)
    }
    columns = {name: [_value(documents[clip], name) for clip in clips["clip"]] for name in definitions()}
    table = pd.concat([clips.reset_index(drop=True), pd.DataFrame(columns, dtype=float)], axis=1)
    flags = [
        [clip, *(flag[column] for column in FLAG_COLUMNS[1:])]
        for clip, document in documents.items()
        for flag in document.get("flags", ())
    ]
    write_json(folder / "clips.json", {name: described(known) for name, known in definitions().items()})
    write_atomically(folder / "flags.tsv", table_text(FLAG_COLUMNS, flags))
    write_frame(folder / "clips.tsv", table)
    return table


def _measure_one(folder: Path, clip: ClipFile) -> Done:
    settings = {"clip": clip.name, "features": sorted(definitions()), "libraries": _libraries()}
    done = perform(measure, settings=settings, inputs={"clip": clip.path}, folder=folder, stamp=clip.name)
    if done.recomputed:  # what an earlier version of the clip had and this one has not
        present = read_json(folder / document_name(clip.name))["files"]
        for name in set(optional_names(clip.name)) - set(present):
            (folder / name).unlink(missing_ok=True)
    return done


def _libraries() -> dict[str, str]:
    """What can change a number when it is updated."""
    packages = {name: version(name) for name in ("numpy", "scikit-image", "scipy")}
    return {"av": av.__version__, "opencv": cv2.__version__, **packages}


def _document(folder: Path, clip: str, digest: str) -> Mapping[str, Any]:
    """A clip's document; empty where there is none for this version of its file."""
    path = folder / document_name(clip)
    if not path.exists():
        return {}
    document = read_json(path)
    if not isinstance(document, dict) or document.get("sha256") != digest:
        return {}
    return document


def _value(document: Mapping[str, Any], name: str) -> float:
    value = document.get("values", {}).get(name)
    return float("nan") if value is None else float(value)
