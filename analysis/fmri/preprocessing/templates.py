"""Brains to bring others to: the one that comes along, and others by their folder, such as those of children.

nilearn's template is MNI152NLin2009aSym, a brain without skull; it is named so in file names, and never mixed with
fMRIPrep's MNI152NLin2009cAsym. A group has one template and one grid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.errors import Fault, InputError, listed
from protocols.base.files import read_json

SPACE = "MNI152NLin2009aSym"
AGE_MONTHS = (222, 522)
"""Of the people whose brains SPACE is the average of: young adults, 18.5 to 43.5 years (Fonov et al. 2011,
NeuroImage 54:313, of the ICBM 152; said so in the literature, not in the template's files)."""
TISSUES = ("csf", "gray_matter", "white_matter")
IMAGES = ("brain", "mask", *TISSUES)
WORK_MM = 2
"""Voxels in which anatomies are registered: enough for functional images of 2 mm and more."""
DESCRIPTION = "template.json"
_MARGIN_MM = 6.0
"""Around the brain mask: the grid's box, so that a brain's edge is seen in its surroundings."""
_TOLERANCE = 1e-3  # of probabilities, and of affines in mm: other programs round


@dataclass(frozen=True)
class Template:
    """A brain to bring others to.

    Attributes
    ----------
    space
        Its BIDS name.
    brain, mask
        Intensities without skull, and the mask of them: NIfTI files on one grid.
    tissues
        Probabilities of `TISSUES`, on the same grid.
    age_months
        The youngest and the oldest of the people it was made from; None where it is not said.
    """

    space: str
    brain: Path
    mask: Path
    tissues: Mapping[str, Path]
    age_months: tuple[int, int] | None = None


def bundled_template(folder: Path, resolution_mm: int = WORK_MM) -> Template:
    """The template that nilearn brings along, of young adults (`AGE_MONTHS`), written into a folder.

    Parameters
    ----------
    folder
        Gets ``brain, mask, csf, gray_matter, white_matter`` as ``.nii.gz``.
    resolution_mm
        Edge of its voxels; nilearn has 1 mm and makes whole numbers from it.
    """
    import nibabel as nib
    from nilearn import datasets

    images = {
        "brain": datasets.load_mni152_template(resolution=resolution_mm),
        "mask": datasets.load_mni152_brain_mask(resolution=resolution_mm),
        "gray_matter": datasets.load_mni152_gm_template(resolution=resolution_mm),
        "white_matter": datasets.load_mni152_wm_template(resolution=resolution_mm),
    }
    values = {name: np.asarray(image.dataobj, np.float32) for name, image in images.items()}
    values["csf"] = (values["mask"] - values["gray_matter"] - values["white_matter"]).clip(0, 1)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.nii.gz" for name in values}
    for name, path in paths.items():
        nib.save(nib.Nifti1Image(values[name], images["brain"].affine), path)
    return Template(SPACE, paths["brain"], paths["mask"], {name: paths[name] for name in TISSUES}, AGE_MONTHS)


def template_from(folder: Path, needed: Sequence[str] = IMAGES) -> Template:
    """A template by its folder, for example a pediatric one.

    Parameters
    ----------
    folder
        With ``brain.nii.gz`` (without skull), ``mask.nii.gz`` (0 and 1), ``csf.nii.gz, gray_matter.nii.gz,
        white_matter.nii.gz`` (probabilities), all on one grid, and ``template.json``:
        ``{"Space": "MNIPediatricAsymCohort2", "AgeMonths": [54, 102]}``, ages null where they are not known.
    needed
        Which of the images; where runs were preprocessed elsewhere, ``brain`` and ``mask`` do.

    Raises
    ------
    InputError
        With every fault at once: files that are missing or damaged, other grids, values that cannot be
        probabilities or a mask, a description that is none.
    """
    faults: list[Fault] = []
    space, ages = _described(folder / DESCRIPTION, faults)
    paths = {name: folder / f"{name}.nii.gz" for name in needed}
    images = {name: image for name, path in paths.items() if (image := _opened(path, faults)) is not None}
    faults += _grid_faults(paths, images)
    for name, image in images.items():
        faults += _value_faults(paths[name], name, np.asarray(image.dataobj, np.float32))
    if faults:
        raise InputError(faults)
    return Template(
        space, paths["brain"], paths["mask"], {name: paths[name] for name in TISSUES if name in paths}, ages
    )


def fits_age(template: Template, low: float, high: float) -> bool | None:
    """Whether people of these ages are among those that a template was made from.

    Parameters
    ----------
    template
        The template.
    low, high
        Age of the youngest and the oldest person, months.

    Returns
    -------
    bool or None
        None where the template does not say its ages.
    """
    if template.age_months is None:
        return None
    return template.age_months[0] <= low and high <= template.age_months[1]


def default_grid(template: Template, resolution_mm: float) -> Grid:
    """The grid of a group: cubes over the template's brain, one of them centered at the world's origin.

    It depends on the template and the plan's resolution alone, so that everybody gets the same. (The voxels of most
    runs have 2 to 3.5 mm; a finer grid brings no detail, only time and the illusion of it. But two scanners' runs in
    one group need one grid, so it is not the run that decides.)

    Parameters
    ----------
    template
        Whose brain mask is to be covered, with a margin.
    resolution_mm
        Edge of a voxel: ``analysis.bold.resolution_mm``.
    """
    import nibabel as nib

    image: Any = nib.load(template.mask)
    inside = np.argwhere(np.asarray(image.dataobj) > 0.5)
    corners = np.array(np.meshgrid(*zip(inside.min(axis=0), inside.max(axis=0), strict=True))).reshape(3, -1)
    corners = image.affine[:3, :3] @ corners + image.affine[:3, 3:]
    first = np.floor((corners.min(axis=1) - _MARGIN_MM) / resolution_mm)
    last = np.ceil((corners.max(axis=1) + _MARGIN_MM) / resolution_mm)
    affine = np.diag([resolution_mm, resolution_mm, resolution_mm, 1.0])
    affine[:3, 3] = first * resolution_mm
    x, y, z = (last - first + 1).astype(int)
    return Grid((int(x), int(y), int(z)), affine)


def _described(path: Path, faults: list[Fault]) -> tuple[str, tuple[int, int] | None]:
    try:
        said = read_json(path)
    except InputError as error:
        faults += error.faults
        return "", None
    form = '{"Space": "MNIPediatricAsymCohort2", "AgeMonths": [54, 102]}'
    if not isinstance(said, dict):
        faults.append(Fault(str(path), "does not describe a template", accepted=form))
        return "", None
    space, ages = said.get("Space"), said.get("AgeMonths")
    if not isinstance(space, str) or not re.fullmatch(r"[A-Za-z0-9+]+", space):
        faults.append(
            Fault(str(path), "has a Space that is no BIDS label", got=repr(space),
                  accepted="letters, digits and +",
                  way_out="give it its name in TemplateFlow, without signs: MNIPediatricAsymCohort2")
        )  # fmt: skip
    elif space == SPACE:
        faults.append(
            Fault(str(path), "calls the template by the name of the one that comes along", got=space,
                  way_out="two templates under one name would be mixed: give it its own")
        )  # fmt: skip
    if ages is None:
        return str(space), None
    whole = isinstance(ages, list) and all(isinstance(one, int) and not isinstance(one, bool) for one in ages)
    if not whole or len(ages) != 2 or not 0 <= ages[0] <= ages[1]:
        faults.append(
            Fault(str(path), "has AgeMonths that are none", got=repr(ages),
                  accepted="the youngest and the oldest, whole months: [54, 102]; or null")
        )  # fmt: skip
        return str(space), None
    return str(space), (ages[0], ages[1])


def _opened(path: Path, faults: list[Fault]) -> Any:
    """The image, or None with a fault; what is damaged further in is found out by reading it here."""
    import nibabel as nib
    from nibabel.filebasedimages import ImageFileError

    if not path.exists():
        faults.append(
            Fault(str(path), "does not exist", way_out=f"a template has {listed(IMAGES)} as .nii.gz")
        )
        return None
    try:
        image: Any = nib.load(path)
        np.asarray(image.dataobj)
    except (ImageFileError, OSError, EOFError, ValueError) as error:
        faults.append(
            Fault(str(path), "is not a NIfTI file", got=str(error).splitlines()[0], way_out="copy it again")
        )
        return None
    if len(image.shape) != 3:
        faults.append(
            Fault(str(path), f"has {len(image.shape)} dimensions", accepted="3",
                  way_out="a template's image is one volume; take the right one out")
        )  # fmt: skip
        return None
    return image


def _grid_faults(paths: Mapping[str, Path], images: Mapping[str, Any]) -> list[Fault]:
    """Images that are not on the grid of the first one."""
    if not images:
        return []
    first, ruler = next(iter(images.items()))
    return [
        Fault(str(paths[name]), f"is not on the grid of {paths[first].name}",
              got=_told(image), accepted=_told(ruler), way_out="resample it to that grid")
        for name, image in images.items()
        if image.shape != ruler.shape or np.abs(image.affine - ruler.affine).max() > _TOLERANCE
    ]  # fmt: skip


def _told(image: Any) -> str:
    size = " × ".join(map(str, image.shape))
    edges = " × ".join(f"{edge:.3g}" for edge in np.sqrt((image.affine[:3, :3] ** 2).sum(axis=0)))
    corner = ", ".join(f"{place:.4g}" for place in image.affine[:3, 3])
    return f"{size} voxels of {edges} mm, the first at {corner}"


def _value_faults(path: Path, name: str, values: np.ndarray) -> list[Fault]:
    if not np.isfinite(values).all():
        return [
            Fault(str(path), "has values that are not numbers",
                  got=f"{int((~np.isfinite(values)).sum())} voxels", way_out="put 0 there")
        ]  # fmt: skip
    if not values.any():
        return [Fault(str(path), "is empty", way_out="copy it again")]
    low, high = float(values.min()), float(values.max())
    if name == "mask" and not np.isin(values, (0, 1)).all():
        return [
            Fault(str(path), "is not a mask", got=f"values from {low:g} to {high:g}", accepted="0 and 1",
                  way_out="set 1 where the brain is, 0 elsewhere")
        ]  # fmt: skip
    if name in TISSUES and (low < -_TOLERANCE or high > 1 + _TOLERANCE):
        return [
            Fault(str(path), "is no probability", got=f"values from {low:g} to {high:g}", accepted="0 to 1",
                  way_out="divide percents by 100, 8-bit values by 255")
        ]  # fmt: skip
    return []
