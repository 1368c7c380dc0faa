"""Choices between two answers: log-likelihood of a row, and its derivatives, by link.

The rows of ordered answers are in `intervals`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.special import expit, log_ndtr, ndtr

from analysis.models.design import Array

_LOG_ROOT_2PI = float(0.5 * np.log(2.0 * np.pi))


class Rows(Protocol):
    """Log-likelihood ℓ of each row at its linear predictor η, and derivatives; all (n,).

    Attributes
    ----------
    score
        dℓ/dη.
    observed
        -d²ℓ/dη².
    weight
        W of Laplace's determinant: the expectation of ``observed`` for choices, as in lme4; ``observed`` itself for
        ordered answers, as in R's ordinal.
    slope
        d(weight)/dη.
    """

    loglik: Array
    score: Array
    observed: Array

    @property
    def weight(self) -> Array: ...  # noqa: D102

    @property
    def slope(self) -> Array: ...  # noqa: D102


class LogitRows:
    """Bernoulli rows with the logit link; observed and expected information are the same."""

    def __init__(self, y: Array, eta: Array) -> None:
        self._mean = expit(eta)
        self.loglik = -np.logaddexp(0.0, (1.0 - 2.0 * y) * eta)
        self.score = y - self._mean
        self.observed = self._mean * (1.0 - self._mean)

    @property
    def weight(self) -> Array:
        """The same as observed."""
        return self.observed

    @property
    def slope(self) -> Array:
        """By η."""
        return self.observed * (1.0 - 2.0 * self._mean)


class ProbitRows:
    """Bernoulli rows with the probit link; what the search for the mode does not need waits."""

    def __init__(self, y: Array, eta: Array) -> None:
        self._sign = 2.0 * y - 1.0
        self._eta = self._sign * eta
        self._log_density = -0.5 * eta * eta - _LOG_ROOT_2PI
        self.loglik, self._own = self._tail(self._eta)
        self.score = self._sign * self._own
        self.observed = self._own * (self._own + self._eta)

    def _tail(self, eta: Array) -> tuple[Array, Array]:
        """log Φ(η) and φ(η)/Φ(η); Φ itself is four times faster than its logarithm, and exact to -30."""
        if eta.min(initial=0.0) < -30.0:
            logarithm = log_ndtr(eta)
        else:
            logarithm = np.log(ndtr(eta))
        return logarithm, np.exp(self._log_density - logarithm)

    @cached_property
    def _other(self) -> Array:
        return self._tail(-self._eta)[1]

    @cached_property
    def weight(self) -> Array:
        """Expected information, φ²/(Φ(η)Φ(-η))."""
        return self._own * self._other

    @property
    def slope(self) -> Array:
        """By η: the derivative of log φ² - log Φ(η) - log Φ(-η), times the weight."""
        return self._sign * self.weight * (self._other - self._own - 2.0 * self._eta)


ROWS: dict[str, Callable[[Array, Array], Rows]] = {"logit": LogitRows, "probit": ProbitRows}
MEAN: dict[str, Callable[[Array], Array]] = {"logit": expit, "probit": ndtr, "identity": np.asarray}
