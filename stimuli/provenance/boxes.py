"""Where metadata lie in a film's file, without reading the film."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

LARGEST = 16_000_000
"""Bytes read of one box at most."""
MOST = 48_000_000
"""Bytes read of one file at most."""
MOST_BOXES = 10_000
SKIPPED = frozenset({b"mdat", b"moof", b"mfra", b"sidx", b"styp", b"emsg", b"ssix"})
FIRST = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Identity of the box that holds a C2PA manifest. Metadata quoted in it belong to other files."""
AT_ENDS = 4_000_000
"""Bytes looked at from either end of files that are not made of boxes (Matroska, AVI)."""


def metadata_regions(path: Path) -> Iterator[bytes]:
    """Stretches of a file that may hold metadata.

    In ISO base media (mp4, mov: ISO/IEC 14496-12) every box but those with film; in other files both ends.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        head = stream.read(8)
        if head[4:8] in FIRST:
            yield from _boxes(stream, size)
        else:
            yield _at(stream, 0, AT_ENDS)
            if size > AT_ENDS:
                yield _at(stream, max(AT_ENDS, size - AT_ENDS), AT_ENDS)


def _boxes(stream: BinaryIO, size: int) -> Iterator[bytes]:
    at, left = 0, MOST
    for _ in range(MOST_BOXES):
        header = _at(stream, at, 32)
        if len(header) < 8 or left <= 0:
            return
        length, kind, start = int.from_bytes(header[:4], "big"), header[4:8], 8
        if length == 1:
            length, start = int.from_bytes(header[8:16], "big"), 16
        elif length == 0:
            length = size - at
        if length < start:
            return
        is_c2pa = kind == b"uuid" and header[start : start + 16] == C2PA
        if kind not in SKIPPED and not is_c2pa:
            region = _at(stream, at + start, min(length - start, LARGEST, left))
            left -= len(region)
            yield region
        at += length


def _at(stream: BinaryIO, offset: int, length: int) -> bytes:
    stream.seek(offset)
    return stream.read(length)
