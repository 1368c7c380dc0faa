"""Writing a clip: pictures and sound into one file that is either whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from protocols.base.errors import OutputError, fail
from protocols.base.files import cannot_write
from stimuli.preparing.picture import BT709, LIMITED
from stimuli.preparing.recipe import Encoder, Sound
from stimuli.preparing.sound import add_sound, coded


@dataclass(frozen=True)
class Coding:
    """How pictures are stored.

    Attributes
    ----------
    codec
        The encoder as FFmpeg names it.
    options
        Its options.
    bit_rate
        Average bit rate in bit/s, where the options do not set the quality.
    pixel_format
        As FFmpeg names it.
    container
        ``mp4``, ``mov`` or ``matroska``.
    """

    codec: str
    options: tuple[tuple[str, str], ...]
    bit_rate: int | None = None
    pixel_format: str = "yuv420p"
    container: str = "mp4"

    def __str__(self) -> str:
        rate = f" at {self.bit_rate / 1000:.0f} kbit/s" if self.bit_rate else ""
        said = " ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.codec}{rate} ({said})"


def coding_of(encoder: Encoder) -> Coding:
    """The recipe's encoder: key frames at fixed places, no frame that refers to a later one, one thread.

    Without such frames every frame is stored where it is shown, so that no player can be a frame late; with one
    thread the same pictures give the same bytes.
    """
    x264 = (
        f"keyint={encoder.gop}:min-keyint={encoder.gop}:scenecut=0:open-gop=0:bframes=0"
        ":threads=1:lookahead-threads=1"
    )
    quality = (("crf", f"{encoder.crf:g}"),) if encoder.crf is not None else ()
    options = (
        ("preset", encoder.preset),
        *quality,
        ("x264-params", x264),
        ("a53cc", "0"),
        ("flags", "+bitexact"),
    )
    rate = None if encoder.kilobits_per_second is None else 1000 * encoder.kilobits_per_second
    return Coding(encoder.codec, options, rate, encoder.pixel_format)


def part_of(target: Path) -> Path:
    """Where a file lies while it is being written: hidden, beside it."""
    return target.with_name(f".{target.name}.part")


def remove_part(target: Path) -> None:
    """Take away what was begun of a file, if anything was."""
    with suppress(OSError):  # what cannot be removed could not be made either
        part_of(target).unlink()


@contextmanager
def whole_or_absent(target: Path) -> Iterator[Path]:
    """A place to write; it becomes `target` if nothing goes wrong in the block, else it is removed.

    Raises
    ------
    OutputError
        If the folder cannot be made or written to, or the disk is full. An older `target` stays as it was.
    """
    part = part_of(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        remove_part(target)


def write_clip(
    part: Path,
    target: Path,
    coding: Coding,
    pictures: Iterable[VideoFrame],
    *,
    fps: Fraction,
    size: tuple[int, int],
    sound: tuple[Sound, np.ndarray] | None,
) -> None:
    """Encode a clip; nothing in the file tells where it came from.

    Parameters
    ----------
    part
        The file to be written.
    target
        What it will be called; for messages.
    coding
        How pictures are stored.
    pictures
        Frames with their places as ``pts``; each is asked for when the one before is encoded.
    fps, size
        Of the pictures.
    sound
        How it is stored, and its samples, (n, channels) float32, beginning with the first picture.

    Raises
    ------
    OutputError
        If the file cannot be written: the disk is full, or the encoder refuses.
    InputError
        What `pictures` raises.
    """
    flags = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if coding.container != "matroska" else {})
    try:
        with av.open(str(part), "w", format=coding.container, container_options=flags) as container:
            stream = cast(
                VideoStream, container.add_stream(coding.codec, rate=fps, options=dict(coding.options))
            )
            stream.width, stream.height = size
            stream.pix_fmt = coding.pixel_format
            stream.time_base = 1 / fps
            context = stream.codec_context
            context.thread_count = 1
            context.time_base = 1 / fps
            context.color_range, context.colorspace = LIMITED, BT709
            context.color_primaries = context.color_trc = BT709
            if coding.bit_rate:
                stream.bit_rate = coding.bit_rate
            packets: Iterator[av.Packet[av.AudioStream]] = iter(())
            if sound is not None:
                asked, samples = sound
                packets = coded(add_sound(container, asked), samples, asked.sample_rate)
            waiting = next(packets, None)
            for place, picture in enumerate(pictures):
                # Sound goes in beside its picture, so that neither waits in memory for the other.
                while waiting is not None and (waiting.pts or 0) * waiting.time_base <= place / fps:
                    container.mux(waiting)
                    waiting = next(packets, None)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
            while waiting is not None:
                container.mux(waiting)
                waiting = next(packets, None)
    except FFmpegError as error:
        if isinstance(error, OSError):
            raise cannot_write(target, error) from error
        raise fail(
            OutputError,
            target.name,
            f"cannot be encoded: {error.strerror or error}",
            got=f"{coding.codec}, {size[0]}×{size[1]} at {float(fps):g} frames per second",
            way_out="choose another encoder, size or frame rate",
        ) from error
