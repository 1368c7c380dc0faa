"""The rooms' import names are common words; make sure that it is ours that are found."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOMS = ("protocols", "stimuli", "experiments", "analysis")


def intruders() -> list[tuple[str, Path | None]]:
    """Rooms that would be imported from elsewhere, with where from (None: not found at all).

    Nothing is imported; only the places are looked up.
    """
    root = Path(__file__).resolve().parent.parent
    found: list[tuple[str, Path | None]] = []
    for room in ROOMS:
        loaded = sys.modules.get(room)
        spec = loaded.__spec__ if loaded is not None else importlib.util.find_spec(room)
        origin = Path(spec.origin).resolve() if spec is not None and spec.origin else None
        if origin != root / room / "__init__.py":
            found.append((room, origin))
    return found


def check_one_root() -> str | None:
    """A message naming whatever stands in the place of one of our rooms, or None when all is well."""
    messages = []
    for room, origin in intruders():
        if origin is None:
            messages.append(
                f"bazin: its part '{room}' is missing.\n  way out:  install bazin again ('make env')"
            )
        else:
            messages.append(
                f"bazin: '{origin}' stands in the place of bazin's own part '{room}'.\n"
                f"  got:      {origin}\n"
                f"  accepted: {Path(__file__).resolve().parent.parent / room}\n"
                f"  way out:  start the command 'bazin' from another folder, rename {origin.name}, "
                "or take its folder out of PYTHONPATH"
            )
    return "\n".join(messages) or None
