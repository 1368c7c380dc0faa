"""The same decision on another first level: scale, and the files beside the measure tables."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis import running
from analysis.evidence.blind import shuffle_arms
from analysis.evidence.deciding import MODELS, ask
from analysis.evidence.variants import Beside, derivatives_check, files_beside, read_beside
from analysis.measures.table import measure_texts, write_measure
from protocols.base.errors import InputError
from protocols.base.files import write_atomically, write_json
from protocols.base.tables import write_frame
from protocols.plan.expanding import expand
from protocols.plan.reading import resolved
from tests.evidence.bold_study import (
    by_motion,
    changes,
    decided,
    motion_by_person,
    other_effects,
    quality_of,
    roi_table,
    row,
)


def one(more=None):
    """Changes that leave the group difference alone."""
    return changes({"hypotheses.C": None, "exclusions": {}, **(more or {})})


LEVEL = (0.05, 0.05)


@pytest.fixture(scope="module")
def study(lab):
    """Children's effect is larger by 0.5 %."""
    promise = lab.promise(one())
    people = motion_by_person()
    quality = quality_of(people, limit=9.0)
    effects = by_motion(people, 0.0) + np.where(people["group"] == "child", 0.5, 0.0)
    return promise, quality, roi_table(promise.plan, people, quality, effects)


def shifted(table, by: float):
    """The table with children's effects moved."""
    return other_effects(table, lambda rows: np.where(rows["group"] == "child", by, 0.0))


def checked(plan, table, variant, shows, *, hypothesis=0):
    item = expand(plan)[hypothesis]
    question = ask(plan, item, table, None)
    evidence = MODELS["by_person"](question)
    bold = None if variant is None else Beside(None, {"roi": {"derivatives": variant}})
    return derivatives_check(question, evidence, bold, "by_person", LEVEL, lambda _: shows, {})


@pytest.mark.parametrize(
    ("by", "shows", "holds"),
    [(0.0, True, True), (0.0, False, False), (-1.0, True, False), (-1.0, False, False), (0.5, True, True)],
)
def test_a_difference_holds_only_if_it_is_shown_again_with_its_sign(study, by, shows, holds):
    promise, _, table = study
    found = checked(promise.plan, table, shifted(table, by), shows)
    assert found is not None
    assert found[1] is holds
    assert found[0].analysis == "HRF with derivatives"


def test_a_variant_without_an_estimate_does_not_hold(study):
    promise, _, table = study
    rows = table.rows.assign(included=0.0, reason="cannot be estimated with more columns")
    row_, holds = checked(promise.plan, table, replace(table, rows=rows), True)
    assert (row_.estimate, holds) == (None, False)
    assert "cannot be estimated" in row_.note or "usable values" in row_.note


def test_the_check_concerns_group_differences_in_signal_change_only(lab, study):
    _, _, table = study
    assert checked(lab.plan(one()), table, None, False) is None
    one_group = lab.plan(one({"hypotheses.N.effect": "condition", "hypotheses.N.group": "child"}))
    assert checked(one_group, table, table, False) is None
    other = {
        "measures.roi.statistic": "amplitude",
        "measures.roi.bound": None,
        "hypotheses.N.asks": "difference",
    }
    assert checked(lab.plan(one(other)), table, table, False) is None


@pytest.mark.parametrize(
    ("by", "outcome", "qualifier"), [(0.1, "different", None), (-1.0, "undecided", "scale-dependent")]
)
def test_a_difference_that_turns_with_the_responses_shape_is_scale_dependent(
    study, record_of, by, outcome, qualifier
):
    promise, _, table = study
    bold = Beside(None, {"roi": {"derivatives": shifted(table, by)}})
    decision = decided(promise.plan, table, bold)
    record = record_of(decision, "N")
    assert (record.outcome, record.qualifier) == (outcome, qualifier)
    told = row(decision, "N", "HRF with derivatives", "sensitivity")
    assert told["estimate"] == pytest.approx(record.estimate - by)


def test_the_variants_p_is_adjusted_with_the_familys_other_members(lab, study, record_of):
    _, _, table = study
    family = {"measure": "roi", "effect": "condition", "contrast": ["live", "ai"], "group": "adult", "asks": "both",
              "family": "neural"}  # fmt: skip
    plan = lab.plan(one({"hypotheses.C": family}))  # adults have no effect: their p is large
    small = next(by for by in np.arange(-0.5, 0, 0.005) if 0.025 < p_of(table, by) < 0.05)
    decision = decided(plan, table, Beside(None, {"roi": {"derivatives": shifted(table, small)}}))
    assert 0.025 < row(decision, "N", "HRF with derivatives", "sensitivity")["p"] < 0.05
    assert record_of(decision, "N").qualifier == "scale-dependent"


def p_of(table, by: float) -> float:
    wide = shifted(table, by).used.groupby(["group", "participant_id", "condition"])["value"].mean().unstack()
    effect = wide["ai"] - wide["live"]
    return float(stats.ttest_ind(effect["adult"], effect["child"], equal_var=False).pvalue)


# ---- files ----


@pytest.fixture
def saved(study, tmp_path):
    """The study's files as the participant level leaves them."""
    promise, quality, table = study
    write_measure(tmp_path, table)
    write_frame(tmp_path / "measures" / "quality-bold.tsv", quality)
    for variant, by in (("derivatives", -1.0), ("censored", -0.2)):
        for name, text in measure_texts(shifted(table, by)).items():
            part = name.replace("measures/measure-roi", f"measures/variants/measure-roi_{variant}")
            write_atomically(tmp_path / part, text)
    write_json(tmp_path / "plan.json", resolved(promise.plan))
    return tmp_path


def inputs_of(folder, *, beside=True):
    own = {f"measures/measure-roi.{end}": folder / f"measures/measure-roi.{end}" for end in ("tsv", "json")}
    return {**own, **(files_beside(folder, ["roi"]) if beside else {}), "plan.json": folder / "plan.json"}


def test_what_is_saved_is_found_read_and_decided_upon(study, saved):
    promise = study[0]
    settings = {"plan": promise.sha256, "blind": False}
    texts = running.verdict.run(settings=settings, inputs=inputs_of(saved))
    assert {f"results/{name}.tsv" for name in ("motion", "motion_people", "multiverse")} < set(texts)
    assert "multiverse.tsv" in json.loads(texts["results/results.json"])
    assert '"scale-dependent"' in texts["verdict.json"]


@pytest.mark.slow
def test_without_files_beside_them_the_measures_give_what_they_always_gave(study, saved):
    promise = study[0]
    settings = {"plan": promise.sha256, "blind": False}
    plain = running.verdict.run(settings=settings, inputs=inputs_of(saved, beside=False))
    assert not any("motion" in name or "multiverse" in name for name in plain)
    assert list(json.loads(plain["results/results.json"])) == [
        name.removeprefix("results/")
        for name in plain
        if name.startswith("results/") and name.endswith(".tsv")
    ]
    assert '"different"' in plain["verdict.json"]


def test_a_variant_of_another_measure_and_a_run_told_twice_are_refused(study, saved):
    promise, quality, table = study
    tables = {"roi": table}
    sidecar = saved / "measures/variants/measure-roi_censored.json"
    broken = json.loads(sidecar.read_text("utf-8"))
    write_json(sidecar, {**broken, "unit": "microvolt"})
    with pytest.raises(InputError, match="unit 'microvolt'"):
        read_beside(promise.plan, files_beside(saved, ["roi"]), tables)
    write_json(sidecar, broken)
    twice = quality.iloc[[0, *range(len(quality))]]
    write_frame(saved / "measures" / "quality-bold.tsv", twice)
    with pytest.raises(InputError, match="say the same thing twice"):
        read_beside(promise.plan, files_beside(saved, ["roi"]), tables)
    write_frame(saved / "measures" / "quality-bold.tsv", quality.drop(columns="mean_fd_mm"))
    with pytest.raises(InputError, match="mean_fd_mm"):
        read_beside(promise.plan, files_beside(saved, ["roi"]), tables)


def test_people_whom_tables_put_into_different_groups_are_set_aside_in_variants_too(study, saved):
    promise, _, table = study
    rows = table.rows.copy()
    someone = rows["participant_id"].iloc[0]
    rows.loc[rows["participant_id"] == someone, "group"] = (
        "child" if rows["group"].iloc[0] == "adult" else "adult"
    )
    found = read_beside(promise.plan, files_beside(saved, ["roi"]), {"roi": replace(table, rows=rows)})
    for variant in found.variants["roi"].values():
        assert someone not in set(variant.used["participant_id"])


def test_blinding_shuffles_variants_as_it_does_their_measures(study):
    promise, _, table = study
    bold = Beside(None, {"roi": {"derivatives": table}}).shuffled(promise.plan, "key")
    here, there = bold.variants["roi"]["derivatives"].rows, shuffle_arms(promise.plan, table, "key").rows
    assert list(here["condition"]) == list(there["condition"])
    assert list(here["condition"]) != list(table.rows["condition"])
