"""A window of our own, real key events, and where there is ink in a picture."""

import shutil
import subprocess
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from experiments.window.boxes import Box
from experiments.window.fonts import font_for

BACKGROUND = (89, 89, 89)


@pytest.fixture(scope="module")
def window(screen) -> Iterator[object]:  # noqa: ARG001  # must be there
    """A window on the tests' screen."""
    from experiments.window.opening import open_window

    opened = open_window((1280, 720), fullscreen=False)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def display(window) -> object:
    """The display the runner sees."""
    from experiments.devices.clock import SessionClock
    from experiments.presenter.player import ClipPlayer
    from experiments.presenter.refresh import Refresh
    from experiments.window.drawing import Drawer
    from experiments.window.opening import WindowDisplay

    drawer = Drawer(window, font_for("en"))
    player = ClipPlayer(window, drawer.draw, SessionClock(), refresh=Refresh(60.0, synced=False))
    return WindowDisplay(drawer, player)


@pytest.fixture
def xdo(screen) -> Callable[..., None]:  # noqa: ARG001  # must be there
    """Send real key and mouse events to the tests' screen."""
    if shutil.which("xdotool") is None:
        pytest.skip("no xdotool: install xdotool (as root on Debian, `make test` does)")

    def send(*words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], check=True, timeout=10)

    return send


def inked(picture: np.ndarray, box: Box | None = None) -> float:
    """Which share of a picture (or a box of it, in screen heights) is not background."""
    rows, columns = picture.shape[:2]
    if box is not None:
        top, bottom = (round(rows * (0.5 - y)) for y in (box.top, box.bottom))
        left, right = (round(columns / 2 + rows * x) for x in (box.left, box.right))
        picture = picture[top:bottom, left:right]
    return float(np.mean(np.any(picture[..., :3] != np.array(BACKGROUND, np.uint8), axis=2)))
