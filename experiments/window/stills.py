"""One frame of a clip as a picture."""

from __future__ import annotations

import numpy as np
from av.error import FFmpegError

from experiments.clips import Clip
from protocols.base.errors import InputError, fail
from stimuli.pixels import full_rgb, shrunk, upright
from stimuli.probing import opened, probe, video_stream

ROUNDING_S = 1e-4


def middle_frame(clip: Clip, into: tuple[int, int]) -> np.ndarray:
    """The frame in the middle of a clip, in the colors in which it is played.

    Parameters
    ----------
    into
        Width and height in pixels into which it is fitted.

    Returns
    -------
    numpy.ndarray
        (height, width, 3) uint8, upright, square pixels.

    Raises
    ------
    InputError
        If the file cannot be decoded there.
    """
    assert clip.path is not None
    found = probe(clip.path)
    with opened(clip.path) as container:
        stream = video_stream(container, clip.path)
        start = float((stream.start_time or 0) * (stream.time_base or 0))
        wanted = start + found.duration_s / 2
        try:
            container.seek(int(wanted * 1_000_000))  # to the key frame before it
            frame = next(
                one
                for one in container.decode(stream)
                if (one.time or 0.0) + 1 / found.fps > wanted + ROUNDING_S
            )
        except (FFmpegError, StopIteration) as error:
            raise fail(InputError, clip.path.name, "has no frame in its middle that can be decoded",
                       way_out="copy or export it again") from error  # fmt: skip
    picture = upright(full_rgb(frame, found, (found.width, found.height)), found.rotation)
    by = min(into[0] / found.shown_width, into[1] / found.shown_height)
    return shrunk(picture, (int(found.shown_width * by), int(found.shown_height * by)))
