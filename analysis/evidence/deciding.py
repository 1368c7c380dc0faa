"""The deciding analyses: from a hypothesis and its measure table to an estimate.

Every model has the same form: it gets a `Question` and gives `Evidence`. A new model is a new entry of `MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.crossed import decide_crossed
from analysis.evidence.effects import effects_of
from analysis.evidence.estimates import NotEstimable
from analysis.evidence.question import Evidence, Question, ask
from protocols.base.errors import listed
from protocols.plan.measuring import DPRIMES
from protocols.plan.promises import DecidingModel

RATE_WORDS = {"loglinear": "log-linear rates"}


def by_person(question: Question) -> Evidence:
    """Test over people's effects; people are random, scenes are fixed ("for these scenes")."""
    item = question.item
    effects, covariates = effects_of(question, item.groups)
    try:
        estimate = estimate_by_person(
            effects.by_group(item.groups),
            item.weights,
            covariates=covariates,
            sampled=[covariate.centre == "group" for covariate in question.measure.covariates],
            n_scenes=effects.n_scenes,
            method=_method(question),
        )
    except NotEstimable as problem:
        return Evidence(effects, None, str(problem))
    return Evidence(effects, estimate, None, by_person=estimate)


def crossed_mixed(question: Question) -> Evidence:
    """Crossed mixed model: people and scenes are random; the test over people stands beside it."""
    beside = by_person(question)
    try:
        found = decide_crossed(question)
    except NotEstimable as problem:
        return replace(beside, estimate=None, reason=str(problem))
    return replace(beside, estimate=found.estimate, reason=None, crossed=found.crossed, spreads=found.spreads)


def _method(question: Question) -> str:
    h, measure = question.item.hypothesis, question.measure
    what = {
        "condition": "people's differences",
        "group_by_condition": "people's differences",
        "level": "people's means",
        "group": "people's means",
    }[h.effect]
    if measure.statistic in DPRIMES and h.contrast:
        what = f"people's d' ({RATE_WORDS[question.rate_correction]})"
    if measure.covariates:
        names = listed(covariate.name for covariate in measure.covariates)
        return f"linear model of {what}, adjusted for {names}, residual variance by group"
    if len(question.item.weights) == 1:
        return f"paired t test ({what})" if what == "people's differences" else f"one-sample t test of {what}"
    if sum(question.item.weights) == 0:
        return f"Welch t test of {what}"
    return f"mean of the group means of {what}, Welch-Satterthwaite"


MODELS: Mapping[DecidingModel, Callable[[Question], Evidence]] = {
    "by_person": by_person,
    "crossed_mixed": crossed_mixed,
}


__all__ = ["MODELS", "Evidence", "Question", "ask", "by_person", "crossed_mixed"]
