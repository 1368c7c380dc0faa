r"""Same–different: sensitivity when the question is only whether two things differ.

A *hit* is "different" to a different pair, a *false alarm* "different" to a same pair. d′ depends on how the observer
decides (:mod:`~analysis.behaviour.decision_rules`), and the data of one person do not tell which rule was used:

- **likelihood_ratio**: best possible when the same two stimuli come again and again (a fixed design);
- **differencing**: what remains when the pairs change from trial to trial (a roving design), as with many scenes.

Differencing gives the larger d′ for the same answers. Name the rule before looking.

Near chance both are a square root: H − F grows with d′², so that d′ of a person near 0 is very uncertain (SD .92 and
1.12 with 20 + 20 pairs at chance, where that of yes/no d′ is .39) and its ordinary standard error does not exist.
Whether there is *any* sensitivity is better asked of ``z_difference``, z(H) − z(F), which has an ordinary error and is
0 at chance under either rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize.elementwise import find_root
from scipy.special import ndtr, ndtri, xlogy
from scipy.stats import chi2

from analysis.behaviour.checking import Array, chosen, numbers, one_number, together
from analysis.behaviour.decision_rules import LARGEST, RULES, Rule, criterion_at, solve
from analysis.behaviour.detection import WAY_OUT, detection_of
from analysis.behaviour.rates import LOGLINEAR, Counts, count, counts_by_person, counts_of, notes

_STEP = 1e-5
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
Interval = tuple[Array, Array]


@dataclass(frozen=True)
class SameDifferent:
    """Same–different sensitivity per person, from log-linear rates.

    Attributes
    ----------
    dprime
        Never negative: 0 where "different" was not said more often to different pairs.
    signed
        The same, but below chance minus the d′ of the exchanged rates. Its mean at chance is 0, that of `dprime` is
        not: average this one over people.
    se
        Standard error by the delta method; NaN where d′ is 0, and hardly of use below 1: take the interval.
    low, high
        Interval from the profile likelihood; its lower end is 0 where chance is not excluded.
    z_difference, se_z_difference
        z(H) − z(F) and its standard error.
    percent_correct
        0 to 100, uncorrected.
    """

    dprime: Array
    signed: Array
    se: Array
    low: Array
    high: Array
    z_difference: Array
    se_z_difference: Array
    percent_correct: Array


def tell_apart(
    hits: ArrayLike,
    different: ArrayLike,
    false_alarms: ArrayLike,
    same: ArrayLike,
    *,
    rule: str,
    level: float = 0.95,
) -> SameDifferent:
    """Same–different sensitivity from counts; NaN for whoever has no different or no same pairs.

    Parameters
    ----------
    hits, different
        "Different" answers to different pairs, and different pairs.
    false_alarms, same
        "Different" answers to same pairs, and same pairs.
    rule
        ``likelihood_ratio`` or ``differencing``.
    level
        Confidence level of the interval.

    Raises
    ------
    UsageError
        If the counts are not counts or do not agree, or the rule is not known.
    """
    return _tell_apart(count(hits, different, false_alarms, same), rule, level)


def same_different_dprime(hit_rate: ArrayLike, false_alarm_rate: ArrayLike, *, rule: str) -> Array:
    """d′ of rates as they are; 0 where the hit rate is not the larger one.

    Raises
    ------
    UsageError
        If a rate is not between 0 and 1, both excluded.
    """
    h, f = _rates(hit_rate, false_alarm_rate)
    return _dprime(RULES[chosen("the rule", rule, list(RULES))], h, f)


def independent_observations(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> Array:
    r"""The textbooks' shortcut for the likelihood-ratio rule (Macmillan & Creelman 2005, ch. 9).

    .. math:: d' = 2 z\big(\tfrac12[1 + \sqrt{2 p_{max} - 1}]\big),
              \quad p_{max} = \Phi\big(\tfrac12[z(H) - z(F)]\big)

    Exact for an observer without bias, who has F = 1 - H. With bias it gives too much: 1.04 and 1.14 instead of 1 for
    H, F of .33, .20 and .08, .03. It is what tables and other programs have; :func:`same_different_dprime` is exact.
    0 where the hit rate is not the larger one.
    """
    h, f = _rates(hit_rate, false_alarm_rate)
    best = np.maximum(ndtr((ndtri(h) - ndtri(f)) / 2.0), 0.5)
    return np.asarray(2.0 * ndtri((1.0 + np.sqrt(2.0 * best - 1.0)) / 2.0))


def same_different_table(
    trials: pd.DataFrame,
    *,
    rule: str,
    truth: str = "condition",
    value: str = "value",
    different: object = 1,
    same: object = 0,
    level: float = 0.95,
) -> pd.DataFrame:
    """Every person's same–different sensitivity.

    Parameters
    ----------
    trials
        One row per trial: ``participant_id``, ``group``, the pair's kind, and whether "different" was said (0, 1, or
        empty: no answer).
    rule
        ``likelihood_ratio`` or ``differencing``.
    truth, value
        Names of the columns of the kind and of the answer.
    different, same
        The two kinds.
    level
        Confidence level of ``low`` and ``high``.

    Returns
    -------
    pandas.DataFrame
        One row per person: ``participant_id, group, n_different, hits, n_same, false_alarms, n_missing, rule``, the
        fields of :class:`SameDifferent`, ``note``.
    """
    people = counts_by_person(trials, truth=truth, value=value, signal=different, noise=same)
    counts = counts_of(people)
    found = _tell_apart(counts, rule, level)
    said = notes(counts, "different", "same")
    below = [
        note or ("at or below chance: d′ is 0" if dprime == 0 else "")
        for note, dprime in zip(said, found.dprime, strict=True)
    ]
    return people.rename(columns={"n_signal": "n_different", "n_noise": "n_same"}).assign(
        rule=rule, **vars(found), note=below
    )


def _tell_apart(counts: Counts, rule: str, level: float) -> SameDifferent:
    by = RULES[chosen("the rule", rule, list(RULES))]
    one_number("the level", level, low=0.0, high=1.0, open_ends=True)
    shape = counts.hits.shape
    flat = Counts(*(np.atleast_1d(one).ravel() for one in vars(counts).values()))
    yes_no = detection_of(flat)
    usable = np.isfinite(yes_no.dprime)
    h, f = yes_no.hit_rate[usable], yes_no.false_alarm_rate[usable]
    n, m = flat.signals[usable] + 2 * LOGLINEAR, flat.noises[usable] + 2 * LOGLINEAR
    forwards, backwards = _dprime(by, h, f), _dprime(by, f, h)
    low, high = _profile(by, forwards, h, n, f, m, float(chi2.ppf(level, 1)))
    values = (forwards, forwards - backwards, _delta_se(by, forwards, h, n, f, m), low, high)
    full = [np.full(flat.hits.shape, np.nan) for _ in values]
    for whole, part in zip(full, values, strict=True):
        whole[usable] = part
    everything = (*full, yes_no.dprime, yes_no.se, yes_no.percent_correct)
    return SameDifferent(*(one.reshape(shape) for one in everything))


def _rates(hit_rate: ArrayLike, false_alarm_rate: ArrayLike) -> list[Array]:
    return together(
        hit_rate=numbers("the hit rate", hit_rate, low=0.0, high=1.0, open_ends=True, way_out=WAY_OUT),
        false_alarm_rate=numbers(
            "the false-alarm rate", false_alarm_rate, low=0.0, high=1.0, open_ends=True, way_out=WAY_OUT
        ),
    )


def _dprime(rule: Rule, h: Array, f: Array) -> Array:
    dprime = np.zeros(h.shape)
    above = h > f
    if above.any():
        dprime[above] = solve(rule, h[above], f[above])
    return dprime


def _delta_se(rule: Rule, dprime: Array, h: Array, n: Array, f: Array, m: Array) -> Array:
    """Delta method through the implicit function H(d′, F)."""
    se = np.full(dprime.shape, np.nan)
    real = dprime > 0
    d, h, n, f, m = (one[real] for one in (dprime, h, n, f, m))
    if not len(d):
        return se
    step = np.minimum(_STEP, d / 2.0)
    by_d = (rule.hit_rate(d + step, f) - rule.hit_rate(d - step, f)) / (2.0 * step)
    move = np.minimum(_STEP, np.minimum(f, 1.0 - f) / 2.0)
    by_f = (rule.hit_rate(d, f + move) - rule.hit_rate(d, f - move)) / (2.0 * move)
    se[real] = np.sqrt(h * (1.0 - h) / n + by_f**2 * f * (1.0 - f) / m) / np.abs(by_d)
    return se


def _loglik(rates: tuple[Array, Array], h: Array, n: Array, f: Array, m: Array) -> Array:
    hit, false = (np.clip(one, 1e-12, 1.0 - 1e-12) for one in rates)
    signal = xlogy(n * h, hit) + xlogy(n * (1.0 - h), 1.0 - hit)
    return np.asarray(signal + xlogy(m * f, false) + xlogy(m * (1.0 - f), 1.0 - false))


def _profile(rule: Rule, dprime: Array, h: Array, n: Array, f: Array, m: Array, limit: float) -> Interval:
    """Where the deviance from the best d′ reaches the limit, the log-linear counts being the data."""
    both = (n * h + m * f) / (n + m)
    at_zero = _loglik((both, both), h, n, f, m)
    best = np.where(dprime > 0, _loglik((h, f), h, n, f, m), at_zero)

    def beyond(d: Array, best: Array, h: Array, n: Array, f: Array, m: Array) -> Array:
        return 2.0 * (best - _highest(rule, d, h, n, f, m)) - limit

    low, high = np.zeros(len(h)), np.empty(len(h))
    everything = (best, h, n, f, m)
    high[:] = find_root(beyond, (dprime, np.full(len(h), LARGEST)), args=everything, maxiter=60).x
    excluded = 2.0 * (best - at_zero) > limit
    if excluded.any():
        parts = tuple(one[excluded] for one in everything)
        start = np.full(int(excluded.sum()), 1e-3)
        low[excluded] = find_root(beyond, (start, dprime[excluded]), args=parts, maxiter=60).x
    return low, high


def _highest(rule: Rule, d: Array, h: Array, n: Array, f: Array, m: Array) -> Array:
    """Largest log-likelihood at d′ over the criterion, which lies between those of the two observed rates."""
    d = np.maximum(d, 1e-6)
    bracket = rule.bracket(d)
    at_h = criterion_at(lambda d, c: rule.rates(d, c)[0], bracket, d, h)
    at_f = criterion_at(lambda d, c: rule.rates(d, c)[1], bracket, d, f)
    low, high = np.minimum(at_h, at_f), np.maximum(at_h, at_f)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = (_loglik(rule.rates(d, one), h, n, f, m) for one in (left, right))
    for _ in range(26):  # the interval shrinks to 4e-6 of what it was; the top is flat
        lower = at_left > at_right
        low, high = np.where(lower, low, left), np.where(lower, right, high)
        fresh = np.where(lower, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        value = _loglik(rule.rates(d, fresh), h, n, f, m)
        left, right = np.where(lower, fresh, right), np.where(lower, left, fresh)
        at_left, at_right = np.where(lower, value, at_right), np.where(lower, at_left, value)
    return np.maximum(at_left, at_right)
