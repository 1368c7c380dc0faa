"""From what a file stores to pixels: range, matrix, size and rotation undone, exactly and quickly.

FFmpeg's quick conversion to RGB is up to three levels off when it scales as well, which is 4 % of a mid-gray's
luminance; so only the bits and the layout of rarer formats are left to it, and the matrix is applied here.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation

from stimuli.probing import Probe

_EXPAND = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
_TURNS = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}


def full_luma(source: VideoFrame, probe: Probe) -> np.ndarray:
    """Y' of a decoded frame in full range, as stored: (height, width) uint8."""
    if not _has_planes(source, probe):
        source = _converted(source, probe, (probe.width, probe.height), "yuv420p")
    luma = _planes(source)[0]
    return luma.copy() if probe.range == "full" else cv2.LUT(luma, _EXPAND)


def full_rgb(source: VideoFrame, probe: Probe, size: tuple[int, int]) -> np.ndarray:
    """R'G'B' of a decoded frame in full range, as stored, brought to a size: (height, width, 3) uint8.

    Parameters
    ----------
    source, probe
        The frame and its file.
    size
        Width and height.
    """
    if _is_rgb(source):
        picture = source.reformat(format="rgb24").to_ndarray()
        return shrunk(picture, size)
    if not _has_planes(source, probe):
        source = _converted(source, probe, (source.width, source.height), "yuv444p")
    planes = [shrunk(plane, size) for plane in _planes(source)]
    if len(planes) == 1:
        planes += [np.full_like(planes[0], 128)] * 2
    return cv2.transform(cv2.merge(planes[:3]), _to_rgb(probe.coded_matrix, probe.range == "full"))


def shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture brought to a width and height by area averaging; linear where it grows.

    Exact halvings come first: OpenCV does them many times faster than any other shrinking.
    """
    width, height = size
    while picture.shape[1] >= 2 * width and picture.shape[0] >= 2 * height and _even(picture):
        picture = cv2.resize(
            picture, (picture.shape[1] // 2, picture.shape[0] // 2), interpolation=cv2.INTER_LINEAR
        )
    if picture.shape[:2] == (height, width):
        return picture
    grows = picture.shape[1] <= width and picture.shape[0] <= height
    return cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR if grows else cv2.INTER_AREA)


def upright(picture: np.ndarray, rotation: int) -> np.ndarray:
    """The picture turned as players turn it."""
    turn = _TURNS.get(rotation % 360)
    return picture if turn is None else cv2.rotate(picture, turn)


@cache
def _to_rgb(matrix: str, full: bool) -> np.ndarray:
    """From Y'CbCr levels to R'G'B' levels, (3, 4) with the offset last: Rec. ITU-R BT.601 and BT.709, section 3."""
    red, blue = (0.299, 0.114) if matrix == "bt601" else (0.2126, 0.0722)
    green = 1 - red - blue
    luma, chroma, black = (1.0, 1.0, 0.0) if full else (255 / 219, 255 / 224, 16.0)
    from_cb, from_cr = 2 * (1 - blue) * chroma, 2 * (1 - red) * chroma
    rows = np.array(
        [
            [luma, 0, from_cr],
            [luma, -from_cb * blue / green, -from_cr * red / green],
            [luma, from_cb, 0],
        ]
    )
    return np.column_stack([rows, -rows @ (black, 128, 128)]).astype(np.float32)


def _converted(source: VideoFrame, probe: Probe, size: tuple[int, int], layout: str) -> VideoFrame:
    """The frame in a layout of 8 bits, in its own matrix and range; from RGB, in Rec. 709."""
    bt601 = probe.coded_matrix == "bt601" and not _is_rgb(source)
    matrix = Colorspace.ITU601 if bt601 else Colorspace.ITU709
    span = ColorRange.JPEG if probe.range == "full" else ColorRange.MPEG
    return source.reformat(
        width=size[0],
        height=size[1],
        format=layout,
        src_colorspace=matrix,
        dst_colorspace=matrix,
        src_color_range=span,
        dst_color_range=span,
        interpolation=Interpolation.AREA,
    )


def _has_planes(source: VideoFrame, probe: Probe) -> bool:
    """Whether Y', Cb and Cr (or Y' alone) lie there by themselves in 8 bits, in the size the file announced."""
    name, bits = source.format.name, source.format.components[0].bits
    announced = (source.width, source.height) == (probe.width, probe.height)
    return announced and bits == 8 and name.startswith(("yuv4", "yuvj4", "gray"))


def _is_rgb(source: VideoFrame) -> bool:
    return not source.format.name.startswith(("yuv", "gray", "nv", "p0"))


def _even(picture: np.ndarray) -> bool:
    return picture.shape[0] % 2 == 0 and picture.shape[1] % 2 == 0


def _planes(source: VideoFrame) -> list[np.ndarray]:
    return [
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in source.planes
    ]
