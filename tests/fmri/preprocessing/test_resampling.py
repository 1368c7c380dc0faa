import numpy as np
import pytest

from analysis.fmri.preprocessing.resampling import Grid, Loaded, resample
from analysis.fmri.preprocessing.rigid import compose, inverse, matrix_of
from protocols.base.errors import InputError
from tests.fmri.preprocessing.moving_head import CENTER, GRID, TILT, head, run_of, wander

FINE = Grid((30, 36, 20), np.array([[3.0, 0, 0, 0], [0, 3, 0, -114], [0, 0, 3, 52], [0, 0, 0, 1]]))
PLANTED = wander(3, seed=6) + np.array([1.3, -0.7, 0.9, 0.02, 0.03, -0.01])
MOTION = matrix_of(PLANTED, CENTER)
ONWARD = matrix_of([4.0, -3, 2, 0.1, -0.05, 0.08], CENTER) @ np.diag([1.04, 0.97, 1.02, 1])


def seen_through(points: np.ndarray, sharp: float = 1.0) -> np.ndarray:
    """The head in its reference pose, at world points (3, n)."""
    return head(points - CENTER[:, None], sharp=sharp)


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    return matrix[:3, :3] @ points + matrix[:3, 3:]


@pytest.fixture(scope="module")
def run() -> Loaded:
    return run_of(PLANTED, noise=0)


def test_motion_and_affine_together_give_what_is_really_there(run):
    expected = seen_through(moved(ONWARD, FINE.points())).reshape(FINE.shape)
    for values, inside in resample(run, MOTION, FINE, to_reference=ONWARD):
        assert values.dtype == np.float32
        error = np.abs(values - expected)[inside]
        assert inside.mean() > 0.9
        assert error.mean() < 2
        assert error.max() < 25  # of 1000


def test_a_displacement_field_comes_before_the_affine_step(run):
    points = FINE.points()
    warped = points + 4 * np.sin(points[[1, 2, 0]] / 25)
    field = np.moveaxis(warped.reshape(3, *FINE.shape), 0, -1)
    expected = seen_through(moved(ONWARD, warped)).reshape(FINE.shape)
    for values, inside in resample(run, MOTION, FINE, to_reference=ONWARD, coordinates=field):
        assert np.abs(values - expected)[inside].mean() < 2


def test_one_interpolation_is_sharper_and_truer_than_two():
    fine = run_of(PLANTED, noise=0, sharp=2.0)
    expected = seen_through(moved(ONWARD, FINE.points()), 2.0).reshape(FINE.shape)
    once = next(iter(resample(fine, MOTION, FINE, to_reference=ONWARD)))[0]
    aligned = np.stack([values for values, _ in resample(fine, MOTION, GRID)], axis=-1)
    still = np.broadcast_to(np.eye(4), (3, 4, 4))
    twice = next(iter(resample(Loaded(aligned, TILT), still, FINE, to_reference=ONWARD)))[0]
    inner = (slice(5, -5),) * 3
    assert np.abs(once - expected)[inner].mean() < 0.8 * np.abs(twice - expected)[inner].mean()

    noise = Loaded(np.random.default_rng(1).normal(size=(*GRID.shape, 3)).astype(np.float32), TILT)
    once = next(iter(resample(noise, MOTION, FINE, to_reference=ONWARD)))[0]
    aligned = np.stack([values for values, _ in resample(noise, MOTION, GRID)], axis=-1)
    twice = next(iter(resample(Loaded(aligned, TILT), still, FINE, to_reference=ONWARD)))[0]
    assert once[inner].std() > 1.05 * twice[inner].std()  # what is lost of the finest detail


def test_without_any_transform_the_volumes_come_back_as_they_are(run):
    still = np.broadcast_to(np.eye(4), (3, 4, 4))
    for index, (values, inside) in enumerate(resample(run, still, GRID)):
        assert inside.all()  # the outermost voxels too
        np.testing.assert_allclose(values, run.volume(index), atol=0.01)


def test_what_lies_outside_the_field_of_view_is_zero_and_masked(run):
    slices = np.eye(4)
    slices[2, 3] = 2.5
    up = compose(np.linalg.inv(TILT), slices, TILT)  # two and a half slices, along the tilted axis
    values, inside = next(iter(resample(run, np.stack([up] * 3), GRID)))
    assert inside[:, :, :-3].all()
    assert not inside[:, :, -3:].any()
    assert np.all(values[~inside] == 0)


def test_undershoot_beside_an_edge_is_kept():
    data = np.zeros((12, 12, 12, 2), np.float32)
    data[6:] = 100
    shift = np.stack([matrix_of([0.5, 0, 0, 0, 0, 0], [0, 0, 0])] * 2)
    values, _ = next(iter(resample(Loaded(data, np.eye(4)), shift, Grid((12, 12, 12), np.eye(4)))))
    assert values.min() < -3
    assert values.max() > 103


def test_volumes_are_read_one_at_a_time_when_they_are_asked_for(run):
    read = []

    class Watched:
        shape, affine, n_volumes = run.shape, run.affine, run.n_volumes

        def volume(self, index: int) -> np.ndarray:
            read.append(index)
            return run.volume(index)

    stream = resample(Watched(), MOTION, FINE)
    assert read == []
    next(stream)
    assert read == [0]
    next(stream)
    assert read == [0, 1]


def test_the_inverse_motion_makes_it_worse(run):
    expected = seen_through(FINE.points()).reshape(FINE.shape)
    right = next(iter(resample(run, MOTION, FINE)))[0]
    wrong = next(iter(resample(run, inverse(MOTION), FINE)))[0]
    assert np.abs(right - expected).mean() < 0.1 * np.abs(wrong - expected).mean()


@pytest.mark.parametrize(
    ("motion", "how", "problem"),
    [
        (MOTION[:2], {}, "3 volumes"),
        (np.full((3, 4, 4), np.nan), {}, "unknown for some volumes"),
        (MOTION, {"to_reference": np.eye(3)}, "to_reference"),
        (MOTION, {"to_reference": np.full((4, 4), np.nan)}, "to_reference"),
        (MOTION, {"coordinates": np.zeros((3, 30, 36, 20))}, "coordinates"),
    ],
)
def test_transforms_that_do_not_fit_are_refused_before_anything_is_read(run, motion, how, problem):
    with pytest.raises(InputError, match=rf"{problem}(.|\n)*way out"):
        resample(run, motion, FINE, **how)


def test_a_volume_with_missing_values_is_named(run):
    data = run.data.copy()
    data[4, 4, 4, 1] = np.nan
    stream = resample(Loaded(data, TILT), MOTION, FINE)
    next(stream)
    with pytest.raises(InputError, match="volume 2 has values that are not numbers"):
        next(stream)


def test_places_the_field_does_not_define_are_outside(run):
    field = np.moveaxis(FINE.points().reshape(3, *FINE.shape), 0, -1).copy()
    field[:4] = np.nan
    values, inside = next(iter(resample(run, MOTION, FINE, coordinates=field)))
    assert not inside[:4].any()
    assert np.all(values[:4] == 0)
    whole, all_inside = next(iter(resample(run, MOTION, FINE)))
    np.testing.assert_allclose(values[4:], whole[4:], rtol=1e-6, atol=1e-3)
    assert (inside[4:] == all_inside[4:]).all()
