"""Numbered clips, a window to play them in, a busy processor."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from experiments.clips import Clip

WIDTH, HEIGHT = 96, 64


def numbered(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A picture no other frame has: noise of its own, a white top row and a red left edge."""
    picture = np.random.default_rng(index).integers(0, 256, (height, width, 3), dtype=np.uint8)
    picture[0], picture[1:, :2] = 255, (255, 0, 0)
    return picture


@pytest.fixture
def film(tmp_path) -> Callable[..., Clip]:
    """Write a clip of numbered pictures, coded without loss; its times begin `first` frames after zero."""

    def write(
        name="clip", frames=50, fps=25, size=(WIDTH, HEIGHT), rotation=0, picture=numbered, first=0
    ) -> Clip:
        path = tmp_path / f"{name}.mkv"
        path = path.with_suffix(".mp4") if rotation else path
        with av.open(str(path), "w") as container:
            stream = container.add_stream(
                "libx264rgb", rate=Fraction(fps), options={"qp": "0", "preset": "ultrafast"}
            )
            stream.width, stream.height, stream.pix_fmt, stream.thread_count = *size, "rgb24", 1
            if rotation:
                stream.set_display_rotation(rotation)
            for index in range(frames):
                frame = av.VideoFrame.from_ndarray(picture(index, *size), "rgb24")
                frame.pts, frame.time_base = first + index, Fraction(1, fps)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return Clip(name, "", "", "", "", path.name, frames / fps, fps, path=path)

    return write


@pytest.fixture
def cut_off() -> Callable[[Clip], Clip]:
    """Cut a clip's file in two and keep the first half."""

    def cut(clip: Clip) -> Clip:
        data = Path(clip.path).read_bytes()
        Path(clip.path).write_bytes(data[: len(data) // 2])
        return clip

    return cut


@pytest.fixture
def busy() -> Callable:
    """Keep so many processes busy for a while."""

    @contextmanager
    def run(processes: int) -> Iterator[None]:
        command = [sys.executable, "-c", "while True: pass"]
        children = [subprocess.Popen(command) for _ in range(processes)]
        try:
            yield
        finally:
            for child in children:
                child.kill()
                child.wait()

    return run


@pytest.fixture(scope="session")
def window(screen):  # noqa: ARG001 (it is the DISPLAY that is needed)
    """A small window of its own on the virtual screen, mid-gray."""
    from psychopy import visual

    opened = visual.Window(
        (640, 360), pos=(0, 0), color=(0, 0, 0), units="pix", allowGUI=False, checkTiming=False, fullscr=False
    )
    yield opened
    opened.close()
