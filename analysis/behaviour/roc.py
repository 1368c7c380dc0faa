r"""Receiver operating characteristic from answers with confidence.

A yes/no answer and a confidence of 1…L make one ordered scale of 2L steps, from "surely not" to "surely there". The
area under the empirical ROC is the chance that a signal trial stands higher on it than a noise trial, ties counting
half (Mann & Whitney 1947; Bamber 1975, J Math Psychol 12:387). Its standard error is DeLong, DeLong & Clarke-Pearson's
(1988, Biometrics 44:837), and Obuchowski's (1997, Biometrics 53:567) where trials belong to people: pooled trials are
not independent, and DeLong's formula takes them to be.

.. math:: d_a = \sqrt2\,z(AUC)

(Macmillan & Creelman 2005, ch. 3) is in the units of d′ and does not need equal variances. Few steps join the ROC by
straight lines below the true curve, so AUC and d_a come out somewhat small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit, logit, ndtri
from scipy.stats import norm, rankdata

from analysis.behaviour.checking import (
    Array,
    chosen,
    column_of_numbers,
    has_columns,
    numbers,
    one_number,
    zero_or_one,
)
from protocols.base.errors import Fault, UsageError

ROOT_2 = float(np.sqrt(2.0))


@dataclass(frozen=True)
class Area:
    """Area under an empirical ROC.

    Attributes
    ----------
    auc
        .5 at chance.
    se
        Its standard error; NaN with fewer than two signal or two noise trials (or people).
    d_a, se_d_a
        √2 z(AUC) and its standard error by the delta method; infinite and NaN where AUC is 0 or 1.
    n_signal, n_noise
        Trials.
    n_people
        People the trials belong to; None where they were taken as independent.
    """

    auc: float
    se: float
    d_a: float
    se_d_a: float
    n_signal: int
    n_noise: int
    n_people: int | None = None

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval of the AUC on the logit scale, inside 0 and 1; NaN where there is no error."""
        one_number("the level", level, low=0.0, high=1.0, open_ends=True)
        if not (0.0 < self.auc < 1.0 and np.isfinite(self.se)):
            return float("nan"), float("nan")
        half = norm.ppf(0.5 + level / 2.0) * self.se / (self.auc * (1.0 - self.auc))
        return float(expit(logit(self.auc) - half)), float(expit(logit(self.auc) + half))


def confidence_scale(answer: ArrayLike, confidence: ArrayLike, levels: int) -> Array:
    """One ordered scale, 1 to 2 × `levels`, of answers and confidences.

    Parameters
    ----------
    answer
        0 or 1 (there), (n,).
    confidence
        1 (guessed) to `levels` (sure), (n,).
    levels
        Steps of confidence.

    Returns
    -------
    numpy.ndarray
        (n,): 1 is "surely not", `levels` "perhaps not", `levels` + 1 "perhaps", 2 × `levels` "surely there".

    Raises
    ------
    UsageError
        If an answer is not 0 or 1, or a confidence not one of the levels.
    """
    top = one_number("levels", levels, low=1.0, whole=True)
    said = numbers("the answers", answer, low=0.0, high=1.0, whole=True)
    sure = numbers("the confidences", confidence, low=1.0, high=top, whole=True)
    if said.shape != sure.shape:
        got = f"{said.size} and {sure.size}"
        raise UsageError(Fault("answers and confidences", "differ in number", got=got))
    return np.where(said == 1.0, top + sure, top + 1.0 - sure)


def area(signal: ArrayLike, noise: ArrayLike) -> Area:
    """AUC of ratings, every trial independent of the others (one person), with DeLong's standard error.

    Parameters
    ----------
    signal, noise
        Ratings of signal and noise trials; only their order counts.

    Raises
    ------
    UsageError
        If there is no signal or no noise trial, or a rating is missing.
    """
    x, y = (
        np.ravel(numbers(name, one)) for name, one in (("signal ratings", signal), ("noise ratings", noise))
    )
    _both(len(x), len(y))
    return _area(*_placements(x, y))


def area_over_people(
    signal: ArrayLike, noise: ArrayLike, signal_people: ArrayLike, noise_people: ArrayLike
) -> Area:
    """AUC of pooled ratings with people as clusters (Obuchowski 1997); DeLong's if everybody has one trial.

    Parameters
    ----------
    signal, noise
        Ratings.
    signal_people, noise_people
        Whose they are, of the same lengths.

    Notes
    -----
    People place their criteria differently, so that the pooled AUC is smaller than the mean of the people's own.
    """
    x, y = (
        np.ravel(numbers(name, one)) for name, one in (("signal ratings", signal), ("noise ratings", noise))
    )
    _both(len(x), len(y))
    of_x, of_y = (np.ravel(np.asarray(one, dtype=object)) for one in (signal_people, noise_people))
    if (len(of_x), len(of_y)) != (len(x), len(y)):
        got = f"{len(of_x)} and {len(of_y)} people for {len(x)} and {len(y)} ratings"
        raise UsageError(Fault("people and ratings", "differ in number", got=got))
    codes, names = pd.factorize(np.concatenate([of_x, of_y]))
    if (codes < 0).any():
        raise UsageError(Fault("the people", "are missing for some ratings"))
    return _area(*_placements(x, y), codes[: len(x)], codes[len(x) :], len(names))


def roc_points(signal: ArrayLike, noise: ArrayLike) -> pd.DataFrame:
    """Points of the empirical ROC, one for each rating as criterion.

    Returns
    -------
    pandas.DataFrame
        ``criterion`` (there is said from this rating up; infinite for the point at 0, 0), ``false_alarm_rate``,
        ``hit_rate``, both cumulative and rising from 0 to 1.
    """
    x, y = (
        np.ravel(numbers(name, one)) for name, one in (("signal ratings", signal), ("noise ratings", noise))
    )
    _both(len(x), len(y))
    criteria = np.unique(np.concatenate([x, y]))[::-1]
    rates = [1.0 - np.searchsorted(np.sort(one), criteria, side="left") / len(one) for one in (y, x)]
    frame = pd.DataFrame({"criterion": criteria, "false_alarm_rate": rates[0], "hit_rate": rates[1]})
    start = pd.DataFrame({"criterion": [np.inf], "false_alarm_rate": [0.0], "hit_rate": [0.0]})
    return pd.concat([start, frame], ignore_index=True)


def roc_table(
    trials: pd.DataFrame, *, by: str = "person", truth: str = "condition", rating: str = "rating"
) -> pd.DataFrame:
    """AUC and d_a of every person, or of every group's pooled trials.

    Parameters
    ----------
    trials
        One row per trial: ``participant_id``, ``group``, the truth (0 or 1), the rating (empty: no answer).
    by
        ``person`` (DeLong's error) or ``group`` (Obuchowski's, people as clusters).
    truth, rating
        Names of the columns.

    Returns
    -------
    pandas.DataFrame
        ``participant_id`` (for people), ``group, n_signal, n_noise, n_missing, auc, se, d_a, se_d_a, note``. Whoever
        lacks one kind of trial has NaN and a note.
    """
    keys = ["participant_id", "group"] if chosen("by", by, ["person", "group"]) == "person" else ["group"]
    table, ratings = _checked(trials, truth, rating)
    rows = []
    for key, part in table.groupby(keys, sort=True, observed=True):
        there, values = part[truth] == 1.0, ratings[part.index]
        rated = values.notna()
        x, y = values[there & rated], values[~there & rated]
        row: dict[str, object] = dict(zip(keys, key, strict=True))
        row |= {"n_signal": len(x), "n_noise": len(y), "n_missing": int((~rated).sum())}
        if len(x) and len(y):
            people = part["participant_id"]
            found = area(x, y) if by == "person" else area_over_people(x, y, people[x.index], people[y.index])
            row |= {"auc": found.auc, "se": found.se, "d_a": found.d_a, "se_d_a": found.se_d_a}
            row["note"] = "" if 0.0 < found.auc < 1.0 else "no overlap: d_a is infinite"
            if values.min() == values.max():
                row["note"] = "gave the same rating in every trial: says nothing about sensitivity"
        else:
            row |= dict.fromkeys(("auc", "se", "d_a", "se_d_a"), np.nan)
            lacking = "noise trials" if len(x) else "signal trials" if len(y) else "trials"
            row["note"] = f"no rated {lacking}"
        rows.append(row)
    return pd.DataFrame(rows)


def roc_points_table(
    trials: pd.DataFrame, *, by: str = "person", truth: str = "condition", rating: str = "rating"
) -> pd.DataFrame:
    """Points of the empirical ROC of every person or group: :func:`roc_points`, with their names in front.

    Whoever lacks one kind of trial has no points.
    """
    keys = ["participant_id", "group"] if chosen("by", by, ["person", "group"]) == "person" else ["group"]
    table, ratings = _checked(trials, truth, rating)
    table = table.assign(rated=ratings)[ratings.notna()]
    parts = []
    for key, part in table.groupby(keys, sort=True, observed=True):
        there = part[truth] == 1.0
        if there.any() and not there.all():
            points = roc_points(part["rated"][there], part["rated"][~there])
            named: dict[str, Any] = dict(zip(keys, key, strict=True))
            parts.append(points.assign(**named))
    columns = [*keys, "criterion", "false_alarm_rate", "hit_rate"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _checked(trials: pd.DataFrame, truth: str, rating: str) -> tuple[pd.DataFrame, pd.Series]:
    table = has_columns(trials, ["participant_id", "group", truth, rating]).reset_index(drop=True)
    kinds = zero_or_one(table, truth)
    if kinds.isna().any():
        empty = int(kinds.isna().sum())
        raise UsageError(Fault(f"column '{truth}'", f"is empty in {empty} of {len(table)} rows"))
    return table.assign(**{truth: kinds}), column_of_numbers(table, rating)


def _both(signals: int, noises: int) -> None:
    if not (signals and noises):
        got = f"{signals} signal and {noises} noise trials"
        raise UsageError(Fault("an ROC", "needs trials of both kinds", got=got))


def _placements(x: Array, y: Array) -> tuple[Array, Array]:
    """For each signal the share of noise below it, for each noise the share of signals above it; ties half."""
    m, n = len(x), len(y)
    ranks = rankdata(np.concatenate([x, y]))
    of_x = (ranks[:m] - rankdata(x)) / n
    of_y = 1.0 - (ranks[m:] - rankdata(y)) / m
    return of_x, of_y


def _area(
    of_x: Array, of_y: Array, people_x: Array | None = None, people_y: Array | None = None, people: int = 0
) -> Area:
    m, n = len(of_x), len(of_y)
    auc = float(np.clip(of_x.mean(), 0.0, 1.0))
    off_x, off_y = of_x - auc, of_y - auc
    variance = float("nan")
    if people_x is None or people_y is None:
        if m > 1 and n > 1:
            variance = float(np.var(of_x, ddof=1) / m + np.var(of_y, ddof=1) / n)
    else:
        sum_x, sum_y = (np.bincount(who, off, people) for who, off in ((people_x, off_x), (people_y, off_y)))
        with_x, with_y = len(np.unique(people_x)), len(np.unique(people_y))
        if with_x > 1 and with_y > 1:
            of_signals = with_x / (with_x - 1) * (sum_x @ sum_x) / m**2
            of_noises = with_y / (with_y - 1) * (sum_y @ sum_y) / n**2
            shared = 2.0 * people / (people - 1) * (sum_x @ sum_y) / (m * n)
            variance = float(of_signals + of_noises + shared)
    se = float(np.sqrt(max(variance, 0.0))) if np.isfinite(variance) else float("nan")
    d_a = float(ROOT_2 * ndtri(auc))
    se_d_a = float(ROOT_2 * se / norm.pdf(d_a / ROOT_2)) if np.isfinite(d_a) else float("nan")
    return Area(auc, se, d_a, se_d_a, m, n, people or None)
