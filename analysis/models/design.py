r"""What a crossed mixed model is made of: fixed effects, random terms, and their arrays.

.. math:: \eta = X\beta + Z_a \Lambda_a u_a + Z_b \Lambda_b u_b, \quad u \sim N(0, \sigma^2 I)

Two grouping factors at most: people and items. A factor's terms stand side by side in one block of `k` columns per
level, and its relative covariance factor :math:`\Lambda` is the same lower triangular (k, k) matrix at every level
(Bates et al. 2015, J. Stat. Softw. 67(1), section 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from protocols.base.errors import Fault, InputError, listed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Term:
    """Random effects that vary over the levels of one grouping column.

    Parameters
    ----------
    group
        Column that names the person or the item.
    effects
        Effects that vary: ``"1"``, a numeric column, or a product of columns, ``"g:c"``.
    correlated
        Whether the effects of this term may be correlated with each other.
    """

    group: str
    effects: tuple[str, ...]
    correlated: bool = True

    def __init__(self, group: str, effects: Sequence[str], correlated: bool = True) -> None:
        object.__setattr__(self, "group", group)
        object.__setattr__(self, "effects", tuple(effects))
        object.__setattr__(self, "correlated", correlated)

    def __str__(self) -> str:
        bar = "|" if self.correlated or len(self.effects) == 1 else "||"
        return f"({' + '.join(self.effects)} {bar} {self.group})"


@dataclass(frozen=True)
class Model:
    """A mixed model, apart from the data.

    Attributes
    ----------
    response
        Column of the values: 0 and 1 for the binomial family, any numbers for the ordinal one, which uses their order.
    fixed
        Fixed effects, written as in `Term`. An ordinal model has thresholds instead of the intercept ``"1"``.
    random
        Random terms on one or two grouping columns.
    family, link
        ``gaussian`` with ``identity``, or ``binomial`` or ``ordinal`` with ``logit`` or ``probit``.
    reml
        Restricted likelihood for a linear model, else maximum likelihood.
    residual_by
        Column whose values have residual SDs of their own (linear only).
    weights
        Column of prior weights, as lme4's ``weights``: the residual variance of a row is its stratum's over its weight
        (linear only).
    """

    response: str
    fixed: tuple[str, ...]
    random: tuple[Term, ...]
    family: str = "gaussian"
    link: str = "identity"
    reml: bool = True
    residual_by: str | None = None
    weights: str | None = None

    def __post_init__(self) -> None:
        links = {"gaussian": ("identity",), "binomial": ("logit", "probit"), "ordinal": ("logit", "probit")}
        if self.family not in links:
            raise wrong("family", "is not known", self.family, listed(links))
        if self.link not in links[self.family]:
            raise wrong("link", f"does not go with {self.family}", self.link, listed(links[self.family]))
        if self.residual_by and self.family != "gaussian":
            raise wrong("residual_by", "is for linear models only", self.family, "gaussian")
        if self.weights and self.family != "gaussian":
            raise wrong("weights", "are for linear models only", self.family, "gaussian")
        groups = list(dict.fromkeys(term.group for term in self.random))
        if not 1 <= len(groups) <= 2:
            raise wrong(
                "random", "needs one or two grouping columns", listed(groups), "people, or people and items"
            )
        for group in groups:
            effects = [effect for term in self.random if term.group == group for effect in term.effects]
            twice = sorted({effect for effect in effects if effects.count(effect) > 1})
            if twice or not effects:
                raise wrong(f"random terms of '{group}'", "name an effect twice or none", listed(effects), "")
        if self.ordinal and "1" in self.fixed:
            raise wrong(
                "fixed",
                "holds the intercept '1', which the thresholds of an ordinal model replace",
                listed(self.fixed),
                'the same without "1", for example ["c"]',
            )
        if not (self.fixed or self.ordinal) or len(set(self.fixed)) < len(self.fixed):
            raise wrong(
                "fixed", "names an effect twice or none", listed(self.fixed), 'for example ["1", "c"]'
            )

    def __str__(self) -> str:
        return f"{self.response} ~ {' + '.join([*self.fixed, *map(str, self.random)])}"

    @property
    def linear(self) -> bool:
        """Whether the family is Gaussian."""
        return self.family == "gaussian"

    @property
    def ordinal(self) -> bool:
        """Whether answers have an order and thresholds between them."""
        return self.family == "ordinal"

    @property
    def groups(self) -> tuple[str, ...]:
        """The grouping columns, in the order in which the terms name them."""
        return tuple(dict.fromkeys(term.group for term in self.random))

    def effects(self, group: str) -> tuple[str, ...]:
        """Effects that vary over `group`, term after term."""
        return tuple(effect for term in self.random if term.group == group for effect in term.effects)

    def with_random(self, random: Sequence[Term]) -> Model:
        """The same model with other random terms."""
        return replace(self, random=tuple(random))


@dataclass(frozen=True)
class Side:
    """One grouping factor: its levels, its columns and the shape of its covariance factor.

    Attributes
    ----------
    codes
        Level of each row, (n,).
    z
        Columns of the random effects, (n, k).
    rows, cols
        Places of the free elements of the lower triangular factor, each (m,).
    """

    group: str
    effects: tuple[str, ...]
    levels: tuple[object, ...]
    codes: NDArray[np.intp]
    z: Array
    rows: NDArray[np.intp]
    cols: NDArray[np.intp]

    @property
    def k(self) -> int:
        """Random effects per level."""
        return len(self.effects)

    @property
    def n_levels(self) -> int:
        """Number of people or items."""
        return len(self.levels)

    @property
    def size(self) -> int:
        """Random effects in all."""
        return self.k * self.n_levels

    @property
    def diagonal(self) -> NDArray[np.bool_]:
        """Which of the free elements stand on the diagonal, (m,)."""
        return np.asarray(self.rows == self.cols)

    def factor(self, theta: Array) -> Array:
        """Relative covariance factor, (k, k), from its free elements."""
        result = np.zeros((self.k, self.k))
        result[self.rows, self.cols] = theta
        return result

    @property
    def scale(self) -> Array:
        """Natural scale of the free elements, (m,): 1 over the root mean square of their effect's column."""
        return np.asarray(1.0 / root_mean_square(self.z)[self.rows])

    @cached_property
    def _matrices(self) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        """Z, (n, size), and Z', both sparse by rows: fast to multiply with."""
        n, k = self.z.shape
        columns = (self.codes[:, None] * k + np.arange(k)).ravel()
        starts = np.arange(n + 1) * k
        z = sparse.csr_matrix((self.z.ravel(), columns, starts), shape=(n, self.size))
        return z, z.T.tocsr()

    def spread(self, effects: Array) -> Array:
        """Z b: from effects of the levels, (levels, k), to rows, (n,)."""
        return np.asarray(self._matrices[0] @ effects.ravel())

    def collect(self, rows: Array) -> Array:
        """Z'v: from rows, (n,) or (n, m), to levels, (levels, k) or (levels, k, m)."""
        return np.asarray(self._matrices[1] @ rows).reshape(self.n_levels, self.k, *rows.shape[1:])


@dataclass(frozen=True)
class Design:
    """A model with its arrays; shared by every refit.

    Attributes
    ----------
    x
        Fixed-effect columns, (n, p).
    y
        Responses, (n,).
    a, b
        The factor that is eliminated block by block (the one with more columns), and the one that stays dense;
        `b` has no levels where there is one factor only.
    strata, stratum
        Values of ``residual_by``, and the stratum of each row, (n,).
    prior
        Prior weights, (n,); None: all of them are 1.
    """

    model: Model
    x: Array
    y: Array
    a: Side
    b: Side
    strata: tuple[object, ...]
    stratum: NDArray[np.intp]
    prior: Array | None = None

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.y)

    @property
    def p(self) -> int:
        """Fixed effects."""
        return self.x.shape[1]

    @property
    def n_theta(self) -> int:
        """Free elements of both covariance factors."""
        return len(self.a.rows) + len(self.b.rows)

    @property
    def prior_weights(self) -> Array:
        """Prior weights, (n,), ones where there are none."""
        return np.ones(self.n) if self.prior is None else self.prior

    def side(self, group: str) -> Side:
        """The factor called `group`."""
        return self.a if self.a.group == group else self.b

    def factors(self, theta: Array) -> tuple[Array, Array]:
        """Both relative covariance factors, from ``theta`` = free elements of `a`, then of `b`."""
        m = len(self.a.rows)
        return self.a.factor(theta[:m]), self.b.factor(theta[m:])

    @property
    def diagonal(self) -> NDArray[np.bool_]:
        """Which elements of ``theta`` stand on a diagonal."""
        return np.concatenate([self.a.diagonal, self.b.diagonal])

    def with_response(self, y: Array) -> Design:
        """The same design with other responses; everything that does not depend on them is shared."""
        result = replace(self, y=np.asarray(y, float))
        for name in ("gram", "gram_transposed", "kinds"):
            if name in self.__dict__:
                result.__dict__[name] = self.__dict__[name]
        return result

    @cached_property
    def categories(self) -> tuple[Array, NDArray[np.intp]]:
        """The answers that were given, in order, (K,), and which of them each row is, (n,): of an ordinal model."""
        values, codes = np.unique(self.y, return_inverse=True)
        return values, codes.ravel()

    @cached_property
    def kinds(self) -> tuple[Array, NDArray[np.intp]]:
        """The different rows of `x`, (kinds, p), and which of them each row is, (n,)."""
        if not self.p:
            return np.zeros((1, 0)), np.zeros(self.n, np.intp)
        kinds, which = np.unique(self.x, axis=0, return_inverse=True)
        return kinds, which.ravel()

    @cached_property
    def gram(self) -> sparse.csr_matrix:
        """Linear map from row weights to the cross-products Z'WZ, flat: blocks aa, ab, bb in turn."""
        return self.gram_transposed.T.tocsr()

    @cached_property
    def gram_transposed(self) -> sparse.csr_matrix:
        """Its adjoint: from weights of the blocks' elements to one number per row."""
        a, b = self.a, self.b
        ka, kb, qb = a.k, b.k, b.size
        i, j = np.divmod(np.arange(ka * ka), ka)
        aa = a.codes[:, None] * ka * ka + i * ka + j
        values = [a.z[:, i] * a.z[:, j]]
        places = [aa]
        if kb:
            i, j = np.divmod(np.arange(ka * kb), kb)
            places.append(a.n_levels * ka * ka + (a.codes[:, None] * ka + i) * qb + b.codes[:, None] * kb + j)
            values.append(a.z[:, i] * b.z[:, j])
            i, j = np.divmod(np.arange(kb * kb), kb)
            places.append(a.n_levels * ka * (ka + qb) + b.codes[:, None] * kb * kb + i * kb + j)
            values.append(b.z[:, i] * b.z[:, j])
        columns, data = np.hstack(places), np.hstack(values)
        width = columns.shape[1]
        total = a.n_levels * ka * (ka + qb) + b.n_levels * kb * kb
        return sparse.csr_matrix(
            (data.ravel(), columns.ravel(), np.arange(0, self.n * width + 1, width)), shape=(self.n, total)
        )


def root_mean_square(columns: Array) -> Array:
    """Size of each column, (k,); 1 for a column of zeros."""
    size = np.sqrt(np.sum(columns**2, axis=0) / max(1, len(columns)))
    return np.where(size > 0, size, 1.0)


def columns_of(data: pd.DataFrame | Mapping[str, object], effects: Sequence[str], n: int) -> Array:
    """One column per effect, (n, len(effects)): ``"1"``, a column, or a product of columns."""
    result = np.ones((n, len(effects)))
    for place, effect in enumerate(effects):
        for name in effect.split(":"):
            if name != "1":
                result[:, place] *= np.asarray(data[name], float)
    return result


def wrong(item: str, problem: str, got: str, accepted: str) -> InputError:
    """A single fault of a model or its table."""
    return InputError(Fault(item, problem, got=got, accepted=accepted))
