"""The virtual lab measures its people and leaves a table as labs do: its own names, signs and gaps.

Their answers come from sessions (`bazin.virtual.viewers`). A later room replaces the scanner's table by images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bazin.virtual.worlds import World
from protocols.base.seeds import generator
from protocols.plan.measuring import Assumption
from protocols.plan.promises import Plan

SE_OF_SCENE_VALUE = 0.2
ARMS = ("live", "ai", "codec_control", "cartoon")


@dataclass(frozen=True)
class Person:
    """One virtual person."""

    number: int
    group: str
    age_months: int
    scanned: bool
    answered: bool

    @property
    def code(self) -> str:
        """The lab's own participant code."""
        return f"{self.number:03d}"


def recruit(plan: Plan, seed: int) -> list[Person]:
    """Everyone who is invited, with age and with what will be lost of each."""
    people: list[Person] = []
    for group, promised in plan.groups.items():
        assert promised.age_months is not None
        for i in range(promised.n_recruited or promised.n_planned):
            random = generator(seed, "person", group, i)
            age = int(random.integers(*promised.age_months))
            kept = [random.random() >= assumed(plan, measure, group).loss for measure in ("dmpfc", "sees")]
            people.append(Person(len(people) + 1, group, age, *kept))
    return people


def scan_table(plan: Plan, world: World, people: list[Person], seed: int) -> str:
    """Per-scene values of one region as an SPM user exports them: semicolons, decimal commas, German headers.

    Runs that moved too much stay in the table, marked.
    """
    header = [
        "Code",
        "Alter_Monate",
        "Gruppe",
        "Lauf",
        "Reihenfolge",
        "Szene",
        "Film",
        "Bedingung",
        "dmPFC_psc",
        "dmPFC_se",
        "Bewegung",
    ]
    words = {
        "live": "gefilmt",
        "ai": "künstlich generiert",
        "codec_control": "gefilmt, umkodiert",
        "cartoon": "Zeichentrick",
    }
    lines = [";".join(header)]
    scenes = scenes_of(plan)
    shift = scene_effects(plan, "dmpfc", seed)
    for person in people:
        a = assumed(plan, "dmpfc", person.group)
        random = generator(seed, "scan", person.number)
        level = world.response[person.group] + random.normal(0, 0.10)
        sees_ai = world.effects["dmpfc"][person.group] + random.normal(0, a.sd_people)
        sees_cartoon = world.cartoon["dmpfc"] + random.normal(0, a.sd_people)
        shown = [(scene, arm) for scene in range(len(scenes)) for arm in ARMS]
        order = random.permutation(len(shown))
        for position, k in enumerate(order, start=1):
            scene, arm = shown[k]
            effect = {"ai": sees_ai + shift[scene], "cartoon": sees_cartoon}.get(arm, 0.0)
            value = level + effect + random.normal(0, a.sd_residual)
            run = 1 + (position - 1) * plan.sessions[0].runs // len(shown)
            row = [
                person.code,
                str(person.age_months),
                {"child": "Kind", "adult": "Erwachsen"}[person.group],
                str(run),
                str(position),
                scenes[scene],
                f"{scenes[scene]}_{arm}.mp4",
                words[arm],
                _comma(value),
                _comma(SE_OF_SCENE_VALUE),
                "ok" if person.scanned else "zu viel",
            ]
            lines.append(";".join(row))
    return "\n".join(lines) + "\n"


def assumed(plan: Plan, measure: str, group: str) -> Assumption:
    """What the plan assumes of a group's measure: in the virtual lab it is true."""
    assumptions = plan.measures[measure].assumptions
    assert assumptions is not None
    return assumptions[group]


def scenes_of(plan: Plan) -> list[str]:
    """The scenes' names."""
    assert plan.stimuli is not None
    return [f"scene{number:02d}" for number in range(1, plan.stimuli.pairs + 1)]


def scene_effects(plan: Plan, measure: str, seed: int) -> np.ndarray:
    """How the effect varies over scenes, which are drawn as people are: their mean is 0 in the long run only."""
    sd = assumed(plan, measure, next(iter(plan.groups))).sd_scenes
    return np.asarray(generator(seed, "scenes", measure).normal(0, sd, len(scenes_of(plan))))


def _comma(value: float) -> str:
    return f"{value:.4f}".replace(".", ",")
