"""What a person's page shows besides motion, carpet and overlays: the design, kept volumes, and where responses lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from scipy import ndimage

from analysis.fmri.group.map_figures import DIVERGING
from analysis.fmri.group.slices import cuts, paint, sheet
from analysis.fmri.group.template import Brain
from analysis.fmri.images import Image
from analysis.fmri.preprocessing.figures import DPI
from analysis.fmri.preprocessing.resampling import Grid
from protocols.pages.figures import HAIR, INK, SOFT, Picture, house_style, new_figure, save

KIND_WORDS = {
    "task": "task",
    "nuisance": "nuisance",
    "drift": "drift",
    "censor": "set aside",
    "constant": "constant",
}
_NAMED = 12
SHOWN_Z = 3.1
"""One-sided p of .001 of a single voxel: enough to see where responses lie."""


@dataclass(frozen=True)
class Peak:
    """A local extremum of a map: its place in mm, and its value."""

    x: float
    y: float
    z: float
    value: float


def design_figure(
    matrix: pd.DataFrame, kinds: Mapping[str, str], tr_s: float, folder: Path, name: str
) -> Picture:
    """A design matrix: volumes down, columns across, each scaled to its own largest value.

    Parameters
    ----------
    matrix
        (volumes, columns).
    kinds
        What every column is; see `analysis.fmri.first_level.design.KINDS`.
    tr_s
        Repetition time.
    folder, name
        Gets ``figures/<name>.png`` and ``.tsv``.
    """
    values = matrix.to_numpy(float)
    largest = np.abs(values).max(axis=0)
    shown = values / np.where(largest > 0, largest, 1)
    groups = [
        (kind, [i for i, one in enumerate(matrix.columns) if kinds[str(one)] == kind]) for kind in KIND_WORDS
    ]
    groups = [(kind, places) for kind, places in groups if places]
    order = [i for _, places in groups for i in places]
    with house_style():
        figure = new_figure(7.6, 4.2)
        axes = figure.subplots()
        seconds = len(matrix) * tr_s
        axes.imshow(
            shown[:, order], aspect="auto", cmap="gray", vmin=-1, vmax=1, interpolation="nearest",
            extent=(0, len(order), seconds, 0),
        )  # fmt: skip
        edge, ticks, labels = 0, [], []
        for kind, places in groups:
            middle = edge + len(places) / 2
            if kind == "task" and len(places) <= _NAMED:
                ticks += [edge + i + 0.5 for i in range(len(places))]
                labels += [matrix.columns[i].replace("_", " ") for i in places]
            else:
                ticks.append(middle)
                labels.append(f"{KIND_WORDS[kind]}\n({len(places)})" if len(places) > 1 else KIND_WORDS[kind])
            edge += len(places)
            axes.axvline(edge, color="#d98b2b", linewidth=1.0)
        turned = len(labels) > 5
        axes.set_xticks(
            ticks, labels, rotation=35 if turned else 0, ha="right" if turned else "center", fontsize=7.5
        )
        axes.set_ylabel("seconds after the first volume")
    count = ", ".join(f"{len(places)} {KIND_WORDS[kind]}" for kind, places in groups)
    return save(
        figure, folder, name, f"Design matrix of {len(matrix)} volumes: columns {count}.", matrix, dpi=DPI
    )


def kept_figure(quality: pd.DataFrame, share_needed: float | None, folder: Path, name: str) -> Picture:
    """Volumes that carry each condition's response, and how many of them count.

    Parameters
    ----------
    quality
        Rows of the table of motion and signal: ``condition, volumes, volumes_kept, included``.
    share_needed
        The plan's; None where it has none.
    folder, name
        Gets ``figures/<name>.png`` and ``.tsv``.
    """
    rows = quality.assign(kept=quality["volumes_kept"] * quality["included"])
    sums = rows.groupby("condition", sort=False)[["volumes", "kept"]].sum()
    with house_style():
        figure = new_figure(7.6, 0.7 + 0.34 * len(sums))
        axes = figure.subplots()
        places = np.arange(len(sums))[::-1]
        axes.barh(places, sums["volumes"], color="white", edgecolor=SOFT, linewidth=0.8, height=0.62)
        axes.barh(places, sums["kept"], color="#0b4f7a", height=0.62)
        if share_needed is not None:
            for place, volumes in zip(places, sums["volumes"], strict=True):
                axes.plot(
                    [share_needed * volumes] * 2, [place - 0.42, place + 0.42], color="#d0342c", linewidth=1.6
                )
        for place, (volumes, kept) in zip(places, sums.to_numpy(float), strict=True):
            told = f"{kept:.0f} of {volumes:.0f} ({kept / volumes:.0%})"
            axes.text(volumes + 0.01 * sums["volumes"].max(), place, told, va="center", fontsize=8, color=INK)
        axes.set_yticks(places, [str(one).replace("_", " ") for one in sums.index])
        axes.set_xlim(0, sums["volumes"].max() * 1.25)
        axes.set_xlabel("volumes that carry the condition's response")
        axes.tick_params(axis="y", length=0)
        axes.axhline(-0.6, color=HAIR, linewidth=0)
    alt = "Volumes kept: " + "; ".join(f"{one} {k:.0f} of {v:.0f}" for one, (v, k) in zip(
        sums.index, sums.to_numpy(float), strict=True)) + "."  # fmt: skip
    return save(figure, folder, name, alt, sums.reset_index(), dpi=DPI)


def peaks(values: np.ndarray, grid: Grid, *, n: int = 4, apart_mm: float = 20.0) -> list[Peak]:
    """The highest local maxima of a map, (x, y, z), no two closer than `apart_mm`; NaN is nowhere."""
    filled = np.where(np.isfinite(values), values, -np.inf)
    highest = (filled == ndimage.maximum_filter(filled, size=3)) & np.isfinite(values) & (filled > 0)
    places = np.argwhere(highest)
    order = np.argsort(-filled[highest], kind="stable")
    found: list[Peak] = []
    for place in places[order]:
        x, y, z = grid.affine[:3, :3] @ place + grid.affine[:3, 3]
        if all(np.hypot(np.hypot(x - one.x, y - one.y), z - one.z) >= apart_mm for one in found):
            found.append(Peak(float(x), float(y), float(z), float(filled[tuple(place)])))
        if len(found) == n:
            break
    return found


def peak_rows(maps: Sequence[tuple[str, Image]]) -> list[tuple[str, ...]]:
    """Cells of a table: the contrast, its side, and where it is largest."""
    rows: list[tuple[str, ...]] = []
    for label, image in maps:
        for sign, word in ((1, "above"), (-1, "below")):
            for one in peaks(sign * image.values.astype(float), image.grid):
                place = f"{one.x:.0f} {one.y:.0f} {one.z:.0f}".replace("-", "−")
                rows.append((label, word, f"{sign * one.value:.1f}".replace("-", "−"), place))
    return rows


def z_figure(image: Image, title: str, brain: Brain, folder: Path, name: str) -> Picture:
    """A person's map in slices of the template, where |z| is above `SHOWN_Z`.

    Parameters
    ----------
    image
        z, NaN where nothing was measured.
    title
        The contrast, in words.
    brain
        Of the template.
    folder, name
        Gets ``figures/<name>.png`` and ``.tsv``.
    """
    sizes = Image(np.abs(image.values), image.grid)
    peak = (peaks(sizes.values, image.grid, n=1) or [Peak(0.0, 0.0, 0.0, 0.0)])[0]
    planes = cuts((peak.x, peak.y, peak.z))
    limit = max(float(np.nanmax(sizes.values, initial=0.0)), SHOWN_Z + 1)
    norm = Normalize(-limit, limit)
    with house_style():
        made = sheet(title, f"z of one person, where |z| > {SHOWN_Z:g}", planes, brain)
        rows = []
        for panel, cut in zip(made.panels, planes, strict=True):
            values = cut.of(image)
            colors = DIVERGING(norm(np.nan_to_num(values)))
            colors[..., 3] = np.abs(np.nan_to_num(values)) > SHOWN_Z
            paint(panel, cut, colors)
            rows.append({"cut": cut.label, "largest": float(np.nanmax(values, initial=-np.inf)),
                         "smallest": float(np.nanmin(values, initial=np.inf))})  # fmt: skip
        bar = made.figure.colorbar(ScalarMappable(norm, DIVERGING), cax=made.legend(0, 0.9, 2.4, 0.14),
                                   orientation="horizontal")  # fmt: skip
        bar.set_label("z")
    place = f"({peak.x:.0f}, {peak.y:.0f}, {peak.z:.0f})".replace("-", "−")
    alt = f"{title}: one person's z in slices of the brain, largest in size at {place} mm."
    return save(made.figure, folder, name, alt, pd.DataFrame(rows), dpi=DPI)
