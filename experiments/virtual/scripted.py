"""A script in front of a real window: the same simulated people, at the speed of real ones.

Where `xdotool` and an X server are there, their presses are real key events that go through the window system and the
keyboard driver; elsewhere they are put into the stream of presses.
"""

from __future__ import annotations

import heapq
import itertools
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Mapping

from experiments.devices.interfaces import Asked, Clock, Input, Press
from experiments.virtual.people import Person

X_NAMES = {"return": "Return", "num_enter": "KP_Enter", "escape": "Escape", "left": "Left", "right": "Right",
           "up": "Up", "down": "Down"}  # fmt: skip
STEP_S = 0.002


class ScriptedInput:
    """Presses of a simulated person, beside those of the real input.

    Parameters
    ----------
    real
        The real input; the operator's keys stay at work.
    clock
        The session's clock.
    person
        Who answers.
    names
        What each physical key is called: presses go the same way back.
    repetition_time_s, pulses
        The simulated scanner; none if the site's own sends pulses.
    """

    def __init__(
        self,
        real: Input,
        clock: Clock,
        person: Person,
        names: Mapping[str, str],
        repetition_time_s: float | None = None,
        pulses: int = 0,
    ) -> None:
        self._real, self._clock, self._person = real, clock, person
        self._keys = {name: key for key, name in reversed(list(names.items()))}
        self._repetition_time, self._pulses = repetition_time_s, pulses
        self._coming: list[tuple[float, int, Press]] = []
        self._number = itertools.count()
        self._typist = _Typist() if os.environ.get("DISPLAY") and shutil.which("xdotool") else None

    @property
    def through_window_system(self) -> bool:
        """Whether presses are real key events."""
        return self._typist is not None

    @property
    def problem(self) -> str | None:
        """What is the matter with the real input."""
        return getattr(self._real, "problem", None)

    def presses(self) -> list[Press]:
        """What was pressed, by anybody."""
        now, due = self._clock.now(), []
        while self._coming and self._coming[0][0] <= now:
            press = heapq.heappop(self._coming)[2]
            key = self._keys.get(press.key)
            if self._typist is not None and key is not None and press.key != "scanner":
                self._typist.press(X_NAMES.get(key, key.upper() if key.startswith("f") and key[1:] else key))
            else:
                due.append(press)
        return sorted([*due, *self._real.presses()], key=lambda press: press.at)

    def wait(self, until: float) -> list[Press]:
        """Wait for the next press, at most until `until`."""
        while True:
            found = self.presses()
            if found or self._clock.now() >= until:
                return found
            found = self._real.wait(min(until, self._clock.now() + STEP_S))
            if found:
                return found

    def expect(self, asked: Asked | None) -> None:
        """Let the person, or the scanner, answer."""
        self._real.expect(asked)
        if asked is None:
            return
        if asked.what == "scanner":
            tr = self._repetition_time
            if tr is not None:
                begins = self._clock.now() + tr
                self._schedule([Press("scanner", begins + n * tr, "scripted") for n in range(self._pulses)])
            return
        self._schedule(self._person.reply(asked))

    def _schedule(self, presses: object) -> None:
        for press in presses:  # type: ignore[attr-defined]
            heapq.heappush(self._coming, (press.at, next(self._number), press))

    def close(self) -> None:
        """Give the devices back."""
        if self._typist is not None:
            self._typist.close()
        self._real.close()


class _Typist:
    """Types in a thread of its own: starting a program takes milliseconds that a film does not have."""

    def __init__(self) -> None:
        self._keys: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._type, daemon=True)
        self._thread.start()

    def press(self, key: str) -> None:
        self._keys.put(key)

    def _type(self) -> None:
        while (key := self._keys.get()) is not None:
            subprocess.run(["xdotool", "key", "--delay", "10", key], check=False, capture_output=True)

    def close(self) -> None:
        self._keys.put(None)
        self._thread.join(2)
