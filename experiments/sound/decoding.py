"""Sound decoded beforehand: a clip's track in step with its picture, or a spoken instruction."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from experiments.clips import Clip
from protocols.base.errors import BazinError, InputError, cannot_read, fail

RATE = 48_000
FAST_S = 0.125  # a sound level meter's time weighting "fast", IEC 61672-1
FULL_SCALE_SINE_DB = 10 * math.log10(2)  # a sine's level above its RMS when its peak is 1
_GAP_S = 0.002  # smaller steps between packets are rounding of the container's clock


@dataclass(frozen=True)
class Pcm:
    """Sound ready to be played.

    Attributes
    ----------
    name
        The file's name.
    samples
        (n, 2) float32, full scale 1; the first belongs to the first picture, or is the file's own first.
    rate
        Samples per second.
    """

    name: str
    samples: np.ndarray = field(repr=False)
    rate: int

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.samples) / self.rate

    @property
    def peak_dbfs(self) -> float:
        """Largest sample, in dB re full scale; −inf for digital silence. Above 0 the card clips."""
        return _db(float(np.abs(self.samples).max(initial=0.0)))

    @property
    def level_dbfs(self) -> float:
        """Loudest 125 ms of the louder channel: RMS in dB re a full-scale sine (AES17), unweighted; −inf for silence.

        Windows overlap by half. What is shorter than a window counts as followed by silence.
        """
        half = round(self.rate * FAST_S / 2)
        halves = max(2, math.ceil(len(self.samples) / half))
        loudest = 0.0
        for channel in self.samples.T:
            padded = np.zeros(halves * half, np.float32)
            padded[: len(channel)] = channel
            power = np.square(padded.reshape(halves, half), dtype=np.float64).sum(axis=1)
            loudest = max(loudest, float((power[1:] + power[:-1]).max()) / (2 * half))
        return _db(math.sqrt(loudest)) + FULL_SCALE_SINE_DB

    @property
    def loudness_lufs(self) -> float | None:
        """Integrated loudness (EBU R 128); None for silence and for less than 400 ms."""
        from stimuli.preparing.loudness import loudness

        return loudness(self.samples, self.rate).integrated_lufs


def clip_sound(clip: Clip, rate: int = RATE) -> Pcm:
    """A clip's sound from its first picture on, no longer than the clip.

    Raises
    ------
    InputError
        If the file cannot be decoded or has no sound although the manifest says so.
    """
    assert clip.path is not None
    return decoded(clip.path, rate, seconds=clip.seconds)


def decoded(path: Path, rate: int = RATE, *, seconds: float | None = None) -> Pcm:
    """The first sound track of a file as stereo PCM; one channel goes to both sides, more are mixed down.

    Sample 0 belongs to the first picture's time: a track that begins later is preceded by silence, one that begins
    earlier is cut. What coders put before the sound (priming) is skipped by FFmpeg, from the edit list or header. A
    file without moving picture begins where its sound does.

    Parameters
    ----------
    path
        Any film or sound file FFmpeg reads: mp4, mov, mkv, wav, mp3, ogg, m4a …
    rate
        Samples per second of the result.
    seconds
        Cut it there; None keeps the whole.

    Raises
    ------
    InputError
        If the file is missing, broken, or holds no sound; it is named.
    """
    try:
        with av.open(str(path)) as container:
            shown = _first_picture(container)
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise _silent_file(path)
            native, begins = _timeline(container.decode(container.streams.audio[0]))
        stereo = None if native is None else _stereo(native, rate)
    except (FFmpegError, ValueError) as error:  # ValueError: a track whose form changes on the way
        if isinstance(error, OSError) and not path.is_file():
            raise cannot_read(path, error) from error
        raise fail(
            InputError, str(path), f"its sound cannot be decoded ({getattr(error, 'strerror', None) or error})",
            accepted="what FFmpeg reads: mp4, mov, mkv, wav, mp3, ogg, m4a",
            way_out="play it to the end in a player; if that fails too, copy or export it again",
        ) from error  # fmt: skip
    if stereo is None:
        raise _silent_file(path)
    offset = 0 if shown is None else round((begins - shown) * rate)
    if offset > 0:
        stereo = np.concatenate([np.zeros((offset, 2), np.float32), stereo])
    end = None if seconds is None else max(0, -offset) + round(seconds * rate)
    return Pcm(path.name, np.ascontiguousarray(stereo[max(0, -offset) : end]), rate)


def _first_picture(container: InputContainer) -> Fraction | None:
    """Time of the first frame that decodes; None where nothing moves (a cover image of a sound file does not)."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.codec_context.thread_count = 1
            for frame in container.decode(stream):
                return Fraction(frame.pts or 0) * (frame.time_base or Fraction(1))
    return None


def _timeline(frames: Iterator[AudioFrame]) -> tuple[AudioFrame | None, Fraction]:
    """The whole track in its own channels and rate, gaps filled with silence; and when it begins."""
    pieces: list[np.ndarray] = []
    begins, done, rate, layout = Fraction(0), 0, RATE, "stereo"
    as_float: AudioResampler | None = None
    for frame in frames:
        if as_float is None:
            rate, layout = frame.sample_rate, frame.layout.name
            as_float = AudioResampler(format="fltp", layout=layout, rate=rate)
            begins = Fraction(frame.pts or 0) * (frame.time_base or Fraction(1, rate))
        if frame.pts is not None and frame.time_base is not None:
            gap = round((frame.pts * frame.time_base - begins) * rate) - done
            if gap > _GAP_S * rate:
                pieces.append(np.zeros((len(frame.layout.channels), gap), np.float32))
                done += gap
        frame.pts = None
        for piece in as_float.resample(frame):
            pieces.append(piece.to_ndarray())
            done += piece.samples
    if not done:
        return None, begins
    whole = AudioFrame.from_ndarray(np.concatenate(pieces, axis=1), format="fltp", layout=layout)
    whole.sample_rate = rate
    return whole, begins


def _stereo(native: AudioFrame, rate: int) -> np.ndarray:
    # One channel stays one here: FFmpeg would turn it down by 3 dB on the way to two.
    layout = "mono" if len(native.layout.channels) == 1 else "stereo"
    resampler = AudioResampler(format="fltp", layout=layout, rate=rate)
    out = [piece.to_ndarray() for frame in (native, None) for piece in resampler.resample(frame)]
    samples = np.concatenate(out, axis=1).T.astype(np.float32)
    return samples if samples.shape[1] == 2 else np.repeat(samples, 2, axis=1)


def _silent_file(path: Path) -> BazinError:
    return fail(
        InputError, str(path), "holds no sound", accepted="a file with a sound track",
        way_out="if it is meant to be silent, say so in the manifest (audio: none)",
    )  # fmt: skip


def _db(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
