"""Strict documents in YAML 1.2: every fault with its line and column, what was got and what is accepted.

Used for plans and for import maps. A document is inert data: tags, duplicate keys and cyclic aliases are
refused.
"""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from protocols.base.errors import BazinError, Fault, InputError
from protocols.base.files import read_text
from protocols.explaining import explain, kind_of, relevant
from protocols.places import Document, Path_, dotted
from protocols.yaml_faults import refuse, yaml_fault

LARGEST_WHOLE = 2**53 - 1  # beyond it, JSON numbers are no longer exact
M = TypeVar("M", bound=BaseModel)
__all__ = ["Document", "Path_", "dotted", "load", "parse_document", "read_document", "validate"]


def read_document(path: Path) -> Document:
    """Read a YAML 1.2 file with the positions of everything in it.

    Raises
    ------
    InputError
        For a missing or empty file, broken YAML, duplicate keys, tags, or several documents.
    """
    return parse_document(read_text(path), str(path))


def parse_document(text: str, file: str) -> Document:
    """Read YAML 1.2 text; see `read_document`."""
    from ruamel.yaml import YAML
    from ruamel.yaml.constructor import DuplicateKeyError
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    yaml = YAML(typ="rt")
    yaml.allow_duplicate_keys = False
    try:
        refuse(yaml.compose(text), file)
        tree = yaml.load(text)
    except DuplicateKeyError as error:
        mark = error.problem_mark
        key = str(error.problem).split('"')[1] if '"' in str(error.problem) else "a key"
        raise InputError(
            Fault(
                key,
                "stands twice in the same place",
                accepted="each key once",
                way_out="keep one of the two",
                file=file,
                line=mark.line + 1 if mark else None,
                column=mark.column + 1 if mark else None,
            )
        ) from error
    except MarkedYAMLError as error:
        raise InputError(yaml_fault(error, file)) from error
    except RecursionError as error:
        raise InputError(Fault("document", "is nested too deeply to be read", file=file)) from error
    except (YAMLError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise InputError(Fault("document", f"cannot be read: {said}", file=file)) from error
    document = Document(None, file, {}, {})
    return replace(document, data=_plain(tree, (), document))


def _plain(node: Any, path: Path_, document: Document) -> Any:
    """The tree ruamel read as plain data; positions are noted in `document` on the way."""
    if isinstance(node, dict):
        plain: dict[str, Any] = {}
        for key, value in node.items():
            here = (*path, str(key))
            place, where = _position(node, "key", key), _position(node, "value", key)
            if place:
                document.keys[here] = place
            if where:
                document.values[here] = where
            if not isinstance(key, str):
                name = str(key).lower() if isinstance(key, bool) else str(key)
                problem, got = "has a key that is not text", f"{name} ({kind_of(key)})"
                raise InputError(
                    document.fault(here, problem, at_key=True, got=got, way_out=f'put it in quotes: "{name}"')
                )
            plain[str(key)] = _plain(value, here, document)
        return plain
    if isinstance(node, list):
        items = []
        for i, value in enumerate(node):
            here = (*path, i)
            where = _position(node, "item", i)
            if where:
                document.values[here] = where
            items.append(_plain(value, here, document))
        return items
    return _scalar(node, path, document)


def _scalar(node: Any, path: Path_, document: Document) -> str | float | bool | None:
    if node is None:
        return None
    if isinstance(node, (datetime.date, datetime.datetime)):
        return node.isoformat()
    if isinstance(node, bool) or type(node).__name__ == "ScalarBoolean":
        return bool(node)
    if isinstance(node, int):
        if abs(node) > LARGEST_WHOLE:
            raise InputError(
                document.fault(
                    path, "is too large a number", got=str(node), accepted=f"up to {LARGEST_WHOLE}"
                )
            )
        return int(node)
    if isinstance(node, float):
        return float(node)
    text = str(node)
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise InputError(
            document.fault(path, "holds half a character", got=repr(text), way_out="type it anew")
        )
    return text


def _position(node: Any, what: str, key: Any) -> tuple[int, int] | None:
    try:
        line, column = getattr(node.lc, what)(key)
    except (KeyError, AttributeError, TypeError, IndexError):  # merged keys (<<) have no place of their own
        return None
    return line + 1, column + 1


def validate(model: type[M], document: Document) -> tuple[M | None, list[Fault]]:
    """Check a document against a model.

    Returns
    -------
    instance
        The model's instance, or None when there are faults.
    faults
        Every fault, in the order of the file.
    """
    if not isinstance(document.data, dict):
        return None, [document.fault((), "is not made of 'key: value' lines", got=kind_of(document.data))]
    try:  # as JSON: then lists are tuples and no text is a number, in pydantic's strict mode
        return model.model_validate_json(json.dumps(document.data)), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    faults = {
        str(fault): fault
        for fault in (explain(model, document, detail) for detail in relevant(details, document))
    }
    return None, sorted(faults.values(), key=lambda fault: (fault.line or 0, fault.column or 0))


def load(model: type[M], path: Path, kind: type[BazinError] = InputError) -> tuple[M, Document]:
    """Read and check a document, or raise `kind` with every fault."""
    document = read_document(path)
    instance, faults = validate(model, document)
    if instance is None:
        raise kind(faults)
    return instance, document
