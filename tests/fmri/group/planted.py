"""A group of people's maps in the template's world, with effects planted in it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from analysis.fmri.group.loading import PersonMap
from analysis.fmri.group.mapping import MapQuestion
from analysis.fmri.group.template import brain_of
from analysis.fmri.images import image_bytes
from analysis.fmri.preprocessing.resampling import Grid
from protocols.base.files import write_atomically

EDGE_MM = 9.0
SPACE = "MNI152NLin2009aSym"
ADULTS_MORE, CHILDREN_MORE = (3.0, 48.0, 27.0), (-42.0, -60.0, 18.0)
NOISY_BELOW_MM = -36.0
DARK = (30.0, -15.0, 54.0)
QUESTION = MapQuestion("ai-live", "AI − live action", "percent_signal", ("child", "adult"), 0.10)
SETTINGS: Mapping[str, Any] = {
    "min_tsnr": 20.0,
    "alpha": 0.05,
    "alpha_equivalence": 0.05,
    "power": 0.80,
    "permutations": 199,
    "cluster_p": 0.001,
    "seed": 7,
    "threads": 1,
    "brains": Path("no template kept"),
}


def grid(edge_mm: float = EDGE_MM) -> Grid:
    """The template's brain and some air, in large voxels."""
    sides = [int(np.ceil(mm / edge_mm)) + 1 for mm in (150, 192, 162)]
    affine = np.diag([edge_mm, edge_mm, edge_mm, 1.0])
    affine[:3, 3] = (-78.0, -114.0, -72.0)
    return Grid((sides[0], sides[1], sides[2]), affine)


def near(place_mm: Sequence[float], radius_mm: float, where: Grid) -> np.ndarray:
    """Voxels around a place, (x, y, z)."""
    distance = np.linalg.norm(where.points() - np.array(place_mm)[:, None], axis=0)
    return (distance <= radius_mm).reshape(where.shape)


def person_map(folder: Path, name: str, group: str, effect: np.ndarray, tsnr: np.ndarray, where: Grid,
               *, space: str = SPACE, contrast: str = "aiLive") -> PersonMap:  # fmt: skip
    """Write a person's maps under the names that persons' maps have."""
    stem = f"{name}_task-film_space-{space}_res-9"
    home = folder / name / "func"
    paths = (
        home / f"{stem}_contrast-{contrast}_stat-effect_statmap.nii.gz",
        home / f"{stem}_stat-tsnr_statmap.nii.gz",
    )
    for path, values in zip(paths, (effect, tsnr), strict=True):
        write_atomically(path, image_bytes(values, where, "planted"))
    return PersonMap(name, group, *paths)


def plant(
    folder: Path, *, per_group: int = 12, where: Grid | None = None, sd: float = 0.06
) -> list[PersonMap]:
    """Adults have .5 % more in one place and .5 % less in another; noise is large at the bottom."""
    where = where or grid()
    brain = brain_of(SPACE, folder).inside(where)
    height = where.points()[2].reshape(where.shape)
    up, down = near(ADULTS_MORE, 14, where), near(CHILDREN_MORE, 14, where)
    summit = near(ADULTS_MORE, 4, where)
    people = []
    for number in range(2 * per_group):
        group = "adult" if number % 2 else "child"
        random = np.random.default_rng([3, number])
        effect = random.normal(0.1, sd, where.shape)
        effect[height < NOISY_BELOW_MM] += random.normal(0, 0.6, where.shape)[height < NOISY_BELOW_MM]
        if group == "adult":
            effect += 0.5 * up - 0.5 * down + 0.3 * summit
        tsnr = np.where(near(DARK, 14, where), 10.0, 60.0)
        people.append(
            person_map(folder, f"sub-{number + 1:02d}", group, np.where(brain, effect, np.nan),
                       np.where(brain, tsnr, np.nan), where)
        )  # fmt: skip
    return people
