"""Measures made of pairs: one d′ per person and compared version, from same–different or forced-choice trials.

Every pair holds the reference and a compared version (or, in a same pair, one clip twice). Of the version X

- *same–different*: hits are "different" to pairs of X with the reference; false alarms are "different" to same pairs of
  the reference and to same pairs of X;
- *forced choice*: hits are "first" (or "left") where X was first, false alarms "first" where it was second. Both rates
  enter, so that a preference for one side is no sensitivity and hides none.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from analysis.behaviour.forced_choice import choose_first
from analysis.behaviour.same_different import tell_apart
from analysis.measures.table import FOLDER
from protocols.base.bids import generated_by
from protocols.base.errors import InputError, fail, listed
from protocols.base.tables import table_text

SAME, DIFFERENT = "same", "different"
SIDES = {"left": "right", "first": "second"}
"""What may be called the first of two, and how the second is called then."""
Row = dict[str, Any]

COLUMNS: dict[str, dict[str, str]] = {
    "participant_id": {"Description": "pseudonym, sub-<code>"},
    "group": {"Description": "group of the plan"},
    "condition": {"Description": "the compared version"},
    "included": {"Description": "1 if the value is analysed, else 0"},
    "reason": {"Description": "why it is not"},
    "n_signal": {"Description": "different pairs; forced choice: compared version first, or left", "Units": "trials"},
    "hits": {"Description": "of these, answers 'different'; forced choice: 'first', or 'left'", "Units": "trials"},
    "n_noise": {"Description": "same pairs; forced choice: compared version second, or right", "Units": "trials"},
    "false_alarms": {"Description": "of these, the same answer as for hits", "Units": "trials"},
    "dprime": {"Description": "d' from log-linear rates; below chance negative", "Units": "dprime"},
    "se": {"Description": "its standard error for large samples; of same-different hardly of use below 1"},
    "low": {"Description": "same-different: lower end of the 95 % interval (profile likelihood, never negative)"},
    "high": {"Description": "same-different: upper end of that interval"},
    "z_difference": {"Description": "same-different: z(hit rate) - z(false-alarm rate), whatever the rule"},
    "se_z_difference": {"Description": "same-different: its standard error"},
    "side_bias": {"Description": "forced choice: criterion; positive leans to the second, or right"},
    "percent_correct": {"Description": "right answers, 0 to 100, uncorrected"},
}  # fmt: skip
"""The columns of a person's counts, and what they hold."""


def answer_of(statistic: str, kind: str | None, said: str) -> tuple[float, str | None]:
    """What an answer to a pair counts as: 1 for "different" or the first side, else 0; and why it cannot be used.

    Parameters
    ----------
    statistic
        ``dprime_same_different`` or ``dprime_forced_choice``.
    kind
        The trial's kind: whether the pair was the same, or where the compared version was.
    said
        The answer, in the same words.
    """
    if statistic == "dprime_same_different":
        words = (DIFFERENT, SAME)
        kinds: Collection[str] = words
    else:
        words = next((pair for pair in SIDES.items() if kind in pair), ("left", "right"))
        kinds = (*SIDES, *SIDES.values())
    if kind not in kinds:
        what = f"trial type '{kind}'" if kind else "a trial without a type"
        return np.nan, f"{what} is no pair ({listed(kinds)})"
    if said not in words:
        return np.nan, f"answer '{said}' is neither '{words[0]}' nor '{words[1]}'"
    return float(said == words[0]), None


def is_signal(statistic: str, kind: str | None) -> bool:
    """Whether the pair was a different one, or the compared version came first."""
    return kind == DIFFERENT if statistic == "dprime_same_different" else kind in SIDES


def person_rows(
    trials: Sequence[Row], statistic: str, *, references: Collection[str], rule: str | None, fewest: int = 1
) -> list[Row]:
    """One row per person and compared version.

    Parameters
    ----------
    trials
        Trials of the main phase, catch trials included, usable or not: ``participant_id, group, session, condition,
        trial_type, value, included, reason``.
    statistic
        ``dprime_same_different`` or ``dprime_forced_choice``.
    references
        Conditions that are the other clip of every different pair.
    rule
        How people decide that two things differ, for same–different.
    fewest
        Usable trials a value needs. Without one trial of each kind there is no value.

    Returns
    -------
    list of dict
        The columns `COLUMNS` and those of a measure table: ``value`` is d′, ``n`` the trials behind it. Everybody has
        a row for every version that anybody was shown, with the reason where it cannot be used.

    Raises
    ------
    InputError
        If nothing was compared with the reference.
    """
    versions = sorted({row["condition"] for row in trials if row["condition"]} - set(references))
    if not versions:
        raise fail(
            InputError,
            "column 'arm'",
            "names no version that was compared",
            got=listed(sorted({str(row["condition"]) for row in trials})),
            way_out=f"in a different pair it is the version shown beside {listed(sorted(references))}",
        )
    people: dict[str, list[Row]] = {}
    for row in trials:
        people.setdefault(row["participant_id"], []).append(row)
    rows = []
    for code, own in sorted(people.items()):
        sessions = sorted({row["session"] for row in own if row["session"]})
        for version in versions:
            concerned = [row for row in own if _belongs(row, version, statistic, references)]
            counts = _counts([row for row in concerned if row["included"]], statistic)
            reason = _why_not(concerned, version, counts, statistic, fewest)
            rows.append(
                {
                    "participant_id": code,
                    "group": own[0]["group"],
                    "session": sessions[0] if len(sessions) == 1 else None,
                    "condition": version,
                    **counts,
                    "n": counts["n_signal"] + counts["n_noise"],
                    "included": 0.0 if reason else 1.0,
                    "reason": reason,
                }
            )
    both = [row for row in rows if row["n_signal"] and row["n_noise"]]
    for row in rows:
        row |= dict.fromkeys(("value", "dprime", "se"), np.nan)
    for row, found in zip(both, _sensitivity(both, statistic, rule), strict=True):
        row |= {**found, "value": found["dprime"]}
    return rows


def _belongs(row: Row, version: str, statistic: str, references: Collection[str]) -> bool:
    same = statistic == "dprime_same_different" and row.get("trial_type") == SAME
    return row["condition"] == version or (same and row["condition"] in references)


def _counts(usable: Sequence[Row], statistic: str) -> dict[str, int]:
    signals = [row["value"] for row in usable if is_signal(statistic, row.get("trial_type"))]
    noises = [row["value"] for row in usable if not is_signal(statistic, row.get("trial_type"))]
    return {
        "n_signal": len(signals),
        "hits": int(sum(signals)),
        "n_noise": len(noises),
        "false_alarms": int(sum(noises)),
    }


def _why_not(
    concerned: Sequence[Row], version: str, counts: Mapping[str, int], statistic: str, fewest: int
) -> str | None:
    n = counts["n_signal"] + counts["n_noise"]
    if not any(row["condition"] == version for row in concerned):
        return f"no pairs with '{version}'"
    if not n:
        return "; ".join(sorted({str(row["reason"]) for row in concerned}))
    names = (
        ("different pairs", "same pairs")
        if statistic == "dprime_same_different"
        else (f"pairs with '{version}' first", f"pairs with '{version}' second")
    )
    for name, there in zip(names, (counts["n_signal"], counts["n_noise"]), strict=True):
        if not there:
            return f"no usable {name}"
    return f"fewer than {fewest} usable trials: {n}" if n < fewest else None


def _sensitivity(rows: Sequence[Row], statistic: str, rule: str | None) -> list[dict[str, float]]:
    """d′ and what belongs to it, of rows that have trials of both kinds."""
    if not rows:
        return []
    hits, signals, false_alarms, noises = (
        np.array([row[name] for row in rows], float)
        for name in ("hits", "n_signal", "false_alarms", "n_noise")
    )
    if statistic == "dprime_forced_choice":
        chosen = choose_first(hits, signals, false_alarms, noises)
        columns = vars(chosen)
    else:
        assert rule is not None  # the plan's check saw to it
        found = tell_apart(hits, signals, false_alarms, noises, rule=rule)
        se, below = found.se.copy(), found.signed < 0
        if below.any():  # the mirror image has the same error
            counts = (counted[below] for counted in (false_alarms, noises, hits, signals))
            se[below] = tell_apart(*counts, rule=rule).se
        columns = {
            "dprime": found.signed,
            "se": se,
            "low": found.low,
            "high": found.high,
            "z_difference": found.z_difference,
            "se_z_difference": found.se_z_difference,
            "percent_correct": found.percent_correct,
        }
    return [{name: float(column[i]) for name, column in columns.items()} for i in range(len(rows))]


def pairs_texts(rows: Sequence[Row], measure_id: str) -> dict[str, str]:
    """The table of counts behind a measure of pairs and its sidecar, by their names below OUT."""
    name = f"{FOLDER}/pairs-{measure_id}"
    filled = {column: about for column, about in COLUMNS.items() if any(column in row for row in rows)}
    sidecar = {
        "Description": f"the counts behind each d' of measure '{measure_id}'; a description, nothing is decided by it",
        "GeneratedBy": generated_by(Step="measure_of_pairs"),
        **filled,
    }
    cells = [[_cell(row, column) for column in filled] for row in rows]
    return {
        f"{name}.tsv": table_text(list(filled), cells),
        f"{name}.json": json.dumps(sidecar, indent=2, ensure_ascii=False) + "\n",
    }


def _cell(row: Row, column: str) -> Any:
    value = row.get(column)
    if isinstance(value, float) and np.isnan(value):
        return None
    return int(row["included"]) if column == "included" else value
