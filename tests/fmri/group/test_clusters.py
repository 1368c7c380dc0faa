"""Peaks of a cluster, as the table lists them."""

import numpy as np
import pytest

from analysis.fmri.group.clusters import COLUMNS, cluster_table
from analysis.fmri.maps.permutation import Corrected, Permuted
from analysis.fmri.maps.statistics import Statistic
from analysis.fmri.preprocessing.resampling import Grid

GRID = Grid((20, 5, 5), np.array([[-3.0, 0, 0, 30], [0, 3, 0, -6], [0, 0, 3, 12], [0, 0, 0, 1]]))
MASK = np.ones(GRID.shape, bool)


def found(t, p_mass=None):
    """A permutation test in which only t, and where wanted the p of cluster mass, say anything."""
    flat = t[MASK]
    p = Corrected(flat, np.full(flat.shape, 0.5), np.zeros(9))
    mass = p if p_mass is None else Corrected(flat, p_mass[MASK], np.zeros(9))
    statistic = Statistic(
        flat / 10, np.ones(flat.shape), flat, np.full(flat.shape, 20.0), np.zeros(flat.shape, bool)
    )
    return Permuted(statistic, p, p, mass, np.zeros(flat.shape, np.int32), 0)


def test_further_peaks_are_local_maxima_eight_millimeters_apart():
    t = np.zeros(GRID.shape)
    t[2:18, 2, 2] = 4.0
    t[4, 2, 2], t[6, 2, 2], t[9, 2, 2], t[14, 2, 2] = 9.0, 8.0, 7.0, 6.0
    table = cluster_table(found(t), MASK, GRID, 3.0)
    assert list(table["t"]) == [9.0, 7.0, 6.0]  # 8.0 is 6 mm from 9.0
    assert list(table["x_mm"]) == [18.0, 3.0, -12.0]
    assert set(table["y_mm"]) == {0.0}
    assert set(table["z_mm"]) == {18.0}
    assert list(table["cluster"]) == [1, 1, 1]
    assert table["voxels"].iloc[0] == 16
    assert table["volume_mm3"].iloc[0] == pytest.approx(16 * 27)
    assert table["voxels"].iloc[1:].isna().all()


def test_signs_and_corners_part_clusters():
    t = np.zeros(GRID.shape)
    t[2, 2, 2], t[3, 2, 2], t[10, 2, 2], t[11, 3, 2] = 5.0, -6.0, 4.0, 4.5
    table = cluster_table(found(t), MASK, GRID, 3.0)
    assert sorted(zip(table["side"], table["t"], strict=True)) == [
        ("+", 4.0),
        ("+", 4.5),
        ("+", 5.0),
        ("-", -6.0),
    ]
    assert table["effect"].tolist() == pytest.approx((table["t"] / 10).tolist())


def test_the_smaller_p_comes_first_and_then_the_larger_extent():
    t, p = np.zeros(GRID.shape), np.full(GRID.shape, 0.5)
    t[1, 2, 2], t[5:7, 2, 2], t[10:14, 2, 2] = 9.0, 4.0, -4.0
    p[5:7, 2, 2] = 0.01
    table = cluster_table(found(t, p), MASK, GRID, 3.0)
    assert table[table["peak"] == 1]["voxels"].tolist() == [2, 4, 1]


def test_no_cluster_gives_an_empty_table_with_its_columns():
    table = cluster_table(found(np.full(GRID.shape, 3.0)), MASK, GRID, 3.0)
    assert table.empty
    assert list(table.columns) == list(COLUMNS)
