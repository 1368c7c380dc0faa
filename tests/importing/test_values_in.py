"""What a map can say, and what comes of it."""

import json
import re
from pathlib import Path

import pytest

from analysis.measures.table import read_people
from protocols.plan.reading import Promise, parse_plan

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text("utf-8")
PIECES = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", GUIDE, re.DOTALL))

PLAN = """
plan: tiny
schema: 1
title: Tiny
question: Is there a difference?
groups: {child: {age_months: [48, 84], n_planned: 2}, adult: {age_months: [216, 492], n_planned: 2}}
conditions: {live: {role: reference}, ai: {role: contrast}, cartoon: {role: positive_control, exploratory: true}}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
hypotheses:
  H1: {measure: dmpfc, effect: condition, contrast: [live, ai], group: adult, asks: difference, family: main}
families: {main: {claim: each}}
"""
PLANNED_MAP = """
columns: {participant_id: Subj, condition: Stim, scene: item, value: beta}
group: {from_age: true}
age: {column: Age, unit: months}
measures: {dmpfc: {}}
"""


@pytest.fixture(scope="module")
def plan() -> Promise:
    return parse_plan(PLAN)


def guide(desk, table, map_name):
    return desk.bring(PIECES[table], PIECES[map_name], name=table)


def test_the_guides_wide_table(desk):
    summary = guide(desk, "roi.csv", "roi.map.yaml")
    assert dict(summary.groups) == {"child": 2, "adult": 2}
    assert (summary.read, summary.usable) == (16, 11)
    assert dict(summary.unusable) == {"too much motion": 4, "no value": 1}
    table = desk.measure("dmpfc")
    first = table.rows.iloc[0]
    assert (first["participant_id"], first["session"], first["condition"]) == ("sub-07", "scan", "ai")
    assert first["value"] == pytest.approx(0.34)
    assert table.sidecar.unit == "percent_signal"
    people = read_people(desk.out)
    assert people["age_months"].tolist() == [63, 78, 372, 342]
    assert people["mean_fd_mm"].tolist() == [0.31, 0.62, 0.12, 0.1]
    excluded = table.rows[table.rows["included"] == 0]
    assert sorted(excluded["reason"]) == ["no value", "too much motion", "too much motion"]
    lost = [row for row in desk.rows("unusable_rows.tsv") if row["reason"] == "no value"]
    assert lost == [
        {
            "source": "roi.csv",
            "line": "5",
            "column": "dmpfc_ai",
            "value_found": "n/a",
            "measure": "dmpfc",
            "participant_id": "sub-13",
            "condition": "ai",
            "reason": "no value",
            "what_was_done": "kept with included 0",
            "values": "1",
        }
    ]


def test_the_guides_long_table(desk):
    summary = guide(desk, "erp.txt", "erp.map.yaml")
    assert dict(summary.measures) == {"lpp_pz": 3, "lpp_cz": 4}
    assert desk.measure("lpp_pz").used["value"].tolist() == [3.987, 4.213, 5.021]
    assert "  1 without usable ai: sub-02" in summary.completeness


def test_the_guides_choices(desk):
    summary = guide(desk, "choices.tsv", "choices.map.yaml")
    table = desk.measure("sees")
    assert table.sidecar.family == "binomial"
    assert table.sidecar.truth_column == "condition"
    assert sorted(set(table.used["value"])) == [0, 1]
    assert dict(summary.unusable) == {"text, not a number": 1}
    assert sorted(set(table.rows["participant_id"])) == ["sub-01", "sub-02"]
    pairs = {(r["participant_id"], r["complete_pairs"]) for r in desk.rows("completeness.tsv")}
    assert pairs == {("sub-01", "1"), ("sub-02", "2")}


def test_with_a_plan_names_units_and_groups_come_from_it(desk, plan):
    table = (
        "Subj,Age,Stim,item,beta\n1,50,live,s1,0.1\n1,50,ai,s1,0.2\n2,300,live,s1,0.1\n3,100,live,s1,0.1\n"
    )
    summary = desk.bring(table, PLANNED_MAP, plan=plan)
    assert desk.measure().sidecar.plan_sha256 == plan.sha256
    assert dict(summary.groups) == {"child": 1, "adult": 1}
    assert dict(summary.unusable) == {"age of 100 months is in no group": 1}
    assert any("without usable ai: sub-2" in line for line in summary.completeness)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "{dmpfc: {}}",
            "{dmpcf: {}}",
            ["'dmpcf' is not a measure of the plan", "did you mean 'dmpfc'?", ":5:"],
        ),
        ("{dmpfc: {}}", "{dmpfc: {unit: percent}}", ["is not the plan's unit", "percent_signal"]),
        ("{dmpfc: {}}", "{dmpfc: {level: conscious}}", ["is not the plan's level", "neural"]),
        ("{from_age: true}", "{constant: adlut}", ["is not a group of the plan", "did you mean 'adult'?"]),
        ("from_age: true", "from_age: {child: [48, 96]}", ["is not the plan's age range", "[48, 84]"]),
        (
            "measures:",
            "recode: {condition: {x: AI}}\nmeasures:",
            ["is not a condition of the plan", "did you mean 'ai'?"],
        ),
    ],
)
def test_map_against_plan(desk, plan, old, new, words):
    message = desk.refused(
        "Subj,Age,Stim,item,beta\n1,50,live,s1,1\n", PLANNED_MAP.replace(old, new), plan=plan
    )
    assert all(word in message for word in words), message


def test_unknown_condition_is_listed_and_its_rows_left_out(desk, plan):
    table = "Subj,Age,Stim,item,beta\n1,50,live,s1,0.1\n1,50,ai,s1,0.2\n1,50,Ai,s2,0.2\n"
    desk.bring(table, PLANNED_MAP, plan=plan)
    (lost,) = desk.rows("unusable_rows.tsv")
    assert lost["reason"] == "unknown condition: did you mean 'ai'?"
    assert (lost["line"], lost["value_found"], lost["what_was_done"]) == ("4", "Ai", "left out")


def test_condition_that_is_misspelt_throughout_stops(desk, plan):
    message = desk.refused(
        "Subj,Age,Stim,item,beta\n1,50,live,s1,0.1\n1,50,KI,s1,0.2\n", PLANNED_MAP, plan=plan
    )
    assert "has no row of condition ai" in message
    assert "'KI' (1 values)" in message
    assert "recode" in message


def test_unknown_group_is_listed(desk, plan):
    how = PLANNED_MAP.replace("{from_age: true}", "{column: G}").replace(
        "age: {column: Age, unit: months}", ""
    )
    desk.bring("Subj,G,Stim,item,beta\n1,child,live,s1,0.1\n2,chidl,ai,s1,0.2\n", how, plan=plan)
    assert [row["reason"] for row in desk.rows("unusable_rows.tsv")] == [
        "unknown group: did you mean 'child'?"
    ]


@pytest.mark.parametrize(
    ("unit", "texts", "months"),
    [
        ("months", ["50", "71"], [50, 71]),
        ("years", ["4.5", "6"], [54, 72]),
        ("years;months", ["4;6", "5;11"], [54, 71]),
    ],
)
def test_ages(desk, plan, unit, texts, months):
    table = "Subj,Age,Stim,item,beta\n" + "".join(f"{i},{t},live,s,1\n" for i, t in enumerate(texts, start=1))
    desk.bring(table, PLANNED_MAP.replace("unit: months", f'unit: "{unit}"'), plan=plan)
    assert read_people(desk.out)["age_months"].tolist() == months


def test_whole_years_cannot_decide_between_birthdays(desk):
    how = PLANNED_MAP.replace("true", "{young: [48, 78], old: [78, 120]}").replace("months}", "years}")
    how = how.replace("{dmpfc: {}}", "{dmpfc: {level: neural, statistic: percent_signal_change}}")
    message = desk.refused("Subj,Age,Stim,item,beta\n1,6,live,s1,0.1\n", how)
    assert "whole years only" in message
    assert "months" in message


def test_logarithm_of_milliseconds(desk):
    how = """
columns: {participant_id: p, condition: c, scene: s, value: rt, se: se}
group: {constant: adult}
measures: {rt: {level: conscious, statistic: log_response_time, convert: {multiply: 0.001, log: true}}}
"""
    desk.bring("p,c,s,rt,se\n1,live,a,1000,100\n1,ai,a,2718.28182846,0\n1,ai,b,0,1\n", how)
    rows = desk.measure("rt").rows
    assert rows["value"].round(6).tolist()[:2] == [1.0, pytest.approx(float("nan"), nan_ok=True)]
    live = rows[rows["condition"] == "live"].iloc[0]
    assert (live["value"], live["se"]) == (0, pytest.approx(0.1))
    assert rows["reason"].dropna().tolist() == ["0 or less has no logarithm"]


def test_one_condition_only_is_kept_and_reported(desk):
    summary = desk.bring("Subj,Stim,item,beta\n1,live,s1,0.1\n1,ai,s1,0.2\n2,live,s1,0.1\n")
    assert (
        "dmpfc: 1 of 2 people have all of ai, live; scenes with every version, per person: 0 to 1"
        in summary.lines()
    )
    assert "  1 without usable ai: sub-2" in summary.lines()
    assert len(desk.measure().used) == 3
    lacking = [row for row in desk.rows("completeness.tsv") if row["participant_id"] == "sub-2"]
    assert [(row["condition"], row["rows"]) for row in lacking] == [("ai", "0"), ("live", "1")]


def test_ratings_in_steps(desk):
    how = """
columns: {participant_id: Subj, condition: Stim, scene: item, value: beta}
group: {constant: adult}
measures: {real: {level: conscious, statistic: rating, family: ordinal}}
"""
    desk.bring("Subj,Stim,item,beta\n1,live,s1,3\n1,ai,s1,2.5\n", how)
    table = desk.measure("real")
    assert (table.sidecar.family, table.sidecar.link) == ("ordinal", "cumulative_logit")
    assert table.rows["reason"].dropna().tolist() == ["not a whole number"]


def test_covariate_that_differs_is_listed_and_the_first_kept(desk):
    how = (
        "people: {fd: FD}\n"
        """
columns: {participant_id: Subj, condition: Stim, value: beta}
group: {constant: adult}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
"""
    )
    desk.bring("Subj,Stim,beta,FD\n1,live,0.1,0.2\n1,ai,0.2,0.3\n", how)
    assert read_people(desk.out)["fd"].tolist() == [0.2]
    (lost,) = desk.rows("unusable_rows.tsv")
    assert (lost["line"], lost["reason"], lost["what_was_done"]) == (
        "3",
        "fd differs from line 2, which was kept",
        "left empty",
    )
    assert (
        json.loads((desk.out / "measures/participants.json").read_text())["fd"]["Description"]
        == "column 'FD' of roi.csv"
    )


def test_the_sidecar_tells_the_origin(desk):
    desk.bring()
    sidecar = json.loads((desk.out / "measures/measure-dmpfc.json").read_text())
    assert sidecar["Sources"] == ["roi.csv"]
    assert len(sidecar["ImportedFrom"]["sha256"]) == 64
    assert str(desk.folder) not in desk.text(), "a path of this machine"


def test_people_without_any_usable_value_are_named_once(desk):
    summary = desk.bring(
        "Subj,Stim,item,beta\n1,live,s1,0.1\n1,ai,s1,0.2\n2,live,s1,n/a\n2,ai,s1,n/a\n3,live,s1,0.3\n3,ai,s1,n/a\n"
    )
    assert "  1 without any usable value: sub-2" in summary.lines()
    assert "  1 without usable ai: sub-3" in summary.lines()
    assert not [line for line in summary.lines() if "without usable live" in line]
