"""Clips decoded ahead by threads of their own, into queues within a budget of memory.

Short clips are decoded whole; of longer ones a good half second is kept ready.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame

from protocols.base.errors import InputError, fail
from stimuli.decoding import decode_pictures
from stimuli.pixels import full_rgb, upright
from stimuli.probing import Probe, probe

AHEAD_S = 0.8
"""How much of a long clip is kept ready."""
FEWEST = 4
"""Frames that must fit into memory."""
READY = 12
"""Frames that must be there before a clip begins."""
STALLED_S = 20.0
"""A file that gives no frame for so long will give none."""
LAST_FRAME_S = 1.0
"""How long a closed decoder may take to finish the frame it is at."""
BYTES = 4

Size = tuple[int, int]


@dataclass(frozen=True)
class Picture:
    """A decoded frame.

    Attributes
    ----------
    index
        Its number, from 0.
    pts
        Seconds from the first frame.
    rgba
        R'G'B' and opacity, full range, upright, square pixels: (height, width, 4) uint8. Graphics cards take four bytes
        a pixel as they are; three they would have to be rearranged.
    """

    index: int
    pts: float
    rgba: np.ndarray = field(repr=False)

    @property
    def rgb(self) -> np.ndarray:
        """R'G'B': (height, width, 3) uint8."""
        return self.rgba[..., :3]


class Budget:
    """Memory for decoded frames, shared by all clips.

    Parameters
    ----------
    total
        In bytes.

    Attributes
    ----------
    taken, peak
        Bytes in use, now and at most.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = self.peak = 0
        self._lock = threading.Lock()

    def frames(self, each: int, wanted: int, at_least: int) -> int:
        """Take memory for frames of `each` bytes; returns for how many.

        For all `wanted` if they need at most half of what is left; else for `at_least` or as many as a quarter holds,
        but never fewer than `FEWEST`; 0 if not even these fit.
        """
        with self._lock:
            left = self.total - self.taken
            if wanted * each <= left // 2:
                granted = wanted
            else:
                granted = min(wanted, max(FEWEST, min(at_least, left // 4 // each)))
            if granted * each > left:
                return 0
            self.taken += granted * each
            self.peak = max(self.peak, self.taken)
            return granted

    def give_back(self, amount: int) -> None:
        """Return what was taken."""
        with self._lock:
            self.taken -= amount


class Decoder:
    """One clip, decoded by a thread of its own, which begins at once.

    Parameters
    ----------
    path
        The file.
    fit
        From the clip's width and height to those it will have on the screen. Larger pictures are made smaller here;
        smaller ones are left to the graphics card.
    budget
        Where memory is taken from until the decoder is closed.
    """

    def __init__(self, path: Path, fit: Callable[[Size], Size], budget: Budget) -> None:
        self.path = path
        self.probe: Probe | None = None
        self.capacity = 0
        self._fit = fit
        self._budget = budget
        self._bytes = 0
        self._queue: deque[Picture] = deque()
        self._changed = threading.Condition()
        self._closing = self._done = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"decode {path.name}", daemon=True)
        self._thread.start()

    @property
    def whole(self) -> bool:
        """Whether all frames fit into memory at once."""
        return self.probe is not None and self.capacity >= self.probe.frames

    @property
    def drained(self) -> bool:
        """Whether all frames have been taken."""
        return self._done and not self._queue

    @property
    def seconds(self) -> float:
        """The clip's length, once it is ready."""
        assert self.probe is not None
        return self.probe.duration_s

    def wait(self, *, stalled_s: float = STALLED_S) -> None:
        """Return when there are enough frames to begin.

        Raises
        ------
        InputError
            If the file cannot be decoded, or gives nothing for `stalled_s` seconds.
        """
        with self._changed:
            while not self._ready():
                before = len(self._queue)
                if not self._changed.wait(stalled_s) and len(self._queue) == before and not self._ready():
                    raise fail(
                        InputError,
                        self.path.name,
                        f"gave no picture for {stalled_s:g} s",
                        way_out="copy it to a disk of this computer",
                    )
            if self._error is not None:
                raise self._error

    def next_pts(self) -> float | None:
        """Time of the next frame; None if none is there (yet).

        Raises
        ------
        InputError
            If decoding broke off and what came before has been taken.
        """
        if self._queue:
            return self._queue[0].pts
        if self._error is not None:
            raise self._error
        return None

    def take(self) -> Picture:
        """The next frame; makes room for another."""
        with self._changed:
            picture = self._queue.popleft()
            self._changed.notify_all()
        return picture

    def close(self) -> None:
        """End the thread and give the memory back."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(LAST_FRAME_S)
        self._queue.clear()
        self._budget.give_back(self._bytes)
        self._bytes = 0

    def _ready(self) -> bool:
        enough = bool(self.capacity) and len(self._queue) >= min(READY, self.capacity)
        return enough or self._done

    def _work(self) -> None:
        try:
            self._decode()
        except Exception as error:  # whatever it is, it must reach the player, who waits
            self._error = error
        with self._changed:
            self._done = True
            self._changed.notify_all()

    def _decode(self) -> None:
        found = probe(self.path)
        if found.cut_off:
            raise fail(InputError, self.path.name, f"is {found.cut_off}", way_out="copy or export it again")
        shown = (found.shown_width, found.shown_height)
        fitted = self._fit(shown)
        size = fitted if fitted[0] < shown[0] else shown
        self._take_memory(found, size)
        self.probe = found
        start: float | None = None
        for index, source in enumerate(decode_pictures(self.path, found)):
            time = float(source.time or 0.0)
            start = time if start is None else start
            with self._changed:
                self._changed.wait_for(lambda: self._closing or len(self._queue) < self.capacity)
                if self._closing:
                    return
            picture = Picture(index, time - start, _rgba(source, found, size))
            with self._changed:
                self._queue.append(picture)
                self._changed.notify_all()

    def _take_memory(self, found: Probe, size: Size) -> None:
        each = size[0] * size[1] * BYTES
        capacity = self._budget.frames(each, found.frames, ceil(AHEAD_S * found.fps))
        if not capacity:
            raise fail(
                InputError,
                self.path.name,
                f"does not fit into the memory for clips: {FEWEST} of its frames need {FEWEST * each / 1e6:.0f} MB",
                got=f"{(self._budget.total - self._budget.taken) / 1e6:.0f} of {self._budget.total / 1e6:.0f} MB left",
                way_out="allow more memory, prepare fewer clips ahead, or prepare the clips smaller",
            )
        self._bytes = capacity * each
        self.capacity = capacity


def _rgba(source: VideoFrame, found: Probe, size: Size) -> np.ndarray:
    stored = size[::-1] if found.rotation % 180 == 90 else size
    picture = upright(full_rgb(source, found, stored), found.rotation)
    return cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
