"""A serial port with something at its other end, and a site that has no sound card."""

import os
import select
import threading
import time
import tty
from collections.abc import Callable, Iterator

import pytest

from protocols.base.errors import NotAvailable, fail


class Wire:
    """The other end of a serial port: `path` is what bazin opens; `answer` says what comes back for a byte."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self.answer = answer
        self.arrived: list[int] = []
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # held open, so that closing the port does not hang up
        self.path = os.ttyname(self._slave)
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def _run(self) -> None:
        while not self._ends:
            if select.select([self._master], [], [], 0.01)[0]:
                for byte in os.read(self._master, 100):
                    self.arrived.append(byte)
                    os.write(self._master, self.answer(byte))

    def close(self) -> None:
        self._ends = True
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)


@pytest.fixture(scope="module")
def wire() -> Iterator[Callable[..., Wire]]:
    """Make a serial port: bridged, or with a device that answers as told, or not at all."""
    pytest.importorskip("serial", reason="the extra 'lab' is not installed")
    made: list[Wire] = []

    def make(answer: Callable[[int], bytes] = lambda byte: bytes([byte])) -> Wire:
        made.append(Wire(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def no_card(*_: object) -> None:
    """What opening the sound says where there is none."""
    raise fail(
        NotAvailable, "sound", "cannot be played", got="finds no sound card", way_out="switch a card on"
    )


class Ticks:
    """A session's clock without PsychoPy."""

    def now(self) -> float:
        return time.monotonic()

    def sleep_until(self, when: float) -> None:
        time.sleep(max(0.0, when - self.now()))
