"""Figures of a run: they show what they say, beside the same data as a table."""

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis.fmri.preprocessing.figures import (
    CONTOUR,
    MOVED,
    TURNED,
    carpet_figure,
    motion_figure,
    overlay_figure,
)
from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.errors import InputError

N, TR = 60, 2.0
GRID = Grid((30, 36, 28), np.array([[3.0, 0, 0, -45], [0, 3, 0, -54], [0, 0, 3, -42], [0, 0, 0, 1]]))


@pytest.fixture
def table():
    rng = np.random.default_rng(2)
    found = pd.DataFrame(rng.normal(0, 0.1, (N, 6)), columns=[*MOVED, *TURNED])
    found["framewise_displacement"] = np.r_[np.nan, np.full(N - 1, 0.1)]
    found.loc[20, "framewise_displacement"] = 1.4
    found["std_dvars"] = np.r_[np.nan, np.full(N - 1, 1.1)]
    return found


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.data))).convert("RGB")).astype(int)


def red(picture):
    """Where the outline's color is."""
    color = [int(CONTOUR[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels(picture) - color).sum(axis=-1) < 60


def test_motion_is_drawn_with_the_plans_limit_and_told_in_words(table, tmp_path):
    picture = motion_figure(table, TR, tmp_path, limit_mm=0.5)
    assert (
        "over 118 s: mean framewise displacement 0.12 mm, largest 1.40 mm. 1 volumes moved more"
        in picture.alt
    )
    assert red(picture).any()
    shown = pd.read_csv(tmp_path / "figures" / "motion.tsv", sep="\t", na_values="n/a")
    assert shown["trans_x"].to_numpy() == pytest.approx(table["trans_x"].to_numpy(), rel=1e-6)
    without = motion_figure(table, TR, tmp_path)
    assert not red(without).any()
    assert "moved more" not in without.alt


def test_a_carpet_shows_a_stripe_where_all_voxels_change(table, tmp_path):
    rng = np.random.default_rng(3)
    still = {name: 500 + rng.standard_normal((n, N)) for name, n in (("gray_matter", 900), ("csf", 60))}
    struck = {name: values.copy() for name, values in still.items()}
    for values in struck.values():
        values[:, 30] += 9
    calm = pixels(carpet_figure(still, table, TR, tmp_path)).sum(axis=-1)
    stripe = pixels(carpet_figure(struck, table, TR, tmp_path)).sum(axis=-1)
    assert calm.shape == stripe.shape
    columns = (stripe - calm)[int(0.6 * len(calm)) : int(0.85 * len(calm))].mean(axis=0)
    assert columns.max() > 150
    assert (columns > 100).sum() < 0.05 * len(columns)


def test_voxels_that_never_change_do_not_break_a_carpet(table, tmp_path):
    picture = carpet_figure({"csf": np.full((40, N), 7.0)}, table, TR, tmp_path)
    assert "40 of 40 voxels" in picture.alt


def head(shift=0):
    x, y, z = GRID.points()
    return (((x - shift) / 30) ** 2 + (y / 38) ** 2 + (z / 28) ** 2 < 1).reshape(GRID.shape)


def test_an_overlay_has_the_outline_on_all_slices_and_labels_them_in_mm(tmp_path):
    picture = overlay_figure(head() * 900.0, head(), GRID, "template", "The run in the template", tmp_path)
    assert red(picture).sum() > 500
    assert picture.alt.startswith("The run in the template")
    shown = pd.read_csv(tmp_path / "figures" / "template.tsv", sep="\t")
    assert shown.groupby("axis").size().tolist() == [6, 6, 6]
    for axis, reach in (("x", 30), ("y", 38), ("z", 28)):
        places = shown.loc[shown["axis"] == axis, "mm"]
        assert places.is_monotonic_increasing
        assert places.abs().max() < reach


def test_left_is_left_whichever_way_the_grid_counts(tmp_path):
    x = GRID.points()[0].reshape(GRID.shape)
    image = np.where(x < 0, 900.0, 100.0) * head()
    turned = Grid(
        GRID.shape, GRID.affine @ np.array([[-1.0, 0, 0, 29], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    )
    one = overlay_figure(image, head(), GRID, "one", "One", tmp_path)
    other = overlay_figure(image[::-1], head()[::-1], turned, "one", "One", tmp_path)
    assert (pixels(one) == pixels(other)).all()
    mirrored = overlay_figure(image[::-1], head(), GRID, "one", "One", tmp_path)
    assert (pixels(one) != pixels(mirrored)).any()


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be drawn"):
        overlay_figure(np.ones(GRID.shape), np.zeros(GRID.shape, bool), GRID, "none", "None", tmp_path)
    askew = GRID.affine.copy()
    askew[0, 1] = 0.5
    with pytest.raises(InputError, match="along the world's axes"):
        overlay_figure(np.ones(GRID.shape), head(), Grid(GRID.shape, askew), "askew", "Askew", tmp_path)
