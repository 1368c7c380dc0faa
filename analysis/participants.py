"""The participant level where a data set has behavioral files: measure tables, and the table of people."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.behaviour.exclusions import KEY, exclude
from analysis.behaviour.measures_of_pairs import pairs_texts
from analysis.behaviour.people import behaviour_texts
from analysis.importing.beh import STEP, in_one_line, pairs_by_person, read_trials, table_of
from analysis.importing.beh_files import DESCRIPTION, BehFiles, files_of, has_beh, people_in
from analysis.importing.bids_people import bring_people, with_earlier
from analysis.measures.checking import fit_to_plan
from analysis.measures.table import FOLDER, MeasureTable, measure_path, measure_texts, read_measure
from protocols.base.bids import write_description
from protocols.base.canonical import sha256_file
from protocols.base.errors import BazinError, Fault, InputError, cannot_read, listed
from protocols.base.files import read_json
from protocols.base.steps import Done, Step, perform
from protocols.plan.measuring import CHOICES, PAIRS
from protocols.plan.reading import Promise

FROM_BEH = (*CHOICES, *PAIRS, "rating", "log_response_time", "value")
"""Statistics that behavioral files can give."""
VERSION = 1
"""Raised whenever the tables made here change."""
STAMP = "behaviour-"


@dataclass
class Computed:
    """What came of a data set's behavioral files.

    Attributes
    ----------
    names
        Measures that were looked for in them: made, or told about in `errors`.
    made
        Those whose table is in OUT now.
    """

    names: list[str] = field(default_factory=list)
    made: dict[str, MeasureTable] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def measures_from_behaviour(
    source: Path, out: Path, promise: Promise, wanted: Collection[str], say: Callable[[str], None]
) -> Computed:
    """Make every measure of the plan that the behavioral files of `source` can give.

    Parameters
    ----------
    source
        A raw BIDS data set; nothing is written into it.
    out
        Where ``measures/`` is, or will be.
    wanted
        These people, and those an earlier call made tables of; everybody if empty.

    Returns
    -------
    Computed
        Empty where there are no behavioral files. A measure that has an imported table as well is an error that names
        both: the plan's 'measured_elsewhere' says which is meant. Such a measure is never made of files.
    """
    computed = Computed()
    if source.resolve() == out.resolve() or not has_beh(source):
        return computed
    plan = promise.plan
    for name, measure in plan.measures.items():
        if measure.level != "conscious" or measure.statistic not in FROM_BEH:
            continue
        imported = imported_table(source, out, name)
        if measure.measured_elsewhere is not None:
            if imported is None:
                computed.names.append(name)
                computed.errors.append(
                    f"measure '{name}': no table {measure_path(out, name).name}, and the plan says it was measured "
                    "elsewhere, so it is not made of the behavioral files; import it, or take 'measured_elsewhere' out"
                )
            continue
        try:
            kept = with_earlier(measure_path(out, name), wanted) if imported is None else []
            files = _readable(files_of(source, plan, name, kept))
            if imported is not None:
                read_trials(source, plan, name, files)
                computed.names.append(name)
                computed.errors.append(
                    f"measure '{name}': stands in {imported} and in {len(files.own)} behavioral files "
                    f"(task '{files.task}'); say 'measured_elsewhere' in the plan if the table is meant, or remove it"
                )
                continue
            computed.names.append(name)
            done = _make(source, out, promise, name, kept, files)
            table = read_measure(measure_path(out, name))
            table, warnings = fit_to_plan(plan, table, measure_path(out, name))
        except InputError as error:
            if imported is None:
                computed.names += [name] if name not in computed.names else []
                computed.errors.append(f"measure '{name}': {_told(error, source)}")
            continue
        told = table.sidecar.model_extra or {}
        computed.errors += [
            text for text in _gathered(told.get("SetAside", [])) if text not in computed.errors
        ]
        computed.warnings += [f"measure '{name}': {text}" for text in told.get("NotChecked", [])]
        computed.warnings += warnings
        unknown = sorted(set(wanted) - set(table.rows["participant_id"]))
        computed.warnings += [f"{name}: has no {listed(unknown)}"] if unknown else []
        computed.done.append(done)
        computed.made[name] = table
        say(in_brief(table))
    return computed


def people_of_measures(
    source: Path, out: Path, promise: Promise, wanted: Collection[str], made: Collection[str]
) -> tuple[list[Done], list[str]]:
    """Bring the people of a data set beside the measures made of it; what was done, and what should be known."""
    write_description(out, "bazin: verdict and measure tables")
    if not (source / "participants.tsv").exists():
        return [], []
    return bring_people(source, out, promise.plan, wanted, made)


def in_brief(table: MeasureTable) -> str:
    """One line: people, usable rows, and what was left out of each group, by rule."""
    rows = table.rows
    usable = int((rows["included"] == 1).sum())
    line = f"{table.id}: {rows['participant_id'].nunique()} people, {usable} of {len(rows)} rows usable"
    lost = rows[rows["included"] == 0].copy()
    lost["group"] = lost["group"].fillna("no group")
    lost["rule"] = [re.split(": | of line ", str(reason))[0] for reason in lost["reason"]]
    parts = []
    for group, own in lost.groupby("group", sort=True):
        counts = [
            f"{rule} ({_many(len(chosen), 'row', 'rows')} of "
            f"{_many(chosen['participant_id'].nunique(), 'person', 'people')})"
            for rule, chosen in own.groupby("rule", sort=True)
        ]
        parts.append(f"{group} {listed(counts)}")
    without = ((table.sidecar.model_extra or {}).get(KEY) or {}).get("trials_without_time")
    kept = f"; {without} trials without a response time stay" if without else ""
    left_out = f"; left out: {'; '.join(parts)}" if parts else ""
    return f"{line}{left_out}{kept}"


def _many(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def changed_since(source: Path, folder: Path) -> list[str]:
    """Measures whose behavioral files in `source` are no longer those that `folder` was made of."""
    stamps = sorted((folder / ".done").glob(f"{STAMP}*.json"))
    if not stamps or source.resolve() == folder.resolve() or not has_beh(source):
        return []
    told, known = [], set()
    for stamp in stamps:
        try:
            before = read_json(stamp)["inputs"]
            known |= {name.partition("/")[0] for name in before}
            same = all(sha256_file(source / name) == digest for name, digest in before.items())
        except (BazinError, KeyError, TypeError, AttributeError):
            same = False
        if not same:
            name = stamp.stem.removeprefix(STAMP)
            told.append(
                f"measure '{name}': its behavioral files have changed; run the participant level again"
            )
    new = sorted(people_in(source) - known)
    if new:
        told.append(
            f"{listed(new)}: have behavioral files that are in no measure; run the participant level again"
        )
    return told


def imported_table(source: Path, out: Path, name: str, made_by: str = STEP) -> str | None:
    """A table of the measure that was not made here, as a message names it."""
    for folder in (source, out):
        path = measure_path(folder, name)
        if not path.exists():
            continue
        try:
            makers = read_json(path.with_suffix(".json"))["GeneratedBy"]
            if any(maker.get("Step") == made_by for maker in makers):
                continue
        except (InputError, KeyError, TypeError, AttributeError):
            pass  # a broken sidecar: the table is somebody's, and not for us to replace
        return f"{folder.name}/{FOLDER}/{path.name}"
    return None


def _told(error: InputError, source: Path) -> str:
    return "; ".join(in_one_line(fault, source).replace(str(source), source.name) for fault in error.faults)


def _gathered(told: Sequence[str]) -> list[str]:
    """What is wrong with several files in the same way is one line."""
    alike: dict[str, list[str]] = {}
    for text in told:
        item, _, problem = text.partition(": ")
        alike.setdefault(problem, []).append(item)
    return [f"{listed(items, limit=3)}: {problem}" for problem, items in alike.items()]


def _readable(files: BehFiles) -> BehFiles:
    """Without the files that cannot even be opened: a broken link, no permission."""
    lost: dict[Path, Fault] = {}
    for path in (*files.own, *files.others):
        try:
            path.open("rb").close()
        except OSError as error:
            lost[path] = cannot_read(path, error).faults[0]
    return files.without(lost)


def _make(source: Path, out: Path, promise: Promise, name: str, kept: Sequence[str], files: BehFiles) -> Done:
    """One measure's table and the description of its people, made or reused."""
    if promise.plan.exclusions.attention_correct is None:
        files = BehFiles(files.own, [], files.task, files.set_aside)  # nothing is looked for in other tasks
    inputs = {path.relative_to(source).as_posix(): path for path in (*files.own, *files.others)}
    inputs["participants.tsv"] = source / "participants.tsv"
    if (source / DESCRIPTION).exists():
        inputs[DESCRIPTION] = source / DESCRIPTION

    def run(*, settings: Any, inputs: Mapping[str, Path]) -> dict[str, str]:
        del settings, inputs
        trials = read_trials(source, promise.plan, name, files)
        excluded = exclude(trials, promise.plan, name)
        statistic = promise.plan.measures[name].statistic
        pairs = pairs_by_person(trials, promise.plan, name) if statistic in PAIRS else None
        table = table_of(
            trials, source, promise, name, pairs,
            **{KEY: excluded.rules}, **({"NotChecked": excluded.notes} if excluded.notes else {}),
        )  # fmt: skip
        texts = measure_texts(table)
        if statistic in CHOICES:
            texts |= behaviour_texts(trials, promise.plan, name, excluded)
        if pairs is not None:
            texts |= pairs_texts(pairs, name)
        return texts

    settings = {"plan": promise.sha256, "measure": name, "people": list(kept),
                "set_aside": [in_one_line(fault, source) for fault in files.set_aside]}  # fmt: skip
    return perform(
        Step("measure_of_behaviour", VERSION, run),
        settings=settings,
        inputs=inputs,
        folder=out,
        stamp=STAMP + name,
    )
