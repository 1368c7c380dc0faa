"""Fitting a mixed model to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.models.building import build
from analysis.models.design import Array, Design, Model, Term, wrong
from analysis.models.elimination import Indefinite
from analysis.models.estimating import Estimated, Objective, estimate, objective_of
from analysis.models.linear import LinearObjective
from analysis.models.result import Fit, State, boundary_words
from analysis.models.separation import constant_words, separating, separation_words
from analysis.models.threads import one_thread
from protocols.base.errors import listed

FEW = 12  # levels below which a claim holds for these levels only (INFERENCE 2)
_RELATIVE_ZERO = 1e-10


def fit(
    data: pd.DataFrame,
    response: str,
    fixed: Sequence[str],
    random: Sequence[Term],
    *,
    family: str = "gaussian",
    link: str | None = None,
    reml: bool = True,
    residual_by: str | None = None,
    weights: str | None = None,
    start: Fit | None = None,
) -> Fit:
    r"""Fit a linear, binomial or ordinal mixed model with one or two crossed grouping factors.

    Parameters
    ----------
    data
        One row per value or trial.
    response
        Column of the values; 0 and 1 for binomial models; for ordinal ones any numbers, of which the order counts
        (3 to 30 different ones).
    fixed
        Fixed effects: ``"1"``, numeric columns, and products of them, ``["1", "g", "c", "g:c"]``. Without ``"1"``, and
        possibly empty, for ordinal models: their thresholds take its place.
    random
        Random terms: ``[Term("person", ["1", "c"]), Term("scene", ["1", "c"], correlated=False)]``.
    family, link
        ``gaussian``, or ``binomial`` or ``ordinal`` with ``logit`` (the default there) or ``probit``.
    reml
        Restricted likelihood for linear models; False gives maximum likelihood, which tests of fixed effects by
        likelihood ratio need.
    residual_by
        Column whose values have residual SDs of their own (linear only).
    weights
        Column of prior weights above 0 (linear only), as lme4's ``weights``: the residual variance of row i is
        :math:`\sigma^2/w_i`. They are known relative precisions, not counts of rows: their unit changes only σ.
    start
        A similar fit to start from.

    Returns
    -------
    Fit
        Tables and state. What went wrong with an estimable design (separation, a singular covariance, no
        convergence, few levels) is said in ``state``, never raised.

    Raises
    ------
    InputError
        If the table cannot be used: columns missing, empty or not numeric, effects made of each other, weights
        that are not above 0.

    Examples
    --------
    >>> fit(trials, "said_ai", ["1", "g", "c", "g:c"], [Term("person", ["1", "c"]), Term("scene", ["1"])],
    ...     family="binomial", link="probit").fixed  # doctest: +SKIP
    """
    link = link or ("identity" if family == "gaussian" else "logit")
    model = Model(response, tuple(fixed), tuple(random), family, link, reml, residual_by, weights)
    return fit_design(weigh(build(data, model), data), start=start)


def weigh(design: Design, data: pd.DataFrame) -> Design:
    """The design with the prior weights its model names; as it is where it names none.

    Raises
    ------
    InputError
        If the column is missing, not numeric, or holds anything but finite numbers above 0.
    """
    name = design.model.weights
    if name is None:
        return design
    item = f"column '{name}'"
    if name not in data:
        raise wrong(item, "is not in the table", "", listed(data.columns))
    if not pd.api.types.is_numeric_dtype(data[name]):
        raise wrong(item, "is not numeric", listed(data[name].unique()), "weights above 0")
    prior = data[name].to_numpy(float)
    bad = ~(np.isfinite(prior) & (prior > 0))
    if bad.any():
        problem = f"holds {int(bad.sum())} weights in {design.n} rows that are missing or not above 0"
        raise wrong(item, problem, listed(prior[bad]), "finite numbers above 0")
    return replace(design, prior=prior)


def fit_design(design: Design, *, start: Fit | None = None, exact: bool = True) -> Fit:
    """Fit a model whose arrays are laid out already.

    Parameters
    ----------
    design
        Model and arrays.
    start
        A similar fit: its estimates are the start and its curvature the first guess.
    exact
        Whether to compute the Hessian, which proves the minimum and gives binomial standard errors. Refits of
        a bootstrap do without.
    """
    reason = _hopeless(design)
    if reason:
        return _without_estimates(design, reason, separated=not design.model.linear)
    with one_thread():
        objective = objective_of(design)
        try:
            point, curvature = _from(start, objective)
            found = estimate(objective, start=point, curvature=curvature, exact=exact)
        except (Indefinite, np.linalg.LinAlgError):
            return _without_estimates(
                design, "the search met a system that could not be solved: no estimates"
            )
        if not found.converged and isinstance(objective, LinearObjective) and objective.explains_all(found.x):
            return _without_estimates(design, "the random effects explain every value exactly")
        return finished(objective, found)


def _from(start: Fit | None, objective: Objective) -> tuple[Array, Array] | tuple[None, None]:
    """Start and curvature from a similar fit, its zeros lifted off the ridge."""
    if start is None or not start.state.usable or len(start.estimated.x) != objective.size:
        return None, None
    x = start.estimated.x.copy()
    n_theta = objective.design.n_theta
    low = 0.1 * objective.scale()[:n_theta]
    theta = x[:n_theta]
    theta[objective.design.diagonal & (theta < low)] = low[objective.design.diagonal & (theta < low)]
    return x, start.estimated.curvature


def finished(objective: Objective, found: Estimated) -> Fit:
    """The result of a search, put in words."""
    design = objective.design
    model = design.model
    if isinstance(objective, LinearObjective):
        state = objective.state(found.x)
        beta, sigma = state.beta, objective.sigma(state)
    else:
        beta, sigma = found.x[design.n_theta : design.n_theta + design.p], 1.0
    first = len(design.a.rows)
    theta = found.x[: design.n_theta]
    boundary: list[str] = []
    for group in model.groups:
        side = design.side(group)
        boundary += boundary_words(side, theta[:first] if side is design.a else theta[first:])
    messages = [f"Singular: {clause}." for clause in boundary]
    if not found.converged:
        messages.append("Not converged: the search ended before the deviance stopped falling; do not use.")
    messages += few_words(design)
    state_ = State(found.converged, bool(boundary), False, tuple(boundary), tuple(messages))
    return Fit(model, design, objective, found, state_, np.asarray(beta), sigma)


def few_words(design: Design) -> list[str]:
    """A sentence for each grouping column with too few levels to stand for others."""
    words = []
    for group in design.model.groups:
        count = design.side(group).n_levels
        if count < FEW:
            words.append(
                f"Only {count} levels of '{group}', fewer than {FEW}: the result holds for these, and says nothing "
                "of others."
            )
    return words


def _hopeless(design: Design) -> str:
    """Why nothing can be estimated, or an empty string."""
    for group in design.model.groups:
        side = design.side(group)
        if side.n_levels < 2:
            return f"'{group}' has one level only: its variance cannot be estimated"
    if not design.model.linear:
        direction = separating(design)
        if direction is not None:
            return separation_words(design, direction)
        return constant_words(design) if design.model.ordinal else ""
    if design.n <= design.p:
        return f"{design.n} rows for {design.p} fixed effects leave nothing to estimate their error from"
    for side in (design.a, design.b):
        if side.k and side.size >= design.n and len(design.strata) < 2:
            return (
                f"{design.n} rows cannot tell {side.size} random effects of '{side.group}' from the residual: "
                "leave out an effect that is observed once per level"
            )
    coefficients, *_ = np.linalg.lstsq(design.x, design.y, rcond=None)
    residuals = design.y - design.x @ coefficients
    if np.max(np.abs(residuals)) <= _RELATIVE_ZERO * max(float(np.max(np.abs(design.y))), 1e-300):
        return "the fixed effects explain every value exactly: without variation nothing can be estimated"
    return ""


def _without_estimates(design: Design, reason: str, *, separated: bool = False) -> Fit:
    objective = objective_of(design)
    m = objective.size
    missing = np.full(m, np.nan)
    found = Estimated(
        missing, np.nan, missing, np.full((m, m), np.nan), False, np.ones(m), np.zeros(m, bool), False, 0
    )
    state = State(False, False, separated, (), (f"Not estimated: {reason}.", *few_words(design)))
    return Fit(design.model, design, objective, found, state, np.full(design.p, np.nan), np.nan)
