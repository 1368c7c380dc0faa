"""The clips' pictures as the page embeds them, small enough for the whole set."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from protocols.base.files import read_bytes
from stimuli.report.saved import Shown

MOST = 12_000_000
"""Bytes of all pictures together; in base64 they take a third more."""
STEPS = ((1.0, 85), (0.75, 75), (0.6, 65), (0.5, 55))
"""Scale and JPEG quality, tried in order until all pictures fit; the first leaves the files as they are."""
OVERLAY_WIDTH = 640


@dataclass(frozen=True)
class Embedded:
    """A picture in the page.

    Attributes
    ----------
    data
        A ``data:`` address.
    width, height
        In pixels.
    """

    data: str
    width: int
    height: int


@dataclass(frozen=True)
class Pictures:
    """The pictures of one clip; None where a file is missing or is no picture."""

    posters: Mapping[int, Embedded]
    preview: Embedded | None
    overlay: Embedded | None


def album(clips: Iterable[Shown]) -> dict[str, Pictures]:
    """Pictures of all clips, all scaled alike.

    Parameters
    ----------
    clips
        The clips.

    Returns
    -------
    dict
        By clip.
    """
    all_clips = list(clips)
    scale, quality = STEPS[0]
    total = sum(path.stat().st_size for one in all_clips for path in _paths(one))
    for scale, quality in STEPS:
        if scale == 1 and total <= MOST:
            break
        if scale < 1 and total * scale**2 * (quality / STEPS[0][1]) <= MOST:
            break
    return {
        one.clip.name: Pictures(
            {
                place: shown
                for place, path in one.posters.items()
                if (shown := _embedded(path, scale, quality)) is not None
            },
            _embedded(one.preview, scale, quality),
            _embedded(one.overlay, scale, quality),
        )
        for one in all_clips
    }


def _paths(one: Shown) -> list[Path]:
    return [*one.posters.values(), *(path for path in (one.preview, one.overlay) if path is not None)]


def _embedded(path: Path | None, scale: float, quality: int) -> Embedded | None:
    """A picture, scaled; None if it is missing or cannot be decoded."""
    if path is None:
        return None
    data = read_bytes(path)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        return None
    if scale == 1 and path.suffix == ".jpg":
        return _as_data(data, picture)
    height, width = picture.shape[:2]
    if path.suffix == ".png":  # an overlay is looked at closely; as JPEG it is a tenth of its size
        scale = min(1.0, OVERLAY_WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _as_data(coded.tobytes(), small)


def _as_data(data: bytes, picture: np.ndarray) -> Embedded:
    height, width = picture.shape[:2]
    return Embedded("data:image/jpeg;base64," + base64.b64encode(data).decode("ascii"), width, height)
