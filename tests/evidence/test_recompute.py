"""The saved tables and the plan are enough to compute every row of the verdict again."""

import io
import json
import math

import jsonschema
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.evidence.verdict import Verdict, verdict_schema
from protocols.base.tables import frame_text, number

FAMILY = {"neural": ["N.child", "N.adult", "I", "P"], "conscious": ["S.child", "S.adult"]}


@pytest.fixture(scope="module")
def saved(lab):
    """A study with every kind of effect: its plan, verdict and tables as they stand in the files."""
    one = {"measure": "roi", "contrast": ["live", "ai"], "asks": "both", "family": "neural"}
    promise = lab.promise(
        {
            "hypotheses.I": {**one, "effect": "group_by_condition"},
            "hypotheses.P": {**one, "effect": "condition", "group": "pooled"},
            "hypotheses.X": {"measure": "says", "effect": "level", "condition": "ai", "against": 1.5, "group": "child",
                             "asks": "difference", "exploratory": True},
            "hypotheses.G": {"measure": "says", "effect": "group", "condition": "ai", "asks": "difference",
                             "exploratory": True},
        }
    )  # fmt: skip
    plan = promise.plan
    tables = lab.tables(plan, (0.15, 0.4))
    tables["roi"] = lab.measured(plan, "roi", {"child": (0.3, 0.5), "adult": lab.spread(11, 0.1, 1.2)})
    decision = lab.decide(plan, tables)
    files = {
        name: pd.read_csv(io.StringIO(frame_text(frame)), sep="\t", na_values="n/a", keep_default_na=False)
        for name, frame in decision.tables.items()
    }
    return plan, decision.verdict, files


def holm(ps: list[float]) -> list[float]:
    order = np.argsort(ps, kind="stable")
    steps = [(len(ps) - rank) * ps[i] for rank, i in enumerate(order)]
    adjusted = np.minimum(1, np.maximum.accumulate(steps))
    return list(adjusted[np.argsort(order, kind="stable")])


def recomputed(plan, people: pd.DataFrame, name: str) -> dict[str, float]:
    """Estimate, error, tests and intervals of a hypothesis from the people's effects."""
    rows = people[(people["hypothesis"] == name) & (people["included"] == 1)]
    values = {group: part["effect"].to_numpy() for group, part in rows.groupby("group")}
    means, variances = (
        {g: f(v) for g, v in values.items()} for f in (np.mean, lambda v: v.var(ddof=1) / len(v))
    )
    weights = {
        "I": {"child": -1, "adult": 1},
        "G": {"child": -1, "adult": 1},
        "P": {"child": 0.5, "adult": 0.5},
    }.get(name, dict.fromkeys(values, 1))
    parts = [weights[g] ** 2 * variances[g] for g in values]
    found = {
        "estimate": sum(weights[g] * means[g] for g in values),
        "se": math.sqrt(sum(parts)),
        "df": sum(parts) ** 2 / sum(p**2 / (len(values[g]) - 1) for p, g in zip(parts, values, strict=True)),
    }
    t = stats.t(found["df"])
    bound = 0.5
    found["p_raw"] = 2 * t.sf(abs(found["estimate"]) / found["se"])
    found["p_above_lower_bound"] = t.sf((found["estimate"] + bound) / found["se"])
    found["p_below_upper_bound"] = t.sf((bound - found["estimate"]) / found["se"])
    for interval, level in (
        ("ci_difference", plan.decision.alpha / 2),
        ("ci_equivalence", plan.decision.alpha_equivalence),
    ):
        found[f"{interval}_low"] = found["estimate"] - t.isf(level) * found["se"]
        found[f"{interval}_high"] = found["estimate"] + t.isf(level) * found["se"]
    return found


def test_every_number_of_every_hypothesis_follows_from_the_people_and_the_plan(saved):
    plan, _, files = saved
    table = files["hypotheses"].set_index("id")
    ours = {name: recomputed(plan, files["people"], name) for name in table.index}
    for name, found in ours.items():
        for field, value in found.items():
            assert float(table.loc[name, field]) == pytest.approx(value, rel=2e-8, abs=1e-12), (name, field)
    for members in FAMILY.values():
        differences = holm([ours[m]["p_raw"] for m in members])
        equivalences = holm(
            [max(ours[m]["p_above_lower_bound"], ours[m]["p_below_upper_bound"]) for m in members]
        )
        for member, p, q in zip(members, differences, equivalences, strict=True):
            row = table.loc[member]
            assert [row["p_adjusted"], row["p_equivalence_adjusted"]] == pytest.approx([p, q], rel=2e-8)
            outcome = {(1, 1): "trivial", (1, 0): "different", (0, 1): "equivalent", (0, 0): "undecided"}
            assert row["outcome"] == outcome[p <= plan.decision.alpha, q <= plan.decision.alpha_equivalence]


def test_the_exploratory_rows_are_as_good(saved):
    _, _, files = saved
    table = files["hypotheses"].set_index("id")
    assert table.loc["X", "p_adjusted"] == table.loc["X", "p_raw"]
    assert table.loc["G", "outcome"] in ("different", "trivial", "undecided")
    people = files["people"].query("hypothesis == 'X'")
    assert np.allclose(people["second"] - people["first"], people["effect"])
    assert set(people["first"]) == {1.5}


def test_the_files_hold_the_verdicts_numbers_at_nine_digits(saved):
    _, verdict, files = saved
    table = files["hypotheses"].set_index("id")
    for record in verdict.hypotheses:
        for field in ("estimate", "se", "df", "p_raw", "p_adjusted"):
            assert number(float(table.loc[record.id, field])) == number(getattr(record, field))


def test_the_verdict_is_valid_by_its_own_schema_and_reads_back(saved):
    verdict = saved[1]
    text = verdict.model_dump_json(by_alias=True)
    jsonschema.Draft202012Validator.check_schema(verdict_schema())
    jsonschema.validate(json.loads(text), verdict_schema())
    assert Verdict.model_validate_json(text) == verdict


@pytest.mark.parametrize(
    "path", [("hypotheses", 0, "outcome"), ("hypotheses", 0, "n_people"), ("joint", 0, "claim")]
)
def test_the_schema_refuses_what_is_no_verdict(saved, path):
    document = json.loads(saved[1].model_dump_json(by_alias=True))
    part = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = "proved"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, verdict_schema())


def test_the_controls_follow_from_the_measure_tables(saved):
    plan, _, files = saved
    row = files["controls"].query("measure == 'says' and group == 'child'").iloc[0]
    assert row["contrast"] == "live | cartoon"
    assert row["lower_limit"] == pytest.approx(
        row["estimate"] - stats.t(row["df"]).isf(plan.decision.alpha) * row["se"]
    )
    assert row["outcome"] == "passed"


def test_bayes_factors_are_beside_every_hypothesis_and_move_none(lab, saved):
    _, verdict, files = saved
    found = files["bayes"]
    assert set(found["hypothesis"]) == {h.id for h in verdict.hypotheses}
    jzs = found[found["kind"] == "JZS, scenes ignored"]
    assert set(jzs["prior"]) == {"Cauchy, r = 0.5", "Cauchy, r = 0.707", "Cauchy, r = 1"}
    assert "P" not in set(jzs["hypothesis"])  # no such factor for pooled groups
    assert np.allclose(found["bf10"] * found["bf01"], 1)
    bare = lab.plan({"decision.bayes": {"prior_widths": [], "unit_of_bound": []}})
    tables = lab.tables(bare, (0.15, 0.4))
    assert lab.decide(bare, tables).verdict.hypotheses == lab.decide(lab.plan(), tables).verdict.hypotheses


def test_the_two_sample_factor_uses_one_common_spread(saved):
    import pingouin

    _, _, files = saved
    rows = files["people"].query("hypothesis == 'I' and included == 1")
    child, adult = (rows.loc[rows["group"] == g, "effect"] for g in ("child", "adult"))
    t = stats.ttest_ind(adult, child).statistic
    expected = float(pingouin.bayesfactor_ttest(t, len(child), len(adult)))
    jzs = files["bayes"].query("hypothesis == 'I' and prior == 'Cauchy, r = 0.707'").iloc[0]
    assert jzs["bf10"] == pytest.approx(expected, abs=6e-4)
