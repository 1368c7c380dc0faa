"""Clusters of a statistic map with their peaks, as papers print them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from analysis.fmri.maps.permutation import Permuted
from analysis.fmri.preprocessing.resampling import Grid, Mask

COLUMNS = (
    "cluster", "peak", "side", "x_mm", "y_mm", "z_mm", "t", "effect", "p_voxel",
    "voxels", "volume_mm3", "p_cluster_mass", "p_tfce_smallest",
)  # fmt: skip
"""The last four are of the cluster, and stand in the row of its first peak only."""
NUMERIC = tuple(name for name in COLUMNS if name != "side")
APART_MM = 8.0
"""Least distance between two peaks of a cluster."""
MORE_PEAKS = 2


@dataclass(frozen=True)
class _Maps:
    """The values of every voxel as volumes, 0 (p: 1) outside the mask."""

    t: NDArray[np.float64]
    effect: NDArray[np.float64]
    p_voxel: NDArray[np.float64]
    p_mass: NDArray[np.float64]
    p_tfce: NDArray[np.float64]


def cluster_table(found: Permuted, mask: Mask, grid: Grid, threshold: float) -> pd.DataFrame:
    """Clusters of voxels that share faces, both signs, by corrected p of their mass and then by extent.

    Parameters
    ----------
    found
        With TFCE and cluster mass at this very threshold.
    mask
        Voxels of the analysis, (x, y, z).
    grid
        Of the mask.
    threshold
        Height of t, without its sign, above which voxels make a cluster.

    Returns
    -------
    DataFrame
        `COLUMNS`; one row per peak: each cluster's highest voxel first, then up to two further local maxima,
        8 mm or more from those before.
    """
    assert found.tfce is not None
    assert found.cluster_mass is not None
    statistic = found.statistic
    # Single precision, as in the permutations: a voxel at the threshold belongs to a cluster here if it does there.
    t = statistic.t.astype(np.float32).astype(np.float64)
    maps = _Maps(
        _volume(t, mask),
        _volume(statistic.estimate, mask),
        _volume(found.voxel.p, mask, 1.0),
        _volume(found.cluster_mass.p, mask, 1.0),
        _volume(found.tfce.p, mask, 1.0),
    )
    clusters: list[list[dict[str, Any]]] = []
    for side, sign in (("+", 1.0), ("-", -1.0)):
        labels, count = ndimage.label(sign * maps.t > threshold)
        boxes = ndimage.find_objects(labels)
        clusters += [
            _cluster(labels[box] == number, box, side, maps, grid)
            for number, box in zip(range(1, count + 1), boxes, strict=True)
        ]
    clusters.sort(key=lambda rows: (rows[0]["p_cluster_mass"], -rows[0]["voxels"], -abs(rows[0]["t"]),
                                    rows[0]["x_mm"], rows[0]["y_mm"], rows[0]["z_mm"]))  # fmt: skip
    rows = [{"cluster": number, **row} for number, peaks in enumerate(clusters, 1) for row in peaks]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _volume(values: NDArray[np.float64], mask: Mask, elsewhere: float = 0.0) -> NDArray[np.float64]:
    volume = np.full(mask.shape, elsewhere)
    volume[mask] = values
    return volume


def _cluster(
    inside: Mask, box: tuple[slice, ...], side: str, maps: _Maps, grid: Grid
) -> list[dict[str, Any]]:
    """One cluster, given within its box: a row for each of its peaks."""
    voxels = int(inside.sum())
    volume = abs(float(np.linalg.det(np.asarray(grid.affine, float)[:3, :3])))
    rows: list[dict[str, Any]] = []
    for number, place in enumerate(_peaks(inside, box, maps.t, grid), 1):
        x, y, z = _world(np.array(place)[None], grid)[0]
        row = {
            "peak": number, "side": side, "x_mm": x, "y_mm": y, "z_mm": z, "t": maps.t[place],
            "effect": maps.effect[place], "p_voxel": maps.p_voxel[place],
        }  # fmt: skip
        if number == 1:
            row |= {
                "voxels": voxels, "volume_mm3": voxels * volume, "p_cluster_mass": maps.p_mass[place],
                "p_tfce_smallest": float(maps.p_tfce[box][inside].min()),
            }  # fmt: skip
        rows.append(row)
    return rows


def _peaks(
    inside: Mask, box: tuple[slice, ...], t: NDArray[np.float64], grid: Grid
) -> list[tuple[int, int, int]]:
    """The highest voxel of a cluster, and up to two further local maxima (of 26 neighbors) apart from it."""
    heights = np.where(inside, np.abs(t[box]), 0.0)
    tops = inside & (heights == ndimage.maximum_filter(heights, size=3, mode="constant"))
    places = np.argwhere(tops) + np.array([one.start for one in box])
    order = np.argsort(-heights[tops], kind="stable")
    chosen: list[NDArray[np.intp]] = []
    for place in places[order]:
        here = _world(place[None], grid)
        apart = np.linalg.norm(_world(np.array(chosen or [place]), grid) - here, axis=1).min()
        if not chosen or apart >= APART_MM - 1e-6:
            chosen.append(place)
        if len(chosen) > MORE_PEAKS:
            break
    return [(int(x), int(y), int(z)) for x, y, z in chosen]


def _world(places: NDArray[np.intp], grid: Grid) -> NDArray[np.float64]:
    """Voxels as world coordinates, (n, 3), mm; float32 headers leave 1e-6 mm that nobody wants to read."""
    matrix = np.asarray(grid.affine, float)
    return np.round(places @ matrix[:3, :3].T + matrix[:3, 3], 4) + 0.0
