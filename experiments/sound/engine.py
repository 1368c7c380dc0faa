"""What a sound card's driver does for `experiments.sound.cards`; times are of the driver's own clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from protocols.base.errors import NotAvailable, fail, listed

NO_FLOW = "opens the card, but the card takes no sound (a program that crashed may have left it suspended: restart it)"
_SETTLES_WITHIN_S = 6.0
_WATCHED_S = 0.4
_TOLERANCE_S = 0.15


@dataclass(frozen=True)
class Output:
    """A device that can play, as a driver lists it.

    Attributes
    ----------
    index
        The driver's number for it.
    api
        The system it belongs to: ALSA, WASAPI, Core Audio …
    latency_s
        The shortest it promises.
    rate
        Its own rate in Hz.
    """

    index: int
    name: str
    api: str
    latency_s: float
    rate: int

    def __str__(self) -> str:
        return f"{self.name} ({self.api})"


@dataclass(frozen=True)
class Went:
    """How a sound went.

    Attributes
    ----------
    started
        When its first audible sample left; None if none did.
    drift_s
        Time from the first buffer to the last, minus the time their samples take; None if not measured.
    underruns
        Buffers the card had to do without.
    """

    started: float | None
    drift_s: float | None
    underruns: int


class Engine(Protocol):
    """A stream to a card that always runs, so that a start depends on nothing but its time."""

    name: str
    output: Output
    rate: int
    lead_s: float
    """How long before a sound its start must be known; of a later start the beginning is left out."""

    def now(self) -> float:
        """The driver's clock."""
        ...

    def load(self, samples: np.ndarray) -> Any:
        """Take (n, 2) float32 samples; returns a handle."""
        ...

    def unload(self, handle: Any) -> None:
        """Forget them."""
        ...

    def play(self, handle: Any, when: float) -> None:
        """Let sample 0 leave at `when`, what plays be replaced; what cannot leave in time any more is left out."""
        ...

    def halt(self) -> Went:
        """Silence what plays; what is in the card's buffer already may still be heard."""
        ...

    def close(self) -> None:
        """Give the card back."""
        ...


def chosen(outputs: Sequence[Output], device: str) -> Output:
    """The output of that name (with or without its system), or the only one whose name holds it.

    Of several of the same name the one with the least latency is taken.

    Raises
    ------
    NotAvailable
        If there is none, or the name could mean several.
    """
    exact = [one for one in outputs if device in (one.name, str(one))]
    found = exact or [one for one in outputs if device.casefold() in str(one).casefold()]
    if len({one.name for one in found}) != 1:
        problem = f"finds several: {listed(found)}" if found else "finds no device of that name"
        raise fail(NotAvailable, f"sound device '{device}'", problem)
    return min(found, key=lambda one: one.latency_s)


def wait_until_running(elapsed_s: Callable[[], float]) -> bool:
    """Wait until a stream plays as fast as time goes by; False if it does not within six seconds.

    Sound servers may take some seconds over a new stream; a start in that time would be late.
    """
    give_up = time.perf_counter() + _SETTLES_WITHIN_S
    while time.perf_counter() < give_up:
        began, played = time.perf_counter(), elapsed_s()
        time.sleep(_WATCHED_S)
        if abs(elapsed_s() - played - (time.perf_counter() - began)) < _TOLERANCE_S:
            return True
    return False
