"""Trigger ports: none, remembered, several at once, and the ports of a site."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from experiments.devices.interfaces import Clock, TriggerPort
from experiments.devices.ports_lsl import LslPort
from experiments.devices.ports_parallel import ParallelPort
from experiments.devices.ports_serial import SerialPort
from experiments.site.settings import TriggerSettings
from protocols.base.errors import Fault, NotAvailable


class NullPort:
    """No port: every code "is sent" and goes nowhere; for sessions that record nothing besides the keys."""

    name = "none"
    problem: str | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def open(self) -> None:
        """Nothing to do."""

    def send(self, code: int) -> float | None:  # noqa: ARG002
        """The time now."""
        return self._clock.now()

    def close(self) -> None:
        """Nothing to do."""


class RecordingPort:
    """A port that remembers, for simulations and tests.

    Attributes
    ----------
    sent
        Time and code of everything that was sent.
    """

    name = "recording"
    problem: str | None = None

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[tuple[float, int]] = []

    def open(self) -> None:
        """Nothing to do."""

    def send(self, code: int) -> float | None:
        """Remember a code; returns the time now."""
        at = self._clock.now()
        self.sent.append((at, code))
        return at

    def close(self) -> None:
        """Nothing to do."""


class FanOut:
    """Several ports at once. A code is sent if at least one took it; `problem` tells of those that did not."""

    def __init__(self, ports: Sequence[TriggerPort]) -> None:
        self._ports = tuple(ports)
        self.name = " + ".join(port.name for port in ports)
        self.problem: str | None = None

    def open(self) -> None:
        """Open all; if some cannot be, raises NotAvailable that tells of each, and leaves none open."""
        faults: list[Fault] = []
        opened: list[TriggerPort] = []
        for port in self._ports:
            try:
                port.open()
                opened.append(port)
            except NotAvailable as error:
                faults += error.faults
        if faults:
            for port in opened:
                port.close()
            raise NotAvailable(faults)

    def send(self, code: int) -> float | None:
        """Send to all without waiting; returns the time of the first that took it, None if none did."""
        times = [port.send(code) for port in self._ports]
        self.problem = "; ".join(port.problem for port in self._ports if port.problem) or None
        return next((at for at in times if at is not None), None)

    def close(self) -> None:
        """Close all."""
        with contextlib.ExitStack() as stack:
            for port in self._ports:
                stack.callback(port.close)


def open_triggers(settings: Sequence[TriggerSettings], clock: Clock) -> TriggerPort:
    """Open the trigger ports of a site.

    Parameters
    ----------
    settings
        `Site.triggers`.
    clock
        The session's.

    Raises
    ------
    NotAvailable
        If any cannot be opened, with the way out for each of them.
    """
    ports = [_port(one, clock) for one in settings]
    port = NullPort(clock) if not ports else ports[0] if len(ports) == 1 else FanOut(ports)
    port.open()
    return port


def _port(settings: TriggerSettings, clock: Clock) -> TriggerPort:
    if settings.kind == "lsl":
        return LslPort(clock)
    assert settings.device is not None
    if settings.kind == "serial":
        return SerialPort(settings.device, settings.baud, clock, settings.reset_s)
    assert settings.reset_s is not None
    return ParallelPort(settings.device, clock, settings.reset_s)
