"""What the result looks like under other reasonable analyses; printed beside it, deciding nothing.

The exception is scale: a group difference that vanishes or turns when it is measured in units of the group's own
response is "scale-dependent", never ``different`` (INFERENCE 12).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.crossed_beside import beside_crossed, first_exposures_crossed
from analysis.evidence.deciding import by_person
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.outcomes import run_tests
from analysis.evidence.people import person_effects
from analysis.evidence.question import Evidence, Question
from analysis.measures.table import MeasureTable
from protocols.base.seeds import generator
from protocols.plan.expanding import ALL_CLIPS, FIXATION
from protocols.plan.measuring import DPRIMES

BOOTSTRAP_SAMPLES = 4999


@dataclass(frozen=True)
class Row:
    """One sensitivity analysis of one hypothesis."""

    hypothesis: str
    analysis: str
    estimate: float | None
    se: float | None
    df: float | None
    low: float | None
    high: float | None
    p: float | None
    n: int
    note: str


def row_of(
    question: Question, name: str, estimate: Estimate | None, level: tuple[float, float], note: str
) -> Row:
    """An estimate as a row, with its interval and p; without one the note says why."""
    if estimate is None:
        return Row(question.item.id, name, None, None, None, None, None, None, 0, note)
    tests = run_tests(estimate, bound=None, alpha=level[0], alpha_equivalence=level[1])
    interval = tests.ci_difference
    n = sum(estimate.n_people.values())
    return Row(
        question.item.id,
        name,
        estimate.value,
        estimate.se,
        estimate.df,
        interval.low,
        interval.high,
        tests.p_raw,
        n,
        note,
    )


def sensitivity_rows(question: Question, evidence: Evidence, level: tuple[float, float]) -> list[Row]:
    """By scene, first exposures only, without covariates, and each covariate's own effect, where the data allow.

    Parameters
    ----------
    level
        alpha and alpha_equivalence, for the intervals.
    """
    rows = [
        *_beside(question, evidence, level),
        _by_scene(question, evidence, level),
        _first_exposure(question, evidence, level),
        _percent_correct(question, evidence, level),
    ]
    if question.measure.covariates:
        plain = replace(question, measure=question.measure.model_copy(update={"covariates": ()}))
        rows.append(
            row_of(question, "without covariates", by_person(plain).estimate, level, "people as they are")
        )
        rows += _covariate_effects(question, evidence, level)
    return [row for row in rows if row is not None]


def _beside(question: Question, evidence: Evidence, level: tuple[float, float]) -> list[Row]:
    """Beside a crossed model: the test over people, and what else the model says."""
    if evidence.crossed is None:
        return []
    found = beside_crossed(question, evidence)
    return [row_of(question, name, estimate, level, note) for name, estimate, note in found]


def _by_scene(question: Question, evidence: Evidence, level: tuple[float, float]) -> Row | None:
    """The same effect with scenes as the units and people ignored."""
    first, second = question.conditions
    groups = question.item.groups
    if question.item.hypothesis.effect == "level" or question.table.used["scene"].isna().any():
        return None
    if (
        evidence.crossed is not None
        and not evidence.crossed.layout.paired
        and question.measure.statistic in DPRIMES
    ):
        return None  # by clip, beside the crossed model
    effects = person_effects(
        question.table, groups, first, second, paired_scenes=question.paired_scenes, unit="scene"
    ).rows
    usable = effects[effects["included"] == 1]
    per_scene = (
        usable.pivot(index="participant_id", columns="group", values="effect")
        .reindex(columns=list(groups))
        .dropna()
    )
    values = per_scene.to_numpy() @ np.array(question.item.weights)
    try:
        estimate = estimate_by_person({"scenes": values}, [1.0], n_scenes=len(values))
    except NotEstimable as problem:
        return row_of(question, "by scene", None, level, str(problem))
    return row_of(
        question, "by scene", estimate, level, f"one value per scene ({len(values)} scenes), people ignored"
    )


def first_exposures(table: MeasureTable) -> MeasureTable | None:
    """Only the first version of each scene a person saw; None where the table does not say in which order."""
    rows = table.rows
    known = rows["trial_order"].notna() & rows["scene"].notna()
    if not known.any() or not rows.duplicated(["participant_id", "scene"]).any():
        return None
    first = rows.loc[known].groupby(["participant_id", "scene"])["trial_order"].transform("min")
    kept = rows.loc[known][rows.loc[known, "trial_order"] == first]
    return replace(table, rows=kept.reset_index(drop=True))


def _first_exposure(question: Question, evidence: Evidence, level: tuple[float, float]) -> Row | None:
    """Memory of the twin cannot play a part the first time a scene is seen."""
    name = "first exposures only"
    table = first_exposures(question.table)
    if table is None:
        if question.paired_scenes is False or question.item.hypothesis.effect in ("level", "group"):
            return None
        return row_of(
            question, name, None, level, "not available: the table does not say what was seen first"
        )
    note = "each scene's first version only, so that the arms show different scenes"
    if evidence.crossed is not None:
        estimate, reason = first_exposures_crossed(question, table, evidence.crossed)
        return row_of(question, name, estimate, level, reason or note)
    first = by_person(replace(question, table=table, paired_scenes=False, fits={}))
    return row_of(question, name, first.estimate, level, first.reason or note)


def _percent_correct(question: Question, evidence: Evidence, level: tuple[float, float]) -> Row | None:
    """Percent correct stands beside every d' (INFERENCE 3); for groups compared, their difference."""
    if question.measure.statistic not in DPRIMES:
        return None
    name = "percent correct"
    groups = question.item.groups
    columns = [
        evidence.effects.by_group(groups, column) for column in ("first", "second", "n_first", "n_second")
    ]
    correct = {}
    for group in groups:
        false_alarms, hits, noises, signals = (column[group] for column in columns)
        correct[group] = 100 * (hits * signals + (1 - false_alarms) * noises) / (signals + noises)
    try:
        estimate = estimate_by_person(correct, question.item.weights)
    except NotEstimable as problem:
        return row_of(question, name, None, level, str(problem))
    note = (
        "difference between the groups"
        if sum(question.item.weights) == 0
        else "chance is 50 where both are equally frequent"
    )
    return replace(row_of(question, name, estimate, level, note), p=None)


def _covariate_effects(question: Question, evidence: Evidence, level: tuple[float, float]) -> list[Row]:
    """Does the effect itself depend on the covariate (condition x FD, condition x age)? Slope per group."""
    rows = []
    for covariate in question.measure.covariates:
        for group in question.item.groups:
            y = evidence.effects.by_group([group])[group]
            x = evidence.effects.by_group([group], covariate.name)[group]
            name = f"condition x {covariate.name} in {group}"
            if len(y) < 4 or np.ptp(x) == 0:
                rows.append(row_of(question, name, None, level, "too few people, or no variation"))
                continue
            design = np.column_stack([np.ones(len(x)), x - x.mean()])
            coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
            variance = (
                float(np.sum((y - design @ coefficients) ** 2))
                / (len(y) - 2)
                / float(np.sum((x - x.mean()) ** 2))
            )
            slope = Estimate(float(coefficients[1]), variance**0.5, len(y) - 2, "slope", {group: len(y)})
            rows.append(
                row_of(
                    question,
                    name,
                    slope if variance > 0 else None,
                    level,
                    f"change of the effect per unit of {covariate.name}",
                )
            )
    return rows


def scale_check(question: Question, seed: int, level: tuple[float, float]) -> tuple[Row, bool] | None:
    """A group x condition effect divided by each group's own response to all clips.

    Percentile bootstrap over people within groups of ``sum_g w_g mean(effect_g) / mean(response_g)``.

    Returns
    -------
    row, holds
        `holds` is False when the difference or its sign is lost: "scale-dependent". None where it does not apply.
    """
    item = question.item
    if (
        item.hypothesis.effect != "group_by_condition"
        or question.measure.statistic != "percent_signal_change"
    ):
        return None
    first, second = question.conditions
    effects = person_effects(
        question.table,
        item.groups,
        first,
        second,
        paired_scenes=question.paired_scenes,
        fewest=question.fewest,
    )
    responses = person_effects(question.table, item.groups, FIXATION, ALL_CLIPS, fewest=question.fewest)
    joined = effects.rows.merge(responses.rows, on=["participant_id", "group"], suffixes=("", "_all"))
    joined = joined[(joined["included"] == 1) & (joined["included_all"] == 1)]
    pairs = {
        g: joined.loc[joined["group"] == g, ["effect", "effect_all"]].to_numpy(float) for g in item.groups
    }
    name = "divided by the response to all clips"
    if any(len(values) < 2 for values in pairs.values()):
        return row_of(question, name, None, level, "too few people with a response to all clips"), False
    random = generator(seed, "scale", item.id)
    raw = scaled = np.zeros(BOOTSTRAP_SAMPLES)
    lowest = np.inf
    observed = 0.0
    for weight, (_, values) in zip(item.weights, pairs.items(), strict=True):
        drawn = values[random.integers(0, len(values), (BOOTSTRAP_SAMPLES, len(values)))].mean(axis=1)
        lowest = min(lowest, float(np.quantile(drawn[:, 1], level[0] / 2)))
        raw = raw + weight * drawn[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = scaled + weight * drawn[:, 0] / drawn[:, 1]
        observed += weight * float(values[:, 0].mean() / values[:, 1].mean())
    n = sum(len(values) for values in pairs.values())
    if lowest <= 0:
        note = "a group's response to all clips is not above 0, so that nothing can be divided by it"
        return Row(item.id, name, None, None, None, None, None, None, n, note), False
    low, high = np.quantile(scaled, [level[0] / 2, 1 - level[0] / 2])
    below = float(np.mean(scaled <= 0))
    p = min(1.0, 2 * min(below, 1 - below) + 1 / (BOOTSTRAP_SAMPLES + 1))
    sign_kept = np.sign(observed) == np.sign(np.mean(raw))
    holds = bool((low > 0 or high < 0) and sign_kept)
    note = f"percentile bootstrap over people ({BOOTSTRAP_SAMPLES} samples), in units of the response"
    return Row(
        item.id, name, observed, float(scaled.std(ddof=1)), None, float(low), float(high), p, n, note
    ), holds


def tipping_point(
    question: Question,
    evidence: Evidence,
    started: pd.DataFrame,
    outcome_with: Callable[[Estimate], str],
    outcome: str,
) -> list[Row]:
    """How different the people without data would have to be for the outcome to change, group by group.

    The missing people of one group are given effects with the observed mean plus a shift and the observed spread; the
    smallest shift, up to 5 SD either way, that changes the outcome is the tipping point. Of a crossed model the missing
    people move the estimate by their share of the group, and its standard error stays: they add no certainty.

    Parameters
    ----------
    started
        Everyone who started: columns ``participant_id, group``.
    outcome_with
        The outcome an estimate would lead to, the family's other members held fixed.
    """
    rows = []
    values = evidence.effects.by_group(question.item.groups)
    weights = dict(zip(question.item.groups, question.item.weights, strict=True))
    for group in question.item.groups:
        analysed = values[group]
        missing = int((started["group"] == group).sum()) - len(analysed)
        name = f"tipping point in {group}"
        if missing <= 0 or len(analysed) < 2:
            continue
        if question.measure.covariates:
            note = f"{missing} without usable data: not available with covariates, which they would need too"
            rows.append(Row(question.item.id, name, None, None, None, None, None, None, missing, note))
            continue
        spread = float(analysed.std(ddof=1))
        found = None
        for step in np.arange(0, 5.01, 0.05):
            for sign in (1, -1):
                shift = float(sign * step * spread)
                try:
                    if evidence.crossed is not None and evidence.estimate is not None:
                        share = missing / (missing + len(analysed))
                        moved = evidence.estimate.value + weights[group] * share * shift
                        filled = replace(evidence.estimate, value=moved)
                    else:
                        added = {**values, group: _filled(analysed, missing, shift)}
                        filled = estimate_by_person(added, question.item.weights)
                    changed = outcome_with(filled) != outcome
                except NotEstimable:
                    continue
                if changed and found is None:
                    found = shift
            if found is not None:
                break
        if found is None:
            note = f"{missing} without usable data: no shift up to 5 SD changes the outcome"
            rows.append(Row(question.item.id, name, None, None, None, None, None, None, missing, note))
        else:
            distance = f"this far from the others' ({found / spread:+.2f} SD)"
            note = f"{missing} without usable data: the outcome changes if their mean lies {distance}"
            rows.append(
                Row(question.item.id, name, float(found), None, None, None, None, None, missing, note)
            )
    return rows


def _filled(analysed: np.ndarray, missing: int, shift: float) -> np.ndarray:
    """The analysed values and `missing` more, with the analysed mean + shift and, within them, the same spread."""
    n = np.arange(1, missing + 1)
    shape = np.sin(n * 2 * np.pi / max(missing, 2)) if missing > 1 else np.zeros(1)
    shape = shape - shape.mean()
    deviation = float(shape.std(ddof=1)) if missing > 1 else 0.0
    scaled = shape / deviation * float(analysed.std(ddof=1)) if deviation > 0 else shape
    return np.concatenate([analysed, analysed.mean() + shift + scaled])
