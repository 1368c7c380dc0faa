"""Workflows that ComfyUI writes into the films it makes: which networks a clip has gone through.

The graph that was executed stands under `prompt`; the drawing of it, under `workflow`, also holds what was switched off
or only noted, and is not read. Some players and editors cut a comment off after 255 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stimuli.provenance.findings import Finding, Kind
from stimuli.provenance.personal import harmless

LONGEST = 1_000_000
MOST_FAILURES = 50
MODEL_FILE = re.compile(r"\.(?:safetensors|sft|ckpt|pth?|gguf|onnx|bin|pkl|engine)$", re.IGNORECASE)
_UPSCALES = r"upscale.?with.?model|ultimate.?sd.?upscale|seedvr|supir|flashvsr|esrgan|topaz"
_INTERPOLATES = r"\bvfi\b|\brife\b|frame.?interpolat"
_FACES = r"face.?restore|reactor|codeformer|gfpgan|face.?swap|insightface"
_GENERATES = (
    r"ksampler(?!select)|sampler(?:custom)?(?:advanced)?$|(?:text|image|img|reference|frames).?to.?(?:video|image)|"
    r"img2vid|[ti]2v\b|video.?generation|video.?generate|sora"
)
ROLES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("altered", re.compile(f"{_UPSCALES}|{_INTERPOLATES}|{_FACES}", re.IGNORECASE)),
    ("generated", re.compile(_GENERATES, re.IGNORECASE)),
)
"""Nodes that change or make pictures with trained networks, by their class."""
LOADS_VIDEO = re.compile(r"load.?video|video.?load", re.IGNORECASE)
_NODE = re.compile(r'"[^"\\]{1,40}"\s*:\s*(?=\{)')


@dataclass(frozen=True)
class Workflow:
    """What can be read of an executed workflow.

    Attributes
    ----------
    nodes
        Node number → class and inputs, as far as they are whole.
    cut_off
        Whether the text ends before the workflow does.
    """

    nodes: Mapping[str, Mapping[str, Any]]
    cut_off: bool

    def steps(self) -> list[tuple[Kind, str]]:
        """What nodes did with trained networks: kind, and class with the files of its models."""
        found = []
        for node in self.nodes.values():
            name = str(node["class_type"])
            kind = next((kind for kind, looks_so in ROLES if looks_so.search(name)), None)
            if kind is not None:
                models = ", ".join(dict.fromkeys(self._models(node, 4)))
                found.append((kind, f"{harmless(name, 60)} ({models})" if models else harmless(name, 60)))
        return list(dict.fromkeys(found))

    def loads_a_video(self) -> bool:
        """Whether it starts from a film that was there before."""
        return any(LOADS_VIDEO.search(str(node["class_type"])) for node in self.nodes.values())

    def classes(self) -> list[str]:
        """Every class, once."""
        return list(dict.fromkeys(harmless(node["class_type"], 60) for node in self.nodes.values()))

    def _models(self, node: Mapping[str, Any], depth: int) -> Iterator[str]:
        inputs = node.get("inputs")
        for name, value in (inputs if isinstance(inputs, dict) else {}).items():
            if isinstance(value, str) and MODEL_FILE.search(value):
                yield harmless(re.split(r"[\\/]", value)[-1], 80)
            elif (
                depth
                and "model" in name
                and isinstance(value, list)
                and value
                and str(value[0]) in self.nodes
            ):
                yield from self._models(self.nodes[str(value[0])], depth - 1)


def read_workflow(text: str) -> Workflow | None:
    """The workflow in a comment or a `prompt` field, whole or cut off; None if there is none."""
    text = text[:LONGEST]
    if '"inputs' not in text and '\\"inputs' not in text and "class_type" not in text:
        return None
    graph = _whole(text)
    if graph is not None:
        nodes = {number: node for number, node in graph.items() if _is_node(node)}
        return Workflow(nodes, cut_off=False) if nodes else None
    plain = text.replace('\\"', '"').replace("\\\\", "\\") if '\\"' in text else text
    looks_so = re.search(r'"prompt"\s*:|"class_type"', plain) and re.search(r'"inputs"\s*:\s*\{', plain)
    return Workflow(dict(_salvaged(plain)), cut_off=True) if looks_so else None


def workflow_finding(where: str, text: str) -> Finding | None:
    """What a text that may hold a workflow says of the clip."""
    workflow = read_workflow(text)
    if workflow is None:
        return None
    steps = workflow.steps()
    told = ", ".join(step for _, step in steps)
    loads = workflow.loads_a_video() or (workflow.cut_off and '"video' in text.replace("\\", ""))
    start = "it starts from another film" if loads else ""
    if workflow.cut_off:
        kind = steps[0][0] if steps else "unclear"
        parts = [told, start, "what else it did is lost" if told else "what it did is lost"]
        said = f"holds a ComfyUI workflow that was cut off after {len(text)} characters"
    elif steps:
        kind = "generated" if any(kind == "generated" for kind, _ in steps) else "altered"
        parts, said = [told, start], "holds a ComfyUI workflow"
    else:
        kind = "unclear"
        parts, said = [", ".join(workflow.classes()[:12]), start], "holds a ComfyUI workflow of unknown steps"
    return Finding(kind, where, f"{said}: {'; '.join(part for part in parts if part)}")


def _whole(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
        found = found.get("prompt", found) if isinstance(found, dict) else None
        found = json.loads(found) if isinstance(found, str) else found
    except (json.JSONDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_node(node: object) -> bool:
    return isinstance(node, dict) and isinstance(node.get("class_type"), str)


def _salvaged(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Nodes that are whole, in a text that is not."""
    decoder = json.JSONDecoder()
    at, failures = 0, 0
    while failures < MOST_FAILURES and (start := _NODE.search(text, at)) is not None:
        at = start.end()
        try:
            node, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError):
            failures += 1
            continue
        if _is_node(node):
            yield start[0].split('"')[1], node
            at = end
