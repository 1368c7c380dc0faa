"""The clock of a session: the one PsychoPy's flips and key presses are measured with."""

from __future__ import annotations

import time
from collections.abc import Callable

from protocols.base.errors import NotAvailable, fail

SPIN_S = 0.001
"""The last of a sleep is waited for awake, since a sleeping process is woken up to a millisecond late."""


class SessionClock:
    """Seconds since it was made, on the time base of psychtoolbox (monotonic).

    Attributes
    ----------
    origin
        Its zero in seconds of the time base, ``psychtoolbox.GetSecs()``.

    Raises
    ------
    NotAvailable
        If PsychoPy is not installed.
    """

    def __init__(self) -> None:
        self._seconds = _time_base()
        self.origin = self._seconds()

    def now(self) -> float:
        """Seconds since the clock was made."""
        return self._seconds() - self.origin

    def sleep_until(self, when: float) -> None:
        """Return at `when`; at once if that has passed."""
        asleep = when - self.now() - SPIN_S
        if asleep > 0:
            time.sleep(asleep)
        while self.now() < when:
            pass

    def of_key(self, down: float) -> float:
        """The time of a press that ``psychopy.hardware.keyboard`` gives as `tDown`.

        PsychoPy counts it from the zero of its own log.
        """
        from psychopy import logging

        return down + logging.defaultClock.getLastResetTime() - self.origin


def _time_base() -> Callable[[], float]:
    try:
        from psychopy.clock import getTime
    except ImportError as error:
        raise fail(
            NotAvailable,
            "the session's clock",
            "needs PsychoPy, which is not installed",
            way_out="make env EXTRAS=lab   (Windows: py tools\\environment.py lab)",
        ) from error
    seconds: Callable[[], float] = getTime
    return seconds
