"""The model that decided: its formula, every parameter, and the way to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.evidence.verdict import HypothesisRecord
from analysis.evidence.wording import amount, capital, p_value, percent, unit_words
from analysis.report.saved import Study, records
from analysis.report.words import bare, count
from protocols.base.errors import listed
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of
from protocols.plan.measuring import CHOICES

ITEMS = ("scene", "clip")
OVER = {"person": "people", "scene": "scenes", "clip": "clips"}


@dataclass(frozen=True)
class FittedModel:
    """A crossed model as the page shows it.

    Attributes
    ----------
    formula
        Random terms as they stand after the reductions.
    sentences
        What the formula's names mean, and what the numbers are in.
    grids
        Parameters and the way to the model, unless they stand with an earlier hypothesis; people's spread by group.
    same_as
        The hypothesis with which the same model stands already, or empty.
    """

    formula: str
    sentences: Sequence[str]
    grids: Sequence[Grid]
    same_as: str = ""


@dataclass(frozen=True)
class Names:
    """What a model's columns are called.

    Attributes
    ----------
    columns
        Label of the group each group's column belongs to, in the plan's order.
    mean, difference
        What a group's column and its product with c estimate.
    """

    columns: dict[str, str]
    mean: str
    difference: str

    def of(self, effect: str) -> str:
        """A parameter in words."""
        base = "1" if effect == "c" else effect.removesuffix(":c")
        what = self.difference if effect == "c" or effect.endswith(":c") else self.mean
        if base == "1":
            return what
        if base in self.columns:
            return f"{what}, {self.columns[base]}"
        if re.fullmatch(r"g\d*", base):
            labels = list(self.columns.values())
            if base == "g" and len(labels) == 2:
                return f"{what}, {labels[1]} − {labels[0]}"
            place = int(base[1:] or 1)
            return f"{what}, {listed(labels[place : place + 1])} against {listed(labels[:place])}"
        if re.fullmatch(r"condition_\d+", base):
            return "conditions told apart"
        group = next((name for name in self.columns if base.startswith(f"{name}_")), None)
        if group is None:
            return effect
        change = f"change of the {'difference' if what == self.difference else 'mean'}"
        return f"{change} per unit of {base.removeprefix(f'{group}_')}, {self.columns[group]}"


def fitted_model(study: Study, record: HypothesisRecord) -> FittedModel | None:
    """The model behind a record; None where none decided or its parameters were not saved."""
    rows = study.rows_of("models", record.id)
    if rows is None or rows.empty:
        return None
    parts = records(rows)
    names = names_of(study, record, [row["effect"] for row in parts if row["part"] == "fixed"])
    same_as = _same_as(study, record)
    grids = [] if same_as else [_parameters(study, parts, names), _way(study, record)]
    grids.append(spread_by_group(study, record))
    return FittedModel(
        formula(study, record) or "",
        _sentences(study, record, parts, names),
        [grid for grid in grids if grid],
        same_as,
    )


def _same_as(study: Study, record: HypothesisRecord) -> str:
    """The first hypothesis of the same measure and comparison with the very same fit."""
    for other in study.verdict.hypotheses:
        if other.id == record.id:
            return ""
        asked = [(one.measure, one.contrast, one.condition) for one in (other, record)]
        if asked[0] == asked[1] and all(
            _equal(study, name, other, record) for name in ("models", "reductions")
        ):
            return other.id
    return ""


def _equal(study: Study, table: str, first: HypothesisRecord, second: HypothesisRecord) -> bool:
    a, b = study.rows_of(table, first.id), study.rows_of(table, second.id)
    if a is None or b is None:
        return True
    plain = [part.drop(columns="hypothesis").reset_index(drop=True) for part in (a, b)]
    return len(a) > 0 and plain[0].equals(plain[1])


def names_of(study: Study, record: HypothesisRecord, fixed: Sequence[str]) -> Names:
    """What the model's columns are called."""
    plan = study.plan
    columns = {
        name: label_of(plan, "group", group)
        for group in plan.groups
        for name in (group, f"{group}_")
        if name in fixed
    }
    if any(name.endswith(":c") for name in fixed) and record.contrast:
        first, second = (label_of(plan, "condition", name) for name in record.contrast)
        return Names(columns, "mean of both conditions", f"{second} − {first}")
    what = record.condition or (record.contrast or ("", ""))[1]
    mean = f"mean for {label_of(plan, 'condition', what)}" if what else "mean"
    against = study.items[record.id].hypothesis.against if record.effect == "level" else 0.0
    return Names(columns, f"{mean} − {amount(against)}" if against else mean, "")


def formula(study: Study, record: HypothesisRecord, place: int = -1) -> str | None:
    """The model's formula, with the random terms it stands with, or those of another place of the order."""
    models, steps = study.rows_of("models", record.id), study.rows_of("reductions", record.id)
    if models is None or steps is None or models.empty or steps.empty:
        return None
    fixed = models.loc[models["part"] == "fixed", "effect"]
    random = steps.sort_values("place")["model"].iloc[place]
    choices = study.plan.measures[record.measure].statistic in CHOICES
    return f"{'probit P(AI)' if choices else 'value'} ~ 0 + {' + '.join(fixed)} + {random}"


def _sentences(
    study: Study, record: HypothesisRecord, parts: Sequence[dict[str, Any]], names: Names
) -> list[str]:
    """What the formula's letters mean, whose model it is, and what its numbers are in."""
    effects = {str(row["effect"]) for row in parts if row["effect"]}
    letters = {letter for effect in effects for letter in effect.split(":")}
    labels, mine = list(names.columns.values()), [label_of(study.plan, "group", one) for one in record.groups]
    found = []
    if "c" in letters and record.contrast:
        first, second = (label_of(study.plan, "condition", name) for name in record.contrast)
        found.append(f"c is −½ for {first} and ½ for {second}.")
    if len(labels) > 1:
        found.append(f"{' and '.join(names.columns)} are 1 in the rows of that group and 0 elsewhere.")
    if "g" in letters and len(labels) == 2:
        found.append(f"g is −½ for {labels[0]} and ½ for {labels[1]}.")
    elif any(re.fullmatch(r"g\d+", letter) for letter in letters):
        found.append("g1, g2 and so on tell the groups apart (Helmert’s contrasts).")
    found.append("A double bar stands for random effects without correlations.")
    if set(labels) - set(mine):
        found.append(
            f"{capital(' and '.join(labels))} share one model and its {_items(parts)}; this result is about "
            f"{' and '.join(mine)}."
        )
    if study.plan.measures[record.measure].statistic in CHOICES:
        found.append(
            "Estimates and SDs are in probits, for a typical person and a typical item; the decided d′ is averaged "
            f"over {_items(parts)}, which makes it smaller."
        )
    else:
        found.append(f"Estimates and SDs are in {unit_words(record.unit) or 'the measure’s unit'}.")
    return found


def _items(parts: Sequence[dict[str, Any]]) -> str:
    groups = {str(row["group"]) for row in parts if row["part"] == "levels"}
    return next((OVER[name] for name in ITEMS if name in groups), "items")


def _parameters(study: Study, parts: Sequence[dict[str, Any]], names: Names) -> Grid:
    rows = [_parameter(study, row, names) for row in parts]
    columns = ("Parameter", "Estimate", "SE", "df", "In the model")
    return Grid("Every parameter", columns, rows, frozenset({1, 2, 3}))


def _parameter(study: Study, row: dict[str, Any], names: Names) -> tuple[str, ...]:
    part, effect, group = row["part"], str(row["effect"] or ""), str(row["group"] or "")
    over = OVER.get(group, group)
    if part == "fixed":
        df = "–" if not np.isfinite(row["df"]) else amount(row["df"], 1)
        return capital(names.of(effect)), amount(row["value"], 3), amount(row["se"], 3), df, effect
    if part == "sd" and group == "residual":
        own = f", {label_of(study.plan, 'group', effect)}" if effect in study.plan.groups else ""
        return f"Residual SD{own}", amount(row["value"], 3), "", "", ""
    if part == "sd":
        return f"SD over {over}: {names.of(effect)}", amount(row["value"], 3), "", "", effect
    if part == "correlation":
        other = str(row["other"])
        words = f"Correlation over {over}: {names.of(effect)} with {names.of(other)}"
        return words, amount(row["value"]), "", "", f"{effect}, {other}"
    if part == "levels":
        return capital(over), count(row["value"]), "", "", group
    if part == "rows":
        return "Values", count(row["value"]), "", "", ""
    return capital(part), amount(row["value"]), "", "", ""


def _way(study: Study, record: HypothesisRecord) -> Grid | None:
    """What was tried in the sealed order; None where the first model stands."""
    steps = study.rows_of("reductions", record.id)
    if steps is None or len(steps) < 2:
        return None
    rows = []
    for row in records(steps.sort_values("place")):
        found, _, then = str(row["reason"]).partition(": next ")
        rows.append(
            (
                count(row["place"]),
                str(row["model"]),
                "yes" if row["converged"] == 1 else "no",
                capital(found),
                capital(then) or "–",
            )
        )
    columns = ("Step", "Random terms", "Converged", "What was found", "Next")
    return Grid("The way to this model, in the sealed order", columns, rows, long=True)


def spread_by_group(study: Study, record: HypothesisRecord) -> Grid | None:
    """The test of people's spread in each group; None where the card has said it all."""
    tested = study.rows_of("spread", record.id)
    if tested is None or len(tested) < 2:
        return None
    unit = unit_words(record.unit)
    rows = [
        (
            capital(label_of(study.plan, "group", row["group"])),
            amount(row["sd"]),
            amount(row["upper_limit"]),
            amount(row["bound"]),
            "n/a" if np.isnan(row["p"]) else bare(p_value(row["p"])),
            str(
                row["reason"]
                or ("below its bound" if row["below"] == 1 else "not shown to be below its bound")
            ),
        )
        for row in records(tested)
    ]
    level = next((percent(row["level"]) for row in records(tested) if not np.isnan(row["level"])), "")
    columns = ("Group", f"SD ({unit})", f"Upper {level} limit", "Bound", "p", "Outcome")
    return Grid("Spread over people, group by group", columns, rows, frozenset({1, 2, 3, 4}))
