"""The verdict strip and lists of problems, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.evidence.verdict import HypothesisRecord, Verdict

MARKS = {"different": "≠", "equivalent": "=", "trivial": "≈", "undecided": "?", "not_estimable": "–"}
COLORS = {
    "different": "38;5;166",
    "equivalent": "38;5;32",
    "trivial": "38;5;36",
    "undecided": "38;5;245",
    "not_estimable": "38;5;245",
}


def strip(verdict: Verdict, *, color: bool = False) -> str:
    """One line per hypothesis, then the joint table, as the report's verdict strip has them."""
    lines = []
    if verdict.blinded:
        lines += ["BLINDED: the arms' labels were shuffled; nothing here is a result.", ""]
    width = max(len(record.id) for record in verdict.hypotheses)
    for record in verdict.confirmatory():
        lines.append(_line(record, width, color))
    if verdict.exploratory():
        lines.append("exploratory, deciding nothing:")
        lines += [_line(record, width, color) for record in verdict.exploratory()]
    if verdict.joint:
        lines += ["", *(row.says for row in verdict.joint)]
    return "\n".join(lines)


def _line(record: HypothesisRecord, width: int, color: bool) -> str:
    from analysis.evidence.wording import amount, digits_for, percent, unit_words

    mark = f"{MARKS[record.outcome]} {record.outcome.replace('_', ' ')}"
    shown = f"\x1b[1;{COLORS[record.outcome]}m{mark:<15}\x1b[0m" if color else f"{mark:<15}"
    numbers = record.reason or ""
    if record.estimate is not None and record.ci_difference is not None:
        unit = unit_words(record.unit)
        digits, interval = digits_for(record.se), record.ci_difference
        ends = f"{amount(interval.low, digits)} to {amount(interval.high, digits)}"
        numbers = f"{amount(record.estimate, digits)} {unit}, {percent(interval.level)} CI {ends}"
        numbers += f", bound ±{amount(record.bound)}" if record.bound else ""
    note = f"  [{record.qualifier}]" if record.qualifier else ""
    return f"  {record.id:<{width}}  {shown}  {record.measure} {record.group}: {numbers}{note}"


def problems(warnings: Sequence[str], errors: Sequence[str]) -> str:
    """Warnings and errors as indented blocks; empty when there are none."""
    lines = [f"warning: {text}" for text in warnings] + [f"error: {text}" for text in errors]
    return "".join(line + "\n" for line in lines)
