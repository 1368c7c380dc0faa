"""What the columns of a session's tables are, and what the words in them mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.paradigms.base import TrialRow
from experiments.paradigms.choosing import ATTENTION, PARADIGMS, row_class
from experiments.paradigms.ratings import SCALES
from experiments.people.profiles import profile_of
from experiments.session.journal import Header

LAST = "unusable_reason"
ONLY_WITH_FILES = "stim_file"
"""Left out where the films are not in the data set: a table that names files it does not hold is not valid BIDS."""

LONG_NAMES = {
    "trial_type": "Kind of trial", "clip": "Clip", "stim_file": "Stimulus file", "pair_id": "Pair", "scene": "Scene",
    "response_time": "Response time", "confidence": "Confidence", "correct": "Right answer", "phase": "Phase",
    "attempt": "Attempt", "exposure_count": "Exposures", "twin_seen_before": "Twin seen before", "lag": "Lag",
    "dropped_frames": "Dropped frames", "onset_error": "Onset error", "trigger": "Marker",
    "inattentive": "Inattentive", "unusable_reason": "Why the trial cannot be used", "pointed": "Pointed at",
    "sample": "Sample",
}  # fmt: skip
KINDS = {
    "same": "both clips are the same version",
    "different": "the clips are two versions of a scene",
    "first": "the compared version came first",
    "second": "the compared version came second",
    "left": "the compared version was on the left",
    "right": "the compared version was on the right",
    "star": "attention task: a star appears, and any key is right",
    "question": "attention task: was this picture in the film just seen?",
}
"""What words in ``trial_type`` mean besides the plan's conditions."""
RUN = {
    "LongName": "Run",
    "Description": "block of the session; 0 is training, see attempt. Onset 0 is its beginning",
}
ONSET_OF = {
    "bold": "when the clip, or the first of two, began; 0 is the first stored volume",
    "eeg": "when the clip, or the first of two, began; 0 is the first trigger of the run",
    "beh": "when the clip, or the first of two, began; 0 is the beginning of its run",
}
FRAMES: dict[str, dict[str, Any]] = {
    "trial": {"LongName": "Trial", "Description": "place of the trial in the task"},
    "broken": {
        "LongName": "Broken off",
        "Description": "whether the trial was broken off; it is in no other table",
        "Levels": {"1": "broken off", "0": "finished"},
    },
    "clip": {"LongName": "Clip", "Description": "name of the clip in the manifest"},
    "where": {"LongName": "Place", "Description": "place on the screen"},
    "frame": {"LongName": "Frame", "Description": "number of the frame in the file, from 0"},
    "pts": {"LongName": "Presentation time", "Description": "time of the frame in the file", "Units": "s"},
    "flip": {
        "LongName": "Flip",
        "Description": "when the frame appeared, counted from onset 0 of the run",
        "Units": "s",
    },
}


def ordered(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Names of all columns in the rows: those of every task, then a task's own, why a row is unusable last."""
    found = dict.fromkeys(name for row in rows for name in row)
    known = [name for name in TrialRow.described() if name in found and name != LAST]
    own = [name for name in found if name not in known and name != LAST]
    return [*known, *own, LAST]


def declared(task: str, header: Header, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What a task says of its columns where it declares them; words of the attention task are among its own."""
    if task not in PARADIGMS:
        return TrialRow.described()
    scales = [scale for scale in SCALES if scale in set(names)]
    profile = profile_of("child" if header.profile == "child" else "adult")
    known = row_class(task, profile, scales).described()
    of_attention = row_class(ATTENTION, profile).described()["response"].get("Levels", {})
    known["response"]["Levels"] = {**of_attention, **known["response"].get("Levels", {})}
    return known


def described(
    name: str, values: Iterable[Any], modality: str, known: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """What the sidecar says of a column.

    Parameters
    ----------
    name
        The column's.
    values
        What stands in it.
    modality
        Of the table.
    known
        What the task declares; see `declared`.
    """
    own = known.get(name, {"Description": f"answer: {name.replace('_', ' ')}"})
    entry = {"LongName": LONG_NAMES.get(name, name.replace("_", " ").capitalize()), **own}
    if name == "onset":
        entry["Description"] = ONSET_OF[modality]
    if name in ("trial_type", "response", "arm", "phase"):
        words = sorted({value for value in values if isinstance(value, str)})
        meanings = {**own.get("Levels", {}), **(KINDS if name == "trial_type" else {})}
        entry["Levels"] = {word: meanings.get(word, _of_plan(name, word)) for word in words}
        if not words:
            del entry["Levels"]
    return entry


def _of_plan(name: str, word: str) -> str:
    return f"condition '{word}' of the plan" if name in ("arm", "trial_type") else word
