"""Behaviour: signal detection, lapses and response times; how people answered, and whom the plan leaves out.

The functions named here are pure: answers in, numbers per person or group out. They know no plan and no files.

>>> from analysis.behaviour import detect
>>> float(detect(hits=15, signals=20, false_alarms=8, noises=20).dprime.round(3))
0.879

What each quantity is, when to use which, and the sources: docs/behaviour.md.
"""

from analysis.behaviour.detection import (
    Detection,
    Sampling,
    approximate_se,
    conditional_from_marginal,
    criterion_of_rates,
    detect,
    detection_table,
    dprime_of_rates,
    exact_sampling,
    marginal_from_conditional,
)
from analysis.behaviour.forced_choice import (
    ForcedChoice,
    choose_first,
    dprime_of_percent_correct,
    forced_choice_table,
)
from analysis.behaviour.lapse import Lapse, bound_after_lapse, dprime_after_lapse, lapse_rate, lapse_table
from analysis.behaviour.rates import Counts, count, counts_by_person, loglinear_rate, raw_rate
from analysis.behaviour.response_times import (
    ExGaussian,
    exgaussian_cdf,
    exgaussian_logpdf,
    fit_exgaussian,
    response_time_table,
)
from analysis.behaviour.roc import (
    Area,
    area,
    area_over_people,
    confidence_scale,
    roc_points,
    roc_points_table,
    roc_table,
)
from analysis.behaviour.same_different import (
    SameDifferent,
    independent_observations,
    same_different_dprime,
    same_different_table,
    tell_apart,
)

__all__ = [
    "Area",
    "Counts",
    "Detection",
    "ExGaussian",
    "ForcedChoice",
    "Lapse",
    "SameDifferent",
    "Sampling",
    "approximate_se",
    "area",
    "area_over_people",
    "bound_after_lapse",
    "choose_first",
    "conditional_from_marginal",
    "confidence_scale",
    "count",
    "counts_by_person",
    "criterion_of_rates",
    "detect",
    "detection_table",
    "dprime_after_lapse",
    "dprime_of_percent_correct",
    "dprime_of_rates",
    "exact_sampling",
    "exgaussian_cdf",
    "exgaussian_logpdf",
    "fit_exgaussian",
    "forced_choice_table",
    "independent_observations",
    "lapse_rate",
    "lapse_table",
    "loglinear_rate",
    "marginal_from_conditional",
    "raw_rate",
    "response_time_table",
    "roc_points",
    "roc_points_table",
    "roc_table",
    "same_different_dprime",
    "same_different_table",
    "tell_apart",
]
