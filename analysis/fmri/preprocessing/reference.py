"""A run without anatomy: its own reference image is brought to the template.

The way out for sessions that ended before the T1-weighted image, as children's do. A functional image has a third of
the detail and another contrast, so that tissues come from the template's priors, not from the person; whoever reads a
result has to be told (`Anatomy.route`).

The way is affine, without a warp. On a run at 3 mm whose person also had a T1-weighted image, places in the brain came
to lie 2.6 mm (95 %: 4.4 mm) from where the route through it puts them; the best that turning and stretching could do,
that route without its warp, is 1.8 mm. Each of six warps that were tried (mutual information, stiffer ones, local
correlation, a template in the run's own contrast) took places further away, 2.9 to 5.0 mm: the contrast of a
functional image says too little of sulci, and its edges are where signal was lost, not where the brain ends. White
matter, overlap with the template's: .69 this way, .80 through the T1-weighted image.
"""

from __future__ import annotations

from pathlib import Path

from analysis.fmri.preprocessing.anatomy import (
    BIAS_ITERATIONS,
    Anatomy,
    ants_library,
    back_to,
    mask_back,
    overlap,
    read,
    signal_mask,
)
from analysis.fmri.preprocessing.templates import TISSUES, Template
from protocols.base.errors import InputError, fail

FEWEST_MM3 = 250_000
"""Of brain: runs that leave out a part of it are common, but less than this of a child's is none."""


def prepare_reference(reference: Path, template: Template, folder: Path) -> Anatomy:
    """Remove a reference image's bias and find its affine way to the template, by mutual information.

    The whole head is aligned first, and then what the template's mask keeps of it: the template has no scalp.

    Parameters
    ----------
    reference
        The mean of the realigned run, with whatever of the head it shows.
    template
        Where to.
    folder
        Gets all files.

    Returns
    -------
    Anatomy
        Of route ``"epi"``, in the run's own space: its mask is the template's and its tissues are the template's
        priors, both brought along.

    Raises
    ------
    InputError
        If the file is no three-dimensional image, or no brain is found in it.
    """
    ants = ants_library()
    folder.mkdir(parents=True, exist_ok=True)
    target, target_mask = (ants.image_read(str(path)) for path in (template.brain, template.mask))
    whole = read(ants, reference)
    rough = ants.n4_bias_field_correction(whole, shrink_factor=2, convergence=BIAS_ITERATIONS)
    affine = ants.registration(
        target, rough, "Affine", outprefix=str(folder / "rough_"), singleprecision=False
    )
    mask = mask_back(ants, rough, target_mask, affine["fwdtransforms"])
    voxel = float(mask.spacing[0] * mask.spacing[1] * mask.spacing[2])
    if mask.numpy().sum() * voxel < FEWEST_MM3:
        raise fail(InputError, str(reference), "shows no brain that the template could be brought to",
                   way_out="look at the image: is it a head, in its orientation, with most of the brain?")  # fmt: skip
    found = ants.registration(
        target, rough * mask, "Affine", initial_transform=affine["fwdtransforms"][0],
        outprefix=str(folder / "to-template_"), singleprecision=False,
    )  # fmt: skip
    transforms = found["fwdtransforms"]
    mask = mask_back(ants, rough, target_mask, transforms)
    brain = rough * mask
    paths = {name: folder / f"{name}.nii.gz" for name in ("brain", "mask", *TISSUES)}
    ants.image_write(brain, str(paths["brain"]))
    ants.image_write(mask, str(paths["mask"]))
    for name in TISSUES:
        prior = ants.image_read(str(template.tissues[name]))
        ants.image_write(back_to(ants, brain, prior, transforms), str(paths[name]))
    return Anatomy(
        paths["brain"], paths["mask"], {name: paths[name] for name in TISSUES},
        tuple(Path(one) for one in transforms),
        dice=overlap(ants, signal_mask(ants, brain), target_mask, transforms),
        white_matter_dice=float("nan"), route="epi",
    )  # fmt: skip
