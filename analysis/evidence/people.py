"""From a measure table to one number per person: condition values, contrasts, and who is left out why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.measures.table import MeasureTable
from protocols.base.errors import listed
from protocols.plan.expanding import ALL_CLIPS, FIXATION
from protocols.plan.measuring import DPRIMES, PAIRS

LOGLINEAR = 0.5
"""Added to hits and false alarms, and twice to their trials (Hautus 1995, Behav Res Methods 27:46)."""


@dataclass(frozen=True)
class PersonEffects:
    """One effect per person.

    Attributes
    ----------
    rows
        Columns ``participant_id, group, first, second, effect, n_first, n_second, included, reason``: the values of
        the two conditions, their difference (or d'), and the number of scenes or trials behind each.
    n_scenes
        Scenes behind the included people's values, or None where the table names none.
    """

    rows: pd.DataFrame
    n_scenes: int | None

    def by_group(self, groups: Sequence[str], column: str = "effect") -> dict[str, np.ndarray]:
        """A column of the included people, (n,) per group, in the order of their codes."""
        used = self.rows[self.rows["included"] == 1]
        return {group: used.loc[used["group"] == group, column].to_numpy(dtype=float) for group in groups}

    def people(self, groups: Sequence[str]) -> dict[str, list[str]]:
        """Codes of the included people per group."""
        used = self.rows[self.rows["included"] == 1]
        return {group: list(used.loc[used["group"] == group, "participant_id"]) for group in groups}


def dprime(hits: pd.Series, signals: pd.Series, false_alarms: pd.Series, noises: pd.Series) -> pd.Series:
    """d' with log-linear rates, from counts per person."""
    from scipy.special import ndtri

    hit_rate = (hits + LOGLINEAR) / (signals + 2 * LOGLINEAR)
    false_rate = (false_alarms + LOGLINEAR) / (noises + 2 * LOGLINEAR)
    return ndtri(hit_rate) - ndtri(false_rate)


def person_effects(
    table: MeasureTable,
    groups: Sequence[str],
    first: str | None,
    second: str | None,
    *,
    against: float = 0.0,
    paired_scenes: bool | None = True,
    fewest: int = 1,
    unit: str = "participant_id",
) -> PersonEffects:
    """Effect ``second - first`` of every person who has a row in the table.

    Parameters
    ----------
    table
        The measure.
    groups
        Whose people.
    first, second
        Conditions; ``fixation`` counts as 0 and ``all_clips`` as the mean over the table's conditions. With `first`
        None the effect is the value of `second` (of all rows if that is None too) minus `against`.
    paired_scenes
        Use only scenes a person has in both conditions (both versions were shown), so that a lost scene does not turn
        a difference between scenes into one between arms. None: if anybody has a scene in both, as the plan does not
        say what was shown. Does not apply to choices, or where rows name no scene.
    fewest
        Scenes or trials needed in each condition.
    unit
        ``scene`` turns the table round: one effect per scene, over people.
    """
    choices = table.sidecar.statistic in DPRIMES
    within = "scene" if unit == "participant_id" else "participant_id"
    key = [unit, "group"]
    everyone = table.rows[table.rows["group"].isin(groups)]
    used = everyone[everyone["included"] == 1]
    conditions = sorted(table.used["condition"].dropna().unique())
    if ALL_CLIPS not in (first, second):  # clips of other conditions may have no scene, and are not paired
        compared = [name for name in (first, second) if name in conditions]
        used = used[used["condition"].isin(compared)] if compared else used
    cells = _cells(used, key, within, trials=choices)
    lost: set[tuple[str, str]] = set()
    if (
        paired_scenes is not False
        and not choices
        and first in conditions
        and second in conditions
        and cells[within].notna().all()
    ):
        names = [str(first), str(second)]
        cells, lost = _scenes_with_both(cells, key, within, names, certain=paired_scenes is True)
    index = pd.MultiIndex.from_frame(everyone[key].drop_duplicates().sort_values(key))
    (a, n_a), (b, n_b) = (_values(cells, key, name, conditions, index) for name in (first, second))
    if first is None:  # compared with a fixed value, not with a condition
        a, n_a = pd.Series(against, index=index), pd.Series(0, index=index)
    if choices and first is not None:
        effect = dprime(b * n_b, n_b, a * n_a, n_a)
    else:
        effect = b - a
    # A d' of pairs is one row made of many trials, whose number the participant level has looked at.
    least = 1 if table.sidecar.statistic in PAIRS else max(1, fewest)
    enough = [
        (n >= least) | (name == FIXATION)
        for name, n in ((first, n_a), (second, n_b))
        if name is not None or n is n_b
    ]
    included = effect.notna() & np.logical_and.reduce(enough)
    rows = pd.DataFrame(
        {"first": a, "second": b, "effect": effect, "n_first": n_a, "n_second": n_b}, index=index
    )
    rows["included"] = included.astype(int)
    rows["reason"] = None
    rows.loc[~included, ["first", "second", "effect"]] = np.nan
    rows.loc[~included, ["n_first", "n_second"]] = 0
    places = everyone.groupby(key, sort=False).indices if not included.all() else {}
    rows.loc[~included, "reason"] = [
        _why(everyone.iloc[places.get(code, [])], first, second, least, code in lost)
        for code in rows.index[~included]
    ]
    concerned = [name for name in (first, second) if name in conditions] or conditions
    kept = pd.MultiIndex.from_frame(cells[key]).isin(rows.index[included]) & cells["condition"].isin(
        concerned
    )
    scenes = cells.loc[kept, "scene"].dropna().nunique()
    columns = [
        "participant_id",
        "group",
        "first",
        "second",
        "effect",
        "n_first",
        "n_second",
        "included",
        "reason",
    ]
    rows = rows.reset_index().rename(columns={unit: "participant_id"})[columns]
    return PersonEffects(
        rows.sort_values(["participant_id", "group"]).reset_index(drop=True), int(scenes) or None
    )


def _cells(used: pd.DataFrame, key: list[str], within: str, *, trials: bool) -> pd.DataFrame:
    """One value per person, condition and scene, however often it was shown; for choices every trial."""
    columns = list(dict.fromkeys([*key, "condition", within, "scene", "value"]))
    if trials or used[within].isna().any():
        return used[columns]
    return used.groupby(columns[:-1], sort=True, dropna=False)["value"].mean().reset_index()


def _scenes_with_both(
    cells: pd.DataFrame, key: list[str], within: str, names: list[str], *, certain: bool
) -> tuple[pd.DataFrame, set[tuple[str, str]]]:
    """Cells of the scenes that have both conditions, and the people who have both but never of one scene.

    All cells and nobody where no scene has both and it is not `certain` that both versions were shown.
    """
    of_pair = cells[cells["condition"].isin(names)]
    versions = of_pair.groupby([*key, within])["condition"].transform("nunique")
    both = of_pair[versions == len(names)]
    if both.empty and not certain:
        return cells, set()
    had = of_pair.groupby(key)["condition"].nunique()
    lost = set(had.index[had == len(names)]) - set(map(tuple, both[key].to_numpy()))
    return both, lost


def _values(
    cells: pd.DataFrame, key: list[str], name: str | None, conditions: Sequence[str], index: pd.MultiIndex
) -> tuple[pd.Series, pd.Series]:
    """A condition's mean for everybody in `index`, NaN where there is none, and the number of values behind it."""
    if name == FIXATION:
        return pd.Series(0.0, index=index), pd.Series(0, index=index)
    if name == ALL_CLIPS:
        parts = [_values(cells, key, condition, conditions, index) for condition in conditions]
        values = pd.DataFrame({i: value for i, (value, _) in enumerate(parts)}, index=index, dtype=float)
        counts = pd.DataFrame({i: n for i, (_, n) in enumerate(parts)}, index=index)
        return values.mean(axis=1, skipna=False), counts.sum(axis=1)
    chosen = cells if name is None else cells[cells["condition"] == name]
    grouped = chosen.groupby(key)["value"]
    return grouped.mean().reindex(index), grouped.size().reindex(index, fill_value=0)


def _why(rows: pd.DataFrame, first: str | None, second: str | None, fewest: int, lost: bool) -> str:
    """Why somebody with these rows has no effect, in a clause a report can print."""
    used = rows[rows["included"] == 1]
    if not len(used):
        reasons = listed(sorted(set(rows["reason"].dropna())), limit=3)
        return f"all rows excluded: {reasons}"
    if lost:
        return f"no scene with both '{first}' and '{second}'"
    counts = used["condition"].value_counts().sort_index()
    present = listed(f"{name} {count}" for name, count in counts.items())
    missing = next(
        (name for name in (first, second) if name not in (None, FIXATION, ALL_CLIPS) and name not in counts),
        None,
    )
    if missing is not None:
        return f"no usable '{missing}' values (found: {present})"
    return (
        f"fewer than {fewest} usable values in a condition (found: {present})"
        if fewest > 1
        else f"a condition is missing (found: {present})"
    )
