"""One hypothesis on its way to an outcome."""

from __future__ import annotations

from dataclasses import dataclass, field

from analysis.evidence.controls import ControlResult
from analysis.evidence.outcomes import Magnitude, Outcome, Tests
from analysis.evidence.question import Evidence, Question
from analysis.evidence.second_opinion import Opinion
from analysis.evidence.sensitivity import Row
from protocols.plan.expanding import Expanded


@dataclass
class Case:
    """One hypothesis on its way to an outcome.

    Attributes
    ----------
    p_difference, p_equivalence
        Adjusted within the family where the hypothesis asks, raw otherwise.
    qualifier
        What keeps the outcome from saying more.
    codec
        Whether the comparison with the codec control says the same.
    """

    item: Expanded
    question: Question
    evidence: Evidence
    bound: float | None
    tests: Tests | None
    p_difference: float | None = None
    p_equivalence: float | None = None
    outcome: Outcome = "not_estimable"
    magnitude: Magnitude | None = None
    qualifier: str | None = None
    control: ControlResult | None = None
    codec: str = "absent"
    rows: list[Row] = field(default_factory=list)
    opinion: Opinion | None = None
