r"""Ordered answers: log-likelihood of a row, and its derivatives, by link.

An answer k says that a latent value around η fell between two thresholds (McCullagh 1980, J. R. Stat. Soc. B 42:109):

.. math:: P(y \le k) = F(\alpha_k - \eta), \qquad \ell = \log\{F(U) - F(L)\}, \quad U = \alpha_k - \eta,\;
          L = \alpha_{k-1} - \eta

with :math:`L = -\infty` for the first answer and :math:`U = \infty` for the last. For both links ℓ is concave in η and
the thresholds together (Pratt 1981, J. Am. Stat. Assoc. 76:103).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, log_ndtr, ndtr

from analysis.models.design import Array
from analysis.models.families import Rows

_FAR = 1e8  # for infinity: every density there is 0, and so is the density times any power of it
_LOG_ROOT_2PI = float(0.5 * np.log(2.0 * np.pi))
Pair = tuple[Array, Array]


class Intervals(Rows, Protocol):
    r"""Rows of ordered answers; each pair holds derivatives by U and by L, (n,) each.

    Attributes
    ----------
    by_bounds
        Of ℓ.
    crossed
        :math:`\partial^2 \ell/\partial U \partial L`.
    score_by_bounds
        Of the score.
    """

    by_bounds: Pair
    crossed: Array
    score_by_bounds: Pair

    @property
    def weight_by_bounds(self) -> Pair: ...  # noqa: D102


def _bounds(codes: NDArray[np.intp], cuts: Array, eta: Array) -> tuple[Array, Array, Array]:
    """U and L of each row, and the logarithm of 1 - exp(L - U)."""
    ends = np.concatenate([[-_FAR], cuts, [_FAR]])
    width = np.log(-np.expm1(-np.diff(ends)))
    return ends[codes + 1] - eta, ends[codes] - eta, width[codes]


class _Rows(ABC):
    """What both links share: the weight is the observed information."""

    observed: Array

    @property
    @abstractmethod
    def weight_by_bounds(self) -> Pair:
        """Of the weight."""

    @property
    def weight(self) -> Array:
        """The observed information."""
        return self.observed

    @property
    def slope(self) -> Array:
        """By η, which moves both bounds down."""
        of_upper, of_lower = self.weight_by_bounds
        return -(of_upper + of_lower)


class LogitIntervals(_Rows):
    r"""Ordered answers with the logit link.

    :math:`F(U) - F(L) = F(U)\,F(-L)\,(1 - e^{L-U})`, so that nothing is lost to cancellation, and thresholds act on the
    score one at a time.
    """

    def __init__(self, codes: NDArray[np.intp], cuts: Array, eta: Array) -> None:
        with np.errstate(
            invalid="ignore", divide="ignore"
        ):  # thresholds out of order: NaN, and the step is shortened
            upper, lower, width = _bounds(codes, cuts, eta)
        self._upper, self._lower = expit(upper), expit(lower)
        above, below = expit(-upper), expit(-lower)
        self.loglik = log_expit(upper) + log_expit(-lower) + width
        self.score = self._lower - above
        self._densities = self._upper * above, self._lower * below
        self.observed = self._densities[0] + self._densities[1]
        narrow = np.exp(np.minimum(lower - upper, 0.0) - width)  # 1/(exp(U - L) - 1)
        self.by_bounds = above + narrow, -self._lower - narrow
        self.crossed = narrow * (1.0 + narrow)
        self.score_by_bounds = self._densities

    @property
    def weight_by_bounds(self) -> Pair:
        """Of the weight: the slopes of the densities."""
        of_upper, of_lower = self._densities
        return of_upper * (1.0 - 2.0 * self._upper), of_lower * (1.0 - 2.0 * self._lower)


class ProbitIntervals(_Rows):
    """Ordered answers with the probit link."""

    def __init__(self, codes: NDArray[np.intp], cuts: Array, eta: Array) -> None:
        with np.errstate(
            invalid="ignore", divide="ignore", over="ignore"
        ):  # thresholds out of order, as above
            upper, lower, _ = _bounds(codes, cuts, eta)
            self.loglik = _log_difference(upper, lower)
            a = np.exp(-0.5 * upper * upper - _LOG_ROOT_2PI - self.loglik)
            b = np.exp(-0.5 * lower * lower - _LOG_ROOT_2PI - self.loglik)
            difference = a - b
            self.by_bounds = a, -b
            self.crossed = a * b
            self.score = -difference
            self.score_by_bounds = a * (upper + difference), -b * (lower + difference)
            self.observed = self.score_by_bounds[0] + self.score_by_bounds[1]
        self._bounds, self._ratios = (upper, lower), (a, b)

    @property
    def weight_by_bounds(self) -> Pair:
        """Of the weight."""
        (upper, lower), (a, b) = self._bounds, self._ratios
        of_upper, of_lower = self.score_by_bounds
        difference, bend = a - b, b * lower - a * upper
        return (
            -a * (upper * upper - 1.0) + bend * a - 2.0 * difference * of_upper,
            b * (lower * lower - 1.0) - bend * b - 2.0 * difference * of_lower,
        )


def _log_difference(upper: Array, lower: Array) -> Array:
    """log(Φ(U) - Φ(L)), taken in the lower tail, where differences keep their digits."""
    flip = upper + lower > 0
    high, low = np.where(flip, -lower, upper), np.where(flip, -upper, lower)
    if high.min(initial=0.0) > -30.0:
        return np.log(ndtr(high) - ndtr(low))
    of_high = log_ndtr(high)
    return np.asarray(of_high + np.log(-np.expm1(log_ndtr(low) - of_high)))


INTERVALS: dict[str, Callable[[NDArray[np.intp], Array, Array], Intervals]] = {
    "logit": LogitIntervals,
    "probit": ProbitIntervals,
}
