"""Ports whose code stands on lines until it is taken back: what serial and parallel ports have in common."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from typing import Any

from experiments.devices.interfaces import Clock

RETRY_S = 1.0
"""How often a lost port is tried again."""


class LinePort(ABC):
    """A trigger port that is reset, and got back when it was lost, by a thread of its own: `send` never waits.

    A code stands for `reset_s`, then the lines go to 0. A code that comes sooner replaces the standing one and gets
    its full time. If it is the same code, the lines go to 0 just before it, so that there are two edges; an amplifier
    sees both only if that is as long as one of its samples, so codes should be further apart than `reset_s`.

    Parameters
    ----------
    name
        What the operator calls it.
    clock
        Gives the times that `send` returns: taken as the code is handed to the port.
    reset_s
        How long a code stands, in seconds; None if the device makes its own pulses and must never be sent a 0.
    """

    def __init__(self, name: str, clock: Clock, reset_s: float | None) -> None:
        self.name = name
        self.problem: str | None = None
        self._clock = clock
        self._reset_s = reset_s
        self._changed = threading.Condition()  # guards everything below
        self._handle: Any = None
        self._dead: Any = None
        self._standing: int | None = None
        self._reset_at = 0.0
        self._closing = False
        self._keeper: threading.Thread | None = None

    @abstractmethod
    def _connect(self) -> Any:
        """Open the device; raises NotAvailable with the way out."""

    @abstractmethod
    def _write(self, handle: Any, data: bytes) -> None:
        """Put bytes on the lines, one after the other, without waiting; raises if that cannot be done."""

    @abstractmethod
    def _disconnect(self, handle: Any, *, broken: bool) -> None:
        """Close the device; of a broken one, throw away what it has not sent."""

    def open(self) -> None:
        """Make it ready; raises NotAvailable with the way out if that cannot be done."""
        self._handle = self._connect()
        self._keeper = threading.Thread(target=self._keep, name=self.name, daemon=True)
        self._keeper.start()

    def send(self, code: int) -> float | None:
        """Send a code (1-255) now, without waiting; returns the clock's time, or None if it could not be sent."""
        with self._changed:
            if self._handle is None:
                return None
            at = self._clock.now()
            try:
                self._write(self._handle, bytes([0, code] if code == self._standing else [code]))
            except Exception as error:  # whatever a driver raises: the film must go on
                self._lose(error)
                return None
            self.problem = None
            if self._reset_s is not None:
                self._standing = code
                self._reset_at = time.monotonic() + self._reset_s
                self._changed.notify()
            return at

    def close(self) -> None:
        """Reset lines and give the port back."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._keeper is not None:
            self._keeper.join(2 * RETRY_S)  # a broken driver may hang: the session's end does not wait for it
            self._keeper = None

    def _lose(self, error: Exception) -> None:
        self.problem = (
            f"{self.name}: markers cannot be sent ({error}). Way out: plug it in again; it is tried again every "
            f"{RETRY_S:g} s, and the session goes on"
        )
        self._dead, self._handle, self._standing = self._handle, None, None
        self._changed.notify()

    def _keep(self) -> None:
        """Reset the lines in time, and get a lost port back, until the port is closed."""
        while True:
            with self._changed:
                if self._closing:
                    break
                if self._handle is not None:
                    self._reset_or_wait()
                    continue
            self._get_back()
        self._end()

    def _reset_or_wait(self) -> None:
        left = self._reset_at - time.monotonic()
        if self._standing is None:
            self._changed.wait()
        elif left > 0:
            self._changed.wait(left)
        else:
            try:
                self._write(self._handle, b"\0")
                self._standing = None
            except Exception as error:  # as in send
                self._lose(error)

    def _get_back(self) -> None:
        """One attempt, outside the lock: opening and closing a device may take long."""
        dead, self._dead = self._dead, None
        try:
            if dead is not None:
                self._disconnect(dead, broken=True)
            handle = self._connect()
        except Exception:  # not back yet
            with self._changed:
                if not self._closing:
                    self._changed.wait(RETRY_S)
            return
        with self._changed:
            self._handle = handle

    def _end(self) -> None:
        with self._changed:
            handle, self._handle = self._handle, None
        if self._dead is not None:
            self._disconnect(self._dead, broken=True)
        if handle is None:
            return
        try:
            if self._reset_s is not None:
                self._write(handle, b"\0")
        except Exception as error:  # as in send
            self.problem = f"{self.name}: could not be reset at the end ({error})"
        self._disconnect(handle, broken=False)
