"""Responses of unit area, beside nilearn's."""

import numpy as np
import pytest

from analysis.fmri.first_level.hrf import HRFS, column_endings, hrf, regressors
from protocols.base.errors import InputError

SHAPES = ("spm", "glover")


@pytest.mark.parametrize("model", SHAPES)
def test_the_response_has_unit_area_begins_with_the_event_and_ends_after_32_s(model):
    times = np.linspace(-5, 40, 45001)
    response = hrf(times, model)
    assert np.trapezoid(response, times) == pytest.approx(1, abs=1e-5)
    assert not response[times <= 0].any()
    assert not response[times > 32].any()


@pytest.mark.parametrize(("model", "peak"), [("spm", 5.0), ("glover", 5.1)])
def test_the_response_peaks_where_its_parameters_say(model, peak):
    times = np.linspace(0, 32, 32001)
    assert times[np.argmax(hrf(times, model))] == pytest.approx(peak, abs=0.1)


@pytest.mark.parametrize("model", SHAPES)
@pytest.mark.parametrize("tr", [0.72, 2.0])
def test_a_long_boxcar_reaches_height_one_at_any_repetition_time(model, tr):
    column = regressors([10.0], [80.0], np.arange(0, 120, tr) + tr / 2, hrf=model)[:, 0]
    times = np.arange(0, 120, tr) + tr / 2
    assert column[(times > 43) & (times < 90)] == pytest.approx(1, abs=1e-9)
    assert column[times < 10] == pytest.approx(0, abs=1e-12)
    assert column[times > 123] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("model", [name for name in HRFS if "derivative" in name])
def test_derivatives_say_nothing_of_a_sustained_response(model):
    columns = regressors([10.0], [80.0], np.arange(43.0, 90.0), hrf=model)
    assert columns[:, 0] == pytest.approx(1)
    assert columns[:, 1:] == pytest.approx(0, abs=1e-9)


def test_the_time_derivative_is_the_slope_of_the_response():
    times = np.linspace(0, 60, 601)
    column, slope = regressors([3.0], [4.0], times, hrf="spm + derivative").T
    moved = regressors([3.05], [4.0], times, hrf="spm")[:, 0]  # the middle of the step of 0.1 s
    assert slope == pytest.approx(np.gradient(moved, times), abs=1e-3)
    assert np.abs(column).max() > 0.5


@pytest.mark.parametrize("model", HRFS)
def test_columns_are_what_nilearn_comes_to_as_its_grid_becomes_finer(model):
    from nilearn.glm.first_level.hemodynamic_models import compute_regressor, orthogonalize

    random = np.random.default_rng(1)
    onsets, frame_times = np.cumsum(random.uniform(6, 14, 20)), np.arange(130) * 2 + 1.0
    durations, heights = random.uniform(2, 7, 20), random.normal(size=20)
    ours = orthogonalize(regressors(onsets, durations, frame_times, hrf=model, amplitudes=heights))
    events = (onsets, durations, heights)
    errors = [
        np.abs(ours - compute_regressor(events, model, frame_times, oversampling=fine)[0]).max()
        for fine in (50, 1000)
    ]
    assert errors[0] < 0.04
    assert errors[1] < 0.002


def test_durations_count_to_the_millisecond():
    frame_times = np.arange(0, 40, 2.0)
    short, long = (regressors([0.0], [d], frame_times)[:, 0].sum() for d in (4.000, 4.004))
    assert long / short == pytest.approx(1.001, abs=1e-5)


def test_names_follow_nilearn():
    assert column_endings("glover") == ("",)
    assert column_endings("spm + derivative + dispersion") == ("", "_derivative", "_dispersion")


def test_an_unknown_response_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match=r"not a response[\s\S]*spm \+ derivative[\s\S]*did you mean"):
        hrf([0.0], "spm + derivate")
