"""From a design to its best parameters: start, search, boundary, curvature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analysis.models.design import Array, Design
from analysis.models.elimination import Inverse
from analysis.models.laplace import LaplaceObjective
from analysis.models.linear import AbsoluteObjective, LinearObjective
from analysis.models.optimizing import Function, Optimum, downhill, hessian, minimize
from analysis.models.ordinal import OrdinalObjective
from analysis.models.threads import one_thread

Objective = LinearObjective | LaplaceObjective


class Criterion(Protocol):
    """A deviance whose parameters begin with theta."""

    @property
    def design(self) -> Design: ...  # noqa: D102

    @property
    def size(self) -> int: ...  # noqa: D102

    def scale(self) -> Array: ...  # noqa: D102

    def value(self, parameters: Array) -> float: ...  # noqa: D102

    def value_and_gradient(self, parameters: Array) -> tuple[float, Array]: ...  # noqa: D102


_START = 0.5  # SD of a random effect relative to the residual (or link's) scale
_NEAR_ZERO = 0.05  # a diagonal element below it is tried at exactly 0
_SAME = 1e-6  # of deviance
_LARGE = 250  # random effects in the dense block


@dataclass(frozen=True)
class Estimated:
    """Parameters at the optimum.

    Attributes
    ----------
    x
        ``[theta, beta]`` (binomial), ``[theta, beta, first threshold, log increments]`` (ordinal) or
        ``[theta, log ratios]`` (linear), (m,).
    value
        -2 log-likelihood, or REML criterion.
    curvature
        Hessian at `x`: exact if ``exact``, else the search's approximation.
    scale
        Natural scale of each parameter, (m,).
    at_zero
        Which parameters are diagonal elements at exactly 0, (m,).
    """

    x: Array
    value: float
    gradient: Array
    curvature: Array
    exact: bool
    scale: Array
    at_zero: np.ndarray
    converged: bool
    evaluations: int


def objective_of(design: Design, reml: bool | None = None) -> Objective:
    """The deviance of the design's model."""
    if design.model.linear:
        return LinearObjective(design, reml)
    return OrdinalObjective(design) if design.model.ordinal else LaplaceObjective(design)


def first_guess(objective: Criterion, held: dict[int, float] | None = None) -> tuple[Array, Array]:
    r"""Where to start, (m,), and the curvature to expect there, (m, m): Fisher's information.

    For one column of Λ, with :math:`W = Z_j'PZ_j` of a typical level, the expected second derivative by
    :math:`\Lambda_{ab}` and :math:`\Lambda_{cd}` is
    :math:`2 n_{levels} [W_{ac} (\Lambda'W\Lambda)_{bd} + (W\Lambda)_{ad} (W\Lambda)_{cb}]`.
    """
    design = objective.design
    scale = objective.scale()
    theta = np.where(design.diagonal, _START * scale[: design.n_theta], 0.0)
    for place, value in (held or {}).items():
        if place < design.n_theta:
            theta[place] = value
    m = objective.size
    curvature = np.diag(1.0 / scale**2)
    start = np.zeros(m)
    start[: design.n_theta] = theta
    if isinstance(objective, LaplaceObjective):
        natural, factor = objective.joint_mode(theta, objective.guess())
        rest = objective.rest(natural)
        root = objective.jacobian(rest).T @ factor.r_x
        start[design.n_theta :] = rest
        curvature[design.n_theta :, design.n_theta :] = 2.0 * root @ root.T
        inverse = factor.inverse(with_fixed=False)
    else:
        inner = objective.inner if isinstance(objective, AbsoluteObjective) else objective
        assert isinstance(inner, LinearObjective)
        state = inner.state(start[: inner.size])
        inverse = state.factor.inverse(with_fixed=inner.reml)
    _fill_information(design, theta, inverse, curvature)
    return start, curvature


def _fill_information(design: Design, theta: Array, inverse: Inverse, curvature: Array) -> None:
    first = 0
    factors = design.factors(theta)
    for side, factor, bracket in zip(
        (design.a, design.b), factors, (inverse.bracket_a, inverse.bracket_b), strict=True
    ):
        count = len(side.rows)
        if count:
            # A held element may be 0; a little more keeps the division defined and changes only the start.
            filled = factor + np.diag(np.where(np.diag(factor) == 0, 1e-3, 0.0))
            along = bracket / side.n_levels
            typical = along @ np.linalg.inv(filled)
            inner = filled.T @ along
            r, c = side.rows, side.cols
            block = typical[np.ix_(r, r)] * inner[np.ix_(c, c)] + along[np.ix_(r, c)] * along[np.ix_(r, c)].T
            curvature[first : first + count, first : first + count] = side.n_levels * (block + block.T)
        first += count


def estimate(
    objective: Criterion,
    *,
    start: Array | None = None,
    curvature: Array | None = None,
    held: dict[int, float] | None = None,
    exact: bool = True,
) -> Estimated:
    """Minimize a deviance over its parameters.

    Parameters
    ----------
    objective
        Value and gradient of the deviance.
    start, curvature
        Where to start and the Hessian to expect, from a similar fit; own guesses if None.
    held
        Parameters that stay at given values, by place.
    exact
        Whether to put variances that are nearly 0 to exactly 0 and to compute the Hessian at the end: it proves the
        minimum, and inference needs it. Refits that only need the estimates or the deviance do without.
    """
    held = held or {}
    scale = objective.scale()
    with one_thread():
        if start is None or curvature is None:
            guess, information = first_guess(objective, held)
            start = guess if start is None else start
            curvature = information if curvature is None else curvature
        search = _Search(objective, np.array(start, float), held, scale, exact)
        return search.run(curvature, exact)


class _Search:
    """One search in the free parameters, with its restarts."""

    def __init__(
        self, objective: Criterion, start: Array, held: dict[int, float], scale: Array, exact: bool
    ) -> None:
        self.objective, self.scale = objective, scale
        self.full = start
        for place, value in held.items():
            self.full[place] = value
        self.free = np.array([k for k in range(objective.size) if k not in held], int)
        diagonal = np.zeros(objective.size, bool)
        diagonal[: objective.design.n_theta] = objective.design.diagonal
        self.diagonal = diagonal
        self.evaluations = 0
        # Forward differences cost half and change a standard error by 1e-4 of it.
        self.central = objective.design.b.size <= _LARGE
        self.tolerance = 1e-10 if exact else 1e-8  # of deviance; a refit's error is noise beside its sampling

    def function(self, free: np.ndarray) -> Function:
        """Deviance of the parameters `free`, the others as they are."""
        full = self.full.copy()

        def value_and_gradient(x: Array) -> tuple[float, Array]:
            full[free] = x
            self.evaluations += 1
            value, gradient = self.objective.value_and_gradient(full)
            return value, gradient[free]

        return value_and_gradient

    def run(self, curvature: Array, exact: bool) -> Estimated:
        free = self.free
        found = self._minimize(free, curvature[np.ix_(free, free)])
        matrix = curvature.copy()
        matrix[np.ix_(free, free)] = found.curvature
        at_zero = np.zeros(len(self.full), bool)
        for _ in range(6 if exact else 0):
            found, at_zero = self._settle(found)
            true = hessian(self.function(free), self.full[free], self.scale[free], central=self.central)
            matrix[np.ix_(free, free)] = true
            direction = downhill(true, self.scale[free])
            if direction is not None:  # a ridge, as a false zero is: leave it
                found = self._minimize(free, found.curvature, self.full[free] + 0.2 * direction)
                continue
            better = self._newton(found, true) if len(free) else None
            if better is None:
                break
            found = better
        gradient = np.zeros(len(self.full))
        gradient[free] = found.gradient
        signs = self._signs()
        self.full, gradient, matrix = self.full * signs, gradient * signs, matrix * np.outer(signs, signs)
        return Estimated(
            self.full,
            found.value,
            gradient,
            matrix,
            exact,
            self.scale,
            at_zero,
            found.converged,
            self.evaluations,
        )

    def _minimize(self, free: np.ndarray, curvature: Array, start: Array | None = None) -> Optimum:
        begin = self.full[free] if start is None else start
        if not len(free):
            value, gradient = self.function(free)(begin)
            return Optimum(begin, value, gradient, np.zeros((0, 0)), True, 1)
        found = minimize(self.function(free), begin, curvature, self.scale[free], tolerance=self.tolerance)
        self.full[free] = found.x
        return found

    def _settle(self, found: Optimum) -> tuple[Optimum, np.ndarray]:
        """Put diagonal elements that are nearly 0 to 0, where the deviance is the same."""
        at_zero = np.zeros(len(self.full), bool)
        for place in self.free:
            if not self.diagonal[place] or abs(self.full[place]) > _NEAR_ZERO * self.scale[place]:
                continue
            before = self.full.copy()
            rest = np.array([k for k in self.free if k != place and not at_zero[k]], int)
            self.full[place] = 0.0
            inside = np.searchsorted(self.free, rest)
            tried = self._minimize(rest, found.curvature[np.ix_(inside, inside)])
            if tried.value <= found.value + _SAME:
                at_zero[place] = True
                value, gradient = self.function(self.free)(self.full[self.free])
                found = Optimum(
                    self.full[self.free], value, gradient, found.curvature, tried.converged, tried.evaluations
                )
            else:
                self.full = before
        return found, at_zero

    def _newton(self, found: Optimum, matrix: Array) -> Optimum | None:
        """One Newton step where it still promises a decrease that counts."""
        scaled = matrix * np.outer(self.scale[self.free], self.scale[self.free])
        slope = found.gradient * self.scale[self.free]
        values, vectors = np.linalg.eigh(scaled)
        good = values > 1e-6 * max(float(values[-1]), 1e-8)
        step = -vectors[:, good] @ ((vectors[:, good].T @ slope) / values[good])
        if -float(slope @ step) < 2e-8:
            return None
        better = self._minimize(self.free, matrix)
        return better if better.value < found.value - 1e-9 else None

    def _signs(self) -> Array:
        """1 or -1 for each parameter, so that the factors' diagonals are positive, as lme4 shows them."""
        signs = np.ones(len(self.full))
        first = 0
        for side in (self.objective.design.a, self.objective.design.b):
            theta = self.full[first : first + len(side.rows)]
            for column in range(side.k):
                own = side.cols == column
                if theta[own & side.diagonal][0] < 0:
                    signs[first : first + len(side.rows)][own] = -1.0
            first += len(side.rows)
        return signs
