"""The real window: screens as they are painted, quickly again, touches, and no display at all."""

import subprocess
import sys
import time

import numpy as np
import pytest
from matplotlib import image

from experiments.screens import BLANK, Choice, Choices, Drawing, Fixation, Scale, Screen, Star, Words
from experiments.window.boxes import Box
from experiments.window.fonts import font_for
from protocols.base.errors import NotAvailable
from tests.experiments.window.conftest import BACKGROUND, inked

TWO = (Choice("camera", "A person", "left", "camera"), Choice("computer", "A computer", "right", "computer"))
ASKED = Screen.of(Words("How was it made?", "question"), Choices(TWO, big=True), name="made_how")


def test_a_blank_screen_is_the_background_and_nothing_else(display):
    assert inked(display.picture(BLANK)) == 0


def test_a_childs_choice_has_pictures_left_and_right_and_the_question_above(display):
    picture = display.picture(ASKED)
    assert inked(picture, Box(-0.44, -0.15, 0.7, 0.5)) > 0.95
    assert inked(picture, Box(0.44, -0.15, 0.7, 0.5)) > 0.95
    assert 0.02 < inked(picture, Box(0, 0.4, 0.7, 0.16)) < 0.5
    assert inked(picture, Box(0, -0.15, 0.03, 0.5)) == 0


def test_the_window_shows_exactly_what_was_painted(display):
    from experiments.window.layout import layout

    screen = Screen.of(Star())
    ((star, box),) = layout(screen, 16 / 9)
    painted = display._drawer.painter.paint(star, box)[..., :3]
    rows, columns = painted.shape[:2]
    top, left = (720 - rows) // 2, (1280 - columns) // 2
    assert (display.picture(screen)[top : top + rows, left : left + columns] == painted).all()


def test_fixation_is_in_the_very_middle(display):
    ys, xs = np.nonzero(np.any(display.picture(Screen.of(Fixation())) != BACKGROUND, axis=2))
    assert (xs.mean() + 0.5, ys.mean() + 0.5) == pytest.approx((640, 360))


def test_a_known_screen_is_drawn_again_at_once(display):
    display.picture(ASKED)
    began = time.perf_counter()
    for _ in range(20):
        display._drawer.draw(ASKED)
    display.window.clearBuffer()
    assert (time.perf_counter() - began) / 20 < 0.004


def test_what_was_not_shown_for_long_is_forgotten_and_painted_again(window, monkeypatch):
    from experiments.window.drawing import Drawer

    drawer = Drawer(window, font_for("en"), kept_bytes=3_000_000)
    painted = []
    paint = type(drawer.painter).paint
    monkeypatch.setattr(
        type(drawer.painter), "paint", lambda self, *what: painted.append(what) or paint(self, *what)
    )
    sliders = [Screen.of(Scale("slider", 100, at=at)) for at in (1, 2, 3, 1)]
    for slider in sliders:
        drawer.draw(slider)
    assert len(painted) == 4
    drawer.draw(sliders[-1])
    assert len(painted) == 4
    drawer.close()
    window.clearBuffer()


def test_a_screen_painted_ahead_is_not_painted_when_it_is_shown(window, monkeypatch):
    from experiments.window.drawing import Drawer

    drawer = Drawer(window, font_for("en"))
    drawer.prepare(ASKED)
    monkeypatch.setattr(type(drawer.painter), "paint", None)
    drawer.draw(ASKED)
    drawer.close()
    window.clearBuffer()


@pytest.mark.parametrize(("patch", "level"), [(True, 255), (False, 0), (None, BACKGROUND[0])])
def test_the_photodiodes_patch_is_in_the_lower_left_corner(display, patch, level):
    picture = display.picture(Screen((Drawing("star"),), patch=patch))
    assert (picture[-57:, :57] == level).all()
    assert inked(picture[:, :200][:-60]) == 0


def test_showing_tells_the_time_of_the_flip(display):
    told = []
    before = display._player.pacer._clock.now()
    flip = display.show(ASKED, told.append)
    assert told == [flip]
    assert before < flip <= display._player.pacer._clock.now()
    assert inked(display.picture(BLANK)) == 0  # what was shown does not stay on the next screen


def test_the_next_flip_that_can_be_reached_lies_ahead(display):
    now = display._player.pacer._clock.now()
    assert display.predicted(now - 5) > now
    assert display.predicted(now + 5) == pytest.approx(now + 5, abs=1 / 60)


def test_a_touch_says_the_answer_under_it(display):
    assert display.touched(ASKED, (-0.4, -0.2)) == "camera"
    assert display.touched(ASKED, (0.4, -0.2)) == "computer"
    assert display.touched(ASKED, (0.0, 0.48)) is None


def test_a_screenshot_is_a_picture_file_of_the_windows_size(display, tmp_path):
    display.screenshot(tmp_path / "shot.png", ASKED)
    assert image.imread(tmp_path / "shot.png").shape[:2] == (720, 1280)


def test_a_request_to_close_the_window_does_not_close_it(window):
    window.winHandle.dispatch_event("on_close")
    window.flip()
    assert not window._closed


@pytest.mark.usefixtures("screen")
def test_a_screen_that_is_not_there_is_refused(monkeypatch):
    from psychopy import visual

    from experiments.window.opening import open_window

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Could not create GL context\nand more")

    monkeypatch.setattr(visual, "Window", broken)
    with pytest.raises(NotAvailable, match=r"the window: cannot be opened: Could not create GL context\n"):
        open_window()


OPEN = """
import os, sys
from experiments.window.opening import open_window
from protocols.base.errors import NotAvailable
for display in sys.argv[1:]:
    os.environ["DISPLAY"] = display
    try:
        open_window()
    except NotAvailable as error:
        print(error)
print("psychopy" in sys.modules)
"""


def run(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X servers can be missing")
def test_without_a_display_one_sentence_says_so_and_the_way_out():
    done = run(OPEN, "", ":9871")
    assert "the display: is not there: DISPLAY is not set" in done.stdout
    assert "the display: cannot be reached\n  got:      DISPLAY=:9871" in done.stdout
    assert done.stdout.count("xvfb-run") == 2
    assert done.stdout.endswith("False\n")  # PsychoPy was not even asked
    assert done.stderr == ""


def test_without_psychopy_the_extra_to_install_is_named(screen):
    done = run("import sys\nsys.modules['psychopy'] = None" + OPEN, screen)
    assert "EXTRAS=lab" in done.stdout
    assert done.stderr == ""


SHOW = """
import sys
from experiments.window.drawing import Drawer
from experiments.window.fonts import font_for
from experiments.window.opening import open_window
from experiments.screens import Screen, Star
window = open_window((640, 360), fullscreen=False)
drawer = Drawer(window, font_for("en"))
for _ in range(30):
    drawer.draw(Screen.of(Star()))
    window.flip()
drawer.close()
window.close()
print("done")
"""


@pytest.mark.usefixtures("screen")
def test_a_window_writes_nothing_into_the_operators_terminal():
    done = run(SHOW)
    assert (done.stdout, done.stderr) == ("done\n", "")
