"""The serial port: every code is one byte."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

from experiments.devices.interfaces import Clock
from experiments.devices.ports_lines import LinePort
from protocols.base.errors import BazinError, NotAvailable, fail, listed

if TYPE_CHECKING:
    from serial import Serial


class SerialPort(LinePort):
    """A serial port, or a USB device that looks like one; see `LinePort`.

    Parameters
    ----------
    device
        ``/dev/ttyUSB0``, ``COM3``.
    baud
        Its speed.
    """

    def __init__(self, device: str, baud: int, clock: Clock, reset_s: float | None = None) -> None:
        super().__init__(f"serial port {device}", clock, reset_s)
        self._device = device
        self._baud = baud

    def _connect(self) -> Serial:
        return open_serial(self._device, self._baud)

    def _write(self, handle: Any, data: bytes) -> None:
        write_now(handle, data)

    def _disconnect(self, handle: Any, *, broken: bool) -> None:
        close_serial(handle, broken=broken)


def open_serial(device: str, baud: int, timeout_s: float = 0.0) -> Serial:
    """Open a serial port for this program alone, in pyserial's 8N1.

    Parameters
    ----------
    timeout_s
        How long a read waits for a byte.

    Raises
    ------
    NotAvailable
        With the way out: not there, no permission, in use, or no pyserial.
    """
    try:
        import serial
    except ImportError as error:
        raise fail(
            NotAvailable, f"serial port {device}", "needs pyserial, which is not installed",
            way_out="make env EXTRAS=lab",
        ) from error  # fmt: skip
    try:
        port = serial.Serial(device, baud, timeout=timeout_s, write_timeout=0, exclusive=True)
    except (OSError, ValueError) as error:  # pyserial's own error is an OSError
        raise _cannot_open(device, error) from error
    with contextlib.suppress(OSError, ValueError, NotImplementedError):
        port.set_low_latency_mode(True)  # USB adapters collect bytes for 16 ms otherwise; Linux only
    return port


def write_now(port: Serial, data: bytes) -> None:
    """Hand bytes to the system; raises OSError at once where it does not take all of them.

    On Linux and macOS pyserial's own `write` spins for ever when a device takes nothing and its buffer is full.
    """
    written = os.write(port.fileno(), data) if os.name == "posix" else port.write(data)
    if written != len(data):
        raise OSError(errno.EAGAIN, "the device does not take bytes")


def close_serial(port: Serial, *, broken: bool = False) -> None:
    """Close a port; what a broken one has not sent is thrown away, since closing would wait for it."""
    with contextlib.suppress(Exception):  # it may be gone, in as many ways as there are drivers
        if broken:
            port.reset_output_buffer()
    with contextlib.suppress(Exception):
        port.close()


def _cannot_open(device: str, error: OSError | ValueError) -> BazinError:
    item, number, text = f"serial port {device}", getattr(error, "errno", None), str(error)
    if number == errno.EACCES or (os.name == "posix" and "PermissionError" in text):
        return fail(
            NotAvailable, item, "may not be used by this account",
            way_out="sudo usermod -aG dialout $USER, then log out and in again",
        )  # fmt: skip
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in text:
        return fail(
            NotAvailable, item, "is not there", accepted=f"ports that are there: {_ports()}",
            way_out="plug it in and switch it on, or correct the device in the site file",
        )  # fmt: skip
    if number in (errno.EAGAIN, errno.EBUSY) or "PermissionError" in text:  # Windows: access is denied
        return fail(
            NotAvailable, item, "is in use by another program",
            way_out="close it: another session, a terminal program, or the amplifier's own software",
        )  # fmt: skip
    return fail(
        NotAvailable, item, f"cannot be opened ({text})", accepted=f"ports that are there: {_ports()}",
        way_out="check device and baud in the site file",
    )  # fmt: skip


def _ports() -> str:
    from serial.tools.list_ports import comports

    return listed(sorted(port.device for port in comports()))
