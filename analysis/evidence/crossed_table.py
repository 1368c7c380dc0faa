"""The table a crossed model is fitted to, and the model the plan's question asks for (INFERENCE 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from analysis.evidence.crossed_weights import WEIGHT, weighing_of
from analysis.evidence.effects import effects_of
from analysis.evidence.estimates import NotEstimable
from analysis.evidence.question import Question
from analysis.models import Reduction, Term
from protocols.plan.expanding import ALL_CLIPS, FIXATION, PSEUDO_CONDITIONS

VALUE, PERSON, C = "value", "person", "c"
RESERVED = (VALUE, PERSON, C, "g", "scene", "clip", "group", WEIGHT, "1")
Numbers = dict[str, float]


@dataclass(frozen=True)
class Layout:
    """A crossed model before it is fitted.

    Attributes
    ----------
    rows
        One row per value: ``value, person, group``, the item, and every column of the model.
    groups
        Column of each group: 1 in its rows, 0 elsewhere.
    between
        Columns that tell the groups apart for the items: ``g`` of ±½ for two groups.
    item, paired
        Grouping column of the items; whether they were shown in both conditions.
    contrast
        Whether the effect is a difference of two conditions (then ``c`` is ±½), or a mean.
    sign
        -1 where the effect is the negative of what the model estimates.
    fixed, random, order
        The model's fixed effects and random terms, and the sealed order of reductions.
    covariates
        For each group the columns of its covariates, and whether their mean varies between samples.
    weights, weighing
        Column of the values' prior weights, if any, and what to say of them.
    """

    rows: pd.DataFrame
    groups: Mapping[str, str]
    between: tuple[str, ...]
    item: Literal["scene", "clip"]
    paired: bool
    contrast: bool
    sign: float
    fixed: tuple[str, ...]
    random: tuple[Term, ...]
    order: tuple[Reduction, ...]
    covariates: Mapping[str, tuple[str, ...]]
    sampled: tuple[bool, ...]
    weights: str | None = None
    weighing: str = ""

    @property
    def people(self) -> dict[str, int]:
        """People per group."""
        return {
            name: int(self.rows.loc[self.rows["group"] == name, PERSON].nunique()) for name in self.groups
        }

    def effect_of(self, group: str) -> str:
        """The fixed effect that is a group's effect."""
        return f"{self.groups[group]}:{C}" if self.contrast else self.groups[group]

    def point(self, group: str, c: float) -> Numbers:
        """The model's columns for the average person of a group in one condition."""
        chosen = self.rows[self.rows["group"] == group].iloc[0]
        names = [*self.groups.values(), *self.between]
        point = {name: float(chosen[name]) for name in names}
        return {**point, C: c, **{name: 0.0 for columns in self.covariates.values() for name in columns}}


def lay_out(question: Question, groups: Sequence[str]) -> Layout:
    """Rows and model for the people of `groups` who may enter.

    Raises
    ------
    NotEstimable
        If rows name no scene or clip, a group has nobody, or the conditions are none the model compares.
    """
    first, second, sign = _conditions(question)
    used = _rows(question, groups, first, second)
    item, paired = _item(used, first, second)
    columns = {group: group if group not in RESERVED else f"{group}_" for group in groups}
    data = {
        VALUE: used["value"].to_numpy(float) - _against(question),
        PERSON: used["participant_id"].to_numpy(),
        "group": used["group"].to_numpy(),
        item: used[item].to_numpy(),
    }
    rows = pd.DataFrame(data)
    for group, name in columns.items():
        rows[name] = (rows["group"] == group).astype(float)
    weighing = weighing_of(question.table, used)
    if weighing.weights is not None:
        rows[WEIGHT] = weighing.weights
    between = _between(rows, list(groups))
    shown = used["condition"].to_numpy()
    contrast = first not in (None, FIXATION)
    fixed = [name + suffix for name in columns.values() for suffix in ("", f":{C}")[: 1 + contrast]]
    if contrast:
        rows[C] = np.where(shown == second, 0.5, -0.5)
    elif second == ALL_CLIPS:  # the mean over conditions, each counting once
        fixed += _sum_coded(rows, shown)
    covariates = _covariates(question, groups, rows, columns)
    for group, names in covariates.items():
        fixed += [name + suffix for name in names for suffix in ("", f":{C}")[: 1 + contrast]]
        del group
    random = [Term(PERSON, _effects(name, contrast)) for name in columns.values()]
    random += _item_terms(item, paired, contrast, between)
    sampled = tuple(covariate.centre == "group" for covariate in question.measure.covariates)
    return Layout(
        rows,
        columns,
        between,
        item,
        paired,
        contrast,
        sign,
        tuple(fixed),
        tuple(random),
        _order(item, between),
        covariates,
        sampled,
        WEIGHT if weighing.weights is not None else None,
        weighing.note,
    )


def _conditions(question: Question) -> tuple[str | None, str | None, float]:
    """The conditions compared, fixation first, and the effect's sign."""
    first, second = question.conditions
    if second == FIXATION:
        first, second, sign = second, first, -1.0
    else:
        sign = 1.0
    if first == ALL_CLIPS or (second in PSEUDO_CONDITIONS and first != FIXATION):
        raise NotEstimable(
            f"the crossed model compares two conditions, or one with fixation, not '{first}' with '{second}'"
        )
    return first, second, sign


def _against(question: Question) -> float:
    h = question.item.hypothesis
    return h.against if h.effect == "level" else 0.0


def _rows(question: Question, groups: Sequence[str], first: str | None, second: str | None) -> pd.DataFrame:
    """The included rows of the people who may enter; all their rows, scenes with one version too."""
    effects, _ = effects_of(question, groups)
    entered = {group: set(codes) for group, codes in effects.people(groups).items()}
    for group, codes in entered.items():
        if len(codes) < 2:
            people = "nobody" if not codes else "one person"
            raise NotEstimable(f"'{group}' has usable values of {people}, and the model needs at least 2")
    used = question.table.used
    used = used[
        used["group"].isin(list(groups)) & used["participant_id"].isin(set().union(*entered.values()))
    ]
    named = [name for name in (first, second) if name is not None and name not in PSEUDO_CONDITIONS]
    return used[used["condition"].isin(named)] if named else used


def _item(used: pd.DataFrame, first: str | None, second: str | None) -> tuple[Literal["scene", "clip"], bool]:
    """The items: scenes where rows name them, else clips; and whether they were shown in both conditions."""
    item: Literal["scene", "clip"]
    if used["scene"].notna().all():
        item = "scene"
    elif used["clip"].notna().all():
        item = "clip"
    else:
        count = int((used["scene"].isna() & used["clip"].isna()).sum())
        raise NotEstimable(
            f"{count} of {len(used)} rows name neither scene nor clip, and the crossed model needs them"
        )
    versions = used[used["condition"].isin([first, second])].groupby(item)["condition"].nunique()
    return item, bool((versions == 2).sum() >= 2)


def _between(rows: pd.DataFrame, groups: list[str]) -> tuple[str, ...]:
    """Columns of contrasts between groups, each with mean 0 over groups and a range of 1: Helmert's for more than 2."""
    names = []
    for k in range(1, len(groups)):
        name = "g" if len(groups) == 2 else f"g{k}"
        codes = dict.fromkeys(groups[k + 1 :], 0.0) | dict.fromkeys(groups[:k], -1.0 / (k + 1))
        codes[groups[k]] = k / (k + 1)
        rows[name] = rows["group"].map(codes).astype(float)
        names.append(name)
    return tuple(names)


def _sum_coded(rows: pd.DataFrame, shown: np.ndarray) -> list[str]:
    levels = sorted(set(shown))
    names = []
    for k, level in enumerate(levels[:-1]):
        name = f"condition_{k + 1}"
        rows[name] = (shown == level).astype(float) - (shown == levels[-1]).astype(float)
        names.append(name)
    return names


def _covariates(
    question: Question, groups: Sequence[str], rows: pd.DataFrame, columns: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Centred covariates, one column per group and covariate, 0 in the other groups."""
    effects, centred = effects_of(question, groups)
    if centred is None:
        return {}
    codes = effects.people(groups)
    found = {}
    for group in groups:
        names = []
        for k, covariate in enumerate(question.measure.covariates):
            name = f"{columns[group]}_{covariate.name}"
            values = dict(zip(codes[group], centred[group][:, k], strict=True))
            rows[name] = np.where(rows["group"] == group, rows[PERSON].map(values), 0.0).astype(float)
            names.append(name)
        found[group] = tuple(names)
    return found


def _effects(name: str, contrast: bool) -> list[str]:
    return [name, f"{name}:{C}"] if contrast else [name]


def _item_terms(item: str, paired: bool, contrast: bool, between: tuple[str, ...]) -> list[Term]:
    slopes = contrast and paired
    if len(between) <= 1:
        return [Term(item, ["1", *([C] if slopes else []), *_products(between, slopes)])]
    own = Term(item, _effects("1", False) + ([C] if slopes else []))
    return [own, *(Term(item, _products((name,), slopes), correlated=False) for name in between)]


def _products(between: tuple[str, ...], slopes: bool) -> list[str]:
    return [*between, *(f"{name}:{C}" for name in between if slopes)]


def _order(item: str, between: tuple[str, ...]) -> tuple[Reduction, ...]:
    """Correlations; then g | item; c | item and g:c | item only when estimated at 0 (INFERENCE 2)."""
    return (
        Reduction(item),
        Reduction(PERSON),
        *(Reduction(item, name) for name in between),
        Reduction(item, C, only_at_zero=True),
        *(Reduction(item, f"{name}:{C}", only_at_zero=True) for name in between),
    )


def of_group(question: Question, group: str) -> Question:
    """The same question about one group alone."""
    item = replace(question.item, groups=(group,), weights=(1.0,), group=group)
    return replace(question, item=item, groups=(group,))
