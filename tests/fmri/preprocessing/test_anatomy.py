"""From a head to the template: planted transforms are found, and coordinates lead where they should."""

import numpy as np
import pytest
from scipy import ndimage

from analysis.fmri.person.page import LOW_DICE
from analysis.fmri.preprocessing.anatomy import (
    coordinates,
    dice,
    overlap,
    prepare_anatomy,
    reference_to_anatomy,
    signal_mask,
)
from analysis.fmri.preprocessing.reference import prepare_reference
from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.preprocessing.templates import TISSUES, bundled_template, fits_age
from protocols.base.errors import InputError

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")
ants = pytest.importorskip("ants", reason="the extra 'fmri' is not installed")

TILT = np.deg2rad(20)
AFFINE = np.array(
    [
        [-3.0, 0, 0, 40],
        [0, 2.9 * np.cos(TILT), -3.2 * np.sin(TILT), -50],
        [0, 2.9 * np.sin(TILT), 3.2 * np.cos(TILT), -30],
        [0, 0, 0, 1],
    ]
)
GRID = Grid((12, 14, 10), AFFINE)


def written(folder, name, matrix=None, shift=(0.0, 0.0, 0.0)):
    """An affine transform on the disk, in ITK's world, where x and y run the other way."""
    matrix = np.eye(3) if matrix is None else matrix
    transform = ants.new_ants_transform(
        precision="double",
        dimension=3,
        transform_type="AffineTransform",
        parameters=[*matrix.ravel(), *shift],
        fixed_parameters=[0, 0, 0],
    )
    path = folder / f"{name}.mat"
    ants.write_transform(transform, str(path))
    return path


def test_without_transforms_every_voxel_comes_from_itself(tmp_path):
    found = coordinates((), GRID, tmp_path / "work")
    assert found.shape == (*GRID.shape, 3)
    assert pytest.approx(GRID.points(), abs=1e-4) == found.reshape(-1, 3).T
    assert not list((tmp_path / "work").iterdir())


def test_transforms_are_followed_in_ants_order_the_first_one_first(tmp_path):
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    turned = written(tmp_path, "turn", matrix=turn)
    shifted = written(tmp_path, "shift", shift=(5.0, -2.0, 7.0))
    found = coordinates((shifted, turned), GRID, tmp_path / "work").reshape(-1, 3).T
    itk = np.diag([-1.0, -1, 1])
    expected = itk @ (turn @ (itk @ GRID.points() + np.array([[5.0], [-2.0], [7.0]])))
    assert found == pytest.approx(expected, abs=1e-4)


def test_dice_counts_what_two_masks_share():
    one = np.zeros(10, bool)
    one[:4] = True
    other = np.roll(one, 2)
    assert dice(one, one) == 1
    assert dice(one, other) == 0.5
    assert dice(one, ~one) == 0
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 0


@pytest.fixture(scope="module")
def coarse(tmp_path_factory):
    return bundled_template(tmp_path_factory.mktemp("template"), 4)


def test_the_bundled_template_has_its_tissues_on_one_grid_under_its_own_name_and_is_of_adults(coarse):
    template = coarse
    assert template.space == "MNI152NLin2009aSym"
    assert fits_age(template, 20 * 12, 40 * 12)
    assert not fits_age(template, 48, 84)
    images = [nib.load(path) for path in (template.brain, template.mask, *template.tissues.values())]
    assert {image.shape for image in images} == {images[0].shape}
    assert tuple(template.tissues) == TISSUES
    total = sum(np.asarray(image.dataobj) for image in images[2:])
    mask = np.asarray(images[1].dataobj) > 0.5
    assert np.median(total[mask]) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("prepare", [prepare_anatomy, prepare_reference])
def test_what_is_no_anatomy_is_named(prepare, coarse, tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        prepare(tmp_path / "none.nii.gz", coarse, tmp_path / "work")
    (tmp_path / "text.nii.gz").write_text("no image", "utf-8")
    with pytest.raises(InputError, match="is not an image"):
        prepare(tmp_path / "text.nii.gz", coarse, tmp_path / "work")
    run = tmp_path / "run.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5, 3), np.float32), AFFINE), run)
    with pytest.raises(InputError, match="4 dimensions"):
        prepare(run, coarse, tmp_path / "work")


def head(template, path, tilt, shift, cut_mm=None):
    """The template's own brain in a skull, tilted about x and moved, on a grid of its own; how it was moved.

    With `cut_mm` nothing was measured below that height of the template.
    """
    brain = nib.load(template.brain)
    values = np.asarray(brain.dataobj, np.float32)
    mask = np.asarray(nib.load(template.mask).dataobj) > 0.5
    near, far = (ndimage.binary_dilation(mask, iterations=n) for n in (3, 6))
    values = values * mask + 0.7 * (far & ~near)
    if cut_mm is not None:
        values[:, :, : int(np.rint((cut_mm - brain.affine[2, 3]) / brain.affine[2, 2]))] = 0
    cos, sin = np.cos(tilt), np.sin(tilt)
    moved = np.array([[1, 0, 0, shift[0]], [0, cos, -sin, shift[1]], [0, sin, cos, shift[2]], [0, 0, 0, 1.0]])
    grid = brain.affine.copy()
    grid[:3, 3] += (-12, -10, 8)
    shape = tuple(np.array(brain.shape) + 12)
    back = np.linalg.inv(brain.affine) @ np.linalg.inv(moved) @ grid
    image = ndimage.affine_transform(values, back[:3, :3], back[:3, 3], output_shape=shape, order=1)
    bias = 1 + 0.3 * np.linspace(-1, 1, shape[1])[None, :, None]
    nib.save(nib.Nifti1Image((900 * image * bias).astype(np.float32), grid), path)
    return moved


@pytest.mark.slow
def test_a_head_that_lies_askew_is_brought_to_the_template_and_the_same_every_time(tmp_path):
    template = bundled_template(tmp_path / "template", 2)
    t1w = tmp_path / "head.nii.gz"
    moved = head(template, t1w, np.deg2rad(12), (6.0, -9.0, 4.0))
    anatomy = prepare_anatomy(t1w, template, tmp_path / "one")
    assert anatomy.dice > 0.95
    assert anatomy.white_matter_dice > 0.85

    target = nib.load(template.brain)
    grid = Grid(target.shape, target.affine)
    inside = np.asarray(nib.load(template.mask).dataobj).ravel() > 0.5
    found = coordinates(anatomy.to_template, grid, tmp_path / "work").reshape(-1, 3).T
    expected = moved[:3, :3] @ grid.points() + moved[:3, 3:]
    apart = np.linalg.norm(found - expected, axis=0)[inside]
    assert np.median(apart) < 1.0
    assert np.quantile(apart, 0.95) < 2.5

    likely = {name: np.asarray(nib.load(path).dataobj) for name, path in anatomy.tissues.items()}
    assert sum(likely.values())[np.asarray(nib.load(anatomy.mask).dataobj) > 0.5].mean() == pytest.approx(
        1, abs=0.02
    )
    brain = np.asarray(nib.load(anatomy.brain).dataobj)
    assert brain[likely["white_matter"] > 0.9].mean() > 1.2 * brain[likely["gray_matter"] > 0.9].mean()

    rigid = reference_to_anatomy(t1w, anatomy, tmp_path / "one" / "reference_")
    corner = Grid((3, 3, 3), np.diag([40.0, 40, 40, 1]))
    near = coordinates((rigid,), corner, tmp_path / "work").reshape(-1, 3).T
    assert np.linalg.norm(near - corner.points(), axis=0).max() < 1.0  # it is its own reference

    again = prepare_anatomy(t1w, template, tmp_path / "two")
    assert (found == coordinates(again.to_template, grid, tmp_path / "work").reshape(-1, 3).T).all()


def on_grid_of(other, image):
    return ants.resample_image_to_target(image, other, "linear")


@pytest.mark.slow
def test_a_brain_that_was_cut_off_lies_askew_or_has_a_wrong_mask_has_a_smaller_overlap(tmp_path):
    template = bundled_template(tmp_path / "template", 2)
    whole, cut = tmp_path / "whole.nii.gz", tmp_path / "cut.nii.gz"
    head(template, whole, 0.0, (0.0, 0.0, 0.0))
    head(template, cut, 0.0, (0.0, 0.0, 0.0), cut_mm=-25)  # no cerebellum
    good = prepare_anatomy(whole, template, tmp_path / "good")
    without = prepare_anatomy(cut, template, tmp_path / "without")
    # The warp stretches what is there into the gap, so the outline says less than the white matter does.
    assert good.dice - without.dice > 0.02
    assert good.white_matter_dice - without.white_matter_dice > 0.1

    # A wrong mask lets in skull, or leaves out brain.
    image, outline = (ants.image_read(str(path)) for path in (whole, template.mask))
    right = ants.image_read(str(good.mask))
    astray = right.new_image_like(np.roll(right.numpy(), 8, axis=2))
    chain = [str(one) for one in good.to_template]
    for wrong in (ants.iMath(right, "MD", 6), ants.iMath(right, "ME", 2), astray):
        seen = overlap(ants, signal_mask(ants, on_grid_of(right, image) * wrong), outline, chain)
        assert seen < LOW_DICE["t1w"] < good.dice

    target = ants.image_read(str(template.brain))
    white = nib.load(template.tissues["white_matter"])
    wanted = np.asarray(white.dataobj) > 0.5
    own = ants.image_read(str(good.tissues["white_matter"]))
    transforms = [str(one) for one in good.to_template]
    cos, sin = np.cos(np.deg2rad(15)), np.sin(np.deg2rad(15))
    tilt = written(tmp_path, "tilt", matrix=np.array([[1.0, 0, 0], [0, cos, -sin], [0, sin, cos]]))
    straight, askew = (
        dice(ants.apply_transforms(target, own, chain, "linear").numpy() > 0.5, wanted)
        for chain in (transforms, [str(tilt), *transforms])
    )
    assert straight > 0.85
    assert straight - askew > 0.2


def functional(template, path, tilt, shift):
    """The template's tissues in the contrast of a functional image, tilted, cut below, dark above the eyes."""
    brain = nib.load(template.brain)
    values = sum(
        level * np.asarray(nib.load(template.tissues[name]).dataobj, np.float32)
        for name, level in (("csf", 1300), ("gray_matter", 1000), ("white_matter", 850))
    )
    points = Grid(brain.shape, brain.affine).points()
    eyes = np.exp(-((points - [[0.0], [45], [-22]]) ** 2).sum(axis=0) / (2 * 12.0**2)).reshape(brain.shape)
    values *= 1 - eyes
    cos, sin = np.cos(tilt), np.sin(tilt)
    moved = np.array([[1, 0, 0, shift[0]], [0, cos, -sin, shift[1]], [0, sin, cos, shift[2]], [0, 0, 0, 1.0]])
    moved[:3, :3] *= 0.95  # a smaller head
    grid = np.diag([3.0, 3, 3.3, 1])
    grid[:3, 3] = (-108, -130, -45)
    shape = (72, 80, 38)
    back = np.linalg.inv(brain.affine) @ np.linalg.inv(moved) @ grid
    image = ndimage.affine_transform(values, back[:3, :3], back[:3, 3], output_shape=shape, order=1)
    noise = np.random.default_rng(2).normal(0, 15, shape)
    bias = 1 + 0.25 * np.linspace(-1, 1, shape[0])[:, None, None]
    nib.save(nib.Nifti1Image((image * bias + np.abs(noise)).astype(np.float32), grid), path)
    return moved


@pytest.mark.slow
def test_a_functional_image_without_anatomy_finds_its_own_way_and_says_so(tmp_path):
    template = bundled_template(tmp_path / "template", 2)
    reference = tmp_path / "boldref.nii.gz"
    moved = functional(template, reference, np.deg2rad(10), (5.0, -8.0, 6.0))
    found = prepare_reference(reference, template, tmp_path / "one")
    assert found.route == "epi"
    assert np.isnan(found.white_matter_dice)
    assert found.dice > 0.8

    target = nib.load(template.brain)
    grid = Grid(target.shape, target.affine)
    inside = np.asarray(nib.load(template.mask).dataobj).ravel() > 0.5
    where = coordinates(found.to_template, grid, tmp_path / "work").reshape(-1, 3).T
    expected = moved[:3, :3] @ grid.points() + moved[:3, 3:]
    apart = np.linalg.norm(where - expected, axis=0)[inside]
    assert np.median(apart) < 2.0
    assert np.quantile(apart, 0.95) < 4.0

    image = nib.load(reference)
    own = Grid(image.shape, image.affine)
    wanted = np.linalg.inv(moved)
    points = wanted[:3, :3] @ own.points() + wanted[:3, 3:]
    white = nib.load(template.tissues["white_matter"])
    places = np.linalg.inv(white.affine)[:3, :3] @ points + np.linalg.inv(white.affine)[:3, 3:]
    true = ndimage.map_coordinates(np.asarray(white.dataobj), places, order=1).reshape(own.shape) > 0.5
    likely = np.asarray(nib.load(found.tissues["white_matter"]).dataobj) > 0.5
    assert dice(likely, true) > 0.75
    again = prepare_reference(reference, template, tmp_path / "two")
    assert [one.read_bytes() for one in again.to_template] == [one.read_bytes() for one in found.to_template]


def test_an_image_without_a_brain_is_refused(coarse, tmp_path):
    path = tmp_path / "boldref.nii.gz"
    values = np.zeros((24, 24, 12), np.float32)
    values[8:16, 8:16, 4:8] = 500 + np.random.default_rng(1).normal(0, 20, (8, 8, 4))
    nib.save(nib.Nifti1Image(values, np.diag([3.0, 3, 3, 1])), path)  # a phantom of 24 mm
    with pytest.raises(InputError, match="shows no brain"):
        prepare_reference(path, coarse, tmp_path / "work")
