"""Movement and cuts beside the packages that labs use for them: pymoten and PySceneDetect.

scikit-video, which has SI and TI as well, does not run with numpy 2; these are compared with FFmpeg's `siti` in
`bench_clips`.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from benchmarks.timing import Comparison, compare
from stimuli.decoding import decode_frames
from stimuli.features.cuts import Cuts
from stimuli.features.motion_energy import MotionEnergy
from stimuli.measuring.clip import reproducibly
from stimuli.probing import probe

WIDTH, HEIGHT, FPS = 320, 180, 25
SPEEDS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)  # picture widths per second
CONTRASTS = (10, 30)
CUTS = (20, 41, 66)


def run() -> list[Comparison]:
    """All comparisons of this module."""
    with tempfile.TemporaryDirectory() as folder, reproducibly():
        return [_motion_energy(Path(folder)), _cuts(Path(folder))]


def _motion_energy(folder: Path) -> Comparison:
    """Clips of different speed and contrast, spaced alike by both? The difference is 1 − correlation of logs."""
    import moten

    clips = [
        _write(folder / f"{speed}_{contrast}.mp4", _pan(speed, contrast, 25))
        for speed in SPEEDS
        for contrast in CONTRASTS
    ]

    def ours() -> np.ndarray:
        found = []
        for clip in clips:
            known = probe(clip)
            feature = MotionEnergy(known)
            rows = [feature.see(frame)[0] for frame in decode_frames(clip, known)]
            found.append(np.mean(rows[10:]))
        return np.log(found)

    def theirs() -> np.ndarray:
        pyramid = moten.pyramids.MotionEnergyPyramid(
            stimulus_vhsize=(54, 96),
            stimulus_fps=FPS,
            temporal_frequencies=[4],
            spatial_frequencies=[2, 4, 8],
        )
        found = []
        for clip in clips:
            frames = [
                cv2.resize(frame.luma, (96, 54), interpolation=cv2.INTER_AREA) * (100 / 255)
                for frame in decode_frames(clip, probe(clip))
            ]
            moving = np.array(frames) - np.mean(
                frames, axis=0
            )  # its filters pass what stands still, ours do not
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                responses = pyramid.project_stimulus(moving, output_nonlinearity=np.square)
            found.append(np.mean(responses[10:]))
        return np.log(found)

    apart = 1 - float(np.corrcoef(ours(), theirs())[0, 1])
    timed = compare("", ours, theirs, tolerance=np.inf, rounds=1)
    name = f"motion energy of {len(clips)} clips, 1 − r of logs (pymoten)"
    return Comparison(name, timed.ours_s, timed.reference_s, timed.peak_mb, apart, 0.1)


def _cuts(folder: Path) -> Comparison:
    """Frames at which shots begin; the difference is in frames."""
    from scenedetect import ContentDetector, detect

    shots = np.diff((0, *CUTS, 90))
    parts = [
        _pan(0.05, 30, int(frames), light=light)
        for frames, light in zip(shots, (60, 150, 90, 200), strict=True)
    ]
    clip = _write(folder / "cuts.mp4", (picture for part in parts for picture in part))

    def ours() -> np.ndarray:
        known = probe(clip)
        feature = Cuts(known)
        rows = [feature.see(frame) for frame in decode_frames(clip, known)]
        return np.flatnonzero([row[0] == 1 for row in rows])

    def theirs() -> np.ndarray:
        scenes = detect(str(clip), ContentDetector(threshold=20))
        return np.array([begin.frame_num for begin, _ in scenes[1:]])

    return compare("cuts of 90 frames, in frames (PySceneDetect)", ours, theirs, tolerance=0)


def _pan(speed: float, contrast: float, frames: int, *, light: float = 120) -> Iterator[np.ndarray]:
    """A camera that pans over a texture: (h, w) uint8."""
    random = np.random.default_rng(3)
    surface = cv2.GaussianBlur(random.normal(size=(HEIGHT, 2 * WIDTH)), (0, 0), 5)
    surface = (light + contrast * surface / surface.std()).astype(np.float32)
    for k in range(frames):
        shift = np.float32([[1, 0, -speed * WIDTH * k / FPS], [0, 1, 0]])  # type: ignore[arg-type]
        seen = cv2.warpAffine(surface, shift, (WIDTH, HEIGHT), borderMode=cv2.BORDER_WRAP)
        grain = random.normal(0, 0.5, seen.shape)
        yield np.clip(seen + grain, 0, 255).astype(np.uint8)


def _write(path: Path, pictures: Iterator[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(FPS), options={"crf": "8", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures:
            frame = VideoFrame.from_ndarray(np.repeat(picture[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
