"""The sealed order in which a model that asks too much of its data is made smaller (INFERENCE 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.models.building import build
from analysis.models.design import Model, Term
from analysis.models.fitting import fit_design
from analysis.models.result import Fit


@dataclass(frozen=True)
class Reduction:
    """One step of the order.

    Parameters
    ----------
    group
        Grouping column whose terms it changes.
    effect
        Random effect to leave out; empty: the correlations between this group's effects.
    only_at_zero
        Leave it out only if its variance is estimated at 0. Otherwise the step is also taken when the model before it
        did not converge, or has the effect's correlation at its limit.
    """

    group: str
    effect: str = ""
    only_at_zero: bool = False

    def __str__(self) -> str:
        return f"{self.effect} | {self.group}" if self.effect else f"correlations | {self.group}"


@dataclass(frozen=True)
class Tried:
    """One model of the order, and why the next was tried; the last one's reason is why it stands.

    Attributes
    ----------
    model
        Its random terms, as text.
    converged, singular
        How its fit went.
    reason
        In words.
    """

    model: str
    converged: bool
    singular: bool
    reason: str


@dataclass(frozen=True)
class Reduced:
    """The fit that stands, and the way to it."""

    fit: Fit
    tried: tuple[Tried, ...]

    @property
    def table(self) -> pd.DataFrame:
        """One row per model tried: ``model, converged, singular, reason``."""
        return pd.DataFrame([vars(one) for one in self.tried])


def declared_order(
    person: str = "person", scene: str = "scene", *, g: str = "g", c: str = "c"
) -> tuple[Reduction, ...]:
    """The default order: correlations; then g | scene; c | scene and g:c | scene only when estimated at 0."""
    return (
        Reduction(scene),
        Reduction(person),
        Reduction(scene, g),
        Reduction(scene, c, only_at_zero=True),
        Reduction(scene, f"{g}:{c}", only_at_zero=True),
    )


def fit_reduced(
    data: pd.DataFrame,
    response: str,
    fixed: Sequence[str],
    random: Sequence[Term],
    *,
    order: Sequence[Reduction],
    family: str = "gaussian",
    link: str | None = None,
    reml: bool = True,
    residual_by: str | None = None,
) -> Reduced:
    """Fit the full model and make it smaller in the declared order, no further than needed.

    A step is taken where the model before it did not converge (unless `only_at_zero`), or is singular in what the step
    takes away: correlations at their limit or a variance of 0 in this group, or the effect's own variance at 0.
    Every other step is skipped.

    Parameters
    ----------
    data, response, fixed, random, family, link, reml, residual_by
        As in `fit`.
    order
        Steps, for example `declared_order`.
    """
    link = link or ("identity" if family == "gaussian" else "logit")
    model = Model(response, tuple(fixed), tuple(random), family, link, reml, residual_by)
    current = fit_design(build(data, model))
    tried: list[Tried] = []
    if not current.state.separated:
        for step in order:
            reason = _reason(current, step)
            smaller = _without(current.model, step) if reason else None
            if smaller is None:
                continue
            tried.append(_tried(current, f"{reason}: next without {step}"))
            current = fit_design(build(data, current.model.with_random(smaller)))
            if current.state.usable and not current.state.singular:
                break
    tried.append(_tried(current, _verdict(current)))
    return Reduced(current, tuple(tried))


def _reason(fit: Fit, step: Reduction) -> str:
    """Why the step is taken, or an empty string."""
    if step.group not in fit.model.groups:
        return ""
    effects = fit.model.effects(step.group)
    if step.effect and step.effect not in effects:
        return ""
    if not fit.state.usable:
        return "" if step.only_at_zero else "no estimates"
    if step.effect:
        if fit.sd(step.group, step.effect) == 0:
            return f"the variance of '{step.effect}' over {step.group} is estimated at 0"
        limit = f"the correlation of '{step.effect}' "
        clauses = [one for one in fit.state.boundary if not step.only_at_zero and one.startswith(limit)]
    else:
        clauses = [one for one in fit.state.boundary if f"over {step.group} " in one]
    return "; ".join(clauses)


def _without(model: Model, step: Reduction) -> list[Term] | None:
    """The random terms after the step; None where it changes nothing or would leave the group without effects."""
    result: list[Term] = []
    for term in model.random:
        if term.group != step.group:
            result.append(term)
        elif not step.effect:
            result.append(Term(term.group, term.effects, correlated=len(term.effects) == 1))
        else:
            effects = [effect for effect in term.effects if effect != step.effect]
            if effects:
                result.append(Term(term.group, effects, term.correlated))
    unchanged = tuple(result) == model.random
    return None if unchanged or step.group not in {term.group for term in result} else result


def _tried(fit: Fit, reason: str) -> Tried:
    text = " + ".join(map(str, fit.model.random))
    return Tried(text, fit.state.converged, fit.state.singular, reason)


def _verdict(fit: Fit) -> str:
    if not fit.state.usable:
        return fit.state.messages[0] if fit.state.messages else "no estimates"
    if fit.state.singular:
        return (
            "it stands, singular: "
            + "; ".join(fit.state.boundary)
            + "; the order holds no further step for that"
        )
    return "it stands"
