"""The person's anatomy, and the ways from the template through it to the functional images.

Registration is by ANTs (Avants et al. 2011, NeuroImage 54:2033) with one seed and one thread, so that the same files
give the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.preprocessing.templates import TISSUES, WORK_MM, Template
from protocols.base.errors import InputError, cannot_read, fail

PRIOR_WEIGHT = 0.25
"""Of the template's tissues against the person's own intensities."""
SHARE_OF_MASK = 0.5
NOWHERE = 1e9
"""What ANTs is told to write where it finds nothing; it cannot write NaN."""
_SEED = 1
BIAS_ITERATIONS = {"iters": [50, 50, 30], "tol": 1e-6}


@dataclass(frozen=True)
class Anatomy:
    """A person's anatomy.

    Attributes
    ----------
    brain, mask
        Intensities without skull and bias, in the person's own space, and the mask of them.
    tissues
        Probabilities of `TISSUES`, in the person's own space.
    to_template
        ANTs transforms as they bring images to the template: warp, then affine; by the route ``"epi"`` only affine.
    dice
        Overlap of where the person's brain has tissue, brought to the template, with the template's brain (see `dice`):
        what was cut off, or is no brain, lowers it.
    white_matter_dice
        Overlap of the person's white matter, told by its brightness alone, with the template's: a brain that lies
        askew in the template lowers it, though its outline may fit. Some .75 in an adult; 15 degrees cost .2. NaN by
        the route ``"epi"``, where brightness does not tell white matter.
    route
        ``"t1w"``: of a T1-weighted image. ``"epi"``: of a run's reference image itself, for want of one (see
        `reference.prepare_reference`); images, mask and tissues are then in the run's own space.
    """

    brain: Path
    mask: Path
    tissues: Mapping[str, Path]
    to_template: tuple[Path, ...]
    dice: float
    white_matter_dice: float
    route: Literal["t1w", "epi"] = "t1w"

    @property
    def affine_only(self) -> tuple[Path, ...]:
        """Of `to_template`, what comes before the warp: how far turning and stretching alone bring it."""
        return tuple(one for one in self.to_template if one.suffix == ".mat")


def prepare_anatomy(t1w: Path, template: Template, folder: Path) -> Anatomy:
    """Remove the bias, find the brain, tell its tissues apart, and find the way to the template.

    The mask is the template's, brought along by an affine registration first; within it the bias is estimated again,
    the brain registered nonlinearly, the mask brought along anew, and the tissues told apart (Atropos, Avants et al.
    2011, Neuroinformatics 9:381) with the template's tissues as priors.

    The tissues do not refine the mask: where Atropos was asked which voxels around its edge are none of them, planted
    masks were met a little worse (Dice .990 and .986 before, .988 and .985 after, the best of four settings), and a
    real brain no better (.987 before, .986 after).

    Parameters
    ----------
    t1w
        T1-weighted image with skull.
    template
        Where to.
    folder
        Gets all files.

    Raises
    ------
    InputError
        If the file is no three-dimensional image, or no brain is found in it.
    """
    ants = ants_library()
    folder.mkdir(parents=True, exist_ok=True)
    target, target_mask = (ants.image_read(str(path)) for path in (template.brain, template.mask))
    whole = read(ants, t1w)
    whole = ants.resample_image(whole, (WORK_MM,) * 3, use_voxels=False, interp_type=0)
    rough = ants.n4_bias_field_correction(whole, shrink_factor=4, convergence=BIAS_ITERATIONS)
    affine = ants.registration(
        target, rough, "Affine", outprefix=str(folder / "rough_"), singleprecision=False
    )
    mask = mask_back(ants, rough, target_mask, affine["fwdtransforms"])
    if mask.numpy().sum() * WORK_MM**3 < 300_000:  # a third of a small child's brain
        raise fail(InputError, str(t1w), "shows no brain that the template could be brought to",
                   way_out="look at the image: is it a head, T1-weighted, with its orientation?")  # fmt: skip
    brain = (
        ants.n4_bias_field_correction(whole, mask=mask, shrink_factor=4, convergence=BIAS_ITERATIONS) * mask
    )
    found = ants.registration(
        target, brain, "SyN", initial_transform=affine["fwdtransforms"][0], reg_iterations=(40, 20, 10),
        outprefix=str(folder / "to-template_"), singleprecision=False,
    )  # fmt: skip
    transforms = tuple(Path(one) for one in found["fwdtransforms"])
    mask = mask_back(ants, brain, target_mask, found["fwdtransforms"])
    brain = brain * mask
    paths = {name: folder / f"{name}.nii.gz" for name in ("brain", "mask", *TISSUES)}
    priors = [
        back_to(ants, brain, ants.image_read(str(template.tissues[name])), found["fwdtransforms"])
        for name in TISSUES
    ]  # fmt: skip
    told = ants.atropos(a=brain, x=mask, i=priors, priorweight=PRIOR_WEIGHT, m="[0.1,1x1x1]", c="[5,0]")
    ants.image_write(brain, str(paths["brain"]))
    ants.image_write(mask, str(paths["mask"]))
    for name, image in zip(TISSUES, told["probabilityimages"], strict=True):
        ants.image_write(image, str(paths[name]))
    bright = ants.atropos(a=brain, x=mask, i="KMeans[3]", m="[0.1,1x1x1]", c="[5,0]")["probabilityimages"][2]
    white = ants.image_read(str(template.tissues["white_matter"]))
    return Anatomy(
        paths["brain"], paths["mask"], {name: paths[name] for name in TISSUES}, transforms,
        dice=overlap(ants, signal_mask(ants, brain), target_mask, found["fwdtransforms"]),
        white_matter_dice=overlap(ants, bright, white, found["fwdtransforms"]),
    )  # fmt: skip


def reference_to_anatomy(reference: Path, anatomy: Anatomy, prefix: Path) -> Path:
    """The rigid transform of a run's reference image to the anatomy.

    Parameters
    ----------
    reference
        The mean of the realigned run, or the volume it was realigned to.
    anatomy
        Of the same person.
    prefix
        How the transform's file name begins.

    Returns
    -------
    Path
        The ANTs transform.
    """
    ants = ants_library()
    prefix.parent.mkdir(parents=True, exist_ok=True)
    found = ants.registration(
        ants.image_read(str(anatomy.brain)), read(ants, reference), "Rigid", aff_metric="mattes",
        outprefix=str(prefix), singleprecision=False,
    )  # fmt: skip
    return Path(found["fwdtransforms"][0])


def coordinates(transforms: Sequence[Path], grid: Grid, folder: Path) -> np.ndarray:
    """Where each voxel of a grid comes from: world coordinates in the space that the transforms start from.

    Parameters
    ----------
    transforms
        As ANTs applies them to an image: the last one is applied first.
    grid
        Where to.
    folder
        For files in passing.

    Returns
    -------
    numpy.ndarray
        (x, y, z, 3) float64, mm, RAS+; to be given to `resampling.resample`.
    """
    import nibabel as nib

    ants = ants_library()
    folder.mkdir(parents=True, exist_ok=True)
    target_path, ruler_path = folder / "grid.nii.gz", folder / "ruler.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(grid.shape, np.uint8), grid.affine), target_path)
    target = ants.image_read(str(target_path))
    # A coordinate is a linear function of the place: two voxels per axis hold it exactly, everywhere between them.
    reach = 2000.0
    ruler_affine = np.diag([reach, reach, reach, 1.0])
    ruler_affine[:3, 3] = -reach / 2
    found = []
    for axis in range(3):
        ruler = (np.indices((2, 2, 2))[axis] * reach - reach / 2).astype(np.float64)
        nib.save(nib.Nifti1Image(ruler, ruler_affine), ruler_path)
        moved = ants.apply_transforms(
            target, ants.image_read(str(ruler_path), pixeltype="double"), [str(one) for one in transforms], "linear",
            defaultvalue=NOWHERE, singleprecision=False,
        )  # fmt: skip
        found.append(np.where(moved.numpy() == NOWHERE, np.nan, moved.numpy()))
    for path in (target_path, ruler_path):
        path.unlink()
    return np.stack(found, axis=-1).astype(float)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Overlap of two masks: twice what they share over what they have; 1 is identity, 0 nothing in common."""
    total = int(np.count_nonzero(one)) + int(np.count_nonzero(other))
    return 2 * int(np.count_nonzero(one & other)) / total if total else 0.0


def overlap(ants: Any, image: Any, of_template: Any, transforms: Sequence[str]) -> float:
    """Dice of an image, brought to the template, with one of the template."""
    moved = ants.apply_transforms(of_template, image, list(transforms), "linear")
    return dice(moved.numpy() > SHARE_OF_MASK, of_template.numpy() > SHARE_OF_MASK)


def signal_mask(ants: Any, brain: Any) -> Any:
    """Where a brain has tissue: brighter than a fifth of its typical intensity."""
    values = brain.numpy()
    typical = np.median(values[values > 0])
    return ants.from_numpy(
        (values > typical / 5).astype(np.float32), brain.origin, brain.spacing, brain.direction
    )


def mask_back(ants: Any, image: Any, target_mask: Any, transforms: Sequence[str]) -> Any:
    """The template's mask in the image's space."""
    return ants.threshold_image(back_to(ants, image, target_mask, transforms), SHARE_OF_MASK, 2)


def back_to(ants: Any, image: Any, of_template: Any, transforms: Sequence[str]) -> Any:
    """An image of the template in the person's space."""
    back = _back(transforms)
    inverted = [one.endswith(".mat") for one in back]
    return ants.apply_transforms(image, of_template, back, "linear", whichtoinvert=inverted)


def _back(transforms: Sequence[str]) -> list[str]:
    """The transforms of the way back, in ANTs' order: the affine, inverted, before the inverse warp."""
    affine = [one for one in transforms if one.endswith(".mat")]
    warps = [one.replace("1Warp", "1InverseWarp") for one in transforms if one.endswith("Warp.nii.gz")]
    return [*affine, *warps]


def read(ants: Any, path: Path) -> Any:
    """An image of three dimensions, or an InputError that says why not."""
    if not path.exists():
        raise cannot_read(path, FileNotFoundError())
    try:
        image = ants.image_read(str(path))
    except (RuntimeError, ValueError) as error:
        raise fail(InputError, str(path), "is not an image", got=str(error).splitlines()[-1],
                   way_out="copy or convert it again") from error  # fmt: skip
    if image.dimension != 3:
        raise fail(InputError, str(path), f"has {image.dimension} dimensions", accepted="3",
                   way_out="an anatomy is one volume")  # fmt: skip
    return image


def ants_library() -> Any:
    """ANTs with one seed and one thread: sums of several threads come in any order, and numbers would differ.

    Its functions take an argument ``random_seed`` and ignore it; only this setting reaches the registration.
    """
    import ants

    ants.config.set_ants_deterministic(on=True, seed_value=_SEED)
    return ants
