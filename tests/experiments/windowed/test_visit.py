"""Whole visits in a real window, with somebody who really types, and what may happen in their middle."""

import os
from collections import Counter

import pytest

from experiments.data.export import export_session
from tests.bids_validator import errors_of
from tests.experiments.windowed.conftest import SITE, Operator, Quick

LATE_S = 0.4
"""To type, a program is started, on a machine that may be busy."""


def phases(visit):
    return Counter((row["task"], row["phase"]) for row in visit.rows)


def assert_answered_by_typing(visit):
    """Every press went through the window system, and every answer was measured from its question."""
    assert {record["device"] for record in visit.told.of("press")} == {"keyboard"}
    times = [row["response_time"] for row in visit.rows if row.get("response_time") is not None]
    assert times
    assert all(Quick.SECONDS <= seconds < Quick.SECONDS + LATE_S for seconds in times)


def assert_shown_from_the_first_frame(visit, clips):
    shown = list(visit.told.of("shown"))
    assert [record["index"][0] for record in shown] == [0] * clips
    assert all(row["onset"] is not None for row in visit.rows)


def assert_seen(seen, *names):
    """These screens were shown, and all of them stood on the X server's screen as they had been drawn."""
    assert set(names) <= set(seen)
    assert [name for name, exact in seen.items() if not exact] == []


@pytest.mark.slow
def test_a_child_watches_and_compares_in_chinese(visit, seen, tmp_path):
    scan = visit("scan", group="child", language="zh", age_months=60)
    assert scan.outcome.status == "complete"
    assert phases(scan) == {("passive_viewing", "main"): 6, ("passive_viewing", "attention"): 2}
    assert [record["n"] for record in scan.told.of("volume")] == list(range(1, 18))
    assert all(row["correct"] for row in scan.rows if row["phase"] == "attention")
    assert scan.told.header.language == "zh"

    detect = visit("detect", group="child", language="zh")
    assert detect.outcome.status == "complete"
    assert phases(detect) == {
        ("same_different", "main"): 2, ("same_different", "catch"): 1,
        ("detection", "training"): 4, ("detection", "main"): 4,
    }  # fmt: skip
    assert all(row["correct"] for row in detect.rows if row["phase"] in ("catch", "training"))
    assert detect.told.header.swapped
    same = [asked.answers["same"] for asked in detect.person.asked if "same" in asked.answers]
    assert same == ["right"] * 5  # two of practice, three of trials: a picture stays on its side

    for one, clips in ((scan, 6), (detect, 14)):
        assert_answered_by_typing(one)
        assert_shown_from_the_first_frame(one, clips)
        assert all(record["complete"] for record in one.told.of("shown"))
    assert_seen(seen, "screen.welcome", "instruction.still", "assent", "fixation", "star", "getter", "find.same",
                "same_or_different", "made_how", "feedback", "screen.thanks")  # fmt: skip
    export_session(tmp_path / "bids", "01", "scan")
    export_session(tmp_path / "bids", "01", "detect")
    assert errors_of(tmp_path / "bids") == []


@pytest.mark.slow
def test_an_adult_watches_compares_and_rates_in_english_and_a_tap_of_the_operator_skips_a_clip(
    visit, seen, tmp_path
):
    scan = visit("scan", group="adult", tell=Operator("F4", clip=3).tell)
    assert scan.outcome.status == "complete"
    assert phases(scan) == {("passive_viewing", "main"): 6, ("passive_viewing", "attention"): 2}
    shown = list(scan.told.of("shown"))
    assert [record["complete"] for record in shown] == [True, True, False, True, True, True]
    assert_cut_short(shown[2], scan, "operator.skip")
    (skipped,) = (row for row in scan.rows if row["unusable_reason"])
    assert skipped["unusable_reason"] == "skipped by the operator"
    assert skipped["stim_file"] == shown[2]["stim_file"]
    late = [record["onset"] - record["planned"] for record in shown]
    assert late == pytest.approx([0] * 6, abs=0.2)  # the clips after it came at their own times

    detect = visit("detect", group="adult")
    assert detect.outcome.status == "complete"
    assert sum(phases(detect).values()) == 11
    rate = visit("rate", group="adult")
    assert rate.outcome.status == "complete"
    assert [row["seen_before"] in range(1, 8) for row in rate.rows] == [True] * 4

    for one, clips in ((scan, 6), (detect, 14), (rate, 4)):
        assert_answered_by_typing(one)
        assert_shown_from_the_first_frame(one, clips)
    assert_seen(seen, "screen.welcome", "assent", "fixation", "star", "same_or_different", "made_how", "feedback",
                "seen_before", "screen.thanks")  # fmt: skip
    for session in ("scan", "detect", "rate"):
        export_session(tmp_path / "bids", "01", session)
    assert errors_of(tmp_path / "bids") == []


def assert_cut_short(shown, visit, key):
    """A clip ended soon after the operator's tap."""
    (tap,) = (record for record in visit.told.of("press") if record["key"] == key)
    assert 0 <= shown["offset"] - tap["at"] < 0.25
    assert shown["offset"] - shown["onset"] < 0.9


@pytest.mark.slow
def test_a_tap_for_somebody_who_wants_to_stop_ends_clip_and_session_at_once(visit):
    held = visit("caps", group="child", tell=Operator("F9", clip=2).tell)
    assert held.outcome.status == "dissent"
    assert [record["status"] for record in held.told.of("run_end")] == ["dissent"]
    shown = list(held.told.of("shown"))
    assert [record["complete"] for record in shown] == [True, False]
    assert_cut_short(shown[-1], held, "operator.dissent")
    assert [row["unusable_reason"] for row in held.rows] == [None, "stopped by the operator"]


def test_a_trigger_port_unplugged_in_mid_run_loses_markers_and_not_the_visit(visit, tmp_path):
    pytest.importorskip("serial", reason="the extra 'lab' is not installed")
    ours, theirs = os.openpty()
    site = SITE + f"triggers: [{{kind: serial, device: {os.ttyname(theirs)}}}]\n"
    os.close(theirs)
    sent = 0

    def unplug(kind, *_):
        nonlocal sent
        sent += kind == "trigger"
        if kind == "row" and sent == 3:
            os.close(ours)
            sent += 100

    held = visit("caps", group="adult", site=site, tell=unplug)
    assert held.outcome.status == "complete"
    assert [record["status"] for record in held.told.of("run_end")] == ["complete"]
    assert len(list(held.told.of("fault"))) == 1
    triggers = list(held.told.of("trigger"))
    assert len(triggers) == 5
    assert all(record["at"] is not None for record in triggers[:3])
    assert all(record["at"] is None for record in triggers[3:])
    assert len(held.rows) == 4

    (run,) = export_session(tmp_path / "bids", "01", "caps").audit.runs
    assert (run.sent, run.lost) == (3, 2)
    assert run.verdict == "unusable"
    assert "markers lost: 2 of 5" in run.reasons
