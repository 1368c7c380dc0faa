"""How each person answered: ``OUT/measures/behaviour-<id>.tsv``, one row per person; a description."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.behaviour.exclusions import Excluded, Facts
from analysis.behaviour.response_times import fit_exgaussian
from analysis.behaviour.roc import area
from analysis.importing.beh import ATTENTION, NO_ANSWER, TRAINING, BehTrials, Row, seconds
from analysis.measures.table import FOLDER
from protocols.base.bids import generated_by
from protocols.base.tables import table_text
from protocols.plan.expanding import label_of
from protocols.plan.promises import Plan
from protocols.plan.training import needed

FEWEST_RATED = 10
"""Trials of each kind that an area under the ROC needs."""

ABOUT: dict[str, dict[str, str]] = {
    "participant_id": {"Description": "pseudonym, sub-<code>"},
    "group": {"Description": "group of the plan"},
    "included": {"Description": "1 if the person has usable trials after all exclusions, else 0"},
    "reason": {"Description": "why the person is left out"},
    "missing_answers": {"Description": "share of the trials shown, training and attention apart, that have no answer"},
    "median_response_time": {"Description": "median response time", "Units": "s"},
    "mean_log_response_time": {"Description": "mean of the natural logarithm of the response time", "Units": "log(s)"},
    "exgaussian_mu": {"Description": "ex-Gaussian fit of the response times: mean of the normal part", "Units": "s"},
    "exgaussian_sigma": {"Description": "ex-Gaussian fit: SD of the normal part", "Units": "s"},
    "exgaussian_tau": {"Description": "ex-Gaussian fit: mean of the exponential part", "Units": "s"},
    "mean_confidence": {"Description": "mean confidence"},
    "auc": {"Description": "area under the ROC of answers with confidence, contrast against reference conditions"},
    "same_answer": {"Description": "share of the commonest answer in the main phase"},
    "same_in_a_row": {
        "Description": "longest run of one and the same answer in the main phase; n/a where the order is not known",
        "Units": "trials",
    },
    "attention_correct": {"Description": "share of right answers among the attention trials"},
    "attention_trials": {"Description": "attention trials", "Units": "trials"},
    "training_attempts": {"Description": "training attempts", "Units": "attempts"},
    "training_correct": {"Description": "right answers and trials of each attempt"},
    "training_passed": {"Description": "1 if an attempt reached the plan's criterion, 0 if none did"},
}  # fmt: skip


def behaviour_texts(trials: BehTrials, plan: Plan, measure_id: str, excluded: Excluded) -> dict[str, str]:
    """The table of people and its sidecar, by their names below OUT.

    Numbers are of the trials that can be used by themselves: people whom a rule left out have them too, and one sees
    why.
    """
    conditions = [name for name in plan.conditions if any(row["condition"] == name for row in trials.rows)]
    about = dict(list(ABOUT.items())[:4])
    for name in conditions:
        words = label_of(plan, "condition", name)
        about[f"n_{name}"] = {"Description": f"usable trials: {words}", "Units": "trials"}
        about[f"said_ai_{name}"] = {"Description": f"share of the answer 'AI' in usable trials: {words}"}
    about |= dict(list(ABOUT.items())[4:])
    rows = []
    for code, own in sorted(trials.by_person().items()):
        record = _person(own, excluded.facts[code], excluded.rules["training"], conditions)
        record["auc"] = _auc(_usable(own, excluded.facts[code]), plan)
        rows.append([record.get(name) for name in about])
    name = f"{FOLDER}/behaviour-{measure_id}"
    sidecar = {
        "Description": f"how each person answered (measure '{measure_id}'); a description, nothing is decided by it",
        "GeneratedBy": generated_by(Step="measure_of_behaviour"),
        **about,
    }
    return {
        f"{name}.tsv": table_text(list(about), rows),
        f"{name}.json": json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n",
    }


def _person(
    own: Sequence[Row], facts: Facts, training: Mapping[str, Any] | None, conditions: Sequence[str]
) -> dict[str, Any]:
    left_out = "; ".join(facts.reasons)
    usable = _usable(own, facts)
    included = any(row["included"] for row in own)
    record: dict[str, Any] = {
        "participant_id": own[0]["participant_id"],
        "group": own[0]["group"],
        "included": int(included),
        "reason": None if included else left_out or "; ".join(sorted({str(row["reason"]) for row in own})),
    }
    for name in conditions:
        values = [row["value"] for row in usable if row["condition"] == name]
        record |= {f"n_{name}": len(values), f"said_ai_{name}": _mean(values)}
    shown = [
        row
        for row in own
        if row.get("phase") not in (TRAINING, ATTENTION) and row.get("unusable_reason") in (None, NO_ANSWER)
    ]
    times = [time for row in usable if 0 < (time := seconds(row)) < math.inf]
    shape = fit_exgaussian(times) if times else None
    sure = [number for row in usable if not math.isnan(number := _number(row.get("confidence")))]
    record |= {
        "missing_answers": _mean([float(not row.get("response")) for row in shown]),
        "median_response_time": statistics.median(times) if times else None,
        "mean_log_response_time": _mean([math.log(time) for time in times]),
        **{f"exgaussian_{name}": getattr(shape, name, None) for name in ("mu", "sigma", "tau")},
        "mean_confidence": _mean(sure),
        "same_answer": facts.same[0] / facts.same[1] if facts.same else None,
        "same_in_a_row": facts.in_a_row,
        "attention_correct": facts.attention[0] / facts.attention[1] if facts.attention else None,
        "attention_trials": facts.attention[1] if facts.attention else 0,
        "training_attempts": len(facts.attempts),
        "training_correct": ", ".join(f"{right} of {n}" for right, n in facts.attempts) or None,
    }
    if training and facts.attempts:
        tried = facts.attempts[: training["attempts"]]
        record["training_passed"] = int(
            any(
                right >= needed(training["criterion"], training["items"], attempt)
                for attempt, (right, _) in enumerate(tried, start=1)
            )
        )
    return record


def _usable(own: Sequence[Row], facts: Facts) -> list[Row]:
    """Trials that can be used by themselves, also those of people whom a rule left out."""
    left_out = "; ".join(facts.reasons)
    return [row for row in own if row["included"] or (left_out and row["reason"] == left_out)]


def _auc(usable: Sequence[Row], plan: Plan) -> float | None:
    """How well answers with confidence tell the contrast from the reference; None with few trials or no confidence."""
    rated = [(row, sure) for row in usable if not math.isnan(sure := _number(row.get("confidence")))]
    unsure = min((sure for _, sure in rated), default=0.0) - 1  # so that 'guessed' has two sides too
    sides: dict[str, list[float]] = {"contrast": [], "reference": []}
    for row, sure in rated:
        condition = plan.conditions.get(row["condition"])
        if condition is not None and condition.role in sides:
            sides[condition.role].append((sure - unsure) * (1 if row["value"] == 1 else -1))
    fewest = min(map(len, sides.values()))
    return area(sides["contrast"], sides["reference"]).auc if fewest >= FEWEST_RATED else None


def _mean(values: Sequence[float]) -> float | None:
    return statistics.fmean(values) if values else None


def _number(text: Any) -> float:
    try:
        number = float(text or math.nan)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
