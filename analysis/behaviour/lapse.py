r"""Lapses: how often people did not attend, from trials that everybody who attends gets right.

In a share λ of trials the answer has nothing to do with the clip and is right with probability g (½, if the catch
trials are half of the one and half of the other kind, whatever answer inattention prefers). Otherwise it is right. So
the error rate is :math:`\pi = \lambda(1 - g)`, and

.. math:: \lambda = \pi / (1 - g),

twice the error rate at g = ½. Lapses pull a true d′ of unbiased answers towards 0,

.. math:: d'_\text{seen} = 2 z\big(\tfrac12 + (1-\lambda)[\Phi(d'/2) - \tfrac12]\big) \approx (1-\lambda)\,d',

.50 becomes .30 at λ = .40. A true d′ at the bound Δ would be seen at about Δ(1 − λ), so that equivalence is repeated
there, with the upper limit of λ.

**The limit.** A few people make most of the errors. Clopper & Pearson's limit over pooled trials takes them as
independent and is too low (its 95 % are 70 % at ρ = .5, below); a bootstrap over people gives 0 when nobody erred. Here
the errors of a person are beta-binomial with mean π and correlation ρ between trials (Williams 1975, Biometrics
31:949). The limits are quantiles of π's posterior, ρ integrated out over a uniform prior. As in Clopper & Pearson's
limits the prior leans away from the estimate: uniform in π for upper limits, 1/π for the lower one. Where nobody errs,
the upper limit lies between that of all trials and that of as many trials as people. That these are confidence limits
is a calibration in the tests, not a theorem: the one-sided 95 % limit lies above the truth in 93 to 100 % of studies
of 8 to 34 people with 12 trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaln, gammaln, ndtr, ndtri

from analysis.behaviour.checking import Array, has_columns, numbers, one_number, together, zero_or_one
from protocols.base.errors import Fault, UsageError

_ANGLES = 600
_CORRELATIONS, _RHO_WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True)
class Lapse:
    """Lapse rate of one group.

    Attributes
    ----------
    rate
        Errors over trials, divided by 1 − guess; at most 1.
    low, high
        Two-sided limits.
    upper
        One-sided upper limit, for the bound.
    level
        Of both.
    errors, trials, people
        What they rest on; people without trials are not counted.
    note
        What is unusual, in words.
    """

    rate: float
    low: float
    high: float
    upper: float
    level: float
    errors: int
    trials: int
    people: int
    note: str = ""


def lapse_rate(errors: ArrayLike, trials: ArrayLike, *, guess: float = 0.5, level: float = 0.95) -> Lapse:
    """Lapse rate of a group, people being clusters.

    Parameters
    ----------
    errors, trials
        Wrong answers and answered catch trials of each person, (n,).
    guess
        Probability that an inattentive answer is right.
    level
        Confidence level of the limits.

    Raises
    ------
    UsageError
        If counts are not counts, there are more errors than trials, or nobody has a trial.
    """
    wrong = 1.0 - one_number("the chance to guess right", guess, low=0.0, high=0.999)
    one_number("the level", level, low=0.5, high=0.9999)
    checked = [numbers(f"catch {name}", one, low=0.0, whole=True)
               for name, one in (("errors", errors), ("trials", trials))]  # fmt: skip
    k, n = (np.atleast_1d(one).ravel() for one in together(errors=checked[0], trials=checked[1]))
    if (k > n).any():
        raise UsageError(
            Fault("errors", "are more than the trials", got=f"{k[k > n][0]:g} of {n[k > n][0]:g}")
        )
    k, n = k[n > 0], n[n > 0]
    if not len(n):
        way_out = "without catch trials the lapse rate is unknown, and the bound cannot be corrected for it"
        raise UsageError(Fault("the lapse rate", "has no answered catch trials", way_out=way_out))
    tail = (1.0 - level) / 2.0
    low, high, upper = np.minimum(1.0, _limits(k, n, tail, [1.0 - tail, level]) / wrong)
    error_rate = float(k.sum() / n.sum())
    note = ""
    if error_rate > wrong:
        note = "more errors than guessing makes: the answers may be reversed, or the task not understood"
    elif len(n) == 1:
        note = "one person only: the limits rest on the assumed spread of lapses over people"
    rate = min(1.0, error_rate / wrong)
    start = 0.0 if not k.any() else float(low)
    end, upper = (1.0, 1.0) if error_rate >= wrong else (float(high), float(upper))
    return Lapse(rate, start, end, upper, level, int(k.sum()), int(n.sum()), len(n), note)


def lapse_table(
    trials: pd.DataFrame, *, correct: str = "correct", guess: float = 0.5, level: float = 0.95
) -> pd.DataFrame:
    """Lapse rate of each group, from its catch trials.

    Parameters
    ----------
    trials
        One row per catch trial: ``participant_id``, ``group``, right (1) or wrong (0), empty without an answer.
    correct
        Name of the column of right and wrong.
    guess, level
        As for :func:`lapse_rate`.

    Returns
    -------
    pandas.DataFrame
        One row per group: ``group, n_people, n_trials, n_missing, errors, lapse, low, high, upper, level, note``.
        Trials without an answer are in ``n_missing`` only. A group without answered trials has NaN and a note.
    """
    table = has_columns(trials, ["participant_id", "group", correct])
    right = zero_or_one(table, correct)
    frame = table[["participant_id", "group"]].assign(
        errors=(right == 0.0).astype(int), trials=right.notna().astype(int), missing=right.isna().astype(int)
    )
    people = frame.groupby(["group", "participant_id"], sort=True, observed=True).sum().reset_index()
    rows = []
    for group, part in people.groupby("group", sort=True, observed=True):
        row: dict[str, object] = {"group": group, "n_people": int((part["trials"] > 0).sum())}
        row |= {"n_trials": int(part["trials"].sum()), "n_missing": int(part["missing"].sum())}
        row["errors"] = int(part["errors"].sum())
        if row["n_trials"]:
            found = lapse_rate(part["errors"], part["trials"], guess=guess, level=level)
            row |= {"lapse": found.rate, "low": found.low, "high": found.high, "upper": found.upper}
            row |= {"level": level, "note": found.note}
        else:
            row |= dict.fromkeys(("lapse", "low", "high", "upper"), np.nan)
            row |= {"level": level, "note": "no answered catch trials"}
        rows.append(row)
    return pd.DataFrame(rows)


def bound_after_lapse(bound: float, upper_lapse: float) -> float:
    """The equivalence bound at which a result is repeated: bound × (1 − upper limit of the lapse rate).

    Raises
    ------
    UsageError
        If the bound is not above 0 or the lapse not from 0 to below 1: at 1 nothing could have been seen.
    """
    size = one_number("the bound", bound, low=0.0, high=np.inf, open_ends=True)
    way_out = "with an upper limit of 1 the answers cannot show equivalence"
    lapse = numbers("the upper lapse rate", upper_lapse, low=0.0, high=1.0, way_out=way_out)
    if lapse.ndim or lapse == 1.0:
        raise UsageError(
            Fault("the upper lapse rate", "leaves no bound", got=str(upper_lapse), way_out=way_out)
        )
    return float(size * (1.0 - lapse))


def dprime_after_lapse(dprime: ArrayLike, lapse: ArrayLike) -> Array:
    """The d′ that is seen of a true one when unbiased answers lapse: .50 becomes .30 at 40 %.

    Parameters
    ----------
    dprime
        True yes/no d′.
    lapse
        Lapse rate, 0 to 1.
    """
    share = numbers("the lapse rate", lapse, low=0.0, high=1.0)
    return np.asarray(2.0 * ndtri(0.5 + (1.0 - share) * (ndtr(numbers("d′", dprime) / 2.0) - 0.5)))


def _limits(k: Array, n: Array, below: float, above: list[float]) -> Array:
    """Lower limit and upper limits of the error rate: posterior quantiles."""
    loglik = np.zeros((_ANGLES, len(_CORRELATIONS)))
    outcomes, times = np.unique(np.column_stack([k, n]), axis=0, return_counts=True)
    for (errors, trials), people in zip(outcomes, times, strict=True):
        loglik += people * _log_chance(int(errors), int(trials))
    edges, rates = _grid()
    likelihood = np.exp(loglik - loglik.max()) @ _RHO_WEIGHTS * np.diff(edges)
    limits: list[float] = []
    for weights, tails in ((likelihood / rates, [below]), (likelihood, above)):
        cumulative = np.concatenate([[0.0], np.cumsum(weights)])
        limits += list(np.interp(tails, cumulative / cumulative[-1], edges))
    return np.array(limits)


@lru_cache(maxsize=1)
def _grid() -> tuple[Array, Array]:
    """Edges and midpoints of error rates, close together near 0 and 1."""
    edges = np.sin(np.linspace(0.0, np.pi / 2.0, _ANGLES + 1)) ** 2
    return edges, (edges[1:] + edges[:-1]) / 2.0


@lru_cache(maxsize=128)
def _log_chance(errors: int, trials: int) -> Array:
    """Beta-binomial log-probability of so many errors, (error rates, correlations)."""
    rate = _grid()[1][:, None]
    correlation = (1.0 + _CORRELATIONS) / 2.0
    size = (1.0 - correlation) / correlation
    ways = gammaln(trials + 1.0) - gammaln(errors + 1.0) - gammaln(trials - errors + 1.0)
    a, b = rate * size, (1.0 - rate) * size
    return np.asarray(ways + betaln(errors + a, trials - errors + b) - betaln(a, b))
