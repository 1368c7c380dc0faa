"""A small study that a crossed model decides: people and scenes both vary."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.measures.table import MeasureTable, sidecar_for, tidy
from protocols.plan.reading import parse_plan

PLAN = """\
plan: crossed-study
schema: 1
title: People and scenes
question: Can children and adults tell filmed scenes from generated ones?
groups:
  child: {label: children, n_planned: 14}
  adult: {label: adults, n_planned: 12}
conditions:
  live: {role: reference, label: live action}
  ai: {role: contrast, label: AI-generated film}
  cartoon: {role: positive_control, label: cartoons}
measures:
  sees:
    level: conscious
    statistic: dprime
    label: d′ for telling generated from filmed
    measured_elsewhere: Every clip was judged once.
    bound: {value: 0.60, unit: dprime, because: 62 % correct}
    spread: {value: 0.70, unit: dprime, because: a wide spread is discrimination too}
    control: {contrast: [live, cartoon], minimum: 0.3}
  eerie:
    level: conscious
    statistic: rating
    label: eeriness
    measured_elsewhere: Rated from 1 to 7.
    bound: {value: 0.50, unit: points, because: half a point}
    control: {contrast: [live, cartoon], minimum: 0.3}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: [child, adult], asks: both, family: all}
  H2: {measure: eerie, effect: group_by_condition, contrast: [live, ai], asks: both, family: all}
  H3: {measure: eerie, effect: condition, contrast: [live, ai], group: child, asks: both, family: all,
       deciding_model: by_person}
  H4: {measure: sees, effect: condition, contrast: [live, ai], group: pooled, asks: both, family: all}
  X1: {measure: eerie, effect: level, condition: ai, against: 0.2, group: adult, asks: difference, exploratory: true}
families:
  all: {claim: each}
decision: {deciding_model: crossed_mixed, choices: fast, seed: 7, power_waiver: made up for the tests}
"""
CODES = {"child": "c", "teen": "t", "adult": "a"}


def rows(seed: int, n: Mapping[str, int], scenes: int, *, choices: bool) -> pd.DataFrame:
    """Adults see a difference, the others hardly; scenes differ in all they can. Cartoons are never mistaken."""
    random = np.random.default_rng(seed)
    of_scene = random.normal(0, (0.4, 0.35), (scenes, 2))
    found = []
    for group, people in n.items():
        for person in range(people):
            level, effect = random.normal(0, (0.4, 0.15))
            effect += 0.9 if group == "adult" else 0.05
            for scene, (base, slope) in enumerate(of_scene):
                for c, arm in ((-0.5, "live"), (0.5, "ai"), (1.5, "cartoon")):
                    mean = level + base + c * (effect + slope) + (3 if arm == "cartoon" else 0)
                    value = mean + random.normal(0, 1 if choices else 0.8)
                    value = float(value > 0) if choices else round(value, 6)
                    found.append((f"sub-{CODES[group]}{person:02d}", group, arm, f"s{scene:02d}", value))
    return pd.DataFrame(found, columns=["participant_id", "group", "condition", "scene", "value"])


def frames(n: Mapping[str, int] | None = None, scenes: int = 14) -> dict[str, pd.DataFrame]:
    """Rows of both measures."""
    n = n or {"child": 14, "adult": 12}
    return {
        name: rows(3 + (name == "eerie"), n, scenes, choices=name == "sees") for name in ("sees", "eerie")
    }


def as_clips(found: pd.DataFrame) -> pd.DataFrame:
    """The same values as if every clip existed in one version only."""
    odd = found["scene"].str[1:].astype(int) % 2 == 1
    kept = found[((found["condition"] == "ai") == odd) | (found["condition"] == "cartoon")]
    return kept.assign(clip=kept["condition"] + "-" + kept["scene"]).drop(columns="scene")


def tables(plan_text: str, found: Mapping[str, pd.DataFrame]) -> dict[str, MeasureTable]:
    """Measure tables of a plan."""
    promise = parse_plan(plan_text)
    return {
        name: MeasureTable(
            name, tidy(part), sidecar_for(promise.plan.measures[name], plan_sha256=promise.sha256)
        )
        for name, part in found.items()
    }
