r"""What a plan can decide: closed-form probabilities from its assumptions.

The estimate is normal around the true effect with

.. math:: SE^2 = \frac{\sigma_{people}^2 + 2 \sigma_{residual}^2 / n_{values}}{n_{people}}
    + \frac{\sigma_{scenes}^2}{n_{scenes}}

(the second term only where scenes are random), and its squared standard error is a scaled chi-square. The
probabilities integrate over that, as in Phillips (1990, J Pharmacokinet Biopharm 18:137) for two one-sided
tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.plan.expanding import Expanded, bound_of, expand, model_of, scenes_per_person
from protocols.plan.measuring import Assumption
from protocols.plan.promises import Plan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_NODES = 128
TRIAL_VARIANCE = {
    "dprime": math.pi / 2,
    "dprime_per_person": math.pi / 2,
    "dprime_forced_choice": math.pi,
    "proportion": 0.25,
}
"""Variance of one choice near one half: p(1 - p), for d' over the squared normal density there."""
NO_CLOSED_FORM = "the noise of same-different d' near chance has no closed form"


def probability_different(effect: float, se: float, df: float, alpha: float) -> float:
    """Power of the two-sided t test at level `alpha`.

    Parameters
    ----------
    effect, se
        True effect and standard error of its estimate, in one unit.
    df
        Degrees of freedom of the standard error.
    """
    from scipy import special, stats

    critical = float(stats.t.isf(alpha / 2, df))
    shift = effect / se

    def given(ratio: FloatArray) -> FloatArray:
        """Probability of rejecting, given the estimated over the true standard error."""
        return special.ndtr(shift - critical * ratio) + special.ndtr(-shift - critical * ratio)

    return _over_standard_errors(given, df)


def probability_equivalent(effect: float, se: float, df: float, bound: float, alpha: float) -> float:
    """Power of the two one-sided tests (Schuirmann) against ``-bound`` and ``bound`` at level `alpha`."""
    from scipy import special, stats

    critical = float(stats.t.isf(alpha, df))

    def given(ratio: FloatArray) -> FloatArray:
        """Probability that the interval lies inside, given the estimated over the true standard error."""
        half = bound - critical * se * ratio
        return special.ndtr((half - effect) / se) - special.ndtr((-half - effect) / se)

    return _over_standard_errors(
        given, df, largest=bound / (critical * se)
    )  # wider than the bounds beyond it


def _over_standard_errors(
    given: Callable[[FloatArray], FloatArray], df: float, largest: float = math.inf
) -> float:
    """Average a probability over the estimated standard error, in units of the true one: chi(df) / sqrt(df).

    Gauss-Legendre over all but 1e-15 of the distribution; the integrand is smooth up to `largest`.
    """
    import numpy as np
    from scipy import special

    low, high = max(0.0, 1 - 8 / math.sqrt(df)), min(largest, 1 + 8 / math.sqrt(df))
    if high <= low:
        return 0.0
    nodes, weights = special.roots_legendre(_NODES)
    ratio = low + (high - low) * (nodes + 1) / 2
    constant = math.log(2) + df / 2 * math.log(df / 2) - math.lgamma(df / 2)
    density = np.exp(constant + (df - 1) * np.log(ratio) - df * ratio**2 / 2)
    value = float((weights * density * given(ratio)).sum()) * (high - low) / 2
    return min(max(value, 0.0), 1.0)


def probability_enough(recruited: int, needed: int, loss: float, based_on: int | None = None) -> float:
    """Probability that at least `needed` of `recruited` people remain.

    Binomial; where the loss was itself seen in `based_on` people, beta-binomial with a uniform prior.
    """
    from scipy import stats

    if based_on is None:
        return float(stats.binom.sf(needed - 1, recruited, 1 - loss))
    lost = loss * based_on
    return float(stats.betabinom.sf(needed - 1, recruited, based_on - lost + 1, lost + 1))


def needed_recruits(needed: int, loss: float, assurance: float, based_on: int | None = None) -> int | None:
    """The smallest number to invite so that `needed` remain with that assurance; None beyond 100 times."""
    for recruited in range(needed, 100 * needed):
        if probability_enough(recruited, needed, loss, based_on) >= assurance:
            return recruited
    return None


@dataclass(frozen=True)
class Chance:
    """What one hypothesis can come to.

    Attributes
    ----------
    equivalent_if_none, different_if_expected
        Probabilities, or None where the hypothesis does not ask, or the plan assumes nothing.
    se, df
        Of the estimate under the assumptions, in the measure's unit.
    level
        The level used: the family's strictest.
    note
        What the figures leave out.
    """

    id: str
    asks: str
    family: str | None
    expected: float | None
    bound: float | None
    equivalent_if_none: float | None
    different_if_expected: float | None
    se: float | None
    df: float | None
    level: float
    note: str = ""


def chances(plan: Plan, *, pessimistic: bool = False) -> list[Chance]:
    """Closed-form chances of every confirmatory hypothesis.

    Parameters
    ----------
    pessimistic
        Use each assumption's pessimistic values where it has them.
    """
    return [chance_of(plan, item, pessimistic=pessimistic) for item in expand(plan, confirmatory=True)]


def chance_of(plan: Plan, item: Expanded, *, pessimistic: bool = False) -> Chance:
    """Closed-form chances of one hypothesis; see `chances`."""
    h, measure = item.hypothesis, plan.measures[item.hypothesis.measure]
    decision = plan.decision
    m_difference = _members(plan, item, ("difference", "both"))
    m_equivalence = _members(plan, item, ("equivalence", "both"))
    bound = bound_of(plan, h)
    given = measure.assumptions or {}
    limit = bound.value if bound else None
    level = decision.alpha / m_difference
    if any(group not in given for group in item.groups):
        note = "no assumptions"
        return Chance(item.id, h.asks, h.family, None, limit, None, None, None, None, level, note)
    if measure.statistic == "dprime_same_different":
        return Chance(item.id, h.asks, h.family, None, limit, None, None, None, None, level, NO_CLOSED_FORM)
    assumed = [_doubtful(given[group]) if pessimistic else given[group] for group in item.groups]
    se, df, note = _precision(plan, item, assumed)
    expected = sum(weight * a.expected for weight, a in zip(item.weights, assumed, strict=True))
    if h.effect == "level":
        expected -= h.against
    equivalent = different = None
    if se == 0:
        note = "assumes no variation at all"
    else:
        if h.asks != "difference" and bound:
            equivalent = probability_equivalent(
                0.0, se, df, bound.value, decision.alpha_equivalence / m_equivalence
            )
        if h.asks != "equivalence":
            different = probability_different(expected, se, df, level)
    return Chance(item.id, h.asks, h.family, expected, limit, equivalent, different, se, df, level, note)


def _members(plan: Plan, item: Expanded, asks: Sequence[str]) -> int:
    """By how much Holm divides the level at worst."""
    family = item.hypothesis.family
    if family is None or plan.families[family].claim == "all":
        return 1
    return max(
        1,
        sum(
            other.hypothesis.family == family and other.hypothesis.asks in asks
            for other in expand(plan, confirmatory=True)
        ),
    )


def _doubtful(assumption: Assumption) -> Assumption:
    given = assumption.pessimistic.model_dump(exclude_none=True) if assumption.pessimistic else {}
    return assumption.model_copy(update=given)


def _precision(plan: Plan, item: Expanded, assumed: Sequence[Assumption]) -> tuple[float, float, str]:
    """Standard error and degrees of freedom of the estimate under the assumptions."""
    h = item.hypothesis
    statistic = plan.measures[h.measure].statistic
    values = scenes_per_person(plan)
    arms = 2 if h.effect in ("condition", "group_by_condition") else 1
    crossed = model_of(plan, h) == "crossed_mixed"
    per_group = []
    for weight, a, group in zip(item.weights, assumed, item.groups, strict=True):
        residual = a.sd_residual**2 or TRIAL_VARIANCE.get(statistic, 0.0)
        noise = arms * residual / values if values else 0.0
        n = plan.groups[group].n_planned
        per_group.append((weight**2 * (a.sd_people**2 + noise) / n, n - 1))
    variance = sum(part for part, _ in per_group)
    df = (
        variance**2 / sum(part**2 / n for part, n in per_group)
        if variance
        else float(sum(n for _, n in per_group))
    )
    scenes = plan.stimuli.pairs if plan.stimuli else None
    if scenes is None:  # then neither their variation nor the number of values per person is known
        return math.sqrt(variance), df, "the plan describes no clips: the noise of single values is left out"
    if not crossed:
        return math.sqrt(variance), df, "for these scenes: their variation is left out"
    share = max(a.sd_scenes_by_group if h.effect == "group_by_condition" else a.sd_scenes for a in assumed)
    fewest = min(plan.groups[group].n_planned for group in item.groups)
    return math.sqrt(variance + share**2 / scenes), float(min(fewest, scenes) - 1), ""
