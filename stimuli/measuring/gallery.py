"""Pictures of a clip for people to look at: posters and a strip, collected while it goes by."""

from __future__ import annotations

import cv2
import numpy as np

from stimuli.decoding import Frame

PLACES = (0, 25, 50, 75, 100)  # percent of the clip
STRIP = 12  # frames side by side
STRIP_WIDTH = 240
QUALITY = 85


class Gallery:
    """Keeps the few frames that are shown; never the clip.

    Parameters
    ----------
    frames
        How many frames the clip has.
    """

    def __init__(self, frames: int) -> None:
        self._posters = {place: round(place / 100 * (frames - 1)) for place in PLACES}
        self._strip = [int((k + 0.5) * frames / STRIP) for k in range(STRIP)]
        self._kept: dict[int, np.ndarray] = {}
        self._middle = self._posters[50]

    def see(self, frame: Frame) -> None:
        """Keep the frame if it will be shown."""
        if frame.index in self._posters.values() or frame.index in self._strip:
            self._kept[frame.index] = frame.small_rgb

    @property
    def middle(self) -> np.ndarray:
        """The frame in the middle: (h, 320, 3) uint8 RGB."""
        return self._kept[self._middle]

    def pictures(self) -> dict[str, bytes]:
        """JPEG files by name: ``poster-0.jpg`` … ``poster-100.jpg`` and ``preview.jpg``."""
        files = {f"poster-{place}.jpg": jpeg(self._kept[index]) for place, index in self._posters.items()}
        height, width = self.middle.shape[:2]
        size = (STRIP_WIDTH, max(1, round(height * STRIP_WIDTH / width)))
        tiles = [cv2.resize(self._kept[i], size, interpolation=cv2.INTER_AREA) for i in self._strip]
        return {**files, "preview.jpg": jpeg(np.hstack(tiles))}


def jpeg(picture: np.ndarray) -> bytes:
    """A picture, (h, w, 3) uint8 RGB, as JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    return data.tobytes()
