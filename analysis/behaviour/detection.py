r"""Yes/no detection: d′, criterion, their errors.

With hit rate H, false-alarm rate F and z the inverse of the standard normal distribution function
(Green & Swets 1966; Macmillan & Creelman 2005, eqs 1.5, 2.1, 2.6),

.. math:: d' = z(H) - z(F), \quad c = -\tfrac12 [z(H) + z(F)], \quad \ln\beta = c\,d'.

c > 0: reluctant to say "it is there".

Three quantities are called d′, and are kept apart. *Per person*: this module, from log-linear rates. *Conditional*:
the coefficient of a mixed probit model, at the typical scene. *Marginal*: on average over scenes, what decisions use;
:func:`marginal_from_conditional` leads from one to the other. A person's d′ over many scenes estimates the marginal
one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri
from scipy.stats import binom, norm

from analysis.behaviour.checking import Array, numbers, together
from analysis.behaviour.rates import Counts, count, counts_by_person, counts_of, loglinear_rate, notes

WAY_OUT = "give counts to detect(), which corrects rates of 0 and 1"


@dataclass(frozen=True)
class Detection:
    """Yes/no sensitivity and bias per person, from log-linear rates.

    Attributes
    ----------
    hit_rate, false_alarm_rate
        Log-linear.
    dprime
        In standard deviations; 0 at chance, negative below.
    se
        Standard error of d′ for large samples (:func:`approximate_se`).
    criterion
        c, in standard deviations from the unbiased point; positive: says "it is there" too rarely.
    log_beta
        ln of the likelihood ratio at the criterion.
    percent_correct
        0 to 100, of all trials, uncorrected.
    """

    hit_rate: Array
    false_alarm_rate: Array
    dprime: Array
    se: Array
    criterion: Array
    log_beta: Array
    percent_correct: Array


@dataclass(frozen=True)
class Sampling:
    """Exact sampling distribution of the log-linear d′.

    Attributes
    ----------
    mean, se
        Of the estimator.
    bias
        Mean minus the true d′.
    """

    mean: Array
    se: Array
    bias: Array


def dprime_of_rates(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Array:
    """Yes/no d′ of rates as they are, for example of a publication's percentages.

    Raises
    ------
    UsageError
        If a rate is not between 0 and 1, both excluded: there d′ is infinite.
    """
    z_hit, z_false = _z_rates(hit_rate, false_alarm_rate)
    return np.asarray(z_hit - z_false)


def criterion_of_rates(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Array:
    """Yes/no criterion c of rates as they are; positive: says "it is there" too rarely."""
    z_hit, z_false = _z_rates(hit_rate, false_alarm_rate)
    return np.asarray(-(z_hit + z_false) / 2.0)


def detect(hits: ArrayLike, signals: ArrayLike, false_alarms: ArrayLike, noises: ArrayLike) -> Detection:
    """Sensitivity and bias from counts; NaN for whoever has no signal or no noise trials.

    Parameters
    ----------
    hits, signals, false_alarms, noises
        Counts, (n,) or single numbers.

    Raises
    ------
    UsageError
        If the counts are not counts, or do not agree.
    """
    return detection_of(count(hits, signals, false_alarms, noises))


def detection_of(counts: Counts) -> Detection:
    """Sensitivity and bias from counts that have been checked."""
    hit_rate = loglinear_rate(counts.hits, counts.signals)
    false_rate = loglinear_rate(counts.false_alarms, counts.noises)
    z_hit, z_false = ndtri(hit_rate), ndtri(false_rate)
    dprime, criterion = z_hit - z_false, -(z_hit + z_false) / 2.0
    return Detection(
        hit_rate,
        false_rate,
        dprime,
        np.sqrt(_variance_of_z(hit_rate, counts.signals) + _variance_of_z(false_rate, counts.noises)),
        criterion,
        dprime * criterion,
        counts.percent_correct,
    )


def approximate_se(
    hit_rate: ArrayLike, false_alarm_rate: ArrayLike, signals: ArrayLike, noises: ArrayLike
) -> Array:
    r"""Standard error of d′ in large samples (Gourevitch & Galanter 1967, Psychometrika 32:25).

    .. math:: SE^2 = \frac{H(1-H)}{n_s\,\varphi(z(H))^2} + \frac{F(1-F)}{n_n\,\varphi(z(F))^2}

    At chance without bias .63, .56 and .40 with 8, 10 and 20 trials of each kind. :func:`exact_sampling` gives what
    the log-linear estimator really has there: .62, .55, .39.
    """
    h, f, s, n = _rates_and_trials(hit_rate, false_alarm_rate, signals, noises)
    return np.sqrt(_variance_of_z(h, s) + _variance_of_z(f, n))


def exact_sampling(
    hit_rate: ArrayLike, false_alarm_rate: ArrayLike, signals: ArrayLike, noises: ArrayLike
) -> Sampling:
    """Mean, standard error and bias of the log-linear d′, summed over all outcomes of two binomials.

    Parameters
    ----------
    hit_rate, false_alarm_rate
        True rates, between 0 and 1, both excluded.
    signals, noises
        Trials, from 1.

    Returns
    -------
    Sampling
        Arrays of the common shape.

    Notes
    -----
    Miller 1996, Percept Psychophys 58:65, describes the method; the correction is Hautus' (1995).
    """
    h, f, s, n = _rates_and_trials(hit_rate, false_alarm_rate, signals, noises)
    mean_hit, var_hit = _moments_of_z(h, s)
    mean_false, var_false = _moments_of_z(f, n)
    mean = mean_hit - mean_false
    return Sampling(mean, np.sqrt(var_hit + var_false), mean - (ndtri(h) - ndtri(f)))


def detection_table(
    trials: pd.DataFrame,
    *,
    truth: str = "condition",
    value: str = "value",
    signal: object = 1,
    noise: object = 0,
) -> pd.DataFrame:
    """Every person's yes/no sensitivity and bias.

    Parameters
    ----------
    trials, truth, value, signal, noise
        As for :func:`~analysis.behaviour.rates.counts_by_person`.

    Returns
    -------
    pandas.DataFrame
        One row per person: ``participant_id, group, n_signal, hits, n_noise, false_alarms, n_missing, hit_rate,
        false_alarm_rate`` (log-linear), ``dprime, se`` (large samples), ``se_exact`` (at the person's own log-linear
        rates), ``criterion, log_beta, percent_correct, note``. Whoever lacks one kind of trial has NaN and a note.

    Raises
    ------
    UsageError
        If the table is not one of choices.
    """
    people = counts_by_person(trials, truth=truth, value=value, signal=signal, noise=noise)
    counts = counts_of(people)
    found = detection_of(counts)
    usable = (counts.signals > 0) & (counts.noises > 0)
    exact = np.full(len(people), np.nan)
    exact[usable] = exact_sampling(
        found.hit_rate[usable], found.false_alarm_rate[usable], counts.signals[usable], counts.noises[usable]
    ).se
    return people.assign(
        hit_rate=found.hit_rate,
        false_alarm_rate=found.false_alarm_rate,
        dprime=found.dprime,
        se=found.se,
        se_exact=exact,
        criterion=found.criterion,
        log_beta=found.log_beta,
        percent_correct=found.percent_correct,
        note=notes(counts, str(signal) if signal != 1 else "signal", str(noise) if noise != 0 else "noise"),
    )


def marginal_from_conditional(dprime: ArrayLike, sd_item: ArrayLike) -> Array:
    r"""Marginal d′ over scenes of a conditional one: :math:`d'/\sqrt{1 + \sigma^2}`.

    Parameters
    ----------
    dprime
        Conditional: the coefficient of a mixed probit model.
    sd_item
        SD of the scenes' effects on the probit scale, the same in both conditions and with the criterion anywhere.
        Where scenes also differ in d′, the model's own ``marginal_d_prime`` is the answer.
    """
    sd = numbers("the SD of items", sd_item, low=0.0)
    return np.asarray(numbers("the conditional d′", dprime) / np.sqrt(1.0 + sd**2))


def conditional_from_marginal(dprime: ArrayLike, sd_item: ArrayLike) -> Array:
    """The inverse of :func:`marginal_from_conditional`."""
    sd = numbers("the SD of items", sd_item, low=0.0)
    return np.asarray(numbers("the marginal d′", dprime) * np.sqrt(1.0 + sd**2))


def _z_rates(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> tuple[Array, Array]:
    rates = [
        numbers(name, rate, low=0.0, high=1.0, open_ends=True, way_out=WAY_OUT)
        for name, rate in (("the hit rate", hit_rate), ("the false-alarm rate", false_alarm_rate))
    ]
    h, f = together(hit_rate=rates[0], false_alarm_rate=rates[1])
    return ndtri(h), ndtri(f)


def _rates_and_trials(
    hit_rate: ArrayLike, false_alarm_rate: ArrayLike, signals: ArrayLike, noises: ArrayLike
) -> list[Array]:
    inside = {"low": 0.0, "high": 1.0, "open_ends": True, "way_out": WAY_OUT}
    return together(
        hit_rate=numbers("the hit rate", hit_rate, **inside),  # type: ignore[arg-type]
        false_alarm_rate=numbers("the false-alarm rate", false_alarm_rate, **inside),  # type: ignore[arg-type]
        signal_trials=numbers("signal trials", signals, low=1.0, whole=True),
        noise_trials=numbers("noise trials", noises, low=1.0, whole=True),
    )


def _variance_of_z(rate: Array, trials: Array) -> Array:
    """Delta-method variance of z of a rate; NaN where there is no rate."""
    slope = norm.pdf(ndtri(rate))
    return np.divide(
        rate * (1.0 - rate), trials * slope**2, out=np.full(rate.shape, np.nan), where=trials > 0
    )


def _moments_of_z(rate: Array, trials: Array) -> tuple[Array, Array]:
    """Exact mean and variance of z of the log-linear rate."""
    mean, variance = np.empty(rate.shape), np.empty(rate.shape)
    for n in np.unique(trials):
        here = trials == n
        outcomes = np.arange(int(n) + 1)
        z = ndtri(loglinear_rate(outcomes, n))
        chances = binom.pmf(outcomes, int(n), rate[here][:, None])
        mean[here] = chances @ z
        variance[here] = chances @ z**2 - mean[here] ** 2
    return mean, variance
