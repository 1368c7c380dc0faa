"""From a table's rows to trials: who, what was shown, what is true of it, what was answered – or why it is no use."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analysis.importing.mapping import Exclude
from analysis.importing.numbers import NotANumber
from analysis.importing.people import Census
from analysis.importing.reader import NAN, Reader
from analysis.importing.rows import Reading, person_of
from analysis.importing.trial_map import TrialMap
from analysis.importing.unusable import EMPTY, KEPT, LEFT_OUT, Unusable
from protocols.base.errors import Fault, InputError, did_you_mean, listed, nearest

SECONDS = {"s": 1.0, "ms": 0.001}
PLACES = ("session", "task", "run")
"""A trial without one of these, where the table has it, cannot be put into a file."""


@dataclass(frozen=True)
class Names:
    """What names in the table may mean.

    Attributes
    ----------
    groups, ranges
        Groups, and their ages in months.
    arms
        What may be true of a stimulus; None where nothing names it.
    answers
        What may be answered; None where nothing names it.
    """

    groups: tuple[str, ...]
    ranges: Mapping[str, tuple[int, int]]
    arms: tuple[str, ...] | None
    answers: frozenset[str] | None


@dataclass
class Trials(Reading):
    """What a file says; ``values`` holds one dictionary per trial.

    Attributes
    ----------
    categories
        What people are, in words: by person, the category's value and the line that said so first.
    """

    categories: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)


def answers_of(how: TrialMap, arms: Sequence[str] | None) -> frozenset[str] | None:
    """The answers there can be: those of the map, else what is right for some arm."""
    if how.slider is not None:
        return frozenset(filter(None, (how.slider.above, how.slider.below, how.slider.at)))
    recoded = {str(ours) for ours in how.recoded("response").values()}
    if recoded or arms is None or isinstance(how.right_answer, str):
        return frozenset(recoded) or None
    right = how.right_answer or {}
    return frozenset(right.get(arm, arm) for arm in arms)


def read_trials(reader: Reader, how: TrialMap, names: Names, codes: Mapping[str, str]) -> Trials:
    """Read every trial of a table.

    Raises
    ------
    InputError
        Where numbers have another decimal sign than declared, a person is in two groups, or what is true of the
        stimuli, or what was answered, is misspelt throughout.
    """
    found = Trials(Census(how, names.groups, names.ranges, reader.missing))
    readers: list[tuple[str | None, Reader, TrialMap]] = [(None, reader, how)]
    if how.is_wide:
        readers = []
        for name in how.stimuli or {}:
            one, own = (
                copy.copy(reader),
                how.of_item(name),
            )  # what they notice is shared, their columns are not
            one.how = own
            readers.append((name, one, own))
    for line, cells in reader.table.rows:
        found.read += len(readers)
        about = person_of(reader, how, found, codes, line, cells, len(readers))
        if about is None:
            continue
        _categories(reader, how, found, about[0], line, cells)
        for item, one, own in readers:
            _Trial(one, own, names, found, line, cells, about).read(item)
    reader.check_signs()
    reader.check_recoding()
    found.census.check(str(reader.table.file))
    _check_known(reader, names, found)
    return found


def _categories(
    reader: Reader, how: TrialMap, found: Trials, code: str, line: int, cells: tuple[str, ...]
) -> None:
    for name, column in (how.categories or {}).items():
        text = reader.text(cells, column)
        if reader.missing(text):
            continue
        text = str(how.recoded(name).get(text, text))
        first = found.categories.setdefault(code, {}).setdefault(name, (text, line))
        if first[0] != text:
            reason = f"{name} differs from line {first[1]}, which was kept"
            shown = reader.found(cells, column)
            found.unusable.append(Unusable(line, column, shown, reason, EMPTY, participant_id=code))


class _Trial:
    """One trial while it is read."""

    def __init__(
        self,
        reader: Reader,
        how: TrialMap,
        names: Names,
        found: Trials,
        line: int,
        cells: tuple[str, ...],
        about: tuple[str, str, Exclude | None],
    ) -> None:
        self.reader, self.how, self.names, self.found = reader, how, names, found
        self.line, self.cells, self.rule = line, cells, about[2]
        self.row: dict[str, Any] = {"line": line, "participant_id": about[0], "group": about[1]}
        self.reasons: list[tuple[str, str]] = []  # (column, why), the first of them counts

    def read(self, item: str | None) -> None:
        """Read it, and put it among the trials unless it has no place there."""
        for name in PLACES:
            self.row[name], _ = self.reader.label(self.cells, name)
            column = getattr(self.how.columns, name)
            if column is not None and self.row[name] is None:
                self._lost(column, f"no {name}", LEFT_OUT)
                return
        if self.rule is not None:
            self.reasons.append((self.rule.column, self.rule.reason))
        self._stimulus(item)
        for name in ("trial", "phase", "trial_type"):
            self.row[name], _ = self.reader.label(self.cells, name)
        self.row["trial_type"] = self.row["trial_type"] or self.row["arm"]
        self._answer()
        self.row["response_time"] = self._time()
        for name in ("confidence", *(self.how.scales or {})):
            self.row[name] = self._number(name)
        rated = [name for name in self.how.scales or {} if not math.isnan(self.row[name])]
        if self.row["response"] is None and not rated and not self.reasons:
            self.reasons.append((self._asked(), "no answer"))
        self.row["reason"] = self.reasons[0][1] if self.reasons else None
        self.row["included"] = 0.0 if self.reasons else 1.0
        if self.reasons:
            self._lost(*self.reasons[0], KEPT)
        self.found.values.append(self.row)

    def _asked(self) -> str:
        slider = self.how.slider.column if self.how.slider else None
        return self.how.columns.response or slider or next(iter((self.how.scales or {"": ""}).values()))

    def _lost(self, column: str, reason: str, done: str) -> None:
        shown = self.reader.found(self.cells, column)
        self.found.unusable.append(
            Unusable(
                self.line, column, shown, reason, done, 1, self.row.get("task"), self.row["participant_id"],
                self.row.get("arm"),
            )
        )  # fmt: skip

    def _stimulus(self, item: str | None) -> None:
        row, how = self.row, self.how
        row["item"] = item or self.reader.label(self.cells, "item")[0]
        listed_as = (how.stimuli or {}).get(row["item"] or "")
        for name in ("stim_file", "pair_id", "scene"):
            own = getattr(listed_as, name, None)
            row[name] = self.reader.label(self.cells, name)[0] or own
        row["scene"] = row["scene"] or row["item"]
        arm, text = self.reader.label(self.cells, "arm")
        column = how.columns.arm or how.columns.item or self._asked()
        row["arm"] = arm
        if listed_as is not None and listed_as.arm is not None:
            if arm is not None and arm != listed_as.arm:
                self.reasons.append((column, f"the map's stimuli say '{listed_as.arm}'"))
            row["arm"] = listed_as.arm
        elif arm is None:
            hint = did_you_mean(row["item"] or "", how.stimuli or ())
            self.reasons.append((column, f"no truth about the stimulus{f': {hint}' if hint else ''}"))
        elif not self._arm_known(arm):
            row["arm"] = None
            hint = did_you_mean(text, [*how.recoded("arm"), *(self.names.arms or ())])
            self.reasons.append((column, f"unknown arm{f': {hint}' if hint else ''}"))
            shown = self.reader.found(self.cells, column)
            self.reader.notice("arm", shown)
            self.found.unknown.setdefault("arm", Counter())[shown] += 1

    def _arm_known(self, arm: str) -> bool:
        if self.names.arms is not None:
            return arm in self.names.arms
        return arm.isidentifier() and arm.isascii()

    def _answer(self) -> None:
        row, slider = self.row, self.how.slider
        row["response"] = None
        if slider is not None:
            position = self._number("slider", slider.column)
            if position == slider.cut:
                row["response"] = slider.at
                if slider.at is None:
                    self.reasons.append((slider.column, "slider at the cut: no choice"))
            elif not math.isnan(position):
                row["response"] = slider.above if position > slider.cut else slider.below
        elif (column := self.how.columns.response) is not None:
            answer, text = self.reader.label(self.cells, "response")
            if answer is None:
                return
            if self.names.answers is not None and answer not in self.names.answers:
                hint = did_you_mean(text, [*self.how.recoded("response"), *self.names.answers])
                self.reasons.append((column, f"unknown answer{f': {hint}' if hint else ''}"))
                shown = self.reader.found(self.cells, column)
                self.reader.notice("response", shown)
                self.found.unknown.setdefault("response", Counter())[shown] += 1
            else:
                row["response"] = answer

    def _time(self) -> float:
        if self.how.response_time is None:
            return NAN
        seconds = self._number("response_time", self.how.response_time.column)
        seconds *= SECONDS[self.how.response_time.unit]
        if seconds <= 0:
            self._lost(self.how.response_time.column, "response time of 0 or less", EMPTY)
            return NAN
        return seconds

    def _number(self, name: str, column: str | None = None) -> float:
        column = column or (self.how.scales or {}).get(name) or getattr(self.how.columns, name, None)
        if column is None:
            return NAN
        try:
            return self.reader.number(self.cells, self.line, column, name)
        except NotANumber as error:
            self._lost(column, f"{name}: {error.reason}", EMPTY)
            return NAN


def _check_known(reader: Reader, names: Names, found: Trials) -> None:
    """An arm or an answer that never occurs, while cells that look like it do, is misspelt, not missing."""
    faults = []
    for name, known in (("arm", names.arms), ("response", sorted(names.answers or ()))):
        counts = found.unknown.get(name)
        seen = {row[name] for row in found.values}
        if not counts:
            continue
        meant = {nearest(text, known or ()) for text in counts} - {None}
        absent = [one for one in known or () if one not in seen and one in meant]
        if absent or not seen - {None}:
            faults.append(
                Fault(
                    f"'{name}'",
                    f"is never {listed(absent or known or ['a usable name'])}",
                    file=str(reader.table.file),
                    got=listed(f"'{text}' ({n} trials)" for text, n in counts.most_common()),
                    accepted=listed(known or ["letters, digits and '_'"]),
                    way_out=f"name each, 'recode: {{{name}: {{theirs: ours}}}}'",
                )
            )
    if faults:
        raise InputError(faults)
