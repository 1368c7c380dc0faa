"""From a plan file to a checked plan, its resolved document and its hash."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from protocols.base.canonical import canonical_bytes, sha256
from protocols.base.errors import Fault, PlanError, UsageError, did_you_mean, fail, listed
from protocols.document import Document, Path_, dotted, parse_document, read_document, validate
from protocols.plan.checks import check
from protocols.plan.fields import Room, reserved_for
from protocols.plan.promises import SCHEMA, Plan


@dataclass(frozen=True)
class Promise:
    """A checked plan with the document it came from."""

    plan: Plan
    document: Document
    warnings: tuple[Fault, ...] = ()

    @cached_property
    def canonical(self) -> bytes:
        """Canonical bytes of the resolved plan: what a seal keeps."""
        return canonical_bytes(resolved(self.plan))

    @property
    def sha256(self) -> str:
        """Hash of the resolved plan."""
        return sha256(self.canonical)


def read_plan(path: Path) -> Promise:
    """Read a plan and check it.

    Parameters
    ----------
    path
        A YAML file, or the name of a shipped plan.

    Returns
    -------
    Promise
        The plan, its document, and warnings that do not stop anything.

    Raises
    ------
    PlanError
        With every fault, each with line and column.
    """
    document = read_document(path) if path.exists() or path.suffix else shipped_document(str(path))
    return _promise(document)


def parse_plan(text: str, file: str = "plan") -> Promise:
    """Check a plan given as YAML or JSON text; see `read_plan`."""
    return _promise(parse_document(text, file))


def _promise(document: Document) -> Promise:
    newer = _newer_schema(document)
    if newer:
        raise PlanError(newer)
    plan, faults = validate(Plan, document)
    if plan is None:
        raise PlanError(faults)
    faults, warnings = check(plan, document)
    if faults:
        raise PlanError(faults)
    return Promise(plan, document, tuple(warnings))


def _newer_schema(document: Document) -> Fault | None:
    version = document.data.get("schema") if isinstance(document.data, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version > SCHEMA:
        return document.fault(
            ("schema",),
            "is newer than this program",
            got=str(version),
            accepted=f"up to {SCHEMA}",
            way_out="update bazin; an older program might silently ignore what a newer plan asks for",
        )
    return None


def resolved(plan: Plan) -> dict[str, Any]:
    """Everything the plan says and everything it left to the defaults, as a JSON document.

    The choices that depend on other fields are spelled out too: the deciding model, bound and groups of each
    hypothesis and the unit of each measure.
    """
    document: dict[str, Any] = plan.model_dump(mode="json", by_alias=True)
    for name, measure in plan.measures.items():
        document["measures"][name]["unit"] = measure.in_unit
    for name, hypothesis in plan.hypotheses.items():
        entry = document["hypotheses"][name]
        entry["deciding_model"] = hypothesis.deciding_model or plan.decision.deciding_model
        if hypothesis.effect in ("group_by_condition", "group") and hypothesis.groups is None:
            entry["groups"] = list(plan.groups)
    return document


def plan_sha256(plan: Plan) -> str:
    """Hash of the resolved plan (RFC 8785, SHA-256)."""
    return sha256(canonical_bytes(resolved(plan)))


def relied_upon(plan: Plan, room: Room) -> list[str]:
    """Fields the plan sets although nothing in `room` uses them yet."""
    return [dotted(path) for path in _set_and_reserved(plan, (), room)]


def _set_and_reserved(part: Any, path: Path_, room: Room) -> Iterator[Path_]:
    if isinstance(part, BaseModel):
        for name, info in type(part).model_fields.items():
            if name not in part.model_fields_set:
                continue
            here, value = (*path, info.alias or name), getattr(part, name)
            if reserved_for(info) == room and value is not None:
                yield here
            else:
                yield from _set_and_reserved(value, here, room)
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _set_and_reserved(value, (*path, key), room)
    elif isinstance(part, tuple):
        for i, value in enumerate(part):
            yield from _set_and_reserved(value, (*path, i), room)


def shipped_plans() -> dict[str, str]:
    """Names and texts of the plans that come with bazin."""
    folder = importlib.resources.files("protocols") / "plans"
    found = sorted(item.name for item in folder.iterdir() if item.name.endswith(".plan.yaml"))
    return {name.removesuffix(".plan.yaml"): (folder / name).read_text(encoding="utf-8") for name in found}


def shipped_document(name: str) -> Document:
    """The document of a shipped plan."""
    plans = shipped_plans()
    if name not in plans:
        raise fail(
            UsageError,
            f"plan '{name}'",
            "is neither a file nor a shipped plan",
            accepted=f"a .yaml file, or {listed(plans)}",
            way_out=did_you_mean(name, plans),
        )
    return parse_document(plans[name], f"{name}.plan.yaml")


def json_schema() -> dict[str, Any]:
    """The plan format as JSON Schema (draft 2020-12), for editors and other programs."""
    schema = Plan.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Written by 'bazin schema plan'; cross-field rules are checked by 'bazin plan check'.",
        **schema,
    }
