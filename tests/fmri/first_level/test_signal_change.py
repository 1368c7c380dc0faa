"""Percent signal change as planted, single clips as by brute force, errors that are right."""

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.hrf import regressors
from analysis.fmri.first_level.nuisance import nuisance
from analysis.fmri.first_level.signal_change import baseline, over_runs, percent, region, single_clips
from protocols.base.errors import InputError

TIMES = frame_times(160, 2.0)
CONDITIONS = ["live", "ai", "cartoon"]
PLANTED = {"live": 0.5, "ai": 0.8, "cartoon": -0.3}


def series(events, level=800.0, planted=PLANTED) -> np.ndarray:
    """A noiseless voxel at rest on `level`, with sustained responses of so many percent, (1, volumes)."""
    change = sum(
        planted[row.trial_type] * regressors([row.onset], [row.duration], TIMES)[:, 0]
        for row in events.itertuples()
    )
    return level * (1 + np.asarray(change)[None] / 100)


@pytest.mark.parametrize("lasting", [0.5, 4.0, 60.0])
@pytest.mark.parametrize("level", [12.0, 800.0, 30000.0])
def test_planted_changes_are_found_at_any_duration_and_level(shown, lasting, level):
    events = shown.assign(duration=lasting)
    if lasting > 30:
        events = events.iloc[[0, 8, 16, 22]].assign(trial_type=["live", "ai", "cartoon", "ai"])
    design = design_matrix(events, TIMES, hrf="spm", highpass_hz=None)
    estimated = fit(series(events, level) + 1e-4 * level * np.random.default_rng(1).normal(size=160), design)
    assert baseline(estimated) == pytest.approx(level, rel=1e-4)
    for condition, change in PLANTED.items():
        found = percent(estimated, condition)
        assert found.effect[0, 0] == pytest.approx(change, abs=max(0.002, 4 * found.se[0]))
        assert found.se[0] < 0.04


@pytest.mark.parametrize("noise", ["ols", "ar1"])
def test_offsets_of_nuisance_and_volumes_set_aside_change_nothing(shown, confounds, noise):
    random = np.random.default_rng(2)
    data = series(shown) + random.normal(0, 0.5, (20, 160))
    signals = nuisance(confounds, ["csf_wm", "motion6"])
    data = data + 0.8 * (signals.csf - signals.csf.mean()).to_numpy()
    set_aside = random.random(160) < 0.1
    data[:, set_aside] *= 1.5

    def estimate(table):
        design = design_matrix(
            shown, TIMES, hrf="spm", highpass_hz=1 / 128, confounds=table, censored=set_aside
        )
        estimated = fit(data, design, noise=noise)
        return percent(estimated, "ai"), baseline(estimated)

    (changes, level), (moved, moved_level) = estimate(signals), estimate(signals + 1e4)
    np.testing.assert_allclose(moved.effect, changes.effect, atol=1e-3)
    np.testing.assert_allclose(moved_level, level, rtol=1e-5)
    assert level == pytest.approx(800, rel=2e-3)
    assert changes.effect.mean() == pytest.approx(0.8, abs=0.02)


def test_t_is_the_same_in_percent(shown, autoregressive):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=0.01)
    estimated = fit(series(shown) + autoregressive(np.random.default_rng(3), (30, 160), 0.3), design)
    np.testing.assert_allclose(
        percent(estimated, "ai - live").statistic, estimated.contrast("ai - live").statistic
    )


def test_a_response_that_comes_late_keeps_its_size_with_derivatives(shown):
    late = shown.assign(onset=shown.onset + 0.5)
    data = series(late)
    sizes = [
        percent(fit(data, design_matrix(shown, TIMES, hrf=hrf, highpass_hz=None)), "ai").effect[0, 0]
        for hrf in ("spm", "spm + derivative")
    ]
    assert abs(sizes[1] - 0.8) < min(0.02, abs(sizes[0] - 0.8))


def test_a_region_is_mean_beta_over_mean_level(shown, autoregressive):
    random = np.random.default_rng(4)
    levels = np.array([[300.0], [900.0], [1500.0]])
    data = levels * (series(shown, 1.0)) + autoregressive(random, (3, 160), 0.0)
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=0.01)
    voxels, whole = fit(data, design, noise="ols"), region(data, design, noise="ols")
    expected = 100 * voxels.contrast("ai").effect.mean() / baseline(voxels).mean()
    assert percent(whole, "ai").effect[0, 0] == pytest.approx(expected, rel=1e-4)


def test_centered_data_have_no_percentage(shown, autoregressive):
    data = autoregressive(np.random.default_rng(5), (4, 160), 0.2)
    data -= data.mean(axis=1, keepdims=True) + 1
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None)
    assert np.isnan(percent(fit(data, design), "ai").effect).all()
    with pytest.raises(
        InputError, match=r"mean level at rest that is not above 0[\s\S]*before any centering"
    ):
        region(data, design)
    with pytest.raises(InputError, match="do not fit the design"):
        region(data[:0], design)


def test_runs_without_a_condition_are_left_out_and_named(shown, autoregressive):
    random = np.random.default_rng(6)
    fits = {}
    for run, level, events in (
        ("run-1", 500.0, shown),
        ("run-2", 5000.0, shown.assign(trial_type=shown.trial_type.to_numpy()[::-1])),
        ("run-3", 500.0, shown[shown.trial_type != "ai"]),
    ):
        design = design_matrix(events, TIMES, hrf="spm", highpass_hz=0.01, conditions=CONDITIONS)
        noise = 0.001 * level * autoregressive(random, (40, 160), 0.3)
        fits[run] = fit(series(events, level) + noise, design)
    found = over_runs(fits, "ai - live")
    assert found.used == ("run-1", "run-2")
    assert "'ai' has no events" in found.left_out["run-3"]
    assert found.contrast.effect.mean() == pytest.approx(0.3, abs=0.02)
    assert over_runs(fits, "cartoon - live").used == ("run-1", "run-2", "run-3")
    with pytest.raises(InputError, match=r"cannot be estimated in any run[\s\S]*run-3"):
        over_runs({"run-3": fits["run-3"]}, "ai - live")
    with pytest.raises(InputError, match="did you mean 'cartoon'"):
        over_runs(fits, "cartoons - live")


def brute_force(y: np.ndarray, design, events: pd.DataFrame, clip: int, rho: float):
    """One clip's own full model, whitened: its coefficient, error and degrees of freedom."""
    others = design.matrix.copy()
    event = events.iloc[clip]
    own = regressors([event.onset], [event.duration], TIMES)[:, 0]
    column = design.names.index(event.trial_type)
    others[:, column] -= own
    if (events.trial_type == event.trial_type).sum() == 1:
        others = np.delete(others, column, axis=1)
    x = np.column_stack([own, others])
    white = np.eye(len(y)) - rho * np.eye(len(y), k=-1)
    inverse = np.linalg.pinv(white @ x)
    beta = inverse @ white @ y
    df = len(y) - x.shape[1]
    residual = white @ (y - x @ beta)
    return beta[0], np.sqrt(residual @ residual / df * (inverse @ inverse.T)[0, 0]), df


@pytest.mark.parametrize("noise", ["ols", "ar1"])
@pytest.mark.parametrize("hrf", ["spm", "spm + derivative"])
def test_single_clips_are_what_a_model_for_each_gives(shown, confounds, autoregressive, noise, hrf):
    events = shown.assign(
        trial_type=np.where(np.arange(30) == 11, "once", shown.trial_type)
    )  # a condition of one clip
    design = design_matrix(
        events,
        TIMES,
        hrf=hrf,
        highpass_hz=1 / 128,
        modulators=["motion_energy"],
        confounds=nuisance(confounds, ["motion6"]),
        censored=np.isin(np.arange(160), [40, 41, 90]),
    )
    random = np.random.default_rng(10)
    data = series(events, planted={**PLANTED, "once": 1.0})
    data = data + 3 * autoregressive(random, (3, 160), np.array([0.0, 0.3, 0.6]))
    estimated = fit(data, design, noise=noise)
    clips = single_clips(data, estimated)
    if hrf != "spm" and noise == "ar1":
        assert len(set(estimated.rho)) > 1
    for voxel in range(3):
        table = clips.table(voxel)
        level = baseline(estimated)[voxel]
        for clip in range(30):
            if hrf != "spm" and table.trial_type[clip] == "once":
                continue  # brute_force would leave a derivative of no condition
            beta, se, df = brute_force(data[voxel], design, clips.events, clip, estimated.rho[voxel])
            assert table.value[clip] == pytest.approx(100 * beta / level, abs=2e-4)
            assert table.se[clip] == pytest.approx(100 * se / level, rel=1e-3)
            assert table.df[clip] == df
    np.testing.assert_allclose(events.onset.iloc[table.row], table.onset)


def test_a_clip_of_which_nothing_was_kept_has_no_value(shown, autoregressive):
    gone = shown.onset.iloc[4]
    set_aside = np.abs(TIMES - gone - 19) < 20
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None, censored=set_aside)
    data = series(shown) + autoregressive(np.random.default_rng(11), (1, 160), 0.2)
    table = single_clips(data, region(data, design)).table().set_index("row")
    assert np.isnan(table.value[4])
    assert np.isnan(table.se[4])
    assert table.value.notna().sum() >= 25


def test_planted_differences_between_clips_are_found(shown, autoregressive):
    random = np.random.default_rng(12)
    truth = random.normal(0.5, 0.5, 30)
    each = [regressors([e.onset], [e.duration], TIMES)[:, 0] for e in shown.itertuples()]
    data = 900 * (1 + truth @ np.array(each) / 100) + 0.3 * autoregressive(random, (1, 160), 0.3)
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=1 / 128)
    table = single_clips(data, region(data, design)).table()
    assert np.corrcoef(table.value, truth[table.row])[0, 1] > 0.9


def test_single_clips_need_the_series_of_their_model(shown):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None)
    data = series(shown) + np.random.default_rng(13).normal(size=(2, 160))
    with pytest.raises(InputError, match="not those of the model"):
        single_clips(data[:1], fit(data, design))


def test_errors_are_right_with_noise_that_has_memory(shown, confounds, autoregressive):
    random = np.random.default_rng(14)
    design = design_matrix(
        shown,
        TIMES,
        hrf="spm",
        highpass_hz=1 / 128,
        confounds=nuisance(confounds, ["motion6"]),
        censored=np.arange(160) % 17 == 3,
    )
    data = series(shown, planted=dict.fromkeys(CONDITIONS, 0.5)) + autoregressive(random, (6000, 160), 0.3)
    estimated = fit(data, design, noise="ar1_unbiased")
    assert estimated.rho.mean() == pytest.approx(0.3, abs=0.01)
    z = percent(estimated, "ai - live").z
    assert z.mean() == pytest.approx(0, abs=0.05)
    assert z.std() == pytest.approx(1, abs=0.035)
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.05, abs=0.01)
    nilearns, ignoring = (fit(data, design, noise=noise).contrast("ai - live").z for noise in ("ar1", "ols"))
    assert z.std() + 0.05 < nilearns.std() < ignoring.std()
    clips = single_clips(data, estimated)
    deviate = (clips.value - 0.5) / clips.se
    assert deviate.std() == pytest.approx(1, abs=0.035)
