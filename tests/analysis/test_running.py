"""Both levels of `bazin analyse` on folders as imports leave them, and on folders that something has happened to."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.measures.table import measure_path, read_measure, write_measure
from analysis.running import run_group, run_participant
from protocols.base.errors import BazinError, InputError, OutputError, PlanError, UsageError
from protocols.base.tables import read_frame
from protocols.plan.reading import parse_plan

pytestmark = pytest.mark.usefixtures("without_report")


def quiet(_: str) -> None:
    """Say nothing."""


def results(folder: Path) -> dict[str, bytes]:
    """Verdict and result tables as bytes."""
    files = [folder / "verdict.json", *sorted((folder / "results").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def replace_text(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text("utf-8").replace(old, new), "utf-8")


def outcomes(folder: Path) -> dict[str, str]:
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    return {h["id"]: h["outcome"] for h in verdict["hypotheses"]}


def estimates(folder: Path) -> dict[str, float]:
    verdict = json.loads((folder / "verdict.json").read_text("utf-8"))
    return {h["id"]: h["estimate"] for h in verdict["hypotheses"] if h["estimate"] is not None}


def test_a_group_run_leaves_verdict_results_plan_and_record(imported, promise, tmp_path):
    out = tmp_path / "out"
    outcome = run_group(imported, out, promise, command="bazin analyse x", say=quiet)
    assert set(outcomes(out).values()) == {"equivalent"}
    verdict = json.loads((out / "verdict.json").read_text("utf-8"))
    assert verdict["plan"] == {
        "name": "small", "title": "A small study", "sha256": promise.sha256, "sealed": False,
        "amendments": 0, "deviations": 0,
    }  # fmt: skip
    kept = parse_plan((out / "plan.json").read_text("utf-8"))
    assert kept.sha256 == promise.sha256
    assert list(kept.plan.hypotheses) == list(promise.plan.hypotheses)  # in the plan's own order
    record = json.loads((out / "logs" / "run.json").read_text("utf-8"))
    assert (record["command"], record["errors"], record["blinded"]) == ("bazin analyse x", [], False)
    assert {entry["file"] for entry in record["sources"]} >= {"plan.json", "measures/measure-says.tsv"}
    described = json.loads((out / "results" / "results.json").read_text("utf-8"))
    assert set(described) | {"results.json"} == {file.name for file in (out / "results").iterdir()}
    assert outcome.errors == []


def test_the_same_again_is_reused_and_byte_identical(imported, promise, tmp_path):
    out = tmp_path / "out"
    run_group(imported, out, promise, say=quiet)
    before = results(out)
    [done] = run_group(imported, out, promise, say=quiet).done
    assert (done.recomputed, str(done)) == (False, "verdict: reused (nothing it depends on has changed)")
    assert results(out) == before
    elsewhere = tmp_path / "elsewhere"
    run_group(imported, elsewhere, promise, say=quiet)
    assert results(elsewhere) == before


def test_a_changed_table_and_a_changed_plan_are_computed_again(imported, promise, tmp_path, build):
    out = tmp_path / "out"
    run_group(imported, out, promise, say=quiet)
    write_measure(imported, build.table(promise.plan, "says", effect=2.0))
    [done] = run_group(imported, out, promise, say=quiet).done
    assert (done.recomputed, done.reason) == (True, "input changed: measures/measure-says.tsv")
    assert outcomes(out) == {
        "S.child": "different",
        "S.adult": "different",
        "N.child": "equivalent",
        "N.adult": "equivalent",
    }
    other = build.promise(title="Another title")
    [done] = run_group(imported, out, other, say=quiet).done
    assert done.recomputed
    assert (
        json.loads((out / "verdict.json").read_text("utf-8"))["plan"]["sha256"]
        == other.sha256
        != promise.sha256
    )


def test_results_do_not_depend_on_the_hash_seed(imported, promise, build, tmp_path):
    code = """
import sys
from pathlib import Path
import analysis.report
analysis.report.build_report = lambda out: out
from analysis.running import run_group
from protocols.plan.reading import parse_plan
source, out, plan = map(Path, sys.argv[1:])
run_group(source, out, parse_plan(plan.read_text("utf-8")), say=lambda line: None)
"""
    plan = tmp_path / "small.plan.json"
    plan.write_text(json.dumps(build.study), "utf-8")
    run_group(imported, tmp_path / "here", promise, say=quiet)
    for seed in ("0", "4242"):
        command = [sys.executable, "-c", code, imported, tmp_path / seed, plan]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, cwd=tmp_path)
    assert results(tmp_path / "0") == results(tmp_path / "4242") == results(tmp_path / "here")


def test_a_missing_table_is_listed_and_the_others_go_on(imported, promise, tmp_path):
    measure_path(imported, "says").unlink()
    outcome = run_group(imported, tmp_path / "out", promise, say=quiet)
    assert outcome.errors == [
        "measure 'says': no table measure-says.tsv in measures/; its hypotheses are not estimable"
    ]
    assert outcomes(tmp_path / "out") == {
        "S.child": "not_estimable", "S.adult": "not_estimable", "N.child": "equivalent", "N.adult": "equivalent",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tsv: tsv.write_bytes(tsv.read_bytes()[:-30]), "half written"),
        (lambda tsv: tsv.write_bytes(b""), "is empty"),
        (lambda tsv: tsv.with_suffix(".json").unlink(), "does not exist"),
        (lambda tsv: tsv.with_suffix(".json").write_text("{}"), "does not describe a measure table"),
        (lambda tsv: replace_text(tsv.with_suffix(".json"), '"points"', '"stars"'), "has unit 'stars'"),
    ],
)  # fmt: skip
def test_a_broken_table_is_listed_and_the_others_go_on(imported, promise, tmp_path, spoil, words):
    spoil(measure_path(imported, "says"))
    for run in (run_participant, run_group):
        outcome = run(imported, tmp_path / run.__name__, promise, say=quiet)
        [error] = outcome.errors
        assert error.startswith("measure 'says': ")
        assert words in error
    assert outcomes(tmp_path / "run_group")["N.child"] == "equivalent"


def test_with_no_table_at_all_the_way_in_is_named(promise, tmp_path):
    with pytest.raises(InputError, match="has no usable table of any measure of the plan") as caught:
        run_group(tmp_path, tmp_path / "out", promise, say=quiet)
    assert "bazin import measures FILE" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_participant_level_takes_the_tables_over_bound_to_the_plan(imported, promise, tmp_path):
    out = tmp_path / "out"
    lines: list[str] = []
    run_participant(imported, out, promise, say=lines.append)
    table = read_measure(measure_path(out, "says"))
    assert table.sidecar.plan_sha256 == promise.sha256
    assert len(table.rows) == len(read_measure(measure_path(imported, "says")).rows)
    assert lines == ["says: 16 people, 144 of 144 rows usable", "roi: 16 people, 144 of 144 rows usable"]
    again = run_participant(imported, out, promise, say=quiet)
    assert not any(done.recomputed for done in again.done)
    run_group(imported, out, promise, say=quiet)
    assert set(outcomes(out).values()) == {"equivalent"}


def test_the_participant_level_keeps_to_the_people_asked_for(imported, promise, tmp_path):
    (imported / "measures" / "participants.tsv").write_text(
        "participant_id\tgroup\nsub-c0\tchild\nsub-c1\tchild\n"
    )
    outcome = run_participant(imported, tmp_path / "out", promise, ["c0", "sub-c2", "zz9"], say=quiet)
    assert set(read_measure(measure_path(tmp_path / "out", "says")).rows["participant_id"]) == {
        "sub-c0",
        "sub-c2",
    }
    assert "says: has no sub-zz9" in outcome.warnings
    assert (tmp_path / "out" / "measures" / "participants.tsv").read_text().splitlines() == [
        "participant_id\tgroup", "sub-c0\tchild",
    ]  # fmt: skip
    with pytest.raises(UsageError, match="would cut the tables in place"):
        run_participant(imported, imported, promise, ["c0"], say=quiet)


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ({"Name": "raw", "BIDSVersion": "1.11.1"}, "is a raw BIDS data set"),
        ({"Name": "raw", "DatasetType": "raw", "GeneratedBy": [{"Name": "heudiconv"}]}, "is a raw BIDS data set"),
        ({"Name": "d", "DatasetType": "derivative", "GeneratedBy": [{"Name": "fMRIPrep"}]}, "program (fMRIPrep)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("run", [run_participant, run_group])
def test_nothing_is_written_into_a_raw_data_set_or_another_programs(
    imported, promise, tmp_path, description, words, run
):
    out = tmp_path / "study"
    out.mkdir()
    file = out / "dataset_description.json"
    file.write_text(json.dumps(description))
    with pytest.raises(OutputError) as caught:
        run(imported, out, promise, say=quiet)
    assert words in str(caught.value)
    assert [path.name for path in out.iterdir()] == ["dataset_description.json"]
    assert json.loads(file.read_text()) == description


def test_ones_own_output_folder_may_be_used_again(imported, promise, tmp_path):
    run_group(imported, tmp_path / "out", promise, say=quiet)
    run_group(imported, tmp_path / "out", promise, say=quiet)


@pytest.mark.skipif(os.name != "posix", reason="folder permissions are a matter of POSIX")
def test_a_folder_that_cannot_be_written_says_so(imported, promise, tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    out.chmod(0o500)
    if os.access(out, os.W_OK):  # root may write anywhere: let the system refuse instead

        def refuse(*_args, **_more):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("protocols.base.files.tempfile.mkstemp", refuse)
    try:
        for run in (run_participant, run_group):
            with pytest.raises(OutputError, match="no permission") as caught:
                run(imported, out, promise, say=quiet)
            assert "choose another output folder" in str(caught.value)
    finally:
        out.chmod(0o700)
    assert not (out / "verdict.json").exists()


def test_a_plan_that_relies_on_what_is_reserved_is_refused_by_name(imported, build, tmp_path):
    promise = build.promise(analysis={"eeg": {"reference": "mastoids"}})
    for run in (run_participant, run_group):
        with pytest.raises(PlanError, match="relies on what this version does not do yet") as caught:
            run(imported, tmp_path / "out", promise, say=quiet)
        assert "analysis.eeg" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_crossed_model_decides_where_the_plan_names_none(imported, build, tmp_path):
    run_group(imported, tmp_path / "out", build.promise(decision={"seed": 1}), say=quiet)
    document = json.loads((tmp_path / "out" / "verdict.json").read_text())
    assert {h["deciding_model"] for h in document["hypotheses"]} == {"crossed_mixed"}
    reasons = " ".join(h["reason"] or "" for h in document["hypotheses"])
    assert "the random effects explain every value exactly" in reasons  # and it is said, not crashed on


def test_a_blind_run_says_so_and_shows_no_result(imported, promise, build, tmp_path):
    write_measure(imported, build.table(promise.plan, "says", effect=2.0))
    out = tmp_path / "out"
    run_group(imported, out, promise, blind=True, say=quiet)
    assert json.loads((out / "verdict.json").read_text())["blinded"] is True
    assert json.loads((out / "logs" / "run.json").read_text())["blinded"] is True
    shuffled = estimates(out)
    blind = results(out)
    run_group(imported, tmp_path / "again", promise, blind=True, say=quiet)
    assert results(tmp_path / "again") == blind
    [done] = run_group(imported, out, promise, say=quiet).done
    assert done.reason == "settings changed"
    assert outcomes(out)["S.child"] == "different"
    for name, real in estimates(out).items():  # what is left of an effect is chance
        assert not name.startswith("S.") or abs(shuffled[name]) < 0.5 * abs(real)


def test_a_failed_run_leaves_what_was_finished_before(imported, promise, tmp_path, monkeypatch):
    out = tmp_path / "out"
    run_group(imported, out, promise, say=quiet)
    before = results(out)

    def interrupted(*_args, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.running.decide", interrupted)
    with (measure_path(imported, "says")).open("a") as stream:
        stream.write(
            measure_path(imported, "says").read_text().splitlines()[1].replace("sub-a0", "sub-a99") + "\n"
        )
    with pytest.raises(KeyboardInterrupt):
        run_group(imported, out, promise, say=quiet)
    assert results(out) == before


def test_errors_are_all_of_a_kind_the_command_line_can_print(imported, promise, tmp_path):
    shutil.rmtree(imported)
    for run in (run_participant, run_group):
        with pytest.raises(BazinError):
            run(imported, tmp_path / "out", promise, say=quiet)


def test_one_participant_after_the_other_adds_up(imported, promise, tmp_path):
    out = tmp_path / "out"
    codes = sorted(set(read_measure(measure_path(imported, "roi")).rows["participant_id"]))[:3]
    for code in codes:
        run_participant(imported, out, promise, [code], say=quiet)
    assert sorted(set(read_measure(measure_path(out, "roi")).rows["participant_id"])) == codes


def test_a_table_that_changed_after_it_was_taken_over_is_told(imported, promise, tmp_path):
    out = tmp_path / "out"
    run_participant(imported, out, promise, say=quiet)
    assert not [w for w in run_group(imported, out, promise, say=quiet).warnings if "has changed" in w]
    path = measure_path(imported, "roi")
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[:-1]) + "\n", "utf-8")
    warnings = run_group(imported, out, promise, say=quiet).warnings
    assert "measure 'roi': has changed where it was imported; run the participant level again" in warnings


def test_whoever_is_in_two_groups_is_left_out_and_the_others_go_on(imported, promise, tmp_path):
    table = read_measure(measure_path(imported, "roi"))
    torn = table.rows["participant_id"].iloc[0]
    before = table.rows["group"].iloc[0]
    after = next(group for group in promise.plan.groups if group != before)
    rows = table.rows.copy()
    rows.loc[rows["participant_id"] == torn, "group"] = after
    write_measure(imported, replace(table, rows=rows))
    outcome = run_group(imported, tmp_path / "out", promise, say=quiet)
    assert [error for error in outcome.errors if error.startswith(f"{torn}: is left out")]
    people = read_frame(tmp_path / "out" / "results" / "people.tsv")
    assert torn not in set(people[people["included"] == "1"]["participant_id"])
    assert all(record.estimate is not None for record in outcome.verdict.hypotheses)
