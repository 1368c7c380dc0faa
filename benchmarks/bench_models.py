"""Crossed mixed models beside statsmodels and, where R is there, lme4 and glmmTMB."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.models import Fit, Term, bootstrap, fit
from benchmarks.timing import Comparison, compare

FIXED = ["1", "g", "c", "g:c"]
R_SCRIPT = """
arguments <- commandArgs(TRUE)
suppressMessages(library(lme4))
d <- read.csv(arguments[1]); kind <- arguments[2]; formula <- as.formula(arguments[3])
tight <- glmerControl(optimizer = "bobyqa", tolPwrss = 1e-12)
started <- proc.time()[3]
if (kind == "linear") {
  m <- lmer(formula, d); b <- fixef(m)
} else if (kind == "glmmTMB") {
  m <- glmmTMB::glmmTMB(formula, d, family = binomial()); b <- glmmTMB::fixef(m)$cond
} else {
  m <- glmer(formula, d, family = binomial(kind), control = tight); b <- fixef(m)
}
cat("{\\"seconds\\":", proc.time()[3] - started, ", \\"beta\\": [", paste(b, collapse = ","), "]}", sep = "")
"""


def run() -> list[Comparison]:
    """All comparisons of this module."""
    found = [_one_factor(), _refits()]
    if shutil.which("Rscript"):
        found += _beside_r()
    else:
        print("R is not installed: no comparison with lme4 and glmmTMB")
    return found


def study(
    people: int, scenes: int, *, share: float = 1.0, binary: bool = False, seed: int = 1
) -> pd.DataFrame:
    """People in two groups x scenes x both arms, a random share of it; person and scene vary in level and arm."""
    random = np.random.default_rng(seed)
    person, scene, arm = (index.ravel() for index in np.indices((people, scenes, 2)))
    data = pd.DataFrame({"person": person, "scene": scene, "c": arm - 0.5})
    data["g"] = np.where(person < people // 2, -0.5, 0.5)
    of_person, of_scene = random.normal(0, 0.5, (people, 2)), random.normal(0, 0.4, (scenes, 2))
    value = 0.1 + 0.5 * data.c - 0.2 * data.g * data.c + of_person[person, 0] + of_scene[scene, 0]
    value += (of_person[person, 1] + of_scene[scene, 1]) * data.c + random.logistic(size=len(data))
    data["y"] = (value > 0).astype(int) if binary else value
    return data[random.random(len(data)) < share]


def _one_factor() -> Comparison:
    """A linear model with people only, which statsmodels can fit."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = study(60, 40)
    x = np.column_stack([np.ones(len(data)), data.g, data.c, data.g * data.c])
    z = x[:, [0, 2]]

    def ours() -> np.ndarray:
        fitted = fit(data, "y", FIXED, [Term("person", ["1", "c"])])
        return np.concatenate([fitted.fixed.estimate, fitted.fixed.se])

    def theirs() -> np.ndarray:
        fitted = MixedLM(data.y, x, data.person, z).fit()
        return np.concatenate([fitted.fe_params, fitted.bse_fe])

    return compare(f"linear, {len(data)} values, 60 people (MixedLM)", ours, theirs, tolerance=1e-3, rounds=3)


def _refits() -> Comparison:
    """Bootstrap refits of 34 + 34 people x 48 scenes, beside the time a fit from scratch takes each."""
    data = study(68, 48, binary=True)
    terms = [Term("person", ["1", "c"]), Term("scene", ["1", "c", "g", "g:c"], correlated=False)]
    settings = {"family": "binomial", "link": "probit"}
    fitted = fit(data, "y", FIXED, terms, **settings)
    n = 8

    def ours() -> np.ndarray:
        return bootstrap(fitted, n, seed=1).replicates[FIXED].to_numpy()

    def theirs() -> np.ndarray:
        from analysis.models import simulate

        rows = []
        for k in range(n):
            refit = fit(data.assign(y=simulate(fitted, 1, "bootstrap", k)), "y", FIXED, terms, **settings)
            rows.append(refit.beta)
        return np.array(rows)

    return compare(
        f"{n} probit refits, {len(data)} trials (from scratch)", ours, theirs, tolerance=1e-3, rounds=1
    )


def _beside_r() -> list[Comparison]:
    crossed = [Term("person", ["1", "c"]), Term("scene", ["1"])]
    slopes = [Term("person", ["1", "c"]), Term("scene", ["1", "c"])]
    found = [
        _against(study(120, 30, binary=True), crossed, kind, words)
        for kind, words in (("logit", "glmer"), ("glmmTMB", "glmmTMB"), ("probit", "glmer"))
    ]
    found.append(_against(study(206, 109, share=0.49), slopes, "linear", "lmer"))
    large = study(630, 300, share=0.0556, binary=True)
    found.append(_against(large, crossed, "glmmTMB", "glmmTMB"))
    return found


def _against(data: pd.DataFrame, terms: list[Term], kind: str, program: str) -> Comparison:
    """One model, ours beside a program of R; R's start-up is not counted."""
    random = " + ".join(f"({' + '.join(term.effects)} | {term.group})" for term in terms)
    with tempfile.TemporaryDirectory() as folder:
        table, script = Path(folder) / "data.csv", Path(folder) / "fit.R"
        data.to_csv(table, index=False)
        script.write_text(R_SCRIPT, "utf-8")
        done = subprocess.run(
            ["Rscript", str(script), str(table), kind, f"y ~ g * c + {random}"],
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    link = {"linear": None, "probit": "probit"}.get(kind, "logit")
    family = "binomial" if link else "gaussian"

    def ours() -> Fit:
        fitted = fit(data, "y", FIXED, terms, family=family, link=link)
        _ = fitted.fixed
        return fitted

    seconds, peak, fitted = _timed(ours)
    answer = json.loads(done.stdout) if done.returncode == 0 else {"seconds": np.nan, "beta": [np.nan] * 4}
    order = [0, 1, 2, 3]
    difference = float(np.max(np.abs(fitted.beta - np.array(answer["beta"], float)[order])))
    what = f"{link or 'linear'}, {len(data)} x {data.person.nunique()} x {data.scene.nunique()} ({program})"
    return Comparison(what, seconds, float(answer["seconds"]), peak, difference, 0.002)


def _timed(work: Callable[[], Fit]) -> tuple[float, float, Fit]:
    fitted = work()
    times = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return statistics.median(times), peak, fitted
