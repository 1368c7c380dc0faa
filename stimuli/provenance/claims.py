"""What a film's file claims about its own making, read before any re-encoding drops it.

Everything here is a claim: metadata are written by whoever made, or last saved, the file. They can show that a clip is
not what it was registered as, never that it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stimuli.provenance.aigc import Aigc, scan_aigc
from stimuli.provenance.boxes import metadata_regions
from stimuli.provenance.c2pa_claims import C2pa, read_c2pa
from stimuli.provenance.container import Container, read_container
from stimuli.provenance.findings import Finding, Kind
from stimuli.provenance.personal import harmless
from stimuli.provenance.source_types import origin
from stimuli.provenance.traces import traces_in
from stimuli.provenance.xmp import Xmp, read_xmp

FILMED = {
    "live": "live action",
    "reference": "live action",
    "classic": "a classic film",
    "familiarity_reference": "a classic film",
    "codec_control": "live action re-encoded",
}
GENERATED = {
    "ai": "AI-generated",
    "contrast": "AI-generated",
    "classic_replica": "an AI replica",
    "familiarity_contrast": "an AI replica",
}
"""What arms and roles are registered as; of all others nothing is expected."""
MEANS: dict[Kind, str] = {
    "generated": "a generator may have made it",
    "altered": "a trained network changed its frames: they are not what the camera recorded",
    "unclear": "a trained network may have changed its frames",
}


@dataclass(frozen=True)
class Claims:
    """What one file claims.

    Attributes
    ----------
    c2pa
        Its C2PA manifest.
    xmp
        Its XMP packets.
    aigc
        Labels after GB 45438-2025, wherever they stand.
    container
        Its metadata fields.
    problems
        What could not be read, and why.
    """

    c2pa: C2pa
    xmp: Xmp
    aigc: tuple[Aigc, ...]
    container: Container
    problems: tuple[str, ...] = ()

    @cached_property
    def processing(self) -> tuple[Finding, ...]:
        """What its metadata say was done to the clip, the gravest first."""
        found = list(self.container.findings)
        for name, value in self.xmp.fields:
            if name in ("CreatorTool", "AISystemUsed"):
                found += traces_in(f"XMP {name}", value, tool_field=True)
            if name == "AISystemUsed":
                found.append(Finding("generated", "XMP AISystemUsed", f"names {value}"))
        found += traces_in("XMP history", ", ".join(self.xmp.tools), tool_field=True)
        programs = ", ".join(dict.fromkeys((*self.c2pa.generators, *self.c2pa.tools)))
        found += traces_in("C2PA manifest", programs, tool_field=True)
        gravity: tuple[Kind, ...] = ("generated", "altered", "unclear", "camera", "edited", "written")
        return tuple(sorted(dict.fromkeys(found), key=lambda finding: gravity.index(finding.kind)))

    @property
    def source_types(self) -> tuple[str, ...]:
        """IPTC digital source types, from C2PA and XMP."""
        return tuple(dict.fromkeys((*self.c2pa.source_types, *self.xmp.source_types)))

    @property
    def digital_source_type(self) -> str | None:
        """The manifest's column: source types, or None if the file names none."""
        return "; ".join(self.source_types) or None

    @property
    def c2pa_summary(self) -> str:
        """The manifest's column: ``none``, ``valid``, ``invalid``, ``trusted``, or why there is nothing to say."""
        return (self.c2pa.validation or "unreadable") if self.c2pa.state == "present" else self.c2pa.state

    @property
    def summary(self) -> str:
        """All of it in one line, for the manifest; empty if the file says nothing."""
        return "; ".join(self.sentences())

    def sentences(self) -> list[str]:
        """All of it, claim by claim."""
        lines = list(_about_c2pa(self.c2pa))
        if self.xmp.source_types:
            lines.append(f"XMP claims {', '.join(self.xmp.source_types)}")
        lines += [f"XMP {name}: {value}" for name, value in self.xmp.fields if name != "CreatorTool"]
        lines += [f"AIGC label (GB 45438-2025) claims: {label.meaning}{_by(label)}" for label in self.aigc]
        lines += [str(finding) for finding in self.processing]
        return [*lines, *self.problems]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "c2pa": self.c2pa.to_json(),
            "xmp": self.xmp.to_json(),
            "aigc": [label.to_json() for label in self.aigc],
            "container": dict(self.container.fields),
            "processing": [vars(finding) for finding in self.processing],
            "problems": list(self.problems),
        }


def read_claims(path: Path) -> Claims:
    """Read everything a film's file says about its making.

    The film itself is not read: at most some ten megabytes of its metadata are, unless it bears a C2PA manifest, whose
    signature covers the whole file. Persons, places, serial numbers, names and paths of files are left out.

    Parameters
    ----------
    path
        The file as the lab has it, before anything is re-encoded.

    Returns
    -------
    Claims
        What cannot be read is listed in its `problems`; no file makes this fail.
    """
    container = read_container(path)
    try:
        regions = list(metadata_regions(path))
    except OSError as error:
        regions, unread = [], [harmless(error.strerror or error)]
    else:
        unread = []
    xmp = read_xmp(regions)
    labels = dict.fromkeys((*container.aigc, *xmp.aigc)) or dict.fromkeys(scan_aigc(regions))
    c2pa = read_c2pa(path)
    problems = [*container.problems, *unread, *xmp.problems]
    if c2pa.state == "unreadable" and not container.problems:
        problems.append(f"its C2PA manifest is unreadable: {c2pa.why}")
    return Claims(c2pa, xmp, tuple(labels), container, tuple(problems))


def conflicts(arm_role: str, claims: Claims) -> list[str]:
    """Claims that contradict what a clip is registered as.

    Parameters
    ----------
    arm_role
        The clip's arm (``live``, ``ai``, …) or its role (``reference``, ``contrast``, …).
    claims
        What its file claims.

    Returns
    -------
    list of str
        A sentence for each; empty where nothing contradicts, also for arms of which nothing is expected.
    """
    if arm_role in FILMED:
        against = _against_filmed(claims, altered_on_purpose=arm_role == "codec_control")
        return [f"registered as {FILMED[arm_role]}, but its {line}" for line in against]
    if arm_role in GENERATED:
        return [f"registered as {GENERATED[arm_role]}, but its {line}" for line in _against_generated(claims)]
    return []


def _against_filmed(claims: Claims, *, altered_on_purpose: bool) -> Iterator[str]:
    for where, name in _source_types(claims, claims.c2pa.all_source_types):
        if origin(name) in ("generated", "made"):
            yield f"{where} claims {name}"
    for label in claims.aigc:
        yield f"AIGC label claims: {label.meaning}{_by(label)}"
    for finding in claims.processing:
        if finding.kind in MEANS and not (altered_on_purpose and finding.kind != "generated"):
            yield f"{finding}; {MEANS[finding.kind]}"


def _against_generated(claims: Claims) -> Iterator[str]:
    named = list(_source_types(claims, claims.c2pa.source_types))
    if not any(origin(name) == "generated" for _, name in named):
        for where, name in named:
            if origin(name) == "captured":
                yield f"{where} claims {name}"
    for finding in claims.processing:
        if finding.kind == "camera":
            yield str(finding)


def _source_types(claims: Claims, in_manifest: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    manifest = "invalid C2PA manifest" if claims.c2pa.validation == "invalid" else "C2PA manifest"
    yield from ((manifest, name) for name in in_manifest)
    yield from (("XMP", name) for name in claims.xmp.source_types)


def _about_c2pa(c2pa: C2pa) -> list[str]:
    if c2pa.state == "elsewhere":
        return ["its C2PA manifest lies on a server and was not fetched"]
    if c2pa.state != "present":
        return []
    by = ", ".join(dict.fromkeys((*c2pa.generators, *c2pa.tools))) or "an unnamed program"
    types = ", ".join(c2pa.source_types) or "no source type"
    signature = {
        "valid": "signature valid, signer not on a list of trusted ones",
        "trusted": "signature valid, signer trusted",
        "invalid": f"signature invalid: {', '.join(c2pa.failures) or 'no reason given'}",
    }.get(c2pa.validation, "signature not checked")
    lines = [f"C2PA manifest by {by} claims {types} ({signature})"]
    inner = [name for name in c2pa.all_source_types if name not in c2pa.source_types]
    return [*lines, f"C2PA ingredients claim {', '.join(inner)}"] if inner else lines


def _by(label: Aigc) -> str:
    return f" (producer {label.producer})" if label.producer else ""
