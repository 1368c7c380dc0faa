"""The virtual lab's films become a stimulus set: registered, measured, matched, reported, and bound to the plan."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from bazin.virtual.scenes import ARMS, render_scene
from protocols.base.errors import OutputError, PlanError, fail
from protocols.base.files import write_atomically
from protocols.base.workers import Workers
from protocols.plan.reading import Promise, parse_plan, read_plan
from stimuli.registry.editing import set_cells
from stimuli.registry.importing import import_clips
from stimuli.registry.manifest import manifest_sha256
from stimuli.report import build_report
from stimuli.sets import StimulusSet
from stimuli.verbs.match import match_set
from stimuli.verbs.measure import measure_set

Say = Callable[[str], None]
KNOWN = (
    "ai.generator=a virtual generator",
    "ai.model_version=1",
    "ai.prompt=the live scene's setting, drawn anew",
    "ai.source_of_first_frame=none",
    "ai.attempts=1",
    "ai.selection_rule=none, the only attempt",
    "ai.visible_label=none",
    "all.licence=CC0 1.0",
    "live.performer_consent=not_needed",
)
"""What the virtual lab knows of its clips; seeds come from the demo's own."""
BINDING = "manifest_sha256"


def make_clips(lab: Path, promise: Promise, seed: int, *, jobs: int | None = None) -> Path:
    """Draw every scene of the plan in two versions below ``LAB/clips``; returns that folder.

    Scenes that are there already are kept: the same seed draws the same film.
    """
    plan = promise.plan
    assert plan.stimuli is not None
    folder = lab / "clips"
    todo = [
        (f"scene{number:02d}", arm)
        for number in range(1, plan.stimuli.pairs + 1)
        for arm in ARMS
        if not (folder / str(seed) / arm / f"scene{number:02d}.mp4").exists()
    ]
    draw = partial(_draw, folder / str(seed), plan.stimuli.seconds, seed)
    names = [f"{scene}_{arm}" for scene, arm in todo]
    with Workers(min(jobs or os.cpu_count() or 1, len(todo))) as together:
        for place, drawn in together.spread(draw, todo, "drawing the clips", names=names):
            if isinstance(drawn, tuple):
                raise OutputError([replace(fault, item=names[place]) for fault in drawn])
    return folder / str(seed)


def _draw(folder: Path, seconds: float, seed: int, one: tuple[str, str]) -> None:
    scene, arm = one
    target = folder / arm / f"{scene}.mp4"
    part = target.with_name(f".{scene}.part.mp4")
    render_scene(part, scene=scene, arm=arm, seconds=seconds, seed=seed)
    part.replace(target)


def make_set(out: Path, lab: Path, name: str, text: str, seed: int, say: Say) -> Promise:
    """From the lab's films to a matched set below ``OUT``, and the plan bound to it.

    Parameters
    ----------
    out
        The demo's folder; the bound plan is written into it.
    lab
        The lab's folder.
    name, text
        The plan's name and YAML.
    seed
        Seed of the virtual lab.
    say
        Where lines for the user go.

    Returns
    -------
    Promise
        The plan with the manifest's hash in it.
    """
    promise = parse_plan(text, name)
    plan = promise.plan
    assert plan.stimuli is not None
    jobs = os.cpu_count() or 1
    films = make_clips(lab, promise, seed, jobs=jobs)
    stimuli = StimulusSet(out / plan.stimuli.set)
    imported = import_clips([films], stimuli.root, say=say)
    set_cells(stimuli, [*KNOWN, f"ai.seed={seed}"])
    measure_set(stimuli, jobs=jobs, say=lambda _: None)
    bound = bind(out, name, text, manifest_sha256(stimuli))
    matched = match_set(stimuli, bound, say=lambda _: None)
    say(f"{len(imported.manifest.clips)} clips drawn and registered: {stimuli.root}")
    for sentence in matched.matching.sentences():
        say(f"  {sentence}")
    say(f"  the clips' report: {build_report(stimuli)}")
    return bound


def bind(out: Path, name: str, text: str, sha256: str) -> Promise:
    """Write a plan into ``OUT`` with the manifest's hash under ``stimuli``, and read it."""
    line = next((row for row in text.splitlines() if row.strip().startswith("set: ")), None)
    if line is None:
        raise fail(PlanError, name, "names no stimulus set in a line of its own")
    indent = line[: len(line) - len(line.lstrip())]
    bound = text.replace(line, f'{line}\n{indent}{BINDING}: "{sha256}"', 1)
    path = write_atomically(out / f"{name}.plan.yaml", bound)
    return read_plan(path)
