"""The picture of a clip on its way to the encoder: decoded, woven, put to a constant rate, converted, sized."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.error import BlockingIOError as NotYet
from av.error import EOFError as AtEnd
from av.filter import Graph
from av.video.frame import PictureType, VideoFrame

from protocols.base.errors import InputError, fail
from stimuli.decoding import decode_pictures
from stimuli.preparing.frame_rate import Conversion, at_constant_rate
from stimuli.preparing.geometry import Geometry
from stimuli.probing import Probe

SCALER = "flags=lanczos+accurate_rnd+full_chroma_int+full_chroma_inp+bitexact"
"""One scaler for every clip. Without accurate rounding and full chroma, a change of matrix darkens by 1.4 levels."""

DEINTERLACER = "bwdif=mode=send_frame:parity=auto:deint=interlaced"
BT709, LIMITED, FULL = 1, 1, 2
BT601 = 6


def colors(probe: Probe) -> str:
    """The scaler's options that bring a clip's colors to Rec. 709, limited range."""
    into = f"in_color_matrix={probe.coded_matrix}:in_range={'full' if probe.range == 'full' else 'limited'}"
    return f"{into}:out_color_matrix=bt709:out_range=limited:{SCALER}"


def filters(probe: Probe, geometry: Geometry, padding: str, luma: str | None = None) -> tuple[str, ...]:
    """Every step after decoding, in FFmpeg's words; the frame rate's lies between weaving and the others."""
    weaving = (DEINTERLACER,) if probe.interlaced else ()
    return (*weaving, *geometry.steps(colors(probe), padding), *((luma,) if luma else ()))


def pictures(
    path: Path,
    probe: Probe,
    steps: Sequence[str],
    *,
    fps: Fraction,
    frames: int,
    start: Fraction,
    conversion: Conversion,
) -> Iterator[VideoFrame]:
    """The frames to be encoded, in order, each with its place in time.

    Parameters
    ----------
    path, probe
        The clip.
    steps
        As `filters` gives them.
    fps, frames, start, conversion
        As `at_constant_rate` has them.

    Raises
    ------
    InputError
        If the clip breaks off before the last frame that is needed.
    """
    weaving = [step for step in steps if step == DEINTERLACER]
    sizing = Chain([step for step in steps if step != DEINTERLACER])
    decoded = _tagged(decode_pictures(path, probe), probe)
    woven = Chain(weaving).through(decoded) if weaving else decoded
    before, ready = -1, None
    for place, (number, picture) in enumerate(
        at_constant_rate(_timed(woven, path), fps, frames, start, conversion)
    ):
        if number != before or ready is None:
            before, ready = number, sizing.of_one(picture)
        ready.pts, ready.time_base = place, 1 / fps
        ready.pict_type = PictureType.NONE  # else the encoder copies the source's key frames
        yield ready


def _tagged(decoded: Iterator[VideoFrame], probe: Probe) -> Iterator[VideoFrame]:
    """Frames that say themselves what their colors are, as far as they are luma and color differences."""
    for picture in decoded:
        if picture.format.name.startswith("yuv"):
            picture.colorspace = BT601 if probe.coded_matrix == "bt601" else BT709
            picture.color_range = FULL if probe.range == "full" else LIMITED
        yield picture


def _timed(decoded: Iterator[VideoFrame], path: Path) -> Iterator[tuple[Fraction, VideoFrame]]:
    first: Fraction | None = None
    for number, picture in enumerate(decoded):
        if picture.pts is None or picture.time_base is None:
            raise fail(
                InputError,
                path.name,
                f"does not say when its frame {number} is shown",
                way_out="export it again with a constant frame rate",
            )
        time = picture.pts * picture.time_base
        first = time if first is None else first
        yield time - first, picture


class Chain:
    """FFmpeg filters one after the other, on one thread.

    Parameters
    ----------
    steps
        ``name=options`` each.
    """

    def __init__(self, steps: Sequence[str]) -> None:
        self._steps = tuple(steps)
        self._graph: Graph | None = None
        self._form: tuple[object, ...] = ()

    def of_one(self, picture: VideoFrame) -> VideoFrame:
        """One frame through filters that give a frame for a frame."""
        graph = self._for(picture)
        graph.vpush(picture)
        return graph.vpull()

    def through(self, decoded: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """All frames through filters that look ahead."""
        graph: Graph | None = None
        for picture in decoded:
            graph = self._for(picture)
            graph.vpush(picture)
            yield from _ready(graph)
        if graph is not None:
            graph.vpush(None)
            yield from _ready(graph)

    def _for(self, picture: VideoFrame) -> Graph:
        """The filters, made for the form of the frames; it may change within a file."""
        form = (
            picture.width, picture.height, picture.format.name, picture.time_base,
            picture.colorspace, picture.color_range,
        )  # fmt: skip
        if self._graph is None or form != self._form:
            self._form, self._graph = form, self._made(picture)
        return self._graph

    def _made(self, picture: VideoFrame) -> Graph:
        graph = Graph()
        graph.threads = 1
        known = f":colorspace={picture.colorspace}:range={picture.color_range}"
        source = graph.add(
            "buffer",
            f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}"
            f":time_base={picture.time_base}:pixel_aspect=1/1{known}",
        )
        nodes = [
            graph.add(name, options or None) for name, _, options in (s.partition("=") for s in self._steps)
        ]
        graph.link_nodes(source, *nodes, graph.add("buffersink")).configure()
        return graph


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    while True:
        try:
            yield graph.vpull()
        except (NotYet, AtEnd):
            return


def ffmpeg_version() -> str:
    """What decodes, scales and encodes."""
    return f"FFmpeg {av.ffmpeg_version_info} (PyAV {av.__version__})"
