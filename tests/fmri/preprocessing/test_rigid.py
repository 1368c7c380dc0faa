import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from analysis.fmri.preprocessing.rigid import (
    PARAMETERS,
    compose,
    framewise_displacement,
    grid_center,
    inverse,
    matrix_of,
    parameters_of,
)

CENTER = np.array([3.0, -17.0, 21.0])
SOME = np.random.default_rng(1).uniform(-0.5, 0.5, (20, 6)) * [20, 20, 20, 1, 1, 1]


def test_the_columns_are_those_of_fmriprep():
    assert PARAMETERS == ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def test_parameters_come_back_from_their_matrices():
    np.testing.assert_allclose(parameters_of(matrix_of(SOME, CENTER), CENTER), SOME, atol=1e-12)
    np.testing.assert_allclose(parameters_of(matrix_of(SOME[0], CENTER), CENTER), SOME[0], atol=1e-12)


def test_the_head_turns_about_x_then_y_then_z_as_scipy_does():
    np.testing.assert_allclose(
        matrix_of(SOME, CENTER)[:, :3, :3], Rotation.from_euler("xyz", SOME[:, 3:]).as_matrix(), atol=1e-14
    )


def test_a_head_one_millimeter_up_is_a_trans_z_of_one():
    point = np.array([10.0, 20.0, 30.0, 1.0])
    np.testing.assert_allclose(matrix_of([0, 0, 1, 0, 0, 0], CENTER) @ point, [10, 20, 31, 1])


def test_the_center_stays_where_it_is_when_the_head_only_turns():
    turned = matrix_of([0, 0, 0, 0.2, -0.1, 0.3], CENTER)
    np.testing.assert_allclose(turned @ [*CENTER, 1], [*CENTER, 1])


def test_looking_to_the_left_is_a_positive_turn_about_z():
    nose = CENTER + np.array([0, 90, 0])
    moved = matrix_of([0, 0, 0, 0, 0, 0.1], CENTER) @ [*nose, 1]
    assert moved[0] < nose[0]  # RAS+: left is negative


def test_the_center_of_a_grid_lies_between_its_outermost_voxels():
    affine = np.array([[-3.0, 0, 0, 90], [0, 3, 0, -120], [0, 0, 4, -50], [0, 0, 0, 1]])
    np.testing.assert_allclose(grid_center((61, 81, 31), affine), [0, 0, 10])


def test_a_matrix_and_its_inverse_cancel():
    matrices = matrix_of(SOME, CENTER)
    np.testing.assert_allclose(inverse(matrices), np.linalg.inv(matrices), atol=1e-12)
    np.testing.assert_allclose(
        compose(matrices, inverse(matrices)), np.broadcast_to(np.eye(4), (20, 4, 4)), atol=1e-12
    )


def test_composed_matrices_apply_in_the_order_given():
    turn, shift = matrix_of([0, 0, 0, 0, 0, np.pi / 2], [0, 0, 0]), matrix_of([1, 0, 0, 0, 0, 0], [0, 0, 0])
    np.testing.assert_allclose(compose(turn, shift) @ [1, 0, 0, 1], [1, 1, 0, 1], atol=1e-15)
    np.testing.assert_allclose(compose(shift, turn) @ [1, 0, 0, 1], [0, 2, 0, 1], atol=1e-15)


def test_framewise_displacement_adds_up_as_by_hand():
    parameters = np.zeros((4, 6))
    parameters[1] = [0.1, -0.2, 0.3, 0, 0, 0]
    parameters[2] = [0.1, -0.2, 0.3, 0.01, -0.002, 0]
    parameters[3] = [0.0, 0.0, 0.3, 0.01, -0.002, 0.004]
    distance = framewise_displacement(parameters)
    assert np.isnan(distance[0])
    np.testing.assert_allclose(distance[1:], [0.6, 0.6, 0.5])


@pytest.mark.parametrize("sign", [1, -1])
def test_framewise_displacement_is_the_same_for_the_correction(sign):
    np.testing.assert_allclose(framewise_displacement(sign * SOME), framewise_displacement(SOME))
