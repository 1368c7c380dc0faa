"""Imports are repeatable, live together, and are whole or not there."""

import json

import pytest

from analysis.importing import sources
from analysis.importing.sources import unfinished_imports
from analysis.measures.table import read_people
from protocols.base import files

MAP = """
columns: {participant_id: Subj, condition: Stim, value: beta}
group: {constant: adult}
measures: {dmpfc: {level: neural, statistic: percent_signal_change}}
"""
TABLE = "Subj,Stim,beta,FD\n01,live,0.1,0.2\n01,ai,0.2,0.2\n02,live,0.3,0.1\n"
TPJ = MAP.replace("dmpfc", "tpj")


def test_twice_is_reused_and_a_change_is_named(desk):
    assert desk.bring(TABLE, MAP).done.reason == "not done before"
    before = desk.snapshot()
    again = desk.bring(TABLE, MAP)
    assert again.lines()[0] == "roi.csv: reused (nothing it depends on has changed)"
    assert again.lines()[1:] == desk.bring(TABLE, MAP).lines()[1:]
    assert desk.snapshot() == before
    changed = desk.bring(TABLE + "02,ai,0.4,0.1\n", MAP)
    assert changed.lines()[0] == "roi.csv: imported (input changed: roi.csv)"
    assert changed.usable == 4
    assert (
        desk.bring(TABLE + "02,ai,0.4,0.1\n", MAP + "# a word\n").done.reason == "input changed: map map.yaml"
    )
    (desk.out / "measures" / "participants.tsv").unlink()
    desk.bring(TABLE + "02,ai,0.4,0.1\n", MAP + "# a word\n")
    assert len(read_people(desk.out)) == 2


def test_two_files_share_people_in_any_order(desk, tmp_path):
    other = "Subj,Stim,beta,FD\n03,live,1,0.5\n01,ai,2,0.2\n"
    how = TPJ + "people: {fd: FD}\n"
    desk.bring(TABLE, MAP)
    desk.bring(other, how, name="tpj.csv")
    both = desk.snapshot()
    assert read_people(desk.out).fillna(-1).values.tolist() == [
        ["sub-01", "adult", 0.2],
        ["sub-02", "adult", -1],
        ["sub-03", "adult", 0.5],
    ]
    assert not desk.bring(TABLE, MAP).done.recomputed
    assert desk.snapshot() == both
    elsewhere = type(desk)(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    elsewhere.bring(other, how, name="tpj.csv")
    elsewhere.bring(TABLE, MAP)
    assert elsewhere.snapshot() == both


def test_same_measure_from_another_file_is_refused(desk):
    desk.bring(TABLE, MAP)
    message = desk.refused(TABLE, MAP, name="new.csv")
    assert "measure 'dmpfc': is there already, from 'roi.csv'" in message
    assert "another output folder" in message
    assert "'roi.csv': has brought other measures before" in desk.refused(TABLE, TPJ)
    desk.bring(TABLE, "source: new\n" + TPJ)


def test_a_table_nobody_imported_is_not_overwritten(desk):
    (desk.out / "measures").mkdir(parents=True)
    (desk.out / "measures" / "measure-dmpfc.tsv").write_text("mine")
    assert "no finished import has made it" in desk.refused(TABLE, MAP)


def test_dropped_measure_is_removed_and_told(desk):
    wide = "columns: {participant_id: Subj, condition: Stim}\ngroup: {constant: adult}\n"
    kinds = "{level: neural, statistic: percent_signal_change}"
    both = (
        wide + f"wide: {{beta: {{measure: a}}, FD: {{measure: b}}}}\nmeasures: {{a: {kinds}, b: {kinds}}}\n"
    )
    desk.bring(TABLE, both)
    summary = desk.bring(TABLE, wide + f"wide: {{beta: {{measure: a}}}}\nmeasures: {{a: {kinds}}}\n")
    assert summary.removed == ("b",)
    assert [p.name for p in (desk.out / "measures").glob("measure-*.tsv")] == ["measure-a.tsv"]
    assert not unfinished_imports(desk.out)


def test_groups_must_agree_between_files(desk):
    desk.bring(TABLE, MAP)
    message = desk.refused(TABLE, TPJ.replace("adult", "child"), name="tpj.csv")
    assert "sub-01: is in two groups: adult (in roi.csv) and child (in tpj.csv)" in message


def test_people_from_before_any_import_stay(desk):
    (desk.out / "measures").mkdir(parents=True)
    (desk.out / "measures" / "participants.tsv").write_text(
        "participant_id\tgroup\tage_months\nsub-09\tchild\t60\n"
    )
    desk.bring(TABLE, MAP)
    assert read_people(desk.out)["participant_id"].tolist() == ["sub-01", "sub-02", "sub-09"]
    desk.bring(TABLE + "02,ai,1,1\n", MAP)
    assert read_people(desk.out)["age_months"].tolist()[2] == 60


@pytest.mark.parametrize("at", range(12))
def test_interrupted_anywhere_it_never_looks_finished(desk, monkeypatch, at):
    written = []

    def interrupted(path, content):
        if len(written) == at:
            raise KeyboardInterrupt
        written.append(path)
        return files.write_atomically(path, content)

    with monkeypatch.context() as patched:
        patched.setattr("protocols.base.steps.write_atomically", interrupted)
        patched.setattr(
            "protocols.base.steps.write_json", lambda path, doc: interrupted(path, json.dumps(doc))
        )
        if at < 11:
            with pytest.raises(KeyboardInterrupt):
                desk.bring(TABLE, MAP)
            assert at == 0 or unfinished_imports(desk.out)
        else:
            desk.bring(TABLE, MAP)
    desk.bring(TABLE, MAP)
    assert unfinished_imports(desk.out) == []
    assert len(desk.measure().rows) == 3


def test_refused_change_leaves_the_finished_import(desk):
    desk.bring(TABLE, MAP)
    assert "holds nothing usable" in desk.refused(TABLE.replace("0.", "x"), MAP)
    assert unfinished_imports(desk.out) == []


def test_no_import_is_no_unfinished_import(desk):
    assert unfinished_imports(desk.out) == []


def test_names_of_sources_are_file_names(desk):
    assert sources.label("roi.csv") == "roi.csv"
    assert sources.label("röi a.csv") != sources.label("röi b.csv") != "r_i_b.csv"
    assert "/" not in sources.label("../../x")
    desk.bring(TABLE, MAP, name="Käthes Tabelle (neu).csv")
    assert not desk.bring(TABLE, MAP, name="Käthes Tabelle (neu).csv").done.recomputed
