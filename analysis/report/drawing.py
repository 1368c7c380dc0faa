"""The hand the figures of results are drawn with: groups' colors and markers, dots, intervals.

Colors are Okabe and Ito's (2008), safe for the color-blind; every group also has its own marker and its own place on
the axis, so that nothing depends on color.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.evidence.verdict import Ci
from analysis.evidence.wording import amount, percent, unit_words
from protocols.pages.figures import BAND, INK, SOFT

GROUP_COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GROUP_MARKERS = ("o", "s", "^", "D", "v", "P")


def group_style(groups: Sequence[str], group: str) -> tuple[str, str]:
    """Color and marker of a group: its place in the plan decides, so that it looks the same in every figure."""
    place = list(groups).index(group) if group in groups else 0
    return GROUP_COLORS[place % len(GROUP_COLORS)], GROUP_MARKERS[place % len(GROUP_MARKERS)]


def swarm(values: np.ndarray, width: float) -> np.ndarray:
    """Sideways places of dots: spread out where values are dense, the same for the same values every time.

    Parameters
    ----------
    values
        (n,)
    width
        Half the width of the cloud where it is densest.

    Returns
    -------
    ndarray
        (n,) offsets between ``-width`` and ``width``.
    """
    n = len(values)
    with np.errstate(over="ignore"):
        extent = float(np.ptp(values)) if n else 0.0
    if n < 3 or not 0 < extent < np.inf:
        return np.linspace(-width, width, n) * 0.5 if n > 1 else np.zeros(n)
    scaled = (values - values.min()) / extent  # from 0 to 1, so that no size of number is too small to square
    reach = max(float(scaled.std()) * 1.06 * n**-0.2, 1e-6)
    density = np.exp(-0.5 * ((scaled[:, None] - scaled[None, :]) / reach) ** 2).sum(axis=1)
    order = np.argsort(values, kind="stable")
    places = np.empty(n)
    # A van der Corput sequence along the sorted values: neighbors never land on the same spot.
    places[order] = [_van_der_corput(i + 1) * 2 - 1 for i in range(n)]
    return places * width * density / density.max()


def _van_der_corput(i: int) -> float:
    value, part = 0.0, 0.5
    while i:
        value += part * (i & 1)
        i >>= 1
        part /= 2
    return value


def dots(axes: Axes, x: float, values: np.ndarray, style: tuple[str, str], width: float = 0.3) -> None:
    """One dot per person around `x`."""
    color, marker = style
    axes.plot(
        x + swarm(values, width),
        values,
        marker,
        ms=4.6,
        mfc=color,
        mec="white",
        mew=0.5,
        alpha=0.75,
        zorder=3,
        clip_on=False,
    )


def interval(
    axes: Axes,
    place: float,
    value: float,
    thin: Ci | None,
    thick: Ci | None,
    *,
    shift: float = 0.0,
    lying: bool = False,
) -> None:
    """An estimate with both its intervals: thin for the difference, thick for equivalence.

    Parameters
    ----------
    place
        Where it stands on the other axis.
    shift
        Added to value and limits.
    lying
        Draw along the x axis.
    """

    def line(low: float, high: float, **look: Any) -> None:
        along, across = [low + shift, high + shift], [place, place]
        axes.plot(*((along, across) if lying else (across, along)), color=INK, zorder=5, **look)

    if thin is not None:
        line(thin.low, thin.high, lw=1.1, solid_capstyle="butt", marker="|" if lying else "_", ms=6, mew=1.1)
    if thick is not None:
        line(thick.low, thick.high, lw=4.2, solid_capstyle="butt")
    point = [value + shift], [place]
    axes.plot(*(point if lying else point[::-1]), "o", ms=6.0, mfc="white", mec=INK, mew=1.4, zorder=6)


def key_handles(thin: Ci | None, thick: Ci | None, bound: float | None, unit: str) -> list[Line2D | Patch]:
    """What the line widths and the band mean, for the figure's key."""
    handles: list[Line2D | Patch] = []
    if thick is not None:
        handles.append(
            Line2D(
                [],
                [],
                color=INK,
                lw=4.2,
                solid_capstyle="butt",
                label=f"{percent(thick.level)} interval: equivalence",
            )
        )
    if thin is not None:
        handles.append(Line2D([], [], color=INK, lw=1.1, label=f"{percent(thin.level)} interval: difference"))
    if bound is not None:
        label = (
            f"too small to matter: ±{amount(bound)} {unit_words(unit)}"
            if unit
            else "too small to matter: within ±1 bound"
        )
        handles.append(Patch(facecolor=BAND, edgecolor=SOFT, ls=(0, (4, 2)), lw=0.7, label=label))
    return handles
