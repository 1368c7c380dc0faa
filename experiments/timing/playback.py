"""A film played by the session's own presenter."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.clips import Clip
from experiments.devices.interfaces import Clock, Placed, Played
from experiments.presenter.schedule import cadence
from experiments.screens import BLANK, Screen
from experiments.timing.findings import CLOSE_OTHERS, Finding, Judgement
from experiments.window.opening import WindowDisplay
from protocols.plan.measuring import Presentation

FIXATION_S = 1.0
"""Between handing the film over and its onset, as before a trial."""
LEAD_S = 0.25
BESIDE = Screen(name="clip", patch=True)
RULES = Presentation()
"""What a plan allows unless it says otherwise."""


def check_clip(display: WindowDisplay, clip: Clip, clock: Clock) -> Finding:
    """Play a film as a trial does, and judge what was shown.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    placed = Placed(clip)
    planned = display.show(BLANK) + FIXATION_S
    display.prepare([placed])
    clock.sleep_until(planned - LEAD_S)
    played = display.play(
        [placed],
        display.predicted(max(planned, clock.now())),
        beside=BESIDE,
        on_start=lambda _: None,
        watch=lambda _: False,
    )[0]
    return judge_clip(played, display.refresh_hz)


def judge_clip(played: Played, refresh_hz: float) -> Finding:
    """What a played film tells of the presenter on this screen."""
    numbers, clip = numbers_of(played, refresh_hz), played.clip
    rhythm = cadence(clip.fps, refresh_hz)
    judged = Judgement()
    shown = f"{played.shown} of {clip.frames} frames of “{clip.name}” appeared"
    first = "the first one among them" if numbers["first_frame_shown"] else "but not the first one"
    lost = played.dropped / clip.frames
    if played.dropped or not numbers["first_frame_shown"]:
        beyond = lost > RULES.dropped_frames or not numbers["first_frame_shown"]
        judged.object(
            f"{shown}, {first}."
            + (_of_a_plan(f"to lose {100 * RULES.dropped_frames:g} % of the frames") if beyond else ""),
            CLOSE_OTHERS if not rhythm.dropped else "a faster screen, or clips prepared at a lower rate",
            fails=beyond,
        )
    else:
        judged.say(f"{shown}, {first}.")
    error = numbers["onset_error_ms"]
    onset = f"It began {abs(error):.2f} ms {'after' if error >= 0 else 'before'} its planned time"
    if abs(error) > 500 / refresh_hz:
        beyond = abs(error) > 1000 * RULES.onset_error_s
        judged.object(
            f"{onset}." + (_of_a_plan(f"{1000 * RULES.onset_error_s:g} ms") if beyond else ""),
            CLOSE_OTHERS,
            fails=beyond,
        )
    else:
        judged.say(f"{onset}.")
    if played.late_flips:
        judged.object(
            f"{_times(played.late_flips)} came more than half a refresh late while it played.", CLOSE_OTHERS
        )
    else:
        judged.say("No flip came late while it played.")
    judged.say(rhythm.sentence)
    return judged.finding("clip", "Clip playback", numbers)


def numbers_of(played: Played, refresh_hz: float) -> dict[str, Any]:
    """Frames and flips; times of frames in milliseconds after the onset."""
    return {
        "clip": played.clip.name,
        "fps": round(played.clip.fps, 4),
        "refresh_hz": round(refresh_hz, 4),
        "frames": played.clip.frames,
        "frames_shown": played.shown,
        "frames_dropped": played.dropped,
        "first_frame_shown": bool(len(played.index)) and int(played.index[0]) == 0,
        "late_flips": played.late_flips,
        "onset_error_ms": round(1000 * (played.onset - played.planned), 4),
        "index": [int(one) for one in played.index],
        "due_ms": _milliseconds(played.pts),
        "flip_ms": _milliseconds(played.flip - played.onset),
    }


def _milliseconds(seconds: np.ndarray) -> list[float]:
    return [round(1000 * float(one), 4) for one in seconds]


def _of_a_plan(limit: str) -> str:
    return f" A plan allows {limit} unless it says otherwise: such a trial could not be used."


def _times(n: int) -> str:
    return "One flip" if n == 1 else f"{n} flips"
