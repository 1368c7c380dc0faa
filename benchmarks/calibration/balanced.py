r"""The linear crossed model of complete tables, from 20 numbers instead of thousands, many studies at once.

Where everybody has one value of every scene in both versions, sums :math:`m = (y_+ + y_-)/\sqrt 2` and differences
:math:`d = (y_+ - y_-)/\sqrt 2` have independent errors, and means and contrasts over people and scenes are independent
too. The restricted likelihood is then that of a few Wishart matrices (Searle, Casella & McCulloch 1992, chapter 4),

.. math:: \sum_j \nu_j \log|\Psi_j| + \mathrm{tr}(\Psi_j^{-1} A_j)

with :math:`\Psi = \sigma_g^2 I + S D\Lambda_g\Lambda_g'D` for the people of group g, on :math:`n_g - 1` degrees of
freedom; :math:`\Psi = \mathrm{diag}(\sigma_g^2) + H\Lambda_s\Lambda_s'H'` for scenes, on :math:`S - 1`; and
:math:`\sigma_g^2` for the residuals, on :math:`2(n_g - 1)(S - 1)`. Effects are estimated by differences of plain means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.models.design import Array

Places = NDArray[np.intp]
_D = np.array([np.sqrt(2.0), np.sqrt(0.5)])


@dataclass(frozen=True)
class Layout:
    r"""Groups of `people` seeing `scenes`, and where each parameter stands.

    Parameters are the lower triangles of :math:`\Lambda_1, \Lambda_2, \Lambda_s`, by rows, and the log residual SDs,
    all in the values' own unit.
    """

    people: tuple[int, ...]
    scenes: int
    turned: bool = False  # people's effect of the condition before their mean: its SD is then one parameter

    @property
    def groups(self) -> int:
        """How many."""
        return len(self.people)

    @property
    def k(self) -> int:
        """Random effects per scene."""
        return 2 * self.groups

    @property
    def size(self) -> int:
        """Number of parameters."""
        return 3 * self.groups + self.k * (self.k + 1) // 2 + self.groups

    @property
    def first_of_scene(self) -> int:
        """Where the scenes' triangle begins."""
        return 3 * self.groups

    def triangle(self) -> tuple[Places, Places]:
        """Rows and columns of the scenes' parameters."""
        rows, cols = np.tril_indices(self.k)
        return rows, cols

    def of_scene(self, row: int, col: int) -> int:
        """Place of an element of the scenes' factor: rows are 1, c, g, g:c."""
        return self.first_of_scene + row * (row + 1) // 2 + col

    @property
    def diagonal(self) -> list[int]:
        """Places of diagonal elements."""
        own = [3 * g + place for g in range(self.groups) for place in (0, 2)]
        return own + [self.of_scene(k, k) for k in range(self.k)]

    @property
    def scale(self) -> Array:
        """What the library measures nearness to zero by: 1 over the root mean square of each effect's column."""
        share = np.sqrt(np.array(self.people) / sum(self.people))
        own = [value for s in share for value in (1.0 / s, 2.0 / s, 2.0 / s)]
        rows, _ = self.triangle()
        return np.array([*own, *np.array([1.0, 2.0, 2.0, 4.0])[rows], *np.ones(self.groups)])

    @property
    def loading(self) -> Array:
        """H: scenes' effects to sums and differences of each group, (k, k)."""
        result = np.zeros((self.k, self.k))
        for g, n in enumerate(self.people):
            code = g - 0.5 if self.groups > 1 else 0.0
            for half in range(2):
                row = 2 * g + half
                result[row, half] = _D[half] * np.sqrt(n)
                if self.groups > 1:
                    result[row, 2 + half] = code * _D[half] * np.sqrt(n)
        return result

    def pattern(self, weights: Sequence[float]) -> Array:
        """Scenes' effects in a weighted sum of the groups' effects of the condition, (k,)."""
        result = np.zeros(self.k)
        for g, weight in enumerate(weights):
            result[1] += weight
            if self.groups > 1:
                result[3] += weight * (g - 0.5)
        return result


@dataclass(frozen=True)
class Sums:
    """What many studies say.

    Attributes
    ----------
    effects
        Effect of the condition in each group, (studies, groups).
    person
        Sums of squares and products between people, (studies, 2, 2) per group.
    scene
        The same between scenes, (studies, k, k).
    residual
        Residual sums of squares, (studies, groups).
    """

    effects: Array
    person: list[Array]
    scene: Array
    residual: Array

    def __len__(self) -> int:
        return len(self.effects)

    def take(self, which: Places) -> Sums:
        """Some of the studies."""
        return Sums(
            self.effects[which], [a[which] for a in self.person], self.scene[which], self.residual[which]
        )

    def turned(self) -> Sums:
        """People's differences before their sums."""
        return Sums(self.effects, [a[:, ::-1, ::-1] for a in self.person], self.scene, self.residual)

    def group(self, g: int) -> Sums:
        """One group alone."""
        own = slice(2 * g, 2 * g + 2)
        return Sums(self.effects[:, [g]], [self.person[g]], self.scene[:, own, own], self.residual[:, [g]])


def sums(values: Sequence[Array]) -> Sums:
    """One study's sums, from values (people, scenes, 2) of each group."""
    person, means, residual, effects = [], [], [], []
    for y in values:
        turned = np.stack([y[..., 1] + y[..., 0], y[..., 1] - y[..., 0]], axis=-1) / np.sqrt(2.0)
        n, scenes, _ = turned.shape
        of_person, of_scene = turned.mean(axis=1), turned.mean(axis=0)
        grand = turned.mean(axis=(0, 1))
        a = np.sqrt(scenes) * (of_person - grand)
        person.append((a.T @ a)[None])
        means.append(np.sqrt(n) * (of_scene - grand))
        rest = turned - of_person[:, None] - of_scene + grand
        residual.append(float(np.sum(rest**2)))
        effects.append(float(np.sqrt(2.0) * grand[1]))
    stacked = np.concatenate(means, axis=1)
    return Sums(np.array([effects]), person, (stacked.T @ stacked)[None], np.array([residual]))


def draw_sums(
    layout: Layout, x: Array, effects: Sequence[float], random: np.random.Generator, n: int
) -> Sums:
    """Sums of `n` studies drawn at parameters `x`, (size,) or one set each, (n, size)."""
    x = np.broadcast_to(np.atleast_2d(x), (n, layout.size))
    model = Moments(layout, x)
    person, residual = [], []
    for g, count in enumerate(layout.people):
        z = random.standard_normal((n, count - 1, 2)) @ np.linalg.cholesky(model.person[g]).transpose(0, 2, 1)
        person.append(z.transpose(0, 2, 1) @ z)
        residual.append(model.variance[:, g] * random.chisquare(2 * (count - 1) * (layout.scenes - 1), n))
    z = random.standard_normal((n, layout.scenes - 1, layout.k)) @ np.linalg.cholesky(model.scene).transpose(
        0, 2, 1
    )
    covariance = np.stack(
        [[model.covariance(g, h) for h in range(layout.groups)] for g in range(layout.groups)]
    ).transpose(2, 0, 1)
    noise = np.linalg.cholesky(covariance) @ random.standard_normal((n, layout.groups, 1))
    return Sums(
        np.array(effects) + noise[..., 0], person, z.transpose(0, 2, 1) @ z, np.stack(residual, axis=1)
    )


class Moments:
    """Everything at parameters `x`, (studies, size)."""

    def __init__(self, layout: Layout, x: Array) -> None:
        self.layout, self.x = layout, x
        self.variance = np.exp(2.0 * x[:, -layout.groups :])
        self.factors = [_triangle(x[:, 3 * g : 3 * g + 3], 2) for g in range(layout.groups)]
        end = layout.size - layout.groups
        self.factor = _triangle(x[:, layout.first_of_scene : end], layout.k)
        self.to_person = np.diag(np.sqrt(layout.scenes) * (_D[::-1] if layout.turned else _D))
        self.loading = layout.loading
        self.person = [
            _outer(self.to_person @ factor) + self.variance[:, g, None, None] * np.eye(2)
            for g, factor in enumerate(self.factors)
        ]
        noise = np.repeat(self.variance, 2, axis=1)
        self.scene = _outer(self.loading @ self.factor) + noise[:, :, None] * np.eye(layout.k)

    def covariance(self, g: int, h: int) -> Array:
        """Of the estimated effects of two groups, (studies,)."""
        layout = self.layout
        unit = np.eye(layout.groups)
        first, second = (layout.pattern(unit[k]) @ self.factor for k in (g, h))
        found = np.sum(first * second, axis=1) / layout.scenes
        if g == h:
            own = np.sum(self.factors[g][:, 1] ** 2, axis=1) + 2.0 * self.variance[:, g] / layout.scenes
            found = found + own / layout.people[g]
        return np.asarray(found)

    def error(self, weights: Sequence[float]) -> tuple[Array, Array]:
        """Variance of a weighted sum of effects, (studies,), and its gradient, (studies, size)."""
        layout = self.layout
        slope = np.zeros_like(self.x)
        pattern = layout.pattern(weights)
        along = pattern @ self.factor
        variance = np.sum(along**2, axis=1) / layout.scenes
        rows, cols = layout.triangle()
        slope[:, layout.first_of_scene : layout.size - layout.groups] = (
            2.0 * pattern[rows] * along[:, cols] / layout.scenes
        )
        for g, weight in enumerate(weights):
            share = weight**2 / layout.people[g]
            own = self.factors[g][:, 1]
            noise = 2.0 * self.variance[:, g] / layout.scenes
            variance = variance + share * (np.sum(own**2, axis=1) + noise)
            slope[:, 3 * g + 1 : 3 * g + 3] = 2.0 * share * own
            slope[:, layout.size - layout.groups + g] = 2.0 * share * noise
        return variance, slope


def criterion(
    layout: Layout, data: Sums, x: Array, *, derivatives: bool = True
) -> tuple[Array, Array, Array]:
    """REML criterion but for a constant, (studies,), its gradient, (studies, size), and Hessian."""
    at = Moments(layout, x)
    n, size, groups = len(x), layout.size, layout.groups
    value = np.zeros(n)
    gradient, matrix = np.zeros((n, size)), np.zeros((n, size, size))
    logs = size - groups
    for g, count in enumerate(layout.people):
        nu = 2.0 * (count - 1) * (layout.scenes - 1)
        share = data.residual[:, g] / at.variance[:, g]
        value += nu * np.log(at.variance[:, g]) + share
        gradient[:, logs + g] += 2.0 * nu - 2.0 * share
        matrix[:, logs + g, logs + g] += 4.0 * share
    parts = [
        (count - 1.0, at.person[g], data.person[g], at.to_person, at.factors[g], 3 * g, [g, g])
        for g, count in enumerate(layout.people)
    ]
    owners = [g for g in range(groups) for _ in range(2)]
    parts.append(
        (layout.scenes - 1.0, at.scene, data.scene, at.loading, at.factor, layout.first_of_scene, owners)
    )
    for nu, psi, a, to, factor, first, own in parts:
        inverse = np.linalg.inv(psi)
        q = inverse @ a
        value += nu * np.linalg.slogdet(psi)[1] + np.trace(q, axis1=1, axis2=2)
        if not derivatives:
            continue
        k = psi.shape[1]
        g_matrix = nu * inverse - q @ inverse
        inner = to.T @ g_matrix @ to
        rows, cols = np.tril_indices(k)
        places = [*(first + np.arange(len(rows))), *(logs + g for g in dict.fromkeys(own))]
        gradient[:, first : first + len(rows)] += (2.0 * inner @ factor)[:, rows, cols]
        # dPsi of each parameter: to e_r (factor column)' to' and its transpose
        moved = (to @ factor)[:, :, cols]  # (n, k, m)
        half = to[:, rows].T[None, :, :, None] * moved.transpose(0, 2, 1)[:, :, None, :]
        steps = [half + half.transpose(0, 1, 3, 2)]
        for g in dict.fromkeys(own):
            mask = np.diag((np.array(own) == g).astype(float))
            twice = 2.0 * at.variance[:, g]
            steps.append((twice[:, None, None] * mask)[:, None])
            trace = np.sum(np.diagonal(g_matrix, axis1=1, axis2=2) * np.diag(mask), axis=1)
            gradient[:, logs + g] += twice * trace
            matrix[:, logs + g, logs + g] += 2.0 * twice * trace
        e = np.concatenate(steps, axis=1)
        f = inverse[:, None] @ e
        weighted = f @ (2.0 * q - nu * np.eye(k))[:, None]
        m = len(places)
        block = weighted.reshape(n, m, k * k) @ f.transpose(0, 1, 3, 2).reshape(n, m, k * k).transpose(
            0, 2, 1
        )
        block = (block + block.transpose(0, 2, 1)) / 2.0
        same = (cols[:, None] == cols[None, :]).astype(float)
        block[:, : len(rows), : len(rows)] += 2.0 * inner[:, rows][:, :, rows] * same
        matrix[:, np.array(places)[:, None], np.array(places)[None, :]] += block
    return value, gradient, matrix


def _triangle(elements: Array, k: int) -> Array:
    result = np.zeros((len(elements), k, k))
    rows, cols = np.tril_indices(k)
    result[:, rows, cols] = elements
    return result


def _outer(factor: Array) -> Array:
    return np.asarray(factor @ factor.transpose(0, 2, 1))
