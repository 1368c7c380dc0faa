"""What was found about the match of a set, in sentences a researcher can act on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from protocols.base.errors import listed
from stimuli.matching.covariates import inseparable
from stimuli.matching.equivalence import WANTED_POWER, Equivalence
from stimuli.matching.gate import GateRow
from stimuli.matching.judge import Comparison, Matching
from stimuli.matching.leak import LEAST_PAIRS, Leak
from stimuli.matching.what_if import WhatIf

MORE_LESS = {
    "luminance": ("brighter", "darker"),
    "loudness": ("louder", "quieter"),
    "flow_speed": ("faster", "slower"),
    "sharpness": ("sharper", "softer"),
    "duration": ("longer", "shorter"),
}
"""What a higher and a lower value is called; ``higher`` and ``lower`` for other features."""
UNIT_WORDS = {
    "cd_m2_percent": "% of white",
    "deg_s": "deg/s",
    "widths_s": "widths/s",
    "percent": "%",
    "percent_squared": "%²",
    "rms": "",
    "ratio": "",
    "exponent": "",
    "count": "",
    "share": "",
}
"""Units as sentences write them, where that differs from tables; nothing for pure numbers."""
_ALL = 100


def lines(matching: Matching) -> list[str]:
    """Everything found, a line each: for each contrast the gate, the what-if, the leak test; then what to carry."""
    found = [text for one in matching.comparisons for text in _comparison(one, matching)]
    names = matching.covariate_names
    if names:
        found.append(f"the analysis must carry as covariates: {listed(names, limit=_ALL)}")
    stuck = inseparable(matching.covariates, matching.differences, matching.reference)
    if stuck:
        found.append(
            f"{listed(stuck, limit=_ALL)}: in the same direction in every pair, so a covariate can hardly be told from "
            "the arm itself; only better matching helps"
        )
    return found


def _comparison(one: Comparison, matching: Matching) -> Iterator[str]:
    labels, reference = matching.labels, label(matching.reference, matching.labels)
    contrast = label(one.contrast, labels)
    yield f"{contrast} against {reference}, {pairs(len(one.pairs))}: {_head(one)}"
    for pair, arm in one.incomplete:
        yield f"pair {pair} has no {label(arm, labels)} clip and is left out"
    for row in one.gate:
        if row.outcome not in ("within", "no_tolerance"):
            yield f"{row.feature}: {mismatch(row, labels)}"
    within = [row.feature for row in one.gate if row.outcome == "within"]
    if within:
        yield f"within tolerance: {listed(within, limit=_ALL)}"
    if one.what_if:
        yield _what_if(one.what_if)
    yield from leak_lines(one.leak, contrast, reference)
    yield from _equivalence(one.equivalence)


def _head(one: Comparison) -> str:
    judged = [row for row in one.gate if row.outcome != "no_tolerance"]
    bad = sum(row.outcome != "within" for row in judged)
    if not judged:
        return "the plan has no tolerances, so the gate judges nothing"
    if bad:
        return f"does not pass the gate; {bad} of {len(judged)} toleranced features {are(bad)} not within tolerance"
    return "passes the gate; every toleranced feature is within tolerance"


def mismatch(row: GateRow, labels: Mapping[str, str]) -> str:
    """What is wrong with a feature that is not within tolerance.

    Parameters
    ----------
    row
        Its row of the gate.
    labels
        What sentences call the arms.
    """
    contrast = label(row.contrast, labels)
    if row.outcome != "not_measured":
        return _difference(row, contrast)
    one_arm = [pair for pair, arms in row.not_measured if len(arms) == 1]
    if not row.pairs and not one_arm:
        return (
            "could not be measured in any clip, so its tolerance cannot be shown to hold; if that is on purpose "
            "(silent clips), take the tolerance out of the plan"
        )
    where = listed(
        [f"{pair} ({' and '.join(label(arm, labels) for arm in arms)})" for pair, arms in row.not_measured],
        limit=6,
    )
    text = f"not measured in {len(row.not_measured)} of {pairs(row.pairs + len(row.not_measured))}: {where}"
    if one_arm:
        text += "; that one version has it and the other lacks it is itself a mismatch"
    return text + (f". In the other {pairs(row.pairs)} {_difference(row, contrast)}" if row.pairs else "")


def _difference(row: GateRow, contrast: str) -> str:
    """How far the arms lie apart, and what of it is outside."""
    n = len(row.outside)
    if row.tolerance_worst == 0:
        if not n:
            return "it is the same in both versions"
        sign = "+" if row.worst > 0 else "−"
        return (
            f"must be the same in both versions of a scene (tolerance 0) but differs in {pairs(n)}, most in "
            f"{row.worst_pair} ({contrast} {sign}{amount(row.worst, row.unit)})"
        )
    mean = f"{amount(row.mean, row.unit)} {_word(row, row.mean)}" if row.mean else "no different"
    turned = f" {_word(row, row.worst)}" if row.mean * row.worst <= 0 and row.worst else ""
    text = (
        f"{contrast} clips are {mean} on average (tolerance {row.tolerance_mean:g}); worst pair {row.worst_pair}, "
        f"{amount(row.worst, row.unit)}{turned} (tolerance {row.tolerance_worst:g})"
    )
    if n > 1 or (n and row.outcome == "worst_outside"):
        text += f"; {pairs(n)} {are(n)} outside"
    if row.outcome == "worst_outside":
        text += ", the mean is not"
    return text + ("; only the mean is outside" if row.outcome == "mean_outside" else "")


def _word(row: GateRow, value: float) -> str:
    more, less = MORE_LESS.get(row.feature, ("higher", "lower"))
    return more if value > 0 else less


def _what_if(found: WhatIf) -> str:
    if found.drop:
        text = f"{_drop(found.drop)} -> passes ({pairs(found.left)} left)"
        if found.n_others:
            text += f"; {' + '.join(found.others[0])} would do as well"
            text += f", and {found.n_others - 1} more of that size" if found.n_others > 1 else ""
        return text
    if not found.tried:
        return f"what if: {pairs(found.left)} are too few to drop any"
    if len(found.at_least) > found.tried:
        return (
            f"what if: dropping up to {pairs(found.tried)} is not enough; {pairs(len(found.at_least))} are themselves "
            f"outside or not measured ({listed(found.at_least, limit=8)})"
        )
    return f"what if: dropping up to {pairs(found.tried)}, whichever they are, does not make the gate pass"


def _drop(names: Sequence[str]) -> str:
    if len(names) == 1:
        return f"drop pair {names[0]}"
    return f"drop pairs {', '.join(names[:-1])} and {names[-1]}"


def leak_lines(leak: Leak, contrast: str, reference: str) -> Iterator[str]:
    """What the leak test of one contrast says.

    Parameters
    ----------
    leak
        Its result.
    contrast, reference
        What the arms are called.
    """
    n = pairs(leak.pairs)
    if leak.verdict == "too_few":
        yield f"no leak verdict: {n}, {LEAST_PAIRS} needed"
        return
    if math.isnan(leak.auc):
        yield f"leak test: cannot tell with {n}; no feature was measured in both clips of any pair"
        return
    if not leak.features:
        yield f"leak test: no feature differs in any pair; nothing tells {contrast} from {reference} clips"
        return
    found = (
        f"AUC {leak.auc:.2f}, {p_value(leak.p)}, by chance {leak.null_low:.2f} to {leak.null_high:.2f}; "
        f"{leak.features} features"
    )
    if leak.verdict == "leaks":
        yield (
            f"leak test: leaks with {n}; low-level features alone tell {contrast} from {reference} clips "
            f"({found})"
        )
        yield f"they are told apart mostly by {_drivers(leak)}"
    elif leak.verdict == "shown_clean":
        yield (
            f"leak test: shown clean with {n}; the true AUC is at most {leak.upper_limit:.2f}, below the plan's "
            f"{leak.max_auc:g} ({found})"
        )
    else:
        yield f"leak test: cannot tell with {n}; no leak was found ({found}), but {_not_excluded(leak)}"
        yield from _reach(leak)


def _not_excluded(leak: Leak) -> str:
    if leak.upper_limit >= 1:
        text = "no true AUC can be excluded"
    else:
        text = f"a true AUC of up to {leak.upper_limit:.2f} is not excluded"
    if math.isnan(leak.max_auc):
        return f"{text}, and without leak_test.max_auc in the plan nothing can be shown clean"
    return f"{text} (the plan wants it below {leak.max_auc:g})"


def _reach(leak: Leak) -> Iterator[str]:
    """What the test could have found, and what it could have shown."""
    if math.isnan(leak.detectable):
        yield "with so few pairs a leak in one feature is not found reliably even if its true AUC is 0.99"
    else:
        yield (
            f"a leak in one feature is found in 80 % of such sets if its true AUC is {leak.detectable:.2f}"
            + (
                ""
                if math.isnan(leak.detectable_spread)
                else f"; spread over all, {leak.detectable_spread:.2f}"
            )
        )
    if leak.limit_if_clean >= leak.max_auc:
        usual = "no AUC at all" if leak.limit_if_clean >= 1 else f"only AUCs above {leak.limit_if_clean:.2f}"
        yield (
            f"even a perfectly clean set of this size usually excludes {usual}: to show less than {leak.max_auc:g} "
            "takes more pairs, or fewer features chosen beforehand"
        )


def _drivers(leak: Leak) -> str:
    shown = [one for one in leak.drivers if one.share >= 0.1] or leak.drivers[:1]
    return listed(
        f"{one.feature} ({'higher' if one.higher >= one.lower else 'lower'} in {max(one.higher, one.lower)} of "
        f"{pairs(leak.pairs)})"
        for one in shown
    )


def _equivalence(rows: Sequence[Equivalence]) -> Iterator[str]:
    tested = [row for row in rows if not math.isnan(row.p)]
    if not tested:
        return
    shown = [f"{row.feature} ({p_value(row.p)})" for row in tested if row.p <= 0.05]
    rest = [f"{row.feature} ({p_value(row.p)}{_power(row)})" for row in tested if row.p > 0.05]
    parts = [f"mean within tolerance for {listed(shown, limit=_ALL)}"] if shown else []
    parts += [f"not shown for {listed(rest, limit=_ALL)}"] if rest else []
    yield "for new clips made the same way (two one-sided tests, information only): " + "; ".join(parts)


def _power(row: Equivalence) -> str:
    """Where there were too few pairs to show it, how many it takes."""
    if row.power >= WANTED_POWER:
        return ""
    needed = f"{row.pairs_needed} pairs" if row.pairs_needed else "more than 10,000 pairs"
    return f"; power {row.power:.2f} if the true difference is 0, {needed} for .80"


def label(arm: str, labels: Mapping[str, str]) -> str:
    """What sentences call an arm."""
    return labels.get(arm, arm)


def pairs(n: int) -> str:
    """``1 pair``, ``24 pairs``."""
    return f"{n} pair" if n == 1 else f"{n} pairs"


def are(n: int) -> str:
    """``is`` for one, else ``are``."""
    return "is" if n == 1 else "are"


def amount(value: float, unit: str) -> str:
    """Size of a difference with its unit, three significant digits."""
    size = abs(value)
    text = f"{size:.0f}" if size >= 1000 else f"{size:.3g}"
    return f"{text} {UNIT_WORDS.get(unit, unit)}".rstrip()


def p_value(p: float) -> str:
    """``p = .032``, ``p = .0005``, ``p < .0001``."""
    if p < 0.0001:
        return "p < .0001"
    return "p = " + f"{p:.{4 if p < 0.001 else 3}f}".lstrip("0")
