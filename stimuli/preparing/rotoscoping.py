"""A clip drawn over: flat colors and dark contours that follow the filmed movement, without flicker.

The positive control of studies with cartoons (Han et al. 2007, Cerebral Cortex 17, showed children and adults
rotoscoped film). The picture is abstracted as Winnemöller, Olsen & Gooch (2006, ACM Transactions on Graphics 25,
1221–1226) do for video: edge-preserving smoothing, quantised colors with soft steps, contours from a difference of
Gaussians. What would flicker is carried along the optical flow from frame to frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from protocols.base.seeds import generator

_THINNEST = 0.8  # pixels: a finer Gaussian sees no edge
_LUMA = (0.0722, 0.7152, 0.2126)
_NO_FLOW_YET = np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class Style:
    """How it is drawn.

    Attributes
    ----------
    colors
        Colors of the palette at most, chosen once for the clip.
    apart
        Least distance of two of them, in CIELAB units (ΔE); a dull clip gets fewer.
    step
        Softness of the step from one to the next, ΔE: 0 would flicker.
    vivid
        Factor of the palette's chroma.
    smoothing
        Rounds of bilateral filtering.
    similar
        Levels (of 255) within which the bilateral filter mixes neighbors.
    line_width
        Standard deviation of the finer Gaussian, in pixels at a height of 720.
    faint, clear
        Contour strength, in levels, at which a line may go on, and above which it begins (hysteresis).
    shortest
        Pixels (at a height of 720) below which a line is left out.
    ink
        How dark a line is, 0 to 1.
    memory
        Share of what was drawn before that stays, where the movement is understood.
    seed
        Of the palette's search.
    """

    colors: int = 18
    apart: float = 7.0
    step: float = 0.7
    vivid: float = 1.25
    smoothing: int = 3
    similar: float = 28.0
    line_width: float = 1.6
    faint: float = 2.0
    clear: float = 5.0
    shortest: int = 60
    ink: float = 0.9
    memory: float = 0.75
    seed: int = 1


def palette(samples: np.ndarray, style: Style) -> np.ndarray:
    """The colors of a clip.

    k-means in CIELAB over the colors that occur, each weighted by the square root of its frequency, so that a face is
    not lost to a large wall.

    Parameters
    ----------
    samples
        (n, 3) float32 CIELAB.

    Returns
    -------
    np.ndarray
        (colors, 3) float32 CIELAB.
    """
    cells, index, counts = np.unique(
        np.floor(samples / 4).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    weights = np.sqrt(counts.astype(np.float64))
    points = np.stack(
        [np.bincount(index.ravel(), samples[:, axis], len(cells)) / counts for axis in range(3)], axis=1
    )
    count = min(style.colors, len(points))
    centers = _clustered(points, weights, count, style.seed)
    while count > 1 and _nearest_two(centers) < style.apart:
        count -= 1
        centers = _clustered(points, weights, count, style.seed)
    return centers.astype(np.float32)


def _clustered(points: np.ndarray, weights: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Centers of weighted k-means, begun as k-means++ begins."""
    rng = generator(seed, "palette", count)
    centers = points[[int(rng.choice(len(points), p=weights / weights.sum()))]]
    while len(centers) < count:
        far = _distances(points, centers).min(axis=1) * weights
        centers = np.vstack([centers, points[int(rng.choice(len(points), p=far / far.sum()))]])
    for _ in range(40):
        nearest = _distances(points, centers).argmin(axis=1)
        mass = np.bincount(nearest, weights, count)
        sums = [np.bincount(nearest, weights * points[:, axis], count) for axis in range(3)]
        moved = np.where(mass[:, None] > 0, np.stack(sums, axis=1) / np.maximum(mass, 1e-9)[:, None], centers)
        if np.allclose(moved, centers, atol=1e-3):
            break
        centers = moved
    return centers


def _nearest_two(centers: np.ndarray) -> float:
    apart = _distances(centers, centers)
    return float(np.sqrt(apart[~np.eye(len(centers), dtype=bool)].min()))


def _distances(points: np.ndarray, centers: np.ndarray) -> np.ndarray:
    return ((points[:, None] - centers[None]) ** 2).sum(axis=2)


class Colors:
    """Every color as it is drawn, worked out when it first occurs.

    Between two colors of the palette lies a soft step, so that a slight change of a pixel never makes it jump.

    Parameters
    ----------
    centers
        The palette, (colors, 3) CIELAB.
    style
        How soft, and how vivid.
    """

    def __init__(self, centers: np.ndarray, style: Style) -> None:
        self._centers, self._step = centers, style.step
        self._drawn = centers * np.array([1, style.vivid, style.vivid], np.float32)
        self._spacing = np.sqrt(_distances(centers, centers))
        self._table = np.zeros((1 << 24, 3), np.uint8)
        self._known = np.zeros(1 << 24, bool)

    def of(self, picture: np.ndarray) -> np.ndarray:
        """A picture in the colors of the palette; (height, width, 3) uint8 B′G′R′, in and out."""
        index = picture.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        new = np.unique(index[~self._known[index]])
        if len(new):
            bgr = np.stack([new >> 16, new >> 8 & 255, new & 255], axis=1).astype(np.float32) / 255
            self._table[new], self._known[new] = (
                self._mixed(cv2.cvtColor(bgr[None], cv2.COLOR_BGR2LAB)[0]),
                True,
            )
        return self._table[index]

    def _mixed(self, lab: np.ndarray) -> np.ndarray:
        squares = _distances(lab, self._centers)
        rows, nearest = np.arange(len(lab)), squares.argmin(axis=1)
        least = squares[rows, nearest]
        others = squares.copy()
        others[rows, nearest] = np.inf
        # How far a color is from the border between its two nearest centers is the difference of their squared
        # distances over twice their spacing: divided by that, every step is equally soft, in ΔE.
        spacing = np.maximum(self._spacing[nearest, others.argmin(axis=1)], 1e-6)
        share = np.exp(-(squares - least[:, None]) / (2 * self._step * spacing[:, None]))
        # Summed color by color: a matrix product may round differently from call to call, as memory happens to lie.
        mixed = np.zeros((len(lab), 3), np.float32)
        for part, color in zip((share / share.sum(axis=1, keepdims=True)).T, self._drawn, strict=True):
            mixed += part[:, None] * color
        return np.clip(np.rint(cv2.cvtColor(mixed[None], cv2.COLOR_LAB2BGR)[0] * 255), 0, 255).astype(
            np.uint8
        )


class Rotoscope:
    """Draws a clip frame by frame.

    Parameters
    ----------
    colors
        Its palette.
    style
        How it is drawn.
    """

    def __init__(self, colors: Colors, style: Style) -> None:
        self._colors = colors
        self._style = style
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._gray: np.ndarray | None = None
        self._smooth: np.ndarray | None = None
        self._strength: np.ndarray | None = None
        self._ink: np.ndarray | None = None

    def draw(self, picture: np.ndarray) -> np.ndarray:
        """The next frame, drawn.

        Parameters
        ----------
        picture
            (height, width, 3) uint8, B′G′R′.
        """
        height, width = picture.shape[:2]
        small = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY)
        warp = self._movement(gray)
        smooth = small
        for _ in range(self._style.smoothing):
            smooth = cv2.bilateralFilter(smooth, 7, self._style.similar, 4)
        smooth = self._carried(smooth.astype(np.float32), self._smooth, warp, 12.0)
        full = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC)
        strength = self._carried(self._contours(full), self._strength, warp, 3.0)
        ink = self._carried(self._lines(strength, warp), self._ink, warp, 0.7)
        self._gray, self._smooth, self._strength, self._ink = gray, smooth, strength, ink
        colored = self._colors.of(np.clip(np.rint(full), 0, 255).astype(np.uint8))
        return np.clip(colored * (1 - self._style.ink * ink)[..., None], 0, 255).astype(np.uint8)

    def _movement(self, gray: np.ndarray) -> np.ndarray | None:
        """Where each pixel was in the frame before (half size); None at the first frame and after a cut."""
        if self._gray is None:
            return None
        flow = self._flow.calc(gray, self._gray, _NO_FLOW_YET)
        grid = np.stack(np.meshgrid(np.arange(gray.shape[1]), np.arange(gray.shape[0])), axis=2)
        where = (grid + flow).astype(np.float32)
        before = _moved(self._gray, where)
        return None if cv2.absdiff(before, gray).mean() > 20 else where

    def _carried(
        self, now: np.ndarray, before: np.ndarray | None, warp: np.ndarray | None, like: float
    ) -> np.ndarray:
        """What is drawn now, mixed with what was drawn before where that has moved to and still fits."""
        if before is None or warp is None:
            return now
        moved = self._warped(before, warp)
        apart = np.abs(now - moved)
        apart = apart.max(axis=2) if apart.ndim == 3 else apart
        share = self._style.memory * np.exp(-((apart / like) ** 2))
        return now + (share[..., None] if now.ndim == 3 else share) * (moved - now)

    def _warped(self, before: np.ndarray, warp: np.ndarray) -> np.ndarray:
        height, width = before.shape[:2]
        if warp.shape[:2] != (height, width):
            scale = np.array([width / warp.shape[1], height / warp.shape[0]], np.float32)
            warp = cv2.resize(warp, (width, height), interpolation=cv2.INTER_LINEAR) * scale
        return _moved(before, warp)

    def _contours(self, full: np.ndarray) -> np.ndarray:
        """How much darker a pixel is than its surroundings, in levels: the dark side of every edge."""
        blue, green, red = (full[..., channel] * np.float32(share) for channel, share in enumerate(_LUMA))
        luma = blue + green + red
        sigma = max(_THINNEST, self._style.line_width * full.shape[0] / 720)
        return np.maximum(
            cv2.GaussianBlur(luma, (0, 0), 1.6 * sigma) - cv2.GaussianBlur(luma, (0, 0), sigma), 0
        )

    def _lines(self, strength: np.ndarray, warp: np.ndarray | None) -> np.ndarray:
        """Lines, 0 to 1: they begin where contours are clear and go on while they are at least faint."""
        style = self._style
        begins = strength > style.clear
        if self._ink is not None and warp is not None:
            begins |= (self._warped(self._ink, warp) > 0.5) & (strength > style.faint)
        count, labels, stats, _ = cv2.connectedComponentsWithStats((strength > style.faint).astype(np.uint8))
        scale = (strength.shape[0] / 720) ** 2
        kept = np.bincount(labels.ravel(), begins.ravel(), count) > 0
        kept &= stats[:, cv2.CC_STAT_AREA] >= style.shortest * scale
        kept[0] = False
        raised = np.clip((strength - style.faint) / (style.clear - style.faint), 0, 1)
        return (raised * raised * (3 - 2 * raised) * kept[labels]).astype(np.float32)


def _moved(picture: np.ndarray, where: np.ndarray) -> np.ndarray:
    """`picture` taken at the places `where`, (height, width, 2): x and y of each pixel."""
    x, y = (np.ascontiguousarray(where[..., axis]) for axis in (0, 1))
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
