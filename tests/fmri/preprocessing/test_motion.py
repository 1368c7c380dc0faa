import numpy as np
import pytest

from analysis.fmri.preprocessing.motion import Motion, MotionSettings, estimate_motion
from analysis.fmri.preprocessing.resampling import Grid, Loaded
from analysis.fmri.preprocessing.rigid import framewise_displacement, matrix_of
from protocols.base.errors import InputError
from tests.fmri.preprocessing.moving_head import CENTER, TILT, misplaced, run_of, volume, wander

STILL = np.zeros((6, 6))


@pytest.fixture(scope="module")
def planted():
    return wander(24, seed=2)


@pytest.fixture(scope="module")
def found(planted) -> Motion:
    return estimate_motion(run_of(planted))


def test_planted_motion_is_found_within_hundredths_of_a_millimeter(planted, found):
    true = matrix_of(planted, CENTER)
    uncorrected = misplaced(np.broadcast_to(np.eye(4), true.shape), true)
    error = misplaced(found.matrices, true)
    assert uncorrected.mean() > 0.8
    assert error.mean() < 0.02
    assert error.max() < 0.04
    assert found.converged.all()
    assert found.note == ""


def test_framewise_displacement_is_that_of_the_planted_motion(planted):
    found = estimate_motion(run_of(planted), MotionSettings(reference=0))
    assert np.isnan(found.framewise_displacement[0])
    np.testing.assert_allclose(
        found.framewise_displacement[1:], framewise_displacement(planted)[1:], atol=0.15
    )
    assert found.framewise_displacement[1:].mean() == pytest.approx(
        framewise_displacement(planted)[1:].mean(), abs=0.04
    )


def test_parameters_tell_what_the_head_did():
    planted = STILL.copy()
    planted[3:] = [0.5, -0.8, 1.2, 0.02, -0.01, 0.03]
    found = estimate_motion(run_of(planted), MotionSettings(reference=0))
    np.testing.assert_allclose(found.parameters[:, :3], planted[:, :3], atol=0.03)
    np.testing.assert_allclose(found.parameters[:, 3:], planted[:, 3:], atol=0.001)


def test_nothing_moves_when_the_same_volume_comes_again():
    found = estimate_motion(run_of(STILL, noise=0))
    assert misplaced(found.matrices, matrix_of(STILL, CENTER)).max() < 1e-6
    assert np.abs(found.parameters).max() < 1e-6


def test_noise_alone_moves_a_still_head_by_about_a_hundredth():
    error = misplaced(
        estimate_motion(run_of(np.zeros((12, 6)))).matrices, matrix_of(np.zeros((12, 6)), CENTER)
    )
    assert error.mean() < 0.015


def test_the_mean_reference_is_sharp_and_less_noisy_than_a_volume(planted, found):
    # The reference lies where one of the typical volumes does; the nearest planted pose is its truth.
    run = run_of(planted)
    clean = [volume(matrix_of(row, CENTER)) for row in planted]
    nearest = min(range(len(clean)), key=lambda k: float(np.abs(clean[k] - found.reference).mean()))
    inner = (slice(6, -6), slice(6, -6), slice(6, -6))
    of_mean = (found.reference - clean[nearest])[inner].std()
    of_volume = (run.volume(nearest) - clean[nearest])[inner].std()
    assert of_mean < 0.5 * of_volume


@pytest.mark.parametrize("reference", ["mean", 0])
def test_a_head_that_leaves_the_field_of_view_is_followed(reference):
    planted = np.zeros((12, 6))
    planted[:, 2] = np.linspace(0, 20, 12)  # five slices up
    planted[:, 3] = np.linspace(0, 0.1, 12)
    run = run_of(planted, up_mm=14.0)
    assert run.volume(11)[:, :, -1].max() > 900  # tissue in the topmost slice
    found = estimate_motion(run, MotionSettings(reference=reference))
    assert found.converged.all()
    assert misplaced(found.matrices, matrix_of(planted, CENTER)).max() < 0.06


@pytest.mark.parametrize("reference", ["mean", 0])
def test_a_thin_slab_is_followed_though_a_third_of_it_leaves(reference):
    affine = TILT.copy()
    affine[:3, 3] += 7 * TILT[:3, 2]
    slab = Grid((38, 44, 10), affine)
    planted = np.zeros((12, 6))
    planted[:, 2] = np.linspace(0, 14, 12)
    planted[:, 3] = np.linspace(0, 0.05, 12)
    data = np.stack([volume(matrix_of(row, CENTER), grid=slab) for row in planted], axis=-1)
    data += np.random.default_rng(1).normal(0, 10, data.shape)
    found = estimate_motion(Loaded(data, affine), MotionSettings(reference=reference))
    assert found.converged.all()
    assert misplaced(found.matrices, matrix_of(planted, CENTER)).max() < 0.075


def test_a_head_that_goes_out_of_sight_is_said_to_be_lost():
    planted = np.zeros((44, 6))
    planted[40:, 2] = [22, 44, 66, 88]  # of 96 mm
    found = estimate_motion(run_of(planted))
    assert "2 of 44 volumes (volume 43, 44)" in found.note
    np.testing.assert_allclose(found.parameters[40:42, 2], [22, 44], atol=0.1)


def test_broken_first_volumes_do_not_become_the_reference():
    data = run_of(wander(30, seed=1, size=0.2)).data
    data[..., :2] = np.random.default_rng(1).normal(500, 100, (*data.shape[:3], 2))
    assert "2 of 30 volumes (volume 1, 2)" in estimate_motion(Loaded(data, TILT)).note


def test_a_volume_much_darker_than_the_others_is_not_trusted():
    data = run_of(np.zeros((12, 6))).data
    data[..., 4] *= 0.3
    assert "(volume 5)" in estimate_motion(Loaded(data, TILT)).note


@pytest.mark.parametrize("size_mm", [6, 12])
def test_one_large_jerk_is_found_from_where_the_head_was(size_mm):
    planted = STILL.copy()
    planted[3] = [size_mm * 0.6, size_mm * 0.3, -size_mm * 0.7, size_mm / 60, -size_mm / 90, size_mm / 80]
    found = estimate_motion(run_of(planted))
    assert found.converged.all()
    assert misplaced(found.matrices, matrix_of(planted, CENTER)).max() < 0.05


def test_drifts_and_spikes_of_brightness_are_no_motion():
    run = run_of(np.zeros((12, 6)))
    gain = np.linspace(0.95, 1.05, 12)
    gain[7] = 1.3
    found = estimate_motion(Loaded(run.data * gain.astype(np.float32), TILT))
    assert misplaced(found.matrices, matrix_of(np.zeros((12, 6)), CENTER)).max() < 0.02
    np.testing.assert_allclose(found.gain / found.gain[0], gain / gain[0], rtol=1e-3)


def test_artifacts_in_a_part_of_the_head_do_not_pull():
    run = run_of(STILL)
    broken = run.data.copy()
    broken[:, 30:, :8, 4] *= 0.4  # lost signal, low in front
    broken[5:12, 5:12, 10:16, 5] += 800
    found = estimate_motion(Loaded(broken, TILT))
    assert misplaced(found.matrices, matrix_of(STILL, CENTER)).max() < 0.05


# Plain least squares: .026 and .045 mm. A wide region at the edge that brightens is not told from motion wholly.
@pytest.mark.parametrize(("sigma_mm", "most_mm", "most_r"), [(8, 0.008, 0.03), (16, 0.03, 0.12)])
def test_activation_of_3_percent_hardly_makes_motion_that_follows_the_task(sigma_mm, most_mm, most_r):
    task = np.tile([0, 0, 0, 1, 1, 1], 8).astype(float)
    planted = wander(len(task), seed=4, size=0.3)

    def response(points: np.ndarray) -> np.ndarray:
        return np.exp(-(((points - [[0], [-45], [10]]) / sigma_mm) ** 2).sum(axis=0) / 2)

    random = np.random.default_rng(5)
    data = np.stack(
        [
            volume(matrix_of(row, CENTER), change=lambda points, on=on: 1 + 0.03 * on * response(points))
            for row, on in zip(planted, task, strict=True)
        ],
        axis=-1,
    )
    found = estimate_motion(Loaded(data + random.normal(0, 10, data.shape), TILT))
    error = found.parameters - planted
    mm = (error - error.mean(axis=0)) * [1, 1, 1, 50, 50, 50]
    effect = mm[task == 1].mean(axis=0) - mm[task == 0].mean(axis=0)
    assert np.abs(effect).max() < most_mm
    for k in range(6):
        r, r_true = np.corrcoef(found.parameters[:, k], task)[0, 1], np.corrcoef(planted[:, k], task)[0, 1]
        assert abs(r - r_true) < most_r


def test_the_same_run_gives_the_same_bits(planted, found):
    again = estimate_motion(run_of(planted))
    assert again.parameters.tobytes() == found.parameters.tobytes()
    assert again.reference.tobytes() == found.reference.tobytes()


def test_a_volume_that_shows_no_head_is_named_and_its_displacement_unknown():
    planted = np.zeros((12, 6))
    data = run_of(planted).data
    data[..., 4] = 500 + np.random.default_rng(1).normal(0, 100, data.shape[:3])
    found = estimate_motion(Loaded(data, TILT))
    assert np.flatnonzero(~found.converged).tolist() == [4]
    assert "1 of 12 volumes (volume 5)" in found.note
    assert np.flatnonzero(np.isnan(found.framewise_displacement)).tolist() == [0, 4, 5]
    assert np.isfinite(found.matrices).all()
    others = found.converged
    assert misplaced(found.matrices[others], matrix_of(planted[others], CENTER)).max() < 0.02


def test_a_run_that_mostly_cannot_be_aligned_is_refused_with_its_volumes():
    data = run_of(np.zeros((8, 6))).data
    data[..., 5:7] = 500 + np.random.default_rng(1).normal(0, 100, (*data.shape[:3], 2))
    with pytest.raises(InputError, match=r"cannot be aligned(.|\n)*volume 6, 7(.|\n)*way out"):
        estimate_motion(Loaded(data, TILT))


def test_all_volumes_with_missing_values_and_empty_ones_are_named_at_once():
    data = run_of(STILL).data
    data[3, 3, 3, 1] = np.nan
    data[:, :, 3, 4] = np.inf
    data[..., 2] = 7
    with pytest.raises(InputError) as refused:
        estimate_motion(Loaded(data, TILT))
    text = str(refused.value)
    assert [f"volume {k} " in text for k in (1, 2, 3, 4, 5, 6)] == [False, True, True, False, True, False]
    assert "is empty" in text
    assert "7 in every voxel" in text
    assert text.count("way out") == 3


@pytest.mark.parametrize(
    ("shape", "problem"),
    [((20, 20, 20), "has 3 dimensions"), ((20, 20, 20, 1), "1 volume"), ((20, 20, 2, 5), "20 × 20 × 2")],
)
def test_what_is_no_run_is_refused_with_the_way_out(shape, problem):
    with pytest.raises(InputError, match=rf"{problem}(.|\n)*way out"):
        estimate_motion(Loaded(np.random.default_rng(1).normal(size=shape), np.diag([4.0, 4, 4, 1])))


def test_a_reference_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match=r"not a volume of this run(.|\n)*0 to 5"):
        estimate_motion(run_of(STILL), MotionSettings(reference=6))


def test_volumes_too_small_for_the_lattice_are_refused():
    with pytest.raises(InputError, match=r"too little structure(.|\n)*way out"):
        estimate_motion(Loaded(np.random.default_rng(1).normal(size=(8, 8, 8, 3)), np.diag([3.0, 3, 3, 1])))
