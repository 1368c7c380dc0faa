"""Templates by folder: what is wrong with one is told at once; a group's grid depends on nobody's run."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.fmri.preprocessing.templates import (
    IMAGES,
    TISSUES,
    default_grid,
    fits_age,
    template_from,
)
from protocols.base.errors import InputError

nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")

AFFINE = np.array([[-4.0, 0, 0, 50], [0, 4, 0, -62], [0, 0, 4, -30], [0, 0, 0, 1]])
SHAPE = (24, 30, 20)


def put(folder, name, values, affine=AFFINE):
    nib.save(nib.Nifti1Image(np.asarray(values, np.float32), affine), folder / f"{name}.nii.gz")


def describe(folder, **said):
    (folder / "template.json").write_text(
        json.dumps({"Space": "MNIPediatricAsymCohort2", "AgeMonths": [54, 102], **said}), "utf-8"
    )


@pytest.fixture
def folder(tmp_path):
    mask = np.zeros(SHAPE)
    mask[4:20, 5:25, 3:16] = 1
    put(tmp_path, "brain", 700 * mask)
    put(tmp_path, "mask", mask)
    for name, share in zip(TISSUES, (0.2, 0.5, 0.3), strict=True):
        put(tmp_path, name, share * mask)
    describe(tmp_path)
    return tmp_path


def test_a_pediatric_template_is_taken_from_its_folder(folder):
    template = template_from(folder)
    assert template.space == "MNIPediatricAsymCohort2"
    assert template.age_months == (54, 102)
    assert {path.name for path in (template.brain, template.mask, *template.tissues.values())} == {
        f"{name}.nii.gz" for name in IMAGES
    }
    assert tuple(template.tissues) == TISSUES
    describe(folder, AgeMonths=None)
    assert template_from(folder).age_months is None


def test_ages_fit_only_where_the_whole_group_is_within_the_templates(folder):
    template = template_from(folder)
    assert fits_age(template, 54, 102)
    assert not fits_age(template, 48, 84)
    assert not fits_age(template, 60, 103)
    assert fits_age(replace(template, age_months=None), 60, 70) is None


def test_every_fault_is_told_at_once(folder):
    (folder / "csf.nii.gz").unlink()
    (folder / "brain.nii.gz").write_text("no image", "utf-8")
    put(folder, "mask", np.full(SHAPE, 0.5))
    put(folder, "gray_matter", np.full(SHAPE, 55.0))  # percent
    shifted = AFFINE.copy()
    shifted[0, 3] += 2
    put(folder, "white_matter", np.full(SHAPE, 0.3), shifted)
    describe(folder, Space="MNI Pediatric", AgeMonths=[84, 48])
    with pytest.raises(InputError) as caught:
        template_from(folder)
    told = str(caught.value)
    assert len(caught.value.faults) == 7
    for problem in (
        "no BIDS label", "AgeMonths that are none", "does not exist", "not a NIfTI file", "is not a mask",
        "is no probability", "not on the grid of",
    ):  # fmt: skip
        assert problem in told


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"Space": None}, "no BIDS label"),
        ({"Space": "MNI152NLin2009aSym"}, "by the name of the one that comes along"),
        ({"AgeMonths": [48]}, "AgeMonths that are none"),
        ({"AgeMonths": [4.5, 8.5]}, "AgeMonths that are none"),
        ({"AgeMonths": "4-7 years"}, "AgeMonths that are none"),
    ],
)
def test_a_description_that_is_wrong_is_refused(folder, said, problem):
    describe(folder, **said)
    with pytest.raises(InputError, match=problem):
        template_from(folder)


@pytest.mark.parametrize(
    ("name", "values", "problem"),
    [
        ("csf", np.full(SHAPE, -0.2), "is no probability"),
        ("csf", np.full(SHAPE, np.nan), "not numbers"),
        ("mask", np.zeros(SHAPE), "is empty"),
        ("brain", np.zeros((*SHAPE, 2)), "4 dimensions"),
        ("brain", np.ones((10, 10, 10)), "not on the grid"),
    ],
)
def test_an_image_that_cannot_be_used_is_named(folder, name, values, problem):
    put(folder, name, values)
    with pytest.raises(InputError, match=problem):
        template_from(folder)


def test_a_folder_without_anything_names_all_that_is_missing(tmp_path):
    with pytest.raises(InputError) as caught:
        template_from(tmp_path)
    assert len(caught.value.faults) == 1 + len(IMAGES)


@pytest.mark.parametrize("edge", [2.0, 2.5, 3.0])
def test_the_grid_covers_the_templates_brain_and_has_a_voxel_at_the_origin(folder, edge):
    template = template_from(folder)
    grid = default_grid(template, edge)
    assert grid.affine[:3, :3] == pytest.approx(edge * np.eye(3))
    origin = np.linalg.inv(grid.affine)[:3, 3]
    assert origin == pytest.approx(np.rint(origin))
    inside = np.argwhere(np.asarray(nib.load(template.mask).dataobj) > 0)
    places = AFFINE[:3, :3] @ inside.T + AFFINE[:3, 3:]
    points = grid.points()
    for axis in range(3):
        assert points[axis].min() <= places[axis].min() - 6
        assert points[axis].max() >= places[axis].max() + 6
        assert points[axis].max() < places[axis].max() + 6 + edge
