"""A simulated session beside its own length, and the trial lists of many people beside the minute they may take.

Seconds of ours are of the processor. The reference of the first line is how long the session lasts for a person, so a
ratio of 0.001 is a thousand times real time; that of the second is a minute for 10,000 sessions. They agree when
every planned trial has its row, and no two neighbors show versions of one scene; the first also disagrees when 20
minutes take more than `SLOWEST_S`: five times the second they may take, as a busy machine must not fail it.
"""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks.timing import Comparison
from experiments.clips import simulated_clips
from experiments.session.playing import play
from experiments.session.request import Request, prepare
from experiments.trials.building import build_script
from protocols.plan.reading import read_plan

SESSIONS = 100
SLOWEST_S = 5.0


def run() -> list[Comparison]:
    """All comparisons of this module."""
    return [_session(), _lists()]


def _session() -> Comparison:
    promise = read_plan(Path("boundary-2026"))
    with tempfile.TemporaryDirectory() as folder:
        request = Request(promise, "01", "scan", Path(folder), "sim", group="adult")
        play(prepare(request), keep=False)  # imports and catalogs are paid for
        began = time.process_time()
        prepared = prepare(request)
        outcome = play(prepared, keep=False)
        took = time.process_time() - began
    lasted = outcome.records[-1]["t"]
    rows = sum(record["kind"] == "row" for record in outcome.records)
    missing = abs(len(prepared.script.trials) - rows)
    too_slow = max(0.0, took / (lasted / 1200) - SLOWEST_S)
    what = f"a session of {lasted / 60:.0f} min, simulated"
    return Comparison(what, took, lasted, 0.0, missing + too_slow, 0)


def _lists() -> Comparison:
    plan = read_plan(Path("boundary-2026")).plan
    clips = simulated_clips(plan)
    began = time.process_time()
    scripts = [build_script(plan, "scan", f"sub-{i:03d}", "child", clips) for i in range(SESSIONS)]
    took = time.process_time() - began
    beside = sum(
        first.about.pair_id == second.about.pair_id
        for script in scripts
        for first, second in pairwise(trial for trial in script.trials if trial.about is not None)
        if first.about is not None and second.about is not None
    )
    return Comparison(f"trial lists of {SESSIONS} sessions", took, 60 * SESSIONS / 10_000, 0.0, beside, 0)
