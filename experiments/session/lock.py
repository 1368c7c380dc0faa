"""One session at a time: on one computer, and of one person on any computer that shares the folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from experiments.session.journal import FOLDER
from protocols.base.errors import UsageError, fail
from protocols.base.files import cannot_write

LOCKS = "locks"


def computer() -> str:
    """A name for this computer that tells nobody its own."""
    return hashlib.sha256(f"bazin {platform.node()}".encode()).hexdigest()[:12]


@contextlib.contextmanager
def alone(bids: Path, participant: str, *, screen: bool = True) -> Iterator[None]:
    """Hold the locks while a session runs; without a `screen` only that of the person.

    Raises
    ------
    UsageError
        If another session runs. A lock whose program is gone (after a crash) is taken over.
    """
    held: list[Path] = []
    try:
        for name in (*([f"computer-{computer()}"] if screen else []), participant):
            path = bids / FOLDER / LOCKS / f"{name}.json"
            _take(path, participant)
            held.append(path)
        yield
    finally:
        for path in held:
            path.unlink(missing_ok=True)


def _take(path: Path, participant: str) -> None:
    content = json.dumps({"pid": os.getpid(), "computer": computer(), "participant": participant}).encode()
    for attempt in (1, 2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError as error:
            if attempt == 1 and _is_stale(path):
                path.unlink(missing_ok=True)
                continue
            raise fail(
                UsageError,
                "another session",
                "is running" + _whose(path),
                way_out=f"end it first. If none is running any more, remove {path.name} in {FOLDER}/{LOCKS}",
            ) from error
        except OSError as error:
            raise cannot_write(path, error) from error
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        return


def _whose(path: Path) -> str:
    held = _read(path)
    if held is None:
        return ""
    where = "on this computer" if held.get("computer") == computer() else "on another computer"
    return f" with {held.get('participant')}, {where}"


def _is_stale(path: Path) -> bool:
    """Whether the program that took the lock is gone; of another computer nobody can know."""
    held = _read(path)
    if held is None or held.get("computer") != computer():
        return False
    return not _alive(int(held["pid"]))


def _alive(pid: int) -> bool:
    if os.name == "nt":
        import psutil  # there is no signal 0

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and isinstance(content.get("pid"), int) else None
