"""Exact cluster enhancement beside brute force over small steps, and clusters beside scipy's labels."""

import numpy as np
import pytest
from scipy import ndimage

from analysis.fmri.maps import kernels


def smooth_map(seed: int, shape: tuple[int, int, int] = (13, 14, 12), sigma: float = 1.3):
    random = np.random.default_rng(seed)
    volume = ndimage.gaussian_filter(random.standard_normal(shape), sigma)
    mask = ndimage.gaussian_filter(random.standard_normal(shape), 2.0) > -0.1  # holes and islands
    return (volume / volume.std()).astype(np.float32), mask


def in_steps(volume, mask, dh: float):
    """Smith and Nichols' sum at the middle of every step."""
    found = np.zeros(volume.shape)
    for height in np.arange(dh / 2, volume[mask].max() + dh, dh):
        labels, _ = ndimage.label((volume >= height) & mask)
        root = np.sqrt(np.bincount(labels.ravel()))
        root[0] = 0
        found += root[labels] * height**2 * dh
    return found[mask]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("sigma", [0.8, 2.0])
def test_enhancement_is_what_small_steps_approach(seed, sigma):
    volume, mask = smooth_map(seed, sigma=sigma)
    exact = kernels.enhance(volume[mask], kernels.neighbors(mask))
    steps = in_steps(volume, mask, dh=0.002)
    assert np.corrcoef(exact, steps)[0, 1] > 0.9999
    high = exact > 0.05 * exact.max()
    assert exact[high] == pytest.approx(steps[high], rel=0.005)
    assert np.max(np.abs(exact - steps)) < 0.002 * exact.max()


def test_enhancement_of_a_row_worked_out_by_hand():
    mask = np.ones((5, 1, 1), bool)
    values = np.array([1.0, 3.0, 2.0, 3.0, -1.0], np.float32)
    # 0 to 1: four voxels; 1 to 2: the last three; 2 to 3: each peak alone.
    low = 2 * 1 / 3
    middle = low + np.sqrt(3) * (8 - 1) / 3
    peak = middle + (27 - 8) / 3
    expected = [low, peak, middle, peak, 0]
    assert kernels.enhance(values, kernels.neighbors(mask)) == pytest.approx(expected, rel=1e-12)


def test_voxels_touch_by_faces_and_never_around_the_edge():
    mask = np.ones((3, 3, 3), bool)
    mask[0, 0, 0] = False
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(26)
    touching = kernels.neighbors(mask)
    assert touching.shape == (26, 6)
    assert set(touching[number[1, 1, 1]]) == {
        number[place] for place in [(0, 1, 1), (2, 1, 1), (1, 0, 1), (1, 2, 1), (1, 1, 0), (1, 1, 2)]
    }
    assert sorted(touching[number[1, 0, 0]]) == sorted(
        [-1, -1, -1, number[2, 0, 0], number[1, 1, 0], number[1, 0, 1]]
    )


def test_ties_are_taken_in_any_order():
    volume, mask = smooth_map(4)
    coarse = np.round(volume * 2) / 2  # hundreds of voxels share each value
    exact = kernels.enhance(coarse[mask], kernels.neighbors(mask))
    back = kernels.enhance(
        coarse[::-1, ::-1, ::-1][mask[::-1, ::-1, ::-1]], kernels.neighbors(mask[::-1, ::-1, ::-1])
    )
    assert np.allclose(exact, back[::-1], rtol=1e-10)
    assert np.max(np.abs(exact - in_steps(coarse, mask, dh=0.005))) < 0.005 * exact.max()


def test_each_sign_is_enhanced_alone():
    volume, mask = smooth_map(5)
    touching = kernels.neighbors(mask)
    values = volume[mask]
    only = np.maximum(values, 0)
    assert np.array_equal(kernels.enhance(values, touching), kernels.enhance(only, touching))
    below = kernels.enhance(-values, touching)
    assert np.array_equal(below > 0, values < 0)
    assert not np.any(kernels.enhance(np.zeros_like(values), touching))


def test_enhancement_follows_height_within_a_cluster_and_grows_with_the_map():
    volume, mask = smooth_map(6)
    touching = kernels.neighbors(mask)
    values = volume[mask]
    exact = kernels.enhance(values, touching)
    for side in range(6):
        here = np.flatnonzero((touching[:, side] >= 0) & (values > 0))
        there = touching[here, side]
        higher = values[there] > values[here]
        assert np.all(exact[there[higher]] > exact[here[higher]])
    raised = values.copy()
    raised[::7] += 0.5
    assert np.all(kernels.enhance(raised, touching) >= exact * (1 - 1e-12))


@pytest.mark.parametrize("threshold", [0.0, 0.8, 2.0, 99.0])
def test_clusters_are_scipys(threshold):
    volume, mask = smooth_map(7)
    mass, size = kernels.clusters(volume[mask], kernels.neighbors(mask), threshold)
    labels, _ = ndimage.label((volume > threshold) & mask)
    sizes = np.bincount(labels.ravel())
    masses = np.bincount(labels.ravel(), np.where(labels > 0, volume - np.float64(threshold), 0).ravel())
    sizes[0] = 0
    assert np.array_equal(size, sizes[labels[mask]])
    assert mass == pytest.approx(masses[labels[mask]], rel=1e-9)


def test_sorting_is_numpys_over_all_magnitudes():
    random = np.random.default_rng(8)
    values = (random.standard_normal(5000) * 10.0 ** random.integers(-30, 30, 5000)).astype(np.float32)
    values[::10] = values[5]
    order = kernels._ascending(values)
    above = np.flatnonzero(values > 0)
    assert np.array_equal(order, above[np.argsort(values[above], kind="stable")])
