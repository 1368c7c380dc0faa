"""Our clip player beside PsychoPy's MovieStim: the same film in the same window, idle and with all cores busy.

Seconds are medians of what a program does before a flip that shows a new frame: choose, bring up and draw it. Which
frame a flip really showed is read from the back buffer, where every frame carries its number in black and white. The
difference is the number of frames lost without need, plus flips that did not show what our log says; a first frame
that is missing counts as all. Lost with need are those whose refreshes went by without a flip: the virtual screen is
drawn by the processor, so under load flips are late whoever asks for them. Nothing is said about the lag of a real
screen.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from benchmarks.timing import Comparison
from experiments.clips import Clip
from experiments.devices.clock import SessionClock
from experiments.devices.interfaces import Placed
from experiments.presenter.player import ClipPlayer
from experiments.presenter.refresh import Pacer, Refresh
from experiments.screens import BLANK

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 6
FRAMES = FPS * SECONDS
IDLE, BUSY = "idle", "all cores busy"
BITS, SQUARE = 8, 16
WHOLE, STREAMED = 2 * FRAMES * WIDTH * HEIGHT * 4, 300_000_000
HZ = 60.0
SHORTEST = 2
"""Refreshes that a frame stands at least: so many must go by before one is lost."""


@dataclass
class Showing:
    """How one way of playing went.

    Attributes
    ----------
    update_s, longest_s
        Median and longest time for bringing up a new frame.
    frames, first
        How many frames were seen, and whether the first one was.
    late, missed
        Flips more than half a refresh late, and refreshes that went by without a flip.
    wrong
        Flips that showed another frame than was logged.
    """

    update_s: float
    longest_s: float
    frames: int
    first: bool
    late: int
    missed: int
    peak_mb: float = 0.0
    wrong: int = 0

    @property
    def faults(self) -> int:
        """Frames lost without need and flips that showed another frame than was logged."""
        lost = max(0, FRAMES - self.frames - self.missed // SHORTEST)
        return lost + self.wrong if self.first else FRAMES

    def __str__(self) -> str:
        first = "shown" if self.first else "LOST"
        return (
            f"{self.frames}/{FRAMES} frames, first {first}, {self.late} late flips, {self.missed} missed, "
            f"update {1e3 * self.update_s:.2f} ms, at most {1e3 * self.longest_s:.1f} ms"
        )


def run() -> list[Comparison]:
    """All comparisons of this module; none, with a line that says why, where there is no window to play in."""
    if shutil.which("Xvfb") is None or importlib.util.find_spec("psychopy") is None:
        print("clip player: skipped, it needs Xvfb and the extra 'lab' (psychopy)")
        return []
    with tempfile.TemporaryDirectory() as folder, _virtual_screen() as display:
        clip = _film(Path(folder) / "film.mp4")
        own = {"HOME": folder, "DISPLAY": display, "SDL_AUDIODRIVER": "dummy"}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_presenter", str(clip)],
            env=os.environ | own, capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"the clip player's benchmark failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    comparisons = []
    for load in (IDLE, BUSY):
        ways = {name: Showing(**row) for name, row in said[load].items()}
        for name, way in ways.items():
            print(f"{name}, {load}: {way}")
        theirs = ways.pop("MovieStim")
        for name, ours in ways.items():
            comparisons.append(
                Comparison(
                    f"clip player, {name}, {load} (MovieStim)",
                    ours.update_s,
                    theirs.update_s,
                    ours.peak_mb,
                    float(ours.faults),
                    0.0,
                )
            )
    return comparisons


@contextmanager
def _virtual_screen() -> Iterator[str]:
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"],
        pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as said:
        number = said.readline().strip()
    try:
        yield f":{number}"
    finally:
        server.terminate()
        server.wait(10)


def _film(path: Path) -> Path:
    """A pan over texture; every frame's number in squares at the bottom left, lowest bit first."""
    random = np.random.default_rng(1)
    texture = cv2.GaussianBlur(random.normal(size=(HEIGHT, 2 * WIDTH)), (0, 0), 4)
    surface = np.clip(120 + 40 * texture / texture.std(), 0, 255).astype(np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FPS), options={"crf": "18", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(FRAMES):
            levels = surface[:, 5 * k : 5 * k + WIDTH].copy()
            for bit in range(BITS):
                left = bit * SQUARE
                levels[HEIGHT - SQUARE :, left : left + SQUARE] = 255 if (k + 1) >> bit & 1 else 0
            picture = np.repeat(levels[..., None], 3, axis=2)
            container.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


class Eye:
    """Reads the number of the frame in the back buffer just before it is shown; −1 for none."""

    def __init__(self, pacer: Pacer) -> None:
        self.seen: list[int] = []
        self.updates: list[float] = []
        self.flips: list[float] = []
        self.late = 0
        self.began = 0.0
        self._pacer, self._flip = pacer, pacer.flip

    def begin(self) -> None:
        """Note when an update begins."""
        self.began = time.perf_counter()

    def flip(self, on_flip: Callable[[float], None] | None = None) -> float:
        """Note when it ends, look, and flip."""
        self.updates.append(time.perf_counter() - self.began)
        self.seen.append(_number())
        self.flips.append(self._flip(on_flip))
        self.late += self._pacer.late and len(self.seen) > 1
        return self.flips[-1]

    def showing(self) -> Showing:
        """What was seen."""
        frames = {number for number in self.seen if number >= 0}
        new = [
            took
            for took, before, number in zip(self.updates[1:], self.seen, self.seen[1:], strict=False)
            if number not in (before, -1)
        ]
        missed = round((self.flips[-1] - self.flips[0]) * HZ) - len(self.flips) + 1
        return Showing(statistics.median(new), max(new), len(frames), 0 in frames, self.late, max(0, missed))


def _number() -> int:
    from ctypes import c_void_p

    from pyglet import gl

    row = np.empty((1, BITS * SQUARE, 4), np.uint8)
    gl.glReadPixels(
        0, SQUARE // 2, BITS * SQUARE, 1, gl.GL_RGBA, gl.GL_UNSIGNED_BYTE, c_void_p(row.ctypes.data)
    )
    bits = row[0, SQUARE // 2 :: SQUARE, 0] > 192
    return int((bits << np.arange(BITS)).sum()) - 1


def _ours(window: Any, clip: Clip, *, memory_bytes: int) -> Showing:
    clock = SessionClock()
    player = ClipPlayer(
        window, lambda _: None, clock, memory_bytes=memory_bytes, refresh=Refresh(HZ, synced=False)
    )
    player.warm_up()
    eye = Eye(player.pacer)
    player.pacer.flip = eye.flip  # type: ignore[method-assign]
    player.prepare([Placed(clip)])
    eye.begin()

    def watch(_: float) -> bool:
        eye.begin()  # what follows until the next flip is the update
        return False

    [played] = player.play(
        [Placed(clip)], clock.now() + 1.5, beside=BLANK, on_start=lambda _: None, watch=watch
    )
    peak = player.budget.peak / 1e6
    player.close()
    shown = np.array(eye.flips) < played.offset
    logged = played.index[np.searchsorted(played.flip, eye.flips, side="right") - 1]
    wrong = int(np.sum(np.where(shown, logged, -1) != np.array(eye.seen)))
    return replace(eye.showing(), peak_mb=peak, wrong=wrong)


def _theirs(window: Any, clip: Clip) -> Showing:
    from psychopy import visual

    clock = SessionClock()
    pacer = Pacer(window, clock, Refresh(HZ, synced=False))
    movie = visual.MovieStim(
        window, str(clip.path), size=(WIDTH, HEIGHT), units="pix", noAudio=True, autoStart=False
    )
    eye = Eye(pacer)
    movie.play()
    end = clock.now() + SECONDS + 2
    while not movie.isFinished and clock.now() < end:
        eye.begin()
        movie.draw()
        eye.flip()
    movie.stop()
    return eye.showing()


def _child(path: Path) -> None:
    """Play it in every way and print what was seen."""
    from psychopy import logging, visual

    logging.console.setLevel(logging.CRITICAL)
    window = visual.Window(
        (WIDTH, HEIGHT), fullscr=True, units="pix", color=(0, 0, 0), allowGUI=False, checkTiming=False
    )
    clip = Clip("film", "", "", "", "", path.name, SECONDS, FPS, path=path)
    said = {}
    ways: dict[str, Callable[[Any, Clip], Showing]] = {
        "textures": partial(_ours, memory_bytes=WHOLE),
        "MovieStim": _theirs,
    }
    harder: dict[str, Callable[[Any, Clip], Showing]] = {"streaming": partial(_ours, memory_bytes=STREAMED)}
    for load, busy, more in ((IDLE, 0, {}), (BUSY, os.cpu_count() or 1, harder)):
        children = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
        try:
            said[load] = {name: asdict(play(window, clip)) for name, play in (more | ways).items()}
        finally:
            for child in children:
                child.kill()
                child.wait()
    window.close()
    print(json.dumps(said))


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
