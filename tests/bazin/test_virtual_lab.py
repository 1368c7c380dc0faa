"""The virtual lab measures what was planted, loses whom it should, and repeats itself."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bazin.virtual.lab import recruit, scan_table
from bazin.virtual.viewers import hold_sessions, planted
from bazin.virtual.worlds import make_world
from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from protocols.base.errors import UsageError
from protocols.base.tables import read_frame
from protocols.plan.reading import read_plan

PROMISE = read_plan(Path("demo"))
PLAN = PROMISE.plan


@pytest.fixture(scope="module", params=["none", "different"])
def study(request):
    world, people = make_world(PLAN, request.param), recruit(PLAN, 5)
    scan = pd.read_csv(
        io.StringIO(scan_table(PLAN, world, people, 5)), sep=";", decimal=",", dtype={"Code": str}
    )
    viewers = planted(PROMISE, world, people, 5)
    clips = simulated_clips(PLAN)
    answers = pd.DataFrame(
        {
            "subject": one.person.code,
            "group": one.person.group,
            "arm": trial.about.arm,
            "said": viewer.says(trial),
        }
        for one in viewers
        for viewer in [one.viewer()]
        for trial in build_script(PLAN, "detect", f"sub-{one.person.code}", one.person.group, clips).trials
    )
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

    rates = answers.assign(ai=answers["said"] == "computer").groupby(["group", "arm"])["ai"].mean()
    for group in ("child", "adult"):
        dprime = ndtri(rates[group, "ai"]) - ndtri(rates[group, "live"])
        assert dprime == pytest.approx(world.effects["sees"][group], abs=0.15)
        assert rates[group, "cartoon"] > 0.9


def test_what_viewers_say_is_what_they_answer_in_a_session(tmp_path):
    """Tests that need a hundred studies ask the viewers; the demo plays the sessions."""
    world = make_world(PLAN, "different")
    some = planted(PROMISE, world, recruit(PLAN, 1), 1)[:2]
    hold_sessions(tmp_path / "bids", PROMISE, some, jobs=1)
    for one in some:
        code = f"sub-{one.person.code}"
        viewer = one.viewer()
        script = build_script(PLAN, "detect", code, one.person.group, simulated_clips(PLAN))
        table = read_frame(next((tmp_path / "bids" / code).rglob("*_beh.tsv")))
        assert list(table["response"]) == [viewer.says(trial) for trial in script.trials]
        assert list(table["arm"]) == [trial.about.arm for trial in script.trials]


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
