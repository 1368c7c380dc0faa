"""A clip's pictures and sound, decoded once, in the form all measurements share.

Pictures come upright, with square pixels, full range and Rec. 709 colors, whatever the file's coding: rotation, pixel
aspect, limited range and the Rec. 601 matrix of older files are undone here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import av
import cv2
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from av.video.frame import VideoFrame

from protocols.base.errors import InputError, fail
from stimuli.pixels import full_luma, full_rgb, shrunk, upright
from stimuli.probing import Probe, opened, video_stream

SAMPLE_RATE = 48_000
COLOR_WIDTH = 640  # colors and luminance are measured on pictures of this width
SMALL_WIDTH = 320  # movement, faces, saliency and overlays on these
STANDARD_LINES = 720  # sharpness and noise on pictures of this height
SAME_ON_AVERAGE, SAME_IN_A_FIELD, FIELDS_ACROSS = 0.5, 2.0, 40
CLOSE = (
    0.02  # sizes within this of the one wanted are left alone: resampling would blur more than it corrects
)
_LIGHT = ((np.arange(256) / 255) ** 2.4).astype(np.float32)  # BT.1886 with a black of zero
_LUMINANCE = np.array([[0.2126, 0.7152, 0.0722]], np.float32)  # Rec. 709 primaries, D65


@dataclass
class Frame:
    """One picture of a clip; smaller forms are made when first asked for, once for all features.

    Attributes
    ----------
    index
        Position in the clip, from 0.
    time_s
        Time since the first frame, in seconds.
    luma
        Y', full range, upright, at the file's own resolution: (height, width) uint8. Its pixels are as stored,
        not made square.
    previous
        The picture before it; None for the first. Its own `previous` is kept too, no further.
    """

    index: int
    time_s: float
    luma: np.ndarray
    source: VideoFrame = field(repr=False)
    probe: Probe = field(repr=False)
    previous: Frame | None = field(default=None, repr=False)

    @cached_property
    def rgb(self) -> np.ndarray:
        """R'G'B', upright, square pixels, 640 wide: (h, 640, 3) uint8. Smaller pictures are not enlarged."""
        return self._in_color(scaled_size(self.probe, COLOR_WIDTH))

    @cached_property
    def small(self) -> np.ndarray:
        """Y', 320 wide, square pixels, by area averaging: (h, 320) uint8."""
        return shrunk(self.luma, scaled_size(self.probe, SMALL_WIDTH))

    @cached_property
    def small_rgb(self) -> np.ndarray:
        """R'G'B', 320 wide: (h, 320, 3) uint8."""
        return shrunk(self.rgb, scaled_size(self.probe, SMALL_WIDTH))

    @cached_property
    def light(self) -> np.ndarray:
        """Linear R, G, B as shares of white, 640 wide: (h, 640, 3) float32 in 0 … 1.

        What a screen that follows ITU-R BT.1886 emits (exponent 2.4, black of zero).
        """
        return cv2.LUT(self.rgb, _LIGHT)

    @cached_property
    def small_light(self) -> np.ndarray:
        """As `light`, 320 wide: (h, 320, 3) float32."""
        return shrunk(self.light, scaled_size(self.probe, SMALL_WIDTH))

    @cached_property
    def luminance(self) -> np.ndarray:
        """Luminance as a share of white, 640 wide: (h, 640) float32 in 0 … 1."""
        return cv2.transform(self.light, _LUMINANCE)

    @cached_property
    def standard(self) -> np.ndarray:
        """Y' as it is seen when every clip is shown equally high: (720, w) uint8, square pixels.

        Heights within 2 % of 720 lines stay as they are.
        """
        height, width = self.probe.shown_height, self.probe.shown_width
        lines = height if abs(height / STANDARD_LINES - 1) <= CLOSE else STANDARD_LINES
        size = (max(1, round(width * lines / height)), lines)
        if self.luma.shape == size[::-1]:
            return self.luma
        method = cv2.INTER_AREA if lines < height else cv2.INTER_CUBIC
        return cv2.resize(self.luma, size, interpolation=method)

    @cached_property
    def change(self) -> float:
        """Mean absolute change of Y' since the picture before, in levels (of 255); 0 for the first."""
        if self.previous is None:
            return 0.0
        return cv2.norm(self.luma, self.previous.luma, cv2.NORM_L1) / self.luma.size

    @cached_property
    def repeats(self) -> bool:
        """Whether it shows what the picture before it showed, but for what coding makes of a repeated picture.

        That is: Y' changes by at most half a level on average, and nowhere by more than two when averaged over fields
        of a fortieth of the width.
        """
        if self.previous is None or self.change > SAME_ON_AVERAGE:
            return False
        change = cv2.subtract(self.small, self.previous.small, dtype=cv2.CV_32F)
        fields = cv2.resize(change, scaled_size(self.probe, FIELDS_ACROSS), interpolation=cv2.INTER_AREA)
        return cv2.norm(fields, cv2.NORM_INF) <= SAME_IN_A_FIELD

    def in_full(self) -> np.ndarray:
        """R'G'B', upright, square pixels, at the clip's own height: (h, w, 3) uint8. Not kept."""
        return self._in_color((self.probe.shown_width, self.probe.shown_height))

    def _in_color(self, size: tuple[int, int]) -> np.ndarray:
        stored = size[::-1] if self.probe.rotation % 180 == 90 else size
        return upright(full_rgb(self.source, self.probe, stored), self.probe.rotation)


@dataclass(frozen=True)
class Sound:
    """The first sound track.

    Attributes
    ----------
    samples
        (n, channels) float32 in −1 … 1 at 48 kHz, as the file has its channels.
    layout
        Their layout as FFmpeg names it: ``mono``, ``stereo``, ``5.1``.
    start_s
        When they begin, in seconds from the first picture.
    """

    samples: np.ndarray
    layout: str
    rate: int = SAMPLE_RATE
    start_s: float = 0.0

    @property
    def mono(self) -> np.ndarray:
        """The mean of the channels: (n,) float32."""
        return self.samples.mean(axis=1)


def scaled_size(probe: Probe, width: int) -> tuple[int, int]:
    """Width and height of a clip's picture made about `width` wide, square pixels; smaller ones stay as they are.

    Where halving the picture brings it within 2 % of that width, it is only halved: 1284 pixels become 642, not 640,
    since resampling by so little would blur some places more than others.
    """
    across, down = probe.shown_width, probe.shown_height
    while across % 2 == 0 and down % 2 == 0 and across >= 2 * width * (1 - CLOSE):
        across, down = across // 2, down // 2
    if across <= width * (1 + CLOSE):
        return across, down
    return width, max(1, round(probe.shown_height * width / probe.shown_width))


def decode_frames(path: Path, probe: Probe) -> Iterator[Frame]:
    """Every frame of a clip, in the order of showing.

    Raises
    ------
    InputError
        If decoding breaks off before the last frame, with the number of the frame; what was yielded before is good.
    """
    start: float | None = None
    previous: Frame | None = None
    for index, source in enumerate(decode_pictures(path, probe)):
        time = float(source.time or 0.0)
        start = time if start is None else start
        luma = upright(full_luma(source, probe), probe.rotation)
        frame = Frame(index, time - start, luma, source, probe, previous)
        yield frame
        if previous is not None:
            previous.previous = None  # or every frame would be kept
        previous = frame


def decode_pictures(path: Path, probe: Probe) -> Iterator[VideoFrame]:
    """Every frame of a clip as it is stored, in the order of showing; errors as `decode_frames` has them.

    One thread, so that clips can be worked on side by side and memory stays that of a few frames.
    """
    with opened(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        index = 0
        try:
            for source in container.decode(stream):
                if source.is_corrupt:
                    raise fail(
                        InputError,
                        path.name,
                        f"is damaged: frame {index} of {probe.frames} can only be guessed",
                        way_out="copy or export it again",
                    )
                yield source
                index += 1
        except FFmpegError as error:
            raise fail(
                InputError,
                path.name,
                f"breaks off at frame {index} of {probe.frames}: {error.strerror or error}",
                way_out="copy or export it again",
            ) from error
    if index < probe.frames:
        raise fail(
            InputError,
            path.name,
            f"gives {index} of the {probe.frames} frames it should hold",
            way_out="it is damaged: copy or export it again",
        )


def decode_sound(path: Path, probe: Probe) -> Sound | None:
    """The first sound track whole; None where there is none.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    if not probe.has_sound:
        return None
    with opened(path) as container:
        stream = container.streams.audio[0]
        resampler = AudioResampler(format="fltp", rate=SAMPLE_RATE)
        pieces: list[np.ndarray] = []
        start: float | None = None
        try:
            for frame in container.decode(stream):
                start = frame.time if start is None else start
                pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
            pieces += [piece.to_ndarray() for piece in resampler.resample(None)]
        except FFmpegError as error:
            raise fail(
                InputError, path.name, f"its sound cannot be decoded: {error.strerror or error}"
            ) from error
        picture = video_stream(container, path)
        shown = (
            float(picture.start_time * picture.time_base) if picture.start_time and picture.time_base else 0.0
        )
    if not pieces:
        return None
    samples = np.empty((sum(piece.shape[1] for piece in pieces), len(pieces[0])), np.float32)
    at = 0
    for piece in pieces:
        samples[at : at + piece.shape[1]] = piece.T
        at += piece.shape[1]
    layout = probe.layout or av.AudioLayout(samples.shape[1]).name
    return Sound(samples, layout, start_s=(start or 0.0) - shown)
