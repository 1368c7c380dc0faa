"""Rows of measure tables from a person's models: percent signal change of regions, by clip or by condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.fmri.first_level.signal_change import over_runs, region, single_clips
from analysis.fmri.person.asked import Asked
from analysis.fmri.person.modeling import RunModel
from analysis.fmri.regions import Judged, judge
from protocols.base.errors import BazinError
from protocols.plan.measuring import RoiRule

VARIANTS = ("", "derivatives", "censored")
"""First levels whose values are given: the plan's, with the response's derivatives, with more volumes set aside."""
EVERYTHING = RoiRule(min_tsnr=0.0)

Row = dict[str, Any]


@dataclass(frozen=True)
class Values:
    """Values of one measure under one first level.

    Attributes
    ----------
    measure, variant
        Of the plan, and of `VARIANTS`.
    rows
        As measure tables have them, without ``participant_id`` and ``group``.
    judged
        What of the region was measured.
    """

    measure: str
    variant: str
    rows: list[Row]
    judged: Judged


def region_values(
    models: Sequence[RunModel], asked: Asked, regions: Mapping[str, np.ndarray], lost: str
) -> list[Values]:
    """Values of every measure and variant.

    Parameters
    ----------
    models
        Of all runs of the session, in order; those that are not used give values too, with their reason.
    regions
        (x, y, z) by measure.
    lost
        Why nothing of the person counts; empty where it does.
    """
    used = [model for model in models if not model.fault] or list(models)
    common = np.logical_and.reduce([model.mask for model in used])
    tsnr = np.mean([model.tsnr for model in used], axis=0)
    rule = asked.rule or EVERYTHING
    found = []
    for name, voxels in regions.items():
        judged = judge(voxels, common, tsnr, min_coverage=rule.min_coverage, min_tsnr=rule.min_tsnr)
        chosen = np.flatnonzero(judged.voxels)
        series = {model.files.name: _mean_series(model, name, chosen) for model in models if len(chosen)}
        make = _by_condition if asked.bold.scene_values == "none" else _by_clip
        for variant in VARIANTS:
            rows = make(models, asked, series, variant)
            for row in rows:
                # What no other limit of motion could bring back comes first.
                reasons = [row["reason"], judged.reason, row.pop("of_run"), lost]
                row["reason"] = next((one for one in reasons if one), None)
                row["included"] = 0.0 if row["reason"] else 1.0
            found.append(Values(name, variant, rows, judged))
    return found


def _mean_series(model: RunModel, name: str, chosen: np.ndarray) -> np.ndarray:
    """Mean over the region's voxels that all used runs measured and this one too, (1, volumes)."""
    values, places = model.series[name]
    inside = np.isin(places, chosen)
    if not inside.any():
        return np.full((1, values.shape[1]), np.nan)
    return np.asarray(values[inside].mean(axis=0, dtype=float)[None])


def _by_clip(
    models: Sequence[RunModel], asked: Asked, series: Mapping[str, np.ndarray], variant: str
) -> list[Row]:
    rows: list[Row] = []
    for model in models:
        design = model.designs.get(variant)
        data = series.get(model.files.name)
        values: dict[int, tuple[float, float]] = {}
        problem = model.fault or ("cannot be estimated with more columns" if design is None else "")
        if design is not None and data is not None and np.isfinite(data).all():
            try:
                clips = single_clips(data, region(data, design, noise=asked.bold.noise_model))
                values = {
                    int(event): (value, se)
                    for event, value, se in zip(clips.events["row"], clips.value[0], clips.se[0], strict=True)
                }
            except BazinError as error:
                problem = problem or error.faults[0].problem
        for i, event in enumerate(model.events.to_dict("records")):
            if event["condition"] is None:
                continue
            value, se = values.get(i, (np.nan, np.nan))
            of_run = model.fault
            if not of_run and not np.isfinite(value):
                of_run = problem or "cannot be told from the rest of the run"
            rows.append({
                **_place(model, asked), "trial": str(i + 1), "condition": event["condition"],
                "clip": event.get("stim_file") or event.get("clip"), "pair_id": event.get("pair_id"),
                "scene": event.get("scene"), "value": value, "n": 1.0, "se": se,
                "trial_order": float(len(rows) + 1), "reason": event["lost"] or None, "of_run": of_run,
            })  # fmt: skip
    return rows


def _by_condition(
    models: Sequence[RunModel], asked: Asked, series: Mapping[str, np.ndarray], variant: str
) -> list[Row]:
    """One value per condition: fixed effects over the used runs that show it, of the clips that count."""
    fits: dict[str, Any] = {}
    problems = []
    used = [model for model in models if not model.fault]
    for model in used or models:
        design, data = model.designs.get(variant), series.get(model.files.name)
        if design is None or data is None or not np.isfinite(data).all():
            continue
        try:
            fits[model.files.name] = region(data, design, noise=asked.bold.noise_model)
        except BazinError as error:
            problems.append(error.faults[0].problem)
    rows: list[Row] = []
    for condition in asked.words:
        lost = [
            why
            for model in models
            for why in model.events.loc[model.events["condition"] == condition, "lost"]
        ]
        if not lost:
            continue
        value = se = np.nan
        reason = "" if used else models[0].fault
        try:
            if fits:
                found = over_runs(fits, condition).contrast
                value, se = float(found.effect[0, 0]), float(found.se[0])
            else:
                reason = reason or next(iter(problems), "no run could be modeled")
        except BazinError as error:
            reason = reason or error.faults[0].problem
        rows.append({
            **_place(models[0], asked), "run": None, "condition": condition, "value": value,
            "n": float(lost.count("")), "se": se, "reason": None if "" in lost else lost[0], "of_run": reason,
        })  # fmt: skip
    return rows


def _place(model: RunModel, asked: Asked) -> Row:
    entities = model.files.entities
    return {"session": entities.get("ses", asked.session), "run": model.files.run}
