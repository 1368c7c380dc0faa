"""``bazin demo``: a whole virtual study, from the lab's films, sessions and tables to the verdict."""

from __future__ import annotations

import importlib.resources
import os
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from analysis.evidence.verdict import Verdict
from analysis.fmri.participants import Ways
from analysis.importing.measures import import_measures
from analysis.running import run_group, run_participant
from bazin.extras import CLIPS, FMRI, missing
from bazin.terminal import strip
from bazin.virtual.lab import Person, recruit, scan_table
from bazin.virtual.viewers import hold_scans, hold_sessions, planted
from bazin.virtual.worlds import World, came_out_as_planted, make_world, trivial_by_chance
from protocols.base.errors import OutputError, fail
from protocols.base.files import write_atomically, write_json
from protocols.plan.reading import Promise, parse_plan, shipped_plans

PLAN = "demo"
SCAN = "scan"
LAB_FILES = {SCAN: "dmpfc_per_scene.csv"}
MEASURED = "simulated per-scene values of a sphere of 12 mm around (-4, 50, 32)"
IMAGES = "preprocessed"
DATA_SET = "bids"
MARKER = "virtual-lab.json"
Say = Callable[[str], None]


def run_demo(
    out: Path, *, seed: int, truth: str, clips: bool = True, scans: bool = True, say: Say = print,
    color: bool = False,
) -> Verdict:  # fmt: skip
    """Make a virtual study and decide it.

    Parameters
    ----------
    out
        A new folder, or that of an earlier demo.
    seed
        Seed of the virtual lab; the same seed gives the same tables.
    truth
        What is planted: ``none`` or ``different``.
    clips
        Whether the lab draws its films, which become a matched set that the plan is bound to.
    scans
        Whether people lie in the scanner and their images are analyzed; if not, the lab brings a table of values.
    say
        Where lines for the user go.
    color
        Whether the verdict strip may use color.

    Raises
    ------
    OutputError
        If `out` holds something else: nothing of a user's is ever overwritten.
    """
    started = time.monotonic()
    scans = scans and _packages_for_scans(say)
    text = shipped_plans()[PLAN] if scans else elsewhere(shipped_plans()[PLAN])
    promise = parse_plan(text, f"{PLAN}.plan.yaml")
    world = make_world(promise.plan, truth)
    say(f"A virtual lab, seed {seed}. Planted: {_planted_words(truth)}.")
    lab = make_lab_files(out, promise, world, seed, scans=scans)
    if clips:
        promise = _with_clips(out, lab, text, promise, seed, say)
    bids = out / DATA_SET
    people = recruit(promise.plan, seed)
    held, ways = [], Ways(workers=os.cpu_count() or 1, pages=False)
    if scans:
        held += hold_scans(bids, promise, SCAN, people, seed)
    else:
        table = lab / LAB_FILES[SCAN]
        held += import_measures(table, lab / "scan.map.yaml", out, plan=promise).lines()
    held += hold_sessions(bids, promise, planted(promise, world, people, seed))
    for line in held:
        say(f"  {line}")
    if scans:
        ways = _scanned(out, bids, promise, world, people, seed, ways, say)
    run_participant(bids, out, promise, say=lambda line: say(f"  {line}"), ways=ways)
    say(
        f"  {len(people)} people, from {lab} and {bids}"
        if not scans
        else f"  {len(people)} people, from {bids}"
    )
    command = f"bazin demo --seed {seed} --truth {truth}"
    outcome = run_group(out, out, promise, command=command, say=lambda line: say(f"  {line}"))
    assert outcome.verdict is not None
    say("\n" + strip(outcome.verdict, color=color))
    say(f"\n{as_planted(outcome.verdict, world, promise)}")
    say(f"{time.monotonic() - started:.0f} s. The report: {outcome.report}")
    return outcome.verdict


def elsewhere(text: str) -> str:
    """The demo's plan for a lab that brings values of its region instead of images."""
    return re.sub(r"    roi: \{sphere_mm.*\n", f"    measured_elsewhere: {MEASURED}\n", text)


def _packages_for_scans(say: Say) -> bool:
    if missing(FMRI):
        say(
            "  no scans: the extra 'fmri' is not installed (make env EXTRAS=fmri); the lab brings a table instead"
        )
        return False
    return True


def _scanned(
    out: Path, bids: Path, promise: Promise, world: World, people: Sequence[Person], seed: int, ways: Ways,
    say: Say,
) -> Ways:  # fmt: skip
    """Everybody's images; the pages of one person of each group are made before the rest, which needs none."""
    from bazin.virtual.scanner import simulate_people

    images = out / IMAGES
    simulate_people(bids, images, promise.plan, world, people, seed, jobs=ways.workers)
    ways = replace(ways, derivatives=images)
    first = [next(one.code for one in people if one.group == group) for group in promise.plan.groups]
    run_participant(bids, out, promise, first, say=lambda _: None, ways=replace(ways, pages=True))
    say(f"  two people's pages: {', '.join(str(one) for one in sorted(out.glob('sub-*_bold.html')))}")
    return ways


def _with_clips(out: Path, lab: Path, text: str, promise: Promise, seed: int, say: Say) -> Promise:
    """The plan bound to the films the lab drew; as it is where the packages for clips are not installed."""
    if missing(CLIPS):
        say("  no clips: the extra 'clips' is not installed (make env EXTRAS=clips)")
        return promise
    from bazin.virtual.clips import make_set

    return make_set(out, lab, PLAN, text, seed, lambda line: say(f"  {line}"))


def make_lab_files(out: Path, promise: Promise, world: World, seed: int, *, scans: bool) -> Path:
    """Mark the folder; without scans write the lab's table and its import map below ``OUT/lab``, which is returned."""
    if out.exists() and not out.is_dir():
        raise fail(OutputError, str(out), "is a file", way_out="name another folder")
    if out.exists() and any(out.iterdir()) and not (out / MARKER).exists():
        raise fail(
            OutputError,
            str(out),
            "holds something that is not a demo's",
            way_out="name a new folder: 'bazin demo OUT'",
        )
    write_json(
        out / MARKER,
        {"Simulated": True, "seed": seed, "truth": world.name, "planted": world.planted(promise.plan)},
    )
    lab = out / "lab"
    if scans:
        return lab
    people = recruit(promise.plan, seed)
    write_atomically(lab / LAB_FILES["scan"], scan_table(promise.plan, world, people, seed))
    maps = importlib.resources.files("bazin") / "virtual" / "maps"
    for name in LAB_FILES:
        write_atomically(lab / f"{name}.map.yaml", (maps / f"{name}.map.yaml").read_bytes())
    return lab


def as_planted(verdict: Verdict, world: World, promise: Promise) -> str:
    """In words, whether the verdict found what was planted, and what of it is chance."""
    found = came_out_as_planted(verdict, world, promise.plan)
    wrong = [name for name, right in found.items() if not right]
    if wrong:
        return f"Not as planted: {', '.join(wrong)}. A seed in a hundred may do that; the report says what was seen."
    said = f"All {len(found)} confirmatory hypotheses came out as planted."
    by_chance = trivial_by_chance(verdict, world, promise.plan)
    if by_chance:
        at_most = f"{100 * promise.plan.decision.alpha:g} %"
        said += (
            f"\nTrivial: {', '.join(by_chance)}. Nothing was planted there: chance shows a difference in up to "
            f"{at_most} of the families without one. What it shows here is shown to be too small to matter."
        )
    return said


def _planted_words(truth: str) -> str:
    return {
        "none": "no difference between live action and AI, neither in what people say nor in their brains",
        "different": "differences in what people say and in their brains, larger than real studies find",
    }[truth]
