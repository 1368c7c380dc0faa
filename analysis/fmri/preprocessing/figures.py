"""What a preprocessed run looks like: how the head moved, every voxel over time, and how images lie on each other."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.fmri.preprocessing.carpet import ROWS
from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.errors import InputError, fail
from protocols.pages.figures import HAIR, INK, SOFT, Picture, house_style, new_figure, save

MOVED, TURNED = ("trans_x", "trans_y", "trans_z"), ("rot_x", "rot_y", "rot_z")
AXES = ("#0b4f7a", "#d98b2b", "#5a8f6a")
"""Colors of x, y and z, to be told apart by everybody."""
CONTOUR = "#d0342c"
LABELS = {"csf": "CSF", "gray_matter": "gray matter", "white_matter": "white matter"}
_SLICES = 6
_GAP_MM, _LABEL_MM = 4.0, 20.0
"""Between slices, and above them for what they are called."""
DPI = 140
"""A study has some of these for every run: enough to see, and drawn in half the time."""


def motion_figure(
    table: pd.DataFrame, tr_s: float, folder: Path, *, limit_mm: float | None = None, name: str = "motion"
) -> Picture:
    """Translations, rotations and framewise displacement over time.

    Parameters
    ----------
    table
        A confounds table.
    tr_s
        Repetition time.
    folder
        Gets ``figures/<name>.png`` and ``.tsv``.
    limit_mm
        The plan's limit of framewise displacement for a volume, drawn as a line; None without one.
    name
        Of the files.
    """
    seconds = np.arange(len(table)) * tr_s
    fd = table["framewise_displacement"].to_numpy(float)
    mean, largest = float(np.nanmean(fd)), float(np.nanmax(fd))
    with house_style():
        figure = new_figure(7.6, 4.6)
        moved, turned, displaced = figure.subplots(3, 1, sharex=True)
        for names, axes, factor, title in (
            (MOVED, moved, 1.0, "Translation, mm"),
            (TURNED, turned, 180 / np.pi, "Rotation, degrees"),
        ):
            for column, color in zip(names, AXES, strict=True):
                axes.plot(seconds, table[column] * factor, color=color, linewidth=1.1, label=column[-1])
            axes.axhline(0, color=HAIR, linewidth=0.7, zorder=0)
            axes.set_title(title)
        moved.legend(ncols=3, loc="upper right", bbox_to_anchor=(1, 1.28))
        displaced.plot(seconds, fd, color=INK, linewidth=1.0)
        displaced.set_title(f"Framewise displacement, mm: mean {mean:.2f}, largest {largest:.2f}")
        over = np.zeros(len(fd), bool)
        if limit_mm is not None:
            over = np.nan_to_num(fd) > limit_mm
            displaced.axhline(limit_mm, color=CONTOUR, linewidth=0.9, linestyle=(0, (4, 3)))
            displaced.plot(seconds[over], fd[over], ".", color=CONTOUR, markersize=6)
        displaced.set_ylim(0, None)
        displaced.set_xlabel("seconds after the first volume")
        displaced.set_xlim(0, seconds[-1])
    shown = table[[*MOVED, *TURNED, "framewise_displacement"]].assign(seconds=seconds)
    alt = f"Head motion over {seconds[-1]:.0f} s: mean framewise displacement {mean:.2f} mm, largest {largest:.2f} mm."
    if limit_mm is not None:
        alt += f" {int(over.sum())} volumes moved more than {limit_mm:g} mm."
    return save(figure, folder, name, alt, shown, dpi=DPI)


def carpet_figure(
    series: Mapping[str, NDArray[np.floating]],
    table: pd.DataFrame,
    tr_s: float,
    folder: Path,
    *,
    voxels: Mapping[str, int] | None = None,
    name: str = "carpet",
) -> Picture:
    """Every voxel over time, tissue by tissue, under framewise displacement and DVARS (Power 2017).

    Parameters
    ----------
    series
        Voxels of each tissue, (voxels, volumes), in the order to be shown.
    table
        A confounds table.
    tr_s
        Repetition time.
    folder
        Gets ``figures/<name>.png`` and ``.tsv``.
    voxels
        How many each tissue has, where `series` are a sample (`carpet.Carpet.voxels`); None where they are all.
    name
        Of the files.
    """
    total = sum(len(one) for one in series.values())
    all_voxels = total if voxels is None else sum(voxels.values())
    parts, edges = [], [0]
    for one in series.values():
        rows = max(1, round(ROWS * len(one) / total))
        chosen = np.linspace(0, len(one) - 1, min(rows, len(one))).round().astype(int)
        values = np.asarray(one[chosen], float)
        trend = np.linspace(-1, 1, values.shape[1])
        values = values - values.mean(axis=1, keepdims=True)
        values = values - np.outer(values @ trend / (trend @ trend), trend)
        sd = values.std(axis=1, keepdims=True)
        parts.append(np.divide(values, sd, out=np.zeros_like(values), where=sd > 0))
        edges.append(edges[-1] + len(values))
    carpet = np.concatenate(parts)
    seconds = np.arange(len(table)) * tr_s
    with house_style():
        figure = new_figure(7.6, 4.8)
        displaced, changed, shades = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1, 5))
        for axes, column, title in (
            (displaced, "framewise_displacement", "Framewise displacement, mm"),
            (changed, "std_dvars", "Standardized DVARS (1: noise alone)"),
        ):
            axes.plot(seconds, table[column], color=INK, linewidth=0.9)
            axes.set_title(title, pad=4)
            axes.set_ylim(0, None)
        shades.imshow(
            carpet, aspect="auto", cmap="gray", vmin=-2, vmax=2, interpolation="nearest",
            extent=(0, seconds[-1] + tr_s, len(carpet), 0),
        )  # fmt: skip
        for edge in edges[1:-1]:
            shades.axhline(edge, color=AXES[1], linewidth=1.2)
        middles = [(one + other) / 2 for one, other in pairwise(edges)]
        shades.set_yticks(middles, [LABELS.get(tissue, tissue) for tissue in series])
        shades.tick_params(axis="y", length=0)
        shades.set_xlabel("seconds after the first volume")
    alt = (
        f"{len(carpet)} of {all_voxels} voxels over time, by tissue. Dark and bright stripes across all tissues are "
        "motion or the scanner; stripes below a spike of displacement are what is left of it."
    )
    shown = pd.DataFrame({"seconds": seconds, **table[["framewise_displacement", "std_dvars"]]})
    return save(figure, folder, name, alt, shown, dpi=DPI)


def overlay_figure(
    image: np.ndarray, outline: NDArray[np.bool_], grid: Grid, name: str, title: str, folder: Path
) -> Picture:
    """Slices of an image under the outline of what it should lie on.

    Parameters
    ----------
    image, outline
        (x, y, z), on one grid.
    grid
        Of both; slices are labeled in its world.
    name, title
        File name below ``figures/``, and what is said above the slices.
    folder
        Gets ``figures/<name>.png`` and ``.tsv``.

    Raises
    ------
    InputError
        If the outline is empty, or the grid is turned against the world's axes.
    """
    turned = np.abs(grid.affine[:3, :3] - np.diag(np.diag(grid.affine)[:3])).max() > 1e-3
    if turned or not outline.any():
        raise fail(InputError, name, "cannot be drawn", accepted="an outline on a grid along the world's axes",
                   way_out="draw it in the template's space")  # fmt: skip
    diagonal = np.diag(grid.affine)[:3]
    upright = tuple(slice(None, None, 1 if step > 0 else -1) for step in diagonal)
    image, outline = image[upright], outline[upright]
    first = grid.affine[:3, 3] + np.minimum(diagonal, 0) * (np.array(grid.shape) - 1)
    bright = float(np.quantile(image[outline], 0.99))
    box = _box(outline)
    edges = np.abs(diagonal)
    widest = max((box[axis].stop - box[axis].start) * edges[axis] for axis in (0, 1))
    rows, top = [], 0.0
    with house_style():
        figure = new_figure(7.6, 4.6)
        axes = figure.subplots()  # one for all slices: a panel of its own for each took ten times as long
        axes.set_axis_off()
        for axis in (2, 0, 1):
            across, up = (one for one in range(3) if one != axis)
            window = box[across], box[up]
            width, height = (
                (one.stop - one.start) * edges[i] for i, one in zip((across, up), window, strict=True)
            )
            top -= height + _LABEL_MM
            places = np.linspace(box[axis].start, box[axis].stop - 1, _SLICES + 2).round().astype(int)[1:-1]
            for column, place in enumerate(places):
                left = column * (widest + _GAP_MM) + (widest - width) / 2
                extent = (left, left + width, top, top + height)
                picture = np.take(image, place, axis=axis)[window].T
                line = np.take(outline, place, axis=axis)[window].T.astype(float)
                axes.imshow(picture, cmap="gray", vmin=0, vmax=bright, origin="lower", extent=extent)
                if line.any() and not line.all():
                    axes.contour(line, [0.5], colors=CONTOUR, linewidths=0.8, extent=extent)
                mm = first[axis] + edges[axis] * place
                said = f"{'xyz'[axis]} = {mm:.0f}".replace("-", "−")
                axes.text(left + width / 2, top + height + 3, said, fontsize=7, ha="center", color=SOFT)
                rows.append({"axis": "xyz"[axis], "mm": mm})
        span = _SLICES * (widest + _GAP_MM) - _GAP_MM
        axes.set_xlim(0, span)
        axes.set_ylim(top, 0)
        axes.set_aspect("equal")
        axes.set_title(title)
        figure.set_size_inches(7.6, 7.5 * -top / span + 0.45)
    alt = f"{title}. Red: the outline it should fill; left of the picture is the person's left."
    return save(figure, folder, name, alt, pd.DataFrame(rows), dpi=DPI)


def _box(outline: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """What is shown: the outline and a margin around it."""
    found = []
    for axis in range(3):
        others = tuple(one for one in range(3) if one != axis)
        inside = np.flatnonzero(outline.any(axis=others))
        margin = max(1, round(0.08 * len(inside)))
        found.append(slice(max(0, inside[0] - margin), min(outline.shape[axis], inside[-1] + margin + 1)))
    return found[0], found[1], found[2]
