"""Watermarks, logos and start labels: what is laid over the picture and does not move with it.

GB 45438-2025 asks for a visible label on generated film for at least two seconds at its start; generators' own marks
stay in a corner, or change their place now and then. Both give a clip away. What is found here is for somebody to look
at, and nothing found means something only where the picture moves: `Overlays.message` says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from protocols.base.tables import rounded
from stimuli.provenance.overlay_search import SAMPLES_PER_S, Mark, Search
from stimuli.provenance.persistence import Samples

Kind = Literal["watermark", "start_label", "end_label"]

DENSE_S = 6.0
"""At either end of a clip every sample is kept; what lies between is thinned to at most `MIDDLE` samples."""
MIDDLE = 128
SHORTEST_S = 1.0
FEWEST = 8
"""Clips shorter than this, or of fewer frames, are not judged."""
ALWAYS = 0.9
"""A mark that shows for this share of a clip shows always."""
AT_ONCE_S = 0.3
"""A label may take so long to appear, or be gone so long before the end."""
HARDLY = 0.5
"""Share of the picture's edges that move, below which it hardly moves at all."""


@dataclass(frozen=True)
class Region:
    """One thing laid over the picture.

    Attributes
    ----------
    x, y, width, height
        Where, as shares of the picture's width and height; x and y are those of the upper left corner.
    kind
        `start_label` and `end_label` show at one end of the clip only; every other mark is a `watermark`.
    from_s, to_s
        When it shows, in seconds from the first frame, to an eighth of a second.
    strength
        Mean gradient of its edges that stays, in luma levels (of 255) per pixel of the small picture.
    persistence
        Share of the gradient there that stays: 1 for an opaque mark, less for one that lets the scene through.
    """

    x: float
    y: float
    width: float
    height: float
    kind: Kind
    from_s: float
    to_s: float
    strength: float
    persistence: float

    def to_json(self) -> dict[str, Any]:
        """Its fields, numbers as the tables have them."""
        return {
            name: rounded(value) if isinstance(value, float) else value for name, value in vars(self).items()
        }


@dataclass(frozen=True)
class Overlays:
    """What was found over a clip's picture, and how much of the picture could be judged.

    Attributes
    ----------
    regions
        From left to right, top to bottom.
    judged
        Share of the time in which the scenery moves enough to tell a mark from it.
    movement
        Share of the picture's edges that move in the course of the clip.
    message
        What a reader must know before taking "nothing found" for "nothing there"; may be empty.
    variation
        Standard deviation of the luma over time, (h, w), in levels.
    """

    regions: tuple[Region, ...]
    judged: float
    movement: float
    message: str
    variation: NDArray[np.float32] = field(repr=False, compare=False)

    @property
    def cannot_tell(self) -> bool:
        """Whether nothing was found because nothing could be."""
        return not self.regions and self.judged == 0

    def to_json(self) -> dict[str, Any]:
        """Everything but the map."""
        return {
            "regions": [region.to_json() for region in self.regions],
            "judged": rounded(self.judged),
            "movement": rounded(self.movement),
            "cannot_tell": self.cannot_tell,
            "message": self.message,
        }

    def picture(self, background: NDArray[np.uint8]) -> bytes:
        """A frame beside the map of change over time, the regions boxed in both, as PNG.

        Parameters
        ----------
        background
            A frame of the clip, (height, width, 3) uint8 RGB, of any size.
        """
        from stimuli.provenance.overlay_picture import drawn

        return drawn(self, background)


class OverlayDetector:
    """Sees a clip's frames go by once and says what was laid over them.

    While frames go by it only keeps some: eight a second, at most 224 in all (13 MB at 320 × 180). The work is done
    in `finish`: one to two milliseconds for every sample kept. A mark that changes its place is looked for in the first
    and the last six seconds, one that stays in the whole clip.

    Parameters
    ----------
    size
        Width and height of the small luma pictures it will see, about 320 wide.
    fps
        The clip's frames per second.
    """

    def __init__(self, size: tuple[int, int], fps: float) -> None:
        if not fps > 0:
            raise ValueError(f"fps is positive, got {fps}")
        self._shape = (size[1], size[0])
        self._frame_s = 1 / fps
        self._next = -np.inf
        self._last = 0.0
        self._head: list[tuple[float, NDArray[np.uint8]]] = []
        self._middle: list[tuple[float, NDArray[np.uint8]]] = []
        self._tail: deque[tuple[float, NDArray[np.uint8]]] = deque()
        self._passed = 0
        self._stride = 1

    def see(self, luma: NDArray[np.uint8], time_s: float) -> None:
        """Take note of one frame.

        Parameters
        ----------
        luma
            (h, w) uint8, of the size announced.
        time_s
            Seconds from the first frame, never less than before.
        """
        if luma.shape != self._shape:
            raise ValueError(f"expected luma of shape {self._shape}, got {luma.shape}")
        self._last = time_s
        if time_s < self._next:
            return
        self._next = time_s + 1 / SAMPLES_PER_S - self._frame_s / 2
        self._keep((time_s, luma.copy()))

    def _keep(self, sample: tuple[float, NDArray[np.uint8]]) -> None:
        dense = round(DENSE_S * SAMPLES_PER_S)
        if len(self._head) < dense:
            self._head.append(sample)
            return
        self._tail.append(sample)
        if len(self._tail) <= dense:
            return
        old = self._tail.popleft()
        if self._passed % self._stride == 0:
            self._middle.append(old)
        self._passed += 1
        if len(self._middle) > MIDDLE:
            self._middle = self._middle[::2]
            self._stride *= 2

    def finish(self) -> Overlays:
        """Look through what was kept."""
        kept = [*self._head, *self._middle, *self._tail]
        duration = self._last + self._frame_s
        if duration < SHORTEST_S or len(kept) < FEWEST:
            nothing = np.zeros(self._shape, np.float32)
            return Overlays((), 0.0, 0.0, "cannot tell: the clip is too short", nothing)
        samples = Samples.of([luma for _, luma in kept])
        search = Search(samples, np.array([time for time, _ in kept]), duration)
        regions = tuple(self._region(mark, duration) for mark in search.marks())
        regions = tuple(sorted(regions, key=lambda region: (region.y, region.x)))
        variation = samples.luma.std(axis=0, dtype=np.float32)
        message = _message(search.judged, search.whole.movement)
        return Overlays(regions, search.judged, search.whole.movement, message, variation)

    def _region(self, mark: Mark, duration: float) -> Region:
        height, width = self._shape
        x, y, broad, high = mark.patch.box
        return Region(
            x / width,
            y / height,
            broad / width,
            high / height,
            _kind(mark, duration),
            mark.from_s,
            mark.to_s,
            mark.strength,
            mark.persistence,
        )


def _kind(mark: Mark, duration: float) -> Kind:
    if mark.to_s - mark.from_s >= ALWAYS * duration:
        return "watermark"
    if mark.from_s <= AT_ONCE_S:
        return "start_label"
    return "end_label" if mark.to_s >= duration - AT_ONCE_S else "watermark"


def _message(judged: float, movement: float) -> str:
    if judged == 1:
        return ""
    if judged > 0:
        return f"judged for {100 * judged:.0f} % of the time: else too little of the picture moves"
    if movement < HARDLY:
        return "cannot tell: the picture hardly moves; only labels that come or go at once are found"
    return (
        f"cannot tell: the camera stands still, {100 * (1 - movement):.0f} % of the picture's edges do not move; "
        "only labels that come or go at once are found"
    )
