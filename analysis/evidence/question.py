"""What a deciding analysis gets and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from analysis.evidence.estimates import Estimate
from analysis.evidence.people import PersonEffects
from analysis.measures.table import MeasureTable
from protocols.plan.expanding import Expanded, session_of
from protocols.plan.measuring import Measure
from protocols.plan.promises import Plan

if TYPE_CHECKING:
    from analysis.evidence.crossed import Crossed
    from analysis.models import Spread


@dataclass(frozen=True)
class Sampling:
    """How the deciding analysis of choices and the spread get their p-values.

    Attributes
    ----------
    choices
        ``bootstrap``, or ``fast``: Student's t.
    samples, seed
        Studies drawn from the fitted model, and their seed.
    alpha
        Level of the one-sided tests.
    workers
        Processes; they change no number.
    """

    choices: Literal["bootstrap", "fast"] = "fast"
    samples: int = 1999
    seed: int = 1
    alpha: float = 0.05
    workers: int = 1


@dataclass(frozen=True)
class Question:
    """All that a deciding analysis may know.

    Attributes
    ----------
    item
        The hypothesis for its groups.
    measure, table
        What the plan says of the measure, and its values.
    people
        One row per person with covariates, or None.
    paired_scenes
        Whether people saw both versions of a scene; None where the plan does not say.
    fewest
        Scenes or trials a person needs per condition.
    rate_correction
        How hit and false-alarm rates of 0 and 1 are avoided.
    groups
        The groups a crossed model is fitted to: those of the hypothesis and, in a study of two groups, the other.
    sampling
        How p-values are drawn.
    fits
        Models fitted and effects computed already from this table, so that hypotheses on the same values share them.
    """

    item: Expanded
    measure: Measure
    table: MeasureTable
    people: pd.DataFrame | None
    paired_scenes: bool | None
    fewest: int
    rate_correction: str = "loglinear"
    groups: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    fits: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def conditions(self) -> tuple[str | None, str | None]:
        """The two conditions compared; without a first one the second is compared with a fixed value."""
        h = self.item.hypothesis
        return h.contrast or (None, h.condition)


@dataclass(frozen=True)
class Evidence:
    """One effect per person, and the estimate made of the values or the reason why there is none.

    Attributes
    ----------
    effects
        One number per person: what the test over people uses, and what figures show.
    by_person
        The estimate of the test over people, which is the deciding one or stands beside it.
    crossed
        The crossed model, where it decides.
    spreads
        Tests of people's spread against its bound, by group.
    """

    effects: PersonEffects
    estimate: Estimate | None
    reason: str | None
    by_person: Estimate | None = None
    crossed: Crossed | None = None
    spreads: Mapping[str, Spread | str] = field(default_factory=dict)


def ask(
    plan: Plan,
    item: Expanded,
    table: MeasureTable,
    people: pd.DataFrame | None,
    *,
    workers: int = 1,
    fits: dict[Any, Any] | None = None,
) -> Question:
    """The question a hypothesis of the plan puts to a measure table."""
    measure = plan.measures[item.hypothesis.measure]
    session = session_of(plan, measure)
    both = None if session is None else session.exposure == "both_versions"
    decision = plan.decision
    joint = tuple(plan.groups)
    if len(joint) != 2 or any(covariate.centre == "all" for covariate in measure.covariates):
        joint = item.groups
    return Question(
        item,
        measure,
        table,
        people,
        both,
        plan.exclusions.scenes_per_condition,
        plan.analysis.beh.rate_correction,
        joint,
        Sampling(
            decision.choices, decision.bootstrap_samples, decision.seed, decision.alpha_equivalence, workers
        ),
        {} if fits is None else fits,
    )
