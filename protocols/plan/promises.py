"""What will be decided and how: hypotheses, families, the rule, and the whole document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from protocols.plan.fields import Identifier, Level, Part, Positive, Sentence, Share, declare
from protocols.plan.materials import Condition, Group, Stimuli
from protocols.plan.measuring import Analysis, Bound, Exclusions, Measure
from protocols.plan.sessions import Contrast, Limits, Session

SCHEMA = 1
POOLED = "pooled"
DecidingModel = Literal["crossed_mixed", "by_person"]


class Hypothesis(Part):
    """One question with one deciding analysis."""

    measure: Identifier = declare("the measure it is about")
    effect: Literal["condition", "group_by_condition", "group", "level"] = declare(
        "condition: b - a; group_by_condition: that between groups; group: groups; level: against a value"
    )
    contrast: Contrast | None = declare("[a, b]: the effect is b - a, the reference comes first", None)
    condition: Identifier | None = declare(
        "the one condition (effects group and level); all rows if absent", None
    )
    against: float = declare("the fixed value (effect level)", 0.0, unit="measure")
    group: Identifier | tuple[Identifier, ...] | None = declare(
        "a group, 'pooled', or a list that makes one hypothesis per group", None
    )
    groups: tuple[Identifier, Identifier] | None = declare(
        "[a, b] for effects between groups: b - a; the plan's own order if there are just two", None
    )
    asks: Literal["difference", "equivalence", "both"] = declare("which answers are confirmatory", "both")
    family: Identifier | None = declare("the family it is adjusted in; none only for exploratory ones", None)
    exploratory: bool = declare("shown apart, decides nothing", False)
    statement: Sentence | None = declare("the hypothesis in words, as the report prints it", None)
    bound: Bound | None = declare("a bound of its own instead of the measure's", None)
    deciding_model: DecidingModel | None = declare("instead of decision.deciding_model", None)


class Family(Part):
    """Hypotheses whose errors are controlled together."""

    claim: Literal["any", "all", "each"] = declare(
        "any or each: Holm over the members; all: each at alpha, only the joint claim is confirmatory"
    )
    statement: Sentence | None = declare("what the family is about, in words", None)


class Bayes(Part):
    """Descriptive Bayes factors; they never move an outcome."""

    prior_widths: tuple[Positive, ...] = declare(
        "Cauchy scale of the standardized effect (by-person tests)", (0.5, 0.707, 1.0)
    )
    unit_of_bound: tuple[Positive, ...] = declare(
        "normal prior SD in units of the bound (models)", (0.5, 1.0, 2.0)
    )


class Generators(Part):
    """How far conclusions reach beyond the generators used."""

    scope: Literal["this_one", "these", "random_if_5"] = declare(
        "what sentences speak of: one generator, those named, or generators at large if 5 were used",
        "this_one",
    )


class Stopping(Part):
    """When data collection ends."""

    kind: Literal["fixed_n"] = declare("at the planned number of people", "fixed_n")


class Decision(Part):
    """The rule by which numbers become outcomes."""

    alpha: Level = declare("two-sided level for differences", 0.05)
    alpha_equivalence: Level = declare("level of each of the two one-sided tests", 0.05)
    deciding_model: DecidingModel = declare("which analysis decides", "crossed_mixed")
    choices: Literal["bootstrap", "fast"] = declare(
        "p-values of crossed models of choices: from studies drawn from the model, or fast, by Student's t",
        "bootstrap",
    )
    bootstrap_samples: int = declare(
        "studies drawn from a fitted model, for choices and spread", 1999, unit="studies", ge=1999
    )
    bayes: Bayes = declare("descriptive Bayes factors", Bayes())
    min_probability: Annotated[Share, Field(gt=0, lt=1)] = declare(
        "chance to reach each verdict that the plan must have", 0.80
    )
    power_waiver: Sentence | None = declare(
        "why a plan without that chance is still worth doing; the report prints it", None
    )
    assurance: Annotated[Share, Field(gt=0, lt=1)] = declare(
        "probability that enough people remain of those recruited", 0.90
    )
    generators: Generators = declare("scope over generators", Generators())
    stopping: Stopping = declare("stopping rule", Stopping())
    seed: int = declare("seed of everything random", 1, ge=0)


class Plan(Part):
    """A study as promised: inert data, every field checked."""

    plan: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=60)] = declare(
        "the plan's name"
    )
    schema_version: int = declare("version of this format", alias="schema", ge=1, le=SCHEMA)
    title: Sentence = declare("the study's title")
    question: Sentence = declare("the question, as you would ask it aloud")
    groups: dict[Identifier, Group] = declare("who takes part", min_length=1)
    conditions: dict[Identifier, Condition] = declare("what is shown", min_length=1)
    stimuli: Stimuli | None = declare("the set of clips", None)
    sessions: tuple[Session, ...] = declare("sittings in order; none when all values come from elsewhere", ())
    limits: Limits = declare("what no session may exceed", Limits())
    analysis: Analysis = declare("settings that can change a number", Analysis())
    exclusions: Exclusions = declare("who and what is left out", Exclusions())
    measures: dict[Identifier, Measure] = declare("what is measured", min_length=1)
    hypotheses: dict[Identifier, Hypothesis] = declare("what is asked", min_length=1)
    families: dict[Identifier, Family] = declare("which hypotheses are adjusted together", min_length=1)
    decision: Decision = declare("how numbers become outcomes", Decision())
