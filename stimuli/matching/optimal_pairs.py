r"""Pairs for clips that come without: each clip gets the most similar clip of the other arm, best for all at once.

The distance is Mahalanobis',

.. math:: d_{ij} = \sqrt{(x_i - y_j)^\top S^{-1} (x_i - y_j)}

with the covariance pooled within arms, so that a difference between the arms does not count as normal variation. Its
correlations are shrunk (Schäfer & Strimmer 2005, Stat Appl Genet Mol Biol 4:32), so that it can be inverted with few
clips and collinear features. The pairs with the smallest total distance are found by linear assignment (Rosenbaum
1989, J Am Stat Assoc 84:1024).

The caliper is in SD per feature, pooled within arms, after Rosenbaum & Rubin (1985, Am Stat 39:33), who match on
Mahalanobis' distance within calipers: two clips that differ by more in any chosen feature are never a pair. A limit on
the distance itself would mean something else for every number of features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from protocols.base.errors import Fault, InputError, UsageError, did_you_mean, fail, listed
from stimuli.matching.classifier import correlation_shrinkage
from stimuli.matching.paired import FloatArray, rows_of_arm, subtract, values_of


@dataclass(frozen=True, eq=False)
class Pairing:
    """Pairs, and the clips without a partner.

    Attributes
    ----------
    pairs
        Columns reference, contrast (names of clips), distance (Mahalanobis) and one per chosen feature with the
        difference contrast − reference in its own unit; the closest pair first.
    left_reference, left_contrast
        Clips without a partner: the other arm has fewer clips, or nothing within the caliper.
    constant
        Chosen features that do not vary within the arms; they say nothing about who belongs to whom and are not used.
    """

    pairs: pd.DataFrame
    left_reference: tuple[str, ...]
    left_contrast: tuple[str, ...]
    constant: tuple[str, ...]


def optimal_pairs(
    features: pd.DataFrame,
    chosen: Sequence[str],
    *,
    reference: str,
    contrast: str,
    caliper: float | None = None,
) -> Pairing:
    """Pair the clips of two arms by their features.

    As many pairs are made as the caliper allows; among the ways to make so many, the one with the smallest total
    distance. The order of rows changes nothing.

    Parameters
    ----------
    features
        One row per clip: clip, arm and the chosen features; NaN where one could not be measured. Such a clip counts as
        average in that feature, and whether it could be measured counts as a feature of its own (as Rosenbaum & Rubin
        1984, J Am Stat Assoc 79:516, treat missing values); within a caliper, both clips have it or neither.
    chosen
        Features to pair on.
    reference, contrast
        The two arms.
    caliper
        Largest difference in any chosen feature, in SD within arms; None for no limit.

    Raises
    ------
    InputError
        For an unknown feature or arm, or if no chosen feature varies.
    UsageError
        For a caliper that is not above 0.
    """
    if caliper is not None and not caliper > 0:
        raise fail(
            UsageError,
            "caliper",
            "must be above 0",
            got=f"{caliper:g}",
            accepted="SD per feature, such as 0.5",
        )
    known = [str(name) for name in features.columns]
    faults = [
        Fault(
            f"feature '{name}'", "was not measured", accepted=listed(known), way_out=did_you_mean(name, known)
        )
        for name in chosen
        if name not in known
    ]
    if faults:
        raise InputError(faults)
    clips, values = zip(*(_of_arm(features, arm, chosen) for arm in (reference, contrast)), strict=True)
    scaled = _scaled(*values)
    varies = np.asarray(np.vstack(scaled).any(axis=0), dtype=bool)
    if not varies.any():
        raise fail(
            InputError,
            "features to pair on",
            "do not vary between the clips of an arm",
            got=listed(chosen),
            way_out="choose features in which clips differ",
        )
    distances = _mahalanobis(*(one[:, varies] for one in scaled))
    allowed = np.ones(distances.shape, dtype=bool)
    if caliper is not None:
        allowed = _within(values[0], values[1], *(one[:, : len(chosen)] for one in scaled), caliper=caliper)
    rows_at, columns_at = _assign(distances, allowed)
    differences = subtract(values[1][columns_at], values[0][rows_at])
    pairs = pd.DataFrame(
        {
            "reference": [clips[0][i] for i in rows_at],
            "contrast": [clips[1][j] for j in columns_at],
            "distance": distances[rows_at, columns_at],
            **{name: differences[:, k] for k, name in enumerate(chosen)},
        }
    ).sort_values(["distance", "reference"], ignore_index=True)
    return Pairing(
        pairs,
        tuple(clip for i, clip in enumerate(clips[0]) if i not in rows_at),
        tuple(clip for j, clip in enumerate(clips[1]) if j not in columns_at),
        tuple(name for name, one in zip(chosen, varies, strict=False) if not one),
    )


def _of_arm(features: pd.DataFrame, arm: str, chosen: Sequence[str]) -> tuple[list[str], FloatArray]:
    """Names of an arm's clips, sorted, and their values of the chosen features."""
    rows = features.iloc[rows_of_arm(features, arm)].sort_values("clip")
    values = values_of(rows, chosen)
    empty = [name for name, column in zip(chosen, values.T, strict=True) if np.isnan(column).all()]
    if empty:
        raise fail(
            InputError,
            f"features {listed(empty)}",
            f"could not be measured in any clip of arm '{arm}'",
            way_out="pair on features that both arms have",
        )
    return [str(name) for name in rows["clip"]], values


def _scaled(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arms' features in SD within arms, 0 where that SD is 0; gaps become the mean, and indicators follow."""
    together = np.vstack([first, second])
    gaps = np.isnan(together)
    full = np.hstack(
        [np.where(gaps, np.nanmean(together, axis=0), together), gaps[:, gaps.any(axis=0)].astype(float)]
    )
    arms = np.split(full, [len(first)])
    inside = _inside(*arms)
    sd = np.sqrt((inside**2).sum(axis=0) / max(len(full) - 2, 1))
    noise = 1e-9 * np.abs(full).max(axis=0)
    scale = np.where(sd > noise, sd, np.inf)
    first, second = ((arm - full.mean(axis=0)) / scale for arm in arms)
    return first, second


def _inside(first: FloatArray, second: FloatArray) -> FloatArray:
    """Both arms' values, each arm around its own mean."""
    return np.vstack([first - first.mean(axis=0), second - second.mean(axis=0)])


def _mahalanobis(first: FloatArray, second: FloatArray) -> FloatArray:
    """Distances between all clips of two arms, (n, m), by their features in SD within arms."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.spatial.distance import cdist

    inside = _inside(first, second)
    inside = inside / np.sqrt((inside**2).mean(axis=0))
    shrinkage = correlation_shrinkage(inside)
    correlations = (1 - shrinkage) * inside.T @ inside / len(inside) + shrinkage * np.eye(inside.shape[1])
    root = cholesky(correlations, lower=True)
    return cdist(*(solve_triangular(root, arm.T, lower=True).T for arm in (first, second)))


def _within(
    first: FloatArray,
    second: FloatArray,
    scaled_first: FloatArray,
    scaled_second: FloatArray,
    *,
    caliper: float,
) -> NDArray[np.bool_]:
    """Which clips may be a pair, (n, m): within the caliper in every feature, measured in both or in neither."""
    apart = np.abs(scaled_first[:, None, :] - scaled_second[None, :, :])
    gap_first, gap_second = np.isnan(first)[:, None, :], np.isnan(second)[None, :, :]
    close = (apart <= caliper * (1 + 1e-9)) | (gap_first & gap_second)
    return (close & (gap_first == gap_second)).all(axis=2)


def _assign(distances: FloatArray, allowed: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pairs: as many as are allowed, with the smallest total distance."""
    from scipy.optimize import linear_sum_assignment

    dear = 1.0 + min(distances.shape) * float(distances.max())  # dearer than any number of allowed pairs
    rows, columns = linear_sum_assignment(np.where(allowed, distances, dear))
    kept = allowed[rows, columns]
    return rows[kept], columns[kept]
