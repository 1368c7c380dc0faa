"""Signal detection person by person and in every group and category of people: description, which decides nothing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.behaviour.detection import detection_table
from analysis.measures.table import MeasureTable
from protocols.plan.expanding import expand
from protocols.plan.measuring import DPRIMES
from protocols.plan.promises import Plan

MOST_LEVELS = 12
"""Different words a column of the people table may hold to count as categories."""
PERSON_COLUMNS = (
    "measure", "reference", "compared", "participant_id", "group", "n_reference", "n_compared", "says_ai_reference",
    "says_ai_compared", "dprime", "se", "se_exact", "criterion", "percent_correct", "note",
)  # fmt: skip
SUMMARY_COLUMNS = (
    "measure", "reference", "compared", "by", "level", "people", "trials", "says_ai_reference", "says_ai_compared",
    "dprime", "dprime_sd", "dprime_se", "criterion", "percent_correct",
)  # fmt: skip


def detection_tables(
    plan: Plan, tables: Mapping[str, MeasureTable], people: pd.DataFrame | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Per person, and per group and category.

    Returns
    -------
    by_person
        Columns `PERSON_COLUMNS`: d' and criterion from log-linear rates, their large-sample and exact errors.
    summary
        Columns `SUMMARY_COLUMNS`: means over people, by group and by every column of words in the people table, such as
        age bands.
    """
    persons, summaries = [], []
    for name, reference, compared in _contrasts(plan):
        table = tables[name].used
        rows = table[table["condition"].isin([reference, compared])]
        if rows["condition"].nunique() < 2:
            continue
        found = detection_table(
            rows[["participant_id", "group", "condition", "value"]], signal=compared, noise=reference
        )
        head = {"measure": name, "reference": reference, "compared": compared}
        by_person = found.rename(columns={"n_noise": "n_reference", "n_signal": "n_compared"}).assign(
            **head,
            says_ai_reference=found["false_alarms"] / found["n_noise"],
            says_ai_compared=found["hits"] / found["n_signal"],
        )
        persons.append(by_person[list(PERSON_COLUMNS)])
        summaries += [{**head, **row} for row in _summaries(by_person, plan.groups, people)]
    everybody = (
        pd.concat(persons, ignore_index=True) if persons else pd.DataFrame(columns=list(PERSON_COLUMNS))
    )
    return everybody.astype(object), pd.DataFrame(summaries, columns=list(SUMMARY_COLUMNS), dtype=object)


def _contrasts(plan: Plan) -> list[tuple[str, str, str]]:
    """Measures of d' with the contrasts that hypotheses put to them."""
    found = [
        (item.hypothesis.measure, *item.hypothesis.contrast)
        for item in expand(plan)
        if item.hypothesis.contrast and plan.measures[item.hypothesis.measure].statistic in DPRIMES
    ]
    return list(dict.fromkeys(found))


def _summaries(
    rows: pd.DataFrame, groups: Iterable[str], people: pd.DataFrame | None
) -> Iterator[dict[str, Any]]:
    known = rows[rows["dprime"].notna()]
    for group in groups:
        own = known[known["group"] == group]
        if len(own):
            yield {"by": "group", "level": group, **_summary(own)}
    if people is None:
        return
    for column in people.columns:
        words = people[column]
        if column in ("participant_id", "group") or pd.api.types.is_numeric_dtype(words):
            continue
        if not 1 < words.nunique() <= MOST_LEVELS:
            continue
        joined = known.merge(people[["participant_id", column]], on="participant_id")
        for level, own in joined.groupby(column, sort=True):
            yield {"by": column, "level": level, **_summary(own)}


def _summary(rows: pd.DataFrame) -> dict[str, Any]:
    n = len(rows)
    sd = float(rows["dprime"].std(ddof=1)) if n > 1 else None
    means = {
        name: float(rows[name].mean())
        for name in ("says_ai_reference", "says_ai_compared", "dprime", "criterion", "percent_correct")
    }
    return {
        "people": n,
        "trials": int(rows["n_reference"].sum() + rows["n_compared"].sum()),
        **means,
        "dprime_sd": sd,
        "dprime_se": None if sd is None else sd / math.sqrt(n),
    }
