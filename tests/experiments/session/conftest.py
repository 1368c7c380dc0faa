"""Sessions without a window, and people who do as they are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from experiments.devices.interfaces import Asked, Press
from experiments.session.playing import Outcome, play
from experiments.session.request import Prepared, Request, prepare
from experiments.virtual.people import Simulated, expected_answer
from protocols.base.seeds import generator
from protocols.plan.reading import Promise, parse_plan

PLAN = """
plan: small
schema: 1
title: A small study
question: Can people tell?
groups:
  child: {age_months: [48, 84], n_planned: 2, profile: child}
  adult: {age_months: [216, 492], n_planned: 2, profile: adult}
conditions:
  live: {role: reference}
  ai: {role: contrast}
  cartoon: {role: positive_control}
stimuli: {set: set, pairs: 8, scenes_per_person: 6, seconds: 4}
sessions:
  - name: scan
    modality: bold
    paradigm: passive_viewing
    conditions: [live, ai, cartoon]
    runs: 2
    volumes: 40
    dummy_volumes: 2
    repetition_time_s: 2.0
    design: {kind: event, fixation_s: [2, 4]}
    attention: {every: 3, kind: star}
    triggers: {run: 1, live: 11, ai: 21, cartoon: 41, star: 91}
  - name: detect
    modality: beh
    paradigm: same_different
    items: {same_as: scan}
    trials: 24
    catch_trials: {contrast: [live, cartoon], n: 4}
    then:
      paradigm: detection
      training: {items: 8, criterion: 7, attempts: 2, contrast: [live, cartoon]}
    confidence: {adult: 4, child: none}
  - name: rate
    modality: beh
    paradigm: ratings
    items: {same_as: scan}
    conditions: [live, ai]
    scales: [realness, warmth]
limits: {trials_between_breaks: 10}
measures:
  sees:
    level: conscious
    session: detect
    statistic: dprime
    bound: {value: 0.3, unit: dprime, because: a try}
    control: {contrast: [live, cartoon], minimum: 1.0}
hypotheses:
  H1: {measure: sees, effect: condition, contrast: [live, ai], group: [child, adult], asks: difference, family: one}
families:
  one: {claim: each}
"""


@pytest.fixture(scope="session")
def promise() -> Promise:
    return parse_plan(PLAN)


@dataclass
class Told(Simulated):
    """Somebody whose answers, and whose operator, follow instructions.

    Attributes
    ----------
    wishes
        Operator's keys by the number of the question before which they come: ``{3: "pause"}``.
    """

    right: bool = True
    assents: bool = True
    wishes: dict[int, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(generator(1, "told"))

    def reply(self, asked: Asked) -> Sequence[Press]:
        self.asked.append(asked)
        wish = self.wishes.pop(len(self.asked), None)
        early = [Press(f"operator.{wish}", asked.since + 0.01, "operator")] if wish else []
        return [*early, *super().reply(asked)]

    def key(self, asked: Asked) -> str | Sequence[str] | None:
        if asked.what == "assent":
            return asked.answers["yes" if self.assents else "no"]
        expected = expected_answer(asked)
        if expected in asked.answers:
            other = next((word for word in asked.answers if word != expected), expected)
            return asked.answers[expected if self.right else other]
        return super().key(asked)


@dataclass
class Played:
    """A session that was played in memory or on disk."""

    prepared: Prepared
    outcome: Outcome

    def of(self, *kinds: str) -> list[dict]:
        return [record for record in self.outcome.records if record["kind"] in kinds]

    @property
    def rows(self) -> list[dict]:
        return [{**record["columns"], "number": record["number"]} for record in self.of("row")]


@pytest.fixture
def hold(promise, tmp_path) -> Callable[..., Played]:
    """Hold a session without a window; in memory unless `keep`."""

    def run(session, person=None, *, participant="01", group="adult", keep=False, tell=None, **wanted):
        request = Request(
            wanted.pop("promise", promise),
            participant,
            session,
            tmp_path / "bids",
            "sim",
            group=group,
            **wanted,
        )
        prepared = prepare(request)
        return Played(prepared, play(prepared, person=person or Told(), keep=keep, tell=tell))

    return run
