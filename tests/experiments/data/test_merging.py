"""Journals of another computer come in, or are refused."""

import shutil
from dataclasses import replace

import pytest

from experiments.data.export import export_session
from experiments.data.merging import merge
from experiments.data.told import read_session
from experiments.data.tombstones import bury
from protocols.base.errors import InputError, UsageError
from tests.experiments.data import made_up

LATER = replace(made_up.HEADER, uid="u2", computer="c2", wall="2026-03-02T11:00:00+00:00")
BEH = replace(made_up.HEADER, session="answers", modality="beh", repetition_time_s=None, dummy_volumes=0)


@pytest.fixture
def two(tmp_path):
    return tmp_path / "here", tmp_path / "there"


def journals(bids):
    return {path.relative_to(bids).as_posix(): path.read_bytes() for path in bids.rglob("journal-*")}


def test_sessions_that_are_not_here_come_in_as_they_are(two):
    here, there = two
    made_up.scan(here)
    made_up.eeg(there)
    made_up.scan(there, header=replace(made_up.HEADER, participant="sub-02", uid="u5"))
    done = merge(here, there)
    assert done.refused == []
    assert done.lines()[0] == "2 journals brought in, 0 known already, 0 refused"
    assert sorted(path.as_posix() for path in done.brought) == [
        "sourcedata/bazin/sub-01/ses-eeg/journal-001.jsonl", "sourcedata/bazin/sub-02/ses-scan/journal-001.jsonl"
    ]  # fmt: skip
    assert journals(there).items() <= journals(here).items()
    before = journals(here)
    again = merge(here, there)
    assert (again.brought, len(again.known), again.refused) == ([], 2, [])
    assert journals(here) == before


def test_other_runs_of_one_session_come_in_as_further_journals(two):
    here, there = two
    made_up.scan(here, runs=1)
    made_up.scan(there, runs=1, first=2, header=LATER)
    done = merge(here, there)
    assert [path.name for path in done.brought] == ["journal-002.jsonl"]
    assert [run.label for run in read_session(here, "01", "scan").runs] == [1, 2]
    assert len(export_session(here, "01", "scan").events) == 2


def test_journals_are_told_in_the_order_of_the_clock_not_of_their_coming(two):
    here, there = two
    made_up.scan(here, runs=1, first=2, header=LATER)
    made_up.scan(there, runs=1)
    merge(here, there)
    assert [run.label for run in read_session(here, "01", "scan").runs] == [1, 2]


def test_runs_that_broke_off_on_both_computers_do_not_share_a_number(two):
    here, there = two
    for bids, header in ((here, made_up.HEADER), (there, LATER)):
        path = made_up.scan(bids, runs=1, header=header)
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:40]))
    (fault,) = merge(here, there).refused
    assert fault.got == "passive_viewing run 1"


def test_another_task_of_one_session_comes_in(two):
    here, there = two
    made_up.behavior(here, header=BEH, parts=(1,))
    made_up.behavior(there, header=replace(BEH, uid="u2", wall=LATER.wall), parts=(2,))
    assert len(merge(here, there).brought) == 1
    export_session(here, "01", "answers")
    assert len(list(here.glob("sub-01/ses-answers/beh/*.tsv"))) == 2


def test_a_session_that_went_on_elsewhere_comes_back(two):
    here, there = two
    made_up.behavior(here, stop_after=15)
    shutil.copytree(here, there)
    made_up.resume(there, 16)
    done = merge(here, there)
    assert ([path.name for path in done.known], [path.name for path in done.brought]) == (
        ["journal-001.jsonl"], ["journal-002.jsonl"]
    )  # fmt: skip
    assert read_session(here, "01", "answers").status == "complete"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, "was recorded on both computers"),
        ({"plan_sha256": "f" * 64}, "does not have the same plan"),
        ({"group": "adult"}, "does not have the same group"),
        ({"age_months": 70}, "does not have the same age"),
        ({"mode": "pilot"}, "does not have the same mode"),
        ({"swapped": True}, "does not have the same sides of the answers"),
        ({"manifest_sha256": "f" * 64}, "does not have the same set of clips"),
    ],
)
def test_what_does_not_go_together_stays_out_with_the_reason(two, change, says):
    here, there = two
    made_up.scan(here, runs=1)
    made_up.scan(there, runs=1, first=1 if not change else 2, header=replace(LATER, **change))
    before = journals(here)
    done = merge(here, there)
    assert done.brought == []
    assert journals(here) == before
    assert done.refused[0].problem.startswith(says)
    if not change:
        assert done.refused[0].got == "passive_viewing run 1"


def test_trials_answered_twice_are_named(two):
    here, there = two
    made_up.behavior(here, stop_after=10)
    made_up.resume(there, 9)
    (fault,) = merge(here, there).refused
    assert fault.got == "detection trial 29, detection trial 30"


def test_an_age_given_on_one_computer_only_is_no_contradiction(two):
    here, there = two
    made_up.scan(here, runs=1)
    made_up.scan(there, runs=1, first=2, header=replace(LATER, age_months=None))
    assert merge(here, there).refused == []


def test_a_person_in_another_group_there_is_refused_in_every_session(two):
    here, there = two
    made_up.scan(here)
    made_up.eeg(there, header=replace(made_up.HEADER, session="eeg", modality="eeg", group="adult", uid="u2"))
    (fault,) = merge(here, there).refused
    assert (fault.problem, fault.got) == (
        "does not have the same group as session scan here",
        "adult there, child here",
    )


def test_a_copy_that_was_cut_short_is_completed_and_never_the_reverse(two):
    here, there = two
    path = made_up.scan(there)
    shutil.copytree(there, here)
    short = here / path.relative_to(there)
    short.write_bytes(path.read_bytes()[:-300])
    assert [one.name for one in merge(here, there).brought] == ["journal-001.jsonl"]
    assert short.read_bytes() == path.read_bytes()
    path.write_bytes(path.read_bytes()[:-300])
    assert merge(here, there).brought == []
    assert short.stat().st_size > path.stat().st_size


def test_one_journal_with_two_contents_is_refused(two):
    here, there = two
    path = made_up.scan(there)
    shutil.copytree(there, here)
    path.write_text(path.read_text().replace('"complete"', '"stopped"'))
    before = journals(here)
    (fault,) = merge(here, there).refused
    assert "with another content" in fault.problem
    assert journals(here) == before


def test_a_damaged_journal_is_refused_and_the_others_come_in(two):
    here, there = two
    path = made_up.scan(there)
    path.write_bytes(path.read_bytes().replace(b'"kind": "zero"', b'"kind', 1))
    made_up.eeg(there)
    done = merge(here, there)
    assert (len(done.brought), done.refused[0].problem) == (1, "is not a line of a journal")


def test_nobody_comes_back_who_withdrew(two):
    here, there = two
    made_up.scan(there)
    bury(here, "sub-01")
    done = merge(here, there)
    assert (done.brought, "withdrew on" in done.refused[0].problem) == ([], True)
    made_up.scan(here, header=replace(made_up.HEADER, participant="sub-02"))
    bury(there, "sub-02")
    assert "bazin session withdraw sub-02" in [fault.way_out for fault in merge(here, there).refused]


def test_wrong_folders_are_named(two):
    here, there = two
    made_up.scan(here)
    with pytest.raises(UsageError, match="is the same data set"):
        merge(here, here)
    with pytest.raises(InputError, match="holds no session of this program"):
        merge(here, there)
