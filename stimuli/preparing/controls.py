"""The control clips of a scene, made from its live clip; afterwards they go through the recipe like every arm.

- *codec control*: the live clip as the AI clip was stored (size, frame rate, codec, bit rate, key frames), so that
  ``ai − codec_control`` is the difference without the codec's.
- *rotoscoped*: the live clip drawn over, a difference that everybody sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice, pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame

from protocols.base.canonical import sha256_file
from protocols.base.errors import InputError, OutputError, fail, listed
from stimuli.decoding import decode_pictures
from stimuli.preparing.deciding import Row, available
from stimuli.preparing.encoding import Coding, coding_of, whole_or_absent, write_clip
from stimuli.preparing.frame_rate import Conversion
from stimuli.preparing.geometry import place
from stimuli.preparing.picture import SCALER, Chain, colors, filters, pictures
from stimuli.preparing.recipe import Encoder, Recipe, Sound
from stimuli.preparing.rotoscoping import Colors, Rotoscope, Style, palette
from stimuli.preparing.sound import as_it_is
from stimuli.probing import Probe, opened, probe, video_stream

ENCODERS = {
    "h264": "libx264", "hevc": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9",
    "mpeg4": "mpeg4", "mpeg2video": "mpeg2video",
}  # fmt: skip
"""What writes each codec an AI clip can have been stored in."""

_ONE_THREAD = {
    "libx264": (("x264-params", "threads=1:lookahead-threads=1"),),
    "libx265": (("x265-params", "pools=none:frame-threads=1:log-level=error"),),
    "libsvtav1": (("svtav1-params", "lp=1"),),
    "libvpx-vp9": (("row-mt", "0"), ("deadline", "good"), ("cpu-used", "2")),
}
_RATE_WITHIN = 0.05
_TRIES = 4
_PRIMING = 8
_SAMPLED = 24  # frames whose colors make the palette
_AS_GOOD_AS = Encoder(crf=10, preset="veryfast", gop=25)  # the drawn clip's first generation shows no codec


@dataclass(frozen=True)
class Control:
    """A control clip that was made.

    Attributes
    ----------
    source, source_sha256
        The live clip.
    target, target_sha256
        The control.
    how
        What was done, in one sentence.
    like
        The AI clip whose storage was imitated; None for a drawn one.
    bit_rate, bit_rate_asked
        Of the picture as written, and the AI clip's, in bit/s; None for a drawn one.
    """

    source: str
    source_sha256: str
    target: str
    target_sha256: str
    how: str
    like: str | None = None
    bit_rate: int | None = None
    bit_rate_asked: int | None = None


def codec_control(live: Path, ai: Path, target: Path) -> Control:
    """Store the live clip as the AI clip is stored.

    One first-generation encode with the AI clip's size, frame rate (nearest frame), codec, distance of key frames
    and bit rate; the request is corrected until the bit rate reached is within 5 % of it. A picture of another
    shape fills the size and is cut, centred. It gets sound only if the AI clip has a sound track.

    Parameters
    ----------
    live, ai
        The two clips of a scene, as imported.
    target
        The file to be written, an mp4.

    Raises
    ------
    InputError
        If a clip cannot be read, or the AI clip's codec cannot be written here.
    OutputError
        If the target cannot be written, or holds another number of frames than it should.
    """
    source, like = probe(live), probe(ai)
    encoder = ENCODERS.get(like.codec)
    if encoder is None or encoder not in av.codecs_available:
        raise fail(
            InputError,
            ai.name,
            "is stored in a codec that cannot be written here, so the live clip cannot be stored alike",
            got=like.codec,
            accepted=listed(ENCODERS),
            way_out="export the AI clip anew from its program as H.264, and import that",
        )
    if like.bit_rate is None:
        raise fail(InputError, ai.name, "does not say its bit rate", way_out="export it as mp4")
    own = Recipe(
        name="codec_control",
        fps=str(like.fps),
        width=_even(like.shown_width),
        height=_even(like.shown_height),
        encoder=_AS_GOOD_AS,
    )
    geometry = place(live.name, source, None, own)
    frames = available(Row(live.name, None, "live", source), own)
    duration = Fraction(frames) / own.rate
    gop = key_frame_distance(ai)
    request, written = like.bit_rate, 0
    sound = _own_sound(live, source, duration) if like.has_sound else None
    with whole_or_absent(target) as part:
        for _ in range(_TRIES):
            coding = Coding(
                encoder, (("g", str(gop)), *_ONE_THREAD.get(encoder, ()), ("flags", "+bitexact")), request
            )
            write_clip(
                part,
                target,
                coding,
                pictures(
                    live, source, filters(source, geometry, own.fit.color),
                    fps=own.rate, frames=frames, start=Fraction(0), conversion=Conversion(),
                ),
                fps=own.rate,
                size=(own.width, own.height),
                sound=sound,
            )  # fmt: skip
            written = round(_bits_of_picture(part) / duration)
            if abs(written / like.bit_rate - 1) <= _RATE_WITHIN:
                break
            request = round(request * min(4.0, max(0.25, like.bit_rate / written)))
        _check_whole(part, target, frames)
        digest = sha256_file(part)
    near = "" if abs(written / like.bit_rate - 1) <= _RATE_WITHIN else "; the encoder comes no nearer"
    how = (
        f"stored as the AI clip is: {like.codec}, {own.width}×{own.height}, {own.fps} frames per second, "
        f"{written / 1000:.0f} kbit/s (AI clip: {like.bit_rate / 1000:.0f}{near}), "
        f"key frames {gop} frames apart or less"
    )
    return Control(
        live.name, sha256_file(live), target.name, digest, how, ai.name, written, like.bit_rate
    )  # fmt: skip


def rotoscope(live: Path, target: Path, style: Style | None = None) -> Control:
    """Draw over the live clip; see `stimuli.preparing.rotoscoping`.

    Size and frame rate stay the clip's (even sizes, constant rate), the sound too.

    Parameters
    ----------
    live
        The clip as imported.
    target
        The file to be written, an mp4.
    style
        How it is drawn.

    Raises
    ------
    InputError
        If the clip cannot be read.
    OutputError
        If the target cannot be written, or holds another number of frames than it should.
    """
    style = style or Style()
    source = probe(live)
    own = Recipe(
        name="rotoscoped",
        fps=str(source.fps),
        width=_even(source.shown_width),
        height=_even(source.shown_height),
        encoder=_AS_GOOD_AS,
    )
    frames = available(Row(live.name, None, "live", source), own)
    sound = _own_sound(live, source, Fraction(frames) / own.rate)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # clips share the cores, and no picture may depend on how many there are
    try:
        painted = Colors(palette(_sampled_colors(live, source, own, frames), style), style)
        with whole_or_absent(target) as part:
            write_clip(
                part,
                target,
                coding_of(own.encoder),
                _drawn(live, source, own, frames, Rotoscope(painted, style)),
                fps=own.rate,
                size=(own.width, own.height),
                sound=sound,
            )
            _check_whole(part, target, frames)
            digest = sha256_file(part)
    finally:
        cv2.setNumThreads(threads)
    how = "drawn over: flat colors of one palette and dark contours, carried along the movement"
    return Control(live.name, sha256_file(live), target.name, digest, how)


def _own_sound(live: Path, source: Probe, duration: Fraction) -> tuple[Sound, np.ndarray] | None:
    """The clip's sound at its own level, with the channels it has (two where it has more)."""
    if not source.has_sound:
        return None
    form = Sound(channels="mono" if source.channels == 1 else "stereo")
    return form, as_it_is(live, form, duration)


def _even(side: int) -> int:
    return max(16, side - side % 2)


def key_frame_distance(path: Path) -> int:
    """The largest distance of two key frames, in frames; the whole clip's where there is only one."""
    with opened(path) as container:
        stream = video_stream(container, path)
        keys = [packet.is_keyframe for packet in container.demux(stream) if packet.size]
    places = [place for place, key in enumerate(keys) if key] or [0]
    return max((b - a for a, b in pairwise([*places, len(keys)])), default=1)


def _bits_of_picture(path: Path) -> int:
    with opened(path) as container:
        stream = video_stream(container, path)
        return 8 * sum(packet.size for packet in container.demux(stream))


def _check_whole(part: Path, target: Path, frames: int) -> None:
    found = probe(part)
    decoded = sum(1 for _ in decode_pictures(part, found))
    if decoded != frames:
        raise fail(
            OutputError,
            target.name,
            "was not written as asked: frames",
            got=str(decoded),
            accepted=str(frames),
            way_out="nothing was kept of it, and its source is untouched",
        )


def _in_bgr(live: Path, source: Probe, own: Recipe, frames: int) -> Iterator[np.ndarray]:
    """The clip's frames, upright, square pixels, (height, width, 3) uint8, full range."""
    geometry = place(live.name, source, None, own)
    limited = colors(source)
    steps = [
        step.replace(limited, limited.replace("out_range=limited", "out_range=full"))
        for step in filters(source, geometry, own.fit.color)
        if step != "format=yuv420p"
    ]
    for picture in pictures(
        live,
        source,
        [*steps, "format=bgr24"],
        fps=own.rate,
        frames=frames,
        start=Fraction(0),
        conversion=Conversion(),
    ):
        yield picture.to_ndarray()


def _sampled_colors(live: Path, source: Probe, own: Recipe, frames: int) -> np.ndarray:
    """CIELAB colors of frames from all over the clip, (n, 3) float32."""
    wanted = {round(i * (frames - 1) / (_SAMPLED - 1)) for i in range(_SAMPLED)}
    found = []
    for number, picture in enumerate(_in_bgr(live, source, own, frames)):
        if number in wanted:
            small = cv2.resize(picture, (own.width // 8, own.height // 8), interpolation=cv2.INTER_AREA)
            found.append(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2LAB).reshape(-1, 3))
    return np.concatenate(found)


def _drawn(live: Path, source: Probe, own: Recipe, frames: int, drawing: Rotoscope) -> Iterator[VideoFrame]:
    back = Chain(
        [f"scale=iw:ih:in_range=full:out_color_matrix=bt709:out_range=limited:{SCALER}", "format=yuv420p"]
    )
    filmed = _in_bgr(live, source, own, frames)
    first = list(islice(filmed, _PRIMING + 1))
    for picture in reversed(first[1:]):  # so that what is carried along is settled when the clip begins
        drawing.draw(picture)
    for number, picture in enumerate(chain(first, filmed)):
        frame = VideoFrame.from_ndarray(drawing.draw(picture), format="bgr24")
        frame.pts, frame.time_base = number, 1 / own.rate
        ready = back.of_one(frame)
        ready.pts, ready.time_base = number, 1 / own.rate
        yield ready
