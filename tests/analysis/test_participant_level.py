"""From a data set's judgments to measure tables: `bazin analyse BIDS OUT participant`."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from analysis.importing.sources import unfinished_imports
from analysis.measures.table import MeasureTable, measure_path, sidecar_for, tidy, write_measure
from analysis.running import run_group, run_participant
from bazin.cli import app
from protocols.base.errors import InputError, OutputError
from protocols.base.tables import read_frame
from protocols.plan.reading import parse_plan
from tests.analysis.data_sets import COLUMNS, PLAN, DataSet, asked, judged, promise_of
from tests.trials.conftest import PIECES, Desk

pytestmark = pytest.mark.usefixtures("without_report")
ROI = {"level": "neural", "statistic": "value", "unit": "points"}


def quiet(_):
    """Say nothing."""


@pytest.fixture
def study(tmp_path):
    return DataSet(tmp_path / "bids").fill()


def test_pilot_sessions_are_refused(study):
    description = study.folder / "dataset_description.json"
    description.write_text(json.dumps({**json.loads(description.read_text("utf-8")), "Pilot": True}), "utf-8")
    with pytest.raises(InputError, match="holds pilot sessions"):
        study.analyse(promise_of())


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def with_roi(**more):
    """The plan with a brain measure beside the judgments."""
    h = {"measure": "roi", "effect": "condition", "contrast": ["live", "ai"], "group": "adult", "asks": "difference",
         "exploratory": True}  # fmt: skip
    measures = {**PLAN["measures"], "roi": ROI, **more}
    return promise_of(measures=measures, hypotheses={**PLAN["hypotheses"], "R": h})


def roi_table(promise, measure="roi"):
    columns = ("participant_id", "group", "condition", "scene", "value")
    rows = [
        (
            f"sub-{'k' if i < 3 else 'a'}{i}",
            "child" if i < 3 else "adult",
            condition,
            f"s{k}",
            i + k + 0.3 * i * shift,
        )
        for i in range(6)
        for k in range(3)
        for condition, shift in (("live", 0), ("ai", 1))
    ]
    return MeasureTable(
        measure, tidy(pd.DataFrame(rows, columns=columns)), sidecar_for(promise.plan.measures[measure])
    )


def test_judgments_become_measures_and_a_verdict(study, tmp_path):
    plan = tmp_path / "judge.plan.yaml"
    plan.write_text(json.dumps(PLAN))
    before = {name: data for name, data in files(study.folder).items() if not name.startswith("derivatives")}
    run = CliRunner().invoke(
        app, ["analyse", str(study.folder), str(study.out), "participant", "--plan", str(plan)]
    )
    assert run.exit_code == 0, run.output
    assert run.output.splitlines() == [
        "sees: 6 people, 168 of 168 rows usable", "slow: 6 people, 168 of 168 rows usable",
    ]  # fmt: skip
    run = CliRunner().invoke(
        app, ["analyse", str(study.folder), str(study.out), "group", "--plan", str(plan)]
    )
    assert run.exit_code == 0, run.output
    verdict = json.loads((study.out / "verdict.json").read_text("utf-8"))
    assert {h["id"]: h["outcome"] for h in verdict["hypotheses"]}["H.adult"] == "different"
    after = {name: data for name, data in files(study.folder).items() if not name.startswith("derivatives")}
    assert after == before  # nothing is ever written into the raw data set
    assert json.loads((study.out / "dataset_description.json").read_text())["DatasetType"] == "derivative"


def test_what_left_people_out_reaches_the_results(study):
    study.fill(lambda i: asked("attention", 8 if i else 1, 8))
    plan = promise_of(exclusions={"attention_correct": 0.75})
    study.analyse(plan)
    run_group(study.folder, study.out, plan, say=quiet)
    told = read_frame(study.out / "results" / "exclusions.tsv")
    [row] = told[(told["measure"] == "sees") & told["reason"].str.startswith("attention:")].to_dict("records")
    assert (row["group"], row["people"], row["rows"]) == ("child", "1", "28")
    flow = read_frame(study.out / "results" / "flow.tsv")
    [child] = flow[(flow["measure"] == "sees") & (flow["group"] == "child")].to_dict("records")
    assert (child["started"], child["with_usable_rows"]) == ("3", "2")


def test_again_it_is_reused_and_what_changed_is_made_anew(study):
    study.analyse(promise_of())
    before = files(study.out)
    outcome, lines = study.analyse(promise_of())
    assert not any(done.recomputed for done in outcome.done)
    assert files(study.out) == before
    assert lines[0] == "sees: 6 people, 168 of 168 rows usable"
    study.add("k0", None, judged(3))
    outcome, _ = study.analyse(promise_of())
    assert next(done.reason for done in outcome.done if done.recomputed) == (
        "input changed: sub-k0/beh/sub-k0_task-detection_beh.tsv"
    )
    outcome, _ = study.analyse(promise_of(analysis={"beh": {"response_time_s": [0.3, 10.0]}}))
    assert [done.recomputed for done in outcome.done[:2]] == [True, True]


def test_one_participant_after_the_other_adds_up(study):
    for label in ("k0", "sub-a3"):
        _, lines = study.analyse(promise_of(), label)
    assert lines[0] == "sees: 2 people, 56 of 56 rows usable"
    assert set(study.table()["participant_id"]) == {"sub-k0", "sub-a3"}
    assert set(study.table(kind="behaviour")["participant_id"]) == {"sub-k0", "sub-a3"}
    assert set(read_frame(study.out / "measures" / "participants.tsv")["participant_id"]) == {
        "sub-k0",
        "sub-a3",
    }
    outcome, _ = study.analyse(promise_of(), "zz", "k1")
    assert "sees: has no sub-zz" in outcome.warnings
    _, lines = study.analyse(promise_of())
    assert lines[0].startswith("sees: 6 people")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b""), "sub-k0/beh/sub-k0_task-detection_beh.tsv: is empty"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "sub-k0/beh/sub-k0_task-detection_beh.tsv: is not utf-16"),
        (lambda path: path.write_text(path.read_text()[:-8]), "_beh.tsv:29: has 8 cells where the header has 9"),
        (lambda path: path.write_text(path.read_text().replace("\tarm\t", "\tam\t")), "has no column 'arm'"),
        (lambda path: path.write_text(path.read_text().replace("\tresponse\t", "\tresp\t")), "no column 'response'"),
        (lambda path: (path.unlink(), path.mkdir()), "is a folder"),
        (lambda path: (path.unlink(), path.symlink_to("nowhere")), "sub-k0_task-detection_beh.tsv: does not exist"),
        (lambda path: path.rename(path.with_name("sub-k0_beh.tsv")), "sub-k0_beh.tsv: has no task in its name"),
        (lambda path: path.rename(path.with_name("sub-k9_task-detection_beh.tsv")), "does not belong to sub-k0"),
        (lambda path: path.rename(path.with_name("sub-k0_task-detection_run-x_beh.tsv")), "a run that is no number"),
        (lambda path: path.rename(path.with_name("sub-k0_task-detection_so-1_beh.tsv")), "'so' is not a BIDS entity"),
    ],
)  # fmt: skip
def test_a_broken_file_of_one_person_is_named_and_the_others_go_on(study, spoil, words):
    spoil(study.folder / "sub-k0" / "beh" / "sub-k0_task-detection_beh.tsv")
    for _ in range(2):  # told again when the tables are reused
        outcome, lines = study.analyse(promise_of())
        assert words in "\n".join(outcome.errors)
        assert str(study.folder) not in "\n".join(outcome.errors)
        assert lines[0] == "sees: 5 people, 140 of 140 rows usable"
    assert set(study.table()["participant_id"]) == {"sub-k1", "sub-k2", "sub-a3", "sub-a4", "sub-a5"}


def test_who_has_no_group_stays_with_that_reason(study):
    people = study.folder / "participants.tsv"
    people.write_text(people.read_text().replace("sub-k0\tchild\n", "sub-k1\tadult\n"))
    outcome, lines = study.analyse(promise_of())
    assert "sub-k0: has no group in participants.tsv; add a row with its group" in outcome.errors
    assert "sub-k1: is in two groups in participants.tsv; adult, child; correct the table" in outcome.errors
    assert len(outcome.errors) == 2
    rows = study.table()
    assert set(rows[rows["included"] == "0"]["participant_id"]) == {"sub-k0", "sub-k1"}
    assert set(rows["reason"].dropna()) == {"no group in participants.tsv"}
    assert "left out: no group no group in participants.tsv (56 rows of 2 people)" in lines[0]


def test_a_cell_that_is_no_number_costs_its_trial_only(study):
    trials = judged()
    trials[0]["response_time"], trials[1]["response_time"] = "fast", "-1"
    trials[2]["response"], trials[3]["confidence"], trials[4]["confidence"] = "perhaps", "inf", "very"
    study.add("k0", None, trials)
    outcome, _ = study.analyse(promise_of())
    assert outcome.errors == []
    assert sorted(study.table("slow")["reason"].dropna()) == [
        "'response_time' is not a number", "response time of 0 or less",
    ]  # fmt: skip
    assert "answer 'perhaps' is no choice" in set(study.table()["reason"])


def test_what_the_data_set_lacks_does_not_stop_the_rest(study):
    nice = {"level": "conscious", "statistic": "rating", "session": "judge"}
    plan = promise_of(measures={**PLAN["measures"], "nice": nice}, hypotheses={
        **PLAN["hypotheses"], "B": {**PLAN["hypotheses"]["T"], "measure": "nice"}})  # fmt: skip
    outcome, lines = study.analyse(plan)
    [error] = outcome.errors
    assert error.startswith("measure 'nice': ")
    assert "has no column 'nice'" in error
    assert len(lines) == 2
    (study.folder / "participants.tsv").unlink()
    with pytest.raises(InputError, match=r"participants\.tsv: does not exist"):
        study.analyse(plan)


def test_only_group_age_and_the_plans_covariates_are_taken_over(study):
    study.people(age=lambda i: 60 + i, hand=lambda _: "left", fluency=lambda i: i / 2, city=lambda _: "Lyon")
    (study.folder / "participants.json").write_text(json.dumps({"age": {"Units": "months"}}))
    sees = {**PLAN["measures"]["sees"], "covariates": [{"name": "fluency"}, {"name": "city"}]}
    outcome, _ = study.analyse(promise_of(measures={**PLAN["measures"], "sees": sees}))
    people = read_frame(study.out / "measures" / "participants.tsv", numeric=("age_months", "fluency"))
    assert list(people.columns) == ["participant_id", "group", "age_months", "fluency"]
    assert people.set_index("participant_id").loc["sub-k2", "age_months"] == 62
    assert any("sub-k0: has no number in column 'city'" in text for text in outcome.warnings)
    assert "Lyon" not in (study.out / "measures" / "participants.tsv").read_text() + str(outcome)
    (study.folder / "participants.json").unlink()
    outcome, _ = study.analyse(promise_of())
    assert any("'age' is not used" in text for text in outcome.warnings)
    assert "age" not in (study.out / "measures" / "participants.tsv").read_text()


def test_values_of_the_brain_stand_beside_judgments(study, tmp_path):
    promise = with_roi()
    elsewhere = tmp_path / "imported"
    write_measure(elsewhere, roi_table(promise))
    (elsewhere / "measures" / "participants.tsv").write_text(
        "participant_id\tgroup\tmean_fd\n" + "".join(f"sub-a{i}\tadult\t0.{i}\n" for i in (3, 4, 5))
    )
    for order in (("bids", "imported"), ("imported", "bids")):
        shutil.rmtree(study.out, ignore_errors=True)
        for _ in range(2):
            for name in order:
                outcome = run_participant(study.folder.parent / name, study.out, promise, say=quiet)
        assert outcome.errors == []
        people = read_frame(study.out / "measures" / "participants.tsv")
        assert (len(people), list(people.columns)) == (6, ["participant_id", "group", "mean_fd"])
        group = run_group(study.folder, study.out, promise, say=quiet)
        assert group.errors == []
        assert all(h.estimate is not None for h in group.verdict.hypotheses)


def test_people_whom_two_sources_put_into_two_groups_are_named(study, tmp_path):
    promise = with_roi()
    study.analyse(promise)
    elsewhere = tmp_path / "imported"
    write_measure(elsewhere, roi_table(promise))
    (elsewhere / "measures" / "participants.tsv").write_text("participant_id\tgroup\nsub-k0\tadult\n")
    with pytest.raises(InputError, match="sub-k0: is in two groups: "):
        run_participant(elsewhere, study.out, promise, say=quiet)
    assert unfinished_imports(study.out) == []  # the folder can still be used


def test_a_measure_in_two_places_is_an_error_that_names_both(study):
    promise = promise_of()
    write_measure(
        study.out,
        MeasureTable("slow", roi_table(promise, "slow").rows, sidecar_for(promise.plan.measures["slow"])),
    )
    outcome, lines = study.analyse(promise)
    [error] = outcome.errors
    assert error.startswith(
        "measure 'slow': stands in bazin/measures/measure-slow.tsv and in 6 behavioral files (task 'detection')"
    )
    assert len(lines) == 1
    slow = {**PLAN["measures"]["slow"], "measured_elsewhere": "a program"}
    outcome, lines = study.analyse(promise_of(measures={**PLAN["measures"], "slow": slow}))
    assert outcome.errors == []
    assert lines[1] == "slow: is in bazin already, 6 people"


def test_what_was_measured_elsewhere_is_not_made_of_files(study):
    sees = {**PLAN["measures"]["sees"], "measured_elsewhere": "a program"}
    outcome, _ = study.analyse(promise_of(measures={**PLAN["measures"], "sees": sees}))
    assert "the plan says it was measured elsewhere" in outcome.errors[0]
    assert not measure_path(study.out, "sees").exists()


def test_the_group_level_says_which_rules_a_table_does_not_know(study):
    promise = with_roi()
    write_measure(study.out, roi_table(promise))
    study.analyse(promise)
    assert not [w for w in run_group(study.folder, study.out, promise, say=quiet).warnings if "applied" in w]
    rules = {"attention_correct": 0.75, "same_answer": 0.9}
    strict = promise_of(
        measures=promise.plan.model_dump(mode="json", exclude_unset=True)["measures"],
        hypotheses=promise.plan.model_dump(mode="json", exclude_unset=True)["hypotheses"], exclusions=rules,
    )  # fmt: skip
    told = [w for w in run_group(study.folder, study.out, strict, say=quiet).warnings if "applied" in w]
    assert [text.partition(":")[0] for text in told] == ["measure 'sees'", "measure 'slow'", "measure 'roi'"]
    assert "exclusions.attention_correct, exclusions.same_answer were applied" in told[0]
    assert "exclusions.attention_correct was applied" in told[2]  # no answers in a brain


def test_the_group_level_notices_that_judgments_changed(study):
    study.analyse(promise_of())
    study.add("k0", None, judged(3))
    study.add("new", "adult", judged(4))
    warnings = run_group(study.folder, study.out, promise_of(), say=quiet).warnings
    assert "measure 'sees': its behavioral files have changed; run the participant level again" in warnings
    assert (
        "sub-new: have behavioral files that are in no measure; run the participant level again" in warnings
    )


def test_the_group_level_sends_to_the_participant_level_first(study):
    with pytest.raises(InputError, match="run the participant level first"):
        run_group(study.folder, study.out, promise_of(), say=quiet)


@pytest.mark.parametrize("below", ["", "results", "sub-k0", "sourcedata/bazin"])
@pytest.mark.parametrize("described", [True, False])
def test_nothing_is_written_into_the_raw_data_set(study, below, described):
    if not described:
        (study.folder / "dataset_description.json").unlink()
    before = files(study.folder)
    with pytest.raises(
        OutputError, match="a raw BIDS data set, and results are never written into one"
    ) as caught:
        run_participant(study.folder, study.folder / below, promise_of(), say=quiet)
    assert str(Path("derivatives", "bazin")) in str(caught.value)
    assert files(study.folder) == before


def test_a_description_of_people_says_how_they_answered(study):
    trials = judged()
    trials[0]["response"] = None
    study.add("k0", None, [*trials, *asked("training", 7, 8, 101), *asked("attention", 3, 4, 201)])
    study.analyse(promise_of())
    path = study.out / "measures" / "behaviour-sees.tsv"
    person = read_frame(path).set_index("participant_id").loc["sub-k0"]
    described = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert set(person.index) | {"participant_id"} <= set(described)
    assert (person["n_live"], person["n_ai"], person["n_cartoon"]) == ("13", "12", "2")
    assert float(person["said_ai_ai"]) == pytest.approx(0.75)
    assert float(person["missing_answers"]) == pytest.approx(1 / 28)
    times = [t["response_time"] for t in trials[1:]]
    assert float(person["median_response_time"]) == pytest.approx(np.median(times))
    assert float(person["mean_log_response_time"]) == pytest.approx(np.mean(np.log(times)))
    assert float(person["mean_confidence"]) == pytest.approx(np.mean([t["confidence"] for t in trials[1:]]))
    assert (person["attention_correct"], person["training_correct"]) == ("0.75", "7 of 8")
    assert person["exgaussian_mu"] is None  # too few times
    sides = {
        arm: [
            t["confidence"] * (1 if t["response"] == "computer" else -1)
            for t in trials[1:]
            if t["arm"] == arm
        ]
        for arm in ("live", "ai")
    }
    better = [(x > y) + 0.5 * (x == y) for x in sides["ai"] for y in sides["live"]]
    assert float(person["auc"]) == pytest.approx(np.mean(better))


def test_the_shape_of_response_times_is_told_where_there_are_enough(study):
    study.add("k0", None, judged(n=40))
    study.analyse(promise_of())
    people = study.table(kind="behaviour").set_index("participant_id")
    assert people["exgaussian_mu"].notna().to_dict() == {code: code == "sub-k0" for code in people.index}


def test_without_confidence_there_is_no_area(study):
    study.add("k0", None, judged(), columns=[name for name in COLUMNS if name != "confidence"])
    study.analyse(promise_of())
    assert study.table(kind="behaviour").set_index("participant_id").loc["sub-k0", "auc"] is None


def test_a_real_data_set_from_its_table_to_a_verdict(tmp_path, real_data):
    desk = Desk(tmp_path)
    desk.bring(real_data / "behaviour" / "gengap" / "trials_long.csv", PIECES["gengap.map.yaml"])
    groups = {"young": {"n_planned": 50}, "old": {"n_planned": 50}}
    sees = {**{k: v for k, v in PLAN["measures"]["sees"].items() if k not in ("session", "control", "bound")}}
    hypothesis = {"measure": "sees", "effect": "condition", "contrast": ["live", "ai"], "group": ["young", "old"],
                  "asks": "difference", "family": "main"}  # fmt: skip
    common = {
        "groups": groups, "conditions": {k: PLAN["conditions"][k] for k in ("live", "ai")}, "measures": {"sees": sees},
        "hypotheses": {"H": hypothesis, "G": {**{k: hypothesis[k] for k in ("measure", "contrast", "asks", "family")},
                                              "effect": "group_by_condition"}},
    }  # fmt: skip
    base = {k: v for k, v in PLAN.items() if k not in ("sessions", "stimuli")}
    out = tmp_path / "bids" / "derivatives" / "bazin"
    found = {}
    for name, window in (("promised", None), ("wide", [0.0, 400.0])):
        more = {"analysis": {"beh": {"response_time_s": window}}} if window else {}
        promise = parse_plan(json.dumps({**base, **common, **more}))
        lines = []
        outcome = run_participant(desk.out, out, promise, say=lines.append)
        assert outcome.errors == []
        assert lines[0].startswith("sees: 120 people, ")
        rows = read_frame(out / "measures" / "measure-sees.tsv")
        found[name] = rows["reason"].value_counts().to_dict(), lines[0]
        group = run_group(desk.out, out, promise, say=quiet)
    assert found["wide"] == ({}, "sees: 120 people, 7200 of 7200 rows usable")
    assert found["promised"][0] == {"response time above 10 s": 1776}  # online, answered at leisure
    estimates = {h.id: h.estimate for h in group.verdict.hypotheses}  # of the wide window: all trials
    assert estimates["H.young"] == pytest.approx((34 * 2.90 + 26 * 2.74) / 60, abs=0.01)
    assert estimates["H.old"] == pytest.approx((44 * 2.17 + 16 * 1.85) / 60, abs=0.01)
    assert estimates["G"] == pytest.approx(estimates["H.old"] - estimates["H.young"])
    people = read_frame(out / "measures" / "behaviour-sees.tsv")
    assert len(people) == 120
    assert people["exgaussian_tau"].notna().all()
