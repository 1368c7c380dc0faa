r"""How an observer decides that two things differ: the isosensitivity curve of each rule.

Two stimuli lie d′ apart; a pair is two independent normal observations :math:`x_1, x_2` of SD 1.

**Differencing** (Sorkin 1962; Kaplan, Macmillan & Creelman 1978): "different" if :math:`|x_1 - x_2| > k`,

.. math:: F = 2\Phi(-k/\sqrt2), \quad H = \Phi\big((d'-k)/\sqrt2\big) + \Phi\big((-d'-k)/\sqrt2\big)

**Likelihood ratio**, also called independent observations (Noreen 1981; Dai, Versfeld & Green 1996): "different" if the
pair is more than :math:`\beta` times as likely to be AB or BA as AA or BB. With :math:`u = (x_1-x_2)/\sqrt2`,
:math:`v = (x_1+x_2)/\sqrt2` around the midpoint and :math:`\delta = d'/\sqrt2`,

.. math:: \cosh(\delta u) > \beta \cosh(\delta v), \quad \log\beta = \kappa\delta^2/2,

where u has mean ±δ in different pairs and v in same pairs. Near d' = 0 the rule tends to :math:`u^2 > v^2 + \kappa`,
which keeps κ a sensible criterion there. The integrals over the other coordinate are Gauss-Legendre sums.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize.elementwise import find_root
from scipy.special import ndtr, ndtri

from analysis.behaviour.checking import Array

LARGEST = 15.0
"""d′ is searched below this."""
_SMALLEST = 1e-4
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(60)
_ROOT_2 = float(np.sqrt(2.0))
Rates = tuple[Array, Array]


class Differencing:
    """The absolute difference against a criterion; `k` from 0."""

    name = "differencing"

    def rates(self, dprime: Array, k: Array) -> Rates:
        """Hit and false-alarm rate."""
        hit = ndtr((dprime - k) / _ROOT_2) + ndtr((-dprime - k) / _ROOT_2)
        return np.minimum(hit, 1.0), 2.0 * ndtr(-k / _ROOT_2)

    def bracket(self, dprime: Array) -> Rates:
        """Criteria between which every rate lies."""
        return np.zeros_like(dprime), dprime + 14.0

    def hit_rate(self, dprime: Array, false_alarm_rate: Array) -> Array:
        """The isosensitivity curve."""
        return self.rates(dprime, -_ROOT_2 * ndtri(false_alarm_rate / 2.0))[0]


class LikelihoodRatio:
    """The likelihood ratio of different to same; criterion κ, 0 without bias."""

    name = "likelihood_ratio"

    def rates(self, dprime: Array, kappa: Array) -> Rates:
        """Hit and false-alarm rate."""
        delta = np.maximum(dprime, _SMALLEST) / _ROOT_2
        far_u, far_v = self._beyond(delta, np.abs(kappa))
        strict = kappa >= 0  # by symmetry the rest is the same integral with same and different exchanged
        return np.where(strict, far_u, 1.0 - far_v), np.where(strict, far_v, 1.0 - far_u)

    def bracket(self, dprime: Array) -> Rates:
        """Criteria between which every rate lies."""
        widest = 100.0 + 2.0 * (dprime + 9.0) / np.maximum(dprime, 0.2)
        return -widest, widest

    def hit_rate(self, dprime: Array, false_alarm_rate: Array) -> Array:
        """The isosensitivity curve."""
        kappa = criterion_at(lambda d, c: self.rates(d, c)[1], self.bracket(dprime), dprime, false_alarm_rate)
        return self.rates(dprime, kappa)[0]

    def _beyond(self, delta: Array, kappa: Array) -> Rates:
        """P(|u| > g(v)) with the mean δ in u, and with the mean δ in v; g from the rule, κ not negative."""
        sizes: list[Array] = []
        for shift in (np.zeros_like(delta), delta):  # the mean of v
            low, high = np.maximum(0.0, shift - 8.5), shift + 8.5
            half = (high - low)[..., None] / 2.0
            v = low[..., None] + half * (1.0 + _NODES)
            edge = self._edge(v, delta[..., None], kappa[..., None])
            centre = shift[..., None]
            density = np.exp(-((v - centre) ** 2) / 2.0) + np.exp(-((v + centre) ** 2) / 2.0)
            mean_u = delta[..., None] - centre  # δ in the one, 0 in the other
            beyond = ndtr(mean_u - edge) + ndtr(-mean_u - edge)
            sizes.append(np.sum(_WEIGHTS * half * density * beyond, axis=-1) / np.sqrt(2.0 * np.pi))
        return sizes[0], sizes[1]

    @staticmethod
    def _edge(v: Array, delta: Array, kappa: Array) -> Array:
        """The |u| at which the likelihood ratio is at its criterion."""
        x = delta * v
        log_cosh = np.where(x < 1e-3, x**2 / 2.0, x + np.log1p(np.exp(-2.0 * x)) - np.log(2.0))
        size = log_cosh + kappa * delta**2 / 2.0
        return (size + np.log1p(np.sqrt(-np.expm1(-2.0 * size)))) / delta


Rule = Differencing | LikelihoodRatio
RULES: dict[str, Rule] = {rule.name: rule for rule in (Differencing(), LikelihoodRatio())}


def criterion_at(
    rate: Callable[[Array, Array], Array], bracket: Rates, dprime: Array, wanted: Array
) -> Array:
    """The criterion at which a rate, falling with it, has the wanted value; elementwise."""
    return np.asarray(
        find_root(lambda c, d, aim: rate(d, c) - aim, bracket, args=(dprime, wanted), maxiter=200).x
    )


def solve(rule: Rule, hit_rate: Array, false_alarm_rate: Array) -> Array:
    """d′ of rates on the curve of a rule, elementwise; the hit rate must be the larger one."""
    found = find_root(
        lambda d, h, f: rule.hit_rate(d, f) - h,
        (np.zeros_like(hit_rate), np.full_like(hit_rate, LARGEST)),
        args=(hit_rate, false_alarm_rate),
    )
    return np.asarray(found.x)
