"""Opening the window, and the display that the runner sees."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib import image

from experiments.devices.interfaces import Placed, Played, Watch
from experiments.presenter.refresh import Pacer, Refresh
from experiments.presenter.textures import back_buffer
from experiments.screens import BLANK, Screen
from experiments.window.drawing import Drawer
from protocols.base.errors import NotAvailable, fail

GRAY = "#595959"
"""Neutral, and dark enough for white words (contrast 7 to 1)."""
AGAIN_S = (0.1, 0.2, 0.4)
"""How long to wait before an X server that did not answer is asked again."""
_connections: dict[str, int] = {}


class Player(Protocol):
    """What plays clips: `experiments.presenter.player.ClipPlayer`."""

    refresh: Refresh
    pacer: Pacer

    def prepare(self, clips: Sequence[Placed]) -> None:
        """Begin to decode."""
        ...

    def play(
        self, clips: Sequence[Placed], planned: float, *, beside: Screen,
        on_start: Callable[[float], None], watch: Watch,
    ) -> list[Played]:  # fmt: skip
        """Play clips."""
        ...

    def close(self) -> None:
        """Give up what is prepared."""
        ...


def open_window(
    size: tuple[int, int] | None = None, *, fullscreen: bool = True, screen: int = 0, color: str = GRAY
) -> Any:
    """A PsychoPy window, empty, without a mouse pointer, whose flips wait for the screen.

    Parameters
    ----------
    size
        Width and height in pixels; of a full-screen window the screen's own if None.
    screen
        Number of the screen, from 0.
    color
        As ``#rrggbb``.

    Returns
    -------
    psychopy.visual.Window
        In units of its height.

    Raises
    ------
    NotAvailable
        If there is no display, or PsychoPy is not installed or cannot open a window there.
    """
    require_display()
    _quiet()
    try:
        from psychopy import visual

        window = visual.Window(
            size or (1280, 720), fullscr=fullscreen, screen=screen, color=color, units="height", winType="pyglet",
            allowGUI=not fullscreen, checkTiming=False, waitBlanking=True, autoLog=False, multiSample=False,
        )  # fmt: skip
    except Exception as error:  # PsychoPy, pyglet and drivers raise what they like, and some only exceptions
        raise fail(
            NotAvailable,
            "the window",
            f"cannot be opened: {_first_line(error)}",
            way_out="check the number of the screen and the graphics driver; on Debian without a graphics card install "
            "libgl1-mesa-dri libgl1 libglu1-mesa",
        ) from error
    window.mouseVisible = not fullscreen
    window.recordFrameIntervals = False
    window.flip()
    return window


def require_display() -> None:
    """Check for a screen before PsychoPy looks for one, which would end in a traceback.

    Raises
    ------
    NotAvailable
        If there is none that can be reached.
    """
    if not sys.platform.startswith("linux"):
        return
    name = os.environ.get("DISPLAY", "")
    way_out = "start from the desktop of the computer that shows the films; for a trial without one: xvfb-run bazin …"
    if not name:
        raise fail(NotAvailable, "the display", "is not there: DISPLAY is not set", way_out=way_out)
    library = ctypes.util.find_library("X11")
    if library is None:
        raise fail(NotAvailable, "the display", "cannot be opened: libX11 is not installed",
                   way_out="Debian: apt install libx11-6 libgl1 libglu1-mesa")  # fmt: skip
    if not _connected(library, name):
        raise fail(NotAvailable, "the display", "cannot be reached", got=f"DISPLAY={name}", way_out=way_out)


def _connected(library: str, name: str) -> bool:
    """Whether the X server of that name can be reached.

    A bare server starts anew when its last client leaves, and refuses everybody for a moment: it is asked again, and
    the connection stays open, or the window that is opened next could meet that very moment.
    """
    if name in _connections:
        return True
    x11 = ctypes.CDLL(library)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    for wait_s in (0.0, *AGAIN_S):
        time.sleep(wait_s)
        opened = x11.XOpenDisplay(name.encode())
        if opened:
            _connections[name] = opened
            return True
    return False


def _quiet() -> None:
    """Keep PsychoPy's messages out of the terminal, which is the operator's panel."""
    try:
        from psychopy import logging
    except ImportError as error:
        raise fail(
            NotAvailable,
            "the window",
            "needs PsychoPy, which is not installed",
            way_out="make env EXTRAS=lab   (Windows: py tools\\environment.py lab)",
        ) from error
    except OSError as error:  # it keeps its settings in the user's home
        raise fail(
            NotAvailable,
            "PsychoPy",
            f"cannot write its settings: {error}",
            way_out="make the home folder writable",
        ) from error
    logging.console.setLevel(logging.CRITICAL + 1)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class WindowDisplay:
    """A real screen: `experiments.devices.interfaces.Display`.

    Parameters
    ----------
    drawer
        Draws screens on the window.
    player
        Plays clips on it, and flips it; made with ``drawer.draw``.
    """

    def __init__(self, drawer: Drawer, player: Player) -> None:
        self.window = drawer.window
        self.size = drawer.size
        self.refresh_hz = player.refresh.hz
        self._drawer = drawer
        self._player = player

    def show(self, screen: Screen, on_flip: Callable[[float], None] | None = None) -> float:
        """Draw and flip once; returns the flip's time, of which `on_flip` is told first, at the flip itself."""
        self._drawer.draw(screen)
        return self._player.pacer.flip(on_flip)

    def prepare(self, clips: Sequence[Placed]) -> None:
        """Begin to decode; never waits."""
        self._player.prepare(clips)

    def predicted(self, when: float) -> float:
        """The flip nearest to `when` that can still be reached."""
        return self._player.pacer.near(when)

    def play(
        self,
        clips: Sequence[Placed],
        planned: float,
        *,
        beside: Screen,
        on_start: Callable[[float], None],
        watch: Watch,
    ) -> list[Played]:
        """Play clips as the player does it."""
        return self._player.play(clips, planned, beside=beside, on_start=on_start, watch=watch)

    def touched(self, screen: Screen, position: tuple[float, float]) -> str | None:
        """Which answer of a screen a touch at `position` means."""
        return self._drawer.answer_at(screen, position)

    def picture(self, screen: Screen) -> np.ndarray:
        """The pixels of a screen without showing it: (height, width, 3) uint8, the top row first."""
        self.window.clearBuffer()
        self._drawer.draw(screen)
        pixels = back_buffer(*self.size).copy()
        self.window.clearBuffer()
        return pixels

    def screenshot(self, path: Path, screen: Screen) -> None:
        """Write the picture of a screen as PNG, for guides and tests."""
        image.imsave(path, self.picture(screen))

    def close(self) -> None:
        """Show an empty screen once more and close the window."""
        self._player.close()
        self.window.clearBuffer()
        self.show(BLANK)
        self._drawer.close()
        self.window.close()
