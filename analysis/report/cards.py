"""What a hypothesis' card shows, as plain text and rows of cells for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from analysis.evidence.verdict import Ci, ControlRecord, HypothesisRecord
from analysis.evidence.wording import amount, capital, p_value, percent, unit_words
from analysis.report.drawing import Picture
from analysis.report.panels import pictures
from analysis.report.saved import Study, records
from analysis.report.words import (
    MAGNITUDE_WORDS,
    OUTCOME_MEANINGS,
    OUTCOME_WORDS,
    bayes_factor,
    count,
    measure_words,
    who_words,
)
from protocols.plan.expanding import label_of


@dataclass(frozen=True)
class Grid:
    """A table of the page.

    Attributes
    ----------
    caption
        What it is.
    columns
        Column headers; the first column of every row is the row's header.
    rows
        Cells as text.
    numeric
        Which columns hold numbers, to be set flush right.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Card:
    """One hypothesis as the page shows it."""

    record: HypothesisRecord
    who: str
    measure: str
    statement: str
    outcome: str
    meaning: str
    magnitude: str
    jointly: bool
    pictures: Sequence[Picture]
    caption: str
    numbers: Sequence[tuple[str, str]]
    control: str
    spread: str
    notes: Sequence[str]
    beside: Sequence[Grid] = field(default_factory=tuple)
    opinion: str = ""


def card(study: Study, record: HypothesisRecord, out: Path) -> Card:
    """Draw a hypothesis' figures and put its words and numbers together."""
    family = study.plan.families.get(record.family or "")
    return Card(
        record=record,
        who=who_words(study.plan, record),
        measure=measure_words(study.plan, record),
        statement=capital(record.statement.removeprefix(f"{record.id} ")),
        outcome=OUTCOME_WORDS[record.outcome],
        meaning=OUTCOME_MEANINGS[record.outcome],
        magnitude=MAGNITUDE_WORDS.get(record.magnitude or "", ""),
        jointly=bool(family and family.claim == "all"),
        pictures=pictures(study, record, out),
        caption=_caption(record),
        numbers=_numbers(study, record),
        control=_control(study, record, record.control) if record.control else "",
        spread=_spread(record),
        notes=_notes(study, record),
        beside=[grid for grid in (_sensitivity(study, record), _bayes(study, record)) if grid],
        opinion=_opinion(study, record),
    )


def _caption(record: HypothesisRecord) -> str:
    if record.estimate is None:
        return "One dot or line per person; there is no estimate to draw."
    band = (
        "The shaded band holds effects too small to matter. "
        if record.bound is not None
        else "No bound was declared, so there is no band. "
    )
    return (
        f"One dot or line per person; horizontal strokes are group means. {band}The white point is the estimate; "
        "the thin line is its interval for the difference, the thick line the one for equivalence."
    )


def _interval(ci: Ci | None, unit: str) -> str:
    return "n/a" if ci is None else f"{amount(ci.low, 3)} to {amount(ci.high, 3)} {unit}".strip()


def _numbers(study: Study, record: HypothesisRecord) -> list[tuple[str, str]]:
    """Every number of the deciding analysis, in the order a reader asks for them."""
    unit = unit_words(record.unit)
    people = ", ".join(
        f"{count(n)} {label_of(study.plan, 'group', group)}" for group, n in record.n_people.items()
    )
    rows = [
        (
            "Estimate",
            f"{amount(record.estimate, 3)} {unit}".strip() if record.estimate is not None else "none",
        )
    ]
    if record.estimate is not None:
        rows.append(("Standard error; df", f"{amount(record.se, 3)}; {amount(record.df, 1)}"))
        for name, ci in (("difference", record.ci_difference), ("equivalence", record.ci_equivalence)):
            if ci is not None:
                rows.append((f"{percent(ci.level)} interval ({name})", _interval(ci, unit)))
    rows.append(
        ("Bound", f"±{amount(record.bound)} {unit}".strip() if record.bound is not None else "none declared")
    )
    if record.estimate is not None:
        rows.append(
            ("Difference from 0", _pair(record.p_raw, record.p_adjusted, record.asks != "equivalence"))
        )
        if record.bound is not None:
            rows.append(
                (
                    "Above lower, below upper bound",
                    f"{p_value(record.p_above_lower_bound)}, {p_value(record.p_below_upper_bound)}",
                )
            )
            if record.p_equivalence_adjusted is not None and record.asks != "difference":
                rows.append(("Equivalence, adjusted", p_value(record.p_equivalence_adjusted)))
    rows.append(("People", people or "nobody"))
    if record.estimate is not None:
        rows += [("Scenes", _scenes(record)), ("Deciding analysis", capital(record.method))]
    return rows


def _scenes(record: HypothesisRecord) -> str:
    number = "not named in the table" if record.n_scenes is None else str(record.n_scenes)
    return f"{number}; the result holds for {record.scope.removeprefix('for ')}"


def _pair(raw: float | None, adjusted: float | None, asked: bool) -> str:
    return f"{p_value(raw)} (adjusted: {p_value(adjusted)})" if asked else f"{p_value(raw)} (not asked for)"


def _control(study: Study, record: HypothesisRecord, control: ControlRecord) -> str:
    """The control that decides, in a sentence."""
    first, second = (label_of(study.plan, "condition", name) for name in control.contrast)
    unit = unit_words(record.unit)
    difference = f"{second} − {first}" if control.direction == "above" else f"{first} − {second}"
    head = f"{capital(difference)} in {label_of(study.plan, 'group', control.group)}"
    if control.estimate is None or control.lower_limit is None:
        return (
            f"{head}: not estimable, because {control.reason}. Without it equivalence cannot be interpreted."
        )
    level, required = percent(1 - study.plan.decision.alpha), amount(control.minimum)
    numbers = (
        f"{amount(control.estimate)} {unit}, one-sided {level} lower limit {amount(control.lower_limit)}"
    )
    if control.outcome == "passed":
        return f"{head}: {numbers}, above the required {required}. The measure could have shown a difference."
    return (
        f"{head}: {numbers}, not above the required {required}. Without it equivalence cannot be interpreted."
    )


def _spread(record: HypothesisRecord) -> str:
    spread = record.spread
    if spread is None:
        return ""
    bound = f"{amount(spread.bound)} {unit_words(record.unit)}" if spread.bound is not None else "none"
    word = {
        "not_tested": "not tested",
        "inside": "inside its bound",
        "not_shown": "not shown to be inside its bound",
    }[spread.outcome]
    return f"{word} (bound {bound}{f'; {spread.reason}' if spread.reason else ''})"


def _notes(study: Study, record: HypothesisRecord) -> list[str]:
    """Where eye and verdict could part: intervals are as estimated, decisions may be adjusted or qualified."""
    ci, decision = record.ci_equivalence, study.plan.decision
    others = f"with the other hypotheses of family '{record.family}' counted"
    found = []
    if ci is not None and record.bound is not None and record.p_equivalence_adjusted is not None:
        inside = -record.bound < ci.low and ci.high < record.bound
        if inside and record.p_equivalence_adjusted > decision.alpha_equivalence:
            found.append(
                f"The {percent(ci.level)} interval lies inside the bound, but {others} "
                f"({p_value(record.p_equivalence_adjusted)}) equivalence is not shown."
            )
    if (
        record.p_raw is not None
        and record.p_adjusted is not None
        and record.p_raw <= decision.alpha < record.p_adjusted
    ):
        found.append(
            f"Taken alone the difference would pass ({p_value(record.p_raw)}); {others} "
            f"({p_value(record.p_adjusted)}) it does not."
        )
    return found


def _sensitivity(study: Study, record: HypothesisRecord) -> Grid | None:
    rows = study.rows_of("sensitivity", record.id)
    if rows is None or rows.empty:
        return None
    level = percent(1 - study.plan.decision.alpha)
    cells = [
        (
            capital(str(row["analysis"])),
            amount(row["estimate"], 3),
            "n/a" if pd.isna(row["low"]) else f"{amount(row['low'], 3)} to {amount(row['high'], 3)}",
            "n/a" if pd.isna(row["p"]) else p_value(row["p"]).removeprefix("p ").removeprefix("= "),
            count(row["n"]),
            str(row["note"] or ""),
        )
        for row in records(rows)
    ]
    columns = ("Analysis", "Estimate", f"{level} interval", "p", "n", "Note")
    return Grid("Other reasonable analyses; they decide nothing", columns, cells, frozenset({1, 2, 3, 4}))


def _bayes(study: Study, record: HypothesisRecord) -> Grid | None:
    rows = study.rows_of("bayes", record.id)
    if rows is None or rows.empty:
        return None
    cells = [
        (
            capital(str(row["kind"])),
            str(row["prior"]).replace(" x ", " × "),
            bayes_factor(row["bf10"]),
            bayes_factor(row["bf01"]),
        )
        for row in records(rows)
    ]
    columns = ("Against", "Prior on the effect", "BF₁₀, for an effect", "BF₀₁, against it")
    return Grid("Bayes factors, as description", columns, cells, frozenset({2, 3}))


def _opinion(study: Study, record: HypothesisRecord) -> str:
    rows = study.rows_of("second_opinion", record.id)
    if rows is None or rows.empty:
        return ""
    row = rows.iloc[0]
    ours = f"t({amount(row['our_df'], 1)}) = {amount(row['our_t'], 3)}, {p_value(row['our_p'])}"
    theirs = f"t({amount(row['df'], 1)}) = {amount(row['t'], 3)}, {p_value(row['p'])}"
    return f"{theirs} by {row['program']}; {ours} here: {'they agree' if row['agrees'] == 1 else 'THEY DISAGREE'}."
