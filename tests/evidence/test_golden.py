"""The same numbers from other programs, from print, and from arithmetic anyone can follow."""

import math

import numpy as np
import pandas as pd
import pingouin
import pytest
import statsmodels.api as sm
from scipy import integrate, stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW, ttost_ind, ttost_paired

from analysis.evidence.bayes import interval_null, jzs, normal_prior
from analysis.evidence.by_person import centred, estimate_by_person
from analysis.evidence.estimates import NotEstimable
from analysis.evidence.families import holm
from analysis.evidence.outcomes import run_tests
from analysis.evidence.people import dprime, person_effects
from analysis.measures.table import MeasureTable, Sidecar, tidy

# Student's sleep data (Cushny & Peebles 1905): extra hours with two drugs, ten people. R: t.test(extra ~ group).
SLEEP = (
    np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]),
    np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]),
)
RANDOM = np.random.default_rng(20261123)
DATA = [
    (RANDOM.normal(0.2, 1.0, 20), RANDOM.normal(0.5, 2.0, 34)),
    (RANDOM.normal(-0.4, 0.1, 3), RANDOM.normal(0.4, 3.0, 7)),
    (RANDOM.exponential(1.0, 12), RANDOM.exponential(1.0, 12)),
    SLEEP,
]


def both_tests(estimate, bound=0.7):
    return run_tests(estimate, bound=bound, alpha=0.05, alpha_equivalence=0.05)


def test_students_sleep_data_give_the_published_paired_and_welch_tests():
    paired = estimate_by_person({"all": SLEEP[1] - SLEEP[0]}, [1.0])
    assert paired.value == pytest.approx(1.58)
    assert paired.value / paired.se == pytest.approx(4.0621, abs=5e-5)
    assert (paired.df, both_tests(paired).p_raw) == (9, pytest.approx(0.002833, abs=5e-7))
    welch = estimate_by_person({"1": SLEEP[0], "2": SLEEP[1]}, [-1.0, 1.0])
    assert welch.value / welch.se == pytest.approx(1.8608, abs=5e-5)
    assert welch.df == pytest.approx(17.776, abs=5e-4)
    assert both_tests(welch).p_raw == pytest.approx(0.07939, abs=5e-6)


@pytest.mark.parametrize("values", [pair[0] for pair in DATA])
def test_one_sample_difference_and_equivalence_match_scipy_statsmodels_and_pingouin(values):
    estimate = estimate_by_person({"a": values}, [1.0])
    ours = both_tests(estimate)
    theirs = stats.ttest_1samp(values, 0.0)
    assert (estimate.value / estimate.se, ours.p_raw) == pytest.approx((theirs.statistic, theirs.pvalue))
    interval = theirs.confidence_interval(0.95)
    assert (ours.ci_difference.low, ours.ci_difference.high) == pytest.approx(tuple(interval))
    assert (ours.ci_equivalence.low, ours.ci_equivalence.high) == pytest.approx(
        tuple(theirs.confidence_interval(0.90))
    )
    p, (_, p_low, df), (_, p_high, _) = DescrStatsW(values).ttost_mean(-0.7, 0.7)
    assert (
        ours.p_equivalence,
        ours.p_above_lower_bound,
        ours.p_below_upper_bound,
        estimate.df,
    ) == pytest.approx((p, p_low, p_high, df))
    row = pingouin.ttest(values, 0.0).iloc[0]
    assert (estimate.value / estimate.se, ours.p_raw) == pytest.approx((row["T"], row["p_val"]))
    # pingouin rounds its interval to two decimals
    assert [ours.ci_difference.low, ours.ci_difference.high] == pytest.approx(list(row["CI95"]), abs=0.006)


@pytest.mark.parametrize("pair", [DATA[2], DATA[3]])
def test_paired_difference_and_equivalence_match_scipy_statsmodels_and_pingouin(pair):
    first, second = pair
    estimate = estimate_by_person({"a": second - first}, [1.0])
    ours, theirs = both_tests(estimate), stats.ttest_rel(second, first)
    assert (estimate.value / estimate.se, ours.p_raw) == pytest.approx((theirs.statistic, theirs.pvalue))
    p, (_, p_low, _), (_, p_high, _) = ttost_paired(second, first, -0.7, 0.7)
    assert (ours.p_equivalence, ours.p_above_lower_bound, ours.p_below_upper_bound) == pytest.approx(
        (p, p_low, p_high)
    )
    tost = pingouin.tost(second, first, bound=0.7, paired=True).iloc[0]
    assert ours.p_equivalence == pytest.approx(tost["p_val" if "p_val" in tost.index else "pval"])


@pytest.mark.parametrize("pair", DATA)
def test_welch_difference_and_equivalence_match_scipy_statsmodels_and_pingouin(pair):
    first, second = pair
    estimate = estimate_by_person({"a": first, "b": second}, [-1.0, 1.0])
    ours, theirs = both_tests(estimate), stats.ttest_ind(second, first, equal_var=False)
    assert (estimate.value / estimate.se, estimate.df, ours.p_raw) == pytest.approx(
        (theirs.statistic, theirs.df, theirs.pvalue)
    )
    p, (_, p_low, _), (_, p_high, _) = ttost_ind(second, first, -0.7, 0.7, usevar="unequal")
    assert (ours.p_equivalence, ours.p_above_lower_bound, ours.p_below_upper_bound) == pytest.approx(
        (p, p_low, p_high)
    )
    low, high = CompareMeans(DescrStatsW(second), DescrStatsW(first)).tconfint_diff(0.10, usevar="unequal")
    assert (ours.ci_equivalence.low, ours.ci_equivalence.high) == pytest.approx((low, high))
    row = pingouin.ttest(second, first, correction=True).iloc[0]
    assert (row["T"], row["dof"], row["p_val"]) == pytest.approx(
        (estimate.value / estimate.se, estimate.df, ours.p_raw)
    )


def test_pingouins_effect_size_has_no_sign_which_is_why_it_is_not_used():
    up, down = (pingouin.ttest(x, 0.0).iloc[0] for x in (SLEEP[1], -SLEEP[1]))
    assert up["cohen_d"] == down["cohen_d"] > 0
    assert isinstance(up["BF10"], str)


def ols(y: np.ndarray, x: np.ndarray) -> tuple[float, float, float]:
    """Intercept of a regression on covariates centred at their mean, its standard error and df, by statsmodels."""
    fit = sm.OLS(y, sm.add_constant(x - x.mean(axis=0))).fit()
    return float(fit.params[0]), float(fit.bse[0]), float(fit.df_resid)


@pytest.mark.parametrize("k", [1, 2])
def test_covariates_centred_in_the_group_match_ordinary_least_squares(k):
    x = {g: RANDOM.normal(60, 10, (n, k)) for g, n in (("child", 20), ("adult", 34))}
    y = {g: 0.3 + 0.05 * x[g][:, 0] + RANDOM.normal(0, s, len(x[g])) for g, s in (("child", 2), ("adult", 1))}
    covariates = centred({g: list(x[g].T) for g in x}, ["group"] * k)
    parts = {g: ols(y[g], x[g]) for g in x}
    for group in x:
        one = estimate_by_person({group: y[group]}, [1.0], covariates={group: covariates[group]})
        assert (one.value, one.se, one.df) == pytest.approx(parts[group])
        assert one.value == pytest.approx(y[group].mean())  # centring in the group leaves its mean as it is
    (b1, s1, d1), (b2, s2, d2) = parts["child"], parts["adult"]
    welch = estimate_by_person(y, [-1.0, 1.0], covariates=covariates)
    df = (s1**2 + s2**2) ** 2 / (s1**4 / d1 + s2**4 / d2)
    assert (welch.value, welch.se, welch.df) == pytest.approx((b2 - b1, math.hypot(s1, s2), df))


def test_covariates_centred_over_everybody_compare_groups_at_the_same_value():
    x = {"child": np.array([1.0, 2, 3, 4, 5]), "adult": np.array([3.0, 5, 7, 9, 11])}
    noise = np.array([0.1, -0.1, 0.0, -0.1, 0.1])  # orthogonal to x and to 1: the lines are recovered exactly
    y = {"child": 2 * x["child"] + noise, "adult": 2 * x["adult"] + 1.0 + noise}
    apart = estimate_by_person(y, [-1.0, 1.0], covariates=centred({g: [x[g]] for g in x}, ["group"]))
    same = estimate_by_person(y, [-1.0, 1.0], covariates=centred({g: [x[g]] for g in x}, ["all"]))
    assert apart.value == pytest.approx(y["adult"].mean() - y["child"].mean())  # 9
    assert same.value == pytest.approx(1.0)  # the lines lie 1 apart everywhere


def test_pooled_groups_count_equally_whatever_their_sizes():
    first, second = DATA[0]
    pooled = estimate_by_person({"a": first, "b": second}, [0.5, 0.5])
    v1, v2 = first.var(ddof=1) / 20 / 4, second.var(ddof=1) / 34 / 4
    assert pooled.value == pytest.approx((first.mean() + second.mean()) / 2)
    assert pooled.se == pytest.approx(math.sqrt(v1 + v2))
    assert pooled.df == pytest.approx((v1 + v2) ** 2 / (v1**2 / 19 + v2**2 / 33))


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([]), "usable values of nobody"),
        (np.array([1.0]), "usable values of one person"),
        (np.array([2.0, 2.0, 2.0]), "are the same"),
        (np.full(30, 0.1) + np.linspace(0, 1e-17, 30), "are the same"),
    ],
)
def test_too_few_people_and_no_variation_have_no_estimate(values, reason):
    with pytest.raises(NotEstimable, match=reason):
        estimate_by_person({"child": values}, [1.0])


def test_a_covariate_that_does_not_vary_has_no_estimate():
    with pytest.raises(NotEstimable, match="a covariate does not vary in 'child'"):
        estimate_by_person({"child": SLEEP[0]}, [1.0], covariates={"child": np.zeros((10, 1))})


def test_holm_matches_an_example_by_hand_and_statsmodels():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    for n in range(1, 9):
        ps = list(np.random.default_rng(n).random(n) ** 3)
        assert holm(ps) == pytest.approx(multipletests(ps, method="holm")[1])


def test_jzs_gives_the_published_factor_for_the_sleep_data():
    # BayesFactor::ttestBF(sleep differences), r = .707: 17.259 (manual of the R package)
    difference = SLEEP[1] - SLEEP[0]
    t = difference.mean() / (difference.std(ddof=1) / math.sqrt(10))
    assert jzs(t, 10, 9, math.sqrt(2) / 2) == pytest.approx(17.259, abs=5e-4)


@pytest.mark.parametrize("r", [0.5, 0.707, 1.0])
@pytest.mark.parametrize("t", [0.0, -1.3, 2.4, 5.0])
def test_jzs_matches_pingouin_for_one_and_two_samples(r, t):
    one = float(pingouin.bayesfactor_ttest(t, 20, r=r))
    two = float(pingouin.bayesfactor_ttest(t, 20, 34, r=r))
    # pingouin's text has four significant digits at least, and a fixed number of decimals
    assert jzs(t, 20, 19, r) == pytest.approx(one, rel=2e-3, abs=6e-4)
    assert jzs(t, 20 * 34 / 54, 52, r) == pytest.approx(two, rel=2e-3, abs=6e-4)


def test_overwhelming_evidence_is_infinite_and_not_an_error():
    assert jzs(194.0, 1043, 1042, 0.707) == math.inf
    assert normal_prior(100.0, 0.1, 1000, 0.3) == math.inf
    assert math.isnan(interval_null(0.1, 0.1, 20, 1.0, 0.02))  # the prior has nothing outside: no comparison


@pytest.mark.parametrize("df", [4, 19, 29.9, 30, 200])
@pytest.mark.parametrize(("value", "se"), [(0.0, 0.1), (0.25, 0.1), (-0.6, 0.2)])
def test_normal_prior_factors_match_an_independent_integration(df, value, se):
    grid = np.linspace(-8, 8, 400_001)
    likelihood = stats.t(df, value, se).pdf(grid) if df < 30 else stats.norm(value, se).pdf(grid)
    for width in (0.15, 0.3, 0.6):
        weighted = likelihood * stats.norm(0, width).pdf(grid)
        at_zero = likelihood[len(grid) // 2]
        assert normal_prior(value, se, df, width) == pytest.approx(
            integrate.simpson(weighted, x=grid) / at_zero, rel=1e-5
        )
        inside = np.abs(grid) <= 0.3
        posterior = [integrate.trapezoid(np.where(part, weighted, 0), grid) for part in (~inside, inside)]
        prior = 2 * stats.norm(0, width).sf(0.3)
        expected = posterior[0] / posterior[1] / (prior / (1 - prior))
        assert interval_null(value, se, df, 0.3, width) == pytest.approx(expected, rel=1e-3)


def test_log_linear_dprime_by_hand():
    # 20 of 25 hits, 10 of 25 false alarms: rates 20.5/26 and 10.5/26; z = 0.8011 and -0.2434 (normal table)
    series = [pd.Series([float(x)]) for x in (20, 25, 10, 25)]
    assert dprime(*series)[0] == pytest.approx(stats.norm.ppf(20.5 / 26) - stats.norm.ppf(10.5 / 26))
    assert dprime(*series)[0] == pytest.approx(0.8011 + 0.2434, abs=2e-4)
    perfect = [pd.Series([float(x)]) for x in (8, 8, 0, 8)]
    assert dprime(*perfect)[0] == pytest.approx(2 * 1.5932, abs=1e-3)  # 8.5/9: finite, unlike 8/8


def test_the_uncorrected_formula_gives_the_runway_row_of_the_findings():
    # 1,043 people, 56.1 % correct on AI, 58.0 % on real: d' = 0.355, c = 0.024
    hit, false_alarm = stats.norm.ppf(0.561), stats.norm.ppf(1 - 0.580)
    assert hit - false_alarm == pytest.approx(0.355, abs=5e-4)
    assert -(hit + false_alarm) / 2 == pytest.approx(0.024, abs=5e-4)
    # the log-linear rates of very many trials are the plain ones
    many = [pd.Series([x]) for x in (561_000.0, 1e6, 420_000.0, 1e6)]
    assert dprime(*many)[0] == pytest.approx(0.355, abs=5e-4)


def test_dprime_by_age_band_of_a_published_data_set(real_data):
    raw = pd.read_csv(real_data / "behaviour" / "gengap" / "trials_long.csv")
    rows = pd.DataFrame(
        {
            "participant_id": "sub-" + raw["id"].astype(str),
            "group": "a" + raw["age"].str[:2],
            "condition": np.where(raw["truth"] == 1, "ai", "live"),
            "scene": raw["item"],
            "value": raw["fake"].astype(float),
        }
    )
    sidecar = Sidecar(
        unit="response", family="binomial", link="probit", level="conscious", statistic="dprime_per_person"
    )
    effects = person_effects(
        MeasureTable("sees", tidy(rows), sidecar), ["a20", "a30", "a50", "a60"], "live", "ai"
    )
    means = [values.mean() for values in effects.by_group(["a20", "a30", "a50", "a60"]).values()]
    # FINDINGS 4, to two decimals (the third band is 2.165)
    assert means == pytest.approx([2.90, 2.74, 2.17, 1.85], abs=0.006)
    assert effects.n_scenes == 60
    assert int(effects.rows["included"].sum()) == 120
