r"""Two-alternative forced choice: which of two showed it, the first or the second, the left or the right.

The two observations are compared; their difference has SD :math:`\sqrt2` and means :math:`\pm d'`. With H the rate of
"first" when the target was first and F the rate of "first" when it was second (Macmillan & Creelman 2005, ch. 7;
Green & Swets 1966, ch. 3)

.. math:: d' = \frac{z(H) - z(F)}{\sqrt2}, \quad c = -\tfrac12[z(H) + z(F)].

c is the *side bias* in SDs of the difference: positive leans to the second. Without bias
:math:`d' = \sqrt2\,z(p_c)`; with a side bias that formula gives less than d′, which is why both rates are used here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from analysis.behaviour.checking import Array, numbers
from analysis.behaviour.detection import detection_of
from analysis.behaviour.rates import Counts, count, counts_by_person, counts_of, notes

ROOT_2 = float(np.sqrt(2.0))


@dataclass(frozen=True)
class ForcedChoice:
    """Sensitivity and side bias per person, from log-linear rates.

    Attributes
    ----------
    dprime
        In SDs of one observation: comparable with yes/no d′.
    se
        Its standard error for large samples.
    side_bias
        c; positive: leans to the second.
    percent_correct
        0 to 100, uncorrected.
    """

    dprime: Array
    se: Array
    side_bias: Array
    percent_correct: Array


def choose_first(
    hits: ArrayLike, first_trials: ArrayLike, false_alarms: ArrayLike, second_trials: ArrayLike
) -> ForcedChoice:
    """2AFC sensitivity and side bias from counts.

    Parameters
    ----------
    hits, first_trials
        "First" answers in trials whose target was first, and those trials.
    false_alarms, second_trials
        "First" answers in trials whose target was second, and those trials.

    Raises
    ------
    UsageError
        If the counts are not counts, or do not agree.
    """
    return _forced_choice(count(hits, first_trials, false_alarms, second_trials))


def dprime_of_percent_correct(percent_correct: ArrayLike) -> Array:
    r"""2AFC d′ of an unbiased observer, :math:`\sqrt2\,z(p_c)`; less than d′ where there is a side bias.

    Parameters
    ----------
    percent_correct
        Between 0 and 100, both excluded.
    """
    way_out = "give counts to choose_first(), which corrects rates of 0 and 1"
    share = numbers("percent correct", percent_correct, low=0.0, high=100.0, open_ends=True, way_out=way_out)
    return np.asarray(ROOT_2 * ndtri(share / 100.0))


def forced_choice_table(
    trials: pd.DataFrame,
    *,
    truth: str = "condition",
    value: str = "value",
    first: object = 1,
    second: object = 0,
) -> pd.DataFrame:
    """Every person's 2AFC sensitivity and side bias.

    Parameters
    ----------
    trials
        One row per trial: ``participant_id``, ``group``, where the target was, and whether the first was chosen
        (0, 1, or empty: no answer).
    truth, value
        Names of the columns of the place and of the choice.
    first, second
        The two values of the place.

    Returns
    -------
    pandas.DataFrame
        One row per person: ``participant_id, group, n_first, hits, n_second, false_alarms, n_missing, dprime, se,
        side_bias, percent_correct, note``.
    """
    people = counts_by_person(trials, truth=truth, value=value, signal=first, noise=second)
    counts = counts_of(people)
    found = _forced_choice(counts)
    return people.rename(columns={"n_signal": "n_first", "n_noise": "n_second"}).assign(
        dprime=found.dprime,
        se=found.se,
        side_bias=found.side_bias,
        percent_correct=found.percent_correct,
        note=notes(counts, "first", "second"),
    )


def _forced_choice(counts: Counts) -> ForcedChoice:
    yes_no = detection_of(counts)
    return ForcedChoice(yes_no.dprime / ROOT_2, yes_no.se / ROOT_2, yes_no.criterion, yes_no.percent_correct)
