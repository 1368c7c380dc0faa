"""The virtual lab's worlds come out as planted: the shipped seed, and at least 95 of 100 (INFERENCE 14)."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.decide import decide
from analysis.evidence.verdict import Verdict
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from bazin.virtual.lab import answer_table, recruit, scan_table
from bazin.virtual.worlds import came_out_as_planted, make_world
from protocols.plan.promises import Bayes, Plan
from protocols.plan.reading import read_plan

ARMS = {
    "gefilmt": "live",
    "künstlich generiert": "ai",
    "gefilmt, umkodiert": "codec_control",
    "Zeichentrick": "cartoon",
}
GROUPS = {"Kind": "child", "Erwachsen": "adult", "4-6 years": "child", "18-40 years": "adult"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    """The demo's plan without what moves no outcome: Bayes factors and exploratory hypotheses."""
    whole = read_plan(Path("demo")).plan
    decision = whole.decision.model_copy(update={"bayes": Bayes(prior_widths=(), unit_of_bound=())})
    kept = {name: h for name, h in whole.hypotheses.items() if not h.exploratory}
    return whole.model_copy(update={"decision": decision, "hypotheses": kept})


def measured(plan: Plan, text: str, answers: str) -> dict[str, MeasureTable]:
    """The lab's two tables as measure tables, without the detour over files and import maps."""
    scan = pd.read_csv(io.StringIO(text), sep=";", decimal=",", dtype={"Code": str})
    lost = scan["Bewegung"] != "ok"
    dmpfc = pd.DataFrame(
        {
            "participant_id": "sub-" + scan["Code"], "group": scan["Gruppe"].map(GROUPS),
            "run": scan["Lauf"].astype(str), "condition": scan["Bedingung"].map(ARMS), "scene": scan["Szene"],
            "clip": scan["Film"],
            "value": scan["dmPFC_psc"], "trial_order": scan["Reihenfolge"].astype(float),
            "included": 1.0 - lost, "reason": np.where(lost, "too much motion", None),
        }
    )  # fmt: skip
    said = pd.read_csv(io.StringIO(answers), dtype={"subject": str})
    sees = pd.DataFrame(
        {
            "participant_id": "sub-" + said["subject"], "group": said["age_group"].map(GROUPS),
            "trial": said["trial"].astype(str), "trial_order": said["trial"].astype(float), "scene": said["scene"],
            "clip": said["clip"], "condition": said["made_how"], "value": (said["answer"] == "computer").astype(float),
        }
    )  # fmt: skip
    return {
        name: MeasureTable(name, tidy(rows), sidecar_for(plan.measures[name]))
        for name, rows in (("dmpfc", dmpfc), ("sees", sees))
    }


def decided(plan: Plan, truth: str, seed: int) -> Verdict:
    world, people = make_world(plan, truth), recruit(plan, seed)
    tables = measured(plan, scan_table(plan, world, people, seed), answer_table(plan, world, people, seed))
    return decide(plan, "0" * 64, tables, beside=False).verdict  # what stands beside takes most of the time


@pytest.mark.parametrize("truth", ["none", "different"])
def test_the_shipped_seed_comes_out_as_planted(plan, truth):
    found = came_out_as_planted(decided(plan, truth, 1), make_world(plan, truth), plan)
    assert len(found) == 7
    assert all(found.values()), found


def test_one_worlds_verdict_does_not_pass_for_the_others(plan):
    found = came_out_as_planted(decided(plan, "different", 1), make_world(plan, "none"), plan)
    assert not any(found.values())


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["none", "different"])
def test_at_least_95_of_100_seeds_come_out_as_planted(plan, truth):
    world = make_world(plan, truth)
    astray = {
        seed: [name for name, right in found.items() if not right]
        for seed in range(1, 101)
        for found in [came_out_as_planted(decided(plan, truth, seed), world, plan)]
        if not all(found.values())
    }
    print(f"{truth}: {100 - len(astray)} of 100; not: {astray}")
    assert len(astray) <= 5, astray
