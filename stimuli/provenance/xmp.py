"""XMP packets: what editing programs and generators write about a film's origin (ISO 16684-1, IPTC Video Metadata)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from stimuli.provenance.aigc import Aigc, read_aigc
from stimuli.provenance.personal import harmless
from stimuli.provenance.source_types import short_name

LONGEST = 4_000_000
MOST_PACKETS = 8
STARTS = (b"<x:xmpmeta", b"<rdf:RDF")
ENDS = (b"</x:xmpmeta>", b"</rdf:RDF>")

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_MM = "{http://ns.adobe.com/xap/1.0/mm/}"
_EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
_TC260 = "{http://www.tc260.org.cn/ns/AIGC/1.0/}"
SOURCE_TYPE = f"{_IPTC}DigitalSourceType"
FIELDS = {
    "CreatorTool": "{http://ns.adobe.com/xap/1.0/}CreatorTool",
    "AISystemUsed": f"{_IPTC}AISystemUsed",
    "AISystemVersionUsed": f"{_IPTC}AISystemVersionUsed",
    "Credit": "{http://ns.adobe.com/photoshop/1.0/}Credit",
    "Rights": "{http://purl.org/dc/elements/1.1/}rights",
    "UsageTerms": "{http://ns.adobe.com/xap/1.0/rights/}UsageTerms",
    "WebStatement": "{http://ns.adobe.com/xap/1.0/rights/}WebStatement",
    "DataMining": "{http://ns.useplus.org/ldf/xmp/1.0/}DataMining",
}
"""Properties that are read; all others (places, serial numbers, persons, files the film was made from) are not."""


@dataclass(frozen=True)
class Xmp:
    """What the packets of one file say.

    Attributes
    ----------
    source_types
        IPTC digital source types by their short names.
    fields
        Property → value, for those in `FIELDS`.
    tools
        Programs in the history of the file.
    aigc
        Labels after GB 45438-2025.
    problems
        Packets that could not be read, and why.
    """

    source_types: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    tools: tuple[str, ...] = ()
    aigc: tuple[Aigc, ...] = ()
    problems: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "digital_source_types": list(self.source_types),
            "fields": dict(self.fields),
            "tools": list(self.tools),
        }


def read_xmp(regions: Iterable[bytes]) -> Xmp:
    """What the XMP packets in some stretches of a file say; a packet that is no XML becomes a problem."""
    types: dict[str, None] = {}
    tools: dict[str, None] = {}
    fields: dict[str, str] = {}
    labels: dict[Aigc, None] = {}
    problems: list[str] = []
    for packet in packets(regions):
        try:
            described = list(_descriptions(packet))
        except ElementTree.ParseError as error:
            problems.append(f"an XMP packet is unreadable: {error}")
            continue
        for one in described:
            types |= {harmless(short_name(value), 60): None for value in _values(one, SOURCE_TYPE)}
            for name, tag in FIELDS.items():
                for value in _values(one, tag):
                    fields.setdefault(name, harmless(value))
            tools |= {harmless(name, 80): None for name in _history(one)}
            labels |= {label: None for text in _values(one, f"{_TC260}AIGC") for label in read_aigc(text)}
    return Xmp(tuple(types), tuple(fields.items()), tuple(tools), tuple(labels), tuple(problems))


def packets(regions: Iterable[bytes]) -> Iterator[bytes]:
    """XMP packets, from the root element's start to its end.

    A document type declaration stands before the root, if anywhere, and is thereby left out: without it an entity is a
    fault, and nothing can grow (no "billion laughs") or be fetched.
    """
    found = 0
    for region in regions:
        at = 0
        while found < MOST_PACKETS:
            starts = [(place, i) for i, mark in enumerate(STARTS) if (place := region.find(mark, at)) >= 0]
            if not starts:
                break
            start, which = min(starts)
            end = region.find(ENDS[which], start, start + LONGEST)
            at = start + len(STARTS[which]) if end < 0 else end + len(ENDS[which])
            if end >= 0:
                found += 1
                yield region[start:at]


def _descriptions(packet: bytes) -> Iterator[ElementTree.Element]:
    """The descriptions of the film itself, not those nested in them."""
    root = ElementTree.fromstring(packet)
    for rdf in [root] if root.tag == f"{RDF}RDF" else root.iter(f"{RDF}RDF"):
        yield from rdf.findall(f"{RDF}Description")


def _values(description: ElementTree.Element, tag: str) -> Iterator[str]:
    if text := description.get(tag):
        yield text
    for element in description.findall(tag):
        items = list(element.iter(f"{RDF}li"))
        for one in items or [element]:
            text = one.get(f"{RDF}resource") or (one.text or "").strip()
            if text:
                yield text


def _history(description: ElementTree.Element) -> Iterator[str]:
    for history in description.findall(f"{_MM}History"):
        for event in history.iter():
            text = event.get(f"{_EVENT}softwareAgent") or (
                event.text if event.tag == f"{_EVENT}softwareAgent" else None
            )
            if text and text.strip():
                yield text.strip()
