"""``bazin demo``: a whole virtual study, from the lab's films, sessions and tables to the verdict."""

from __future__ import annotations

import importlib.resources
import time
from collections.abc import Callable
from pathlib import Path

from analysis.evidence.verdict import Verdict
from analysis.importing.measures import import_measures
from analysis.running import run_group, run_participant
from bazin.terminal import strip
from bazin.virtual.lab import recruit, scan_table
from bazin.virtual.viewers import hold_sessions, planted
from bazin.virtual.worlds import World, came_out_as_planted, make_world
from protocols.base.errors import OutputError, fail
from protocols.base.files import write_atomically, write_json
from protocols.plan.reading import Promise, read_plan

PLAN = "demo"
LAB_FILES = {"scan": "dmpfc_per_scene.csv"}
DATA_SET = "bids"
MARKER = "virtual-lab.json"
Say = Callable[[str], None]


def run_demo(
    out: Path, *, seed: int, truth: str, clips: bool = True, say: Say = print, color: bool = False
) -> Verdict:
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
    promise = read_plan(Path(PLAN))
    world = make_world(promise.plan, truth)
    say(f"A virtual lab, seed {seed}. Planted: {_planted_words(truth)}.")
    lab = make_lab_files(out, promise, world, seed)
    if clips:
        promise = _with_clips(out, lab, promise, seed, say)
    bids = out / DATA_SET
    scanned = import_measures(lab / LAB_FILES["scan"], lab / "scan.map.yaml", out, plan=promise)
    people = recruit(promise.plan, seed)
    held = hold_sessions(bids, promise, planted(promise, world, people, seed))
    for line in [*scanned.lines(), *held]:
        say(f"  {line}")
    run_participant(bids, out, promise, say=lambda line: say(f"  {line}"))
    say(f"  {len(people)} people, from {lab} and {bids}")
    command = f"bazin demo --seed {seed} --truth {truth}"
    outcome = run_group(out, out, promise, command=command, say=lambda line: say(f"  {line}"))
    assert outcome.verdict is not None
    say("\n" + strip(outcome.verdict, color=color))
    say(f"\n{_as_planted(outcome.verdict, world, promise)}")
    say(f"{time.monotonic() - started:.0f} s. The report: {outcome.report}")
    return outcome.verdict


def _with_clips(out: Path, lab: Path, promise: Promise, seed: int, say: Say) -> Promise:
    """The plan bound to the films the lab drew; as it is where the packages for clips are not installed."""
    from bazin.extras import CLIPS, missing

    if missing(CLIPS):
        say("  no clips: the extra 'clips' is not installed (make env EXTRAS=clips)")
        return promise
    from bazin.virtual.clips import make_set

    return make_set(out, lab, PLAN, promise, seed, lambda line: say(f"  {line}"))


def make_lab_files(out: Path, promise: Promise, world: World, seed: int) -> Path:
    """Write the lab's tables and import maps below ``OUT/lab``; returns that folder."""
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
    people = recruit(promise.plan, seed)
    lab = out / "lab"
    write_atomically(lab / LAB_FILES["scan"], scan_table(promise.plan, world, people, seed))
    maps = importlib.resources.files("bazin") / "virtual" / "maps"
    for name in LAB_FILES:
        write_atomically(lab / f"{name}.map.yaml", (maps / f"{name}.map.yaml").read_bytes())
    return lab


def _as_planted(verdict: Verdict, world: World, promise: Promise) -> str:
    found = came_out_as_planted(verdict, world, promise.plan)
    wrong = [name for name, right in found.items() if not right]
    if wrong:
        return f"Not as planted: {', '.join(wrong)}. A seed in a hundred may do that; the report says what was seen."
    return f"All {len(found)} confirmatory hypotheses came out as planted."


def _planted_words(truth: str) -> str:
    return {
        "none": "no difference between live action and AI, neither in what people say nor in their brains",
        "different": "differences in what people say and in their brains, larger than real studies find",
    }[truth]
