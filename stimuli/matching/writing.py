"""The match folder: ``gate.tsv differences.tsv equivalence.tsv leak.tsv covariates.tsv match.json``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from protocols.base.bids import generated_by
from protocols.base.files import write_json
from protocols.base.tables import SIGNIFICANT_DIGITS, rounded, write_frame
from stimuli.matching.judge import Comparison, Matching
from stimuli.matching.leak import Leak

COLUMNS: dict[str, dict[str, str]] = {
    "gate": {
        "contrast": "arm compared with the reference; differences are contrast − reference",
        "feature": "low-level feature",
        "unit": "unit of its numbers; the tolerance's, where it has one",
        "pairs": "pairs in which both clips have a value",
        "mean": "mean paired difference over the set",
        "tolerance_mean": "largest mean paired difference the plan allows",
        "worst": "largest single-pair difference, with its sign",
        "worst_pair": "the pair that has it",
        "tolerance_worst": "largest single-pair difference the plan allows; 0: identity in every pair",
        "outside": "pairs beyond tolerance_worst",
        "not_measured": "pairs in which a clip has no value, and the arms that lack it",
        "outcome": "within, mean_outside, worst_outside, both_outside, not_measured; no_tolerance: shown, not judged",
    },
    "differences": {
        "contrast": "arm compared with the reference",
        "pair_id": "pair of clips",
        "feature": "low-level feature",
        "unit": "unit of its numbers",
        "reference_value": "value of the reference's clip",
        "contrast_value": "value of the contrast's clip",
        "difference": "contrast − reference",
        "tolerance_worst": "largest difference the plan allows",
        "outside": "1 if the pair is beyond it, else 0",
    },
    "equivalence": {
        "contrast": "arm compared with the reference",
        "feature": "low-level feature",
        "unit": "unit of bound, estimate, sd, se, low and high",
        "bound": "the tolerance of the mean",
        "pairs": "pairs in which both clips have a value",
        "estimate": "mean paired difference",
        "sd": "SD of the paired differences",
        "se": "standard error of the mean",
        "df": "degrees of freedom",
        "low": "lower end of the 90 % confidence interval",
        "high": "upper end of it",
        "p_below": "one-sided p against a true mean of −bound or less",
        "p_above": "one-sided p against a true mean of bound or more",
        "p": "the larger one",
        "power": "probability of p < .05 with this number of pairs, if the true mean is 0 and the SD as observed",
        "pairs_needed": "pairs for a power of .80",
        "note": "why there is no test",
    },
    "leak": {
        "contrast": "arm compared with the reference",
        "verdict": "leaks, shown_clean, cannot_tell, or too_few pairs",
        "pairs": "complete pairs",
        "features": "features that differ in any pair",
        "max_auc": "the plan's largest leak",
        "auc": "area under the ROC over clips, scored by a classifier that has not seen their pair",
        "p": "one-sided permutation p, labels exchanged within pairs",
        "null_mean": "mean AUC with exchanged labels",
        "null_sd": "SD of it",
        "null_low": "its 2.5 % quantile",
        "null_high": "its 97.5 % quantile",
        "upper_limit": "one-sided 95 % upper limit of the true AUC",
        "limit_if_clean": "the upper limit such a set without any leak has in the median",
        "detectable": "true AUC found with 80 % power, if the leak is in one feature",
        "detectable_spread": "true AUC found with 80 % power, if the leak is spread over all features",
        "exchanges": "label exchanges computed",
        "exhaustive": "1 if these are all there are",
        "drivers": "features that matter most: share of the score, effect in SD, pairs higher and lower",
    },
    "covariates": {
        "clip": "name of the clip",
        "pair_id": "pair it belongs to",
        "arm": "its arm",
        "covariate": "feature that is not within tolerance (minus the mean of all compared clips; 0 where not "
        "measured), <feature>_measured, or leak_<contrast>: the out-of-fold score of the leak test",
        "value": "its value for this clip",
    },
}
"""What the columns mean, table by table, in their order; stands in match.json too."""


def write_matching(folder: Path, matching: Matching) -> tuple[Path, ...]:
    """Write everything about the match of a set; the same matching gives the same bytes.

    Parameters
    ----------
    folder
        The folder for the files, usually ``SET/match``; made where missing.
    matching
        Result of `judge.match`.

    Returns
    -------
    tuple of Path
        The files written.

    Raises
    ------
    OutputError
        If one cannot be written.
    """
    frames = tables(matching)
    written = [write_frame(folder / f"{name}.tsv", frame) for name, frame in frames.items()]
    return (*written, write_json(folder / "match.json", document(matching)))


def tables(matching: Matching) -> dict[str, pd.DataFrame]:
    """The tables by name, with the columns of `COLUMNS`."""
    gate = [
        {**asdict(row), "outside": _names(row.outside), "not_measured": _gaps(row.not_measured)}
        for row in matching.gate
    ]
    leaks = [{**asdict(leak), "drivers": _drivers(leak)} for leak in matching.leaks]
    tests = [asdict(row) for one in matching.comparisons for row in one.equivalence]
    return {
        "gate": _frame("gate", gate),
        "differences": matching.differences,
        "equivalence": _frame("equivalence", tests),
        "leak": _frame("leak", leaks),
        "covariates": matching.covariates,
    }


def document(matching: Matching) -> dict[str, Any]:
    """The verdicts, the settings behind them, and the sentences, as JSON."""
    return {
        "verdict": matching.verdict,
        "reference": matching.reference,
        "contrasts": {one.contrast: _contrast(one) for one in matching.comparisons},
        "covariates": list(matching.covariate_names),
        "sentences": matching.sentences(),
        "methods": matching.methods(),
        "settings": {
            "seed": matching.seed,
            "tolerances": {name: limit.model_dump() for name, limit in matching.tolerances.items()},
            "max_auc": matching.max_auc,
            "leak_features": list(matching.leak_features),
        },
        "columns": COLUMNS,
        "significant_digits": SIGNIFICANT_DIGITS,
        "GeneratedBy": generated_by(),
    }


def _contrast(one: Comparison) -> dict[str, Any]:
    leak = asdict(one.leak)
    del leak["scores"]  # in covariates.tsv, where the analysis must carry them
    return _plain(
        {
            "pairs": list(one.pairs),
            "incomplete": [{"pair_id": pair, "no_clip_in": arm} for pair, arm in one.incomplete],
            "passes": one.passes,
            "outcomes": {row.feature: row.outcome for row in one.gate},
            "what_if": asdict(one.what_if) if one.what_if else None,
            "leak": leak,
        }
    )


def _plain(value: Any) -> Any:
    """As JSON has it: numbers at nine significant digits, None for NaN, lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return rounded(value) if isinstance(value, float) else value


def _frame(name: str, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table in which whole numbers stay whole beside missing ones."""
    columns = list(COLUMNS[name])
    return pd.DataFrame([[row[column] for column in columns] for row in rows], columns=columns, dtype=object)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names)


def _gaps(gaps: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    return ", ".join(f"{pair} ({' and '.join(arms)})" for pair, arms in gaps)


def _drivers(leak: Leak) -> str:
    return "; ".join(
        f"{one.feature} {one.share:.2f}"
        + ("" if math.isnan(one.effect) else f", {one.effect:.2f} SD")
        + f", {one.higher} higher, {one.lower} lower"
        for one in leak.drivers
    )
