"""Small clips, written for each test: known pictures, known sound, known faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

WriteClip = Callable[..., Path]


def moving_texture(frames: int, *, size=(64, 48), seed=0, speed=2):
    """A random texture that moves to the right: (height, width, 3) uint8 pictures."""
    random = np.random.default_rng(seed)
    width, height = size
    small = random.integers(30, 226, (height // 4 + 1, (width + frames * speed) // 4 + 2, 3), dtype=np.uint8)
    surface = small.repeat(4, axis=0).repeat(4, axis=1)[:height]
    return [np.ascontiguousarray(surface[:, i * speed : i * speed + width]) for i in range(frames)]


def write(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    fps: Fraction | int = 25,
    codec="libx264",
    pix_fmt="yuv420p",
    options=None,
    sound: np.ndarray | None = None,
    times: list[float] | None = None,
    metadata: dict[str, str] | None = None,
) -> Path:
    """Write pictures (h, w, 3) and a mono sound at 48 kHz; `times` in seconds make the frame rate variable."""
    pictures = list(pictures)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        video = container.add_stream(
            codec, rate=Fraction(fps), options=options or {"crf": "12", "preset": "veryfast"}
        )
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = pix_fmt
        video.thread_count = 1
        audio = container.add_stream("aac", rate=48_000, layout="mono") if sound is not None else None
        if times is not None:
            video.codec_context.time_base = Fraction(1, 1000)
        for i, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[i] * 1000), Fraction(1, 1000)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            heard = av.AudioFrame.from_ndarray(np.asarray(sound, np.float32)[None, :], "fltp", "mono")
            heard.sample_rate, heard.pts, heard.time_base = 48_000, 0, Fraction(1, 48_000)
            container.mux(audio.encode(heard))
            container.mux(audio.encode(None))
    return path


@pytest.fixture(scope="session")
def write_clip() -> WriteClip:
    """`write`."""
    return write


@pytest.fixture(scope="session")
def texture():
    """`moving_texture`."""
    return moving_texture


@pytest.fixture
def lab(tmp_path) -> Path:
    """A lab's folder: three scenes, filmed and generated, under the lab's own names."""
    folder = tmp_path / "lab clips"
    tone = 0.1 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    for k, scene in enumerate(("kitchen", "Harbour 2", "咖啡馆")):
        for j, arm in enumerate(("live", "ai")):
            pictures = moving_texture(25, seed=10 * k + j)
            write(folder / arm / f"{scene}.mp4", pictures, sound=tone if k == 0 else None)
    return folder
