"""Regions: where they lie, and when a person's counts as measured."""

import numpy as np
import pytest

from analysis.fmri.preprocessing.resampling import Grid
from analysis.fmri.regions import judge, region_of_file, sphere
from protocols.base.errors import InputError

GRID = Grid((30, 36, 30), np.array([[-3.0, 0, 0, 45], [0, 3, 0, -54], [0, 0, 3, -45], [0, 0, 0, 1]]))
RULE = {"min_coverage": 0.8, "min_tsnr": 30.0}


def test_a_sphere_is_around_its_center_and_has_its_volume():
    found = sphere(GRID, (9, -15, 12), 9)
    points = GRID.points()[:, found.ravel()]
    assert points.mean(axis=1) == pytest.approx((9, -15, 12))
    assert np.linalg.norm(points - np.array([[9], [-15], [12]]), axis=0).max() == pytest.approx(9)
    assert found.sum() * 27 == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.1)


def test_left_stays_left_whatever_way_the_grid_counts():
    turned = Grid(
        GRID.shape,
        np.diag([3.0, 3, 3, 1]) + np.array([[0, 0, 0, -42], [0, 0, 0, -54], [0, 0, 0, -45], [0] * 4]),
    )
    for grid in (GRID, turned):
        x = grid.points()[0][sphere(grid, (-20, 0, 0), 8).ravel()]
        assert (x < 0).all()
    assert sphere(GRID, (-20, 0, 0), 8).sum() == sphere(turned, (-20, 0, 0), 8).sum()


def test_a_sphere_that_cannot_be_counted_is_refused():
    with pytest.raises(InputError, match="reaches beyond the images' grid"):
        sphere(GRID, (40, 0, 0), 9)
    with pytest.raises(InputError, match="holds no voxel"):
        sphere(GRID, (1.4, 1.4, 1.4), 0.5)
    with pytest.raises(InputError, match=r"the sphere at \(900, 0, 0\)"):
        sphere(GRID, (900, 0, 0), 9)


def test_a_region_counts_when_enough_of_it_was_measured_with_enough_signal():
    region = sphere(GRID, (0, 0, 0), 9)
    everywhere = np.ones(GRID.shape, bool)
    tsnr = np.full(GRID.shape, 60.0)
    good = judge(region, everywhere, tsnr, **RULE)
    assert (good.coverage, good.tsnr, good.reason) == (1.0, 60.0, "")
    assert (good.voxels == region).all()


def test_a_region_half_outside_the_images_is_missing_with_its_share():
    region = sphere(GRID, (0, 0, 0), 9)
    above = GRID.points()[2].reshape(GRID.shape) > -1
    found = judge(region, above, np.full(GRID.shape, 60.0), **RULE)
    assert found.coverage == pytest.approx((region & above).sum() / region.sum())
    assert found.reason == f"region hardly measured: {found.coverage:.0%} of its voxels, 80% needed"
    assert judge(region, above, np.full(GRID.shape, 60.0), min_coverage=0.5, min_tsnr=30).reason == ""
    nowhere = judge(region, np.zeros(GRID.shape, bool), np.full(GRID.shape, 60.0), **RULE)
    assert nowhere.reason.startswith("region hardly measured: 0%")
    assert np.isnan(nowhere.tsnr)


def test_a_region_without_signal_is_missing_and_the_median_of_its_measured_voxels_says_so():
    region = sphere(GRID, (0, 0, 0), 9)
    everywhere = np.ones(GRID.shape, bool)
    tsnr = np.full(GRID.shape, 12.0)
    assert (
        judge(region, everywhere, tsnr, **RULE).reason
        == "too little signal in the region: tSNR 12, 30 needed"
    )
    tsnr[~region] = 500  # what lies around it does not help
    assert judge(region, everywhere, tsnr, **RULE).reason
    exactly = np.full(GRID.shape, 30.0)
    assert judge(region, everywhere, exactly, **RULE).reason == ""


def test_images_on_different_grids_are_refused():
    region = sphere(GRID, (0, 0, 0), 9)
    with pytest.raises(InputError, match="not on the grid"):
        judge(region, np.ones((3, 3, 3), bool), np.ones(GRID.shape), **RULE)


def test_a_mask_on_another_grid_becomes_the_same_region(tmp_path):
    nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")
    fine = Grid(
        (90, 108, 90),
        np.diag([1.0, 1, 1, 1]) + np.array([[0, 0, 0, -45], [0, 0, 0, -54], [0, 0, 0, -45], [0] * 4]),
    )
    path = tmp_path / "region.nii.gz"
    nib.save(nib.Nifti1Image(sphere(fine, (9, -15, 12), 10).astype(np.uint8), fine.affine), path)
    found, expected = region_of_file(path, GRID), sphere(GRID, (9, -15, 12), 10)
    assert (found == expected).mean() > 0.999
    assert found.sum() == pytest.approx(expected.sum(), rel=0.1)


def test_an_atlas_or_something_else_is_no_mask(tmp_path):
    nib = pytest.importorskip("nibabel", reason="the extra 'fmri' is not installed")
    path = tmp_path / "atlas.nii.gz"
    nib.save(nib.Nifti1Image(np.arange(27, dtype=np.int16).reshape(3, 3, 3), np.eye(4)), path)
    with pytest.raises(InputError, match="is not a mask"):
        region_of_file(path, GRID)
    nib.save(nib.Nifti1Image(np.zeros((3, 3, 3), np.uint8), np.eye(4)), path)
    with pytest.raises(InputError, match="holds no voxel"):
        region_of_file(path, GRID)
    path.write_text("text", "utf-8")
    with pytest.raises(InputError, match="is not a NIfTI file"):
        region_of_file(path, GRID)
