"""The way from the data set's trials to a measure's table."""

import math

import numpy as np
import pytest

from analysis.importing.beh import measure_from_beh
from analysis.measures.table import read_measure, write_measure
from protocols.base.errors import InputError
from protocols.plan.reading import Promise, parse_plan
from tests.trials.conftest import HEADER, MAP, session

PLAN = """
plan: tiny
schema: 1
title: Tiny
question: Can they tell?
groups: {adult: {n_planned: 2}}
conditions: {live: {role: reference}, ai: {role: contrast}}
measures:
  sees: {level: conscious, statistic: dprime_per_person}
  beauty: {level: conscious, statistic: rating}
  slow: {level: conscious, statistic: log_response_time}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: adult, asks: difference, family: main}
  X1: {measure: beauty, effect: condition, contrast: [live, ai], group: adult, asks: difference, exploratory: true}
  X2: {measure: slow, effect: condition, contrast: [live, ai], group: adult, asks: difference, exploratory: true}
families: {main: {claim: each}}
decision: {deciding_model: by_person}
"""


@pytest.fixture(scope="module")
def plan() -> Promise:
    return parse_plan(PLAN)


def test_choices(desk, plan):
    rows = session("01", 24, right=0.7)
    rows[4][5], rows[5][4] = "", ""
    desk.bring([*rows, rows[8]])
    table = measure_from_beh(desk.out, plan, "sees")
    assert (table.sidecar.family, table.sidecar.truth_column) == ("binomial", "condition")
    assert list(table.rows["reason"].dropna()) == [
        "no answer",
        "no truth about the stimulus",
        "copy of line 10",
    ]
    used = table.used
    assert len(used) == 22
    for row in used.itertuples():
        theirs = rows[int(row.trial) - 1]
        assert (row.value, row.condition) == (float(theirs[5] == "k"), "ai" if theirs[4] == "KI" else "live")
        assert (row.clip, row.scene, row.trial_order) == (theirs[2], theirs[3], float(row.trial))
    again = read_measure(write_measure(desk.folder, table))
    assert again.rows.drop(columns="value").equals(table.rows.drop(columns="value"))
    assert np.array_equal(again.rows["value"], table.rows["value"], equal_nan=True)


def test_ratings_and_response_times(desk, plan):
    rows = [[*row, i % 5, "training" if i < 2 else "main"] for i, row in enumerate(session("01", 24))]
    map_text = MAP.replace("trial: nr", "trial: nr, phase: part") + "scales: {beauty: nice}\n"
    desk.bring(rows, map_text, header=[*HEADER, "nice", "part"])
    beauty = measure_from_beh(desk.out, plan, "beauty")
    assert list(beauty.used["value"]) == [float(row[7]) for row in rows[2:]]
    assert list(beauty.rows["reason"].dropna()) == ["training", "training"]
    slow = measure_from_beh(desk.out, plan, "slow")
    assert list(slow.used["value"]) == [math.log(row[6]) for row in rows[2:]]
    assert slow.sidecar.unit == "log_s"


def test_what_is_missing_is_named(desk, plan):
    with pytest.raises(InputError, match="holds no behavioral files"):
        measure_from_beh(desk.folder, plan, "sees")
    desk.bring(session("01", 24))
    with pytest.raises(InputError, match="has no column 'beauty'"):
        measure_from_beh(desk.out, plan, "beauty")
    people = desk.out / "participants.tsv"
    people.write_text(people.read_text().replace("sub-01", "sub-99"))
    with pytest.raises(InputError, match="has no group"):
        measure_from_beh(desk.out, plan, "sees")


def test_two_tasks_need_the_plans_word(desk, plan):
    rows = [[*row, "first" if i < 12 else "second"] for i, row in enumerate(session("01", 24))]
    map_text = MAP.replace("trial: nr", "trial: nr, task: what").replace("constant: {task: detection}\n", "")
    desk.bring(rows, map_text, header=[*HEADER, "what"])
    with pytest.raises(InputError, match="has several tasks"):
        measure_from_beh(desk.out, plan, "sees")
