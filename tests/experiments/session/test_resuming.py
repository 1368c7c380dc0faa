"""What happens to a session that ends too early, and when it is begun again."""

import json
import multiprocessing
import os
import platform
import signal
import time
from datetime import timedelta

import pytest

from experiments.session.done import done_in, wall_now
from experiments.session.journal import FileJournal, journals_of, next_path, read_journal
from experiments.session.lock import alone
from experiments.session.playing import play
from experiments.session.request import Request, prepare
from protocols.base.errors import InputError, OutputError, UsageError
from protocols.plan.reading import parse_plan
from tests.experiments.session.conftest import PLAN, Told


def told(bids, session, participant="sub-01"):
    return [read_journal(path) for path in journals_of(bids, participant, session)]


def rows(journal):
    return [(record["task"], record["number"]) for record in journal.of("row")]


class Killed(BaseException):
    """As good as kill -9: nothing of ours runs after it."""


def killed_at(kind, n):
    """A listener that kills at the nth record of a kind."""
    count = 0

    def tell(this, *_):
        nonlocal count
        count += this == kind
        if count == n:
            os.kill(os.getpid(), signal.SIGKILL)

    return tell


def _play(bids, session, kind, n, group):
    prepared = prepare(Request(parse_plan(PLAN), "01", session, bids, "sim", group=group))
    play(prepared, person=Told(), tell=killed_at(kind, n))


def kill(bids, session, kind, n, group="adult"):
    """Play in another process that is killed at the nth record of a kind."""
    process = multiprocessing.get_context("spawn").Process(target=_play, args=(bids, session, kind, n, group))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_in_a_trial_nothing_is_lost_but_that_trial(hold, tmp_path):
    bids = tmp_path / "bids"
    kill(bids, "rate", "trial", 5)
    assert len(rows(told(bids, "rate")[0])) == 4
    played = hold("rate", keep=True)
    assert played.outcome.status == "complete"
    first, second = told(bids, "rate")
    assert first.status == "crashed"
    numbers = [number for _, number in (*rows(first), *rows(second))]
    assert numbers == [trial.number for trial in played.prepared.script.trials]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_crashed_scan_begins_a_new_run_with_its_own_zero(hold, tmp_path):
    bids = tmp_path / "bids"
    kill(bids, "scan", "row", 15)  # in the second run
    played = hold("scan", keep=True)
    assert played.outcome.status == "complete"
    first, second = told(bids, "scan")
    assert [record["label"] for record in first.of("run")] == [1, 2]
    closed, whole = second.of("run_end")
    assert (closed["label"], closed["status"]) == (2, "crashed")
    again = next(second.of("run"))
    assert (again["run"], again["label"]) == (2, 3)
    assert whole["status"] == "complete"
    second_run = [trial.number for trial in played.prepared.script.parts[0].runs[1].trials]
    assert [number for _, number in rows(second)] == second_run


def test_what_was_stopped_goes_on_with_its_training_done(hold, tmp_path):
    first = Told()
    hold("detect", first)
    stops = [i for i, asked in enumerate(first.asked, 1) if asked.name == "made_how"][-3]
    hold("detect", Told(wishes={stops: "stop"}), keep=True)
    played = hold("detect", keep=True)
    assert played.outcome.status == "complete"
    before, after = told(tmp_path / "bids", "detect")
    assert before.status == "stopped"
    assert not list(after.of("training"))
    assert len(rows(after)) == 2


def test_a_complete_session_is_not_played_twice_by_mistake(hold):
    hold("rate", keep=True)
    with pytest.raises(UsageError, match="complete already"):
        hold("rate", keep=True)
    again = hold("rate", keep=True, again=True)
    assert again.outcome.status == "complete"
    journal = read_journal(again.outcome.journal)
    assert {record["columns"]["unusable_reason"] for record in journal.of("row")} == {
        "the session had been completed before"
    }


def test_sessions_come_in_the_plans_order(promise, tmp_path):
    with pytest.raises(UsageError, match="comes after scan"):
        prepare(Request(promise, "01", "detect", tmp_path, "run", group="adult"))


def test_unknown_sessions_and_groups_are_named_with_what_there_is(promise, tmp_path):
    with pytest.raises(UsageError, match="did you mean 'scan'"):
        prepare(Request(promise, "01", "scam", tmp_path, "sim", group="adult"))
    with pytest.raises(UsageError, match="did you mean 'adult'"):
        prepare(Request(promise, "01", "scan", tmp_path, "sim", group="adlut"))
    with pytest.raises(UsageError, match="nobody said to which group"):
        prepare(Request(promise, "01", "scan", tmp_path, "sim"))
    with pytest.raises(InputError, match="is not a participant code"):
        prepare(Request(promise, "Anna B.", "scan", tmp_path, "sim", group="adult"))


def test_a_group_follows_from_the_age_and_a_wrong_age_is_refused(promise, tmp_path):
    assert prepare(Request(promise, "01", "scan", tmp_path, "sim", age_months=60)).person.group == "child"
    with pytest.raises(UsageError, match="outside group 'child'"):
        prepare(Request(promise, "01", "scan", tmp_path, "sim", group="child", age_months=90))


def test_a_person_stays_in_their_group(hold, promise, tmp_path):
    hold("rate", keep=True, group="child", age_months=60)
    assert prepare(Request(promise, "01", "scan", tmp_path / "bids", "sim")).person.group == "child"
    with pytest.raises(UsageError, match="is in group 'child' already"):
        prepare(Request(promise, "01", "scan", tmp_path / "bids", "sim", group="adult"))
    with pytest.raises(UsageError, match="was older"):
        prepare(Request(promise, "01", "scan", tmp_path / "bids", "sim", age_months=59))


def test_two_sessions_cannot_run_at_once(tmp_path):
    with (
        alone(tmp_path, "sub-01"),
        pytest.raises(UsageError, match="is running with sub-01, on this computer"),
        alone(tmp_path, "sub-02"),
    ):
        pass
    with alone(tmp_path, "sub-02"):
        pass


def test_the_lock_of_a_program_that_died_is_taken_over(tmp_path):
    dead = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    dead.start()
    dead.join()
    with alone(tmp_path, "sub-01"):
        lock = next((tmp_path / "sourcedata/bazin/locks").glob("computer-*.json"))
        content = json.loads(lock.read_text("utf-8"))
    lock.write_text(json.dumps({**content, "pid": dead.pid}), "utf-8")
    with alone(tmp_path, "sub-01"):
        pass


def test_a_full_disk_is_told_and_ends_the_session_with_what_was_written(hold, tmp_path, monkeypatch):
    from experiments.session import journal as journals

    written = 0

    def write(self, t, kind, **content):
        nonlocal written
        written += 1
        if written > 60:
            raise journals.cannot_write(self.path, OSError(28, "No space left on device"))
        return original(self, t, kind, **content)

    original = journals.FileJournal.write
    monkeypatch.setattr(journals.FileJournal, "write", write)
    with pytest.raises(OutputError, match="the disk is full"):
        hold("rate", keep=True)
    assert len(told(tmp_path / "bids", "rate")[0].records) == 59
    monkeypatch.undo()
    assert hold("rate", keep=True).outcome.status == "complete"


def test_a_torn_last_line_is_left_out(hold):
    path = hold("rate", keep=True).outcome.journal
    whole = read_journal(path)
    path.write_bytes(path.read_bytes()[:-10])
    torn = read_journal(path)
    assert torn.torn
    assert torn.records == whole.records[:-1]
    assert torn.status == "crashed"


def test_a_journal_is_never_written_over(hold, tmp_path):
    path = hold("rate", keep=True).outcome.journal
    assert next_path(tmp_path / "bids", "sub-01", "rate").name == "journal-002.jsonl"
    with pytest.raises(OutputError, match="exists already"):
        FileJournal(path)


def test_time_in_the_scanner_counts_over_starts_of_one_day_only(hold, tmp_path):
    hold("scan", keep=True)
    journal = told(tmp_path / "bids", "scan")
    today = done_in(journal, wall_now())
    assert today.scanner_s == pytest.approx(2 * (42 * 2.0), abs=6)
    assert done_in(journal, wall_now() + timedelta(days=1)).scanner_s == 0


def test_nothing_personal_is_in_a_journal(hold, tmp_path):
    text = hold("rate", keep=True, age_months=250).outcome.journal.read_text("utf-8")
    assert platform.node() not in text
    assert str(tmp_path) not in text
    assert "birth" not in text
    assert '"age_months": 250' in text  # whole months, and no more
