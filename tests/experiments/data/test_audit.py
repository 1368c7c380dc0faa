"""The timing audit: what the plan's rules object to, what is only worth a note."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.data.audit import audit
from experiments.data.told import put_together, read_session
from experiments.session.journal import MemoryJournal, Told, header_of
from protocols.plan.measuring import Presentation
from tests.experiments.data import made_up


def one_clip(header=made_up.HEADER, **how):
    """The audit of a session that showed a single clip."""
    journal = MemoryJournal()
    played = made_up.Played(journal, header)
    played.run("passive_viewing", 1, 1, volumes=30)
    played.begin(1, "main")
    onset, offset = played.show("s1_ai", **how)
    played.row(**made_up.about(1, "ai"), onset=onset, duration=offset - onset)
    played.end_run()
    return audited(journal)


def audited(journal, rules=None):
    header = header_of(journal.records[0], Path("memory"))
    return audit(put_together([Told(header, tuple(journal.records[1:]), Path("memory"))]), rules)


@pytest.mark.parametrize(
    ("how", "verdict", "says"),
    [
        ({}, "usable", ()),
        ({"drop": 2}, "usable with note", ("dropped frames: 2 of 50", "late flips: 1")),
        ({"drop": 3}, "unusable", ("dropped frames: 3 of 50", "late flips: 1")),
        ({"late": 0.047}, "usable with note", ("onset 0.049 s late",)),
        ({"late": 0.049}, "unusable", ("onset 0.05 s late",)),
        ({"late": -0.212}, "unusable", ("onset 0.21 s early",)),
        ({"stop_after": 30}, "unusable", ("the clip was stopped after 30 of 50 frames",)),
        ({"sound": {"device": "x", "scheduled": 1.0, "started": 1.05, "drift_s": 0.001, "underruns": 0}},
         "usable with note", ("sound 0.050 s late",)),
        ({"sound": {"device": "x", "scheduled": 1.0, "started": 1.01, "drift_s": 0.06, "underruns": 2}},
         "usable with note", ("sound drifted by 0.060 s", "gaps in the sound: 2")),
        ({"sound": {"device": "x", "scheduled": 1.0, "started": None, "drift_s": None, "underruns": 0}}, "usable", ()),
    ],
)  # fmt: skip
def test_a_clip_is_judged_by_the_plans_rules(how, verdict, says):
    (clip,) = one_clip(**how).clips
    assert (clip.verdict, (*clip.reasons, *clip.notes)) == (verdict, says)


def test_other_rules_judge_otherwise():
    journal = MemoryJournal()
    played = made_up.Played(journal, made_up.HEADER)
    played.run("passive_viewing", 1, 1, volumes=30)
    made_up.view(played, 1, 1, "ai", drop=20, late=0.5)
    played.end_run()
    assert audited(journal).clips[0].verdict == "unusable"
    kind = Presentation(dropped_frames=0.4, onset_error_s=0.51)
    assert audited(journal, kind).clips[0].verdict == "usable with note"
    assert (
        audited(journal, Presentation(dropped_frames=0.39, onset_error_s=0.51)).clips[0].verdict == "unusable"
    )


def test_a_clip_of_a_broken_trial_is_not_judged(tmp_path):
    made_up.behavior(tmp_path)
    found = audit(read_session(tmp_path, "01", "answers"))
    assert len([one for one in found.clips if one.run == ("same_different", 1)]) == 20
    assert {one.verdict for one in found.clips if one.run[0] == "same_different"} == {"usable"}


def test_both_clips_of_a_pair_count_for_their_trial():
    journal = MemoryJournal()
    played = made_up.Played(journal, made_up.HEADER)
    played.run("same_different", 1, 1)
    played.begin(1, "main")
    played.show("s1_ai")
    played.show("s1_live", drop=9)
    played.row(**made_up.about(1, "ai"), onset=0.0, duration=1.0)
    assert audited(journal).reasons(("same_different", 1), 1) == ("dropped frames: 9 of 50",)


def test_frames_that_stood_too_long_are_counted():
    journal = MemoryJournal()
    played = made_up.Played(journal, made_up.HEADER)
    played.run("passive_viewing", 1, 1, volumes=30)
    made_up.view(played, 1, 1, "ai")
    played.end_run()
    assert audited(journal).runs[0].flips.held == 0
    shown = next(record for record in journal.records if record["kind"] == "shown")
    shown["flip"] = [flip + (25.0 if i > 20 else 0.0) for i, flip in enumerate(shown["flip"])]
    flips = audited(journal).runs[0].flips
    assert (flips.n, flips.held, round(flips.median_ms, 1)) == (49, 1, 33.3)
    assert flips.longest_ms == pytest.approx(75.0, abs=0.1)


def test_volumes_and_pulses_are_compared_with_the_plan(tmp_path):
    path = made_up.scan(tmp_path)
    first, second = audit(read_session(tmp_path, "01", "scan")).runs
    assert (first.planned, first.counted, first.pulses.missing) == (32, 32, 0)
    assert first.notes == ("clips unusable: 1",)
    lines = path.read_text().splitlines()
    lost = [i for i, line in enumerate(lines) if '"kind": "volume"' in line][10:12]
    path.write_text("\n".join(line for i, line in enumerate(lines) if i not in lost) + "\n")
    first, second = audit(read_session(tmp_path, "01", "scan")).runs
    assert first.pulses.missing == 2
    assert first.pulses.median_s == pytest.approx(2.0)
    assert "scanner pulses missing: 2" in first.notes
    assert second.verdict == "usable with note"


def test_another_repetition_time_than_planned_is_noted(tmp_path):
    made_up.scan(tmp_path, header=replace(made_up.HEADER, repetition_time_s=2.1))
    (first, _) = audit(read_session(tmp_path, "01", "scan")).runs
    assert "scanner pulses every 2.000 s, planned 2.100 s" in first.notes


@pytest.mark.parametrize(("lost", "verdict"), [(0, "usable"), (2, "usable with note"), (3, "unusable")])
def test_a_run_is_unusable_when_too_many_markers_were_lost(tmp_path, lost, verdict):
    made_up.eeg(tmp_path, lost=lost)
    found = audit(read_session(tmp_path, "01", "eeg"))
    assert (found.runs[0].verdict, found.runs[0].sent, found.runs[0].lost) == (verdict, 40 - lost, lost)
    assert found.reasons(("passive_viewing", 1), 20) == (("markers lost: 3 of 40",) if lost == 3 else ())


def test_a_crashed_run_is_worth_a_note_and_its_trials_stay_usable(tmp_path):
    made_up.scan(tmp_path, crash=True)
    found = audit(read_session(tmp_path, "01", "scan"))
    assert found.runs[1].notes == ("crashed", "volumes: 12 of 32 counted")
    assert found.runs[1].verdict == "usable with note"
    assert found.reasons(("passive_viewing", 2), 7) == ()


def test_a_crashed_run_is_closed_by_the_next_start(tmp_path):
    made_up.behavior(tmp_path, stop_after=3)
    told = read_session(tmp_path, "01", "answers")
    assert (told.status, told.runs[-1].status) == ("crashed", "crashed")
    made_up.resume(tmp_path, 4)
    told = read_session(tmp_path, "01", "answers")
    assert told.status == "complete"
    assert [(run.part, run.status) for run in told.runs if run.task == "detection"] == [
        ("training 1", "complete"), ("training 2", "complete"), ("run 2", "crashed"), ("run 3", "complete")
    ]  # fmt: skip
