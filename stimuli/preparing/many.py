"""All clips of a set by one recipe: resumable, each clip for itself, every pair accounted for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import protocols
from protocols.base.bids import generated_by
from protocols.base.canonical import sha256_file, sha256_of
from protocols.base.errors import InputError, UsageError, fail
from protocols.base.files import read_json, write_json
from protocols.base.workers import Faults, Workers
from stimuli.preparing.deciding import Decision, Decisions, Row, decide
from stimuli.preparing.encoding import remove_part
from stimuli.preparing.equalising import LumaChange, LumaStatistics, towards_mean
from stimuli.preparing.geometry import Region
from stimuli.preparing.picture import ffmpeg_version
from stimuli.preparing.pipeline import Prepared, measure_luma, prepare_clip
from stimuli.preparing.recipe import Recipe
from stimuli.preparing.sound import is_audible
from stimuli.probing import probe

T = TypeVar("T")
R = TypeVar("R")
VERSION = 1
"""Raised whenever preparation gives other files; then all are made anew."""


@dataclass(frozen=True)
class Job:
    """A clip to be prepared.

    Attributes
    ----------
    clip, pair_id, arm, start_s, region
        As `Row` has them.
    source, target
        The file that is read and the one that is written.
    """

    clip: str
    pair_id: str | None
    arm: str
    source: Path
    target: Path
    start_s: float | None = None
    region: Region | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one job: either `prepared` or `faults`.

    Attributes
    ----------
    reason
        Why the file was made anew, or that it was reused.
    recomputed
        Whether it was made anew.
    """

    job: Job
    prepared: Prepared | None = None
    faults: Faults = ()
    reason: str = ""
    recomputed: bool = False


@dataclass(frozen=True)
class Preparation:
    """What became of a set.

    Attributes
    ----------
    recipe
        What was done.
    outcomes
        In the order of the jobs.
    notes
        What concerns the set, in sentences.
    """

    recipe: Recipe
    outcomes: tuple[Outcome, ...]
    notes: tuple[str, ...]

    @property
    def faults(self) -> Faults:
        """Of all clips that were left out."""
        return tuple(fault for outcome in self.outcomes for fault in outcome.faults)

    @property
    def incomplete_pairs(self) -> dict[str, tuple[str, ...]]:
        """Pairs of which a clip was left out, with those clips; such a pair cannot be shown."""
        found: dict[str, tuple[str, ...]] = {}
        for outcome in self.outcomes:
            if outcome.prepared is None and outcome.job.pair_id is not None:
                found[outcome.job.pair_id] = (*found.get(outcome.job.pair_id, ()), outcome.job.clip)
        return found

    def as_document(self) -> dict[str, Any]:
        """For ``prepared/<recipe>.json``: everything that was done to each file."""
        return {
            "GeneratedBy": generated_by(),
            "libraries": ffmpeg_version(),
            "recipe": self.recipe.model_dump(mode="json"),
            "recipe_sha256": self.recipe.sha256,
            "notes": list(self.notes),
            "incomplete_pairs": {pair: list(clips) for pair, clips in self.incomplete_pairs.items()},
            "clips": {one.job.clip: _entry(one) for one in self.outcomes},
        }


def _entry(outcome: Outcome) -> dict[str, Any]:
    entry: dict[str, Any] = {"pair_id": outcome.job.pair_id, "arm": outcome.job.arm}
    if outcome.prepared is None:
        return {**entry, "left_out": [asdict(fault) for fault in outcome.faults]}
    return {**entry, **outcome.prepared.as_document()}


@dataclass(frozen=True)
class _Look:
    row: Row
    sha256: str


@dataclass(frozen=True)
class _Work:
    job: Job
    decision: Decision
    luma: LumaChange | None
    stamp: dict[str, Any]


def prepare_many(jobs: Sequence[Job], recipe: Recipe, *, stamps: Path, workers: int = 1) -> Preparation:
    """Prepare all clips of a set.

    Parameters
    ----------
    jobs
        The clips; the rules that concern pairs and the set need all of them at once.
    recipe
        What is done to each.
    stamps
        Folder of the stamps, one per clip, with the hashes of all that went in and came out: what is finished and
        unchanged is not done again.
    workers
        Clips worked on at a time.

    Returns
    -------
    Preparation
        A clip that cannot be prepared is listed with its faults; the others go on.

    Raises
    ------
    UsageError
        If two clips would be written to one file, or one onto a source.
    """
    _check_apart(jobs)
    try:
        with Workers(min(workers, len(jobs))) as together:
            return _prepared(together, jobs, recipe, stamps)
    finally:
        for job in jobs:  # a process that was ended could not do it itself
            remove_part(job.target)


def _prepared(together: Workers, jobs: Sequence[Job], recipe: Recipe, stamps: Path) -> Preparation:
    faults: dict[str, Faults] = {}
    looks = _by_clip(together, partial(_look, recipe), jobs, jobs, "looking at the clips", faults)
    decisions = decide([looks[job.clip].row for job in jobs if job.clip in looks], recipe)
    faults |= decisions.refused
    changes = _equalisation(together, jobs, recipe, decisions, faults)
    done: dict[str, Outcome] = {}
    works: list[_Work] = []
    for job in jobs:
        if job.clip in faults:
            continue
        luma, decision = changes.get(job.clip), decisions.of[job.clip]
        work = _Work(job, decision, luma, _stamp(looks[job.clip].sha256, recipe, decision, luma))
        reason, before = _finished(work, stamps)
        done[job.clip] = Outcome(job, before, reason=reason, recomputed=before is None)
        if before is None:
            works.append(work)
    owners = [work.job for work in works]
    made = _by_clip(together, partial(_prepare, recipe, stamps), works, owners, "preparing the clips", faults)
    for job in owners:
        done[job.clip] = replace(done[job.clip], prepared=made.get(job.clip), faults=faults.get(job.clip, ()))
    outcomes = tuple(done.get(job.clip) or Outcome(job, faults=faults[job.clip]) for job in jobs)
    return Preparation(recipe, outcomes, decisions.notes)


def _by_clip(
    together: Workers,
    work: Callable[[T], R],
    items: Sequence[T],
    jobs: Sequence[Job],
    label: str,
    faults: dict[str, Faults],
) -> dict[str, R]:
    """Results by clip; the faults of clips that failed are added to `faults`."""
    names, results = [job.clip for job in jobs], {}
    for place, result in together.spread(work, items, label, names=names):
        if isinstance(result, tuple):
            faults[names[place]] = result
        else:
            results[names[place]] = result
    return results


def _check_apart(jobs: Sequence[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    targets: dict[Path, str] = {}
    for job in jobs:
        target = job.target.resolve()
        if target in sources or target in targets:
            other = targets.get(target, "a clip as it was imported")
            raise fail(
                UsageError,
                job.clip,
                "would be written onto another file",
                got=f"{job.target} ({other})",
                way_out="give every clip a name of its own, in the folder of the recipe",
            )
        targets[target] = job.clip


def _look(recipe: Recipe, job: Job) -> _Look:
    found = probe(job.source)
    audible = False
    if found.has_sound and not isinstance(recipe.sound, str):
        audible = is_audible(job.source, recipe.sound)
    row = Row(job.clip, job.pair_id, job.arm, found, audible, job.start_s, job.region)
    return _Look(row, sha256_file(job.source))


def _equalisation(
    together: Workers, jobs: Sequence[Job], recipe: Recipe, decisions: Decisions, faults: dict[str, Faults]
) -> dict[str, LumaChange]:
    """The change of luma of every clip that has a twin."""
    if not recipe.equalise.asked:
        return {}
    pairs: dict[str, list[Job]] = {}
    for job in jobs:
        if job.pair_id is not None and job.clip in decisions.of:
            pairs.setdefault(job.pair_id, []).append(job)
    twins = [job for pair in pairs.values() if len(pair) > 1 for job in pair]
    items = [(job, decisions.of[job.clip]) for job in twins]
    measured = _by_clip(together, partial(_luma, recipe), items, twins, "measuring luma", faults)
    changes: dict[str, LumaChange] = {}
    for pair in pairs.values():
        known = {job.clip: measured[job.clip] for job in pair if job.clip in measured}
        if len(known) > 1:
            changes |= towards_mean(known, recipe.equalise)
    return changes


def _luma(recipe: Recipe, item: tuple[Job, Decision]) -> LumaStatistics:
    job, decision = item
    return measure_luma(job.source, recipe, decision)


def _prepare(recipe: Recipe, stamps: Path, work: _Work) -> Prepared:
    prepared = prepare_clip(work.job.source, work.job.target, recipe, work.decision, work.luma)
    outputs = {work.job.target.name: prepared.target_sha256}
    # Written last: work that was interrupted never looks finished.
    write_json(
        stamps / f"{work.job.clip}.json",
        {**work.stamp, "outputs": outputs, "prepared": prepared.as_document()},
    )
    return prepared


def _stamp(source_sha256: str, recipe: Recipe, decision: Decision, luma: LumaChange | None) -> dict[str, Any]:
    """Everything that can change the file, as `protocols.base.steps` has it."""
    settings = {
        "recipe": recipe.model_dump(mode="json"),
        "decision": {**asdict(decision), "start": str(decision.start)},
        "luma": luma.filter() if luma else None,
        "libraries": ffmpeg_version(),
    }
    return {
        "step": "prepare_clip",
        "version": VERSION,
        "program": protocols.__version__,
        "settings": sha256_of(settings),
        "inputs": {"source": source_sha256},
    }


def _finished(work: _Work, stamps: Path) -> tuple[str, Prepared | None]:
    """Why the clip has to be prepared; or that it is, and what was done."""
    stamp = stamps / f"{work.job.clip}.json"
    if not stamp.exists():
        return "not done before", None
    try:
        before: Mapping[str, Any] = read_json(stamp)
        changed = [key for key, value in work.stamp.items() if before[key] != value]
        outputs, prepared = before["outputs"], Prepared.from_document(before["prepared"])
    except (InputError, KeyError, TypeError, AttributeError):
        return "its stamp is unreadable", None
    if changed:
        return f"{' and '.join(changed)} changed", None
    if not work.job.target.exists():
        return "the prepared file is missing", None
    if outputs != {work.job.target.name: sha256_file(work.job.target)}:
        return "the prepared file was edited since", None
    return "nothing it depends on has changed", prepared
