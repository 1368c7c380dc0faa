"""Which trials and people the plan leaves out of behavioral measures: every row stays, with its reason.

The rules look at how somebody answered (how fast, how monotonously), at trials with a known answer, and at training.
None looks at whether answers about the compared conditions are right: choosing among people by that would make the
effect of interest larger or smaller. The two rules about monotonous answers are off unless the plan sets them. They
know nothing of the truth or of the positive control: somebody at chance who says 'live' every time because nothing
looks generated is left out as well, so where equivalence is asked they take away people who cannot tell.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.importing.beh import ATTENTION, CATCH, NO_ANSWER, TRAINING, BehTrials, Row, answers, seconds
from analysis.importing.trial_order import in_order, place
from analysis.measures.table import Sidecar
from protocols.base.bids import label
from protocols.base.errors import Fault, InputError, listed
from protocols.plan.expanding import session_of
from protocols.plan.measuring import Measure
from protocols.plan.promises import Plan
from protocols.plan.sessions import Training
from protocols.plan.training import criterion

KEY = "Exclusions"
"""Where a table's sidecar says which rules were applied."""
TINY = 1e-9
Count = tuple[int, int]
"""Right answers, and trials."""


@dataclass
class Facts:
    """What the rules about people look at.

    Attributes
    ----------
    attention
        Attention trials answered rightly, and all of them; None without any.
    attempts
        The same for every training attempt, in order.
    same
        Usable main trials with the commonest answer, and all of them; None without any.
    in_a_row
        Longest run of one and the same answer within a run of the session; None where the order is not known.
    reasons
        Why the person is left out; empty if not.
    """

    attention: Count | None = None
    attempts: list[Count] = field(default_factory=list)
    same: Count | None = None
    in_a_row: int | None = None
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Excluded:
    """What was applied.

    Attributes
    ----------
    rules
        Every rule by its name in the plan, None where the plan does not have it: the sidecar's ``Exclusions``.
    facts
        By person.
    notes
        What could not be checked.
    """

    rules: dict[str, Any]
    facts: dict[str, Facts]
    notes: list[str]


def exclude(trials: BehTrials, plan: Plan, measure_id: str) -> Excluded:
    """Apply the plan's rules to a measure's trials, in place: ``included`` becomes 0 and ``reason`` says why.

    First single trials (response time), then people: attention, training, monotonous answers. A row that could not be
    used anyway keeps its reason.

    Raises
    ------
    InputError
        If the plan asks for something that cannot be checked in anybody: the promise could not be kept.
    """
    measure = plan.measures[measure_id]
    training = training_of(plan, measure, trials.files.task)
    rules = {
        "response_time_s": list(plan.analysis.beh.response_time_s),
        "attention_correct": plan.exclusions.attention_correct if _attends(plan, measure) else None,
        "training": training.model_dump(include={"items", "criterion", "attempts"}) if training else None,
        "same_answer": plan.exclusions.same_answer,
        "same_in_a_row": plan.exclusions.same_in_a_row,
    }
    if measure.statistic == "value":  # no answer, so nothing that could be answered monotonously
        rules |= {"same_answer": None, "same_in_a_row": None}
    rules["trials_without_time"] = by_time(trials.rows, plan.analysis.beh.response_time_s)
    words = answers(plan)
    others: defaultdict[str, list[Row]] = defaultdict(list)
    for row in trials.others:
        others[row["participant_id"]].append(row)
    people = trials.by_person()
    facts = {code: facts_of(own, others[code], training, words) for code, own in people.items()}
    notes = [*_attention(facts, rules), *_trained(facts, training), *_monotonous(facts, rules)]
    for code, own in people.items():
        if facts[code].reasons:
            for row in own:
                if row["included"]:
                    row["included"], row["reason"] = 0.0, "; ".join(facts[code].reasons)
    if _attends(plan, measure) is None and plan.exclusions.attention_correct is not None:
        notes.append(
            f"attention: session '{measure.session}' has no attention task, so nobody is left out by it"
        )
    return Excluded(rules, facts, notes)


def by_time(rows: Sequence[Row], window: tuple[float, float]) -> int:
    """Leave out trials whose response time is outside the window; returns how many have no time, and stay."""
    without = 0
    for row in rows:
        if not row["included"]:
            continue
        time = seconds(row)
        without += math.isnan(time)
        if time < window[0] or time > window[1]:
            side = f"below {window[0]:g}" if time < window[0] else f"above {window[1]:g}"
            row["included"], row["reason"] = 0.0, f"response time {side} s"
    return without


def facts_of(
    own: Sequence[Row], others: Sequence[Row], training: Training | None, words: Mapping[str, float]
) -> Facts:
    """What there is to know of one person: `own` rows of the measure, `others` of the same session."""
    facts = Facts()
    facts.attention = _score([row for row in (*own, *others) if row.get("phase") == ATTENTION], words)
    taught = words if training is None else {**words, **dict(zip(training.contrast, (0.0, 1.0), strict=True))}
    for attempt in attempts_of([row for row in own if _taught(row)], training):
        score = _score(attempt, taught)
        facts.attempts += [score] if score else []
    main = [row for row in own if row["included"] and row.get("phase") != CATCH and row["answer"] is not None]
    if main:
        given = [row["answer"] for row in main]
        facts.same = max(map(given.count, set(given))), len(given)
        facts.in_a_row = longest_run(main)
    return facts


def _taught(row: Row) -> bool:
    return row.get("phase") == TRAINING and not str(row.get("unusable_reason")).startswith("copy of line")


def is_right(row: Row, words: Mapping[str, float]) -> bool | None:
    """Whether a trial with a known answer was answered rightly; no answer is not; None where nothing tells."""
    told = str(row.get("correct") or "").casefold()
    if told in ("1", "1.0", "true", "0", "0.0", "false"):
        return told in ("1", "1.0", "true")
    said, truth = row.get("response"), row.get("arm")
    if not said or not truth:
        return False if not said and "response" in row else None
    if said == truth:
        return True
    return words[said] == words[truth] if said in words and truth in words else None


def _score(rows: Sequence[Row], words: Mapping[str, float]) -> Count | None:
    """Right answers and trials, of those that can be judged; None without any."""
    shown = [row for row in rows if row.get("unusable_reason") in (None, NO_ANSWER)]
    judged = [right for row in shown if (right := is_right(row, words)) is not None]
    return (sum(judged), len(judged)) if judged else None


def attempts_of(rows: Sequence[Row], training: Training | None) -> list[list[Row]]:
    """Training trials by attempt: as column ``attempt`` says, else by run, cut into attempts of so many items."""
    if any(row.get("attempt") for row in rows):
        numbered: defaultdict[str, list[Row]] = defaultdict(list)
        for row in rows:
            numbered[str(row.get("attempt"))].append(row)
        return [numbered[name] for name in sorted(numbered, key=lambda name: (len(name), name))]
    runs: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        runs[row["session"] or "", int(row["run"] or 0)].append(row)
    blocks = []
    for _, own in sorted(runs.items()):
        numbers = [place(row) for row in own]
        if len(set(numbers)) == len(own) and not any(map(math.isnan, numbers)):  # else as the file has them
            own.sort(key=place)
        n = training.items if training else len(own)
        blocks += [own[i : i + n] for i in range(0, len(own), n)]
    return blocks


def longest_run(rows: Sequence[Row]) -> int | None:
    """Most equal answers that follow each other within a run; None where the order is not known."""
    ordered = in_order(rows, sorted({row["session"] or "" for row in rows}))
    if ordered is None:
        return None
    same = itertools.groupby(ordered, key=lambda row: (row["session"], row["run"], row["answer"]))
    return max(len(list(run)) for _, run in same)


def training_of(plan: Plan, measure: Measure, task: str) -> Training | None:
    """The training of a task of the measure's session."""
    session = session_of(plan, measure)
    if session is None:
        return None
    followed = session.then is not None and label(session.then.paradigm)
    if session.then is not None and task == followed != label(session.paradigm):
        return session.then.training
    if task == label(session.paradigm):
        return session.training
    return session.training or (session.then.training if session.then else None)


def _attends(plan: Plan, measure: Measure) -> bool | None:
    """Whether the rule about attention concerns a measure; None if only other sessions have an attention task."""
    session = session_of(plan, measure)
    asked = [one.name for one in plan.sessions if one.attention is not None]
    return True if session is None or not asked or session.name in asked else None


def _attention(facts: Mapping[str, Facts], rules: Mapping[str, Any]) -> list[str]:
    smallest = rules["attention_correct"]
    if smallest is None:
        return []
    if not any(own.attention for own in facts.values()):
        raise _cannot("attention_correct", "nobody has attention trials", "phase 'attention', with 'correct'")
    for own in facts.values():
        if own.attention and own.attention[0] / own.attention[1] < smallest - TINY:
            right, asked = own.attention
            own.reasons.append(f"attention: {right} of {asked} correct, the plan asks for {smallest:g}")
    return _unchecked(
        "attention", "attention trials", [code for code, own in facts.items() if not own.attention]
    )


def _trained(facts: Mapping[str, Facts], training: Training | None) -> list[str]:
    if training is None:
        return []
    for own in facts.values():
        tried = own.attempts[: training.attempts]
        needed = [criterion(training, attempt) for attempt in range(1, len(tried) + 1)]
        if tried and all(right < enough for (right, _), enough in zip(tried, needed, strict=True)):
            scores = " and ".join(f"{right} of {n}" for right, n in tried)
            asked = " and ".join(str(enough) for enough in dict.fromkeys(needed)) + f" of {training.items}"
            own.reasons.append(f"training: {scores} correct, the plan asks for {asked}")
    return _unchecked(
        "training", "training trials", [code for code, own in facts.items() if not own.attempts]
    )


def _monotonous(facts: Mapping[str, Facts], rules: Mapping[str, Any]) -> list[str]:
    largest, longest = rules["same_answer"], rules["same_in_a_row"]
    answered = {code: own for code, own in facts.items() if own.same}
    for own in answered.values():
        same, n = own.same or (0, 1)
        if largest is not None and same / n > largest + TINY:
            own.reasons.append(
                f"same answer: in {same} of {n} trials, the plan allows a share of {largest:g}"
            )
        if longest is not None and (own.in_a_row or 0) > longest:
            own.reasons.append(f"same answer in a row: {own.in_a_row} trials, the plan allows {longest}")
    if (largest is not None or longest is not None) and not answered:
        name = "same_answer" if largest is not None else "same_in_a_row"
        raise _cannot(name, "nobody has an answer in a usable main trial", "column 'response'")
    if longest is None:
        return []
    unordered = [code for code, own in answered.items() if own.in_a_row is None]
    if len(unordered) == len(answered):
        raise _cannot(
            "same_in_a_row", "the order of nobody's trials is known", "column 'trial', with numbers"
        )
    return _unchecked("same answer in a row", "a known order of trials", unordered)


def _cannot(name: str, why: str, accepted: str) -> InputError:
    way_out = "bring the trials that show it, or take the rule out of the plan before it is sealed"
    problem = f"cannot be checked: {why}"
    return InputError(Fault(f"exclusions.{name}", problem, accepted=accepted, way_out=way_out))


def _unchecked(rule: str, what: str, codes: Sequence[str]) -> list[str]:
    return (
        [f"{rule}: cannot be checked without {what} in {listed(sorted(codes))}; they stay"] if codes else []
    )


def not_applied(plan: Plan, measure_id: str, sidecar: Sidecar) -> list[str]:
    """What the plan says about excluding and the table does not say it did.

    Parameters
    ----------
    sidecar
        The table's; a table made from behavioral files names the rules it was made with.

    Returns
    -------
    list of str
        A warning, or nothing: where the table says so, where the plan does not set a rule, and where it says that the
        measure was measured elsewhere, with the exclusions behind it.
    """
    measure = plan.measures[measure_id]
    if measure.measured_elsewhere is not None:
        return []
    done = (sidecar.model_extra or {}).get(KEY)
    done = done if isinstance(done, dict) else {}
    exclusions, beh = plan.exclusions, plan.analysis.beh
    asked: dict[str, Any] = {}
    if exclusions.attention_correct is not None and _attends(plan, measure):
        asked["exclusions.attention_correct"] = exclusions.attention_correct
    if measure.level == "conscious":
        if "response_time_s" in beh.model_fields_set:
            asked["analysis.beh.response_time_s"] = list(beh.response_time_s)
        for name in ("same_answer", "same_in_a_row") if measure.statistic != "value" else ():
            if getattr(exclusions, name) is not None:
                asked[f"exclusions.{name}"] = getattr(exclusions, name)
        session = session_of(plan, measure)
        if (
            session
            and "training" not in done
            and (session.training or (session.then and session.then.training))
        ):
            asked[f"sessions.{session.name}.training"] = "criterion"
    missing = [name for name, value in asked.items() if done.get(name.rpartition(".")[2]) != value]
    if not missing:
        return []
    were = "was" if len(missing) == 1 else "were"
    told = f"its table does not say that {listed(missing)} {were} applied as the plan says"
    way_out = "run the participant level again, or say in 'measured_elsewhere' who was excluded and how"
    return [f"measure '{measure_id}': {told}; {way_out}"]
