"""Response times: logarithms, planted ex-Gaussians found again, and what cannot be fitted."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import exponnorm

from analysis.behaviour import exgaussian_cdf, exgaussian_logpdf, fit_exgaussian, response_time_table
from protocols.base.errors import UsageError

pytestmark = pytest.mark.filterwarnings("error")


def drawn(n: int, mu: float, sigma: float, tau: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng([n, seed])
    return np.abs(rng.normal(mu, sigma, n) + rng.exponential(tau, n))


@pytest.mark.parametrize(("mu", "sigma", "tau"), [(0.6, 0.08, 0.30), (1.5, 0.25, 0.25), (0.8, 0.02, 0.5)])
def test_planted_values_are_found_again(mu, sigma, tau):
    found = fit_exgaussian(drawn(5000, mu, sigma, tau))
    for name, truth in (("mu", mu), ("sigma", sigma), ("tau", tau)):
        error = getattr(found, f"se_{name}")
        assert abs(getattr(found, name) - truth) < 3.5 * error
        assert error < 0.1 * truth
    assert found.message == ""
    assert found.mu + found.tau == pytest.approx(np.mean(drawn(5000, mu, sigma, tau)), rel=0.01)


def test_the_errors_are_those_of_repeated_experiments():
    fits = [fit_exgaussian(drawn(200, 0.6, 0.1, 0.3, seed)) for seed in range(150)]
    for name in ("mu", "sigma", "tau"):
        values, errors = (np.array([getattr(one, part) for one in fits]) for part in (name, f"se_{name}"))
        assert np.median(errors) == pytest.approx(np.std(values), rel=0.2)


@pytest.mark.parametrize(
    ("n", "mu", "sigma", "tau"), [(40, 0.6, 0.1, 0.3), (150, 0.9, 0.1, 0.1), (800, 2.0, 0.4, 1.0)]
)
def test_the_likelihood_is_at_least_scipys(n, mu, sigma, tau):
    times = drawn(n, mu, sigma, tau)
    found = fit_exgaussian(times)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape, place, scale = exponnorm.fit(times)
    theirs = exponnorm.logpdf(times, shape, place, scale).sum()
    assert theirs - 1e-6 < found.loglik < theirs + 0.01
    assert [found.mu, found.sigma, found.tau] == pytest.approx([place, scale, shape * scale], rel=0.01)
    ours = exgaussian_logpdf(times, found.mu, found.sigma, found.tau).sum()
    assert found.loglik == pytest.approx(ours)


def test_the_density_is_scipys_also_far_out():
    times = np.linspace(-3, 30, 200)
    for mu, sigma, tau in ((0.5, 0.1, 0.2), (0.5, 0.5, 0.05), (1.0, 0.05, 2.0)):
        theirs = exponnorm(tau / sigma, mu, sigma)
        assert exgaussian_logpdf(times, mu, sigma, tau) == pytest.approx(
            theirs.logpdf(times), rel=1e-9, abs=1e-9
        )
        assert exgaussian_cdf(times, mu, sigma, tau) == pytest.approx(theirs.cdf(times), abs=1e-12)


def test_seconds_and_milliseconds_give_the_same_fit():
    times = drawn(120, 0.6, 0.1, 0.3)
    s, ms = fit_exgaussian(times), fit_exgaussian(1000 * times)
    names = ("mu", "sigma", "tau", "se_mu", "se_sigma", "se_tau")
    assert [getattr(ms, name) for name in names] == pytest.approx(
        [1000 * getattr(s, name) for name in names], rel=1e-4
    )
    assert ms.loglik == pytest.approx(s.loglik - 120 * np.log(1000))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([], "0 response times, and the fit needs 40"),
        ([0.4, 0.5, 0.6], "3 response times, and the fit needs 40"),
        ([0.5] * 60, "all 60 response times are the same"),
    ],
)
def test_what_cannot_be_fitted_says_why(times, message):
    found = fit_exgaussian(times)
    assert (found.message, found.fitted) == (message, False)
    assert np.isnan([found.mu, found.tau, found.se_tau, found.loglik]).all()


def test_times_without_a_right_tail_have_a_tau_of_0():
    times = 3 - drawn(100, 0.6, 0.1, 0.3)
    found = fit_exgaussian(times)
    assert (found.tau, found.mu, found.sigma) == (0, pytest.approx(times.mean()), pytest.approx(times.std()))
    assert found.message.startswith("τ is at 0")
    assert np.isnan(found.se_tau)
    assert found.fitted


def test_a_shifted_exponential_has_a_sigma_of_0():
    times = 0.5 + np.random.default_rng(1).exponential(0.3, 200)
    found = fit_exgaussian(times)
    assert found.message.startswith("σ is at 0") or found.sigma < 0.03
    assert found.tau == pytest.approx(0.3, abs=0.07)


def test_the_fewest_times_can_be_declared():
    assert not fit_exgaussian(drawn(60, 0.6, 0.1, 0.3), fewest=100).fitted
    assert fit_exgaussian(drawn(25, 0.6, 0.1, 0.3), fewest=20).fitted


def test_one_row_per_person_and_condition():
    times = {
        "1": drawn(50, 0.6, 0.1, 0.3),
        "2": np.array([0.5, 2.0]),
        "3": np.array([np.nan]),
        "4": np.array([0.7]),
    }
    table = pd.concat(
        [pd.DataFrame({"participant_id": code, "response_time": one}) for code, one in times.items()]
    )
    table = table.assign(group="adult", condition="ai").sample(frac=1, random_state=1)
    found = response_time_table(table, by=("condition",)).set_index("participant_id")
    assert found.loc["2", ["n", "n_missing", "median", "geometric_mean"]].tolist() == [2, 0, 1.25, 1.0]
    assert found.loc["2", "sd_log"] == pytest.approx(np.std(np.log([0.5, 2.0]), ddof=1))
    assert found.loc["1", "mean_log"] == pytest.approx(np.log(times["1"]).mean())
    assert found.loc["1", "tau"] == pytest.approx(fit_exgaussian(times["1"]).tau, rel=1e-5)
    assert (found.loc["3", "n"], found.loc["3", "n_missing"]) == (0, 1)
    assert np.isnan(found.loc["3", "median"])
    assert np.isnan(found.loc["4", "sd_log"])
    assert found["note"].to_dict()["2"] == "2 response times, and the fit needs 40"
    assert "tau" not in response_time_table(table, fit=False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fit_exgaussian([0.5, -0.1] * 30), ["the response times", "-0.1", "above 0", "clock"]),
        (lambda: fit_exgaussian([0.5, np.nan] * 30), ["the response times", "nan"]),
        (lambda: fit_exgaussian([0.5] * 60, fewest=2), ["the fewest response times", "2"]),
        (lambda: exgaussian_logpdf([0.5], 0.5, 0.0, 0.1), ["sigma", "above 0"]),
        (
            lambda: response_time_table(people(response_time=[0.4, 0.0])),
            ["'response_time'", "not above 0", "clock"],
        ),
        (lambda: response_time_table(people(response_time=["fast", 1])), ["'response_time'", "fast"]),
        (lambda: response_time_table(people(response_time=[1, 1]).iloc[:0]), ["has no rows"]),
        (lambda: response_time_table(people(rt=[1, 1])), ["'response_time'", "is not in the table"]),
        (
            lambda: response_time_table(people(response_time=[1, 1], c=["a", None]), by=("c",)),
            ["'c'", "1 of 2"],
        ),
    ],
)
def test_broken_input_is_refused_in_words(call, words):
    with pytest.raises(UsageError) as error:
        call()
    assert all(word in str(error.value) for word in words)


def people(**columns: list) -> pd.DataFrame:
    return pd.DataFrame({"participant_id": ["1", "2"], "group": "adult", **columns})


def test_gengap(real_data):
    trials = pd.read_csv(real_data / "behaviour" / "gengap" / "trials_long.csv")
    trials = trials.rename(columns={"id": "participant_id"}).assign(group=trials["age"].str[:2])
    found = response_time_table(trials, time="rt")
    assert len(found) == 120
    assert (found["n"] == 60).all()
    assert np.isfinite(found[["median", "mean_log", "mu", "sigma", "tau"]]).all().all()
    assert (found["tau"] > 0).mean() > 0.95  # response times are skewed to the right
