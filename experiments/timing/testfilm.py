"""The film of the check: every frame says which it is, so that a camera or a photodiode can read it from the screen."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from experiments.clips import Clip
from stimuli.probing import probe

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 6.0
BARS = 8
GRAY, BLACK, WHITE = 89, 16, 235
ROWS = slice(HEIGHT // 4, 3 * HEIGHT // 4)  # clear of the corner with the presenter's patch


def picture(number: int) -> np.ndarray:
    """Frame `number`, (720, 1280, 3) uint8: its eight lowest binary digits as bars, white for 1, the lowest leftmost.

    The leftmost bar changes with every frame, the next with every second one, and so on.
    """
    frame = np.full((HEIGHT, WIDTH, 3), GRAY, np.uint8)
    for bar in range(BARS):
        left, right = bar * WIDTH // BARS, (bar + 1) * WIDTH // BARS
        frame[ROWS, left + 8 : right - 8] = WHITE if number >> bar & 1 else BLACK
    return frame


def read_number(frame: np.ndarray) -> int:
    """The number modulo 256 that the bars of a (720, 1280, 3) picture say."""
    row = frame[HEIGHT // 2, :, 0]
    return sum(int(row[bar * WIDTH // BARS + WIDTH // (2 * BARS)] > 127) << bar for bar in range(BARS))


def write_test_film(path: Path, seconds: float = SECONDS) -> Clip:
    """Write the film, 1280 × 720 at 25 frames a second, H.264."""
    frames = round(seconds * FPS)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FPS), options={"preset": "ultrafast", "crf": "18"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(VideoFrame.from_ndarray(picture(number), format="rgb24")))
        container.mux(stream.encode(None))
    return Clip("test film", "", "", "", "", path.name, frames / FPS, float(FPS), path=path)


def clip_of_file(path: Path) -> Clip:
    """A user's film, without its sound.

    Raises
    ------
    InputError
        If it is missing or cannot be read as a film.
    """
    found = probe(path)
    return Clip(path.stem, "", "", "", "", path.name, found.duration_s, float(found.fps), path=path)
