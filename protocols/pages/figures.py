"""What every figure is made with: ink and paper, type, and the files it ends in.

matplotlib is used through its objects only: no global state is left.
"""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from protocols.base.errors import InputError
from protocols.base.files import read_json, write_atomically, write_json
from protocols.base.tables import write_frame

INK, SOFT, HAIR, BAND = "#1c1c1a", "#55544f", "#c9c6bd", "#ece8dc"
LIST = "figures.json"
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


def wrapped(text: str, width: int) -> str:
    """A label in lines of at most `width` letters."""
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, its parts arranged so that nothing overlaps."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def _few_colors(png: io.BytesIO) -> bytes:
    """The picture with 255 colors: what is drawn here has no more to lose, and a third of the bytes remains."""
    from PIL import Image

    small = io.BytesIO()
    with Image.open(png) as picture:
        picture.convert("RGB").quantize(255, dither=Image.Dither.NONE).save(
            small, format="PNG", optimize=True
        )
    return small.getvalue()


def save(figure: Figure, folder: Path, name: str, alt: str, data: pd.DataFrame, *, dpi: int = 200) -> Picture:
    """Write ``figures/<name>.png`` and the same data as ``figures/<name>.tsv``.

    The resolution begins at `dpi`, and is lowered if the picture would be larger than 150 kB.
    """
    png = b""
    for fewer in (dpi, *(one for one in (160, 120, 90, 72) if one < dpi)):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=fewer, metadata={"Software": None})
        png = _few_colors(buffer)
        if len(png) <= LARGEST:
            break
    write_atomically(folder / "figures" / f"{name}.png", png)
    write_frame(folder / "figures" / f"{name}.tsv", data)
    width, height = (round(inches * 100) for inches in figure.get_size_inches())
    return Picture(name, alt, base64.b64encode(png).decode("ascii"), width, height)


def keep_list(folder: Path, pictures: Iterable[Picture]) -> None:
    """Keep ``figures/figures.json``; figures listed by an earlier page and not made again are removed."""
    path = folder / "figures" / LIST
    made = {picture.name: picture.alt for picture in pictures}
    before: object = {}
    if path.exists():
        try:
            before = read_json(path)
        except InputError:
            before = {}  # a broken list only means that old figures stay
    for name in before if isinstance(before, dict) else ():
        if name not in made and Path(name).name == name:
            (path.parent / f"{name}.png").unlink(missing_ok=True)
            (path.parent / f"{name}.tsv").unlink(missing_ok=True)
    if made or path.exists():
        write_json(path, made)
