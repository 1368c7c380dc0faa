"""Whether a written clip is what it should be: decoded from its first to its last frame."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from av.video.frame import VideoFrame

from stimuli.decoding import decode_pictures, decode_sound
from stimuli.preparing.loudness import loudness
from stimuli.preparing.recipe import Recipe
from stimuli.preparing.sound import AAC_FRAME, Levelled
from stimuli.probing import Probe, probe

_THUMB = (64, 36)
_BLACK = 32  # limited range: 7 % above black, as FFmpeg's blackframe has it
_BLACK_SHARE = 0.98
_STILL = 0.1  # a frame moves if it moves more than this share of what it should,
_MOVES = 0.5  # where that is more than half a level on average
_SAMPLES = 5
MIN_PSNR_DB = 25.0
MAX_THUMB_LEVELS = 3.0
LOUDNESS_LU = 0.5


@dataclass(frozen=True)
class Check:
    """One thing that was looked at in the written file.

    Attributes
    ----------
    name
        What.
    got, accepted
        What was found, and what was asked for.
    passed
        Whether it is as asked.
    """

    name: str
    got: str
    accepted: str
    passed: bool


@dataclass
class Seen:
    """What went into the encoder, small enough to be kept: a thumbnail of each frame, a few frames whole.

    Parameters
    ----------
    frames
        How many there will be.
    """

    frames: int
    thumbs: list[np.ndarray] = field(default_factory=list)
    samples: dict[int, np.ndarray] = field(default_factory=dict)

    def look(self, picture: VideoFrame) -> None:
        """Take down the next frame."""
        luma = luma_of(picture)
        place = len(self.thumbs)
        self.thumbs.append(cv2.resize(luma, _THUMB, interpolation=cv2.INTER_AREA))
        if place in {round(i * (self.frames - 1) / (_SAMPLES - 1)) for i in range(_SAMPLES)}:
            self.samples[place] = luma.copy()


def luma_of(picture: VideoFrame) -> np.ndarray:
    """The luma plane as it is stored: (height, width) uint8, a view."""
    plane = picture.planes[0]
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: picture.height, : picture.width]


def verified(
    path: Path, recipe: Recipe, frames: int, seen: Seen, sound: Levelled | None
) -> tuple[Check, ...]:
    """Decode a written clip and compare it with what was asked for and with what went into the encoder.

    Parameters
    ----------
    path
        The written file.
    frames
        Frames it should have.
    seen
        What went into the encoder.
    sound
        The sound that was stored; None for a silent clip.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    found = probe(path)
    again = Seen(frames)
    differences = []
    for place, picture in enumerate(decode_pictures(path, found)):
        again.look(picture)
        if place in seen.samples:
            differences.append(psnr(seen.samples[place], luma_of(picture)))
    return (
        *_of_the_file(found, recipe, frames, len(again.thumbs)),
        *_of_the_picture(seen, again, differences),
        *_of_the_sound(path, found, recipe, frames, sound),
    )


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two luma planes in dB."""
    error = float(np.mean((one.astype(np.float32) - other.astype(np.float32)) ** 2))
    return math.inf if error == 0 else 10 * math.log10(255**2 / error)


def _of_the_file(found: Probe, recipe: Recipe, frames: int, decoded: int) -> list[Check]:
    duration = Fraction(frames) / recipe.rate
    size, asked = f"{found.width}×{found.height}", f"{recipe.width}×{recipe.height}"
    coding = f"{found.range} {found.matrix} {found.transfer}"
    rate = f"{found.fps} {'constant' if found.constant_rate else 'variable'}"
    return [
        Check("frames", str(decoded), str(frames), decoded == found.frames == frames),
        Check(
            "duration (s)", f"{found.duration_s:.6f}", f"{float(duration):.6f}",
            abs(found.duration_s - duration) < 1e-6,
        ),
        Check("frame rate", rate, f"{recipe.rate} constant", rate == f"{recipe.rate} constant"),
        Check("size", size, asked, size == asked and found.pixel_aspect == 1 and found.rotation == 0),
        Check("color", coding, "limited bt709 bt709", coding == "limited bt709 bt709"),
    ]  # fmt: skip


def _of_the_picture(seen: Seen, again: Seen, differences: list[float]) -> list[Check]:
    same_length = len(seen.thumbs) == len(again.thumbs)
    went_in, came_out = (np.array(one.thumbs, np.float32) for one in (seen, again))
    if not same_length:
        return [Check("content", "another number of frames", "the frames that were encoded", False)]
    apart = np.abs(went_in - came_out).mean(axis=(1, 2))
    worst = int(apart.argmax())
    lowest = min(differences)
    black = _black(came_out) & ~_black(went_in)
    frozen = _moves(went_in) & (_steps(came_out) < _STILL * _steps(went_in))
    return [
        Check(
            "content, luma levels", f"{apart[worst]:.2f} at frame {worst}", f"≤ {MAX_THUMB_LEVELS:g}",
            bool(apart[worst] <= MAX_THUMB_LEVELS),
        ),
        Check("content, PSNR (dB)", f"{lowest:.1f}", f"≥ {MIN_PSNR_DB:g}", lowest >= MIN_PSNR_DB),
        Check("black frames added", str(int(black.sum())), "0", not black.any()),
        Check("frozen frames added", str(int(frozen.sum())), "0", not frozen.any()),
    ]  # fmt: skip


def _steps(thumbs: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(thumbs, axis=0)).mean(axis=(1, 2))


def _moves(thumbs: np.ndarray) -> np.ndarray:
    return _steps(thumbs) > _MOVES


def _black(thumbs: np.ndarray) -> np.ndarray:
    return (thumbs <= _BLACK).mean(axis=(1, 2)) >= _BLACK_SHARE


def _of_the_sound(
    path: Path, found: Probe, recipe: Recipe, frames: int, sound: Levelled | None
) -> list[Check]:
    if sound is None or isinstance(recipe.sound, str):
        return [Check("sound", found.audio_codec or "none", "none", not found.has_sound)]
    asked = recipe.sound
    heard = decode_sound(path, found)
    if heard is None:
        return [Check("sound", "none", f"{asked.channels} {asked.sample_rate} Hz", False)]
    length = Fraction(frames) / recipe.rate
    lasts = found.audio_duration_s or 0.0
    measured = loudness(heard.samples[: round(length * heard.rate)], heard.rate)
    level = measured.integrated_lufs if measured.integrated_lufs is not None else -math.inf
    reached = abs(level - asked.loudness_lufs) <= LOUDNESS_LU
    excused = sound.peak_limited and level < asked.loudness_lufs
    form = f"{found.layout} {found.sample_rate} Hz"
    return [
        Check("sound", form, f"{asked.channels} {asked.sample_rate} Hz",
              form == f"{asked.channels} {asked.sample_rate} Hz"),
        Check("sound's duration (s)", f"{lasts:.6f}", f"{float(length):.6f} ± one AAC frame",
              abs(lasts - length) <= AAC_FRAME / asked.sample_rate),
        Check("loudness (LUFS)", f"{level:.2f}" + (" (held back by its true peak)" if excused else ""),
              f"{asked.loudness_lufs:g} ± {LOUDNESS_LU:g} LU", reached or excused),
        Check("true peak (dBTP)", f"{measured.true_peak_dbtp:.2f}", f"≤ {asked.true_peak_dbtp:g}",
              measured.true_peak_dbtp <= asked.true_peak_dbtp + 0.05),
    ]  # fmt: skip
