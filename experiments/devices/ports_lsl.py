"""Markers as a stream of the lab streaming layer."""

from __future__ import annotations

import platform
from typing import Any

from experiments.devices.interfaces import Clock
from protocols.base.canonical import sha256
from protocols.base.errors import NotAvailable, fail

STREAM = "bazin-markers"


class LslPort:
    """An irregular stream of whole numbers, one for each code, stamped by LSL's own clock as it is sent.

    Its source is named after a hash of the computer, so that a recorder finds the stream again after a crash.

    Parameters
    ----------
    clock
        Gives the times that `send` returns.
    """

    def __init__(self, clock: Clock) -> None:
        self.name = f"LSL stream {STREAM}"
        self.problem: str | None = None
        self._clock = clock
        self._outlet: Any = None
        self._lsl_now: Any = None

    def open(self) -> None:
        """Announce the stream; raises NotAvailable with the way out if that cannot be done."""
        try:
            from pylsl import IRREGULAR_RATE, StreamInfo, StreamOutlet, local_clock

            source = f"{STREAM}-{sha256(platform.node().encode())[:12]}"
            info = StreamInfo(STREAM, "Markers", 1, IRREGULAR_RATE, "int32", source)
            self._outlet, self._lsl_now = StreamOutlet(info), local_clock
        except (
            ImportError,
            RuntimeError,
            OSError,
        ) as error:  # no pylsl, no liblsl, or it cannot make a stream
            raise fail(NotAvailable, self.name, f"cannot be opened ({error})",
                       way_out="make env EXTRAS=lab; or take lsl out of the site file") from error  # fmt: skip

    def send(self, code: int) -> float | None:
        """Send a code (1-255) now, without waiting; returns the clock's time, or None if it could not be sent."""
        if self._outlet is None:
            return None
        at = self._clock.now()
        try:
            self._outlet.push_sample([code], self._lsl_now())
        except Exception as error:  # the film must go on
            self.problem = f"{self.name}: markers cannot be sent ({error}). Way out: restart the recorder"
            return None
        self.problem = None
        return at

    def close(self) -> None:
        """Withdraw the stream."""
        self._outlet = None
