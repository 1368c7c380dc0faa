r"""Minimizing a smooth deviance whose zeros of variance are ordinary points.

The deviance does not change when a column of a covariance factor changes its sign, so it is smooth and even in every
diagonal element: a variance of 0 is a stationary point inside the domain, not an edge. Nothing is bounded, therefore;
but a stationary point with an element at 0 may be a ridge instead of a minimum, because the derivative there is 0
whatever the data say. The second derivative decides (it is the Karush-Kuhn-Tucker condition for the variance:
:math:`\partial d/\partial v = \tfrac12\,\partial^2 d/\partial s^2` at :math:`v = s^2 = 0`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.models.design import Array
from analysis.models.elimination import Indefinite

Function = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Optimum:
    """Where a search ended.

    Attributes
    ----------
    x, value, gradient
        The point, (m,), the function and its gradient there.
    curvature
        Approximate Hessian, positive definite, (m, m).
    converged
        Whether the expected further decrease is below the tolerance.
    evaluations
        Values and gradients computed.
    """

    x: Array
    value: float
    gradient: Array
    curvature: Array
    converged: bool
    evaluations: int


def minimize(
    function: Function,
    start: Array,
    curvature: Array,
    longest: Array,
    *,
    tolerance: float = 1e-10,
    iterations: int = 200,
) -> Optimum:
    r"""Quasi-Newton search (BFGS) that starts from a known curvature.

    Parameters
    ----------
    function
        Value and gradient.
    start
        First point, (m,).
    curvature
        First guess of the Hessian, (m, m); directions without curvature are lifted.
    longest
        Longest step of each parameter, (m,); it also sets the parameters' scale.
    tolerance
        The search ends when the decrease to be expected, :math:`\tfrac12 g'B^{-1}g`, falls below it.
    """
    x = np.array(start, float)
    scale = np.asarray(longest, float)
    value, gradient = function(x)
    approximate = positive(curvature * np.outer(scale, scale))
    slope = gradient * scale  # in scaled units from here on
    evaluations, converged, stuck = 1, False, 0
    for _ in range(iterations):
        step = -np.linalg.solve(approximate, slope)
        expected = -float(slope @ step)
        if expected / 2.0 < tolerance:
            converged = True
            break
        step /= max(1.0, float(np.max(np.abs(step))))
        found = _search(function, x, value, slope, step, scale)
        if found is None:
            if stuck or expected < 1e-5:  # rounding hides what is left
                converged = expected < 1e-5
                break
            approximate, stuck = np.diag(np.maximum(np.diag(approximate), 1e-3)), 1
            continue
        taken, value, gradient, used = found
        evaluations += used
        stuck = 0
        x = x + taken * scale
        change = gradient * scale - slope
        slope = gradient * scale
        approximate = _updated(approximate, taken, change)
    return Optimum(x, value, gradient, approximate / np.outer(scale, scale), converged, evaluations)


def _search(
    function: Function, x: Array, value: float, slope: Array, step: Array, scale: Array
) -> tuple[Array, float, Array, int] | None:
    """A step with sufficient decrease: (step, value, gradient, evaluations), or None."""
    directional = float(slope @ step)
    length, used = 1.0, 0
    best: tuple[Array, float, Array, int] | None = None
    for _ in range(30):
        used += 1
        try:
            new_value, new_gradient = function(x + length * step * scale)
        except Indefinite:
            length /= 4.0
            continue
        if not np.isfinite(new_value) or new_value > value + 1e-4 * length * directional:
            if best is not None:
                break
            # Minimum of the parabola through both values and the first slope.
            gap = new_value - value - length * directional if np.isfinite(new_value) else np.inf
            shorter = -directional * length**2 / (2.0 * gap) if gap > 0 else 0.0
            length = min(max(shorter, 0.1 * length), 0.5 * length)
            if abs(length * directional) < 1e-14 * max(1.0, abs(value)):
                return None
            continue
        best = (length * step, new_value, new_gradient, used)
        remaining = float((new_gradient * scale) @ step)
        if remaining > 0.9 * directional or length * float(np.max(np.abs(step))) >= 1.0:
            break
        length *= 2.0  # still steep: go on
    return None if best is None else (*best[:3], used)


def _updated(approximate: Array, step: Array, change: Array) -> Array:
    """Damped BFGS update (Powell 1978; Nocedal & Wright 2006, procedure 18.2): stays positive definite."""
    along = approximate @ step
    quadratic = float(step @ along)
    product = float(step @ change)
    if product < 0.2 * quadratic:
        blend = 0.8 * quadratic / (quadratic - product)
        change = blend * change + (1.0 - blend) * along
        product = float(step @ change)
    return np.asarray(
        approximate - np.outer(along, along) / quadratic + np.outer(change, change) / product, float
    )


def positive(matrix: Array, floor: float = 1e-4) -> Array:
    """The nearest symmetric matrix whose eigenvalues are at least `floor` times the largest."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2.0)
    lifted = np.maximum(np.abs(values), floor * max(float(np.max(np.abs(values))), 1e-8))
    return np.asarray((vectors * lifted) @ vectors.T)


def hessian(function: Function, x: Array, scale: Array, *, size: float = 1e-4, central: bool = True) -> Array:
    """Hessian by differences of the analytic gradient, (m, m), symmetric."""
    here = np.zeros(0) if central else function(x)[1]
    rows = []
    for k in range(len(x)):
        move = np.zeros(len(x))
        move[k] = size * scale[k]
        if central:
            rows.append((function(x + move)[1] - function(x - move)[1]) / (2.0 * move[k]))
        else:
            rows.append((function(x + move)[1] - here) / move[k])
    result = np.array(rows).reshape(len(x), len(x))
    return (result + result.T) / 2.0


def downhill(matrix: Array, scale: Array) -> Array | None:
    """A direction of negative curvature, (m,) of scaled length 1, or None where `matrix` is a minimum's."""
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    if not len(values) or values[0] > -1e-5 * max(1.0, float(values[-1])):
        return None
    return np.asarray(vectors[:, 0] * scale)
