"""Measure tables: written and read back alike, refused when broken, fitted to the plan."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis.measures.checking import fit_to_plan
from analysis.measures.table import (
    COLUMNS,
    MeasureTable,
    Sidecar,
    measure_path,
    read_measure,
    read_people,
    sidecar_for,
    tidy,
    write_measure,
)
from protocols.base.errors import InputError

CHOICES = Sidecar(unit="response", family="binomial", level="conscious", statistic="dprime_per_person")


def test_what_is_written_is_read_back(tmp_path, build, promise):
    table = build.table(promise.plan, "says")
    path = write_measure(tmp_path, table)
    assert path == measure_path(tmp_path, "says")
    again = read_measure(path)
    pd.testing.assert_frame_equal(again.rows, table.rows, check_exact=False, rtol=1e-8)
    assert (again.id, again.sidecar) == ("says", table.sidecar)
    document = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert set(COLUMNS) <= set(document)
    assert document["value"]["Units"] == "points"


def test_writing_twice_gives_the_same_bytes(tmp_path, build, promise):
    table = build.table(promise.plan, "says")
    one = write_measure(tmp_path / "a", table).read_bytes()
    assert (
        write_measure(tmp_path / "b", read_measure(measure_path(tmp_path / "a", "says"))).read_bytes() == one
    )


def test_rows_without_a_finite_value_stay_with_their_reason():
    rows = pd.DataFrame({"participant_id": ["sub-1"] * 4, "group": "child", "value": [1.0, np.nan, np.inf, 2.0],
                         "included": [1.0, 1.0, 1.0, 0.0]})  # fmt: skip
    frame = tidy(rows)
    assert list(frame["included"]) == [1, 0, 0, 0]
    assert list(frame["reason"]) == [None, "no value", "no value", "excluded, no reason given"]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("\tvalue\t", "\tvalu\t", 1), "has no column 'value'"),
        (lambda text: text[: len(text) // 2], "cells where the header has"),
        (lambda text: re.sub(r"\t\d+\.\d+", "\t1,5", text, count=1), "'value' is not a number"),
        (lambda _: "", "is empty"),
        (lambda text: text + text.splitlines()[-1] + "\n", "say the same thing twice"),
    ],
)
def test_a_broken_table_is_refused_with_its_name(tmp_path, build, promise, edit, message):
    path = write_measure(tmp_path, build.table(promise.plan, "says"))
    path.write_text(edit(path.read_text("utf-8")), "utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_measure(path)
    assert path.name in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"unit": "points"}',
        "{",
        '{"unit": 3, "family": "gaussian", "level": "neural", "statistic": "value"}',
    ],
)
def test_a_broken_sidecar_is_refused_with_its_name(tmp_path, build, promise, text):
    path = write_measure(tmp_path, build.table(promise.plan, "says"))
    path.with_suffix(".json").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"measure-says\.json"):
        read_measure(path)


def choices(tmp_path, values, **columns):
    rows = pd.DataFrame(
        {"participant_id": "sub-1", "group": "child", "condition": "ai", "value": values, **columns}
    )
    return write_measure(tmp_path, MeasureTable("sees", tidy(rows), CHOICES))


def test_choices_are_zero_or_one(tmp_path):
    with pytest.raises(InputError, match="holds 1 values that are not choices"):
        read_measure(choices(tmp_path, [0.0, 1.0, 0.5]))


def test_the_same_answer_given_twice_is_no_copy_unless_the_trial_is_the_same(tmp_path):
    assert len(read_measure(choices(tmp_path, [1.0, 1.0])).rows) == 2
    assert len(read_measure(choices(tmp_path, [1.0, 1.0], trial=["1", "2"])).rows) == 2
    with pytest.raises(InputError, match="say the same thing twice"):
        read_measure(choices(tmp_path, [1.0, 1.0], trial=["1", "1"]))


def test_one_code_in_two_groups_is_refused_because_no_test_could_be_trusted(tmp_path, build, promise):
    table = build.table(promise.plan, "says")
    rows = table.rows.copy()
    rows["participant_id"] = "sub-" + rows["participant_id"].str[-1]  # both groups numbered from 0
    path = write_measure(tmp_path, MeasureTable("says", tidy(rows), table.sidecar))
    with pytest.raises(InputError, match="has 'sub-0' in more than one group"):
        read_measure(path)


def test_the_people_table_has_everybody_once(tmp_path):
    file = tmp_path / "measures" / "participants.tsv"
    file.parent.mkdir()
    assert read_people(tmp_path) is None
    file.write_text(
        "participant_id\tgroup\tage_months\thand\nsub-1\tchild\t60\tleft\nsub-2\tchild\tn/a\tright\n", "utf-8"
    )
    people = read_people(tmp_path)
    assert people["age_months"].dtype == float
    assert list(people["hand"]) == ["left", "right"]
    file.write_text("participant_id\tgroup\nsub-1\tchild\nsub-1\tchild\n", "utf-8")
    with pytest.raises(InputError, match="has sub-1 more than once"):
        read_people(tmp_path)
    file.write_text("participant_id\tgroup\nsub-1\tchild\nsub-1\tadult\n", "utf-8")
    with pytest.raises(InputError, match="more than one group"):
        read_people(tmp_path)


def test_a_table_in_another_unit_or_of_another_kind_is_refused(tmp_path, build, promise):
    table = build.table(promise.plan, "says")
    path = write_measure(tmp_path, table)
    for field, value in (
        ("unit", "stars"),
        ("family", "ordinal"),
        ("level", "neural"),
        ("statistic", "rating"),
    ):
        other = MeasureTable("says", table.rows, table.sidecar.model_copy(update={field: value}))
        with pytest.raises(InputError, match=f"has {field} '{value}'") as caught:
            fit_to_plan(promise.plan, other, path)
        assert "accepted:" in str(caught.value)


def test_unknown_groups_and_conditions_are_set_aside_and_named(tmp_path, build, promise):
    table = build.table(promise.plan, "says")
    rows = table.rows.copy()
    rows["condition"] = rows["condition"].replace("cartoon", "cartoons")
    rows["group"] = rows["group"].replace("child", "children")
    fitted, warnings = fit_to_plan(
        promise.plan, MeasureTable("says", rows, table.sidecar), tmp_path / "t.tsv"
    )
    assert set(fitted.used["condition"]) == {"live", "ai"}
    assert set(fitted.used["group"]) == {"adult"}
    assert set(fitted.rows.loc[fitted.rows["included"] == 0, "reason"]) == {
        "group not in the plan",
        "condition not in the plan",
    }
    text = "\n".join(warnings)
    assert "72 rows have group 'children'" in text
    assert "did you mean 'child'?" in text
    assert "48 rows have condition 'cartoons'" in text
    assert "has no usable row of group 'child'" in text


def test_the_sidecar_of_choices_says_what_a_row_is(build):
    plan = build.promise().plan
    measure = plan.measures["says"].model_copy(update={"statistic": "dprime_per_person", "unit": None})
    assert sidecar_for(measure).model_dump(include={"unit", "family", "link", "truth_column"}) == {
        "unit": "response", "family": "binomial", "link": "probit", "truth_column": "condition",
    }  # fmt: skip
