"""A head of smooth blobs that can be measured anywhere exactly: planted motion without a second interpolation."""

from collections.abc import Callable

import numpy as np

from analysis.fmri.preprocessing.resampling import Grid, Loaded
from analysis.fmri.preprocessing.rigid import grid_center, inverse, matrix_of

TILT = np.array(
    [[-4.0, 0.0, 0.0, 120.0], [0.0, 3.9, -0.7, -140.0], [0.0, 0.7, 3.9, 20.0], [0.0, 0.0, 0.0, 1.0]]
)
GRID = Grid((38, 44, 24), TILT)  # oblique, x from right to left, far from the origin
CENTER = grid_center(GRID.shape, GRID.affine)
_random = np.random.default_rng(3)
BLOBS = np.column_stack(
    [_random.uniform(-45, 45, (40, 3)), _random.uniform(6, 11, 40), _random.choice([-0.25, 0.25, 0.4], 40)]
)
RADII = np.array([58.0, 72.0, 52.0])

Place = np.ndarray


def head(points: Place, *, sharp: float = 1.0) -> np.ndarray:
    """Intensity at points of the head, (3, n) mm from its center: 1000 in an ellipsoid with soft edges, and blobs."""
    inside = 1 / (1 + np.exp((np.sqrt(((points / RADII[:, None]) ** 2).sum(axis=0)) - 1) * 16))
    texture = np.ones(points.shape[1])
    for x, y, z, width, height in BLOBS:
        squares = (points[0] - x) ** 2 + (points[1] - y) ** 2 + (points[2] - z) ** 2
        texture += height * np.exp(-squares / (2 * (width / sharp) ** 2))
    return 1000 * inside * texture


def volume(
    matrix: np.ndarray, *, up_mm: float = 0.0, change: Callable[[Place], np.ndarray] | None = None,
    grid: Grid = GRID, sharp: float = 1.0,
) -> np.ndarray:  # fmt: skip
    """What a scanner sees of the head after the motion `matrix`; `change` multiplies it at places of the head."""
    back = inverse(matrix)
    points = back[:3, :3] @ grid.points() + back[:3, 3:] - CENTER[:, None] - np.array([[0], [0], [up_mm]])
    seen = head(points, sharp=sharp)
    if change is not None:
        seen = seen * change(points)
    return seen.reshape(grid.shape)


def wander(n: int, seed: int, *, size: float = 1.0) -> np.ndarray:
    """Parameters of a head that drifts and jerks, (n, 6), mm and rad; still at first."""
    random = np.random.default_rng(seed)
    steps = random.normal(0, [0.1, 0.1, 0.15, 0.002, 0.0015, 0.0015], (n, 6))
    for at in random.choice(np.arange(1, n), max(1, n // 6), replace=False):
        steps[at] += random.normal(0, [0.7, 0.7, 1.5, 0.02, 0.015, 0.015])
    steps[0] = 0
    return size * np.cumsum(steps, axis=0)


def run_of(parameters: np.ndarray, *, noise: float = 10.0, seed: int = 1, **how: object) -> Loaded:
    """The head measured under planted parameters, with thermal noise of SD `noise` (1000 is tissue)."""
    random = np.random.default_rng(seed)
    data = np.stack([volume(matrix_of(row, CENTER), **how) for row in parameters], axis=-1)
    return Loaded((data + random.normal(0, noise, data.shape)).astype(np.float32), TILT)


def misplaced(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Mean displacement over the head between estimated and true matrices, (volumes,), mm.

    Both are taken relative to the run's mean pose, as the reference may lie anywhere between the volumes.
    """
    points = GRID.points()
    points = points[:, head(points - CENTER[:, None]) > 300]
    frame = np.mean(inverse(true) @ estimated, axis=0)
    apart = estimated - true @ frame
    return np.linalg.norm(apart[:, :3, :3] @ points + apart[:, :3, 3:], axis=1).mean(axis=1)
