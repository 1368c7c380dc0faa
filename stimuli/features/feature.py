"""What a feature is: definitions of what it measures, and a small object that sees a clip go by once.

To add a feature, write one file in this folder with a `Feature` or `SoundFeature` and enter its class in `catalog.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        What computes it: ``OpenCV``, ``FFmpeg``, ``numpy``, ``own``.
    per_frame
        Whether every frame has a value (then the clip's is its mean, unless the feature says otherwise).
    matched
        Whether the arms can be compared on it: false for what only describes, such as a share of missing values.
    """

    name: str
    unit: str
    help: str
    source: str
    library: str
    per_frame: bool = True
    matched: bool = True


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
    def see(self, frame: Frame) -> Sequence[float] | None:
        """Values of this frame, one for each definition that is per frame, in their order.

        NaN where a frame has none (the first frame has no movement).
        """

    def finish(self, series: Mapping[str, np.ndarray]) -> Mapping[str, float]:
        """Values of the clip that are not the mean of its frames.

        Parameters
        ----------
        series
            This feature's values by name, each (frames,) float64.
        """
        return {}


class SoundFeature(ABC):
    """Measured on the sound of one clip, where it has one."""

    defines: ClassVar[tuple[Definition, ...]]

    @abstractmethod
    def hear(self, sound: Sound) -> Mapping[str, float | np.ndarray]:
        """Values by name: a float for a clip's value, an array (time,) sampled at `series_rate` Hz for a series."""

    series_rate: ClassVar[float] = 10.0
