"""The virtual lab measures what was planted, loses whom it should, and repeats itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bazin.virtual.lab import answer_table, recruit, scan_table
from bazin.virtual.worlds import make_world
from protocols.base.errors import UsageError
from protocols.plan.reading import read_plan

PLAN = read_plan(Path("demo")).plan


@pytest.fixture(scope="module", params=["none", "different"])
def study(request):
    world, people = make_world(PLAN, request.param), recruit(PLAN, 5)
    scan = pd.read_csv(
        io.StringIO(scan_table(PLAN, world, people, 5)), sep=";", decimal=",", dtype={"Code": str}
    )
    answers = pd.read_csv(io.StringIO(answer_table(PLAN, world, people, 5)), dtype={"subject": str})
    return world, people, scan, answers


def test_everyone_recruited_is_of_their_groups_age(study):
    _, people, *_ = study
    for group, promised in PLAN.groups.items():
        ages = [person.age_months for person in people if person.group == group]
        assert len(ages) == promised.n_recruited
        assert promised.age_months[0] <= min(ages)
        assert max(ages) < promised.age_months[1]


def test_brains_respond_as_planted(study):
    world, _, scan, _ = study
    for group, word in (("child", "Kind"), ("adult", "Erwachsen")):
        means = scan[scan["Gruppe"] == word].groupby("Bedingung")["dmPFC_psc"].mean()
        effect = means["künstlich generiert"] - means["gefilmt"]
        assert effect == pytest.approx(world.effects["dmpfc"][group], abs=0.05)
        assert means["gefilmt, umkodiert"] - means["gefilmt"] == pytest.approx(0, abs=0.03)


def test_people_answer_as_planted(study):
    world, _, _, answers = study
    from scipy.special import ndtri

    rates = answers.assign(ai=answers["answer"] == "computer").groupby(["age_group", "made_how"])["ai"].mean()
    for group, words in (("child", "4-6 years"), ("adult", "18-40 years")):
        dprime = ndtri(rates[words, "ai"]) - ndtri(rates[words, "live"])
        assert dprime == pytest.approx(world.effects["sees"][group], abs=0.15)
        assert rates[words, "cartoon"] > 0.9


def test_loss_is_about_what_the_plan_assumes(study):
    _, people, scan, answers = study
    lost = np.mean([not person.scanned for person in people if person.group == "child"])
    assert lost == pytest.approx(PLAN.measures["dmpfc"].assumptions["child"].loss, abs=0.15)
    assert set(answers["subject"]) == {person.code for person in people if person.answered}
    assert set(scan["Code"]) == {person.code for person in people}  # lost scans stay in the table, marked


def test_one_seed_gives_one_study():
    world = make_world(PLAN, "none")
    first, again, other = (scan_table(PLAN, world, recruit(PLAN, seed), seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_unknown_world_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="none, different"):
        make_world(PLAN, "diferent")
