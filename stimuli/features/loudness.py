"""Loudness of the sound."""

from __future__ import annotations

import numpy as np

from stimuli.decoding import Sound
from stimuli.features import bs1770
from stimuli.features.feature import Definition, Flag, Found, SoundFeature

_DUAL_MONO = "one channel counts as played by both loudspeakers"


class Loudness(SoundFeature):
    """What EBU R 128 measures, and momentary loudness ten times a second."""

    defines = (
        Definition(
            "loudness",
            "LUFS",
            f"integrated loudness, gated; {_DUAL_MONO}. As a series: momentary loudness of the 400 ms before, −70 "
            "where it is below that",
            "ITU-R BS.1770-4; EBU R 128",
            "own",
            difference_unit="LU",
        ),
        Definition(
            "loudness_range",
            "LU",
            "how far short-term loudness (3 s) ranges, 10th to 95th percentile, gated; needs three seconds",
            "EBU Tech 3342",
            "own",
            per_frame=False,
        ),
        Definition(
            "true_peak", "dBTP", "largest level between samples too, by fourfold oversampling",
            "ITU-R BS.1770-4, annex 2", "scipy", per_frame=False, difference_unit="dB",
        ),
    )  # fmt: skip

    def hear(self, sound: Sound) -> Found:
        """Integrated loudness, range, true peak, and momentary loudness; flags silence."""
        weights = bs1770.channel_weights(sound.layout, sound.samples.shape[1])
        powers = bs1770.step_powers(sound.samples, weights)
        momentary = np.full(len(powers) + 1, np.nan)
        momentary[bs1770.MOMENTARY :] = np.maximum(
            bs1770.running(powers, bs1770.MOMENTARY), bs1770.ABSOLUTE_GATE
        )
        whole = bs1770.integrated(powers)
        flags = () if np.isfinite(whole) else (Flag("silent", _why(len(powers))),)
        return Found(
            {
                "loudness": whole,
                "loudness_range": bs1770.loudness_range(powers),
                "true_peak": bs1770.true_peak(sound.samples),
            },
            flags,
            {"loudness": momentary},
        )


def _why(steps: int) -> str:
    if steps < bs1770.MOMENTARY:
        return "its sound is shorter than the 0.4 s that loudness needs"
    return "it has a sound track, but nothing in it reaches −70 LUFS"
