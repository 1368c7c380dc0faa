"""Who and what a plan leaves out of judgments: every row stays, and says why."""

import json

import pytest

from analysis.importing.beh_files import files_of
from protocols.base.errors import InputError, PlanError
from tests.analysis.data_sets import COLUMNS, PLAN, DataSet, asked, judged, promise_of

TRAINING = {"training": {"items": 8, "criterion": 7, "attempts": 2, "contrast": ["live", "cartoon"]}}
ATTENTION = {"attention": {"every": 6, "kind": "star"}}


@pytest.fixture
def study(tmp_path):
    return DataSet(tmp_path / "bids")


def sidecar(study, measure="sees"):
    return json.loads((study.out / "measures" / f"measure-{measure}.json").read_text("utf-8"))


def trial_reasons(study, measure="sees"):
    return study.table(measure)["reason"].dropna().value_counts().to_dict()


def test_answers_that_came_too_early_or_too_late_are_not_used_and_those_without_a_time_are(study):
    study.fill()
    trials = judged()
    trials[0]["response_time"], trials[1]["response_time"] = 0.19, 0.2
    trials[2]["response_time"], trials[3]["response_time"], trials[4]["response_time"] = 10.0, 10.1, None
    study.add("k0", "child", trials)
    _, lines = study.analyse(promise_of())
    assert trial_reasons(study) == {"response time below 0.2 s": 1, "response time above 10 s": 1}
    assert trial_reasons(study, "slow")["response time above 10 s"] == 1
    assert trial_reasons(study, "slow")["no value"] == 1
    assert "left out: child response time above 10 s (1 row of 1 person), response time below" in lines[0]
    assert lines[0].endswith("; 1 trials without a response time stay")
    assert sidecar(study)["Exclusions"]["response_time_s"] == [0.2, 10.0]
    study.analyse(promise_of(analysis={"beh": {"response_time_s": [0.0, 20.0]}}))
    assert trial_reasons(study) == {}


def test_a_window_that_is_none_is_a_fault_of_the_plan():
    with pytest.raises(PlanError, match="response_time_s: is not a range"):
        promise_of(analysis={"beh": {"response_time_s": [5.0, 2.0]}})


def test_who_missed_the_attention_trials_is_left_out_with_the_numbers(study):
    right = [8, 6, 5, 8, 8, 3]
    study.fill(lambda i: asked("attention", right[i], 8))
    outcome, lines = study.analyse(promise_of(exclusions={"attention_correct": 0.75}))
    assert outcome.errors == []
    assert study.left_out() == {
        "k2": {"attention: 5 of 8 correct, the plan asks for 0.75"},
        "a5": {"attention: 3 of 8 correct, the plan asks for 0.75"},
    }  # 6 of 8 is enough
    assert study.left_out("slow") == study.left_out()
    rows = study.table()
    assert (rows["reason"] == "attention trial").sum() == 48  # they show attention, and judge nothing
    assert len(rows) == 6 * (28 + 8)
    assert "adult attention (28 rows of 1 person)" in lines[0]


def test_no_answer_to_an_attention_trial_is_no_right_answer(study):
    def starred(i):
        return [{**trial, "correct": None, "response": trial["response"] if i else None}
                for trial in asked("attention", 4, 4)]  # fmt: skip

    study.fill(starred)
    study.analyse(promise_of(exclusions={"attention_correct": 0.5}))
    assert study.left_out() == {"k0": {"attention: 0 of 4 correct, the plan asks for 0.5"}}


def test_a_rule_that_can_be_checked_in_nobody_is_an_error_and_nothing_is_made(study):
    study.fill()
    with pytest.raises(InputError, match="attention_correct: cannot be checked: nobody has attention trials"):
        study.analyse(promise_of(exclusions={"attention_correct": 0.75}))
    assert not (study.out / "measures").exists()
    outcome, _ = study.analyse(promise_of(exclusions={"same_in_a_row": 5}))  # with an order it can be
    assert outcome.errors == []
    for i, code in enumerate(study.groups):
        study.add(code, None, [{**trial, "trial": None} for trial in judged(i)])
    with pytest.raises(InputError, match="the order of nobody's trials is known"):
        study.analyse(promise_of(exclusions={"same_in_a_row": 6}))


def test_attention_that_another_session_asks_for_is_none_of_this_ones(study):
    study.fill()
    scan = {"name": "scan", "modality": "beh", "paradigm": "passive_viewing", "conditions": ["live", "ai"]}
    plan = promise_of(
        exclusions={"attention_correct": 0.75}, sessions=[{**scan, **ATTENTION}, PLAN["sessions"][0]]
    )
    outcome, _ = study.analyse(plan)
    assert outcome.errors == []
    assert "session 'judge' has no attention task, so nobody is left out by it" in outcome.warnings[0]


def test_who_lacks_attention_trials_or_training_stays_and_is_named(study):
    study.fill(lambda i: [*asked("attention", 8, 8), *asked("training", 8, 8, 201)] if i else [])
    plan = promise_of(exclusions={"attention_correct": 0.75}, session=TRAINING)
    outcome, _ = study.analyse(plan)
    assert study.left_out() == {}
    told = [text for text in outcome.warnings if "'sees'" in text]
    assert (
        told[0]
        == "measure 'sees': attention: cannot be checked without attention trials in sub-k0; they stay"
    )
    assert told[1].startswith("measure 'sees': training: cannot be checked without training trials in sub-k0")


def test_who_never_reached_the_training_criterion_is_left_out(study):
    scores = [[7], [6, 8], [6, 7], [8], [7], [3, 4, 8]]  # the last tried once more than the plan allows
    study.fill(lambda i: [t for k, s in enumerate(scores[i]) for t in asked("training", s, 8, 100 * k + 101)])
    outcome, _ = study.analyse(promise_of(session=TRAINING))
    assert study.left_out() == {
        "k2": {"training: 6 of 8 and 7 of 8 correct, the plan asks for 7 and 8 of 8"},
        "a5": {"training: 3 of 8 and 4 of 8 correct, the plan asks for 7 and 8 of 8"},
    }
    assert outcome.warnings == []
    people = study.table(kind="behaviour").set_index("participant_id")
    assert people.loc["sub-k1", "training_correct"] == "6 of 8, 8 of 8"
    assert people.loc["sub-k2", ["included", "training_passed", "n_live"]].tolist() == ["0", "0", "14"]


def test_attempts_are_told_apart_by_their_column_where_there_is_one(study):
    study.fill(lambda _: asked("training", 8, 8))
    short = [{**t, "attempt": 1} for t in asked("training", 2, 5)] + [
        {**t, "attempt": 2} for t in asked("training", 8, 8)
    ]
    study.add("k0", None, [*judged(), *short], columns=(*COLUMNS, "attempt"))  # in blocks of 8: 5 and 4 right
    study.analyse(promise_of(session=TRAINING))
    assert study.left_out() == {}


def test_the_training_of_the_task_counts_and_not_that_of_another(study):
    study.fill(lambda i: asked("training", 8 if i else 2, 8))
    then = {"then": {"paradigm": "ratings", **TRAINING}}
    study.analyse(promise_of(session=then))
    assert study.left_out() == {}  # the training belongs to the ratings
    study.analyse(
        promise_of(session={"paradigm": "same_different", "then": {"paradigm": "detection", **TRAINING}})
    )
    assert set(study.left_out()) == {"k0"}


def answering(pattern):
    """Judgments whose main trials are answered by a pattern of 'camera' (c) and 'computer' (x)."""
    trials = judged()
    main = [trial for trial in trials if trial["phase"] == "main"]
    for i, trial in enumerate(main):
        trial["response"] = {"c": "camera", "x": "computer"}[pattern[i % len(pattern)]]
    return trials


def test_one_and_the_same_answer_is_counted_in_main_trials_only(study):
    study.fill()
    study.add("k0", None, answering("c" * 22 + "xx"))
    study.add("k1", None, answering("ccx"))
    study.analyse(promise_of(exclusions={"same_answer": 0.9}))
    assert study.left_out() == {"k0": {"same answer: in 22 of 24 trials, the plan allows a share of 0.9"}}
    assert set(study.left_out("slow")) == {"k0"}
    study.analyse(promise_of())
    assert study.left_out() == {}  # no rule unless the plan has it
    people = study.table(kind="behaviour").set_index("participant_id")
    assert float(people.loc["sub-k0", "same_answer"]) == pytest.approx(22 / 24)


def test_the_same_answer_in_a_row(study):
    study.fill()
    study.add("k0", None, answering("c" * 12 + "x" * 12))
    study.add("k1", None, answering("cx"))
    outcome, _ = study.analyse(promise_of(exclusions={"same_in_a_row": 11}))
    assert outcome.errors == []
    assert study.left_out() == {"k0": {"same answer in a row: 12 trials, the plan allows 11"}}
    study.analyse(promise_of(exclusions={"same_in_a_row": 12}))
    assert study.left_out() == {}


def test_rules_do_not_know_what_is_true(study):
    """The same answers to the same trials with all truths exchanged leave out the same people."""
    plan = promise_of(exclusions={"same_answer": 0.8, "same_in_a_row": 9})
    found = []
    for name, swap in (("a", {}), ("b", {"live": "ai", "ai": "live"})):
        other = DataSet(study.folder / name)
        for i, pattern in enumerate(("c" * 20 + "xxxx", "c" * 12 + "x" * 12, "cx", "x", "ccx", "cxx")):
            trials = [{**trial, "arm": swap.get(trial["arm"], trial["arm"])} for trial in answering(pattern)]
            other.add(f"p{i}", "child" if i < 3 else "adult", trials)
        other.analyse(plan)
        found.append(other.left_out())
    assert found[0] == found[1]
    assert set(found[0]) == {"p0", "p1", "p3"}


def test_several_reasons_are_all_told_and_a_row_keeps_its_own(study):
    study.fill(lambda i: asked("attention", 8 if i else 0, 8))
    trials = [*answering("c"), *asked("attention", 0, 8)]
    trials[0]["response"] = None
    study.add("k0", None, trials)
    study.analyse(promise_of(exclusions={"attention_correct": 0.75, "same_answer": 0.9}))
    reasons = study.left_out()["k0"]
    both = (
        "attention: 0 of 8 correct, the plan asks for 0.75; same answer: in 23 of 23 trials, the plan allows"
    )
    assert reasons == {"no answer", f"{both} a share of 0.9"}


def test_catch_trials_stay_in_the_table_as_the_control_they_are(study):
    study.fill()
    study.analyse(promise_of())
    rows = study.table()
    assert (rows["condition"] == "cartoon").sum() == 12
    assert (rows[rows["condition"] == "cartoon"]["included"] == "1").all()


def test_of_pairs_the_side_is_the_answer(study):
    from analysis.importing.beh import read_trials

    pairs = [{**trial, "response": "left" if i < 20 else "right"} for i, trial in enumerate(judged())]
    study.add("k0", "child", pairs, task="paircomparison")
    plan = promise_of(session={"paradigm": "pair_comparison"}).plan
    rows = read_trials(study.folder, plan, "slow", files_of(study.folder, plan, "slow")).rows
    assert {row["answer"] for row in rows} == {"left", "right"}
