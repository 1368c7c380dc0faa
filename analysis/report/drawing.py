"""The hand all figures are drawn with: colors, type, dots, intervals, and the files they end in.

Colors are Okabe and Ito's (2008), safe for the color-blind; every group also has its own marker and its own place on
the axis, so that nothing depends on color. matplotlib is used through its objects only: no global state is left.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from analysis.evidence.verdict import Ci
from analysis.evidence.wording import amount, percent, unit_words
from protocols.base.files import write_atomically
from protocols.base.tables import write_frame

INK, SOFT, HAIR, BAND = "#1c1c1a", "#55544f", "#c9c6bd", "#ece8dc"
GROUP_COLORS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GROUP_MARKERS = ("o", "s", "^", "D", "v", "P")
LARGEST = 150_000  # bytes of one figure
CHINESE = ("WenQuanYi Micro Hei", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC")
"""Tried, where installed, for letters the usual font does not have."""


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it.

    Attributes
    ----------
    name
        File name below ``figures/``, without extension.
    alt
        What the figure shows, in words.
    data
        The PNG in base64.
    width, height
        Size in CSS pixels, so that the page does not jump while loading.
    """

    name: str
    alt: str
    data: str
    width: int
    height: int


@contextmanager
def house_style() -> Iterator[None]:
    """The figures' own settings, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(
            {
                "font.family": ["DejaVu Sans", *_installed()],
                "font.size": 9.0,
                "text.color": INK,
                "text.parse_math": False,  # a dollar sign in a label is a dollar sign
                "axes.edgecolor": SOFT,
                "axes.labelcolor": INK,
                "axes.linewidth": 0.7,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.titlesize": 9.5,
                "axes.titlelocation": "left",
                "axes.titlepad": 10.0,
                "axes.unicode_minus": True,
                "xtick.color": SOFT,
                "ytick.color": SOFT,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "xtick.major.width": 0.7,
                "ytick.major.width": 0.7,
                "xtick.major.size": 3.0,
                "ytick.major.size": 3.0,
                "legend.fontsize": 8.0,
                "legend.frameon": False,
                "figure.constrained_layout.h_pad": 0.06,
                "figure.constrained_layout.w_pad": 0.06,
            }
        )
        yield


@cache
def _installed() -> list[str]:
    from matplotlib.font_manager import fontManager

    present = {font.name for font in fontManager.ttflist}
    return [name for name in CHINESE if name in present][:1]


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


def wrapped(text: str, width: int) -> str:
    """A label in lines of at most `width` letters."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, its parts arranged so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


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


def _few_colors(png: io.BytesIO) -> bytes:
    """The picture with 255 colors: what is drawn here has no more to lose, and a third of the bytes remains."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(255, dither=Image.Dither.NONE).save(
            small, format="PNG", optimize=True
        )
    return small.getvalue()


def save(figure: Figure, folder: Path, name: str, alt: str, data: pd.DataFrame) -> Picture:
    """Write ``figures/<name>.png`` and the same data as ``figures/<name>.tsv``.

    The resolution is lowered if the picture would be larger than 150 kB.
    """
    png = b""
    for dpi in (200, 160, 120, 90, 72):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
        png = _few_colors(buffer)
        if len(png) <= LARGEST:
            break
    write_atomically(folder / "figures" / f"{name}.png", png)
    write_frame(folder / "figures" / f"{name}.tsv", data)
    width, height = (round(inches * 100) for inches in figure.get_size_inches())
    return Picture(name, alt, base64.b64encode(png).decode("ascii"), width, height)
