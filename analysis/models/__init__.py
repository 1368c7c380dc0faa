"""Crossed mixed models, linear, binomial and ordinal: people and items both random, the numbers of lme4 and clmm.

>>> from analysis.models import Term, fit, marginal_d_prime
>>> fitted = fit(trials, "said_ai", ["1", "g", "c", "g:c"],
...              [Term("person", ["1", "c"]), Term("scene", ["1", "c", "g", "g:c"], correlated=False)],
...              family="binomial", link="probit")                                   # doctest: +SKIP
>>> fitted.fixed, fitted.random, fitted.state.messages                               # doctest: +SKIP
>>> marginal_d_prime(fitted, at={"g": -0.5}).interval(0.90)                          # doctest: +SKIP

Equations and sources: docs/models.md.
"""

from analysis.models.bootstrap import Bootstrap, bootstrap
from analysis.models.building import build
from analysis.models.design import Design, Model, Term
from analysis.models.fitting import fit, fit_design
from analysis.models.likelihood import Ratio, likelihood_ratio, profile_interval, profile_table
from analysis.models.marginal import marginal, marginal_d_prime, marginal_d_prime_difference
from analysis.models.reductions import Reduced, Reduction, declared_order, fit_reduced
from analysis.models.result import Contrast, Fit, State
from analysis.models.simulating import simulate
from analysis.models.spread import Spread, share_beyond, spread_below

__all__ = [
    "Bootstrap",
    "Contrast",
    "Design",
    "Fit",
    "Model",
    "Ratio",
    "Reduced",
    "Reduction",
    "Spread",
    "State",
    "Term",
    "bootstrap",
    "build",
    "declared_order",
    "fit",
    "fit_design",
    "fit_reduced",
    "likelihood_ratio",
    "marginal",
    "marginal_d_prime",
    "marginal_d_prime_difference",
    "profile_interval",
    "profile_table",
    "share_beyond",
    "simulate",
    "spread_below",
]
