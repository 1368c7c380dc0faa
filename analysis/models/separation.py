r"""Whether the fixed effects separate the answers, so that the likelihood has no maximum.

There is a direction :math:`b` with :math:`(2y_r - 1)\,x_r'b \ge 0` in every row and > 0 in some exactly when estimates
run off to infinity (Albert & Anderson 1984, Biometrika 71:1). A linear program looks for it.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from analysis.models.design import Array, Design


def separating(design: Design) -> Array | None:
    """A separating direction, (p,), largest element 1; None where there is none."""
    kinds, which = design.kinds  # a design has few kinds of rows
    yes = np.bincount(which, design.y, minlength=len(kinds)) > 0
    no = np.bincount(which, 1.0 - design.y, minlength=len(kinds)) > 0
    if (yes & no).all():
        return None
    rows = np.concatenate([kinds[yes], -kinds[no]])
    found = linprog(
        -rows.sum(axis=0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=(-1.0, 1.0), method="highs"
    )
    if found.status != 0 or -found.fun < 1e-7:
        return None
    return np.asarray(found.x / np.max(np.abs(found.x)))


def separation_words(design: Design, direction: Array) -> str:
    """The separation as a sentence."""
    effects = [name for name, part in zip(design.model.fixed, direction, strict=True) if abs(part) > 1e-6]
    if len(np.unique(design.y)) == 1:
        return f"all {design.n} answers are {design.y[0]:g}: without variation nothing can be estimated"
    return (
        f"the answers are separated by {', '.join(effects)}: some combination of these effects was always answered the "
        "same way, so the estimates would be infinite and their standard errors mean nothing"
    )
