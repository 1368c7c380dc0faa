"""Whole virtual studies from the images to the verdict: what was not planted is not found, what was is (INFERENCE 14).

The people, their motion and noise, the first level and the decision are the demo's; only the files are left out, and
the attention task, since nobody holds a session.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.decide import decide
from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.nuisance import moved, nuisance
from analysis.fmri.first_level.signal_change import region, single_clips
from analysis.fmri.preprocessing.confounds import confounds_table
from analysis.fmri.preprocessing.rigid import PARAMETERS, framewise_displacement
from analysis.fmri.regions import sphere
from analysis.measures.table import MeasureTable, sidecar_for, tidy
from bazin.virtual.bold import template_head
from bazin.virtual.lab import recruit
from bazin.virtual.scanner import Scanner
from bazin.virtual.worlds import came_out_as_planted, make_world
from protocols.plan.promises import Bayes
from protocols.plan.reading import read_plan


@pytest.fixture(scope="module")
def plan():
    """The demo's plan, of the scan only."""
    whole = read_plan(Path("demo")).plan
    decision = whole.decision.model_copy(update={"bayes": Bayes(prior_widths=(), unit_of_bound=())})
    kept = {name: h for name, h in whole.hypotheses.items() if not h.exploratory and h.measure == "dmpfc"}
    families = {name: f for name, f in whole.families.items() if name != "conscious"}
    return whole.model_copy(update={"decision": decision, "hypotheses": kept, "families": families})


def clips_of(run, plan, inside):
    """The first level of one run: a row per clip, with what is true of it."""
    tr_s, n_volumes = run.shown.tr_s, run.shown.n_volumes
    fd = framewise_displacement(run.motion)
    table, _ = confounds_table(
        pd.DataFrame(run.motion, columns=list(PARAMETERS)), fd, run.values,
        {name: run.values[where] for name, where in template_head().tissues.items()}, tr_s,
    )  # fmt: skip
    bold, limits = plan.analysis.bold, plan.exclusions
    events = run.events.assign(trial_type=run.events.arm)
    design = design_matrix(
        events, frame_times(n_volumes, tr_s), hrf=bold.hrf.model, highpass_hz=bold.highpass_hz,
        confounds=nuisance(table, bold.confounds), censored=moved(table, limits.volume_fd_mm),
    )  # fmt: skip
    series = run.values[inside].mean(axis=0, dtype=float)[None]
    found = single_clips(series, region(series, design, noise=bold.noise_model)).table()
    shown = run.events.loc[found["row"]].reset_index(drop=True)
    return shown[["arm", "scene", "clip", "planted"]].assign(
        value=found["value"], se=found["se"], run=str(run.shown.run), mean_fd_mm=np.nanmean(fd[1:])
    )


def study(plan, truth, seed, nowhere):
    """All clips of everybody who was scanned."""
    scanner = Scanner(nowhere, plan, make_world(plan, truth), seed)
    roi = plan.measures["dmpfc"].roi
    inside = scanner.head.inside(sphere(scanner.head.grid, roi.centre, roi.sphere_mm))
    return pd.concat(
        pd.concat([clips_of(run, plan, inside) for run in scanner.runs(person)]).assign(
            participant_id=f"sub-{person.code}", group=person.group
        )
        for person in recruit(plan, seed)
    )


def verdict_of(plan, clips):
    used = clips.mean_fd_mm <= plan.exclusions.mean_fd_mm
    rows = clips.rename(columns={"arm": "condition"}).assign(
        trial_order=clips.groupby("participant_id").cumcount() + 1.0,
        included=(used & clips.value.notna()).astype(float),
        reason=np.where(used, None, "moved too much"),
    )
    measured = MeasureTable("dmpfc", tidy(rows), sidecar_for(plan.measures["dmpfc"]))
    return decide(plan, "0" * 64, {"dmpfc": measured}, beside=False).verdict


def apart(clips, group, column):
    """``ai - live`` of a column, the mean over the people of a group in each study."""
    of = clips[(clips.group == group) & (clips.mean_fd_mm <= 0.6)]
    means = of.groupby(["seed", "participant_id", "arm"])[column].mean().unstack()
    return (means["ai"] - means["live"]).groupby("seed").mean()


@pytest.mark.slow
@pytest.mark.parametrize("truth", ["none", "different"])
def test_scanned_studies_come_out_as_planted_and_nothing_is_shifted(plan, truth, tmp_path):
    """Every verdict is the planted one; clips scatter around what is true of them as their standard errors say."""
    world, studies = make_world(plan, truth), []
    for seed in range(1, 9 if truth == "none" else 5):
        clips = study(plan, truth, seed, tmp_path)
        found = came_out_as_planted(verdict_of(plan, clips), world, plan)
        assert len(found) == 5
        assert all(found.values()), (seed, found)
        studies.append(clips.assign(seed=seed, error=clips.value - clips.planted))
    clips = pd.concat(studies)
    for group in plan.groups:
        shift = apart(clips, group, "error")
        assert shift.sem() < 0.01, group  # a shift of a third of the bound could not hide
        assert shift.mean() == pytest.approx(0, abs=3 * shift.sem()), group
        assert apart(clips, group, "planted").mean() == pytest.approx(world.effects["dmpfc"][group], abs=0.02)
        of = clips[clips.group == group]
        off = (of.error / of.se).dropna()
        assert off.std() == pytest.approx(1, abs=0.06), group
        assert (off.abs() > 1.96).mean() == pytest.approx(0.05, abs=0.015), group
