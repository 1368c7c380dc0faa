"""The paragraph about matching for a paper's methods section."""

from __future__ import annotations

import math
from collections.abc import Iterator

from protocols.base.errors import listed
from stimuli.matching.judge import Comparison, Matching
from stimuli.matching.leak import LEAST_PAIRS, Leak
from stimuli.matching.wording import amount, label, p_value, pairs

_ALL = 100


def paragraph(matching: Matching) -> str:
    """What was compared, how, and what was found."""
    reference = label(matching.reference, matching.labels)
    found = [" ".join(_comparison(matching, one, reference)) for one in matching.comparisons]
    tested = any(one.leak.exchanges for one in matching.comparisons)
    return " ".join(
        [_tolerances(matching), *found, *([_how(matching)] if tested else []), *_carried(matching)]
    )


def _tolerances(matching: Matching) -> str:
    measured = len({row.feature for row in matching.gate})
    text = f"Clips were compared within pairs on {measured} low-level features"
    if not matching.tolerances:
        return text + "; no tolerances had been declared."
    return (
        f"{text}, {len(matching.tolerances)} of which had tolerances declared beforehand, in physical units, for the "
        "mean paired difference over the set and for the largest difference in any pair. As the clips are the stimuli, "
        "this comparison is descriptive."
    )


def _comparison(matching: Matching, one: Comparison, reference: str) -> Iterator[str]:
    contrast = label(one.contrast, matching.labels)
    head = f"Between {contrast} and {reference} versions ({pairs(len(one.pairs))})"
    judged = [row for row in one.gate if row.outcome != "no_tolerance"]
    bad = [row for row in judged if row.outcome != "within"]
    if judged and not bad:
        yield f"{head}, all {len(judged)} features with a tolerance were within it."
    elif judged:
        details = [
            f"{row.feature} (not measured in {pairs(len(row.not_measured))})"
            if row.outcome == "not_measured"
            else f"{row.feature} (mean difference {_signed(row.mean, row.unit)}, largest "
            f"{_signed(row.worst, row.unit)} in {row.worst_pair})"
            for row in bad
        ]
        yield (
            f"{head}, {len(judged) - len(bad)} of {len(judged)} features with a tolerance were within it; "
            f"{listed(details, limit=_ALL)} {'was' if len(bad) == 1 else 'were'} not."
        )
    yield _leak(one.leak, contrast, reference)


def _leak(leak: Leak, contrast: str, reference: str) -> str:
    of = f"{contrast} from {reference} versions"
    if leak.verdict == "too_few":
        return (
            f"With {pairs(leak.pairs)} ({LEAST_PAIRS} are needed) it was not tested whether low-level features alone "
            f"tell {of}."
        )
    if math.isnan(leak.auc):
        return f"No feature was measured in both versions of any pair, so it could not be tested what tells {of}."
    if not leak.features:
        return f"No feature differed in any pair, so low-level features alone cannot tell {of}."
    outcome = {
        "leaks": f"Low-level features alone told {of}",
        "shown_clean": f"Low-level features alone were shown not to tell {of}",
        "cannot_tell": f"Whether low-level features alone tell {of} could not be decided with {pairs(leak.pairs)}",
        "too_few": "",
    }[leak.verdict]
    text = (
        f"{outcome}: AUC = {leak.auc:.2f}, {p_value(leak.p)}, 95 % of AUCs under exchanged labels between "
        f"{leak.null_low:.2f} and {leak.null_high:.2f}"
    )
    if leak.verdict != "leaks":
        allowed = "" if math.isnan(leak.max_auc) else f" (declared beforehand: below {leak.max_auc:g})"
        text += f", one-sided 95 % upper limit {_limit(leak.upper_limit)}{allowed}"
        if not math.isnan(leak.detectable):
            text += (
                f"; a leak in one feature is detectable with 80 % power from an AUC of {leak.detectable:.2f}"
            )
    return text + "."


def _how(matching: Matching) -> str:
    number = max(one.leak.exchanges for one in matching.comparisons)
    seen, compared = matching.leak_features, {row.feature for row in matching.gate}
    which = f"all {len(seen)} features"
    if len(seen) < len(compared):
        which = f"{len(seen)} features chosen beforehand ({listed(seen, limit=_ALL)})"
    return (
        f"The classifier was linear, on decorrelated paired differences of {which}, with signed squared t values as "
        "weights, trained on all pairs but one to score the clips of that one, relative to their scene; p is from "
        f"{number:,} exchanges of labels within pairs, the procedure repeated for each; upper limit and power are from "
        "leaks of known size planted in the set's own differences."
    )


def _carried(matching: Matching) -> Iterator[str]:
    names = matching.covariate_names
    if names:
        yield f"Carried by the analysis as covariates: {listed(names, limit=_ALL)}."


def _signed(value: float, unit: str) -> str:
    return f"{'−' if value < 0 else ''}{amount(value, unit)}"


def _limit(value: float) -> str:
    return "1 (none excluded)" if value >= 1 else f"{value:.2f}"
