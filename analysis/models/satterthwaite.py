r"""Degrees of freedom of a linear mixed model's contrasts.

For a contrast :math:`\hat\theta = l'\hat\beta` with variance :math:`v(\tau) = l'C(\tau)l`, τ holding the covariance
parameters and the residual SD,

.. math:: df = \frac{2 v^2}{g' A g}, \quad g = \partial v/\partial\tau, \quad A = 2 H^{-1}

H being the Hessian of the (restricted) deviance (Satterthwaite 1946; Fai & Cornelius 1996, J. Stat. Comput. Simul.
54:363; Kuznetsova et al. 2017, J. Stat. Softw. 82(13)). The gradient of the deviance is analytic here, so that H
costs one difference where lmerTest takes two. Directions without positive curvature are left out, as there.
"""

from __future__ import annotations

import numpy as np

from analysis.models.design import Array
from analysis.models.estimating import Estimated
from analysis.models.linear import LinearObjective
from analysis.models.optimizing import hessian
from analysis.models.threads import one_thread

_SIZE = 1e-4  # of the differences, in the parameters' own scale


class Satterthwaite:
    """Degrees of freedom for any contrast of one fit.

    Parameters
    ----------
    objective, estimated, sigma
        The fit's criterion, its optimum and its residual SD.
    """

    def __init__(self, objective: LinearObjective, estimated: Estimated, sigma: float) -> None:
        with one_thread():
            self._prepare(objective, estimated, sigma)

    def _prepare(self, objective: LinearObjective, estimated: Estimated, sigma: float) -> None:
        point = np.append(estimated.x, np.log(sigma))
        self.scale = np.append(estimated.scale, 1.0)
        curvature = hessian(objective.with_sigma, point, self.scale, size=_SIZE)
        values, vectors = np.linalg.eigh(curvature * np.outer(self.scale, self.scale))
        good = values > 1e-8 * max(1.0, float(values[-1]))
        self.inverse = (vectors[:, good] / values[good]) @ vectors[:, good].T  # in scaled units
        self.covariance = objective.covariance(point)
        slopes = []
        for k, scale in enumerate(self.scale):
            move = np.zeros(len(point))
            move[k] = _SIZE * scale
            slopes.append(
                (objective.covariance(point + move) - objective.covariance(point - move)) / (2 * _SIZE)
            )
        self.slopes = np.array(slopes)  # (m + 1, p, p)

    def df(self, weights: Array) -> float:
        """Degrees of freedom of the contrast with `weights`, (p,)."""
        variance = float(weights @ self.covariance @ weights)
        slope = self.slopes @ weights @ weights
        spread = 2.0 * float(slope @ self.inverse @ slope)
        return 2.0 * variance**2 / spread if spread > 0 else np.inf
