"""From journals to BIDS."""

import csv
import gzip
import json
from dataclasses import replace

import pytest

from analysis.importing.beh import measure_from_beh
from experiments.attach.placing import RECORDING
from experiments.data.export import export_all, export_session
from experiments.data.ours import STAMP
from experiments.session.journal import FOLDER
from protocols.base.errors import InputError
from protocols.plan.measuring import Presentation
from protocols.plan.reading import parse_plan
from tests.bids_validator import errors_of
from tests.experiments.data import made_up

PLAN = """
plan: small
schema: 1
title: Small
question: Can they tell?
groups: {child: {n_planned: 2}}
conditions:
  live: {role: reference}
  ai: {role: contrast}
  cartoon: {role: positive_control, exploratory: true}
stimuli: {set: small, pairs: 24, seconds: 2}
sessions:
- name: answers
  modality: beh
  paradigm: same_different
  conditions: [live, ai]
  catch_trials: {contrast: [live, cartoon], n: 2}
  then: {paradigm: detection}
measures:
  sees: {level: conscious, statistic: dprime_per_person, session: answers}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: child, asks: difference, family: main}
families: {main: {claim: each}}
decision: {deciding_model: by_person}
"""
SCAN = "sub-01/ses-scan/func/sub-01_ses-scan_task-passiveviewing_run-{}_events"
BEH = "sub-01/ses-answers/beh/sub-01_ses-answers_task-{}_beh"


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def files(bids):
    return {path: path.read_bytes() for path in bids.rglob("*") if path.is_file()}


def make_clips(bids):
    """Every film the sessions name lies in the data set."""
    folder = bids / "stimuli" / "small"
    folder.mkdir(parents=True, exist_ok=True)
    for scene in range(1, 25):
        for arm in made_up.ARMS:
            (folder / f"s{scene}_{arm}.mp4").write_bytes(b"film")


@pytest.fixture
def bids(tmp_path):
    return tmp_path / "bids"


def test_what_three_sessions_export_is_valid_bids(bids):
    made_up.scan(bids)
    made_up.eeg(bids)
    made_up.behavior(bids)
    for session in ("scan", "eeg", "answers"):
        done = export_session(bids, "01", session)
        assert (done.faults, done.notes) == ((), ())
    assert errors_of(bids) == []
    assert "stim_file" not in rows(bids / f"{SCAN.format(1)}.tsv")[0]


def test_it_is_valid_too_where_the_films_lie_in_the_data_set(bids):
    made_up.scan(bids, crash=True)
    make_clips(bids)
    export_session(bids, "sub-01", "scan")
    assert errors_of(bids) == []
    assert [row["stim_file"] for row in rows(bids / f"{SCAN.format(2)}.tsv")] == [
        "small/s1_cartoon.mp4",
        "small/s2_live.mp4",
    ]
    (bids / "stimuli/small/s1_cartoon.mp4").unlink()  # one missing film, and no file of a run is named
    export_session(bids, "01", "scan")
    first = rows(bids / f"{SCAN.format(1)}.tsv")[0]
    assert "stim_file" not in first
    assert first["clip"] == "s1_ai"


def test_onsets_count_from_the_first_stored_volume_of_their_own_run(bids):
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    for run in (1, 2):
        own = rows(bids / f"{SCAN.format(run)}.tsv")
        late = "0.2120" if run == 2 else "0.0020"
        assert [row["onset"] for row in own] == [
            "4.0020", "12.0020", "20.0020", "28.0020", f"36.{late[2:]}", "44.0000"
        ]  # fmt: skip
        assert {row["duration"] for row in own[:5]} == {"2.0000"}
        assert own[5]["trial_type"] == "star"
        assert own[5]["arm"] == "n/a"


def test_rows_say_why_a_clip_was_not_shown_as_promised(bids):
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    reasons = [row["unusable_reason"] for run in (1, 2) for row in rows(bids / f"{SCAN.format(run)}.tsv")]
    assert reasons == ["n/a", "dropped frames: 8 of 50", *["n/a"] * 8, "onset 0.21 s late", "n/a"]
    export_session(bids, "01", "scan", Presentation(dropped_frames=0.2, onset_error_s=0.3))
    assert {row["unusable_reason"] for row in rows(bids / f"{SCAN.format(1)}.tsv")} == {"n/a"}
    said = json.loads((bids / f"{SCAN.format(1)}.json").read_text())["PresentationRules"]
    assert (said["dropped_frames"], said["onset_error_s"]) == (0.2, 0.3)


def test_the_plans_rules_come_with_the_journal(bids):
    header = replace(
        made_up.HEADER, presentation={"dropped_frames": 0.5, "onset_error_s": 0.3, "triggers_lost": 0.05}
    )
    made_up.scan(bids, header=header)
    export_session(bids, "01", "scan")
    assert {row["unusable_reason"] for row in rows(bids / f"{SCAN.format(1)}.tsv")} == {"n/a"}


def test_the_same_journals_give_the_same_bytes(bids):
    made_up.scan(bids)
    made_up.behavior(bids)
    export_session(bids, "01", "scan")
    export_session(bids, "01", "answers")
    before = files(bids)
    again = export_session(bids, "01", "scan")
    assert again.written == ()
    assert len(again.unchanged) == 8
    assert files(bids) == before


def test_a_run_in_which_too_many_markers_were_lost_is_marked_in_every_row(bids):
    made_up.eeg(bids, lost=4)
    export_session(bids, "01", "eeg")
    path = bids / "sub-01/ses-eeg/eeg/sub-01_ses-eeg_task-passiveviewing_run-1_events.tsv"
    assert {row["unusable_reason"] for row in rows(path)} == {"markers lost: 4 of 40"}
    assert [row["trigger"] for row in rows(path)[3:6]] == ["n/a", "21", "31"]
    about = json.loads(path.with_suffix(".json").read_text())
    assert about["OnsetReference"] == "trigger 1"
    assert about["TriggerCodes"]["ai"] == 21


def test_sidecars_describe_every_column_and_how_it_was_shown(bids):
    made_up.scan(bids)
    made_up.behavior(bids)
    export_session(bids, "01", "scan")
    export_session(bids, "01", "answers")
    for sidecar in bids.glob("sub-01/*/*/*.json"):
        about = json.loads(sidecar.read_text())
        for name in rows(sidecar.with_suffix(".tsv"))[0]:
            assert {"LongName", "Description"} <= set(about[name]), name
    about = json.loads((bids / f"{SCAN.format(2)}.json").read_text())
    assert about["StimulusPresentation"] == {
        "OperatingSystem": "Linux 6.1", "ScreenDistance": 0.7, "ScreenOrigin": ["top", "left"],
        "ScreenRefreshRate": 60.0, "ScreenResolution": [1920, 1080], "ScreenSize": [0.52, 0.2925],
        "SoftwareName": "bazin", "SoftwareVersion": "0.1.0", "PsychoPyVersion": "2026.2.5", "PythonVersion": "3.11.9",
    }  # fmt: skip
    assert (about["RunStatus"], about["VolumesCounted"], about["VolumesPlanned"]) == ("complete", 30, 30)
    assert (about["PlanSHA256"], about["Seed"], about["Mode"]) == ("a" * 64, 7, "run")
    assert about["trial_type"]["Levels"]["star"].startswith("attention task")
    assert about["onset"]["Description"].endswith("0 is the first stored volume")


def test_a_crashed_run_is_exported_without_the_trial_that_broke_off(bids):
    made_up.scan(bids, crash=True)
    done = export_session(bids, "01", "scan")
    assert [row["trial"] for row in rows(bids / f"{SCAN.format(2)}.tsv")] == ["7", "8"]
    assert json.loads((bids / f"{SCAN.format(2)}.json").read_text())["RunStatus"] == "crashed"
    frames = gzip.decompress(
        (
            bids / f"{FOLDER}/sub-01/ses-scan/sub-01_ses-scan_task-passiveviewing_run-2_frames.tsv.gz"
        ).read_bytes()
    )
    shown = list(csv.DictReader(frames.decode().splitlines(), delimiter="\t"))
    assert sum(row["broken"] == "1" for row in shown) == 11
    assert [row["flip"] for row in shown[:2]] == ["4.00200", "4.05200"]
    assert done.events["passive_viewing", 2].name.endswith("run-2_events.tsv")


def test_a_resumed_task_is_one_file_in_the_order_it_happened(bids):
    made_up.behavior(bids, stop_after=15)
    made_up.resume(bids, 16)
    export_session(bids, "01", "answers")
    own = rows(bids / f"{BEH.format('detection')}.tsv")
    assert [int(row["trial"]) for row in own] == list(range(1, 45))
    assert [row["run"] for row in own] == ["0"] * 20 + ["2"] * 15 + ["3"] * 9
    assert [row["attempt"] for row in own[8:12]] == ["1", "1", "2", "2"]
    assert (own[0]["onset"], own[20]["onset"], own[35]["onset"]) == ("0.0020", "0.0020", "0.0020")
    assert json.loads((bids / f"{BEH.format('detection')}.json").read_text())["RunStatus"] == {
        "training 1": "complete", "training 2": "complete", "run 2": "crashed", "run 3": "complete"
    }  # fmt: skip
    assert [row["trial"] for row in rows(bids / f"{BEH.format('samedifferent')}.tsv")].count("5") == 1


def test_the_analysis_reads_the_answers(bids):
    made_up.behavior(bids)
    export_session(bids, "01", "answers")
    table = measure_from_beh(bids, parse_plan(PLAN), "sees").rows
    own = rows(bids / f"{BEH.format('detection')}.tsv")
    assert list(table["value"].fillna(-1)) == [
        {"computer": 1.0, "camera": 0.0, "n/a": -1.0}[row["response"]] for row in own
    ]
    assert list(table["condition"]) == [row["arm"] for row in own]
    assert list(table["reason"])[20:] == [
        None if row["unusable_reason"] == "n/a" else row["unusable_reason"] for row in own[20:]
    ]
    assert set(table["reason"][:20]) == {"training"}
    assert list(table["reason"].dropna().unique()) == ["training", "no answer", "dropped frames: 9 of 50"]


def test_files_of_others_are_never_overwritten(bids):
    made_up.scan(bids)
    theirs = bids / f"{SCAN.format(1)}.tsv"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("onset\tduration\n0\t1\n")
    done = export_session(bids, "01", "scan")
    assert theirs.read_text() == "onset\tduration\n0\t1\n"
    assert [fault.problem for fault in done.faults] == ["is not of this program, and was left as it is"]
    changed = bids / f"{SCAN.format(2)}.tsv"
    changed.write_text(changed.read_text().replace("4.0020", "9.9990"))
    done = export_session(bids, "01", "scan", Presentation(dropped_frames=0.5, onset_error_s=0.5))
    assert "9.9990" in changed.read_text()
    assert [fault.problem.split(",")[0] for fault in done.faults] == [
        "is not of this program", "was changed since it was exported"
    ]  # fmt: skip


def test_an_attached_run_stays_as_attached(bids):
    made_up.eeg(bids)
    events = bids / export_session(bids, "01", "eeg").events["passive_viewing", 1]
    events.write_text(events.read_text().replace("5.0020", "5.5550"))
    about = json.loads(events.with_suffix(".json").read_text())
    events.with_suffix(".json").write_text(json.dumps({**about, RECORDING: {"source_sha256": "c" * 64}}))
    before = files(bids)
    done = export_session(bids, "01", "eeg")
    assert files(bids) == before
    assert done.faults == ()
    assert "has its recording" in done.notes[0]


def test_an_interrupted_export_is_finished_by_the_next_one(bids, monkeypatch):
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    wanted = files(bids)
    export_session(bids, "01", "scan", Presentation(dropped_frames=0.5))
    import experiments.data.ours as ours

    real, left = ours.write_atomically, [1]

    def dies(path, content):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        return real(path, content)

    monkeypatch.setattr(ours, "write_atomically", dies)
    with pytest.raises(KeyboardInterrupt):
        export_session(bids, "01", "scan")
    monkeypatch.undo()
    assert export_session(bids, "01", "scan", Presentation(dropped_frames=0.5)).faults == ()
    assert export_session(bids, "01", "scan").faults == ()
    assert files(bids) == wanted


def test_a_table_that_is_no_longer_made_goes(bids):
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    stamp = bids / FOLDER / "sub-01/ses-scan" / STAMP
    old = bids / "sub-01/ses-scan/func/sub-01_ses-scan_task-old_run-1_events.tsv"
    old.write_text("onset\tduration\n")
    known = json.loads(stamp.read_text())
    from protocols.base.canonical import sha256_file

    known["files"][old.relative_to(bids).as_posix()] = [sha256_file(old)]
    stamp.write_text(json.dumps(known))
    assert export_session(bids, "01", "scan").removed == (old.relative_to(bids),)
    assert not old.exists()


def test_people_are_added_and_what_others_wrote_about_them_stays(bids):
    bids.mkdir()
    (bids / "participants.tsv").write_text(
        "participant_id\thandedness\tgroup\nsub-09\tleft\tadult\nsub-01\tright\tn/a\n"
    )
    (bids / "participants.json").write_text('{"handedness": {"Description": "by questionnaire"}}')
    made_up.scan(bids)
    made_up.scan(bids, header=replace(made_up.HEADER, participant="sub-02", age_months=None, uid="u9"))
    export_session(bids, "01", "scan")
    export_session(bids, "02", "scan")
    assert (bids / "participants.tsv").read_text().splitlines() == [
        "participant_id\thandedness\tgroup\tage_months", "sub-09\tleft\tadult\tn/a", "sub-01\tright\tchild\t62",
        "sub-02\tn/a\tchild\tn/a",
    ]  # fmt: skip
    about = json.loads((bids / "participants.json").read_text())
    assert about["handedness"] == {"Description": "by questionnaire"}
    assert about["age_months"]["Units"] == "months"


def test_somebody_in_another_group_is_refused(bids):
    bids.mkdir()
    (bids / "participants.tsv").write_text("participant_id\tgroup\nsub-01\tadult\n")
    made_up.scan(bids)
    with pytest.raises(InputError, match="another group"):
        export_session(bids, "01", "scan")
    assert not (bids / "sub-01").exists()


def test_another_age_is_told_and_the_first_one_stays(bids):
    made_up.scan(bids)
    made_up.eeg(
        bids,
        header=replace(made_up.HEADER, session="eeg", modality="eeg", age_months=64, repetition_time_s=None),
    )
    export_session(bids, "01", "scan")
    assert export_session(bids, "01", "eeg").notes == (
        "age_months is 62 in participants.tsv and 64 in this session; the table was left as it is",
    )
    assert "sub-01\tchild\t62" in (bids / "participants.tsv").read_text()


@pytest.mark.parametrize(
    ("mode", "flags"), [("run", []), ("pilot", ["Pilot"]), ("qa", ["Simulated"]), ("sim", ["Simulated"])]
)
def test_simulated_and_pilot_data_say_so_and_are_not_mixed_with_others(bids, mode, flags):
    made_up.scan(bids, header=replace(made_up.HEADER, mode=mode))
    export_session(bids, "01", "scan")
    about = json.loads((bids / "dataset_description.json").read_text())
    assert [flag for flag in ("Simulated", "Pilot") if about.get(flag)] == flags
    other = "run" if mode != "run" else "sim"
    made_up.scan(bids, header=replace(made_up.HEADER, mode=other, participant="sub-02", uid="u3"))
    with pytest.raises(InputError, match="does not fit a session in mode"):
        export_session(bids, "02", "scan")
    assert not (bids / "sub-02").exists()


def test_description_and_readme_are_written_once(bids):
    made_up.scan(bids)
    export_session(bids, "01", "scan")
    (bids / "README").write_text("Ours now\n")
    about = json.loads((bids / "dataset_description.json").read_text())
    (bids / "dataset_description.json").write_text(json.dumps({**about, "License": "CC0"}))
    export_session(bids, "01", "scan")
    assert (bids / "README").read_text() == "Ours now\n"
    assert json.loads((bids / "dataset_description.json").read_text())["License"] == "CC0"


def test_a_last_line_that_was_cut_off_is_told_and_the_rest_is_exported(bids):
    path = made_up.scan(bids, crash=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    done = export_session(bids, "01", "scan")
    assert done.notes == ("journal-001.jsonl: its last line was cut off; nothing else is missing",)
    assert len(rows(bids / f"{SCAN.format(2)}.tsv")) == 2


def test_a_damaged_line_refuses_the_session_and_leaves_its_files(bids):
    path = made_up.scan(bids)
    export_session(bids, "01", "scan")
    before = files(bids)
    lines = path.read_bytes().split(b"\n")
    lines[30] = lines[30][:10]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=r"journal-001.jsonl:31.*is not a line of a journal"):
        export_session(bids, "01", "scan")
    before[path] = path.read_bytes()
    assert files(bids) == before


def test_a_record_without_what_it_needs_is_named(bids):
    path = made_up.scan(bids)
    text = path.read_text().splitlines()
    place = next(i for i, line in enumerate(text) if '"kind": "shown"' in line)
    text[place] = text[place].replace('"planned"', '"plan"')
    path.write_text("\n".join(text) + "\n")
    with pytest.raises(InputError, match=rf"jsonl:{place + 1}: is no record of the kind 'shown'"):
        export_session(bids, "01", "scan")


def test_a_journal_without_a_header_is_told_and_one_with_only_that_exports_nothing(bids):
    made_up.scan(bids)
    folder = bids / FOLDER / "sub-01/ses-scan"
    (folder / "journal-002.jsonl").write_bytes(b'{"t": 0.0, "kind": "hea')
    done = export_session(bids, "01", "scan")
    assert done.notes == ("journal-002.jsonl: stopped before its header was written; nothing was shown",)
    header = replace(made_up.HEADER, session="later")
    file = made_up.journal(bids, header)
    made_up.Played(file, header)
    file.close()
    done = export_session(bids, "01", "later")
    assert done.written == ()
    assert not (bids / "sub-01/ses-later").exists()


@pytest.mark.parametrize(
    ("who", "session", "says"),
    [
        ("10", "scan", "sub-01"),
        ("01", "skan", "did you mean 'scan'?"),
        ("01/x", "scan", "is not a participant code"),
    ],
)
def test_whoever_is_unknown_is_told_who_is_known(bids, who, session, says):
    made_up.scan(bids)
    with pytest.raises(InputError) as error:
        export_session(bids, who, session)
    assert says in str(error.value)


def test_a_folder_without_sessions_is_named(bids):
    with pytest.raises(InputError, match="holds no session of this program"):
        export_session(bids, "01", "scan")


def test_one_run_number_given_twice_is_refused(bids):
    made_up.scan(bids)
    made_up.scan(bids, header=replace(made_up.HEADER, uid="u2"))
    with pytest.raises(InputError, match="has passive_viewing run 1 more than once"):
        export_session(bids, "01", "scan")


def test_journals_of_two_groups_in_one_session_are_refused(bids):
    made_up.scan(bids, runs=1)
    made_up.scan(bids, runs=1, first=2, header=replace(made_up.HEADER, uid="u2", group="adult"))
    with pytest.raises(InputError, match="more than one group"):
        export_session(bids, "01", "scan")


def test_a_run_that_never_counted_is_named_and_in_no_table(bids):
    path = made_up.scan(bids, runs=1)
    lines = [line for line in path.read_text().splitlines() if '"kind": "zero"' not in line]
    path.write_text("\n".join(lines) + "\n")
    done = export_session(bids, "01", "scan")
    assert done.faults[0].problem == "has trials but no onset 0: it is in no table"
    assert not (bids / "sub-01").exists()


def test_all_sessions_are_exported_and_a_damaged_one_stops_only_itself(bids):
    made_up.scan(bids)
    made_up.eeg(bids)
    path = made_up.scan(bids, header=replace(made_up.HEADER, participant="sub-02", uid="u2"))
    path.write_bytes(path.read_bytes().replace(b'"kind": "zero"', b'"kind', 1))
    lines, faults = export_all(bids)
    assert lines == [
        "sub-01, session eeg: 1 run, 40 trials; 8 files written",
        "sub-01, session scan: 2 runs, 12 trials; 8 files written; 2 of 10 clips cannot be used",
    ]
    assert [fault.problem for fault in faults] == ["is not a line of a journal"]
    lines, faults = export_all(bids, "01", "scan")
    assert (lines[0].split("; ")[1], faults) == ("nothing new", [])
    with pytest.raises(InputError, match="accepted: eeg, scan"):
        export_all(bids, "01", "rate")
    with pytest.raises(InputError, match="was not begun with anybody"):
        export_all(bids, session="rate")
