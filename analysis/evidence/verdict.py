"""``verdict.json``: the decision as data, keyed by hypothesis; its JSON Schema is exported."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from analysis.evidence.controls import ControlOutcome
from analysis.evidence.outcomes import Asks, Magnitude, Outcome

VERDICT_SCHEMA = 1


class Record(BaseModel):
    """A part of the verdict: no unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Ci(Record):
    """A confidence interval."""

    level: float
    low: float
    high: float


class ControlRecord(Record):
    """The positive control that decides whether equivalence can be interpreted."""

    outcome: ControlOutcome
    group: str
    contrast: tuple[str, str]
    direction: Literal["above", "below"]
    estimate: float | None
    lower_limit: float | None
    minimum: float
    reason: str | None = None


class SpreadRecord(Record):
    """The test that people's effects do not scatter widely around their mean."""

    outcome: Literal["not_tested", "inside", "not_shown"]
    bound: float | None = None
    group: str | None = Field(None, description="the group with the widest spread")
    sd: float | None = Field(None, description="SD over people of the effect; 0 is an ordinary estimate")
    p: float | None = Field(None, description="probability of so small an estimate with the SD at the bound")
    upper_limit: float | None = Field(None, description="one-sided upper confidence limit of the SD")
    level: float | None = Field(None, description="its confidence level")
    limit: float | None = None
    share_beyond: float | None = Field(
        None, description="share of people beyond ±limit that the estimated mean and SD imply"
    )
    method: str | None = None
    reason: str | None = None


class HypothesisRecord(Record):
    """One hypothesis, with every number of its deciding analysis."""

    id: str
    measure: str
    level: Literal["conscious", "neural"]
    effect: str
    contrast: tuple[str, str] | None
    condition: str | None
    group: str
    groups: tuple[str, ...]
    asks: Asks
    family: str | None
    exploratory: bool
    statement: str
    deciding_model: str
    method: str
    scope: str = Field(description="what the estimate generalizes to")
    n_people: dict[str, int]
    n_scenes: int | None
    unit: str
    estimate: float | None
    se: float | None
    df: float | None
    p_raw: float | None
    p_adjusted: float | None
    p_above_lower_bound: float | None
    p_below_upper_bound: float | None
    p_equivalence_adjusted: float | None
    ci_difference: Ci | None
    ci_equivalence: Ci | None
    bound: float | None
    control: ControlRecord | None
    spread: SpreadRecord | None
    outcome: Outcome
    magnitude: Magnitude | None
    qualifier: str | None = Field(
        description="what keeps the outcome from saying more, e.g. 'equivalent, uninterpretable'"
    )
    reason: str | None = Field(description="why there is no estimate")
    says: str
    does_not_show: tuple[str, ...]


class FamilyRecord(Record):
    """A family of hypotheses."""

    name: str
    claim: Literal["any", "all", "each"]
    adjustment: Literal["holm", "none"]
    members: tuple[str, ...]
    outcome: Outcome | None
    says: str


class JointRecord(Record):
    """What the person says beside what the brain does, for one group."""

    group: str
    conscious_hypothesis: str
    neural_hypothesis: str
    conscious: Outcome
    neural: Outcome
    neural_together: Outcome | None = Field(
        None, description="over several neural measures: equivalent only if each is, different if any is"
    )
    control: str
    claim: Literal[
        "none",
        "neither_distinguishes",
        "both_distinguish",
        "only_reports_distinguish",
        "neural_difference_without_discrimination",
    ]
    dissociation: Literal["not_tested"] = "not_tested"
    says: str
    does_not_show: tuple[str, ...]


class PlanRecord(Record):
    """The plan the verdict was computed from."""

    name: str
    title: str
    sha256: str
    sealed: bool = False
    amendments: int = 0
    deviations: int = 0


class Verdict(Record):
    """The whole decision."""

    schema_version: int = Field(VERDICT_SCHEMA, alias="schema")
    plan: PlanRecord
    blinded: bool
    hypotheses: tuple[HypothesisRecord, ...]
    families: tuple[FamilyRecord, ...]
    joint: tuple[JointRecord, ...]
    GeneratedBy: list[dict[str, Any]] = Field(default_factory=list)

    def confirmatory(self) -> tuple[HypothesisRecord, ...]:
        """The hypotheses that decide."""
        return tuple(record for record in self.hypotheses if not record.exploratory)

    def exploratory(self) -> tuple[HypothesisRecord, ...]:
        """The hypotheses that do not."""
        return tuple(record for record in self.hypotheses if record.exploratory)


def verdict_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``verdict.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Verdict.model_json_schema(by_alias=True),
    }
