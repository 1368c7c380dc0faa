"""The picture that shows where something was found: a frame beside the map of how much each place changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from stimuli.provenance.overlays import Overlays, Region

WIDTH = 640
LEVELS = 60.0
"""Standard deviation over time, in levels, from which the map is brightest."""
GAP = 12
LINE = 26
FONT = cv2.FONT_HERSHEY_SIMPLEX
BOX = (255, 0, 200)
INK = (30, 30, 30)


def drawn(overlays: Overlays, background: NDArray[np.uint8]) -> bytes:
    """PNG of a frame (h, w, 3) RGB and the map, side by side, regions boxed and listed below."""
    height = max(1, round(WIDTH * background.shape[0] / background.shape[1]))
    frame = np.asarray(cv2.resize(background, (WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)
    level = np.clip(overlays.variation * (255 / LEVELS), 0, 255).astype(np.uint8)
    colors = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    heat = np.asarray(cv2.resize(colors, (WIDTH, height), interpolation=cv2.INTER_NEAREST), np.uint8)
    for number, region in enumerate(overlays.regions, start=1):
        _box(frame, region, number)
        _box(heat, region, number)
    between = np.full((height, GAP, 3), 255, np.uint8)
    both = np.hstack([frame, between, heat])
    captions = [_caption(number, region) for number, region in enumerate(overlays.regions, start=1)]
    captions += [overlays.message] if overlays.message else []
    captions.append(f"right: SD of luma over time, black 0, brightest {LEVELS:.0f} levels or more")
    text = np.full((LINE * len(captions) + GAP, both.shape[1], 3), 255, np.uint8)
    for row, caption in enumerate(captions, start=1):
        cv2.putText(text, caption, (6, LINE * row), FONT, 0.6, INK, 1, cv2.LINE_AA)
    whole = np.vstack([both, text])
    return cv2.imencode(".png", cv2.cvtColor(whole, cv2.COLOR_RGB2BGR))[1].tobytes()


def _box(picture: NDArray[np.uint8], region: Region, number: int) -> None:
    height, width = picture.shape[:2]
    left, top = round(region.x * width) - 4, round(region.y * height) - 4
    right, bottom = (
        round((region.x + region.width) * width) + 4,
        round((region.y + region.height) * height) + 4,
    )
    cv2.rectangle(picture, (left, top), (right, bottom), BOX, 2)
    below = bottom + 18 if top < 24 else top - 6
    cv2.putText(picture, str(number), (max(left, 2), below), FONT, 0.6, BOX, 2, cv2.LINE_AA)


def _caption(number: int, region: Region) -> str:
    kind = region.kind.replace("_", " ")
    return (
        f"{number}: {kind}, {region.from_s:.2f} to {region.to_s:.2f} s, "
        f"edges of {region.strength:.0f} levels/pixel, {100 * region.persistence:.0f} % of them stays"
    )
