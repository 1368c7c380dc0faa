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
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from protocols.base.errors import InputError, fail
from stimuli.probing import Probe, opened, video_stream

SAMPLE_RATE = 48_000
COLOR_WIDTH = 640  # colors and luminance are measured on pictures of this width
SMALL_WIDTH = 320  # movement, faces, saliency and overlays on these
_EXPAND = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


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
    """

    index: int
    time_s: float
    luma: np.ndarray
    source: VideoFrame = field(repr=False)
    probe: Probe = field(repr=False)

    @cached_property
    def rgb(self) -> np.ndarray:
        """R'G'B', upright, square pixels, 640 wide: (h, 640, 3) uint8. Smaller pictures are not enlarged."""
        width, height = scaled_size(self.probe, COLOR_WIDTH)
        return self._in_color(width, height)

    @cached_property
    def small(self) -> np.ndarray:
        """Y', 320 wide, square pixels, by area averaging: (h, 320) uint8."""
        size = scaled_size(self.probe, SMALL_WIDTH)
        return cv2.resize(self.luma, size, interpolation=cv2.INTER_AREA)

    @cached_property
    def small_rgb(self) -> np.ndarray:
        """R'G'B', 320 wide: (h, 320, 3) uint8."""
        return cv2.resize(self.rgb, scaled_size(self.probe, SMALL_WIDTH), interpolation=cv2.INTER_AREA)

    def in_full(self) -> np.ndarray:
        """R'G'B', upright, square pixels, at the clip's own height: (h, w, 3) uint8. Not kept."""
        return self._in_color(self.probe.shown_width, self.probe.shown_height)

    def _in_color(self, width: int, height: int) -> np.ndarray:
        turned = self.probe.rotation % 180 == 90
        picture = self.source.reformat(
            width=height if turned else width,
            height=width if turned else height,
            format="rgb24",
            src_colorspace=Colorspace.ITU601 if self.probe.coded_matrix == "bt601" else Colorspace.ITU709,
            src_color_range=ColorRange.JPEG if self.probe.range == "full" else ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA,
        ).to_ndarray()
        return upright(picture, self.probe.rotation)


@dataclass(frozen=True)
class Sound:
    """The first sound track.

    Attributes
    ----------
    samples
        (n, channels) float32 in −1 … 1 at 48 kHz, as the file has its channels.
    layout
        Their layout as FFmpeg names it: ``mono``, ``stereo``, ``5.1``.
    """

    samples: np.ndarray
    layout: str
    rate: int = SAMPLE_RATE

    @property
    def mono(self) -> np.ndarray:
        """The mean of the channels: (n,) float32."""
        return self.samples.mean(axis=1)


def scaled_size(probe: Probe, width: int) -> tuple[int, int]:
    """Width and height of a clip's picture made at most `width` wide, square pixels."""
    if probe.shown_width <= width:
        return probe.shown_width, probe.shown_height
    return width, max(1, round(probe.shown_height * width / probe.shown_width))


def upright(picture: np.ndarray, rotation: int) -> np.ndarray:
    """The picture turned as players turn it."""
    turn = _TURNS.get(rotation % 360)
    return picture if turn is None else cv2.rotate(picture, turn)


def decode_frames(path: Path, probe: Probe) -> Iterator[Frame]:
    """Every frame of a clip, in the order of showing.

    One thread, so that clips can be worked on side by side and memory stays that of a few frames.

    Raises
    ------
    InputError
        If decoding breaks off before the last frame, with the number of the frame; what was yielded before is good.
    """
    with opened(path) as container:
        stream = video_stream(container, path)
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        start: float | None = None
        index = 0
        try:
            for source in container.decode(stream):
                time = float(source.time or 0.0)
                start = time if start is None else start
                yield Frame(
                    index, time - start, upright(full_luma(source, probe), probe.rotation), source, probe
                )
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


def full_luma(source: VideoFrame, probe: Probe) -> np.ndarray:
    """Y' of a decoded frame in full range: (height, width) uint8."""
    planar = (
        source.format.name.startswith(("yuv4", "yuvj4", "gray")) and source.format.components[0].bits == 8
    )
    if not planar or source.width != probe.width or source.height != probe.height:
        source = source.reformat(width=probe.width, height=probe.height, format="yuv420p")
    plane = source.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[
        : source.height, : source.width
    ]
    if probe.range == "full" and planar:
        return luma.copy()
    return cv2.LUT(luma, _EXPAND)


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
        try:
            for frame in container.decode(stream):
                pieces += [piece.to_ndarray() for piece in resampler.resample(frame)]
            pieces += [piece.to_ndarray() for piece in resampler.resample(None)]
        except FFmpegError as error:
            raise fail(
                InputError, path.name, f"its sound cannot be decoded: {error.strerror or error}"
            ) from error
    if not pieces:
        return None
    samples = np.ascontiguousarray(np.concatenate(pieces, axis=1).T.astype(np.float32))
    return Sound(samples, probe.layout or av.AudioLayout(samples.shape[1]).name)
