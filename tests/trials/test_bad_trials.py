"""Every kind of bad input is named and explained; the rest goes on."""

import json

import numpy as np
import pytest

from tests.trials.conftest import HEADER, MAP, session


def flags(desk) -> dict[tuple[str, str], str]:
    return {(f["what"], f["participant_id"]): f["detail"] for f in desk.rows("sourcedata/bazin/flags.tsv")}


def test_good_trials_raise_no_flag(desk):
    desk.bring([*session("01", 40), *session("02", 40, right=0.5), *session("03", 40, right=0.8)])
    assert flags(desk) == {}


def test_copies_are_not_used_and_two_trials_of_one_number_neither(desk):
    rows = [*session("01", 24), *session("02", 24)]
    rows += [rows[2], [*rows[30][:5], "e" if rows[30][5] == "k" else "k", 1.99]]
    summary = desk.bring(rows)
    assert summary.unusable == {"several trials have this number (lines 32, 51)": 2, "copy of line 4": 1}
    assert flags(desk)["repeated trials", "sub-01"].startswith("1 trials stand in the table more than once")
    assert [t["unusable_reason"] for t in desk.beh("01") if t["trial"] == "3"] == ["n/a", "copy of line 4"]
    assert summary.usable == 47


def test_copies_nobody_can_tell_are_at_least_counted(desk):
    rows = [row[:6] for row in session("01", 24)]
    map_text = MAP.replace(", trial: nr", "").replace("response_time: {column: rt, unit: s}\n", "")
    desk.bring([*rows, rows[0]], map_text, header=HEADER[:6])
    assert "1 trials repeat a person, stimulus and answer" in flags(desk)["repeated trials?", "n/a"]


def test_a_person_in_two_rows_of_a_wide_table(desk):
    items = ", ".join(f"c{i}: {{arm: {'ai' if i % 2 else 'live'}}}" for i in range(12))
    map_text = (
        'columns: {participant_id: Vp, response: "{item}"}\nconstant: {task: detection}\n'
        f"group: {{constant: adult}}\nrecode: {{response: {{e: live, k: ai}}}}\nstimuli: {{{items}}}\n"
    )
    header = ["Vp", *(f"c{i}" for i in range(12))]
    good, other = ["e", "k"] * 6, ["k"] * 6 + ["e"] * 6
    table = [["01", *good], ["02", *good], ["02", *good], ["03", *good], ["03", *other]]
    summary = desk.bring(table, map_text, header=header)
    assert summary.unusable == {
        "the person has several rows that differ (lines 5, 6)": 24,
        "copy of line 3": 12,
    }
    assert {row["participant_id"] for row in desk.rows("participants.tsv")} == {"sub-01", "sub-02", "sub-03"}


def test_missing_truth_and_unknown_answers_stay_with_their_reason(desk):
    rows = session("01", 24)
    rows[0][4], rows[1][4], rows[2][5], rows[3][5] = "", "eecht", "?", ""
    summary = desk.bring(rows)
    assert summary.unusable == {
        "no answer": 1,
        "no truth about the stimulus": 1,
        "unknown answer": 1,
        "unknown arm: did you mean 'echt'?": 1,
    }
    assert summary.usable == 20
    lines = [row["line"] for row in desk.rows("sourcedata/bazin/unusable_rows.tsv")]
    assert lines == ["2", "3", "4", "5"]
    assert desk.beh("01")[0]["arm"] == "n/a"


def test_a_word_misspelt_throughout_stops_the_import(desk):
    message = desk.refused(session("01", 24), MAP.replace("KI: ai", "Ki: ai"))
    assert "never finds 'Ki'" in message
    assert "'KI' (12 times)" in message


def test_keys_swapped_halfway_are_flagged_with_numbers(desk):
    rows = [*session("01", 60, right=0.9, swapped_from=31), *session("02", 60, right=0.9)]
    desk.bring(rows)
    found = flags(desk)
    assert set(found) == {("keys swapped halfway?", "sub-01")}
    detail = found["keys swapped halfway?", "sub-01"]
    assert "answers are right and" in detail
    assert "swapped at trial 3" in detail


def test_people_who_guess_are_not_accused(desk):
    rng = np.random.default_rng(5)
    rows = [row for i in range(40) for row in session(f"{i:02d}", 40)]
    for row in rows:
        row[5] = str(rng.choice(["e", "k"]))
    desk.bring(rows)
    assert flags(desk) == {}


def test_keys_swapped_throughout_are_flagged(desk):
    desk.bring([*session("01", 40, right=0.9, swapped_from=0), *session("02", 40)])
    assert set(flags(desk)) == {("keys swapped?", "sub-01")}


def test_one_answer_only_is_no_swap(desk):
    rows = session("01", 40)
    for row in rows:
        row[5] = "k"
    desk.bring([*rows, *session("02", 40)])
    assert flags(desk) == {("one answer", "sub-01"): "all 40 answers are 'ai'"}


def test_one_arm_only(desk):
    rows = [row for row in session("01", 48) if row[4] == "KI"]
    for row in rows[:4]:
        row[5] = "e"
    desk.bring([*rows, *session("02", 48)])
    assert flags(desk) == {("one arm", "sub-01"): "has 24 trials of 'ai' and none of live"}


@pytest.mark.parametrize(("scenes", "what"), [(1, "one item only"), (3, "few scenes")])
def test_too_few_scenes(desk, scenes, what):
    rows = [row for code in ("01", "02") for row in session(code, 2 * scenes)]
    desk.bring(rows)
    assert flags(desk)[what, "n/a"].endswith("holds for these scenes, not for scenes in general")


def test_an_item_seen_by_one_person(desk):
    rows = [*session("01", 26), *session("02", 24)]
    desk.bring(rows)
    assert flags(desk) == {("item of one person", "n/a"): "1 seen by one person only: s12"}


def test_seconds_and_milliseconds_mixed(desk):
    rows = [*session("01", 24), *session("02", 24), *session("03", 24)]
    for row in rows[24:48]:
        row[6] *= 1000
    summary = desk.bring(rows)
    detail = flags(desk)["response times in s and ms", "n/a"]
    assert "about 1000 times apart" in detail
    assert "sub-02: 24" in detail
    assert {t["response_time"] for t in desk.beh("02")} == {"n/a"}
    assert summary.usable == 72


def test_milliseconds_called_seconds(desk):
    rows = session("01", 24)
    for row in rows:
        row[6] *= 1000
    desk.bring(rows)
    assert flags(desk)["unit of response times?", "n/a"].endswith("is the unit right?")


def test_slow_answers_are_not_taken_for_milliseconds(desk):
    rows = [*session("01", 24), *session("02", 24)]
    rows[3][6] = 304.31
    desk.bring(rows)
    assert flags(desk) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Vp": "01"}\n[1, 2]\n', "is no object"),
        ('{"Vp": "01"}\n{"Vp": \n', "is not JSON"),
        ('{"Vp": {"code": 1}}\n', "is a list or an object"),
        ("[1]", "no object: number 1"),
    ],
)
def test_broken_json_lines(desk, text, message):
    assert message in desk.refused(desk.write("t.jsonl", text))


def test_keys_that_are_missing_in_some_lines_are_empty_cells(desk):
    objects = [dict(zip(HEADER, row, strict=True)) for row in session("01", 24)]
    del objects[4]["said"]
    objects[5]["rt"] = None
    summary = desk.bring(desk.write("t.jsonl", "\n".join(map(json.dumps, objects))))
    assert summary.unusable == {"no answer": 1}
    assert desk.beh("01")[5]["response_time"] == "n/a"
