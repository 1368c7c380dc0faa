"""Nuisance series: fMRIPrep's names and definitions, checked by hand, by loops and by what was planted."""

import numpy as np
import pandas as pd
import pytest

from analysis.fmri.preprocessing import confounds
from analysis.fmri.preprocessing.confounds import (
    MOTION,
    components,
    confounds_table,
    cosines,
    dvars,
    expanded,
    outliers,
    settling,
    tsnr,
)
from protocols.base.errors import InputError

N, TR = 120, 2.0


@pytest.fixture(scope="module")
def brain():
    """Voxels with a mean, autocorrelated noise and a slow drift."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((400, N))
    for t in range(1, N):
        noise[:, t] += 0.4 * noise[:, t - 1]
    drift = np.cos(np.pi * (np.arange(N) + 0.5) / N)
    return 800 + 12 * noise + 30 * rng.standard_normal((400, 1)) * drift + 100 * rng.random((400, 1))


def motion(rng=None):
    values = np.zeros((N, 6)) if rng is None else np.cumsum(rng.normal(0, 0.01, (N, 6)), axis=0)
    return pd.DataFrame(values, columns=list(MOTION))


def dvars_by_loops(data):
    """The definition, voxel by voxel and volume by volume."""
    data = data * 1000 / np.median(data)
    plain, expected = [], []
    for t in range(1, data.shape[1]):
        plain.append(np.sqrt(np.mean([(series[t] - series[t - 1]) ** 2 for series in data])))
    for series in data:
        ordered = np.sort(series)
        last = len(series) - 1
        spread = (ordered[int(0.75 * last)] - ordered[int(0.25 * last)]) / 1.349
        centered = series - series.mean()
        rho = sum(centered[1:] * centered[:-1]) / sum(centered**2)
        expected.append(np.sqrt(2 * (1 - rho)) * spread)
    return np.array(plain), np.array(plain) / np.mean(expected)


def test_dvars_is_what_its_definition_says(brain):
    plain, standardized = dvars(brain)
    by_hand = dvars_by_loops(brain[:60])
    ours = dvars(brain[:60])
    assert np.isnan([plain[0], standardized[0]]).all()
    for found, expected in zip(ours, by_hand, strict=True):
        assert found[1:] == pytest.approx(expected, rel=1e-4)


def test_noise_alone_has_a_standardized_dvars_of_about_1_and_a_jump_stands_out(brain):
    noise = brain - brain.mean(axis=1, keepdims=True)
    basis, _ = np.linalg.qr(np.column_stack([np.ones(N), cosines(N, TR)]))
    still = 1000 + noise - noise @ basis @ basis.T
    assert np.nanmean(dvars(still)[1]) == pytest.approx(1, abs=0.06)
    jump = still.copy()
    jump[:, 70:] += 40
    standardized = dvars(jump)[1]
    assert np.nanargmax(standardized) == 70
    assert standardized[70] > 2


def test_dvars_does_not_depend_on_the_scanners_units_and_ignores_voxels_without_signal(brain):
    assert dvars(brain * 7.3)[0][1:] == pytest.approx(dvars(brain)[0][1:], rel=1e-4)
    with_constants = np.concatenate([brain, np.full((30, N), 850.0)])
    assert dvars(with_constants)[1][1:] == pytest.approx(dvars(brain)[1][1:], rel=1e-3)


def test_a_run_of_one_repeated_volume_is_refused():
    with pytest.raises(InputError, match="does not change over time"):
        dvars(np.full((10, N), 800.0))


def test_cosines_are_those_of_nilearn():
    first_level = pytest.importorskip("nilearn.glm.first_level", reason="the extra 'fmri' is not installed")
    theirs = first_level.make_first_level_design_matrix(
        np.arange(N) * TR, None, drift_model="cosine", high_pass=1 / 128
    )
    theirs = theirs.filter(like="drift").to_numpy()
    ours = cosines(N, TR)
    assert ours.shape == theirs.shape == (N, 3)
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert cosines(20, 1.0).shape == (20, 0)  # shorter than half a period


def test_expansion_gives_24_motion_columns_under_fmriprep_names():
    series = np.array([1.0, 3.0, 2.0])
    table = expanded({"trans_x": series})
    assert list(table) == ["trans_x", "trans_x_derivative1", "trans_x_power2", "trans_x_derivative1_power2"]
    assert table["trans_x_derivative1"][1:].tolist() == [2, -1]
    assert np.isnan(table["trans_x_derivative1"][0])
    assert table["trans_x_power2"].tolist() == [1, 9, 4]
    assert table["trans_x_derivative1_power2"][1:].tolist() == [4, 1]
    assert len(expanded(dict.fromkeys(MOTION, series))) == 24


def test_a_planted_fluctuation_of_a_tissue_is_its_first_component():
    rng = np.random.default_rng(5)
    breath = np.sin(np.arange(N) * 1.3)
    tissue = 500 + 10 * rng.standard_normal((300, N)) + 8 * rng.random((300, 1)) * breath
    found = components(tissue, cosines(N, TR))
    assert found.series.shape == (N, 5)
    assert abs(np.corrcoef(found.series[:, 0], breath)[0, 1]) > 0.97
    assert found.series.T @ found.series == pytest.approx(np.eye(5), abs=1e-8)
    assert (np.diff(found.explained) <= 0).all()
    assert found.explained.sum() < 1
    assert found.series.T @ cosines(N, TR) == pytest.approx(np.zeros((5, 3)), abs=1e-8)


def test_components_equal_those_of_a_singular_value_decomposition():
    rng = np.random.default_rng(6)
    tissue = 100 + rng.standard_normal((80, 40))
    found = components(tissue, np.empty((40, 0)), 3)
    centered = tissue - tissue.mean(axis=1, keepdims=True)
    _, values, vectors = np.linalg.svd(centered / centered.std(axis=1, keepdims=True), full_matrices=False)
    assert found.singular_values == pytest.approx(values[:3])
    assert np.abs((found.series * vectors[:3].T).sum(axis=0)) == pytest.approx(np.ones(3))


def test_a_small_tissue_gives_fewer_components_and_a_dead_one_is_refused():
    rng = np.random.default_rng(7)
    assert components(100 + rng.standard_normal((2, N)), cosines(N, TR)).series.shape == (N, 2)
    with pytest.raises(InputError, match="no voxel that changes over time"):
        components(np.full((5, N), 3.0), cosines(N, TR))


def test_outliers_get_a_column_each():
    found = outliers(np.array([np.nan, 0.1, 0.9, 0.1]), np.array([np.nan, 1.0, 1.1, 1.8]))
    assert found.T.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_a_volume_whose_motion_could_not_be_estimated_is_an_outlier():
    found = outliers(np.array([np.nan, 0.1, np.nan, np.nan]), np.array([np.nan, 1.0, 1.0, 1.0]))
    assert found.T.tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_tsnr_is_the_mean_over_the_sd_without_drift():
    rng = np.random.default_rng(8)
    noise = rng.normal(0, 10, (500, N))
    drift = cosines(N, TR)
    drifting = 1000 + noise + 200 * drift[:, :1].T
    assert np.median(tsnr(drifting, drift)) == pytest.approx(100, rel=0.03)
    assert tsnr(np.full((1, N), 5.0), drift).tolist() == [0]


def test_tsnr_does_not_depend_on_how_many_voxels_are_taken_at_once(brain, monkeypatch):
    whole = tsnr(brain, cosines(N, TR))
    monkeypatch.setattr(confounds, "_BATCH", 30)
    assert tsnr(brain, cosines(N, TR)) == pytest.approx(whole, rel=1e-9)


def test_bright_volumes_at_the_beginning_are_counted_until_the_first_that_is_not():
    rng = np.random.default_rng(5)
    signal = 1000 + rng.normal(0, 2, N) - 10 * np.linspace(0, 1, N)
    assert settling(signal) == 0
    bright = signal.copy()
    bright[:3] += (300, 80, 25)
    assert settling(bright) == 3
    bright[60] += 300  # later on it is something else
    bright[1] = 1000
    assert settling(bright) == 1
    dark = signal.copy()
    dark[0] -= 300
    assert settling(dark) == 0
    assert settling(np.full(N, 7.0)) == 0
    wandering = [1000 + np.cumsum(rng.normal(0, 0.7, N)) for _ in range(200)]  # half a percent in 50 volumes
    assert not any(settling(one) for one in wandering)


def test_components_know_nothing_of_volumes_before_the_steady_state(brain):
    tissues = {"csf": brain[:60], "white_matter": brain[60:160]}
    fd = np.r_[np.nan, np.full(N - 1, 0.1)]
    early = brain.copy()
    early[:, :2] *= (1.4, 1.2)
    bright = {"csf": early[:60], "white_matter": early[60:160]}
    table, _ = confounds_table(motion(), fd, early, bright, TR)
    assert [name for name in table if name.startswith("non_steady")] == [
        "non_steady_state_outlier00",
        "non_steady_state_outlier01",
    ]
    assert table.non_steady_state_outlier01.to_list() == [0, 1] + [0] * (N - 2)
    assert table.a_comp_cor_00[:2].to_list() == [0, 0]
    assert table.a_comp_cor_00.std() > 0
    late, _ = confounds_table(
        motion()[2:], fd[2:], brain[:, 2:], {k: v[:, 2:] for k, v in tissues.items()}, TR
    )
    both = np.corrcoef(table.a_comp_cor_00[2:], late.a_comp_cor_00)[0, 1]
    assert abs(both) > 0.99
    fd[[70, 71]] = np.nan  # motion could not be estimated: a volume of noise
    early[:, 70] = np.random.default_rng(8).uniform(0, 3000, len(early))
    noisy, _ = confounds_table(motion(), fd, early, {"csf": early[:60], "white_matter": early[60:160]}, TR)
    assert noisy.a_comp_cor_00[[0, 1, 70, 71]].to_list() == [0, 0, 0, 0]
    assert abs(np.corrcoef(table.a_comp_cor_00[2:], noisy.a_comp_cor_00[2:])[0, 1]) > 0.95
    without, _ = confounds_table(motion(), fd, brain, tissues, TR)
    assert not any(name.startswith("non_steady") for name in without)


def test_a_table_has_fmripreps_columns_in_one_row_per_volume(brain):
    rng = np.random.default_rng(9)
    tissues = {name: 700 + 9 * rng.standard_normal((50, N)) for name in ("csf", "white_matter")}
    fd = np.r_[np.nan, np.full(N - 1, 0.1)]
    fd[40] = 1.2
    table, sidecar = confounds_table(motion(rng), fd, brain, tissues, TR)
    assert len(table) == N
    for name in ("csf", "white_matter", "global_signal", "std_dvars", "dvars", "framewise_displacement",
                 "a_comp_cor_04", "cosine02", "trans_x", "rot_z_derivative1_power2", "motion_outlier00"):  # fmt: skip
        assert name in table.columns
    assert table["motion_outlier00"].to_numpy().nonzero()[0].tolist() == [40]
    assert table["csf"].to_numpy() == pytest.approx(tissues["csf"].mean(axis=0))
    assert set(sidecar) == {f"a_comp_cor_{i:02d}" for i in range(5)}
    shares = [sidecar[name]["CumulativeVarianceExplained"] for name in sorted(sidecar)]
    assert shares == sorted(shares)
    again, _ = confounds_table(table[list(MOTION)], fd, brain, tissues, TR)
    assert again.equals(table)


def test_series_of_different_lengths_are_refused(brain):
    tissues = {name: np.ones((5, N)) for name in ("csf", "white_matter")}
    with pytest.raises(InputError, match="not of one length"):
        confounds_table(motion().iloc[:-1], np.zeros(N), brain, tissues, TR)
