"""The leak test (INFERENCE 12): whether a machine tells the arms apart by low-level features alone.

A classifier (`classifier`) is trained on all pairs but one and scores the clips of that one. The AUC of these scores
is compared with those after exchanging the labels within pairs at random, the whole procedure done anew each time:
p = (1 + number at least as large) / (1 + number of exchanges), exact whatever the features' distribution (Phipson &
Smyth 2010, Stat Appl Genet Mol Biol 9:39). What the set could have shown comes from leaks of known size planted in it
(`planted`).

p ≤ .05 is `leaks`. Otherwise an upper limit of the true AUC below the plan's maximum is `shown_clean`, and anything
else `cannot_tell`. Below eight pairs there is no verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from protocols.base.seeds import generator
from stimuli.matching.classifier import Prepared, auc, out_of_fold, prepare, weights_of
from stimuli.matching.paired import FloatArray, Paired
from stimuli.matching.planted import LEVEL, SETS, plant

Verdict = Literal["leaks", "shown_clean", "cannot_tell", "too_few"]
LEAST_PAIRS = 8
EXCHANGES = 1999
DRIVERS = 5
_SAME = 1e-9


@dataclass(frozen=True)
class Driver:
    """A feature by which the classifier tells the arms apart; a description, not a test.

    Attributes
    ----------
    feature
        Its name; ``measured: …`` for whether features could be measured at all.
    share
        Its share of the mean score of all pairs (weight × mean difference); negative if it pulls the other way.
    effect
        Mean paired difference over the SD of the differences; NaN where the SD is 0.
    higher, lower
        Pairs in which the contrast is higher, and lower.
    """

    feature: str
    share: float
    effect: float
    higher: int
    lower: int


@dataclass(frozen=True)
class Leak:
    """Result of the leak test for one contrast.

    The numbers are NaN with too few pairs, and where no feature was measured in both clips of any pair.

    Attributes
    ----------
    contrast
        The arm compared with the reference.
    verdict
        `leaks`, `shown_clean`, `cannot_tell` or `too_few`.
    pairs, features
        Complete pairs, and the features among them that differ in any pair.
    max_auc
        Of the plan; NaN where it has none, and then nothing is shown clean.
    auc, p
        AUC over clips by a classifier that has not seen their pair, and its permutation p (one-sided).
    null_mean, null_sd, null_low, null_high
        Mean, SD and 2.5 to 97.5 % band of the AUC when labels are exchanged within pairs.
    upper_limit
        One-sided 95 % upper limit of the AUC that the best linear classifier could have.
    limit_if_clean
        The upper limit that a set like this without any leak gets in the median: what it can show at best, usually.
    detectable, detectable_spread
        True AUC found with 80 % power if the leak is in one feature, and if it is spread over all; NaN if none is.
    exchanges
        Label exchanges computed; `exhaustive` if they are all there are.
    scores
        (clip, pair, arm, out-of-fold score), the contrast's minus the reference's being the pair's score.
    drivers
        The features that matter most, the strongest first.
    """

    contrast: str
    verdict: Verdict
    pairs: int
    features: int
    max_auc: float
    auc: float = math.nan
    p: float = math.nan
    null_mean: float = math.nan
    null_sd: float = math.nan
    null_low: float = math.nan
    null_high: float = math.nan
    upper_limit: float = math.nan
    limit_if_clean: float = math.nan
    detectable: float = math.nan
    detectable_spread: float = math.nan
    exchanges: int = 0
    exhaustive: bool = False
    scores: tuple[tuple[str, str, str, float], ...] = ()
    drivers: tuple[Driver, ...] = field(default=())


def leak_test(
    paired: Paired, *, max_auc: float | None, seed: int, exchanges: int = EXCHANGES, planted_sets: int = SETS
) -> Leak:
    """Test one contrast for a leak.

    Parameters
    ----------
    paired
        The pairs and every feature the classifier may use. A feature missing in either clip of a pair counts as equal
        there; that one arm could be measured and the other not is a feature of its own.
    max_auc
        Of the plan, or None.
    seed
        For the exchanges and the planted leaks.
    exchanges
        Random exchanges of labels; all 2^N, if these are not more.
    planted_sets
        Sets for each kind and size of planted leak.
    """
    n = len(paired.pairs)
    differences, names = leak_features(paired)
    prepared = prepare(differences)
    limit = math.nan if max_auc is None else max_auc
    if n < LEAST_PAIRS:
        return Leak(paired.contrast, "too_few", n, len(prepared.columns), limit)
    if np.isnan(paired.differences).all() and not prepared.columns:
        return Leak(paired.contrast, "cannot_tell", n, 0, limit)
    if not prepared.columns:
        return _nothing_differs(paired, limit)
    signs, exhaustive = _exchanges(n, exchanges, seed, paired.contrast)
    scores = out_of_fold(prepared.decorrelated, signs)
    none = auc(scores)
    p = float((none >= none[0] - _SAME).mean())
    random = generator(seed, "leak", paired.contrast, "planted")
    planted = plant(prepared, none, random, sets=planted_sets, label=f"leak test of {paired.contrast}")
    upper = planted.upper_limit(none[0])
    low, high = np.quantile(none, [0.025, 0.975])
    return Leak(
        paired.contrast,
        "leaks" if p <= LEVEL else "shown_clean" if upper < limit else "cannot_tell",
        n,
        len(prepared.columns),
        limit,
        float(none[0]),
        p,
        float(none.mean()),
        float(none.std()),
        float(low),
        float(high),
        upper,
        planted.upper_limit(float(np.median(none))),
        planted.detectable(planted.one_feature),
        planted.detectable(planted.spread),
        len(signs) - 1,
        exhaustive,
        _clip_scores(paired, scores[0]),
        _drivers(prepared, differences, names),
    )


def leak_features(paired: Paired) -> tuple[FloatArray, tuple[str, ...]]:
    """What the classifier sees: paired differences (N, F), none missing, and their names.

    Features that are missing in the same clips share one indicator of having been measured.
    """
    differences = np.nan_to_num(paired.differences, nan=0.0)
    gaps: dict[tuple[int, ...], list[str]] = {}
    for k, name in enumerate(paired.features):
        gap = np.isnan(paired.first[:, k]).astype(int) - np.isnan(paired.second[:, k]).astype(int)
        if gap.any():
            gaps.setdefault(tuple(int(one) for one in gap), []).append(name)
    names = (*paired.features, *(f"measured: {', '.join(one)}" for one in gaps.values()))
    return np.column_stack([differences, *(np.array(gap, dtype=float) for gap in gaps)]), names


def _exchanges(n: int, wanted: int, seed: int, contrast: str) -> tuple[FloatArray, bool]:
    """Sign patterns, the labels as they are first; all of them if they are not more than wanted."""
    if 2**n <= wanted + 1:
        bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
        return 1.0 - 2.0 * bits, True
    draws = generator(seed, "leak", contrast, "exchanges").integers(0, 2, (wanted, n))
    return np.vstack([np.ones(n), 1.0 - 2.0 * draws]), False


def _nothing_differs(paired: Paired, limit: float) -> Leak:
    """No feature differs in any pair: there is nothing a classifier could use, now or with more pairs."""
    verdict: Verdict = "cannot_tell" if math.isnan(limit) else "shown_clean"
    return Leak(
        paired.contrast,
        verdict,
        len(paired.pairs),
        0,
        limit,
        auc=0.5,
        p=1.0,
        null_mean=0.5,
        null_sd=0.0,
        null_low=0.5,
        null_high=0.5,
        upper_limit=0.5,
        limit_if_clean=0.5,
        scores=_clip_scores(paired, np.zeros(len(paired.pairs))),
    )


def _clip_scores(paired: Paired, scores: FloatArray) -> tuple[tuple[str, str, str, float], ...]:
    rows = []
    for pair, clips, score in zip(paired.pairs, paired.clips, scores, strict=True):
        rows.append((clips[0], pair, paired.reference, float(-score / 2) + 0.0))
        rows.append((clips[1], pair, paired.contrast, float(score / 2)))
    return tuple(rows)


def _drivers(prepared: Prepared, differences: FloatArray, names: tuple[str, ...]) -> tuple[Driver, ...]:
    parts = weights_of(prepared) * prepared.scaled.mean(axis=0)
    total = float(parts.sum())
    found = []
    for at in np.argsort(-np.abs(parts), kind="stable")[:DRIVERS]:
        values = differences[:, prepared.columns[at]]
        sd = float(values.std(ddof=1))
        found.append(
            Driver(
                names[prepared.columns[at]],
                float(parts[at]) / total if total > 0 else 0.0,
                float(values.mean()) / sd if sd > 1e-12 * abs(float(values.mean())) else math.nan,
                int((values > 0).sum()),
                int((values < 0).sum()),
            )
        )
    return tuple(found)
