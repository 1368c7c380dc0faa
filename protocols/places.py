"""Plain data with the place of each piece in its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocols.base.errors import Fault

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """Plain data and where each piece of it stands.

    Attributes
    ----------
    data
        The content as dictionaries, lists, text, numbers and booleans.
    file
        The file's name, for messages.
    keys, values
        1-based (line, column) of every key and value by path.
    """

    data: Any
    file: str
    keys: dict[Path_, tuple[int, int]]
    values: dict[Path_, tuple[int, int]]

    def fault(self, path: Path_, problem: str, *, at_key: bool = False, **details: str) -> Fault:
        """A fault at `path`, or at its nearest parent that stands in the file."""
        first, second = (self.keys, self.values) if at_key else (self.values, self.keys)
        place = None
        for length in range(len(path), 0, -1):
            place = first.get(path[:length]) or second.get(path[:length])
            if place:
                break
        line, column = place or (1, 1)
        return Fault(dotted(path), problem, file=self.file, line=line, column=column, **details)


def dotted(path: Path_) -> str:
    """``("sessions", 0, "runs")`` as ``sessions[0].runs``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "document"
