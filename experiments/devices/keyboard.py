"""Keys, button boxes that type, and touches on the window; a tap of five milliseconds is never lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from experiments.devices.clock import SessionClock
from experiments.devices.interfaces import Asked, Clock, Input, Press
from protocols.base.errors import NotAvailable, fail

POLL_S = 0.002


class WindowKeyboard:
    """The keyboard through psychtoolbox, and the mouse or touch screen of a window.

    Times of keys are those of the operating system's event, those of touches of the poll that found them: with a poll
    every 2 ms while it waits, at every flip while a film plays.

    Parameters
    ----------
    clock
        What press times are given in.
    names
        From the keyboard's names (``f``, ``5``, ``num_5``, ``f2``, ``return``) to the site's (``left``, ``scanner``,
        ``operator.pause``); a key that is not among them keeps its own.
    window
        Whose touches are heard; of the open PsychoPy windows the first if None.

    Raises
    ------
    NotAvailable
        If psychtoolbox cannot read the keyboard.
    """

    def __init__(self, clock: SessionClock, names: Mapping[str, str], window: Any = None) -> None:
        self._clock = clock
        self._names = dict(names)
        self._window = window if window is not None else _first_window()
        self._keyboard = _open_keyboard()
        self._down: list[Any] = []  # presses that were given and whose release was not yet heard
        self._touches: list[Press] = []
        if self._window is not None:
            self._window.winHandle.push_handlers(on_mouse_press=self._touch)
        self._keyboard.clearEvents()

    def presses(self) -> list[Press]:
        """What was pressed since the last call, oldest first; never waits."""
        if self._window is not None:
            self._window.winHandle.dispatch_events()
        touches, self._touches = self._touches, []
        return sorted([*self._keys(), *touches], key=attrgetter("at"))

    def wait(self, until: float) -> list[Press]:
        """Wait for the next press, at most until `until`; empty when that time came first."""
        while not (found := self.presses()) and (now := self._clock.now()) < until:
            self._clock.sleep_until(min(until, now + POLL_S))
        return found

    def expect(self, asked: Asked | None) -> None:
        """Nothing: real people see for themselves what is asked."""

    def close(self) -> None:
        """Give the keyboard back."""
        from psychopy.hardware import keyboard
        from psychtoolbox import PsychHID

        self._keyboard.stop()
        keyboard._keyBuffers.clear()
        PsychHID("Shutdown")  # or the process would end as failed where the X server ends first
        if self._window is not None and self._window.winHandle is not None:
            self._window.winHandle.remove_handlers(on_mouse_press=self._touch)

    def _keys(self) -> list[Press]:
        """New key presses.

        PsychoPy tells a key that is down when asked for unreleased ones, and again, as the same object, when it was
        released; a short tap it tells only as released.
        """
        found: list[Any] = []
        for released in (False, True):
            for key in self._keyboard.getKeys(waitRelease=released, clear=True):
                if not any(key is other for other in (*self._down, *found)):
                    found.append(key)
        self._down = [key for key in (*self._down, *found) if key.duration is None]
        return [Press(self._names.get(key.name, key.name), self._clock.of_key(key.tDown)) for key in found]

    def _touch(self, x: int, y: int, button: int, modifiers: int) -> None:  # noqa: ARG002  # pyglet's signature
        width, height = self._window.winHandle.get_size()
        position = ((x - width / 2) / height, (y - height / 2) / height)
        self._touches.append(Press("touch", self._clock.now(), "touch", position))


class MergedInput:
    """Several inputs as one, in order of time.

    Parameters
    ----------
    inputs
        At least one.
    clock
        What they share.
    """

    def __init__(self, inputs: Sequence[Input], clock: Clock) -> None:
        self._inputs = tuple(inputs)
        self._clock = clock

    @property
    def problem(self) -> str | None:
        """What is the matter with those that can fail; None while all is well."""
        return "; ".join(filter(None, (getattr(one, "problem", None) for one in self._inputs))) or None

    def presses(self) -> list[Press]:
        """What was pressed on any of them since the last call, oldest first; never waits."""
        return sorted((press for one in self._inputs for press in one.presses()), key=attrgetter("at"))

    def wait(self, until: float) -> list[Press]:
        """Wait for the next press on any of them, at most until `until`; empty when that time came first."""
        while not (found := self.presses()) and (now := self._clock.now()) < until:
            self._clock.sleep_until(min(until, now + POLL_S))
        return found

    def expect(self, asked: Asked | None) -> None:
        """Tell all of them what is asked."""
        for one in self._inputs:
            one.expect(asked)

    def close(self) -> None:
        """Give all of them back, also when one of them fails."""
        failed: list[Exception] = []
        for one in self._inputs:
            try:
                one.close()
            except Exception as error:  # the others must be closed all the same
                failed.append(error)
        if failed:
            raise failed[0]


def _first_window() -> Any:
    from psychopy.core import openWindows

    return next((window for window in (reference() for reference in openWindows) if window is not None), None)


def _open_keyboard() -> Any:
    way_out = (
        "on macOS allow the terminal under Privacy & Security > Input Monitoring; on Linux run in an X session; "
        "then try again"
    )
    try:
        from psychopy.hardware.keyboard import KeyboardDevice

        keyboard = KeyboardDevice(
            backend="ptb", muteOutsidePsychopy=False
        )  # a pulse counts wherever the focus is
        problem = "" if keyboard.getBackend() == "ptb" else "psychtoolbox is not installed or does not start"
        if not problem and not keyboard._buffers:
            problem = "psychtoolbox finds no keyboard"
    except Exception as error:  # what drivers raise has no common kind
        raise fail(NotAvailable, "the keyboard", f"cannot be read: {error}", way_out=way_out) from error
    if problem:
        raise fail(NotAvailable, "the keyboard", f"cannot be read: {problem}", way_out=way_out)
    return keyboard
