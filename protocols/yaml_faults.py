"""What YAML allows and a document of ours does not, and YAML's own complaints in everybody's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from protocols.base.errors import Fault, InputError

if TYPE_CHECKING:
    from ruamel.yaml.error import MarkedYAMLError

MOST_PIECES = 100_000  # a plan has some hundreds; aliases of aliases can claim billions in a few lines
_CORE = "tag:yaml.org,2002:"
_PLAIN = frozenset(
    _CORE + name
    for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
)
_LOOK = (
    "look at this line and the one before: an indent, a quote, a bracket, or a 'key: value' without its space"
)
_WORDS = (
    # what the parser's complaint holds, what is the matter, the way out
    ("'\\t'", "has a tab where only spaces may stand", "indent with spaces, not tabs"),
    (
        "mapping values are not allowed",
        "has a ': ' where none can stand",
        "put a text that holds ': ' in quotes",
    ),
    ("expected <block end>", "does not line up with the lines before it", "indent it as its neighbors are"),
    ("expected ',' or", "has a bracket that is not closed, or lacks a comma", _LOOK),
    (
        "could not find expected ':'",
        "has a line before it that is no 'key: value'",
        "put a space after the colon",
    ),
    ("another document", "begins a second document", "one document to a file: take the '---' away"),
    (
        "found undefined alias",
        "has a '*' before the name of nothing",
        "put a text that begins with '*' in quotes",
    ),
    ("while scanning a quoted scalar", "has a quote that is not closed", "close it, or double the ' inside"),
)


def refuse(root: Any, file: str) -> None:
    """Raise an InputError for what is not inert data: tags, aliases of themselves, aliases without end."""
    if root is None:
        raise InputError(Fault(file, "holds nothing but comments", way_out="write something below them"))
    pieces = 0
    waiting: list[tuple[Any, str, tuple[int, ...]]] = [(root, "", ())]
    while waiting:
        node, path, above = waiting.pop()
        item = path or "document"
        pieces += 1
        if pieces > MOST_PIECES:
            raise _refusal(
                node, "document", f"grows beyond {MOST_PIECES} pieces", "use fewer aliases ('*')", file
            )
        if id(node) in above:
            raise _refusal(node, item, "contains itself through an alias ('*')", "write it out", file)
        tag = str(node.tag)
        if tag not in _PLAIN:
            shown = "!!" + tag.removeprefix(_CORE) if tag.startswith(_CORE) else tag
            raise _refusal(node, item, f"carries the tag {shown}", "take the tag away", file)
        children = [(child, name, (*above, id(node))) for child, name in _children(node, path)]
        waiting += reversed(children)  # so that the first in the file is the first to be refused


def _children(node: Any, path: str) -> Iterator[tuple[Any, str]]:
    if not isinstance(node.value, list):
        return
    for i, entry in enumerate(node.value):
        if isinstance(entry, tuple):
            key, value = entry
            name = str(key.value) if isinstance(key.value, str) else "?"
            yield key, path
            yield value, f"{path}.{name}" if path else name
        else:
            yield entry, f"{path}[{i}]"


def _refusal(node: Any, item: str, problem: str, way_out: str, file: str) -> InputError:
    mark = node.start_mark
    return InputError(
        Fault(item, problem, way_out=way_out, file=file, line=mark.line + 1, column=mark.column + 1)
    )


def yaml_fault(error: MarkedYAMLError, file: str) -> Fault:
    """The parser's complaint as a fault with its place."""
    mark = error.problem_mark or error.context_mark
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    known = next((words for words in _WORDS if words[0] in said), None)
    _, problem, way_out = known or ("", f"is not YAML: {error.problem or error.context}", _LOOK)
    return Fault(
        "line" if mark else "document",
        problem,
        way_out=way_out,
        file=file,
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
    )
