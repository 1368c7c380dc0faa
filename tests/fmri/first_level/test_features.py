"""Features of clips in the model: what follows luminance is luminance's, and not a condition's."""

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.efficiency import vif
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.features import ClipSeries, feature_regressors
from analysis.fmri.first_level.hrf import hrf
from analysis.fmri.first_level.signal_change import percent, single_clips
from protocols.base.errors import InputError

TIMES = frame_times(160, 2.0)
CONDITIONS = ["live", "ai", "cartoon"]


@pytest.fixture(scope="module")
def events():
    """Thirty clips of 4 s, shown for a little longer or shorter, in three conditions."""
    random = np.random.default_rng(7)
    kinds = random.permutation(CONDITIONS * 10)
    return pd.DataFrame({
        "onset": 6 + np.cumsum(random.uniform(8.5, 10.5, 30)) - 8.5,
        "duration": random.uniform(3.6, 4.4, 30),
        "trial_type": kinds,
        "clip": [f"p{i:02d}_{kind}" for i, kind in enumerate(kinds)],
    })  # fmt: skip


@pytest.fixture(scope="module")
def series(events):
    """Ten frames per second; AI clips are brighter, and every clip flickers in its own way."""
    random = np.random.default_rng(8)
    found = {}
    for clip, kind in zip(events["clip"], events.trial_type, strict=True):
        level = 120 + 40 * (kind == "ai") + random.normal(0, 25)
        luminance = level + np.cumsum(random.normal(0, 6, 40))
        speed = np.concatenate([[np.nan], random.gamma(2.0, size=39)])
        found[clip] = ClipSeries(np.arange(40) / 10, 4.0, {"luminance": luminance, "flow_speed": speed})
    return found


def test_the_regressor_is_the_series_convolved(events, series):
    """Beside a sum over a fine grid."""
    made = feature_regressors(events, series, ["luminance"], TIMES, hrf="glover")
    step = 0.01
    grid = np.arange(0, 360, step) + step / 2
    stimulus, shown = np.zeros(len(grid)), np.zeros(len(grid), bool)
    for row in events.itertuples():
        inside = (grid >= row.onset) & (grid < row.onset + row.duration)
        frame = ((grid[inside] - row.onset) / row.duration * 40).astype(int)
        stimulus[inside] = series[row.clip].values["luminance"][frame]
        shown |= inside
    stimulus[shown] -= stimulus[shown].mean()
    response = hrf(np.arange(0, 32, step) + step / 2, "glover") * step
    # Cells and kernel both stand at their middles, so that the sum belongs to the cell's end.
    expected = np.interp(TIMES, grid + step / 2, np.convolve(stimulus, response)[: len(grid)])
    assert list(made) == ["feature_luminance"]
    assert np.abs(made["feature_luminance"] - expected).max() < 0.01 * np.abs(expected).max()


def test_frames_are_spread_over_the_time_shown(events):
    one = events.iloc[:1]
    short = {one["clip"].iloc[0]: ClipSeries(np.array([0.0, 1.0]), 4.0, {"luminance": np.array([2.0, 0.0])})}
    made = feature_regressors(one.assign(duration=8.0), short, ["luminance"], TIMES, hrf="spm").to_numpy()
    split = design_matrix(
        pd.DataFrame({"onset": one.onset.item() + np.array([0, 2.0]), "duration": [2.0, 6.0], "trial_type": [*"ab"]}),
        TIMES, hrf="spm", highpass_hz=None,
    )  # fmt: skip
    # A quarter of the time at 2, the rest at 0: a mean of one half.
    np.testing.assert_allclose(made[:, 0], 1.5 * split.matrix[:, 0] - 0.5 * split.matrix[:, 1], atol=1e-12)


def test_several_features_are_what_each_is_alone(events, series):
    both = feature_regressors(
        events, series, ["flow_speed", "luminance"], TIMES, hrf="spm + derivative + dispersion"
    )
    assert both.shape == (160, 2)
    for name in ("luminance", "flow_speed"):
        alone = feature_regressors(events, series, [name], TIMES, hrf="spm")
        np.testing.assert_allclose(both[f"feature_{name}"], alone[f"feature_{name}"], atol=1e-9)


def test_a_frame_without_a_value_counts_as_an_average_one(events, series):
    filled = {}
    spread = np.concatenate([[row.duration / 40] * 39 for row in events.itertuples()])
    values = np.concatenate([series[clip].values["flow_speed"][1:] for clip in events["clip"]])
    mean = float(np.average(values, weights=spread))
    for clip, one in series.items():
        filled[clip] = ClipSeries(
            one.times_s, 4.0, {"flow_speed": np.nan_to_num(one.values["flow_speed"], nan=mean)}
        )
    np.testing.assert_allclose(
        feature_regressors(events, series, ["flow_speed"], TIMES, hrf="spm"),
        feature_regressors(events, filled, ["flow_speed"], TIMES, hrf="spm"),
        atol=1e-9,
    )


@pytest.fixture(scope="module")
def models(events, series):
    """A voxel that responds to every clip alike by 1 %, and to luminance; without the feature and with it."""
    features = feature_regressors(events, series, ["luminance", "flow_speed"], TIMES, hrf="spm")
    plain = design_matrix(events, TIMES, hrf="spm", highpass_hz=1 / 128, conditions=CONDITIONS)
    seen = design_matrix(
        events, TIMES, hrf="spm", highpass_hz=1 / 128, conditions=CONDITIONS, confounds=features
    )
    clips = plain.matrix[:, :3].sum(axis=1)
    noise = np.random.default_rng(9).normal(0, 0.4, 160)
    data = (1000 + 10 * clips + 0.2 * features["feature_luminance"].to_numpy() + noise)[None]
    return data, fit(data, plain), fit(data, seen)


def test_an_effect_of_luminance_is_none_of_a_condition(models):
    _, plain, seen = models
    biased, free = (percent(one, "ai - live") for one in (plain, seen))
    assert biased.effect[0, 0] > 0.5
    assert biased.effect[0, 0] > 10 * biased.se[0]
    assert abs(free.effect[0, 0]) < 3 * free.se[0] < 0.15


def test_a_condition_stays_its_response_to_an_average_frame(models):
    _, _, seen = models
    of_all = percent(seen, "(live + ai + cartoon) / 3")
    assert of_all.effect[0, 0] == pytest.approx(1.0, abs=3 * of_all.se[0])


def test_single_clips_know_what_they_showed(models, events, series):
    data, plain, seen = models
    level = np.array([series[clip].values["luminance"].mean() for clip in events["clip"]])

    def follows(model):
        clips = single_clips(data, model)
        return abs(np.corrcoef(clips.value[0], level[clips.events.row])[0, 1])

    assert follows(plain) > 0.8
    assert follows(seen) < 0.4


def test_features_are_covariates(models):
    _, _, seen = models
    kinds = dict(zip(seen.design.names, seen.design.kinds, strict=True))
    assert kinds["feature_luminance"] == kinds["feature_flow_speed"] == "nuisance"
    inflation = vif(seen.design)
    assert list(inflation.index) == CONDITIONS
    assert inflation["ai"] > vif(models[1].design)["ai"]


def test_faults_name_the_clip_and_the_feature(events, series):
    first = events["clip"].iloc[0]
    with pytest.raises(InputError, match=f"clip '{first}'.*has no series of features"):
        feature_regressors(
            events, {k: v for k, v in series.items() if k != first}, ["luminance"], TIMES, hrf="spm"
        )
    with pytest.raises(InputError, match=r"has no series 'luminanse'[\s\S]*did you mean 'luminance'"):
        feature_regressors(events, series, ["luminanse"], TIMES, hrf="spm")
    blank = {**series, first: ClipSeries(np.array([0.0]), 4.0, {"luminance": np.array([np.nan])})}
    with pytest.raises(InputError, match=f"clip '{first}'.*has no value of 'luminance' in any frame"):
        feature_regressors(events, blank, ["luminance"], TIMES, hrf="spm")
    grey = {clip: ClipSeries(np.array([0.0]), 4.0, {"luminance": np.array([3.0])}) for clip in series}
    with pytest.raises(InputError, match=r"luminance.*is the same in all frames"):
        feature_regressors(events, grey, ["luminance"], TIMES, hrf="spm")
    with pytest.raises(InputError, match="does not fit its frames"):
        ClipSeries(np.array([0.0, 1.0]), 1.0, {"luminance": np.zeros(2)})
