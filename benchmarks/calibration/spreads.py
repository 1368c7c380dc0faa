"""The test of people's spread in complete tables of linear values, for many studies at once: `spread_below`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from analysis.models.design import Array
from benchmarks.calibration.balanced import Layout, Places, Sums, draw_sums
from benchmarks.calibration.sealed import Terms, declared, minimize, reduced


@dataclass(frozen=True)
class Roots:
    """People's spread at its bound: estimates, signed roots, the model at the bound, (studies, size), and its terms."""

    sd: Array
    root: Array
    at: Array
    kept: list[tuple[Terms, Places]]

    def take(self, which: Places) -> Roots:
        """Some of the studies."""
        places = [(terms, np.flatnonzero(np.isin(which, own))) for terms, own in self.kept]
        return Roots(self.sd[which], self.root[which], self.at[which], places)

    def p(self) -> Array:
        """Against the plain normal distribution; ``n=0`` of `spread_below` puts it around the mean of the root."""
        return np.asarray(ndtr(self.root))


def spread(layout: Layout, data: Sums, bound: float) -> Roots:
    """The test of `spread_below` in one group's own model."""
    stands = reduced(layout, data, declared(layout))
    root, at = np.zeros(len(data)), np.zeros_like(stands.x)
    sd = np.sqrt(np.sum(stands.x[:, 1:3] ** 2, axis=1))
    for terms, which in stands.kept:
        own = data.take(which)
        at[which], held = _held(layout, own, stands.x[which], terms, bound)
        root[which] = np.sign(sd[which] - bound) * np.sqrt(np.maximum(held - stands.value[which], 0.0))
    return Roots(sd, root, at, stands.kept)


def redrawn(layout: Layout, data: Roots, bound: float, random: np.random.Generator, times: int = 1) -> Array:
    """Roots of studies drawn at the bound from each study's own model there, (studies, times)."""
    found = np.zeros((len(data.root), times))
    for terms, which in data.kept:
        x = np.repeat(data.at[which], times, axis=0)
        drawn = draw_sums(layout, x, (0.0,), random, len(x))
        at, held = _held(layout, drawn, x, terms, bound)
        free, value = minimize(layout, drawn, at, terms)
        sd = np.sqrt(np.sum(free[:, 1:3] ** 2, axis=1))
        found[which] = (np.sign(sd - bound) * np.sqrt(np.maximum(held - value, 0.0))).reshape(-1, times)
    return found


def _held(layout: Layout, data: Sums, x: Array, terms: Terms, bound: float) -> tuple[Array, Array]:
    """Optimum with the SD of people's effect at `bound`, and the criterion there."""
    turned = replace(layout, turned=True)
    start = x.copy()
    start[:, 0] = bound
    start[:, 1] = np.where(
        terms.free[1], x[:, 0] * x[:, 1] / np.maximum(np.hypot(x[:, 1], x[:, 2]), 1e-3), 0.0
    )
    level = np.maximum(x[:, 0] ** 2 - start[:, 1] ** 2, 0.01 * np.exp(2.0 * x[:, -1]))
    start[:, 2] = np.sqrt(level)
    start[:, layout.of_scene(0, 0)] += 0.05 * np.exp(x[:, -1])
    start[:, layout.of_scene(1, 1)] += np.where(
        terms.free[layout.of_scene(1, 1)], 0.05 * np.exp(x[:, -1]), 0.0
    )
    found, value = minimize(turned, data.turned(), start, terms.without([0]))
    back = found.copy()
    sd, along, rest = found[:, 0], found[:, 1], found[:, 2]
    back[:, 0] = np.hypot(along, rest)
    back[:, 1] = sd * along / np.maximum(back[:, 0], 1e-12)
    back[:, 2] = np.sqrt(np.maximum(sd**2 - back[:, 1] ** 2, 0.0))
    return back, value
