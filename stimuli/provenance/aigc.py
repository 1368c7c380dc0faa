"""The implicit label that GB 45438-2025 asks for in the metadata of generated content.

Appendix E of the standard: a metadata field named `AIGC` holds a JSON object with `Label`, `ContentProducer`,
`ProduceID`, `ReservedCode1`, `ContentPropagator`, `PropagateID` and `ReservedCode2`. In pictures it stands in XMP under
the name space of TC260, in films in a field of the container.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from stimuli.provenance.personal import harmless

MEANINGS = {
    "1": "generated",
    "2": "possibly generated",
    "3": "suspected to be generated",
    "AIGC": "generated",  # not in the standard, but written by some generators
}
FIELDS = frozenset({"Label", "ContentProducer", "ProduceID", "ContentPropagator", "PropagateID"})
AROUND = 4_000
"""Bytes in which a label must begin before, and end after, the name of its producer."""
MOST = 20


@dataclass(frozen=True, order=True)
class Aigc:
    """One such label.

    The numbers of the content are not shown, as they may lead to an account; whether they are there is.

    Attributes
    ----------
    label
        As it stands: 1, 2 or 3.
    producer, propagator
        Who made it and who spread it: name or code of the service.
    numbered
        Whether the producer's number of the content is given.
    """

    label: str
    producer: str = ""
    propagator: str = ""
    numbered: bool = False

    @property
    def meaning(self) -> str:
        """What the label says."""
        return MEANINGS.get(self.label, f"label '{self.label}', which the standard does not know")

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "label": self.label,
            "meaning": self.meaning,
            "content_producer": self.producer,
            "content_propagator": self.propagator,
            "has_produce_id": self.numbered,
        }


def read_aigc(text: str) -> Iterator[Aigc]:
    """The label in the value of a field, if it is one; also wrapped once more in ``{"AIGC": …}``."""
    try:
        found = json.loads(text)
        if isinstance(found, dict) and "AIGC" in found:
            found = found["AIGC"]
        if isinstance(found, str):
            found = json.loads(found)
    except (json.JSONDecodeError, RecursionError):
        return
    if isinstance(found, dict) and len(FIELDS & set(found)) >= 2:
        yield Aigc(
            harmless(found.get("Label", ""), 20),
            harmless(found.get("ContentProducer") or "", 80),
            harmless(found.get("ContentPropagator") or "", 80),
            bool(found.get("ProduceID")),
        )


def scan_aigc(regions: Iterable[bytes]) -> Iterator[Aigc]:
    """Labels in fields of a container that no reader knows by name: found by the name of the producer's field."""
    seen = 0
    for region in regions:
        at = region.find(b"ContentProducer")
        while at >= 0 and seen < MOST:
            seen += 1
            start = region.rfind(b"{", max(0, at - AROUND), at)
            end = region.find(b"}", at, at + AROUND)
            if start >= 0 and end >= 0:
                yield from read_aigc(region[start : end + 1].decode("utf-8", "replace").replace('\\"', '"'))
            at = region.find(b"ContentProducer", at + 1)
