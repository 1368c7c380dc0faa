"""The virtual lab measures its people and leaves tables as labs do: its own names, signs and gaps.

Later rooms replace these tables by simulated sessions, images and recordings: each function here makes one file of a
lab, and the demo knows only the files and their import maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bazin.virtual.worlds import World
from protocols.base.seeds import generator
from protocols.plan.measuring import Assumption
from protocols.plan.promises import Plan

CATCH_TRIALS = 12
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
            kept = [random.random() >= _assumed(plan, measure, group).loss for measure in ("dmpfc", "sees")]
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
    scenes = _scenes(plan)
    shift = _scene_effects(plan, "dmpfc", seed)
    for person in people:
        a = _assumed(plan, "dmpfc", person.group)
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


def answer_table(plan: Plan, world: World, people: list[Person], seed: int) -> str:
    """Every answer of the detection task as a web form exports it: commas, words instead of numbers.

    Who did not come to the session is simply absent.
    """
    from scipy.special import ndtr

    lines = ["subject,age_group,trial,part,clip,scene,made_how,answer,answer_time_s"]
    groups = {"child": "4-6 years", "adult": "18-40 years"}
    scenes = _scenes(plan)
    shift = _scene_effects(plan, "sees", seed)
    for person in people:
        if not person.answered:
            continue
        a = _assumed(plan, "sees", person.group)
        random = generator(seed, "answers", person.number)
        bias = random.normal(0, 0.2)
        dprime = world.effects["sees"][person.group] + random.normal(0, a.sd_people)
        shown = [(scene, arm) for scene in range(len(scenes)) for arm in ("live", "ai")]
        caught = [
            (int(scene), "cartoon") for scene in random.choice(len(scenes), CATCH_TRIALS, replace=False)
        ]
        trials = [*shown, *caught]
        for position, k in enumerate(random.permutation(len(trials)), start=1):
            scene, arm = trials[k]
            evidence = {
                "live": -dprime / 2,
                "ai": dprime / 2 + shift[scene],
                "cartoon": world.cartoon["sees"] - dprime / 2,
            }[arm]
            computer = random.random() < ndtr(evidence + bias)
            seconds = 0.6 + random.gamma(2.0, 0.6)
            lines.append(
                f"{person.code},{groups[person.group]},{position},{'catch' if arm == 'cartoon' else 'main'},"
                f"{scenes[scene]}_{arm}.mp4,{scenes[scene]},{arm},"
                f"{'computer' if computer else 'camera'},{seconds:.3f}"
            )
    return "\n".join(lines) + "\n"


def _assumed(plan: Plan, measure: str, group: str) -> Assumption:
    assumptions = plan.measures[measure].assumptions
    assert assumptions is not None
    return assumptions[group]


def _scenes(plan: Plan) -> list[str]:
    assert plan.stimuli is not None
    return [f"scene{number:02d}" for number in range(1, plan.stimuli.pairs + 1)]


def _scene_effects(plan: Plan, measure: str, seed: int) -> np.ndarray:
    """How the effect varies over scenes, which are drawn as people are: their mean is 0 in the long run only."""
    sd = _assumed(plan, measure, next(iter(plan.groups))).sd_scenes
    return np.asarray(generator(seed, "scenes", measure).normal(0, sd, len(_scenes(plan))))


def _comma(value: float) -> str:
    return f"{value:.4f}".replace(".", ",")
