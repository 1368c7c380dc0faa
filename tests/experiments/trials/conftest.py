"""Small plans with any sessions, and what is counted in a script."""

from collections import Counter
from itertools import pairwise
from textwrap import indent

import pytest

from experiments.clips import simulated_clips
from experiments.trials.building import build_script
from protocols.plan.reading import parse_plan

ROLES = {
    "live": "reference",
    "ai": "contrast",
    "codec_control": "codec_control",
    "cartoon": "positive_control",
    "classic": "familiarity_reference",
    "classic_replica": "familiarity_contrast",
}
TEMPLATE = """
plan: any
schema: 1
title: Any sessions
question: In which order?
groups:
  child: {age_months: [48, 84], n_planned: 30, profile: child}
  adult: {age_months: [216, 480], n_planned: 30}
conditions:
CONDITIONS
stimuli: {set: clips, pairs: PAIRS, seconds: SECONDS, scenes_per_person: SCENES}
limits: {scanner_minutes_max: 9999, visit_minutes_max: 9999, block_minutes_max: 9999}
sessions:
SESSIONS
measures:
  m: {level: conscious, statistic: percent_signal_change, measured_elsewhere: by hand}
hypotheses:
  H: {measure: m, effect: condition, contrast: [live, ai], group: adult, asks: difference, exploratory: true}
  K: {measure: m, effect: condition, contrast: [live, ai], group: adult, asks: difference, family: f}
families: {f: {claim: each}}
decision: {seed: SEED}
"""


class Study:
    """A plan with its simulated clips; builds scripts."""

    def __init__(self, text):
        self.plan = parse_plan(text).plan
        self.clips = simulated_clips(self.plan)

    def script(self, participant, session=None, group="adult", clips=None):
        name = session or self.plan.sessions[0].name
        return build_script(self.plan, name, participant, group, clips or self.clips)


def study(*sessions, pairs=24, scenes=None, seconds=2, seed=7):
    """A study with sessions given as YAML mappings without name and modality, or with them."""
    lines = []
    for i, session in enumerate(sessions):
        given = session if "modality" in session else f"modality: beh, {session}"
        lines.append("{" + (given if "name:" in session else f"name: s{i + 1}, {given}") + "}")
    text = (
        TEMPLATE.replace(
            "CONDITIONS",
            indent("\n".join(f"{a}: {{role: {r}, exploratory: true}}" for a, r in ROLES.items()), "  "),
        )
        .replace("PAIRS", str(pairs))
        .replace("SECONDS", str(seconds))
        .replace("SCENES", str(scenes) if scenes else "null")
        .replace("SESSIONS", "\n".join(f"  - {line}" for line in lines))
        .replace("SEED", str(seed))
    )
    unused = [a for a in ROLES if not any(a in session for session in sessions) and a not in ("live", "ai")]
    return Study("\n".join(line for line in text.splitlines() if line.strip().split(":")[0] not in unused))


def units_of(script, part=0):
    """Main trials of each run."""
    return [[t for t in run.trials if t.phase == "main"] for run in script.parts[part].runs]


def most_and_least(counted, keys):
    """By how much counts differ."""
    numbers = [counted.get(key, 0) for key in keys]
    return max(numbers) - min(numbers)


def shared(first, second):
    """Whether two trials show clips of one pair."""
    return bool({c.pair_id for c in first.clips} & {c.pair_id for c in second.clips})


def no_scene_follows_itself(script):
    """Attention trials aside, neighbors of the whole session share no scene."""
    shown = [t for t in script.trials if t.phase != "attention"]
    return not any(shared(a, b) for a, b in pairwise(shown))


def transitions(runs, key=lambda t: t.kind):
    """How often each kind follows each kind within runs."""
    return Counter((key(a), key(b)) for run in runs for a, b in pairwise(run))


@pytest.fixture(scope="session")
def boundary():
    from protocols.plan.reading import shipped_plans

    return Study(shipped_plans()["boundary-2026"])


@pytest.fixture(scope="session")
def demo():
    from protocols.plan.reading import shipped_plans

    return Study(shipped_plans()["demo"])
