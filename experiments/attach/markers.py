"""Codes in what recordings call a marker: annotations in words, and trigger channels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import numpy as np

from experiments.attach.alignment import Markers

BITS = 0xFF
"""The lines that carry codes; amplifiers add bits of their own above them."""
NOT_SENT = ("response", "comment", "new segment", "syncstatus")
"""BrainVision marker types that never come from a trigger port; a response may well have a stimulus's number."""
_NUMBERED = re.compile(
    r"(?:s|stim|stimulus|trigger|trig|code|condition|event|marker)?[\s#:_=-]*0*(\d{1,3})(?:\.0+)?"
)


def code_of(text: str, names: Mapping[str, int]) -> int | None:
    """The code an annotation means; None if it is not a trigger's.

    Parameters
    ----------
    text
        ``Stimulus/S 11``, ``S 11``, ``11``, ``condition 11``, or a name of the table.
    names
        The plan's codes by name.

    Examples
    --------
    >>> [code_of(text, {"live": 11}) for text in ("Stimulus/S 11", "11", "live", "Response/R 11", "New Segment/")]
    [11, 11, 11, None, None]
    """
    kind, _, last = text.strip().casefold().rpartition("/")
    if kind.rpartition("/")[2] in NOT_SENT or last in NOT_SENT:
        return None
    last = last.strip()
    for name, code in names.items():
        if last == name.casefold():
            return code
    match = _NUMBERED.fullmatch(last)
    code = int(match[1]) if match else 0
    return code if 0 < code <= BITS else None


def from_texts(times: Iterable[float], texts: Iterable[object], names: Mapping[str, int]) -> Markers:
    """Markers among annotations; the others are left out. Times in seconds."""
    found = [
        (at, code)
        for at, text in zip(times, texts, strict=True)
        if (code := code_of(str(text), names)) is not None
    ]
    return Markers.of([at for at, _ in found], [code for _, code in found])


def from_channel(values: np.ndarray, sampling_hz: float) -> Markers:
    """Markers of a trigger channel: wherever its lower eight lines change to a value that is not 0.

    Parameters
    ----------
    values
        (n,) samples. What stands there at the first sample was not sent during the recording.
    sampling_hz
        Samples per second.
    """
    codes = np.round(np.nan_to_num(values)).astype(np.int64) & BITS
    changed = np.flatnonzero(np.diff(codes) != 0) + 1
    rising = changed[codes[changed] != 0]
    return Markers.of(rising / sampling_hz, codes[rising])
