"""One volume as the bytes of a NIfTI file, and back."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.errors import InputError, fail
from protocols.base.files import read_bytes

_LEVEL = 6  # of compression: written down, so that bytes do not change with a library's default


@dataclass(frozen=True)
class Image:
    """One volume and where it lies.

    Attributes
    ----------
    values
        (x, y, z).
    grid
        Its shape, and its way from voxels to mm.
    """

    values: np.ndarray
    grid: Grid


def image_bytes(
    values: ArrayLike, grid: Grid, what: str, intent: str = "none", parameters: tuple[float, ...] = ()
) -> bytes:
    """A compressed NIfTI file in the template's world; the same values give the same bytes.

    Parameters
    ----------
    values
        (x, y, z); of int8, or written as float32.
    grid
        Of the values.
    what
        Written into the header, up to 79 letters.
    intent, parameters
        The header's code, as nibabel names it (``"t test"``, ``"p value"``, ``"estimate"``), and its parameters.
    """
    import nibabel as nib

    array = np.asarray(values)
    image = nib.Nifti1Image(array if array.dtype == np.int8 else array.astype("<f4"), grid.affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(grid.affine, "mni")
    image.set_sform(grid.affine, "mni")
    image.header.set_intent(intent, parameters, allow_unknown=False)
    image.header["descrip"] = what.encode("ascii", "replace")[:79]
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=packed, mtime=0) as stream:
        stream.write(image.to_bytes())
    return packed.getvalue()


def read_image(path: Path) -> Image:
    """One volume from the disk.

    Raises
    ------
    InputError
        If the file is missing, is not NIfTI, is cut off, or holds more than one volume.
    """
    return image_of(read_bytes(path), str(path))


def image_of(content: bytes, item: str) -> Image:
    """One volume from the bytes of a NIfTI file, compressed or not.

    Parameters
    ----------
    content
        Of the file.
    item
        What to call it in an error.

    Raises
    ------
    InputError
        As :func:`read_image`.
    """
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError
    from nibabel.spatialimages import HeaderDataError

    try:
        plain = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        image: Any = nib.Nifti1Image.from_bytes(plain)
        values = np.asarray(image.dataobj)
    except (ImageFileError, HeaderDataError, OSError, EOFError, ValueError, zlib.error) as error:
        raise fail(
            InputError, item, "is not a whole NIfTI file", got=(str(error).splitlines() or ["nothing"])[0],
            way_out="copy it or make it again",
        ) from error  # fmt: skip
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise fail(InputError, item, "is not one volume", got=" × ".join(map(str, values.shape)),
                   accepted="three dimensions", way_out="give the map, not the run")  # fmt: skip
    x, y, z = values.shape
    return Image(values, Grid((x, y, z), np.asarray(image.affine, float)))


def same_grid(one: Grid, other: Grid) -> bool:
    """Whether two grids hold the same voxels, to a thousandth of a millimeter over the whole volume."""
    if one.shape != other.shape:
        return False
    far = np.abs(np.asarray(one.affine, float) - other.affine)[:3] @ np.array([*one.shape, 1.0])
    return bool(far.max() < 1e-3)
