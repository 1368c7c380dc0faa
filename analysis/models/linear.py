r"""The linear mixed model: profiled deviance or REML criterion, and its gradient.

With :math:`K` as in `elimination`, :math:`r^2(\theta)` the penalized residual sum of squares at its minimum over
:math:`u` and :math:`\beta`, and residual variances :math:`\sigma^2/(w_g \omega_i)` with prior weights
:math:`\omega_i` (1 where there are none; W holds the products),

.. math:: d(\theta, w) = \log|K_{uu}| [+ \log|X'V^{-1}X|] - \sum_g n_g \log w_g - \sum_i \log \omega_i
          + m\,(1 + \log(2\pi r^2/m)), \quad m = n [- p]

(Bates et al. 2015, eq. 34 and 41; the terms in brackets belong to REML). Its derivatives follow from
:math:`\partial \log|K| = \mathrm{tr}(K^{-1}\partial K)` and, because :math:`r^2` is at a minimum,
:math:`\partial r^2/\partial\Lambda = -2 \sum_j Z_j'We\,u_j'` with residuals e.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.models.design import Array, Design
from analysis.models.elimination import Factor, Indefinite, Products, cross_products

EXACT = 1e-11
"""Share of the sum of squares below which what is left is rounding error."""
LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class LinearState:
    r"""Everything at one value of the parameters.

    Attributes
    ----------
    beta
        Fixed effects, (p,).
    b_a, b_b
        Predicted random effects, (levels, k) each.
    pwrss
        Penalized, weighted residual sum of squares.
    residuals
        Values less fixed and predicted random effects, unweighted, (n,).
    weights
        Weight of each stratum, (strata,), apart from the rows' prior weights.
    r_x
        Lower Cholesky factor of :math:`X'V^{-1}X\sigma^2`, (p, p).
    """

    factor: Factor
    beta: Array
    b_a: Array
    b_b: Array
    pwrss: float
    residuals: Array
    weights: Array

    @property
    def r_x(self) -> Array:
        """Lower Cholesky factor of the fixed effects' information at σ = 1."""
        return self.factor.r_x


class LinearObjective:
    """Criterion of a linear mixed model as a function of ``[theta, log ratios of the residual SDs]``.

    The ratios are those of the second, third, … stratum of ``residual_by`` to the first.

    Parameters
    ----------
    design
        Model and arrays.
    reml
        Whether the criterion is restricted; the model's own choice if None.
    """

    def __init__(self, design: Design, reml: bool | None = None) -> None:
        self.design = design
        self.reml = design.model.reml if reml is None else reml
        self.n_strata = max(1, len(design.strata))
        # Responses are centered on the least-squares fit: large means would cost digits in r².
        self.center = np.linalg.lstsq(design.x, design.y, rcond=None)[0] if design.p else np.zeros(0)
        self.y = design.y - design.x @ self.center
        columns = np.column_stack([design.x, self.y])
        self.prior = design.prior_weights
        self.log_prior = float(np.log(self.prior).sum())
        self.unit = float(1.0 / np.sqrt(self.prior.mean()))  # of theta
        if self.n_strata == 1:
            self.gram = [cross_products(design, self.prior, columns)]
            self.counts = np.array([float(design.n)])
        else:
            inside = [(design.stratum == g).astype(float) for g in range(self.n_strata)]
            self.gram = [cross_products(design, self.prior * own, columns) for own in inside]
            self.counts = np.array([own.sum() for own in inside])

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.design.n_theta + self.n_strata - 1

    def scale(self) -> Array:
        """Natural scale of each parameter, (size,)."""
        # theta is relative to the SD of a row of weight 1: other units of the weights change nothing but σ.
        sides = np.concatenate([self.design.a.scale, self.design.b.scale])
        return np.concatenate([self.unit * sides, np.ones(self.n_strata - 1)])

    @property
    def m(self) -> int:
        """Residual degrees of freedom of the criterion: n, or n - p for REML."""
        return self.design.n - (self.design.p if self.reml else 0)

    def state(self, parameters: Array) -> LinearState:
        """Solve for random and fixed effects at given covariance parameters."""
        design, p = self.design, self.design.p
        theta, ratios = parameters[: design.n_theta], parameters[design.n_theta :]
        weights = np.concatenate([[1.0], np.exp(-2.0 * ratios)])
        total = self.gram[0]
        for gram, weight in zip(self.gram[1:], weights[1:], strict=True):
            total = total.plus(gram, weight)
        without_y = Products(
            total.aa, total.ab, total.bb, total.ac[:, :, :p], total.bc[:, :p], total.cc[:p, :p]
        )
        factor = Factor(without_y, *design.factors(theta))
        a, b = design.a, design.b
        first, second = factor.forward(
            total.ac[:, :, p] @ factor.factor_a,
            total.bc[:, p].reshape(b.n_levels, b.k) @ factor.factor_b,
            total.cc[:p, p],
        )
        u_a, u_b, beta = factor.backward(first, second)
        b_a, b_b = u_a @ factor.factor_a.T, u_b @ factor.factor_b.T
        pwrss = float(total.cc[p, p] - np.vdot(first, first) - second @ second)
        if not pwrss > EXACT * float(total.cc[p, p]):
            raise Indefinite("the random effects explain every value exactly")
        residuals = self.y - design.x @ beta - a.spread(b_a) - b.spread(b_b)
        return LinearState(factor, beta + self.center, b_a, b_b, pwrss, residuals, weights)

    def explains_all(self, parameters: Array) -> bool:
        """Whether random effects leave next to nothing unexplained: the search then runs towards a residual of 0."""
        try:
            return self.state(parameters).pwrss < 1e-6 * float(self.y @ (self.prior * self.y))
        except Indefinite:
            return True

    def log_det(self, state: LinearState) -> float:
        """Everything in the criterion that does not contain the residual scale."""
        result = state.factor.log_det_random - float(self.counts @ np.log(state.weights)) - self.log_prior
        return result + state.factor.log_det_fixed if self.reml else result

    def sigma(self, state: LinearState) -> float:
        """Residual SD (of the first stratum, at a weight of 1) at its maximum."""
        return float(np.sqrt(state.pwrss / self.m))

    def value(self, parameters: Array) -> float:
        """Profiled criterion: -2 log-likelihood, restricted or not."""
        return self._profiled(self.state(parameters))

    def _profiled(self, state: LinearState) -> float:
        return self.log_det(state) + self.m * (1.0 + LOG_2PI + float(np.log(state.pwrss / self.m)))

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """Profiled criterion and its gradient, (size,)."""
        state = self.state(parameters)
        of_det, of_pwrss = self._derivatives(parameters, state)
        return self._profiled(state), of_det + self.m / state.pwrss * of_pwrss

    def with_sigma(self, parameters: Array) -> tuple[float, Array]:
        """Criterion of ``[theta, log ratios, log sigma]``, not profiled, and its gradient, (size + 1,)."""
        state = self.state(parameters[:-1])
        of_det, of_pwrss = self._derivatives(parameters[:-1], state)
        variance = float(np.exp(2.0 * parameters[-1]))
        value = self.log_det(state) + self.m * (LOG_2PI + 2.0 * parameters[-1]) + state.pwrss / variance
        of_sigma = 2.0 * self.m - 2.0 * state.pwrss / variance
        return value, np.append(of_det + of_pwrss / variance, of_sigma)

    def covariance(self, parameters: Array) -> Array:
        """Covariance of the fixed effects at ``[theta, log ratios, log sigma]``, (p, p)."""
        r_x = self.state(parameters[:-1]).r_x
        inverse = np.linalg.inv(r_x)
        return np.asarray(np.exp(2.0 * parameters[-1]) * inverse.T @ inverse)

    def row_weights(self, state: LinearState) -> Array:
        """Weight of each row: its stratum's times its own, (n,)."""
        return state.weights[self.design.stratum] * self.prior if self.n_strata > 1 else self.prior

    def _derivatives(self, parameters: Array, state: LinearState) -> tuple[Array, Array]:
        """Gradients of the log-determinant and of the penalized residual sum of squares."""
        design = self.design
        a, b = design.a, design.b
        inverse = state.factor.inverse(with_fixed=self.reml)
        score = self.row_weights(state) * state.residuals
        m = len(a.rows)
        # b = Λu, and at the minimum Λ'Z'We = u: the random effects in spherical units need no division.
        score_a = a.collect(score)
        score_b = b.collect(score)
        factor_a, factor_b = design.factors(parameters[: design.n_theta])
        of_a = -2.0 * score_a.T @ (score_a @ factor_a)
        of_b = -2.0 * score_b.T @ (score_b @ factor_b)
        of_det, of_pwrss = np.zeros(self.size), np.zeros(self.size)
        of_det[:m] = 2.0 * inverse.bracket_a[a.rows, a.cols]
        of_det[m : design.n_theta] = 2.0 * inverse.bracket_b[b.rows, b.cols]
        of_pwrss[:m] = of_a[a.rows, a.cols]
        of_pwrss[m : design.n_theta] = of_b[b.rows, b.cols]
        for g in range(1, self.n_strata):
            place, weight, p = design.n_theta + g - 1, state.weights[g], design.p
            gram = self.gram[g]
            q = p if self.reml else 0
            own = Products(gram.aa, gram.ab, gram.bb, gram.ac[:, :, :q], gram.bc[:, :q], gram.cc[:q, :q])
            of_weight = inverse.blocks.inner(own) - self.counts[g] / weight
            rows = design.stratum == g
            squares = float(np.sum(self.prior[rows] * state.residuals[rows] ** 2))
            of_det[place] = -2.0 * weight * of_weight  # weight = exp(-2 log ratio)
            of_pwrss[place] = -2.0 * weight * squares
        return of_det, of_pwrss


class AbsoluteObjective:
    r"""The linear criterion with one random effect's SD in the response's unit: its place can then be held.

    Parameters are ``[theta, log ratios, log sigma]``, except that the element at `place`, the first of its term,
    is the SD itself: :math:`\theta_k = s/\sigma`.

    Parameters
    ----------
    inner
        The profiled criterion.
    place
        Position of the element in theta.
    """

    def __init__(self, inner: LinearObjective, place: int) -> None:
        self.inner, self.place, self.design = inner, place, inner.design
        self.typical = float(np.std(inner.y)) or 1.0

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.inner.size + 1

    def scale(self) -> Array:
        """Natural scale of each parameter, (size,)."""
        scale = np.append(self.inner.scale(), 1.0)
        scale[self.place] *= self.typical / self.inner.unit  # an SD, whatever the weights' unit
        return scale

    def absolute(self, parameters: Array, sigma: float) -> Array:
        """Parameters of this criterion from those of the profiled one and σ."""
        result = np.append(parameters, np.log(sigma))
        result[self.place] *= sigma
        return result

    def value(self, parameters: Array) -> float:
        """Criterion."""
        return self.value_and_gradient(parameters)[0]

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """Criterion and gradient, (size,)."""
        relative = parameters.copy()
        relative[self.place] /= np.exp(parameters[-1])
        value, gradient = self.inner.with_sigma(relative)
        gradient[-1] -= gradient[self.place] * relative[self.place]
        gradient[self.place] /= np.exp(parameters[-1])
        return value, gradient
