"""One clip, decoded once: every feature, the overlays, and pictures of it.

Nothing here knows of pairs or arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from threadpoolctl import threadpool_limits

from protocols.base.errors import InputError, fail
from stimuli.decoding import SMALL_WIDTH, Frame, decode_frames, decode_sound, scaled_size
from stimuli.features.catalog import FEATURES, SOUND_FEATURES, definitions
from stimuli.features.feature import Feature, Flag, Found, mean
from stimuli.measuring.gallery import Gallery
from stimuli.probing import Probe, probe
from stimuli.provenance.overlays import OverlayDetector, Overlays

SMALLEST = 32  # pixels of width and height; below, optical flow and the spectrum have nothing to work on


@dataclass(frozen=True)
class Measured:
    """What was measured on a clip.

    Attributes
    ----------
    probe
        Its file.
    times
        When each frame appears, in seconds from the first, (frames,).
    series
        Values of every frame by name, each (frames,); NaN where a frame has none.
    sound_series
        Values of the sound over time by name, each (n,) at 10 Hz.
    sound_start_s
        When the sound begins, in seconds from the first picture.
    values
        Values of the clip, one for every definition; NaN where it has none.
    flags
        What somebody should look at.
    overlays
        Labels and watermarks that were found, as a JSON document.
    pictures
        Files by name: posters at five places, a strip of frames, and what lies over the picture, if anything does.
    """

    probe: Probe
    times: np.ndarray
    series: Mapping[str, np.ndarray]
    sound_series: Mapping[str, np.ndarray]
    sound_start_s: float
    values: Mapping[str, float]
    flags: tuple[Flag, ...]
    overlays: Mapping[str, Any]
    pictures: Mapping[str, bytes]

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """When each shot but the first begins."""
        return tuple(float(time) for time in self.times[self.series["cuts"] == 1])


@dataclass
class _Pass:
    """What sees the frames go by."""

    features: list[Feature]
    rows: list[list[tuple[float, ...]]]
    gallery: Gallery
    overlays: OverlayDetector
    times: list[float] = field(default_factory=list)

    @classmethod
    def over(cls, found: Probe) -> _Pass:
        """Everything there is, for a file."""
        return cls(
            [feature(found) for feature in FEATURES],
            [[] for _ in FEATURES],
            Gallery(found.frames),
            OverlayDetector(scaled_size(found, SMALL_WIDTH), float(found.fps)),
        )

    def see(self, frame: Frame) -> None:
        """Show a frame to all."""
        self.times.append(frame.time_s)
        for feature, rows in zip(self.features, self.rows, strict=True):
            rows.append(tuple(feature.see(frame)))
        self.gallery.see(frame)
        self.overlays.see(frame.small, frame.time_s)


def measure_clip(path: Path) -> Measured:
    """Measure everything on one clip.

    Raises
    ------
    InputError
        If it cannot be read to its end, is of high dynamic range, or is smaller than 32 pixels.
    """
    found = probe(path)
    _refuse(path, found)
    with reproducibly():
        seen = _Pass.over(found)
        for frame in decode_frames(path, found):
            seen.see(frame)
        return _finished(path, found, seen)


@contextmanager
def reproducibly() -> Iterator[None]:
    """Make sums keep their order, so that the same clip gives the same digits.

    OpenCV and linear algebra have one thread each (clips are worked on side by side), and Intel's library in OpenCV is
    put out of use: its last digits depend on where in memory a picture happens to lie.
    """
    threads, ipp = cv2.getNumThreads(), cv2.ipp.useIPP()
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(threads)
        cv2.ipp.setUseIPP(ipp)


def _refuse(path: Path, found: Probe) -> None:
    if found.beyond_rec709:
        raise fail(
            InputError,
            path.name,
            f"has {found.beyond_rec709}: its luminance and colors mean nothing on an ordinary screen",
            accepted="Rec. 709 or Rec. 601",
            way_out="convert it to Rec. 709 in an editing program, where somebody sees the result, and import that",
        )
    cut_off = found.cut_off
    if cut_off:
        raise fail(InputError, path.name, f"is {cut_off}", way_out="copy or export it again")
    if min(found.shown_width, found.shown_height) < SMALLEST:
        raise fail(
            InputError,
            path.name,
            "is too small to be measured",
            got=f"{found.shown_width} × {found.shown_height} pixels",
            accepted=f"{SMALLEST} × {SMALLEST} and more",
        )


def _finished(path: Path, found: Probe, seen: _Pass) -> Measured:
    times = np.array(seen.times)
    shown = None if found.constant_rate else np.append(np.diff(times), 1 / float(found.fps))
    series: dict[str, np.ndarray] = {}
    values = dict.fromkeys(definitions(), np.nan)
    flags = list(_of_the_file(found))
    for feature, rows in zip(seen.features, seen.rows, strict=True):
        names = [definition.name for definition in feature.defines if definition.per_frame]
        columns = np.array(rows, float).reshape(len(rows), len(names)).T
        own = dict(zip(names, columns, strict=True))
        of_clip = feature.finish(own, times)
        series |= own
        values |= {name: mean(column, shown) for name, column in own.items()} | dict(of_clip.values)
        flags += of_clip.flags
    sound, sound_start = _sound(path, found)
    values |= sound.values
    overlays = seen.overlays.finish()
    flags += [*sound.flags, *_laid_over(overlays)]
    pictures = seen.gallery.pictures()
    if overlays.regions:
        pictures["overlay.png"] = overlays.picture(seen.gallery.middle)
    return Measured(
        found, times, series, sound.series, sound_start, values, tuple(flags), overlays.to_json(), pictures
    )


def _sound(path: Path, found: Probe) -> tuple[Found, float]:
    """What the features of sound say, taken together, and when the sound begins."""
    sound = decode_sound(path, found)
    if sound is None:
        return Found(), 0.0
    heard = [feature().hear(sound) for feature in SOUND_FEATURES]
    return (
        Found(
            {name: value for one in heard for name, value in one.values.items()},
            tuple(flag for one in heard for flag in one.flags),
            {name: column for one in heard for name, column in one.series.items()},
        ),
        sound.start_s,
    )


def _of_the_file(found: Probe) -> Iterator[Flag]:
    if found.interlaced:
        yield Flag(
            "interlaced",
            "measured as stored, both fields in one picture: sharpness and movement are not its own",
        )
    if not found.constant_rate:
        yield Flag(
            "variable_rate", "frames do not come at a steady rate: means are weighted by how long each shows"
        )


def _laid_over(overlays: Overlays) -> Iterator[Flag]:
    for region in overlays.regions:
        place = f"{100 * region.width:.0f} × {100 * region.height:.0f} % of the picture"
        corner = f"{100 * region.x:.0f} % from the left, {100 * region.y:.0f} % from the top"
        yield Flag(
            region.kind, f"stays where it is over the scene: {place}, {corner}", region.from_s, region.to_s
        )
