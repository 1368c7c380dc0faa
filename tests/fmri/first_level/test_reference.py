"""nilearn as the engine gives what bazin's own gives."""

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.reference import fit_with_nilearn
from analysis.fmri.first_level.signal_change import percent
from protocols.base.errors import InputError


@pytest.fixture(scope="module")
def measured():
    random = np.random.default_rng(5)
    events = pd.DataFrame({"onset": np.arange(6, 170, 12.0), "duration": 4.0})
    events["trial_type"] = np.resize(["live", "ai", "ai"], len(events))
    censored = np.arange(90) % 29 == 7
    design = design_matrix(events, frame_times(90, 2.0), hrf="spm", highpass_hz=0.01, censored=censored)
    noise = np.cumsum(random.normal(size=(40, 90)), axis=1) * 0.3 + random.normal(size=(40, 90))
    data = 1000 + 10 * design.matrix[:, 0] + 6 * noise
    data[3] = 800.0
    return data, design


@pytest.mark.parametrize("noise", ["ar1", "ols"])
def test_both_engines_agree(measured, noise):
    data, design = measured
    ours, theirs = (percent(one(data, design, noise=noise), "live - ai") for one in (fit, fit_with_nilearn))
    assert np.isnan(theirs.statistic[3])
    assert np.isnan(ours.statistic[3])
    for name in ("effect", "se", "statistic"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=2e-4, atol=2e-4)


def test_a_noise_it_does_not_have_is_refused(measured):
    with pytest.raises(InputError, match="not one that nilearn has"):
        fit_with_nilearn(*measured, noise="ar1_unbiased")
