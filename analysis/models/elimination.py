r"""Solving the penalized least-squares system of two crossed factors, one of them block by block.

The system matrix of one iteration (Bates et al. 2015, eq. 48) is, with the factors' own columns first,

.. math:: K = \begin{pmatrix} \Lambda_a'S\Lambda_a + I & \Lambda_a'B\Lambda_b & \Lambda_a'C_a \\
              & \Lambda_b'D\Lambda_b + I & \Lambda_b'C_b \\ & & C \end{pmatrix}

where :math:`S = Z_a'WZ_a` and :math:`D = Z_b'WZ_b` are block-diagonal, :math:`B = Z_a'WZ_b` is dense, and the C's are
the products with X. Eliminating `a` costs one small Cholesky factor per level, all of them in one array operation;
what is left is dense and has the size of `b`. Nothing is divided by a covariance factor, so that variances of 0 are
ordinary values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from analysis.models.design import Array, Design


class Indefinite(ArithmeticError):
    """The system matrix is not positive definite: a step went too far."""


@dataclass(frozen=True)
class Products:
    """Weighted cross-products of a design.

    Attributes
    ----------
    aa, ab, bb
        Blocks of Z'WZ: (levels_a, ka, ka), (levels_a, ka, qb), (levels_b, kb, kb).
    ac, bc, cc
        Products with the fixed-effect columns: (levels_a, ka, m), (qb, m), (m, m); m may be 0.
    """

    aa: Array
    ab: Array
    bb: Array
    ac: Array
    bc: Array
    cc: Array

    def plus(self, other: Products, weight: float) -> Products:
        """Sum with `weight` times `other`."""
        return Products(
            *(mine + weight * theirs for mine, theirs in zip(self.parts, other.parts, strict=True))
        )

    @property
    def parts(self) -> tuple[Array, ...]:
        """All blocks."""
        return self.aa, self.ab, self.bb, self.ac, self.bc, self.cc

    def times(self, weight: float) -> Products:
        """A multiple."""
        return Products(*(weight * part for part in self.parts))

    def inner(self, other: Products) -> float:
        """Sum of the elementwise products, which is a trace where both are symmetric blocks."""
        return float(sum(np.vdot(mine, theirs) for mine, theirs in zip(self.parts, other.parts, strict=True)))


def cross_products(design: Design, weights: Array, columns: Array | None = None) -> Products:
    """Z'WZ by blocks, and its products with `columns` (n, m), where given."""
    a, b = design.a, design.b
    aa, ab, bb = split_blocks(design, design.gram @ weights)
    m = 0 if columns is None else columns.shape[1]
    if columns is None:
        return Products(aa, ab, bb, np.zeros((a.n_levels, a.k, 0)), np.zeros((b.size, 0)), np.zeros((0, 0)))
    weighted = weights[:, None] * columns
    in_b = b.collect(weighted).reshape(b.size, m)
    return Products(aa, ab, bb, a.collect(weighted), in_b, columns.T @ weighted)


def split_blocks(design: Design, flat: Array) -> tuple[Array, Array, Array]:
    """The three blocks of a flat array laid out as `Design.gram` does."""
    a, b = design.a, design.b
    first = a.n_levels * a.k * a.k
    second = first + a.n_levels * a.k * b.size
    return (
        flat[:first].reshape(a.n_levels, a.k, a.k),
        flat[first:second].reshape(a.n_levels, a.k, b.size),
        flat[second:].reshape(b.n_levels, b.k, b.k),
    )


class Factor:
    """Cholesky factor of the system matrix, `a` eliminated.

    Parameters
    ----------
    products
        Cross-products at the current weights.
    factor_a, factor_b
        Relative covariance factors, (ka, ka) and (kb, kb).

    Raises
    ------
    Indefinite
        If the system matrix is not positive definite.
    """

    def __init__(self, products: Products, factor_a: Array, factor_b: Array) -> None:
        self.products, self.factor_a, self.factor_b = products, factor_a, factor_b
        levels_a, ka, self.qb = products.ab.shape
        self.levels_b, self.kb = products.bb.shape[:2]
        self.p = products.cc.shape[0]
        small = factor_a.T @ products.aa @ factor_a + np.eye(ka)
        try:
            chol = np.linalg.cholesky(small)
        except np.linalg.LinAlgError as error:
            raise Indefinite("a block of the eliminated factor") from error
        self.inner = np.linalg.inv(chol)  # (levels_a, ka, ka): L^-1
        self.whiten = self.inner @ factor_a.T  # L^-1 Λ'
        tail = np.concatenate([products.ab, products.ac], axis=2) if self.p else products.ab
        self.tail = tail
        self.t = self.whiten @ tail  # (levels_a, ka, qb + p)
        flat = self.t.reshape(levels_a * ka, self.qb + self.p)
        schur = -(flat.T @ flat)  # one rank-k update: numpy sees the transpose and calls syrk
        _add_blocks(schur, products.bb)
        if self.p:
            schur[: self.qb, self.qb :] += products.bc
            schur[self.qb :, : self.qb] += products.bc.T
            schur[self.qb :, self.qb :] += products.cc
        self.schur = schur  # not scaled by factor_b
        system = self._scale_left(self._scale_left(schur).T)
        system.flat[: self.qb * (system.shape[0] + 1) : system.shape[0] + 1] += 1.0
        if not np.isfinite(system).all():
            raise Indefinite("not finite")
        self.chol, info = lapack.dpotrf(system.T, lower=1, clean=1, overwrite_a=1)
        if info:
            raise Indefinite("the dense block")
        self._log_a = 2.0 * float(np.log(np.diagonal(chol, axis1=1, axis2=2)).sum())
        self._log_diagonal = 2.0 * np.log(np.diagonal(self.chol))

    @property
    def log_det_random(self) -> float:
        """Logarithm of the determinant of the random effects' part."""
        return self._log_a + float(self._log_diagonal[: self.qb].sum())

    @property
    def log_det_fixed(self) -> float:
        """Logarithm of the determinant of what is left for X."""
        return float(self._log_diagonal[self.qb :].sum())

    @property
    def r_x(self) -> Array:
        """Lower Cholesky factor of X'V^-1X, (p, p)."""
        return self.chol[self.qb :, self.qb :]

    def _scale_left(self, matrix: Array) -> Array:
        """blockdiag(Λ_b', I) times a matrix of (qb + p) rows; always a new array."""
        result = np.array(matrix, order="C")
        if self.qb:
            m = matrix.shape[1]
            top = result[: self.qb].reshape(-1, self.kb, m)
            if np.count_nonzero(self.factor_b) == np.count_nonzero(np.diagonal(self.factor_b)):
                top *= np.diagonal(self.factor_b)[:, None]
            else:
                result[: self.qb] = (self.factor_b.T @ top).reshape(self.qb, m)
        return result

    def forward(self, right_a: Array, right_b: Array, right_x: Array) -> tuple[Array, Array]:
        """First half of a solution: the lower triangular system.

        Parameters
        ----------
        right_a, right_b, right_x
            Right sides (levels, k) twice and (p,), those of the random effects in spherical units (Λ'Z'…).
        """
        first = (self.inner @ right_a[:, :, None])[:, :, 0]
        rest = self.t.reshape(first.size, self.t.shape[2]).T @ first.ravel()
        down = right_b - rest[: self.qb].reshape(right_b.shape) @ self.factor_b
        right = np.concatenate([down.ravel(), right_x - rest[self.qb :]])
        return first, _triangular(self.chol, right, 0)

    def backward(self, first: Array, second: Array) -> tuple[Array, Array, Array]:
        """Second half: spherical random effects u_a and u_b, (levels, k) each, and β (p,)."""
        solution = _triangular(self.chol, second, 1)
        u_b, beta = solution[: self.qb].reshape(self.levels_b, self.kb), solution[self.qb :]
        rest = first - self.t @ np.concatenate([(u_b @ self.factor_b.T).ravel(), beta])
        return (np.swapaxes(self.inner, 1, 2) @ rest[:, :, None])[:, :, 0], u_b, beta

    def solve(self, right_a: Array, right_b: Array, right_x: Array) -> tuple[Array, Array, Array]:
        """Solution of the whole system."""
        return self.backward(*self.forward(right_a, right_b, right_x))

    def inverse(self, *, with_fixed: bool) -> Inverse:
        """Blocks of the inverse, and what derivatives need; with or without the fixed effects' part."""
        return Inverse(self, with_fixed and self.p > 0)


class Inverse:
    r"""The part of :math:`\tilde\Lambda K^{-1} \tilde\Lambda'` that derivatives need.

    Attributes
    ----------
    blocks
        The inverse at the places of the cross-products, off-diagonal blocks doubled: its inner product with
        cross-products Z_g'Z_g is the trace of their product.
    bracket_a, bracket_b
        :math:`\sum_j Z_j' P Z_j \Lambda`, (k, k): half the derivative of the log-determinant by the factor.
    """

    def __init__(self, factor: Factor, with_fixed: bool) -> None:
        qb, kb, p = factor.qb, factor.kb, factor.p if with_fixed else 0
        q = qb + p
        inverse, info = lapack.dpotri(factor.chol[:q, :q], lower=1) if q else (np.zeros((0, 0)), 0)
        if info:
            raise Indefinite("the dense block")
        inverse = np.tril(inverse)
        inverse += np.tril(inverse, -1).T
        # Derivative by Λ_b: rows of the Schur complement times columns of the inverse, summed over levels.
        self.bracket_b = np.zeros((kb, kb))
        if qb:
            half = _scale_right(factor.schur[:qb, :q], factor.factor_b, qb)
            by_effect = half.reshape(-1, kb, q).transpose(1, 0, 2).reshape(kb, -1)
            columns = inverse[:qb].reshape(-1, kb, q).transpose(1, 0, 2).reshape(kb, -1)
            self.bracket_b = by_effect @ columns.T
        # Now in unscaled units on both sides.
        inverse = _scale_right(inverse, factor.factor_b.T, qb)
        inverse = _scale_right(inverse.T, factor.factor_b.T, qb).T if qb else inverse
        t, tail = factor.t[:, :, :q], factor.tail[:, :, :q]
        levels_a, ka = t.shape[:2]
        u = (t.reshape(levels_a * ka, q) @ inverse).reshape(levels_a, ka, q)
        back = np.swapaxes(factor.whiten, 1, 2)  # ΛL^-T
        middle = u @ np.swapaxes(t, 1, 2) + np.eye(ka)
        self.aa = back @ middle @ factor.whiten  # Λ K^-1 Λ'
        # Z_j'P Z_j Λ as S Λ K^-1_jj + [B, C] K^-1_.j, which never divides by Λ: it may be singular.
        half = factor.products.aa @ back @ middle - tail @ np.swapaxes(u, 1, 2)
        self.bracket_a = (half @ factor.inner).sum(axis=0)
        cross = -2.0 * (back @ u)
        diagonal = _diagonal_blocks(inverse, qb, kb)
        self.blocks = Products(
            self.aa,
            cross[:, :, :qb],
            diagonal,
            cross[:, :, qb:],
            2.0 * inverse[:qb, qb:],
            inverse[qb:, qb:],
        )

    @property
    def flat(self) -> Array:
        """Random effects' blocks, laid out as `Design.gram` does."""
        return np.concatenate([self.blocks.aa.ravel(), self.blocks.ab.ravel(), self.blocks.bb.ravel()])


def _triangular(chol: Array, right: Array, transposed: int) -> Array:
    if not right.size:
        return right
    return lapack.dtrtrs(chol, right, lower=1, trans=transposed)[0]


def _scale_right(matrix: Array, factor: Array, qb: int) -> Array:
    """A matrix with qb + p columns, times blockdiag(factor, I); a new array."""
    result = np.array(matrix, order="C")
    k = factor.shape[0]
    if qb:
        rows = matrix.shape[0]
        if np.count_nonzero(factor) == np.count_nonzero(np.diagonal(factor)):
            result[:, :qb] *= np.tile(np.diagonal(factor), qb // k)
        else:
            result[:, :qb] = (np.ascontiguousarray(result[:, :qb]).reshape(-1, k) @ factor).reshape(rows, qb)
    return result


def _add_blocks(matrix: Array, blocks: Array) -> None:
    levels, k = blocks.shape[:2]
    if levels:
        places = np.arange(levels * k).reshape(levels, k)
        matrix[places[:, :, None], places[:, None, :]] += blocks


def _diagonal_blocks(matrix: Array, qb: int, k: int) -> Array:
    if not qb:
        return np.zeros((0, 0, 0))
    places = np.arange(qb).reshape(-1, k)
    return matrix[places[:, :, None], places[:, None, :]]
