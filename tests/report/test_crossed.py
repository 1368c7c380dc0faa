"""Cards of hypotheses that a crossed model decides: what decides and why, every parameter, the spread, the methods."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.evidence.wording import amount, p_value, share
from analysis.report import build_report
from analysis.report.beside import which_decides
from analysis.report.fitted import fitted_model
from analysis.report.saved import read_study
from analysis.report.words import drawn_p
from tests.report.crossed_study import PLAN, frames, tables

pytestmark = pytest.mark.usefixtures("undrawn")

SIDES = {"by person": "Test over people", "by scene": "Test over scenes", "by clip": "Test over clips"}
CROSSED = ("H1.child", "H1.adult", "H2", "H4")


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


def hypotheses(out):
    return {h["id"]: h for h in json.loads((out / "verdict.json").read_text("utf-8"))["hypotheses"]}


def rows_of(page, card):
    """Rows of all tables of a card as texts."""
    return [(" ".join(row["text"].split()), row["attrs"].get("class")) for row in page.inside(card, "tr")]


def row_with(page, card, *words):
    (row,) = [text for text, _ in rows_of(page, card) if text.startswith(words[0])]
    assert all(word in row for word in words), row
    return row


def test_the_deciding_analysis_stands_beside_those_over_people_and_over_scenes(crossed, read_page):
    page, sensitivity = read_page(crossed), read(crossed / "results/sensitivity.tsv")
    for name in CROSSED:
        h = hypotheses(crossed)[name]
        ci = h["ci_difference"]
        (strong,) = [text for text, style in rows_of(page, name) if style == "strong"]
        assert strong.startswith("Crossed model")
        assert "(decides)" in strong
        people = sum(h["n_people"].values())
        for wanted in (
            amount(h["estimate"], 3), f"{amount(ci['low'], 3)} to {amount(ci['high'], 3)}",
            p_value(h["p_raw"]).removeprefix("p ").removeprefix("= "), f"{people} people and 14 scenes, both random",
        ):  # fmt: skip
            assert wanted in strong
        for analysis in ("by person", "by scene"):
            (row,) = sensitivity[
                (sensitivity["hypothesis"] == name) & (sensitivity["analysis"] == analysis)
            ].itertuples()
            limits = f"{amount(row.low, 3)} to {amount(row.high, 3)}"
            row_with(page, name, SIDES[analysis], amount(row.estimate, 3), limits, f"{row.n} ")


def test_what_stands_side_by_side_is_not_folded_away_again(crossed, read_page):
    page = read_page(crossed)
    for name in hypotheses(crossed):
        heads = [" ".join(cell["text"].split()) for cell in page.inside(name, "th")]
        assert not {"By person", "By scene", "By clip"} & set(heads)
    assert "First exposures only" in [cell["text"].strip() for cell in page.inside("H2", "th")]


def test_kinds_of_dprime_are_told_apart(crossed, read_page):
    page = read_page(crossed)
    row_with(page, "H1.child", "Crossed model, d′ marginal over scenes")
    row_with(page, "H1.child", "Test over people, d′ per person")
    row_with(page, "H2", "Crossed model (decides)")


def test_it_is_said_which_analysis_decides_and_why(crossed, read_page):
    page = read_page(crossed)
    (text,) = page.inside("H1.child", "p", class_="decides")
    assert "people and scenes are both random there" in text["text"]
    assert "allows for other people and for other scenes" in text["text"]
    assert "The test over people takes the scenes as fixed" in text["text"]
    (text,) = page.inside("H3", "p", class_="decides")
    assert "The test over people decides" in text["text"]
    assert "not for other scenes" in text["text"]
    (strong,) = [text for text, style in rows_of(page, "H3") if style == "strong"]
    assert strong.startswith("Test over people (decides)")
    (text,) = page.inside("X1", "p", class_="decides")
    assert "decides" not in text["text"]


def test_few_scenes_speak_for_themselves(crossed):
    study = read_study(crossed)
    record = next(r for r in study.verdict.hypotheses if r.id == "H2")
    few = which_decides(study, record.model_copy(update={"scope": "for these scenes", "n_scenes": 8}))
    assert "With 8 scenes" in few
    assert "the result is for these scenes" in few
    assert "for other scenes" not in few


def test_every_parameter_of_the_model_is_there(crossed, read_page):
    page, models = read_page(crossed), read(crossed / "results/models.tsv")
    steps = read(crossed / "results/reductions.tsv")
    for name in ("H1.child", "H2", "X1"):
        cells = " ".join(text for text, _ in rows_of(page, name))
        own = models[models["hypothesis"] == name]
        assert len(own)
        for row in own.itertuples():
            digits = 0 if row.part in ("rows", "levels") else 3 if row.part in ("fixed", "sd") else 2
            assert (f"{row.value:,.0f}" if digits == 0 else amount(row.value, digits)) in cells, row
            if row.part == "fixed":
                assert amount(row.se, 3) in cells
                assert not np.isfinite(row.df) or amount(row.df, 1) in cells
        study = read_study(crossed)
        record = next(one for one in study.verdict.hypotheses if one.id == name)
        shown = fitted_model(study, record).grids[0].rows
        assert len(shown) == len(own)
        formula = page.inside(name, "p", class_="formula")[0]["text"]
        assert steps[steps["hypothesis"] == name]["model"].iloc[-1] in formula
        assert all(effect in formula for effect in own.loc[own["part"] == "fixed", "effect"])
    assert not page.inside("H3", "p", class_="formula")


def test_the_same_fit_is_told_once_and_pointed_at(crossed_copy, read_page):
    page = read_page(crossed_copy)
    for name in ("H1.adult", "H4"):
        text = page.text_of("article", id=name)
        assert "It is the same fit as that of H1.child" in text
        assert "Log-likelihood" not in text
        assert page.inside(name, "p", class_="formula")
        assert [link for link in page.inside(name, "a") if link["attrs"]["href"] == "#H1.child"]
    path = crossed_copy / "results/models.tsv"
    lines = path.read_text("utf-8").split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("H4\tfixed"))
    lines[place] = lines[place].replace("0.", "0.0", 1)
    path.write_text("\n".join(lines), "utf-8")
    build_report(crossed_copy)
    assert "Log-likelihood" in read_page(crossed_copy).text_of("article", id="H4")


def test_parameters_have_names_a_reader_knows(crossed, read_page):
    page = read_page(crossed)
    row_with(page, "H2", "AI-generated film − live action, children", "child:c")
    row_with(page, "H2", "Residual SD, adults")
    assert any(
        text.startswith("SD over people: AI-generated film − live action, adults")
        for text, _ in rows_of(page, "H2")
    )
    text = page.text_of("article", id="H2")
    assert "c is −½ for live action and ½ for AI-generated film" in text
    assert "this result is about" not in text
    assert (
        "Children and adults share one model and its scenes; this result is about children"
        in page.text_of("article", id="H1.child")
    )
    row_with(page, "X1", "Mean for AI-generated film − 0.20, adults")


def test_the_way_to_the_model_is_told_where_there_was_one(crossed, read_page):
    page, steps = read_page(crossed), read(crossed / "results/reductions.tsv")
    counts = steps.groupby("hypothesis").size()
    assert counts.max() > 1
    for name in ("H1.child", "H2", "X1"):
        said = "The way to this model" in page.text_of("article", id=name)
        assert said == (counts[name] > 1)
        for row in steps[steps["hypothesis"] == name].itertuples() if said else ():
            reason = row.reason.partition(": next ")[0]
            assert any(row.model in text and reason[1:] in text for text, _ in rows_of(page, name))


def test_a_first_model_that_stands_has_no_way(crossed):
    study = read_study(crossed)
    record = next(one for one in study.verdict.hypotheses if one.id == "H2")
    steps = study.tables["reductions"]
    assert any("The way" in grid.caption for grid in fitted_model(study, record).grids)
    last = steps.groupby("hypothesis", sort=False).tail(1).reset_index(drop=True)
    short = replace(study, tables={**study.tables, "reductions": last})
    assert not any("The way" in grid.caption for grid in fitted_model(short, record).grids)


def test_the_spread_over_people_is_told_in_plain_words(crossed_copy, change_json, read_page):
    tested = hypotheses(crossed_copy)["H1.child"]["spread"]
    assert tested["outcome"] in ("inside", "not_shown")
    text = read_page(crossed_copy).text_of("article", id="H1.child")
    assert f"SD over people {amount(tested['sd'])} d′" in text
    assert (
        f"with 95 % confidence at most {amount(tested['upper_limit'])} d′; bound 0.70 d′ ({p_value(tested['p'])})"
        in text
    )
    assert f"{share(tested['share_beyond'])} of them lie beyond ±0.50 d′" in text
    assert tested["method"] in text

    def turn(document):
        h = document["hypotheses"][0]
        h.update(outcome="equivalent")
        h["spread"].update(outcome="not_shown", sd=0.6, upper_limit=0.9, p=0.2)

    change_json(crossed_copy / "verdict.json", turn)
    build_report(crossed_copy)
    page = read_page(crossed_copy)
    assert "not shown to be below its bound" in page.text_of("article", id="H1.child")
    cells = {c["attrs"]["href"]: c["text"] for c in page.find("a") if "verdict" in c["inside"]}
    assert "spread over people may be large" in cells["#H1.child"]
    assert "spread" not in cells["#H2"]
    adults = hypotheses(crossed_copy)["H1.adult"]
    assert adults["outcome"] not in ("equivalent", "trivial")
    assert adults["spread"]
    assert "spread over" not in cells["#H1.adult"]


def test_the_spread_of_several_groups_is_told_group_by_group(crossed, read_page):
    page, spread = read_page(crossed), read(crossed / "results/spread.tsv")
    own = spread[spread["hypothesis"] == "H4"].set_index("group")
    for group, label in (("child", "Children"), ("adult", "Adults")):
        found = [t for t, _ in rows_of(page, "H4") if t.startswith(f"{label} {amount(own.loc[group, 'sd'])}")]
        assert found
        assert amount(own.loc[group, "upper_limit"]) in found[0]
    assert "Spread over people, group by group" not in page.text_of("article", id="H1.child")
    widest = hypotheses(crossed)["H4"]["spread"]["group"]
    label = {"child": "children", "adult": "adults"}[widest]
    assert f"in {label}, where it is widest" in page.text_of("article", id="H4")


def test_a_bootstrap_has_no_df_and_a_smallest_p(crossed_copy, change_json, read_page):
    def turn(document):
        document["hypotheses"][1].update(df=None, p_raw=0.001, p_adjusted=0.004, p_above_lower_bound=0.0005)

    change_json(crossed_copy / "verdict.json", turn)
    build_report(crossed_copy)
    page = read_page(crossed_copy)
    row_with(page, "H1.adult", "p and intervals", "bootstrap, 1,999 studies", ".001 at the least")
    row_with(page, "H1.adult", "Difference from 0", "p ≤ .001 (adjusted: p ≤ .004)")
    row_with(page, "H1.adult", "Standard error")
    assert "df" not in " ".join(t for t, _ in rows_of(page, "H1.adult") if t.startswith("Standard error"))
    assert "≤ .001" in next(text for text, style in rows_of(page, "H1.adult") if style == "strong")
    methods = page.text_of("pre", class_="methods")
    assert "Student’s t, for H1.adult a studentized bootstrap" in methods
    assert "two-sided t test" not in methods


@pytest.mark.parametrize(
    ("p", "samples", "tails", "text"),
    [
        (0.001, 1999, 2, "p ≤ .001"),
        (0.00104, 1999, 2, "p ≤ .001"),  # some of the studies could not be fitted
        (0.002, 1999, 2, "p = .002"),
        (0.0005, 1999, 1, "p < .001"),
        (0.001, 1999, 1, "p = .001"),
        (0.001, None, 2, "p = .001"),
        (None, 1999, 2, "p n/a"),
    ],
)
def test_a_p_at_the_floor_of_a_bootstrap_is_at_most(p, samples, tails, text):
    assert drawn_p(p, samples, tails=tails) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0 %"), (1, "100 %"), (1e-7, "less than 0.1 %"), (0.9999999, "more than 99.9 %"), (0.034, "3.4 %"),
     (0.588, "59 %"), (0.996, "99.6 %")],
)  # fmt: skip
def test_shares_of_people_are_never_powers_of_ten(value, text):
    assert share(value) == text


def test_methods_say_what_decided_and_cite_what_was_used(crossed, built, read_page):
    crossed_text, people_text = (read_page(out).text_of("pre", class_="methods") for out in (crossed, built))
    steps = read(crossed / "results/reductions.tsv")
    for wanted in (
        "crossed random factors", "REML", "Satterthwaite, 1946", "Laplace", "η/√(1 + σ²)", "Judd, C. M.", "Barr, D. J.",
        "Baayen, R. H.", "Hautus, M. J.", steps["model"].iloc[0], steps["model"].iloc[-1],
        "fewest of people per group and items", "Spread over people", "H3: a test over people",
    ):  # fmt: skip
        assert wanted in crossed_text
    assert "Davison" not in crossed_text  # no bootstrap was asked for
    for unwanted in ("Baayen", "crossed", "REML", "Laplace", "Davison", "Satterthwaite, F"):
        assert unwanted not in people_text
    assert "scenes are fixed, so these results hold for these scenes" in people_text
    assert "Hautus, M. J." in people_text


def test_without_the_tables_of_the_model_the_page_is_shorter_and_whole(crossed_copy, read_page):
    for name in ("models", "reductions", "spread", "scenes", "sensitivity", "second_opinion", "bayes"):
        (crossed_copy / "results" / f"{name}.tsv").unlink()
    build_report(crossed_copy)
    page = read_page(crossed_copy)
    assert not page.find("details")
    assert "side by side" not in page.text_of("section", id="results")
    (text,) = page.inside("H1.child", "p", class_="decides")
    assert "takes the scenes as fixed" not in text["text"]
    assert not list((crossed_copy / "figures").glob("*-scenes.*"))


def test_reductions_alone_may_be_missing(crossed_copy, read_page):
    (crossed_copy / "results/reductions.tsv").unlink()
    build_report(crossed_copy)
    page = read_page(crossed_copy)
    row_with(page, "H2", "Residual SD, adults")
    assert not page.find("p", class_="formula")


def test_without_an_estimate_nothing_takes_its_place(tmp_path, save, read_page):
    """Answers that the arms tell apart without error have no probit estimates."""
    found = frames({"child": 6, "adult": 6}, 12)
    found["sees"]["value"] = (found["sees"]["condition"] != "live").astype(float)
    out = save(tmp_path / "out", PLAN, tables(PLAN, found), blinded=True)
    build_report(out)
    page = read_page(out)
    assert hypotheses(out)["H1.child"]["outcome"] == "not_estimable"
    (text,) = page.inside("H1.child", "p", class_="decides")
    assert "no other analysis takes its place" in text["text"]
    assert not [style for _, style in rows_of(page, "H1.child") if style == "strong"]
    assert not page.inside("H1.child", "details")
    assert "nothing here is a result" in page.text_of("p", class_="blinded")


def test_three_groups_are_named_in_the_model(tmp_path, save, read_page):
    text = PLAN.replace("  adult: {label", "  teen: {label: teenagers, n_planned: 8}\n  adult: {label")
    text = text.replace("group_by_condition, contrast", "group_by_condition, groups: [child, teen], contrast")
    found = frames({"child": 8, "teen": 8, "adult": 8}, 12)
    out = save(tmp_path / "out", text, tables(text, found))
    build_report(out)
    page = read_page(out)
    row_with(page, "H4", "AI-generated film − live action, teenagers", "teen:c")
    row_with(page, "H2", "Test over people", "16 people")
    data = read(out / "figures/H4-scenes.tsv")
    assert set(data.loc[data["what"] == "scene", "group"]) == {"child", "teen", "adult"}


def test_signal_detection_and_lapses_stand_as_tables(crossed):
    detection = read(crossed / "results/detection.tsv")
    assert len(detection)
    page = " ".join((crossed / "report.html").read_text("utf-8").split())
    assert "Signal detection:" in page
    for row in detection.itertuples():
        assert amount(row.dprime, 2) in page
    lapses = read(crossed / "results/lapses.tsv")
    assert ("Lapses: wrong answers" in page) == bool(len(lapses))
    (crossed / "results/detection.tsv").rename(crossed / "results/detection.tsv.away")
    try:
        build_report(crossed)
        assert "Signal detection:" not in (crossed / "report.html").read_text("utf-8")
    finally:
        (crossed / "results/detection.tsv.away").rename(crossed / "results/detection.tsv")
        build_report(crossed)
