"""What `bazin plan check` says of a scan's design: the trial lists people would get, modeled before anyone is scanned.

A plan's own rules cannot know it: it takes the trial list (`experiments`) and the design matrix (`analysis`).
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.fmri.first_level.design import Design, design_matrix, frame_times
from analysis.fmri.first_level.efficiency import (
    LARGEST_VIF,
    ROUNDING_S,
    SHORTEST_GAP_S,
    inseparable,
    shortest_gap,
    single_clip_variance,
    vif,
)
from analysis.fmri.person.asked import Asked, asked_of, random_scenes
from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from experiments.trials.kinds import Run, Trial
from protocols.base.errors import BazinError, Fault, PlanError, listed
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise
from protocols.plan.session_time import DEFAULT_GAP_S
from protocols.plan.sessions import Session

PEOPLE = 5
"""Trial lists that are looked at: those of the first people, group by group in turn."""
RHOS = (0.0, 0.3)
"""Autocorrelation of the noise: none, and about that of a region at a repetition time of 2 s."""


@dataclass(frozen=True)
class ScanDesign:
    """How well one session's runs can tell their responses apart.

    Attributes
    ----------
    vif
        Largest variance inflation of every condition over runs and lists, by name.
    gap_s
        Shortest time from the end of a clip to the beginning of the next.
    variance
        Of single clips' estimates, (clips of all runs and lists,), for each of `RHOS`; in units of the variance of
        the noise, NaN where a clip cannot be told from the rest.
    """

    vif: pd.Series
    gap_s: float
    variance: dict[float, np.ndarray]


def scan_designs(promise: Promise) -> list[str]:
    """Lines about every session whose scans are measured here; none where there is no such session.

    Raises
    ------
    PlanError
        If scenes are random in a measure of single clips, and the design cannot tell single clips apart
        (INFERENCE 7).
    """
    plan = promise.plan
    lines: list[str] = []
    faults: list[Fault] = []
    for asked in asked_of(plan):
        place, session = next((i, one) for i, one in enumerate(plan.sessions) if one.name == asked.session)
        try:
            found = scan_design(plan, session, asked)
        except BazinError as error:
            why = "; ".join(f"{one.item} {one.problem}" for one in error.faults)
            lines.append(f"  {session.name}: cannot be laid out beforehand ({why}).")
            continue
        lines += _told(session, asked, found)
        random = random_scenes(plan, asked.session)
        if random:
            faults += [
                promise.document.fault(
                    ("sessions", place, "design"), f"{fault.problem}, and {listed(random)} need them",
                    got=fault.got, accepted=fault.accepted,
                    way_out=f"{fault.way_out}; what is decided by_person needs no single clips",
                )
                for fault in inseparable(found.gap_s, found.vif)
            ]  # fmt: skip
    if faults:
        raise PlanError(faults)
    return ["", "Scan design:", *lines] if lines else []


def scan_design(plan: Plan, session: Session, asked: Asked) -> ScanDesign:
    """Model the runs of the first people, as the plan has them: response, high-pass filter, no nuisance.

    Raises
    ------
    InputError
        If the plan says too little of the session, or its trials do not fit.
    """
    designs = list(_designs(plan, session, asked))
    inflation = pd.concat([vif(design) for design in designs], axis=1).max(axis=1)
    shown = [name for name in asked.words if name in inflation.index]
    variance = {rho: np.concatenate([_variance(design, rho, shown) for design in designs]) for rho in RHOS}
    return ScanDesign(inflation[shown], min(shortest_gap(one, shown) for one in designs), variance)


def _designs(plan: Plan, session: Session, asked: Asked) -> Iterator[Design]:
    """The design of every recorded run of the first people."""
    _refuse_too_little(plan, session)
    clips, groups = simulated_clips(plan), list(plan.groups)
    for number in range(PEOPLE):
        group = groups[number % len(groups)]
        script = build_script(plan, session.name, f"{number + 1:02d}", group, clips)
        for run in (run for part in script.parts for run in part.runs):
            if run.volumes is None or session.repetition_time_s is None:
                continue  # a second task, after the recording
            yield design_matrix(
                _events(session, run), frame_times(run.volumes, session.repetition_time_s),
                hrf=asked.bold.hrf.model, highpass_hz=asked.bold.highpass_hz,
            )  # fmt: skip


def _refuse_too_little(plan: Plan, session: Session) -> None:
    missing = [
        name
        for name, value in (
            ("stimuli", plan.stimuli), ("volumes", session.volumes),
            ("repetition_time_s", session.repetition_time_s),
        )
        if not value
    ]  # fmt: skip
    if missing:
        raise PlanError(Fault("the plan", f"does not say {listed(missing)}"))


def _events(session: Session, run: Run) -> pd.DataFrame:
    """A run's events as its session would write them: single clips, pairs from the first frame to the last, stars."""
    return pd.DataFrame({
        "onset": [trial.onset_s for trial in run.trials],
        "duration": [_seconds(session, trial) for trial in run.trials],
        "trial_type": [trial.kind if trial.about is None else trial.about.arm for trial in run.trials],
    })  # fmt: skip


def _seconds(session: Session, trial: Trial) -> float:
    if trial.phase == "attention":
        assert session.attention is not None
        return session.attention.seconds
    between = sum(session.design.fixation_s) / 2 if session.design else DEFAULT_GAP_S
    return sum(clip.seconds for clip in trial.clips) + (len(trial.clips) - 1) * between


def _variance(design: Design, rho: float, shown: Sequence[str]) -> np.ndarray:
    """Of the estimates of a run's clips, in units of the noise's variance, not of its whitened part's."""
    clips = single_clip_variance(design, rho)
    whole = clips.loc[clips.trial_type.isin(shown), "variance"] * (1 - rho**2)
    return whole.to_numpy(float)


def _told(session: Session, asked: Asked, found: ScanDesign) -> Iterator[str]:
    runs = f"{session.runs} runs" if session.runs > 1 else "1 run"
    yield f"  {session.name}, {runs} of {session.volumes} volumes; trial lists of {PEOPLE} people, no nuisance:"
    single = asked.bold.scene_values == "lss"
    worst = ", ".join(f"{_up(value)} ({name})" for name, value in found.vif.items())
    limit = f"; single clips need at most {LARGEST_VIF:g}" if single else ""
    yield from _wrapped(f"Variance inflation (VIF) at most {worst}{limit}.")
    if math.isfinite(found.gap_s):
        apart = f"at least {_down(found.gap_s)} s" if found.gap_s >= 0.1 else "no time"
        limit = f"; single clips need {SHORTEST_GAP_S:g} s" if single else ""
        yield from _wrapped(f"From the end of a clip to the beginning of the next {apart}{limit}.")
    if single:
        for text in _of_single_clips(found):
            yield from _wrapped(text)


def _of_single_clips(found: ScanDesign) -> Iterator[str]:
    for rho, variance in found.variance.items():
        noise = f"With noise of autocorrelation {rho:g}" if rho else "With independent noise"
        lost = int(np.isnan(variance).sum())
        if lost == len(variance):
            yield f"{noise}, single clips cannot be told from the rest of the design."
            continue
        middle, worst = float(np.nanmedian(variance)), float(np.nanmax(variance))
        text = (
            f"{noise}, a single clip's response has a standard error of {math.sqrt(middle):.2f} times the noise SD "
            f"({math.sqrt(worst):.2f} at worst), a variance of {middle:.2f} ({worst:.2f}) times the noise's"
        )
        if lost:
            text += f"; {lost} of {len(variance)} clips cannot be told from the rest of the design"
        yield f"{text}."


def _down(value: float) -> str:
    """One decimal that is never above the value."""
    return f"{math.floor(value * 10 + ROUNDING_S) / 10:.1f}"


def _up(value: float) -> str:
    """Two decimals that are never below the value."""
    return f"{math.ceil(value * 100 - ROUNDING_S) / 100:.2f}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 88, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
