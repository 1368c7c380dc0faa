"""The sound card: clicks started at known times, and a train of clicks that drifts or does not."""

from __future__ import annotations

import tempfile
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.clips import Clip
from experiments.devices.interfaces import Clock, SoundLog
from experiments.site.fields import SoundSettings
from experiments.sound.cards import SoundCard, open_sound
from experiments.sound.decoding import RATE
from experiments.timing.findings import Finding, Judgement, median_and_most, refused
from protocols.base.errors import NotAvailable
from protocols.plan.measuring import Presentation

STARTS = 10
CLICK_S, CLICK_LEVEL = 0.001, 0.1
SINGLE_S = 0.2
AHEAD_S = 0.1
"""So much longer than the card needs to know of a start beforehand."""
LIMIT_MS = 5.0
"""Starts further from their time, and more drift in one film, are to be looked at."""


def check_sound(settings: SoundSettings, clock: Clock, seconds: float, say: Callable[[str], None]) -> Finding:
    """Start ten clicks, then ten more in one train of so many seconds; all times by the card's clock.

    Without a card nothing can be checked; a card that the site file names and that does not open has failed.
    """
    try:
        card = open_sound(clock, settings.device, settings.audio_delay_s, settings.backend)
    except NotAvailable as error:
        return refused("sound", "Sound", error, "not checked" if settings.device is None else "failed")
    say(f"sound: clicks on {card.name}")
    try:
        with tempfile.TemporaryDirectory() as folder:
            single = _write(Path(folder) / "click.wav", SINGLE_S, 1)
            train = _write(Path(folder) / "train.wav", seconds, STARTS)
            starts = [_play(card, single, clock) for _ in range(STARTS)]
            long = _play(card, train, clock)
    finally:
        card.close()
    return judge_sound(card.name, starts, long, seconds)


def judge_sound(name: str, starts: list[SoundLog], train: SoundLog, seconds: float) -> Finding:
    """What the card's clock says of ten starts and a train."""
    off = [1000 * abs(one.started - one.scheduled) for one in starts if one.started is not None]
    underruns = train.underruns + sum(one.underruns for one in starts)
    drift = None if train.drift_s is None else 1000 * train.drift_s
    numbers: dict[str, Any] = {
        "card": name,
        "starts": len(starts),
        "started": len(off),
        "scheduled_s": [round(one.scheduled, 6) for one in starts],
        "started_s": [None if one.started is None else round(one.started, 6) for one in starts],
        "train_s": seconds,
        "drift_ms": None if drift is None else round(drift, 4),
        "underruns": underruns,
    }
    judged = Judgement()
    judged.say(f"Played on {name}.")
    if len(off) < len(starts):
        judged.object(
            f"The card did not confirm {len(starts) - len(off)} of {len(starts)} starts.",
            "name another device or backend in the site file (sound.device, sound.backend)",
            fails=True,
        )
    if off:
        numbers["start_error"] = median_and_most(off)
        _judge_starts(judged, off)
    if drift is None:
        judged.object(
            "Its drift could not be measured.", "name another backend in the site file (sound.backend)"
        )
    else:
        told = f"Over {seconds:g} s it drifted by {drift:+.2f} ms against the session’s clock."
        if abs(drift) > LIMIT_MS:
            judged.object(told, "use the card’s own rate of 48 kHz, or another card")
        else:
            judged.say(told)
    if underruns:
        judged.object(
            f"It ran out of samples {underruns} times.",
            "close other programs; set sound.backend: psychtoolbox",
        )
    else:
        judged.say("It never ran out of samples.")
    return judged.finding("sound", "Sound", numbers)


def _judge_starts(judged: Judgement, off: list[float]) -> None:
    most = max(off)
    told = (
        f"{len(off)} clicks left {np.median(off):.2f} ms away from their scheduled time (median), at most "
        f"{most:.2f} ms, by the card’s clock."
    )
    if most > LIMIT_MS:
        judged.object(
            told,
            "set sound.backend: psychtoolbox in the site file, and close what else plays sound",
            fails=most > 1000 * Presentation().onset_error_s,
        )
    else:
        judged.say(told)
    judged.say(
        "What comes after the card – amplifier, air tubes – only a microphone measures: sound.audio_delay_s."
    )


def _play(card: SoundCard, clip: Clip, clock: Clock) -> SoundLog:
    card.prepare(clip)
    when = clock.now() + card.lead_s + AHEAD_S
    card.start(clip, when)
    clock.sleep_until(when + clip.seconds)
    went = card.stop()
    assert went is not None
    return went


def _write(path: Path, seconds: float, clicks: int) -> Clip:
    """A sound of so many clicks at equal distances, the first at once."""
    samples = np.zeros(round(seconds * RATE), "<i2")
    for click in range(clicks):
        begins = round(click * seconds / clicks * RATE)
        samples[begins : begins + round(CLICK_S * RATE)] = round(CLICK_LEVEL * 32767)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
    return Clip(path.stem, "", "", "", "", path.name, seconds, 25.0, sound=True, path=path)
