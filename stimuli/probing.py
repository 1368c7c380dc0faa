"""What a file is: container, codec, size, frame rate, duration to the frame, color, sound.

Only the container is walked and the first frame decoded, so that a folder of films is probed in seconds; whether
every frame can be decoded is seen when the clip is measured.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from protocols.base.errors import InputError, cannot_read, fail

MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc", 10: "bt2020c"}
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 8: "linear", 13: "srgb", 14: "bt2020-10", 15: "bt2020-12",
    16: "pq", 18: "hlg",
}  # fmt: skip
RANGES = {1: "limited", 2: "full"}
HDR = ("pq", "hlg")
LAST_STANDARD_HEIGHT = 576  # players take undeclared colors up to here for Rec. 601, above for Rec. 709
COMMON_RATES = tuple(
    Fraction(n, d) for n, d in (
        (12, 1), (25, 2), (15, 1), (16, 1), (24000, 1001), (24, 1), (25, 1), (30000, 1001), (30, 1), (40, 1), (48, 1),
        (50, 1), (60000, 1001), (60, 1), (100, 1), (120, 1),
    )
)  # fmt: skip
UNKNOWN = "unknown"
CUT_OFF = "cut off"
"""How the problem of a file begins whose end is missing."""


@dataclass(frozen=True)
class Probe:
    """A clip file, as its container and first frame describe it.

    Attributes
    ----------
    width, height
        Size of the stored picture, before rotation and pixel aspect, in pixels.
    shown_width, shown_height
        Size on the screen: rotated, with square pixels.
    pixel_aspect
        Width of a pixel divided by its height.
    rotation
        Degrees counter-clockwise by which players turn the picture.
    fps
        Nominal frame rate; for a variable rate, that of the typical frame.
    constant_rate
        Whether every frame stands where the nominal rate puts it, within one tick of the container's clock.
    frames
        Frames in the container.
    duration_s
        From the first frame's beginning to the last frame's end.
    matrix, transfer, range
        Color coding as the file declares it, or ``unknown``.
    audio_codec, channels, sample_rate, audio_duration_s
        Of the first sound track; None where there is none.
    problems
        What will have to be dealt with, in words.
    """

    container: str
    codec: str
    pixel_format: str
    bit_depth: int
    width: int
    height: int
    pixel_aspect: Fraction
    rotation: int
    fps: Fraction
    constant_rate: bool
    frames: int
    duration_s: float
    range: str
    matrix: str
    transfer: str
    interlaced: bool
    audio_codec: str | None
    channels: int | None
    layout: str | None
    sample_rate: int | None
    audio_duration_s: float | None
    bit_rate: int | None
    problems: tuple[str, ...] = ()

    @property
    def shown_width(self) -> int:
        """Width on the screen in pixels."""
        return self._shown()[0]

    @property
    def shown_height(self) -> int:
        """Height on the screen in pixels."""
        return self._shown()[1]

    @property
    def cut_off(self) -> str | None:
        """How much of the file is missing, in words; None for a whole one."""
        return next((text for text in self.problems if text.startswith(CUT_OFF)), None)

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound track."""
        return self.audio_codec is not None

    @property
    def beyond_rec709(self) -> str | None:
        """What makes the picture's colors wider than an ordinary screen's, or None."""
        if self.transfer in HDR:
            return f"high dynamic range ({self.transfer.upper()})"
        return "BT.2020 colors" if self.matrix.startswith("bt2020") else None

    @property
    def coded_matrix(self) -> str:
        """``bt601`` or ``bt709``; where the file does not say, by its height, as players decide."""
        if self.matrix in ("bt709", UNKNOWN) or self.matrix.startswith("bt2020"):
            return "bt601" if self.matrix == UNKNOWN and self.height <= LAST_STANDARD_HEIGHT else "bt709"
        return "bt601"

    def _shown(self) -> tuple[int, int]:
        width = max(1, round(self.width * self.pixel_aspect))
        return (self.height, width) if self.rotation % 180 == 90 else (width, self.height)


def probe(path: Path) -> Probe:
    """Look at a clip without decoding it.

    Raises
    ------
    InputError
        If the file is missing, empty, cut off before its index, not a video, or has no picture.
    """
    check_not_empty(path)
    with opened(path) as container:
        stream = video_stream(container, path)
        times, stored, corrupt = _frame_times(container, stream)
        if not times:
            raise fail(
                InputError,
                path.name,
                "holds no complete frame",
                way_out="it was cut off while being written or copied; copy it again",
            )
        missing = max(0, stream.frames - stored)
    with opened(path) as container:
        first = first_frame(container, path)
        return _described(container, first, times, missing, corrupt)


def check_not_empty(path: Path) -> None:
    """Refuse a file that is missing or has no bytes."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise cannot_read(path, error) from error
    if size == 0:
        raise fail(
            InputError, path.name, "is empty (0 bytes)", way_out="copy it again from where it was made"
        )


def opened(path: Path) -> InputContainer:
    """The container, open for reading; InputError for what is not a media file or was cut off."""
    try:
        return av.open(str(path))
    except FFmpegError as error:
        raise fail(
            InputError,
            path.name,
            f"cannot be read as a video ({error.strerror or error})",
            accepted="mp4, mov, mkv, webm, avi and what else FFmpeg reads",
            way_out="play it to the end in a video player; if that fails too, it was cut off: copy or export it again",
        ) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The moving picture; a cover image of a sound file does not count."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    sound = "only sound" if container.streams.audio else "neither picture nor sound"
    raise fail(
        InputError, path.name, f"holds {sound}, no moving picture", way_out="take it out of the folder"
    )


def first_frame(container: InputContainer, path: Path) -> VideoFrame:
    """The first frame that decodes."""
    stream = video_stream(container, path)
    stream.codec_context.thread_count = 1
    try:
        for frame in container.decode(stream):
            return frame
    except FFmpegError as error:
        raise fail(InputError, path.name, f"cannot be decoded: {error.strerror or error}") from error
    raise fail(InputError, path.name, "has no frame that can be decoded", way_out="export it again")


def _frame_times(container: InputContainer, stream: VideoStream) -> tuple[list[tuple[int, int]], int, bool]:
    """Time and duration of every shown frame in ticks, sorted; frames stored; whether reading ended in an error.

    An edit list (a cut made without re-encoding) leaves frames in the file that are not shown.
    """
    times, stored, corrupt = [], 0, False
    try:
        for packet in container.demux(stream):
            if packet.pts is None or packet.size == 0:
                continue
            if packet.is_corrupt:
                corrupt = True
                continue
            stored += 1
            if not packet.is_discard:
                times.append((packet.pts, packet.duration or 0))
    except FFmpegError:
        corrupt = True
    return sorted(times), stored, corrupt


def _described(
    container: InputContainer, first: VideoFrame, times: list[tuple[int, int]], missing: int, corrupt: bool
) -> Probe:
    stream = next(
        s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
    )
    codec = stream.codec_context
    tick = stream.time_base or Fraction(1, 1000)
    ticks = [pts for pts, _ in times]
    fps, constant = frame_rate(ticks, tick, stream.guessed_rate)
    frames = len(ticks)
    span = (ticks[-1] - ticks[0]) * tick
    last = Fraction(1) / fps if constant or not times[-1][1] else times[-1][1] * tick
    duration = float(frames / fps if constant else span + last)
    sound = container.streams.audio[0] if container.streams.audio else None
    problems = []
    lacking = _declared_seconds(stream) - duration
    if corrupt or missing:
        of = f" of {frames + missing}" if missing else ""
        problems.append(f"{CUT_OFF}: only {frames}{of} frames are there")
    elif lacking > max(0.1, 2 / float(fps)):
        problems.append(f"{CUT_OFF}: the last {lacking:.2f} s that its header promises are not there")
    if first.interlaced_frame:
        problems.append("interlaced: preparation weaves it into full frames")
    transfer = TRANSFERS.get(int(codec.color_trc or 0), UNKNOWN)
    if not constant:
        gaps = [(b - a) * tick for a, b in pairwise(ticks)]
        odd = sum(abs(gap - 1 / fps) > tick for gap in gaps)
        problems.append(f"variable frame rate: {odd} of {len(gaps)} steps are not 1/{float(fps):.6g} s")
    aspect = stream.sample_aspect_ratio or Fraction(1)
    sound_seconds = None
    if sound is not None and sound.duration is not None and sound.time_base is not None:
        sound_seconds = float(sound.duration * sound.time_base)
    aspect = aspect if aspect > 0 else Fraction(1)
    full = codec.pix_fmt is not None and codec.pix_fmt.startswith(("yuvj", "rgb", "bgr", "gbr", "gray"))
    found = Probe(
        container=container.format.name.split(",")[0],
        codec=codec.codec.canonical_name,
        pixel_format=codec.pix_fmt or UNKNOWN,
        bit_depth=max((component.bits for component in first.format.components), default=8),
        width=first.width,
        height=first.height,
        pixel_aspect=aspect,
        rotation=round(first.rotation) % 360,
        fps=fps,
        constant_rate=constant,
        frames=frames,
        duration_s=duration,
        range="full" if full else RANGES.get(int(codec.color_range or 0), UNKNOWN),
        matrix=MATRICES.get(int(codec.colorspace or 0), UNKNOWN),
        transfer=transfer,
        interlaced=bool(first.interlaced_frame),
        audio_codec=sound.codec_context.name if sound is not None else None,
        channels=sound.codec_context.channels if sound is not None else None,
        layout=sound.codec_context.layout.name if sound is not None else None,
        sample_rate=sound.codec_context.sample_rate if sound is not None else None,
        audio_duration_s=sound_seconds,
        bit_rate=stream.bit_rate or container.bit_rate or None,
    )
    if found.beyond_rec709:
        problems.append(f"{found.beyond_rec709}: convert it to Rec. 709 in an editing program first")
    if found.matrix == UNKNOWN:
        problems.append(f"color matrix not declared: taken for {found.coded_matrix}")
    return replace(found, problems=tuple(problems))


def _declared_seconds(stream: VideoStream) -> float:
    """Duration a Matroska file declares for a track, in seconds; 0 where it declares none."""
    found = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) if found else 0.0


def frame_rate(ticks: list[int], tick: Fraction, guessed: Fraction | None) -> tuple[Fraction, bool]:
    """Nominal frame rate and whether every frame keeps it.

    Parameters
    ----------
    ticks
        Sorted presentation times, in units of `tick` seconds.
    tick
        The container's clock.
    guessed
        What FFmpeg makes of the header, for a file of one frame.
    """
    if len(ticks) < 2:
        return Fraction(guessed or 25), True
    typical = Fraction(median(b - a for a, b in pairwise(ticks))) * tick
    mean = Fraction(ticks[-1] - ticks[0], len(ticks) - 1) * tick
    if typical <= 0:
        typical = mean
    # A clock as coarse as a millisecond rounds single steps by several per cent, the mean hardly at all.
    step = mean if abs(mean - typical) <= tick else typical
    fps = nearest_rate(1 / step)
    off = max(abs((t - ticks[0]) * tick - i * step) for i, t in enumerate(ticks))
    return fps, off <= tick


def nearest_rate(fps: Fraction) -> Fraction:
    """The rate a camera or program has, where `fps` is within 0.02 % of one (the clock's rounding)."""
    nearest = min(COMMON_RATES, key=lambda rate: abs(rate - fps))
    return nearest if abs(nearest - fps) <= nearest * Fraction(2, 10_000) else fps.limit_denominator(10_000)
