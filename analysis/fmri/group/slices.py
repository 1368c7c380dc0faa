"""Slices through the template's brain, with what was found in them on top."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.fmri.group.template import BOX_MM, Brain
from analysis.fmri.images import Image
from protocols.pages.figures import INK, SOFT, new_figure

WIDTH, HEIGHT = 7.6, 3.86  # inches
AXIAL_MM = (-46.0, -28.0, -10.0, 8.0, 26.0, 44.0, 62.0)
_SMALL, _LARGE = 1.04 / 147, 1.45 / 147  # inches per mm, of the upper and the lower row
_ROWS = {2: (0, 1), 1: (0, 2), 0: (1, 2)}  # axes of the world across and up, by the axis that is cut
_STEP_MM = 1.0
_BRIGHTNESS = (-0.55, 0.95)  # of black and white: a pale brain leaves the colors to the findings
_GRAYS = 16  # a figure has 255 colors, and most are for what was found


@dataclass(frozen=True)
class Cut:
    """A plane through the world.

    Attributes
    ----------
    axis
        0: sagittal, 1: coronal, 2: axial.
    mm
        Where.
    """

    axis: int
    mm: float

    @property
    def label(self) -> str:
        """As it stands above the slice."""
        return f"{'xyz'[self.axis]} = {self.mm:.0f}".replace("-", "−")

    def extent(self, step_mm: float = _STEP_MM) -> tuple[float, float, float, float]:
        """Left, right, bottom and top of pixels of that size, mm."""
        across, up = _ROWS[self.axis]
        half = step_mm / 2
        return BOX_MM[across][0] - half, BOX_MM[across][1] + half, BOX_MM[up][0] - half, BOX_MM[up][1] + half

    def points(self) -> tuple[np.ndarray, tuple[int, int]]:
        """World coordinates of its pixels, (3, n), and its rows and columns."""
        across, up = _ROWS[self.axis]
        horizontal = np.arange(BOX_MM[across][0], BOX_MM[across][1] + 1, _STEP_MM)
        vertical = np.arange(BOX_MM[up][0], BOX_MM[up][1] + 1, _STEP_MM)
        points = np.empty((3, len(vertical), len(horizontal)))
        points[self.axis] = self.mm
        points[across], points[up] = horizontal[None], vertical[:, None]
        return points.reshape(3, -1), (len(vertical), len(horizontal))

    def of(self, image: Image) -> NDArray[np.float64]:
        """The voxels it meets, as they are: (rows, columns), NaN outside of the image."""
        points, shape = self.points()
        return values_at(image, points).reshape(shape)


@dataclass(frozen=True)
class Sheet:
    """A figure with seven axial slices above, a sagittal and a coronal one below, and room for a legend.

    Attributes
    ----------
    figure
        With a title.
    panels
        Axes of each cut, in the order of :func:`cuts`.
    """

    figure: Figure
    panels: Sequence[Axes]

    def legend(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes in the room for the legend, in inches from its lower left corner."""
        x = 0.04 + (185 + 147) * _LARGE + 0.5 + left
        return self.figure.add_axes(
            (x / WIDTH, (0.1 + bottom) / HEIGHT, width / WIDTH, height / HEIGHT), facecolor="none"
        )


def cuts(peak_mm: Sequence[float]) -> list[Cut]:
    """Seven axial cuts, a sagittal and a coronal: the last two and the nearest of the seven go through the peak.

    The other six are the same for all maps, so that what was not measured is seen as well.

    Parameters
    ----------
    peak_mm
        World coordinates of the place that must be seen.
    """
    levels = np.array(AXIAL_MM)
    levels[np.argmin(np.abs(levels - peak_mm[2]))] = peak_mm[2]
    return [*(Cut(2, float(mm)) for mm in levels), Cut(0, float(peak_mm[0])), Cut(1, float(peak_mm[1]))]


def values_at(image: Image, points: np.ndarray) -> NDArray[np.float64]:
    """The voxel that holds each place, (n,); NaN outside of the image.

    Parameters
    ----------
    image
        Of any grid.
    points
        World coordinates, (3, n), mm.
    """
    inverse = np.linalg.inv(np.asarray(image.grid.affine, float))
    # A place on the border of two voxels must not fall here and there by rounding.
    places = np.floor(inverse[:3, :3] @ points + inverse[:3, 3:] + 0.5 + 1e-6).astype(int)
    inside = np.all((places >= 0) & (places < np.array(image.grid.shape)[:, None]), axis=0)
    values = np.full(points.shape[1], np.nan)
    values[inside] = image.values[tuple(places[:, inside])]
    return values


def sheet(title: str, subtitle: str, planes: Sequence[Cut], brain: Brain) -> Sheet:
    """An empty sheet with the template's brain in every panel."""
    figure = new_figure(WIDTH, HEIGHT)
    figure.set_layout_engine("none")  # every panel has its place, to one scale
    figure.text(0.04 / WIDTH, 1 - 0.06 / HEIGHT, title, fontsize=10, va="top")
    figure.text(0.04 / WIDTH, 1 - 0.27 / HEIGHT, subtitle, fontsize=8, va="top", color=SOFT)
    panels = []
    gap = (WIDTH - 0.08 - len(AXIAL_MM) * 147 * _SMALL) / (len(AXIAL_MM) - 1)
    lower = 0.1
    for number, cut in enumerate(planes):
        scale = _SMALL if cut.axis == 2 else _LARGE
        left, right, bottom, top = cut.extent()
        width, height = (right - left) * scale, (top - bottom) * scale
        if cut.axis == 2:
            x, y = 0.04 + number * (147 * _SMALL + gap), HEIGHT - 0.64 - height
        else:
            x, y = (0.04 if cut.axis == 0 else 0.04 + 185 * _LARGE + 0.2), lower
        panel = figure.add_axes((x / WIDTH, y / HEIGHT, width / WIDTH, height / HEIGHT), facecolor="none")
        _anatomy(panel, cut, brain)
        panels.append(panel)
    _sides(panels[0])
    return Sheet(figure, panels)


def paint(panel: Axes, cut: Cut, colors: NDArray[np.float64], step_mm: float = _STEP_MM) -> None:
    """Lay colors over a slice.

    Parameters
    ----------
    colors
        (rows, columns, 4).
    step_mm
        Edge of a pixel.
    """
    panel.imshow(colors, extent=cut.extent(step_mm), origin="lower", interpolation="nearest", zorder=2)


def outline(panel: Axes, cut: Cut, inside: NDArray[np.bool_], step_mm: float = _STEP_MM, **look: Any) -> None:
    """Draw the border of an area of a slice, given in pixels of that size."""
    if inside.any() and not inside.all():
        look = {"colors": INK, "linewidths": 0.9, "zorder": 3, **look}
        panel.contour(inside.astype(float), [0.5], extent=cut.extent(step_mm), origin="lower", **look)


def _anatomy(panel: Axes, cut: Cut, brain: Brain) -> None:
    points, shape = cut.points()
    intensity, inside = brain.at(points)
    picture = np.where(inside, intensity, np.nan).reshape(shape)
    low, high = _BRIGHTNESS
    picture = np.round(picture * _GRAYS) / _GRAYS
    panel.imshow(picture, cmap="gray", vmin=low, vmax=high, extent=cut.extent(), origin="lower", zorder=1)
    panel.set_axis_off()
    panel.set_title(cut.label, fontsize=7, pad=2, loc="center", color=SOFT)


def _sides(panel: Axes) -> None:
    for x, name, where in ((0.0, "L", "left"), (1.0, "R", "right")):
        panel.text(x, 0.02, name, transform=panel.transAxes, fontsize=7, color=SOFT, ha=where)
