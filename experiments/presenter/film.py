"""One clip while it plays: which frame stands, which was shown when."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from experiments.clips import Clip
from experiments.devices.interfaces import Played
from experiments.presenter.decoding import Decoder, Picture, Size
from experiments.presenter.schedule import Schedule
from experiments.presenter.textures import Rectangle, Texture


class Film:
    """A clip from its preparation to its last flip.

    Parameters
    ----------
    clip
        Which.
    decoder
        Where its frames come from; closed with the film.
    schedule
        When a frame is due.
    place
        From a width and height to the place in the window.

    Attributes
    ----------
    over
        Whether it is not shown any more.
    """

    def __init__(
        self, clip: Clip, decoder: Decoder, schedule: Schedule, place: Callable[[Size], Rectangle]
    ) -> None:
        self.over = False
        self._clip, self._decoder, self._schedule = clip, decoder, schedule
        self._place_of = place
        self._place: Rectangle | None = None
        self._ahead: deque[tuple[int, float, Texture]] = deque()
        self._texture: Texture | None = None
        self._standing: tuple[int, float] | None = None
        self._log: list[tuple[int, float, float]] = []
        self._offset: float | None = None
        self._complete = True

    @property
    def loaded(self) -> bool:
        """Whether nothing more can be brought to the graphics card ahead: only whole clips have room there."""
        return self._decoder.drained or not self._decoder.whole

    @property
    def shows_first(self) -> bool:
        """Whether the first frame stands now."""
        return not self.over and self._standing is not None and self._standing[0] == 0

    def begin(self) -> None:
        """Wait until there are frames; raises InputError if there will be none."""
        self._decoder.wait()
        probe = self._decoder.probe
        assert probe is not None
        self._place = self._place_of((probe.shown_width, probe.shown_height))

    def load_one(self) -> bool:
        """Bring one more frame to the graphics card; returns whether there was one."""
        if self.loaded or self._decoder.next_pts() is None:
            return False
        picture = self._decoder.take()
        self._ahead.append((picture.index, picture.pts, _uploaded(picture, None)))
        return True

    def advance(self, elapsed: float) -> None:
        """Choose what the flip `elapsed` seconds after the first shows: the last frame that is due.

        The first frame is never left out, and frames that are not decoded yet are not waited for.
        """
        if self.over:
            return
        if self._standing is None:
            self._next()
            return
        self.over = self._schedule.has_come(self._decoder.seconds, elapsed)
        while not self.over and self._is_due(elapsed):
            self._next()

    def draw(self, window: Any) -> None:
        """Bring what stands to the back buffer."""
        if not self.over and self._texture is not None:
            assert self._place is not None
            self._texture.draw(window, self._place)

    def flipped(self, flip: float) -> None:
        """Note what appeared at a flip, or that nothing of it did any more."""
        if self.over:
            self._offset = flip if self._offset is None else self._offset
        elif self._standing is not None and (not self._log or self._log[-1][0] != self._standing[0]):
            self._log.append((*self._standing, flip))

    def stop(self) -> None:
        """End it before its time."""
        self._complete &= self.over
        self.over = True

    def played(self, planned: float, late_flips: int) -> Played:
        """What became of it."""
        assert self._offset is not None
        index, pts, flip = (np.array(column) for column in zip(*self._log, strict=True))
        return Played(
            self._clip, planned, float(flip[0]), self._offset, index, pts, flip, late_flips, self._complete
        )

    def close(self) -> None:
        """Give memory back, here and on the graphics card."""
        self._decoder.close()
        for texture in [texture for _, _, texture in self._ahead] + [self._texture]:
            if texture is not None:
                texture.delete()
        self._ahead.clear()
        self._texture = None

    def _is_due(self, elapsed: float) -> bool:
        pts = self._ahead[0][1] if self._ahead else self._decoder.next_pts()
        return pts is not None and self._schedule.has_come(pts, elapsed)

    def _next(self) -> None:
        """Let the next frame stand."""
        if self._ahead:
            if self._texture is not None:
                self._texture.delete()
            index, pts, self._texture = self._ahead.popleft()
            self._standing = (index, pts)
        else:
            picture = self._decoder.take()
            self._texture = _uploaded(picture, self._texture)
            self._standing = (picture.index, picture.pts)


def _uploaded(picture: Picture, texture: Texture | None) -> Texture:
    """The picture on the graphics card, in a texture of this film if there is one."""
    if texture is None:
        texture = Texture(picture.rgba.shape[1], picture.rgba.shape[0])
    texture.upload(picture.rgba)
    return texture
