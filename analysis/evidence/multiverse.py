"""Every hypothesis on BOLD where motion was treated otherwise: the sealed multiverse (INFERENCE 12).

The primary analysis has the plan's gate and its first level and no covariate of motion. Beside it stand, always and in
this order, the same effect among people of the same FD (as a covariate, and by matching), with more volumes censored,
and under the plan's other cut-offs; then whether the effect itself depends on FD. Each goes through the hypothesis'
own deciding model. They decide nothing: their outcomes are those of a single test, unadjusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence.case import Case
from analysis.evidence.crossed_table import C
from analysis.evidence.effects import effects_of
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.matching import Matched, matched_on
from analysis.evidence.motion import MOTION_COLUMNS, motion_people, motion_rows
from analysis.evidence.outcomes import outcome_of, run_tests
from analysis.evidence.question import Evidence, Question
from analysis.evidence.variants import (
    CENSORED,
    VARIANTS,
    Beside,
    answer,
    changed,
    is_bold,
    motion_of,
    person_motion,
    with_cutoff,
)
from analysis.evidence.wording import amount
from analysis.measures.table import MeasureTable
from protocols.plan.expanding import model_of
from protocols.plan.measuring import Covariate
from protocols.plan.promises import DecidingModel, Plan

COLUMNS = (
    "hypothesis", "measure", "group", "analysis", "estimate", "se", "df", "unit", "level", "low", "high", "p",
    "level_equivalence", "low_equivalence", "high_equivalence", "p_equivalence", "bound", "outcome", "decided", "n",
    "n_people_by_group", "note",
)  # fmt: skip
FD = "mean_fd_mm"
UNADJUSTED = "outcome of a single test, unadjusted"
SLOPES = {
    "condition": "condition x FD",
    "group_by_condition": "group x condition x FD",
    "level": "level x FD",
    "group": "group x FD",
}
Fits = dict[Any, dict[Any, Any]]
Asked = tuple[str, Callable[[], tuple[Question, str]]]
"""An analysis' name, and how its question is made; whatever keeps it from being asked becomes the row's reason."""


def motion_tables(
    plan: Plan, cases: Sequence[Case], bold: Beside, people: pd.DataFrame | None
) -> dict[str, pd.DataFrame]:
    """Result tables of motion: tests of it, person by person, and the multiverse."""
    assert bold.quality is not None
    motion = motion_rows(plan, bold.quality, cases)
    rows = multiverse_rows(plan, cases, bold, people)
    return {
        "motion": pd.DataFrame(motion, columns=list(MOTION_COLUMNS), dtype=object),
        "motion_people": motion_people(plan, bold.quality),
        "multiverse": pd.DataFrame(rows, columns=list(COLUMNS), dtype=object),
    }


def multiverse_rows(
    plan: Plan, cases: Sequence[Case], bold: Beside, people: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """One row per confirmatory hypothesis on BOLD and analysis, failing ones with their reason.

    Parameters
    ----------
    bold
        With the runs' motion.
    people
        One row per person with covariates, or None.
    """
    fits: Fits = {}
    rows: list[dict[str, Any]] = []
    for case in cases:
        if is_bold(case.question.measure) and not case.item.hypothesis.exploratory:
            rows += _of_case(plan, case, bold, people, fits)
    return rows


def _of_case(
    plan: Plan, case: Case, bold: Beside, people: pd.DataFrame | None, fits: Fits
) -> Iterator[dict[str, Any]]:
    assert bold.quality is not None
    model = model_of(plan, case.item.hypothesis)
    yield {**_row(plan, case, "primary", case.evidence, "the plan's own gate and first level, no FD covariate"),
           "decided": case.qualifier or case.outcome}  # fmt: skip
    try:
        motion: pd.DataFrame | str = motion_of(bold.quality, case.question.table, case.question.measure)
    except NotEstimable as problem:
        motion = str(problem)
    adjusted: Evidence | str = "not asked"
    for name, asked in _analyses(plan, case, bold, people, motion, fits):
        try:
            question, note = asked()
        except NotEstimable as problem:
            yield _row(plan, case, name, str(problem), "")
            continue
        found = answer(question, model)
        adjusted = found if name == COVARIATE else adjusted
        yield _row(plan, case, name, found, note)
    yield _slope_row(plan, case, adjusted, model)


COVARIATE = "FD as covariate"


def _analyses(
    plan: Plan,
    case: Case,
    bold: Beside,
    people: pd.DataFrame | None,
    motion: pd.DataFrame | str,
    fits: Fits,
) -> Iterator[Asked]:
    """The analyses beside the primary one, in their fixed order."""
    question = case.question
    name = case.item.hypothesis.measure

    def known() -> pd.DataFrame:
        if isinstance(motion, str):
            raise NotEstimable(motion)
        return motion

    def own(*key: Any) -> dict[Any, Any]:
        return fits.setdefault((name, *key), {})

    def covariate() -> tuple[Question, str]:
        return _with_fd(question, people, person_motion(question.table, known()), own(COVARIATE))

    def matched() -> tuple[Question, str]:
        pair = _pair(plan, case)
        found = _matched(question, pair, person_motion(question.table, known()))
        fits_here = own("matched", pair, question.conditions, case.item.hypothesis.against)
        return changed(question, fits_here, table=_only(question.table, found)), found.note(pair)

    def censored() -> tuple[Question, str]:
        tables = bold.variants.get(name, {})
        if CENSORED not in tables:
            raise NotEstimable("there is no table of this first level")
        return changed(question, own(CENSORED), table=tables[CENSORED]), VARIANTS[CENSORED]

    yield COVARIATE, covariate
    if len(plan.groups) > 1:
        yield "motion-matched", matched
    yield CENSORED, censored
    cutoffs = plan.exclusions.sensitivity.mean_fd_mm if plan.exclusions.sensitivity else ()
    for limit in cutoffs:

        def cut(limit: float = limit) -> tuple[Question, str]:
            kept = plan.exclusions.volumes_kept_per_condition
            table, note = with_cutoff(question.table, known(), limit, kept, case.item.groups)
            return changed(question, own("cut-off", limit), table=table), note

        yield f"cut-off mean FD <= {limit:g} mm", cut


def _with_fd(
    question: Question, people: pd.DataFrame | None, fd: pd.Series, fits: dict[Any, Any]
) -> tuple[Question, str]:
    """The question with people's mean FD as one more covariate, centred at everybody in it."""
    measure = question.measure
    if any(covariate.name == FD for covariate in measure.covariates):
        raise NotEstimable("mean FD is a covariate of the primary analysis already")
    everyone = question.table.rows[["participant_id", "group"]].drop_duplicates()
    if people is not None:
        more = people.drop(columns=[FD], errors="ignore")
        everyone = everyone.merge(more, on=["participant_id", "group"], how="left")
    everyone = everyone.assign(**{FD: everyone["participant_id"].map(fd).astype(float)})
    measure = measure.model_copy(
        update={"covariates": (*measure.covariates, Covariate(name=FD, centre="all"))}
    )
    groups = question.item.groups  # all that are centred together are fitted together
    asked = changed(question, fits, measure=measure, people=everyone, groups=groups)
    entered, _ = effects_of(asked, groups)
    used = entered.rows[entered.rows["included"] == 1]
    if used.empty:
        raise NotEstimable("nobody has a mean FD and usable values")
    at = f"{amount(float(used[FD].astype(float).mean()), 3)} mm"
    if len(groups) == 1:
        return (
            asked,
            f"at the people's own mean FD, {at}: the covariate changes the error and hardly the estimate",
        )
    return asked, f"groups compared at the same FD, {at}; each group has its own slope"


def _pair(plan: Plan, case: Case) -> tuple[str, str]:
    groups = case.item.groups if len(case.item.groups) == 2 else tuple(plan.groups)
    if len(groups) != 2:
        raise NotEstimable(f"two groups are matched, and here are {len(groups)}")
    return groups[0], groups[1]


def _matched(question: Question, pair: tuple[str, str], fd: pd.Series) -> Matched:
    """Those of the people with usable values who have their like in the other group; no value is looked at."""
    effects, _ = effects_of(question, pair)
    known = {
        group: [p for p in codes if np.isfinite(fd.get(p, np.nan))]
        for group, codes in effects.people(pair).items()
    }
    first, second = ({code: float(fd[code]) for code in known[group]} for group in pair)
    return matched_on(first, second)


def _only(table: MeasureTable, matched: Matched) -> MeasureTable:
    rows = table.rows.copy()
    out = (rows["included"] == 1) & ~rows["participant_id"].isin(matched.people)
    rows.loc[out, "included"], rows.loc[out, "reason"] = 0.0, "nobody in the other group moved alike"
    return MeasureTable(table.id, rows, table.sidecar)


def _row(plan: Plan, case: Case, name: str, found: Evidence | str, note: str) -> dict[str, Any]:
    estimate, reason = (None, found) if isinstance(found, str) else (found.estimate, found.reason)
    h, decision = case.item.hypothesis, plan.decision
    row: dict[str, Any] = {
        "hypothesis": case.item.id, "measure": h.measure, "group": case.item.group, "analysis": name,
        "unit": case.question.measure.in_unit, "bound": case.bound,
    }  # fmt: skip
    if estimate is None:
        told = "; ".join(part for part in (reason, note) if part)
        return {**row, "outcome": "not_estimable", "n": 0, "note": told}
    tests = run_tests(
        estimate, bound=case.bound, alpha=decision.alpha, alpha_equivalence=decision.alpha_equivalence
    )
    outcome, _ = outcome_of(
        tests,
        p_difference=tests.p_raw,
        p_equivalence=tests.p_equivalence,
        asks=h.asks,
        bound=case.bound,
        alpha=decision.alpha,
        alpha_equivalence=decision.alpha_equivalence,
    )
    difference, equivalence = tests.ci_difference, tests.ci_equivalence
    return {
        **row, **_numbers(estimate), "level": difference.level, "low": difference.low, "high": difference.high,
        "p": tests.p_raw, "level_equivalence": equivalence.level, "low_equivalence": equivalence.low,
        "high_equivalence": equivalence.high, "p_equivalence": tests.p_equivalence, "outcome": outcome,
        "note": f"{note}; {UNADJUSTED}" if note else UNADJUSTED,
    }  # fmt: skip


def _numbers(estimate: Estimate) -> dict[str, Any]:
    return {
        "estimate": estimate.value,
        "se": estimate.se,
        "df": estimate.df,
        "n": sum(estimate.n_people.values()),
        "n_people_by_group": "; ".join(f"{group} {count}" for group, count in estimate.n_people.items()),
    }


def _slope_row(plan: Plan, case: Case, adjusted: Evidence | str, model: DecidingModel) -> dict[str, Any]:
    """Whether the effect itself changes with FD: the slopes of the model that has FD as a covariate."""
    unit = f"{case.question.measure.in_unit} per mm"
    row: dict[str, Any] = {
        "hypothesis": case.item.id, "measure": case.item.hypothesis.measure, "group": case.item.group,
        "analysis": SLOPES[case.item.hypothesis.effect], "unit": unit, "n": 0,
    }  # fmt: skip
    if isinstance(adjusted, str) or adjusted.estimate is None:
        reason = adjusted if isinstance(adjusted, str) else adjusted.reason
        return {**row, "note": f"without a model with FD there is no slope: {reason}"}
    weights = dict(zip(case.item.groups, case.item.weights, strict=True))
    try:
        slope = _slope(adjusted, weights, adjusted.estimate)
    except NotEstimable as problem:
        return {**row, "note": str(problem)}
    decision = plan.decision
    tests = run_tests(slope, bound=None, alpha=decision.alpha, alpha_equivalence=decision.alpha_equivalence)
    difference = tests.ci_difference
    how = "of the crossed model" if model == "crossed_mixed" else "over people"
    return {
        **row, **_numbers(slope), "level": difference.level, "low": difference.low, "high": difference.high,
        "p": tests.p_raw, "note": f"change of the effect per mm of mean FD, {how}",
    }  # fmt: skip


def _slope(evidence: Evidence, weights: dict[str, float], beside: Estimate) -> Estimate:
    """The weighted sum of the groups' slopes on FD."""
    if evidence.crossed is not None:
        layout = evidence.crossed.layout
        suffix = f":{C}" if layout.contrast else ""
        named = {layout.covariates[g][-1] + suffix: layout.sign * weight for g, weight in weights.items()}
        contrast = evidence.crossed.fit.contrast(named, name="slope")
        if not (np.isfinite(contrast.se) and contrast.se > 0):
            raise NotEstimable("the crossed model gives the slope no standard error")
        df = contrast.df if np.isfinite(contrast.df) else beside.df
        return Estimate(float(contrast.estimate), float(contrast.se), float(df), "", dict(beside.n_people))
    used = evidence.effects.rows[evidence.effects.rows["included"] == 1]
    columns = list(used.columns)
    others = [name for name in columns[columns.index("reason") + 1 :] if name != FD]
    parts, total, people = [], 0.0, {}
    for group, weight in weights.items():
        own = used[used["group"] == group]
        design = np.column_stack([np.ones(len(own)), own[[*others, FD]].to_numpy(dtype=float)])
        design[:, 1:] -= design[:, 1:].mean(axis=0)
        y = own["effect"].to_numpy(dtype=float)
        df = len(y) - design.shape[1]
        if df < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
            raise NotEstimable(f"'{group}' has too few people for a slope, or its FD does not vary")
        coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
        spread = float(np.sum((y - design @ coefficients) ** 2)) / df
        total += weight * float(coefficients[-1])
        parts.append((weight**2 * spread * float(np.linalg.inv(design.T @ design)[-1, -1]), df))
        people[group] = len(y)
    variance = sum(part for part, _ in parts)
    if variance <= 0:
        raise NotEstimable("the effect follows from FD without error: there is no test")
    df_all = variance**2 / sum(part**2 / n for part, n in parts)
    return Estimate(total, float(np.sqrt(variance)), float(df_all), "", people)
