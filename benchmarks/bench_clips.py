"""All features of a 720p clip beside real time, and single ones beside FFmpeg's own filters.

Seconds of the first line are of the processor, not of the clock, in a process of its own whose largest memory is shown;
its reference is the clip's duration, so a ratio of 0.25 is four times real time. Movement and cuts stand beside other
packages in `bench_clips_beside`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.video.frame import VideoFrame

from benchmarks.timing import Comparison, compare
from stimuli.decoding import Sound, decode_frames
from stimuli.features.complexity import Complexity
from stimuli.features.cuts import Cuts
from stimuli.features.feature import Feature
from stimuli.features.loudness import Loudness
from stimuli.measuring.clip import measure_clip, reproducibly
from stimuli.probing import probe

WIDTH, HEIGHT, FPS, SECONDS = 1280, 720, 25, 6
PAN = 0.1  # picture widths per second


def run() -> list[Comparison]:
    """All comparisons of this module."""
    with tempfile.TemporaryDirectory() as folder, reproducibly():
        clip = _film(Path(folder) / "film.mp4", SECONDS)
        short = _film(Path(folder) / "short.mp4", 1)
        return [_all_features(clip, short), _complexity(short), _cuts(short), _loudness()]


def _film(path: Path, seconds: int) -> Path:
    """A pan over texture with grain, with a cut in the middle."""
    random = np.random.default_rng(1)
    surface = cv2.GaussianBlur(random.normal(size=(HEIGHT, 2 * WIDTH)), (0, 0), 4)
    surface = (120 + 40 * surface / surface.std()).astype(np.float32)
    grain = random.normal(0, 2, (8, HEIGHT, WIDTH)).astype(np.float32)
    frames = seconds * FPS
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FPS), options={"crf": "18", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for k in range(frames):
            shift = np.float32([[1, 0, -PAN * WIDTH * k / FPS], [0, 1, 0]])  # type: ignore[arg-type]
            seen = cv2.warpAffine(surface, shift, (WIDTH, HEIGHT)) + grain[k % 8]
            levels = np.clip(seen if k < frames // 2 else 0.4 * seen, 0, 255).astype(np.uint8)
            frame = VideoFrame.from_ndarray(np.repeat(levels[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _all_features(clip: Path, short: Path) -> Comparison:
    """Decoding, every feature, overlays and pictures, on one core; the planted speed is to be found."""
    command = [sys.executable, "-m", "benchmarks.bench_clips", str(short), str(clip)]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    print(
        f"all features of a {WIDTH} × {HEIGHT} clip: {SECONDS / said['seconds']:.1f} × real time on one core"
    )
    return Comparison(
        f"all features, {SECONDS} s at {WIDTH}×{HEIGHT}, {FPS} fps (real time)",
        said["seconds"],
        float(SECONDS),
        said["peak_mb"],
        abs(said["flow_speed"] - PAN),
        0.005,
    )


def _complexity(clip: Path) -> Comparison:
    """SI and TI, decoding included."""
    keys = ("lavfi.siti.si", "lavfi.siti.ti")

    def ours() -> np.ndarray:
        return np.array(_seen(Complexity, clip))[1:]

    return compare(
        "SI and TI of 25 frames (FFmpeg siti)", ours, lambda: _said(clip, "siti", "", keys)[1:], tolerance=0.1
    )


def _cuts(clip: Path) -> Comparison:
    """Cut scores, decoding included."""

    def ours() -> np.ndarray:
        return np.array([score for _, score in _seen(Cuts, clip)])[2:]

    def theirs() -> np.ndarray:
        return _said(clip, "scdet", "threshold=10", ("lavfi.scd.score",))[2:, 0]

    return compare("cut scores of 25 frames (FFmpeg scdet)", ours, theirs, tolerance=0.05)


def _loudness() -> Comparison:
    """Integrated loudness and true peak of noise that comes and goes."""
    random = np.random.default_rng(2)
    level = np.repeat([0.02, 0.2, 0.001, 0.1], 5 * 48_000)[:, None]
    samples = (random.normal(size=(len(level), 2)) * level).clip(-1, 1).astype(np.float32)

    def ours() -> tuple[float, float]:
        found = Loudness().hear(Sound(samples, "stereo")).values
        return found["loudness"], found["true_peak"]

    def theirs() -> tuple[float, float]:
        graph = Graph()
        source = graph.add(
            "abuffer", "sample_rate=48000:sample_fmt=fltp:channel_layout=stereo:time_base=1/48000"
        )
        meter = graph.add("ebur128", "metadata=1:peak=true")
        graph.link_nodes(source, meter, graph.add("abuffersink")).configure()
        said: dict[str, str] = {}
        for start in range(0, len(samples), 4800):
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(samples[start : start + 4800].T), "fltp", "stereo"
            )
            frame.sample_rate, frame.pts = 48_000, start
            graph.push(frame)
            said = graph.pull().metadata
        return float(said["lavfi.r128.I"]), 20 * float(np.log10(float(said["lavfi.r128.true_peak"])))

    return compare(
        "loudness and true peak of 20 s stereo (FFmpeg ebur128)", ours, theirs, tolerance=0.15, rounds=3
    )


def _seen(kind: type[Feature], clip: Path) -> list[tuple[float, ...]]:
    found = probe(clip)
    feature = kind(found)
    return [tuple(feature.see(frame)) for frame in decode_frames(clip, found)]


def _said(clip: Path, name: str, arguments: str, keys: tuple[str, ...]) -> np.ndarray:
    """What a filter of FFmpeg writes for every frame: (frames, keys)."""
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        graph = Graph()
        graph.threads = 1
        first = graph.add_buffer(template=stream)
        graph.link_nodes(first, graph.add(name, arguments), graph.add("buffersink")).configure()
        rows = []
        for frame in container.decode(stream):
            graph.push(frame)
            said = graph.pull().metadata
            rows.append([float(said[key]) for key in keys])
    return np.array(rows)


def _child(short: Path, clip: Path) -> None:
    """Measure a clip and say what it took; a short one before it, so that imports do not count."""
    import resource

    measure_clip(short)
    started = time.process_time()
    measured = measure_clip(clip)
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1e-6 if sys.platform == "darwin" else 1024e-6
    )
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "flow_speed": measured.values["flow_speed"]}))


if __name__ == "__main__":
    _child(Path(sys.argv[1]), Path(sys.argv[2]))
