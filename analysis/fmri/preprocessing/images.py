"""Images on the disk: one volume read to be put on another grid, and series written volume by volume."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from analysis.fmri.preprocessing.resampling import Grid, Mask, Volume, resample

_DATA_OFFSET = 352  # of a NIfTI-1 file without extensions


@dataclass(frozen=True)
class Still:
    """One volume as a run.

    Attributes
    ----------
    values
        (x, y, z).
    affine
        From voxels to mm, (4, 4), RAS+.
    n_volumes
        1.
    """

    values: np.ndarray
    affine: np.ndarray
    n_volumes: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        x, y, z = self.values.shape
        return int(x), int(y), int(z)

    def volume(self, index: int) -> np.ndarray:
        """The volume, (x, y, z), whatever its index."""
        del index
        return self.values

    def on(self, grid: Grid, coordinates: np.ndarray | None = None) -> tuple[Volume, Mask]:
        """The volume on another grid, and where it was measured; see `resampling.resample`."""
        return next(resample(self, np.eye(4)[None], grid, coordinates=coordinates))


def still(path: Path) -> Still:
    """One volume from the disk, float32."""
    import nibabel as nib

    image: Any = nib.load(path)
    return Still(np.asarray(image.dataobj, np.float32), np.asarray(image.affine, float))


def save_image(values: np.ndarray, affine: np.ndarray, path: Path) -> Path:
    """Write one volume, with its name only when it is complete."""
    import nibabel as nib

    part = path.with_name(f"part-{path.name}")
    try:
        nib.save(nib.Nifti1Image(values, affine), part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


class Series:
    """A four-dimensional NIfTI file in the making.

    Most of a preprocessed volume is zeros outside of the brain, and the rest is noise in which there is nothing to be
    found: run lengths and a Huffman code pack it no worse than gzip's search for repetitions, in half the time.
    """

    def __init__(self, stream: BinaryIO, header: bytes) -> None:
        self._stream = stream
        self._packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS, 9, zlib.Z_RLE)
        self._put(header)

    def add(self, volume: np.ndarray) -> None:
        """Append one volume, (x, y, z)."""
        self._put(volume.astype("<f4").tobytes(order="F"))

    def close(self) -> None:
        """Write what is still held back."""
        self._stream.write(self._packer.flush())

    def _put(self, content: bytes) -> None:
        self._stream.write(self._packer.compress(content))


@contextmanager
def series(path: Path, grid: Grid, n_volumes: int, tr_s: float) -> Iterator[Series]:
    """Write a series volume by volume; the file has its name only when it is complete.

    Parameters
    ----------
    path
        ``….nii.gz``.
    grid
        Of each volume, along the axes of a template's world.
    n_volumes, tr_s
        Length of the series, and time between volumes in s.

    Yields
    ------
    Series
        To which volumes are added. The same volumes give the same bytes.
    """
    import nibabel as nib

    header = nib.Nifti1Header()
    header.set_data_dtype("<f4")
    header.set_data_shape((*grid.shape, n_volumes))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(grid.affine, "mni")
    header.set_sform(grid.affine, "mni")
    header.set_zooms((*np.abs(np.diag(grid.affine))[:3], tr_s))
    header["magic"] = b"n+1"
    header.set_data_offset(_DATA_OFFSET)
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as stream:
            growing = Series(stream, header.binaryblock + bytes(_DATA_OFFSET - len(header.binaryblock)))
            yield growing
            growing.close()
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
