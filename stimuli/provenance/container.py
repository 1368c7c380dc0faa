"""What a film's container says about its making: encoder, camera, comment, and the traces of programs in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from protocols.base.errors import BazinError
from stimuli.probing import opened
from stimuli.provenance.aigc import Aigc, read_aigc
from stimuli.provenance.comfyui import workflow_finding
from stimuli.provenance.findings import Finding
from stimuli.provenance.personal import harmless
from stimuli.provenance.traces import traces_in

TOOL_FIELDS = frozenset(
    "encoder encoded_by encoding_tool software writing_application muxingapp handler_name vendor_id "
    "com.apple.quicktime.software com.android.version".split()
)
"""Fields in which programs enter their names."""
FREE_FIELDS = frozenset(
    "comment description synopsis title prompt workflow parameters videoai copyright".split()
)
"""Fields in which anything may stand: looked through for traces, never quoted."""
CAMERA_FIELDS = (
    "make", "com.apple.quicktime.make", "com.android.manufacturer",
    "model", "com.apple.quicktime.model", "com.android.model",
)  # fmt: skip
SHOWN = ("major_brand", "encoder", "software", "com.apple.quicktime.software", "creation_time")
"""Fields that are shown as they are; of places, serial numbers and persons nothing is read."""
LONGEST = 4_000_000
_STABLE_DIFFUSION = re.compile(r"\bSteps: \d+, Sampler: ")


@dataclass(frozen=True)
class Container:
    """What one container says.

    Attributes
    ----------
    fields
        Field → value, of those that are shown.
    findings
        What the traces in all fields point to.
    aigc
        Labels after GB 45438-2025.
    problems
        Why nothing could be read.
    """

    fields: tuple[tuple[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()
    aigc: tuple[Aigc, ...] = ()
    problems: tuple[str, ...] = ()


def read_container(path: Path) -> Container:
    """Read a film's metadata fields, its own and its tracks'; a file that is no film becomes a problem."""
    try:
        with opened(path) as container:
            every = [container.metadata, *(stream.metadata for stream in container.streams)]
    except BazinError as error:
        return Container(problems=(error.faults[0].problem,))
    fields = _together(every)
    shown = tuple((name, harmless(", ".join(fields[name]))) for name in SHOWN if name in fields)
    labels = dict.fromkeys(label for text in fields.get("aigc", ()) for label in read_aigc(text))
    return Container(shown, tuple(dict.fromkeys(_findings(fields))), tuple(labels))


def _together(every: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Every field's different values, the film's own before its tracks'; Matroska writes names in capitals."""
    fields: dict[str, list[str]] = {}
    for metadata in every:
        for name, value in metadata.items():
            values = fields.setdefault(name.casefold(), [])
            if value not in values:
                values.append(value[:LONGEST])
    return dict(sorted(fields.items()))


def _findings(fields: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    camera = dict.fromkeys(harmless(fields[name][0], 40) for name in CAMERA_FIELDS if name in fields)
    if camera:
        yield Finding("camera", "make and model", f"name a camera: {' '.join(camera)}")
    for name, texts in fields.items():
        if name in TOOL_FIELDS:
            yield from traces_in(name, ", ".join(texts), tool_field=True)
        elif name in FREE_FIELDS:
            for text in texts:
                yield from _in_free_text(name, text)


def _in_free_text(name: str, text: str) -> Iterator[Finding]:
    workflow = workflow_finding(name, text)
    if workflow is not None:
        yield workflow
        # A workflow names networks and formats that it may not have used; the file it started from, it did use.
        yield from traces_in(name, text, tool_field=False, kinds=("edited",))
    elif _STABLE_DIFFUSION.search(text):
        yield Finding("generated", name, "holds the settings of a Stable Diffusion generation")
    elif name == "videoai":
        model = re.search(r"using ([a-z]+-\d+)", text)
        named = f" ({model[1]})" if model else ""
        yield Finding("altered", name, f"says that Topaz Video AI enhanced the clip{named}")
    else:
        found = list(traces_in(name, text, tool_field=False))
        yield from found
        if name == "comment" and not found and not list(read_aigc(text)):
            yield Finding("written", name, f"holds {len(text)} characters that point to no known program")
