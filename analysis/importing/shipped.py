"""Import maps that come with bazin, for published tables: named as the plan they serve."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from protocols.base.errors import UsageError, did_you_mean, fail, listed

ENDING = ".map.yaml"


def shipped_maps() -> dict[str, Path]:
    """Files of the maps by name."""
    folder = importlib.resources.files("analysis.importing") / "maps"
    return {
        item.name.removesuffix(ENDING): Path(str(item))
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(ENDING)
    }


def map_file(name: Path) -> Path:
    """A map's file, or that of the shipped map of this name.

    Raises
    ------
    UsageError
        If it is neither a file nor a shipped map.
    """
    if name.exists() or name.suffix:
        return name
    maps = shipped_maps()
    if str(name) not in maps:
        raise fail(
            UsageError,
            f"map '{name}'",
            "is neither a file nor a shipped map",
            accepted=f"a .yaml file, or {listed(maps)}",
            way_out=did_you_mean(str(name), maps),
        )
    return maps[str(name)]
