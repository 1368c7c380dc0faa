"""Between trials: pauses the operator asks for, breaks of a block, and a call for a child's eyes."""

from __future__ import annotations

import math

from experiments.devices.interfaces import Asked
from experiments.lab import Lab
from experiments.screens import Drawing, Reward, Words
from experiments.stage import BrokenOff


def pause(lab: Lab) -> None:
    """Until the operator presses pause, or confirm, again."""
    lab.trial = None
    lab.write("break", state="begins", stars=None)
    lab.show(Drawing("rest", "top"), Words(lab.words("screen.pause")), name="pause")
    lab.speak("screen.pause")
    lab.devices.keys.expect(Asked("continue", "screen.pause", {"continue": "confirm"}, lab.now(), math.inf))
    going_on = False
    while not going_on:
        try:
            going_on = any(press.key == "confirm" for press in lab.presses(lab.now() + 60))
        except BrokenOff as broken:
            if broken.wish != "pause":
                raise
            going_on = True
    lab.devices.keys.expect(None)
    lab.write("break", state="ends", stars=None)


def rest(lab: Lab, stars: int, planned: int) -> None:
    """A break of a block; children see what they have earned.

    Parameters
    ----------
    lab
        Where.
    stars
        Breaks so far, this one too: a star for each.
    planned
        Breaks of the block, the places for stars.
    """
    lab.write("break", state="begins", stars=stars)
    if lab.profile.pictures:
        lab.show(Reward(stars, max(planned, stars)), Words(lab.words("screen.break"), "title"),
                 Words(lab.words("hint.operator"), "hint"), name="break")  # fmt: skip
        lab.speak("screen.break")
        lab.devices.keys.expect(
            Asked("continue", "screen.break", {"continue": "confirm"}, lab.now(), math.inf)
        )
        while not any(press.key in ("confirm", "touch") for press in lab.presses(lab.now() + 60)):
            pass
        lab.devices.keys.expect(None)
    else:
        lab.tell("screen.break")
    lab.write("break", state="ends", stars=stars)
    catch_eyes(lab)


def catch_eyes(lab: Lab) -> None:
    """Something that brings a child's eyes to the middle."""
    if lab.profile.getter_s:
        lab.show(Drawing("attention_getter"), name="getter")
        lab.pause(lab.profile.getter_s)
