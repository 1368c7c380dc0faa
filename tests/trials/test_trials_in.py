"""A table of trials, in any form, becomes the same valid data set."""

import json

import openpyxl
import pytest

from analysis.importing.beh import measure_from_beh
from protocols.base import files, steps
from protocols.base.errors import Fault, InputError, OutputError
from protocols.plan.reading import parse_plan
from tests.bids_validator import errors_of
from tests.trials.conftest import HEADER, MAP, PIECES, session
from tests.trials.test_measure_from_beh import PLAN

PEOPLE = [*session("01", 24), *session("02", 24, right=0.7)]


def test_a_whole_data_set_is_valid_and_names_its_files(desk):
    """Everything at once: sessions, runs, ages, categories, scales, media in place, unusable trials."""
    rows = [
        [*row, f"visit{1 + i // 12}", 1 + (i // 6) % 2, 70, "5-6", "" if i == 3 else i % 7, "PsychoPy"]
        for i, row in enumerate(session("07", 24))
    ]
    rows[5][5] = "weiß nicht"
    for row in rows:
        row[1] = (row[1] - 1) % 6 + 1
    map_text = MAP.replace("trial: nr", "trial: nr, session: visit, run: run, stim_file: clip") + (
        "age: {column: months, unit: months}\ncategories: {age_band: band}\nscales: {beauty: nice}\n"
        "presentation: {SoftwareName: PsychoPy, ScreenResolution: [1920, 1080]}\n"
        "dataset: {name: Test, authors: [A. Author], license: CC0}\n"
    )
    header = [*HEADER, "visit", "run", "months", "band", "nice", "software"]
    (desk.out / "stimuli").mkdir(parents=True)
    for row in rows:
        (desk.out / "stimuli" / row[2]).write_bytes(b"film")
    summary = desk.bring(rows, map_text, header=header)
    assert summary.unusable == {"unknown answer": 1}
    files = sorted(name for name in desk.snapshot() if not name.startswith(("stimuli", ".done")))
    assert files == [
        "README",
        "dataset_description.json",
        "participants.json",
        "participants.tsv",
        "sourcedata/bazin/completeness.tsv",
        "sourcedata/bazin/flags.tsv",
        "sourcedata/bazin/import.json",
        "sourcedata/bazin/stimuli.tsv",
        "sourcedata/bazin/unusable_rows.tsv",
        *(
            f"sub-07/ses-visit{v}/beh/sub-07_ses-visit{v}_task-detection_run-{r}_beh.{end}"
            for v in (1, 2)
            for r in (1, 2)
            for end in ("json", "tsv")
        ),
    ]
    name = "sub-07/ses-visit1/beh/sub-07_ses-visit1_task-detection_run-1_beh"
    sidecar = desk.json(f"{name}.json")
    trials = desk.rows(f"{name}.tsv")
    for column in trials[0]:
        assert {"LongName", "Description"} <= set(sidecar[column]), column
    assert sidecar["response_time"]["Units"] == "s"
    assert sidecar["arm"]["Levels"] == {"ai": "ai ('KI' in the table)", "live": "live ('echt' in the table)"}
    assert sidecar["StimulusPresentation"] == {"SoftwareName": "PsychoPy", "ScreenResolution": [1920, 1080]}
    assert trials[0]["stim_file"] == "c0e"
    assert trials[5]["response"] == "n/a"
    assert trials[5]["unusable_reason"] == "unknown answer"
    assert desk.json("participants.json")["age"]["Units"] == "months"
    assert desk.rows("participants.tsv") == [
        {"participant_id": "sub-07", "group": "adult", "age": "70", "age_band": "5-6"}
    ]
    assert errors_of(desk.out) == []


def test_the_guides_wide_table_is_valid_without_its_media(desk):
    summary = desk.bring(PIECES["wide.csv"], PIECES["wide.map.yaml"], name="wide.csv")
    assert (summary.read, summary.usable, summary.unusable) == (6, 5, {"no answer": 1})
    assert any("stimulus files are not in stimuli/" in note for note in summary.notes)
    assert desk.beh("01") == [
        {
            "trial_type": arm,
            "item": item,
            "pair_id": pair,
            "arm": arm,
            "scene": item.split("_")[0],
            "response": arm,
            "response_time": time,
            "correct": "1",
            "unusable_reason": "n/a",
        }
        for item, arm, pair, time in (
            ("kitchen_a", "live", "p01", "1.31"),
            ("kitchen_b", "ai", "p01", "2.054"),
            ("harbor_a", "live", "p02", "0.987"),
        )
    ]
    stimuli = desk.rows("sourcedata/bazin/stimuli.tsv")
    assert {row["stim_file"]: row["file_is_here"] for row in stimuli}["kitchen_ai.mp4"] == "0"
    people = {row["participant_id"]: (row["group"], row["age"]) for row in desk.rows("participants.tsv")}
    assert people == {"sub-01": ("child", "66"), "sub-02": ("adult", "360")}
    assert errors_of(desk.out) == []


def _texts(desk):
    return {name: text for name, text in desk.snapshot().items() if name.startswith(("sub-", "participants"))}


@pytest.mark.parametrize("form", ["semicolon", "tab", "xlsx", "jsonl", "json"])
def test_every_form_of_the_file_brings_the_same(desk, form, tmp_path_factory):
    desk.bring(PEOPLE)
    expected = _texts(desk)
    other = type(desk)(tmp_path_factory.mktemp("other"))
    if form == "xlsx":
        book = openpyxl.Workbook()
        for row in [HEADER, *PEOPLE]:
            book.active.append(row)
        file = other.folder / "trials.xlsx"
        book.save(file)
    elif form.startswith("json"):
        objects = [dict(zip(HEADER, row, strict=True)) for row in PEOPLE]
        text = json.dumps(objects) if form == "json" else "\n".join(map(json.dumps, objects))
        file = other.write(f"trials.{form}", text)
    else:
        separator = ";" if form == "semicolon" else "\t"
        text = "\n".join(separator.join(map(str, row)) for row in [HEADER, *PEOPLE])
        file = other.write("trials.csv", text)
    other.bring(file)
    assert _texts(other) == expected


def test_what_was_seen_before_is_counted_where_the_order_is_known(desk):
    rows = session("01", 6)
    rows.append([*rows[0][:1], 7, *rows[0][2:]])  # the first clip again
    desk.bring(rows)
    seen = [(t["trial"], t["exposure_count"], t["twin_seen_before"], t["lag"]) for t in desk.beh("01")]
    assert seen == [
        ("1", "1", "0", "n/a"),
        ("2", "1", "1", "1"),
        ("3", "1", "0", "n/a"),
        ("4", "1", "1", "1"),
        ("5", "1", "0", "n/a"),
        ("6", "1", "1", "1"),
        ("7", "2", "1", "5"),
    ]


@pytest.mark.parametrize(("more", "correct"), [("", "n/a"), ("right_answer: {codec_control: live}\n", "1")])
def test_an_arm_that_is_no_answer_is_right_or_wrong_only_if_the_map_says_so(desk, more, correct):
    rows = session("01", 26)
    rows[24][4], rows[24][5] = "codec", "e"
    desk.bring(rows, MAP.replace("KI: ai}, resp", "KI: ai, codec: codec_control}, resp") + more)
    judged = [trial["correct"] for trial in desk.beh("01")]
    assert judged[24] == correct
    assert judged[:24] == ["1"] * 24


def test_without_an_order_nothing_is_claimed_about_it(desk):
    summary = desk.bring(PEOPLE, MAP.replace(", trial: nr", ""))
    assert not {"trial", "exposure_count", "lag"} & set(desk.beh("01")[0])
    assert any("order of anybody's trials is not known" in note for note in summary.notes)
    desk.bring(PEOPLE, MAP.replace(", trial: nr", "") + "order: file\n")
    assert [t["trial"] for t in desk.beh("01")][:3] == ["1", "2", "3"]


def test_again_is_reused_a_change_is_named_and_what_is_gone_is_taken_away(desk):
    assert desk.bring(PEOPLE).done.recomputed
    before = desk.snapshot()
    assert desk.bring(PEOPLE).lines()[0] == "trials.csv: reused (nothing it depends on has changed)"
    assert desk.snapshot() == before
    (desk.out / "README").write_text("ours")
    changed = desk.bring(PEOPLE[:24])
    assert changed.done.reason == "input changed: trials.csv"
    assert not (desk.out / "sub-02").exists()
    assert (desk.out / "README").read_text() == "ours"


def test_an_interrupted_import_is_told_and_can_be_repeated(desk, monkeypatch):
    desk.bring(PEOPLE)
    written = []

    def full_disk(path, content):
        if path.name.startswith("sub-02"):
            raise OutputError(Fault(str(path), "cannot be written: the disk is full"))
        written.append(path)
        return files.write_atomically(path, content)

    monkeypatch.setattr(steps, "write_atomically", full_disk)
    with pytest.raises(OutputError):
        desk.bring(PEOPLE, MAP.replace("detection", "judging"))
    assert written
    monkeypatch.undo()
    with pytest.raises(InputError, match="was not finished"):
        measure_from_beh(desk.out, parse_plan(PLAN), "sees")
    desk.bring(PEOPLE, MAP.replace("detection", "judged"))
    assert {path.name for path in desk.out.rglob("*_beh.tsv")} == {
        f"sub-0{i}_task-judged_beh.tsv" for i in (1, 2)
    }


def test_a_data_set_of_another_origin_is_never_touched(desk):
    (desk.out / "sub-01").mkdir(parents=True)
    (desk.out / "dataset_description.json").write_text("{}")
    message = desk.refused(PEOPLE)
    assert "holds a data set that this import has not made" in message
    assert "raw data are never overwritten" in message


def test_another_source_is_not_mixed_in(desk):
    desk.bring(PEOPLE)
    assert "holds the trials of another source, 'trials.csv'" in desk.refused(PEOPLE, name="other.csv")


def test_personal_columns_are_refused_and_codes_can_be_new(desk):
    header = [*HEADER, "E-Mail"]
    rows = [[*row, "kim@example.org"] for row in PEOPLE]
    message = desk.refused(rows, header=header)
    assert "'E-Mail' (e-mail addresses)" in message
    assert "kim" not in message
    named = [["Xaverine", *row[1:]] if row[0] == "01" else row for row in PEOPLE]
    assert "Xaverine" not in desk.refused(named)
    desk.bring(named, MAP + "rekey: true\n")
    assert b"Xaverine" not in b"".join(desk.snapshot().values())
    assert {row["participant_id"] for row in desk.rows("participants.tsv")} == {"sub-001", "sub-002"}


def test_a_category_that_singles_people_out_is_refused(desk):
    rows = [[*row, f"word{i}"] for i, row in enumerate(PEOPLE)]
    message = desk.refused(rows, MAP + "categories: {school: class}\n", header=[*HEADER, "class"])
    assert "has 48 different values" in message


def test_arms_answers_and_groups_are_the_plans(desk):
    plan = parse_plan(
        """
plan: tiny
schema: 1
title: Tiny
question: Can they tell?
groups: {child: {n_planned: 2}, grown: {n_planned: 2}}
conditions: {live: {role: reference}, ai: {role: contrast}}
measures: {sees: {level: conscious, statistic: dprime_per_person}}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: grown, asks: difference, family: main}
families: {main: {claim: each}}
decision: {deciding_model: by_person}
"""
    )
    assert "is not a group of the plan" in desk.refused(PEOPLE, plan=plan)
    message = desk.refused(PEOPLE, MAP.replace("KI: ai", "KI: fake").replace("adult", "grown"), plan=plan)
    assert "is not a condition of the plan" in message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("arm: art, ", "", "does not say what the stimuli truly are"),
        (", response: said", "", "does not say what was answered"),
        ("constant: {task: detection}", "", "does not say which task"),
        ("unit: s", "unit: min", "unit"),
        ("item: clip", 'item: "{item}"', "nothing says which stimuli there are"),
        ("constant: {task: detection}", "constant: {task: detection, tassk: x}", "did you mean 'task'"),
        ("art: ", "atr: ", "atr"),
        ("group: {constant: adult}", "group: {constant: adult}\nscales: {lag: nr}", "is a name of ours"),
    ],
)
def test_faults_of_the_map_are_named(desk, old, new, message):
    assert message in desk.refused(
        PEOPLE, MAP.replace(old, new) if old in MAP else MAP.replace("arm: ", "atr: ")
    )
