"""The sound of a clip: the stretch that belongs to its picture, at one loudness, coded as AAC."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet

from protocols.base.errors import InputError, fail
from stimuli.preparing.loudness import Loudness, loudness
from stimuli.preparing.recipe import Sound
from stimuli.probing import first_frame, opened

AAC_FRAME = 1024
_ENOUGH_LU = 0.05  # the gain is refined until the coded sound is as near as this
_PEAK_SLACK_DB = 0.02
_ATTEMPTS = 8
_GAP_S = 0.002  # smaller steps between packets are rounding of the container's clock


@dataclass(frozen=True)
class Levelled:
    """A stretch of sound at its final level.

    Attributes
    ----------
    samples
        (n, channels) float32.
    rate
        Samples per second.
    before, after
        Loudness of the stretch as it was, and as coded.
    gain_db
        Gain that was applied.
    peak_limited
        Whether the gain stayed below what the loudness asked for, because of the true peak.
    content_s
        Seconds of the stretch in which the source has sound; the rest is silence.
    """

    samples: np.ndarray
    rate: int
    before: Loudness
    after: Loudness
    gain_db: float
    peak_limited: bool
    content_s: float


def levelled(path: Path, asked: Sound, *, start: Fraction, duration: Fraction) -> Levelled:
    """The stretch of a clip's sound that belongs to a stretch of its picture, brought to the loudness asked for.

    The gain is one number for the whole stretch. It is judged on the sound as it will be heard, coded and decoded
    again, because coding moves peaks.

    Parameters
    ----------
    start, duration
        The stretch, in seconds since the first picture.

    Raises
    ------
    InputError
        If the sound cannot be decoded, or the stretch is silent so that no gain brings it to a loudness.
    """
    rate = asked.sample_rate
    whole, offset = _timeline(path, asked)
    first = round(start * rate) - offset
    stretch, content = _stretch(whole, first, round(duration * rate))
    _fade(stretch, content, round(asked.fade_ms / 1000 * rate))
    before = loudness(stretch, rate)
    if before.integrated_lufs is None:
        raise fail(
            InputError,
            path.name,
            f"is silent in the {float(duration):.2f} s that are used, so no loudness can be reached",
            got="below −70 LUFS, or less than 0.4 s of sound",
            accepted=f"{asked.loudness_lufs:g} LUFS",
            way_out="use another part of the clip, or make the recipe's sound silent",
        )
    wanted, most = asked.loudness_lufs - before.integrated_lufs, asked.true_peak_dbtp - before.true_peak_dbtp
    gain, limited = min(wanted, most), wanted > most  # the coder cuts off what passes full scale
    louder, after = _louder(stretch, gain, asked)
    for _ in range(_ATTEMPTS):
        excess = after.true_peak_dbtp - asked.true_peak_dbtp
        missing = asked.loudness_lufs - (after.integrated_lufs or -math.inf)
        if excess > 0:
            gain, limited = gain - excess - _PEAK_SLACK_DB, True
        elif not limited and _ENOUGH_LU < abs(missing) < math.inf:
            gain += missing
        else:
            break
        louder, after = _louder(stretch, gain, asked)
    return Levelled(louder, rate, before, after, gain, limited, (content[1] - content[0]) / rate)


def as_it_is(path: Path, form: Sound, duration: Fraction) -> np.ndarray:
    """The sound from the first picture on at its own level, (n, channels) float32, in the rate and channels of `form`.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    whole, offset = _timeline(path, form)
    return _stretch(whole, -offset, round(duration * form.sample_rate))[0]


def _louder(stretch: np.ndarray, gain_db: float, asked: Sound) -> tuple[np.ndarray, Loudness]:
    """The sound after a gain, and its loudness after coding."""
    samples = (stretch * 10 ** (gain_db / 20)).astype(np.float32)
    return samples, loudness(decoded_again(samples, asked), asked.sample_rate)


def is_audible(path: Path, asked: Sound) -> bool:
    """Whether a sound track holds anything louder than silence.

    Raises
    ------
    InputError
        If it cannot be decoded.
    """
    whole, _ = _timeline(path, asked)
    return loudness(whole, asked.sample_rate).integrated_lufs is not None


def _timeline(path: Path, asked: Sound) -> tuple[np.ndarray, int]:
    """The whole sound at the rate and channels asked for, and where it begins: samples after the first picture."""
    with opened(path) as container:
        picture = first_frame(container, path)
        shown = (picture.pts or 0) * (picture.time_base or Fraction(1))
    try:
        with opened(path) as container:
            pieces, layout, native, begins = _decoded(container.decode(container.streams.audio[0]))
        if not pieces:
            return np.zeros((0, 1 if asked.channels == "mono" else 2), np.float32), 0
        resampler = AudioResampler(format="fltp", layout=asked.channels, rate=asked.sample_rate)
        whole = AudioFrame.from_ndarray(np.concatenate(pieces, axis=1), format="fltp", layout=layout)
        whole.sample_rate = native
        out = [piece.to_ndarray() for frame in (whole, None) for piece in resampler.resample(frame)]
    except FFmpegError as error:
        raise fail(
            InputError,
            path.name,
            f"its sound cannot be decoded: {error.strerror or error}",
            way_out="export it again",
        ) from error
    samples = np.ascontiguousarray(np.concatenate(out, axis=1).T.astype(np.float32))
    return samples, round((begins - shown) * asked.sample_rate)


def _decoded(frames: Iterator[AudioFrame]) -> tuple[list[np.ndarray], str, int, Fraction]:
    """Sound in its own channels and rate, with silence where its packets leave a gap."""
    as_float: AudioResampler | None = None
    pieces: list[np.ndarray] = []
    begins, done, rate, layout = Fraction(0), 0, 0, "stereo"
    for frame in frames:
        if as_float is None:
            rate, layout = frame.sample_rate, frame.layout.name
            as_float = AudioResampler(format="fltp", layout=layout, rate=rate)
            begins = (frame.pts or 0) * (frame.time_base or Fraction(1, rate))
        if frame.pts is not None and frame.time_base is not None:
            gap = round((frame.pts * frame.time_base - begins) * rate) - done
            if gap > _GAP_S * rate:
                pieces.append(np.zeros((len(frame.layout.channels), gap), np.float32))
                done += gap
        frame.pts = None
        for piece in as_float.resample(frame):
            pieces.append(piece.to_ndarray())
            done += piece.samples
    return pieces, layout, rate, begins


def _stretch(whole: np.ndarray, first: int, length: int) -> tuple[np.ndarray, tuple[int, int]]:
    """`length` samples from `first` on, silent where the sound has none; and where in it there is sound."""
    stretch = np.zeros((length, whole.shape[1]), np.float32)
    begin, end = max(0, -first), max(0, min(length, len(whole) - first))
    if end <= begin:
        return stretch, (0, 0)
    stretch[begin:end] = whole[first + begin : first + end]
    return stretch, (begin, end)


def _fade(stretch: np.ndarray, content: tuple[int, int], length: int) -> None:
    begin, end = content
    length = min(length, (end - begin) // 2)
    if length:
        ramp = ((np.arange(length) + 0.5) / length).astype(np.float32)[:, None]
        stretch[begin : begin + length] *= ramp
        stretch[end - length : end] *= ramp[::-1]


def add_sound(container: OutputContainer, asked: Sound) -> av.AudioStream:
    """A track of AAC sound, coded the same way on every run."""
    stream = container.add_stream(
        "aac",
        rate=asked.sample_rate,
        layout=asked.channels,
        options={"b": f"{asked.kilobits_per_second}k", "flags": "+bitexact"},
    )
    stream.codec_context.thread_count = 1
    return stream


def coded(stream: av.AudioStream, samples: np.ndarray, rate: int) -> Iterator[Packet[av.AudioStream]]:
    """The sound in packets of 1024 samples."""
    layout = "mono" if samples.shape[1] == 1 else "stereo"
    for begin in range(0, len(samples), AAC_FRAME):
        piece = np.ascontiguousarray(samples[begin : begin + AAC_FRAME].T)
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, begin, Fraction(1, rate)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def decoded_again(samples: np.ndarray, asked: Sound) -> np.ndarray:
    """A sound as it will be heard: coded and decoded in memory, (n, channels) float32."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream = add_sound(container, asked)
        for packet in coded(stream, samples, asked.sample_rate):
            container.mux(packet)
    memory.seek(0)
    with av.open(memory, "r") as container:
        pieces = [frame.to_ndarray() for frame in container.decode(container.streams.audio[0])]
    return np.ascontiguousarray(np.concatenate(pieces, axis=1).T)[: len(samples)]
