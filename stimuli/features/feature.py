"""What a feature is: definitions of what it measures, and a small object that sees a clip go by once.

To add a feature, write one file in this folder with a `Feature` or `SoundFeature` and enter its class in `catalog.py`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np

    from stimuli.decoding import Frame, Sound
    from stimuli.probing import Probe


@dataclass(frozen=True)
class Definition:
    """One number that is measured.

    Attributes
    ----------
    name
        The column's name; a plan's tolerance uses it too.
    unit
        Its physical unit.
    help
        What it is, in one line.
    source
        The standard or paper that defines it.
    library
        What computes it: ``OpenCV``, ``scikit-image``, ``own``.
    per_frame
        Whether every frame has a value (then the clip's is their mean, unless the feature says otherwise).
    matched
        Whether the arms can be compared on it: false for what only describes, such as a share of missing values.
    difference_unit
        Unit of a difference between two clips, where it has a name of its own: LU for LUFS.
    """

    name: str
    unit: str
    help: str
    source: str
    library: str
    per_frame: bool = True
    matched: bool = True
    difference_unit: str = ""

    @property
    def tolerance_units(self) -> tuple[str, ...]:
        """The units in which a plan may state a tolerance for it."""
        return (self.difference_unit, self.unit) if self.difference_unit else (self.unit,)


@dataclass(frozen=True)
class Flag:
    """Something about a clip that somebody should look at.

    Attributes
    ----------
    kind
        One word for tables: ``freeze``, ``silent``.
    detail
        What was seen, as a sentence.
    from_s, to_s
        When, in seconds from the first frame; None where it concerns the whole clip.
    """

    kind: str
    detail: str
    from_s: float | None = None
    to_s: float | None = None


@dataclass(frozen=True)
class Found:
    """What a feature says about a whole clip.

    Attributes
    ----------
    values
        Values of the clip by name. What is missing here is the mean of the frames.
    flags
        What should be looked at.
    series
        For sound: values over time by name, (n,) float64 at the feature's `series_rate`.
    """

    values: Mapping[str, float] = field(default_factory=dict)
    flags: tuple[Flag, ...] = ()
    series: Mapping[str, np.ndarray] = field(default_factory=dict)


class Feature(ABC):
    """Measured on the pictures of one clip, frame by frame.

    Parameters
    ----------
    probe
        The clip's file.
    """

    defines: ClassVar[tuple[Definition, ...]]

    def __init__(self, probe: Probe) -> None:
        self.probe = probe

    @abstractmethod
    def see(self, frame: Frame) -> Sequence[float]:
        """Values of this frame, one for each definition that is per frame, in their order.

        NaN where a frame has none (the first frame has no movement).
        """

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """What can be said once all frames have been seen.

        Parameters
        ----------
        series
            This feature's values by name, each (frames,) float64.
        times
            The frames' times in seconds, (frames,).
        """
        del series, times
        return Found()


_GOLDEN = (math.sqrt(5) - 1) / 2


class Sampled(Feature):
    """Measured on some frames only, because it costs much or changes slowly; in between, its values are held.

    The frames are unevenly spaced (by the golden ratio), so that no cadence of coding or of interpolated frames is met
    always in the same place. A clip's value is the mean over the frames looked at.
    """

    per_s: ClassVar[float] = 5.0
    """How many frames of a second are looked at."""

    def __init__(self, probe: Probe) -> None:
        super().__init__(probe)
        self._next = 0.0
        self._seen: list[Sequence[float]] = []

    @abstractmethod
    def look(self, frame: Frame) -> Sequence[float]:
        """Values of a frame that is looked at, as `see` has them."""

    def see(self, frame: Frame) -> Sequence[float]:
        """Values of the latest frame looked at."""
        if frame.time_s + 1e-6 >= self._next:
            self._seen.append(self.look(frame))
            slot = math.floor(frame.time_s * self.per_s + 1e-6) + 1
            self._next = (slot + slot * _GOLDEN % 1) / self.per_s
        return self._seen[-1]

    def finish(self, series: Mapping[str, np.ndarray], times: np.ndarray) -> Found:
        """Means over the frames looked at."""
        del times
        columns = zip(*self._seen, strict=True)
        return Found({name: mean(column) for name, column in zip(series, columns, strict=True)})


class SoundFeature(ABC):
    """Measured on the sound of one clip, where it has one."""

    defines: ClassVar[tuple[Definition, ...]]
    series_rate: ClassVar[float] = 10.0
    """Of what it gives as a series, in Hz."""

    @abstractmethod
    def hear(self, sound: Sound) -> Found:
        """Values of the clip, and series that begin with the sound."""


def mean(values: Sequence[float] | np.ndarray, weights: Sequence[float] | np.ndarray | None = None) -> float:
    """Mean of the values there are; NaN where there are none."""
    import numpy as np

    known = np.isfinite(values)
    weighed = np.ones(len(known)) if weights is None else np.asarray(weights, float)
    total = weighed[known].sum()
    return float(np.asarray(values, float)[known] @ weighed[known] / total) if total > 0 else math.nan
