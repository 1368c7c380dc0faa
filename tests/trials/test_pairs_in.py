"""Pairs of clips from a laboratory's table to a valid data set and on to a measure."""

import json

from analysis.importing.beh import measure_from_beh
from tests.analysis.pairs import promised
from tests.trials.conftest import PIECES
from tests.trials.test_trials_in import errors_of

COUNTED = """columns: {participant_id: vp, trial: nr, scene: scene, pair_id: scene, arm: version, trial_type: where,
          response: said}
constant: {task: pair_comparison}
recode:
  arm: {ai: ai, cartoon: cartoon}
  trial_type: {L: left, R: right}
  response: {L: left, R: right}
right_answer: trial_type
group: {constant: adult}
"""


def test_the_guides_pairs_are_a_valid_data_set_and_a_measure(desk):
    summary = desk.bring(PIECES["pairs.csv"], PIECES["pairs.map.yaml"], name="pairs.csv")
    assert (summary.read, summary.usable) == (4, 4)
    assert errors_of(desk.out) == []
    rows = desk.beh("01", "samedifferent")
    assert [(row["trial_type"], row["arm"], row["response"], row["correct"]) for row in rows] == [
        ("different", "ai", "same", "0"),
        ("same", "live", "same", "1"),
        ("same", "ai", "different", "0"),
        ("different", "cartoon", "different", "1"),
    ]
    sidecar = desk.json("sub-01/beh/sub-01_task-samedifferent_beh.json")
    assert sidecar["trial_type"]["Levels"] == {
        "different": "different ('verschieden' in the table)", "same": "same ('gleich' in the table)",
    }  # fmt: skip
    table = measure_from_beh(desk.out, promised("same_different"), "tells")
    assert [(row.condition, row.n, row.included) for row in table.rows.itertuples()] == [
        ("ai", 3, 1), ("cartoon", 2, 1),
    ]  # fmt: skip
    assert json.loads(table.sidecar.model_dump_json())["statistic"] == "dprime_same_different"


def test_sides_come_in_too_and_swapped_keys_are_noticed(desk):
    rows = []
    for person, right in (("1", True), ("2", False)):
        for i in range(32):
            where = "LR"[i * 7 % 5 % 2]
            said = where if right else "LR"[where == "L"]
            rows.append([person, i + 1, f"s{i}", "ai" if i % 4 else "cartoon", where, said])
    header = ["vp", "nr", "scene", "version", "where", "said"]
    summary = desk.bring(rows, COUNTED, header=header)
    assert errors_of(desk.out) == []
    assert [(flag.what, flag.participant_id) for flag in summary.flags] == [("keys swapped?", "sub-2")]
    table = measure_from_beh(desk.out, promised("pair_comparison"), "tells")
    values = table.rows.set_index(["participant_id", "condition"])["value"]
    assert values["sub-1", "ai"] > 2 > -2 > values["sub-2", "ai"]


def test_an_answer_that_is_no_answer_is_named(desk):
    text = PIECES["pairs.csv"].replace(",gleich,2310", ",weiss nicht,2310")
    summary = desk.bring(text, PIECES["pairs.map.yaml"], name="pairs.csv")
    assert dict(summary.unusable) == {"unknown answer": 1}
