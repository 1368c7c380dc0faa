"""The figures: everyone in them, the bound and both intervals, small files with their data beside them."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.report import build_report
from analysis.report.drawing import swarm
from analysis.report.saved import read_study
from analysis.report.words import bayes_factor
from protocols.pages.figures import LARGEST


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


def test_every_figure_is_small_and_has_its_data_beside_it(built):
    pictures = sorted((built / "figures").glob("*.png"))
    assert len(pictures) >= 14
    for path in pictures:
        assert path.stat().st_size <= LARGEST
        assert path.with_suffix(".tsv").exists()


def test_the_same_files_are_drawn_with_the_same_bytes(study):
    first = {path: path.read_bytes() for path in (study / "figures").iterdir()} | {
        study: (study / "report.html").read_bytes()
    }
    (study / "report.html").unlink()
    build_report(study)
    second = {path: path.read_bytes() for path in (study / "figures").iterdir()} | {
        study: (study / "report.html").read_bytes()
    }
    assert first == second


def test_the_data_beside_a_figure_are_the_people_the_test_used(built):
    people = read(built / "results/people.tsv")
    for path in (built / "figures").glob("*-effect.tsv"):
        data = read(path)
        used = people[(people["hypothesis"] == path.stem.removesuffix("-effect")) & (people["included"] == 1)]
        drawn = data[data["what"] == "person"]
        columns = ["participant_id", "group", "first", "second", "effect"]
        pd.testing.assert_frame_equal(
            drawn[columns].reset_index(drop=True), used[columns].reset_index(drop=True), check_dtype=False
        )


def test_the_data_hold_both_intervals_and_the_bound(built):
    for record in read_study(built).verdict.hypotheses:
        path = built / "figures" / f"{record.id}-effect.tsv"
        if record.estimate is None:
            assert not path.exists()
            continue
        rows = read(path).set_index("what")
        for what, ci in (("difference", record.ci_difference), ("equivalence", record.ci_equivalence)):
            name = "interval for the difference" if what == "difference" else "interval for equivalence"
            assert rows.loc[name, ["effect", "low", "high", "level"]].tolist() == pytest.approx(
                [record.estimate, ci.low, ci.high, ci.level]
            )
        if record.bound is None:
            assert "bound" not in rows.index
        else:
            assert rows.loc["bound", ["low", "high"]].tolist() == [-record.bound, record.bound]


def test_the_overview_divides_by_the_bound(built):
    data = read(built / "figures/overview.tsv").set_index("hypothesis")
    for record in read_study(built).verdict.confirmatory():
        if record.estimate is not None:
            assert data.loc[record.id, "effect_over_bound"] == pytest.approx(record.estimate / record.bound)
            assert data.loc[record.id, "equivalence_low"] == pytest.approx(
                record.ci_equivalence.low / record.bound
            )


def test_alternative_texts_say_what_is_seen(built, read_page):
    page = read_page(built)
    alts = {
        h: " ".join(image["attrs"]["alt"] for image in page.inside(h, "img"))
        for h in ("H1.child", "H2.adult")
    }
    assert "inside the band of ±0.30" in alts["H1.child"]
    assert "not wholly inside the band" in alts["H2.adult"]


def test_figures_of_hypotheses_no_longer_there_are_removed(study):
    listed = study / "figures/figures.json"
    listed.write_text(
        listed.read_text("utf-8").replace("{", '{"H99-effect": "old", "../results/people": "evil", ', 1),
        "utf-8",
    )
    for name in ("H99-effect.png", "H99-effect.tsv", "mine.png"):
        (study / "figures" / name).write_text("old", "utf-8")
    build_report(study)
    assert not list((study / "figures").glob("H99*"))
    assert (study / "figures/mine.png").exists()
    assert (study / "results/people.tsv").exists()


def test_drawing_leaves_no_traces_in_matplotlib(study):
    before = dict(mpl.rcParams)
    build_report(study)
    assert dict(mpl.rcParams) == before


def test_a_group_of_one_is_drawn_without_an_estimate(tmp_path, save, simulated, plan_text, read_page):
    """One adult only: no estimate, yet the person is seen."""
    from dataclasses import replace

    from protocols.plan.reading import parse_plan

    whole = parse_plan(plan_text)
    tables = {}
    for name, table in simulated(whole).items():
        rows = table.rows[(table.rows["group"] != "adult") | (table.rows["participant_id"] == "sub-a01")]
        tables[name] = replace(table, rows=rows.reset_index(drop=True))
    out = save(tmp_path / "out", plan_text, tables)
    build_report(out)
    data = read(out / "figures/H2.adult-effect.tsv")
    assert data["what"].tolist().count("person") == 1
    page = read_page(out)
    assert "not estimable" in page.text_of("article", id="H2.adult")
    assert "not estimable" in page.text_of("article", id="H3")
    assert any("No estimate" in image["attrs"]["alt"] for image in page.find("img"))


def test_nobody_to_draw_is_said_in_a_sentence(built, read_page):
    card = read_page(built).text_of("article", id="H5")
    assert "No figure: nobody has a usable value" in card


@given(arrays(float, st.integers(1, 80), elements=st.floats(-1e6, 1e6)), st.floats(0.01, 1))
def test_dots_stay_in_their_column_and_in_their_place(values, width):
    places = swarm(values, width)
    assert places.shape == values.shape
    assert np.all(np.abs(places) <= width + 1e-12)
    assert np.array_equal(places, swarm(values.copy(), width))


@pytest.mark.parametrize(
    ("value", "text"),
    [(3.456, "3.46"), (123.4, "123"), (1e9, "> 10,000"), (1e-9, "< 0.001"), (float("inf"), "> 10,000")],
)
def test_bayes_factors_are_printed_no_more_precisely_than_they_are(value, text):
    assert bayes_factor(value) == text
