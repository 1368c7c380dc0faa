"""Clips played on a PsychoPy window, every frame chosen by the predicted time of the flip that shows it."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame

from experiments.clips import Clip
from experiments.devices.interfaces import Clock, Placed, Played, Watch
from experiments.presenter.decoding import Budget, Decoder, Size
from experiments.presenter.film import Film
from experiments.presenter.refresh import Pacer, Refresh, measure_refresh
from experiments.presenter.schedule import Schedule
from experiments.presenter.textures import Rectangle, Texture, back_buffer, fill
from experiments.screens import BLANK, Screen
from protocols.base.errors import InputError, NotAvailable, fail

MEMORY_BYTES = 1 << 30
SIDE_SHARE = 0.46
"""Largest width of one of two clips side by side, as a share of the window's."""
PATCH_SHARE = 0.08
"""Side of the photodiode's patch, as a share of the window's height."""
SPARE = 3
"""So many refreshes before the first flip nothing more is brought to the graphics card ahead."""
WAIT_S = 0.002
DRAWING_SHARE = 0.6
"""How long before its refresh the first frame is drawn, in refreshes."""


class ClipPlayer:
    """Prepares and plays clips.

    Parameters
    ----------
    window
        A ``psychopy.visual.Window``.
    draw
        Draws what stands beside the clips onto the back buffer.
    clock
        What all times are measured with.
    memory_bytes
        Memory for decoded frames of all prepared clips together, on the computer and the graphics card.
    box
        Width and height in pixels of the framebuffer into which clips are fitted, smaller or larger; where None they
        have their own size, or the largest that has room in the window.
    refresh
        How the window flips; measured if None, which takes a second or two.
    """

    def __init__(
        self,
        window: Any,
        draw: Callable[[Screen], None],
        clock: Clock,
        *,
        memory_bytes: int = MEMORY_BYTES,
        box: Size | None = None,
        refresh: Refresh | None = None,
    ) -> None:
        self.window = window
        self.size: Size = (int(window.frameBufferSize[0]), int(window.frameBufferSize[1]))
        self.refresh = refresh or measure_refresh(window, clock)
        self.pacer = Pacer(window, clock, self.refresh)
        self.budget = Budget(memory_bytes)
        self._draw = draw
        self._clock = clock
        self._box = box
        self._decoders: dict[Placed, Decoder] = {}

    def prepare(self, clips: Sequence[Placed]) -> None:
        """Begin to decode; never waits. What was prepared before and is not among these is given up."""
        for placed in set(self._decoders) - set(clips):
            self._decoders.pop(placed).close()
        for placed in clips:
            if placed not in self._decoders:
                self._decoders[placed] = self._decoder(placed)

    def play(
        self,
        clips: Sequence[Placed],
        planned: float,
        *,
        beside: Screen,
        on_start: Callable[[float], None],
        watch: Watch,
    ) -> list[Played]:
        """Play clips as `experiments.devices.interfaces.Display.play` describes it.

        If `beside` has a patch, it is white while the first frame stands and black afterwards.

        Raises
        ------
        InputError
            If a clip cannot be decoded: before anything is shown, where that is known by then.
        """
        self.window.backend.setCurrent()
        self.prepare([*self._decoders, *clips])
        films = [self._film(placed) for placed in clips]
        try:
            for film in films:
                film.begin()
            with _undisturbed():
                self._get_ready(films, planned)
                late = self._run(films, beside, on_start, watch)
            return [film.played(planned, late) for film in films]
        finally:
            for film in films:
                film.close()

    def warm_up(self) -> None:
        """Play a short gray clip, so that the first real one finds everything loaded, and check the way of pictures.

        Raises
        ------
        NotAvailable
            If the back buffer does not hold exactly the pixels of a picture.
        """
        self._check_pixels()
        with tempfile.TemporaryDirectory() as folder:
            clip = _gray_clip(Path(folder) / "warm-up.mp4")
            now = self._clock.now()
            self.play([Placed(clip)], now + 0.1, beside=BLANK, on_start=lambda _: None, watch=lambda _: False)

    def close(self) -> None:
        """End all decoding."""
        self.prepare([])

    def place(self, where: str, shown: Size) -> Rectangle:
        """Where a clip of a size stands in the window."""
        across, down = self.size
        side = where != "center"
        room = (int(SIDE_SHARE * across) if side else across, down)
        box = room if self._box is None else (min(room[0], self._box[0]), min(room[1], self._box[1]))
        scale = min(box[0] / shown[0], box[1] / shown[1])
        scale = min(scale, 1.0) if self._box is None else scale
        width, height = max(1, round(scale * shown[0])), max(1, round(scale * shown[1]))
        middle = {"left": across // 4, "center": across // 2, "right": across - across // 4}[where]
        return Rectangle(middle - width // 2, down // 2 - height // 2, width, height)

    def _film(self, placed: Placed) -> Film:
        schedule = Schedule(placed.clip.fps, self.refresh.hz)
        return Film(placed.clip, self._decoders.pop(placed), schedule, partial(self.place, placed.where))

    def _decoder(self, placed: Placed) -> Decoder:
        path = placed.clip.path
        if path is None:
            raise fail(InputError, f"clip '{placed.clip.name}'", "has no file, so it can only be simulated")

        def fit(shown: Size) -> Size:
            place = self.place(placed.where, shown)
            return place.width, place.height

        return Decoder(path, fit, self.budget)

    def _run(
        self, films: Sequence[Film], beside: Screen, on_start: Callable[[float], None], watch: Watch
    ) -> int:
        """Flip until all clips are over or `watch` stops them, and once more without them; returns late flips."""
        onset = self._show(films, beside, on_start)
        flip, late = onset, 0
        while not all(film.over for film in films):
            if watch(flip):
                _stop(films)
            try:
                for film in films:
                    film.advance(self.pacer.predicted() - onset)
            except Exception:
                _stop(films)
                self._show(films, beside)
                raise
            flip = self._show(films, beside)
            late += self.pacer.late
        return late

    def _get_ready(self, films: Sequence[Film], planned: float) -> None:
        """Use the time there is to bring pictures to the graphics card; return in time for the flip at `planned`."""
        end = planned - SPARE * self.pacer.period_s
        while self._clock.now() < end and not all(film.loaded for film in films):
            if not any(film.load_one() for film in films):
                self._clock.sleep_until(self._clock.now() + WAIT_S)
        for film in films:
            film.advance(0.0)
        target = self.pacer.near(planned)
        self._clock.sleep_until(target - DRAWING_SHARE * self.pacer.period_s)

    def _show(
        self, films: Sequence[Film], beside: Screen, on_flip: Callable[[float], None] | None = None
    ) -> float:
        self._draw(replace(beside, patch=None))
        for film in films:
            film.draw(self.window)
        if beside.patch is not None:
            side = round(PATCH_SHARE * self.size[1])
            fill(Rectangle(0, 0, side, side), 1.0 if any(film.shows_first for film in films) else 0.0)
        flip = self.pacer.flip(on_flip)
        for film in films:
            film.flipped(flip)
        return flip

    def _check_pixels(self) -> None:
        self.window.backend.setCurrent()
        width, height = self.size
        noise = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
        texture = Texture(width, height)
        texture.upload(noise)
        texture.draw(self.window, Rectangle(0, 0, width, height))
        seen = back_buffer(width, height)
        texture.delete()
        self.window.clearBuffer()
        changed = float(np.mean(np.any(seen != noise[..., :3], axis=2)))
        if changed:
            raise fail(
                NotAvailable,
                "the screen",
                f"does not show pictures exactly: {100 * changed:.2g} % of the pixels of a test picture changed",
                way_out="open the window without multisampling and with 8 bits a color; update the graphics driver",
            )


def _stop(films: Sequence[Film]) -> None:
    for film in films:
        film.stop()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Python from searching for garbage, which takes tens of milliseconds."""
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()


def _gray_clip(path: Path, frames: int = 10, fps: int = 25) -> Clip:
    """A short clip of one gray."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(fps))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(frames):
            picture = VideoFrame.from_ndarray(np.full((64, 64, 3), 128, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return Clip("warm-up", "", "", "", "", path.name, frames / fps, fps, path=path)
