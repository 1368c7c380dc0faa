"""Random designs, ours beside lme4 and lmerTest, where R is installed."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from analysis.models import Term, fit

SCRIPT = """
suppressMessages({library(lme4); library(lmerTest)})
arguments <- commandArgs(TRUE)
d <- read.csv(arguments[1]); kind <- arguments[2]; formula <- as.formula(arguments[3])
if (kind == "linear") {
  m <- suppressWarnings(lmer(formula, d, control = lmerControl(optimizer = "bobyqa",
    optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE)))
  s <- coef(summary(m)); df <- s[, "df"]; criterion <- REMLcrit(m)
} else {
  m <- suppressWarnings(glmer(formula, d, family = binomial(kind),
    control = glmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), tolPwrss = 1e-13)))
  s <- coef(summary(m)); df <- rep(0, nrow(s)); criterion <- -2 * as.numeric(logLik(m))
}
v <- as.data.frame(VarCorr(m))
one <- function(x) paste0("[", paste(format(x, digits = 12), collapse = ","), "]")
cat(sprintf('{"beta": %s, "se": %s, "df": %s, "criterion": %s, "sd": %s, "singular": %s}', one(s[, 1]), one(s[, 2]),
  one(df), format(criterion, digits = 12), one(v$sdcor[is.na(v$var2)]), tolower(isSingular(m))))
"""


@pytest.fixture(scope="module")
def r(tmp_path_factory):
    """Fit a formula with lme4."""
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed: no comparison with lme4")
    probe = subprocess.run(
        ["Rscript", "-e", "library(lme4); library(lmerTest)"], capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip(
            "R is not installed: no comparison with lme4 (its packages lme4 and lmerTest are missing)"
        )
    folder = tmp_path_factory.mktemp("r")
    script = folder / "fit.R"
    script.write_text(SCRIPT, "utf-8")

    def run(data, kind, formula):
        table = folder / "data.csv"
        data.to_csv(table, index=False)
        done = subprocess.run(
            ["Rscript", str(script), str(table), kind, formula],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return json.loads(done.stdout)

    return run


DESIGNS = [
    ([Term("person", ["1", "c"]), Term("scene", ["1"])], "(1 + c | person) + (1 | scene)"),
    ([Term("person", ["1", "c"]), Term("scene", ["1", "c"])], "(1 + c | person) + (1 + c | scene)"),
    (
        [
            Term("person", ["1"]),
            Term("person", ["c"]),
            Term("scene", ["1", "c", "g", "g:c"], correlated=False),
        ],
        "(1 | person) + (0 + c | person) + (1 + c + g + gc || scene)",
    ),
    ([Term("person", ["1", "c"]), Term("scene", ["1", "c", "g"])], "(1 + c | person) + (1 + c + g | scene)"),
]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linear", "logit", "probit"])
@pytest.mark.parametrize("design", range(len(DESIGNS)))
@pytest.mark.parametrize("seed", range(2))
def test_random_designs_agree_with_lme4(r, planted, fixed, kind, design, seed):
    terms, random = DESIGNS[design]
    sizes = np.random.default_rng([seed, design])
    data = planted(
        int(sizes.integers(10, 24)), int(sizes.integers(12, 30)), seed=10 * seed + design, binary=kind != "linear",
        scene_sd=tuple(sizes.choice([0.0, 0.2, 0.5], 4)),
    ).sample(frac=0.85, random_state=seed)  # fmt: skip
    data["gc"] = data.g * data.c
    link = None if kind == "linear" else kind
    ours = fit(data, "y", fixed, terms, family="binomial" if link else "gaussian", link=link)
    theirs = r(data, kind, f"y ~ g * c + {random}")
    assert ours.criterion <= theirs["criterion"] + 1e-3  # never a worse optimum
    if ours.criterion < theirs["criterion"] - 0.02:
        return  # theirs stopped early: nothing to compare
    np.testing.assert_allclose(ours.beta, theirs["beta"], atol=0.002)
    if (
        not ours.state.singular
    ):  # the Hessian at an edge is another one in lme4, which steps off it to one side
        np.testing.assert_allclose(ours.fixed.se, theirs["se"], rtol=0.01)
    if kind == "linear":
        np.testing.assert_allclose(ours.fixed.se, theirs["se"], rtol=0.01)
        np.testing.assert_allclose(ours.fixed.df, theirs["df"], rtol=0.02)
    mine = ours.random[ours.random.quantity == "sd"].value
    np.testing.assert_allclose(np.sort(mine), np.sort(theirs["sd"]), atol=0.02)
