"""What was measured on a clip as files: a document, series in BIDS's form, pictures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np

from protocols.base.bids import generated_by
from protocols.base.tables import number, rounded
from stimuli.features.catalog import definitions
from stimuli.features.feature import Definition, SoundFeature
from stimuli.measuring.clip import Measured
from stimuli.probing import Probe

CLIPS, SERIES, PICTURES = "clips", "series", "pictures"


def document_name(clip: str) -> str:
    """Where a clip's document lies in the folder of measures."""
    return f"{CLIPS}/{clip}.json"


def picture_name(clip: str, picture: str) -> str:
    """Where a picture of a clip lies: ``poster-0.jpg``, ``preview.jpg``, ``overlay.png`` or the like."""
    return f"{PICTURES}/{clip}_{picture}"


def series_name(clip: str) -> str:
    """Where a clip's values per frame lie; the sidecar has the same name with ``.json``."""
    return f"{SERIES}/{clip}_stim.tsv.gz"


def sound_series_name(clip: str) -> str:
    """Where values of its sound lie, which have a sampling rate of their own."""
    return f"{SERIES}/{clip}_recording-sound_stim.tsv.gz"


def optional_names(clip: str) -> tuple[str, ...]:
    """Files that a clip may have or not."""
    sound = sound_series_name(clip)
    return picture_name(clip, "overlay.png"), sound, sidecar_name(sound)


def sidecar_name(name: str) -> str:
    """The JSON file beside a series."""
    return name.removesuffix(".tsv.gz") + ".json"


def clip_files(clip: str, sha256: str, measured: Measured) -> dict[str, str | bytes]:
    """All files of one clip by their name in the folder of measures.

    Parameters
    ----------
    clip
        Its name.
    sha256
        Hash of the clip's file.
    measured
        What was measured.
    """
    files: dict[str, str | bytes] = {
        picture_name(clip, name): data for name, data in measured.pictures.items()
    }
    files |= _series(series_name(clip), *steady(measured), note=_held(measured.probe))
    if measured.sound_series:
        rate = SoundFeature.series_rate
        files |= _series(
            sound_series_name(clip), measured.sound_series, rate, start=measured.sound_start_s, note=""
        )
    document = {
        "clip": clip,
        "sha256": sha256,
        "values": {name: rounded(float(value)) for name, value in measured.values.items()},
        "flags": [
            {**asdict(flag), "from_s": rounded(flag.from_s), "to_s": rounded(flag.to_s)}
            for flag in measured.flags
        ],
        "cuts_s": [rounded(time) for time in measured.cuts_s],
        "overlays": measured.overlays,
        "file": _file(measured.probe),
        "files": sorted(files),
        "GeneratedBy": generated_by(),
    }
    return {**files, document_name(clip): _json(document)}


def steady(measured: Measured) -> tuple[dict[str, np.ndarray], float]:
    """Series at a steady rate and that rate: of a file with a variable one, each value is held until the next frame."""
    rate = float(measured.probe.fps)
    if measured.probe.constant_rate:
        return dict(measured.series), rate
    even = np.arange(max(1, round(measured.probe.duration_s * rate))) / rate
    latest = np.maximum(0, np.searchsorted(measured.times, even + 0.5 / rate, side="right") - 1)
    return {name: column[latest] for name, column in measured.series.items()}, rate


def described(definition: Definition) -> dict[str, Any]:
    """A definition as a sidecar has it."""
    entry = {
        "Description": definition.help,
        "Units": definition.unit,
        "Source": definition.source,
        "Library": definition.library,
    }
    return {**entry, "DifferenceUnits": definition.difference_unit} if definition.difference_unit else entry


def _series(
    name: str, columns: Mapping[str, np.ndarray], rate: float, *, start: float = 0.0, note: str
) -> dict[str, str | bytes]:
    """Headerless compressed table and its sidecar (BIDS 1.11.1, physiological and other continuous recordings)."""
    known = definitions()
    rows = zip(*columns.values(), strict=True)
    text = "".join("\t".join(number(float(value)) for value in row) + "\n" for row in rows)
    sidecar: dict[str, Any] = {
        "SamplingFrequency": rounded(rate),
        "StartTime": rounded(start),
        "Columns": list(columns),
        **({"Note": note} if note else {}),
        **{column: described(known[column]) for column in columns},
    }
    return {
        name: gzip.compress(text.encode(), mtime=0),  # without the time: the same numbers give the same bytes
        sidecar_name(name): _json(sidecar),
    }


def _held(found: Probe) -> str:
    if found.constant_rate:
        return ""
    return (
        f"The file has a variable frame rate; values are given at {float(found.fps):.6g} Hz, each held until the next "
        "frame appears."
    )


def _file(found: Probe) -> dict[str, Any]:
    return {
        name: str(value)
        if isinstance(value, Fraction)
        else rounded(value)
        if isinstance(value, float)
        else value
        for name, value in asdict(found).items()
    }


def _json(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
