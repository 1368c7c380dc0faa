"""What the page says: the verdict, nothing but the verdict, readable by everyone."""

import base64
import itertools
import json
import re

import pandas as pd
import pytest

from analysis.report import build_report
from protocols.base.errors import InputError

pytestmark = pytest.mark.usefixtures("undrawn")

WORDS = {"not_estimable": "not estimable"}


def verdict_of(out):
    return json.loads((out / "verdict.json").read_text("utf-8"))


def folded(text):
    return " ".join(text.split())


def test_the_study_of_these_tests_has_every_kind_of_hypothesis(built):
    outcomes = {h["id"]: h["outcome"] for h in verdict_of(built)["hypotheses"]}
    assert {"equivalent", "different", "undecided", "not_estimable"} <= set(outcomes.values())
    assert next(h for h in verdict_of(built)["hypotheses"] if h["id"] == "H4")["qualifier"]


def test_every_card_shows_the_verdict_and_what_it_does_not_show(built, read_page):
    page = read_page(built)
    for h in verdict_of(built)["hypotheses"]:
        (says,) = page.inside(h["id"], "p", class_="says")
        assert folded(says["text"]) == folded(h["says"])
        (badge,) = page.inside(h["id"], "span", class_="badge")
        assert folded(badge["text"]) == WORDS.get(h["outcome"], h["outcome"])
        shown = [folded(item["text"]) for item in page.inside(h["id"], "li")]
        assert shown == [folded(text) for text in h["does_not_show"]]
        card = page.text_of("article", id=h["id"])
        for wanted in (
            h["qualifier"],
            h["reason"],
            h["control"] and h["control"]["outcome"].replace("_", " "),
        ):
            assert wanted is None or wanted in card


def test_the_strip_holds_the_confirmatory_hypotheses_and_no_others(built, read_page):
    page = read_page(built)
    cells = [
        cell
        for cell in page.find("a")
        if cell["attrs"]["href"].startswith("#H") and "verdict" in cell["inside"]
    ]
    wanted = [h for h in verdict_of(built)["hypotheses"] if not h["exploratory"]]
    assert [cell["attrs"]["href"][1:] for cell in cells] == [h["id"] for h in wanted]
    for cell, h in zip(cells, wanted, strict=True):
        assert WORDS.get(h["outcome"], h["outcome"]) in cell["text"]
    assert "X1" not in page.text_of("section", id="verdict")


def test_exploratory_results_stand_apart(built, read_page):
    page = read_page(built)
    for h in verdict_of(built)["hypotheses"]:
        (article,) = page.find("article", id=h["id"])
        assert ("exploratory" in article["inside"]) == h["exploratory"]
        assert ("results" in article["inside"]) != h["exploratory"]
    assert "decides nothing" in page.text_of("article", id="X1")


def test_another_verdict_makes_another_page(study, change_json, read_page):
    def turn(document):
        document["hypotheses"][0].update(outcome="undecided", says="A sentence nobody wrote by hand.")
        document["joint"][0]["says"] = "Another one."

    change_json(study / "verdict.json", turn)
    build_report(study)
    page = read_page(study)
    (says,) = page.inside("H1.child", "p", class_="says")
    assert says["text"] == "A sentence nobody wrote by hand."
    assert "undecided" in next(c["text"] for c in page.find("a") if c["attrs"]["href"] == "#H1.child")
    assert "Another one." in page.text_of("section", id="joint")


def test_the_dissociation_is_said_to_be_not_tested(built, read_page):
    page = read_page(built)
    rows = [cell["text"] for cell in page.inside("joint", "td")]
    assert rows.count("not tested") == len(verdict_of(built)["joint"]) > 0


@pytest.mark.parametrize(
    "section", ["verdict", "plan", "people", "results", "joint", "exploratory", "methods", "about"]
)
def test_every_section_is_reachable_from_the_navigation(built, read_page, section):
    page = read_page(built)
    assert page.find("section", id=section)
    assert [link for link in page.find("a") if link["attrs"]["href"] == f"#{section}"]


def test_links_lead_somewhere_and_nothing_is_loaded(built, read_page):
    text = (built / "report.html").read_text("utf-8")
    page = read_page(built)
    ids = [element["attrs"]["id"] for element in page.elements if element["attrs"].get("id")]
    assert len(ids) == len(set(ids))
    for element in page.elements:
        for name in ("src", "href", "srcset", "poster", "data", "action", "style"):
            value = element["attrs"].get(name)
            if name == "href" and value:
                assert value.startswith("#")
                assert value[1:] in ids
            elif value:
                assert value.startswith("data:image/png;base64,")
    assert not page.find("script")
    assert not page.find("link")
    without_pictures = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.search(r"https?://|url\(|@import|//[a-z]+\.", without_pictures)


def test_the_page_can_be_read_without_eyes(built, read_page):
    page = read_page(built)
    assert page.find("html")[0]["attrs"]["lang"] == "en"
    levels = [int(element["tag"][1]) for element in page.elements if re.fullmatch("h[1-6]", element["tag"])]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all(cell["attrs"].get("scope") in ("row", "col") for cell in page.find("th"))
    assert all(len(image["attrs"]["alt"]) > 40 for image in page.find("img"))
    first = page.find("a")[0]
    assert "skip" in first["attrs"]["class"]
    assert all(svg["attrs"]["aria-hidden"] == "true" for svg in page.find("svg"))


def test_what_the_plan_says_is_text_and_never_code(tmp_path, save, plan_text, read_page):
    evil = '"<script>alert(1)</script> & <b>bold</b> $x^2$"'
    text = re.sub("title: .*", f"title: {evil}", plan_text).replace("label: eeriness", f"label: {evil}")
    out = save(tmp_path / "out", text)
    build_report(out)
    page = read_page(out)
    assert not page.find("script")
    assert page.text_of("h1") == "<script>alert(1)</script> & <b>bold</b> $x^2$"


def test_methods_text_names_what_was_done(built, read_page):
    text = read_page(built).text_of("pre", class_="methods")
    verdict = verdict_of(built)
    for wanted in (
        verdict["plan"]["sha256"],
        "±0.30 d′",
        "±0.10 % signal",
        "Holm",
        "90 %",
        "95 %",
        "numpy 2.0.0",
        "not sealed",
        "Imaginary 1.0",
    ):
        assert wanted in text
    assert all(h["id"] in text for h in verdict["hypotheses"])


def test_about_tells_how_it_was_run(study, change_json, read_page):
    about = read_page(study).text_of("section", id="about")
    for wanted in (
        "bazin analyse out out group",
        "scipy 1.14.0",
        "Python 3.11.9",
        "0123456789abcdef" * 4,
        "no table measure-n170.tsv",
    ):
        assert wanted in about
    change_json(study / "logs/run.json", lambda run: run.update(errors=[]))
    build_report(study)
    assert "Errors none" in read_page(study).text_of("section", id="about")


def test_people_are_counted_by_group_with_the_reasons(built, read_page):
    people = read_page(built).text_of("section", id="people")
    assert "left the scanner" in people
    assert "moved more than 0.5 mm" in people


@pytest.mark.parametrize("blinded", [True, False])
def test_a_blinded_analysis_says_so_at_the_top(tmp_path, save, plan_text, read_page, blinded):
    out = save(tmp_path / "out", plan_text, blinded=blinded)
    build_report(out)
    banners = " ".join(folded(banner["text"]) for banner in read_page(out).find("p", class_="banner"))
    assert ("BLINDED" in banners and "nothing here is a result" in banners) == blinded


def test_simulated_values_are_called_simulated(study, change_json, read_page):
    assert not read_page(study).find("p", class_="simulated")
    change_json(study / "measures/measure-sees.json", lambda sidecar: sidecar.update(Simulated=True))
    build_report(study)
    assert "SIMULATED DATA" in read_page(study).text_of("p", class_="simulated")


def test_deviations_are_announced(study, change_json, read_page):
    change_json(study / "verdict.json", lambda verdict: verdict["plan"].update(deviations=2))
    build_report(study)
    assert "2 DEVIATIONS" in read_page(study).text_of("p", class_="deviations")


def test_missing_optional_files_are_named(study, read_page):
    for name in ("flow", "exclusions", "controls", "sensitivity", "bayes", "second_opinion"):
        (study / "results" / f"{name}.tsv").unlink()
    (study / "logs/run.json").unlink()
    build_report(study)
    page = read_page(study)
    assert "results/flow.tsv" in page.text_of("section", id="people")
    assert "results/exclusions.tsv" in page.text_of("section", id="people")
    assert "logs/run.json" in page.text_of("section", id="about")


@pytest.mark.parametrize("name", ["verdict.json", "plan.json", "results/people.tsv"])
@pytest.mark.parametrize("harm", ["gone", "cut", "empty"])
def test_a_required_file_that_is_missing_or_half_written_stops_the_report(study, name, harm):
    path = study / name
    before = (study / "report.html").read_bytes()
    whole = path.read_bytes()
    path.unlink() if harm == "gone" else path.write_bytes(
        whole[: len(whole) // 2 + 3] if harm == "cut" else b""
    )
    with pytest.raises(InputError) as caught:
        build_report(study)
    assert name.split("/")[-1] in str(caught.value)
    assert "bazin analyse OUT OUT group" in str(caught.value)
    assert (study / "report.html").read_bytes() == before


def test_a_verdict_without_its_parts_is_refused(study, change_json):
    change_json(study / "verdict.json", lambda verdict: verdict["hypotheses"][0].pop("says"))
    with pytest.raises(InputError, match="says"):
        build_report(study)


def test_a_verdict_of_another_plan_is_refused(study, change_json):
    change_json(study / "verdict.json", lambda verdict: verdict["plan"].update(sha256="0" * 64))
    with pytest.raises(InputError, match="another plan"):
        build_report(study)


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_from_its_background(built):
    text = (built / "report.html").read_text("utf-8")
    colors = dict(re.findall(r"--([a-z_]+): (#[0-9a-f]{6})", text))
    apart = re.search(r"\.apart \{[^}]*background: (#[0-9a-f]{6})", text)[1]
    written = ("ink", "soft", "accent", "different", "equivalent", "trivial", "undecided", "not_estimable")
    for background in ("#ffffff", colors["wash"], apart):
        for name in written:
            light, dark = sorted((luminance(background), luminance(colors[name])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, background)


def test_embedded_figures_are_the_saved_ones(built, read_page):
    saved = {base64.b64encode(path.read_bytes()).decode() for path in (built / "figures").glob("*.png")}
    shown = {image["attrs"]["src"].partition(",")[2] for image in read_page(built).find("img")}
    shown |= {source["attrs"]["srcset"].partition(",")[2] for source in read_page(built).find("source")}
    assert shown == saved


def test_numbers_of_a_card_are_the_verdicts(built, read_page):
    from analysis.evidence.wording import amount, p_value

    page = read_page(built)
    for h in verdict_of(built)["hypotheses"]:
        if h["estimate"] is None:
            continue
        cells = " ".join(cell["text"] for cell in page.inside(h["id"], "td"))
        assert amount(h["estimate"], 3) in cells
        for ci in (h["ci_difference"], h["ci_equivalence"]):
            assert f"{amount(ci['low'], 3)} to {amount(ci['high'], 3)}" in cells
        assert p_value(h["p_raw"]) in cells
        assert str(h["n_people"][h["groups"][0]]) in cells


def test_other_analyses_stand_folded_beside_the_deciding_one(built, read_page):
    page = read_page(built)
    sensitivity = pd.read_csv(built / "results/sensitivity.tsv", sep="\t")
    for h, rows in sensitivity.groupby("hypothesis"):
        heads = [folded(cell["text"]).lower() for cell in page.inside(h, "th")]
        folded_ones = {str(name).lower() for name in rows["analysis"]} - {"by scene"}
        assert folded_ones <= set(heads)
        assert ("test over scenes" in " ".join(heads)) == ("by scene" in set(rows["analysis"]))
    assert len(page.find("details")) == len(set(sensitivity["hypothesis"]))


def test_every_role_of_a_condition_has_words():
    """A condition whose role has none would be missing from the page and from the methods text."""
    from typing import get_args

    from analysis.report.words import ROLE_WORDS
    from protocols.plan.materials import Role

    assert set(ROLE_WORDS) == set(get_args(Role))
