"""Figures of a saved map: what was found, where, what can be said about each voxel, and how precisely.

Effects are colored everywhere and fade with their t instead of vanishing below a threshold (Taylor et al. 2023,
NeuroImage 274:120138); what passed the correction is outlined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from analysis.evidence.wording import amount, p_value, percent, share, unit_words
from analysis.fmri.group.records import Count, MapRecord
from analysis.fmri.group.saved import SavedMap
from analysis.fmri.group.slices import WIDTH, Cut, Sheet, cuts, outline, paint, sheet, values_at
from analysis.fmri.group.template import BOX_MM
from analysis.fmri.images import Image
from analysis.fmri.maps.equivalence import Outcome
from analysis.fmri.preprocessing.figures import DPI
from protocols.pages.figures import HAIR, INK, SOFT, Picture, house_style, new_figure, save

DIVERGING = LinearSegmentedColormap.from_list(
    "below and above", ["#053a66", "#1f78b4", "#8cc3e6", "#f3efe6", "#f4b26b", "#d9660f", "#7f2704"]
)
"""Blue and orange, which everybody tells apart; symmetrical at 0."""
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "precise to vague", ["#fbf3d5", "#e6b85c", "#a65f2a", "#3f1d38"]
)
_STEPS, _FADES = 11, 4
OUTCOME_COLORS = {
    Outcome.DIFFERENT: "#d55e00",
    Outcome.EQUIVALENT: "#0f8f82",
    Outcome.UNDECIDED: "#f2e2a6",
    Outcome.NOT_ASSESSABLE: "#6f6d72",
}
"""They differ in lightness too, for those who do not see all colors."""
OUTCOME_NAMES = {
    Outcome.DIFFERENT: "different",
    Outcome.EQUIVALENT: "equivalent",
    Outcome.UNDECIDED: "undecided",
    Outcome.NOT_ASSESSABLE: "not assessable",
}


def names_of(record: MapRecord, names: Mapping[str, str] | None = None) -> str:
    """Who is compared: ``adults − children``, or ``children, against 0``."""
    words = [(names or {}).get(group, group) for group in record.groups]
    return f"{words[1]} − {words[0]}" if len(words) == 2 else f"{words[0]}, against 0"


def passed(p: Image, alpha: float) -> Image:
    """1 where a saved p is at or below alpha, compared in the precision in which it was saved; NaN stays."""
    found = np.asarray(p.values, np.float32) <= np.float32(alpha)
    return Image(np.where(np.isfinite(p.values), found, np.nan), p.grid)


def statistic_figure(saved: SavedMap, folder: Path, names: Mapping[str, str] | None = None) -> Picture:
    """Effects in slices; the border of what passed TFCE.

    Parameters
    ----------
    saved
        An estimable map.
    folder
        Gets ``figures/brain-<name>-effect.png`` and ``.tsv``.
    names
        What to call groups.
    """
    record, testing = saved.record, saved.record.testing
    assert testing is not None
    effect, t = saved.image("effect"), saved.image("t")
    significant = passed(saved.image("ptfce"), testing.alpha)
    limit = _limit(effect)
    norm = Normalize(-limit, limit)
    planes = cuts(_peak(saved, t))
    unit = unit_words(record.unit)
    with house_style():
        made = sheet(
            record.label, f"Effect, {names_of(record, names)}, {unit}; exploratory", planes, saved.brain
        )
        rows = []
        for panel, cut in zip(made.panels, planes, strict=True):
            values, sizes, inside = cut.of(effect), np.abs(cut.of(t)), cut.of(significant)
            paint(panel, cut, _faded(values, sizes / testing.cluster_t, norm))
            outline(panel, cut, inside == 1)
            rows.append(_row(cut, values) | {"tfce_passed_mm2": int(np.sum(inside == 1))})
        _effect_legend(made, norm, testing.cluster_t, unit)
        found = testing.tfce.positive + testing.tfce.negative
        note = made.legend(0, 0.05, 2.9, 0.3)
        note.set_axis_off()
        if found:
            note.add_patch(Rectangle((0.0, 0.35), 0.07, 0.5, fill=False, edgecolor=INK, linewidth=1.1))
            text = f"differs, corrected for the whole brain (TFCE,\np ≤ {_bare(testing.alpha)}): {found:,} voxels"
            note.text(0.1, 0.6, text, fontsize=7.5, va="center")
        else:
            smallest = p_value(testing.tfce.smallest_p)
            text = f"No voxel passes correction for the whole brain\n(TFCE, smallest {smallest})."
            note.text(0.0, 0.6, text, fontsize=7.5, va="center")
    alt = (
        f"{record.label}, {names_of(record, names)}: effects of −{amount(limit)} to {amount(limit)} {unit} in slices "
        f"of the brain. {found:,} voxels pass the correction for the whole brain."
    )
    return save(made.figure, folder, f"brain-{record.name}-effect", alt, pd.DataFrame(rows), dpi=DPI)


def glass_figure(saved: SavedMap, folder: Path, names: Mapping[str, str] | None = None) -> Picture:
    """The largest t along each line of sight, where it is above the cluster-forming height.

    Parameters
    ----------
    saved, folder, names
        As for :func:`statistic_figure`; the file is ``brain-<name>-glass``.
    """
    record, testing = saved.record, saved.record.testing
    assert testing is not None
    assert record.coverage is not None
    saved_t, solid = saved.image("t"), saved.brain.solid()
    step = min(2.0, *record.coverage.voxel_mm)
    points, shape = _lattice(step)
    t = np.nan_to_num(values_at(saved_t, points)).reshape(shape)
    t[np.abs(t) <= testing.cluster_t] = 0
    significant = values_at(passed(saved.image("ptfce"), testing.alpha), points).reshape(shape) == 1
    limit = max(float(np.abs(t).max()), 1.5 * testing.cluster_t)
    norm, rows = Normalize(-limit, limit), []
    scale, height = 7.1 / (185 + 147 + 147 + 2), 3.62
    with house_style():
        figure = new_figure(WIDTH, height)
        figure.set_layout_engine("none")
        figure.text(0.04 / WIDTH, 1 - 0.06 / height, record.label, fontsize=10, va="top")
        height_words = f"where |t| > {testing.cluster_t:.2f}"
        text = f"Largest t along each line of sight, {height_words}: {names_of(record, names)}; exploratory"
        figure.text(0.04 / WIDTH, 1 - 0.27 / height, text, fontsize=8, va="top", color=SOFT)
        x = 0.04
        for axis, title in ((0, "from the right"), (1, "from behind"), (2, "from above")):
            cut = Cut(axis, 0)
            left, right, bottom, top = cut.extent()
            width, tall = (right - left) * scale, (top - bottom) * scale
            y = height - 0.7 - tall
            panel = figure.add_axes((x / WIDTH, y / height, width / WIDTH, tall / height), facecolor="none")
            x += width + 0.2
            largest = np.take_along_axis(t, np.abs(t).argmax(axis=axis, keepdims=True), axis).squeeze(axis).T
            _outlines(panel, cut, solid)
            colors = DIVERGING(norm(largest))
            colors[..., 3] = largest != 0
            paint(panel, cut, colors, step)
            outline(panel, cut, significant.any(axis=axis).T, step)
            panel.set_axis_off()
            panel.set_title(title, fontsize=7, pad=2, loc="center", color=SOFT)
            rows.append({"view": title, "largest_t": largest.max(), "smallest_t": largest.min()})
        bar = figure.add_axes((2.9 / WIDTH, 0.38 / height, 1.9 / WIDTH, 0.09 / height))
        _bar(bar, norm, DIVERGING, "t; outlined: passed TFCE")
        if not t.any():
            bar.text(
                0.5, 2.2, "no voxel is above that height", transform=bar.transAxes, ha="center", fontsize=7.5
            )
    alt = (
        f"{record.label}, {names_of(record, names)}, seen through the brain: {testing.clusters:,} clusters above "
        f"|t| = {testing.cluster_t:.2f}."
    )
    return save(figure, folder, f"brain-{record.name}-glass", alt, pd.DataFrame(rows), dpi=DPI)


def outcome_figure(saved: SavedMap, folder: Path, names: Mapping[str, str] | None = None) -> Picture:
    """Different, equivalent, undecided, not assessable, in four colors.

    Parameters
    ----------
    saved
        An estimable map with a bound.
    folder, names
        As for :func:`statistic_figure`; the file is ``brain-<name>-outcome``.
    """
    record, outcomes = saved.record, saved.record.outcomes
    assert outcomes is not None
    counts: dict[Outcome, Count] = {one: getattr(outcomes, one.name.lower()) for one in OUTCOME_NAMES}
    outcome = saved.image("outcome")
    planes = cuts(_peak(saved, saved.image("t")))
    bound = f"±{amount(outcomes.bound)} {unit_words(record.unit)}"
    with house_style():
        made = sheet(
            record.label,
            f"What can be said about {names_of(record, names)}, bound {bound}; exploratory",
            planes,
            saved.brain,
        )
        rows = []
        for panel, cut in zip(made.panels, planes, strict=True):
            values = cut.of(outcome)
            colors = np.zeros((*values.shape, 4))
            row: dict[str, object] = {"axis": "xyz"[cut.axis], "mm": cut.mm}
            for one, color in OUTCOME_COLORS.items():
                colors[values == one] = to_rgba(color, 0.88)
                row[f"{one.name.lower()}_mm2"] = int(np.sum(values == one))
            paint(panel, cut, colors)
            rows.append(row)
        box = made.legend(0, 0.1, 3.3, 1.4)
        box.set_axis_off()
        for number, (one, name) in enumerate(OUTCOME_NAMES.items()):
            y = 0.86 - 0.25 * number
            box.add_patch(
                Rectangle(
                    (0.0, y - 0.07), 0.06, 0.15, facecolor=OUTCOME_COLORS[one], edgecolor=SOFT, linewidth=0.5
                )
            )
            box.text(0.09, y, name, fontsize=8.5, va="center")
            told = f"{counts[one].voxels:,} voxels"
            box.text(0.72, y, told, fontsize=8, va="center", ha="right")
            box.text(
                0.94, y, share(counts[one].percent / 100), fontsize=8, va="center", ha="right", color=SOFT
            )
    told = "; ".join(f"{name} {share(counts[one].percent / 100)}" for one, name in OUTCOME_NAMES.items())
    alt = f"{record.label}, {names_of(record, names)}, outcomes of the brain's voxels at a bound of {bound}: {told}."
    return save(made.figure, folder, f"brain-{record.name}-outcome", alt, pd.DataFrame(rows), dpi=DPI)


def precision_figure(saved: SavedMap, folder: Path, names: Mapping[str, str] | None = None) -> Picture:
    """Half-width of the interval in every voxel, and the border of where the bound could be detected.

    Parameters
    ----------
    saved, folder, names
        As for :func:`outcome_figure`; the file is ``brain-<name>-precision``.
    """
    record, outcomes = saved.record, saved.record.outcomes
    assert outcomes is not None
    width, detectable = saved.image("halfwidth"), saved.image("detectable")
    planes = cuts(_peak(saved, saved.image("t")))
    finite = width.values[np.isfinite(width.values)]
    largest = max(1.25 * outcomes.bound, float(np.quantile(finite, 0.95)) if len(finite) else 0.0)
    norm, unit = Normalize(0, largest), unit_words(record.unit)
    level = percent(1 - 2 * outcomes.alpha_equivalence)
    with house_style():
        made = sheet(
            record.label,
            f"How precisely: half-width of the {level} interval, {names_of(record, names)}, {unit}",
            planes,
            saved.brain,
        )
        rows = []
        for panel, cut in zip(made.panels, planes, strict=True):
            values = cut.of(width)
            colors = SEQUENTIAL(norm(np.nan_to_num(values)))
            colors[..., 3] = np.where(np.isfinite(values), 0.92, 0)
            paint(panel, cut, colors)
            outline(panel, cut, cut.of(detectable) <= outcomes.bound)
            rows.append(_row(cut, values))
        bar = made.legend(0, 0.85, 2.6, 0.13)
        _bar(bar, norm, SEQUENTIAL, f"half-width, {unit}; wider ones in the last color")
        bar.axvline(outcomes.bound, color=INK, linewidth=1.2)
        bar.text(
            outcomes.bound,
            1.25,
            f"bound {amount(outcomes.bound)}",
            fontsize=7.5,
            ha="center",
            transform=bar.get_xaxis_transform(),
        )
        note = made.legend(0, 0.05, 2.9, 0.3)
        note.set_axis_off()
        note.add_patch(Rectangle((0.0, 0.35), 0.07, 0.5, fill=False, edgecolor=INK, linewidth=1.1))
        note.text(
            0.1,
            0.6,
            f"here an effect of the bound's size would be found\nwith {percent(outcomes.power)} power",
            fontsize=7.5,
            va="center",
        )
    alt = (
        f"{record.label}, {names_of(record, names)}: half-width of the {level} interval in slices of the brain, median "
        f"{amount(outcomes.median_half_width)} {unit}."
    )
    return save(made.figure, folder, f"brain-{record.name}-precision", alt, pd.DataFrame(rows), dpi=DPI)


def _peak(saved: SavedMap, t: Image) -> Sequence[float]:
    """Where the first cluster of the table has its peak; without clusters, where t is largest."""
    if len(saved.clusters):
        first = saved.clusters.iloc[0]
        return [float(first[name]) for name in ("x_mm", "y_mm", "z_mm")]
    place = int(np.argmax(np.nan_to_num(np.abs(t.values))))
    return [float(one) for one in t.grid.points()[:, place]]


def _limit(effect: Image) -> float:
    """A round number that holds all but the most extreme effects."""
    sizes = np.abs(effect.values[np.isfinite(effect.values)])
    limit = float(np.quantile(sizes, 0.998)) or 1.0
    digit = 10.0 ** np.floor(np.log10(limit))
    return float(np.ceil(limit / digit * 2) / 2 * digit)


def _row(cut: Cut, values: NDArray[np.float64]) -> dict[str, object]:
    """What a slice shows, for the table beside the figure."""
    known = values[np.isfinite(values)]
    return {
        "axis": "xyz"[cut.axis], "mm": cut.mm,
        "smallest": known.min() if len(known) else None,
        "median": np.median(known) if len(known) else None,
        "largest": known.max() if len(known) else None,
    }  # fmt: skip


def _effect_legend(made: Sheet, norm: Normalize, height: float, unit: str) -> None:
    """Color by effect, across, and how it fades with t, upward, over the brain's gray."""
    box = made.legend(0.32, 0.85, 2.5, 0.6)
    limit = float(norm.vmax or 0)
    across, up = np.meshgrid(np.linspace(-limit, limit, 20 * _STEPS), np.linspace(0, 1, 20 * _FADES))
    colors = _faded(across, up, norm)
    extent = (-limit, limit, 0.0, height)
    box.imshow(np.full((1, 1), 0.66), cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
    box.imshow(colors, extent=extent, origin="lower", aspect="auto")
    box.set_xticks([-limit, 0, limit], [f"≤ {amount(-limit)}", "0", f"≥ {amount(limit)}"])
    box.set_yticks([0, height], ["0", f"≥ {height:.1f}"])
    box.tick_params(labelsize=7.5)
    box.set_xlabel(f"effect, {unit}", fontsize=8)
    box.set_ylabel("|t|", fontsize=8, rotation=0, labelpad=2)


def _faded(
    effects: NDArray[np.float64], strength: NDArray[np.float64], norm: Normalize
) -> NDArray[np.float64]:
    """Colors of effects, fading to nothing where `strength` goes from 1 to 0, both in a few steps."""
    steps = np.floor(np.clip(norm(np.nan_to_num(effects)), 0, 1 - 1e-9) * _STEPS)
    colors = DIVERGING((steps + 0.5) / _STEPS)
    fades = np.clip(np.floor(np.nan_to_num(strength) * _FADES), 0, _FADES)
    colors[..., 3] = np.where(np.isfinite(effects), fades / _FADES, 0)
    return colors


def _bar(axes: Axes, norm: Normalize, colors: Colormap, label: str) -> None:
    bar = axes.figure.colorbar(ScalarMappable(norm, colors), cax=axes, orientation="horizontal")
    bar.outline.set_edgecolor(HAIR)
    axes.tick_params(labelsize=7.5)
    axes.set_xlabel(label, fontsize=7.5)


def _lattice(step_mm: float) -> tuple[np.ndarray, tuple[int, int, int]]:
    """Places all over the brain's box, (3, n), and how many along x, y and z."""
    x, y, z = (np.arange(low, high + step_mm / 2, step_mm) for low, high in BOX_MM)
    points = np.stack(np.meshgrid(x, y, z, indexing="ij"))
    return points.reshape(3, -1), (len(x), len(y), len(z))


def _outlines(panel: Axes, cut: Cut, solid: NDArray[np.bool_]) -> None:
    """The brain as glass: its shadow, darker where there is more of it, and its border."""
    depth = solid.sum(axis=cut.axis).T / solid.shape[cut.axis]
    shade = np.zeros((*depth.shape, 4))
    shade[..., 3] = 0.16 * depth
    paint(panel, cut, shade)
    outline(panel, cut, depth > 0, colors=SOFT, zorder=1)
    for level in (0.25, 0.5):
        outline(panel, cut, depth > level * depth.max(), colors=HAIR, linewidths=0.6, zorder=1)


def _bare(p: float) -> str:
    return f"{p:g}".lstrip("0")
