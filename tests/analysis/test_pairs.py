"""From judged pairs of clips to a verdict: same–different and forced choice."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom
from typer.testing import CliRunner

from analysis.behaviour import choose_first, same_different_dprime, tell_apart
from analysis.behaviour.decision_rules import RULES
from analysis.behaviour.measures_of_pairs import person_rows
from analysis.running import run_group
from bazin.cli import app
from protocols.base.errors import InputError
from protocols.base.tables import read_frame
from tests.analysis.data_sets import DataSet
from tests.analysis.pairs import PAIR_COLUMNS, data_set, forced_choice, plan_of, promised, same_different

pytestmark = pytest.mark.usefixtures("without_report")
SEES, BLIND = {"ai": 1.8, "cartoon": 3.0}, {"ai": 0.0, "cartoon": 3.0}


def quiet(_):
    """Say nothing."""


def outcomes(study):
    verdict = json.loads((study.out / "verdict.json").read_text("utf-8"))
    return {h["id"]: h for h in verdict["hypotheses"]}


def values(study):
    table = study.table("tells")
    return table.assign(value=table["value"].astype(float))


@pytest.fixture
def few(tmp_path):
    """Three children and three adults who compare pairs and see the difference."""
    random = np.random.default_rng(2)
    return data_set(
        tmp_path / "bids", "same_different", lambda *_: same_different(random, SEES, "differencing"), people=3
    )


def judged_again(study, change, code="c00", task="samedifferent"):
    """One person's trials after a change, written anew."""
    path = study.folder / f"sub-{code}" / "beh" / f"sub-{code}_task-{task}_beh.tsv"
    trials = read_frame(path).to_dict("records")
    study.add(
        code, None, [new for trial in trials if (new := change(trial))], task=task, columns=PAIR_COLUMNS
    )


@pytest.mark.parametrize("rule", ["differencing", "likelihood_ratio"])
def test_same_different_from_the_command_line_to_a_verdict(tmp_path, rule):
    random = np.random.default_rng(1)
    study = data_set(
        tmp_path / "bids",
        "same_different",
        lambda group, _: same_different(random, BLIND if group == "child" else SEES, rule),
    )
    plan = tmp_path / "pairs.plan.yaml"
    plan.write_text(json.dumps(plan_of("same_different", rule)))
    said = []
    for level in ("participant", "group"):
        run = CliRunner().invoke(
            app, ["analyse", str(study.folder), str(study.out), level, "--plan", str(plan)]
        )
        assert run.exit_code == 0, run.output
        said.append(run.output.splitlines()[0])
    assert said[0] == "tells: 24 people, 48 of 48 rows usable"
    found = outcomes(study)
    assert {name: h["outcome"] for name, h in found.items()} == {
        "L.child": "undecided", "L.adult": "different", "G": "different",
    }  # fmt: skip
    assert found["L.adult"]["estimate"] == pytest.approx(1.8, abs=0.3)
    assert found["L.child"]["estimate"] == pytest.approx(0, abs=0.5)
    control = found["L.adult"]["control"]
    assert (control["outcome"], control["contrast"]) == ("passed", ["fixation", "cartoon"])
    sidecar = json.loads((study.out / "measures" / "measure-tells.json").read_text("utf-8"))
    assert (sidecar["unit"], sidecar["family"]) == ("dprime", "gaussian")
    assert sidecar["SameDifferentRule"] == rule
    assert sidecar["Exclusions"]["response_time_s"] == [0.2, 10.0]


@pytest.mark.parametrize("words", [("left", "right"), ("first", "second")])
def test_forced_choice_separates_a_side_bias_from_seeing(tmp_path, words):
    random = np.random.default_rng(3)
    study = data_set(
        tmp_path / "bids",
        "pair_comparison",
        lambda group, i: forced_choice(
            random, {"ai": 0.0 if group == "child" else 1.2, "cartoon": 2.5}, bias=1.2 if i % 3 else -0.4
        ),
    )
    if words[0] == "first":
        name = dict(zip(("left", "right"), words, strict=True))
        for code in study.groups:
            judged_again(
                study,
                lambda t: t | {k: name[t[k]] for k in ("trial_type", "response")},
                code,
                "paircomparison",
            )
    plan = promised("pair_comparison")
    assert study.analyse(plan)[0].errors == []
    run_group(study.folder, study.out, plan, say=quiet)
    found = outcomes(study)
    assert {name: h["outcome"] for name, h in found.items()} == {
        "L.child": "equivalent", "L.adult": "different", "G": "different",
    }  # fmt: skip
    assert found["L.adult"]["estimate"] == pytest.approx(1.2, abs=0.25)
    counts = read_frame(study.out / "measures" / "pairs-tells.tsv", numeric=("side_bias",))
    assert counts["side_bias"].mean() == pytest.approx((2 * 1.2 - 0.4) / 3 / np.sqrt(2), abs=0.15)


def test_without_the_control_equivalence_is_uninterpretable(tmp_path):
    random = np.random.default_rng(4)
    study = data_set(
        tmp_path / "bids", "pair_comparison", lambda *_: forced_choice(random, {"ai": 0.0, "cartoon": 0.1})
    )
    plan = promised("pair_comparison")
    study.analyse(plan)
    run_group(study.folder, study.out, plan, say=quiet)
    child = outcomes(study)["L.child"]
    assert (child["outcome"], child["control"]["outcome"]) == ("undecided", "failed")
    assert "uninterpretable" in child["qualifier"]


def test_a_person_has_the_value_of_the_pure_functions(few):
    few.analyse(promised("same_different"))
    trials = read_frame(few.folder / "sub-c00" / "beh" / "sub-c00_task-samedifferent_beh.tsv")
    said = trials["response"] == "different"
    signal = (trials["trial_type"] == "different") & (trials["arm"] == "ai")
    noise = (trials["trial_type"] == "same") & trials["arm"].isin(["live", "ai"])  # not those of cartoon
    counts = (said & signal).sum(), signal.sum(), (said & noise).sum(), noise.sum()
    rows = values(few).set_index(["participant_id", "condition"])
    one = rows.loc[("sub-c00", "ai")]
    theirs = tell_apart(*counts, rule="differencing")
    assert one["value"] == pytest.approx(float(theirs.signed), abs=1e-6)
    assert float(one["se"]) == pytest.approx(float(theirs.se), abs=1e-6)
    assert (one["n"], one["group"]) == ("48", "child")
    row = read_frame(few.out / "measures" / "pairs-tells.tsv").iloc[6]
    assert (row["participant_id"], row["condition"], row["included"]) == ("sub-c00", "ai", "1")
    assert tuple(int(row[name]) for name in ("hits", "n_signal", "false_alarms", "n_noise")) == counts


def test_below_chance_the_value_is_negative_and_has_an_error():
    kinds = [("different", 1)] * 2 + [("different", 0)] * 8 + [("same", 1)] * 6 + [("same", 0)] * 4
    trials = [
        {"participant_id": "sub-1", "group": "child", "session": None, "condition": "ai", "trial_type": kind,
         "value": float(said), "included": 1.0, "reason": None}
        for kind, said in kinds
    ]  # fmt: skip
    [row] = person_rows(trials, "dprime_same_different", references={"live"}, rule="differencing")
    mirrored = tell_apart(6, 10, 2, 10, rule="differencing")
    assert (row["value"], row["se"]) == (-float(mirrored.dprime), float(mirrored.se))


def test_what_cannot_be_used_stays_with_its_reason(few):
    def spoiled(trial):
        place = int(trial["trial"])
        if place == 1:
            return trial | {"response": "perhaps"}
        if place == 2:
            return trial | {"trial_type": "similar"}
        if place == 3:
            return trial | {"arm": "live", "trial_type": "different"}
        if place == 4:
            return trial | {"response": None}
        if place == 5:
            return trial | {"phase": "training"}
        return trial | ({"response_time": "20"} if place == 6 else {})

    before = values_of(few)
    judged_again(few, spoiled)
    after = values_of(few)
    lost = before - after
    assert lost.loc["sub-c00"].sum() >= 6
    assert (lost.drop("sub-c00") == 0).all().all()
    trials = reasons_of(few, "c00")
    assert trials == {
        "answer 'perhaps' is neither 'different' nor 'same'",
        "trial type 'similar' is no pair (different, same)",
        "compares 'live' with itself",
        "no answer",
        "training",
    }


def values_of(study):
    """The trials behind each value, by person and condition."""
    study.analyse(promised("same_different"))
    return study.table("tells").assign(n=lambda t: t["n"].astype(float)).pivot(
        index="participant_id", columns="condition", values="n"
    )  # fmt: skip


def reasons_of(study, code):
    from analysis.importing.beh import read_trials
    from analysis.importing.beh_files import files_of

    plan = promised("same_different").plan
    rows = read_trials(study.folder, plan, "tells", files_of(study.folder, plan, "tells")).rows
    return {row["reason"] for row in rows if row["participant_id"] == f"sub-{code}"} - {None}


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        (lambda t: t["trial_type"] == "different", "no usable same pairs"),
        (lambda t: t["trial_type"] == "same", "no usable different pairs"),
        (lambda t: t["arm"] != "ai", "no pairs with 'ai'"),
    ],
)
def test_who_lacks_one_kind_of_pair_stays_without_a_value(few, keep, reason):
    judged_again(few, lambda t: t if keep(t) else None)
    outcome, lines = few.analyse(promised("same_different"))
    assert outcome.errors == []
    row = few.table("tells").set_index(["participant_id", "condition"]).loc[("sub-c00", "ai")]
    assert (row["included"], row["reason"], row["value"]) == ("0", reason, None)
    assert f"left out: child {reason}" in lines[0]


def test_one_side_only_is_no_forced_choice(tmp_path):
    random = np.random.default_rng(5)
    study = data_set(
        tmp_path / "bids", "pair_comparison", lambda *_: forced_choice(random, {"ai": 1.0, "cartoon": 2.0}), people=3
    )  # fmt: skip
    judged_again(study, lambda t: t if t["trial_type"] == "left" else None, "c00", "paircomparison")
    study.analyse(promised("pair_comparison"))
    row = study.table("tells").set_index(["participant_id", "condition"]).loc[("sub-c00", "ai")]
    assert (row["included"], row["reason"], row["value"]) == ("0", "no usable pairs with 'ai' second", None)


def test_sides_are_named_in_one_way(tmp_path):
    trials = [t | {"response": "first"} for t in forced_choice(np.random.default_rng(6), {"ai": 1.0})]
    study = DataSet(tmp_path / "bids")
    study.add("c00", "child", trials, task="paircomparison", columns=PAIR_COLUMNS)
    study.describe()
    study.analyse(promised("pair_comparison"))
    assert study.table("tells")["reason"][0] == "answer 'first' is neither 'left' nor 'right'"


def test_the_plans_rules_about_people_and_the_fewest_trials_apply(few):
    judged_again(few, lambda t: t | {"response": "same"})
    judged_again(few, lambda t: t if int(t["trial"]) <= 30 else None, "c01")
    plan = promised("same_different", exclusions={"same_answer": 0.9, "scenes_per_condition": 40})
    few.analyse(plan)
    rows = few.table("tells").set_index(["participant_id", "condition"])
    assert rows.loc[("sub-c00", "ai"), "reason"].startswith("same answer: in ")
    reason = rows.loc[("sub-c01", "ai"), "reason"]
    assert reason == f"fewer than 40 usable trials: {rows.loc[('sub-c01', 'ai'), 'n']}"
    assert set(rows.loc[rows["included"] == "0"].index.get_level_values(0)) == {"sub-c00", "sub-c01"}


def test_training_counts_where_the_plan_has_it(few):
    training = {"items": 8, "criterion": 7, "attempts": 2, "contrast": ["live", "cartoon"]}
    plan = plan_of("same_different")
    plan["sessions"][0]["training"] = training
    learned = {"c00": "different", "c01": "same"}  # 8 different pairs: the second learns nothing
    for code, said in learned.items():
        path = few.folder / f"sub-{code}" / "beh" / f"sub-{code}_task-samedifferent_beh.tsv"
        taught = [
            {"trial": 200 + i, "trial_type": "different", "arm": "puppet", "response": said, "phase": "training",
             "response_time": 1.0}
            for i in range(8)
        ]  # fmt: skip
        trials = [*read_frame(path).to_dict("records"), *taught]
        few.add(code, None, trials, task="samedifferent", columns=PAIR_COLUMNS)
    few.analyse(promised("same_different", sessions=plan["sessions"]))
    rows = few.table("tells").set_index(["participant_id", "condition"])
    assert rows.loc[("sub-c00", "ai"), "included"] == "1"
    assert rows.loc[("sub-c01", "ai"), "reason"] == "training: 0 of 8 correct, the plan asks for 7 of 8"
    assert set(rows.index.get_level_values("condition")) == {"ai", "cartoon"}  # what only the training showed


def test_nothing_compared_is_an_error_that_says_so(few):
    for code in list(few.groups):
        judged_again(few, lambda t: t | {"arm": "live"}, code)
    with pytest.raises(InputError, match="names no version that was compared"):
        few.analyse(promised("same_different"))


def test_forced_choice_is_what_the_pure_function_gives():
    trials = [
        {"participant_id": "sub-1", "group": "adult", "session": "s", "condition": "ai", "trial_type": kind,
         "value": float(said), "included": 1.0, "reason": None}
        for kind, said in [("first", 1)] * 9 + [("first", 0)] * 3 + [("second", 1)] * 5 + [("second", 0)] * 7
    ]  # fmt: skip
    [row] = person_rows(trials, "dprime_forced_choice", references={"live"}, rule=None)
    theirs = choose_first(9, 12, 5, 12)
    assert (row["value"], row["side_bias"]) == (float(theirs.dprime), float(theirs.side_bias))
    assert (row["n"], row["session"]) == (24, "s")


def test_beside_a_second_task_the_pairs_are_found(few):
    naming = [{"trial": i, "arm": "ai", "response": "ai", "response_time": 1.0} for i in range(1, 9)]
    for code in few.groups:
        few.add(code, None, naming, task="detection", columns=PAIR_COLUMNS)
    session = {**plan_of("same_different")["sessions"][0], "then": {"paradigm": "detection"}}
    outcome, lines = few.analyse(promised("same_different", sessions=[session]))
    assert (outcome.errors, lines) == ([], ["tells: 6 people, 12 of 12 rows usable"])


def mean_signed(h, f, n, m):
    """What the signed d' of an observer with these rates is on average: the sum over all outcomes."""
    hits, false_alarms = np.arange(n + 1), np.arange(m + 1)
    rates = np.meshgrid((hits + 0.5) / (n + 1), (false_alarms + 0.5) / (m + 1), indexing="ij")
    forwards, backwards = (same_different_dprime(*pair, rule="differencing") for pair in (rates, rates[::-1]))
    return float(binom.pmf(hits, n, h) @ (forwards - backwards) @ binom.pmf(false_alarms, m, f))


def test_the_guides_warning_about_chance_is_true():
    guide = (Path(__file__).resolve().parents[2] / "docs" / "behaviour.md").read_text("utf-8")
    by_dprime = []
    for d in (0.5, 1.0, 1.5, 2.0):
        h = float(RULES["differencing"].hit_rate(np.array([d]), np.array([0.3]))[0])
        by_dprime.append(f"{mean_signed(h, 0.3, 24, 24):.2f}".removeprefix("0"))
    assert f"| differencing, 24 + 24 pairs | {' | '.join(by_dprime)} |" in guide
    assert mean_signed(0.3, 0.3, 24, 24) == pytest.approx(0, abs=1e-9)
    unequal = [f"{mean_signed(rate, rate, 12, 36):.2f}".removeprefix("0") for rate in (0.2, 0.05)]
    assert f"have a mean of {unequal[0]}, not 0 (in 5 %: {unequal[1]})" in " ".join(guide.split())
