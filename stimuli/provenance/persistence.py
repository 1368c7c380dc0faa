"""Edges that stay exactly where they are while the scenery moves: the sign of something laid over the picture.

A logo or label is drawn at the same pixels in every frame, so its luma gradient is the same vector in every frame,
whatever passes behind it; a half-transparent one adds a constant vector to the changing ones of the scene. The mean
gradient therefore keeps the mark and loses the scene (the watermark estimation of Dekel et al. 2017, "On the
effectiveness of visible watermarks", CVPR, across frames instead of pictures). Scenery that happens to stay in place
is told apart by its drift: a camera on a tripod, and every camera that a generator imagines, still moves by a good part
of a pixel, a mark by none (displacement after Lucas & Kanade 1981).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of the small picture."""

EDGE = 2.5
"""Levels per pixel: a standing edge is at least this strong in every quarter of the time looked at."""
SHARES = (0.45, 0.65, 0.85, 0.97)
"""Shares of the gradient that stay. Edges are cut out at each, because a mark may touch standing scenery."""
JOINS = (9, 5)
"""Gaps of fewer pixels (width, height) are closed, so that letters become words."""
LEAST_PIXELS = 20
RIM = 0.35
"""Edges weaker than this share of the patch's strong ones (90th percentile) do not widen its box."""
LARGEST = (0.25, 0.5)
"""Largest height and width of a mark, as shares of the picture's."""
SCENERY = 2.5
"""Levels per pixel from which an edge tells whether the scenery moves."""
DISPLACED = 0.25
"""Pixels by which the luma at an edge must seem to move between two quarters of the time to count as moving,"""
LEAST_CHANGE = 2.0
"""and levels by which it must change: the quarters' means still hold some noise."""
AROUND = 40
"""Width in pixels of the surroundings looked at."""
BESIDE = 12
"""and where something that came or went would have to pass."""
FEW_EDGES = 150
"""With fewer edges around it, a mark is compared with the whole picture."""


@dataclass(frozen=True)
class Patch:
    """Some edges: the box around them, and which of its pixels they are, (height, width) of the box."""

    box: Box
    pixels: Mask

    @property
    def place(self) -> tuple[slice, slice]:
        """The box as an index into (h, w)."""
        x, y, width, height = self.box
        return slice(y, y + height), slice(x, x + width)

    @cached_property
    def count(self) -> int:
        """Number of its pixels."""
        return int(self.pixels.sum())

    @property
    def density(self) -> float:
        """Its pixels, weighted by how much of the box they fill: large where the box is tight."""
        return self.count**2 / self.pixels.size

    def of(self, values: NDArray[Any]) -> NDArray[Any]:
        """Its values in a map, (count,), or in a stack of maps, (n, count)."""
        return values[(..., *self.place)][..., self.pixels]


@dataclass(frozen=True)
class Stretch:
    """Some consecutive frames: their mean gradient and how much of the gradient it keeps, maps of (h, w).

    Attributes
    ----------
    x, y
        Mean luma gradient, levels per pixel.
    energy
        Mean length of the gradients.
    steady
        Length of the mean gradient in the quarter of the time where it is shortest, along its direction.
    quarters
        Mean luma of each quarter of the time, (4, h, w).
    """

    x: Floats
    y: Floats
    energy: Floats
    steady: Floats
    quarters: Floats

    @cached_property
    def length(self) -> Floats:
        """Length of the mean gradient."""
        return np.hypot(self.x, self.y)

    @cached_property
    def share(self) -> Floats:
        """How much of the gradient stays, 0 to 1; half a level is noise."""
        return self.length / (self.energy + np.float32(0.5))

    @cached_property
    def scenery(self) -> Mask:
        """Where the picture has edges, standing or not."""
        return self.energy >= SCENERY

    @cached_property
    def moving(self) -> Mask:
        """Edges at which the luma changes between any two quarters as if they had moved."""
        smooth = [
            cv2.GaussianBlur(quarter, (0, 0), 1.0) for quarter in self.quarters
        ]  # noise moves by itself
        change = np.max(smooth, axis=0) - np.min(smooth, axis=0)
        return self.scenery & (change >= np.maximum(DISPLACED * self.energy, LEAST_CHANGE))

    @cached_property
    def movement(self) -> float:
        """Share of the picture's edges that move; 0 where it has hardly any."""
        edges = int(self.scenery.sum())
        return float(self.moving.sum() / edges) if edges >= FEW_EDGES else 0.0

    def movement_around(self, patch: Patch) -> float:
        """Share of the edges around a patch that move; of all edges, where there are few around it."""
        x, y, width, height = patch.box
        wide = slice(max(y - AROUND, 0), y + height + AROUND), slice(max(x - AROUND, 0), x + width + AROUND)
        near = slice(max(y - 3, 0), y + height + 3), slice(max(x - 3, 0), x + width + 3)
        edges = int(self.scenery[wide].sum() - self.scenery[near].sum())
        if edges < FEW_EDGES:
            return self.movement
        return float((self.moving[wide].sum() - self.moving[near].sum()) / edges)

    def standing_edges(self) -> Iterator[Patch]:
        """Groups of standing edges that are small enough to be a mark."""
        steady = self.steady >= EDGE
        for share in SHARES:
            yield from grouped(steady & (self.share >= share), largest(steady.shape))
        yield from grouped(steady & ~self.moving, largest(steady.shape))

    def persistence(self, patch: Patch) -> float:
        """Share of a patch's gradient that stays."""
        return float(patch.of(self.length).sum() / patch.of(self.energy).sum())

    def drift(self, patch: Patch) -> float:
        """How far a patch moves or grows, in pixels: the most that a quarter's luma is displaced from the mean's."""
        x, y = patch.of(self.x), patch.of(self.y)
        down, across = np.nonzero(patch.pixels)
        _, _, width, height = patch.box
        outward = x * (across / width - 0.5) + y * (down / height - 0.5)
        slopes = np.stack([x, y, 2 * outward, np.ones_like(x)], axis=1)
        lumas = patch.of(self.quarters)
        moved = np.linalg.lstsq(slopes, (lumas - lumas.mean(axis=0)).T, rcond=None)[0]
        return float(max(np.hypot(moved[0], moved[1]).max(), np.abs(moved[2]).max()))


@dataclass(frozen=True)
class Samples:
    """Frames of a clip and their luma gradients, each (n, h, w).

    Parameters
    ----------
    luma
        uint8.
    x, y, size
        Gradient and its length in levels per pixel.
    """

    luma: NDArray[np.uint8]
    x: NDArray[np.int8]
    y: NDArray[np.int8]
    size: NDArray[np.uint8]

    @classmethod
    def of(cls, frames: Sequence[NDArray[np.uint8]]) -> Samples:
        """Sobel's gradients, an eighth of the sum: a ramp of one level per pixel gives 1."""
        luma = np.stack(frames)
        x, y = np.empty(luma.shape, np.int8), np.empty(luma.shape, np.int8)
        size = np.empty(luma.shape, np.uint8)
        for i, frame in enumerate(frames):
            along = cv2.Sobel(frame, cv2.CV_32F, 1, 0, scale=0.125)
            down = cv2.Sobel(frame, cv2.CV_32F, 0, 1, scale=0.125)
            np.rint(cv2.magnitude(along, down), out=size[i], casting="unsafe")
            np.clip(np.rint(along), -127, 127, out=x[i], casting="unsafe")
            np.clip(np.rint(down), -127, 127, out=y[i], casting="unsafe")
        return cls(luma, x, y, size)

    def stretch(self, part: slice) -> Stretch:
        """What stays over some frames, at least four."""
        marks = np.linspace(part.start, part.stop, 5).round().astype(int)
        fourths = [slice(int(a), int(b)) for a, b in pairwise(marks)]
        weights = np.diff(marks).astype(np.float32) / (part.stop - part.start)
        quarter_x, quarter_y = _means(self.x, fourths), _means(self.y, fourths)
        x, y = np.tensordot(weights, quarter_x, 1), np.tensordot(weights, quarter_y, 1)
        steady = (quarter_x * x + quarter_y * y).min(axis=0) / np.maximum(np.hypot(x, y), np.float32(1e-6))
        return Stretch(
            x, y, self.size[part].mean(axis=0, dtype=np.float32), steady, _means(self.luma, fourths)
        )

    def changed_around(self, before: slice, after: slice, patch: Patch) -> float:
        """Share of the pixels around a patch whose luma differs between two groups of frames."""
        x, y, width, height = patch.box
        wide = slice(max(y - BESIDE, 0), y + height + BESIDE), slice(max(x - BESIDE, 0), x + width + BESIDE)
        away = np.ones(self.luma.shape[1:], bool)
        away[max(y - 3, 0) : y + height + 3, max(x - 3, 0) : x + width + 3] = False
        earlier, later = _means(self.luma[(slice(None), *wide)], [before, after])
        change = np.abs(later - earlier)
        return float((change[away[wide]] >= 2 * LEAST_CHANGE).mean())

    def presence(self, x: Floats, y: Floats, patch: Patch) -> Floats:
        """How much of a gradient (h, w) each frame holds at a patch, (n,): 1 is all of it, 0 is nothing like it."""
        across, down = patch.of(x), patch.of(y)
        alike = patch.of(self.x).astype(np.float32) @ across + patch.of(self.y).astype(np.float32) @ down
        return alike / np.float32(across @ across + down @ down)


def largest(shape: tuple[int, ...]) -> tuple[float, float]:
    """Largest height and width of a mark in a picture of (h, w) pixels."""
    return LARGEST[0] * shape[0], LARGEST[1] * shape[1]


def roundness(x: Floats, y: Floats, patch: Patch) -> float:
    """Whether a patch's edges run in all directions (1) or in one (0): eigenvalue ratio of the structure tensor.

    A long edge that moves along itself, such as a horizon, seems to stand still; letters do not look so.
    """
    across, down = patch.of(x), patch.of(y)
    mixed = across @ down
    smaller, larger = np.linalg.eigvalsh(
        np.array([[across @ across, mixed], [mixed, down @ down]], np.float64)
    )
    return float(smaller / larger)


def tightened(length: Floats, patch: Patch) -> Patch:
    """The patch without the weak edges at its rim: scenery that stood still beside the mark."""
    lengths = length[patch.place]
    strong = patch.pixels & (lengths >= RIM * np.percentile(lengths[patch.pixels], 90))
    groups = sorted(grouped(strong, strong.shape), key=lambda group: group.count)
    if not groups:
        return patch
    boxes = np.array([group.box for group in groups if 4 * group.count >= groups[-1].count])
    x, y = (int(value) for value in boxes[:, :2].min(axis=0))
    right, bottom = (int(value) for value in (boxes[:, :2] + boxes[:, 2:]).max(axis=0))
    left, top, _, _ = patch.box
    return Patch((left + x, top + y, right - x, bottom - y), strong[y:bottom, x:right])


def grouped(edges: Mask, largest: tuple[float, float]) -> Iterator[Patch]:
    """Groups of edges, small gaps closed, of enough pixels and in a box not larger than (height, width)."""
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, JOINS)
    closed = cv2.morphologyEx(edges.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(closed, ltype=cv2.CV_16U)
    fit = np.bincount(labels[edges], minlength=count) >= LEAST_PIXELS
    fit &= (boxes[:, cv2.CC_STAT_HEIGHT] <= largest[0]) & (boxes[:, cv2.CC_STAT_WIDTH] <= largest[1])
    fit[0] = False
    for i in np.flatnonzero(fit):
        x, y, width, height = (int(value) for value in boxes[i, :4])
        place = slice(y, y + height), slice(x, x + width)
        yield Patch((x, y, width, height), (labels[place] == i) & edges[place])


def _means(values: NDArray[np.int8] | NDArray[np.uint8], parts: Sequence[slice]) -> Floats:
    return np.stack([values[part].mean(axis=0, dtype=np.float32) for part in parts])
