"""Decisions and the way from measure tables to people, beside pingouin, statsmodels and plain pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.evidence.by_person import estimate_by_person
from analysis.evidence.outcomes import run_tests
from analysis.evidence.people import person_effects
from analysis.measures.table import MeasureTable, Sidecar, tidy
from benchmarks.timing import Comparison, compare

PEOPLE, SCENES = 68, 48


def run() -> list[Comparison]:
    """All comparisons of this module."""
    return [_welch_and_tost(), _people()]


def _welch_and_tost() -> Comparison:
    """A Welch test and its equivalence test, 20 times: what one study decides."""
    import pingouin
    from statsmodels.stats.weightstats import ttost_ind

    random = np.random.default_rng(1)
    samples = [(random.normal(0, 1, 34), random.normal(0.1, 2, 34)) for _ in range(20)]

    def ours() -> np.ndarray:
        rows = []
        for x, y in samples:
            tests = run_tests(
                estimate_by_person({"x": x, "y": y}, (-1.0, 1.0)),
                bound=1.0,
                alpha=0.05,
                alpha_equivalence=0.05,
            )
            rows.append((tests.p_raw, tests.p_equivalence))
        return np.array(rows)

    def theirs() -> np.ndarray:
        rows = []
        for x, y in samples:
            table = pingouin.ttest(y, x, correction=True)
            p = table["p_val" if "p_val" in table.columns else "p-val"].iloc[0]
            rows.append((p, ttost_ind(y, x, -1.0, 1.0, usevar="unequal")[0]))
        return np.array(rows)

    return compare("20 Welch tests + equivalence (pingouin, statsmodels)", ours, theirs, tolerance=1e-9)


def _people() -> Comparison:
    """From per-scene values to one difference per person over complete pairs."""
    random = np.random.default_rng(2)
    grid = pd.MultiIndex.from_product(
        [
            [f"sub-{i:03d}" for i in range(PEOPLE)],
            ["live", "ai", "cartoon"],
            [f"s{i:02d}" for i in range(SCENES)],
        ],
        names=["participant_id", "condition", "scene"],
    ).to_frame(index=False)
    grid["group"], grid["value"] = "adult", random.normal(size=len(grid))
    grid["included"] = (random.random(len(grid)) > 0.1).astype(float)
    sidecar = Sidecar(
        unit="percent_signal", family="gaussian", level="neural", statistic="percent_signal_change"
    )
    table = MeasureTable("dmpfc", tidy(grid), sidecar)

    def ours() -> np.ndarray:
        return person_effects(table, ["adult"], "live", "ai").rows["effect"].to_numpy(float)

    def plain() -> np.ndarray:
        found = []
        for _, rows in table.used.groupby("participant_id", sort=True):
            wide = rows.pivot_table(index="scene", columns="condition", values="value").dropna(
                subset=["live", "ai"]
            )
            found.append((wide["ai"] - wide["live"]).mean())
        return np.array(found)

    return compare(
        f"{len(grid)} rows to {PEOPLE} paired differences (pandas loop)", ours, plain, tolerance=1e-12
    )
