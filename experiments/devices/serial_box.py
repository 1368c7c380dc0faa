"""Button boxes, and scanner pulses, on a serial port."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from experiments.devices.interfaces import Asked, Clock, Press
from experiments.devices.ports_lines import RETRY_S
from experiments.devices.ports_serial import close_serial, open_serial
from experiments.site.checks import number_of
from experiments.site.settings import BoxSettings

READ_S = 0.1
"""How long a read waits for a byte; closing waits as long."""


class SerialBox:
    """A box that sends a byte for every press, stamped by a thread of its own as it arrives.

    When it is unplugged, `problem` says so and nothing is pressed any more; it is tried again every second.

    Parameters
    ----------
    device, baud
        Its port.
    names
        Byte (see `experiments.site.checks.number_of`) to the name of its key; a byte that is not in it keeps its own
        name: the character, or a number such as ``0x81``.
    clock
        The session's.

    Raises
    ------
    NotAvailable
        If it cannot be opened, with the way out.
    """

    def __init__(self, device: str, baud: int, names: Mapping[str, str], clock: Clock) -> None:
        self.name = f"button box {device}"
        self.problem: str | None = None
        self._device = device
        self._baud = baud
        self._names = {number_of(byte): name for byte, name in names.items()}
        self._clock = clock
        self._arrived = threading.Condition()
        self._presses: list[Press] = []
        self._closing = threading.Event()
        self._port = open_serial(device, baud, READ_S)
        self._reader = threading.Thread(target=self._read, name=self.name, daemon=True)
        self._reader.start()

    def presses(self) -> list[Press]:
        """What was pressed since the last call, oldest first; never waits."""
        with self._arrived:
            pressed, self._presses = self._presses, []
        return pressed

    def wait(self, until: float) -> list[Press]:
        """Wait for the next press, at most until `until`; empty when that time came first."""
        with self._arrived:
            left = min(max(0.0, until - self._clock.now()), threading.TIMEOUT_MAX)  # `until` may be infinite
            self._arrived.wait_for(lambda: bool(self._presses), left)
        return self.presses()

    def expect(self, asked: Asked | None) -> None:
        """A box is not told what is asked."""

    def close(self) -> None:
        """Give the port back."""
        self._closing.set()
        self._reader.join(2 * RETRY_S)

    def _read(self) -> None:
        while not self._closing.is_set():
            try:
                byte = self._port.read(1)
                at = self._clock.now()
            except Exception as error:  # unplugged: each driver raises something else
                self._get_back(error)
                continue
            if byte:
                with self._arrived:
                    self._presses.append(Press(self._named(byte[0]), at, device=self.name))
                    self._arrived.notify_all()
        close_serial(self._port)

    def _get_back(self, error: Exception) -> None:
        self.problem = (
            f"{self.name}: its keys are lost ({error}). Way out: plug it in again; it is tried again every "
            f"{RETRY_S:g} s, and the session goes on"
        )
        close_serial(self._port, broken=True)
        while not self._closing.wait(RETRY_S):
            try:
                self._port = open_serial(self._device, self._baud, READ_S)
            except Exception:  # not back yet
                continue
            self.problem = None
            return

    def _named(self, number: int) -> str:
        own = chr(number) if 0x20 < number < 0x7F else f"{number:#04x}"
        return self._names.get(number, own)


def open_boxes(settings: Sequence[BoxSettings], clock: Clock) -> list[SerialBox]:
    """Open the button boxes of a site (`Site.boxes`); if one cannot be, raises NotAvailable and leaves none open."""
    opened: list[SerialBox] = []
    try:
        for box in settings:
            opened.append(SerialBox(box.device, box.baud, box.names, clock))
    except BaseException:
        for done in opened:
            done.close()
        raise
    return opened
