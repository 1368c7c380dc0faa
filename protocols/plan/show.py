"""A plan as a page a colleague can read, and what `bazin plan check` says of a plan without faults."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from protocols.base.errors import Fault, listed
from protocols.plan.chances import chances
from protocols.plan.expanding import expand, label_of, scenes_per_person
from protocols.plan.fields import ROOMS
from protocols.plan.promises import Plan
from protocols.plan.reading import Promise, relied_upon
from protocols.plan.remedies import below, help_for
from protocols.plan.session_time import clips_shown, needed_seconds, recorded_seconds
from protocols.plan.sessions import Session
from protocols.plan.wording import (
    STATISTIC_WORDS,
    age_range,
    capital,
    control_words,
    quantity,
    sentence,
    within,
)

__all__ = ["chances_table", "check_report", "sentence", "show"]

WIDTH = 88
MODALITY_WORDS = {"bold": "in the scanner", "eeg": "with EEG", "beh": "at a screen"}
CLAIM_WORDS = {
    "each": "each may be claimed by itself; Holm over the members",
    "any": "one of them is enough; Holm over the members",
    "all": "only the joint claim counts; every member at the full level",
}


def show(promise: Promise) -> str:
    """A plan as plain text, at most 88 columns wide, to be read in a terminal or pasted into an e-mail."""
    plan = promise.plan
    lines = [plan.title, "=" * min(len(plan.title), WIDTH), ""]
    lines += [*_wrapped(plan.question), ""]
    sections = (
        ("Who takes part", _people(plan)),
        ("What they see", _clips(plan)),
        ("Sessions, in this order", _sessions(plan)),
        ("What is measured", _measures(plan)),
        ("What is asked", _hypotheses(plan)),
        ("Families", _families(plan)),
        ("What the plan can decide", iter(chances_table(plan))),
        ("Said, but not used yet", _reserved(plan)),
        ("To be known", _warnings(promise.warnings)),
    )
    for title, content in sections:
        body = list(content)
        if body:
            lines += [title, "-" * len(title), *body, ""]
    lines.append(f"Plan {plan.plan}, SHA-256 {promise.sha256}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def check_report(promise: Promise) -> str:
    """What `bazin plan check` prints for a plan without faults: a verdict, chances, remedies, warnings."""
    plan = promise.plan
    weak = list(below(plan))
    asked = len(expand(plan, confirmatory=True))
    least = _limit(plan)
    if weak:
        verdict = f"no faults, but {len(weak)} of {asked} hypotheses have a chance below {least}"
    elif any(chance.se is None for chance in chances(plan)):
        verdict = "no faults; what it can decide is partly unknown (see below)"
    else:
        verdict = f"no faults; every chance is at least {least}"
    lines = [f"{plan.plan}: {verdict}", "", *chances_table(plan)]
    if weak:
        lines += ["", "What would help:"]
        for item, _, missing in weak:
            for verdict in missing:
                remedy = help_for(plan, item, verdict)
                lines += _wrapped(f"{item.id} to be shown {verdict}: {remedy}", "  ", "    ")
        if plan.decision.power_waiver:
            lines += _wrapped(f"Waived: {plan.decision.power_waiver}", "  ", "    ")
        else:
            lines += _wrapped(
                "Such a plan cannot be sealed unless decision.power_waiver says why it is worth doing.", "  "
            )
    for title, body in (
        ("Said, but not used yet:", _reserved(plan)),
        ("To be known:", _warnings(promise.warnings)),
    ):
        content = list(body)
        if content:
            lines += ["", title, *content]
    lines += ["", f"SHA-256 {promise.sha256}"]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def chances_table(plan: Plan) -> list[str]:
    """What every confirmatory hypothesis can come to, as lines of a table with its legend."""
    doubtful = chances(plan, pessimistic=True)
    usual = chances(plan)
    width = max(10, *(len(chance.id) for chance in usual)) if usual else 10
    lines = [
        f"  {'':{width}}  {'':11}  {'equivalent,':18}  different,",
        f"  {'hypothesis':{width}}  {'asks':11}  {'if no effect':18}  if the effect is as expected",
    ]
    least = plan.decision.min_probability
    for now, doubt, item in zip(usual, doubtful, expand(plan, confirmatory=True), strict=True):
        unit = plan.measures[item.hypothesis.measure].in_unit
        expected = f" at {quantity(now.expected, unit)}" if now.expected is not None else ""
        equivalent = _pair(now.equivalent_if_none, doubt.equivalent_if_none, least)
        different = _pair(now.different_if_expected, doubt.different_if_expected, least)
        if now.se is None or now.se == 0:
            equivalent = different = "unknown"
            expected = f": {now.note}"
        if different == _NOT_ASKED:
            expected = ""
        lines.append(f"  {now.id:{width}}  {now.asks:11}  {equivalent:18}  {different}{expected}")
    notes = {chance.note for chance in usual if chance.note and chance.se}
    legend = [
        f"Probabilities in closed form, at each family's strictest level; * marks those below {_limit(plan)}.",
        "In brackets: with the pessimistic assumptions." if usual != doubtful else "",
        *(f"{capital(note)}." for note in sorted(notes)),
    ]
    return [*lines, *_wrapped(" ".join(part for part in legend if part), "  ")]


_NOT_ASKED = "not asked"


def _pair(usual: float | None, doubtful: float | None, least: float) -> str:
    if usual is None:
        return _NOT_ASKED
    text = _chance(usual, least)
    return text if doubtful is None or doubtful == usual else f"{text} ({_chance(doubtful, least)})"


def _limit(plan: Plan) -> str:
    least = plan.decision.min_probability
    return f"{least:.2f}" if round(least, 2) == least else f"{least:g}"


def _chance(value: float, least: float) -> str:
    """Two decimals, rounded down: what lies below the limit never looks like it, and nothing like 1.00."""
    return f"{min(int(value * 100 + 1e-9), 99) / 100:.2f}{'*' if value < least else ''}"


def _wrapped(text: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _entry(name: str, text: str) -> list[str]:
    return _wrapped(f"{name}: {text}", "  ", "    ")


def _people(plan: Plan) -> Iterator[str]:
    for name, group in plan.groups.items():
        parts = [age_range(group.age_months)] if group.age_months else []
        recruited = f", {group.n_recruited} to be invited" if group.n_recruited is not None else ""
        parts.append(f"{group.n_planned} with usable data{recruited}")
        yield from _entry(capital(label_of(plan, "group", name)), "; ".join(parts))


def _clips(plan: Plan) -> Iterator[str]:
    for name, condition in plan.conditions.items():
        role = condition.role.replace("_", " ")
        note = ", exploratory" if condition.exploratory else ""
        yield from _entry(capital(label_of(plan, "condition", name)), f"{role}{note}")
    stimuli = plan.stimuli
    if stimuli is None:
        return
    own = scenes_per_person(plan)
    seen = "; everybody sees all of them" if own == stimuli.pairs else f"; one person sees {own}"
    made = f"; made with {listed(stimuli.generators)}" if stimuli.generators else ""
    yield from _entry(
        "Clips", f"{stimuli.pairs} scenes of {stimuli.seconds:g} s in '{stimuli.set}'{seen}{made}"
    )


def _sessions(plan: Plan) -> Iterator[str]:
    total = 0.0
    for number, session in enumerate(plan.sessions, start=1):
        seconds = recorded_seconds(session) or needed_seconds(plan, session)
        total += seconds or 0.0
        task = session.paradigm.replace("_", " ")
        if session.then:
            task += f", then {session.then.paradigm.replace('_', ' ')}"
        minutes = f"{seconds / 60:.0f} min" if seconds is not None else "length unknown"
        details = "; ".join(_session_details(plan, session))
        where = MODALITY_WORDS[session.modality]
        yield from _wrapped(f"{number}. {session.name}: {task} {where}, {minutes}; {details}", "  ", "     ")
    if plan.sessions:
        yield f"  Together {total / 60:.0f} min, of at most {plan.limits.visit_minutes_max:g}."


def _session_details(plan: Plan, session: Session) -> Iterator[str]:
    if session.items and session.items.same_as:
        yield f"the clips of '{session.items.same_as}'"
    if session.conditions:
        yield listed(label_of(plan, "condition", name) for name in session.conditions)
    clips = clips_shown(plan, session)
    if clips is not None:
        runs = f" in {session.runs} runs" if session.runs > 1 else ""
        yield f"{clips} clips{runs}"
    if session.exposure == "one_version":
        yield "one version of each scene per person"
    if session.attention:
        yield f"an attention trial ({session.attention.kind}) after every {session.attention.every} clips"
    if session.catch_trials:
        yield f"{session.catch_trials.n} catch trials among them"
    training = session.training or (session.then.training if session.then else None)
    if training:
        often = f"at most {training.attempts} times"
        yield f"practice until {training.criterion} of {training.items} are right, {often}"
    if session.scales:
        yield f"scales: {listed(scale.replace('_', ' ') for scale in session.scales)}"


def _measures(plan: Plan) -> Iterator[str]:
    for name, measure in plan.measures.items():
        words = STATISTIC_WORDS[measure.statistic]
        where = f"session '{measure.session}'" if measure.session else "measured elsewhere"
        yield from _entry(f"{name}, {label_of(plan, 'measure', name)}", f"{measure.level}; {words}; {where}")
        if measure.measured_elsewhere:
            yield from _wrapped(f"How: {measure.measured_elsewhere}", "    ", "      ")
        if measure.bound:
            amount = within(measure.bound.value, measure.in_unit)
            yield from _wrapped(
                f"Too small to matter: {amount}, because {measure.bound.because}", "    ", "      "
            )
        if measure.spread:
            amount = quantity(measure.spread.value, measure.in_unit)
            yield from _wrapped(
                f"Spread over people below {amount} (SD), because {measure.spread.because}", "    ", "      "
            )
        for control in measure.controls:
            yield from _wrapped(f"Control: {control_words(plan, measure, control)}", "    ", "      ")


def _hypotheses(plan: Plan) -> Iterator[str]:
    for item in expand(plan):
        own = item.hypothesis.statement
        note = " [exploratory: decides nothing]" if item.hypothesis.exploratory else ""
        yield from _wrapped(f"{sentence(plan, item)}.{note}", "  ", "    ")
        if own:
            yield from _wrapped(f"In words: {own}", "    ", "      ")


def _families(plan: Plan) -> Iterator[str]:
    for name, family in plan.families.items():
        members = [item.id for item in expand(plan, confirmatory=True) if item.hypothesis.family == name]
        yield from _entry(name, f"{listed(members)}; {CLAIM_WORDS[family.claim]}")
        if family.statement:
            yield from _wrapped(family.statement, "    ")
    decision = plan.decision
    models = {"crossed_mixed": "people and scenes random", "by_person": "people's means, for these scenes"}
    own = [
        f"{name} by {hypothesis.deciding_model}"
        for name, hypothesis in plan.hypotheses.items()
        if hypothesis.deciding_model not in (None, decision.deciding_model)
    ]
    yield from _wrapped(
        f"Differences at {decision.alpha:g} (two-sided), equivalence at {decision.alpha_equivalence:g} "
        f"(each of two one-sided tests); deciding model {decision.deciding_model} "
        f"({models[decision.deciding_model]}){', but ' + listed(own) if own else ''}.",
        "  ",
    )


def _reserved(plan: Plan) -> Iterator[str]:
    for room, words in ROOMS.items():
        fields = relied_upon(plan, room)
        if fields:
            yield from _wrapped(f"{words}: {listed(fields, limit=99)}", "  ", "    ")


def _warnings(warnings: tuple[Fault, ...]) -> Iterator[str]:
    for warning in warnings:
        place = f" (line {warning.line})" if warning.line is not None else ""
        yield from _wrapped(f"{warning.item} {warning.problem}{place}", "  ", "    ")
