"""``bazin doctor``: whether this installation is whole, and what it can do."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bazin.rooms import intruders

NEEDED_PYTHON = ((3, 11), (3, 13))
FEWEST_FREE_GB = 2.0
OPENCV = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    state
        ``ok``, ``note`` (something optional is absent) or ``fault``.
    """

    state: str
    what: str
    detail: str


def examine() -> tuple[str, bool]:
    """Look at everything.

    Returns
    -------
    text
        One line per finding.
    healthy
        Whether there is no fault; notes do not count.
    """
    findings = [*_python(), *_rooms(), *_packages(), *_opencv(), *_fonts(), *_disk()]
    width = max(len(finding.what) for finding in findings)
    lines = [f"{finding.state:<6}{finding.what:<{width + 2}}{finding.detail}" for finding in findings]
    faults = [finding for finding in findings if finding.state == "fault"]
    lines.append(
        "\nAll is well."
        if not faults
        else f"\n{len(faults)} fault{'s' if len(faults) > 1 else ''}: see above."
    )
    return "\n".join(lines) + "\n", not faults


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    low, high = NEEDED_PYTHON
    fits = low <= sys.version_info[:2] < high
    yield Finding(
        "ok" if fits else "fault", "Python", version if fits else f"{version}, needs >= 3.11 and < 3.13"
    )


def _rooms() -> Iterator[Finding]:
    found = intruders()
    if not found:
        yield Finding("ok", "parts", "all from one place")
    for room, origin in found:
        yield Finding(
            "fault",
            f"part '{room}'",
            f"comes from {origin}; rename it or start from another folder" if origin else "is missing",
        )


def _requirements() -> dict[str, list[str]]:
    """Names of the required distributions, by extra; the base under an empty name."""
    by_extra: dict[str, list[str]] = {"": []}
    for line in importlib.metadata.requires("bazin") or []:
        name = re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]
        extra = re.search(r"extra\s*==\s*['\"]([^'\"]+)", line)
        if name.lower() != "bazin":
            by_extra.setdefault(extra[1] if extra else "", []).append(name)
    return by_extra


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    for extra, names in _requirements().items():
        versions = {name: _installed(name) for name in names}
        missing = [name for name, version in versions.items() if version is None]
        if not extra:
            for name, version in versions.items():
                yield Finding("ok" if version else "fault", name, version or "is missing: run 'make env'")
        elif extra in ("all", "build"):
            continue
        elif missing:
            yield Finding(
                "note",
                f"extra '{extra}'",
                f"not installed ({len(missing)} of {len(names)} packages missing): 'make env EXTRAS={extra}'",
            )
        else:
            yield Finding("ok", f"extra '{extra}'", f"{len(names)} packages")


def _opencv() -> Iterator[Finding]:
    present = [name for name in OPENCV if _installed(name)]
    if len(present) > 1:
        yield Finding(
            "fault",
            "OpenCV",
            f"{' and '.join(present)} overwrite each other; keep opencv-python-headless only",
        )


def _fonts() -> Iterator[Finding]:
    from matplotlib import font_manager

    families = {font.name for font in font_manager.fontManager.ttflist}
    chinese = sorted(
        name
        for name in families
        if re.search(r"CJK|WenQuanYi|Heiti|SimHei|SimSun|Microsoft YaHei|PingFang", name)
    )
    if chinese:
        yield Finding("ok", "Chinese font", chinese[0])
    else:
        yield Finding("note", "Chinese font", "none found; figures with Chinese names would show boxes")


def _disk() -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    detail = f"{free:.0f} GB free here"
    yield Finding(
        "ok" if free >= FEWEST_FREE_GB else "fault",
        "disk",
        detail if free >= FEWEST_FREE_GB else f"only {free:.1f} GB free here",
    )
