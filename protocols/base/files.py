"""Files that are either whole or absent, and text in whatever encoding a lab's programs left it."""

from __future__ import annotations

import codecs
import errno
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from protocols.base.errors import Fault, InputError, OutputError, cannot_read, fail

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def write_atomically(path: Path, content: str | bytes) -> Path:
    r"""Write `content` so that `path` is never seen half written, whatever happens meanwhile.

    Text is written as UTF-8 with ``\n`` line ends on every system, so that bytes are the same everywhere.

    Parameters
    ----------
    path
        The file; its folder is made where missing.
    content
        The whole content.

    Raises
    ------
    OutputError
        If the folder is read-only, the disk is full, or something else is in the way. An older file of that
        name is left as it was.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes private files; a study's files are shared
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return path


def move_into_place(finished: Path, path: Path) -> Path:
    """Give a finished file its name, in one go; both must lie on one disk.

    Raises
    ------
    OutputError
        If the folder cannot be made or the name cannot be given.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        finished.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return path


def cannot_write(path: Path, error: OSError) -> OutputError:
    """Say in the user's words why `path` could not be written."""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        problem, way_out = (
            "cannot be written: no permission",
            "choose another output folder, or allow writing there",
        )
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        problem, way_out = (
            "cannot be written: the disk is full",
            "free some space and run the same command again",
        )
    elif error.errno in (errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
        problem, way_out = (
            "cannot be written: a file or folder of another kind is in the way",
            "choose another name",
        )
    else:
        problem, way_out = (
            f"cannot be written: {error.strerror or error}",
            "see to the cause and run it again",
        )
    return OutputError(Fault(str(path), problem, way_out=way_out))


def write_json(path: Path, document: Any) -> Path:
    """Write `document` as indented JSON, atomically; NaN and infinity are refused as JSON has none."""
    return write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_bytes(path: Path) -> bytes:
    """The file's bytes, or an InputError that says why not."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error) from error


def read_text(path: Path, encoding: str | None = None) -> str:
    """The file's text: the encoding given, else by its byte-order mark, else UTF-8.

    Raises
    ------
    InputError
        If the file is missing, empty, or not in that encoding. No encoding is guessed: a wrong guess turns
        a condition's name into another one silently.
    """
    data = read_bytes(path)
    if encoding is None:
        encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except LookupError as error:
        raise fail(
            InputError,
            str(path),
            "has an unknown encoding",
            got=encoding,
            accepted="utf-8, utf-16, cp1252, gb18030, …",
        ) from error
    except UnicodeDecodeError as error:
        raise fail(
            InputError,
            str(path),
            f"is not {encoding} text (byte {error.start} does not belong)",
            accepted="utf-8, with or without byte-order mark, or utf-16 with one",
            way_out="save it as UTF-8, or name its encoding (cp1252 for western Excel, gb18030 for Chinese)",
        ) from error
    if not text.strip("\ufeff\x00 \t\r\n"):
        raise fail(
            InputError, str(path), "is empty", way_out="check that the program that wrote it had finished"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_json(path: Path) -> Any:
    """The file's JSON, or an InputError with the place of the fault."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise fail(
            InputError,
            f"{path}:{error.lineno}:{error.colno}",
            f"is not JSON: {error.msg}",
            way_out="it may be half written or edited by hand; make it again",
        ) from error


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
