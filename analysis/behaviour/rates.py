"""Hits, false alarms, and their rates.

A *signal* trial is one of the condition that is looked for (AI, target first, different pair), a *noise* trial one of
the other. Saying "it is there" (1) is a hit on the former and a false alarm on the latter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.behaviour.checking import Array, has_columns, numbers, together, zero_or_one
from protocols.base.errors import Fault, UsageError, listed

LOGLINEAR = 0.5
"""Added to hits and false alarms, and twice to their trials (Hautus 1995, Behav Res Methods 27:46)."""


@dataclass(frozen=True)
class Counts:
    """Answers of one or many people.

    Attributes
    ----------
    hits, signals
        "It is there" on signal trials, and signal trials.
    false_alarms, noises
        "It is there" on noise trials, and noise trials. All four of one shape, one element per person.
    """

    hits: Array
    signals: Array
    false_alarms: Array
    noises: Array

    @property
    def percent_correct(self) -> Array:
        """Correct answers in percent of all trials; NaN without trials."""
        right = self.hits + self.noises - self.false_alarms
        return 100.0 * _share(right, self.signals + self.noises)


def count(hits: ArrayLike, signals: ArrayLike, false_alarms: ArrayLike, noises: ArrayLike) -> Counts:
    """Counts that agree with each other.

    Parameters
    ----------
    hits, signals, false_alarms, noises
        Whole numbers from 0, of shapes that broadcast.

    Raises
    ------
    UsageError
        If a count is negative, broken or missing, or larger than its number of trials.
    """
    named = {"hits": hits, "signal trials": signals, "false alarms": false_alarms, "noise trials": noises}
    hint = "rates go into dprime_of_rates" if _looks_like_rates(hits, signals) else ""
    checked = [numbers(name, one, low=0.0, whole=True, way_out=hint) for name, one in named.items()]
    h, s, f, n = together(**dict(zip(("hits", "signals", "false_alarms", "noises"), checked, strict=True)))
    for what, part, whole in (("hits", h, s), ("false alarms", f, n)):
        if (part > whole).any():
            worst = np.flatnonzero(np.ravel(part > whole))[0]
            got = f"{np.ravel(part)[worst]:g} of {np.ravel(whole)[worst]:g}"
            raise UsageError(Fault(what, "are more than their trials", got=got))
    return Counts(h, s, f, n)


def loglinear_rate(answers: ArrayLike, trials: ArrayLike) -> Array:
    r"""Rate :math:`(k + .5)/(n + 1)`, never 0 or 1 (Hautus 1995, Behav Res Methods 27:46); NaN without trials.

    It is applied to everybody, not only where a rate is 0 or 1: that would favour whoever made an error.
    """
    k, n = together(answers=np.asarray(answers, float), trials=np.asarray(trials, float))
    return np.where(n > 0, (k + LOGLINEAR) / (n + 2 * LOGLINEAR), np.nan)


def raw_rate(answers: ArrayLike, trials: ArrayLike) -> Array:
    """Rate ``k / n``; NaN without trials."""
    return _share(*together(answers=np.asarray(answers, float), trials=np.asarray(trials, float)))


def counts_by_person(
    trials: pd.DataFrame,
    *,
    truth: str = "condition",
    value: str = "value",
    signal: object = 1,
    noise: object = 0,
) -> pd.DataFrame:
    """Count every person's answers.

    Parameters
    ----------
    trials
        One row per trial: ``participant_id``, ``group``, the truth, the answer (0, 1, or empty: no answer).
    truth, value
        Names of the columns of the truth and of the answer.
    signal, noise
        The two values of the truth, 1 and 0 or the names of two conditions.

    Returns
    -------
    pandas.DataFrame
        One row per person and group, in their order: ``participant_id, group, n_signal, hits, n_noise, false_alarms,
        n_missing``. Trials without an answer are in ``n_missing`` only.

    Raises
    ------
    UsageError
        If a column is missing, the truth has other values (leave those conditions out first), or an answer is not a
        choice.
    """
    table = has_columns(trials, ["participant_id", "group", truth, value])
    kinds = table[truth]
    other = ~kinds.isin([signal, noise])
    if other.any():
        got = listed(pd.unique(kinds[other].astype(str)), limit=5)
        accepted = f"{signal} and {noise}"
        way_out = "leave trials of other conditions out, or name two conditions with signal= and noise="
        problem = "holds other conditions"
        raise UsageError(Fault(f"column '{truth}'", problem, got=got, accepted=accepted, way_out=way_out))
    answers = zero_or_one(table, value)
    there, answered = (kinds == signal).to_numpy(), answers.notna().to_numpy()
    said = answers.to_numpy() == 1.0
    columns = {
        "n_signal": there & answered,
        "hits": there & said,
        "n_noise": ~there & answered,
        "false_alarms": ~there & said,
        "n_missing": ~answered,
    }
    frame = pd.DataFrame({name: column.astype(int) for name, column in columns.items()}, index=table.index)
    keys = [table["participant_id"], table["group"]]
    return frame.groupby(keys, sort=True, observed=True).sum().reset_index()


def counts_of(people: pd.DataFrame) -> Counts:
    """The counts of a table that :func:`counts_by_person` made, one element per row."""
    columns = ["hits", "n_signal", "false_alarms", "n_noise"]
    return Counts(*(people[name].to_numpy(dtype=float) for name in columns))


def notes(counts: Counts, signal: str = "signal", noise: str = "noise") -> list[str]:
    """What is wrong with each person's counts, in a clause; empty where nothing is."""
    said = []
    for h, s, f, n in zip(counts.hits, counts.signals, counts.false_alarms, counts.noises, strict=True):
        lacking = [name for name, trials in ((signal, s), (noise, n)) if trials == 0]
        if len(lacking) == 2:
            said.append("no answered trials")
        elif lacking:
            said.append(f"no answered {lacking[0]} trials")
        elif h + f in (0, s + n):
            said.append("gave the same answer in every trial: says nothing about sensitivity")
        else:
            said.append("")
    return said


def _share(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)


def _looks_like_rates(hits: ArrayLike, signals: ArrayLike) -> bool:
    try:
        h, s = np.asarray(hits, float), np.asarray(signals, float)
    except (TypeError, ValueError):
        return False
    return bool(h.size and ((h > 0) & (h < 1)).any() and (s >= 1).any())
