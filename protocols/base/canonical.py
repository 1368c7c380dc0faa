"""One document, one sequence of bytes, one hash (RFC 8785 and SHA-256)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import rfc8785

from protocols.base.errors import InputError, cannot_read, fail


def canonical_bytes(document: Any) -> bytes:
    """`document` as canonical JSON (RFC 8785): equal documents give equal bytes on every machine.

    Raises
    ------
    InputError
        If it holds what JSON cannot say (NaN, infinity, integers beyond 2**53, dates).
    """
    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError as error:
        raise fail(InputError, "document", f"cannot be written as canonical JSON: {error}") from error


def sha256(data: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(document: Any) -> str:
    """Hexadecimal SHA-256 of a document's canonical bytes."""
    return sha256(canonical_bytes(document))


def sha256_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces so that films fit as well.

    Raises
    ------
    InputError
        If the file is missing or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise cannot_read(path, error) from error
