"""A button box on a pseudo terminal."""

import os
import threading
import time

import pytest

from experiments.devices.serial_box import SerialBox, open_boxes
from experiments.site.settings import parse_site
from protocols.base.errors import NotAvailable

NAMES = {"1": "left", "2": "right", "0x05": "scanner", "t": "scanner", "129": "confirm"}


class Ticks:
    def now(self):
        return time.monotonic()

    def sleep_until(self, when):
        time.sleep(max(0, when - self.now()))


class Plug:
    def __init__(self, path):
        self.path = path
        self.plug_in()

    def plug_in(self):
        self.master, slave = os.openpty()
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)

    def press(self, data):
        os.write(self.master, data)
        return time.monotonic()

    def unplug(self):
        os.close(self.master)


@pytest.fixture
def plug(tmp_path):
    pytest.importorskip("serial", reason="the extra 'lab' is not installed")
    return Plug(tmp_path / "box")


@pytest.fixture
def box(plug):
    box = SerialBox(str(plug.path), 115200, NAMES, Ticks())
    yield box
    box.close()


def collected(box, n, seconds=5.0):
    found, end = [], time.monotonic() + seconds
    while len(found) < n and time.monotonic() < end:
        found += box.wait(end)
    return found


def test_presses_come_in_order_each_with_the_time_it_arrived(box, plug):
    written = []
    for byte in (b"1", b"2", b"\x05", b"1"):
        written.append(plug.press(byte))
        time.sleep(0.05)
    pressed = collected(box, 4)
    assert [press.key for press in pressed] == ["left", "right", "scanner", "left"]
    for press, at in zip(pressed, written, strict=True):
        assert press.at == pytest.approx(at, abs=0.04)
    assert {press.device for press in pressed} == {f"button box {plug.path}"}


def test_bytes_that_arrive_together_are_all_kept(box, plug):
    plug.press(b"12" * 50)
    pressed = collected(box, 100)
    assert [press.key for press in pressed] == ["left", "right"] * 50
    assert [press.at for press in pressed] == sorted(press.at for press in pressed)


def test_a_character_a_hexadecimal_and_a_decimal_number_name_bytes(box, plug):
    plug.press(b"t\x81\x05")
    assert [press.key for press in collected(box, 3)] == ["scanner", "confirm", "scanner"]


def test_an_unknown_byte_keeps_its_own_name(box, plug):
    plug.press(b"x\x00\xff ")
    assert [press.key for press in collected(box, 4)] == ["x", "0x00", "0xff", "0x20"]


def test_a_press_is_told_once(box, plug):
    plug.press(b"1")
    assert len(collected(box, 1)) == 1
    assert box.presses() == []


def test_waiting_ends_with_the_press_or_with_the_time(box, plug):
    began = time.monotonic()
    assert box.wait(began + 0.1) == []
    assert 0.09 < time.monotonic() - began < 1
    assert box.wait(began) == []  # a time that has passed
    plug.press(b"2")
    assert [press.key for press in box.wait(time.monotonic() + 30)] == ["right"]
    assert time.monotonic() - began < 5


def test_one_may_wait_for_ever(box, plug):
    threading.Timer(0.1, plug.press, [b"1"]).start()
    assert [press.key for press in box.wait(float("inf"))] == ["left"]


def test_an_unplugged_box_says_so_and_the_session_goes_on(box, plug):
    plug.press(b"1")
    assert len(collected(box, 1)) == 1
    assert box.problem is None
    plug.unplug()
    assert box.wait(time.monotonic() + 0.3) == []
    assert "plug it in again" in box.problem
    assert box.presses() == []


def test_a_box_that_comes_back_is_heard_again(box, plug, monkeypatch):
    monkeypatch.setattr("experiments.devices.serial_box.RETRY_S", 0.05)
    plug.unplug()
    box.wait(time.monotonic() + 0.2)
    assert box.problem
    plug.plug_in()
    end = time.monotonic() + 5
    while box.problem and time.monotonic() < end:
        time.sleep(0.01)
    plug.press(b"2")
    assert [press.key for press in collected(box, 1)] == ["right"]


def test_if_one_box_of_a_site_cannot_be_opened_the_others_are_given_back(plug, tmp_path):
    boxes = "\n".join(
        f'  - {{device: {device}, names: {{"1": left}}}}' for device in (plug.path, tmp_path / "none")
    )
    settings = parse_site(f"boxes:\n{boxes}\n").boxes
    with pytest.raises(NotAvailable, match="is not there"):
        open_boxes(settings, Ticks())
    (again,) = open_boxes(settings[:1], Ticks())  # would be in use
    again.close()
