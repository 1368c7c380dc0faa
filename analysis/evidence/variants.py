"""The same decision on other values of the same measure: another first level, another cut-off for motion.

A measure of BOLD depends on choices made before the first test. Its values under other choices come as tables of the
same form (`VARIANTS`) or follow from the table itself and the motion of its runs (`with_cutoff`); each goes through the
hypothesis' own deciding model. They decide nothing, but for one thing: a group difference in percent signal change
that is lost, or turns, once the response's shape may differ is "scale-dependent", never ``different`` (INFERENCE 12).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.evidence.blind import shuffle_arms
from analysis.evidence.deciding import MODELS
from analysis.evidence.estimates import Estimate, NotEstimable
from analysis.evidence.question import Evidence, Question
from analysis.evidence.sensitivity import Row, row_of
from analysis.measures.checking import fit_to_plan, one_group_each
from analysis.measures.table import FOLDER, MeasureTable, measure_path, read_measure
from protocols.base.errors import BazinError, InputError, fail, listed
from protocols.base.tables import read_frame
from protocols.plan.measuring import Measure
from protocols.plan.promises import DecidingModel, Plan

DERIVATIVES, CENSORED = "derivatives", "censored"
VARIANTS = {
    DERIVATIVES: "the response's temporal and dispersion derivatives in the model",
    CENSORED: "volumes above 0.5 mm (or half the plan's limit, if that is less) set aside as well",
}
"""Other first levels, by the end of their tables' names: ``measures/variants/measure-<id>_<variant>.tsv``."""

QUALITY = "quality-bold.tsv"
NUMBERS = ("volumes", "volumes_kept", "mean_fd_mm", "max_fd_mm", "tsnr", "included")
NEEDED = ("participant_id", "group", "session", "task", "run", "condition", *NUMBERS, "reason")
RUN = ("participant_id", "session", "task", "run")
MOVED = "moved too much: mean FD"
"""How the reason of a row begins whose run moved more than the plan allows."""
KEPT_TOO_FEW = "too few volumes kept"


@dataclass(frozen=True)
class Beside:
    """What a BOLD study has beside its measure tables.

    Attributes
    ----------
    quality
        One row per person, run and condition, with the columns `NEEDED`; None where it was not saved.
    variants
        Tables under other first levels (`VARIANTS`), by measure.
    """

    quality: pd.DataFrame | None = None
    variants: Mapping[str, Mapping[str, MeasureTable]] = field(default_factory=dict)

    def shuffled(self, plan: Plan, key: str) -> Beside:
        """With the variants' arms shuffled as those of the measures are (`analysis.evidence.blind`)."""
        variants = {
            name: {variant: shuffle_arms(plan, table, key) for variant, table in tables.items()}
            for name, tables in self.variants.items()
        }
        return replace(self, variants=variants)


def files_beside(folder: Path, measures: Mapping[str, Any]) -> dict[str, Path]:
    """The files there are, by their names below `folder`: quality, and the variants of `measures` with sidecars."""
    paths = [folder / FOLDER / QUALITY]
    for name in measures:
        for variant in VARIANTS:
            table = folder / FOLDER / "variants" / measure_path(folder, f"{name}_{variant}").name
            paths += [table, table.with_suffix(".json")] if table.exists() else []
    return {path.relative_to(folder).as_posix(): path for path in paths if path.exists()}


def read_beside(plan: Plan, files: Mapping[str, Path], tables: Mapping[str, MeasureTable]) -> Beside | None:
    """Read what `files_beside` found; None where there is nothing.

    Parameters
    ----------
    tables
        The measures themselves: people whom they put into different groups are set aside here as there.

    Raises
    ------
    InputError
        If a table is broken, lacks a column, or measures something else than the plan's measure of its name.
    """
    quality = files.get(f"{FOLDER}/{QUALITY}")
    read: dict[tuple[str, str], MeasureTable] = {}
    for name in tables:
        for variant in VARIANTS:
            path = files.get(f"{FOLDER}/variants/measure-{name}_{variant}.tsv")
            if path is not None:
                table = replace(read_measure(path), id=name)
                read[name, variant] = fit_to_plan(plan, table, path)[0]
    if quality is None and not read:
        return None
    named = {f"{name}, {variant}": table for (name, variant), table in read.items()}
    together, _ = one_group_each({**tables, **named})
    variants: dict[str, dict[str, MeasureTable]] = {}
    for name, variant in read:
        variants.setdefault(name, {})[variant] = together[f"{name}, {variant}"]
    return Beside(None if quality is None else read_quality(quality), variants)


def read_quality(path: Path) -> pd.DataFrame:
    """Motion and signal of every run: columns `NEEDED`.

    Raises
    ------
    InputError
        If a column is missing, or a run has a condition twice.
    """
    frame = read_frame(path, numeric=NUMBERS, required=NEEDED)
    twice = frame[frame.duplicated([*RUN, "condition"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        raise fail(
            InputError,
            str(path),
            f"has {len(twice)} rows that say the same thing twice",
            got=", ".join(f"{name} {first[name]}" for name in (*RUN, "condition")),
            accepted="a row per person, run and condition",
        )
    return frame


def is_bold(measure: Measure) -> bool:
    """Whether a measure is one of BOLD, so that head motion can make its effects."""
    return measure.statistic == "percent_signal_change" or measure.roi is not None


def changed(question: Question, fits: dict[Any, Any], **changes: Any) -> Question:
    """The question put to other values: with models of its own, and without the spread, which is not asked again.

    Parameters
    ----------
    fits
        Where models of these values are kept: shared by the hypotheses of one analysis, and by nothing else.
    """
    measure = changes.pop("measure", question.measure)
    return replace(question, measure=measure.model_copy(update={"spread": None}), fits=fits, **changes)


def answer(question: Question, model: DecidingModel) -> Evidence | str:
    """The deciding model's answer, or why it has none: an analysis beside the outcome never stops a study."""
    try:
        evidence = MODELS[model](question)
    except NotEstimable as problem:
        return str(problem)
    except (BazinError, np.linalg.LinAlgError, FloatingPointError) as problem:
        return f"not estimable: {str(problem).splitlines()[0]}"
    return evidence


def derivatives_check(
    question: Question,
    evidence: Evidence,
    bold: Beside | None,
    model: DecidingModel,
    level: tuple[float, float],
    shows_difference: Callable[[Estimate], bool],
    fits: dict[Any, Any],
) -> tuple[Row, bool] | None:
    """A group x condition effect when the model of each response has the derivatives of its shape too.

    Parameters
    ----------
    shows_difference
        Whether an estimate in this one's place would show a difference, adjusted, the family's other members fixed.

    Returns
    -------
    row, holds
        `holds` is False when the difference or its sign is lost. None where the check does not apply or there is no
        such table.
    """
    h, statistic = question.item.hypothesis, question.measure.statistic
    tables = bold.variants.get(h.measure, {}) if bold is not None else {}
    if (
        DERIVATIVES not in tables
        or h.effect != "group_by_condition"
        or statistic != "percent_signal_change"
        or evidence.estimate is None
    ):
        return None
    found = answer(changed(question, fits, table=tables[DERIVATIVES]), model)
    estimate, reason = (None, found) if isinstance(found, str) else (found.estimate, found.reason)
    note = reason or VARIANTS[DERIVATIVES]
    row = row_of(question, "HRF with derivatives", estimate, level, note)
    if estimate is None:
        return row, False
    same_sign = (estimate.value > 0) == (evidence.estimate.value > 0)
    return row, bool(same_sign and shows_difference(estimate))


# ---- the motion of a table's rows ----


def plain(value: Any, prefix: str) -> str | None:
    """A run or session as one spells it: ``run-01``, ``01``, ``1`` and 1.0 are the same run."""
    if pd.isna(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).removeprefix(prefix)
    return text.lstrip("0") or "0" if text.isdigit() else text


def motion_of(quality: pd.DataFrame, table: MeasureTable, measure: Measure) -> pd.DataFrame:
    """Motion of each row's run: its mean FD in mm, and the volumes of the row's condition and how many it kept.

    Rows that name no run hold a person's values of all runs: theirs is the mean FD over the person's used runs, or over
    all where none is used, and the volumes kept are those of used runs.

    Returns
    -------
    DataFrame
        ``run`` (what the motion is of), ``fd``, ``volumes`` and ``kept``, (rows of the table); NaN where unknown.

    Raises
    ------
    NotEstimable
        If the table does not tell apart recordings that moved differently, or no row's run has an FD.
    """
    own = table.rows["condition"].dropna().unique()
    known = quality[quality["condition"].isin(own)].copy()
    rows = table.rows[["participant_id", "session", "run", "condition"]].copy()
    for frame in (known, rows):
        for name, prefix in (("session", "ses-"), ("run", "run-")):
            frame[name] = pd.Series([plain(v, prefix) for v in frame[name]], index=frame.index, dtype=object)
    key = ["participant_id"]
    if len(rows) and rows["session"].notna().all():
        key.append("session")
    elif measure.session is not None and (known["session"] == measure.session).any():
        known = known[known["session"] == measure.session]
    if rows["run"].notna().any():
        key.append("run")
        known["run"], rows["run"] = (
            known["run"].fillna(""),
            rows["run"].fillna(""),
        )  # the only run of a session
    runs = known.drop_duplicates(list(RUN))
    _refuse_confused(runs, key, table)
    if "run" in key:
        kept = known
    else:
        kept = known[known["included"] == 1]
        runs = runs[runs["included"] == runs.groupby(key)["included"].transform("max")]
    cell = [*key, "condition"]
    parts = [
        (runs.groupby(key)["mean_fd_mm"].mean().rename("fd"), key),
        (known.groupby(cell)["volumes"].sum(min_count=1), cell),
        (kept.groupby(cell)["volumes_kept"].sum(min_count=1).rename("kept"), cell),
    ]
    found = rows
    for part, on in parts:
        found = found.merge(part.reset_index(), on=on, how="left")
    if not found["fd"].notna().any():
        raise NotEstimable(f"no run of '{table.id}' has a mean FD")
    found = found.set_index(table.rows.index)
    found["run"] = found["session"].fillna("").astype(str) + " " + found["run"].fillna("").astype(str)
    return found[["run", "fd", "volumes", "kept"]]


def _refuse_confused(runs: pd.DataFrame, key: list[str], table: MeasureTable) -> None:
    """A row whose key fits several recordings has the motion of none of them."""
    one_each = runs if "run" in key else runs.drop_duplicates([*key, "session", "task"])
    confused = one_each[one_each.duplicated(key, keep=False)]
    if confused.empty:
        return
    person = confused["participant_id"].iloc[0]
    mine = confused[confused["participant_id"] == person]
    which = listed(
        sorted({f"session {a}, task {b}" for a, b in zip(mine["session"], mine["task"], strict=True)})
    )
    raise NotEstimable(f"'{table.id}' does not say which recording of {person} its values are of ({which})")


def person_motion(table: MeasureTable, motion: pd.DataFrame) -> pd.Series:
    """Mean FD in mm per person over the runs behind the rows in use, each counting once."""
    used = pd.concat([table.rows["participant_id"], motion], axis=1)[table.rows["included"] == 1]
    runs = used.drop_duplicates(["participant_id", "run"])
    return runs.groupby("participant_id")["fd"].mean()


def with_cutoff(
    table: MeasureTable, motion: pd.DataFrame, limit: float, fewest_kept: float | None, groups: Sequence[str]
) -> tuple[MeasureTable, str]:
    """The table as it were if runs with a mean FD above `limit` (mm), and only these, had moved too much.

    Parameters
    ----------
    motion
        Of `motion_of`.
    fewest_kept
        The plan's smallest share of any condition's volumes that a person keeps: it is asked again, as runs that come
        or go change it. Values left out by other rules stay out.
    groups
        Whose changes are told.

    Returns
    -------
    table, note
        What changed, in words.
    """
    rows = table.rows.copy()
    was = rows["included"] == 1
    reason = rows["reason"].fillna("")
    moved = ~was & reason.str.startswith(MOVED)
    thin = ~was & reason.str.startswith(KEPT_TOO_FEW)
    still = motion["fd"] <= limit
    possible = (was & (still | motion["fd"].isna())) | ((moved | thin) & still)
    possible &= np.isfinite(rows["value"].astype(float))
    enough = ~thin if fewest_kept is None else _kept(rows, motion, possible) >= fewest_kept
    included = possible & enough
    rows["included"] = included.astype(float)
    rows.loc[included, "reason"] = None
    rows.loc[was & ~possible, "reason"] = f"{MOVED} above {limit:g} mm"
    rows.loc[possible & ~enough, "reason"] = KEPT_TOO_FEW
    whose = rows["group"].isin(list(groups))
    told = []
    for moved_rows, what in (
        (included & ~was, "come back"),
        (was & ~possible, "go"),
        (was & possible & ~enough, "go, as too few volumes are kept"),
        (moved & possible & ~enough, "stay out, as too few volumes are kept"),
    ):
        chosen = rows.loc[moved_rows & whose, "participant_id"]
        if len(chosen):
            told.append(f"{len(chosen)} values of {_people(chosen.nunique())} {what}")
    unknown = int((included & whose & motion["fd"].isna()).sum())
    told += [f"{unknown} values of runs whose FD is unknown stay"] if unknown else []
    return replace(table, rows=rows), "; ".join(told) or "the same values as in the primary analysis"


def _kept(rows: pd.DataFrame, motion: pd.DataFrame, possible: pd.Series) -> pd.Series:
    """Smallest share of a condition's volumes that the row's person keeps in the runs that may count.

    Volumes of the other runs count as lost, as at the participant level; 1 where unknown.
    """
    cells = pd.concat([rows[["participant_id", "condition"]], motion], axis=1).assign(possible=possible)
    runs = cells.groupby(["participant_id", "condition", "run"], dropna=False).agg(
        volumes=("volumes", "first"), kept=("kept", "first"), possible=("possible", "max")
    )
    runs["kept"] = runs["kept"].where(runs["possible"].astype(bool), 0.0)
    sums = runs.groupby(["participant_id", "condition"], dropna=False)[["volumes", "kept"]].sum(min_count=1)
    share = (sums["kept"] / sums["volumes"]).groupby("participant_id").min()
    return rows["participant_id"].map(share).astype(float).fillna(1.0)


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
