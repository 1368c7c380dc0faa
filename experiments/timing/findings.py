"""What was found about one device: a verdict, sentences, the way out, and all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from protocols.base.errors import BazinError

Verdict = Literal["fine", "look at this", "not checked", "failed"]
CLOSE_OTHERS = (
    "close other programs, switch off power saving and desktop effects, unplug other screens; measure again"
)


@dataclass(frozen=True)
class Finding:
    """One device.

    Attributes
    ----------
    kind
        ``flips``, ``clip``, ``keys``, ``sound`` or ``triggers``.
    device
        What it is called in lists and as a heading.
    verdict
        ``failed`` also where it could not be opened although a session would need it.
    sentences
        What was found, in words.
    ways_out
        What to do about it; empty where all is well.
    numbers
        Everything that was measured, fit for JSON.
    """

    kind: str
    device: str
    verdict: Verdict
    sentences: tuple[str, ...]
    ways_out: tuple[str, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)


class Judgement:
    """Collects what is to be said about a device; the verdict is the worst of what was objected to."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.ways_out: list[str] = []
        self._bad = False
        self._odd = False

    def say(self, sentence: str) -> None:
        """A plain statement."""
        self.sentences.append(sentence)

    def object(self, sentence: str, way_out: str, *, fails: bool = False) -> None:
        """Something that is not as it should be, and what to do about it."""
        self.sentences.append(sentence)
        if way_out not in self.ways_out:
            self.ways_out.append(way_out)
        self._bad |= fails
        self._odd = True

    def finding(self, kind: str, device: str, numbers: dict[str, Any], *, checked: bool = True) -> Finding:
        """The finding; what was `checked` and met no objection is fine."""
        verdict: Verdict = (
            "failed" if self._bad else "look at this" if self._odd else "fine" if checked else "not checked"
        )
        return Finding(kind, device, verdict, tuple(self.sentences), tuple(self.ways_out), numbers)


def refused(kind: str, device: str, error: BazinError, verdict: Verdict = "failed") -> Finding:
    """A device that could not be opened or gave up, in the words of its error."""
    said, ways_out = [], []
    for fault in error.faults:
        got = f" (got: {fault.got})" if fault.got else ""
        accepted = f" Accepted: {fault.accepted}." if fault.accepted else ""
        said.append(f"{fault.item[:1].upper()}{fault.item[1:]} {fault.problem}{got}.{accepted}")
        ways_out += [fault.way_out] if fault.way_out else []
    return Finding(kind, device, verdict, tuple(said), tuple(ways_out))


def median_and_most(milliseconds: Sequence[float]) -> dict[str, float]:
    """``median_ms`` and ``max_ms`` of at least one time."""
    return {
        "median_ms": round(float(np.median(milliseconds)), 4),
        "max_ms": round(float(np.max(milliseconds)), 4),
    }
