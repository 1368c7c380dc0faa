"""One run, from the scanner's file to the template: motion, one resampling, nuisance series, under fMRIPrep's names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import ndimage

from analysis.fmri.preprocessing.anatomy import Anatomy, coordinates, reference_to_anatomy
from analysis.fmri.preprocessing.carpet import sampled, write_carpet
from analysis.fmri.preprocessing.confounds import confounds_table, cosines, tsnr, usable
from analysis.fmri.preprocessing.images import Still, save_image, series, still
from analysis.fmri.preprocessing.motion import Motion, estimate_motion
from analysis.fmri.preprocessing.reference import prepare_reference
from analysis.fmri.preprocessing.resampling import Grid, Mask, Volumes, resample
from analysis.fmri.preprocessing.rigid import PARAMETERS
from analysis.fmri.preprocessing.slice_timing import REFERENCE, in_time, slice_timing
from analysis.fmri.preprocessing.templates import TISSUES, Template
from analysis.fmri.scans import Scan
from protocols.base.bids import Name, generated_by
from protocols.base.errors import InputError, fail
from protocols.base.files import write_atomically
from protocols.base.progress import progress
from protocols.base.tables import frame_text, rounded

SURE = 0.95
"""Probability from which a voxel counts as a tissue whose series is nuisance."""
FEWEST_VOXELS = 20
DARK = 0.2
"""Share of the brain's typical brightness below which a voxel holds no signal (signal loss, field of view)."""
AROUND_MM = 4.0
"""How far around the template's brain voxels are filled; further out they are 0, which spares most of the time."""
SEGMENTS = ("gray_matter", "white_matter", "csf")
"""Tissues as they are numbered from 1 in ``dseg`` files, and shown in the carpet."""


@dataclass(frozen=True)
class Preprocessed:
    """A run in the template's space: files of the derivative, and what was found on the way.

    Attributes
    ----------
    bold, mask, confounds
        The images, where they hold the person's brain, and the nuisance series.
    boldref, boldref_affine
        The run's reference image in the template's space, and as it would lie there without the nonlinear warp (the
        same by the route ``"epi"``, which has none).
    tsnr_map
        Temporal signal-to-noise ratio of each voxel, NaN outside of the mask.
    segments
        The person's tissues in the mask: `SEGMENTS`, numbered from 1.
    carpet
        Some hundred voxels of each tissue over time (`carpet.read_carpet`); of white matter and csf those whose
        series are nuisance.
    motion
        As it was estimated.
    coverage
        Share of the template's brain inside the mask.
    tsnr_before, tsnr_after
        Median temporal signal-to-noise ratio in the mask, of the run as measured and as preprocessed.
    route
        How the run came to the template: through a T1-weighted image, or by itself (``"epi"``).
    """

    bold: Path
    mask: Path
    confounds: Path
    boldref: Path
    boldref_affine: Path
    tsnr_map: Path
    segments: Path
    carpet: Path
    motion: Motion
    coverage: float
    tsnr_before: float
    tsnr_after: float
    route: Literal["t1w", "epi"]

    @property
    def files(self) -> tuple[Path, ...]:
        """All files of the derivative, with their sidecars."""
        images = (self.bold, self.mask, self.boldref, self.boldref_affine, self.tsnr_map, self.segments)
        with_sidecar = (self.bold, self.segments, self.confounds, self.carpet)
        return (*images, self.confounds, self.carpet, *(_sidecar(path) for path in with_sidecar))


@dataclass(frozen=True)
class _Place:
    """Where a run lies in the template: coordinates on the grid, (x, y, z, 3), with and without the warp."""

    anatomy: Anatomy
    from_run: np.ndarray
    from_run_affine: np.ndarray
    from_anatomy: np.ndarray


def preprocess_run(
    scan: Scan,
    anatomy: Anatomy | None,
    template: Template,
    grid: Grid,
    folder: Path,
    *,
    correct_slice_timing: bool = False,
) -> Preprocessed:
    """Bring a run to the template, every volume interpolated once, and tell the nuisance in it.

    Parameters
    ----------
    scan
        The run as it was measured.
    anatomy
        Of the same person; None where there is none: the run's own reference image is then brought to the template,
        and `Preprocessed.route` is ``"epi"``.
    template
        Where the anatomy leads.
    grid
        Voxels of the result, in the template's world: for a group `templates.default_grid`.
    folder
        Where the derivative's files go, and a folder ``work`` for files in passing.
    correct_slice_timing
        Bring slices to the middle of the repetition time, after motion was estimated and before it is undone.

    Raises
    ------
    InputError
        If the run cannot be aligned, shows too little of the brain for nuisance series, or has no slice times where
        they are asked for.
    """
    timing = slice_timing(scan) if correct_slice_timing else None  # refused before anything is computed
    work = folder / "work" / scan.path.name.split(".", 1)[0]
    work.mkdir(parents=True, exist_ok=True)
    named = _names(scan, template, grid, folder)
    motion = estimate_motion(scan)
    reference = Still(motion.reference, scan.affine)
    place = _place(reference, anatomy, template, grid, work)
    template_brain = still(template.mask).on(grid)[0] > 0.5
    brain, seen = _brain(reference, scan, template_brain, place, work)
    likely = {name: still(place.anatomy.tissues[name]).on(grid, place.from_anatomy)[0] for name in TISSUES}
    nuisance = {name: _surely(likely[name], name, brain) for name in ("csf", "white_matter")}
    segments = _segmented(likely, brain)

    run: Volumes = scan if timing is None else in_time(scan, timing)
    data = np.empty((int(brain.sum()), scan.n_volumes), np.float32)
    volumes = resample(run, motion.matrices, grid, coordinates=_near(template_brain, place.from_run, grid))
    with series(named["bold"], grid, scan.n_volumes, scan.tr_s) as growing:
        for t, (values, _) in enumerate(progress(volumes, "resampling", total=scan.n_volumes)):
            data[:, t] = values[brain]
            growing.add(values)
    del run, volumes

    moved = pd.DataFrame(motion.parameters, columns=list(PARAMETERS))
    of_tissue = {name: data[inside[brain]] for name, inside in nuisance.items()}
    table, about = confounds_table(moved, motion.framewise_displacement, data, of_tissue, scan.tr_s)
    write_atomically(named["confounds"], frame_text(table))
    write_atomically(_sidecar(named["confounds"]), json.dumps(about, indent=2) + "\n")
    drift = cosines(scan.n_volumes, scan.tr_s)
    counts = usable(data.mean(axis=0, dtype=float), motion.framewise_displacement)
    steady = tsnr(data if counts.all() else data[:, counts], drift[counts])
    ratio = np.full(grid.shape, np.nan, np.float32)
    ratio[brain] = steady
    save_image(brain.astype(np.uint8), grid.affine, named["mask"])
    save_image(seen, grid.affine, named["boldref"])
    save_image(reference.on(grid, place.from_run_affine)[0], grid.affine, named["boldref_affine"])
    save_image(ratio, grid.affine, named["tsnr_map"])
    save_image(segments, grid.affine, named["segments"])
    said = {"Labels": {name: i for i, name in enumerate(SEGMENTS, 1)}, "GeneratedBy": generated_by()}
    write_atomically(_sidecar(named["segments"]), json.dumps(said, indent=2) + "\n")
    shown = {"gray_matter": segments == 1 + SEGMENTS.index("gray_matter"), **nuisance}
    write_carpet(sampled(data, {name: shown[name][brain] for name in SEGMENTS}), named["carpet"])
    found = Preprocessed(
        **named, motion=motion, coverage=float(brain.sum() / template_brain.sum()),
        tsnr_before=_tsnr_as_measured(scan, motion, drift, counts), tsnr_after=float(np.median(steady)),
        route=place.anatomy.route,
    )  # fmt: skip
    said_of_bold = _bold_sidecar(scan, template, found, place.anatomy, slices_corrected=timing is not None)
    write_atomically(_sidecar(named["bold"]), said_of_bold)
    return found


def _names(scan: Scan, template: Template, grid: Grid, folder: Path) -> dict[str, Path]:
    """Where each file goes, by its name in `Preprocessed`."""
    entities = dict(Name.parse(scan.path.name).entities)
    spaced = {**entities, "space": template.space, "res": f"{abs(grid.affine[0, 0]):g}".replace(".", "p")}
    names = {
        "bold": Name("bold", ".nii.gz", {**spaced, "desc": "preproc"}),
        "mask": Name("mask", ".nii.gz", {**spaced, "desc": "brain"}),
        "confounds": Name("timeseries", ".tsv", {**entities, "desc": "confounds"}),
        "boldref": Name("boldref", ".nii.gz", spaced),
        "boldref_affine": Name("boldref", ".nii.gz", {**spaced, "desc": "affine"}),
        "tsnr_map": Name("boldmap", ".nii.gz", {**spaced, "desc": "tsnr"}),
        "segments": Name("dseg", ".nii.gz", spaced),
        "carpet": Name("timeseries", ".tsv.gz", {**spaced, "desc": "carpet"}),
    }
    return {name: folder / str(found) for name, found in names.items()}


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name.split(".", 1)[0] + ".json")


def _place(reference: Still, anatomy: Anatomy | None, template: Template, grid: Grid, work: Path) -> _Place:
    """Register the run's reference image: to the person's anatomy, or for want of one to the template itself."""
    image = save_image(reference.values, reference.affine, work / "boldref.nii.gz")
    own = prepare_reference(image, template, work / "reference") if anatomy is None else anatomy
    onward = (reference_to_anatomy(image, own, work / "to-anatomy_"),) if own.route == "t1w" else ()
    return _Place(
        own,
        from_run=coordinates((*own.to_template, *onward), grid, work),
        from_run_affine=coordinates((*own.affine_only, *onward), grid, work),
        from_anatomy=coordinates(own.to_template, grid, work),
    )


def _near(template_brain: Mask, from_run: np.ndarray, grid: Grid) -> np.ndarray:
    """Coordinates in and around the template's brain, NaN elsewhere."""
    from_brain = ndimage.distance_transform_edt(~template_brain, sampling=np.abs(np.diag(grid.affine))[:3])
    return np.where((from_brain <= AROUND_MM)[..., None], from_run, np.nan)


def _brain(
    reference: Still, scan: Scan, template_brain: Mask, place: _Place, work: Path
) -> tuple[Mask, np.ndarray]:
    """Where the template's brain was measured and holds signal, and the reference image on the grid."""
    grid = Grid(template_brain.shape, np.eye(4))  # only its shape counts: coordinates are given
    values, inside = reference.on(grid, place.from_run)
    possible = template_brain & inside
    if possible.sum() < FEWEST_VOXELS:
        raise fail(InputError, str(scan.path), "does not show the brain after registration",
                   way_out=f"look at the reference image in {work}: is it the same person's head?")  # fmt: skip
    return np.asarray(possible & (values > DARK * np.median(values[possible]))), values


def _surely(likely: np.ndarray, name: str, brain: Mask) -> Mask:
    """Where a tissue surely is, one voxel away from what it is not."""
    sure = (likely > SURE) & brain
    deep = ndimage.binary_erosion(sure)
    chosen = deep if deep.sum() >= FEWEST_VOXELS else sure
    if chosen.sum() < FEWEST_VOXELS:
        raise fail(InputError, f"tissue '{name}'", "is hardly seen in the run", got=f"{int(chosen.sum())} voxels",
                   accepted=f"at least {FEWEST_VOXELS}", way_out="look at the registration overlays")  # fmt: skip
    return np.asarray(chosen)


def _segmented(likely: Mapping[str, np.ndarray], brain: Mask) -> np.ndarray:
    """The likeliest tissue of each voxel, numbered as `SEGMENTS`; 0 outside of the brain and where none is likely."""
    stacked = np.stack([likely[name] for name in SEGMENTS])
    some = brain & (stacked.max(axis=0) > 0)
    return np.where(some, 1 + stacked.argmax(axis=0), 0).astype(np.uint8)


def _tsnr_as_measured(scan: Scan, motion: Motion, drift: np.ndarray, counts: np.ndarray) -> float:
    """Median over the head's bright voxels of the run before any interpolation, in the volumes that count."""
    bright = motion.reference > np.quantile(motion.reference, 0.75)
    data = np.stack([scan.volume(t)[bright] for t in np.flatnonzero(counts)], axis=1)
    return float(np.median(tsnr(data, drift[counts])))


def _bold_sidecar(
    scan: Scan, template: Template, found: Preprocessed, anatomy: Anatomy, *, slices_corrected: bool
) -> str:
    """What BIDS asks for, and what a page says of the run."""
    timing = {"StartTime": REFERENCE * scan.tr_s} if slices_corrected else {}
    registered = {
        "Route": found.route,
        "BrainDice": rounded(anatomy.dice), "WhiteMatterDice": rounded(anatomy.white_matter_dice),
    }  # fmt: skip
    said: Mapping[str, Any] = {
        "RepetitionTime": scan.tr_s, "SkullStripped": True, "SliceTimingCorrected": slices_corrected, **timing,
        "SpatialReference": template.space, "GeneratedBy": generated_by(),
        "Sources": [f"bids:raw:{scan.path.name}"],
        "Registration": registered,
        "Quality": {
            "Coverage": rounded(found.coverage), "TSNRAsMeasured": rounded(found.tsnr_before),
            "TSNR": rounded(found.tsnr_after), "MotionNote": found.motion.note,
        },
    }  # fmt: skip
    return json.dumps(said, indent=2) + "\n"
