"""The keyboard and the button boxes, pressed by the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from experiments.devices.clock import SessionClock
from experiments.devices.interfaces import Input, Press
from experiments.devices.keyboard import POLL_S, WindowKeyboard
from experiments.devices.serial_box import SerialBox
from experiments.screens import Screen, Words
from experiments.site.settings import Site, key_names
from experiments.timing.findings import Finding, Judgement, median_and_most, refused
from experiments.window.opening import WindowDisplay
from protocols.base.errors import NotAvailable

WANTED = 10
RELEASE_S = 0.3
"""How long the last press may take to be released."""
ASKED = "Press any key ten times, as short as you can."
ASKED_BOXES = "Press any key ten times, as short as you can, and a button of every box ten times."
SLOW_POLL_MS = 20.0
"""Touches are stamped by the poll that finds them, and a screen should follow a key within about a refresh."""


class TimedKeyboard(WindowKeyboard):
    """The session's keyboard, which also notes how long keys were held.

    Attributes
    ----------
    held
        Seconds between press and release, of every key that was released.
    """

    def __init__(self, clock: SessionClock, site: Site, window: Any) -> None:
        from psychopy.hardware.listener import BaseListener

        super().__init__(clock, key_names(site, "beh"), window)
        self.held = held = list[float]()

        class Releases(BaseListener):  # type: ignore[misc]  # PsychoPy has no types
            """PsychoPy tells a listener of every press, and again of its release."""

            def receiveMessage(self, message: Any) -> None:  # PsychoPy's name
                """Note a release."""
                if message.duration is not None:
                    held.append(float(message.duration))

        self._keyboard.addListener(Releases())

    def close(self) -> None:
        """Give the keyboard back."""
        self._keyboard.clearListeners()
        super().close()


@dataclass
class Polled:
    """One input – what it is called, what it is, what is pressed on it – and what came of it."""

    name: str
    device: str
    kind: str
    source: Input
    presses: list[Press] = field(default_factory=list)


def check_keys(
    display: WindowDisplay, site: Site, clock: SessionClock, seconds: float, say: Callable[[str], None]
) -> list[Finding]:
    """Ask for presses on the screen and in the terminal, and judge what came, device by device.

    A device that nobody pressed is not checked; one that cannot be opened has failed, and the others go on.
    """
    findings: dict[str, Finding] = {}
    with ExitStack() as stack:
        inputs: list[Polled] = []
        for name, device, kind, make in _devices(display, site, clock):
            try:
                source = make()
            except NotAvailable as error:
                findings[name] = refused("keys", name, error)
                continue
            stack.callback(source.close)
            inputs.append(Polled(name, device, kind, source))
        asked = ASKED_BOXES if site.boxes else ASKED
        display.show(Screen.of(Words(asked), name="keys"))
        say(f"{asked} ({seconds:g} s)")
        intervals = _poll(inputs, clock, seconds)
        findings |= {one.name: _judged(one, intervals, seconds) for one in inputs}
    return [findings[name] for name, *_ in _devices(display, site, clock)]


def _devices(
    display: WindowDisplay, site: Site, clock: SessionClock
) -> Iterator[tuple[str, str, str, Callable[[], Input]]]:
    """Name, device, what is pressed on it, and how it is opened."""
    yield "Keyboard", "keyboard", "key", lambda: TimedKeyboard(clock, site, display.window)
    for box in site.boxes:
        yield f"Button box {box.device}", "box", "button", partial(
            SerialBox, box.device, box.baud, box.names, clock
        )  # fmt: skip


def _poll(inputs: list[Polled], clock: SessionClock, seconds: float) -> list[float]:
    """Poll as a session does until all have ten presses or the time is over; returns intervals between polls, in ms."""
    times = [clock.now()]
    end = times[0] + seconds
    satisfied = False
    while times[-1] < end:
        for one in inputs:
            one.presses += [press for press in one.source.presses() if press.key != "touch"]
        times.append(clock.now())
        if not satisfied and all(len(one.presses) >= WANTED for one in inputs):
            satisfied, end = True, min(end, times[-1] + RELEASE_S)
        clock.sleep_until(min(end, times[-1] + POLL_S))
    return [1000 * float(one) for one in np.diff(times)]


def _judged(one: Polled, intervals: list[float], seconds: float) -> Finding:
    n, polling = len(one.presses), median_and_most(intervals)
    held = one.source.held if isinstance(one.source, TimedKeyboard) else []
    numbers = {
        "presses": n,
        "asked_for": WANTED,
        "window_s": seconds,
        "shortest_press_ms": round(1000 * min(held), 4) if held else None,
        "polling_interval": polling,
        "poll_intervals_over_20_ms": sum(each > SLOW_POLL_MS for each in intervals),
    }
    judged = Judgement()
    polls = f"It was asked every {polling['median_ms']:.1f} ms, at most {polling['max_ms']:.1f} ms apart."
    problem = getattr(one.source, "problem", None)
    if problem:
        judged.object(f"{problem}.", "see to its cable, then measure again", fails=True)
    elif not n:
        judged.say(f"It could be opened. No {one.kind} was pressed in {seconds:g} s, so it was not checked.")
        judged.ways_out.append(f"measure again and press a {one.kind} ten times when the screen asks for it")
        return judged.finding("keys", one.name, numbers, checked=False)
    shortest = f" The shortest lasted {1000 * min(held):.1f} ms." if held else ""
    came = f"{n} press{'es' if n > 1 else ''} came within {seconds:g} s.{shortest}"
    if n < WANTED:
        judged.object(
            f"{came} Asked for were {WANTED}.",
            f"if the {one.kind} was pressed {WANTED} times, presses were lost: try another {one.device} or cable; "
            "else measure again",
        )
    else:
        judged.say(came)
    judged.say(polls)
    return judged.finding("keys", one.name, numbers)
