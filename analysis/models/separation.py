r"""Whether the fixed effects separate the answers, so that the likelihood has no maximum.

There is a direction :math:`b` with :math:`(2y_r - 1)\,x_r'b \ge 0` in every row and > 0 in some exactly when estimates
run off to infinity (Albert & Anderson 1984, Biometrika 71:1). A linear program looks for it. Ordered answers are the
same with thresholds: there is a direction (a, b) with :math:`a_{k-1} \le x_r'b \le a_k` for the answer k of every row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from analysis.models.design import Array, Design


def separating(design: Design) -> Array | None:
    """A separating direction of the fixed effects, (p,), largest element 1; None where there is none."""
    kinds, which = design.kinds  # a design has few kinds of rows
    if design.model.ordinal:
        return _separating_answers(design, kinds, which)
    yes = np.bincount(which, design.y, minlength=len(kinds)) > 0
    no = np.bincount(which, 1.0 - design.y, minlength=len(kinds)) > 0
    if (yes & no).all():
        return None
    return _direction(np.concatenate([kinds[yes], -kinds[no]]), design.p)


def _separating_answers(design: Design, kinds: Array, which: NDArray[np.intp]) -> Array | None:
    values, codes = design.categories
    n_cuts = len(values) - 1
    if not n_cuts:
        return np.zeros(design.p)
    seen = np.zeros((len(kinds), n_cuts + 1), bool)
    seen[which, codes] = True
    if seen.all():
        return None
    kind, answer = np.nonzero(seen)
    every = np.arange(len(kind))
    thresholds = np.zeros((2, len(kind), n_cuts + 2))
    thresholds[0, every, answer + 1] = 1.0
    thresholds[1, every, answer] = -1.0
    above = np.concatenate([thresholds[0, :, 1:-1], -kinds[kind]], axis=1)[answer < n_cuts]
    below = np.concatenate([thresholds[1, :, 1:-1], kinds[kind]], axis=1)[answer > 0]
    return _direction(np.concatenate([above, below]), design.p)


def _direction(rows: Array, p: int) -> Array | None:
    """The last `p` elements of a direction that no row goes against; None if there is none."""
    found = linprog(
        -rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1.0, 1.0), method="highs"
    )
    if found.status != 0 or -found.fun < 1e-7:
        return None
    direction = found.x[-p:] if p else found.x[:0]
    return np.asarray(direction / np.max(np.abs(direction), initial=1e-12))


def separation_words(design: Design, direction: Array) -> str:
    """The separation as a sentence."""
    effects = [name for name, part in zip(design.model.fixed, direction, strict=True) if abs(part) > 1e-6]
    if len(np.unique(design.y)) == 1:
        return f"all {design.n} answers are {design.y[0]:g}: without variation nothing can be estimated"
    if design.model.ordinal:
        return (
            f"the answers are separated by {', '.join(effects)}: along some combination of these effects higher and "
            "lower answers do not overlap, so the estimates would be infinite and their standard errors mean nothing"
        )
    return (
        f"the answers are separated by {', '.join(effects)}: some combination of these effects was always answered the "
        "same way, so the estimates would be infinite and their standard errors mean nothing"
    )


def constant_words(design: Design) -> str:
    """That people (or items) never change their answer, as a clause; empty where some do.

    With the thresholds moving apart and the variance growing, such answers become ever more likely.
    """
    values, codes = design.categories
    for group in design.model.groups:
        side = design.side(group)
        counts = np.zeros((side.n_levels, len(values)), bool)
        counts[side.codes, codes] = True
        if "1" in side.effects and (counts.sum(axis=1) == 1).all():
            return (
                f"every level of '{group}' has the same answer in all its rows, so the variance of '1' over {group} "
                "would be infinite"
            )
    return ""
