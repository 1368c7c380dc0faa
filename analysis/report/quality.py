"""Head motion in a study of BOLD: who moved how much, what it cost, and what it could have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.evidence.wording import amount, capital, digits_for, p_value, percent, unit_words
from analysis.report.quality_figures import motion_figure, multiverse_figure
from analysis.report.saved import Study, records
from analysis.report.words import OUTCOME_WORDS, bare, count, group_words, measure_words, who_words
from protocols.base.tables import read_frame
from protocols.pages.figures import Picture
from protocols.pages.grids import Grid
from protocols.plan.expanding import label_of

NUMBERS: dict[str, tuple[str, ...]] = {
    "motion": ("n", "of", "mean", "sd", "estimate", "se", "df", "low", "high", "p", "hedges_g"),
    "motion_people": (
        "runs", "runs_used", "mean_fd_mm", "max_fd_mm", "tsnr", "volumes", "volumes_kept", "share_kept", "included",
    ),
    "multiverse": (
        "estimate", "se", "df", "level", "low", "high", "p", "level_equivalence", "low_equivalence", "high_equivalence",
        "p_equivalence", "bound", "n",
    ),
}  # fmt: skip
RUNS = {"all": "every run", "used": "runs used"}
SEALED = (
    "The primary analysis decides. The others were fixed with the plan, each is a single test, unadjusted, and they "
    "decide nothing: they tell whether motion could have made the result. The words beside each line are those of that "
    "line alone; what was decided stands above them."
)
KEY = (
    "One dot per person, horizontal strokes are medians. Hollow: nothing of the person was used; half filled: some "
    "runs were left out."
)


@dataclass(frozen=True)
class Quality:
    """What the page shows of motion.

    Attributes
    ----------
    motion, motion_caption
        A figure per recording, and what its signs mean.
    groups
        Motion and signal by group and condition, volumes kept by condition, people left out.
    multiverse, multiverse_caption
        A figure per measure, and what the analyses are.
    analyses
        The multiverse in numbers, a table per hypothesis.
    """

    motion: Sequence[Picture]
    groups: Sequence[Grid]
    multiverse: Sequence[Picture]
    analyses: Sequence[Grid]
    motion_caption: str = KEY
    multiverse_caption: str = SEALED

    @property
    def pictures(self) -> list[Picture]:
        """Every figure."""
        return [*self.motion, *self.multiverse]


def quality(study: Study, out: Path) -> Quality | None:
    """Draw the figures below `out` and lay out the tables; None where no motion was saved."""
    tables = {
        name: read_frame(path, numeric=columns)
        for name, columns in NUMBERS.items()
        if (path := out / "results" / f"{name}.tsv").exists()
    }
    if set(tables) != set(NUMBERS):
        return None
    motion, people, multiverse = (tables[name] for name in NUMBERS)
    recordings = people[["session", "task"]].drop_duplicates().values.tolist()
    figures, grids = [], []
    for place, (session, task) in enumerate(recordings, start=1):
        name = _recording(session, task) if len(recordings) > 1 else ""
        mine = _of(people, session, task)
        figures.append(motion_figure(study, mine, out, "motion" + (f"-{place}" if name else ""), name))
        grids += _grids(study, _of(motion, session, task), f", {name}" if name else "")
    by_hypothesis = {record.id: record for record in study.verdict.hypotheses}
    forests, analyses = [], []
    for measure, rows in multiverse.groupby("measure", sort=False):
        names = [str(name) for name in rows["hypothesis"].unique() if name in by_hypothesis]
        shown = [(by_hypothesis[name], rows[rows["hypothesis"] == name]) for name in names]
        forests.append(multiverse_figure(study, str(measure), shown, out))
        analyses += [_analyses(study, name, rows[rows["hypothesis"] == name]) for name in names]
    return Quality(figures, grids, forests, analyses)


def _of(frame: pd.DataFrame, session: Any, task: Any) -> pd.DataFrame:
    """One recording's rows; a session or task without a name is one too."""
    chosen = pd.Series(True, index=frame.index)
    for column, value in (("session", session), ("task", task)):
        chosen &= frame[column].isna() if pd.isna(value) else frame[column] == value
    return frame[chosen]


def _recording(session: Any, task: Any) -> str:
    parts = [f"{what} {name}" for what, name in (("session", session), ("task", task)) if not pd.isna(name)]
    return ", ".join(parts) or "recording without a name"


# ---- motion in numbers ----


def _grids(study: Study, motion: pd.DataFrame, of: str) -> list[Grid]:
    found = [_by_group(study, motion, of), _by_condition(study, motion, of), _left_out(study, motion, of)]
    return [grid for grid in found if grid is not None]


def _by_group(study: Study, motion: pd.DataFrame, of: str) -> Grid:
    """Motion and signal of groups beside each other, with their difference."""
    groups = list(study.plan.groups)
    rows = []
    described, tested = (motion[motion["kind"] == kind] for kind in ("description", "between groups"))
    for quantity in described["quantity"].unique():
        for runs in RUNS:
            part = described[(described["quantity"] == quantity) & (described["runs"] == runs)]
            for condition in [None, *part["condition"].dropna().unique()]:
                if condition is not None and (not quantity.startswith("share") or runs == "all"):
                    continue  # FD and tSNR are a run's, whatever was shown in it
                own = part[part["condition"].isna() if condition is None else part["condition"] == condition]
                unit = own["unit"].iloc[0]
                head = capital(quantity) + (f", {unit}" if isinstance(unit, str) else "")
                where = RUNS[runs] if condition is None else label_of(study.plan, "condition", condition)
                cells = [_mean(own[own["group"] == group]) for group in groups]
                test = tested[(tested["quantity"] == quantity) & (tested["runs"] == runs)]
                test = test[test["condition"].isna() if condition is None else test["condition"] == condition]
                rows.append((head, where, *cells, *_difference(test if len(groups) == 2 else test.iloc[:0])))
    labels = [f"{capital(label_of(study.plan, 'group', name))}: mean (SD), n" for name in groups]
    level = percent(1 - study.plan.decision.alpha)
    columns = ("", "Of", *labels, "Difference", f"{level} interval", "p", "g")
    numeric = frozenset(range(2, len(columns)))
    title = f"Head motion and signal by group{of}; Welch’s test over people, unadjusted"
    return Grid(title, columns, rows, numeric)


def _mean(rows: pd.DataFrame) -> str:
    if rows.empty or not rows["n"].iloc[0]:
        return "nobody"
    row = rows.iloc[0]
    digits = 1 if row["mean"] >= 10 else 3
    return f"{amount(row['mean'], digits)} ({amount(row['sd'], digits)}), {count(row['n'])}"


def _difference(rows: pd.DataFrame) -> tuple[str, str, str, str]:
    if rows.empty or pd.isna(rows["estimate"].iloc[0]):
        return "–", "–", "–", "–"
    row = rows.iloc[0]
    digits = digits_for(row["se"])
    interval = f"{amount(row['low'], digits)} to {amount(row['high'], digits)}"
    return amount(row["estimate"], digits), interval, bare(p_value(row["p"])), amount(row["hedges_g"])


def _by_condition(study: Study, motion: pd.DataFrame, of: str) -> Grid | None:
    """Whether one arm lost more volumes than the other."""
    found = motion[(motion["kind"] == "between conditions") & (motion["runs"] == "used")]
    rows = []
    for row in records(found):
        second, first = str(row["condition"]).split(" - ")
        compared = f"{label_of(study.plan, 'condition', second)} − {label_of(study.plan, 'condition', first)}"
        head = (str(row["hypothesis"]), capital(group_words(study.plan, str(row["group"]))), compared)
        if pd.isna(row["estimate"]):
            rows.append((*head, "–", "–", "–", count(row["n"]), str(row["note"])))
            continue
        low, high = (amount(100 * row[end], 1) for end in ("low", "high"))
        numbers = (f"{amount(100 * row['estimate'], 1)} %", f"{low} to {high} %", bare(p_value(row["p"])))
        rows.append((*head, *numbers, count(row["n"]), str(row["note"])))
    if not rows:
        return None
    level = percent(1 - study.plan.decision.alpha)
    columns = ("Hypothesis", "People", "Conditions", "More kept", f"{level} interval", "p", "n", "Test")
    title = f"Share of volumes kept, condition against condition{of}; runs used, unadjusted"
    return Grid(title, columns, rows, frozenset({3, 4, 5, 6}))


def _left_out(study: Study, motion: pd.DataFrame, of: str) -> Grid | None:
    """The groups side by side: who was left out, and why."""
    found = motion[motion["kind"] == "left out"]
    groups = list(study.plan.groups)
    rows = []
    for quantity in found["quantity"].unique():
        own = found[found["quantity"] == quantity].set_index("group")
        cells: list[str] = []
        for group in groups:
            row = own.loc[group]
            fd = f"{amount(row['mean'])} mm" if not pd.isna(row["mean"]) else "–"
            runs = str(row["note"]).split(" runs")[0]
            cells += [f"{count(row['n'])} of {count(row['of'])}", runs, fd]
        rows.append((capital(str(quantity)), *cells))
    if not rows:
        return None
    columns = [""]
    for group in groups:
        label = capital(label_of(study.plan, "group", group))
        columns += [f"{label}: people", "runs", "their mean FD"]
    return Grid(
        f"Left out for motion or signal, group beside group{of}",
        columns,
        rows,
        frozenset(range(1, len(columns))),
    )


# ---- the multiverse in numbers ----


def _analyses(study: Study, name: str, rows: pd.DataFrame) -> Grid:
    record = next(one for one in study.verdict.hypotheses if one.id == name)
    decision = study.plan.decision
    cells, strong = [], set()
    for place, row in enumerate(records(rows)):
        if row["analysis"] == "primary":
            strong.add(place)
        cells.append(
            (analysis_words(str(row["analysis"])), *_numbers(row), _outcome(row), *_people(study, row))
        )
    columns = (
        "Analysis", "Estimate", f"{percent(1 - decision.alpha)} interval", "p",
        f"{percent(1 - 2 * decision.alpha_equivalence)} interval", "Outcome, unadjusted", "People", "Note",
    )  # fmt: skip
    unit = unit_words(record.unit)
    title = f"{name}: {measure_words(study.plan, record)}, {who_words(study.plan, record)}, in {unit}"
    if record.bound is not None:
        title += f"; too small to matter: ±{amount(record.bound)}"
    return Grid(title, columns, cells, frozenset({1, 2, 3, 4}), frozenset(strong), long=True)


def analysis_words(name: str) -> str:
    """An analysis as people read it."""
    return capital(name.replace(" x ", " × ").replace("<=", "≤"))


def _numbers(row: dict[str, object]) -> tuple[str, str, str, str]:
    estimate, se = row["estimate"], row["se"]
    if not isinstance(estimate, float) or pd.isna(estimate) or not isinstance(se, float):
        return "–", "–", "–", "–"
    digits = digits_for(se)

    def ends(low: object, high: object) -> str:
        if not isinstance(low, float) or not isinstance(high, float) or pd.isna(low):
            return "–"
        return f"{amount(low, digits)} to {amount(high, digits)}"

    p = row["p"]
    unit = str(row["unit"])
    per_mm = f" {unit_words(unit.removesuffix(' per mm'))} per mm" if unit.endswith(" per mm") else ""
    return (
        amount(estimate, digits) + per_mm,
        ends(row["low"], row["high"]),
        bare(p_value(p if isinstance(p, float) else None)),
        ends(row["low_equivalence"], row["high_equivalence"]),
    )


def _outcome(row: dict[str, object]) -> str:
    outcome, decided = row["outcome"], row["decided"]
    if not isinstance(outcome, str):
        return "–"
    words = {str(key): value for key, value in OUTCOME_WORDS.items()}
    told = words.get(outcome, outcome)
    if not isinstance(decided, str):
        return told
    return f"{told} (decided: {words.get(decided, decided)})"


def _people(study: Study, row: dict[str, object]) -> tuple[str, str]:
    told = row["n_people_by_group"]
    parts = [part.rsplit(" ", 1) for part in told.split("; ")] if isinstance(told, str) else []
    people = ", ".join(f"{n} {label_of(study.plan, 'group', group)}" for group, n in parts)
    note = str(row["note"]).replace("; outcome of a single test, unadjusted", "")
    note = "" if note == "outcome of a single test, unadjusted" else note
    for group in study.plan.groups:
        note = note.replace(f"({group})", f"({label_of(study.plan, 'group', group)})")
    return people or "nobody", note.replace("'", "’")
