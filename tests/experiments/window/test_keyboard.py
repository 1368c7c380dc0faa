"""The keyboard with real key events: nothing lost, nothing twice, in order."""

import subprocess
import threading
import time

import pytest

from experiments.devices.interfaces import Press
from experiments.devices.keyboard import MergedInput, WindowKeyboard
from protocols.base.errors import NotAvailable

NAMES = {"f": "left", "j": "right", "5": "scanner", "f2": "operator.pause"}


@pytest.fixture
def clock(window):  # noqa: ARG001  # PsychoPy must be there
    from experiments.devices.clock import SessionClock

    return SessionClock()


@pytest.fixture
def keyboard(window, clock):
    opened = WindowKeyboard(clock, NAMES, window)
    opened.presses()
    yield opened
    opened.close()


def tap(*keys: str, hold_s: float = 0.005) -> None:
    """Press and release keys one after the other, in one process, as fast as a button box does."""
    words = [
        word
        for key in keys
        for word in ("keydown", key, "sleep", str(hold_s), "keyup", key, "sleep", "0.005")
    ]
    subprocess.run(["xdotool", *words], check=True, timeout=10)


def all_of(keyboard, n: int, within_s: float = 2.0) -> list[Press]:
    """What was pressed, once there are `n` presses, and a little later."""
    found, end = [], time.monotonic() + within_s
    while len(found) < n and time.monotonic() < end:
        found += keyboard.presses()
        time.sleep(0.002)
    time.sleep(0.05)
    return found + keyboard.presses()


@pytest.mark.usefixtures("xdo")
def test_four_taps_of_five_milliseconds_are_all_seen_in_order_and_by_the_sites_names(keyboard):
    tap("f", "5", "j", "F2")
    found = all_of(keyboard, 4)
    assert [press.key for press in found] == ["left", "scanner", "right", "operator.pause"]
    assert [press.at for press in found] == sorted(press.at for press in found)


@pytest.mark.usefixtures("xdo")
def test_taps_are_seen_whenever_they_fall_between_polls(keyboard):
    typist = threading.Thread(target=tap, args=("f", "j") * 20)
    typist.start()
    found = all_of(keyboard, 40, within_s=8)
    typist.join()
    assert [press.key for press in found] == ["left", "right"] * 20


@pytest.mark.usefixtures("xdo")
def test_taps_while_nobody_polled_are_all_there_afterwards(keyboard):
    tap(*"fj" * 10)
    assert [press.key for press in keyboard.presses()] == ["left", "right"] * 10


@pytest.mark.usefixtures("xdo")
def test_a_key_that_is_not_named_keeps_its_own_name(keyboard):
    tap("k")
    assert [press.key for press in all_of(keyboard, 1)] == ["k"]


def test_a_key_held_down_is_one_press_at_the_time_it_went_down(keyboard, xdo, clock):
    before = clock.now()
    xdo("keydown", "f")
    after = clock.now()
    held = all_of(keyboard, 1)
    time.sleep(1.0)  # longer than any delay of repetition
    repeated = keyboard.presses()
    xdo("keyup", "f")
    assert [press.key for press in held] == ["left"]
    assert before <= held[0].at <= after
    assert repeated == []
    time.sleep(0.05)
    assert keyboard.presses() == []  # the release is no press


def test_other_keys_are_heard_while_one_is_held(keyboard, xdo):
    xdo("keydown", "f")
    assert [press.key for press in all_of(keyboard, 1)] == ["left"]
    tap("j", "j")
    assert [press.key for press in all_of(keyboard, 2)] == ["right", "right"]
    xdo("keyup", "f")
    tap("f")
    assert [press.key for press in all_of(keyboard, 1)] == ["left"]


def test_waiting_ends_with_the_press(keyboard, clock):
    typist = threading.Timer(0.2, tap, args=("f",))
    typist.start()
    began = clock.now()
    found = keyboard.wait(began + 5)
    typist.join()
    assert [press.key for press in found] == ["left"]
    assert clock.now() - began < 3
    assert began < found[0].at < clock.now()


def test_waiting_ends_at_its_time_without_a_press(keyboard, clock):
    until = clock.now() + 0.1
    assert keyboard.wait(until) == []
    assert until <= clock.now() < until + 0.5


def test_a_touch_is_a_press_with_its_place_in_units_of_the_windows_height(keyboard, window, xdo, clock):
    x, y = window.winHandle.get_location()
    xdo("mousemove", x + 320, y + 180, "click", "1")
    found = all_of(keyboard, 1)
    assert [(press.key, press.device) for press in found] == [("touch", "touch")]
    assert found[0].position == pytest.approx((-320 / 720, 180 / 720), abs=0.003)
    assert 0 < found[0].at <= clock.now()


def test_touches_and_keys_come_in_order_of_time(keyboard, xdo):
    tap("f")
    time.sleep(0.02)
    xdo("mousemove", 640, 360, "click", "1")
    assert [press.key for press in keyboard.presses()] == ["left", "touch"]


@pytest.mark.usefixtures("xdo")
def test_a_second_keyboard_after_the_first_was_closed_hears_again_and_nothing_old(window, clock):
    first = WindowKeyboard(clock, NAMES, window)
    first.close()
    tap("f")
    second = WindowKeyboard(clock, NAMES)  # finds the window itself
    assert second.presses() == []
    tap("j")
    found = all_of(second, 1)
    second.close()
    assert [press.key for press in found] == ["right"]


def test_a_keyboard_that_cannot_be_read_is_refused_with_what_to_do(window, clock, monkeypatch):
    from psychtoolbox import hid

    def denied(*_: object) -> None:
        raise RuntimeError("input monitoring is not permitted")

    monkeypatch.setattr(hid, "get_keyboard_indices", denied)
    with pytest.raises(NotAvailable, match=r"(?s)the keyboard.*not permitted.*Input Monitoring"):
        WindowKeyboard(clock, NAMES, window)


def test_a_computer_without_a_keyboard_is_refused(window, clock, monkeypatch):
    from psychtoolbox import hid

    monkeypatch.setattr(hid, "get_keyboard_indices", lambda: ([], [], []))
    with pytest.raises(NotAvailable, match="finds no keyboard"):
        WindowKeyboard(clock, NAMES, window)


class Box:
    """A button box that gives what it was filled with."""

    def __init__(self, *presses: Press, broken: bool = False) -> None:
        self.coming, self.asked, self.closed, self.broken = list(presses), [], False, broken

    def presses(self):
        given, self.coming = self.coming, []
        return given

    def wait(self, until):  # noqa: ARG002
        return self.presses()

    def expect(self, asked):
        self.asked.append(asked)

    def close(self):
        self.closed = True
        if self.broken:
            raise OSError("gone")


class Clock:
    """A clock that stands still until somebody sleeps."""

    time = 0.0

    def now(self):
        return self.time

    def sleep_until(self, when):
        self.time = max(self.time, when)


def test_merged_inputs_come_in_order_of_time():
    one, other = Box(Press("left", 1.0), Press("left", 3.0)), Box(Press("1", 2.0))
    assert [press.at for press in MergedInput([one, other], Clock()).presses()] == [1.0, 2.0, 3.0]


def test_a_merged_wait_ends_with_a_press_of_any_or_at_its_time():
    box, clock = Box(), Clock()
    merged = MergedInput([Box(), box], clock)
    assert merged.wait(1.0) == []
    assert clock.now() == pytest.approx(1.0)
    box.coming.append(Press("1", 1.0))
    assert [press.key for press in merged.wait(9.0)] == ["1"]
    assert clock.now() == pytest.approx(1.0)


def test_all_merged_inputs_are_told_and_closed_even_if_one_breaks():
    boxes = [Box(broken=True), Box()]
    merged = MergedInput(boxes, Clock())
    merged.expect(None)
    with pytest.raises(OSError, match="gone"):
        merged.close()
    assert all(box.closed and box.asked == [None] for box in boxes)
