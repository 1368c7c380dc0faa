"""The sealed order of reductions in complete tables of linear values, for many studies at once.

Same criterion, same parameters, same rules for zeros and the same order as `fit_reduced` and Satterthwaite's df as
`analysis.models` has them; that both give the same is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from analysis.models.design import Array
from benchmarks.calibration.balanced import Layout, Moments, Places, Sums, criterion

NEAR_ZERO, SAME = 0.05, 1e-6  # as in analysis.models.estimating


@dataclass(frozen=True)
class Terms:
    """Which parameters are free.

    Attributes
    ----------
    free
        (size,) of bool.
    shared
        Whether both groups have one covariance of people: a model the project does not use, for comparison.
    """

    free: NDArray[np.bool_]
    shared: bool = False

    @property
    def columns(self) -> Array:
        """Parameters from free ones, (size, free)."""
        square = np.eye(len(self.free))
        if self.shared:
            square[3:6, :3] += np.eye(3)
            return square[:, self.free & ~np.isin(np.arange(len(self.free)), (3, 4, 5))]
        return square[:, self.free]

    def without(self, places: Sequence[int]) -> Terms:
        """Some of them at 0."""
        free = self.free.copy()
        free[list(places)] = False
        return replace(self, free=free)


def declared(layout: Layout) -> Terms:
    """The full model."""
    return Terms(np.ones(layout.size, bool))


def minimize(layout: Layout, data: Sums, x: Array, terms: Terms) -> tuple[Array, Array]:
    """Optimum of each study, (studies, size), and the criterion there; Newton's method, negative curvature turned."""
    columns = terms.columns
    scale = np.linalg.norm(columns * layout.scale[:, None], axis=0)
    z = x @ columns / np.sum(columns**2, axis=0)
    fixed = np.where(np.any(columns != 0, axis=1), 0.0, x)
    active = np.arange(len(x))
    values = np.full(len(x), np.inf)
    for step in range(200):
        own = data.take(active)
        value, gradient, matrix = criterion(layout, own, fixed[active] + z[active] @ columns.T)
        values[active] = value
        g = (gradient @ columns) * scale
        h = (columns.T @ matrix @ columns) * np.outer(scale, scale)
        w, v = np.linalg.eigh(h)
        along = np.einsum("nij,ni->nj", v, g)
        lifted = np.maximum(np.abs(w), 1e-5 * np.maximum(w[:, -1:], 1.0))
        move = -np.einsum("nij,nj->ni", v, along / lifted)
        expected = np.sum(along**2 / lifted, axis=1)
        ridge = (w[:, 0] < -1e-5 * np.maximum(1.0, w[:, -1])) & (expected < 1e-8)
        move[ridge] = 0.2 * v[ridge][:, :, 0]
        going = (expected > 1e-11) | ridge
        if step > 60:  # rounding
            going &= expected > 1e-8
        if not going.any():
            break
        keep = np.flatnonzero(going)
        active, move, expected, value = active[keep], move[keep], expected[keep], value[keep]
        move *= np.minimum(1.0, 0.7 / np.max(np.abs(move), axis=1))[:, None]
        own = data.take(active)
        length, left = np.ones(len(active)), np.arange(len(active))
        for _ in range(30):
            tried = z[active[left]] + length[left, None] * move[left] * scale
            full = fixed[active[left]] + tried @ columns.T
            new, _, _ = criterion(layout, own.take(left), full, derivatives=False)
            good = new <= value[left] - 1e-4 * length[left] * expected[left] * (~ridge[keep][left]) + 1e-10
            z[active[left[good]]] = tried[good]
            left = left[~good]
            if not len(left):
                break
            length[left] *= 0.3
        active = np.delete(active, left)  # no decrease to be had
    return fixed + z @ columns.T, values


def settled(layout: Layout, data: Sums, x: Array, terms: Terms) -> tuple[Array, Array]:
    """The optimum, with diagonal elements at exactly 0 where the criterion is the same there."""
    x, value = minimize(layout, data, x, terms)
    sigma = np.exp(x[:, layout.size - layout.groups])
    zero = np.zeros(x.shape, bool)
    diagonal = [place for place in layout.diagonal if terms.free[place]]
    if terms.shared:
        diagonal = [place for place in diagonal if place not in (3, 5)]
    for place in diagonal:
        near = np.flatnonzero(np.abs(x[:, place]) <= NEAR_ZERO * layout.scale[place] * sigma)
        for pattern in np.unique(zero[near], axis=0):
            which = near[(zero[near] == pattern).all(axis=1)]
            fewer = terms.without([place, *np.flatnonzero(pattern)])
            start = x[which]
            start[:, place] = 0.0
            if terms.shared and place < 3:
                start[:, place + 3] = 0.0
            tried, reached = minimize(layout, data.take(which), start, fewer)
            good = reached <= value[which] + SAME
            x[which[good]], value[which[good]] = tried[good], reached[good]
            zero[which[good], place] = True
    x[np.abs(x) < 1e-300] = 0.0
    return x, value


@dataclass(frozen=True)
class Stands:
    """The models that stand: parameters, criterion, and the studies that kept the same terms."""

    x: Array
    value: Array
    kept: list[tuple[Terms, Places]]


def reduced(layout: Layout, data: Sums, terms: Terms) -> Stands:
    """The sealed order of `analysis.evidence.crossed_table`, in each study no further than needed."""
    x = np.zeros((len(data), layout.size))
    value = np.zeros(len(data))
    kept: list[tuple[Terms, Places]] = []
    waiting = [(terms, np.arange(len(data)), 0)]
    while waiting:
        now, which, step = waiting.pop()
        own = data.take(which)
        x[which], value[which] = settled(layout, own, start_of(layout, own, now), now)
        next_step, next_terms = _next(layout, x[which], now, step)
        for place in np.unique(next_step):
            chosen = which[next_step == place]
            if place < 0:
                kept.append((now, chosen))
            else:
                waiting.append((next_terms[place], chosen, int(place) + 1))
    return Stands(x, value, kept)


def _next(layout: Layout, x: Array, terms: Terms, first: int) -> tuple[Array, dict[int, Terms]]:
    """The next step of the order for each study, -1 where its model stands, and the models after the steps."""
    rows, cols = layout.triangle()
    begin, end = layout.first_of_scene, layout.size - layout.groups
    scene, free = x[:, begin:end], terms.free[begin:end]

    def absent(k: int) -> bool:
        return not bool(free[rows == k].any())

    at_limit = [
        ~np.any(scene[:, rows == k], axis=1) | (scene[:, (rows == k) & (cols == k)][:, 0] == 0)
        if not absent(k) else np.zeros(len(x), bool)
        for k in range(layout.k)
    ]  # fmt: skip
    at_zero = [~np.any(scene[:, rows == k], axis=1) & (not absent(k)) for k in range(layout.k)]
    person = np.zeros(len(x), bool)
    for g in range(1 if terms.shared else layout.groups):
        person |= (x[:, 3 * g] == 0) | (x[:, 3 * g + 2] == 0)
    any_scene = np.any(at_limit, axis=0)
    off = [begin + k for k in np.flatnonzero(rows != cols)]
    by_person = [3 * g + 1 for g in range(layout.groups)]
    steps: list[tuple[Array, list[int]]] = [(any_scene, off), (person, by_person)]
    if layout.groups > 1:
        steps.append((at_limit[2], [begin + k for k in np.flatnonzero((rows == 2) | (cols == 2))]))
    steps.append((at_zero[1], [begin + k for k in np.flatnonzero((rows == 1) | (cols == 1))]))
    if layout.groups > 1:
        steps.append((at_zero[3], [begin + k for k in np.flatnonzero((rows == 3) | (cols == 3))]))
    found, models = np.full(len(x), -1), {}
    singular = any_scene | person
    for place in reversed(range(first, len(steps))):
        reason, places = steps[place]
        if terms.free[places].any():
            found[reason & singular] = place
            models[place] = terms.without(places)
    return found, models


def start_of(layout: Layout, data: Sums, terms: Terms) -> Array:
    """Moments: residual variances from their sums, half of them for everything else."""
    n = len(data)
    x = np.zeros((n, layout.size))
    for g, count in enumerate(layout.people):
        df = 2 * (count - 1) * (layout.scenes - 1)
        variance = data.residual[:, g] / df
        x[:, layout.size - layout.groups + g] = np.log(variance) / 2
        own = (data.person[g] / (count - 1) - variance[:, None, None] * np.eye(2)) / layout.scenes
        for half, factor in ((0, 2.0), (1, 0.5)):
            x[:, 3 * g + 2 * half] = np.sqrt(np.maximum(own[:, half, half] / factor, 0.05 * variance))
    for k, size in enumerate((0.4, 0.4, 0.4, 0.4)[: layout.k]):
        x[:, layout.of_scene(k, k)] = size * np.exp(x[:, -layout.groups])
    return np.where(terms.free, x, 0.0)


@dataclass(frozen=True)
class Tested:
    """Of one weighted sum in many studies: estimate, standard error, Satterthwaite's df."""

    value: Array
    se: Array
    df: Array

    def p(self) -> Array:
        """Two-sided, of no effect."""
        return np.asarray(2.0 * stdtr(self.df, -np.abs(self.value) / self.se))

    def below(self, bound: float) -> Array:
        """One-sided, of an effect below `bound`."""
        return np.asarray(stdtr(self.df, (self.value - bound) / self.se))


def tested(layout: Layout, data: Sums, stands: Stands, weights: Sequence[float]) -> Tested:
    """A weighted sum of the groups' effects."""
    variance, slope = Moments(layout, stands.x).error(weights)
    df = np.full(len(data), np.inf)
    sigma = np.exp(stands.x[:, layout.size - layout.groups])
    for terms, which in stands.kept:
        columns = terms.columns
        _, _, matrix = criterion(layout, data.take(which), stands.x[which])
        scale = (
            np.where(np.arange(layout.size) < layout.size - layout.groups, sigma[which, None], 1.0)
            * layout.scale
        )
        scale = np.sqrt((scale**2) @ columns**2)
        h = (columns.T @ matrix @ columns) * scale[:, :, None] * scale[:, None, :]
        w, v = np.linalg.eigh(h)
        along = np.einsum("nij,ni->nj", v, (slope[which] @ columns) * scale)
        good = w > 1e-8 * np.maximum(1.0, w[:, -1:])
        spread = 2.0 * np.sum(np.where(good, along**2 / np.where(good, w, 1.0), 0.0), axis=1)
        df[which] = np.where(
            spread > 0, 2.0 * variance[which] ** 2 / np.where(spread > 0, spread, 1.0), np.inf
        )
    n = 2 * layout.scenes * sum(layout.people)
    df = np.where(np.isfinite(df), df, n - 2 * layout.groups)
    return Tested(data.effects @ np.array(weights), np.sqrt(variance), df)
