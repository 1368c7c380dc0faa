"""The parallel port: a code is the state of its eight data lines."""

from __future__ import annotations

import sys
from typing import Any

from experiments.devices.interfaces import Clock
from experiments.devices.ports_lines import LinePort
from protocols.base.errors import BazinError, NotAvailable, fail


class ParallelPort(LinePort):
    """A parallel port by PsychoPy's driver, on Linux and Windows; see `LinePort`.

    Parameters
    ----------
    device
        ``/dev/parport0``, or on Windows its address, ``0x378``.
    """

    def __init__(self, device: str, clock: Clock, reset_s: float) -> None:
        super().__init__(f"parallel port {device}", clock, reset_s)
        self._device = device

    def _connect(self) -> Any:
        try:
            from psychopy import parallel

            address = int(self._device, 16) if self._device.lower().startswith("0x") else self._device
            port = parallel.ParallelPort(address)
            port.setData(0)
        except Exception as error:  # each system's driver raises something else
            raise self._cannot_open(error) from error
        return port

    def _write(self, handle: Any, data: bytes) -> None:
        for value in data:
            handle.setData(value)

    def _disconnect(self, handle: Any, *, broken: bool) -> None:
        """Nothing to call: the driver gives the port back when the last reference goes."""

    def _cannot_open(self, error: Exception) -> BazinError:
        if isinstance(error, ImportError):
            problem, way_out = f"has no driver ({error})", "make env EXTRAS=lab"
        elif isinstance(error, PermissionError):
            problem, way_out = (
                "may not be used by this account",
                "sudo usermod -aG lp $USER, then log in again",
            )
        elif sys.platform == "win32":
            problem, way_out = (
                f"cannot be opened ({error})",
                "install inpoutx64 beside Python; the address is 0x378",
            )
        elif sys.platform == "darwin":
            problem, way_out = "does not exist on a Mac", "use a serial port or LSL"
        else:
            problem = f"cannot be opened ({error})"
            way_out = "sudo rmmod lp; sudo modprobe ppdev; then see 'ls /dev/parport*'"
        return fail(NotAvailable, self.name, problem, way_out=way_out)
