"""The guide's example prints what the guide shows, and its figures are true."""

import re
from pathlib import Path

import numpy as np
import pytest

import analysis.behaviour
from analysis.behaviour import exact_sampling, independent_observations, same_different_dprime

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "behaviour.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("error")
def test_the_example_prints_what_is_shown(capsys):
    (code,), (expected,) = (
        re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL) for kind in ("python", "output")
    )
    exec(compile(code, "behaviour.md", "exec"), {})  # noqa: S102 - the guide's own text
    assert capsys.readouterr().out.rstrip() == expected.rstrip()


def test_the_figures_in_the_text():
    rates = (0.8, 0.4)
    by_rule = [same_different_dprime(*rates, rule=rule) for rule in ("differencing", "likelihood_ratio")]
    shown = [f"{float(one):.2f}" for one in (*by_rule, independent_observations(*rates))]
    text = " ".join(GUIDE.split())
    assert f"they give {shown[0]} and {shown[1]}" in text
    assert f"gives {shown[2]}:" in text
    errors = exact_sampling(0.5, 0.5, np.array([8, 10, 20]), np.array([8, 10, 20])).se
    assert "| " + " | ".join(f"{one:.2f}"[1:] for one in errors) + " |" in GUIDE


def test_every_function_it_names_exists():
    tables = set(
        re.findall(r"`(\w+_table|fit_exgaussian|\w+_of_rates|\w+_lapse|exact_sampling|detect)`", GUIDE)
    )
    assert len(tables) >= 10
    assert tables <= set(analysis.behaviour.__all__)
