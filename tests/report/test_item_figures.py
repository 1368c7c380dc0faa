"""Figures of the items and of the plane of rates: everything saved is drawn, and nothing that was not asked for."""

import numpy as np
import pandas as pd
import pytest

from analysis.report import build_report
from protocols.pages.figures import LARGEST
from tests.report.crossed_study import PLAN, as_clips, frames, tables


def read(path):
    return pd.read_csv(path, sep="\t", na_values="n/a", keep_default_na=False)


@pytest.fixture(scope="module")
def clips(tmp_path_factory, save):
    """Clips that exist in one version only; judgments alone."""
    out = tmp_path_factory.mktemp("clips") / "out"
    sees = as_clips(frames({"child": 12, "adult": 12}, 30)["sees"])
    save(out, PLAN, tables(PLAN, {"sees": sees}))
    build_report(out)
    return out


def alt_of(page, card, words):
    (alt,) = [i["attrs"]["alt"] for i in page.inside(card, "img") if words in i["attrs"]["alt"]]
    return alt


def test_every_scene_is_in_the_figure_of_a_crossed_hypothesis(crossed, read_page):
    scenes = read(crossed / "results/scenes.tsv")
    for name in ("H1.child", "H1.adult", "H2", "H4"):
        drawn = read(crossed / f"figures/{name}-scenes.tsv")
        own = scenes[scenes["hypothesis"] == name].drop(columns="hypothesis").reset_index(drop=True)
        assert len(own) >= 14
        pd.testing.assert_frame_equal(
            drawn[drawn["what"] == "scene"][list(own)].reset_index(drop=True), own, check_dtype=False
        )
        alt = alt_of(read_page(crossed), name, "one dot per scene")
        lowest, highest = own.loc[own["effect"].idxmin()], own.loc[own["effect"].idxmax()]
        assert f"({lowest['item']})" in alt
        assert f"({highest['item']})" in alt


def test_the_estimate_and_the_bound_stand_beside_the_scenes(crossed):
    verdict = pd.read_json(crossed / "verdict.json", typ="series")
    for h in verdict["hypotheses"][:3]:
        drawn = read(crossed / f"figures/{h['id']}-scenes.tsv").set_index("what")
        assert drawn.loc["estimate", "effect"] == pytest.approx(h["estimate"])
        assert drawn.loc["bound", ["low", "high"]].tolist() == pytest.approx([-h["bound"], h["bound"]])


def test_groups_are_compared_scene_by_scene(crossed):
    drawn = read(crossed / "figures/H2-scenes.tsv")
    own = drawn[drawn["what"] == "scene"].pivot(index="item", columns="group", values="effect")
    between = drawn[drawn["what"] == "scene, difference between groups"].set_index("item")["effect"]
    expected = own["adult"] - own["child"]
    assert len(between) == 14
    assert between.sort_index().to_numpy() == pytest.approx(expected.sort_index().to_numpy(), abs=1e-7)
    assert between.is_monotonic_increasing


def test_tests_over_people_and_levels_have_no_figure_of_scenes(crossed, built):
    assert not (crossed / "figures/H3-scenes.png").exists()
    assert not (crossed / "figures/X1-scenes.png").exists()
    assert not list((built / "figures").glob("*-scenes.*"))


def test_clips_of_one_version_stand_in_a_column_per_version(clips, read_page):
    scenes = read(clips / "results/scenes.tsv")
    assert scenes["effect"].isna().all()
    drawn = read(clips / "figures/H4-clips.tsv")
    dots = drawn[drawn["what"] == "clip"]
    assert len(dots) == len(scenes[scenes["hypothesis"] == "H4"]) == 60
    assert (dots["first"].notna() ^ dots["second"].notna()).all()
    means = drawn[drawn["what"] == "mean"].set_index("group")
    for group, own in dots.groupby("group"):
        assert means.loc[group, "second"] == pytest.approx(own["second"].mean())
    page = read_page(clips)
    assert "children, AI-generated film: 15 clips" in alt_of(page, "H4", "one dot per clip")
    assert "Every clip was shown in one version only" in page.text_of("article", id="H4")
    assert "Test over clips, z of each clip’s shares" in page.text_of("article", id="H1.child")
    assert "other clips of this kind" in page.text_of("article", id="H1.child")


def test_a_scene_shown_in_one_version_to_everybody_is_left_out_of_the_dots_not_of_the_data(crossed_copy):
    path = crossed_copy / "results/scenes.tsv"
    lines = path.read_text("utf-8").split("\n")
    cells = lines[1].split("\t")
    cells[4], cells[5] = "n/a", "n/a"  # no second value, no effect
    path.write_text("\n".join([lines[0], "\t".join(cells), *lines[2:]]), "utf-8")
    build_report(crossed_copy)
    drawn = read(crossed_copy / "figures/H1.child-scenes.tsv")
    assert len(drawn[drawn["what"] == "scene"]) == 14


@pytest.mark.parametrize("study", ["crossed", "built"])
def test_rates_of_everybody_lie_in_the_plane(study, request, read_page):
    out = request.getfixturevalue(study)
    people = read(out / "results/people.tsv")
    drawn = read(out / "figures/H1.child-rates.tsv")
    used = people[(people["hypothesis"] == "H1.child") & (people["included"] == 1)]
    points = drawn[drawn["what"] == "person"]
    assert points["hit_rate"].to_numpy() == pytest.approx(used["second"].to_numpy(float))
    assert points["false_alarm_rate"].to_numpy() == pytest.approx(used["first"].to_numpy(float))
    means = drawn[drawn["what"] == "group mean"]
    assert means["hit_rate"].tolist() == pytest.approx([used["second"].mean()])
    assert "curves of d′ 0.5, 1 and 2" in alt_of(read_page(out), "H1.child", "one point per person")


def test_only_a_dprime_has_a_plane_of_rates(crossed, built):
    names = {path.stem for out in (crossed, built) for path in (out / "figures").glob("*-rates.png")}
    assert names == {"H1.child-rates", "H1.adult-rates", "H4-rates"}


def test_the_curves_of_the_plane_are_those_of_equal_dprime():
    from matplotlib.figure import Figure
    from scipy.special import ndtri

    from analysis.report.roc import CURVES, _curves

    axes = Figure().add_subplot()
    _curves(axes)
    for value, line in zip(CURVES, axes.get_lines(), strict=True):
        x, y = (part[5:-5] for part in line.get_data())
        inner = (x > 1e-6) & (x < 1 - 1e-6) & (y > 1e-6) & (y < 1 - 1e-6)
        assert inner.sum() > 50
        assert np.allclose(ndtri(y[inner]) - ndtri(x[inner]), value, atol=1e-4)


def test_the_captions_say_what_a_dot_and_what_the_estimate_is(crossed, built, read_page):
    page = read_page(crossed)
    text = page.text_of("article", id="H1.child")
    assert (
        "A dot is a person’s own d′ from log-linear rates, the estimate is the crossed model’s d′ marginal over scenes"
        in text
    )
    assert "the difference of z of its log-linear shares of answers ‘AI’" in text
    assert "the difference of its two versions’ means over people" in page.text_of("article", id="H2")
    assert "marginal" not in read_page(built).text_of("article", id="H1.child")


def test_new_figures_are_small_and_listed(crossed, clips):
    for out in (crossed, clips):
        for path in (out / "figures").glob("*.png"):
            assert path.stat().st_size <= LARGEST
            assert path.with_suffix(".tsv").exists()
            assert f'"{path.stem}"' in (out / "figures/figures.json").read_text("utf-8")
