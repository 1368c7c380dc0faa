"""Pydantic's complaints in the words of somebody who writes plans."""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from protocols.base.errors import Fault, did_you_mean, listed, nearest
from protocols.places import Document, Path_


def relevant(details: list[ErrorDetails], document: Document) -> list[ErrorDetails]:
    """Of the alternatives of a union only the complaint that fits the given value best."""
    kept: dict[Path_, ErrorDetails] = {}
    for detail in details:
        place = _location(detail["loc"], document, detail["type"] == "missing")
        before = kept.get(place)
        # a complaint deeper inside an alternative means that alternative was meant
        if before is None or (before["type"].endswith("_type") and not detail["type"].endswith("_type")):
            kept[place] = detail
    deepest = [
        place for place in kept if any(place != other and other[: len(place)] == place for other in kept)
    ]
    chosen = {
        place: detail
        for place, detail in kept.items()
        if place not in deepest or not detail["type"].endswith("_type")
    }
    return [detail for place, detail in chosen.items() if not _is_misspelt(place, detail, chosen)]


def _is_misspelt(place: Path_, detail: ErrorDetails, others: dict[Path_, ErrorDetails]) -> bool:
    """Whether a field is missing because its name is written wrongly beside: one mistake, one complaint."""
    return detail["type"] == "missing" and any(
        other["type"] == "extra_forbidden"
        and path[:-1] == place[:-1]
        and nearest(str(path[-1]), [str(place[-1])])
        for path, other in others.items()
    )


def _location(loc: tuple[int | str, ...], document: Document, missing: bool) -> Path_:
    """Pydantic's location without the markers it adds for unions, tuples and dictionary keys.

    A marker is what does not stand in the file; only the last part may be absent, where a field is missing.
    """
    parts: Path_ = ()
    for i, part in enumerate(loc):
        here = (*parts, part)
        if here in document.keys or here in document.values or (missing and i == len(loc) - 1):
            parts = here
    return parts


def explain(model: type[BaseModel], document: Document, detail: ErrorDetails) -> Fault:
    """One of pydantic's complaints in the words of somebody who writes plans."""
    kind, context = detail["type"], detail.get("ctx", {})
    path = _location(detail["loc"], document, kind == "missing")
    given = detail["input"]
    got = f"{given!r} ({kind_of(given)})" if not isinstance(given, (dict, list)) else kind_of(given)
    if kind == "extra_forbidden":
        names = _field_names(model, path[:-1])
        close = did_you_mean(str(path[-1]), names)
        return document.fault(
            path,
            "is not a field here",
            at_key=True,
            got=str(path[-1]),
            accepted=listed(names, limit=30),
            way_out=close,
        )
    if given is None and kind.endswith("_type"):
        return document.fault(
            path, "has no value", accepted=_help(model, path), way_out="write one, or take the line away"
        )
    if kind == "missing" and isinstance(path[-1], int):
        kind, path, context = "too_short", path[:-1], {"actual_length": path[-1]}
    if kind == "missing":
        help_text = _help(model, path)
        parent = path[:-1]
        return document.fault(
            parent,
            f"lacks the field '{path[-1]}'",
            at_key=True,
            accepted=f"{path[-1]}: {help_text}" if help_text else "",
        )
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace(" or ", ", ").replace("'", "")
        names = [name.strip() for name in expected.split(",")]
        return document.fault(
            path,
            "has a value that is not known",
            got=got,
            accepted=expected,
            way_out=did_you_mean(str(given), names),
        )
    way_out = ""
    accepted = _ACCEPTED.get(kind, "")
    if kind == "bool_type":
        way_out = (
            "write true or false; yes, no, on and off are plain words here"
            if str(given).lower() in {"yes", "no", "on", "off"}
            else ""
        )
    elif kind in {"float_type", "int_type"} and isinstance(given, str):
        way_out = _number_from(given)
    elif kind == "string_type":
        way_out = "put it in quotes"
    if kind in {"int_from_float", "int_type"} and isinstance(given, float):
        accepted = "a whole number"
    limits = {
        "greater_than": ("gt", ">"),
        "greater_than_equal": ("ge", ">="),
        "less_than": ("lt", "<"),
        "less_than_equal": ("le", "<="),
    }
    if kind in limits:
        name, sign = limits[kind]
        what = _help(model, path)
        meaning = f" ({what})" if what else ""
        return document.fault(path, "is out of range", got=got, accepted=f"{sign} {context[name]}{meaning}")
    if kind == "string_pattern_mismatch":
        return document.fault(
            path,
            "is not a usable name",
            at_key=detail["loc"][-1] == "[key]",
            got=got,
            accepted="letters, digits and '_' (a plan's name also '.' and '-'), beginning with a letter",
        )
    if kind in {"too_short", "too_long"}:
        length = context.get("actual_length", "")
        problem = "is empty" if length == 0 else "has the wrong number of entries"
        return document.fault(
            path, problem, got="" if length == 0 else str(length), accepted=_help(model, path)
        )
    if kind == "tuple_type":
        accepted = _help(model, path) or accepted
    if kind == "value_error":
        return document.fault(path, str(context.get("error", detail["msg"])), got=got)
    return document.fault(
        path, _PROBLEM.get(kind, detail["msg"].lower()), got=got, accepted=accepted, way_out=way_out
    )


def _number_from(text: str) -> str:
    """How to write as a number what was written as text."""
    if ":" in text:
        return "there are no clock times here: write one number in the field's unit"
    if "," in text:
        return "write a decimal point"
    try:
        float(text)
    except ValueError:
        return ""
    return "take the quotes away"


_PROBLEM = {
    "bool_type": "is not true or false", "float_type": "is not a number", "int_type": "is not a whole number",
    "int_from_float": "is not a whole number", "string_type": "is not text", "tuple_type": "is not a list",
    "list_type": "is not a list", "dict_type": "is not made of 'key: value' lines",
    "model_type": "is not made of 'key: value' lines", "finite_number": "is not a finite number",
    "missing_argument": "has too few entries", "unexpected_positional_argument": "has too many entries",
    "string_too_short": "is empty", "string_too_long": "is too long",
}  # fmt: skip
_ACCEPTED = {
    "bool_type": "true, false", "float_type": "a number such as 0.05 or 1e-3", "int_type": "a whole number",
    "int_from_float": "a whole number", "string_type": "text", "tuple_type": "[a, b]", "list_type": "[a, b]",
    "finite_number": "a finite number", "dict_type": "{key: value}", "model_type": "{key: value}",
}  # fmt: skip


def kind_of(value: Any) -> str:
    """What a value is, in the words of a plan's author."""
    names = {
        "str": "text",
        "bool": "true or false",
        "int": "number",
        "float": "number",
        "dict": "keys and values",
        "list": "a list",
    }
    return "nothing" if value is None else names.get(type(value).__name__, type(value).__name__)


def _models_at(model: type[BaseModel], path: Path_) -> list[type[BaseModel]]:
    """The models a path leads to (several, where the type is a union)."""
    current: list[Any] = [model]
    for part in path:
        following: list[Any] = []
        for kind in current:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                following += [
                    info.annotation
                    for name, info in kind.model_fields.items()
                    if (info.alias or name) == part
                ]
            else:
                following += [argument for argument in typing.get_args(kind) if argument is not Ellipsis]
        current = _unfold(following)
    return [kind for kind in _unfold(current) if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _unfold(kinds: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for kind in kinds:
        origin = typing.get_origin(kind)
        if origin in (typing.Union, types.UnionType):
            flat += _unfold(list(typing.get_args(kind)))
        elif origin is typing.Annotated:
            flat += _unfold([typing.get_args(kind)[0]])
        else:
            flat.append(kind)
    return flat


def _field_names(model: type[BaseModel], path: Path_) -> list[str]:
    return [
        info.alias or name for kind in _models_at(model, path) for name, info in kind.model_fields.items()
    ]


def _help(model: type[BaseModel], path: Path_) -> str:
    for kind in _models_at(model, path[:-1]):
        for name, info in kind.model_fields.items():
            if (info.alias or name) == path[-1]:
                return info.description or ""
    return ""
