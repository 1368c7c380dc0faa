"""The grid of INFERENCE 14 for the crossed mixed model, and studies drawn under its truths."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pandas as pd

from analysis.models.design import Array

Kind = Literal["linear", "choices"]
GROUPS = ("child", "adult")
SEED = 14
ALPHA = 0.05
BOUND = 0.5
"""Of d′. A linear model's bound is so far out that the other of both one-sided tests always rejects: the worst case."""
SLOPE = {
    "linear": {"0": 0.0, "medium": 0.3, "large": 0.6},
    "choices": {"0": 0.0, "medium": 0.2, "large": 0.4},
}
BY_GROUP = {"0": 0.0, "medium": 0.15, "large": 0.2}
"""SD of scene x group x condition."""
LEVEL = {"linear": 0.5, "choices": 0.4}
"""SD of people's and of scenes' mean; that of scene x group is .2. The linear residual SD is 1."""
PERSON = 0.3
"""SD over people of the first group's effect: the bound of its spread."""


@dataclass(frozen=True)
class Cell:
    """One design under one truth.

    Attributes
    ----------
    kind
        Linear values, or choices with d′.
    scenes, people
        How many scenes, and people per group.
    slope
        SD of scenes' effect of the condition: a key of `SLOPE`.
    ratio
        The second group's SD of people's effects (and residual SD of linear values), as a multiple of the first's.
    """

    kind: Kind
    scenes: int
    people: tuple[int, int]
    slope: str
    ratio: int

    @property
    def name(self) -> str:
        """What tables call it, and what its random numbers hang on."""
        first, second = self.people
        people = f"{first}" if first == second else f"{first}+{second}"
        return f"{self.kind}/scenes-{self.scenes}/people-{people}/slope-{self.slope}/ratio-{self.ratio}"

    @property
    def person(self) -> tuple[float, float]:
        """SD over people of each group's effect."""
        return PERSON, PERSON * self.ratio

    @property
    def residual(self) -> tuple[float, float]:
        """Residual SD of each group, of linear values."""
        return 1.0, float(self.ratio)

    @property
    def scene(self) -> tuple[float, float, float, float]:
        """SDs over scenes: mean, condition, group, group x condition."""
        return LEVEL[self.kind], SLOPE[self.kind][self.slope], 0.2, BY_GROUP[self.slope]

    def conditional(self, marginal: float) -> float:
        """The model's d′ of which the mean over scenes is `marginal`."""
        level, slope, group, both = self.scene
        variance = level**2 + group**2 / 4 + (slope**2 + both**2 / 4) / 4
        return marginal * float(np.sqrt(1.0 + variance))


def grid(kind: Kind) -> list[Cell]:
    """The cells of a kind, the cheap ones first; for linear values with groups of unequal size as well."""
    sizes = [(20, 20), (34, 34)] + ([(20, 34), (34, 20)] if kind == "linear" else [])
    cells = [
        Cell(kind, scenes, people, slope, ratio)
        for scenes, people, slope, ratio in product((12, 24, 48), sizes, SLOPE[kind], (1, 2))
    ]
    return [cell for cell in cells if cell.people[0] == cell.people[1] or cell.ratio == 2]


def draw(cell: Cell, truth: tuple[float, float], random: np.random.Generator) -> list[Array]:
    """A study: values of each group, (people, scenes, 2), live before AI.

    Parameters
    ----------
    truth
        Effect of each group; for choices on the scale of the linear predictor.
    """
    of_scene = random.standard_normal((cell.scenes, 4)) * np.array(cell.scene)
    found = []
    for k in range(2):
        own = random.standard_normal((cell.people[k], 2)) * np.array([LEVEL[cell.kind], cell.person[k]])
        g = k - 0.5
        level = own[:, None, 0] + of_scene[:, 0] + g * of_scene[:, 2]
        slope = truth[k] + own[:, None, 1] + of_scene[:, 1] + g * of_scene[:, 3]
        mean = level[..., None] + slope[..., None] * np.array([-0.5, 0.5])
        noise = random.standard_normal(mean.shape)
        values = (
            mean + cell.residual[k] * noise if cell.kind == "linear" else (mean + noise > 0).astype(float)
        )
        found.append(values)
    return found


def table(values: list[Array]) -> pd.DataFrame:
    """The same study as a measure table holds it."""
    parts = []
    for group, own in zip(GROUPS, values, strict=True):
        person, scene, arm = (index.ravel() for index in np.indices(own.shape))
        parts.append(
            pd.DataFrame(
                {
                    "participant_id": [f"sub-{group[0]}{i:02d}" for i in person],
                    "group": group,
                    "condition": np.where(arm == 1, "ai", "live"),
                    "scene": [f"scene{s:02d}" for s in scene],
                    "value": own.ravel(),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)
