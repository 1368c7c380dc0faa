"""Mild equalisation of luma within a pair: one gain and one offset per clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from av.video.frame import VideoFrame

from stimuli.preparing.recipe import Equalise
from stimuli.preparing.verifying import luma_of

_BLACK, _WHITE = 16, 235
_SPAN = _WHITE - _BLACK
_GAMMA = 2.4  # ITU-R BT.1886, as luminance is measured


@dataclass(frozen=True)
class LumaStatistics:
    """Luma over all pixels of all frames of a clip.

    Attributes
    ----------
    counts
        How many pixels have each stored value, (256,).
    """

    counts: tuple[int, ...]

    @property
    def shares(self) -> np.ndarray:
        """Share of the pixels with each stored value, (256,)."""
        counts = np.array(self.counts, np.float64)
        return counts / counts.sum()

    @property
    def mean(self) -> float:
        """Mean luma; 0 is black, 1 is white."""
        return float(self.shares @ _LEVELS)

    @property
    def sd(self) -> float:
        """Standard deviation of luma."""
        return float(np.sqrt(self.shares @ (_LEVELS - self.mean) ** 2))

    def luminance(self, gain: float = 1.0, shift: float = 0.0) -> float:
        """Mean light as a screen emits it, as a share of white, after a change of luma."""
        changed = np.clip(gain * (_LEVELS - self.mean) + self.mean + shift, 0, 1)
        return float(self.shares @ changed**_GAMMA)


_LEVELS = (np.arange(256) - _BLACK) / _SPAN


@dataclass(frozen=True)
class LumaChange:
    """What is done to a clip's luma Y: ``gain · (Y − mean) + mean + shift``.

    Attributes
    ----------
    mean
        The clip's own mean.
    gain
        Factor of its contrast.
    shift
        Change of its mean, as a share of white.
    limited
        Whether the change stops at the recipe's limit, short of the pair's mean.
    """

    mean: float
    gain: float
    shift: float
    limited: bool

    def filter(self) -> str:
        """The change as FFmpeg's ``lutyuv``; color differences follow the gain, so that hues stay."""
        # Fixed decimals: the same change gives the same text everywhere.
        offset = _BLACK + _SPAN * (self.mean * (1 - self.gain) + self.shift) - _BLACK * self.gain
        luma = f"clip(val*{self.gain:.6f}+{offset:.4f}+0.5,{_BLACK},{_WHITE})"
        color = f"clip((val-128)*{self.gain:.6f}+128.5,16,240)"
        return f"lutyuv=y='{luma}':u='{color}':v='{color}'"

    def in_words(self) -> str:
        """For the record."""
        limited = ", as far as the recipe allows" if self.limited else ""
        return f"mean luma {self.shift:+.4f}, contrast × {self.gain:.4f}{limited}"


def luma_statistics(pictures: Iterable[VideoFrame]) -> LumaStatistics:
    """Luma over the frames of a clip."""
    counts = np.zeros(256, np.int64)
    for picture in pictures:
        counts += np.bincount(luma_of(picture).ravel(), minlength=256)
    return LumaStatistics(tuple(int(count) for count in counts))


def towards_mean(pair: Mapping[str, LumaStatistics], rule: Equalise) -> dict[str, LumaChange]:
    """The change of each clip of a pair towards the mean of the pair, limited.

    Contrast is brought to the mean standard deviation of luma; then luma is shifted until the mean luminance, in
    light, is that of the pair.

    Parameters
    ----------
    pair
        Statistics of all versions of a scene by clip.
    rule
        What is equalised, and the limits.
    """
    light = sum(one.luminance() for one in pair.values()) / len(pair)
    sd = sum(one.sd for one in pair.values()) / len(pair)
    changes = {}
    for clip, one in pair.items():
        asked = sd / one.sd if rule.contrast and one.sd > 0 else 1.0
        gain = min(max(asked, 1 - rule.max_contrast_change), 1 + rule.max_contrast_change)
        shift, reached = (
            _shift(one, gain, light, rule.max_mean_change) if rule.mean_luminance else (0.0, True)
        )
        changes[clip] = LumaChange(one.mean, gain, shift, gain != asked or not reached)
    return changes


def _shift(one: LumaStatistics, gain: float, light: float, most: float) -> tuple[float, bool]:
    """The shift of luma that gives a clip this luminance, and whether it is within the limit."""
    low, high = -most, most
    if not one.luminance(gain, low) <= light <= one.luminance(gain, high):
        return (low if light < one.luminance(gain, low) else high), False
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if one.luminance(gain, middle) < light else (low, middle)
    return (low + high) / 2, True
