"""New responses from a fitted model: new people, new items, new errors."""

from __future__ import annotations

import numpy as np

from analysis.models.design import Array, Design
from analysis.models.families import MEAN
from analysis.models.result import Fit
from protocols.base.seeds import generator


def simulate(fit: Fit, seed: int, *keys: str | int) -> Array:
    """Draw responses from a fit, (n,), in the order of its rows.

    Random effects are drawn anew for every person and item: the simulated study has the same design and other
    participants.

    Parameters
    ----------
    fit
        The model to draw from.
    seed, keys
        As in `protocols.base.seeds.generator`.
    """
    residual = np.array(list(fit.residual_sd.values()))
    factors = fit.design.factors(fit.theta)
    return draw(fit.design, factors, fit.beta, residual, generator(seed, *keys), cuts=fit.cuts)


def draw(
    design: Design,
    factors: tuple[Array, Array],
    beta: Array,
    residual: Array,
    random: np.random.Generator,
    *,
    cuts: Array | None = None,
) -> Array:
    """Draw responses, (n,).

    Parameters
    ----------
    factors
        Relative covariance factors of both sides.
    beta
        Fixed effects, (p,).
    residual
        Residual SD of each stratum at a weight of 1; empty for choices. The design's prior weights apply.
    cuts
        Thresholds of an ordinal model.
    """
    sigma = residual[0] if len(residual) else 1.0
    eta = design.x @ beta
    for side, factor in zip((design.a, design.b), factors, strict=True):
        eta = eta + side.spread(sigma * random.standard_normal((side.n_levels, side.k)) @ factor.T)
    if design.model.linear:
        sd = residual[design.stratum]
        if design.prior is not None:
            sd = sd / np.sqrt(design.prior)
        return np.asarray(eta + sd * random.standard_normal(design.n))
    mean = MEAN[design.model.link]
    if cuts is not None and len(cuts):
        values, _ = design.categories
        beyond = random.random(design.n)[:, None] > mean(cuts - eta[:, None])
        return np.asarray(values[beyond.sum(axis=1)])
    return (random.random(design.n) < mean(eta)).astype(float)
