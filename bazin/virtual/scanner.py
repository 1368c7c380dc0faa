"""Virtual people in the scanner: functional runs as preprocessing leaves them, with planted responses and real faults.

Everybody sees what their session showed (its events), responds as the world plants, and moves as people of their age
do. How strong the noise is follows from the plan: single clips of the region, estimated one at a time, come out with
the plan's `sd_residual`, in the mean over the voxels the plan's region has on the grid.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.fmri.first_level.design import design_matrix, frame_times
from analysis.fmri.first_level.nuisance import SETS
from analysis.fmri.first_level.signal_change import clip_geometry
from analysis.fmri.preprocessing.rigid import framewise_displacement
from bazin.virtual.bold import Array, Head, Mask, Noise, Series, ball, simulate_run, template_head
from bazin.virtual.images import Shown, own_folder, write_derived, write_raw
from bazin.virtual.lab import Person, assumed, scene_effects, scenes_of
from bazin.virtual.moving import head_motion, typical_fd
from bazin.virtual.worlds import World
from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from protocols.base.bids import Name, label, participant_id
from protocols.base.errors import InputError, OutputError, UsageError, fail, listed
from protocols.base.files import read_json
from protocols.base.seeds import generator
from protocols.base.tables import read_frame
from protocols.base.workers import Workers
from protocols.plan.measuring import Bold, Sphere
from protocols.plan.promises import Plan
from protocols.plan.sessions import Session

MEASURE = "dmpfc"
DMPFC_MM, DMPFC_RADIUS_MM = (-4.0, 50.0, 32.0), 8.0
"""The region where the plan has no sphere."""
VISUAL_MM, VISUAL_RADIUS_MM = (0.0, -88.0, 4.0), 16.0
VISUAL_PERCENT, VISUAL_SPREAD = 1.0, 0.2
"""Response of the occipital cortex to whatever is shown: no condition differs. No tissue whose series is nuisance lies
in that sphere."""
SPREAD_OF_LEVEL = 0.10
"""SD over people of the region's response to live action, as in the virtual lab's tables."""
SAMPLING, LEFT_OVER = 0.70, 0.15
"""Shares of a single clip's variance: noise of the images, and what motion adds in spite of the plan's nuisance
regressors, which take more of the clips' responses the more people jerk. The rest is variation from clip to clip."""
RUN_TO_RUN = 0.15
"""SD over runs of the logarithm of a person's mean framewise displacement."""
STARTLED = 0.5
"""Share of one condition's clips at which people jerk, where that is planted."""


@dataclass(frozen=True)
class Simulated:
    """One run in memory, aligned to the template, and what is true of it.

    Attributes
    ----------
    shown
        What it showed, and how long it is.
    events
        As they were shown, with ``planted``: the region's sustained response to each clip, percent; NaN for what is
        no clip.
    values
        (voxels of the brain, volumes).
    motion
        ``trans_x … rot_z``, (volumes, 6), mm and rad.
    """

    shown: Shown
    events: pd.DataFrame
    values: Series
    motion: Array


@dataclass(frozen=True)
class Scanned:
    """One simulated run on the disk, and what is true of it.

    Attributes
    ----------
    person
        Who.
    run
        From 1.
    bold
        The images: in the template's space, or as the scanner saw them (``raw``).
    events
        Of `Simulated`.
    mean_fd_mm
        Mean framewise displacement.
    """

    person: Person
    run: int
    bold: Path
    events: pd.DataFrame
    mean_fd_mm: float


def simulate_people(
    bids: Path,
    derivatives: Path,
    plan: Plan,
    world: World,
    people: Sequence[Person],
    seed: int,
    *,
    measure: str = MEASURE,
    head: Head | None = None,
    motion_confound: str | None = None,
    raw: bool = False,
    jobs: int = 1,
) -> list[Scanned]:
    """Scan everybody and write their runs under fMRIPrep's names.

    Who moved too much is found by the analysis, not told: `Person.scanned` plays no part here.

    Parameters
    ----------
    bids
        The data set, with the events of the sessions people had. For somebody without events there, the run is that
        of the plan's design, and its events stand in the result only.
    derivatives
        A folder of its own, or that of an earlier simulation, whose people are all taken out first.
    plan
        A checked plan with a functional session.
    world
        What is true.
    people
        Who is scanned.
    seed
        Seed of the virtual lab; the same seed gives the same bytes.
    measure
        The measure whose region responds as the world says; elsewhere only the visual cortex does.
    head
        The brain and its grid; `template_head()` if None.
    motion_confound
        A condition at whose clips people jerk: an effect that is none.
    raw
        Write what the scanner sees while the head really moves, into the data set beside the events: no mask, no
        confounds.
    jobs
        People side by side. Changes no number.

    Raises
    ------
    UsageError
        If the plan has no such functional measure, or the condition is not one of its session's.
    OutputError
        If `derivatives` holds something that was not simulated, or a raw run would take the place of one.
    """
    session = _session(plan, measure)
    if motion_confound is not None and motion_confound not in _conditions(plan, session):
        raise fail(UsageError, "motion_confound", "is not a condition of the session", got=motion_confound,
                   accepted=listed(_conditions(plan, session)))  # fmt: skip
    if not raw:
        own_folder(derivatives, plan.plan, seed)
    scanner = Scanner(bids, plan, world, seed, measure, head or template_head(), motion_confound)
    scan = partial(_scan, scanner, bids if raw else derivatives, raw)
    found: dict[int, list[Scanned]] = {}
    names = [f"sub-{person.code}" for person in people]
    with Workers(min(jobs, len(people))) as together:
        for place, scanned in together.spread(scan, people, "scanning", names=names):
            if isinstance(scanned, tuple):
                raise OutputError([*scanned][:3])
            found[place] = scanned
    return [run for place in range(len(people)) for run in found[place]]


@dataclass(frozen=True)
class Scanner:
    """What is the same for everybody; the parameters of `simulate_people`."""

    bids: Path
    plan: Plan
    world: World
    seed: int
    measure: str = MEASURE
    head: Head = field(default_factory=template_head)
    motion_confound: str | None = None

    @property
    def session(self) -> Session:
        """The session the measure is taken in."""
        return _session(self.plan, self.measure)

    def runs(self, person: Person) -> Iterator[Simulated]:
        """All runs of one person, one at a time."""
        shown = runs_shown(self.bids, self.plan, self.session, person)
        measured, regions = _regions(self)
        sd = _sd_residual(self.plan, self.measure, person.group)
        voxel = noise_percent(shown, self.plan, sd) / self.head.spread_of_mean(measured)
        answers = _Responses(self, person)
        typical = usual_fd(person, self.seed)
        for one in shown:
            random = generator(self.seed, "run", person.number, one.run)
            fd = typical * float(random.lognormal(0, RUN_TO_RUN))
            events = answers.planted(one.events, random)
            jerks = _startled(events, one, self.motion_confound, random)
            motion = head_motion(one.n_volumes, fd, random, jerks=jerks)
            values = simulate_run(
                events, tr_s=one.tr_s, n_volumes=one.n_volumes, head=self.head, regions=regions,
                levels={self.measure: events.planted.fillna(0.0), "visual": np.full(len(events), answers.visual)},
                noise=Noise(voxel), motion=motion, random=random,
            )  # fmt: skip
            yield Simulated(one, events, values, motion)


def _scan(scanner: Scanner, folder: Path, raw: bool, person: Person) -> list[Scanned]:
    """All runs of one person, written."""
    write = write_raw if raw else write_derived
    return [
        Scanned(
            person, run.shown.run, write(folder, run.shown, run.values, scanner.head, run.motion), run.events,
            float(framewise_displacement(run.motion)[1:].mean()),
        )
        for run in scanner.runs(person)
    ]  # fmt: skip


class _Responses:
    """How one person's brain responds."""

    def __init__(self, scanner: Scanner, person: Person) -> None:
        plan, name, world = scanner.plan, scanner.measure, scanner.world
        random = generator(scanner.seed, "brain", person.number)
        spread = assumed(plan, name, person.group).sd_people
        live = world.response[person.group] + random.normal(0, SPREAD_OF_LEVEL)
        ai = world.effects[name][person.group] + random.normal(0, spread)
        cartoon = world.cartoon[name] + random.normal(0, spread)
        self.visual = float(random.normal(VISUAL_PERCENT, VISUAL_SPREAD))
        self._arms = dict.fromkeys(_conditions(plan, scanner.session), live)
        self._arms |= {
            arm: live + more for arm, more in {"ai": ai, "cartoon": cartoon}.items() if arm in self._arms
        }
        self._scenes = dict(zip(scenes_of(plan), scene_effects(plan, name, scanner.seed), strict=True))
        self._trial = float(np.sqrt(1 - SAMPLING - LEFT_OVER) * _sd_residual(plan, name, person.group))

    def planted(self, events: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
        """The events with what is true of each."""
        unknown = sorted(set(events.scene[events.arm.isin(self._arms)]) - self._scenes.keys())
        if unknown:
            raise fail(InputError, "the events", "show scenes that the plan has not", got=listed(unknown),
                       accepted=listed(self._scenes))  # fmt: skip
        level = events.arm.map(self._arms).to_numpy(float)
        of_scene = np.where(events.arm == "ai", events.scene.map(self._scenes).fillna(0.0), 0.0)
        return events.assign(planted=level + of_scene + random.normal(0, self._trial, len(events)))


def usual_fd(person: Person, seed: int) -> float:
    """Mean framewise displacement of a person over many runs, in mm; single runs vary around it by `RUN_TO_RUN`."""
    median, spread = typical_fd(person.age_months)
    return median * float(
        generator(seed, "motion", person.number).lognormal(0, np.sqrt(spread**2 - RUN_TO_RUN**2))
    )


def noise_percent(shown: Sequence[Shown], plan: Plan, sd_residual: float) -> float:
    """SD of a region's mean signal, in percent, with which single clips get the sampling error the plan implies.

    The error of each clip follows from the design (`clip_geometry`), made larger by the degrees of freedom that the
    plan's nuisance regressors take: they take of a clip's regressor what they take of any series.

    Parameters
    ----------
    shown
        The runs.
    plan
        The plan: high-pass and nuisance regressors.
    sd_residual
        SD of a single clip's value around its person and scene.
    """
    settings = plan.analysis.bold or Bold()
    taken = len({column for name in settings.confounds for column in SETS[name]})
    rho = Noise.rho
    variances = []
    for one in shown:
        clips = one.events[one.events.arm.notna()]
        design = design_matrix(
            clips.assign(trial_type=clips.arm), frame_times(one.n_volumes, one.tr_s), hrf=settings.hrf.model,
            highpass_hz=settings.highpass_hz,
        )  # fmt: skip
        if design.df <= taken + 1:
            raise fail(InputError, f"run {one.run}", "is too short for the plan's nuisance regressors",
                       got=f"{one.n_volumes} volumes, {taken} regressors")  # fmt: skip
        unscaled = clip_geometry(design, rho).variance * (1 - rho**2)
        variances.append(np.nanmean(unscaled) * design.df / (design.df - taken))
    return float(np.sqrt(SAMPLING * sd_residual**2 / np.mean(variances)))


def runs_shown(bids: Path, plan: Plan, session: Session, person: Person) -> list[Shown]:
    """What a person was shown: as their session's events tell, or else as the plan's design would have it."""
    code = participant_id(person.code)
    entities = {"sub": code.removeprefix("sub-"), "ses": label(session.name), "task": label(session.paradigm)}
    assert session.volumes is not None
    assert session.repetition_time_s is not None
    of_plan = Shown(0, entities, pd.DataFrame(), session.volumes, session.repetition_time_s)
    stem = "_".join(f"{key}-{value}" for key, value in entities.items())
    paths = sorted((bids / code / f"ses-{entities['ses']}" / "func").glob(f"{stem}_*events.tsv"))
    if not paths:
        return _designed(plan, session, person, of_plan)
    found = []
    for path in paths:
        named = Name.parse(path.name).entities
        said: dict[str, Any] = read_json(path.with_suffix(".json"))
        events = read_frame(
            path, numeric=("onset", "duration"), required=("onset", "duration", "arm", "scene")
        )
        counted = int(said.get("VolumesCounted") or of_plan.n_volumes)
        found.append(
            replace(of_plan, run=int(named.get("run", 1)), entities=named, events=events, n_volumes=counted)
        )
    return sorted(found, key=lambda one: one.run)


def _designed(plan: Plan, session: Session, person: Person, of_plan: Shown) -> list[Shown]:
    script = build_script(plan, session.name, person.code, person.group, simulated_clips(plan))
    found = []
    for run in (run for part in script.parts for run in part.runs):
        rows = [
            {
                "onset": trial.onset_s, "duration": sum(clip.seconds for clip in trial.clips),
                "trial_type": trial.kind, "clip": trial.about.name, "pair_id": trial.about.pair_id,
                "arm": trial.about.arm, "scene": trial.about.scene, "phase": trial.phase,
            }
            for trial in run.trials
            if trial.about is not None
        ]  # fmt: skip
        entities = {**of_plan.entities, "run": str(run.number)}
        found.append(replace(of_plan, run=run.number, entities=entities, events=pd.DataFrame(rows)))
    return found


def _session(plan: Plan, measure: str) -> Session:
    promised = plan.measures.get(measure)
    session = next(
        (one for one in plan.sessions if promised is not None and one.name == promised.session), None
    )
    if session is None or session.modality != "bold" or not session.volumes or not session.repetition_time_s:
        raise fail(UsageError, f"measure '{measure}'", "is not measured in a functional session of the plan",
                   accepted="a session with modality bold, volumes and repetition_time_s")  # fmt: skip
    return session


def _conditions(plan: Plan, session: Session) -> tuple[str, ...]:
    return session.conditions or tuple(plan.conditions)


def _sd_residual(plan: Plan, measure: str, group: str) -> float:
    sd = assumed(plan, measure, group).sd_residual
    if not sd > 0:
        raise fail(UsageError, f"measures.{measure}.assumptions.{group}", "has no sd_residual",
                   way_out="the noise of the virtual scanner follows from it")  # fmt: skip
    return sd


def _regions(scanner: Scanner) -> tuple[Mask, dict[str, Mask]]:
    """The region as the analysis takes it, and what responds: it with half a voxel more, and the visual cortex."""
    roi, head = scanner.plan.measures[scanner.measure].roi, scanner.head
    if roi is not None and not isinstance(roi, Sphere):
        raise fail(UsageError, f"measures.{scanner.measure}.roi", "is a mask, which the virtual brain has not",
                   accepted="a sphere, or none for the dorsomedial prefrontal one")  # fmt: skip
    center, radius = (DMPFC_MM, DMPFC_RADIUS_MM) if roi is None else (roi.centre, roi.sphere_mm)
    measured = ball(head, center, radius)
    if not measured.any():
        raise fail(InputError, f"the region of measure '{scanner.measure}'", "holds no voxel of the brain",
                   got=f"{radius:g} mm around {listed(center)}",
                   way_out="a larger sphere, or smaller voxels")  # fmt: skip
    voxel = float(abs(head.grid.affine[0, 0]))
    return measured, {
        scanner.measure: ball(head, center, radius + voxel / 2),
        "visual": ball(head, VISUAL_MM, VISUAL_RADIUS_MM),
    }


def _startled(
    events: pd.DataFrame, shown: Shown, condition: str | None, random: np.random.Generator
) -> Array:
    """Volumes of the jerks that follow one condition's clips, when the response to them is about largest."""
    if condition is None:
        return np.empty(0)
    onsets = events.onset[events.arm == condition].to_numpy(float)
    late = onsets[random.random(len(onsets)) < STARTLED] + random.uniform(3.0, 6.0)
    volumes = np.unique((late / shown.tr_s).astype(int))
    return np.asarray(volumes[(volumes > 0) & (volumes < shown.n_volumes)], float)
