"""Steps: pure work between files, done once, redone only for a reason, and the reason is said.

A step is a function of its settings and input files that returns the contents of its outputs. `perform`
writes them atomically and leaves a stamp with the hashes of everything that went in and came out. The stamp
is written last: work that was interrupted never looks finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import protocols
from protocols.base.canonical import sha256, sha256_file, sha256_of
from protocols.base.errors import InputError
from protocols.base.files import cannot_write, move_into_place, read_json, write_atomically, write_json

Outputs = Mapping[str, str | bytes] | Mapping[str, str | bytes | Path]
"""Contents by name; a path is a finished file outside of the folder, which is moved to its place."""


@dataclass(frozen=True)
class Step:
    """A named, versioned, pure function ``(*, settings, inputs) -> {output name: content}``."""

    name: str
    version: int
    run: Callable[..., Outputs]


def step(*, version: int) -> Callable[[Callable[..., Outputs]], Step]:
    """Make a function a step; raise `version` whenever its results change, and old outputs are recomputed."""

    def make(function: Callable[..., Outputs]) -> Step:
        return Step(function.__name__, version, function)

    return make


@dataclass(frozen=True)
class Done:
    """What `perform` did and why, in one line for the log."""

    step: str
    recomputed: bool
    reason: str

    def __str__(self) -> str:
        return f"{self.step}: {'computed' if self.recomputed else 'reused'} ({self.reason})"


def perform(
    work: Step, *, settings: Any, inputs: Mapping[str, Path], folder: Path, stamp: str | None = None
) -> Done:
    """Do a step's work, or reuse what it left when nothing it depends on has changed.

    Parameters
    ----------
    work
        The step.
    settings
        Everything that can change its numbers, as a JSON document; how it runs does not belong here.
    inputs
        Its input files by name; the function gets them as ``inputs``.
    folder
        Where its outputs go; their names are paths below it.
    stamp
        The stamp's name, where one step is done several times in a folder. By default the step's name.

    Returns
    -------
    Done
        Whether it was recomputed, and the reason.
    """
    stamp_file = stamp_path(folder, stamp or work.name)
    current = {
        **_asked(work, settings),
        "inputs": {name: sha256_file(path) for name, path in sorted(inputs.items())},
    }
    reason = _why_recompute(stamp_file, current, folder)
    if reason is None:
        return Done(work.name, recomputed=False, reason="nothing it depends on has changed")
    outputs = work.run(settings=settings, inputs=inputs)  # if it fails, what was finished before stays so
    try:
        stamp_file.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(stamp_file, error) from error
    hashes = {}
    for name, content in sorted(outputs.items()):
        if isinstance(content, Path):
            hashes[name] = sha256_file(content)
            move_into_place(content, folder / name)
            continue
        data = content.encode("utf-8") if isinstance(content, str) else content
        write_atomically(folder / name, data)
        hashes[name] = sha256(data)
    write_json(stamp_file, {**current, "outputs": hashes})
    return Done(work.name, recomputed=True, reason=reason)


def stamp_path(folder: Path, stamp: str) -> Path:
    """Where a step's stamp lies."""
    return folder / ".done" / f"{stamp}.json"


def finished_so(work: Step, *, settings: Any, folder: Path, stamp: str | None = None) -> bool:
    """Whether a step was finished with these settings by this version of the program; its files are not looked at."""
    try:
        before = read_json(stamp_path(folder, stamp or work.name))
        return all(before[key] == value for key, value in _asked(work, settings).items())
    except (InputError, KeyError, TypeError):
        return False


def _asked(work: Step, settings: Any) -> dict[str, Any]:
    """What a stamp says beside its files."""
    return {
        "step": work.name,
        "version": work.version,
        "program": protocols.__version__,
        "settings": sha256_of(settings),
    }


def _why_recompute(stamp_file: Path, current: Mapping[str, Any], folder: Path) -> str | None:
    if not stamp_file.exists():
        return "not done before"
    try:
        before = read_json(stamp_file)
        outputs: dict[str, str] = before["outputs"]
        for key, label in (
            ("version", "step version"),
            ("program", "program version"),
            ("settings", "settings"),
        ):
            if before[key] != current[key]:
                return (
                    f"{label} changed"
                    if key == "settings"
                    else f"{label} {before[key]} is now {current[key]}"
                )
        names = sorted({*before["inputs"], *current["inputs"]})
        changed = [name for name in names if before["inputs"].get(name) != current["inputs"].get(name)]
    except (InputError, KeyError, TypeError, AttributeError):
        return "its stamp is unreadable"
    if changed:
        return f"input changed: {', '.join(changed)}"
    for name, digest in outputs.items():
        path = folder / name
        if not path.exists():
            return f"output missing: {name}"
        if sha256_file(path) != digest:
            return f"output edited since: {name}"
    return None
