"""The header of a NIfTI file: how many volumes, how far apart."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from protocols.base.errors import InputError, cannot_read, fail

_SECONDS = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}
"""Seconds per unit of time in ``xyzt_units``; where none is given, seconds."""
_PIECE = 1 << 20


@dataclass(frozen=True)
class Nifti:
    """What is read of a file.

    Attributes
    ----------
    shape
        Voxels along x, y, z, and volumes.
    repetition_time_s
        Time between volumes as the header has it; None if it is not given.
    """

    shape: tuple[int, int, int, int]
    repetition_time_s: float | None

    @property
    def volumes(self) -> int:
        """Number of volumes."""
        return self.shape[3]


def read_nifti(path: Path) -> Nifti:
    """Read a header, and make sure that the file is whole.

    The fields are those of the NIfTI-1.1 and NIfTI-2 standards (nifti.nimh.nih.gov), in either order of bytes.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.

    Raises
    ------
    InputError
        If it is no NIfTI file, has more than four dimensions, or was cut off.
    """
    try:
        with _opened(path) as stream:
            start = stream.read(540)
            nifti, expected = _parsed(start, path)
            length = len(start)
            while piece := stream.read(_PIECE):
                length += len(piece)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise fail(
            InputError, str(path), "is damaged or was cut off", way_out="copy or convert it again"
        ) from error
    except OSError as error:
        raise cannot_read(path, error) from error
    if length < expected:
        raise fail(
            InputError, str(path), "was cut off", got=f"{length} bytes", accepted=f"{expected} bytes",
            way_out="copy or convert it again",
        )  # fmt: skip
    return nifti


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _parsed(start: bytes, path: Path) -> tuple[Nifti, int]:
    """The header, and how many bytes the file must have."""
    for order in "<>":
        size = struct.unpack_from(f"{order}i", start)[0] if len(start) >= 352 else 0
        if size == 348 and start[344:348] == b"n+1\0":
            dims = struct.unpack_from(f"{order}8h", start, 40)
            (bits,) = struct.unpack_from(f"{order}h", start, 72)
            steps = struct.unpack_from(f"{order}8f", start, 76)
            (offset,) = struct.unpack_from(f"{order}f", start, 108)
            units = start[123]
        elif size == 540 and start[4:8] == b"n+2\0":
            dims = struct.unpack_from(f"{order}8q", start, 16)
            (bits,) = struct.unpack_from(f"{order}h", start, 14)
            steps = struct.unpack_from(f"{order}8d", start, 104)
            (offset,) = struct.unpack_from(f"{order}q", start, 168)
            (units,) = struct.unpack_from(f"{order}i", start, 500)
        else:
            continue
        if not 1 <= dims[0] <= 4 and any(size > 1 for size in dims[5:]):
            raise fail(
                InputError, str(path), "has more than four dimensions", got=" × ".join(map(str, dims[1:]))
            )
        x, y, z, t = (dims[i] if i <= dims[0] else 1 for i in range(1, 5))
        step = steps[4] * _SECONDS.get(units & 0x38, 0.0)
        nifti = Nifti((x, y, z, t), round(step, 6) if dims[0] >= 4 and step > 0 else None)
        return nifti, int(offset) + x * y * z * t * bits // 8
    raise fail(
        InputError, str(path), "is not a NIfTI file", accepted=".nii or .nii.gz of one part",
        way_out="convert it, for example with dcm2niix",
    )  # fmt: skip
