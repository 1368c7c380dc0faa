r"""Weights of scene values in a crossed linear model, from the standard errors that came with them (INFERENCE 2, 7).

The residual of a single clip's value has two parts: how much the response itself varies from clip to clip (variance
:math:`\tau^2`, the same for all rows), and the first level's error (:math:`s_i^2`, which the table gives). The right
weights are :math:`1/(\tau^2 + s_i^2)`; :math:`1/s_i^2` is right only where :math:`\tau^2 = 0`. Where it is not,
:math:`1/s_i^2` overrates the rows with small errors, and because the model believes its weights, the standard error of
the effect is too small. Let f be the first level's share of the residual variance and CV the coefficient of variation
of s (lognormal). With nothing but the residual (the worst case; variance over people and scenes dilutes it), true
variance of the effect over the model's, size of a test at .05, and efficiency beside no weights:

====  ===  ====================  ======================
CV    f    1/s^2                 s at least its median
====  ===  ====================  ======================
.1    .3   1.03  .053   .98      1.01  .051  1.00
.3    .3   1.32  .088   .83      1.04  .055  1.01
.3    .7   1.15  .068  1.09      1.00  .050  1.13
.3    1    1.00  .050  1.41       .96  .045  1.24
.6    .3   3.15  .269   .40      1.12  .064  1.04
.6    .7   2.43  .208   .82      1.01  .051  1.46
.6    1    1.00  .050  3.41       .89  .037  2.09
====  ===  ====================  ======================

(ratio :math:`E[w^2 v]/(E[w]\,E[wv])` with the rows' true variances v). f is not known beforehand, and a deciding
test must hold its level whatever it is. So the rule here: **a standard error below its group's median counts as the
median; above it, the weight is in proportion to 1/s^2.** Noisy values count less, none counts for more than a typical
one, and a single tiny s cannot dominate. In the table it is nowhere less efficient than no weights. Simulated crossed
studies (20 people, 12 scenes, 400 of each cell) show the same order, milder: at CV .6 and f .3 the efficiency is .63
with 1/s^2 and .96 with the rule, and the mean squared standard error .87 and 1.00 times the true variance.

Tests over people stay unweighted: a mean of a person's values weighted by their errors would be another quantity
wherever errors and scenes go together, and that test stands beside the result as the plain one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.measures.table import MeasureTable
from analysis.models.building import build
from analysis.models.design import Array, Model
from analysis.models.fitting import fit_design, weigh
from analysis.models.reductions import Reduced, Reduction, Tried, _reason, _tried, _verdict, _without

WEIGHT = "weight"
WEIGHTED = "scene values weighted by 1/se^2, se at least its group's median"
"""What a method says of an analysis with weights; the methods text looks for it."""


@dataclass(frozen=True)
class Weighing:
    """How the rows of a table enter a crossed model.

    Attributes
    ----------
    weights
        One per row, (n,); None: every row counts the same.
    note
        For the analysis in words: that values were weighted, or why not although there are standard errors. Empty where
        there are none, or all within a group are the same.
    """

    weights: Array | None
    note: str


def weighing_of(table: MeasureTable, used: pd.DataFrame) -> Weighing:
    """Weights of the rows `used`, which are included rows of `table`.

    All hypotheses on a table are weighted or none is: whether standard errors are complete is asked of all its included
    rows, not only of those compared.
    """
    sidecar = table.sidecar
    if (sidecar.statistic, sidecar.level, sidecar.family) != ("percent_signal_change", "neural", "gaussian"):
        return Weighing(None, "")
    every = table.used["se"].to_numpy(float)
    known = np.isfinite(every) & (every > 0)
    if np.isnan(every).all():
        return Weighing(None, "")
    if not known.all():
        missing = int((~known).sum())
        note = f"unweighted, because {missing} of {len(every)} values have no standard error above 0"
        return Weighing(None, note)
    weights = np.ones(len(used))
    for _, places in used.reset_index(drop=True).groupby("group").indices.items():
        weights[places] = precision_weights(used["se"].to_numpy(float)[places])
    if (weights == 1.0).all():
        return Weighing(None, "")
    return Weighing(weights, WEIGHTED)


def precision_weights(errors: Array) -> Array:
    r"""Weights :math:`\overline{s^2} / s_i^2` of one group's values, errors below their median raised to it.

    Parameters
    ----------
    errors
        Standard errors, finite and above 0, (n,).

    Returns
    -------
    numpy.ndarray
        (n,), exactly 1 where all errors are the same. The mean of 1 / weight is 1, so that a residual SD at a weight of
        1 is, under the model, the root mean square over the group's values.
    """
    relative = (np.maximum(errors, np.median(errors)) / np.max(errors)) ** 2  # equal ones are 1 exactly
    return np.asarray(relative.mean() / relative)


def reduce_weighted(data: pd.DataFrame, model: Model, order: tuple[Reduction, ...]) -> Reduced:
    """`fit_reduced` for a model with prior weights: the same steps for the same reasons."""
    current = fit_design(weigh(build(data, model), data))
    tried: list[Tried] = []
    for step in order:
        reason = _reason(current, step)
        smaller = _without(current.model, step) if reason else None
        if smaller is None:
            continue
        tried.append(_tried(current, f"{reason}: next without {step}"))
        current = fit_design(weigh(build(data, current.model.with_random(smaller)), data))
        if current.state.usable and not current.state.singular:
            break
    tried.append(_tried(current, _verdict(current)))
    return Reduced(current, tuple(tried))
