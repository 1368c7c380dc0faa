"""Fonts that have every character a session will show; without one the session refuses to start on boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from matplotlib import get_data_path
from matplotlib.font_manager import FontPath, FontProperties, findSystemFonts
from matplotlib.ft2font import FT2Font, LoadFlags

from protocols.base.errors import NotAvailable, fail, listed

FAMILIES: dict[str, tuple[str, ...]] = {
    "en": ("DejaVu Sans", "Noto Sans", "Arial", "Helvetica"),
    "zh": ("WenQuanYi Micro Hei", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "SimHei"),
}
"""Families per language, the best first."""
PACKAGES = {
    "en": "install DejaVu Sans (Debian: fonts-dejavu-core)",
    "zh": "install WenQuanYi Micro Hei (Debian: fonts-wqy-microhei) or Noto Sans CJK SC (fonts-noto-cjk)",
}
REGULAR = ("regular", "book", "normal", "roman")
_UNIT = 1000  # advances are read at this size


@dataclass(frozen=True)
class Font:
    """One face of one font file.

    Attributes
    ----------
    family
        Its name.
    path, face
        The file, and which face of a collection (.ttc).
    """

    family: str
    path: Path
    face: int = 0
    _advances: dict[str, float] = field(default_factory=dict, compare=False, repr=False)

    def properties(self, size: float) -> FontProperties:
        """The very file for matplotlib, at a size in points."""
        return FontProperties(fname=FontPath(str(self.path), self.face), size=size)

    def width(self, text: str) -> float:
        """Length of a line in units of the font's size, kerning left out."""
        new = set(text) - self._advances.keys()
        if new:
            opened = FT2Font(str(self.path), face_index=self.face)
            opened.set_size(_UNIT, 72)
            for character in new:
                glyph = opened.load_char(ord(character), flags=LoadFlags.NO_HINTING)
                self._advances[character] = glyph.linearHoriAdvance / 65536 / _UNIT
        return sum(self._advances[character] for character in text)


def font_for(language: str) -> Font:
    """The first installed font of a language.

    Raises
    ------
    NotAvailable
        If none of its families is installed.
    """
    return _installed_for(language)[0]


def missing_glyphs(font: Font, texts: Iterable[str]) -> str:
    """Characters of `texts` that a font cannot draw, in order of appearance; empty if it can draw all."""
    known = FT2Font(str(font.path), face_index=font.face).get_charmap()
    characters = dict.fromkeys(character for text in texts for character in text if not character.isspace())
    return "".join(character for character in characters if ord(character) not in known)


def require_glyphs(language: str, texts: Iterable[str]) -> Font:
    """The first installed font of a language that has every character of `texts`.

    Raises
    ------
    NotAvailable
        If none has; names the characters that the best one lacks.
    """
    wanted = ["".join(texts)]
    lacking = {font: missing_glyphs(font, wanted) for font in _installed_for(language)}
    best = min(lacking, key=lambda font: len(lacking[font]))
    if lacking[best]:
        raise fail(
            NotAvailable,
            f"language '{language}'",
            "has characters that no installed font can draw; boxes would be shown instead",
            got=f"{best.family} lacks {listed(lacking[best], limit=8)}",
            way_out=PACKAGES[language],
        )
    return best


def _installed_for(language: str) -> list[Font]:
    if language not in FAMILIES:
        raise fail(NotAvailable, f"language '{language}'", "has no font", accepted=listed(FAMILIES))
    installed = _installed(FAMILIES[language])
    fonts = [installed[family] for family in FAMILIES[language] if family in installed]
    if not fonts:
        raise fail(
            NotAvailable,
            f"language '{language}'",
            "cannot be drawn: none of its fonts is installed",
            accepted=listed(FAMILIES[language]),
            way_out=PACKAGES[language],
        )
    return fonts


@lru_cache
def _installed(wanted: tuple[str, ...]) -> dict[str, Font]:
    """Regular faces of these families. Read from the disk: a cached list would not know a new font."""
    bundled = Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")  # comes with matplotlib
    found: dict[str, Font] = {}
    for path in (*sorted(findSystemFonts()), str(bundled)):
        for font, style in _faces(path):
            if font.family in wanted and style.casefold() in REGULAR:
                found.setdefault(font.family, font)
    return found


def _faces(path: str) -> list[tuple[Font, str]]:
    try:
        first = FT2Font(path)
        faces = [first, *(FT2Font(path, face_index=i) for i in range(1, first.num_faces))]
    except (OSError, RuntimeError):  # not every file among a system's fonts is one
        return []
    return [(Font(one.family_name, Path(path), i), one.style_name) for i, one in enumerate(faces)]
