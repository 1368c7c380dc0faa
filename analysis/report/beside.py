"""The deciding analysis beside the others: side by side those everybody asks for, folded the rest."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, capital, p_value, percent
from analysis.report.saved import Study, records
from analysis.report.words import bare, bayes_factor, count, drawn_p, item_words
from protocols.pages.grids import Grid
from protocols.plan.measuring import DPRIMES

SIDE_BY_SIDE = {"by person": "people", "by scene": "scenes", "by clip": "clips"}
"""Rows of the sensitivity table that stand beside the deciding one, and what their units are."""
NUMBERS = {2: "Two", 3: "Three", 4: "Four"}


def side_by_side(study: Study, record: HypothesisRecord) -> Grid | None:
    """The deciding analysis and the tests over people and over scenes; None where nothing stands beside it."""
    others = _chosen(study, record)
    if record.estimate is None or record.ci_difference is None or not others:
        return None
    people, items = sum(record.n_people.values()), item_words(record)
    crossed = record.deciding_model == "crossed_mixed"
    units = f"{count(people)} people and {count(record.n_scenes)} {items}, both random"
    if not crossed:
        units = f"{count(people)} people; {items} fixed"
    mark = "the plan’s choice" if record.exploratory else "decides"
    samples = study.plan.decision.bootstrap_samples if study.bootstrapped(record) else None
    ci = record.ci_difference
    rows = [
        (
            f"{_name(study, record, 'crossed' if crossed else 'people')} ({mark})",
            amount(record.estimate, 3),
            f"{amount(ci.low, 3)} to {amount(ci.high, 3)}",
            bare(drawn_p(record.p_raw, samples, tails=2)),
            units,
        )
    ]
    for row in others:
        unit = SIDE_BY_SIDE[row["analysis"]]
        fixed = items if unit == "people" else "people"
        rows.append(
            (
                _name(study, record, unit),
                *_numbers(row),
                f"{count(row['n'])} {unit}; {fixed} fixed"
                if not pd.isna(row["estimate"])
                else f"not estimable: {row['note']}",
            )
        )
    columns = ("Analysis", "Estimate", f"{percent(ci.level)} interval", "p, unadjusted", "Units")
    caption = f"{NUMBERS[len(rows)]} analyses side by side"
    return Grid(caption, columns, rows, frozenset({1, 2, 3}), frozenset({0}))


def _chosen(study: Study, record: HypothesisRecord) -> list[dict[str, Any]]:
    """One row per kind of unit, with an estimate where there is one."""
    rows = study.rows_of("sensitivity", record.id)
    if rows is None:
        return []
    found: dict[str, dict[str, Any]] = {}
    for row in records(rows):
        unit = SIDE_BY_SIDE.get(str(row["analysis"]))
        if unit and (unit not in found or pd.isna(found[unit]["estimate"])):
            found[unit] = row
    return list(found.values())


def _name(study: Study, record: HypothesisRecord, unit: str) -> str:
    """An analysis as the reader knows it; for d′ with the kind of d′ it has."""
    names = {"crossed": "Crossed model", "people": "Test over people"}
    kinds = {"crossed": f"d′ marginal over {item_words(record)}", "people": "d′ per person"}
    name = names.get(unit, f"Test over {unit}")
    if study.plan.measures[record.measure].statistic not in DPRIMES:
        return name
    return f"{name}, {kinds.get(unit, f'z of each {unit[:-1]}’s shares')}"


def _numbers(row: dict[str, Any]) -> tuple[str, str, str]:
    return (
        amount(row["estimate"], 3),
        "n/a" if pd.isna(row["low"]) else f"{amount(row['low'], 3)} to {amount(row['high'], 3)}",
        "n/a" if pd.isna(row["p"]) else bare(p_value(row["p"])),
    )


def which_decides(study: Study, record: HypothesisRecord) -> str:
    """Which analysis decides, and why its interval says more or less than the others'."""
    crossed = record.deciding_model == "crossed_mixed"
    if record.estimate is None:
        if not crossed:
            return ""
        return "The plan lets the crossed model decide. It has no estimate, and no other analysis takes its place."
    verb = "gives the result" if record.exploratory else "decides"
    names = {row["analysis"] for row in _chosen(study, record)}
    over = next((SIDE_BY_SIDE[name] for name in ("by scene", "by clip") if name in names), None)
    items = item_words(record)
    if not crossed:
        text = (
            f"The test over people {verb}, as the plan says. It takes the {items} as they are, so its interval allows "
            f"for other people and not for other {items}."
        )
        return text + (f" The test over {over} takes the people as they are." if over else "")
    if record.scope == "for these scenes":
        text = (
            f"The crossed model {verb}, as the plan says: people and {items} are both random there. With "
            f"{count(record.n_scenes)} {items} their variation is known too poorly to speak of others, so the result "
            f"is for these {items}."
        )
    else:
        text = (
            f"The crossed model {verb}, as the plan says: people and {items} are both random there, so its interval "
            f"allows for other people and for other {items} of this kind."
        )
    parts = [f"The test over people takes the {items} as fixed"] if "by person" in names else []
    parts += [f"the one over {over} takes the people as fixed"] if over else []
    return f"{text} {capital(', '.join(parts))}." if parts else text


def other_analyses(study: Study, record: HypothesisRecord) -> Grid | None:
    """The other reasonable analyses."""
    rows = study.rows_of("sensitivity", record.id)
    if rows is None:
        return None
    shown = SIDE_BY_SIDE if side_by_side(study, record) else {}
    rows = rows[~rows["analysis"].isin(list(shown))]
    if rows.empty:
        return None
    level = percent(1 - study.plan.decision.alpha)
    cells = [
        (
            capital(str(row["analysis"])).replace("d'", "d′"),
            *_numbers(row),
            count(row["n"]),
            str(row["note"] or "").replace("d'", "d′"),
        )
        for row in records(rows)
    ]
    columns = ("Analysis", "Estimate", f"{level} interval", "p", "n", "Note")
    return Grid("Other reasonable analyses; they decide nothing", columns, cells, frozenset({1, 2, 3, 4}))


def bayes(study: Study, record: HypothesisRecord) -> Grid | None:
    """Bayes factors."""
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


def opinion(study: Study, record: HypothesisRecord) -> str:
    """The test over people by an independent program."""
    rows = study.rows_of("second_opinion", record.id)
    if rows is None or rows.empty:
        return ""
    row = rows.iloc[0]
    ours = f"t({amount(row['our_df'], 1)}) = {amount(row['our_t'], 3)}, {p_value(row['our_p'])}"
    theirs = f"t({amount(row['df'], 1)}) = {amount(row['t'], 3)}, {p_value(row['p'])}"
    return f"{theirs} by {row['program']}; {ours} here: {'they agree' if row['agrees'] == 1 else 'THEY DISAGREE'}."
