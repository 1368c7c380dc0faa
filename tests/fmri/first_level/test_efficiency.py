"""What a design promises before there are data."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.outliers_influence import variance_inflation_factor

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.efficiency import (
    refuse_inseparable_clips,
    shortest_gap,
    single_clip_variance,
    vif,
)
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.signal_change import baseline, single_clips
from protocols.base.errors import InputError

TIMES = frame_times(160, 2.0)


def test_variance_inflation_is_statsmodels(shown, confounds):
    design = design_matrix(
        shown,
        TIMES,
        hrf="spm + derivative",
        highpass_hz=1 / 128,
        confounds=confounds[["csf", "rot_x"]],
        censored=np.isin(np.arange(160), [5, 60, 61]),
    )
    matrix = design.matrix[design.kept][:, design.of_kind("task", "nuisance", "drift", "constant")]
    expected = [variance_inflation_factor(matrix, k) for k in range(6)]
    np.testing.assert_allclose(vif(design), expected)
    assert list(vif(design).index) == list(design.names[:6])


def test_the_variance_of_a_clip_is_what_its_estimate_has(shown, autoregressive):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=1 / 128)
    data = 500 + autoregressive(np.random.default_rng(1), (1, 160), 0.4)
    estimated = fit(data, design)
    rho = float(estimated.rho[0])
    se = single_clips(data, estimated).se[0] * baseline(estimated)[0] / 100
    promised = single_clip_variance(design, rho)
    assert len(promised) == 30
    np.testing.assert_allclose(se**2 / promised.variance, estimated.sigma2[0], rtol=0.1)


def test_clips_apart_and_mixed_pass(shown):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=1 / 128)
    ends = (shown.onset + shown.duration).to_numpy()
    assert shortest_gap(design) == pytest.approx((shown.onset.to_numpy()[1:] - ends[:-1]).min())
    assert shortest_gap(design) > 4
    refuse_inseparable_clips(design)


def test_clips_within_four_seconds_are_refused(shown):
    close = shown.assign(duration=shown.duration + 2)
    with pytest.raises(InputError, match=r"too close[\s\S]*at least 4 s[\s\S]*one value per condition"):
        refuse_inseparable_clips(design_matrix(close, TIMES, hrf="spm", highpass_hz=1 / 128))


def test_a_condition_that_something_else_goes_along_with_is_refused_by_name(shown):
    alone = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None)
    along = alone.frame().live + np.random.default_rng(2).normal(0, 0.1, 160)
    design = design_matrix(
        shown, TIMES, hrf="spm", highpass_hz=1 / 128, confounds=pd.DataFrame({"moved_at_live": along})
    )
    with pytest.raises(InputError, match=r"told apart[\s\S]*VIF live \d[\d.]*\n[\s\S]*at most 5"):
        refuse_inseparable_clips(design)


def test_a_single_clip_has_no_gap(shown):
    assert shortest_gap(design_matrix(shown.iloc[:1], TIMES, hrf="spm", highpass_hz=None)) == np.inf


def test_what_stands_between_clips_is_no_clip(shown):
    stars = shown.iloc[::6].assign(trial_type="star", duration=1.0)
    stars["onset"] = stars.onset + shown.iloc[::6].duration + 0.5
    design = design_matrix(pd.concat([shown, stars]), TIMES, hrf="spm", highpass_hz=1 / 128)
    clips = ["live", "ai", "cartoon"]
    assert shortest_gap(design) == pytest.approx(0.5)
    assert shortest_gap(design, clips) > 4
    refuse_inseparable_clips(design, clips)
    with pytest.raises(InputError, match="too close"):
        refuse_inseparable_clips(design)


def test_a_gap_may_fall_short_by_rounding_and_by_what_is_allowed():
    onsets = np.cumsum(np.full(30, 8.1))
    kinds = np.random.default_rng(3).permutation(["live", "ai", "cartoon"] * 10)

    def design(lasting):
        events = pd.DataFrame({"onset": onsets, "duration": lasting, "trial_type": kinds})
        return design_matrix(events, TIMES, hrf="spm", highpass_hz=1 / 128)

    assert shortest_gap(design(4.1)) != 4
    refuse_inseparable_clips(design(4.1))
    refuse_inseparable_clips(design(4.13), slack_s=0.05)
    for lasting, slack in ((4.13, {}), (4.16, {"slack_s": 0.05})):
        with pytest.raises(InputError, match="too close"):
            refuse_inseparable_clips(design(lasting), **slack)
