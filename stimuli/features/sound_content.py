"""What the sound consists of: speech's band, silence."""

from __future__ import annotations

import numpy as np

from stimuli.decoding import Sound
from stimuli.features.feature import Definition, Found, SoundFeature

LOW, HIGH = 300.0, 3400.0  # Hz
AUDIBLE = (20.0, 20_000.0)  # Hz
SILENT_DBFS = -60.0
WINDOW = 2048  # samples


class SoundContent(SoundFeature):
    """Share of energy where speech has most, share of time without sound."""

    defines = (
        Definition(
            "speech_band",
            "share",
            "share of the sound's energy from 20 Hz to 20 kHz that lies between 300 and 3400 Hz, channels averaged",
            "ITU-T G.712 (telephone band)",
            "own",
            per_frame=False,
        ),
        Definition(
            "silence",
            "share",
            "share of time, in steps of 100 ms, in which the sound's RMS over all channels is below −60 dBFS",
            "own",
            "own",
            per_frame=False,
        ),
    )

    def hear(self, sound: Sound) -> Found:
        """Both shares; NaN where there is nothing to have a share of."""
        return Found({"speech_band": speech_band(sound), "silence": silence(sound)})


def speech_band(sound: Sound) -> float:
    """Share of energy between 300 and 3400 Hz (Welch's periodogram, Hann window, half overlapping)."""
    power = np.zeros(WINDOW // 2 + 1)
    window = np.hanning(WINDOW + 1)[:-1, None]
    for start in range(0, len(sound.samples) - WINDOW + 1, WINDOW // 2):
        spectrum = np.fft.rfft(sound.samples[start : start + WINDOW] * window, axis=0)
        power += (np.abs(spectrum) ** 2).sum(axis=1)
    frequency = np.fft.rfftfreq(WINDOW, 1 / sound.rate)
    audible = power[(frequency >= AUDIBLE[0]) & (frequency <= AUDIBLE[1])].sum()
    speech = power[(frequency >= LOW) & (frequency <= HIGH)].sum()
    return float(speech / audible) if audible > 0 else np.nan


def silence(sound: Sound) -> float:
    """Share of whole 100 ms steps whose RMS is below −60 dBFS."""
    step = sound.rate // 10
    whole = len(sound.samples) // step * step
    if not whole:
        return np.nan
    quiet = [
        np.mean(np.square(sound.samples[start : start + step], dtype=np.float64)) < 10 ** (SILENT_DBFS / 10)
        for start in range(0, whole, step)
    ]
    return float(np.mean(quiet))
