r"""Cumulative-link mixed models: answers in an order, people and items random.

Laplace's deviance is that of `laplace` with the *observed* information in the determinant, as in ``clmm`` of R's
ordinal (Christensen 2019), and with thresholds as further parameters: the first one and the logarithms of the distances
between neighbours, which keeps them in order wherever a search goes. The adjoint of `laplace` gives their derivatives
too. With leverages h, weights w and :math:`z = Z\Lambda q`, each bound of a row contributes

.. math:: \partial_U d_r = -2\,\partial_U \ell_r + h_r\,\partial_U w_r + z_r\,\partial_U s_r

and likewise by L; a threshold is the upper bound of the answers below it and the lower bound of those above.
"""

from __future__ import annotations

from functools import partial
from typing import cast

import numpy as np
from scipy.special import logit, ndtri

from analysis.models.design import Array, Design
from analysis.models.elimination import Products, cross_products
from analysis.models.families import Rows
from analysis.models.intervals import INTERVALS, Intervals
from analysis.models.laplace import Given, LaplaceObjective

_QUANTILE = {"logit": logit, "probit": ndtri}


def increasing(free: Array) -> Array:
    """Thresholds from the first one and the logarithms of their distances."""
    return np.cumsum(np.concatenate([free[:1], np.exp(free[1:])]))


def increments(cuts: Array) -> Array:
    """Inverse of `increasing`."""
    return np.concatenate([cuts[:1], np.log(np.diff(cuts))])


class OrdinalObjective(LaplaceObjective):
    """Deviance of a cumulative-link mixed model as a function of ``[theta, beta, first threshold, log increments]``.

    Natural parameters are the fixed effects and the thresholds.

    Parameters
    ----------
    design
        Model and arrays. The answers that were given are the categories; those that nobody gave do not exist.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(design)
        self.canonical = (
            True  # as for the logit link of choices, the determinant's matrix is the mode's Hessian
        )
        values, self.codes = design.categories
        self.n_cuts = len(values) - 1

    @property
    def size(self) -> int:
        """Number of parameters."""
        return super().size + self.n_cuts

    def scale(self) -> Array:
        """Natural scale of each parameter, (size,)."""
        return np.concatenate([super().scale(), np.ones(self.n_cuts)])

    def cuts(self, parameters: Array) -> Array:
        """Thresholds, (K - 1,)."""
        return increasing(parameters[self.design.n_theta + self.design.p :])

    def natural(self, rest: Array) -> Array:
        """Fixed effects and thresholds."""
        p = self.design.p
        return np.concatenate([rest[:p], increasing(rest[p:])])

    def rest(self, natural: Array) -> Array:
        """Inverse of `natural`."""
        p = self.design.p
        return np.concatenate([natural[:p], increments(natural[p:])])

    def jacobian(self, rest: Array) -> Array:
        """Derivative of `natural`, square."""
        p = self.design.p
        result = np.eye(len(rest))
        steps = np.concatenate([[1.0], np.exp(rest[p + 1 :])])
        result[p:, p:] = np.tril(np.ones((self.n_cuts, self.n_cuts))) * steps
        return result

    def guess(self) -> Array:
        """No effects; thresholds from the shares of the answers."""
        below = np.cumsum(np.bincount(self.codes, minlength=self.n_cuts + 1))[:-1] / self.design.n
        return np.concatenate([np.zeros(self.design.p), _QUANTILE[self.design.model.link](below)])

    def given(self, natural: Array) -> Given:
        """Offset and rows at the natural parameters."""
        design = self.design
        rows = partial(INTERVALS[design.model.link], self.codes, natural[design.p :])
        return Given(design.x @ natural[: design.p], rows)

    def products(self, rows: Rows) -> Products:
        """Information of the random effects and the natural parameters, all observed."""
        own = cast(Intervals, rows)
        a, b, x, n_cuts = self.design.a, self.design.b, self.design.x, self.n_cuts
        base = cross_products(self.design, rows.weight)
        # Second derivatives by η and each of the other parameters, (n, p + K - 1).
        of_upper, of_lower = own.score_by_bounds
        mixed = np.zeros((len(x), n_cuts + 2))
        every = np.arange(len(x))
        mixed[every, self.codes + 1] = -of_upper
        mixed[every, self.codes] = -of_lower
        mixed = np.column_stack([rows.weight[:, None] * x, mixed[:, 1:-1]])
        p = x.shape[1]
        cc = np.zeros((p + n_cuts, p + n_cuts))
        cc[:p] = x.T @ mixed
        cc[p:, :p] = cc[:p, p:].T
        # ℓ_UU = -s_U - ℓ_UL, and so for L.
        diagonal = self._by_cut(of_upper + own.crossed, of_lower + own.crossed)
        neighbours = -np.bincount(self.codes, own.crossed, minlength=n_cuts + 1)[1:-1]
        cc[p:, p:] = np.diag(diagonal) + np.diag(neighbours, 1) + np.diag(neighbours, -1)
        in_b = b.collect(mixed).reshape(b.size, p + n_cuts)
        return Products(base.aa, base.ab, base.bb, a.collect(mixed), in_b, cc)

    def score(self, rows: Rows) -> Array:
        """Derivative of the log-likelihood by the natural parameters at given random effects."""
        of_cuts = self._by_cut(*cast(Intervals, rows).by_bounds)
        return np.concatenate([self.design.x.T @ rows.score, of_cuts])

    def slope(self, rows: Rows, row_sums: Array, leverage: Array, along: Array) -> Array:
        """Derivative of the deviance by the natural parameters."""
        own = cast(Intervals, rows)
        upper, lower = (
            -2.0 * of_value + leverage * of_weight + along * of_score
            for of_value, of_weight, of_score in zip(
                own.by_bounds, own.weight_by_bounds, own.score_by_bounds, strict=True
            )
        )
        return np.concatenate([self.design.x.T @ row_sums, self._by_cut(upper, lower)])

    def _by_cut(self, upper: Array, lower: Array) -> Array:
        """Sums over the rows that a threshold bounds from above and from below, (K - 1,)."""
        k = self.n_cuts + 1
        of_upper = np.bincount(self.codes, upper, minlength=k)[:-1]
        return np.asarray(of_upper + np.bincount(self.codes, lower, minlength=k)[1:])
