"""One run, from the scanner's file to the template: motion, one resampling, nuisance series, under fMRIPrep's names."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from scipy import ndimage

from analysis.fmri.preprocessing.anatomy import Anatomy, Template, coordinates, reference_to_anatomy
from analysis.fmri.preprocessing.confounds import confounds_table, cosines, tsnr
from analysis.fmri.preprocessing.motion import Motion, estimate_motion
from analysis.fmri.preprocessing.resampling import Grid, resample
from analysis.fmri.preprocessing.rigid import PARAMETERS
from analysis.fmri.scans import Scan
from protocols.base.bids import Name, generated_by
from protocols.base.errors import InputError, fail
from protocols.base.files import write_atomically
from protocols.base.progress import progress
from protocols.base.tables import frame_text

SURE = 0.95
"""Probability from which a voxel counts as a tissue whose series is nuisance."""
FEWEST_VOXELS = 20
DARK = 0.2
"""Share of the brain's typical brightness below which a voxel holds no signal (signal loss, field of view)."""


@dataclass(frozen=True)
class Preprocessed:
    """A run in the template's space.

    Attributes
    ----------
    bold, mask, confounds
        Files of the derivative: the images, where they hold the person's brain, and the nuisance series.
    motion
        As it was estimated.
    coverage
        Share of the template's brain inside the mask.
    tsnr_before, tsnr_after
        Median temporal signal-to-noise ratio in the mask, of the run as measured and as preprocessed.
    """

    bold: Path
    mask: Path
    confounds: Path
    motion: Motion
    coverage: float
    tsnr_before: float
    tsnr_after: float


def preprocess_run(
    scan: Scan, anatomy: Anatomy, template: Template, grid: Grid, folder: Path
) -> Preprocessed:
    """Bring a run to the template, every volume interpolated once, and tell the nuisance in it.

    Parameters
    ----------
    scan
        The run as it was measured.
    anatomy
        Of the same person.
    template
        Where the anatomy leads.
    grid
        Voxels of the result, in the template's world.
    folder
        Where the derivative's files go, and a folder ``work`` for files in passing.

    Raises
    ------
    InputError
        If the run cannot be aligned, or shows too little of the brain for nuisance series.
    """
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    entities = dict(Name.parse(scan.path.name).entities)
    stem = scan.path.name.removesuffix("_bold.nii.gz").removesuffix("_bold.nii")
    motion = estimate_motion(scan)
    reference = work / f"{stem}_boldref.nii.gz"
    _save(motion.reference, scan.affine, reference)
    to_anatomy = reference_to_anatomy(reference, anatomy, work / f"{stem}_to-anatomy_")
    transforms = (*anatomy.to_template, to_anatomy)
    from_where = coordinates(transforms, grid, work)

    brain = _brain(motion, scan, template, grid, from_where, work)
    in_anatomy = coordinates(anatomy.to_template, grid, work)
    tissues = {name: _tissue(anatomy, name, grid, brain, in_anatomy) for name in ("csf", "white_matter")}
    spaced = {**entities, "space": template.space, "res": f"{abs(grid.affine[0, 0]):g}".replace(".", "p")}
    bold = folder / str(Name("bold", ".nii.gz", {**spaced, "desc": "preproc"}))
    data = np.empty((int(brain.sum()), scan.n_volumes), np.float32)
    volumes = resample(scan, motion.matrices, grid, coordinates=from_where)
    with _written(bold, grid, scan) as stream:
        for t, (values, _) in enumerate(progress(volumes, "resampling", total=scan.n_volumes)):
            data[:, t] = values[brain]
            stream.write(values.astype("<f4").tobytes(order="F"))
    mask = folder / str(Name("mask", ".nii.gz", {**spaced, "desc": "brain"}))
    _save(brain.astype(np.uint8), grid.affine, mask)

    moved = pd.DataFrame(motion.parameters, columns=list(PARAMETERS))
    series = {name: data[inside[brain]] for name, inside in tissues.items()}
    table, sidecar = confounds_table(moved, motion.framewise_displacement, data, series, scan.tr_s)
    confounds = folder / str(Name("timeseries", ".tsv", {**entities, "desc": "confounds"}))
    write_atomically(confounds, frame_text(table))
    write_atomically(confounds.with_suffix(".json"), json.dumps(sidecar, indent=2) + "\n")
    write_atomically(bold.with_name(bold.name.replace(".nii.gz", ".json")), _bold_sidecar(scan, template))
    drift = cosines(scan.n_volumes, scan.tr_s)
    return Preprocessed(
        bold, mask, confounds, motion,
        coverage=float(brain.sum() / _on_grid(template.mask, grid).sum()),
        tsnr_before=_tsnr_as_measured(scan, motion, drift), tsnr_after=float(np.median(tsnr(data, drift))),
    )  # fmt: skip


def _brain(
    motion: Motion, scan: Scan, template: Template, grid: Grid, from_where: np.ndarray, work: Path
) -> np.ndarray:
    """Where the template's brain was measured and holds signal: (x, y, z) bool."""
    still = _Still(motion.reference, scan.affine)
    values, inside = next(resample(still, np.eye(4)[None], grid, coordinates=from_where))
    possible = _on_grid(template.mask, grid) & inside
    if possible.sum() < FEWEST_VOXELS:
        raise fail(InputError, str(scan.path), "does not show the brain after registration",
                   way_out=f"look at the reference image in {work}: is it the same person's head?")  # fmt: skip
    bright = values > DARK * np.median(values[possible])
    return np.asarray(possible & bright)


def _tissue(anatomy: Anatomy, name: str, grid: Grid, brain: np.ndarray, from_where: np.ndarray) -> np.ndarray:
    """Where a tissue surely is, one voxel away from what it is not."""
    likely = _loaded(anatomy.tissues[name])
    values, _ = next(resample(likely, np.eye(4)[None], grid, coordinates=from_where))
    sure = (values > SURE) & brain
    deep = ndimage.binary_erosion(sure)
    chosen = deep if deep.sum() >= FEWEST_VOXELS else sure
    if chosen.sum() < FEWEST_VOXELS:
        raise fail(InputError, f"tissue '{name}'", "is hardly seen in the run", got=f"{int(chosen.sum())} voxels",
                   accepted=f"at least {FEWEST_VOXELS}", way_out="look at the registration overlays")  # fmt: skip
    return np.asarray(chosen)


@dataclass(frozen=True)
class _Still:
    """One volume as a run."""

    values: np.ndarray
    affine: np.ndarray
    n_volumes: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        x, y, z = self.values.shape
        return int(x), int(y), int(z)

    def volume(self, index: int) -> np.ndarray:
        del index
        return self.values


def _loaded(path: Path) -> _Still:
    import nibabel as nib

    image: Any = nib.load(path)
    return _Still(np.asarray(image.dataobj, np.float32), image.affine)


def _on_grid(mask: Path, grid: Grid) -> np.ndarray:
    """A mask of the template on another grid of its world."""
    values, _ = next(resample(_loaded(mask), np.eye(4)[None], grid))
    return np.asarray(values > 0.5)


def _tsnr_as_measured(scan: Scan, motion: Motion, drift: np.ndarray) -> float:
    """Median over the head's bright voxels of the run before any interpolation."""
    bright = motion.reference > np.quantile(motion.reference, 0.75)
    data = np.stack([scan.volume(t)[bright] for t in range(scan.n_volumes)], axis=1)
    return float(np.median(tsnr(data, drift)))


def _save(values: np.ndarray, affine: np.ndarray, path: Path) -> None:
    import nibabel as nib

    nib.save(nib.Nifti1Image(values, affine), path)


@contextmanager
def _written(path: Path, grid: Grid, scan: Scan) -> Iterator[BinaryIO]:
    """A four-dimensional NIfTI file that is written volume by volume, and has its name only when it is complete."""
    import nibabel as nib

    header = nib.Nifti1Header()
    header.set_data_dtype("<f4")
    header.set_data_shape((*grid.shape, scan.n_volumes))
    header.set_xyzt_units("mm", "sec")
    header.set_qform(grid.affine, "mni")
    header.set_sform(grid.affine, "mni")
    header.set_zooms((*np.abs(np.diag(grid.affine))[:3], scan.tr_s))
    header["magic"] = b"n+1"
    header.set_data_offset(352)
    part = path.with_name(path.name + ".part")
    try:
        # Without a time of its own and a name the same volumes give the same bytes.
        with part.open("wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as stream:
            stream.write(header.binaryblock + bytes(4))
            yield stream  # type: ignore[misc]  # a GzipFile writes bytes as any binary file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _bold_sidecar(scan: Scan, template: Template) -> str:
    said: Mapping[str, Any] = {
        "RepetitionTime": scan.tr_s, "SkullStripped": False, "SliceTimingCorrected": False,
        "SpatialReference": template.space, "GeneratedBy": generated_by(),
        "Sources": [f"bids:raw:{scan.path.name}"],
    }  # fmt: skip
    return json.dumps(said, indent=2) + "\n"
