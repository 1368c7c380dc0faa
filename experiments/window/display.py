"""The session's display: a window, the drawing of screens, the presenter of clips."""

from __future__ import annotations

import math

from experiments.devices.interfaces import Clock
from experiments.presenter.player import ClipPlayer
from experiments.screens import Fixation, Screen, Star
from experiments.site.fields import ScreenSettings
from experiments.window.drawing import Drawer
from experiments.window.fonts import require_glyphs
from experiments.window.opening import WindowDisplay, open_window
from protocols.base.errors import NotAvailable, fail

AT_ITS_TIME = tuple(
    Screen.of(element) for element in (Fixation(), Fixation(friendly=True), Star(), Star(found=True))
)
"""What appears at planned times: painted beforehand, as the first painting takes a few refreshes."""


def open_display(
    settings: ScreenSettings,
    language: str,
    texts: str,
    clock: Clock,
    *,
    width_deg: float | None = None,
) -> WindowDisplay:
    """Open the window of a session.

    Parameters
    ----------
    settings
        The site's screen.
    language, texts
        Of what will be read: the font must have every character.
    clock
        The session's clock.
    width_deg
        Width of the picture as the viewer is to see it; needs the screen's width and distance. Where it is not known,
        clips have their own size.

    Raises
    ------
    NotAvailable
        If there is no display, no PsychoPy, or no font for the texts.
    """
    font = require_glyphs(
        language, [texts]
    )  # before a window opens: boxes instead of letters are no instruction
    window = open_window(settings.size_px, fullscreen=settings.fullscreen, screen=settings.number)
    try:
        drawer = Drawer(window, font)
        for screen in AT_ITS_TIME:
            drawer.prepare(screen)
        width = picture_width(settings, drawer.size[0], width_deg)
        box = None if width is None else (width, drawer.size[1])
        player = ClipPlayer(window, drawer.draw, clock, box=box)
        player.warm_up()
    except BaseException:
        window.close()
        raise
    return WindowDisplay(drawer, player)


def picture_width(settings: ScreenSettings, screen_px: int, width_deg: float | None) -> int | None:
    """Pixels of a picture that is `width_deg` wide for the viewer; None where that cannot be known.

    Raises
    ------
    NotAvailable
        If the picture would be wider than the screen.
    """
    if width_deg is None or settings.width_cm is None or settings.distance_cm is None:
        return None
    width_cm = 2 * settings.distance_cm * math.tan(math.radians(width_deg) / 2)
    width = round(width_cm / settings.width_cm * screen_px)
    if width > screen_px:
        raise fail(
            NotAvailable,
            "the screen",
            f"is too narrow for a picture of {width_deg:g} degrees (stimuli.width_deg)",
            got=f"{settings.width_cm:g} cm seen from {settings.distance_cm:g} cm",
            accepted=f"at least {width_cm:.1f} cm at that distance",
            way_out="move the person closer, or correct screen.width_cm and distance_cm in the site file",
        )
    return width
