"""The same maps as nilearn's, contrasts in words, and runs combined."""

import warnings

import numpy as np
import pytest
from scipy import stats

from analysis.fmri.first_level.contrasts import NotInThisRun, combine, weights
from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.engine import fit
from analysis.fmri.first_level.nuisance import nuisance
from protocols.base.errors import InputError

TIMES = frame_times(160, 2.0)
CONDITIONS = ["live", "ai", "cartoon"]


@pytest.fixture
def design(shown, confounds):
    return design_matrix(
        shown, TIMES, hrf="spm", highpass_hz=1 / 128, confounds=nuisance(confounds, ["motion6"])
    )


@pytest.fixture
def simulate(autoregressive):
    """A run of voxels that differ in level, drift, response and memory: (voxels, volumes), float32."""

    def make(design, seed: int, n_voxels: int = 4500) -> np.ndarray:
        random = np.random.default_rng(seed)
        beta = random.normal(0, 2, (n_voxels, len(design.names)))
        beta[:, -1] = random.uniform(400, 1500, n_voxels)
        noise = autoregressive(random, (n_voxels, len(design.matrix)), random.uniform(-0.2, 0.7, n_voxels))
        return (beta @ design.matrix.T + 4 * noise).astype(np.float32)

    return make


def beside_nilearn(data, design, noise, contrast):
    """Statistic, effect and variance by nilearn from the same matrix."""
    from nilearn.glm.contrasts import compute_contrast
    from nilearn.glm.first_level import run_glm

    labels, results = run_glm(data.T.astype(float), design.matrix, noise_model=noise)
    rows = weights(contrast, design)
    theirs = compute_contrast(
        labels, results, rows if len(rows) > 1 else rows[0], "F" if len(rows) > 1 else "t"
    )
    return theirs.stat(), theirs.z_score(), theirs


@pytest.mark.parametrize("noise", ["ols", "ar1"])
def test_t_maps_are_nilearns(design, simulate, noise):
    data = simulate(design, 1)
    ours = fit(data, design, noise=noise).contrast("ai - live")
    t, z, theirs = beside_nilearn(data, design, noise, "ai - live")
    assert np.abs(t).max() > 8
    for mine, other in (
        (ours.statistic, t),
        (ours.z, z),
        (ours.effect[0], theirs.effect),
        (ours.covariance[0, 0], theirs.variance),
    ):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)
    assert ours.df == theirs.dof == 160 - 15


@pytest.mark.parametrize("noise", ["ols", "ar1"])
def test_f_maps_are_nilearns(design, simulate, noise):
    data, contrast = simulate(design, 2, 600), ["ai - live", "cartoon - live"]
    ours = fit(data, design, noise=noise).contrast(contrast)
    statistic, z, _ = beside_nilearn(data, design, noise, contrast)
    np.testing.assert_allclose(ours.statistic, statistic, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ours.z, z, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("noise", ["ols", "ar1"])
def test_every_coefficient_is_nilearns_the_level_too(design, simulate, noise):
    from nilearn.glm.first_level import run_glm

    data = simulate(design, 12, 300)
    labels, results = run_glm(data.T.astype(float), design.matrix, noise_model=noise)
    theirs = np.empty((300, len(design.names)))
    for label, result in results.items():
        theirs[labels == label] = result.theta.T
    np.testing.assert_allclose(fit(data, design, noise=noise).beta, theirs, rtol=1e-4, atol=2e-3)


def test_rho_is_nilearns_in_every_voxel(design, simulate):
    from nilearn.glm.first_level import run_glm

    data = simulate(design, 3)
    theirs = run_glm(data.T.astype(float), design.matrix, noise_model="ar1")[0].astype(float)
    np.testing.assert_array_equal(fit(data, design).rho, theirs)


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.3, 0.6])
@pytest.mark.parametrize("share_set_aside", [0.0, 0.3])
def test_unbiased_rho_is_the_true_one_whatever_the_design_takes(
    shown, confounds, autoregressive, rho, share_set_aside
):
    random = np.random.default_rng(5)
    design = design_matrix(
        shown,
        TIMES,
        hrf="spm",
        highpass_hz=1 / 128,
        confounds=nuisance(confounds, ["motion6"]),
        censored=random.random(160) < share_set_aside,
    )
    found = fit(autoregressive(random, (1500, 160), rho), design, noise="ar1_unbiased").rho
    assert np.median(found) == pytest.approx(rho, abs=0.03)


def test_volumes_set_aside_make_no_difference_whatever_is_in_them(shown, simulate):
    set_aside = np.zeros(160, bool)
    set_aside[[0, 30, 31, 77, 159]] = True
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=0.01, censored=set_aside)
    data = simulate(design, 4, 200)
    hit = data.copy()
    hit[:, set_aside] += 300
    for noise in ("ols", "ar1"):
        quiet, loud = (fit(d, design, noise=noise).contrast("ai - live").statistic for d in (data, hit))
        np.testing.assert_allclose(quiet, loud, atol=5e-3)
    left_out = np.linalg.lstsq(
        np.delete(design.matrix[:, design.of_kind("task", "drift", "constant")], set_aside, axis=0),
        np.delete(data, set_aside, axis=1).T.astype(float),
        rcond=None,
    )[0]
    np.testing.assert_allclose(fit(data, design, noise="ols").beta[:, :3], left_out[:3].T, atol=2e-3)


def test_data_are_read_in_batches_of_rows_and_left_as_they_were(design, simulate):
    data = simulate(design, 6, 5000)
    before = data.copy()

    class Reader:
        shape = data.shape
        largest = 0

        def __getitem__(self, rows):
            Reader.largest = max(Reader.largest, rows.stop - rows.start)
            return data[rows]

    from_reader = fit(Reader(), design)
    assert 0 < Reader.largest < 5000
    np.testing.assert_array_equal(from_reader.beta, fit(data, design).beta)
    np.testing.assert_array_equal(data, before)


def test_levels_as_high_as_a_scanner_gives_cost_no_precision(design, simulate):
    data = simulate(design, 7, 300).astype(float)
    low, high = (fit(data + level, design).contrast("ai - live").statistic for level in (0, 20000))
    np.testing.assert_allclose(low, high, atol=0.05)


def test_constant_voxels_have_no_estimates_and_touch_no_others(design, simulate):
    data = simulate(design, 8, 50)
    data[[3, 9]] = [[0.0], [731.3]]
    estimated = fit(data, design)
    np.testing.assert_array_equal(np.flatnonzero(~estimated.usable), [3, 9])
    for contrast in ("ai - live", ["ai", "live"]):
        statistic = estimated.contrast(contrast).statistic
        np.testing.assert_array_equal(np.flatnonzero(~np.isfinite(statistic)), [3, 9])


def test_two_runs_are_combined_as_nilearn_combines_them(shown, confounds, autoregressive):
    import nibabel
    from nilearn.glm.first_level import FirstLevelModel

    random = np.random.default_rng(9)
    swapped = shown.assign(trial_type=np.roll(shown.trial_type, 1))
    designs = [
        design_matrix(events, TIMES, hrf="spm", highpass_hz=1 / 128, confounds=nuisance(confounds, sets))
        for events, sets in ((shown, ["motion6"]), (swapped, ["csf_wm"]))
    ]
    shape, images, ours = (6, 6, 5), [], []
    for design in designs:
        noise = autoregressive(random, (180, 160), random.uniform(0, 0.6, 180))
        beta = random.normal(0, 2, (180, 3))
        data = (700 + beta @ design.matrix[:, :3].T + 5 * noise).astype(np.float32)
        images.append(nibabel.Nifti1Image(data.reshape(*shape, 160), np.diag([3.0, 3, 3, 1])))
        ours.append(fit(data, design))
    mask = nibabel.Nifti1Image(np.ones(shape, np.uint8), images[0].affine)
    for noise in ("ols", "ar1"):
        model = FirstLevelModel(
            mask_img=mask, noise_model=noise, signal_scaling=False, standardize=False, minimize_memory=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(images, design_matrices=[design.frame() for design in designs])
            theirs = model.compute_contrast(
                [weights("ai - live", design)[0] for design in designs], output_type="all"
            )
        runs = [
            fit(image.get_fdata().reshape(180, 160), d, noise=noise)
            for image, d in zip(images, designs, strict=True)
        ]
        combined = combine([run.contrast("ai - live") for run in runs])
        for name, value in (
            ("stat", combined.statistic),
            ("z_score", combined.z),
            ("effect_size", combined.effect[0]),
            ("effect_variance", combined.covariance[0, 0]),
        ):
            np.testing.assert_allclose(value, np.asarray(theirs[name].dataobj).ravel(), rtol=1e-3, atol=1e-3)
        assert combined.df == sum(design.df for design in designs)


def test_f_over_runs_uses_the_covariance_of_the_mean_effects(design, simulate):
    runs = [fit(simulate(design, seed, 5), design).contrast(["ai - live", "cartoon"]) for seed in (1, 2)]
    combined = combine(runs)
    effect = (runs[0].effect + runs[1].effect) / 2
    covariance = (runs[0].covariance + runs[1].covariance) / 4
    by_hand = [effect[:, v] @ np.linalg.solve(covariance[:, :, v], effect[:, v]) / 2 for v in range(5)]
    np.testing.assert_allclose(combined.statistic, by_hand)
    p = stats.f.sf(combined.statistic, 2, combined.df)
    np.testing.assert_allclose(stats.norm.sf(combined.z), p, rtol=1e-6)


WORDS = {
    "ai": [0, 1, 0],
    "ai - live": [-1, 1, 0],
    "(ai + cartoon) / 2 - live": [-1, 0.5, 0.5],
    "0.25*ai + -live*2": [-2, 0.25, 0],
    " ( ai ) ": [0, 1, 0],
}


@pytest.mark.parametrize("words", WORDS)
def test_contrasts_are_written_as_sums_of_conditions(shown, words):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None, conditions=CONDITIONS)
    np.testing.assert_allclose(weights(words, design)[0, :3], WORDS[words])


def test_conditions_may_have_any_name(shown):
    odd = shown.replace({"trial_type": {"live": "live-action", "ai": "live", "cartoon": "2D cartoon"}})
    design = design_matrix(odd, TIMES, hrf="spm", highpass_hz=None)
    row = dict(zip(design.names, weights("live-action - live - 2*2D cartoon", design)[0], strict=True))
    assert row == {"2D cartoon": -2, "live": -1, "live-action": 1, "constant": 0}


BAD_CONTRASTS = {
    "names 'ia'[\\s\\S]*did you mean 'ai'": "ia - live",
    "cannot be read": "ai - ",
    "not a sum": "ai ** 2",
    "is not a sum": "__import__('os').getcwd()",
    "multiplies conditions": "ai * live",
    "adds a number": "ai + 1",
    "divides by": "1 / ai",
    "names no condition": "3 - 2",
    "is zero": "ai - ai",
    "one finite weight per column[\\s\\S]*ai": [1.0, 0.0],
    "zero or made of each other": ["ai - live", "live - ai"],
}


@pytest.mark.parametrize("problem", BAD_CONTRASTS)
def test_contrasts_that_mean_nothing_are_refused(design, problem):
    with pytest.raises(InputError, match=problem):
        weights(BAD_CONTRASTS[problem], design)


def test_a_contrast_with_an_absent_condition_says_why(shown):
    design = design_matrix(
        shown[shown.trial_type != "ai"], TIMES, hrf="spm", highpass_hz=None, conditions=CONDITIONS
    )
    with pytest.raises(NotInThisRun, match=r"'ai' has no events[\s\S]*conditions here: live, cartoon"):
        weights("ai - live", design)


def test_weights_on_volumes_set_aside_are_refused(shown):
    design = design_matrix(shown, TIMES, hrf="spm", highpass_hz=None, censored=np.arange(160) == 9)
    with pytest.raises(InputError, match="volumes that were set aside"):
        weights(np.ones(len(design.names)), design)


def test_data_that_do_not_fit_are_refused(design):
    data = np.random.default_rng(1).normal(size=(5, 160))
    with pytest.raises(InputError, match=r"do not fit the design[\s\S]*160 volumes"):
        fit(data[:, :150], design)
    with pytest.raises(InputError, match=r"not a model[\s\S]*ar1, ar1_unbiased, ols"):
        fit(data, design, noise="ar2")
    data[2, 17] = np.nan
    with pytest.raises(InputError, match=r"not finite[\s\S]*voxels 2 in volumes 18"):
        fit(data, design)


def test_runs_over_different_voxels_are_not_combined(design, simulate):
    runs = [fit(simulate(design, 1, n), design).contrast("ai") for n in (5, 6)]
    with pytest.raises(InputError, match="same voxels"):
        combine(runs)
    with pytest.raises(InputError, match="no run"):
        combine([])
