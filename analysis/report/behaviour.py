"""How people answered: signal detection by group and category, and lapses. Description, which decides nothing."""

from __future__ import annotations

from analysis.evidence.wording import amount, capital, percent, share
from analysis.report.saved import Study, records
from analysis.report.words import count
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of


def detection(study: Study) -> list[Grid]:
    """One table per measure of d′ and contrast: people's means, by group and by category of people."""
    frame = study.tables.get("detection")
    if frame is None or frame.empty:
        return []
    grids = []
    for (measure, reference, compared), part in frame.groupby(
        ["measure", "reference", "compared"], sort=False
    ):
        first, second = (label_of(study.plan, "condition", str(name)) for name in (reference, compared))
        rows = [
            (
                _level(study, row["by"], str(row["level"])),
                count(row["people"]),
                count(row["trials"]),
                share(row["says_ai_reference"]),
                share(row["says_ai_compared"]),
                amount(row["dprime"], 2),
                amount(row["dprime_sd"], 2),
                amount(row["criterion"], 2),
                amount(row["percent_correct"], 1),
            )
            for row in records(part)
        ]
        columns = (
            "People who are", "People", "Trials", f"‘AI’ for {first}", f"‘AI’ for {second}", "d′ per person", "SD",
            "Criterion", "% correct",
        )  # fmt: skip
        label = label_of(study.plan, "measure", str(measure))
        caption = f"Signal detection: {label}, means over people (log-linear rates)"
        grids.append(Grid(caption, columns, rows, frozenset(range(1, 9))))
    return grids


def _level(study: Study, by: str, level: str) -> str:
    if by == "group":
        return capital(label_of(study.plan, "group", level))
    return f"{by.replace('_', ' ')}: {level}"


def lapses(study: Study) -> Grid | None:
    """Lapse rates per measure and group, from catch trials."""
    frame = study.tables.get("lapses")
    if frame is None or frame.empty:
        return None
    level = percent(float(frame["level"].iloc[0]))
    rows = [
        (
            capital(label_of(study.plan, "measure", row["measure"])),
            label_of(study.plan, "group", row["group"]),
            label_of(study.plan, "condition", row["condition"]),
            f"{count(row['errors'])} of {count(row['trials'])}",
            count(row["people"]),
            share(row["lapse"]),
            share(row["upper_limit"]),
        )
        for row in records(frame)
    ]
    columns = ("Measure", "Group", "Trials of", "Errors", "People", "Lapse rate", f"Upper {level} limit")
    return Grid(
        "Lapses: wrong answers where everybody who attends is right", columns, rows, frozenset({3, 4, 5, 6})
    )
