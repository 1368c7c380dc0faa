"""``maps/<name>.json``: what was asked of a map, of whom, and what came out, as data."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, Field

IMAGES = ("effect", "se", "t", "pvoxel", "ptfce", "pclustermass")
"""Of every map that could be estimated; NaN where not everybody has data."""
IMAGES_OF_A_BOUND = ("outcome", "halfwidth", "detectable")
"""Only where there is a bound."""
OUTSIDE = -1
"""In the map of outcomes: outside of the brain. Its other values are those of `maps.equivalence.Outcome`."""


class Part(BaseModel):
    """A part of the record: no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Left(Part):
    """Somebody whose maps could not be used."""

    participant: str
    group: str
    reason: str


class PersonCoverage(Part):
    """What a person's field of view means for the map."""

    participant: str
    group: str
    template_percent: float = Field(description="of the template's brain, measured in this person")
    lost_voxels: int = Field(description="of the brain, measured in everybody but this person")
    lost_percent: float = Field(description="the same, of the brain's voxels")


class Coverage(Part):
    """Which voxels were analyzed."""

    voxels: int = Field(description="measured in everybody: these are analyzed")
    brain_voxels: int = Field(description="of the template's brain, and those analyzed outside of it")
    template_percent: float = Field(description="of the template's brain, measured in everybody")
    union_percent: float = Field(description="of what was measured in anybody, measured in everybody")
    voxel_mm: tuple[float, float, float]
    people: tuple[PersonCoverage, ...] = Field(description="whose field of view costs most comes first")


class Passed(Part):
    """Voxels at or below alpha after correction for the whole brain."""

    smallest_p: float
    positive: int
    negative: int


class Testing(Part):
    """Whether anything differs: corrected for all voxels, not for the number of maps."""

    permutations: int
    seed: int
    alpha: float
    possible_p: float = Field(description="smallest corrected p that so few people and permutations can give")
    cluster_p: float = Field(description="two-sided p from which a voxel belongs to a cluster")
    cluster_t: float = Field(description="the same as |t|, at the median degrees of freedom")
    df: float = Field(description="median over voxels")
    constant_voxels: int = Field(description="in which nothing varies between people; not tested")
    clusters: int
    voxel: Passed
    tfce: Passed
    cluster_mass: Passed


class Count(Part):
    """Voxels, and what part of the brain's voxels they are."""

    voxels: int
    percent: float


class Outcomes(Part):
    """What can be said about each voxel of the brain, at false discovery rates (Benjamini and Yekutieli)."""

    bound: float
    alpha: float
    alpha_equivalence: float
    power: float
    min_tsnr: float
    different: Count
    equivalent: Count
    undecided: Count
    not_assessable: Count
    trivial: Count = Field(
        description="equivalent voxels in which a difference, inside the bound, is shown as well"
    )
    not_in_everybody: Count = Field(description="not assessable because somebody has no data there")
    low_tsnr: Count = Field(description="not assessable because somebody's tSNR is too low")
    too_uncertain: Count = Field(description="not assessable because the bound could not be detected there")
    median_half_width: float | None = Field(description="of the interval, over the analyzed voxels")


class MapRecord(Part):
    """One map.

    A map that could not be estimated has its `reason`, and no testing or outcomes.
    """

    name: str
    label: str
    unit: str
    groups: dict[str, int] = Field(
        description="people analyzed, by group; the effect is the second minus the first"
    )
    exploratory: bool
    estimable: bool
    reason: str = ""
    space: str
    covariates: tuple[str, ...]
    set_aside: tuple[Left, ...]
    coverage: Coverage | None = None
    testing: Testing | None = None
    outcomes: Outcomes | None = None

    def text(self) -> str:
        """As it is saved."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
