"""Screens on a PsychoPy window: every element is painted once, kept on the graphics card and copied from there."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from experiments.presenter.textures import Rectangle, Texture, fill
from experiments.screens import Element, Screen
from experiments.window.boxes import Box
from experiments.window.fonts import Font
from experiments.window.layout import answer_at, layout
from experiments.window.painting import Painter

KEPT_BYTES = 192_000_000
"""Painted elements that are kept; those of a whole session fit, the positions of sliders come and go."""
PATCH_SHARE = 0.08
"""Side of the photodiode's patch in the lower left corner, as a share of the window's height."""


class Drawer:
    """Draws screens onto the back buffer of a window.

    Parameters
    ----------
    window
        A ``psychopy.visual.Window`` of one color.
    font
        One that has every character of the session: `experiments.window.fonts.require_glyphs`.

    Attributes
    ----------
    size
        Width and height in pixels of the framebuffer.
    """

    def __init__(self, window: Any, font: Font, *, kept_bytes: int = KEPT_BYTES) -> None:
        self.window = window
        self.size = (int(window.frameBufferSize[0]), int(window.frameBufferSize[1]))
        self.painter = Painter(font, self.size[1], background(window))
        self._kept_bytes = kept_bytes
        self._kept: OrderedDict[tuple[Element, Box], Texture] = OrderedDict()

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.size[0] / self.size[1]

    def draw(self, screen: Screen) -> None:
        """Draw a screen onto the empty back buffer; a known one takes a fraction of a millisecond.

        Raises
        ------
        InputError
            If a drawing does not exist, or the frame of a clip cannot be decoded.
        """
        self.window.backend.setCurrent()
        for element, box in layout(screen, self.aspect):
            texture = self._texture(element, box)
            texture.draw(self.window, self._place(texture, box))
        if screen.patch is not None:
            side = round(PATCH_SHARE * self.size[1])
            fill(Rectangle(0, 0, side, side), 1.0 if screen.patch else 0.0)

    def prepare(self, screen: Screen) -> None:
        """Paint what a screen needs, so that it appears at once when it is drawn."""
        self.window.backend.setCurrent()
        for element, box in layout(screen, self.aspect):
            self._texture(element, box)

    def answer_at(self, screen: Screen, position: tuple[float, float]) -> str | None:
        """The answer that a touch at `position` means, in units of the window's height; of a scale the level."""
        return answer_at(screen, position, self.aspect)

    def close(self) -> None:
        """Free what is kept."""
        self.window.backend.setCurrent()
        while self._kept:
            self._kept.popitem()[1].delete()

    def _texture(self, element: Element, box: Box) -> Texture:
        key = (element, box)
        if key not in self._kept:
            picture = self.painter.paint(element, box)
            rows, columns = picture.shape[:2]
            texture = Texture(columns, rows)
            texture.upload(picture)
            self._kept[key] = texture
            self._forget()
        self._kept.move_to_end(key)
        return self._kept[key]

    def _forget(self) -> None:
        """Free what was not shown for longest, beyond the memory that is allowed."""
        while (
            len(self._kept) > 1
            and sum(4 * t.width * t.height for t in self._kept.values()) > self._kept_bytes
        ):
            self._kept.popitem(last=False)[1].delete()

    def _place(self, texture: Texture, box: Box) -> Rectangle:
        """The pixels nearest to a box."""
        width, height = self.size
        left = round(width / 2 + box.x * height - texture.width / 2)
        bottom = round(height / 2 + box.y * height - texture.height / 2)
        return Rectangle(left, bottom, texture.width, texture.height)


def background(window: Any) -> tuple[int, int, int]:
    """Red, green and blue of a window's color, 0 to 255."""
    red, green, blue = (
        round((float(level) + 1) * 127.5) for level in window.rgb
    )  # PsychoPy counts from -1 to 1
    return red, green, blue
