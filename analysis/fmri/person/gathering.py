"""From everybody's rows to measure tables, and the table of motion and signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.fmri.person.values import VARIANTS
from analysis.measures.table import FOLDER, NUMERIC, MeasureTable, measure_texts, sidecar_for, tidy
from protocols.base.bids import generated_by
from protocols.base.steps import Done, Outputs, Step, perform
from protocols.base.tables import frame_text, read_frame
from protocols.plan.measuring import Measure
from protocols.plan.reading import Promise

VERSION = 1
STEP = "measure_from_bold"
NO_GROUP = "no group in participants.tsv"
QUALITY = f"{FOLDER}/quality-bold.tsv"
VARIANTS_FOLDER = f"{FOLDER}/variants"
STAMP = "scans-"


def gather_measure(
    out: Path, promise: Promise, name: str, rows: Mapping[str, Path], groups: Mapping[str, str] | None,
    told: Mapping[str, Any],
) -> Done:  # fmt: skip
    """One measure's table and its variants, from everybody's rows.

    Parameters
    ----------
    rows
        Everybody's saved rows, by participant.
    groups
        Everybody's group; None: all are of the plan's only one.
    told
        More for the sidecar.
    """
    measure = promise.plan.measures[name]
    only = next(iter(promise.plan.groups))
    known = {person: only if groups is None else groups.get(person) for person in rows}

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> Outputs:
        del settings
        frame = _together(inputs, known)
        outputs: dict[str, str] = {}
        for variant in VARIANTS:
            of_variant = frame[frame["variant"].fillna("") == variant]
            table = _table(name, measure, of_variant[of_variant["measure"] == name], promise, variant, told)
            outputs |= _texts(table, name, variant)
        return outputs

    return perform(
        Step(STEP, VERSION, work),
        settings={"plan": promise.sha256, "measure": name, "groups": known, "told": dict(told)},
        inputs=rows, folder=out, stamp=STAMP + name,
    )  # fmt: skip


def gather_quality(
    out: Path, promise: Promise, tables: Sequence[Mapping[str, Path]], groups: Mapping[str, str] | None
) -> Done:
    """Motion, kept volumes and signal of every run and condition: one table for all sessions."""
    only = next(iter(promise.plan.groups))
    inputs = {f"{i}/{person}": path for i, of in enumerate(tables) for person, path in of.items()}
    known = {person: only if groups is None else groups.get(person) for of in tables for person in of}

    def work(*, settings: Any, inputs: Mapping[str, Path]) -> Outputs:
        del settings
        parts = []
        for key, path in inputs.items():
            person = key.partition("/")[2]
            frame = read_frame(path)
            frame.insert(0, "participant_id", person)
            frame.insert(1, "group", known[person])
            parts.append(frame)
        return {QUALITY: frame_text(pd.concat(parts, ignore_index=True))}

    return perform(
        Step("quality_of_scans", VERSION, work), settings={"groups": known}, inputs=inputs, folder=out,
        stamp="quality-bold",
    )  # fmt: skip


def _together(inputs: Mapping[str, Path], groups: Mapping[str, str | None]) -> pd.DataFrame:
    parts = []
    for person, path in sorted(inputs.items()):
        frame = read_frame(path, numeric=NUMERIC)
        frame["participant_id"], frame["group"] = person, groups[person]
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    without = frame["group"].isna() & (frame["included"] == 1)
    frame.loc[without, "reason"] = NO_GROUP
    frame.loc[without, "included"] = 0.0
    return frame


def _table(
    name: str, measure: Measure, rows: pd.DataFrame, promise: Promise, variant: str, told: Mapping[str, Any]
) -> MeasureTable:
    bold = promise.plan.analysis.bold
    of_clips = bold is None or bold.scene_values == "lss"
    sidecar = sidecar_for(
        measure,
        Description="percent signal change of a region, "
        + ("one clip at a time" if of_clips else "one value per condition"),
        plan_sha256=promise.sha256,
        GeneratedBy=generated_by(Step=STEP),
        Sources=[f"bids::{person}" for person in rows["participant_id"].drop_duplicates()],
        **({"Variant": variant} if variant else {}),
        **told,
    )
    return MeasureTable(name, tidy(rows), sidecar)


def _texts(table: MeasureTable, name: str, variant: str) -> dict[str, str]:
    """The table's two files; a variant's lie in a folder of their own, where nothing takes them for the measure."""
    texts = measure_texts(table)
    if not variant:
        return texts
    return {
        path.replace(f"{FOLDER}/measure-{name}", f"{VARIANTS_FOLDER}/measure-{name}_{variant}"): text
        for path, text in texts.items()
    }
