"""The methods text's paragraphs about what decides: the crossed models, the tests over people, the spread, sources."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.evidence.crossed_weights import WEIGHTED
from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, unit_words
from analysis.report.fitted import formula
from analysis.report.saved import Study
from analysis.report.words import item_words
from protocols.base.errors import listed
from protocols.plan.expanding import label_of
from protocols.plan.measuring import CHOICES, DPRIMES

SOURCES = {
    "Baayen et al., 2008": "Baayen, R. H., Davidson, D. J., & Bates, D. M. (2008). Mixed-effects modeling with crossed "
    "random effects for subjects and items. Journal of Memory and Language, 59, 390–412.",
    "Barr et al., 2013": "Barr, D. J., Levy, R., Scheepers, C., & Tily, H. J. (2013). Random effects structure for "
    "confirmatory hypothesis testing: Keep it maximal. Journal of Memory and Language, 68, 255–278.",
    "Davison & Hinkley, 1997": "Davison, A. C., & Hinkley, D. V. (1997). Bootstrap methods and their application. "
    "Cambridge University Press.",
    "Hautus, 1995": "Hautus, M. J. (1995). Corrections for extreme proportions and their biasing effects on estimated "
    "values of d′. Behavior Research Methods, Instruments, & Computers, 27, 46–51.",
    "Holm, 1979": "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of "
    "Statistics, 6, 65–70.",
    "Judd et al., 2012": "Judd, C. M., Westfall, J., & Kenny, D. A. (2012). Treating stimuli as a random factor in "
    "social psychology. Journal of Personality and Social Psychology, 103, 54–69.",
    "Rouder et al., 2009": "Rouder, J. N., Speckman, P. L., Sun, D., Morey, R. D., & Iverson, G. (2009). Bayesian t "
    "tests for accepting and rejecting the null hypothesis. Psychonomic Bulletin & Review, 16, 225–237.",
    "Satterthwaite, 1946": "Satterthwaite, F. E. (1946). An approximate distribution of estimates of variance "
    "components. Biometrics Bulletin, 2, 110–114.",
}
"""How a source is cited, and what it is; a source is listed where the text cites it."""


def crossed_of(study: Study) -> list[HypothesisRecord]:
    """The hypotheses that the crossed model was to decide."""
    return [record for record in study.verdict.hypotheses if record.deciding_model == "crossed_mixed"]


def over_people_of(study: Study) -> list[HypothesisRecord]:
    """The hypotheses that the test over people was to decide."""
    return [record for record in study.verdict.hypotheses if record.deciding_model == "by_person"]


def _ids(found: Iterable[HypothesisRecord]) -> str:
    return listed((record.id for record in found), limit=99)


def deciding(study: Study) -> str:
    """What decides which hypothesis, as a paragraph."""
    crossed, people = crossed_of(study), over_people_of(study)
    parts = [_crossed(study, crossed)] if crossed else []
    if people:
        parts.append(
            f"{_ids(people)}: a test over people, with one value per person, then a t test (for "
            "two groups Welch’s), or a linear model where a covariate was declared. People are random there and scenes "
            "are fixed, so these results hold for these scenes."
        )
    return " ".join(parts)


def _choices(study: Study, found: Iterable[HypothesisRecord]) -> list[HypothesisRecord]:
    return [record for record in found if study.plan.measures[record.measure].statistic in CHOICES]


def _crossed(study: Study, crossed: list[HypothesisRecord]) -> str:
    choices = _choices(study, crossed)
    numbers = [record for record in crossed if record not in choices]
    kinds = list(dict.fromkeys(item_words(record) for record in crossed if record.estimate is not None))
    items = " and ".join(kinds) or "scenes"
    groups = len(study.plan.groups)
    text = (
        f"{_ids(crossed)}: a mixed model in which people and {items} are crossed random "
        "factors (Baayen et al., 2008; Judd et al., 2012), with every random effect the design allows (Barr et al., "
        "2013). c is −½ for the first and ½ for the second condition of a comparison. Each group has a mean and an "
        "effect of c, and people have random intercepts and effects of c with a covariance of their own group. "
    )
    if "scenes" in kinds or not kinds:
        text += "Scenes shown in both versions have random intercepts and effects of c" + (
            ", and both may differ between the groups" if groups > 1 else ""
        )
        text += ". "
    if "clips" in kinds:
        text += (
            "Clips that exist in one version only have random intercepts"
            + (", which may differ between the groups" if groups > 1 else "")
            + ", and no effect of c. "
        )
    text += _reductions(study, crossed)
    text += _linear(numbers, groups) if numbers else ""
    text += _probit(study, choices, items) if choices else ""
    few = [r for r in crossed if r.estimate is not None and r.scope == "for these scenes"]
    if few:
        text += f"With fewer than 12 items the results of {_ids(few)} hold for these items only. "
    return text.strip()


def _reductions(study: Study, crossed: list[HypothesisRecord]) -> str:
    """The order, and for each model its formula before and after."""
    text = (
        "A model whose covariance lay on the edge of what is possible, or that could not be estimated, was made "
        "smaller in an order fixed beforehand: first the correlations over items, then those over people, then the "
        "items’ difference between groups (g); the items’ effects of c and of g:c only where estimated at 0. "
    )
    models: dict[tuple[str, str], list[HypothesisRecord]] = {}
    for record in crossed:
        first, last = (formula(study, record, place) for place in (0, -1))
        if first and last:
            models.setdefault((first, last), []).append(record)
    for (first, last), found in models.items():
        kept = "it stands as it is" if first == last else f"what stands is {last}"
        text += f"{_ids(found)}: {first}; {kept}. "
    return text


def _linear(found: list[HypothesisRecord], groups: int) -> str:
    own = ", with a residual SD of each group’s own" if groups > 1 else ""
    text = (
        f"Linear models ({_ids(found)}) were fitted by REML{own}; degrees of freedom are Satterthwaite’s "
        "(Satterthwaite, 1946). "
    )
    weighted = [record for record in found if WEIGHTED in record.method]
    if weighted:
        text += (
            f"Scene values ({_ids(weighted)}) were weighted by 1/se², se being the first level’s standard error of the "
            "value, or its group’s median where it is smaller: noisy values count less, and none counts for more than "
            "a typical one. "
        )
    return text


def _probit(study: Study, found: list[HypothesisRecord], items: str) -> str:
    decision = study.plan.decision
    text = (
        f"Single answers ({_ids(found)}) were modelled with a probit link and Laplace’s approximation. The deciding d′ "
        f"is the marginal one: z of the hit rate less z of the false-alarm rate, both averaged over {items}, that is "
        f"η/√(1 + σ²) with the linear predictor η of a condition and the variance σ² over {items} there. "
    )
    if decision.choices == "fast":
        return text + (
            "Its p-values and intervals are Student’s t, with the fewest of people per group and items, less 1, as "
            "degrees of freedom. "
        )
    least = f"{2 / (decision.bootstrap_samples + 1):.2g}".removeprefix("0")
    return text + (
        f"Its p-values and intervals come from a studentized parametric bootstrap of {decision.bootstrap_samples:,} "
        f"studies drawn from the fitted model (Davison & Hinkley, 1997), whose smallest two-sided p is {least}. "
    )


def spread(study: Study) -> str:
    """The test of people's spread, where one was made."""
    tested = [
        r for r in study.verdict.hypotheses if r.spread is not None and r.spread.outcome != "not_tested"
    ]
    if not tested:
        return ""
    measures = list(dict.fromkeys(record.measure for record in tested))
    bounds = []
    for name in measures:
        measure = study.plan.measures[name]
        if measure.spread:
            bounds.append(
                f"{amount(measure.spread.value)} {unit_words(measure.in_unit)} for "
                f"{label_of(study.plan, 'measure', name)} ({measure.spread.because})"
            )
    methods = list(dict.fromkeys(r.spread.method for r in tested if r.spread and r.spread.method))
    return (
        "A mean near 0 can hide people who differ in opposite directions, so the SD over people of the effect has a "
        f"bound too: {listed(bounds, limit=99)}. In each group’s own model it was tested whether the SD lies below: "
        f"{'; '.join(methods)}; one-sided, alpha = {study.plan.decision.alpha_equivalence:g}. The upper limit is "
        "where the same test would no longer reject. An estimate of 0 is an ordinary result. Only where the SD was "
        "shown to lie below its bound does a null mean speak for more than the average."
    )


def reference_words(study: Study) -> str:
    """What the tests' p-values come from."""
    drawn = [record for record in study.verdict.hypotheses if study.bootstrapped(record)]
    by_t = [r for r in study.verdict.hypotheses if r.estimate is not None and not study.bootstrapped(r)]
    if drawn and by_t:
        return f"Student’s t, for {_ids(drawn)} a studentized bootstrap"
    return "a studentized bootstrap" if drawn else "Student’s t"


def log_linear(statistic: str) -> str:
    """Where log-linear rates enter."""
    if statistic not in DPRIMES:
        return ""
    rates = (
        "log-linear rates (0.5 added to hits and false alarms, 1 to their numbers of trials; Hautus, 1995)"
    )
    if statistic == "dprime_per_person":
        return f"; d′ has {rates}"
    return f"; people’s own d′, shown in figures and beside the result, has {rates}"


def sources(text: str) -> str:
    """The sources a text cites."""
    return " ".join(full for cited, full in SOURCES.items() if cited in text)
