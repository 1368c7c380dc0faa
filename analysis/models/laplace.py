r"""Mixed models of choices: Laplace approximation of the deviance, and its gradient.

.. math:: d(\theta, \beta) = -2\ell(y \mid \hat u) + \hat u'\hat u + \log|H|, \quad
          H = \Lambda'Z'WZ\Lambda + I

at the mode :math:`\hat u` of the random effects, W being the expected information (as in lme4, whose ``nAGQ = 1`` this
is; Breslow & Clayton 1993, J. Am. Stat. Assoc. 88:9, eq. 5; Bates et al. 2015). The mode solves
:math:`g = u - \Lambda'Z's = 0`, s the score. It moves with the parameters, which the gradient includes: with leverages
:math:`h_r = n_r'H^{-1}n_r`, :math:`n_r` being rows of :math:`Z\Lambda`, and :math:`q = H_{obs}^{-1}\Lambda'Z'(hW')`,

.. math:: \partial d = -2 s'\partial\eta + (hW')'\partial\eta + \mathrm{tr}(H^{-1}\partial_\Lambda H) - q'\partial g
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from analysis.models.design import Array, Design, root_mean_square
from analysis.models.elimination import Factor, Indefinite, Products, cross_products
from analysis.models.families import ROWS, Rows

_STEPS = 100  # of Newton's method for the mode, which needs 3 to 10
_DECREMENT = 1e-15  # of the squared length of the last step, in the units of the deviance


@dataclass(frozen=True)
class Mode:
    """Random effects at their mode, in spherical units: u_a and u_b, (levels, k) each."""

    u_a: Array
    u_b: Array
    eta: Array
    rows: Rows

    @property
    def penalized(self) -> float:
        """Penalized deviance."""
        return float(
            -2.0 * self.rows.loglik.sum() + np.vdot(self.u_a, self.u_a) + np.vdot(self.u_b, self.u_b)
        )


@dataclass(frozen=True)
class Given:
    """What is fixed while the mode is searched: the fixed effects' part of η, (n,), and the rows as a function of η."""

    offset: Array
    rows: Callable[[Array], Rows]


class LaplaceObjective:
    """Deviance of a binomial mixed model as a function of ``[theta, beta]``.

    Ordered answers add their thresholds (`ordinal`): what comes after theta is called ``rest`` here, and ``natural``
    in the form in which it is reported.

    The last mode is kept as the start of the next search, which changes a value by less than 1e-9.

    Parameters
    ----------
    design
        Model and arrays.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.canonical = design.model.link == "logit"
        self.start: tuple[Array, Array] = (
            np.zeros((design.a.n_levels, design.a.k)),
            np.zeros((design.b.n_levels, design.b.k)),
        )

    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.design.n_theta + self.design.p

    def natural(self, rest: Array) -> Array:
        """What comes after theta, as it is reported."""
        return rest

    def jacobian(self, rest: Array) -> Array:
        """Derivative of `natural`, square."""
        return np.eye(len(rest))

    def guess(self) -> Array:
        """A first guess of the natural parameters."""
        design = self.design
        slopes, *_ = np.linalg.lstsq(design.x, 4.0 * (design.y - design.y.mean()), rcond=None)
        return np.asarray(0.5 * slopes)

    def rest(self, natural: Array) -> Array:
        """Inverse of `natural`."""
        return natural

    def given(self, natural: Array) -> Given:
        """Offset and rows at the natural parameters."""
        design = self.design
        return Given(design.x @ natural, partial(ROWS[design.model.link], design.y))

    def products(self, rows: Rows) -> Products:
        """Information of the random effects and the natural parameters."""
        return cross_products(self.design, rows.weight, self.design.x)

    def score(self, rows: Rows) -> Array:
        """Derivative of the log-likelihood by the natural parameters at given random effects."""
        return np.asarray(self.design.x.T @ rows.score)

    def slope(self, rows: Rows, row_sums: Array, leverage: Array, along: Array) -> Array:
        """Derivative of the deviance by the natural parameters.

        Parameters
        ----------
        row_sums
            Its derivative by each row's η, (n,).
        leverage, along
            h and ZΛq, (n,): what else the derivative by a threshold needs.
        """
        del rows, leverage, along
        return np.asarray(self.design.x.T @ row_sums)

    def scale(self) -> Array:
        """Natural scale of each parameter, (size,)."""
        design = self.design
        return np.concatenate([design.a.scale, design.b.scale, 1.0 / root_mean_square(design.x)])

    def value(self, parameters: Array) -> float:
        """Laplace deviance, -2 log-likelihood."""
        mode, factor = self.solve(parameters)
        return mode.penalized + factor.log_det_random

    def solve(self, parameters: Array) -> tuple[Mode, Factor]:
        """The mode, and the factor of H at it."""
        n_theta = self.design.n_theta
        factors = self.design.factors(parameters[:n_theta])
        mode = self._find_mode(factors, self.given(self.natural(parameters[n_theta:])))
        self.start = (mode.u_a, mode.u_b)
        return mode, Factor(cross_products(self.design, mode.rows.weight), *factors)

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]:
        """Laplace deviance and its gradient, (size,)."""
        design = self.design
        a, b = design.a, design.b
        mode, factor = self.solve(parameters)
        rows = mode.rows
        inverse = factor.inverse(with_fixed=False)
        leverage = design.gram_transposed @ inverse.flat
        pull = leverage * rows.slope
        q_a, q_b = self._adjoint(factor, mode, pull)
        along = self._along((factor.factor_a, factor.factor_b), q_a, q_b)
        row_sums = -2.0 * rows.score + pull - rows.observed * along
        of_a = a.collect(row_sums).T @ mode.u_a + 2.0 * inverse.bracket_a + a.collect(rows.score).T @ q_a
        of_b = b.collect(row_sums).T @ mode.u_b + 2.0 * inverse.bracket_b + b.collect(rows.score).T @ q_b
        of_rest = self.slope(rows, row_sums, leverage, along) @ self.jacobian(parameters[design.n_theta :])
        gradient = np.concatenate([of_a[a.rows, a.cols], of_b[b.rows, b.cols], of_rest])
        return mode.penalized + factor.log_det_random, gradient

    def joint_mode(self, theta: Array, natural: Array) -> tuple[Array, Factor]:
        """Natural parameters at their joint mode with u, by Newton's method from `natural`, and the factor with them.

        The factor's last part is their information when the covariance parameters are known.
        """
        factors = self.design.factors(theta)
        mode = self._evaluate(factors, self.given(natural), *self.start)
        for _ in range(_STEPS):
            factor = Factor(self.products(mode.rows), *factors)
            right_a, right_b = self._right(factors, mode)
            right = self.score(mode.rows)
            step_a, step_b, step = factor.solve(right_a, right_b, right)
            decrement = float(np.vdot(right_a, step_a) + np.vdot(right_b, step_b) + right @ step)
            size, trial = 1.0, mode
            while size > 1e-4:
                u_a, u_b = mode.u_a + size * step_a, mode.u_b + size * step_b
                trial = self._evaluate(factors, self.given(natural + size * step), u_a, u_b)
                if trial.penalized <= mode.penalized + 1e-9:
                    break
                size /= 2.0
            else:
                break  # rounding hides what is left
            mode, natural = trial, natural + size * step
            if decrement < 1e-10:
                break
        self.start = (mode.u_a, mode.u_b)
        return natural, Factor(self.products(mode.rows), *factors)

    def fixed_factor(self, parameters: Array) -> Factor:
        """Factor at the mode with X in it."""
        mode, factor = self.solve(parameters)
        return Factor(self.products(mode.rows), factor.factor_a, factor.factor_b)

    def _evaluate(self, factors: tuple[Array, Array], given: Given, u_a: Array, u_b: Array) -> Mode:
        eta = given.offset + self._along(factors, u_a, u_b)
        return Mode(u_a, u_b, eta, given.rows(eta))

    def _along(self, factors: tuple[Array, Array], u_a: Array, u_b: Array) -> Array:
        """ZΛu, (n,)."""
        return self.design.a.spread(u_a @ factors[0].T) + self.design.b.spread(u_b @ factors[1].T)

    def _project(self, factors: tuple[Array, Array], rows: Array) -> tuple[Array, Array]:
        """Λ'Z'v, (levels, k) each."""
        return self.design.a.collect(rows) @ factors[0], self.design.b.collect(rows) @ factors[1]

    def _right(self, factors: tuple[Array, Array], mode: Mode) -> tuple[Array, Array]:
        """Minus g: Λ'Z's - u."""
        right_a, right_b = self._project(factors, mode.rows.score)
        return right_a - mode.u_a, right_b - mode.u_b

    def _find_mode(self, factors: tuple[Array, Array], given: Given) -> Mode:
        """Newton's method, keeping a factor as long as it still converges fast."""
        none = np.zeros(0)
        mode = self._evaluate(factors, given, *self.start)
        factor: Factor | None = None
        last = np.inf
        for _ in range(_STEPS):
            fresh = factor is None
            if factor is None:
                factor = Factor(cross_products(self.design, mode.rows.observed), *factors)
            right_a, right_b = self._right(factors, mode)
            step_a, step_b, _ = factor.solve(right_a, right_b, none)
            decrement = float(np.vdot(right_a, step_a) + np.vdot(right_b, step_b))
            if not fresh and decrement > 0.01 * last:
                factor, last = None, np.inf
                continue
            size = 1.0
            trial = self._evaluate(factors, given, mode.u_a + step_a, mode.u_b + step_b)
            while decrement > 1e-9 and trial.penalized > mode.penalized and size > 1e-3:
                size /= 2.0
                trial = self._evaluate(factors, given, mode.u_a + size * step_a, mode.u_b + size * step_b)
            if not np.isfinite(trial.penalized):
                raise Indefinite("the mode of the random effects")
            mode, last = trial, decrement
            if decrement < _DECREMENT * max(1.0, abs(mode.penalized)):
                break
        return mode

    def _adjoint(self, factor: Factor, mode: Mode, pull: Array) -> tuple[Array, Array]:
        """Solve H_obs q = Λ'Z' pull; for the probit link by conjugate gradients, H itself as preconditioner."""
        none = np.zeros(0)
        factors = factor.factor_a, factor.factor_b
        rest_a, rest_b = self._project(factors, pull)
        q_a, q_b, _ = factor.solve(rest_a, rest_b, none)
        if self.canonical:
            return q_a, q_b

        def times(in_a: Array, in_b: Array) -> tuple[Array, Array]:
            to_a, to_b = self._project(factors, mode.rows.observed * self._along(factors, in_a, in_b))
            return to_a + in_a, to_b + in_b

        goal = _dot((rest_a, rest_b), (q_a, q_b))
        out_a, out_b = times(q_a, q_b)
        rest_a, rest_b = rest_a - out_a, rest_b - out_b
        next_a, next_b, _ = factor.solve(rest_a, rest_b, none)
        size = _dot((rest_a, rest_b), (next_a, next_b))
        for _ in range(60):
            if size <= 1e-18 * goal:
                break
            out_a, out_b = times(next_a, next_b)
            length = size / _dot((next_a, next_b), (out_a, out_b))
            q_a, q_b = q_a + length * next_a, q_b + length * next_b
            rest_a, rest_b = rest_a - length * out_a, rest_b - length * out_b
            move_a, move_b, _ = factor.solve(rest_a, rest_b, none)
            before, size = size, _dot((rest_a, rest_b), (move_a, move_b))
            next_a, next_b = move_a + size / before * next_a, move_b + size / before * next_b
        return q_a, q_b


def _dot(left: tuple[Array, Array], right: tuple[Array, Array]) -> float:
    return float(np.vdot(left[0], right[0]) + np.vdot(left[1], right[1]))
