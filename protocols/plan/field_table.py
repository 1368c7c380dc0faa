"""All plan fields as a page, from the schema: ``python -m protocols.plan.field_table FILE`` writes it."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from protocols.base.files import write_atomically
from protocols.plan.fields import ROOMS, reserved_for
from protocols.plan.promises import Plan

HEADER = """\
# Every field of a plan

Generated from the schema; do not edit. To write it again:

    python -m protocols.plan.field_table docs/plan-fields.md

*Default* is the value where a plan is silent; fields marked **required** must be there. *Reserved* fields are
checked and hashed, and nothing uses them yet. How to write a plan is told in [plan.md](plan.md).
"""


def field_table() -> str:
    """All fields as Markdown, one table for each part of a plan, in the order of a plan."""
    sections = [HEADER]
    for model in parts(Plan):
        title = "The plan itself" if model is Plan else model.__name__
        summary = (model.__doc__ or "").strip().splitlines()[0]
        rows = [_row(info.alias or name, info) for name, info in model.model_fields.items()]
        table = "\n".join(["| field | type | default | what it is |", "|---|---|---|---|", *rows])
        sections.append(f"## {title}\n\n{summary}\n\n{table}\n")
    return "\n".join(sections)


def parts(model: type[BaseModel]) -> list[type[BaseModel]]:
    """A model and all models below it, each once, in the order of first mention."""
    found: dict[type[BaseModel], None] = {model: None}
    for info in model.model_fields.values():
        for inner in _models_in(info.annotation):
            found.update(dict.fromkeys(parts(inner)))
    return list(found)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _row(name: str, info: FieldInfo) -> str:
    room = reserved_for(info)
    notes = f" *(reserved {ROOMS[room]})*" if room else ""
    extra = info.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    unit = "the measure's unit" if unit == "measure" else unit
    limits = _limits(info.metadata)
    of = ", ".join(part for part in (f"in {unit}" if unit else "", limits) if part)
    kind = " or ".join(dict.fromkeys(_names(info.annotation)))
    cells = (f"`{name}`", f"{kind}{f' ({of})' if of else ''}", _default(info), f"{info.description}{notes}")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _limits(metadata: typing.Iterable[object]) -> str:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = []
    for constraint in metadata:
        for attribute, sign in signs.items():
            value = getattr(constraint, attribute, None)
            if value is not None:
                found.append(f"{sign} {value:g}")
    return ", ".join(dict.fromkeys(found))


def _names(annotation: object) -> Iterator[str]:
    """What a type is called by somebody who writes plans."""
    simple = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is type(None):
        return
    if annotation in simple:
        yield simple[annotation]
    elif origin is typing.Annotated:
        limits = _limits([part for item in arguments[1:] for part in (*getattr(item, "metadata", ()), item)])
        for name in _names(arguments[0]):
            yield f"{name} {limits}" if limits else name
    elif origin in (typing.Union, types.UnionType):
        for argument in arguments:
            yield from _names(argument)
    elif origin is typing.Literal:
        yield ", ".join(f"`{value}`" for value in arguments)
    elif origin is tuple:
        inner = [" or ".join(_names(argument)) for argument in arguments if argument is not Ellipsis]
        yield f"list of {inner[0]}" if Ellipsis in arguments else f"[{', '.join(inner)}]"
    elif origin is dict:
        yield f"name: {' or '.join(_names(arguments[1]))}"
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        raise TypeError(f"no name for {annotation!r}: add it here")


def _default(info: FieldInfo) -> str:
    value = info.default
    if value is PydanticUndefined:
        return "**required**"
    if value is None or value == ():
        return "none"
    if isinstance(value, BaseModel):
        return "its own defaults"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_text(item) for item in value)}]"
    return _text(value)


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    write_atomically(Path(sys.argv[1]), field_table())
